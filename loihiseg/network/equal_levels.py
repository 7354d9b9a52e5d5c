"""Few equal levels of whatever a monotone activation gives, trained with their range.

The staircase is that of `loihiseg.network.quantized`, between two values instead of from 0; the
gradients of the two are those of learned step size quantization with an offset [1]_.

References
----------
.. [1] Bhalgat, Lee, Nagel, Blankevoort, Kwak 2020, "LSQ+: improving low-bit quantization through
   learnable offsets and better initialization", arXiv 2004.09576.
"""

from collections.abc import Callable

from loihiseg.frameworks import tf

LEAST_RANGE = 1e-4
"""Ranges stay above it: levels that shrink to nothing would never come back."""

Gradients = tuple[tf.Tensor, tf.Tensor, tf.Tensor]


def equal_levels(x: tf.Tensor, low: tf.Tensor, high: tf.Tensor, levels: int) -> tf.Tensor:
    """Round values to equal levels.

    Parameters
    ----------
    x : tensor, any shape, float
    low, high : tensor, scalar, float
        What level 0 and the highest level are worth; ``low`` below ``high``.
    levels : int
        Levels above the lowest value.

    Returns
    -------
    tensor, same shape
        ``low + step * clip(floor((x - low) / step + 1/2), 0, levels)``, where ``step`` is
        ``(high - low) / levels``. The gradient of x is 1 within low..high, else 0. With t the place
        of x in the range and q that of the result, 0 to 1, that of high is ``q - t`` within the
        range, else q; that of low is ``t - q``, else ``1 - q``.
    """

    @tf.custom_gradient
    def rounded(
        x: tf.Tensor, low: tf.Tensor, high: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], Gradients]]:
        step = (high - low) / levels
        count = tf.clip_by_value(tf.floor((x - low) / step + 0.5), 0.0, float(levels))

        def gradient(upstream: tf.Tensor) -> Gradients:
            share, place = count / levels, (x - low) / (high - low)
            inside = (x >= low) & (x <= high)
            to_x = tf.where(inside, upstream, tf.zeros_like(upstream))
            to_high = tf.where(inside, share - place, share)
            to_low = tf.where(inside, place - share, 1.0 - share)
            return to_x, tf.reduce_sum(upstream * to_low), tf.reduce_sum(upstream * to_high)

        return low + step * count, gradient

    return rounded(x, low, high)


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class EqualLevels(tf.keras.layers.Layer):
    """Rounds what stands before it to few equal levels between two values.

    Behind an activation that never falls (``LeakyReLU``, ``PReLU``, ``ELU``, ``ReLU(6.0)``,
    ``Activation("tanh")``, ``Conv2D(..., activation="sigmoid")``, ...) it is a layer of neurons of
    the codes of levels: the unit counts how many thresholds its sum has reached, see
    `loihiseg.conversion.stepwise`. The two values are trainable weights, one of each per layer.

    Parameters
    ----------
    levels : int
        L, at least 1; there are L + 1 values.
    low, high : float
        Initial values of level 0 and of the highest level; ``low`` below ``high``.

    Raises
    ------
    ValueError
        If levels or values are out of range.
    """

    def __init__(
        self, levels: int = 3, low: float = 0.0, high: float = 2.0, **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        if int(levels) != levels or levels < 1:
            raise ValueError(f"levels {levels}: a whole number of at least 1")
        if not high - low >= LEAST_RANGE:
            raise ValueError(f"low {low}, high {high}: at least {LEAST_RANGE:g} apart, low first")
        self.levels = int(levels)
        self.initial_low, self.initial_high = float(low), float(high)

    def build(self, input_shape: tf.TensorShape) -> None:
        """Make the two values."""
        self.low, self.high = (
            self.add_weight(name=name, shape=(), initializer=tf.keras.initializers.Constant(value))
            for name, value in (("low", self.initial_low), ("high", self.initial_high))
        )
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Values of any shape, rounded; the same shape."""
        low = tf.convert_to_tensor(self.low)
        high = tf.maximum(tf.convert_to_tensor(self.high), low + LEAST_RANGE)
        return equal_levels(inputs, low, high, self.levels)

    def get_config(self) -> dict[str, object]:
        """Return the constructor's arguments; the trained values are weights."""
        values = {"low": self.initial_low, "high": self.initial_high}
        return {**super().get_config(), "levels": self.levels, **values}
