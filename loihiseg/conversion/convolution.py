"""Convolutions of images in numpy: what the host computes where neither Keras nor Nengo is there.

All are sums over windows: each is laid out as one row, and the rows are multiplied with the kernel
as one matrix, as ``nengo.Convolution`` does it. In float64 the sums are those of Nengo's reference
simulator to the last bit; in float32 they are Keras' up to the order of additions.

A BLAS adds up in an order that depends on how many threads it has. What has to be the same to the
last bit wherever it is computed is multiplied `in_order`, which is slower.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from loihiseg.conversion.linear import AnyTerm, Pads, SparseTerm, Term

if TYPE_CHECKING:
    from loihiseg.conversion.spec import SpikingLayer

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
    depthwise: bool = False,
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
    depthwise : bool
        Whether every channel has kernels of its own, (rows, columns, channels, filters of each).

    Returns
    -------
    numpy.ndarray
        (n, rows, columns, filters).
    """
    high, wide = kernel.shape[:2]
    if padding == "same":
        images = np.pad(images, same_borders(images.shape, (high, wide), strides))
    windows = sliding_windows(images, (high, wide))[:, :: strides[0], :: strides[1]]
    return _products(windows, kernel, product, depthwise)


def convolve_transposed(
    images: np.ndarray,
    kernel: np.ndarray,
    strides: tuple[int, int] = (1, 1),
    product: Product = np.matmul,
    depthwise: bool = False,
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
    depthwise : bool
        Whether every channel has kernels of its own, (rows, columns, channels, filters of each).

    Returns
    -------
    numpy.ndarray
        (n, (rows - 1) * stride + kernel rows, ..., filters); where the stride is larger than the
        kernel, zeros fill the rest up to ``rows * stride``.
    """
    if tuple(kernel.shape[:2]) == tuple(strides) and not depthwise:
        return _side_by_side(images, kernel, product)
    n, rows, columns, channels = images.shape
    high, wide = kernel.shape[:2]
    grown = np.zeros((n, rows * strides[0], columns * strides[1], channels), images.dtype)
    grown[:, :: strides[0], :: strides[1]] = images
    # Behind the last pixel of the input stand stride - 1 zeros already.
    after = (max(high - strides[0], 0), max(wide - strides[1], 0))
    grown = np.pad(grown, ((0, 0), (high - 1, after[0]), (wide - 1, after[1]), (0, 0)))
    return _products(sliding_windows(grown, (high, wide)), kernel[::-1, ::-1], product, depthwise)


def layer_total(
    layer: "SpikingLayer", values: Mapping[str, np.ndarray], n_images: int
) -> np.ndarray:
    """What the neurons of a layer compute their activation from: the sum of its terms, or extreme.

    Parameters
    ----------
    layer : SpikingLayer
    values : mapping of str to numpy.ndarray
        float32, (n, rows, columns, neurons), by name of a source.
    n_images : int

    Returns
    -------
    numpy.ndarray
        float32, (n, rows, columns, channels).
    """
    if layer.neuron.chooses:
        return _extreme(layer, values, bool(getattr(layer.neuron, "largest", True)))
    total = np.broadcast_to(layer.bias, (n_images, *layer.shape)).astype(np.float32)
    for term in layer.terms:
        total += term_input(term, values[term.source], layer.shape)
    return total


def term_input(term: AnyTerm, source: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """What one term adds to the input of a layer.

    Parameters
    ----------
    term : Term or SparseTerm
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
    source = _of_values(term, source)
    if isinstance(term, SparseTerm):
        weights = term.weights.astype(source.dtype)
        return np.asarray((weights @ source.reshape(len(source), -1).T).T.reshape(-1, *shape))
    kernel = term.kernel.astype(source.dtype, copy=False)
    padding = term.padding
    if not term.transposed:
        if term.pads is not None:
            source, padding = with_borders(source, term.pads), "valid"
        return convolve(source, kernel, term.strides, padding, depthwise=term.depthwise)
    found = convolve_transposed(source, kernel, term.strides, depthwise=term.depthwise)
    if term.pads is None:
        return found[:, : shape[0], : shape[1]]
    rows, columns = (
        (length - 1) * stride + size
        for length, stride, size in zip(source.shape[1:3], term.strides, kernel.shape[:2])
    )
    (top, bottom), (left, right) = term.pads
    return with_borders(found[:, :rows, :columns], ((-top, -bottom), (-left, -right)))


def _of_values(term: AnyTerm, source: np.ndarray) -> np.ndarray:
    """Neurons that carry a value together, summed."""
    if term.levels == 1:
        return source
    runs = source.reshape(*source.shape[:-1], -1, term.levels)
    return np.asarray(runs.sum(-1, dtype=source.dtype))


def with_borders(images: np.ndarray, pads: Pads, value: float = 0.0) -> np.ndarray:
    """Images with rows and columns of a value around them; below 0, so many are left out."""
    borders = [(0, 0), *((max(a, 0), max(b, 0)) for a, b in pads), (0, 0)]
    images = np.pad(images, borders, constant_values=value)
    rows, columns = (
        slice(max(-a, 0), length - max(-b, 0))
        for (a, b), length in zip(pads, images.shape[1:3], strict=True)
    )
    return images[:, rows, columns]


def _extreme(layer: "SpikingLayer", values: Mapping[str, np.ndarray], largest: bool) -> np.ndarray:
    """The extreme of all that the terms look at; 0 where that is nothing."""
    choose, nothing = (np.maximum, -np.inf) if largest else (np.minimum, np.inf)
    found: np.ndarray | None = None
    for term in layer.terms:
        assert isinstance(term, Term) and term.depthwise and not term.transposed, layer.name
        source, size = _of_values(term, values[term.source]), term.kernel.shape[:2]
        pads = term.pads or ((0, 0), (0, 0))
        if term.padding == "same" and term.pads is None:
            _, rows, columns, _ = same_borders(source.shape, (size[0], size[1]), term.strides)
            pads = rows, columns
        source = with_borders(source, pads, nothing)
        windows = sliding_windows(source, (size[0], size[1]))
        windows = windows[:, :: term.strides[0], :: term.strides[1]]
        seen = np.where(term.kernel[..., 0] != 0, windows, np.float32(nothing))
        own = choose.reduce(seen, axis=(3, 4))
        found = own if found is None else choose(found, own)
    assert found is not None
    return np.where(np.isfinite(found), found, np.float32(0))


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


def _products(
    windows: np.ndarray, kernel: np.ndarray, product: Product, depthwise: bool
) -> np.ndarray:
    """Sum of products of every window with the kernel."""
    if depthwise:
        found = np.einsum("nijabc,abcm->nijcm", windows, kernel)
        return found.reshape(*found.shape[:3], -1)
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
