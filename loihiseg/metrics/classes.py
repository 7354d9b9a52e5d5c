"""Scores of classes: how often each was called, and how often rightly."""

import numpy as np

from loihiseg.errors import InputError
from loihiseg.results.classes import MOST_CONFUSED, ClassScores


def class_counts(called: np.ndarray, n_classes: int) -> tuple[int, ...]:
    """How often each class was called.

    Parameters
    ----------
    called : numpy.ndarray
        Whole numbers from 0 to ``n_classes - 1``, any shape.
    n_classes : int
    """
    return tuple(int(n) for n in np.bincount(called.ravel(), minlength=n_classes))


def class_scores(labels: np.ndarray, called: np.ndarray, n_classes: int) -> ClassScores:
    """Compare the classes that were called with labels.

    With c the number of labels that are i and were called j, ``confusion[i, j]``, accuracy is the
    sum of its diagonal divided by its sum, and the IoU of class i is ``c[i, i]`` divided by the sum
    of row i and column i less ``c[i, i]``.

    Parameters
    ----------
    labels : numpy.ndarray
        Whole numbers up to ``n_classes - 1``, any shape; those below 0 say nothing.
    called : numpy.ndarray
        Whole numbers from 0, the same shape.
    n_classes : int

    Raises
    ------
    InputError
        If the shapes differ, or no label says anything.
    """
    if labels.shape != called.shape:
        raise InputError(f"labels have shape {labels.shape}, what was called {called.shape}")
    known = labels >= 0
    true, said = labels[known], called[known]
    if not true.size:
        raise InputError("labels: none of them says anything; leave them out")
    pairs, counts = np.unique(true * n_classes + said, return_counts=True)
    row, column = pairs // n_classes, pairs % n_classes
    rows = np.bincount(true, minlength=n_classes)
    columns = np.bincount(said, minlength=n_classes)
    hit = np.zeros(n_classes, np.int64)
    hit[row[row == column]] = counts[row == column]
    either = rows + columns - hit
    iou = tuple(float(h / e) if e else None for h, e in zip(hit, either, strict=True))
    confusion = np.zeros((0, 0), np.int64)
    if n_classes <= MOST_CONFUSED:
        confusion = np.zeros((n_classes, n_classes), np.int64)
        confusion[row, column] = counts
    return ClassScores(
        accuracy=float(hit.sum() / true.size),
        most_frequent=float(rows.max() / true.size),
        mean_iou=float(np.mean([value for value in iou if value is not None])),
        iou=iou,
        confusion=tuple(tuple(int(n) for n in line) for line in confusion),
        n_labels=int(true.size),
    )
