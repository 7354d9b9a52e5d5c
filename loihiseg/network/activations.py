"""The firing rate of a Loihi integrate-and-fire neuron as an activation to train through.

A chip neuron fires every n-th step, n whole: its rate is a staircase of its input. Training
sees the staircase forward and its smooth average backward [1]_ [2]_.

References
----------
.. [1] nengo-loihi, ``nengo_loihi/neurons.py``, ``loihi_spikingrectifiedlinear_rates``.
.. [2] Hunsberger & Eliasmith 2016, "Training spiking deep networks for neuromorphic hardware",
   arXiv 1611.05141; the averaged curve is that of nengo-loihi pull request 140.
"""

from collections.abc import Callable

from loihiseg.frameworks import tf

from loihiseg.network.eight_bit import DT_S, counted_rate
from loihiseg.network.regularizers import PercentileFiringRate


@tf.custom_gradient
def loihi_rate(current_hz: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Firing rate of nengo-loihi's spiking rectified-linear neuron at constant input.

    Parameters
    ----------
    current_hz : tensor, any shape, float
        Input current in the unit in which the ideal rectified-linear rate equals it (Hz).

    Returns
    -------
    tensor, same shape
        Rate in Hz: ``1 / (dt * ceil(1 / (dt * current)))`` where the current is positive, else 0.
        The gradient is that of the staircase's average, ``1 / (1 / current + dt / 2)``.
    """
    positive = current_hz > 0
    safe = tf.where(positive, current_hz, tf.ones_like(current_hz))
    rate = tf.where(positive, 1.0 / (DT_S * tf.math.ceil(1.0 / (DT_S * safe))), 0.0)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        slope = 1.0 / tf.square(1.0 + 0.5 * DT_S * safe)
        return upstream * tf.where(positive, slope, tf.zeros_like(slope))

    return rate, gradient


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class LoihiReLU(tf.keras.layers.Layer):
    """A rectified-linear layer whose units become Loihi neurons.

    Parameters
    ----------
    rate_scale_hz : float
        Firing rate that stands for an activation of 1.
    rate_regularizer : PercentileFiringRate or dict, optional
        Adds a loss that pushes the layer's firing rates into a range.
    staircase : bool
        True: the chip's rate staircase. False: an ideal rectified-linear unit, which is what
        conversion is checked against (a staircase magnifies rounding).
    window_steps : int, optional
        In training, rates are those counted in a window of so many steps; see
        `loihiseg.network.eight_bit.counted_rate`.
    """

    def __init__(
        self,
        rate_scale_hz: float = 100.0,
        rate_regularizer: PercentileFiringRate | dict[str, dict[str, float]] | None = None,
        staircase: bool = True,
        window_steps: int | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(rate_regularizer, dict):
            # By our own hand: Keras finds a class of ours in some of its file formats only.
            rate_regularizer = PercentileFiringRate(**rate_regularizer["config"])
        self.rate_scale_hz = float(rate_scale_hz)
        self.rate_regularizer = rate_regularizer
        self.staircase = bool(staircase)
        self.window_steps = window_steps and int(window_steps)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Map a pre-activation of any shape to the activation of the same shape."""
        current_hz = inputs * self.rate_scale_hz
        if self.rate_regularizer is not None:
            self.add_loss(self.rate_regularizer(current_hz))
        rates_hz = loihi_rate(current_hz) if self.staircase else tf.nn.relu(current_hz)
        if self.window_steps and training:
            rates_hz = counted_rate(rates_hz, self.window_steps)
        return rates_hz / self.rate_scale_hz

    def get_config(self) -> dict[str, object]:
        """Return the constructor's arguments."""
        regularizer = self.rate_regularizer
        return {
            **super().get_config(),
            "rate_scale_hz": self.rate_scale_hz,
            "rate_regularizer": regularizer and tf.keras.regularizers.serialize(regularizer),
            "staircase": self.staircase,
            "window_steps": self.window_steps,
        }


__all__ = ["DT_S", "LoihiReLU", "PercentileFiringRate", "loihi_rate"]
