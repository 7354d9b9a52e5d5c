"""What a network might say of some sections."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Said:
    raw: np.ndarray
    trained: np.ndarray
    spiking: np.ndarray
    membrane: np.ndarray | None
    titles: tuple[str, ...]
    known: np.ndarray | None = None
    threshold: float = 0.5


def said(n=2, size=32, title="section"):
    rng = np.random.default_rng(0)
    maps = rng.random((2, n, size, size))
    return Said(
        rng.integers(0, 255, (n, size, size), dtype=np.uint8), maps[0], maps[1],
        rng.random((n, size, size)) > 0.7, tuple(f"{title} {k}" for k in range(n)),
    )  # fmt: skip
