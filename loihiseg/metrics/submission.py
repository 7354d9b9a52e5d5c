"""The map that is handed to the challenge's procedure, its values where the thresholds are.

The official script tries ten thresholds on the probability of cell, the last at 0.9. A network
trained on pixels is best in regions when cells are sure, at 0.9 or above: there the thresholds are
sparse and end, and one gap in one membrane decides. Whoever submits a map is free in how its
values are spread, so the logits are shifted by a number chosen on validation sections. A shift
leaves the order of the pixels as it is.
"""

from dataclasses import replace

import numpy as np

from loihiseg.errors import InputError
from loihiseg.metrics.isbi import (
    ChallengeScores,
    Section,
    check_sections,
    rand_of,
    scores_of_sections,
)
from loihiseg.metrics.regions import Regions, regions

SHIFTS = tuple(round(0.4 * i, 1) for i in range(13))
"""Logits tried by `choose_shift`: thresholds from 0.5 to 0.992 on the probability of cell."""


def choose_shift(membrane: np.ndarray, logits: np.ndarray) -> float:
    """The shift with which a threshold of 0.5 gives the best V_Rand (thinned).

    Parameters
    ----------
    membrane : (n, h, w) bool array
        Truth of the validation sections; those without a cell have no score and are left out.
    logits : (n, h, w) float array
        Of membrane.

    Returns
    -------
    float
        One of `SHIFTS`; the smallest of equals, 0 where no section has a cell.
    """
    scored = [(_cells(truth), one) for truth, one in zip(membrane, logits) if not truth.all()]
    if not scored:
        return 0.0
    scores = [
        np.mean([rand_of(truth, _below(one, -shift)) for truth, one in scored]) for shift in SHIFTS
    ]
    return SHIFTS[int(np.argmax(scores))]


def submitted_scores(membrane: np.ndarray, logits: np.ndarray, shift: float) -> ChallengeScores:
    """Challenge scores of the map ``sigmoid(-(logits + shift))``, the probability of cell.

    Parameters
    ----------
    membrane : (n, h, w) bool array
    logits : (n, h, w) float array
        Of membrane.
    shift : float
        Logits; 0 is the network's own probability.

    Returns
    -------
    loihiseg.metrics.isbi.ChallengeScores

    Raises
    ------
    InputError
        See `loihiseg.metrics.isbi.challenge_scores`.
    """
    check_sections(membrane, logits, "membrane")
    if np.isnan(logits.min()):
        raise InputError("logits are NaN in places; they must be numbers")
    return scores_of_sections([_section(*one, shift) for one in zip(membrane, logits)])


def _section(membrane: np.ndarray, logits: np.ndarray, shift: float) -> Section:
    of_membrane = Section.of_membrane(membrane, logits)
    return replace(of_membrane, cell_probability=lambda band: _shifted(logits[:, band], shift))


def _shifted(logits: np.ndarray, shift: float) -> np.ndarray:
    """Probability of cell, float64."""
    return 0.5 * (1.0 - np.tanh(0.5 * (np.asarray(logits, np.float64) + shift)))


def _cells(membrane: np.ndarray) -> Regions:
    rows, columns = membrane.shape
    return regions(lambda band: ~membrane[:, band], (rows, columns)).by_rows()


def _below(logits: np.ndarray, limit: float) -> Regions:
    rows, columns = logits.shape
    return regions(lambda band: logits[:, band] < limit, (rows, columns))
