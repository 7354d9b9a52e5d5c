"""Stop presenting an image once its map has stopped changing.

The host looks at the map every few steps and ends the presentation when at most so many pixels have
changed since it looked before. How many, and from which step on, is chosen on other images: with as
few steps as possible while the maps at the end differ little from those of a whole presentation.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

MAX_THRESHOLDS = 200
"""Numbers of changed pixels that are tried, at most."""


@dataclass(frozen=True)
class ExitRule:
    """When to stop.

    Attributes
    ----------
    first_step : int
        Looks before this step do not count, nor are later ones compared with them.
    changed_pixels : int
        Stop when at most so many pixels have changed since the look before; -1 for never.
    """

    first_step: int
    changed_pixels: int


@dataclass(frozen=True, eq=False)
class Exits:
    """What a rule makes of some images.

    Attributes
    ----------
    look : numpy.ndarray
        int64, (n,): number of the look at which each presentation ends.
    steps : numpy.ndarray
        int64, (n,): the step it ends at.
    maps : numpy.ndarray
        bool, (n, rows, columns): the maps there.
    wrong : numpy.ndarray
        float64, (n,): share of the pixels that count that differ from the map of the whole
        presentation; 0 where none counts.
    share_wrong : float
        The same of all images' pixels together.
    """

    look: np.ndarray
    steps: np.ndarray
    maps: np.ndarray
    wrong: np.ndarray
    share_wrong: float


def apply_rule(
    maps: np.ndarray, steps: ArrayLike, rule: ExitRule, known: np.ndarray | None = None
) -> Exits:
    """End presentations by a rule.

    Parameters
    ----------
    maps : numpy.ndarray
        bool, (n, n_looks, rows, columns): membrane or not, at each look.
    steps : sequence of int
        (n_looks,), ascending: the step of each look; the last is that of the whole presentation.
    rule : ExitRule
    known : numpy.ndarray, optional
        bool, (n, rows, columns), which pixels count; all by default.

    Returns
    -------
    Exits

    Raises
    ------
    ValueError
        If there is not one step for each look, or they do not ascend.
    """
    maps, looks = _checked(maps, steps)
    look = _looks(_changed(maps), looks, rule.first_step, rule.changed_pixels)
    images = np.arange(len(maps))
    wrong = _wrong(maps, known)[images, look]
    return Exits(look, looks[look], maps[images, look], wrong, _share(wrong, known))


def choose_rule(
    maps: np.ndarray, steps: ArrayLike, most_wrong: float, known: np.ndarray | None = None
) -> ExitRule:
    """The rule of fewest steps on average with which maps differ little from the last ones.

    Parameters
    ----------
    maps, steps, known
        As in `apply_rule`, of images that are not those the rule is for.
    most_wrong : float
        Share of all pixels that count that may differ from the maps of whole presentations.

    Returns
    -------
    ExitRule
        Of equal means the one that starts latest and changes least. Where no rule saves a step,
        the one that never stops early.

    Raises
    ------
    ValueError
        As of `apply_rule`; or if there are no maps, or ``most_wrong`` is negative.
    """
    maps, looks = _checked(maps, steps)
    if not len(maps) or not most_wrong >= 0:
        raise ValueError("there must be maps, and a share of at least 0 that may be wrong")
    changed, wrong = _changed(maps), _wrong(maps, known)
    counts = np.unique(changed[changed < changed.size * maps[0, 0].size])
    if len(counts) > MAX_THRESHOLDS:
        counts = np.unique(np.quantile(counts, np.linspace(0, 1, MAX_THRESHOLDS)).astype(int))
    best, best_cost = ExitRule(int(looks[-1]), -1), float(looks[-1])
    images = np.arange(len(maps))
    for first in looks[::-1]:
        for count in counts:
            look = _looks(changed, looks, first, count)
            cost = looks[look].mean()
            if cost < best_cost and _share(wrong[images, look], known) <= most_wrong:
                best, best_cost = ExitRule(int(first), int(count)), cost
    return best


def _checked(maps: np.ndarray, steps: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    maps, steps = np.asarray(maps, bool), np.asarray(steps, np.int64)
    ascending = steps.ndim == 1 and len(steps) and (np.diff(steps) > 0).all()
    if maps.ndim != 4 or not ascending or maps.shape[1] != len(steps):
        raise ValueError(
            f"maps of shape {maps.shape} need a step for each of their looks, ascending; got "
            f"{steps.tolist()}"
        )
    return maps, steps


def _changed(maps: np.ndarray) -> np.ndarray:
    """Pixels changed since the look before, (n, n_looks); at the first, more than there are."""
    counts = np.count_nonzero(maps[:, 1:] != maps[:, :-1], axis=(2, 3))
    return np.pad(counts, ((0, 0), (1, 0)), constant_values=np.iinfo(np.int64).max)


def _wrong(maps: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    """Share of the pixels that count that are called otherwise than at the end, (n, n_looks)."""
    differ = maps != maps[:, -1:]
    if known is None:
        return differ.mean(axis=(2, 3))
    n_wrong = np.count_nonzero(differ & known[:, None], axis=(2, 3))
    return n_wrong / np.maximum(_n_known(known), 1)[:, None]


def _share(wrong: np.ndarray, known: np.ndarray | None) -> float:
    """Shares of images as the share of all their pixels that count."""
    if known is None:
        return float(wrong.mean())
    n_known = _n_known(known)
    return float((wrong * n_known).sum() / max(n_known.sum(), 1))


def _n_known(known: np.ndarray) -> np.ndarray:
    return np.count_nonzero(known, axis=(1, 2))


def _looks(changed: np.ndarray, steps: np.ndarray, first_step: int, most: int) -> np.ndarray:
    """First look at which each presentation may end: both it and the one before count."""
    counts = steps >= first_step
    ends = (changed <= most) & counts & np.concatenate([[False], counts[:-1]])
    ends[:, -1] = True
    return ends.argmax(axis=1)
