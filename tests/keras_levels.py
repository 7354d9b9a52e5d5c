"""Networks of `EqualLevels` in integers, worked out from Keras layers, not as they are lowered.

The model is of float64. What a layer of neurons hears of a source is found by impulses, one unit
after the other through the Keras layers between; thresholds by halving intervals of arguments until
the Keras activation crosses a level. Integers are in units of 64: the largest weight that a layer
hears is 2 x 127.5 of them, the weights of each source have 8 bits.

Where a rounding lies so close to the edge that float32 may decide it otherwise, both are followed;
`Undecided` where that changes an answer, or a weight is rounded so.
"""

from dataclasses import dataclass

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.network.equal_levels import EqualLevels

POOLS = ("MaxPooling2D", "GlobalMaxPooling2D")
WEIGHT_EDGE, SUM_EDGE = 5e-5, 4e-3
"""How close to the edge of a rounding is too close, in units."""


class Undecided(Exception):
    """A rounding that float32 may decide otherwise."""


@dataclass(frozen=True, eq=False)
class _Layer:
    """Integers of a layer: (units, units heard) by source; sums at the least and most they are."""

    weights: dict
    apart: tuple
    needed: tuple


class KerasLevels:
    """A functional model of float64 whose neurons are `EqualLevels` layers.

    Parameters
    ----------
    model : tf.keras.Model
        With one input.
    """

    def __init__(self, model):
        self.model = model
        self.layers = {layer.name: layer for layer in model.layers}
        self.pixels = model.inputs[0]._keras_history.layer.name
        self.neurons = [x.name for x in model.layers if isinstance(x, EqualLevels)]
        self.pools = [x.name for x in model.layers if type(x).__name__ in POOLS]
        self.made = {}

    def heard_by(self, name):
        found = self.layers[name].input
        return [
            t._keras_history.layer.name for t in (found if isinstance(found, list) else [found])
        ]

    def is_unit(self, name):
        return name in self.neurons or name in self.pools or name == self.pixels

    def sources(self, name):
        """Names of the units that a layer hears over layers that are linear."""
        found = {}
        for one in self.heard_by(name):
            found |= dict.fromkeys([one] if self.is_unit(one) else self.sources(one))
        return list(found)

    def argument(self, name):
        """Name of the layer whose value an `EqualLevels` counts, and the activation behind it."""
        (before,) = self.heard_by(name)
        layer = self.layers[before]
        kind = type(layer).__name__
        if kind in ("ReLU", "LeakyReLU", "PReLU", "ELU", "ThresholdedReLU", "Activation"):
            return self.heard_by(before)[0], layer
        return before, None

    def between(self, sources, end):
        """A function of the values of sources, in their order, to the value of a layer."""
        key = (tuple(sources), end)
        if key not in self.made:
            tensors = [self.layers[one].output for one in sources]
            self.made[key] = tf.keras.Model(tensors, self.layers[end].output)
        made = self.made[key]
        return lambda values: np.asarray(made(values if len(values) > 1 else values[0]))

    def level(self, name):
        """What level 0, and one more, of a unit are worth, by channel: of pools as they come."""
        if name in self.neurons:
            layer = self.layers[name]
            low, high = float(layer.low.numpy()), float(layer.high.numpy())
            n = self.layers[name].output.shape[-1]
            return np.full(n, low), np.full(n, (high - low) / layer.levels)
        (source,) = self.sources(name)
        run = self.between([source], name)
        low, step = self.level(source)
        shape = (1, *self.layers[source].output.shape[1:])
        base, one = (run([np.broadcast_to(low + n * step, shape)]) for n in (0, 1))
        base, one = (x.reshape(-1, x.shape[-1])[0] for x in (base, one))
        return base, one - base

    def levels(self, name):
        while name in self.pools:
            (name,) = self.sources(name)
        return self.layers[name].levels

    def thresholds(self, name):
        """Arguments from which on each level is reached, (levels, channels)."""
        end, function = self.argument(name)
        shape = tuple(self.layers[end].output.shape[1:])
        layer = self.layers[name]
        (low, *_), (step, *_) = self.level(name)
        found = []
        for k in range(layer.levels):
            value = low + (k + 0.5) * step
            down, up = np.full(shape, -1e6), np.full(shape, 1e6)
            for _ in range(70):
                middle = (down + up) / 2
                shown = middle if function is None else np.asarray(function(middle[None]))[0]
                down, up = (
                    np.where(shown >= value, down, middle),
                    np.where(shown >= value, middle, up),
                )
            found.append(up.reshape(-1, shape[-1])[0])
        return np.array(found)

    def integers(self, name):
        """Of a layer that hears other units than pixels."""
        end, _ = self.argument(name)
        sources = self.sources(end) if not self.is_unit(end) else [end]
        run = self.between(sources, end)
        shapes = {one: tuple(self.layers[one].output.shape[1:]) for one in sources}
        resting = {one: np.broadcast_to(self.level(one)[0], (1, *shapes[one])) for one in sources}
        bias = run([resting[one] for one in sources])
        weights = {}
        for one in sources:
            n = int(np.prod(shapes[one]))
            impulses = np.eye(n).reshape(n, *shapes[one]) * self.level(one)[1] + resting[one]
            every = [
                impulses if other == one else np.repeat(resting[other], n, axis=0)
                for other in sources
            ]
            own = (run(every) - bias).reshape(n, -1).T
            own[np.abs(own) < 1e-12] = 0
            signs = np.sign(np.broadcast_to(self.level(one)[1], shapes[one])).ravel()
            for sign in {*signs}:
                weights[one, sign] = own * (signs == sign)
        weights = {key: own for key, own in weights.items() if own.any()}
        return self._rounded(name, weights, bias[0])

    def _rounded(self, name, weights, bias):
        most = max(np.abs(own).max() for own in weights.values())
        rounded, steps = {}, []
        for (source, _), own in weights.items():
            gained = min(int(np.floor(np.log2(most / np.abs(own).max()))), 6)
            exact = own * 127.5 / most * 2.0**gained
            if (np.abs(exact - np.floor(exact) - 0.5) < WEIGHT_EDGE)[np.abs(exact) < 127.4].any():
                raise Undecided
            mantissa = np.clip(np.rint(exact), -127, 127)
            integers = np.rint(mantissa * 2.0 ** (1 - gained)).astype(np.int64)
            rounded[source] = rounded.get(source, 0) + integers
            steps.append(2 if gained == 0 else 1)
        middle = bias[tuple(n // 2 for n in bias.shape[:-1])]
        per, step = 255 / most, min(steps)
        exact = (middle - self.thresholds(name)) * per / step
        needed = [-np.floor(exact + edge) * step for edge in (SUM_EDGE, -SUM_EDGE)]
        bits = int(np.bitwise_or.reduce(np.concatenate([w.ravel() for w in rounded.values()])))
        common = bits & -bits
        exact = (bias - middle) * per / common
        even = np.abs(exact).max() < 1e-6
        apart = [
            0 * exact if even else np.rint(exact + edge) * common for edge in (-SUM_EDGE, SUM_EDGE)
        ]
        return _Layer(rounded, tuple(apart), tuple(needed))

    def counts(self, pixels):
        """Levels of all neurons and pools, int64 (n, ...), by name.

        Raises
        ------
        Undecided
        """
        found = {}
        for layer in self.model.layers:
            name = layer.name
            if name in self.pools:
                found[name] = self._pooled(name, found)
            elif name in self.neurons:
                end, _ = self.argument(name)
                if self.sources(end) == [self.pixels]:
                    found[name] = self._of_pixels(name, pixels)
                else:
                    found[name] = self._of_units(name, found)
        return found

    def _of_pixels(self, name, pixels):
        """On the host, in floats."""
        end, _ = self.argument(name)
        total = self.between([self.pixels], end)([np.asarray(pixels, float)])
        thresholds = self.thresholds(name)
        if (np.abs(total[..., None, :] - thresholds) < 1e-4 * np.abs(total).max()).any():
            raise Undecided
        return (total[..., None, :] >= thresholds).sum(axis=-2)

    def _of_units(self, name, found):
        one = self.integers(name)
        total = 0
        for source, weights in one.weights.items():
            total = total + found[source].reshape(len(found[source]), -1) @ weights.T
        total = total.reshape(-1, *one.apart[0].shape)
        least, most = (
            ((total + apart)[..., None, :] >= needed).sum(axis=-2)
            for apart, needed in zip(one.apart, one.needed[::-1])
        )
        if (least != most).any():
            raise Undecided
        return least

    def _pooled(self, name, found):
        """By Keras, of values; as counts again."""
        (source,) = self.sources(name)
        low, step = self.level(source)
        values = self.between([source], name)([low + step * found[source]])
        base, unit = self.level(name)
        return np.rint((values - base) / unit).astype(np.int64)
