"""Convolutions of images in numpy: what the host computes where neither Keras nor Nengo is there.

All are sums over windows: each is laid out as one row, and the rows are multiplied with the kernel
as one matrix, as ``nengo.Convolution`` does it. In float64 the sums are those of Nengo's reference
simulator to the last bit; in float32 they are Keras' up to the order of additions.

A BLAS adds up in an order that depends on how many threads it has. What has to be the same to the
last bit wherever it is computed is multiplied `in_order`, which is slower.
"""

from collections.abc import Callable

import numpy as np

from loihiseg.conversion.linear import Term

Product = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Of two matrices."""


def in_order(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The product of two matrices by numpy's own loops: the same for any number of threads."""
    return np.einsum("ik,kj->ij", rows, matrix, optimize=False)


def convolve(
    images: np.ndarray,
    kernel: np.ndarray,
    strides: tuple[int, int] = (1, 1),
    padding: str = "valid",
    product: Product = np.matmul,
) -> np.ndarray:
    """Cross-correlation with zero padding, as ``tf.nn.conv2d``.

    Parameters
    ----------
    images : numpy.ndarray
        (n, rows, columns, channels), float.
    kernel : numpy.ndarray
        (kernel rows, kernel columns, channels, filters), of the same type.
    strides : tuple of int
    padding : str
        "valid" or "same".
    product : callable
        See `Product`.

    Returns
    -------
    numpy.ndarray
        (n, rows, columns, filters).
    """
    high, wide = kernel.shape[:2]
    if padding == "same":
        images = np.pad(images, same_borders(images.shape, (high, wide), strides))
    windows = sliding_windows(images, (high, wide))[:, :: strides[0], :: strides[1]]
    return _products(windows, kernel, product)


def convolve_transposed(
    images: np.ndarray,
    kernel: np.ndarray,
    strides: tuple[int, int] = (1, 1),
    product: Product = np.matmul,
) -> np.ndarray:
    """Transposed convolution without cropping, as ``tf.nn.conv2d_transpose`` with "valid".

    Parameters
    ----------
    images : numpy.ndarray
        (n, rows, columns, channels), float.
    kernel : numpy.ndarray
        (kernel rows, kernel columns, channels, filters), of the same type.
    strides : tuple of int
    product : callable
        See `Product`.

    Returns
    -------
    numpy.ndarray
        (n, (rows - 1) * stride + kernel rows, ..., filters); where the stride is larger than the
        kernel, zeros fill the rest up to ``rows * stride``.
    """
    if tuple(kernel.shape[:2]) == tuple(strides):
        return _side_by_side(images, kernel, product)
    n, rows, columns, channels = images.shape
    high, wide = kernel.shape[:2]
    grown = np.zeros((n, rows * strides[0], columns * strides[1], channels), images.dtype)
    grown[:, :: strides[0], :: strides[1]] = images
    # Behind the last pixel of the input stand stride - 1 zeros already.
    after = (max(high - strides[0], 0), max(wide - strides[1], 0))
    grown = np.pad(grown, ((0, 0), (high - 1, after[0]), (wide - 1, after[1]), (0, 0)))
    return _products(sliding_windows(grown, (high, wide)), kernel[::-1, ::-1], product)


def term_input(term: Term, source: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """What one term adds to the input of a layer.

    Parameters
    ----------
    term : Term
    source : numpy.ndarray
        (n, rows, columns, neurons) of the source; neurons that carry one channel together are
        summed.
    shape : tuple of int
        (rows, columns, channels) of the layer.

    Returns
    -------
    numpy.ndarray
        (n, rows, columns, channels), of the type of ``source``.
    """
    if term.levels > 1:
        source = source.reshape(*source.shape[:-1], -1, term.levels).sum(-1, dtype=source.dtype)
    kernel = term.kernel.astype(source.dtype, copy=False)
    if term.transposed:
        found = convolve_transposed(source, kernel, term.strides)
    else:
        found = convolve(source, kernel, term.strides, term.padding)
    return found[:, : shape[0], : shape[1]]


def sliding_windows(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Every window, a view: (n, rows, columns, kernel rows, kernel columns, channels)."""
    # numpy 1.26 declares one axis only, and takes several.
    windows = np.lib.stride_tricks.sliding_window_view(images, size, axis=(1, 2))  # type: ignore[call-overload]
    return windows.transpose(0, 1, 2, 4, 5, 3)


def same_borders(
    shape: tuple[int, ...], size: tuple[int, int], strides: tuple[int, int]
) -> list[tuple[int, int]]:
    """Borders of images, for ``numpy.pad``, with which padding "same" is padding "valid".

    There is a window at every stride-th pixel then; of an odd number one more is at the end.

    Parameters
    ----------
    shape : tuple of int
        (n, rows, columns, channels).
    size, strides : tuple of int
        Of the windows.
    """
    borders = [(0, 0)]
    for length, window, stride in zip(shape[1:3], size, strides, strict=True):
        total = max((-(-length // stride) - 1) * stride + window - length, 0)
        borders.append((total // 2, total - total // 2))
    return [*borders, (0, 0)]


def _products(windows: np.ndarray, kernel: np.ndarray, product: Product) -> np.ndarray:
    """Sum of products of every window with the kernel."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    rows = np.stack([product(image.reshape(-1, len(matrix)), matrix) for image in windows])
    return rows.reshape(*windows.shape[:3], -1)


def _side_by_side(images: np.ndarray, kernel: np.ndarray, product: Product) -> np.ndarray:
    """Of a kernel as large as the stride: no two windows overlap, nothing is added up."""
    n, rows, columns, channels = images.shape
    high, wide, _, filters = kernel.shape
    matrix = kernel.transpose(2, 0, 1, 3).reshape(channels, -1)
    pieces = product(images.reshape(-1, channels), matrix)
    pieces = pieces.reshape(n, rows, columns, high, wide, filters)
    return pieces.transpose(0, 1, 3, 2, 4, 5).reshape(n, rows * high, columns * wide, filters)
