"""Maps and truth without the pixels that count for nothing.

*Known* pixels, bool, True where a pixel counts, are None where all do; see
`loihiseg.data.stack.Stack.known`.
"""

import numpy as np


def counted(known: np.ndarray | None, array: np.ndarray) -> np.ndarray:
    """The pixels that count, of any shape: (n,), or the array itself where all do.

    Parameters
    ----------
    known : numpy.ndarray or None
        Of the array's shape.
    array : numpy.ndarray
    """
    return array if known is None else array[known]


def closed(
    known: np.ndarray | None, membrane: np.ndarray, logits: np.ndarray, most: float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """Truth and map for scores of regions, pixels that count for nothing membrane in both.

    So they are in no region, and in no sum; regions of either that meet only there are two. The
    thinning of a proposal lets its regions grow over them as over any membrane, whatever a network
    says there.

    Parameters
    ----------
    known : numpy.ndarray or None
    membrane : numpy.ndarray
        bool, truth.
    logits : numpy.ndarray
        Of membrane, or what rises with them.
    most : float
        What stands for membrane without a doubt: 1 of probabilities, 255 of such in uint8.

    Returns
    -------
    numpy.ndarray, numpy.ndarray
        The same shapes; where all count, the arrays themselves.
    """
    if known is None:
        return membrane, logits
    return membrane | ~known, np.where(known, logits, np.array(most, logits.dtype))
