"""The ISBI 2012 challenge scores: V_Rand and V_Info after border thinning."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from skimage.metrics import contingency_table

from loihiseg.errors import InputError
from loihiseg.metrics.overlap import Overlap, overlap_of
from loihiseg.metrics.pixels import as_float
from loihiseg.metrics.regions import Mask, Regions, regions
from loihiseg.metrics.thinning import thin, thinned
from loihiseg.results.scores import ChallengeScores

__all__ = [
    "ChallengeScores",
    "InfoScore",
    "RandScore",
    "Section",
    "challenge_scores",
    "challenge_thresholds",
    "check_sections",
    "rand_of",
    "scores_of_sections",
    "thin",
    "v_info",
    "v_rand",
]

THRESHOLD_STEP = 0.1  # official evaluation script, version of 12 January 2016
THRESHOLD_LAST = 1.0


@dataclass(frozen=True)
class RandScore:
    """Foreground-restricted Rand score; all values in 0..1, 1 is perfect.

    Low precision tells of mergers, low recall of splits.
    """

    value: float
    precision: float
    recall: float


@dataclass(frozen=True)
class InfoScore:
    """Foreground-restricted information score; all values in 0..1, 1 is perfect.

    Low precision tells of mergers, low recall of splits.
    """

    value: float
    precision: float
    recall: float


def v_rand(ground_truth_labels: np.ndarray, proposal_labels: np.ndarray) -> RandScore:
    """Rand F-score of a proposed partition, restricted to the ground-truth cells.

    Parameters
    ----------
    ground_truth_labels : (h, w) integer array
        Region labels; pixels with label 0 (membrane) are left out.
    proposal_labels : (h, w) integer array
        Region labels of the proposal; 0 is a line. The challenge thins the proposal first
        (`thin`), and only the proposal.

    Returns
    -------
    RandScore

    Raises
    ------
    InputError
        If the shapes differ, a label is negative or not an integer, or the ground truth has
        no pixel with a label above 0.

    Notes
    -----
    With n foreground pixels, p_ij = count(i, j) / n, a_i = sum_{j>=0} p_ij,
    b_j = sum_{i>=1} p_ij, and p_0 the share of foreground pixels with proposal label 0 [1]_::

        S_a = sum_i a_i^2      S_b  = sum_{j>=1} b_j^2            + p_0 / n
                               S_ab = sum_{i>=1, j>=1} p_ij^2     + p_0 / n
        precision = S_ab / S_b,   recall = S_ab / S_a,   value = their harmonic mean

    References
    ----------
    .. [1] I. Arganda-Carreras et al. (2015), "Crowdsourcing the creation of image
           segmentation algorithms for connectomics", Front. Neuroanat. 9:142.
    """
    return _rand_score(_overlap(ground_truth_labels, proposal_labels))


def v_info(ground_truth_labels: np.ndarray, proposal_labels: np.ndarray) -> InfoScore:
    """Information F-score of a proposed partition, restricted to the ground-truth cells.

    Parameters
    ----------
    ground_truth_labels, proposal_labels : (h, w) integer arrays
        As for `v_rand`.

    Returns
    -------
    InfoScore

    Raises
    ------
    InputError
        As `v_rand`.

    Notes
    -----
    With the p_ij, a_i, b_j, p_0 and n of `v_rand` and natural logarithms [1]_::

        A  = sum_i a_i log a_i
        B  = sum_{j>=1} b_j log b_j                   - p_0 log n
        AB = sum_{i>=1, j>=1} p_ij log p_ij           - p_0 log n
        I  = AB - A - B
        precision = I / -A,   recall = I / -B,   value = their harmonic mean

    A partition without entropy carries no information, and the official code scores it 0: one
    ground-truth region gives precision 0 and recall 1; a proposal of one region gives
    precision 1 and recall 0, whatever the ground truth. Where precision and recall are both 0
    (independent partitions), 0/0 is taken as a value of 0.

    References
    ----------
    .. [1] I. Arganda-Carreras et al. (2015), "Crowdsourcing the creation of image
           segmentation algorithms for connectomics", Front. Neuroanat. 9:142.
    """
    return _info_score(_overlap(ground_truth_labels, proposal_labels))


def challenge_thresholds() -> tuple[float, ...]:
    """The 11 thresholds of the challenge, from 0.0 to 0.9999999999999999.

    The official loop adds 0.1 in double precision while the sum is at most 1.0, so the
    values are not the decimals they look like, and the last one lies below 1.0.
    """
    thresholds = []
    t = 0.0
    while t <= THRESHOLD_LAST:
        thresholds.append(t)
        t += THRESHOLD_STEP
    return tuple(thresholds)


def challenge_scores(
    true: np.ndarray, probability: np.ndarray, of: Literal["cell", "membrane"] = "cell"
) -> ChallengeScores:
    """V_Rand (thinned) and V_Info (thinned) of a stack, by the challenge's own procedure.

    Parameters
    ----------
    true : (n, h, w) bool array
        True where the ground truth is ``of``.
    probability : (n, h, w) float, bool or uint8 array
        Proposed probability of the same, 0..1, compared in double precision; bytes are 255ths, see
        `loihiseg.metrics.pixels.as_float`. Nothing of its size is made beside it but labels of four
        bytes a pixel, of one section at a time.
    of : str
        What both are of, as the challenge has them or as this project does.

    Returns
    -------
    ChallengeScores

    Raises
    ------
    InputError
        If the arrays are not a non-empty stack of equal shape and of these dtypes, a
        probability is not in 0..1, or a section has no ground-truth cell (it is named).

    Notes
    -----
    Per section, the ground truth is split into 4-connected cell regions and the proposal
    `probability > t` is thinned (`thin`); `v_rand` and `v_info` compare the two. The scores are
    averaged over the sections, then the best threshold is taken for each score [1]_.

    References
    ----------
    .. [1] I. Arganda-Carreras et al. (2015), "Crowdsourcing the creation of image
           segmentation algorithms for connectomics", Front. Neuroanat. 9:142.
    """
    true, probability = np.asarray(true), np.asarray(probability)
    check_sections(true, probability, of)
    _check_probability(probability, of)
    section = Section.of_cells if of == "cell" else Section.of_membrane
    return scores_of_sections([section(*one) for one in zip(true, probability)])


@dataclass(frozen=True, eq=False)
class Section:
    """A section to be scored, in bands, so that it takes little memory beside what is given.

    Attributes
    ----------
    shape : tuple of int
        (rows, columns).
    cell_true : callable
        Takes a slice of columns, and returns where they are cell, bool (rows, columns).
    cell_probability : callable
        The same of the probability of cell, float.
    """

    shape: tuple[int, int]
    cell_true: Mask
    cell_probability: Callable[[slice], np.ndarray]

    @classmethod
    def of_cells(cls, cell: np.ndarray, probability: np.ndarray) -> "Section":
        """Of where there is cell, bool, and the probability of cell; see `as_float`."""
        rows, columns = cell.shape
        return cls(
            (rows, columns), lambda band: cell[:, band], lambda band: as_float(probability[:, band])
        )

    @classmethod
    def of_membrane(cls, membrane: np.ndarray, probability: np.ndarray) -> "Section":
        """Of where there is membrane, bool, and the probability of membrane; see `as_float`."""
        rows, columns = membrane.shape
        return cls(
            (rows, columns),
            lambda band: ~membrane[:, band],
            lambda band: 1.0 - as_float(probability[:, band]),
        )

    def cells(self, threshold: float) -> Regions:
        """Regions of the pixels whose probability of cell is above a threshold."""
        # numpy would round a threshold to the precision of a float32 image.
        return regions(
            lambda band: self.cell_probability(band).astype(np.float64) > threshold, self.shape
        )


def scores_of_sections(sections: Sequence[Section]) -> ChallengeScores:
    """`challenge_scores` of sections whose arrays need not lie in memory; they are not checked.

    Parameters
    ----------
    sections : sequence of Section
        At least one; each has a cell.
    """
    thresholds = challenge_thresholds()
    per_section = np.array([_section_scores(one, thresholds) for one in sections])
    rand_curve, info_curve = per_section.mean(axis=0).T
    best_rand, best_info = int(rand_curve.argmax()), int(info_curve.argmax())
    return ChallengeScores(
        v_rand=float(rand_curve[best_rand]),
        v_info=float(info_curve[best_info]),
        v_rand_threshold=thresholds[best_rand],
        v_info_threshold=thresholds[best_info],
        thresholds=thresholds,
        v_rand_curve=tuple(rand_curve.tolist()),
        v_info_curve=tuple(info_curve.tolist()),
        n_sections=len(sections),
    )


def _section_scores(section: Section, thresholds: Iterable[float]) -> list[tuple[float, float]]:
    """(V_Rand, V_Info) of one section at each threshold."""
    truth = regions(section.cell_true, section.shape).by_rows()
    scores = []
    n_cell_before = None
    for threshold in thresholds:
        cells = section.cells(threshold)
        # Masks of rising thresholds are nested: equal size means equal mask.
        if cells.n_pixels != n_cell_before:
            overlap = overlap_of(truth, thinned(cells))
            score = (_rand_score(overlap).value, _info_score(overlap).value)
        scores.append(score)
        n_cell_before = cells.n_pixels
    return scores


def check_sections(true: np.ndarray, proposal: np.ndarray, of: str = "cell") -> None:
    """Refuse a ground truth that is no mask of ``of``, of another shape, or without a cell.

    Raises
    ------
    InputError
    """
    if true.ndim != 3 or true.size == 0 or true.shape != proposal.shape:
        raise InputError(
            f"ground truth has shape {true.shape}, proposal {proposal.shape}; "
            "both must be the same non-empty (sections, height, width)"
        )
    if true.dtype != np.bool_:
        raise InputError(f"ground truth has dtype {true.dtype}; it must be bool, True = {of}")
    has_cell = true.any(axis=(1, 2)) if of == "cell" else ~true.all(axis=(1, 2))
    empty = np.flatnonzero(~has_cell)
    if empty.size:
        raise InputError(
            f"section {empty[0]} has no ground-truth cell ({empty.size} such section(s)); "
            "its score is undefined, leave it out"
        )


def _check_probability(probability: np.ndarray, of: str) -> None:
    low, high = probability.min(), probability.max()
    if probability.dtype == np.uint8 and high != 1:
        return
    if probability.dtype.kind not in "fb":
        found = "0 and 1 alone" if high == 1 else f"dtype {probability.dtype}"
        raise InputError(
            f"proposal has {found}; it must be float or bool, the probability of {of}, or uint8 "
            "with 255 for 1"
        )
    if not (low >= 0 and high <= 1):  # this way round, NaN fails too
        raise InputError(f"proposal spans {low}..{high}; a probability of {of} lies in 0..1")


def rand_of(truth: Regions, cells: Regions) -> float:
    """V_Rand of ground-truth regions, numbered by rows or columns, and thinned cells."""
    return _rand_score(overlap_of(truth, thinned(cells))).value


def _overlap(ground_truth_labels: ArrayLike, proposal_labels: ArrayLike) -> Overlap:
    ground_truth, proposal = np.asarray(ground_truth_labels), np.asarray(proposal_labels)
    if ground_truth.shape != proposal.shape:
        raise InputError(
            f"ground-truth labels have shape {ground_truth.shape}, "
            f"proposal labels {proposal.shape}; they must be equal"
        )
    for name, labels in (("ground-truth", ground_truth), ("proposal", proposal)):
        if labels.dtype.kind not in "iu" or (labels.size and labels.min() < 0):
            raise InputError(f"{name} labels ({labels.dtype}) must be integers of at least 0")
    foreground = ground_truth > 0
    if not foreground.any():
        raise InputError("ground-truth labels are all 0: without a cell the score is undefined")
    table = contingency_table(ground_truth[foreground], proposal[foreground]).tocoo()
    # Integers keep the sums of squares exact, up to 3e9 pixels.
    counts = table.data.astype(np.int64)
    in_basin = table.col > 0
    n_proposal = np.asarray(table.sum(axis=0)).ravel().astype(np.int64)
    n_true = np.asarray(table.sum(axis=1)).ravel().astype(np.int64)
    return Overlap(
        n=int(counts.sum()),
        n_line=int(n_proposal[0]),
        true=n_true[n_true > 0],
        proposal=n_proposal[1:][n_proposal[1:] > 0],
        both=counts[in_basin],
    )


def _rand_score(overlap: Overlap) -> RandScore:
    # All three sums are n^2 times those of the formula, exact and never 0, so the official
    # special cases (a ratio is 1 where its two terms are equal) hold by themselves.
    sum_true = int(overlap.true @ overlap.true)
    sum_proposal = int(overlap.proposal @ overlap.proposal) + overlap.n_line
    sum_both = int(overlap.both @ overlap.both) + overlap.n_line
    precision, recall = sum_both / sum_proposal, sum_both / sum_true
    return RandScore(2 * precision * recall / (precision + recall), precision, recall)


def _info_score(overlap: Overlap) -> InfoScore:
    n = overlap.n
    lines = overlap.n_line / n * np.log(n)
    sum_true = _sum_p_log_p(overlap.true / n)
    sum_proposal = _sum_p_log_p(overlap.proposal / n) - lines
    sum_both = _sum_p_log_p(overlap.both / n) - lines
    if sum_proposal == 0:
        return InfoScore(0.0, 1.0, 0.0)
    if sum_true == 0:
        return InfoScore(0.0, 0.0, 1.0)
    # Rounding may leave a score just outside 0..1.
    information = sum_both - sum_true - sum_proposal
    precision = min(max(float(information / -sum_true), 0.0), 1.0)
    recall = min(max(float(information / -sum_proposal), 0.0), 1.0)
    if precision + recall == 0:
        return InfoScore(0.0, 0.0, 0.0)
    return InfoScore(2 * precision * recall / (precision + recall), precision, recall)


def _sum_p_log_p(p: np.ndarray) -> float:
    return float(np.sum(p * np.log(p)))
