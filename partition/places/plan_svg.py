"""A floor plan as SVG for a page: every core says what lies on it, and what it sends and hears.

The same picture as ``partition.places.floorplan`` draws, of the same assumed mesh. What an element
says is in its ``data-says``; the page shows it. A page's style may override all that is drawn.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import networkx as nx
import numpy as np

from partition.display.messages import how_many, printable
from partition.places.floorplan import CHIPS_PER_ROW, Plan, layer_names
from partition.places.mesh import CORES_PER_TILE, TILES

MOST_BLOCKS = 4096
"""Blocks up to which there is a plan; each takes some 250 bytes."""

# Lengths in sides of a core.
_PITCH = 2.35
_BORDER = 0.5
_WIDTH = TILES.columns * _PITCH - 0.35 + 2 * _BORDER
_HEIGHT = TILES.rows * _PITCH - 0.35 + 2 * _BORDER
_ACROSS, _DOWN = 5.0, 3.4
_TITLE = 1.2

# Side of a core in letters: numbers can be read, and few chips are not blown up.
_LEAST_EM, _MOST_EM = 0.85, 1.35


@dataclass(frozen=True)
class _Traffic:
    """Messages per step of every block: to others of its chip and of other chips, and from them."""

    sent: np.ndarray
    sent_away: np.ndarray
    heard: np.ndarray
    heard_away: np.ndarray

    @classmethod
    def of(cls, graph: nx.DiGraph, chips: np.ndarray) -> "_Traffic":
        messages = nx.to_numpy_array(graph, nodelist=range(len(chips)))
        np.fill_diagonal(messages, 0)
        away = np.where(chips[:, None] != chips, messages, 0)
        return cls(messages.sum(1), away.sum(1), messages.sum(0), away.sum(0))


def plan_svg(graph: nx.DiGraph, plan: Plan) -> str:
    """A plan as SVG, with a list of its colours below.

    Parameters
    ----------
    graph : networkx.DiGraph
        As `partition.built.graph.block_graph` makes it; its labels name the layers.
    plan : Plan

    Returns
    -------
    str
        HTML in which all names are text; empty of more than `MOST_BLOCKS` blocks.
    """
    n_blocks = graph.number_of_nodes()
    if not 0 < n_blocks <= MOST_BLOCKS:
        return ""
    chips = np.asarray(plan.chip_of_block, np.int64)
    names = layer_names(graph)
    layers = list(dict.fromkeys(names))
    corners = {chip: _corner(plan, chip) for chip in range(len(plan.placement.place_of_chip))}
    width = max(x for x, _ in corners.values()) + _WIDTH
    height = max(y for _, y in corners.values()) + _HEIGHT + 0.2
    traffic = _Traffic.of(graph, chips)
    parts = [
        f'<svg viewBox="-0.2 -0.2 {width + 0.4:.2f} {height + 0.4:.2f}" role="group" '
        f'aria-label="{_text(plan.title)}" tabindex="0" '
        f'style="min-width: {_LEAST_EM * width:.1f}em; max-width: {_MOST_EM * width:.1f}em">'
    ]
    for chip, corner in corners.items():
        parts += _chip(chip, corner, int((chips == chip).sum()))
        blocks = np.flatnonzero(chips == chip)
        on = {plan.placement.core_of_block[block]: int(block) for block in blocks}
        for core in range(TILES.n_places * CORES_PER_TILE):
            at = _core(corner, core)
            if core not in on:
                parts.append(_rectangle("free", at, 'fill="none" stroke="#ccc" stroke-width=".05"'))
                continue
            block = on[core]
            number = layers.index(names[block])
            label = str(graph.nodes[block].get("label", "")) or f"block {block}"
            says = f"chip {chip}, core {core}: {label}; {_words(traffic, block)}"
            parts += _used(at, says, number, _colour(number, len(layers)))
    parts += _links(plan, corners)
    parts.append("</svg>")
    return "".join(parts) + _keys(layers, names)


def _rectangle(kind: str, at: tuple[float, float], how: str) -> str:
    x, y = at
    return f'<rect class="{kind}" x="{x:.2f}" y="{y:.2f}" width=".94" height=".94" {how}/>'


def _used(at: tuple[float, float], says: str, number: int, colour: str) -> list[str]:
    """A core with the number of its layer."""
    x, y = at
    return [
        _rectangle("core", at, f'data-says="{_text(says)}" fill="{colour}"'),
        f'<text class="number" x="{x + 0.47:.2f}" y="{y + 0.64:.2f}" font-size=".46" '
        f'text-anchor="middle">{number + 1}</text>',
    ]


def _words(traffic: _Traffic, block: int) -> str:
    sent, away = traffic.sent[block], traffic.sent_away[block]
    heard, from_away = traffic.heard[block], traffic.heard_away[block]
    return (
        f"sends {sent:,.1f} messages a step, {away:,.1f} of them to other chips; "
        f"hears {heard:,.1f}, {from_away:,.1f} of them from other chips"
    )


def _links(plan: Plan, corners: dict[int, tuple[float, float]]) -> Iterator[str]:
    """Lines between neighbouring chips, with what they carry."""
    chip_at = {place: chip for chip, place in enumerate(plan.placement.place_of_chip)}
    most = plan.placement.max_link_load
    for (source, target), load in sorted(plan.placement.link_loads.items()):
        if not load or source not in chip_at or target not in chip_at:
            continue
        one, other = chip_at[source], chip_at[target]
        (x, y), (to_x, to_y) = corners[one], corners[other]
        middle = (x + _WIDTH / 2, y + _HEIGHT / 2, to_x + _WIDTH / 2, to_y + _HEIGHT / 2)
        yield from _link(f"chip {one} to chip {other}", middle, load, load / most)


def _link(
    name: str, middle: tuple[float, float, float, float], load: float, share: float
) -> list[str]:
    x, y, to_x, to_y = middle
    says = f"{name}: {load:,.1f} messages a step"
    thick = 0.15 + 0.75 * share
    if y == to_y:
        way = 1 if to_x > x else -1
        y -= way * _HEIGHT / 5
        x, to_x = x + way * (_WIDTH / 2 + 0.3), to_x - way * (_WIDTH / 2 + 0.3)
        box = min(x, to_x), y - thick / 2, abs(to_x - x), thick
        at = (x + to_x) / 2, y - thick / 2 - 0.35
        arrow = "\u2192" if way > 0 else "\u2190"
    else:
        way = 1 if to_y > y else -1
        x += way * _WIDTH / 5
        y, to_y = y + way * (_HEIGHT / 2 + 0.3), to_y - way * (_HEIGHT / 2 + 0.3)
        box = x - thick / 2, min(y, to_y), thick, abs(to_y - y)
        at = x + thick / 2 + 2.2, (y + to_y) / 2
        arrow = "\u2193" if way > 0 else "\u2191"
    left, upper, width, height = box
    return [
        f'<rect class="core link" data-says="{_text(says)}" x="{left:.2f}" y="{upper:.2f}" '
        f'width="{width:.2f}" height="{height:.2f}" fill="#5b6f8a"/>',
        f'<text x="{at[0]:.2f}" y="{at[1]:.2f}" font-size=".75" text-anchor="middle" '
        f'fill="currentColor">{arrow} {load:,.0f}</text>',
    ]


def _chip(chip: int, corner: tuple[float, float], n_blocks: int) -> list[str]:
    x, y = corner
    title = f"chip {chip}: {how_many(n_blocks, 'core')}"
    return [
        f'<text x="{x:.2f}" y="{y - 0.35:.2f}" font-size=".75" fill="currentColor">{title}</text>',
        f'<rect class="chip" x="{x:.2f}" y="{y:.2f}" width="{_WIDTH:.2f}" height="{_HEIGHT:.2f}" '
        'rx=".4" fill="#f3f3f3" stroke="#767676" stroke-width=".08"/>',
    ]


def _corner(plan: Plan, chip: int) -> tuple[float, float]:
    """Of a chip in the picture; a long line of chips turns back at the end of each row."""
    board = plan.placement.board
    row, column = board.place(plan.placement.place_of_chip[chip])
    if board.rows == 1:
        row, step = divmod(column, CHIPS_PER_ROW)
        column = step if row % 2 == 0 else CHIPS_PER_ROW - 1 - step
    return column * (_WIDTH + _ACROSS), _TITLE + row * (_HEIGHT + _DOWN)


def _core(corner: tuple[float, float], core: int) -> tuple[float, float]:
    row, column = TILES.place(core // CORES_PER_TILE)
    down, right = divmod(core % CORES_PER_TILE, 2)
    x, y = corner
    return x + _BORDER + column * _PITCH + right, y + _BORDER + row * _PITCH + down


def _keys(layers: list[str], names: list[str]) -> str:
    """Numbers and colours of the layers."""
    rows = (
        f'<li><i style="background: {_colour(number, len(layers))}"></i>{number + 1} '
        f"{_text(layer)}, {how_many(names.count(layer), 'core')}</li>"
        for number, layer in enumerate(layers)
    )
    return f'<ul class="keys">{"".join(rows)}</ul>'


def _colour(number: int, n_layers: int) -> str:
    """Pale, so that black numbers can be read on it."""
    return f"hsl({320 * number / max(n_layers, 1):.0f} 65% {72 + 8 * (number % 2)}%)"


def _text(text: str) -> str:
    return escape(printable(text))
