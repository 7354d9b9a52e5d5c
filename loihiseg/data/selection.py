"""Which sections and tiles of a stack are looked at: to be judged by, and to calibrate on."""

from dataclasses import dataclass

import numpy as np

from loihiseg.data.record import DataRecord
from loihiseg.data.sections import parse_sections
from loihiseg.data.splits import Bands, Split, z_block_split
from loihiseg.data.stack import Stack
from loihiseg.data.tiles import Tiles, spread_tiles, whole_tiles
from loihiseg.data.warn import warn


@dataclass(frozen=True, eq=False)
class Selection:
    """Sections and tiles of a stack.

    Attributes
    ----------
    stack : Stack
    test : Stack
        Sections that maps are made of.
    validation : Stack or None
        Sections that choices are made on: none of them is in ``test``.
    fitted_on : Stack or None
        Sections that the read-out may be fitted on, to the network in floats, without labels: those
        of validation; of data that the network was not trained on, sections beside ``test``, or
        these very ones where there are no others.
    note : str
        A sentence where the network was trained on other data, else nothing.
    rows : range or None
        Of ``test``, where a network was trained on other rows of the same sections.
    training : Stack or None
        Sections that the network was trained on, if none of them is in ``test``: they need no
        labels. Of data that it was not trained on those that the read-out may be fitted on.
    """

    stack: Stack
    test: Stack
    validation: Stack | None
    fitted_on: Stack | None = None
    note: str = ""
    rows: range | None = None
    training: Stack | None = None

    @property
    def side(self) -> int:
        """Pixels of the shortest side of a section, or band, that tiles are cut from."""
        parts = [self.test] if self.fitted_on is None else [self.test, self.fitted_on]
        return min(min(part.images.shape[1:]) for part in parts)

    @property
    def beside(self) -> Stack | None:
        """Labelled sections of the stack that are not in ``test``; None where there are none."""
        judged = set(self.test.section_numbers)
        numbers = self.stack.section_numbers
        others = [one for one in self.stack.labelled_sections if numbers[one] not in judged]
        return self.stack.select(others) if others else None

    def tiles(self, tile: int, count: int | None) -> Tiles:
        """So many tiles of the sections, or all that make up the whole of them."""
        if count is None:
            return whole_tiles(self.test, tile)
        return spread_tiles(self.test, tile, count)

    def calibration(self, tile: int, count: int) -> Tiles | None:
        """So many tiles to fit the read-out on, if there are any."""
        if self.fitted_on is None or not count:
            return None
        return spread_tiles(self.fitted_on, tile, count)

    def choose(self, tile: int, tiles: int | None, calibration_tiles: int) -> "Chosen":
        """Tiles of both parts: so many of the sections, or the whole of them."""
        found = self.tiles(tile, tiles)
        calibration = self.calibration(tile, calibration_tiles)
        return Chosen(self, found, calibration, shortage(found, tile, tiles))


@dataclass(frozen=True, eq=False)
class Chosen:
    """Tiles of a stack that a network runs on.

    Attributes
    ----------
    sections : Selection
    tiles : Tiles
        That are judged.
    calibration : Tiles or None
        To fit the read-out on.
    short : str
        A sentence where there is no room for as many tiles as were asked for.
    """

    sections: Selection
    tiles: Tiles
    calibration: Tiles | None
    short: str

    @property
    def whole(self) -> bool:
        """Whether tiles make up whole sections."""
        return self.tiles.grid is not None

    @property
    def images(self) -> np.ndarray:
        """(n, rows, columns) of what maps are made of: whole sections, or tiles."""
        return self.sections.test.images if self.whole else self.tiles.raw

    @property
    def truth(self) -> np.ndarray | None:
        """bool, the same shape: where there is membrane; None without labels."""
        return self.sections.test.membrane if self.whole else self.tiles.membrane

    @property
    def known(self) -> np.ndarray | None:
        """bool, the same shape: which pixels count; None where all do."""
        return self.sections.test.known if self.whole else self.tiles.known

    @property
    def titles(self) -> tuple[str, ...]:
        """What each of them is."""
        if self.whole:
            test = self.sections.test
            first, last = test.first_row, test.first_row + test.images.shape[1]
            rows = "" if self.sections.rows is None else f", rows {first}:{last}"
            return tuple(f"section {n}{rows}" for n in test.section_numbers)
        return tuple(f"section {s}, ({y}, {x})" for s, y, x in self.tiles.places)


def select_sections(stack: Stack, sections: str | None, trained_on: DataRecord | None) -> Selection:
    """The sections that are asked for, else those of the test part; and those of validation.

    A network's own split is for the data it was trained on, known by their digest. On other data
    all sections are used, which the selection's note says, and nothing is chosen by labels.

    Of a stack in which some sections are labelled and others are not, only those with labels are
    taken as soon as there is one among them; a warning names sections that were asked for.

    Parameters
    ----------
    stack : Stack
    sections : str or None
        As ``A:B``.
    trained_on : DataRecord or None
        Of the network. Where nothing is known, a stack of 3 sections or more is split anew.

    Raises
    ------
    InputError
        If there are no such sections.
    """
    if trained_on is not None and trained_on.digest != stack.digest:
        return _of_other_data(stack, sections)
    split = _split_of(trained_on, stack)
    if split is not None and split.bands is not None:
        return _bands(stack, split, split.bands, sections)
    chosen = split.test if split else range(stack.n_sections)
    if sections is not None:
        chosen = parse_sections(sections, stack.n_sections)
    validation = None
    if split and not set(split.validation) & set(chosen):
        validation = _labelled_part(stack, split.validation, asked=False)
    training = None
    if split and not set(split.train) & set(chosen):
        training = stack.select(split.train)
    test = _labelled_part(stack, chosen, sections is not None)
    return Selection(stack, test, validation, validation, training=training)


def _bands(stack: Stack, split: Split, bands: Bands, sections: str | None) -> Selection:
    """Rows of the sections that are asked for, else of all that have labels."""
    chosen = split.test
    if sections is not None:
        chosen = parse_sections(sections, stack.n_sections)
    test = _labelled_part(stack, chosen, sections is not None).cut_rows(bands.test)
    validation = split.part(stack, "validation")
    rows = f"{bands.test.start}:{bands.test.stop}"
    note = f"The network was trained on other rows of these sections: rows {rows} are used."
    training = split.part(stack, "train")
    return Selection(stack, test, validation, validation, note, bands.test, training)


def _of_other_data(stack: Stack, sections: str | None) -> Selection:
    """All sections, or those that are asked for, of data the network was not trained on."""
    chosen = range(stack.n_sections)
    if sections is not None:
        chosen = parse_sections(sections, stack.n_sections)
    test = _labelled_part(stack, chosen, sections is not None)
    beside = [number for number in range(stack.n_sections) if number not in chosen]
    used = "all sections are" if sections is None else "these sections are"
    note = f"The network was trained on other data: {used} used."
    fitted_on = stack.select(beside) if beside else test
    return Selection(stack, test, None, fitted_on, note, training=fitted_on)


def _labelled_part(stack: Stack, chosen: range, asked: bool) -> Stack:
    """Sections with labels, or all of them where none has any."""
    if stack.labelled is None:
        return stack.select(chosen)
    without = set(chosen) - set(stack.labelled_sections)
    if len(without) == len(chosen):
        return stack.select(chosen)
    if without and asked:
        listed = ", ".join(map(str, sorted(without)[:12])) + ", ..." * (len(without) > 12)
        warn(f"{stack.source}: sections {listed} have no labels and are left out")
    return stack.select_labelled(chosen)


def _split_of(trained_on: DataRecord | None, stack: Stack) -> Split | None:
    if trained_on is not None:
        split = trained_on.split.parts
        return split if split.test.stop <= stack.n_sections else None
    labelled = None if stack.labelled is None else stack.labelled_sections
    n_usable = stack.n_sections if labelled is None else len(labelled)
    return z_block_split(stack.n_sections, labelled) if n_usable >= 3 else None


def shortage(tiles: Tiles, tile: int, asked: int | None) -> str:
    """A sentence where there is no room for as many tiles as were asked for, else nothing."""
    there = len(tiles.places)
    if asked is None or there >= asked:
        return ""
    return (
        f"{asked} tiles were asked for; {there} of {tile} x {tile} pixels fit side by "
        "side on these sections."
    )
