"""The shapes of synthetic neuropil: cells, membranes and organelles through z.

Lengths are pixels of 4 nm, depths are sections of 50 nm, as in the ISBI 2012 stack.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from loihiseg.data.fields import smooth_field

# Cell radii: log-normal, tuned by hand to the profile areas of ISBI 2012 sections 0-23
# (quartiles 300, 650 and 1700 px, 99th percentile 18000 px).
_RADIUS_MEDIAN, _RADIUS_SPREAD = 17.0, 0.62
_RADIUS_RANGE = (7.0, 80.0)
# Cells are drawn beyond the border of the section, or profiles there would be cut too round.
_MARGIN = 70.0
_N_PACKINGS = 8
# Outline length per pixel of the packing that gives the membrane fraction of ISBI 2012.
_USUAL_DENSITY = 0.049
# How far beyond its own outline a cell can reach into a gap, pixels.
_REACH = 30.0
# Depths within a section whose profiles add up to its image, and their distance to the middle.
_SUB_DEPTHS = (-0.45, 0.0, 0.45)


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells as warped ellipses that slide and swell through z. Arrays have one entry per cell.

    centre (n, 2) yx; semi_axes (n, 2); angle (n,); sway_* (n, 2): amplitude, angular frequency
    per section and phase of the sideways motion; swell_* (n,) the same for the size;
    brightness (n,) of the cytoplasm in deviations; kind (n,) uniform in [0, 1], decides which
    organelles a cell has.
    """

    centre: np.ndarray
    semi_axes: np.ndarray
    angle: np.ndarray
    sway_amplitude: np.ndarray
    sway_frequency: np.ndarray
    sway_phase: np.ndarray
    swell_frequency: np.ndarray
    swell_phase: np.ndarray
    brightness: np.ndarray
    kind: np.ndarray

    def at(self, depth: float) -> tuple[np.ndarray, np.ndarray]:
        """Centres (n, 2) and semi-axes (n, 2) at a depth."""
        sway = self.sway_amplitude * np.sin(self.sway_frequency * depth + self.sway_phase)
        swell = 1 + 0.22 * np.sin(self.swell_frequency * depth + self.swell_phase)
        return self.centre + sway, self.semi_axes * swell[:, np.newaxis]


@dataclass(frozen=True, eq=False)
class Warp:
    """A smooth deformation of the plane that turns slowly with depth.

    fields : (2, 2, height, width) float32, two displacement fields (y, x) in pixels.
    frequency : angular frequency with which one field turns into the other, per section.
    """

    fields: np.ndarray
    frequency: float

    def at(self, depth: float) -> np.ndarray:
        """Warped pixel coordinates (2, height, width) float32 at a depth."""
        turn = self.frequency * depth
        first, second = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        coordinates = first * self.fields[0] + second * self.fields[1]
        coordinates[0] += np.arange(coordinates.shape[1], dtype=np.float32)[:, np.newaxis]
        coordinates[1] += np.arange(coordinates.shape[2], dtype=np.float32)
        return coordinates


@dataclass(frozen=True, eq=False)
class Profile:
    """What one section cuts out of the tissue; arrays (height, width).

    cell : int32, the cell each pixel belongs to. depth_in_cell : float32, distance to the
    nearest membrane centre line. darkness : float32 in [0, 1], how much membrane the electrons
    pass. membrane : bool, the label.
    """

    cell: np.ndarray
    depth_in_cell: np.ndarray
    darkness: np.ndarray
    membrane: np.ndarray


def grow_cells(shape: tuple[int, int], rng: np.random.Generator) -> Cells:
    """Fill a field of view with cells, large ones first, small ones into the gaps."""
    # Few cells show in a small field of view, and chance alone would make it nearly empty or
    # crowded; of several packings the one with the most usual outline length is taken.
    packings = [_pack(shape, rng) for _ in range(_N_PACKINGS)]
    centre, radius = min(packings, key=lambda p: abs(_outline_density(*p, shape) - _USUAL_DENSITY))
    n = len(radius)
    # Most profiles are compact; a third are cut lengthwise. Bundles run in one main direction.
    aspect = np.where(rng.random(n) < 0.35, rng.uniform(1.8, 4.0, n), rng.uniform(1.0, 1.5, n))
    angle = rng.uniform(0, np.pi) + rng.normal(0, 0.7, n)
    amplitude = rng.uniform(2, 7, (n, 2)) * np.clip(radius / 20, 0.6, 1.5)[:, np.newaxis]
    return Cells(
        centre=centre,
        semi_axes=radius[:, np.newaxis] * np.stack([aspect**-0.5, aspect**0.5], axis=1),
        angle=angle,
        sway_amplitude=amplitude,
        sway_frequency=2 * np.pi / rng.uniform(10, 26, (n, 2)),
        sway_phase=rng.uniform(0, 2 * np.pi, (n, 2)),
        swell_frequency=2 * np.pi / rng.uniform(12, 30, n),
        swell_phase=rng.uniform(0, 2 * np.pi, n),
        brightness=rng.standard_normal(n),
        kind=rng.random(n),
    )


def _pack(shape: tuple[int, int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random sequential packing of discs, overlapping a little: centres (n, 2), radii (n,)."""
    size = np.array(shape) + 2 * _MARGIN
    area = float(np.prod(size))
    radii = _RADIUS_MEDIAN * np.exp(_RADIUS_SPREAD * rng.standard_normal(int(area / 300) + 8))
    radii = np.clip(radii, *_RADIUS_RANGE)
    # Keep as many as fill the plane once, then place the large ones first.
    radii = np.sort(radii[np.cumsum(np.pi * radii**2) < 0.88 * area])[::-1]
    centres = np.empty((len(radii), 2))
    for i, radius in enumerate(radii):
        candidates = rng.uniform(0, 1, (40, 2)) * size
        if i:
            away = np.linalg.norm(candidates[:, np.newaxis] - centres[:i], axis=-1)
            clearance = (away - radii[:i]).min(axis=1) - radius
            # The tightest place that fits, or the least bad one: discs touch, gaps stay few.
            fits = clearance > -0.15 * radius
            best = np.argmin(np.where(fits, clearance, 1e6 - clearance))
        else:
            best = 0
        centres[i] = candidates[best]
    return centres - _MARGIN, radii


def _outline_density(centre: np.ndarray, radius: np.ndarray, shape: tuple[int, int]) -> float:
    """Length of disc outline in the field of view per pixel."""
    # Each disc counts by the share of its bounding square that lies in view.
    low = np.clip(centre - radius[:, np.newaxis], 0, shape)
    high = np.clip(centre + radius[:, np.newaxis], 0, shape)
    share = np.prod(high - low, axis=1) / (2 * radius) ** 2
    return float((2 * np.pi * radius * share).sum() / np.prod(shape))


def make_warp(shape: tuple[int, int], rng: np.random.Generator) -> Warp:
    """Deformation at three scales: tissue, cell outline and the ruffle of a membrane."""
    fields = sum(
        amplitude * smooth_field(shape, spacing, rng, n_fields=4)
        for amplitude, spacing in ((10.0, 80.0), (4.5, 28.0), (0.9, 8.0))
    )
    return Warp(fields.reshape(2, 2, *shape), 2 * np.pi / 18)


def cut_section(
    cells: Cells, warp: Warp, depth: float, shift: np.ndarray, rng: np.random.Generator
) -> Profile:
    """The section around a depth, with shift (2,) yx pixels of misalignment.

    A section is 50 nm thick while a membrane is 10 nm: where a membrane is tilted, its profiles
    at several depths lie side by side and the image shows a wide, pale band. This is why the
    darkness is a mean over depths within the section.
    """
    owners = [_owners(cells, warp, depth + offset, shift) for offset in _SUB_DEPTHS]
    thickness = 1.0 + 0.12 * smooth_field(warp.fields.shape[2:], 30, rng)[0]
    darkness = np.zeros(thickness.shape, np.float32)
    for owner in owners:
        distance, width, strength = _membrane_lines(owner)
        width *= np.clip(thickness, 0.75, 1.5)
        darkness += strength * np.exp(-((distance / width) ** 2)) / len(owners)
        if owner is owners[len(owners) // 2]:
            depth_in_cell, label_width = distance, width
    middle = owners[len(owners) // 2]
    # Annotators draw the line a little wider than it is dark, and fill what is dark all over.
    smooth = ndimage.gaussian_filter(darkness, 1.5)
    membrane = (depth_in_cell < 1.28 * label_width) | (smooth > 0.5)
    return Profile(middle, depth_in_cell, darkness, membrane)


def _owners(cells: Cells, warp: Warp, depth: float, shift: np.ndarray) -> np.ndarray:
    """The cell of each pixel, int32: the one whose outline is nearest, inside counting as < 0.

    An additively weighted Voronoi diagram of ellipses, (|A (x - c)| - 1) sqrt(a b), in warped
    coordinates; each cell is evaluated in a window around it only.
    """
    y, x = warp.at(depth)
    height, width = y.shape
    nearest = np.full((height, width), np.float32(np.inf))
    owner = np.zeros((height, width), np.int32)
    centres, semi_axes = cells.at(depth)
    centres = centres + shift
    slack = 14.0  # the warp moves a cell by up to about this much
    for i, (centre, axes) in enumerate(zip(centres, semi_axes)):
        reach = axes.max() + _REACH + slack
        top, left = np.maximum(centre - reach, 0).astype(int)
        bottom, right = np.minimum(centre + reach, (height, width)).astype(int)
        if bottom <= top or right <= left:
            continue
        window = (slice(top, bottom), slice(left, right))
        dy, dx = y[window] - np.float32(centre[0]), x[window] - np.float32(centre[1])
        cos, sin = np.float32(np.cos(cells.angle[i])), np.float32(np.sin(cells.angle[i]))
        across = (cos * dy - sin * dx) * np.float32(1 / axes[0])
        along = (sin * dy + cos * dx) * np.float32(1 / axes[1])
        scale = np.float32((axes[0] * axes[1]) ** 0.3)
        distance = (np.sqrt(across * across + along * along) - 1) * scale
        closer = distance < nearest[window]
        nearest[window][closer] = distance[closer]
        owner[window][closer] = i
    return owner


def _membrane_lines(owner: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distance to the membrane, half-width there (pixels) and strength, float32 arrays.

    Width and strength belong to the pair of cells that touch: a membrane keeps its look along
    its length and from section to section.
    """
    height, width = owner.shape
    below = owner[np.minimum(np.arange(height) + 1, height - 1)]
    beside = owner[:, np.minimum(np.arange(width) + 1, width - 1)]
    other = np.where(owner != below, below, beside)
    boundary = owner != other
    if not boundary.any():
        far = np.full(owner.shape, 1e3, np.float32)
        return far, np.full_like(far, 2.5), np.ones_like(far)
    distance, index = ndimage.distance_transform_edt(~boundary, return_indices=True)
    pair = _pair_number(owner, other)[index[0], index[1]]
    half_width = np.array([2.2, 2.5, 2.9], np.float32)[pair % 3]
    strength = (0.85 + 0.25 * ((pair // 3) % 5) / 4).astype(np.float32)
    # Nearest-pixel distances make stairs of slanted lines; membranes have none.
    return ndimage.gaussian_filter(distance.astype(np.float32), 0.8), half_width, strength


def _pair_number(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A number per unordered pair of cells, well mixed (a multiplicative hash)."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    mixed = (low.astype(np.int64) * 7919 + high) * 2654435761 % (1 << 32)
    return mixed >> 12
