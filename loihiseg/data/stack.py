"""The value every stage of the data path works on: images, labels and where they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from loihiseg.data.grey import check_pixels, to_uint8
from loihiseg.data.ignored import known_of, share_left_out
from loihiseg.data.labels import LabelOptions, LabelPolarity, read_membrane
from loihiseg.data.moving import Offset, moved
from loihiseg.data.neighbours import Surroundings, warn_of_one
from loihiseg.data.padding import stack_padding, without_nan
from loihiseg.data.resampling import Resampling
from loihiseg.data.warn import warn
from loihiseg.errors import InputError

__all__ = ["LabelOptions", "LabelPolarity", "Stack", "make_stack"]


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
    surroundings : all sections that these were taken from, for a network that sees some on either
        side of each; None where they are not looked at, see `seeing`. Not in the digest.
    is_part : whether sections were left out of a stack, see `select`.
    moved_px : by which the images were moved, down and right, see `moved`; None where not. Not in
        the digest of a whole stack.
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
    surroundings: Surroundings | None = None
    is_part: bool = False
    moved_px: Offset | None = None

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
            surroundings=self.surroundings and self.surroundings.select(chosen),
            is_part=self.is_part or len(set(chosen)) < self.n_sections,
            moved_px=self.moved_px,
        )

    def moved(self, offset: Offset | None) -> Stack:
        """The same stack, its images moved down and right; labels stay where they are.

        For a network that was trained on images moved so; None for one that was not. Images that
        were moved so before stay as they are. Raises InputError where they were moved otherwise.
        """
        if offset == self.moved_px:
            return self
        if self.moved_px is not None:
            raise InputError(
                f"{self.source}: images were moved by {self.moved_px} already, and the network "
                f"expects {offset}; give it the stack as it was read"
            )
        assert offset is not None
        around = self.surroundings
        return replace(
            self,
            images=moved(self.images, offset),
            surroundings=around and replace(around, images=moved(around.images, offset)),
            moved_px=offset,
        )

    def seeing(self, reach: int) -> Stack:
        """For a network that sees so many sections on either side of each; 0 for none.

        Parts that are selected afterwards still see the sections around them. Of a part that was
        selected before, a warning says that those are not there.
        """
        if not reach:
            return replace(self, surroundings=None)
        if self.surroundings is not None:
            return replace(self, surroundings=replace(self.surroundings, reach=reach))
        if self.n_sections == 1 and not self.is_part:
            warn_of_one(self.source, reach)
        elif self.is_part:
            warn(
                f"{self.source}: a part of a stack, without the sections around it that the "
                "network sees: the last ones stand for them; call Stack.seeing before Stack.select"
            )
        numbers = self.section_numbers
        places = tuple(range(self.n_sections))
        return replace(self, surroundings=Surroundings(self.images, numbers, places, reach))

    def seen(self) -> Iterator[np.ndarray]:
        """What a network sees of each section, uint8, as read.

        (height, width), or (height, width, 1 + 2 reach) with those around it, see `seeing`.
        """
        if self.surroundings is None:
            yield from self.images
            return
        for position in range(self.n_sections):
            yield self.surroundings.section(position)

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
            surroundings=self.surroundings and self.surroundings.cut_rows(band),
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
    pixels = to_uint8(zyx, source)
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
