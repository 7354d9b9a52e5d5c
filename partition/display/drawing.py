"""matplotlib for labels of strangers: text is text, never mathematics, TeX or a fault."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from partition.display.messages import one_line

MAX_LABEL = 60
"""Characters of a label in a picture."""


@contextmanager
def plain_text() -> Iterator[None]:
    """Text that is made inside is drawn as it stands, dollar signs and backslashes included.

    Of characters that the font does not have boxes are drawn, without a word.
    """
    from matplotlib import rc_context

    with rc_context({"text.parse_math": False, "text.usetex": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield


def label(text: object) -> str:
    """A name as it is drawn: printable, and not too long."""
    return one_line(text, MAX_LABEL)
