"""Thresholds for cells, chosen on sections beside those that are judged, and what they come to."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np

from loihiseg.compilation.calibration import Presenter
from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.data.orientations import NumberOfOrientations, orientations
from loihiseg.data.selection import Selection
from loihiseg.data.stack import Stack
from loihiseg.errors import InputError, Option, OptionError
from loihiseg.evaluation.maps import Maps, float_network, predicted
from loihiseg.metrics.choosing import LEAST_SECTIONS, LOGITS, choose_threshold, interval
from loihiseg.metrics.known import closed
from loihiseg.metrics.topology import rand_curve, section_topology
from loihiseg.progress import Reporter
from loihiseg.results import ChosenThreshold, Interval, MapTopology, Network, SectionTopology
from loihiseg.results.topology import Topology
from loihiseg.running.basins import basins
from loihiseg.running.sections import run
from partition.system import n_cores

DEPTHS = (2.0, 3.0, 4.0, 5.0, 5.5, 6.0, 6.5, 7.0, 7.5, 8.0, 9.0, 10.0)
"""Of minima, in logits, that are tried."""


@dataclass(frozen=True, eq=False)
class Beside:
    """Sections that thresholds are chosen on, and logits of their maps, (n, rows, columns)."""

    stack: Stack
    floats: np.ndarray
    chip: np.ndarray


def check_beside(selection: Selection) -> None:
    """Refuse data on which no threshold can be chosen, before anything is built.

    Raises
    ------
    OptionError
    """
    if selection.rows is not None:
        raise OptionError(
            Option("topology"), ": the network was trained on other rows of these sections, and "
            "cells are of whole ones; use a network that was trained on other sections",
        )  # fmt: skip
    if selection.test.membrane is None:
        raise OptionError(Option("topology"), ": these sections have no labels; leave it out")
    beside = selection.beside
    n = 0 if beside is None else beside.n_sections
    if n < LEAST_SECTIONS:
        raise OptionError(
            Option("topology"),
            f": {n} labelled sections beside these, expected {LEAST_SECTIONS} at least to choose "
            "a threshold on; choose fewer by ", Option("sections"), ", or leave it out",
        )  # fmt: skip


def beside_of(
    deployed: DeployedNetwork,
    selection: Selection,
    presenter: Presenter,
    n_orientations: NumberOfOrientations,
    reporter: Reporter,
) -> Beside:
    """Maps of the labelled sections beside those that are judged.

    Parameters
    ----------
    deployed : DeployedNetwork
    selection : Selection
        That `check_beside` has let pass.
    presenter : Presenter
    n_orientations : int
        In which the judged sections are shown too.
    reporter : Reporter
    """
    stack = selection.beside
    if stack is None:
        raise InputError("no labelled sections beside these")
    with reporter.bar("sections beside, in floats", stack.n_sections) as advance:
        shown = orientations(n_orientations)
        floats = predicted(float_network(deployed), deployed.tile, stack.seen(), shown, advance)
    chip = []
    with reporter.bar("sections beside, on chip", stack.n_sections) as advance:
        for section in run(
            deployed, stack.seen(), orientations=n_orientations, presenter=presenter
        ):
            chip.append(section.logits)
            advance()
    return Beside(stack, floats, np.stack(chip))


def topology_of(
    beside: Beside, test: Stack, maps: Maps, advance: Callable[[], None] = lambda: None
) -> Topology:
    """Score cells of the judged sections, by thresholds that are chosen on the others.

    Parameters
    ----------
    beside : Beside
    test : Stack
        Sections without a cell are left out.
    maps : Maps
        Of whole sections.
    advance : callable, optional
        Called after each section beside whose map was flooded to all depths.
    """
    floats = _of_map(Network.TRAINED, beside.stack, beside.floats, test, maps.trained)
    chip = _of_map(Network.EMULATED, beside.stack, beside.chip, test, maps.spiking)
    flooded = _of_flooded(beside, test, maps.spiking, advance)
    numbers = test.section_numbers
    return Topology(
        chosen_on=beside.stack.section_numbers,
        sections=tuple(numbers[place] for place in _with_cells(test)),
        floats=floats,
        chip=chip,
        chip_less_floats=_less(chip, floats),
        flooded=flooded,
        flooded_less_chip=_less(flooded, chip),
    )


def _less(one: MapTopology, other: MapTopology) -> dict[str, Interval]:
    """Intervals of differences by section."""
    pairs = zip(_plain(one.sections), _plain(other.sections), strict=True)
    return intervals([{name: a[name] - b[name] for name in a} for a, b in pairs])


def _of_map(
    network: Network, others: Stack, chosen_by: np.ndarray, test: Stack, logits: np.ndarray
) -> MapTopology:
    threshold = chosen(others, chosen_by)
    sections = tuple(
        section_topology(*_closed(test, logits, place), threshold.logit)
        for place in _with_cells(test)
    )
    return MapTopology(network, threshold, sections, intervals(_plain(sections)))


def _of_flooded(
    beside: Beside, test: Stack, logits: np.ndarray, advance: Callable[[], None]
) -> MapTopology:
    """By the depth of minima that is best on the other sections."""

    def curve(place: int) -> list[float]:
        truth, found = _closed(beside.stack, beside.chip, place)
        return [rand_curve(truth, _flooded(found, depth), [0.0])[0] for depth in DEPTHS]

    curves = []
    with ThreadPoolExecutor(n_cores()) as threads:
        for one in threads.map(curve, _with_cells(beside.stack)):
            curves.append(one)
            advance()
    threshold = choose_threshold(np.array(curves), DEPTHS)
    sections = []
    for place in _with_cells(test):
        truth, found = _closed(test, logits, place)
        sections.append(section_topology(truth, _flooded(found, threshold.logit), 0.0))
    return MapTopology(Network.EMULATED, threshold, tuple(sections), intervals(_plain(sections)))


def _flooded(logits: np.ndarray, depth: float) -> np.ndarray:
    """A map that is membrane, 1, on the lines between regions, and cell, -1, in them.

    Pixels that count for nothing stay what they are, membrane.
    """
    counts = np.isfinite(logits)
    highest = logits[counts].max(initial=0.0)
    regions = basins(np.where(counts, logits, highest), depth)
    return np.where((regions > 0) & counts, -1.0, 1.0)


def chosen(stack: Stack, logits: np.ndarray) -> ChosenThreshold:
    """The threshold of the best V_Rand over all sections with a cell.

    Parameters
    ----------
    stack : Stack
        Labelled.
    logits : numpy.ndarray
        (n, rows, columns) of membrane.
    """
    places = _with_cells(stack)
    curves = [rand_curve(*_closed(stack, logits, place), LOGITS) for place in places]
    return choose_threshold(np.array(curves))


def intervals(rows: Sequence[dict[str, float]]) -> dict[str, Interval]:
    """Means of sections, by the name of the score; see `loihiseg.metrics.choosing.interval`."""
    return {name: interval([row[name] for row in rows]) for name in rows[0]}


def _plain(sections: Sequence[SectionTopology]) -> list[dict[str, float]]:
    return [asdict(one) for one in sections]


def _closed(stack: Stack, logits: np.ndarray, place: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth and map of a section, pixels that count for nothing membrane in both."""
    assert stack.membrane is not None
    known = None if stack.known is None else stack.known[place]
    return closed(known, stack.membrane[place], logits[place])


def _with_cells(stack: Stack) -> list[int]:
    assert stack.membrane is not None
    known = stack.known
    return [
        place
        for place, membrane in enumerate(stack.membrane)
        if not (membrane if known is None else membrane | ~known[place]).all()
    ]
