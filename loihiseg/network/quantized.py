"""An activation of few equal levels, trained with its scale.

The staircase and its gradients are those of Fast-SNN [1]_ and of learned step size quantization
[2]_; a chip shows it as a thermometer, one compartment per level.

References
----------
.. [1] Hu, Zheng, Jiang, Pan 2023, "Fast-SNN: fast spiking neural network by converting quantized
   ANN", arXiv 2305.19868.
.. [2] Esser, McKinstry, Bablani, Appuswamy, Modha 2020, "Learned step size quantization",
   arXiv 1902.08153.
"""

from collections.abc import Callable

from loihiseg.frameworks import tf

LEAST_SCALE = 1e-4
"""Scales stay above it: a layer whose steps shrink to nothing would never come back."""


def quantized_relu(x: tf.Tensor, alpha: tf.Tensor | float, levels: int) -> tf.Tensor:
    """Quantize a pre-activation to equal levels.

    Parameters
    ----------
    x : tensor, any shape, float
    alpha : tensor, scalar, float
        Value of the highest level; above 0.
    levels : int
        Levels above 0.

    Returns
    -------
    tensor, same shape
        ``alpha / levels * clip(floor(levels * x / alpha + 1/2), 0, levels)``. The gradient of x is
        1 within 0..alpha, else 0; that of alpha is ``(result - x) / alpha`` there, 1 above, 0
        below.
    """

    @tf.custom_gradient
    def quantize(
        x: tf.Tensor, alpha: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
        step = alpha / levels
        result = step * tf.clip_by_value(tf.floor(x / step + 0.5), 0.0, float(levels))

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            inside = (x >= 0) & (x <= alpha)
            to_x = tf.where(inside, upstream, tf.zeros_like(upstream))
            slope = tf.where(inside, (result - x) / alpha, tf.cast(x > alpha, x.dtype))
            return to_x, tf.reduce_sum(upstream * slope)

        return result, gradient

    return quantize(x, alpha)


class _AtLeast(tf.keras.constraints.Constraint):
    """Keep a weight at or above `LEAST_SCALE`."""

    def __call__(self, weight: tf.Tensor) -> tf.Tensor:
        return tf.maximum(weight, LEAST_SCALE)


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class QuantizedReLU(tf.keras.layers.Layer):
    """A rectified-linear layer of few equal levels, ``alpha / L * clip(floor(L x / alpha + 1/2))``.

    Level k of a unit is on where its pre-activation is at least ``(k - 1/2) * alpha / L``; a level
    is worth ``alpha / L``. The scale alpha is a trainable weight, one per layer.

    Parameters
    ----------
    levels : int
        L, at least 1; ``2**b - 1`` for b bits.
    alpha : float
        Initial scale, the value of the highest level; above 0.

    Raises
    ------
    ValueError
        If levels or scale are out of range.

    Attributes
    ----------
    event_weight : float
        Of the layer's mean level in the loss; 0, unless
        `loihiseg.network.events.charge_events` sets it. Not kept in a saved model.

    Notes
    -----
    Learned step size quantization divides the gradient of the scale by the square root of the
    number of units and levels. Adam, with which we train, does not see such factors.
    """

    def __init__(self, levels: int = 3, alpha: float = 2.0, **kwargs: object) -> None:
        super().__init__(**kwargs)
        if int(levels) != levels or levels < 1:
            raise ValueError(f"levels {levels}: a whole number of at least 1")
        if not alpha > 0:
            raise ValueError(f"alpha {alpha}: above 0")
        self.levels = int(levels)
        self.initial_alpha = float(alpha)
        self.event_weight = 0.0

    def build(self, input_shape: tf.TensorShape) -> None:
        """Make the scale."""
        self.alpha = self.add_weight(
            name="alpha",
            shape=(),
            initializer=tf.keras.initializers.Constant(self.initial_alpha),
            constraint=_AtLeast(),
        )
        super().build(input_shape)

    @property
    def scale(self) -> tf.Tensor:
        """The value of the highest level: a positive scalar tensor."""
        return tf.maximum(tf.convert_to_tensor(self.alpha), LEAST_SCALE)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Map a pre-activation of any shape to the activation of the same shape."""
        scale = self.scale
        values = quantized_relu(inputs, scale, self.levels)
        if self.event_weight:
            mean_level = tf.reduce_mean(values) * self.levels / scale
            self.add_loss(self.event_weight * mean_level)
        return values

    def get_config(self) -> dict[str, object]:
        """Return the constructor's arguments; the trained scale is a weight."""
        return {**super().get_config(), "levels": self.levels, "alpha": self.initial_alpha}
