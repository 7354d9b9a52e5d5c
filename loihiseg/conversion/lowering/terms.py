"""A linear map as the terms of a layer: convolutions where it is one, sparse matrices where not."""

from collections.abc import Sequence

import numpy as np
import scipy

from loihiseg.conversion.convolution import same_borders
from loihiseg.conversion.linear import AnyTerm, Pads, Pair, SparseTerm, Term
from loihiseg.conversion.lowering import taps as axis
from loihiseg.conversion.lowering.linear_map import Heard, LinearMap, Part, Scattered, heard_shape
from loihiseg.conversion.lowering.windows import (
    Shape,
    Windows,
    check_size,
    heard_of,
    sum_of_products,
)

DENSE_SHARE = 0.25
"""Share of weights that are not 0, above which a matrix to or from one pixel is a convolution."""


def terms_of(one: LinearMap) -> tuple[AnyTerm, ...]:
    """Terms whose sum, with the offset, is a map.

    Raises
    ------
    NotPlacedError
        If it would take too many weights of single pixels.
    """
    placed: list[tuple[int, AnyTerm]] = []
    for number, part in enumerate(one.parts):
        if isinstance(part, Heard) and part.windows.plain is not None:
            placed.append((number, _plain(part.source, part.windows)))
    for first, source, parts in _others(one):
        placed += [(first, term) for term in _terms(source, parts, one.shape)]
    return tuple(term for _, term in sorted(placed, key=lambda each: each[0]))


def _plain(source: str, windows: Windows) -> Term:
    plain = windows.plain
    assert plain is not None
    return Term(
        source,
        _used(windows).astype(np.float32),
        plain.strides,
        plain.padding,
        plain.transposed,
        depthwise=windows.depthwise,
    )


def _used(windows: Windows) -> np.ndarray:
    """The kernel, 0 where it looks past every border: the chip has no such weights.

    nengo-loihi chooses a block's scale from the weights that are there.
    """
    rows, columns = ((one.places >= 0).any(axis=1) for one in (windows.rows, windows.columns))
    return windows.kernel * (rows[:, None] & columns)[..., None, None]


def _others(one: LinearMap) -> list[tuple[int, str, list[Part]]]:
    """Parts by source that are not one convolution of Keras each, and where the first stands."""
    found: dict[str, tuple[int, str, list[Part]]] = {}
    for number, part in enumerate(one.parts):
        if isinstance(part, Scattered) or part.windows.plain is None:
            found.setdefault(part.source, (number, part.source, []))[2].append(part)
    return list(found.values())


def _terms(source: str, parts: Sequence[Part], shape: Shape) -> list[AnyTerm]:
    """Terms of all parts of one source."""
    terms: list[AnyTerm] = []
    rest = scipy.sparse.csr_array((int(np.prod(shape)), int(np.prod(heard_shape(parts[0])))))
    for group in _by_step(parts):
        for own in _near(group):
            term, left = _convolution(source, own)
            if term is not None:
                terms.append(term)
            if left is not None:
                rest = scipy.sparse.csr_array(rest + left)
    for part in parts:
        if isinstance(part, Scattered):
            rest = scipy.sparse.csr_array(rest + part.weights)
    rest.data[np.abs(rest.data) < 1e-12 * np.abs(rest.data).max(initial=0)] = 0
    rest.eliminate_zeros()
    if rest.nnz:
        check_size(rest.nnz)
        terms.append(_scattered(source, rest, shape, heard_shape(parts[0])))
    return terms


def _by_step(parts: Sequence[Part]) -> list[list[Windows]]:
    groups: dict[tuple[object, ...], list[Windows]] = {}
    for part in parts:
        if isinstance(part, Heard):
            windows = part.windows
            groups.setdefault((windows.rows.step, windows.columns.step), []).append(windows)
    return list(groups.values())


def _near(group: list[Windows]) -> list[list[Windows]]:
    """All windows together, or each on its own where one kernel of all would be larger."""
    together = _fits(group)
    if together is None or len(group) == 1:
        return [group]
    apart = [_fits([windows]) for windows in group]
    sizes = [_size(fits) for fits in apart if fits is not None]
    return [group] if _size(together) <= sum(sizes) else [[windows] for windows in group]


def _size(fits: tuple[list[axis.Fit], list[axis.Fit]]) -> int:
    rows, columns = fits
    return int(rows[0].shares.shape[1] * columns[0].shares.shape[1])


def _convolution(
    source: str, group: Sequence[Windows]
) -> "tuple[Term | None, scipy.sparse.csr_array | None]":
    """The convolution that windows of one step are, and what it leaves of them."""
    fits = _fits(group)
    if fits is None:
        return None, _matrix(group)
    rows, columns = fits
    first_row, first_column = rows[0], columns[0]
    exact = all(fit.exact for fit in (*rows, *columns))
    if not exact and _n_left(group, rows, columns) > _n_weights(group) / 2:
        return None, _matrix(group)
    depthwise = all(windows.depthwise for windows in group)
    kernel = sum(
        np.einsum(
            "ak,bl,abcd->klcd", row.shares, column.shares,
            _used(windows if depthwise else windows.dense()), optimize=True,
        )
        for windows, row, column in zip(group, rows, columns, strict=True)
    )  # fmt: skip
    pads: Pads = (
        (first_row.before, first_row.after), (first_column.before, first_column.after)
    )  # fmt: skip
    term = _tight(
        source, np.asarray(kernel, np.float32), (first_row.stride, first_column.stride),
        first_row.transposed, pads, depthwise, heard_of(group[0]),
    )  # fmt: skip
    return term, None if exact else _left(group, rows, columns)


def _fits(group: Sequence[Windows]) -> tuple[list[axis.Fit], list[axis.Fit]] | None:
    for turned in (False, True):
        rows = axis.fit([windows.rows for windows in group], turned)
        columns = axis.fit([windows.columns for windows in group], turned)
        if rows is not None and columns is not None:
            return rows, columns
    return None


def _tight(
    source: str,
    kernel: np.ndarray,
    strides: Pair,
    transposed: bool,
    pads: Pads,
    depthwise: bool,
    heard: Shape,
) -> Term:
    """A term whose borders are said by a word where there is one."""
    if not transposed:
        # What a last window does not reach is left out anyway.
        (top, bottom), (left, right) = pads
        bottom, right = (
            0 if -stride < end < 0 else end for end, stride in zip((bottom, right), strides)
        )
        pads = (top, bottom), (left, right)
        size = kernel.shape[0], kernel.shape[1]
        _, rows, columns, _ = same_borders((1, *heard), size, strides)
        if pads == (rows, columns) and pads != ((0, 0), (0, 0)):
            return Term(source, kernel, strides, "same", depthwise=depthwise)
    if pads == ((0, 0), (0, 0)):
        return Term(source, kernel, strides, "valid", transposed, depthwise=depthwise)
    return Term(source, kernel, strides, "valid", transposed, pads=pads, depthwise=depthwise)


def _n_weights(group: Sequence[Windows]) -> int:
    return sum(windows.n_weights() for windows in group)


def _matrix(group: Sequence[Windows]) -> "scipy.sparse.csr_array":
    check_size(_n_weights(group))
    total = group[0].matrix()
    for windows in group[1:]:
        total = total + windows.matrix()
    return scipy.sparse.csr_array(total)


def _n_left(group: Sequence[Windows], rows: Sequence[axis.Fit], columns: Sequence[axis.Fit]) -> int:
    """Weights of what the convolution leaves, at most."""
    total = 0.0
    for windows, row, column in zip(group, rows, columns, strict=True):
        each = np.count_nonzero(windows.kernel, axis=(2, 3))
        row_rest = np.array([rest.nnz for rest in row.rest], int)
        column_rest = np.array([rest.nnz for rest in column.rest], int)
        row_all = (windows.rows.places >= 0).sum(1)
        column_all = (windows.columns.places >= 0).sum(1)
        total += row_rest @ each @ column_all + (row_all + row_rest) @ each @ column_rest
    return int(total)


def _left(
    group: Sequence[Windows], rows: Sequence[axis.Fit], columns: Sequence[axis.Fit]
) -> "scipy.sparse.csr_array":
    """What the convolution leaves: with R and Q the taps and E and F their rests, of each pair
    E x Q + (R - E) x F."""
    check_size(_n_left(group, rows, columns))
    total: scipy.sparse.csr_array | None = None
    for windows, row, column in zip(group, rows, columns, strict=True):
        row_all = [axis.matrix(windows.rows, n) for n in range(windows.rows.n_taps)]
        column_all = [axis.matrix(windows.columns, n) for n in range(windows.columns.n_taps)]
        fitted = [scipy.sparse.csr_array(a - e) for a, e in zip(row_all, row.rest, strict=True)]
        for one, other in (
            (row.rest, column_all),
            (fitted, column.rest),
        ):
            part = sum_of_products(one, other, windows)
            total = part if total is None else total + part
    assert total is not None
    return scipy.sparse.csr_array(total)


def _scattered(
    source: str, weights: "scipy.sparse.csr_array", shape: Shape, heard: Shape
) -> AnyTerm:
    """A matrix as a convolution where it is to or from one pixel, else as it is."""
    full = weights.nnz > DENSE_SHARE * weights.shape[0] * weights.shape[1]
    if full and shape[:2] == (1, 1):
        kernel = weights.toarray().astype(np.float32).reshape(shape[2], *heard)
        return Term(source, np.ascontiguousarray(kernel.transpose(1, 2, 3, 0)))
    if full and heard[:2] == (1, 1):
        kernel = weights.toarray().astype(np.float32).reshape(*shape, heard[2])
        kernel = np.ascontiguousarray(kernel.transpose(0, 1, 3, 2))
        return Term(source, kernel, transposed=True)
    found = _recognized(source, weights, shape, heard)
    if found is not None:
        return found
    weights = scipy.sparse.csr_array(weights.astype(np.float32))
    weights.sort_indices()
    return SparseTerm(source, weights)


def _recognized(
    source: str, weights: "scipy.sparse.csr_array", shape: Shape, heard: Shape
) -> Term | None:
    """A matrix that is a convolution all the same, such as one behind depth-to-space."""
    for turned in (False, True):
        large, small = (shape, heard) if turned else (heard, shape)
        strides = large[0] // small[0], large[1] // small[1]
        if min(strides) < 1 or (turned and strides == (1, 1)):
            continue
        term = _by_distance(source, weights, shape, heard, strides, turned)
        if term is not None:
            return term
    return None


def _by_distance(
    source: str,
    weights: "scipy.sparse.csr_array",
    shape: Shape,
    heard: Shape,
    strides: Pair,
    turned: bool,
) -> Term | None:
    coo = weights.tocoo()
    row, column, channel = np.unravel_index(coo.row, shape)
    from_row, from_column, from_channel = np.unravel_index(coo.col, heard)
    if turned:
        down, right = row - strides[0] * from_row, column - strides[1] * from_column
    else:
        down, right = from_row - strides[0] * row, from_column - strides[1] * column
    low = int(down.min()), int(right.min())
    size = int(down.max()) - low[0] + 1, int(right.max()) - low[1] + 1
    if size[0] * size[1] * heard[2] * shape[2] > 4 * weights.nnz:
        return None  # no convolution has so large a kernel for so few weights
    kernel = np.zeros((*size, heard[2], shape[2]))
    kernel[down - low[0], right - low[1], from_channel, channel] = coo.data
    ends = []
    for own, length, result, stride in zip(size, heard, shape, strides, strict=False):
        if turned:
            ends.append((length - 1) * stride + own - result)
        else:
            ends.append(stride * (result - 1) + own - length)
    before = -low[0], -low[1]
    pads = (before[0], ends[0] - before[0]), (before[1], ends[1] - before[1])
    windows = _windows(kernel, shape, heard, strides, before, turned)
    if windows.n_weights() > 2 * weights.nnz:
        return None
    difference = windows.matrix() - weights
    if np.abs(difference.data).max(initial=0) > 1e-9 * np.abs(coo.data).max():
        return None
    return _tight(source, kernel.astype(np.float32), strides, turned, pads, False, heard)


def _windows(
    kernel: np.ndarray,
    shape: Shape,
    heard: Shape,
    strides: Pair,
    before: Pair,
    turned: bool,
) -> Windows:
    make = axis.transposed if turned else axis.sliding
    rows, columns = (
        make(heard[n], shape[n], kernel.shape[n], strides[n], before[n]) for n in (0, 1)
    )
    return Windows(rows, columns, kernel)
