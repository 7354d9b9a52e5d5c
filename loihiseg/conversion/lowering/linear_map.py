"""The linear algebra between two activations: a sum of what each source adds, plus constants.

Concatenations, additions, normalizations, convolutions, means and what enlarges or moves pixels are
all linear, and so is one after the other. A map keeps what it hears of each source as windows
(`loihiseg.conversion.lowering.windows`); what mixes pixels otherwise, such as a dense layer, as a
sparse matrix.
`loihiseg.conversion.lowering.terms` makes terms of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from loihiseg.conversion.linear import Pair
from loihiseg.conversion.lowering.windows import (
    Shape,
    Windows,
    check_size,
    every_mixed,
    heard_of,
    mixed_every,
    mixture,
)


@dataclass(frozen=True, eq=False)
class Heard:
    """What a map hears of one source, by windows."""

    source: str
    windows: Windows

    def behind(self, outer: Windows) -> "Heard | Scattered":
        """With an operation behind it."""
        inner = self.windows
        if inner.plain is not None and inner.is_mixture and outer.plain is not None:
            kernel = every_mixed(outer, inner)
            depthwise = outer.depthwise and inner.depthwise
            made = Windows(outer.rows, outer.columns, kernel, depthwise, outer.plain)
        elif outer.is_mixture and outer.plain is not None:
            kernel = mixed_every(outer, inner)
            depthwise = outer.depthwise and inner.depthwise
            made = Windows(inner.rows, inner.columns, kernel, depthwise, inner.plain)
        else:
            made = outer.behind(inner)
        return Heard(self.source, made)

    def scaled(self, factor: np.ndarray) -> "Heard":
        """Each channel of the result by a factor."""
        kernel = self.windows.kernel
        own = factor[:, None] if self.windows.depthwise else factor
        return Heard(self.source, replace(self.windows, kernel=kernel * own))

    def placed(self, first: int, channels: int) -> "Heard":
        """Its channels among others."""
        own = self.windows.channels
        if (first, own) == (0, channels):
            return self
        dense = self.windows.dense()
        kernel = np.zeros((*dense.kernel.shape[:3], channels))
        kernel[..., first : first + own] = dense.kernel
        return Heard(self.source, replace(dense, kernel=kernel))

    def matrix(self) -> "scipy.sparse.csr_array":
        """See `Windows.matrix`."""
        return self.windows.matrix()


@dataclass(frozen=True, eq=False)
class Scattered:
    """What a map hears of one source, as a matrix.

    Attributes
    ----------
    source : str
    weights : scipy.sparse.csr_array
        float64, (values of the result, values of the source).
    shape : tuple of int
        Of the result.
    heard : tuple of int
        Of the source.
    """

    source: str
    weights: "scipy.sparse.csr_array"
    shape: Shape
    heard: Shape

    def behind(self, outer: Windows) -> "Scattered":
        """With an operation behind it."""
        weights = scipy.sparse.csr_array(outer.matrix() @ self.weights)
        check_size(weights.nnz)
        shape = outer.rows.result, outer.columns.result, outer.channels
        return Scattered(self.source, weights, shape, self.heard)

    def scaled(self, factor: np.ndarray) -> "Scattered":
        """Each channel of the result by a factor."""
        every = np.tile(factor, self.shape[0] * self.shape[1])
        return replace(
            self, weights=scipy.sparse.csr_array(scipy.sparse.diags_array(every) @ self.weights)
        )

    def placed(self, first: int, channels: int) -> "Scattered":
        """Its channels among others."""
        rows, columns, own = self.shape
        if (first, own) == (0, channels):
            return self
        coo = self.weights.tocoo()
        pixel, channel = coo.row // own, coo.row % own
        weights = scipy.sparse.csr_array(
            (coo.data, (pixel * channels + channel + first, coo.col)),
            (rows * columns * channels, coo.shape[1]),
        )
        return Scattered(self.source, weights, (rows, columns, channels), self.heard)

    def matrix(self) -> "scipy.sparse.csr_array":
        """Its weights."""
        return self.weights


Part = Heard | Scattered


@dataclass(frozen=True, eq=False)
class LinearMap:
    """A sum of parts plus a constant.

    Attributes
    ----------
    parts : tuple of Heard or Scattered
    offset : numpy.ndarray
        float32, (channels,), or (rows, columns, channels) where it differs from pixel to pixel.
    shape : tuple of int
        (rows, columns, channels) of the result.
    """

    parts: tuple[Part, ...]
    offset: np.ndarray
    shape: Shape


def identity(source: str, shape: Shape) -> LinearMap:
    """The map that passes one source through."""
    same = mixture(np.ones(shape[2]), shape, depthwise=True)
    return LinearMap((Heard(source, same),), np.zeros(shape[2], np.float32), shape)


def concatenate(maps: Sequence[LinearMap]) -> LinearMap:
    """Lay maps of equal rows and columns beside each other along the channels."""
    total = sum(one.shape[2] for one in maps)
    parts: list[Part] = []
    first = 0
    for one in maps:
        parts += [part.placed(first, total) for part in one.parts]
        first += one.shape[2]
    shape = *maps[0].shape[:2], total
    offset = np.concatenate(_alike([one.offset for one in maps], shape[:2]), axis=-1)
    return LinearMap(_merged(parts), offset, shape)


def add(maps: Sequence[LinearMap]) -> LinearMap:
    """Add maps of equal shape."""
    offsets = _alike([one.offset for one in maps], maps[0].shape[:2])
    return LinearMap(
        _merged(part for one in maps for part in one.parts),
        np.sum(offsets, axis=0, dtype=np.float32),
        maps[0].shape,
    )


def scale(one: LinearMap, factor: np.ndarray, offset: np.ndarray) -> LinearMap:
    """Multiply each channel by a factor and add an offset, both of shape (channels,)."""
    factor = np.asarray(factor, np.float32)
    parts = tuple(part.scaled(factor.astype(np.float64)) for part in one.parts)
    return LinearMap(parts, one.offset * factor + np.asarray(offset, np.float32), one.shape)


def apply(one: LinearMap, windows: Windows, bias: np.ndarray | None = None) -> LinearMap:
    """A linear operation of a map's result, and a constant per channel on top."""
    shape = windows.rows.result, windows.columns.result, windows.channels
    offset = np.zeros(shape[2], np.float32) if bias is None else np.asarray(bias, np.float32)
    if one.offset.any():
        offset = offset + _constant(one, windows)
    return LinearMap(
        tuple(part.behind(windows) for part in one.parts), offset.astype(np.float32), shape
    )


def rearrange(one: LinearMap, order: np.ndarray, shape: Shape) -> LinearMap:
    """Values in another order, as an image of another shape.

    Parameters
    ----------
    one : LinearMap
    order : numpy.ndarray
        int, (values,): of each value of the result, the value that it is of the raveled ``one``.
    shape : tuple of int
    """
    parts = tuple(
        Scattered(
            part.source, scipy.sparse.csr_array(part.matrix()[order]), shape, heard_shape(part)
        )
        for part in one.parts
    )
    offset = np.broadcast_to(one.offset, one.shape).reshape(-1)[order].reshape(shape)
    return LinearMap(parts, _even(offset), shape)


def heard_shape(part: Part) -> Shape:
    """Shape of the source of a part."""
    if isinstance(part, Scattered):
        return part.heard
    return heard_of(part.windows)


def _constant(one: LinearMap, windows: Windows) -> np.ndarray:
    """What an operation makes of a map's constant."""
    plain = windows.plain
    if one.offset.ndim == 1 and plain is not None and not plain.transposed:
        if plain.padding == "valid" or windows.kernel.shape[:2] == (1, 1):
            kernel = windows.dense().kernel.astype(np.float32)
            return np.asarray(np.einsum("ijcd,c->d", kernel, one.offset))
    return _even(windows.of(np.broadcast_to(one.offset, one.shape)).astype(np.float32))


def _even(offset: np.ndarray) -> np.ndarray:
    """One value per channel where all pixels have the same."""
    return offset[0, 0] if (offset == offset[0, 0]).all() else offset


def _alike(offsets: Sequence[np.ndarray], pixels: Pair) -> list[np.ndarray]:
    """All per channel, or all per pixel."""
    if all(offset.ndim == 1 for offset in offsets):
        return list(offsets)
    return [np.broadcast_to(offset, (*pixels, offset.shape[-1])) for offset in offsets]


def _merged(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Add up what does the same to the same source."""
    merged: dict[tuple[object, ...], Part] = {}
    for number, part in enumerate(parts):
        key: tuple[object, ...] = (number,)
        if isinstance(part, Scattered):
            key = part.source, "matrix"
        elif part.windows.plain is not None:
            key = part.source, part.windows.kernel.shape[:2], part.windows.plain
        seen = merged.get(key)
        merged[key] = part if seen is None else _sum(seen, part)
    return tuple(merged.values())


def _sum(one: Part, other: Part) -> Part:
    if isinstance(one, Scattered) and isinstance(other, Scattered):
        return replace(one, weights=scipy.sparse.csr_array(one.weights + other.weights))
    assert isinstance(one, Heard) and isinstance(other, Heard)
    first, second = one.windows, other.windows
    if first.depthwise != second.depthwise:
        first, second = first.dense(), second.dense()
    return Heard(one.source, replace(first, kernel=first.kernel + second.kernel))
