"""Sections that are drawn for tests: membranes along lines that move from section to section."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Tissue:
    """Sections and their labels.

    membrane : (n, height, width) bool. grey : the same as uint8, darker at membranes, never 0 or
    255. labels : the same as uint8, 0 for membrane and 255 for cell.
    """

    membrane: np.ndarray
    grey: np.ndarray
    labels: np.ndarray


def tissue(n, height, width, period=16):
    """So many sections with a membrane every ``period`` pixels each way; always the same."""
    membrane = np.zeros((n, height, width), bool)
    for z in range(n):
        membrane[z, z % 8 :: period] = True
        membrane[z, :, z % 5 :: period] = True
    noise = np.random.default_rng(0)
    grey = noise.normal(np.where(membrane, 70, 150), 15).clip(1, 254).astype("u1")
    return Tissue(membrane, grey, np.where(membrane, 0, 255).astype(np.uint8))
