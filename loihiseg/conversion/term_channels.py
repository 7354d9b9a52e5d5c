"""Which channel of a layer hears by which weight of its terms, and which layers share kernels."""

import numpy as np

from loihiseg.conversion.linear import AnyTerm, SparseTerm, Term
from loihiseg.conversion.spec import SpikingLayer


def channels_of(term: AnyTerm, channels: int) -> np.ndarray:
    """Channel of the layer that hears by each weight of a term.

    Parameters
    ----------
    term : Term or SparseTerm
    channels : int
        Of the layer.

    Returns
    -------
    numpy.ndarray
        int, what broadcasts to the shape of the term's values.
    """
    if isinstance(term, SparseTerm):
        return term.channel_of_values(channels)
    found = np.arange(channels)
    return found.reshape(term.kernel.shape[2:]) if term.depthwise else found


def values_of(term: AnyTerm, values: np.ndarray, part: slice, channels: int) -> np.ndarray:
    """Weights by which a run of channels hears.

    Parameters
    ----------
    term : Term or SparseTerm
    values : numpy.ndarray
        Of the shape of the term's values.
    part : slice
        Of the layer's channels.
    channels : int
        Of the layer.
    """
    if isinstance(term, Term) and not term.depthwise:
        return values[..., part]
    return values[_heard_by(term, values, part, channels)]


def put_values(
    term: AnyTerm, values: np.ndarray, part: slice, channels: int, new: np.ndarray
) -> None:
    """Write what `values_of` reads."""
    if isinstance(term, Term) and not term.depthwise:
        values[..., part] = new
    else:
        values[_heard_by(term, values, part, channels)] = new


def _heard_by(term: AnyTerm, values: np.ndarray, part: slice, channels: int) -> np.ndarray:
    own = channels_of(term, channels)
    return np.broadcast_to((own >= part.start) & (own < part.stop), values.shape)


def is_plain_term(term: AnyTerm) -> bool:
    """Whether it is a convolution, or its transpose, as Nengo has them."""
    return isinstance(term, Term) and term.pads is None and not term.depthwise


def is_plain(layer: SpikingLayer) -> bool:
    """Whether nengo-loihi builds a layer by itself: plain terms, and a bias for each channel.

    Others `loihiseg.conversion.own_synapses` builds, all terms of theirs. Their blocks of the same
    channels have one scale.
    """
    return layer.channel_bias and all(is_plain_term(term) for term in layer.terms)
