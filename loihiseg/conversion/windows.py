"""What of its sources a layer's neurons hear, pixel by pixel, as rows of a matrix.

A convolution is such a matrix times its kernel. `loihiseg.conversion.convolution` multiplies them
at once; kernels that are to be fitted need the rows themselves.
"""

import numpy as np

from loihiseg.conversion.convolution import same_borders, sliding_windows, with_borders
from loihiseg.conversion.linear import AnyTerm, Term


def has_windows(term: AnyTerm) -> bool:
    """Whether a term is a convolution in which every channel hears every channel."""
    return isinstance(term, Term) and not term.depthwise and not term.uniform and term.levels == 1


def heard_windows(term: Term, source: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """What each pixel of a layer hears of a source.

    Parameters
    ----------
    term : Term
        Of which `has_windows` is true.
    source : numpy.ndarray
        (n, rows, columns, channels) of the source, float.
    shape : tuple of int
        (rows, columns, channels) of the layer.

    Returns
    -------
    numpy.ndarray
        (n, rows, columns, values), of the same type: times ``kernel.reshape(values, channels)`` it
        is `loihiseg.conversion.convolution.term_input`.
    """
    high, wide = term.kernel.shape[:2]
    if not term.transposed:
        if term.pads is not None:
            source = with_borders(source, term.pads)
        elif term.padding == "same":
            source = np.pad(source, same_borders(source.shape, (high, wide), term.strides))
        seen = sliding_windows(source, (high, wide))[:, :: term.strides[0], :: term.strides[1]]
        return seen.reshape(*seen.shape[:3], -1)
    n, rows, columns, channels = source.shape
    down, right = term.strides
    grown = np.zeros((n, rows * down, columns * right, channels), source.dtype)
    grown[:, ::down, ::right] = source
    # As in `convolve_transposed`: behind the last pixel stand stride - 1 zeros already.
    after = (max(high - down, 0), max(wide - right, 0))
    grown = np.pad(grown, ((0, 0), (high - 1, after[0]), (wide - 1, after[1]), (0, 0)))
    seen = sliding_windows(grown, (high, wide))[:, :, :, ::-1, ::-1]
    seen = seen.reshape(*seen.shape[:3], -1)
    if term.pads is None:
        return seen[:, : shape[0], : shape[1]]
    last_row, last_column = (rows - 1) * down + high, (columns - 1) * right + wide
    (top, bottom), (before, behind) = term.pads
    crops = ((-top, -bottom), (-before, -behind))
    return with_borders(seen[:, :last_row, :last_column], crops)
