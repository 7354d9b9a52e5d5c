"""Early exit by trained scales: steps whose currents all layers have learnt to make small.

A network with a scale for each step needs no later ones once all layers have driven theirs down.
The rule is the paper's, in words there alone; the bound of 0.1 is what its figures show.
"""

from collections.abc import Mapping

import numpy as np

LEAST_SCALE = 0.1
"""Below which a step's scale counts for nothing."""


def step_scales(gammas: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Mean size of the scales of each step, by layer.

    Parameters
    ----------
    gammas : mapping of str to numpy.ndarray
        (steps, channels), by layer.

    Returns
    -------
    dict of str to numpy.ndarray
        (steps,).
    """
    return {name: np.abs(values).mean(axis=1) for name, values in gammas.items()}


def exit_step(gammas: Mapping[str, np.ndarray], least: float = LEAST_SCALE) -> int:
    """How many steps are enough, for all images alike.

    Parameters
    ----------
    gammas : mapping of str to numpy.ndarray
        (steps, channels), by layer; layers of which only a skip connection hears more steps count
        by their first ones.
    least : float

    Returns
    -------
    int
        The fewest steps, at least 1, behind which the scales of every layer are below ``least``.

    Raises
    ------
    ValueError
        If there is no layer.
    """
    scales = step_scales(gammas)
    if not scales:
        raise ValueError("no layer has scales")
    n_steps = min(len(own) for own in scales.values())
    largest = np.max([own[:n_steps] for own in scales.values()], axis=0)
    needed = np.flatnonzero(largest >= least)
    return int(needed[-1]) + 1 if len(needed) else 1
