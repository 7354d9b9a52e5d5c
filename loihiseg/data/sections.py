"""The --sections option: which sections of a stack a command works on."""

from __future__ import annotations

import argparse
import re

from loihiseg.errors import Option, OptionError
from partition.display.messages import one_line

_OPTION = Option("sections")
_MOST_DIGITS = 9
_FORM = re.compile(rf"\s*([0-9]{{0,{_MOST_DIGITS}}})\s*(:?)\s*([0-9]{{0,{_MOST_DIGITS}}})\s*")


def sections_text(text: str) -> str:
    """A type for argparse: what `parse_sections` understands, whatever the stack has."""
    match = _FORM.fullmatch(text)
    if match is None or not (match[1] or match[2]):
        raise argparse.ArgumentTypeError(
            f"{one_line(text, 40)!r} is not understood; write 20:24, 20:, :20, : or 3, with at "
            f"most {_MOST_DIGITS} digits"
        )
    return text


sections_text.limits = f"numbers of at most {_MOST_DIGITS} digits"  # type: ignore[attr-defined]


def parse_sections(text: str, n_sections: int, option: Option = _OPTION) -> range:
    """Section positions from text, end excluded as in Python: 0 is the first section.

    "20:24" gives 20, 21, 22, 23; "20:" all from 20; ":20" the first 20; ":" all; "3" only 3.
    option : that is named where the text cannot be used.
    Raises OptionError, naming the option and the number of sections available, for other text,
    an empty choice and sections the stack does not have.
    """
    match = _FORM.fullmatch(text)
    if match is None or not (match[1] or match[2]):
        raise OptionError(
            option,
            f" {one_line(text, 40)!r} is not understood ({n_sections} sections "
            "available); write 20:24, 20:, :20, : or 3",
        )
    start = int(match[1] or 0)
    if not match[2]:
        stop = start + 1
    else:
        stop = int(match[3]) if match[3] else n_sections
    if start >= n_sections or stop > n_sections:
        raise OptionError(
            option,
            f" {text!r} goes past the end, the stack has {n_sections} sections "
            f"(0 to {n_sections - 1}); choose among these",
        )
    if stop <= start:
        raise OptionError(
            option,
            f" {text!r} chooses no section of the {n_sections} available; "
            "the end is excluded, so write e.g. 3:4 for section 3",
        )
    return range(start, stop)
