"""Synthetic ssTEM sections with membrane labels, after the ISBI 2012 Drosophila stack.

For trying things out and for tests where the real stack is not at hand. Sizes, grey levels and
grain are tuned by hand to sections 0-23 of the ISBI 2012 training stack (4 x 4 x 50 nm voxels; for
the data see Arganda-Carreras et al. 2015, doi 10.3389/fnana.2015.00142); no pixel of it is used.
Known differences: membranes are easier to find by brightness alone, and the labels of neighbouring
sections correlate more (0.3 to 0.5, real 0.19). Figures for a publication come from real sections.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from loihiseg.data.stack import Stack, make_stack
from loihiseg.data.synthetic.microscope import record
from loihiseg.data.synthetic.organelles import (
    Densities,
    Mitochondria,
    density_darkness,
    grow_densities,
    grow_mitochondria,
    paint_mitochondria,
    paint_vesicles,
)
from loihiseg.data.synthetic.tissue import (
    Cells,
    Profile,
    Warp,
    cut_section,
    grow_cells,
    make_warp,
)
from loihiseg.errors import InputError

__all__ = ["synthetic_stack"]

_SMALLEST = 32  # pixels; less than a cell would be seen
_CYTOPLASM, _MEMBRANE, _DENSITY = 152.0, 74.0, 52.0  # grey levels before the microscope


@dataclass(frozen=True, eq=False)
class _Tissue:
    """The block the sections are cut from."""

    cells: Cells
    warp: Warp
    mitochondria: Mitochondria
    densities: Densities


def synthetic_stack(
    n_sections: int = 24, shape: tuple[int, int] = (256, 256), seed: int = 0
) -> Stack:
    """Sections (n_sections, *shape) uint8, axes "zyx", with labels, deterministic per seed.

    A pixel stands for 4 nm whatever the shape: a larger shape is a larger field of view, not a
    finer one. Section k of a seed and shape is the same for every n_sections > k.
    Raises InputError for no sections, a shape below 32 x 32 pixels and a negative seed.
    """
    if n_sections < 1 or len(shape) != 2 or min(shape) < _SMALLEST or seed < 0:
        raise InputError(
            f"synthetic stack of {n_sections} sections of {tuple(shape)} pixels with seed {seed}, "
            f"expected at least 1 section of {_SMALLEST} x {_SMALLEST} and a seed >= 0"
        )
    shape = (int(shape[0]), int(shape[1]))
    tissue = _grow(shape, np.random.default_rng([seed, 0]))
    images = np.empty((n_sections, *shape), np.uint8)
    labels = np.empty((n_sections, *shape), np.uint8)
    for k in range(n_sections):
        # A generator per section keeps section k independent of the number of sections.
        images[k], membrane = _section(tissue, k, np.random.default_rng([seed, 1, k]))
        labels[k] = np.where(membrane, 0, 255)
    stack = make_stack(images, labels, f"synthetic(seed={seed})", "cell-bright")
    return replace(stack, pixel_nm=(50.0, 4.0, 4.0))


def _grow(shape: tuple[int, int], rng: np.random.Generator) -> _Tissue:
    cells = grow_cells(shape, rng)
    return _Tissue(
        cells, make_warp(shape, rng), grow_mitochondria(cells, rng), grow_densities(shape, rng)
    )


def _section(
    tissue: _Tissue, depth: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Image (height, width) uint8 and membrane (height, width) bool of one section."""
    shift = rng.normal(0, 2.5, 2)  # sections are aligned to a few pixels
    profile = cut_section(tissue.cells, tissue.warp, depth, shift, rng)
    smears = density_darkness(profile, tissue.densities, depth, rng)
    grey = _cytoplasm(tissue.cells, profile)
    paint_vesicles(grey, profile, tissue.cells, rng)
    paint_mitochondria(grey, profile, tissue.cells, tissue.mitochondria, depth, shift, rng)
    grey += np.clip(profile.darkness, 0, 1) * (_MEMBRANE - grey)
    grey += 0.85 * smears * (_DENSITY - grey)
    return record(grey, rng), profile.membrane | (smears > 0.5)


def _cytoplasm(cells: Cells, profile: Profile) -> np.ndarray:
    """Grey level of the bare cytoplasm, float32; cells differ a little, few are dark."""
    level = _CYTOPLASM + 5 * cells.brightness - 22 * (cells.kind > 0.93)
    return level.astype(np.float32)[profile.cell]
