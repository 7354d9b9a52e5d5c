"""Random variation of training crops: the images a lab could equally well have recorded.

ssTEM sections have no preferred direction, sections vary in brightness and focus, and tissue is
deformed by cutting. Flips, right-angle rotations, intensity changes and elastic deformation
(Ronneberger et al. 2015, doi 10.1007/978-3-319-24574-4_28) stand for these.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from loihiseg.data.fields import smooth_field
from loihiseg.data.neighbours import normalized
from loihiseg.data.stack import Stack
from loihiseg.errors import InputError

# Distance of the control points of the elastic deformation, pixels: about a cell.
_ELASTIC_SPACING = 48.0
_ROWS_AT_ONCE = 32

_KNOWN = 2  # beside 1 for membrane
_LEAST_KNOWN, _TRIES = 0.25, 16


def augment(
    image: np.ndarray,
    membrane: np.ndarray,
    rng: np.random.Generator,
    *,
    elastic: float = 5.0,
    intensity: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """One random variation of a crop or section; image and mask move together.

    image : (height, width) float32, normalised. membrane : same shape, bool or float32; the
    dtype is kept and no new values appear (nearest neighbour).
    elastic : standard deviation of the displacement in pixels, 0 switches it off.
    intensity : strength of gain, offset, gamma and noise, 1 as trained with, 0 switches it off.
    Right-angle rotations that swap height and width are used on square crops only.
    Raises ValueError when the shapes differ.
    """
    if image.shape != membrane.shape or image.ndim != 2:
        raise ValueError(f"image {image.shape} and membrane {membrane.shape} must be equal, 2-D")
    image = np.asarray(image, dtype=np.float32)
    if elastic > 0:
        image, membrane = _warped_crop(image, membrane, (0, 0), image.shape, rng, elastic)
    image, membrane = _turn(image, membrane, rng)
    if intensity > 0:
        image = vary_intensity(image, rng, intensity)
    return np.ascontiguousarray(image), np.ascontiguousarray(membrane)


def sample_crops(
    stack: Stack, size: int, n: int, rng: np.random.Generator, augment: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Random training crops over all sections of a labelled stack.

    Returns images (n, size, size, 1) float32, normalised per section, membrane
    (n, size, size, 1) float32, 1 = membrane, and which pixels count, the same shape, bool, None
    where all of the stack do. With `augment` the elastic deformation reads the
    section around the crop, so that crops show mirrored pixels only at the section border.
    Where pixels of the stack count for nothing, crops lie where at least a quarter counts, if a few
    tries find such a place.
    Raises InputError when the stack has no labels or a section is smaller than a crop.
    """
    if stack.membrane is None:
        raise InputError(f"{stack.source}: no labels, expected a labelled stack to train on")
    height, width = stack.images.shape[1:]
    if min(height, width) < size:
        raise InputError(
            f"{stack.source}: sections of {height} x {width} pixels are smaller than a crop of "
            f"{size} x {size}; use a crop of at most {min(height, width)}"
        )
    membrane, known = stack.membrane[..., np.newaxis], stack.known
    if known is None:
        images, marks = sample_planes(stack, membrane.__getitem__, size, n, rng, augment)
        return images, marks.astype(np.float32), None

    def both(z: int) -> np.ndarray:
        # In one array both move together.
        return membrane[z] + np.uint8(_KNOWN) * known[z, ..., np.newaxis]

    images, marks = sample_planes(stack, both, size, n, rng, augment)
    return images, (marks & 1).astype(np.float32), marks >= _KNOWN


def sample_planes(
    stack: Stack,
    planes_of: Callable[[int], np.ndarray],
    size: int,
    n: int,
    rng: np.random.Generator,
    augment: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """As `sample_crops`, with what is given of each pixel in place of the labels.

    planes_of : of a section's position, (height, width, k) of any type; called for those that are
        chosen alone. No new values appear (nearest neighbour).
    Returns images (n, size, size, channels) float32, channels 1 or the sections that are seen, see
    `Stack.surroundings`, and (n, size, size, k) of the planes' type; the same crops as
    `sample_crops` for the same state of ``rng``. Sections that are seen together move together, and
    are shaded each by itself.
    """
    n_sections, *shape = stack.images.shape
    chosen = rng.integers(n_sections, size=n)
    sections = {z: _as_seen(stack, z) for z in np.unique(chosen)}
    seen = next(iter(sections.values()))
    images = np.empty((n, size, size, *(seen.shape[2:] or (1,))), np.float32)
    marks = []
    for i, z in enumerate(chosen):
        image, mask = sections[z], planes_of(z)
        if stack.known is None:
            origin = _random_origin(tuple(shape), size, rng)
        else:
            origin = _known_origin(stack.known[z], size, rng)
        if augment:
            image, mask = _warped_crop(image, mask, origin, (size, size), rng, elastic=5.0)
            image, mask = _turn(image, mask, rng)
            image = _varied(image, rng)
        else:
            window = (slice(origin[0], origin[0] + size), slice(origin[1], origin[1] + size))
            image, mask = image[window], mask[window]
        images[i] = image if image.ndim == 3 else image[..., np.newaxis]
        marks.append(mask)
    return images, np.stack(marks)


def _as_seen(stack: Stack, position: int) -> np.ndarray:
    """A section as a network sees it, float32, (height, width) or (height, width, channels)."""
    around = stack.surroundings
    return normalized(stack.images[position] if around is None else around.section(position))


def _varied(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`vary_intensity` of a section, or of each of those that are seen together."""
    if image.ndim == 2:
        return vary_intensity(image, rng, 1.0)
    sections = [vary_intensity(image[..., n], rng, 1.0) for n in range(image.shape[2])]
    return np.stack(sections, -1)


def _random_origin(shape: tuple[int, ...], size: int, rng: np.random.Generator) -> tuple[int, int]:
    height, width = shape
    return int(rng.integers(height - size + 1)), int(rng.integers(width - size + 1))


def _known_origin(known: np.ndarray, size: int, rng: np.random.Generator) -> tuple[int, int]:
    """Of a few places the first where enough counts, else that where most does."""
    most, best = -1.0, (0, 0)
    for _ in range(_TRIES):
        row, column = _random_origin(known.shape, size, rng)
        share = float(known[row : row + size, column : column + size].mean())
        if share > most:
            most, best = share, (row, column)
        if share >= _LEAST_KNOWN:
            break
    return best


def _warped_crop(
    image: np.ndarray,
    membrane: np.ndarray,
    origin: tuple[int, int],
    shape: tuple[int, int],
    rng: np.random.Generator,
    elastic: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The window at `origin`, each pixel read at a smoothly displaced place of the section."""
    coordinates = smooth_field(shape, _ELASTIC_SPACING, rng, n_fields=2)
    coordinates *= elastic
    coordinates[0] += np.arange(origin[0], origin[0] + shape[0], dtype=np.float32)[:, np.newaxis]
    coordinates[1] += np.arange(origin[1], origin[1] + shape[1], dtype=np.float32)
    return _read_at(image, membrane, coordinates)


def _read_at(
    image: np.ndarray, membrane: np.ndarray, coordinates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Image (linear) and membrane (nearest) at coordinates (2, height, width), mirrored outside.

    Both may have planes more, behind rows and columns.

    The same values as scipy.ndimage.map_coordinates with order 1 and 0 and mode "mirror", twice
    as fast: the places are worked out once for both, in float32, and for a few rows at a time,
    which keeps the intermediate arrays in the cache.
    """
    channels, planes = image.shape[2:], membrane.shape[2:]
    moved = np.empty(coordinates.shape[1:] + channels, np.float32)
    mask = np.empty(coordinates.shape[1:] + planes, membrane.dtype)
    pixels, labels = image.reshape(-1, *channels), membrane.reshape(-1, *planes)
    limits = np.array(image.shape[:2], np.float32).reshape(2, 1, 1) - 1
    last_corner = np.maximum(limits - 1, 0)
    n_columns = image.shape[1]
    down = n_columns if image.shape[0] > 1 else 0
    right = 1 if n_columns > 1 else 0
    for top in range(0, len(moved), _ROWS_AT_ONCE):
        rows = slice(top, top + _ROWS_AT_ONCE)
        # A displacement never crosses the whole section: one reflection at each end is enough.
        inside = np.clip(limits - np.abs(limits - np.abs(coordinates[:, rows])), 0, limits)
        corner = np.minimum(np.floor(inside), last_corner)
        fraction_y, fraction_x = inside - corner
        corner_y, corner_x = corner.astype(np.intp)
        first = corner_y * n_columns + corner_x
        each = (..., *[np.newaxis] * len(channels))
        weight_y, weight_x = fraction_y[each], fraction_x[each]
        upper, lower = pixels.take(first, axis=0), pixels[down:].take(first, axis=0)
        upper += weight_x * (pixels[right:].take(first, axis=0) - upper)
        lower += weight_x * (pixels[down + right :].take(first, axis=0) - lower)
        moved[rows] = upper + weight_y * (lower - upper)
        nearest = first + down * (fraction_y > 0.5) + right * (fraction_x > 0.5)
        mask[rows] = labels.take(nearest, axis=0)
    return moved, mask


def _turn(
    image: np.ndarray, membrane: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One of the eight flips and right-angle rotations (four when not square)."""
    quarters = int(rng.integers(4))
    if image.shape[0] != image.shape[1]:
        quarters = 2 * (quarters // 2)
    mirrored = bool(rng.integers(2))
    image, membrane = np.rot90(image, quarters), np.rot90(membrane, quarters)
    return (image[:, ::-1], membrane[:, ::-1]) if mirrored else (image, membrane)


def vary_intensity(image: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Gamma, gain, offset and noise on a normalised image, in this order.

    Gamma acts on the image scaled to [0, 1] between three deviations around zero; the range is
    fixed so that one hot pixel does not change the curve.
    """
    gamma = np.float32(np.exp(strength * rng.normal(0, 0.15)))
    gain = np.float32(np.exp(strength * rng.normal(0, 0.10)))
    offset = np.float32(strength * rng.normal(0, 0.15))
    # Sections of one stack differ as much: grain of 0.4 to 0.7 deviations in ISBI 2012.
    noise = np.float32(strength * rng.uniform(0, 0.5))
    varied = np.clip((image + np.float32(3)) * np.float32(1 / 6), 0, 1)
    np.power(varied, gamma, out=varied)
    varied *= np.float32(6) * gain
    varied += offset - np.float32(3) * gain
    grain = rng.standard_normal(image.shape, dtype=np.float32)
    grain *= noise
    varied += grain
    return varied
