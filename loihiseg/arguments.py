"""What functions are given in memory, made into the values that they work on, or refused.

Every refusal is one line that names the argument, what it was and what was expected.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from loihiseg.compilation.options import CompileOptions
from loihiseg.data.stack import LabelPolarity, Stack, make_stack
from loihiseg.errors import Option, OptionError
from loihiseg.option_fields import Number, OneOf, Whole
from loihiseg.running.options import RunOptions
from loihiseg.running.sections import SectionRun

T = TypeVar("T", CompileOptions, RunOptions)


def check_names(options: Mapping[str, object], *kinds: type) -> None:
    """Refuse options that there are not."""
    names = [one.name for kind in kinds for one in fields(kind)]
    for name in options:
        if name not in names:
            raise OptionError(Option(name), f": no such option; there are {', '.join(names)}")


def picked(kind: type[T], options: Mapping[str, Any]) -> T:
    """The options of one kind."""
    names = {one.name for one in fields(kind)}
    return kind(**{name: value for name, value in options.items() if name in names})


def share(name: str, value: object) -> float:
    """A number from 0 to 1."""
    return float(checked(name, value, Number(0, 1)))


def checked(name: str, value: object, within: Number | OneOf | Whole) -> float:
    """A number within a range."""
    try:
        return within.taken(value)
    except ValueError:
        raise OptionError(Option(name), f": {value!r:.40}: expected {within.expected}") from None


def stack_of(
    name: str,
    images: object,
    labels: object = None,
    label_polarity: LabelPolarity = "auto",
) -> Stack:
    """Images and labels in memory, by the rules for files."""
    if isinstance(images, Stack):
        if labels is not None:
            raise OptionError(
                Option("labels"), ": a Stack has labels of its own; give its images alone, or none"
            )
        return images
    if not isinstance(images, np.ndarray):
        raise OptionError(
            Option(name), f": {type(images).__name__}: expected an array (n, rows, columns) or "
            "(rows, columns), or a Stack; loihiseg.data.readers.read_stack reads files",
        )  # fmt: skip
    if labels is not None and not isinstance(labels, np.ndarray):
        raise OptionError(
            Option("labels"), f": {type(labels).__name__}: expected an array as the images"
        )
    if label_polarity == "auto" and labels is not None and labels.dtype == bool:
        label_polarity = "membrane-bright"
    return make_stack(images, labels, name, label_polarity, "labels")


def sections_of(images: Iterable[object]) -> Iterator[np.ndarray]:
    """Sections one by one, each checked when its turn comes."""
    for number, section in enumerate(images):
        if not isinstance(section, np.ndarray) or section.ndim != 2:
            found = getattr(section, "shape", None) or type(section).__name__
            raise OptionError(
                Option("images"),
                f": section {number} is {found}, expected an array (rows, columns)",
            )
        if section.dtype != np.uint8:
            raise OptionError(
                Option("images"), f": section {number} has type {section.dtype}, expected uint8; "
                "give all sections in one array, which is scaled as a whole",
            )  # fmt: skip
        yield section


def runs_of(maps: object) -> list[SectionRun]:
    """What a network made of sections of one shape."""
    found = list(maps) if isinstance(maps, Iterable) and not isinstance(maps, str) else []
    if not found or not all(isinstance(one, SectionRun) for one in found):
        raise OptionError(
            Option("maps"), ": expected probabilities in an array, or what loihiseg.run gives, at "
            "least one section",
        )  # fmt: skip
    shapes = sorted({one.logits.shape for one in found})
    if len(shapes) > 1:
        raise OptionError(
            Option("maps"), f": sections of {shapes[0]} and {shapes[1]} pixels; score them apart"
        )
    return found


def probability_of(maps: np.ndarray) -> np.ndarray:
    """(n, rows, columns) float from 0 to 1, or uint8 with 255 for 1."""
    found = maps[np.newaxis] if maps.ndim == 2 else maps
    if found.ndim != 3 or not found.size:
        raise OptionError(
            Option("maps"), f": shape {maps.shape}, expected (n, rows, columns) or (rows, columns)"
        )
    if found.dtype == np.uint8:
        if found.max() == 1:
            raise OptionError(
                Option("maps"), ": uint8 of 0 and 1 alone, expected 255 for a probability of 1; "
                "give a mask as bool",
            )  # fmt: skip
        return found
    floats = found.dtype == bool or np.issubdtype(found.dtype, np.floating)
    # NaN is in no range.
    if not floats or not (found.min() >= 0 and found.max() <= 1):
        raise OptionError(
            Option("maps"), f": type {maps.dtype}, expected probabilities of membrane, 0 to 1, or "
            "uint8 with 255 for 1",
        )  # fmt: skip
    return found.astype(np.float32) if found.dtype == bool else found


def truth_of(truth: object, shape: tuple[int, ...], name: str = "truth") -> np.ndarray:
    """(n, rows, columns) bool, of the shape of the maps."""
    if not isinstance(truth, np.ndarray) or truth.dtype != bool:
        kind = getattr(truth, "dtype", None) or type(truth).__name__
        raise OptionError(
            Option(name), f": {kind}, expected an array of bool, True for membrane; "
            "loihiseg.data.stack.make_stack reads labels",
        )  # fmt: skip
    found = truth[np.newaxis] if truth.ndim == 2 else truth
    if found.shape != shape:
        raise OptionError(
            Option(name), f": shape {found.shape}, expected that of the maps, {shape}"
        )
    return found


def check_undecided(options: Mapping[str, object], chips: int | None) -> None:
    """Refuse options that a deployed network has decided."""
    decided = [] if chips is None else ["chips"]
    decided += [one.name for one in fields(CompileOptions) if one.name in options]
    if decided:
        raise OptionError(
            Option(decided[0]), ": a deployed network has its own; leave out, or compile one"
        )
