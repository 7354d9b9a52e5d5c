"""Several runs on one page: tables, and the maps of one section side by side."""

import io
from collections.abc import Sequence

import numpy as np

from loihiseg.errors import InputError
from loihiseg.report.comparison.facts import ComparedRun
from loihiseg.report.comparison.tables import tables
from loihiseg.report.figures import figure_into
from loihiseg.report.page import page_html

MOST_MAPS = 12
"""Side by side, four in a row."""

IN_A_ROW = 4
MOST_PIXELS = 512
"""Of the side of what is shown of a section."""


def comparison_page(runs: Sequence[ComparedRun]) -> str:
    """The page as HTML that needs no other file."""
    section, drawn = common_section(runs)
    pictures = {}
    if section is not None:
        pictures[f"Probability of membrane, section {section}"] = _side_by_side(section, drawn)
    return page_html("Runs compared", tables(runs), pictures)


def common_section(runs: Sequence[ComparedRun]) -> tuple[int | None, list[ComparedRun]]:
    """The first section that all runs with maps have, and these; None where there is none."""
    drawn = [run for run in runs if run.maps is not None][:MOST_MAPS]
    if not drawn:
        return None, []
    common = set(drawn[0].sections).intersection(*(run.sections for run in drawn))
    return (min(common), drawn) if common else (None, [])


def map_of(run: ComparedRun, section: int) -> np.ndarray | None:
    """A run's map of a section, (rows, columns) uint8; None where the file has none."""
    from loihiseg.data.readers import open_sections

    assert run.maps is not None
    try:
        with open_sections(run.maps) as reader:
            return np.asarray(reader.section(run.sections.index(section)))
    except (InputError, OSError, IndexError):
        return None


def _side_by_side(section: int, runs: Sequence[ComparedRun]) -> bytes:
    n_columns = min(len(runs), IN_A_ROW)
    n_rows = -(-len(runs) // n_columns)
    size, buffer = (3.2 * n_columns, 3.4 * n_rows), io.BytesIO()
    with figure_into(buffer, size, nrows=n_rows, ncols=n_columns, squeeze=False) as axes:
        for one in axes.ravel():
            one.set_axis_off()
        for one, run in zip(axes.ravel(), runs):
            found = map_of(run, section)
            one.set_title(run.name[:40], fontsize=9)
            if found is not None:
                shown = found[:MOST_PIXELS, :MOST_PIXELS]
                one.imshow(shown, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")
    return buffer.getvalue()
