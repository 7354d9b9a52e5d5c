"""The linear algebra between two activations: a sum of what each source adds, plus constants.

Concatenations, additions, normalizations, convolutions, means and what enlarges or moves pixels are
all linear, and so is one after the other. A map keeps what it hears of each source as taps along
rows and columns (`loihiseg.conversion.lowering.taps`) with a matrix of channels for every pair; one
that mixes pixels otherwise, such as a dense layer, as a sparse matrix.
`loihiseg.conversion.lowering.terms` makes terms of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array, diags_array, kron

from loihiseg.conversion.linear import Pair
from loihiseg.conversion.lowering import taps as axis
from loihiseg.conversion.lowering.taps import Taps

Shape = tuple[int, int, int]
"""(rows, columns, channels)."""

MOST_WEIGHTS = 1 << 24
"""Weights that a map without the form of a convolution may have."""


class NotPlacedError(ValueError):
    """What cannot be placed on the chip. The message says why, and what to use instead."""


class NoWeightsError(NotPlacedError):
    """A layer of a file without its weights."""


@dataclass(frozen=True)
class Plain:
    """Of a kernel that is one convolution of Keras, as it is."""

    strides: Pair = (1, 1)
    padding: str = "valid"
    transposed: bool = False


@dataclass(frozen=True, eq=False)
class Windows:
    """A linear operation of one image: a kernel over taps along rows and columns.

    Attributes
    ----------
    rows, columns : Taps
    kernel : numpy.ndarray
        float64, (row taps, column taps, channels heard, channels), or (..., channels, 1) where
        every channel hears itself alone.
    depthwise : bool
    plain : Plain or None
        Where the kernel is that of one convolution.
    """

    rows: Taps
    columns: Taps
    kernel: np.ndarray
    depthwise: bool = False
    plain: Plain | None = None

    @property
    def channels(self) -> int:
        """Channels of the result."""
        return int(self.kernel.shape[2 if self.depthwise else 3])

    @property
    def is_mixture(self) -> bool:
        """Whether every pixel hears the channels of itself alone."""
        return self.rows.is_identity and self.columns.is_identity

    @property
    def is_alike(self) -> bool:
        """Whether every channel goes its own way with the weights of the taps alone."""
        return self.depthwise and bool((self.kernel == 1).all())

    def dense(self) -> "Windows":
        """The same with a matrix of channels."""
        if not self.depthwise:
            return self
        eye = np.eye(self.kernel.shape[2])
        return replace(self, kernel=self.kernel * eye, depthwise=False)

    def behind(self, inner: "Windows") -> "Windows":
        """This operation of the result of another."""
        rows, row_parts = axis.compose(self.rows, inner.rows)
        columns, column_parts = axis.compose(self.columns, inner.columns)
        depthwise = self.depthwise and inner.depthwise
        channels = inner.kernel.shape[2], 1 if depthwise else self.channels
        check_size(rows.n_taps * columns.n_taps * channels[0] * channels[1])
        if self.is_alike or inner.is_alike:
            # Channels stay as they are: it is the taps alone that are joined.
            down, right = (
                _shares(part.n_taps, pairs, own.n_taps, 0 if inner.is_alike else 1)
                for part, pairs, own in (
                    (rows, row_parts, self.rows if inner.is_alike else inner.rows),
                    (columns, column_parts, self.columns if inner.is_alike else inner.columns),
                )
            )
            own = self.kernel if inner.is_alike else inner.kernel
            kernel = np.einsum("ua,vb,abcd->uvcd", down, right, own, optimize=True)
            return Windows(rows, columns, kernel, depthwise, None)
        kernel = np.zeros((rows.n_taps, columns.n_taps, *channels))
        for a, x, u, by_row in row_parts:
            for b, y, v, by_column in column_parts:
                own = _mixed(self.kernel[a, b], inner.kernel[x, y], self.depthwise, inner.depthwise)
                kernel[u, v] += by_row * by_column * own
        return Windows(rows, columns, kernel, depthwise, None)

    def of(self, image: np.ndarray) -> np.ndarray:
        """Its value for one image, float64: (rows, columns, channels)."""
        whole = self.dense()
        total = np.zeros((self.rows.result, self.columns.result, self.channels))
        for a in range(self.rows.n_taps):
            for b in range(self.columns.n_taps):
                heard = image[self.rows.places[a]][:, self.columns.places[b]]
                weight = self.rows.weights[a][:, None] * self.columns.weights[b][None]
                total += (heard * weight[..., None]) @ whole.kernel[a, b]
        return total

    def n_weights(self) -> int:
        """Weights as a matrix."""
        rows = (self.rows.places >= 0).sum(1)
        columns = (self.columns.places >= 0).sum(1)
        each = np.count_nonzero(self.kernel, axis=(2, 3))
        return int(rows @ each @ columns)

    def matrix(self) -> csr_array:
        """As a matrix, float64, (values of the result, values heard)."""
        check_size(self.n_weights())
        rows, columns = (
            [axis.matrix(part, n) for n in range(part.n_taps)] for part in (self.rows, self.columns)
        )
        return sum_of_products(rows, columns, self)


def sum_of_products(
    rows: Sequence[csr_array], columns: Sequence[csr_array], windows: Windows
) -> csr_array:
    """Matrix of the kernel of windows over given matrices of their taps along each axis."""
    n_out = windows.rows.result * windows.columns.result * windows.channels
    n_in = windows.rows.length * windows.columns.length * windows.kernel.shape[2]
    total = csr_array((n_out, n_in))
    for a, row in enumerate(rows):
        for b, column in enumerate(columns):
            part = windows.kernel[a, b]
            if row.nnz and column.nnz and part.any():
                mixed = diags_array(part[:, 0]) if windows.depthwise else csr_array(part.T)
                total = total + kron(kron(row, column, "csr"), mixed, "csr")
    return csr_array(total)


def check_size(n_weights: int) -> None:
    """Refuse a matrix of too many weights."""
    if n_weights > MOST_WEIGHTS:
        raise NotPlacedError(
            f"would take {n_weights:,} weights of its own for single pixels, at most "
            f"{MOST_WEIGHTS:,}; put an activation between it and the linear layer before it, or "
            "use padding='valid' there"
        )


def _shares(
    n_taps: int, pairs: Sequence[tuple[int, int, int, float]], n_own: int, which: int
) -> np.ndarray:
    """What each tap of one operation adds to each tap of two: (taps, taps of the one)."""
    shares = np.zeros((n_taps, n_own))
    for outer, inner, made, factor in pairs:
        shares[made, (outer, inner)[which]] += factor
    return shares


def _mixed(outer: np.ndarray, inner: np.ndarray, outer_own: bool, inner_own: bool) -> np.ndarray:
    """Matrix of channels of one operation behind another; (channels, 1) of depthwise ones."""
    if outer_own and inner_own:
        return outer * inner
    if inner_own:
        return inner * outer
    if outer_own:
        return inner * outer[:, 0]
    return np.asarray(inner @ outer)


@dataclass(frozen=True, eq=False)
class Heard:
    """What a map hears of one source, by windows."""

    source: str
    windows: Windows

    def behind(self, outer: Windows) -> "Heard | Scattered":
        """With an operation behind it."""
        inner = self.windows
        if inner.plain is not None and inner.is_mixture and outer.plain is not None:
            kernel = _every_mixed(outer, inner)
            depthwise = outer.depthwise and inner.depthwise
            made = Windows(outer.rows, outer.columns, kernel, depthwise, outer.plain)
        elif outer.is_mixture and outer.plain is not None:
            kernel = _mixed_every(outer, inner)
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

    def matrix(self) -> csr_array:
        """See `Windows.matrix`."""
        return self.windows.matrix()


def _every_mixed(outer: Windows, inner: Windows) -> np.ndarray:
    """Kernel of windows over channels that are mixed before."""
    own = inner.kernel[0, 0]
    if inner.depthwise:
        return outer.kernel * own
    if outer.depthwise:
        return np.asarray(own * outer.kernel[:, :, None, :, 0])
    return np.asarray(own @ outer.kernel)


def _mixed_every(outer: Windows, inner: Windows) -> np.ndarray:
    """Kernel of windows whose channels are mixed behind."""
    own = outer.kernel[0, 0]
    if outer.depthwise:
        return inner.kernel * (own if inner.depthwise else own[:, 0])
    return np.asarray(inner.kernel * own if inner.depthwise else inner.kernel @ own)


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
    weights: csr_array
    shape: Shape
    heard: Shape

    def behind(self, outer: Windows) -> "Scattered":
        """With an operation behind it."""
        weights = csr_array(outer.matrix() @ self.weights)
        check_size(weights.nnz)
        shape = outer.rows.result, outer.columns.result, outer.channels
        return Scattered(self.source, weights, shape, self.heard)

    def scaled(self, factor: np.ndarray) -> "Scattered":
        """Each channel of the result by a factor."""
        every = np.tile(factor, self.shape[0] * self.shape[1])
        return replace(self, weights=csr_array(diags_array(every) @ self.weights))

    def placed(self, first: int, channels: int) -> "Scattered":
        """Its channels among others."""
        rows, columns, own = self.shape
        if (first, own) == (0, channels):
            return self
        coo = self.weights.tocoo()
        pixel, channel = coo.row // own, coo.row % own
        weights = csr_array(
            (coo.data, (pixel * channels + channel + first, coo.col)),
            (rows * columns * channels, coo.shape[1]),
        )
        return Scattered(self.source, weights, (rows, columns, channels), self.heard)

    def matrix(self) -> csr_array:
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


def mixture(matrix: np.ndarray, shape: Shape, depthwise: bool = False) -> Windows:
    """Every pixel of an image of a shape through a matrix of channels, or a factor for each."""
    rows, columns = axis.identity(shape[0]), axis.identity(shape[1])
    kernel = np.asarray(matrix, np.float64)
    kernel = kernel[None, None, :, None] if depthwise else kernel[None, None]
    return Windows(rows, columns, kernel, depthwise, Plain())


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
        Scattered(part.source, csr_array(part.matrix()[order]), shape, heard_shape(part))
        for part in one.parts
    )
    offset = np.broadcast_to(one.offset, one.shape).reshape(-1)[order].reshape(shape)
    return LinearMap(parts, _even(offset), shape)


def heard_shape(part: Part) -> Shape:
    """Shape of the source of a part."""
    if isinstance(part, Scattered):
        return part.heard
    return heard_of(part.windows)


def heard_of(windows: Windows) -> Shape:
    """Shape of what windows hear."""
    return windows.rows.length, windows.columns.length, int(windows.kernel.shape[2])


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
        return replace(one, weights=csr_array(one.weights + other.weights))
    assert isinstance(one, Heard) and isinstance(other, Heard)
    first, second = one.windows, other.windows
    if first.depthwise != second.depthwise:
        first, second = first.dense(), second.dense()
    return Heard(one.source, replace(first, kernel=first.kernel + second.kernel))
