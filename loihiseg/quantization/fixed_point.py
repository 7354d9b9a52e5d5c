"""Float weights, biases and thresholds to Loihi's integers, as nengo-loihi's builder does it.

Loihi holds weights as an 8-bit signed mantissa times a power of two [1]_. nengo-loihi chooses one
scale per block (core), from its largest weight, and one exponent per group of synapses [2]_::

    mantissa = clip(round(weight * scale * 2**group_shift / 2), -127, 127)
    integer  = mantissa * 2 ** (1 + exponent + 6)

Thresholds have a 17-bit mantissa times 2**6, biases a 12-bit mantissa times 2**0 to 2**7. Every
function here is tested to equal nengo-loihi's discretization integer by integer.

References
----------
.. [1] Davies et al. 2018, "Loihi: a neuromorphic manycore processor with on-chip learning",
   IEEE Micro 38(1).
.. [2] nengo-loihi 1.1.0, ``nengo_loihi/builder/discretize.py``.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loihiseg.errors import LoihisegError

WEIGHT_MANTISSA_MAX = 127
"""Largest mantissa of a signed 8-bit weight; the lowest bit of the 8 is lost to the sign."""
WEIGHT_EXPONENT_MIN = -6
"""Lowest exponent of a synapse group; lower ones would shift every bit out."""
WEIGHT_EXPONENT_MAX = 7
"""Highest one. nengo-loihi chooses none above 0."""
THRESHOLD_MANTISSA_MAX = 2**17 - 1
THRESHOLD_EXPONENT = 6
THRESHOLD_MAX = THRESHOLD_MANTISSA_MAX * 2**THRESHOLD_EXPONENT
BIAS_MANTISSA_MAX = 2**12 - 1
BIAS_EXPONENT_MAX = 7
BIAS_MAX = BIAS_MANTISSA_MAX * 2**BIAS_EXPONENT_MAX
SMALLEST_WEIGHT = 1e-8
"""Largest weight into a block that counts as none."""
ACCUMULATOR_BITS = 21
"""Bits, without sign, of the synapse accumulator."""
DECAY_BITS = 12
DECAY_START = 2**21
"""Current whose integer decay is summed to find the gain of a filter."""
ROUNDING_LOSS = 0.494
"""Mean loss by rounding down in one step of decay, found by nengo-loihi's authors in simulation."""


@dataclass(frozen=True)
class BlockScale:
    """Factors from float to integer, common to one block.

    Attributes
    ----------
    weight_max : float
        Largest absolute weight into the block.
    weight_scale : float
        Weights times this are in -255..255.
    exponent : int
        Exponent of the group that holds the largest weight, 0 to -7.
    voltage_scale : float
        Thresholds times this are integers.
    bias_scale : float
        Biases times this are integers.
    """

    weight_max: float
    weight_scale: float
    exponent: int
    voltage_scale: float
    bias_scale: float

    @property
    def current_scale(self) -> float:
        """Factor from a float weight to the integer added to the synapse accumulator."""
        return self.weight_scale * 2.0 ** (6 + self.exponent)


@dataclass(frozen=True, eq=False)
class GroupWeights:
    """Weights of one synapse group.

    Attributes
    ----------
    integers : numpy.ndarray
        int32, the shape of the weights: what a spike adds to the synapse accumulator.
    exponent : int
        Exponent the group is stored with.
    bits_lost : int
        Bits shifted out because the exponent cannot go lower.
    """

    integers: np.ndarray
    exponent: int
    bits_lost: int


def quantize_decay(decay: float, *, current: bool) -> int:
    """A decay in [0, 1] as a 12-bit integer; of the current less 1, which the chip adds back."""
    full = 2**DECAY_BITS - 1
    scaled = np.float32(decay) * full
    return int(np.round(np.clip(scaled - 1, 0, full))) if current else int(np.round(scaled))


def decay_gain(decay: int, *, current: bool) -> float:
    """Sum of an integer decay from ``DECAY_START``, relative to it, rounding down at each step.

    With ``r = (4096 - decay) / 4096`` (one less for the current) and the mean rounding loss ``q``,
    the n-th value is ``r**n * x0 - q * (1 + r + ... + r**(n-1))``; summed until it reaches 0.
    """
    r = (2**DECAY_BITS - (1 if current else 0) - decay) / 2**DECAY_BITS
    q, x0 = ROUNDING_LOSS, DECAY_START
    n = -np.log1p(x0 * (1 - r) / q) / np.log(r)
    geometric = (1 - r ** (n + 1)) / (1 - r)
    return float(geometric - q / ((1 - r) * x0) * (n + 1 - geometric))


def block_scale(
    weight_max: float,
    threshold: float,
    bias: npt.ArrayLike,
    decay_current: float | None,
    decay_voltage: float = 0.0,
    *,
    scale_voltage: bool = False,
) -> BlockScale:
    """Choose the scales of a block as nengo-loihi does.

    Parameters
    ----------
    weight_max : float
        Largest absolute weight into the block, float32 precision.
    threshold : float
        Firing threshold of its compartments.
    bias : array_like
        Biases of its compartments.
    decay_current, decay_voltage : float
        Decay per step, in [0, 1]; a current decay of 1 is no filter, of which nengo-loihi leaves
        1/4096 all the same. None for a current of which nothing is left.
    scale_voltage : bool
        Whether the voltage's gain is undone (leaky neurons).

    Returns
    -------
    BlockScale

    Raises
    ------
    LoihisegError
        If no exponent makes threshold and biases fit.
    """
    gain_u = 1.0
    if decay_current is not None:
        gain_u = decay_gain(quantize_decay(decay_current, current=True), current=True)
    gain_v = 1.0
    if scale_voltage:
        gain_v = decay_gain(quantize_decay(decay_voltage, current=False), current=False)
    threshold = float(np.float32(threshold))
    bias = np.asarray(bias, np.float32).astype(np.float64)
    largest_bias = float(np.abs(bias).max()) if bias.size else 0.0
    if weight_max > SMALLEST_WEIGHT:
        return _scale_of_weights(weight_max, threshold, largest_bias, gain_u, gain_v)
    if largest_bias > 1e-8:
        return _scale_of_biases(weight_max, threshold, largest_bias, gain_u, gain_v)
    voltage_scale = (2**ACCUMULATOR_BITS - 1) / (threshold + 1)
    bias_scale = voltage_scale / gain_v
    return BlockScale(weight_max, bias_scale / gain_u / 2.0**6, 0, voltage_scale, bias_scale)


def _scale_of_weights(
    weight_max: float, threshold: float, largest_bias: float, gain_u: float, gain_v: float
) -> BlockScale:
    """The largest exponent for which the largest weight fills its bits and all else fits."""
    weight_scale = 255.0 / weight_max
    for exponent in range(0, -8, -1):
        voltage_scale = gain_u * gain_v * weight_scale * 2.0 ** (6 + exponent)
        bias_scale = voltage_scale / gain_v
        fits = np.round(threshold * voltage_scale) <= THRESHOLD_MAX
        if fits and np.round(largest_bias * bias_scale) <= BIAS_MAX:
            return BlockScale(weight_max, weight_scale, exponent, voltage_scale, bias_scale)
    raise LoihisegError(
        f"weights up to {weight_max:g}, threshold {threshold:g} and biases up to "
        f"{largest_bias:g} fit no common exponent; scale the layer's activations"
    )


def _scale_of_biases(
    weight_max: float, threshold: float, largest_bias: float, gain_u: float, gain_v: float
) -> BlockScale:
    """Without weights: the largest bias as large as can be, halved until the threshold fits."""
    bias_scale = BIAS_MAX / largest_bias
    while bias_scale * largest_bias > 1:
        voltage_scale = bias_scale * gain_v
        if np.round(threshold * voltage_scale) <= THRESHOLD_MAX:
            weight_scale = bias_scale / gain_u / 2.0**6
            return BlockScale(weight_max, weight_scale, 0, voltage_scale, bias_scale)
        bias_scale /= 2.0
    raise LoihisegError(
        f"threshold {threshold:g} and biases up to {largest_bias:g} fit no common scale; "
        "scale the layer's activations"
    )


def quantize_weights(weights: npt.ArrayLike, scale: BlockScale) -> GroupWeights:
    """Quantize one synapse group of a block.

    Parameters
    ----------
    weights : array_like
        Float weights, any shape; taken as float32, as nengo-loihi holds them.
    scale : BlockScale

    Returns
    -------
    GroupWeights
    """
    weights = np.asarray(weights, np.float32)
    largest = float(np.abs(weights).max()) if weights.size else 0.0
    exponent, gained = WEIGHT_EXPONENT_MIN, scale.exponent - WEIGHT_EXPONENT_MIN
    if largest > 1e-16:
        # A group with smaller weights takes a smaller exponent and keeps its bits.
        gained = int(np.floor(np.log2(scale.weight_max / largest)))
        exponent = max(scale.exponent - gained, WEIGHT_EXPONENT_MIN)
    limit = WEIGHT_MANTISSA_MAX
    scaled = (weights * scale.weight_scale * 2.0**gained).astype(np.float64)
    mantissa = np.round(scaled / 2.0).clip(-limit, limit).astype(np.int32)
    shift = 1 + exponent
    if shift < 0:
        kept = np.round(mantissa * 2.0**shift) / 2.0**shift
        mantissa = kept.clip(-limit, limit).astype(np.int32)
        shifted = np.right_shift(mantissa, -shift)
    else:
        shifted = np.left_shift(mantissa, shift)
    return GroupWeights(np.left_shift(shifted, 6), exponent, max(-shift, 0))


def integer_exponent(integers: npt.ArrayLike) -> int | None:
    """Exponent of a synapse group with which integers are mantissas of 8 bits.

    Parameters
    ----------
    integers : array_like
        What a spike is to add to the synapse accumulator.

    Returns
    -------
    int or None
        The least from -1 on, below which the chip loses bits; None if the group has none.
    """
    integers = np.asarray(integers)
    largest = float(np.abs(integers).max()) if integers.size else 0.0
    for exponent in range(-1, WEIGHT_EXPONENT_MAX + 1):
        step = 2 ** (7 + exponent)
        if largest <= WEIGHT_MANTISSA_MAX * step:
            return None if (integers % step).any() else exponent
    return None


def representable_bias(bias: npt.ArrayLike) -> np.ndarray:
    """The biases of the chip next to given integers: mantissas of 12 bits times 2**0 to 2**7."""
    value = np.asarray(bias, np.float64)
    ratio = np.maximum(np.abs(value) / BIAS_MANTISSA_MAX, 1)
    step = 2.0 ** np.minimum(np.ceil(np.log2(ratio)), BIAS_EXPONENT_MAX)
    limit = BIAS_MANTISSA_MAX * step
    return np.clip(np.round(value / step) * step, -limit, limit)


def quantize_threshold(threshold: float, scale: BlockScale) -> int:
    """A threshold as a 17-bit mantissa times 2**6."""
    value = np.round(np.float32(threshold) * scale.voltage_scale)
    return int(np.round(value / 2**THRESHOLD_EXPONENT)) * 2**THRESHOLD_EXPONENT


def quantize_bias(bias: npt.ArrayLike, scale: BlockScale) -> np.ndarray:
    """Biases as 12-bit mantissas times 2**0 to 2**7, int32, the shape of ``bias``."""
    bias = np.asarray(bias, np.float32)
    # nengo-loihi multiplies in single precision where the scale comes from the biases alone.
    precision: np.dtype = np.dtype(np.float64 if scale.weight_max > SMALLEST_WEIGHT else np.float32)
    value = np.round(bias.astype(precision) * precision.type(scale.bias_scale))
    ratio = np.maximum(np.abs(value) / BIAS_MANTISSA_MAX, 1)
    exponent = np.ceil(np.log2(ratio)).astype(np.int32)
    return (np.round(value / 2.0**exponent) * 2**exponent).astype(np.int32)
