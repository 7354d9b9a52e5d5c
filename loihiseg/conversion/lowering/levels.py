"""Maxima and minima of activations of levels, as neurons that choose an extreme.

A maximum of what rises together commutes with it: of values that are each a factor above 0 times
one activation, plus a constant, it is the factor times the maximum of the activations, plus the
constant. A factor below 0 makes a minimum of it. So normalizations, and concatenations, between an
activation and pooling are taken behind the pooling.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from loihiseg.conversion.linear import Term
from loihiseg.conversion.lowering import taps as axis
from loihiseg.conversion.lowering.enlarged import sizes
from loihiseg.conversion.lowering.graph import Step
from loihiseg.conversion.lowering.images import alike
from loihiseg.conversion.lowering.linear_map import Heard, LinearMap, add, identity, scale
from loihiseg.conversion.lowering.settings import same_before
from loihiseg.conversion.lowering.shapes import output_shape, pool_settings
from loihiseg.conversion.lowering.terms import terms_of
from loihiseg.conversion.lowering.windows import NotPlacedError, Windows
from loihiseg.conversion.neuron import Neuron
from loihiseg.conversion.neuron_kinds import Extremum

OF_LEVELS = (
    "takes the {what} of values that are no activations of levels, which no firing rates give; use "
    "QuantizedReLU, or levels without training, with a code of levels, or {instead}"
)


class Layers(Protocol):
    """The spiking layers so far."""

    levels_follow: bool
    """Whether activations without levels are given some later, or stay floats."""

    def neuron(self, name: str) -> Neuron | None:
        """What a source's neurons are; None for pixels."""

    def add(
        self, step: Step, name: str, shape: tuple[int, int, int], terms: tuple[Term, ...],
        neuron: Neuron,
    ) -> str:  # fmt: skip
        """Add a layer; returns the name it has."""


@dataclass(frozen=True, eq=False)
class _Chosen:
    """One source's activations, moved by taps, each times its channel's factor, at a place."""

    source: str
    windows: Windows
    factor: np.ndarray
    first: int
    neuron: Neuron


def pooled(step: Step, one: LinearMap, layers: Layers) -> LinearMap:
    """MaxPooling2D and GlobalMaxPooling2D."""
    if step.kind == "GlobalMaxPooling2D":
        rows, columns = (axis.sliding(n, 1, n, n) for n in one.shape[:2])
    else:
        size, strides = pool_settings(step)
        result = output_shape(step, [one.shape])
        is_same = step.arguments.get("padding", "valid") == "same"
        rows, columns = (
            axis.sliding(
                length, result[n], size[n], strides[n],
                same_before(length, result[n], size[n], strides[n]) if is_same else 0,
            )
            for n, length in enumerate(one.shape[:2])
        )  # fmt: skip
    chosen = _chosen(one, layers, "maximum", "a Conv2D with strides=2")
    total: list[LinearMap] = []
    shape = rows.result, columns.result
    for each in chosen:
        window = alike(rows, columns, len(each.factor)).behind(each.windows)
        window = replace(window, kernel=(window.kernel != 0).astype(np.float64))
        cut = each.windows.rows.places.min() < 0 or each.windows.columns.places.min() < 0
        moved = one.offset.any() or each.neuron.offset != 0
        if cut and (moved or (each.factor < 0).any()):
            raise NotPlacedError(
                "takes the maximum of values below 0 and of padded zeros; pad behind it"
            )
        name = step.name if len(chosen) == 1 else f"{step.name}_{each.source}"
        total += [
            _placed(found, each.first, one.shape[2])
            for found in _extremes(step, name, each, window, shape, layers)
        ]
    whole = add(total)
    return LinearMap(whole.parts, whole.offset + one.offset, whole.shape)


def extreme(step: Step, maps: Sequence[LinearMap], layers: Layers) -> LinearMap:
    """Maximum and Minimum of activations of equal levels."""
    what, instead = step.kind.lower(), "an Add or a Concatenate"
    if len({one.shape for one in maps}) > 1:
        raise NotPlacedError(f"takes the {what} of values of unlike shapes")
    terms, first, neuron = [], None, None
    for one in maps:
        found = _chosen(one, layers, what, instead)
        if len(found) != 1:
            raise NotPlacedError(
                f"takes the {what} of concatenations; take it of each activation, and concatenate "
                "what comes of it"
            )
        (each,) = found
        first = each if first is None else first
        same = np.array_equal(each.factor, first.factor) and np.array_equal(
            one.offset, maps[0].offset
        )
        if not same or _value(each.neuron) != _value(first.neuron):
            raise NotPlacedError(
                f"takes the {what} of activations of unlike levels, or normalized unlike; give "
                "them one QuantizedReLU's levels and scale, and normalize behind it"
            )
        term = _window_term(each, each.windows)
        if term is None:
            raise NotPlacedError(
                f"takes the {what} of values that were enlarged; enlarge what comes of it"
            )
        terms.append(term)
    assert first is not None
    if (first.factor < 0).any() and (first.factor > 0).any():
        raise NotPlacedError(
            f"takes the {what} of channels scaled by factors of both signs; normalize behind it"
        )
    largest = (step.kind == "Maximum") == bool((first.factor >= 0).all())
    neuron = _extremum(first.neuron, largest)
    name = layers.add(step, step.name, maps[0].shape, tuple(terms), neuron)
    return scale(identity(name, maps[0].shape), first.factor, maps[0].offset)


def _value(neuron: Neuron) -> tuple[int, float, float]:
    """What levels of unlike layers have to have in common."""
    return neuron.levels, neuron.level_value, neuron.offset


def _extremum(neuron: Neuron, largest: bool) -> Extremum:
    """Of activations like one."""
    return Extremum(neuron.levels, neuron.level_value, largest, neuron.offset)


def _extremes(
    step: Step,
    name: str,
    each: _Chosen,
    window: Windows,
    shape: tuple[int, int],
    layers: Layers,
) -> list[LinearMap]:
    """Layers that choose the largest, the smallest, or both where factors have both signs."""
    found = []
    regular = _window_term(each, window)
    signs = {True: each.factor >= 0, False: each.factor < 0}
    signs = {largest: own for largest, own in signs.items() if own.any()}
    for largest, channels in signs.items():
        factor = np.where(channels, each.factor, 0.0)
        neuron = _extremum(each.neuron, largest)
        own = name if len(signs) == 1 else f"{name}_{'largest' if largest else 'smallest'}"
        if regular is None:
            one = _of_enlarged(step, own, each, window, neuron, layers)
        else:
            size = (*shape, len(factor))
            one = identity(layers.add(step, own, size, (regular,), neuron), size)
        found.append(scale(one, factor, np.zeros(len(factor))))
    return found


def _of_enlarged(
    step: Step, name: str, each: _Chosen, window: Windows, neuron: Extremum, layers: Layers
) -> LinearMap:
    """The extreme of windows that look at unlike numbers of pixels; see `enlarged`."""
    parts, channels = [], len(each.factor)
    for size, rows, columns in sizes(window):
        source = each.source
        if size != (1, 1):
            term = Term(source, np.ones((*size, channels, 1), np.float32), depthwise=True)
            own = (rows.length, columns.length, channels)
            source = layers.add(step, f"{name}_{size[0]}x{size[1]}", own, (term,), neuron)
        parts.append(Heard(source, alike(rows, columns, channels)))
    shape = window.rows.result, window.columns.result, channels
    return LinearMap(tuple(parts), np.zeros(channels, np.float32), shape)


def _placed(one: LinearMap, first: int, channels: int) -> LinearMap:
    parts = tuple(part.placed(first, channels) for part in one.parts)
    return LinearMap(parts, np.zeros(channels, np.float32), (*one.shape[:2], channels))


def _window_term(each: _Chosen, windows: Windows) -> Term | None:
    """The window as one term of weights of 1; None where it is none."""
    size = windows.rows.result, windows.columns.result, len(each.factor)
    one = LinearMap(
        (Heard(each.source, replace(windows, plain=None)),),
        np.zeros(size[2], np.float32),
        size,
    )
    found = terms_of(one)
    if len(found) != 1 or not isinstance(found[0], Term) or found[0].transposed:
        return None
    term = found[0]
    return replace(term, kernel=(term.kernel != 0).astype(np.float32))


def _chosen(one: LinearMap, layers: Layers, what: str, instead: str) -> list[_Chosen]:
    """A map as activations of levels beside each other, each channel times a factor.

    Raises
    ------
    NotPlacedError
        If it is no such thing.
    """
    refusal = NotPlacedError(OF_LEVELS.format(what=what, instead=instead))
    if one.offset.ndim != 1:
        raise refusal
    found, covered = [], np.zeros(one.shape[2], int)
    for part in one.parts:
        neuron = layers.neuron(part.source)
        if neuron is None or not isinstance(part, Heard):
            raise refusal
        if not neuron.levels and not layers.levels_follow:
            raise refusal
        windows = part.windows
        weights = {*windows.rows.weights.ravel(), *windows.columns.weights.ravel()}
        if windows.kernel.shape[:2] != (1, 1) or not weights <= {0.0, 1.0}:
            raise refusal
        heard = windows.kernel.shape[2]
        first, factor = _diagonal(windows)
        if factor is None:
            raise refusal
        covered[first : first + heard] += 1
        own = alike(windows.rows, windows.columns, heard)
        found.append(_Chosen(part.source, own, factor, first, neuron))
    if (covered != 1).any():
        raise refusal
    return found


def _diagonal(windows: Windows) -> tuple[int, np.ndarray | None]:
    """First channel and factors of windows through which every channel heard goes its own way."""
    if windows.depthwise:
        return 0, windows.kernel[0, 0, :, 0]
    matrix = windows.kernel[0, 0]
    used = np.flatnonzero(matrix.any(0))
    if not len(used):
        return 0, None
    row = int(np.flatnonzero(matrix[:, used[0]])[0])
    first = int(used[0]) - row
    if not 0 <= first <= matrix.shape[1] - len(matrix):
        return 0, None
    factor = np.diagonal(matrix[:, first : first + len(matrix)]).copy()
    rest = matrix.copy()
    rest[np.arange(len(matrix)), first + np.arange(len(matrix))] = 0
    return first, None if rest.any() else factor
