"""What lies inside the cells: mitochondria, synaptic densities, vesicles and microtubules.

Lengths are pixels of 4 nm, depths are sections of 50 nm. Organelles come and go along z with a
period instead of being placed in a block of given depth, so that a section looks the same
however many sections follow it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from loihiseg.data.fields import smooth_field
from loihiseg.data.synthetic.tissue import Cells, Profile

_PERIOD = 36.0  # sections after which an organelle comes back
_DARKEST = 60.0  # grey levels by which vesicles can darken the cytoplasm
_VESICLES_BELOW = 0.45  # cells with a smaller `kind` are full of vesicles


@dataclass(frozen=True, eq=False)
class Mitochondria:
    """Ellipsoids tied to cells; one entry per mitochondrion.

    cell (n,) index; offset (n, 2) yx from the centre of the cell; semi_axes (n, 2); angle (n,);
    depth, half_length (n,) in sections; crista_period (n,) pixels between two cristae.
    """

    cell: np.ndarray
    offset: np.ndarray
    semi_axes: np.ndarray
    angle: np.ndarray
    depth: np.ndarray
    half_length: np.ndarray
    crista_period: np.ndarray


@dataclass(frozen=True, eq=False)
class Densities:
    """Dark smears where cells meet: synapses, and membranes cut flat. One entry per smear.

    place (n, 2) yx; semi_axes (n, 2); angle (n,); depth, half_length (n,) in sections.
    """

    place: np.ndarray
    semi_axes: np.ndarray
    angle: np.ndarray
    depth: np.ndarray
    half_length: np.ndarray


def grow_mitochondria(cells: Cells, rng: np.random.Generator) -> Mitochondria:
    """One mitochondrion in each of the wider cells."""
    narrow = cells.semi_axes.min(axis=1)
    hosts = np.flatnonzero(narrow > 20)
    n = len(hosts)
    minor = np.minimum(rng.uniform(14, 38, n), 0.65 * narrow[hosts])
    return Mitochondria(
        cell=hosts,
        offset=rng.uniform(-0.35, 0.35, (n, 2)) * narrow[hosts, np.newaxis],
        semi_axes=np.stack([minor, minor * rng.uniform(1.0, 1.6, n)], axis=1),
        angle=cells.angle[hosts] + rng.normal(0, 0.5, n),
        depth=rng.uniform(0, _PERIOD, n),
        half_length=rng.uniform(2.5, 6, n),
        crista_period=rng.uniform(6.5, 9.0, n),
    )


def grow_densities(shape: tuple[int, int], rng: np.random.Generator) -> Densities:
    """Smears spread over the field of view; about seven show in a section of 512 x 512."""
    n = round(75 * shape[0] * shape[1] / 512**2)
    return Densities(
        place=rng.uniform(0, 1, (n, 2)) * np.array(shape),
        semi_axes=rng.uniform(7, 17, (n, 1)) * rng.uniform(0.8, 2.2, (n, 2)) ** 0.8,
        angle=rng.uniform(0, np.pi, n),
        depth=rng.uniform(0, _PERIOD, n),
        half_length=rng.uniform(1.2, 3.2, n),
    )


def paint_mitochondria(
    image: np.ndarray,
    profile: Profile,
    cells: Cells,
    mitochondria: Mitochondria,
    depth: float,
    shift: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Draw them into `image` (height, width) float32, grey levels, in place."""
    centres, _ = cells.at(depth)
    ruffle = smooth_field(image.shape, 12, rng, n_fields=2)
    for i, host in enumerate(mitochondria.cell):
        size = _size_at(depth, mitochondria.depth[i], mitochondria.half_length[i])
        axes = size * mitochondria.semi_axes[i]
        if axes.min() < 7:
            continue
        centre = centres[host] + shift + mitochondria.offset[i]
        window, across, along = _ellipse(image.shape, centre, axes, mitochondria.angle[i], 1.4)
        if window is None:
            continue
        scale = np.sqrt(axes[0] * axes[1])
        rho = np.hypot(across, along)
        # Distance to the outline, pixels, negative inside; it also yields to the cell membrane.
        edge = (rho - 1) * scale + 1.2 * ruffle[0][window]
        edge = np.maximum(edge, 7.0 - profile.depth_in_cell[window])
        edge[profile.cell[window] != host] = 9.0
        wave = across * axes[0] + 3.5 * ruffle[1][window]
        cristae = np.sin(2 * np.pi / mitochondria.crista_period[i] * wave)
        broken = np.clip(0.7 + 0.5 * ruffle[0][window], 0, 1)
        matrix = 102 + 28 * cristae * broken
        inside = 1 / (1 + np.exp(np.clip(edge * 1.5, -30, 30)))
        wall = np.exp(-(((edge + 0.5) / 1.6) ** 2)) + 0.6 * np.exp(-(((edge + 5) / 1.3) ** 2))
        image[window] += inside * (matrix - image[window])
        image[window] -= 48 * wall * (edge < 4)


def paint_vesicles(
    image: np.ndarray, profile: Profile, cells: Cells, rng: np.random.Generator
) -> None:
    """Draw vesicles (small dark rings) and microtubules (dots) into `image` in place."""
    kind = cells.kind[profile.cell]
    patchy = smooth_field(image.shape, 28, rng)[0]
    crowded = (kind < _VESICLES_BELOW) * np.clip(0.5 + patchy, 0, 2) + 0.5
    free = profile.depth_in_cell > 5
    rings = (rng.random(image.shape) < 0.009 * crowded) & free
    dots = (rng.random(image.shape) < 0.012 * crowded) & free
    n_rings, n_dots = int(rings.sum()), int(dots.sum())
    _stamp(image, rings, rng.uniform(1.8, 3.6, n_rings), rng.uniform(15, 80, n_rings))
    _stamp(image, dots, np.zeros(n_dots), rng.uniform(15, 95, n_dots))


def _stamp(image: np.ndarray, places: np.ndarray, radius: np.ndarray, level: np.ndarray) -> None:
    """Darken `image` by a ring around each True place, a dot where the radius is 0."""
    height, width = image.shape
    offset = np.arange(-6, 7)
    y, x = np.nonzero(places)
    rows = y[:, np.newaxis, np.newaxis] + offset[:, np.newaxis]
    columns = x[:, np.newaxis, np.newaxis] + offset
    away = np.hypot(offset[:, np.newaxis], offset) - radius[:, np.newaxis, np.newaxis]
    dark = level[:, np.newaxis, np.newaxis] * np.exp(-((away / 1.25) ** 2))
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    flat = np.broadcast_to(rows * width + columns, dark.shape)[inside]
    total = np.bincount(flat, dark[inside], image.size).reshape(image.shape)
    # Stain saturates: crowded rings overlap without turning black.
    image -= (_DARKEST * np.tanh(total / _DARKEST)).astype(np.float32)


def density_darkness(
    profile: Profile, densities: Densities, depth: float, rng: np.random.Generator
) -> np.ndarray:
    """(height, width) float32 in [0, 1]: how dark the smears of a section are."""
    shape = profile.cell.shape
    darkness = np.zeros(shape, np.float32)
    ruffle = smooth_field(shape, 9, rng)[0]
    crossings = ndimage.gaussian_filter(profile.darkness, 5.0)
    for i, place in enumerate(densities.place):
        size = _size_at(depth, densities.depth[i], densities.half_length[i])
        if size <= 0.3:
            continue
        # Smears sit where membranes meet: move to the darkest surroundings near the place.
        top, left = np.maximum(place - 24, 0).astype(int)
        near = crossings[top : top + 48, left : left + 48]
        y, x = np.unravel_index(np.argmax(near), near.shape)
        centre = np.array([top + y, left + x])
        window, across, along = _ellipse(
            shape, centre, size * densities.semi_axes[i], densities.angle[i], 2.0
        )
        if window is None:
            continue
        rho = np.hypot(across, along) + 0.2 * ruffle[window]
        spot = 1 / (1 + np.exp(np.clip(5 * (rho - 0.9), -30, 30)))
        darkness[window] = np.maximum(darkness[window], spot)
    return darkness


def _size_at(depth: float, middle: float, half_length: float) -> float:
    """Relative size of an ellipsoid cut at a depth, 0 outside it."""
    away = (depth - middle + _PERIOD / 2) % _PERIOD - _PERIOD / 2
    return float(np.sqrt(max(0.0, 1 - (away / half_length) ** 2)))


def _ellipse(
    shape: tuple[int, int], centre: np.ndarray, axes: np.ndarray, angle: float, margin: float
) -> tuple[tuple[slice, slice] | None, np.ndarray, np.ndarray]:
    """A window around an ellipse and the two coordinates in units of the semi-axes there."""
    reach = margin * axes.max() + 4
    top, left = np.maximum(centre - reach, 0).astype(int)
    bottom, right = np.minimum(centre + reach + 1, shape).astype(int)
    if bottom <= top or right <= left:
        return None, np.empty(0), np.empty(0)
    y = (np.arange(top, bottom, dtype=np.float32) - np.float32(centre[0]))[:, np.newaxis]
    x = np.arange(left, right, dtype=np.float32) - np.float32(centre[1])
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    window = (slice(top, bottom), slice(left, right))
    return (
        window,
        (cos * y - sin * x) * np.float32(1 / axes[0]),
        (sin * y + cos * x) * np.float32(1 / axes[1]),
    )
