"""What the chip does to a network, as layers to train through: 8-bit weights, counted spikes.

Gradients pass both as if they were not there (straight-through estimator [1]_).

References
----------
.. [1] Bengio, Léonard, Courville 2013, arXiv 1308.3432.
"""

from collections.abc import Callable, Sequence

from loihiseg.frameworks import tf

from loihiseg.quantization.fixed_point import WEIGHT_MANTISSA_MAX

DT_S = 0.001
"""Length of one Loihi step in seconds, as nengo-loihi assumes by default."""


def _passed_through(value: tf.Tensor, changed: tf.Tensor) -> tf.Tensor:
    """The changed value, with the gradient of the value it was made of."""
    return value + tf.stop_gradient(changed - value)


def eight_bit(
    kernel: tf.Tensor,
    source_channels: Sequence[int] | None = None,
    transposed: bool = False,
    source_values: Sequence[tf.Tensor] | None = None,
) -> tf.Tensor:
    """Kernel of a layer rounded as `loihiseg.quantization.fixed_point` does for the chip.

    Parameters
    ----------
    kernel : tensor, shape (rows, columns, channels in, channels out), float
        The last two the other way round where ``transposed``.
    source_channels : sequence of int, optional
        Channels of each concatenated source, in order: each is a group of synapses with an
        exponent of its own. One source by default.
    transposed : bool
    source_values : sequence of float, optional
        What a spike of each source is worth; 1 by default. The chip's weights are multiplied by
        it, which moves the exponents of the groups against each other.

    Returns
    -------
    tensor, same shape
        ``mantissa * step`` with mantissas in -127..127 and ``step = 2 * max / 255 / 2**n``, where
        ``max`` is the largest weight of the layer and n the bits that a group of smaller weights
        gains, ``floor(log2(max / its own largest))``.

    Notes
    -----
    The chip's scale is one per block. Where a layer is cut along its channels, the scale of a
    block with smaller weights is finer than here.
    """
    axis = 3 if transposed else 2
    groups = tf.split(kernel, source_channels or [kernel.shape[axis]], axis=axis)
    return tf.concat(_rounded(groups, source_values), axis=axis)


def _rounded(
    groups: Sequence[tf.Tensor], source_values: Sequence[tf.Tensor] | None
) -> list[tf.Tensor]:
    """Weights from each source of a layer, see `eight_bit`."""
    values = [tf.stop_gradient(v) for v in source_values or [1.0] * len(groups)]
    largest = tf.reduce_max([tf.reduce_max(tf.abs(g)) * v for g, v in zip(groups, values)])
    return [_rounded_group(g, largest / v) for g, v in zip(groups, values)]


def _rounded_group(group: tf.Tensor, largest: tf.Tensor) -> tf.Tensor:
    own = tf.maximum(tf.reduce_max(tf.abs(group)), 1e-12)
    gained = tf.floor(tf.math.log(tf.maximum(largest, 1e-12) / own) / tf.math.log(2.0) + 1e-6)
    step = 2.0 * tf.maximum(largest, 1e-12) / 255.0 / tf.pow(2.0, gained)
    mantissa = tf.clip_by_value(tf.round(group / step), -WEIGHT_MANTISSA_MAX, WEIGHT_MANTISSA_MAX)
    return _passed_through(group, mantissa * step)


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class EightBitConv2D(tf.keras.layers.Conv2D):
    """A convolution whose weights are rounded to the chip's 8 bits whenever they are used.

    Parameters
    ----------
    source_channels : sequence of int, optional
        See `eight_bit`.
    source_values : callable, optional
        Gives the ``source_values`` of `eight_bit` whenever they are needed: scales are trained.
        Not kept in a saved model.
    """

    def __init__(
        self,
        *args: object,
        source_channels: Sequence[int] | None = None,
        source_values: Callable[[], Sequence[tf.Tensor]] | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.source_channels = source_channels and [int(n) for n in source_channels]
        self.source_values = source_values

    @property
    def rounded_kernel(self) -> tf.Tensor:
        """The kernel as the chip has it; see `eight_bit`."""
        values = self.source_values and self.source_values()
        return eight_bit(self.kernel, self.source_channels, source_values=values)

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolve with the rounded kernel."""
        return super().convolution_op(inputs, self.rounded_kernel)

    def get_config(self) -> dict[str, object]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "source_channels": self.source_channels}


class EightBitEnlargedConv2D(EightBitConv2D):
    """As `EightBitConv2D`, where each pixel of the first source was repeated two by two.

    3 x 3, padding "same", stride 1, two sources. The chip has no repeated pixels: a neuron of the
    first source reaches the 4 x 4 neurons around its pixel by sums of weights, and these are what
    is rounded. Not for files.
    """

    def rounded_kernels(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Of a transposed convolution of the first source, (4, 4, channels out, channels in), and
        of the second, (3, 3, channels in, channels out); see `eight_bit`.
        """
        enlarged, plain = tf.split(self.kernel, self.source_channels, axis=2)
        groups = [_sums_of_repeated(enlarged), plain]
        return tuple(_rounded(groups, self.source_values and self.source_values()))

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolve with the rounded weights."""
        enlarged, plain = tf.split(inputs, self.source_channels, axis=3)
        sums, kernel = self.rounded_kernels()
        shape = tf.concat([tf.shape(inputs)[:3], [self.filters]], 0)
        found = tf.nn.conv2d_transpose(enlarged[:, ::2, ::2], sums, shape, 2, "SAME")
        return found + tf.nn.conv2d(plain, kernel, 1, "SAME")


def _sums_of_repeated(kernel: tf.Tensor) -> tf.Tensor:
    """What a pixel repeated two by two gives by a 3 x 3 kernel, as a transposed convolution.

    (3, 3, channels in, channels out) to (4, 4, channels out, channels in): along each axis, with
    weights k of the taps -1, 0 and 1, the pixels -1, 0, 1 and 2 behind the first of a pair get
    k(1), k(0) + k(1), k(-1) + k(0) and k(-1).
    """
    for axis in (0, 1):
        before, here, after = tf.unstack(kernel, axis=axis)
        kernel = tf.stack([after, here + after, before + here, before], axis)
    return tf.transpose(kernel, (0, 1, 3, 2))


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class EightBitConv2DTranspose(tf.keras.layers.Conv2DTranspose):
    """A transposed convolution whose weights are rounded to 8 bits whenever they are used.

    Only for strides that equal the kernel and without padding: rows and columns grow by them.
    """

    @property
    def rounded_kernel(self) -> tf.Tensor:
        """The kernel as the chip has it; see `eight_bit`."""
        return eight_bit(self.kernel, transposed=True)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Convolve with the rounded kernel."""
        batch, rows, columns, _ = tf.unstack(tf.shape(inputs))
        shape = (batch, rows * self.strides[0], columns * self.strides[1], self.filters)
        out = tf.nn.conv2d_transpose(inputs, self.rounded_kernel, shape, self.strides, "VALID")
        out = tf.ensure_shape(out, (None, *self.compute_output_shape(inputs.shape)[1:]))
        return tf.nn.bias_add(out, self.bias)


def counted_rate(rate_hz: tf.Tensor, window_steps: int) -> tf.Tensor:
    """Rate as it is counted in a window: a train of regular spikes, met at a random phase.

    Parameters
    ----------
    rate_hz : tensor, any shape, float
        Rate in Hz, at least 0.
    window_steps : int
        Length of the window in steps of 1 ms.

    Returns
    -------
    tensor, same shape
        ``floor(rate * window + u) / window`` with u uniform in 0..1: on average the rate itself,
        off by less than a spike. The gradient is the rate's.
    """
    window_s = window_steps * DT_S
    # Phases follow from the rates: a training taken up again goes on as if never interrupted.
    seed = tf.stack([tf.bitcast(tf.reduce_sum(rate_hz), tf.int32), window_steps])
    phase = tf.random.stateless_uniform(tf.shape(rate_hz), seed)
    counted = tf.floor(rate_hz * window_s + phase) / window_s
    return _passed_through(rate_hz, counted)
