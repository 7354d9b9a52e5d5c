"""Smooth random fields on a pixel grid."""

from __future__ import annotations

import numpy as np


def smooth_field(
    shape: tuple[int, int], spacing: float, rng: np.random.Generator, n_fields: int = 1
) -> np.ndarray:
    """Random fields that vary over about `spacing` pixels: (n_fields, height, width) float32.

    Independent normal control values of unit variance on a grid of the given spacing, joined by
    uniform cubic B-splines (de Boor, A Practical Guide to Splines, 1978). The result is scaled
    to about unit variance. Written as two small matrix products because it runs once per
    training crop; a general spline zoom is several times slower.
    """
    rows = _spline_matrix(shape[0], spacing)
    columns = _spline_matrix(shape[1], spacing)
    # The random offset of the grid is left out: the control values are random anyway.
    control = rng.standard_normal((n_fields, rows.shape[1], columns.shape[1]), dtype=np.float32)
    return rows @ control @ columns.T


def _spline_matrix(length: int, spacing: float) -> np.ndarray:
    """(length, n_control) float32 weights of each control value at each pixel, unit variance."""
    position = np.arange(length) / spacing
    n_control = int(np.floor(position[-1])) + 4
    distance = np.abs(position[:, np.newaxis] + 1 - np.arange(n_control))
    weights = np.where(
        distance < 1,
        2 / 3 - distance**2 + distance**3 / 2,
        np.clip(2 - distance, 0, None) ** 3 / 6,
    )
    # Rows sum to one; dividing by their norm instead gives every pixel unit variance.
    return (weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32)
