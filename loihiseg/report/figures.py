"""Drawing without a screen, saved whole or not at all."""

import io
from contextlib import contextmanager

from loihiseg.files import write_bytes
from partition.display.drawing import plain_text


@contextmanager
def figure(path, size, **kwargs):
    """A matplotlib figure that is saved as PNG when the block ends; its text is never mathematics.

    Parameters
    ----------
    path : Path
    size : tuple of float
        Width and height in inches, at 120 pixels each.
    **kwargs
        Passed to ``matplotlib.figure.Figure.subplots``.

    Yields
    ------
    axes
        What ``subplots`` returns.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with plain_text():
        drawn = Figure(figsize=size, dpi=120, layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn.subplots(**kwargs)
        buffer = io.BytesIO()
        drawn.savefig(buffer, format="png")
    write_bytes(path, buffer.getvalue())
