"""The value every stage of the data path works on: images, labels and where they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from loihiseg.errors import InputError

LabelPolarity = Literal["auto", "cell-bright", "membrane-bright"]

# Percentiles that become 0 and 255 when a stack is not uint8; a few hot pixels must not
# decide the contrast of the whole stack.
_DARK_PERCENTILE, _BRIGHT_PERCENTILE = 0.5, 99.5


@dataclass(frozen=True, eq=False)
class Stack:
    """An EM stack and, if there are any, its membrane labels. Build it with `make_stack`.

    images : (n_sections, height, width) uint8, axes "zyx".
    membrane : same shape, bool, True = membrane; None when there are no labels.
    source : path or generator call the stack came from.
    polarity : one sentence on how the labels were read.
    digest : sha256 over shape, dtype and bytes of images and membrane.
    first_section : number of the first section within the original stack.
    numbers : section numbers within the original stack when they are not consecutive
        (the training part of a fold), else None; `section_numbers` covers both cases.
    """

    images: np.ndarray
    membrane: np.ndarray | None
    source: str
    polarity: str
    digest: str
    first_section: int = 0
    numbers: tuple[int, ...] | None = None

    @property
    def n_sections(self) -> int:
        return len(self.images)

    @property
    def section_numbers(self) -> tuple[int, ...]:
        """Number of each section within the original stack."""
        if self.numbers is not None:
            return self.numbers
        return tuple(range(self.first_section, self.first_section + self.n_sections))

    def select(self, sections: Sequence[int]) -> Stack:
        """The given sections as a stack of their own, keeping the original numbering.

        sections : positions within this stack, 0 = its first section; a range, or a tuple for
            the training part of a fold.
        Raises InputError for an empty selection and for positions outside the stack.
        """
        chosen = list(sections)
        if not chosen or min(chosen) < 0 or max(chosen) >= self.n_sections:
            raise InputError(
                f"{self.source}: cannot select sections {_describe(sections)}, the stack has "
                f"{self.n_sections} (0 to {self.n_sections - 1}); choose at least one of these"
            )
        original = tuple(self.section_numbers[position] for position in chosen)
        consecutive = original == tuple(range(original[0], original[0] + len(original)))
        images = self.images[chosen]
        membrane = None if self.membrane is None else self.membrane[chosen]
        return Stack(
            images=images,
            membrane=membrane,
            source=self.source,
            polarity=self.polarity,
            digest=_digest(images, membrane),
            first_section=original[0],
            numbers=None if consecutive else original,
        )


def make_stack(
    images: np.ndarray,
    labels: np.ndarray | None,
    source: str,
    label_polarity: LabelPolarity = "auto",
    labels_source: str | None = None,
) -> Stack:
    """Check images and labels and put them into the one form the rest of the package uses.

    images : (n_sections, height, width) or a single (height, width) section. uint8 is kept as
        it is. Any other number type is rescaled once for the whole stack, so that sections stay
        comparable: the 0.5th percentile becomes 0, the 99.5th becomes 255, values outside are
        clipped, the result is uint8.
    labels : same shape with exactly two values, or None. With "auto" the lower value is read
        as membrane, as in the ISBI 2012 challenge (0 = membrane, 255 = cell), unless it covers
        more than half of the pixels; membrane is the minority class, so the labels are then
        taken to be inverted. "cell-bright" and "membrane-bright" fix the reading.
    source, labels_source : named in errors; the labels' is that of the images if not given.

    Raises InputError for NaN or infinite pixels, images without contrast, a wrong number of
    dimensions, labels of another shape or with another number of values.
    """
    pixels = _to_uint8(_as_zyx(images, source, "images"), source)
    if labels is None:
        membrane, polarity = None, "labels: none"
    else:
        labels_source = labels_source or source
        label_zyx = _as_zyx(labels, labels_source, "labels")
        if label_zyx.shape != pixels.shape:
            raise InputError(
                f"{labels_source}: labels have shape {label_zyx.shape}, images have {pixels.shape} "
                "(sections, height, width); give labels drawn on these very images"
            )
        membrane, polarity = _read_membrane(label_zyx, labels_source, label_polarity)
    return Stack(pixels, membrane, source, polarity, _digest(pixels, membrane))


def _as_zyx(array: np.ndarray, source: str, what: str) -> np.ndarray:
    array = np.asarray(array)
    if array.ndim == 2:
        array = array[np.newaxis]
    if array.ndim != 3 or array.size == 0:
        raise InputError(
            f"{source}: {what} have shape {array.shape}, expected (sections, height, width) or "
            "(height, width), none of them 0; save them as single-channel sections"
        )
    if array.dtype != bool and not np.issubdtype(array.dtype, np.number):
        raise InputError(f"{source}: {what} have type {array.dtype}, expected numbers; export them")
    if np.iscomplexobj(array):
        raise InputError(f"{source}: {what} are complex numbers; export their real part")
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        n_bad = int(array.size - np.isfinite(array).sum())
        raise InputError(
            f"{source}: {what} have {n_bad} NaN or infinite pixels, expected finite numbers; "
            "fill them before reading"
        )
    return array


def _to_uint8(images: np.ndarray, source: str) -> np.ndarray:
    low, high = images.min(), images.max()
    if low == high:
        raise InputError(
            f"{source}: every pixel of the images has the value {low}, expected contrast; "
            "check how the stack was exported"
        )
    if images.dtype == bool:
        return images * np.uint8(255)
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images)
    dark, bright = np.percentile(images, [_DARK_PERCENTILE, _BRIGHT_PERCENTILE])
    if dark == bright:  # nearly blank: the few pixels that differ still carry the contrast
        dark, bright = float(low), float(high)
    pixels = np.empty(images.shape, np.uint8)
    for section, grey in zip(images, pixels):  # one by one: as float64 they take eight times more
        scaled = (section.astype(np.float64) - dark) * (255.0 / (bright - dark))
        grey[...] = np.clip(np.rint(scaled), 0, 255)
    return pixels


def _read_membrane(
    labels: np.ndarray, source: str, label_polarity: LabelPolarity
) -> tuple[np.ndarray, str]:
    values = np.unique(labels)
    if len(values) != 2:
        listed = ", ".join(str(value) for value in values[:8])
        listed += ", ..." if len(values) > 8 else ""
        raise InputError(
            f"{source}: labels have {len(values)} value{'s' * (len(values) != 1)} ({listed}), "
            "expected exactly two, membrane and cell; reduce them to two values"
        )
    dark, bright = values
    is_dark = labels == dark
    if label_polarity == "auto":
        inverted = bool(is_dark.mean() > 0.5)
        why = " (taken as inverted: membrane is the minority)" if inverted else ""
    elif label_polarity in ("cell-bright", "membrane-bright"):
        inverted, why = label_polarity == "membrane-bright", " (as requested)"
    else:
        raise InputError(
            f"label polarity {label_polarity!r} is unknown, expected 'auto', 'cell-bright' or "
            "'membrane-bright'"
        )
    membrane = np.ascontiguousarray(~is_dark if inverted else is_dark)
    cell_value, membrane_value = (dark, bright) if inverted else (bright, dark)
    sentence = (
        f"labels: {cell_value} = cell, {membrane_value} = membrane{why} "
        f"(membrane {100 * membrane.mean():.1f} % of pixels)"
    )
    return membrane, sentence


def _digest(images: np.ndarray, membrane: np.ndarray | None) -> str:
    sha = hashlib.sha256()
    for array in (images, membrane):
        if array is None:
            sha.update(b"no labels")
            continue
        sha.update(f"{array.shape} {array.dtype.str}".encode())
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()


def _describe(sections: Sequence[int]) -> str:
    if isinstance(sections, range) and sections.step == 1:
        return f"{sections.start}:{sections.stop}"
    return str(list(sections))
