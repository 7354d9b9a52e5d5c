"""Scores of the regions of sections: which cells are joined, which are cut."""

from dataclasses import dataclass

from loihiseg.results.ranges import Count, Share
from loihiseg.results.scores import Network


@dataclass(frozen=True)
class SectionTopology:
    """Of one section at one threshold; see `loihiseg.metrics.topology.section_topology`.

    Attributes
    ----------
    v_rand, v_info : float
        0 to 1; the more the better.
    voi_split, voi_merge : float
        Bits; the less the better.
    adapted_rand_error : float
        0 to 1; the less the better.
    merges, splits : int
        Cells that were joined to another, and cuts within a cell.
    merged_length_px, split_length_px : int
        Of the membranes that are missing and of the lines that are too many, in sides of pixels.
    membrane_length_px : int
        Of all membranes between true cells.
    n_cells : int
        True cells.
    membrane_iou, cell_iou : float
        Intersection over union: of membrane; of each true cell with the cell of the map that fits
        it best, in the mean.
    """

    v_rand: Share
    v_info: Share
    voi_split: float
    voi_merge: float
    adapted_rand_error: Share
    merges: Count
    splits: Count
    merged_length_px: Count
    split_length_px: Count
    membrane_length_px: Count
    n_cells: Count
    membrane_iou: Share
    cell_iou: Share


@dataclass(frozen=True)
class Interval:
    """A mean over sections, and where it lies with so much confidence.

    Attributes
    ----------
    mean, low, high : float
    confidence : float
        Share, such as 0.95.
    n : int
        Sections it is the mean of.
    """

    mean: float
    low: float
    high: float
    confidence: Share
    n: Count


@dataclass(frozen=True)
class ChosenThreshold:
    """A threshold on logits of membrane, chosen on other sections than it is judged by.

    Of regions that are flooded it is the depth of their minima, in logits.

    Attributes
    ----------
    logit : float
        Best in the mean of all sections that it was chosen on.
    score : float
        Of these sections, each by the threshold that is best on those of the other blocks.
    best_score : float
        Of these sections by `logit`: what choosing and judging by the same sections pretends.
    by_block : tuple of float
        The threshold that is best without each block.
    is_at_end : bool
        Whether the grid of thresholds ends at it, so that a better one may lie beyond.
    """

    logit: float
    score: float
    best_score: float
    by_block: tuple[float, ...]
    is_at_end: bool


@dataclass(frozen=True)
class MapTopology:
    """The maps of one network, by the threshold that was chosen for it.

    Attributes
    ----------
    network : Network
    threshold : ChosenThreshold
    sections : tuple of SectionTopology
        In the order of `Topology.sections`.
    means : dict of str to Interval
        Of the sections, by the name of the score.
    """

    network: Network
    threshold: ChosenThreshold
    sections: tuple[SectionTopology, ...]
    means: dict[str, Interval]


@dataclass(frozen=True)
class Topology:
    """Which cells of some sections were joined and cut, in floats and on the chip.

    Attributes
    ----------
    chosen_on, sections : tuple of int
        Numbers of the sections that thresholds were chosen on, and of those that are judged.
    floats, chip : MapTopology
    chip_less_floats : dict of str to Interval
        Of the differences by section, by the name of the score.
    flooded : MapTopology or None
        Of the maps of the chip, flooded from their minima (`loihiseg.running.basins`) instead of
        cut at a threshold; None in results of before.
    flooded_less_chip : dict of str to Interval or None
        Of the differences by section.
    """

    chosen_on: tuple[Count, ...]
    sections: tuple[Count, ...]
    floats: MapTopology
    chip: MapTopology
    chip_less_floats: dict[str, Interval]
    flooded: MapTopology | None = None
    flooded_less_chip: dict[str, Interval] | None = None
