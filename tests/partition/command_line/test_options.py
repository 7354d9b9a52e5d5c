"""Numbers on command lines have limits that the help and the error say."""

import argparse

import pytest

from partition.command_line.options import Parser, either, real, whole

ABSURD = ["", "-1", "1e3", "nan", "inf", "-inf", "1_0", "٣", "0x5", "1.5", str(10**12), "9" * 400]


@pytest.mark.parametrize("text", ABSURD)
def test_whole_numbers(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a whole number, 1 to 768") as e:
        whole(1, 768)(text)
    assert len(str(e.value)) < 100


@pytest.mark.parametrize("text", [t for t in ABSURD if t not in ("1.5", "1e3")] + ["0", "1e-400"])
def test_numbers(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number, above 0, to 1000"):
        real(0, 1000, above=True)(text)


def test_what_is_taken():
    assert [whole(-2, 9)(t) for t in ("-2", "+3", " 9 ", "007")] == [-2, 3, 9, 7]
    assert [real(0, 5)(t) for t in ("0", ".5", "5.", "1e-3", "5")] == [0, 0.5, 5, 0.001, 5]
    tile = either("auto", whole(1, 9))
    assert tile("auto") == "auto" and tile("3") == 3
    with pytest.raises(argparse.ArgumentTypeError, match="expected auto, or 1 to 9"):
        tile("10")


def test_help_says_limits_and_defaults(capsys):
    parser = Parser(prog="it")
    parser.add_argument("--n", type=whole(0, 9), default=0, help="how many")
    with pytest.raises(SystemExit):
        parser.parse_args(["--help"])
    assert "how many (default: 0) [0 to 9]" in capsys.readouterr().out


def test_wrong_options_are_one_line(capsys):
    with pytest.raises(SystemExit) as leave:
        Parser(prog="it").parse_args(["--\x1b[31m\n" + "x" * 1000])
    (line,) = capsys.readouterr().err.splitlines()
    assert leave.value.code == 2 and len(line) <= 300 and r"\x1b[31m\n" in line
