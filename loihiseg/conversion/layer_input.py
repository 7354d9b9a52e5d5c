"""Input of a layer's neurons in TensorFlow: the sum of its terms, or their extreme.

`loihiseg.conversion.convolution` has the same in numpy.
"""

from collections.abc import Mapping, Sequence

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.conversion.convolution import same_borders
from loihiseg.conversion.linear import AnyTerm, Pads, SparseTerm, Term
from loihiseg.conversion.spec import SpikingLayer


def layer_input(
    layer: SpikingLayer,
    sources: Mapping[str, tf.Tensor],
    kernels: Sequence[tf.Variable] | None = None,
    bias: tf.Variable | None = None,
) -> tf.Tensor:
    """Input of a layer's neurons.

    Parameters
    ----------
    layer : SpikingLayer
    sources : mapping of str to tf.Tensor
        float32, (batch, rows, columns, channels), by name; those that the layer hears must be
        among them.
    kernels, bias : optional
        In place of those of the layer, to be trained; a kernel for each of its terms.

    Returns
    -------
    tf.Tensor
        float32, (batch, rows, columns, channels).
    """
    if layer.neuron.chooses:
        return _extreme(layer, sources, bool(getattr(layer.neuron, "largest", True)))
    kernels = [term.values for term in layer.terms] if kernels is None else kernels
    total = tf.convert_to_tensor(layer.bias if bias is None else bias)
    for term, kernel in zip(layer.terms, kernels, strict=True):
        total = total + _heard(term, sources[term.source], kernel, layer.shape)
    return total


def _heard(
    term: AnyTerm, x: tf.Tensor, kernel: tf.Variable, shape: tuple[int, int, int]
) -> tf.Tensor:
    """What one term adds: (batch, *shape)."""
    if term.levels > 1:
        x = summed(x, term.levels)
    if isinstance(term, SparseTerm):
        return _multiplied(term, x, kernel, shape)
    if not term.transposed:
        padding = term.padding.upper()
        if term.pads is not None:
            x, padding = _with_borders(x, term.pads), "VALID"
        if not term.depthwise:
            return tf.nn.conv2d(x, kernel, term.strides, padding)
        # TensorFlow takes no unequal strides of depthwise convolutions: the larger has all pixels.
        stride = int(np.gcd(*term.strides))
        if padding == "SAME" and term.strides[0] != term.strides[1]:
            _, rows, columns, _ = same_borders(
                (0, *x.shape[1:]), (kernel.shape[0], kernel.shape[1]), term.strides
            )
            x, padding = _with_borders(x, (rows, columns)), "VALID"
        found = tf.nn.depthwise_conv2d(x, kernel, (1, stride, stride, 1), padding)
        return found[:, :: term.strides[0] // stride, :: term.strides[1] // stride]
    if term.depthwise:
        high, wide, channels, each = kernel.shape
        own = tf.transpose(tf.linalg.diag(tf.transpose(kernel, (0, 1, 3, 2))), (0, 1, 3, 4, 2))
        kernel = tf.reshape(own, (high, wide, channels, channels * each))
    kernel = tf.transpose(kernel, (0, 1, 3, 2))
    if term.pads is None:
        size = (tf.shape(x)[0], *shape)
        return tf.nn.conv2d_transpose(x, kernel, size, term.strides, term.padding.upper())
    rows, columns = (
        (length - 1) * stride + window
        for length, stride, window in zip(x.shape[1:3], term.strides, kernel.shape[:2])
    )
    size = (tf.shape(x)[0], rows, columns, shape[2])
    (top, bottom), (left, right) = term.pads
    found = tf.nn.conv2d_transpose(x, kernel, size, term.strides, "VALID")
    return _with_borders(found, ((-top, -bottom), (-left, -right)))


def _multiplied(
    term: SparseTerm, x: tf.Tensor, values: tf.Variable, shape: tuple[int, int, int]
) -> tf.Tensor:
    rows = np.repeat(np.arange(term.weights.shape[0]), np.diff(term.weights.indptr))
    places = np.stack([rows, term.weights.indices], axis=1).astype(np.int64)
    weights = tf.SparseTensor(places, values, term.weights.shape)
    flat = tf.reshape(x, (-1, term.weights.shape[1]))
    found = tf.sparse.sparse_dense_matmul(weights, flat, adjoint_b=True)
    return tf.reshape(tf.transpose(found), (-1, *shape))


def _with_borders(x: tf.Tensor, pads: Pads, value: float = 0.0) -> tf.Tensor:
    """Rows and columns of a value around images; below 0, so many are left out."""
    borders = [(0, 0), *((max(a, 0), max(b, 0)) for a, b in pads), (0, 0)]
    x = tf.pad(x, borders, constant_values=value)
    rows, columns = (
        slice(max(-a, 0), length - max(-b, 0))
        for (a, b), length in zip(pads, x.shape[1:3], strict=True)
    )
    return x[:, rows, columns]


def _extreme(layer: SpikingLayer, sources: Mapping[str, tf.Tensor], largest: bool) -> tf.Tensor:
    """The extreme of all that the terms look at; 0 where that is nothing."""
    choose, nothing = (tf.maximum, -np.inf) if largest else (tf.minimum, np.inf)
    found = None
    for term in layer.terms:
        assert isinstance(term, Term) and term.depthwise and not term.transposed, layer.name
        x, size = sources[term.source], term.kernel.shape[:2]
        x = summed(x, term.levels) if term.levels > 1 else x
        pads = term.pads or ((0, 0), (0, 0))
        if term.padding == "same" and term.pads is None:
            _, rows, columns, _ = same_borders((0, *x.shape[1:]), (size[0], size[1]), term.strides)
            pads = rows, columns
        x = _with_borders(x, pads, nothing)
        spans = [(n - 1) * s + 1 for n, s in zip(layer.shape[:2], term.strides, strict=True)]
        for row, column, _ in np.argwhere(term.kernel[..., :1, 0]):
            own = x[:, row : row + spans[0] : term.strides[0]]
            own = own[:, :, column : column + spans[1] : term.strides[1]]
            found = own if found is None else choose(found, own)
    return tf.where(tf.math.is_finite(found), found, tf.zeros_like(found))


def summed(x: tf.Tensor, levels: int) -> tf.Tensor:
    """Sum runs of channels: (batch, rows, columns, n) to (batch, rows, columns, n / levels)."""
    return tf.reduce_sum(tf.reshape(x, (-1, *x.shape[1:3], x.shape[3] // levels, levels)), -1)
