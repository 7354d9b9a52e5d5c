"""Words on what was read that a user has to see, though reading goes on.

Python's warnings carry them: commands print each on a line of its own, also under ``--quiet``, and
notebooks and tests see them in their own ways.
"""

import warnings


class ReadingWarning(UserWarning):
    """A file can be read in more than one way, or lacks something; the text says what was done."""


def warn(message: str) -> None:
    """Warn of something that was read, in one line that names the file."""
    warnings.warn(message, ReadingWarning, stacklevel=3)
