"""The value every stage of the data path works on: images, labels and where they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from loihiseg.data.ignored import known_of, share_left_out
from loihiseg.data.labels import LabelOptions, LabelPolarity, read_membrane
from loihiseg.data.padding import padding_of, stack_padding, without_nan
from loihiseg.data.ranges import warn_of_ranges
from loihiseg.data.ranks import percentiles
from loihiseg.data.resampling import Resampling
from loihiseg.data.warn import warn
from loihiseg.errors import InputError

__all__ = ["LabelOptions", "LabelPolarity", "Stack", "grey_limits", "make_stack", "to_grey"]


# Percentiles that become 0 and 255 when a stack is not uint8; a few hot pixels must not
# decide the contrast of the whole stack.
DARK_PERCENTILE, BRIGHT_PERCENTILE = 0.5, 99.5
_PIXELS_AT_ONCE = 2**20


@dataclass(frozen=True, eq=False)
class Stack:
    """An EM stack and, if there are any, its membrane labels. Build it with `make_stack`.

    images : (n_sections, height, width) uint8, axes "zyx".
    membrane : same shape, bool, True = membrane; None when there are no labels.
    source : path or generator call the stack came from.
    polarity : one sentence on how the labels were read.
    digest : sha256 over shape, dtype and bytes of images and membrane, `labelled` and `known`.
    first_section : number of the first section within the original stack.
    numbers : section numbers within the original stack when they are not consecutive
        (the training part of a fold), else None; `section_numbers` covers both cases.
    labelled : of each section whether its labels say anything, where not all do; None where all
        do, and without labels. `membrane` is False in the others and must not be scored there.
    pixel_nm : nanometres between sections, rows and columns as the file says, None where unknown.
    known : same shape as the images, bool, False for pixels that count for nothing: padding, and
        those whose labels are to be ignored. None where all count.
    first_row : number of the first row within the original sections.
    soft : same shape as the images, float32, the probability of membrane that other networks
        give, to be trained on; None without. Not in the digest.
    """

    images: np.ndarray
    membrane: np.ndarray | None
    source: str
    polarity: str
    digest: str
    first_section: int = 0
    numbers: tuple[int, ...] | None = None
    labelled: tuple[bool, ...] | None = None
    pixel_nm: tuple[float | None, float | None, float | None] | None = None
    known: np.ndarray | None = None
    first_row: int = 0
    soft: np.ndarray | None = None

    @property
    def n_sections(self) -> int:
        return len(self.images)

    @property
    def section_numbers(self) -> tuple[int, ...]:
        """Number of each section within the original stack."""
        if self.numbers is not None:
            return self.numbers
        return tuple(range(self.first_section, self.first_section + self.n_sections))

    @property
    def labelled_sections(self) -> tuple[int, ...]:
        """Positions of the sections that have labels."""
        if self.membrane is None:
            return ()
        labelled = self.labelled or (True,) * self.n_sections
        return tuple(position for position, has_labels in enumerate(labelled) if has_labels)

    def select_labelled(self, sections: Sequence[int]) -> Stack:
        """As `select`, leaving out sections without labels where the stack has any.

        Raises InputError where none is left.
        """
        if self.labelled is None:
            return self.select(sections)
        kept = set(self.labelled_sections)
        chosen = [position for position in sections if position in kept]
        if len(sections) and not chosen:
            raise InputError(
                f"{self.source}: none of the sections {_describe(sections)} has labels, expected "
                f"some of {_describe(self.labelled_sections)}; choose among these"
            )
        return self.select(chosen)

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
        labelled = None if self.labelled is None else tuple(self.labelled[z] for z in chosen)
        if labelled is not None and not any(labelled):
            membrane = None  # all cell would be scored as the truth
        if membrane is None or labelled is None or all(labelled):
            labelled = None
        known = None if self.known is None else self.known[chosen]
        if known is not None and known.all():
            known = None
        return Stack(
            images=images,
            membrane=membrane,
            source=self.source,
            polarity=self.polarity,
            digest=_digest(images, membrane, labelled, known),
            first_section=original[0],
            numbers=None if consecutive else original,
            labelled=labelled,
            pixel_nm=self.pixel_nm,
            known=known,
            first_row=self.first_row,
            soft=None if self.soft is None else self.soft[chosen],
        )

    def cut_rows(self, rows: range) -> Stack:
        """A band of rows of all sections; it is normalized as a section of its own.

        rows : positions within these sections, in order.
        Raises InputError for an empty band and for rows outside.
        """
        if not rows or rows.start < 0 or rows.stop > self.images.shape[1] or rows.step != 1:
            raise InputError(
                f"{self.source}: cannot cut rows {_describe(rows)}, sections have "
                f"{self.images.shape[1]}; choose among these"
            )
        band = slice(rows.start, rows.stop)
        images = self.images[:, band]
        membrane = None if self.membrane is None else self.membrane[:, band]
        known = None if self.known is None else self.known[:, band]
        if known is not None and known.all():
            known = None
        return replace(
            self,
            images=images,
            membrane=membrane,
            known=known,
            digest=_digest(images, membrane, self.labelled, known),
            first_row=self.first_row + rows.start,
            soft=None if self.soft is None else self.soft[:, band],
        )


def make_stack(
    images: np.ndarray,
    labels: np.ndarray | None,
    source: str,
    label_polarity: LabelPolarity = "auto",
    labels_source: str | None = None,
    label_options: LabelOptions = LabelOptions(),  # noqa: B008 (frozen)
    resampling: Resampling | None = None,
) -> Stack:
    """Check images and labels and put them into the one form the rest of the package uses.

    images : (n_sections, height, width) or a single (height, width) section. uint8 is kept as
        it is. Any other number type is rescaled once for the whole stack, so that sections stay
        comparable: the 0.5th percentile becomes 0, the 99.5th becomes 255, values outside are
        clipped, the result is uint8. Padding counts for neither, see `loihiseg.data.padding`.
    labels : same shape, or None; `loihiseg.data.labels.read_membrane` says how they are read.
    label_options : for soft masks and instances.
    resampling : to another size of pixel, before boundaries of instances are drawn; None for none.
    source, labels_source : named in errors; the labels' is that of the images if not given.

    Pixels of padding, NaN among them, and ignored labels count for nothing, see `Stack.known`.

    Raises InputError for NaN or infinite pixels, images without contrast, a wrong number of
    dimensions, labels of another shape or with another number of values.
    """
    zyx = _shaped(images, source, "images")
    zyx, padding = _without_padding(zyx, source)
    pixels = _to_uint8(zyx, source)
    own_shape = pixels.shape
    if resampling is not None:
        pixels = resampling.images(pixels)
        padding = None if padding is None else resampling.marks(padding)
    if labels is None:
        known = known_of(padding)
        polarity = "; ".join(filter(None, ("labels: none", share_left_out(known))))
        return Stack(
            pixels, None, source, polarity, _digest(pixels, None, None, known), known=known
        )
    labels_source = labels_source or source
    zyx = _checked_labels(labels, own_shape, labels_source, label_options)
    if resampling is not None:
        zyx = resampling.marks(zyx)
    read = read_membrane(zyx, labels_source, label_polarity, label_options, padding)
    sentence = "; ".join(filter(None, (read.sentence, share_left_out(read.known))))
    digest = _digest(pixels, read.membrane, read.labelled, read.known)
    return Stack(
        pixels,
        read.membrane,
        source,
        sentence,
        digest,
        labelled=read.labelled,
        known=read.known,
    )


def _checked_labels(
    labels: np.ndarray, shape: tuple[int, ...], source: str, options: LabelOptions
) -> np.ndarray:
    """Labels of the shape of the images, (n_sections, height, width)."""
    zyx = _shaped(labels, source, "labels")
    if options.ignore is None or not np.isnan(options.ignore):
        check_pixels(zyx, source, "labels")
    if zyx.shape != shape:
        raise InputError(
            f"{source}: labels have shape {zyx.shape}, images have {shape} "
            "(sections, height, width); give labels drawn on these very images"
        )
    return zyx


def _without_padding(images: np.ndarray, source: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Images whose padding is a number, and where they are padding; None where nowhere."""
    found = np.zeros(images.shape, bool)
    filled = images
    n_missing = 0
    for position, section in enumerate(images):
        section, missing = without_nan(section)
        if missing is not None:
            filled = images.copy() if filled is images else filled
            filled[position], found[position] = section, missing
            n_missing += int(missing.sum())
    # Where nothing is a number there is no tissue that a border could surround.
    check_pixels(images if n_missing == images.size else filled, source)
    if n_missing:
        warn(
            f"{source}: {100 * n_missing / images.size:.1f} % of the pixels are NaN, at the border "
            "or in voids: they are taken as padding, and count for nothing"
        )
    for position, mask in enumerate(stack_padding(filled)):
        if mask is not None:
            found[position] |= mask
    return filled, found if found.any() else None


def _shaped(array: np.ndarray, source: str, what: str) -> np.ndarray:
    """(n_sections, height, width)."""
    array = np.asarray(array)
    if array.ndim == 2:
        array = array[np.newaxis]
    if array.ndim != 3 or array.size == 0:
        raise InputError(
            f"{source}: {what} have shape {array.shape}, expected (sections, height, width) or "
            "(height, width), none of them 0; save them as single-channel sections"
        )
    return array


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


def _to_uint8(images: np.ndarray, source: str) -> np.ndarray:
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


def _digest(
    images: np.ndarray,
    membrane: np.ndarray | None,
    labelled: tuple[bool, ...] | None,
    known: np.ndarray | None,
) -> str:
    sha = hashlib.sha256()
    for array in (images, membrane):
        if array is None:
            sha.update(b"no labels")
            continue
        sha.update(f"{array.shape} {array.dtype.str}".encode())
        sha.update(np.ascontiguousarray(array).data)
    if labelled is not None:
        sha.update(bytes(labelled))
    if known is not None:
        sha.update(b"known")
        sha.update(np.ascontiguousarray(known).data)
    return sha.hexdigest()


def _describe(sections: Sequence[int]) -> str:
    if isinstance(sections, range) and sections.step == 1:
        return f"{sections.start}:{sections.stop}"
    return str(list(sections))
