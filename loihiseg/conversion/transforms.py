"""A term of a spiking layer as a Nengo transform."""

import nengo
import numpy as np

from loihiseg.conversion.linear import Term


def nengo_transform(
    term: Term, input_shape: tuple[int, int, int]
) -> nengo.Convolution | nengo.transforms.ConvolutionTranspose:
    """The convolution of a term, or its transpose.

    Parameters
    ----------
    term : loihiseg.conversion.linear.Term
    input_shape : tuple of int
        (rows, columns, channels) of the source's neurons.

    Returns
    -------
    nengo.Convolution or nengo.transforms.ConvolutionTranspose
        Of the kind that shares weights where several neurons stand for a channel of the source.
    """
    settings = {
        "n_filters": term.kernel.shape[3],
        "input_shape": tuple(input_shape),
        "kernel_size": term.kernel.shape[:2],
        "strides": term.strides,
        "padding": term.padding,
        "channels_last": True,
        "init": np.repeat(term.kernel, term.levels, axis=2),
    }
    if term.levels == 1:
        kind = nengo.transforms.ConvolutionTranspose if term.transposed else nengo.Convolution
        return kind(**settings)
    from loihiseg.conversion import shared_weights

    kind = "SharedConvolutionTranspose" if term.transposed else "SharedConvolution"
    return getattr(shared_weights, kind)(levels=term.levels, **settings)
