"""A term of a spiking layer as a Nengo transform."""

import nengo


def nengo_transform(term, input_shape):
    """The convolution of a term, or its transpose.

    Parameters
    ----------
    term : loihiseg.conversion.linear.Term
    input_shape : tuple of int
        (rows, columns, channels) of the source.

    Returns
    -------
    nengo.Convolution or nengo.transforms.ConvolutionTranspose
    """
    kind = nengo.transforms.ConvolutionTranspose if term.transposed else nengo.Convolution
    return kind(
        n_filters=term.kernel.shape[3],
        input_shape=tuple(input_shape),
        kernel_size=term.kernel.shape[:2],
        strides=term.strides,
        padding=term.padding,
        channels_last=True,
        init=term.kernel,
    )
