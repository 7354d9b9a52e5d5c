"""A floor plan: chips on a board, cores on the mesh of each, and what the links between carry.

Every core is a square in the colour of its layer, with the layer's number; tiles of four cores lie
on the assumed mesh, see ``partition.places.mesh``. matplotlib is imported when a plan is drawn.
"""

import io
import os
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import networkx as nx

from partition.display.drawing import label, plain_text
from partition.display.messages import how_many
from partition.places.mesh import CORES_PER_TILE, TILES
from partition.places.placement import Placement, tile_link_loads
from partition.storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_LAYERS = 30
"""Layers that are told apart; the cores of more are coloured by the order of blocks."""

CHIPS_PER_ROW = 4
"""Chips in a row of the picture; a longer line of chips turns back on itself."""

# Lengths in sides of a core.
_TILE_GAP = 0.55
_PITCH = 2 + _TILE_GAP
_BORDER = 0.6
_CHIP_WIDTH = TILES.columns * _PITCH - _TILE_GAP + 2 * _BORDER
_CHIP_HEIGHT = TILES.rows * _PITCH - _TILE_GAP + 2 * _BORDER
_ACROSS = 6.0
_DOWN = 4.4
_TITLE = 4.2
_LEGEND_ROW = 1.6
_LEGEND_WIDTH = 11.0
_LETTER = 0.38
_MARGIN = 1.0
_INCHES = 0.19
_MAX_INCHES = 24.0
_PIXELS_PER_INCH = 120
_THICKEST = 1.5

_MEANING = (
    "A square is a core, white where unused. Arrows: messages per step between neighbouring "
    "chips; bars between tiles: the same on the mesh.",
    "Assumed: 4 rows of 8 tiles with 4 cores, numbered row by row; the numbering in NxSDK is not "
    "public.",
)
_NOTE, _NOTE_ROW = 0.68, 0.95
"""Of its letters, and from line to line."""

_NOTE_LETTER = 0.38
"""Mean width of a letter of the note, with room to spare."""

Colour = str | tuple[float, ...]
"""As matplotlib takes it: a name, or red, green and blue from 0 to 1."""

_INK, _FAINT, _CHIP, _EMPTY, _LINK = "#222222", "#666666", "#f4f4f2", "#ffffff", "#39424e"


@dataclass(frozen=True)
class Plan:
    """One arrangement to draw.

    Attributes
    ----------
    title : str
    chip_of_block : sequence of int
    placement : Placement
    """

    title: str
    chip_of_block: Sequence[int]
    placement: Placement


def layer_names(graph: nx.DiGraph) -> list[str]:
    """Name of the layer of every block, read from its label.

    nengo-loihi labels the pieces of an ensemble ``<Ensemble 'conv1'>[0:1024:1]``, loihiseg
    ``conv1[3]``; both are layer ``conv1``. A block without a label is a layer of its own.
    """
    names = []
    for block in range(graph.number_of_nodes()):
        label = re.sub(r"\[[^\[\]]*\]$", "", str(graph.nodes[block].get("label", "")))
        quoted = re.fullmatch(r"<\w+ ['\"](.+)['\"]>", label)
        names.append(quoted[1] if quoted else label or f"block {block}")
    return names


def draw_floor_plan(graph: nx.DiGraph, plans: Sequence[Plan], path: str | os.PathLike[str]) -> None:
    """Draw plans of the same blocks below each other, to the same scales, as a PNG file.

    Parameters
    ----------
    graph : networkx.DiGraph
        As `partition.built.graph.block_graph` makes it; its labels name the layers.
    plans : sequence of Plan
    path : path-like

    Raises
    ------
    PartitionError
        The file cannot be written.
    """
    with plain_text():
        data = _drawn(graph, plans)
    write_bytes(path, data)


def _drawn(graph: nx.DiGraph, plans: Sequence[Plan]) -> bytes:
    """The picture as the bytes of a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    legend = _Legend(graph)
    n_columns = max((_position(plan, p)[1] for plan in plans for p in _places(plan)), default=0) + 1
    width = max(n_columns * (_CHIP_WIDTH + _ACROSS) - _ACROSS, 2.6 * _LEGEND_WIDTH)
    heights = [_plan_height(plan) for plan in plans]
    height = sum(heights) + legend.height(width)
    total_width, total_height = width + 2 * _MARGIN, height + 2 * _MARGIN
    inches = min(_INCHES, _MAX_INCHES / max(total_width, total_height))
    figure = Figure((total_width * inches, total_height * inches), dpi=_PIXELS_PER_INCH)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-_MARGIN, width + _MARGIN), ylim=(height + _MARGIN, -_MARGIN))
    axes.set_axis_off()
    # Letters grow with the squares they are written beside.
    pen = _Pen(axes, points=72 * inches)
    scales = _Scales.of(graph, plans)
    top = 0.0
    for plan, plan_height in zip(plans, heights):
        _draw_plan(pen, graph, plan, legend, scales, top)
        top += plan_height
    legend.draw(pen, top, width)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


@dataclass(frozen=True)
class _Scales:
    """Loads that are drawn thickest."""

    chip_link: float
    tile_link: float

    @classmethod
    def of(cls, graph: nx.DiGraph, plans: Sequence[Plan]) -> "_Scales":
        tile_loads = (
            tile_link_loads(graph, p.chip_of_block, p.placement.core_of_block) for p in plans
        )
        return cls(
            max((p.placement.max_link_load for p in plans), default=0.0),
            max((load for loads in tile_loads for load in loads.values()), default=0.0),
        )


@dataclass(frozen=True)
class _Pen:
    """Draws in lengths of a core's side; y grows downwards."""

    axes: "Axes"
    points: float

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        colour: Colour,
        edge: Colour = "none",
        round_by: float = 0.0,
        line: float = 0.6,
    ) -> None:
        from matplotlib.patches import FancyBboxPatch

        style = f"round,pad=0,rounding_size={round_by}" if round_by else "square,pad=0"
        self.axes.add_patch(
            FancyBboxPatch(
                (x, y),
                width,
                height,
                boxstyle=style,
                facecolor=colour,
                edgecolor=edge,
                linewidth=line,
            )
        )

    def arrow(
        self, x: float, y: float, dx: float, dy: float, thickness: float, colour: Colour
    ) -> None:
        from matplotlib.patches import FancyArrow

        head = thickness + 0.7
        self.axes.add_patch(
            FancyArrow(
                x,
                y,
                dx,
                dy,
                width=thickness,
                head_width=head,
                head_length=0.8 * head,
                length_includes_head=True,
                facecolor=colour,
                edgecolor="none",
            )
        )

    def text(
        self, x: float, y: float, text: str, size: float, colour: Colour = _INK, **kwargs: Any
    ) -> None:
        """``size`` in sides of a core."""
        self.axes.text(x, y, text, fontsize=size * self.points, color=colour, **kwargs)


class _Legend:
    """Numbers and colours of the layers; of the blocks where there are too many layers."""

    def __init__(self, graph: nx.DiGraph) -> None:
        from matplotlib import colormaps

        layer_of = layer_names(graph)
        names = list(dict.fromkeys(layer_of))
        self.by_layer = len(names) <= MAX_LAYERS
        self.names = names if self.by_layer else []
        self.sizes = [layer_of.count(name) for name in self.names]
        self.texts = [
            f"{label(name)}, {how_many(size, 'core')}" for name, size in zip(self.names, self.sizes)
        ]
        keys = [names.index(n) for n in layer_of] if self.by_layer else range(len(layer_of))
        last = max((len(self.names) if self.by_layer else len(layer_of)) - 1, 1)
        self.number = list(keys)
        self._colour = [_pale(colormaps["turbo"](0.06 + 0.88 * i / last)) for i in range(last + 1)]

    def colour(self, block: int) -> Colour:
        return self._colour[self.number[block]]

    def _columns(self, width: float) -> int:
        longest = max(map(len, self.texts), default=0)
        return max(1, int(width // max(_LEGEND_WIDTH, 2.0 + _LETTER * longest)))

    def height(self, width: float) -> float:
        rows = -(-len(self.names) // self._columns(width)) if self.by_layer else 1
        return rows * _LEGEND_ROW + 1.3 + len(_note(width)) * _NOTE_ROW

    def draw(self, pen: _Pen, top: float, width: float) -> None:
        columns = self._columns(width)
        rows = max(1, -(-len(self.names) // columns))
        for index, text in enumerate(self.texts):
            x = index // rows * (width / columns)
            y = top + index % rows * _LEGEND_ROW
            pen.box(x, y, 1, 1, self._colour[index])
            pen.text(x + 0.5, y + 0.53, str(index + 1), 0.52, ha="center", va="center")
            pen.text(x + 1.5, y + 0.5, text, 0.72, va="center")
        if not self.by_layer:
            pen.text(0, top + 0.5, "Colours: the order of blocks, from blue to red.", 0.72)
        below = top + (rows if self.by_layer else 1) * _LEGEND_ROW + 0.5
        note = "\n".join(_note(width))
        pen.text(0, below, note, _NOTE, _FAINT, va="top", linespacing=_NOTE_ROW / _NOTE)


def _note(width: float) -> list[str]:
    """Lines of what the picture means, none wider than it."""
    found = []
    for sentence in _MEANING:
        found += textwrap.wrap(sentence, int(width / _NOTE_LETTER))
    return found


def _pale(colour: Sequence[float]) -> Colour:
    """A colour on which black numbers can be read."""
    return tuple(0.42 + 0.58 * c for c in colour[:3])


def _places(plan: Plan) -> tuple[int, ...]:
    return plan.placement.place_of_chip


def _position(plan: Plan, place: int) -> tuple[int, int]:
    """Row and column of a place in the picture: a long line turns back at the end of each row."""
    row, column = plan.placement.board.place(place)
    if plan.placement.board.rows > 1:
        return row, column
    row, step = divmod(column, CHIPS_PER_ROW)
    return row, step if row % 2 == 0 else CHIPS_PER_ROW - 1 - step


def _plan_height(plan: Plan) -> float:
    n_rows = max((_position(plan, p)[0] for p in _places(plan)), default=0) + 1
    return _TITLE + n_rows * (_CHIP_HEIGHT + _DOWN) - 0.25 * _DOWN


def _draw_plan(
    pen: _Pen, graph: nx.DiGraph, plan: Plan, legend: _Legend, scales: _Scales, top: float
) -> None:
    placement = plan.placement
    pen.text(0, top + 0.9, label(plan.title), 1.15, weight="bold")
    measures = f"{_count(placement.mean_hops)} hops per message within a chip"
    if len(_places(plan)) > 1:
        measures = (
            f"{_count(placement.messages)} messages per step between chips, "
            f"{_count(placement.max_link_load)} on the busiest link;  {measures}"
        )
    pen.text(0, top + 2.4, measures, 0.8, _FAINT)
    corners = {}
    for chip, place in enumerate(_places(plan)):
        row, column = _position(plan, place)
        x = column * (_CHIP_WIDTH + _ACROSS)
        y = top + _TITLE + row * (_CHIP_HEIGHT + _DOWN)
        corners[place] = (x, y)
        _draw_chip(pen, plan, chip, legend, x, y)
    loads = tile_link_loads(graph, plan.chip_of_block, placement.core_of_block)
    for (chip, source, target), load in loads.items():
        if source < target:
            both = load + loads.get((chip, target, source), 0.0)
            _draw_tile_link(pen, corners[_places(plan)[chip]], source, target,
                            both / (2 * scales.tile_link))  # fmt: skip
    for (source, target), load in placement.link_loads.items():
        if load and source in corners and target in corners:
            _draw_chip_link(pen, corners[source], corners[target], load, load / scales.chip_link)


def _tile_corner(x: float, y: float, tile: int) -> tuple[float, float]:
    row, column = TILES.place(tile)
    return x + _BORDER + column * _PITCH, y + _BORDER + row * _PITCH


def _draw_chip(pen: _Pen, plan: Plan, chip: int, legend: _Legend, x: float, y: float) -> None:
    blocks = [b for b, other in enumerate(plan.chip_of_block) if other == chip]
    pen.box(x, y, _CHIP_WIDTH, _CHIP_HEIGHT, _CHIP, edge="#c9c9c4", round_by=0.5, line=1.0)
    pen.text(
        x + 0.2,
        y + _CHIP_HEIGHT + 0.9,
        f"chip {chip}: {how_many(len(blocks), 'core')}",
        0.75,
        va="center",
    )
    block_on = {plan.placement.core_of_block[b]: b for b in blocks}
    for core in range(TILES.n_places * CORES_PER_TILE):
        left, upper = _tile_corner(x, y, core // CORES_PER_TILE)
        down, right = divmod(core % CORES_PER_TILE, 2)
        left, upper = left + right, upper + down
        if core not in block_on:
            pen.box(left + 0.04, upper + 0.04, 0.92, 0.92, _EMPTY, edge="#dddddd", line=0.5)
            continue
        block = block_on[core]
        pen.box(left + 0.03, upper + 0.03, 0.94, 0.94, legend.colour(block))
        if legend.by_layer:
            number = str(legend.number[block] + 1)
            pen.text(left + 0.5, upper + 0.53, number, 0.46, ha="center", va="center")


def _draw_tile_link(
    pen: _Pen, corner: tuple[float, float], source: int, target: int, share: float
) -> None:
    """A bar in the gap between two tiles, as thick as its share of the busiest."""
    left, upper = _tile_corner(*corner, source)
    thickness = max(_THICKEST * min(share, 1.0), 0.03)
    if target == source + 1:
        pen.box(left + 2, upper + 1 - thickness / 2, _TILE_GAP, thickness, _LINK)
    else:
        pen.box(left + 1 - thickness / 2, upper + 2, thickness, _TILE_GAP, _LINK)


def _draw_chip_link(
    pen: _Pen, source: tuple[float, float], target: tuple[float, float], load: float, share: float
) -> None:
    """An arrow from chip to chip with its messages per step; the way back keeps to its own side."""
    thickness = max(_THICKEST * share, 0.12)
    (x, y), (to_x, to_y) = source, target
    if y == to_y:
        forward = to_x > x
        start = x + _CHIP_WIDTH + 0.4 if forward else x - 0.4
        middle = y + _CHIP_HEIGHT * (0.32 if forward else 0.72)
        length = (_ACROSS - 0.8) * (1 if forward else -1)
        pen.arrow(start, middle, length, 0, thickness, _LINK)
        pen.text(start + length / 2, middle - thickness / 2 - 0.55, _count(load), 0.85,
                 ha="center", va="bottom")  # fmt: skip
        return
    forward = to_y > y
    start = y + _CHIP_HEIGHT + 0.3 if forward else y - 0.3
    middle = x + _CHIP_WIDTH * (0.52 if forward else 0.74)
    length = (_DOWN - 0.6) * (1 if forward else -1)
    pen.arrow(middle, start, 0, length, thickness, _LINK)
    pen.text(middle + thickness / 2 + 0.6, start + length / 2, _count(load), 0.85, va="center")


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 10 else f"{value:.2f}"
