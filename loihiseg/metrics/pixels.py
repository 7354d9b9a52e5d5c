"""Pixel scores of a membrane mask, always beside the score of the empty answer."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from loihiseg.errors import InputError
from loihiseg.results.scores import PixelScores

# A power of two: every candidate k/1024 is exact in float32 (and float16), so a mask made from
# a float32 map equals the one the threshold was chosen on.
N_THRESHOLDS = 1024

PART_PIXELS = 2**22
"""Pixels that are looked at together; what is made of them on the way is gone before the next."""


def pixel_scores(membrane_true: np.ndarray, membrane_predicted: np.ndarray) -> PixelScores:
    """Score a membrane mask pixel by pixel, pooled over the whole array.

    Parameters
    ----------
    membrane_true, membrane_predicted : bool arrays of equal shape
        True where a pixel is membrane.

    Returns
    -------
    PixelScores

    Raises
    ------
    InputError
        If a mask is not bool, the shapes differ, or there is no pixel.

    Notes
    -----
    With TP, FP, FN, TN counted for membrane [1]_::

        accuracy = (TP + TN) / n        IoU = TP / (TP + FP + FN)
        precision = TP / (TP + FP)      recall = TP / (TP + FN)
        F1 = 2 TP / (2 TP + FP + FN)

    If neither mask has a membrane pixel they agree, and all four membrane scores are 1; any
    other 0/0 is 0 (no membrane predicted: precision; no membrane in the labels: recall).

    References
    ----------
    .. [1] M. Everingham et al. (2010), "The PASCAL Visual Object Classes (VOC) challenge",
           Int. J. Comput. Vis. 88, for the IoU.

    Examples
    --------
    >>> pixel_scores(np.array([True, False, False, False]), np.array([True, True, False, False]))
    PixelScores(accuracy=0.75, all_cell_accuracy=0.75, membrane_iou=0.5, \
membrane_precision=0.5, membrane_recall=1.0, membrane_f1=0.6666666666666666, n_pixels=4)
    """
    true, predicted = np.asarray(membrane_true), np.asarray(membrane_predicted)
    _check_equal_shape(true, predicted)
    _check_mask("membrane_true", true)
    _check_mask("membrane_predicted", predicted)

    hit = sum(np.count_nonzero(true[part] & predicted[part]) for part in _parts(true))
    return _scores(true.size, np.count_nonzero(true), np.count_nonzero(predicted), hit)


def probability_scores(
    membrane_true: np.ndarray, probability: np.ndarray, threshold: float
) -> PixelScores:
    """`pixel_scores` of the mask ``probability > threshold``, which is not made as a whole.

    Parameters
    ----------
    membrane_true : bool array
        True where a pixel is membrane.
    probability : array of the same shape
        Of membrane, see `as_float`.
    threshold : float
    """
    true, probability = np.asarray(membrane_true), np.asarray(probability)
    _check_equal_shape(true, probability)
    _check_mask("membrane_true", true)
    n_predicted = hit = 0
    for part in _parts(true):
        predicted = as_float(probability[part]) > threshold
        n_predicted += np.count_nonzero(predicted)
        hit += np.count_nonzero(true[part] & predicted)
    return _scores(true.size, np.count_nonzero(true), n_predicted, hit)


def as_float(probability: np.ndarray) -> np.ndarray:
    """Probabilities as floats: those of uint8, where 255 stands for 1, as float32; others as is."""
    return _OF_BYTES[probability] if probability.dtype == np.uint8 else probability


_OF_BYTES = np.arange(256, dtype=np.float32) / np.float32(255)


def _scores(n: int, n_true: int, n_predicted: int, hit: int) -> PixelScores:
    missed, extra = n_true - hit, n_predicted - hit
    empty = 1.0 if n_true == n_predicted == 0 else 0.0
    return PixelScores(
        accuracy=float((n - missed - extra) / n),
        all_cell_accuracy=float((n - n_true) / n),
        membrane_iou=_ratio(hit, hit + missed + extra, empty),
        membrane_precision=_ratio(hit, n_predicted, empty),
        membrane_recall=_ratio(hit, n_true, empty),
        membrane_f1=_ratio(2 * hit, n_true + n_predicted, empty),
        n_pixels=n,
    )


def _parts(array: np.ndarray) -> Iterator[tuple[int | slice, ...]]:
    """Indices of parts of some million pixels that make up an array, of any number of axes."""
    if array.ndim > 2:
        for number in range(len(array)):
            for part in _parts(array[number]):
                yield (number, *part)
        return
    if not array.ndim:
        yield ()
        return
    step = max(1, PART_PIXELS // max(array.size // max(len(array), 1), 1))
    for start in range(0, len(array), step):
        yield (slice(start, start + step),)


def best_threshold(
    membrane_true: np.ndarray,
    probability: np.ndarray,
    criterion: Literal["accuracy", "iou"] = "accuracy",
    n: int = N_THRESHOLDS,
) -> float:
    """Threshold t for which the mask `probability > t` scores best.

    Choose it on validation sections only; on the sections it was chosen on, the score is
    optimistic.

    Parameters
    ----------
    membrane_true : bool array
        True where a pixel is membrane.
    probability : float array of the same shape
        Probability of membrane, 0..1.
    criterion : "accuracy" or "iou"
        The score to maximise: pixel accuracy, or the IoU of membrane (`pixel_scores`).
    n : int
        The candidates are k/n for k = 0..n-1. Keep it a power of two up to 2**24 where the
        threshold is applied to float32 maps.

    Returns
    -------
    float
        The best candidate; among equals the one nearest to 0.5, the lower one of two. A map of
        only 0 and 1 therefore gives 0.5 (n being even).

    Raises
    ------
    InputError
        If the shapes differ or are empty, the mask is not bool, a probability is not a float
        in 0..1, the criterion is unknown, or n is below 1.
    """
    true, probability = np.asarray(membrane_true), np.asarray(probability)
    _check_equal_shape(true, probability)
    _check_mask("membrane_true", true)
    _check_probability(probability)
    if criterion not in ("accuracy", "iou"):
        raise InputError(f"criterion {criterion!r} is unknown; use 'accuracy' or 'iou'")
    if n < 1:
        raise InputError(f"n = {n} candidate thresholds; at least 1 is needed")

    thresholds = np.arange(n) / n
    extra, hit = _called_membrane(true, probability, thresholds)
    n_true = np.count_nonzero(true)
    if criterion == "accuracy":
        score = true.size - n_true + hit - extra  # in pixels: integers make ties exact
    else:
        union = n_true + extra
        score = np.where(union == 0, 1.0, hit / np.maximum(union, 1))
    best = thresholds[score == score.max()]
    return float(best[np.abs(best - 0.5).argmin()])


def _called_membrane(
    true: np.ndarray, probability: np.ndarray, thresholds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of cell and of membrane above each of n ascending thresholds, (n,) integers each.

    One pass: each pixel falls between two thresholds, and sums over that histogram give the
    counts of all masks at once.
    """
    n = len(thresholds)
    counts = np.zeros(2 * (n + 1), np.int64)
    for part in _parts(true):
        # A pixel that exceeds `rank` thresholds is membrane at the thresholds 0..rank-1.
        values = probability[part].ravel().astype(np.float64)
        rank = np.searchsorted(thresholds, values, side="left")
        counts += np.bincount(2 * rank + true[part].ravel(), minlength=2 * (n + 1))
    cell, membrane = counts.reshape(n + 1, 2)[::-1].cumsum(axis=0)[::-1][1:].T
    return cell, membrane


def _ratio(part: float, whole: float, empty: float) -> float:
    return float(part / whole) if whole else empty


def _check_equal_shape(true: np.ndarray, other: np.ndarray) -> None:
    if true.shape != other.shape or true.size == 0:
        raise InputError(
            f"labels have shape {true.shape}, the prediction {other.shape}; "
            "the shapes must be equal and not empty"
        )


def _check_mask(name: str, mask: np.ndarray) -> None:
    if mask.dtype != np.bool_:
        raise InputError(f"{name} has dtype {mask.dtype}; a mask must be bool, True = membrane")


def _check_probability(probability: np.ndarray) -> None:
    if probability.dtype.kind != "f":
        raise InputError(f"probability has dtype {probability.dtype}; it must be float")
    low, high = probability.min(), probability.max()
    if not (low >= 0 and high <= 1):  # this way round, NaN fails too
        raise InputError(f"probability spans {low}..{high}; it must lie in 0..1")
