"""Normalization of currents over time: as BNTT has it, and what it is compared with.

Of a layer's current ``y`` in its own step t, channel by channel, over batch and pixels:

=========  =======================================================================================
"bntt"     ``gamma_t * (y - mean_t) / sqrt(var_t + 1e-4)``: all of its own for each step, and no
           shift, as published (arXiv 2010.01729)
"shift"    ``gamma * (y - mean_t) / sqrt(var + 1e-4) + beta_t``: scale and variance, which is the
           mean of those of the steps, of all steps together. What is left of a step is a constant
           that a clock can send, so that the chip has it exactly
"shared"   ``gamma * (y - mean) / sqrt(var + 1e-4) + beta``: over time too, as in tdBN (Zheng et
           al. 2021, arXiv 2011.05280) but for its constant factor
"none"     ``y + beta``
=========  =======================================================================================

Moving statistics fall by a tenth per batch, and stand for those of a batch where nothing is
trained.
"""

from loihiseg.frameworks import tf

from loihiseg.through_time.settings import Normalization

EPSILON = 1e-4
MOMENTUM = 0.9


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class NormalizationOverTime(tf.keras.layers.Layer):
    """Normalize the currents of a layer, (batch * steps, rows, columns, channels).

    Parameters
    ----------
    kind : str
        See the module.
    steps : int
        Own steps of the layer, which follow each other along the first axis.

    Attributes
    ----------
    gamma, moving_variance : tf.Variable
        (steps, channels) for "bntt", else (1, channels). None for "none".
    beta : tf.Variable or None
        (steps, channels) for "shift", else (1, channels); None for "bntt".
    moving_mean : tf.Variable or None
        (steps, channels) for "bntt" and "shift", else (1, channels); None for "none".
    """

    def __init__(self, kind: Normalization, steps: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.kind, self.steps = kind, steps

    def build(self, input_shape: tf.TensorShape) -> None:
        """Make the weights."""
        channels = int(input_shape[-1])
        own = (self.steps, channels)
        scales = own if self.kind == "bntt" else (1, channels)
        means = own if self.kind in ("bntt", "shift") else (1, channels)
        self.gamma = self.beta = self.moving_mean = self.moving_variance = None
        if self.kind != "none":
            self.gamma = self.add_weight("gamma", scales, initializer="ones")
            self.moving_mean = self.add_weight(
                "moving_mean", means, initializer="zeros", trainable=False
            )
            self.moving_variance = self.add_weight(
                "moving_variance", scales, initializer="ones", trainable=False
            )
        if self.kind != "bntt":
            shape = own if self.kind == "shift" else (1, channels)
            self.beta = self.add_weight("beta", shape, initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Map currents to currents of the same shape."""
        shape = tf.shape(inputs)
        over_time = tf.reshape(inputs, tf.concat([[-1, self.steps], shape[1:]], 0))
        scale, shift = self.affine(*(self._statistics(over_time) if training else (None, None)))
        found = over_time * scale[:, None, None] + shift[:, None, None]
        return tf.ensure_shape(tf.reshape(found, shape), inputs.shape)

    def affine(
        self, mean: tf.Tensor | None = None, variance: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Factor and summand that it comes to, (steps or 1, channels) each.

        Parameters
        ----------
        mean, variance : tensor, optional
            The moving statistics by default.
        """
        if self.moving_mean is None or self.moving_variance is None:
            return tf.ones_like(self.beta), tf.convert_to_tensor(self.beta)
        mean = self.moving_mean if mean is None else mean
        variance = self.moving_variance if variance is None else variance
        scale = self.gamma * tf.math.rsqrt(variance + EPSILON)
        shift = -scale * mean
        return scale, shift if self.beta is None else shift + self.beta

    def _statistics(self, over_time: tf.Tensor) -> tuple[tf.Tensor | None, tf.Tensor | None]:
        """Mean and variance of (batch, steps, rows, columns, channels); moves the others."""
        if self.moving_mean is None or self.moving_variance is None:
            return None, None
        axes = [0, 1, 2, 3] if self.kind == "shared" else [0, 2, 3]
        mean, variance = tf.nn.moments(over_time, axes)
        if self.kind == "shared":
            mean, variance = mean[None], variance[None]
        elif self.kind == "shift":
            variance = tf.reduce_mean(variance, 0, keepdims=True)
        self.moving_mean.assign_sub((1.0 - MOMENTUM) * (self.moving_mean - mean))
        self.moving_variance.assign_sub((1.0 - MOMENTUM) * (self.moving_variance - variance))
        return mean, variance

    def get_config(self) -> dict[str, object]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "kind": self.kind, "steps": self.steps}
