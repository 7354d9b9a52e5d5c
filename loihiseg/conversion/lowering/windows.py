"""Windows: a kernel over taps along rows and columns, and what one is behind another.

A convolution, a mean, what enlarges or moves pixels and what mixes channels are all such, and so is
one after the other. `loihiseg.conversion.lowering.linear_map` adds them up over sources.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

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

    def matrix(self) -> "scipy.sparse.csr_array":
        """As a matrix, float64, (values of the result, values heard)."""
        check_size(self.n_weights())
        rows, columns = (
            [axis.matrix(part, n) for n in range(part.n_taps)] for part in (self.rows, self.columns)
        )
        return sum_of_products(rows, columns, self)


def sum_of_products(
    rows: "Sequence[scipy.sparse.csr_array]",
    columns: "Sequence[scipy.sparse.csr_array]",
    windows: Windows,
) -> "scipy.sparse.csr_array":
    """Matrix of the kernel of windows over given matrices of their taps along each axis."""
    n_out = windows.rows.result * windows.columns.result * windows.channels
    n_in = windows.rows.length * windows.columns.length * windows.kernel.shape[2]
    sparse = scipy.sparse
    total = sparse.csr_array((n_out, n_in))
    for a, row in enumerate(rows):
        for b, column in enumerate(columns):
            part = windows.kernel[a, b]
            if row.nnz and column.nnz and part.any():
                mixed = (
                    sparse.diags_array(part[:, 0])
                    if windows.depthwise
                    else sparse.csr_array(part.T)
                )
                total = total + sparse.kron(sparse.kron(row, column, "csr"), mixed, "csr")
    return sparse.csr_array(total)


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


def every_mixed(outer: Windows, inner: Windows) -> np.ndarray:
    """Kernel of windows over channels that are mixed before."""
    own = inner.kernel[0, 0]
    if inner.depthwise:
        return outer.kernel * own
    if outer.depthwise:
        return np.asarray(own * outer.kernel[:, :, None, :, 0])
    return np.asarray(own @ outer.kernel)


def mixed_every(outer: Windows, inner: Windows) -> np.ndarray:
    """Kernel of windows whose channels are mixed behind."""
    own = outer.kernel[0, 0]
    if outer.depthwise:
        return inner.kernel * (own if inner.depthwise else own[:, 0])
    return np.asarray(inner.kernel * own if inner.depthwise else inner.kernel @ own)


def mixture(matrix: np.ndarray, shape: Shape, depthwise: bool = False) -> Windows:
    """Every pixel of an image of a shape through a matrix of channels, or a factor for each."""
    rows, columns = axis.identity(shape[0]), axis.identity(shape[1])
    kernel = np.asarray(matrix, np.float64)
    kernel = kernel[None, None, :, None] if depthwise else kernel[None, None]
    return Windows(rows, columns, kernel, depthwise, Plain())


def heard_of(windows: Windows) -> Shape:
    """Shape of what windows hear."""
    return windows.rows.length, windows.columns.length, int(windows.kernel.shape[2])
