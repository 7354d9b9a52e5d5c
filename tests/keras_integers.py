"""A network of levels in integers, worked out from the layers of a Keras model, not as lowered.

What a layer of neurons hears is found by impulses: every unit of every source in turn, through the
Keras layers between in float64, the constants of which are left out. Nothing here knows of composed
kernels. The integers, in units of 64: the largest weight that a layer hears is 2 x 127.5 of them;
the weights of a source have 8 bits, and are finer by a factor of 2 for each that its largest is
smaller, down to a unit.

The layers known are those of a U-Net: Conv2D with a ReLU or without, with a stride on pixels alone;
2 x 2 Conv2DTranspose with stride 2, BatchNormalization, MaxPooling2D of a normalized activation,
UpSampling2D, Concatenate.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

FLOAT32 = 4 * float(np.finfo(np.float32).eps)
"""Relative error of a number after a few steps in float32."""

APART = 4
"""Pixels between impulses that go through a layer together: what they reach does not touch."""


@dataclass(frozen=True, eq=False)
class _Heard:
    """What a layer hears of one source: integers, (values, values of the source)."""

    source: str
    weights: csr_array


@dataclass(frozen=True, eq=False)
class _Integers:
    """Neurons that share a scale: one is on where sum and ``bias`` of its channel are ``needed``.

    Channels are ``first`` and those behind it, (rows, columns, channels) ``bias``; of each neuron
    (n,) which of these it is of, and what it needs.
    """

    heard: list[_Heard]
    first: int
    bias: np.ndarray
    channels: np.ndarray
    needed: np.ndarray


class KerasIntegers:
    """A Keras U-Net whose activations have levels.

    Parameters
    ----------
    model : tf.keras.Model
        Up to logits, of fixed size.
    levels : int
    values : mapping of str to float
        What a level of each activation is worth, by name of the Keras layer.
    widths : mapping of str to int, optional
        Neurons, L to a channel, that lie in one block along the channels and share a scale, by
        layer; all of a layer by default.

    Attributes
    ----------
    ties : int
        Numbers so near to where they would be rounded otherwise that float32, in which networks
        are kept, decides them and float64 cannot; a weight counts at every pixel that hears by it.
    """

    def __init__(self, model, levels, values, widths=None):
        self.layers, self.widths = {layer.name: layer for layer in model.layers}, widths or {}
        self.levels, self.values, self.ties = levels, values, 0
        self.heard_by = {
            layer.name: [tensor._keras_history.layer.name for tensor in _tensors(layer.input)]
            for layer in model.layers
        }
        self.end = model.outputs[0]._keras_history.layer.name
        (self.pixels,) = (name for name, layer in self.layers.items() if _kind(layer) == "Input")
        # What an extreme is chosen of: an activation times a factor of each channel.
        self.pooled = {
            name: self.activation_behind(self.heard_by[name][0])
            for name, layer in self.layers.items()
            if _kind(layer) == "MaxPooling2D"
        }
        self.integers = {
            name: self._integers(name)
            for name in self.layers
            if self.is_active(name) and self.sources(name) != [self.pixels]
        }

    def is_active(self, name):
        layer = self.layers[name]
        return _kind(layer) == "Conv2D" and layer.activation.__name__ == "relu"

    def shape(self, name):
        return tuple(int(n) for n in _tensors(self.layers[name].output)[0].shape[1:])

    def sources(self, name):
        """Names of what a layer hears over layers that are linear."""
        found = {}
        for source in self.heard_by[name]:
            is_source = self.is_active(source) or source in (*self.pooled, self.pixels)
            found |= dict.fromkeys([source] if is_source else self.sources(source))
        return list(found)

    def activation_behind(self, name):
        """The activation of which a value is a multiple, channel by channel, and the factors."""
        if self.is_active(name):
            return name, np.ones(self.shape(name)[2])
        source, factor = self.activation_behind(self.heard_by[name][0])
        assert _kind(self.layers[name]) == "BatchNormalization"
        return source, factor * _factor_and_offset(self.layers[name])[0]

    def value(self, name, given, constants=True):
        """Value of a layer, its activation left out, for given values of sources.

        Those not given are 0 or, with ``constants``, what is there at level 0.
        """
        found = [self._heard(source, given, constants) for source in self.heard_by[name]]
        return _linear(self.layers[name], found, constants)

    def _heard(self, name, given, constants):
        if name in given:
            return given[name]
        if self.is_active(name) or name in self.pooled or name == self.pixels:
            zeros = np.zeros((1, *self.shape(name)))
            return zeros + self._constant(name) if constants else zeros
        return self.value(name, given, constants)

    def _constant(self, name):
        """What pooled normalizations of silence are."""
        if name not in self.pooled:
            return 0.0
        zeros = np.zeros((1, *self.shape(self.pooled[name][0])))
        return self.value(name, {self.pooled[name][0]: zeros})[0, 0, 0]

    def _unit(self, name):
        """What a level of a source adds to it, by channel."""
        if name in self.pooled:
            source, factor = self.pooled[name]
            return factor * self.values[source]
        return np.full(self.shape(name)[2], self.values[name])

    def _weights(self, name, source):
        """Float64 weights of a layer on the levels of a source, (values, values of the source)."""
        rows, columns, channels = self.shape(source)
        unit, shape = self._unit(source), self.shape(name)
        parts = []
        for row in range(APART):
            for column in range(APART):
                shown = np.zeros((channels, rows, columns, channels))
                for channel in range(channels):
                    shown[channel, row::APART, column::APART, channel] = unit[channel]
                found = self.value(name, {source: shown}, constants=False)
                parts.append(_responses(found, (row, column), (rows, columns, channels)))
        values, heard, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
        size = int(np.prod(shape)), rows * columns * channels
        return csr_array((weights, (values, heard)), shape=size)

    def _integers(self, name):
        """Of a layer, one for each scale."""
        weights = {}
        for source in self.sources(name):
            found = self._weights(name, source)
            if source not in self.pooled:
                weights[source, True] = found
                continue
            for largest in (True, False):
                chosen = (self.pooled[source][1] >= 0) == largest
                own = found * np.tile(chosen, found.shape[1] // len(chosen))[None]
                if chosen.any():
                    weights[source, largest] = csr_array(own)
        n = self.shape(name)[2] * self.levels
        width = self.widths.get(name, n)
        parts = [np.arange(start, min(start + width, n)) for start in range(0, n, width)]
        return [self._part(name, weights, neurons) for neurons in parts]

    def _part(self, name, weights, neurons):
        """Of some neurons, those of all levels of a channel behind those of the one before."""
        channels, level = np.divmod(neurons, self.levels)
        first, end = channels[0], channels[-1] + 1
        places = np.arange(np.prod(self.shape(name))).reshape(self.shape(name))
        own = {key: one[places[..., first:end].ravel()] for key, one in weights.items()}
        own = {key: one for key, one in own.items() if one.nnz}
        most = max(abs(one).max() for one in own.values())
        heard, steps = [], []
        for (source, _), one in own.items():
            gained = min(int(np.floor(np.log2(most / abs(one).max()))), 6)
            mantissa = one.data * 127.5 / most * 2**gained
            inner = mantissa[np.abs(mantissa) < 127]
            self.ties += _n_near(inner - 0.5, 127 * FLOAT32)
            one.data = held(mantissa, gained)
            heard.append(_Heard(source, one.astype(np.int64)))
            steps.append(2 if gained == 0 else 1)
        bias = self.value(name, {})[0][..., first:end]
        middle = bias[bias.shape[0] // 2, bias.shape[1] // 2]
        thresholds = (level + 0.5) * self.values[name]
        per_value, step = 255 / most, min(steps)
        excess = (middle[channels - first] - thresholds) * per_value / step
        self.ties += _n_near(excess, max(np.abs(excess).max(), 1.0) * FLOAT32)
        needed = -np.floor(excess) * step
        bits = int(np.bitwise_or.reduce(np.concatenate([one.weights.data for one in heard])))
        common = bits & -bits
        apart = (bias - middle) * per_value / common
        largest = max(np.abs(bias).max(), thresholds[-1]) * per_value / common
        self.ties += _n_near(apart - 0.5, largest * FLOAT32)
        apart = (np.rint(apart) * common).astype(np.int64)
        return _Integers(heard, first, apart, channels - first, needed.astype(np.int64))

    def counts(self, pixels):
        """Levels of all activations and pools, int64 (n, rows, columns, channels), by name."""
        found = {}
        for name in self.layers:
            if name in self.pooled:
                source, factor = self.pooled[name]
                found[name] = _chosen(self.layers[name], found[source], factor)
            elif name in self.integers:
                found[name] = self._counted(self.integers[name], found, self.shape(name))
            elif self.is_active(name):
                total = self.value(name, {self.pixels: np.asarray(pixels, float)})
                reached = np.floor(total / self.values[name] + 0.5)
                found[name] = np.clip(reached, 0, self.levels).astype(np.int64)
        return found

    def extreme(self, name, found, largest):
        """Levels of a pool if it took the largest, or the smallest, in every channel."""
        windows = _windows(self.layers[name], found[self.pooled[name][0]])
        return windows.max(axis=(2, 4)) if largest else windows.min(axis=(2, 4))

    def _counted(self, parts, found, shape):
        counts = 0
        for one in parts:
            total = one.bias[None]
            for heard in one.heard:
                given = found[heard.source]
                sums = heard.weights @ given.reshape(len(given), -1).T
                total = total + sums.T.reshape(-1, *one.bias.shape)
            reached = np.zeros((len(total), *shape), np.int64)
            for channel, needed in zip(one.channels, one.needed, strict=True):
                reached[..., one.first + channel] += total[..., channel] >= needed
            counts = counts + reached
        return counts

    def logits(self, pixels):
        """Of the output, float64."""
        given = {
            name: levels * self._unit(name) + self._constant(name)
            for name, levels in self.counts(pixels).items()
        }
        return self.value(self.end, given)


def _kind(layer):
    return type(layer).__name__.removesuffix("Layer")


def _tensors(found):
    return found if isinstance(found, list) else [found]


def _factor_and_offset(layer):
    gamma, beta, mean, variance = (np.asarray(w, np.float64) for w in layer.get_weights())
    factor = gamma / np.sqrt(variance + layer.epsilon)
    return factor, beta - mean * factor


def _linear(layer, found, constants):
    """A Keras layer in float64, its activation and perhaps its constants left out."""
    x = found[0]
    match _kind(layer):
        case "Conv2D" | "Conv2DTranspose":
            kernel, bias = (np.asarray(weight, np.float64) for weight in layer.get_weights())
            convolve = _convolved if _kind(layer) == "Conv2D" else _doubled
            return convolve(x, kernel, layer) + (bias if constants else 0.0)
        case "BatchNormalization":
            factor, offset = _factor_and_offset(layer)
            return x * factor + (offset if constants else 0.0)
        case "Concatenate":
            n = max(len(one) for one in found)
            return np.concatenate([np.broadcast_to(v, (n, *v.shape[1:])) for v in found], axis=-1)
        case "UpSampling2D" if layer.interpolation == "bilinear":
            for axis, times in enumerate(layer.size, 1):
                x = _between(x, axis, times)
            return x
        case "UpSampling2D":
            return x.repeat(layer.size[0], axis=1).repeat(layer.size[1], axis=2)
        case "MaxPooling2D":
            return _windows(layer, x).max(axis=(2, 4))
    raise AssertionError(layer.name)


def _n_near(values, within):
    """How many lie so near to a whole number."""
    return int((np.abs(values - np.rint(values)) < within).sum())


def held(mantissa, gained):
    """8-bit mantissas in units of 64, int64, as nengo-loihi 1.1.0 rounds them.

    Those that lose bits to the unit are rounded, kept to 8 bits once more, and shifted: with one
    bit lost 127 becomes 128, 127 again, and so 63.
    """
    found = np.rint(mantissa).clip(-127, 127)
    lost = max(gained - 1, 0)
    found = (np.rint(found / 2**lost) * 2**lost).clip(-127, 127).astype(np.int64)
    return (found >> lost) << max(1 - gained, 0)


def _convolved(x, kernel, layer):
    high, wide = kernel.shape[:2]
    assert layer.padding == "same" or high == wide == 1, layer.name
    down, across = layer.strides
    rows, columns = (-(-n // step) for n, step in zip(x.shape[1:3], layer.strides))
    around = [
        max((n - 1) * step + size - length, 0)
        for n, step, size, length in zip((rows, columns), layer.strides, (high, wide), x.shape[1:3])
    ]
    padded = np.pad(x, ((0, 0), *((n // 2, n - n // 2) for n in around), (0, 0)))
    return sum(
        padded[:, row:, column:][:, ::down, ::across][:, :rows, :columns] @ kernel[row, column]
        for row in range(high)
        for column in range(wide)
    )


def _between(x, axis, times):
    """Pixels between the middles of those along an axis; beyond the last middle as there."""
    n = x.shape[axis]
    place = np.clip((np.arange(n * times) + 0.5) / times - 0.5, 0, n - 1)
    first = np.minimum(place.astype(int), n - 2)
    part = (place - first).reshape(*(-1 if i == axis else 1 for i in range(x.ndim)))
    return x.take(first, axis) * (1 - part) + x.take(first + 1, axis) * part


def _doubled(x, kernel, layer):
    assert kernel.shape[:2] == (2, 2) and layer.strides == (2, 2), layer.name
    n, rows, columns, _ = x.shape
    found = np.einsum("nijc,abfc->niajbf", x, kernel)
    return found.reshape(n, 2 * rows, 2 * columns, -1)


def _windows(layer, x):
    size = layer.pool_size
    assert layer.strides == size and x.shape[1] % size[0] == x.shape[2] % size[1] == 0
    n, rows, columns, channels = x.shape
    shape = n, rows // size[0], size[0], columns // size[1], size[1], channels
    return x.reshape(shape)


def _chosen(layer, levels, factor):
    windows = _windows(layer, levels)
    return np.where(factor >= 0, windows.max(axis=(2, 4)), windows.min(axis=(2, 4)))


def _responses(found, first, heard):
    """Values, values of the source and weights of impulses that stand ``APART`` from ``first``."""
    rows, columns, _ = heard
    of_row = _nearest(found.shape[1], rows, first[0])
    of_column = _nearest(found.shape[2], columns, first[1])
    channel, row, column, filter_ = np.nonzero(found)
    # Nothing is further off than the next pixel of the source.
    assert (of_row[row] >= 0).all() and (of_column[column] >= 0).all()
    values = np.ravel_multi_index((row, column, filter_), found.shape[1:])
    sources = np.ravel_multi_index((of_row[row], of_column[column], channel), heard)
    return values, sources, found[channel, row, column, filter_]


def _nearest(length, n, first):
    """The impulse next to each place, or -1."""
    found = np.full(length, -1)
    for place in range(length):
        own = place * n // length
        for near in range(max(own - 1, 0), min(own + 2, n)):
            if near % APART == first:
                found[place] = near
    return found
