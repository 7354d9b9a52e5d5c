"""Drawing without a screen, saved whole or not at all."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from loihiseg.files import write_bytes
from partition.display.drawing import plain_text


@contextmanager
def figure(
    path: Path, size: tuple[float, float], *, nrows: int = 1, ncols: int = 1, squeeze: bool = True
) -> Iterator[np.ndarray]:
    """A matplotlib figure that is saved as PNG when the block ends; its text is never mathematics.

    Parameters
    ----------
    path : Path
    size : tuple of float
        Width and height in inches, at 120 pixels each.
    nrows, ncols, squeeze
        As of ``matplotlib.figure.Figure.subplots``.

    Yields
    ------
    axes : numpy.ndarray
        What ``subplots`` returns of more than one.
    """
    buffer = io.BytesIO()
    with figure_into(buffer, size, nrows=nrows, ncols=ncols, squeeze=squeeze) as axes:
        yield axes
    write_bytes(path, buffer.getvalue())


@contextmanager
def figure_into(
    buffer: io.BytesIO,
    size: tuple[float, float],
    *,
    nrows: int = 1,
    ncols: int = 1,
    squeeze: bool = True,
) -> Iterator[np.ndarray]:
    """The same, its PNG written into memory."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with plain_text():
        drawn = Figure(figsize=size, dpi=120, layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn.subplots(nrows, ncols, squeeze=squeeze)
        drawn.savefig(buffer, format="png")
