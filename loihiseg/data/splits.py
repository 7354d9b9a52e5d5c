"""Training, validation and test sections as blocks of consecutive sections.

Neighbouring sections of a stack show the same cells 50 nm apart. A random split puts near-copies
of the training sections into the test set: the score then measures memory, not segmentation, and
falls on the next stack. Contiguous blocks along z leave only the sections at the block borders
with a neighbour on the other side.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from loihiseg.data.sections import parse_sections
from loihiseg.data.stack import Stack
from loihiseg.errors import InputError, Option, OptionError

PartName = Literal["train", "validation", "test"]

# 18 / 2 / 4 of 24 sections.
_TEST_FRACTION, _VALIDATION_FRACTION = 4 / 24, 2 / 24


@dataclass(frozen=True)
class Bands:
    """Rows of the three parts where they share their sections; together they are all rows."""

    train: range
    validation: range
    test: range


@dataclass(frozen=True)
class Split:
    """Section positions (z) of the three parts; together they are the whole stack.

    Where there are bands the three parts have the same sections, and are rows of them.

    train is a range when the training sections are consecutive. In a fold whose held-out block
    lies inside the stack they are not, and train is a tuple of positions; `Stack.select` takes
    either.
    """

    train: range | tuple[int, ...]
    validation: range
    test: range
    bands: Bands | None = None

    def part(self, stack: Stack, name: PartName) -> Stack:
        """The sections, or the bands, of one part; sections without labels are left out.

        Raises InputError where none has labels.
        """
        sections: range | tuple[int, ...] = getattr(self, name)
        rows = self.rows(name)
        found = stack.select_labelled(sections)
        return found if rows is None else found.cut_rows(rows)

    def rows(self, name: PartName) -> range | None:
        """Rows of one part; None where it has whole sections."""
        return None if self.bands is None else getattr(self.bands, name)


def split_of(
    stack: Stack,
    crop: int,
    tile: int,
    validation: str | None = None,
    test: str | None = None,
) -> Split:
    """The split that a stack is trained by.

    crop, tile : pixels of the side of a training crop, and of a tile of the network.
    validation, test : sections of these parts as ``A:B``; by default as `z_block_split` cuts them,
        or bands of rows where a stack has fewer than three sections with labels. With one alone,
        the other is a block of the usual size beside it.
    Raises InputError where there are no labels, or a part is left without sections or rows;
    OptionError where parts that were given have a section in common.
    """
    labelled = stack.labelled_sections
    if not labelled:
        raise OptionError(f"{stack.source}: has no labels to train on; give ", Option("labels"))
    if validation is not None or test is not None:
        return _given_split(stack, validation, test)
    if len(labelled) >= 3:
        return z_block_split(stack.n_sections, None if stack.labelled is None else labelled)
    sections = range(labelled[0], labelled[-1] + 1)
    bands = row_bands(stack.images.shape[1], crop, tile, stack.source)
    return Split(sections, sections, sections, bands)


def row_bands(height: int, crop: int, tile: int, source: str) -> Bands:
    """Training, validation and test rows in this order, in the proportions of `z_block_split`.

    A band that is trained on has a crop's height at least, the others a tile's.
    Raises InputError for sections that are too low, naming the height that is needed.
    """
    needed = crop + 2 * tile
    if height < needed:
        raise InputError(
            f"{source}: has too few sections to be split, expected 3 or more with labels, or "
            f"sections of at least {needed} rows to be cut into bands (found {height}); give a "
            "larger section, or train a network of smaller tiles"
        )
    n_test = max(tile, round(height * _TEST_FRACTION))
    n_validation = max(tile, round(height * _VALIDATION_FRACTION))
    if height - n_test - n_validation < crop:
        n_test = n_validation = tile
    first_test = height - n_test
    first_validation = first_test - n_validation
    return Bands(
        range(first_validation), range(first_validation, first_test), range(first_test, height)
    )


def _given_split(stack: Stack, validation: str | None, test: str | None) -> Split:
    n_sections = stack.n_sections
    parts = {
        name: parse_sections(text, n_sections, Option(name))
        for name, text in (("validation", validation), ("test", test))
        if text is not None
    }
    if len(parts) < 2:
        ((name, given),) = parts.items()
        other, share = (
            ("test", _TEST_FRACTION)
            if name == "validation"
            else ("validation", _VALIDATION_FRACTION)
        )
        size = max(1, round(n_sections * share))
        after = range(given.stop, min(given.stop + size, n_sections))
        parts[other] = after or range(max(0, given.start - size), given.start)
    both = sorted({*parts["validation"]} & {*parts["test"]})
    if both:
        raise OptionError(
            Option("validation"), f" {validation} and ", Option("test"), f" {test}: section "
            f"{both[0]} is in both, expected each in one part at most; choose others",
        )  # fmt: skip
    train = tuple(
        z for z in stack.labelled_sections if z not in {*parts["validation"], *parts["test"]}
    )
    if not train or not parts["validation"] or not parts["test"]:
        raise InputError(
            f"{stack.source}: {n_sections} sections leave none to train, validate or test on "
            "beside those that are asked for; choose fewer"
        )
    return Split(_as_range(train), parts["validation"], parts["test"])


def described(split: Split) -> str:
    """The split in a few words."""
    if split.bands is None:
        parts = (("training", split.train), ("validation", split.validation), ("test", split.test))
        return ", ".join(f"{name} {_numbers(part)}" for name, part in parts)
    rows = (split.bands.train, split.bands.validation, split.bands.test)
    named = zip(("training", "validation", "test"), rows)
    return "bands of rows: " + ", ".join(f"{name} {part.start}:{part.stop}" for name, part in named)


def _numbers(part: range | tuple[int, ...]) -> str:
    if isinstance(part, range):
        return f"{part.start}:{part.stop}"
    return f"{len(part)} of {part[0]}:{part[-1] + 1}"


def z_block_split(n_sections: int, labelled: Sequence[int] | None = None) -> Split:
    """Train, validation and test blocks in this order along z.

    24 sections give 0-17, 18-19 and 20-23; other stacks the same proportions, with at least one
    section each. Choose thresholds on the validation block and look at the test block once.
    labelled : positions that have labels, in order, where not all have. The blocks are then made of
        these; others that lie between are in the ranges but not meant
        (`Stack.select_labelled` leaves them out).
    Raises InputError for fewer than 3 sections that can be used.
    """
    if labelled is not None and len(labelled) < n_sections:
        _require(len(labelled), 3, "a training, a validation and a test section with labels")
        among = z_block_split(len(labelled))
        blocks = [
            [labelled[i] for i in part] for part in (among.train, among.validation, among.test)
        ]
        train, validation, test = (range(block[0], block[-1] + 1) for block in blocks)
        return Split(train, validation, test)
    _require(n_sections, 3, "a training, a validation and a test section")
    n_test = max(1, round(n_sections * _TEST_FRACTION))
    n_validation = max(1, round(n_sections * _VALIDATION_FRACTION))
    first_test = n_sections - n_test
    first_validation = first_test - n_validation
    return Split(
        train=range(first_validation),
        validation=range(first_validation, first_test),
        test=range(first_test, n_sections),
    )


def z_block_folds(n_sections: int, n_folds: int = 5) -> tuple[Split, ...]:
    """Cross-validation folds: each section is in exactly one test block.

    The validation block (a twelfth of the stack, at least one section) lies directly after the
    test block, or directly before it in the last fold, so it also keeps training sections away
    from one side of the test block. Test blocks differ in length by at most one section.
    Raises InputError for fewer than 2 folds, and for stacks too short to leave a training
    section beside the largest test block.
    """
    if n_folds < 2:
        raise InputError(f"{n_folds} folds asked for, expected at least 2; raise n_folds")
    _require(n_sections, max(3, n_folds), f"one test section in each of {n_folds} folds")
    n_validation = max(1, round(n_sections * _VALIDATION_FRACTION))
    borders = [n_sections * fold // n_folds for fold in range(n_folds + 1)]
    folds = []
    for start, stop in itertools.pairwise(borders):
        if stop < n_sections:
            # A short last block could be narrower than the usual validation block.
            validation = range(stop, min(stop + n_validation, n_sections))
        else:
            validation = range(start - n_validation, start)
        held_out = {*range(start, stop), *validation}
        train = tuple(z for z in range(n_sections) if z not in held_out)
        if not train:
            raise InputError(
                f"{n_sections} sections in {n_folds} folds leave nothing to train on; "
                "use more folds or more sections"
            )
        folds.append(Split(_as_range(train), validation, range(start, stop)))
    return tuple(folds)


def _as_range(positions: tuple[int, ...]) -> range | tuple[int, ...]:
    span = range(positions[0], positions[-1] + 1)
    return span if len(span) == len(positions) else positions


def _require(n_sections: int, minimum: int, purpose: str) -> None:
    if n_sections < minimum:
        raise InputError(
            f"the stack has {n_sections} section{'s' * (n_sections != 1)}, expected at least "
            f"{minimum} ({purpose}); give a longer stack"
        )
