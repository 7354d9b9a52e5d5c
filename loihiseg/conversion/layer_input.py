"""Input of a layer's neurons in TensorFlow: the sum of its convolutions.

`loihiseg.conversion.convolution` has the same in numpy.
"""

from collections.abc import Mapping, Sequence

from loihiseg.frameworks import tf

from loihiseg.conversion.linear import Term
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
    kernels = [term.kernel for term in layer.terms] if kernels is None else kernels
    total = tf.convert_to_tensor(layer.bias if bias is None else bias)
    for term, kernel in zip(layer.terms, kernels, strict=True):
        total = total + _convolved(term, sources[term.source], kernel, layer.shape)
    return total


def _convolved(
    term: Term, x: tf.Tensor, kernel: tf.Variable, shape: tuple[int, int, int]
) -> tf.Tensor:
    """What one term adds: (batch, *shape)."""
    padding = term.padding.upper()
    if term.levels > 1:
        x = summed(x, term.levels)
    if not term.transposed:
        return tf.nn.conv2d(x, kernel, term.strides, padding)
    kernel = tf.transpose(kernel, (0, 1, 3, 2))
    return tf.nn.conv2d_transpose(x, kernel, (tf.shape(x)[0], *shape), term.strides, padding)


def summed(x: tf.Tensor, levels: int) -> tf.Tensor:
    """Sum runs of channels: (batch, rows, columns, n) to (batch, rows, columns, n / levels)."""
    return tf.reduce_sum(tf.reshape(x, (-1, *x.shape[1:3], x.shape[3] // levels, levels)), -1)
