"""What is installed here, and whether it works."""

import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict

from loihiseg.commands.columns import print_columns
from loihiseg.commands.doctor.findings import cache_finding, findings
from loihiseg.commands.parsing import command_parser
from partition.command_line.options import Parser
from partition.command_line.streams import standard_output

WRONG = 1
"""Exit code where something that is needed is missing, or does not work."""


def main(arguments: Sequence[str]) -> None:
    """Run the command; leaves with its exit code where not all is well."""
    from loihiseg.commands.doctor.self_test import self_test
    from loihiseg.progress import Reporter

    options = parse(arguments)
    reporter = Reporter(options.quiet or options.json)
    if options.clear_cache:
        from loihiseg.compilation.cache import cache_folder, clear

        folder = cache_folder()
        reporter.say(f"removed from {folder}: {clear(folder, reporter.say)} networks")
    found = [*findings(), cache_finding()]
    if not options.no_test:
        found += self_test(reporter)
    if options.json:
        with standard_output():
            print(json.dumps([asdict(one) for one in found]))
    else:
        print_columns([(one.verdict, one.name, one.found, one.remedy) for one in found])
    if any(one.verdict == "wrong" for one in found):
        raise SystemExit(WRONG)


def parse(arguments: Sequence[str]) -> Namespace:
    """Parse the command line."""
    return parser().parse_args(arguments)


def parser() -> Parser:
    """The command line."""
    found = command_parser(
        "doctor",
        "Say what is installed here, what is missing and how to get it, and run some seconds of "
        "each part.",
        ("", "--no-test --json", "--clear-cache"),
        exit_codes="exit codes: 0 all that is needed works, 1 something does not",
        has_config=False,
    )
    found.add_argument("--no-test", action="store_true", help="look, and run nothing")
    found.add_argument(
        "--clear-cache", action="store_true", help="remove the compiled networks that are kept"
    )
    found.add_argument("--json", action="store_true", help="print all as one JSON list")
    found.add_argument("--quiet", action="store_true", help="say nothing but errors and results")
    return found
