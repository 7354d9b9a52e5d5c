"""The parser that every command starts from: name, examples, exit codes, versions, options file."""

import argparse
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from partition.command_line.options import Parser
from partition.command_line.streams import standard_output

EXIT_CODES = (
    "exit codes: 0 done, 1 something unforeseen, 2 input that cannot be used,\n"
    "  4 does not fit the chips, 130 interrupted, 143 told to end"
)


class Versions(argparse.Action):
    """Prints what is installed, one package in a line, and leaves."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Print and leave."""
        from loihiseg.provenance import versions

        found = versions()
        width = max(map(len, found))
        with standard_output():
            for name, version in found.items():
                print(f"{name:{width}}  {version}")
        parser.exit()


def program_of(verb: str) -> str:
    """What a command was called by: as a program, or as a module that Python runs."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py" and called.parent.name == "loihiseg":
        return f"python -m loihiseg {verb}"
    return f"loihiseg {verb}" if called.stem == "loihiseg" else f"python -m loihiseg.{verb}"


def command_parser(
    verb: str,
    description: str,
    examples: Sequence[str] = (),
    kind: type[Parser] = Parser,
    exit_codes: str = EXIT_CODES,
    has_config: bool = True,
    **how: Any,
) -> Parser:
    """A parser with what all commands have.

    Parameters
    ----------
    verb : str
        Name of the command.
    description : str
    examples : sequence of str
        Command lines, without the program's name, for the end of the help.
    kind : type
    exit_codes : str
        What the end of the help says of them.
    has_config : bool
        Whether options may stand in a file; see `loihiseg.commands.config_file`.
    **how
        Taken by ``kind``.
    """
    program = program_of(verb)
    lines = [f"  {program} {one}".rstrip() for one in examples]
    shown = "\n".join(["examples:", *lines, "", exit_codes] if lines else [exit_codes])
    parser = kind(**{"prog": program, "description": description, "epilog": shown} | how)
    parser.add_argument(
        "--version", action=Versions, nargs=0, help="say what is installed, and leave"
    )
    if has_config:
        parser.add_argument(
            "--config",
            metavar="FILE",
            help="options from a TOML file, or from the config.json of a run; those typed here "
            "come after them",
        )
    return parser
