"""A threshold chosen by cross-validation over blocks of sections, and intervals of means.

V_Rand hangs on single gaps: the best threshold of two sections says little of the next two. Here it
is that of all sections that may be chosen on, and what choosing is worth is told by blocks that
were left out. Neighbouring sections show the same cells, so that blocks are consecutive.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from loihiseg.errors import InputError
from loihiseg.results.topology import ChosenThreshold, Interval

LOGITS = tuple(round(number / 10 - 8, 1) for number in range(101))
"""Thresholds that are tried, on logits of membrane: -8 to 2 by 0.1, probabilities of 0.0003 to
0.88."""

BLOCKS = 5
LEAST_SECTIONS = 3
"""A threshold of two says nothing of the next."""

CONFIDENCE = 0.95
RESAMPLES = 10_000


def choose_threshold(
    scores: np.ndarray, logits: Sequence[float] = LOGITS, n_blocks: int = BLOCKS
) -> ChosenThreshold:
    """The threshold of the best mean score.

    Parameters
    ----------
    scores : numpy.ndarray
        (sections, thresholds), the more the better; sections in their order.
    logits : sequence of float
        The thresholds, ascending.
    n_blocks : int
        Consecutive blocks, as alike in size as can be; at most one for each section.

    Returns
    -------
    loihiseg.results.topology.ChosenThreshold
        Of equals the one in the middle of the longest run.

    Raises
    ------
    InputError
        If there are fewer than three sections: a threshold of two says nothing.
    """
    n = len(scores)
    if n < LEAST_SECTIONS:
        raise InputError(
            f"{n} sections to choose a threshold on, expected three at least; add sections"
        )
    places = range(n)
    blocks = [list(block) for block in np.array_split(places, min(n_blocks, n))]
    own = np.empty(n)
    by_block = []
    for block in blocks:
        others = [place for place in places if place not in block]
        best = _best(scores[others].mean(0))
        own[block] = scores[block, best]
        by_block.append(float(logits[best]))
    curve = scores.mean(0)
    best = _best(curve)
    return ChosenThreshold(
        logit=float(logits[best]),
        score=float(own.mean()),
        best_score=float(curve[best]),
        by_block=tuple(by_block),
        is_at_end=best in (0, len(logits) - 1),
    )


def interval(values: Sequence[float], seed: int = 0, confidence: float = CONFIDENCE) -> Interval:
    """The mean of sections, and its percentile bootstrap interval.

    Of two networks on the same sections, the interval of the differences is the paired one.

    Parameters
    ----------
    values : sequence of float
        One for each section. The interval of a single one is itself.
    seed : int
    confidence : float
        Share, above 0 and below 1.

    References
    ----------
    B. Efron, R. Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13.
    """
    found = np.asarray(values, np.float64)
    mean = float(found.mean())
    if len(found) < 2 or np.ptp(found) == 0:
        return Interval(mean, mean, mean, confidence, len(found))
    low, high = stats.bootstrap(
        (found,), np.mean, n_resamples=RESAMPLES, confidence_level=confidence,
        method="percentile", rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return Interval(mean, float(low), float(high), confidence, len(found))


def _best(curve: np.ndarray) -> int:
    """The place of the largest value; of equals the middle of the longest run."""
    is_best = np.concatenate([[0], (curve == curve.max()).astype(int), [0]])
    steps = np.diff(is_best)
    starts, stops = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    longest = int((stops - starts).argmax())
    return int((starts[longest] + stops[longest] - 1) // 2)
