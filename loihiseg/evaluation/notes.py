"""Which pixels a deployment looked at, and what its scores cannot say; in words."""

from collections.abc import Iterable

from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.data.selection import Chosen


def scored_note(deployed: DeployedNetwork, chosen: Chosen, more: Iterable[str]) -> str:
    """The pixels, then every warning; ``more`` are those of how the network was made."""
    notes = [
        _pixels(chosen, deployed.tile),
        chosen.short,
        chosen.sections.note,
        _truth(deployed, chosen),
        *more,
    ]
    return " ".join(note for note in notes if note)


def _truth(deployed: DeployedNetwork, chosen: Chosen) -> str:
    """That there are no labels, or that the network has seen them."""
    known, sections = deployed.trained_on, chosen.sections
    if chosen.truth is None:
        return "There are no labels: nothing is scored."
    if known is None or known.digest != sections.stack.digest:
        return ""
    if known.split.bands is not None:
        return ""  # the rows that were trained on are not looked at
    trained = set(known.split.train_sections) & set(sections.test.section_numbers)
    return f"{len(trained)} of these sections were trained on: scores flatter." if trained else ""


def _pixels(chosen: Chosen, tile: int) -> str:
    tiles = chosen.tiles
    if tiles.grid:
        numbers, rows = chosen.sections.test.section_numbers, chosen.sections.rows
        which = "Whole sections" if rows is None else f"Rows {rows.start}:{rows.stop} of sections"
        return (
            f"{which} {', '.join(map(str, numbers))}, each from "
            f"{len(tiles.grid.origins)} overlapping tiles of {tile} x {tile} pixels."
        )
    shown = tiles.places[:8]
    places = ", ".join(f"section {s} at ({y}, {x})" for s, y, x in shown)
    more = len(tiles.places) - len(shown)
    rest = f" and {more} more" if more else ""
    note = f"Tiles of {tile} x {tile} pixels: {places}{rest}."
    if chosen.truth is not None:
        note += " V scores of tiles are of cells cut at the tiles' borders."
    return note
