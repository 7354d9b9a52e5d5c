"""Runs side by side: what they were asked, what came of it, the same section of each."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loihiseg.commands.columns import print_columns
from loihiseg.commands.parsing import command_parser
from loihiseg.errors import InputError
from partition.command_line.command import doing
from partition.command_line.options import Parser
from partition.command_line.streams import standard_output
from partition.display.messages import printable

if TYPE_CHECKING:
    from loihiseg.report.comparison.facts import ComparedRun

SUFFIXES = (".html", ".csv", ".md")


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(arguments)
    if options.out is not None and Path(options.out).suffix not in SUFFIXES:
        raise InputError(
            f"--out {options.out}: expected a name that ends in {', '.join(SUFFIXES[:-1])} or "
            f"{SUFFIXES[-1]}"
        )

    from loihiseg.report.comparison.runs import read_runs
    from loihiseg.report.comparison.tables import tables

    with doing("reading runs"):
        runs = read_runs([Path(folder) for folder in options.runs])
    for table in tables(runs):
        print_columns([table.header, *table.rows])
        with standard_output():
            print()
    if options.out is not None:
        _write(Path(options.out), runs)


def parse(arguments: Sequence[str]) -> Namespace:
    """Parse the command line."""
    return parser().parse_args(arguments)


def parser() -> Parser:
    """The command line."""
    found = command_parser(
        "compare",
        "Put runs side by side: the options in which they differ, scores and what is lost, rates, "
        "energy, cores, seconds, and on a page the same section of each. Deployments, trainings "
        "and simulations may be mixed.",
        ("runs/deploy-1 runs/deploy-2", "runs/* --out compare.html", "runs/* --out compare.csv"),
        has_config=False,
    )
    found.add_argument("runs", nargs="+", metavar="RUN", help="folder of a run")
    found.add_argument(
        "--out", metavar="FILE", help="write it there too: a page (.html), .csv or Markdown (.md)"
    )
    return found


def _write(path: Path, runs: "Sequence[ComparedRun]") -> None:
    """Write the comparison in the form of the file's name."""
    from loihiseg.files import writable_folder, write_bytes
    from loihiseg.report.comparison.page import comparison_page
    from loihiseg.report.comparison.tables import as_csv, as_markdown

    forms = {".html": comparison_page, ".csv": as_csv, ".md": as_markdown}
    text = forms[path.suffix](runs)
    writable_folder(path.parent)
    write_bytes(path, text.encode())
    with standard_output():
        print(f"written: {printable(path)}")
