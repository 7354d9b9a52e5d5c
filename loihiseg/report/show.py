"""What a notebook shows: tables as HTML, pictures as PNG, where a cell ends with one of them.

::

    from loihiseg.report import show

    show.answers(deployment)
    show.tables(deployment.results, "scores", "layers")

Tables and pictures are those of the report's page. Nothing is written, and no notebook is needed:
`Html.text` and `Picture.png` are what is shown.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from loihiseg.errors import Option, OptionError
from loihiseg.report import tables as made
from loihiseg.report.baseline import below_all_cell
from loihiseg.report.classes import by_class_table, classes_table
from loihiseg.report.comparison.facts import FACTS, ComparedRun
from loihiseg.report.comparison.runs import deployment_facts, read_run
from loihiseg.report.comparison.tables import facts_table
from loihiseg.report.figures import figure_into
from loihiseg.report.pictures import Answers, draw_answers, draw_rates
from loihiseg.report.simulation import work_table
from loihiseg.report.tables import Table
from loihiseg.report.topology import topology_table
from loihiseg.report.traces import draw_trace
from loihiseg.report.training import draw_history
from loihiseg.report.verdict import verdict_of
from loihiseg.results import LayerRates, Results, SimulationResults
from partition.display.drawing import label
from partition.display.messages import how_many, printable

if TYPE_CHECKING:
    import networkx as nx

    from loihiseg.compilation.checking import CheckedModel
    from loihiseg.emulator.traces import Trace
    from loihiseg.training.state import Epoch
    from partition.solution import Solution

IN_A_ROW = 4
"""Images side by side."""

GOLDEN = (5**0.5 - 1) / 2

COLOURS = 96
"""Of a picture: it is kept in the notebook, and sections are noise, which does not compress."""

TABLES: Mapping[str, Callable[[Results], Table | None]] = {
    "scores": made.scores_table,
    "classes": classes_table,
    "by class": by_class_table,
    "layers": made.layers_table,
    "quantization": lambda results: made.precision_table(
        results.quantization, results.code.has_levels
    ),
    "mapping": made.mapping_table,
    "allocators": made.allocators_table,
    "energy": made.energy_table,
    "work": made.work_table,
    "host": made.host_table,
    "section": made.section_table,
    "topology": topology_table,
}
"""Tables of a deployment by name."""


@dataclass(frozen=True)
class Html:
    """Part of a page; whatever it was made of is text in it."""

    text: str

    def _repr_html_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return "<loihiseg.report.show.Html>"


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as the bytes of a PNG file."""

    png: bytes

    def _repr_png_(self) -> bytes:
        return self.png

    def __repr__(self) -> str:
        return f"<loihiseg.report.show.Picture: {len(self.png):,} bytes>"


def table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[object]], note: str = ""
) -> Html:
    """A table of anything, its first column to the left and the others to the right."""
    cells = tuple(tuple(str(cell) for cell in row) for row in rows)
    return Html(_html(Table(title, tuple(header), cells, note)))


def tables(results: Results | SimulationResults, *names: str) -> Html:
    """Tables of a deployment, or of a simulation.

    Parameters
    ----------
    results : Results or SimulationResults
    names : str
        Of `TABLES`, of a deployment; those that it does not have are left out. A simulation has
        its scores and its work.

    Raises
    ------
    InputError
        If there is no table of that name.
    """
    if isinstance(results, SimulationResults):
        rows = tuple(made.score_cells(row) for row in results.score_rows)
        warning = below_all_cell(results.score_rows)
        scores = Table("Scores", made.SCORES_HEADER, rows, warning=warning)
        return Html(_html(scores) + _html(work_table(results)))
    for name in names:
        if name not in TABLES:
            raise OptionError(
                Option("names"), f" {name!r:.60}: no such table; there are {', '.join(TABLES)}"
            )
    found = [TABLES[name](results) for name in names]
    return Html("".join(_html(one) for one in found if one is not None))


def verdict(results: Results) -> Html:
    """What a deployment came to in a line, and what must not be overlooked."""
    found = verdict_of(results)
    text = f"<p><b>{escape(printable(found.line))}</b></p>"
    return Html(text + "".join(f"<p>{escape(printable(one))}</p>" for one in found.warnings))


def compared(runs: Mapping[str, Results | str | Path], *facts: str) -> Html:
    """Deployments side by side, and run folders of whatever kind.

    Parameters
    ----------
    runs : mapping of str to Results or path-like
        By the name that stands above its column.
    facts : str
        Rows, by `loihiseg.report.comparison.facts.Fact.key`; all that there are without.

    Raises
    ------
    InputError
        If a folder holds no run, or there is no fact of that name.
    """
    keys = [fact.key for fact in FACTS]
    for fact in facts:
        if fact not in keys:
            raise OptionError(
                Option("facts"), f" {fact!r:.60}: no such fact; there are {', '.join(keys)}"
            )
    columns = []
    for name, run in runs.items():
        found = deployment_facts(run) if isinstance(run, Results) else read_run(Path(run)).facts
        kept = {key: value for key, value in found.items() if not facts or key in facts}
        columns.append(ComparedRun(name, {}, kept))
    shown = facts_table(columns)
    if facts and not any(fact.endswith("_lost_points") for fact in facts):
        shown = replace(shown, note="")
    return Html(_html(shown))


def checked(found: "CheckedModel") -> Html:
    """What every layer of a model would be on chips, what is refused, and what it takes."""
    from loihiseg.compilation.checking import VERDICT_WORDS

    rows = [
        (
            row.layer,
            row.kind,
            "?" if row.shape is None else " x ".join(map(str, row.shape)),
            VERDICT_WORDS[row.verdict],
        )
        for row in found.layers
    ]
    text = table("Layers", ("layer", "kind", "shape", "verdict"), rows).text
    said = list(found.refusals)
    if (fit := found.fit) is not None:
        said += [*fit.violations, *fit.remedies]
        if fit.fits:
            cores = how_many(fit.n_cores or 0, "core")
            chips = how_many(fit.n_chips or 0, "chip")
            said.append(f"Fits: {fit.n_neurons:,} neurons on {cores}, {chips}; {fit.code} code.")
    return Html(text + "".join(f"<p>{escape(printable(one))}</p>" for one in said))


def images(panels: Mapping[str, np.ndarray], in_a_row: int = IN_A_ROW) -> Picture:
    """Images beside each other, each under its name.

    Parameters
    ----------
    panels : mapping of str to numpy.ndarray
        (rows, columns): bool from dark to light, whole numbers of more than 16 bits as ids that
        have colours of their own (0 is black), others in greys; (rows, columns, 3) in colours.
    in_a_row : int
    """
    n_columns = min(len(panels), in_a_row)
    n_rows = -(-len(panels) // n_columns)
    buffer = io.BytesIO()
    size = (2.9 * n_columns, 3.1 * n_rows)
    with figure_into(buffer, size, nrows=n_rows, ncols=n_columns, squeeze=False) as axes:
        for axis in axes.flat:
            axis.set_axis_off()
        for axis, (name, panel) in zip(axes.flat, panels.items()):
            is_ids = panel.dtype.kind in "iu" and panel.dtype.itemsize > 2
            shown = _coloured(panel) if is_ids else panel
            axis.imshow(shown, cmap="gray", interpolation="nearest")
            axis.set_title(label(name), fontsize=10)
    return _picture(buffer.getvalue())


def _coloured(ids: np.ndarray) -> np.ndarray:
    """(rows, columns, 3) uint8: a colour for each id, the same whatever others there are."""
    from matplotlib.colors import hsv_to_rgb

    # Multiples of the golden ratio lie far from each other on the circle of hues.
    hue = ids.astype(np.float64) * GOLDEN % 1
    share = np.stack([hue, 0.45 + 0.5 * (3 * hue % 1), 0.7 + 0.3 * (7 * hue % 1)], axis=-1)
    return np.where(ids[..., None] == 0, 0, 255 * hsv_to_rgb(share)).astype(np.uint8)


def answers(deployment: Answers) -> Picture:
    """Sections with truth, answers and errors; of a deployment of maps of membrane."""
    return _drawn(lambda path: draw_answers(deployment, path))


def rates(found: Sequence[LayerRates]) -> Picture:
    """Histograms of firing rates by layer with the wanted range; ``rates`` of a deployment."""
    return _drawn(lambda path: draw_rates(found, path))


def history(epochs: "Sequence[Epoch]") -> Picture:
    """The course of a training."""
    return _drawn(lambda path: draw_history(epochs, path))


def trace(found: "Trace", units: Sequence[tuple[int, int, int]], title: str = "") -> Picture:
    """Voltages of some neurons over the steps, with threshold and spikes.

    Parameters
    ----------
    found : Trace
        As of `loihiseg.trace`, of one layer.
    units : sequence of (int, int, int)
        Row, column and neuron of each.
    title : str
    """
    return _picture(draw_trace(found, units, title))


def floor_plan(graph: "nx.DiGraph", solution: "Solution") -> Picture:
    """Chips and cores before, filled in the order of the blocks, and as they were found.

    Parameters
    ----------
    graph : networkx.DiGraph
        As of `partition.block_graph`.
    solution : Solution
        Of `partition.solve`.
    """
    from partition.places.floorplan import Plan, draw_floor_plan

    before, after = solution.plain_placement, solution.placement
    plans = [
        Plan("In the order of the blocks", solution.plain_chip_of_block, before),
        Plan("As found", solution.assignment.chip_of_block, after),
    ]
    return _drawn(lambda path: draw_floor_plan(graph, plans, path))


def _drawn(draw: Callable[[Path], None]) -> Picture:
    """What is drawn into a file, without the file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        draw(path)
        return _picture(path.read_bytes())


def _picture(png: bytes) -> Picture:
    """A picture with so many colours."""
    from PIL import Image  # matplotlib cannot be without it

    small = io.BytesIO()
    with Image.open(io.BytesIO(png)) as drawn:
        drawn.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
            small, "PNG", optimize=True
        )
    return Picture(small.getvalue())


def _html(shown: Table) -> str:
    """A table as HTML; cells of numbers stand to the right."""
    start = '<th style="text-align:left">{}</th>'
    lines = [f"<p><b>{_text(shown.title)}</b></p><table><thead><tr>"]
    first, *others = shown.header
    lines.append(start.format(_text(first)) + "".join(f"<th>{_text(one)}</th>" for one in others))
    lines.append("</tr></thead><tbody>")
    for first, *others in shown.rows:
        cells = "".join(f"<td>{_text(one)}</td>" for one in others)
        lines.append(f'<tr><td style="text-align:left">{_text(first)}</td>{cells}</tr>')
    lines.append("</tbody></table>")
    if shown.warning:
        lines.append(f"<p><b>{_text(shown.warning)}</b></p>")
    if shown.note:
        lines.append(f"<p><small>{_text(shown.note)}</small></p>")
    return "\n".join(lines)


def _text(cell: str) -> str:
    return escape(printable(cell.replace("\n", " ")))
