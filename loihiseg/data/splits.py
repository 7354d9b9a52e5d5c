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

from loihiseg.errors import InputError

# 18 / 2 / 4 of 24 sections.
_TEST_FRACTION, _VALIDATION_FRACTION = 4 / 24, 2 / 24


@dataclass(frozen=True)
class Split:
    """Section positions (z) of the three parts; together they are the whole stack.

    train is a range when the training sections are consecutive. In a fold whose held-out block
    lies inside the stack they are not, and train is a tuple of positions; `Stack.select` takes
    either.
    """

    train: range | tuple[int, ...]
    validation: range
    test: range


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
