"""The percentile firing-rate regularizer of Patel et al. 2021 (arXiv 2106.08921)."""

from loihiseg.frameworks import tf


def channel_percentile(rates_hz: tf.Tensor, percentile: float, phases: int = 1) -> tf.Tensor:
    """Percentile of a layer's rates, per channel, pooled over every other axis.

    Parameters
    ----------
    rates_hz : tensor, shape (..., channels), float
        Firing rates in Hz; for a convolution (batch, rows, columns, channels).
    percentile : float
        In [0, 100]; between two samples the value is interpolated linearly, as ``numpy.percentile``
        does.
    phases : int
        Every how many rows and columns the same weights return: 1 for a convolution, the stride
        of a transposed convolution. Neurons of different phases are pooled apart. Above 1 the
        shape must be (batch, rows, columns, channels), rows and columns multiples of it.

    Returns
    -------
    tensor, shape (phases * phases * channels,)
        The percentile in Hz. Its gradient reaches the one or two samples it is read from.
    """
    if phases > 1:
        rates_hz = tf.nn.space_to_depth(rates_hz, phases)
    samples = tf.transpose(tf.reshape(rates_hz, (-1, rates_hz.shape[-1])))
    count = tf.shape(samples)[1]
    position = (1.0 - percentile / 100.0) * tf.cast(count - 1, tf.float32)
    below = tf.cast(tf.math.floor(position), tf.int32)
    # Only the samples above the percentile need to be sorted.
    largest = tf.math.top_k(samples, k=tf.minimum(below + 2, count)).values
    share = position - tf.cast(below, tf.float32)
    upper = largest[:, below]
    lower = largest[:, tf.minimum(below + 1, count - 1)]
    return upper * (1.0 - share) + lower * share


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class PercentileFiringRate(tf.keras.regularizers.Regularizer):
    """Push a percentile of each channel's firing rate into a range.

    It acts on the input currents rather than on the rates they cause. The rate grows with the
    current, so both have the same percentile sample; but a channel that never fires has no
    gradient left in its rates, and is revived through its currents.

    The loss is ``weight * mean over channels of (error / high_hz) ** 2`` where the error is the
    distance in Hz from the channel's percentile to the range. It is a mean: the same weight acts
    alike on layers of any size.

    Parameters
    ----------
    percentile : float
        In [0, 100].
    low_hz, high_hz : float
        The range, in Hz. The paper's is 50 to 200 Hz.
    weight : float
        Factor of the loss.
    phases : int
        Stride of a transposed convolution, else 1; see `channel_percentile`.

    Raises
    ------
    ValueError
        If the percentile, the range or the phases are impossible.
    """

    def __init__(
        self,
        percentile: float = 99.5,
        low_hz: float = 50.0,
        high_hz: float = 200.0,
        weight: float = 1.0,
        phases: int = 1,
    ) -> None:
        if not 0 <= percentile <= 100:
            raise ValueError(f"percentile {percentile} is not in [0, 100]")
        if not 0 <= low_hz <= high_hz or high_hz <= 0:
            raise ValueError(f"firing-rate range {low_hz} to {high_hz} Hz is empty")
        if phases < 1:
            raise ValueError(f"phases {phases}: at least 1")
        self.percentile = float(percentile)
        self.low_hz = float(low_hz)
        self.high_hz = float(high_hz)
        self.weight = float(weight)
        self.phases = int(phases)

    def __call__(self, current_hz: tf.Tensor) -> tf.Tensor:
        """Return the scalar loss for currents of shape (..., channels).

        Currents are in Hz: the rate of an ideal rectified-linear neuron, negative below threshold.
        """
        value = channel_percentile(current_hz, self.percentile, self.phases)
        error = tf.nn.relu(self.low_hz - value) + tf.nn.relu(value - self.high_hz)
        return self.weight * tf.reduce_mean(tf.square(error / self.high_hz))

    def get_config(self) -> dict[str, float]:
        """Return the constructor's arguments."""
        return {
            "percentile": self.percentile,
            "low_hz": self.low_hz,
            "high_hz": self.high_hz,
            "weight": self.weight,
            "phases": self.phases,
        }
