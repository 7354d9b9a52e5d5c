"""What is printed of names and errors of strangers."""

import pytest

from partition.core.errors import DoesNotFitError, PartitionError
from partition.display.messages import (
    MAX_LINE,
    MAX_LINES,
    error_lines,
    handed_on,
    one_line,
    printable,
)

HOSTILE = {
    "colour": ("\x1b[31mred", r"\x1b[31mred"),
    "lines": ("a\nb\rc", r"a\nb\rc"),
    "separators": ("a\u2028b\x85c", r"a\u2028b\x85c"),
    "right to left": ("a\u202etxt.exe", r"a\u202etxt.exe"),
    "no text": ("a\udcffb", r"a\udcffb"),
    "nothing": ("a\x00b", r"a\x00b"),
    "plain": ("größer, 层", "größer, 层"),
}


@pytest.mark.parametrize("text, shown", HOSTILE.values(), ids=list(HOSTILE))
def test_what_does_not_print_is_escaped(text, shown):
    assert printable(text) == one_line(text) == shown


@pytest.mark.parametrize("most", [20, 40, 300])
def test_long_text_keeps_its_ends(most):
    text = "begin " + "x" * 1000 + " end"
    shown = one_line(text, most)
    assert len(shown) == most and shown.startswith("begin") and shown.endswith(" end")
    assert one_line("y" * most, most) == "y" * most


def test_several_problems_are_counted_and_listed():
    problems = [f"layer {i}: {'z' * 400}" for i in range(3)]
    error = PartitionError("too large: " + "; ".join(problems) + "; would fit: less", problems)
    first, *rest = error_lines(error)
    assert first == "error: too large: 3 problems"
    assert [line[:10] for line in rest] == ["  layer 0:", "  layer 1:", "  layer 2:", "  would fi"]
    assert all(len(line) <= MAX_LINE for line in rest)


def test_one_problem_is_one_line():
    assert error_lines(DoesNotFitError("a\nb", ["a\nb"]), "does not fit: ") == [
        r"does not fit: a\nb"
    ]
    assert len(error_lines(PartitionError("x" * 10**6))[0]) == MAX_LINE


def test_no_flood():
    problems = [f"layer {i}" for i in range(10**4)]
    lines = error_lines(PartitionError("; ".join(problems), problems))
    assert len(lines) == MAX_LINES and lines[0] == "error: 10000 problems"
    assert lines[-1] == f"  and {10**4 - MAX_LINES + 2} more"


@pytest.mark.parametrize(
    "path, name",
    [
        ("/home/ann/stacks/mine", "mine"),
        ("/home/ann/stacks/mine/", "mine"),
        ("stacks/mine", "stacks/mine"),
        ("../mine", "mine"),
        ("stacks/../../ann/mine", "mine"),
        ("synthetic(seed=0)", "synthetic(seed=0)"),
        ("/", "/"),
    ],
)
def test_what_is_handed_on_of_a_path(path, name):
    assert handed_on(path) == name
