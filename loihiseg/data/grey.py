"""Pixels of any type as grey levels, uint8: one scale for a whole stack, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from loihiseg.data.padding import padding_of
from loihiseg.data.ranges import warn_of_ranges
from loihiseg.data.ranks import percentiles
from loihiseg.errors import InputError

# Percentiles that become 0 and 255 when a stack is not uint8; a few hot pixels must not
# decide the contrast of the whole stack.
DARK_PERCENTILE, BRIGHT_PERCENTILE = 0.5, 99.5
_PIXELS_AT_ONCE = 2**20


def check_pixels(array: np.ndarray, source: str, what: str = "images") -> None:
    """Raises InputError unless all pixels are finite real numbers, or bool."""
    if array.dtype != bool and not np.issubdtype(array.dtype, np.number):
        raise InputError(f"{source}: {what} have type {array.dtype}, expected numbers; export them")
    if np.iscomplexobj(array):
        raise InputError(f"{source}: {what} are complex numbers; export their real part")
    if n_bad := count_not_finite(array):
        raise not_finite(source, n_bad, what)


def count_not_finite(array: np.ndarray) -> int:
    """NaN and infinite pixels."""
    if not np.issubdtype(array.dtype, np.floating):
        return 0
    return int(array.size - np.isfinite(array).sum())


def not_finite(source: str, n_bad: int, what: str = "images") -> InputError:
    """The error for pixels that are NaN or infinite."""
    return InputError(
        f"{source}: {what} have {n_bad} NaN or infinite pixels, expected finite numbers; "
        "fill them before reading"
    )


def to_uint8(images: np.ndarray, source: str) -> np.ndarray:
    """Images (n, height, width) of any number type as uint8, see `make_stack` of a stack.

    Raises InputError for images without contrast.
    """
    low, high = images.min(), images.max()
    if low == high:
        raise InputError(
            f"{source}: every pixel of the images has the value {low}, expected contrast; "
            "check how the stack was exported"
        )
    if images.dtype == bool:
        return images * np.uint8(255)
    warn_of_ranges(images, source)
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images)
    dark, bright = grey_limits(lambda: images, images.dtype)
    pixels = np.empty(images.shape, np.uint8)
    for section, grey in zip(images, pixels):  # one by one: as float64 they take eight times more
        grey[...] = to_grey(section, dark, bright)
    return pixels


def grey_limits(
    sections: Callable[[], Iterable[np.ndarray]], dtype: np.dtype
) -> tuple[float, float]:
    """Values that become 0 and 255: percentiles 0.5 and 99.5 of all pixels but padding.

    sections : gives the sections, (height, width) each, as often as it is called. One of a single
        value is padding all over, unless all are.
    dtype : of the sections.
    Where nearly blank images have no spread of percentiles, the few pixels that differ carry the
    contrast.
    """

    def tissue() -> Iterator[np.ndarray]:
        for section in sections():
            if section.min() == section.max():
                continue
            padding = padding_of(section)
            yield section.ravel() if padding is None else section[~padding]

    every = tissue
    if next(tissue(), None) is None:
        every = sections  # type: ignore[assignment]
    count = sum(part.size for part in every())
    dark, bright = percentiles(every, dtype, count, (DARK_PERCENTILE, BRIGHT_PERCENTILE))
    if dark == bright:
        dark = min(float(section.min()) for section in sections())
        bright = max(float(section.max()) for section in sections())
    return dark, bright


def to_grey(section: np.ndarray, dark: float, bright: float) -> np.ndarray:
    """A section (height, width) as uint8: `dark` becomes 0, `bright` 255, beyond is clipped."""
    grey = np.empty(section.shape, np.uint8)
    n_rows = max(_PIXELS_AT_ONCE // max(section.shape[1], 1), 1)
    for top in range(0, len(section), n_rows):  # it takes some 24 bytes a pixel
        scaled = (section[top : top + n_rows].astype(np.float64) - dark) * (255.0 / (bright - dark))
        grey[top : top + n_rows] = np.clip(np.rint(scaled), 0, 255)
    return grey
