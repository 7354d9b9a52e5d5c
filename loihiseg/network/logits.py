"""Logits and probabilities of membrane, in numpy."""

from collections.abc import Sequence

import numpy as np


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probability of membrane from its logit, float32, any shape."""
    return (0.5 * (1.0 + np.tanh(0.5 * np.asarray(logits, np.float32)))).astype(np.float32)


def membrane(logits: np.ndarray, threshold: float) -> np.ndarray:
    """Which pixels are called membrane, bool, the shape of ``logits``."""
    return sigmoid(logits) > threshold


def to_logits(output: np.ndarray, is_probability: bool) -> np.ndarray:
    """Logits of a network's output, float32; probabilities are kept 1e-6 away from 0 and 1."""
    output = np.asarray(output, np.float32)
    if not is_probability:
        return output
    output = output.clip(1e-6, 1 - 1e-6)
    return np.log(output / (1 - output))


def mean_logits(maps: Sequence[np.ndarray]) -> np.ndarray:
    """Logits of the mean probability of several maps of logits, float32; a single one as it is."""
    if len(maps) == 1:
        return maps[0]
    mean = np.mean([sigmoid(one) for one in maps], axis=0, dtype=np.float64)
    return to_logits(mean, is_probability=True)
