"""``loihiseg VERB``: all commands by one name.

A command is imported when it is called, so that the list of them answers at once.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module

from loihiseg.commands.parsing import EXIT_CODES, Versions
from loihiseg.errors import InputError
from partition.command_line.options import Parser
from partition.display.messages import one_line


@dataclass(frozen=True)
class Verb:
    """A command.

    Attributes
    ----------
    name : str
    says : str
        What it does, in a line.
    module : str
        Has ``main(arguments)`` and ``parser()``.
    """

    name: str
    says: str
    module: str


_ROOM = "loihiseg.commands"

VERBS = (
    Verb("segment", "make maps of a stack, without labels", f"{_ROOM}.segment.command"),
    Verb("deploy", "put a network on chips, with a report", f"{_ROOM}.deploy.command"),
    Verb("train", "train a U-Net on a labelled stack", f"{_ROOM}.train.command"),
    Verb("check", "say whether a model can run, and on how many chips", f"{_ROOM}.check.command"),
    Verb("simulate", "try a published method, in floats", f"{_ROOM}.simulate"),
    Verb("compare", "put runs side by side", f"{_ROOM}.compare"),
    Verb("synthetic", "write sections to try things on", f"{_ROOM}.synthetic"),
    Verb("models", "list the networks that come along", f"{_ROOM}.models"),
    Verb("doctor", "say what is installed here, and whether it works", f"{_ROOM}.doctor.command"),
)
"""In the order in which the help lists them."""

_SHELLS = ("bash", "zsh", "tcsh")


def parser() -> Parser:
    """The command line, up to the verb."""
    width = max(len(one.name) for one in VERBS)
    lines = [f"  {one.name:{width}}  {one.says}" for one in VERBS]
    found = Parser(
        prog="loihiseg",
        usage="loihiseg VERB [options]",
        description="From an electron-microscopy stack and a U-Net to a spiking deployment on "
        "Loihi.",
        epilog="\n".join(
            ["verbs:", *lines, "", "loihiseg VERB --help says what each takes", "", EXIT_CODES]
        ),
    )
    found.add_argument("--version", action=Versions, nargs=0, help="say what is installed")
    found.add_argument(
        "--completion",
        choices=_SHELLS,
        metavar="SHELL",
        help=f"print a script that completes commands, for {', '.join(_SHELLS)}",
    )
    found.add_argument("verb", nargs="?", help=argparse.SUPPRESS)
    return found


def main(arguments: Sequence[str]) -> None:
    """Call the command that is named.

    Raises
    ------
    InputError
        If there is none of the name.
    """
    if arguments and not arguments[0].startswith("-"):
        found = verb(arguments[0])
        import_module(found.module).main(arguments[1:])
        return
    own = parser()
    options = own.parse_args(arguments)
    if options.completion is not None:
        from loihiseg.commands.completion import print_completion

        print_completion(options.completion, VERBS)
    elif options.verb is None:
        own.print_help()
    else:
        own.error(f"{options.verb}: expected the verb first, and its options behind it")


def verb(name: str) -> Verb:
    """The command of a name.

    Raises
    ------
    InputError
        If there is none; says which is like it.
    """
    for one in VERBS:
        if one.name == name:
            return one
    names = [one.name for one in VERBS]
    near = get_close_matches(name, names, 1)
    meant = f"did you mean {near[0]}? " if near else ""
    raise InputError(f"{one_line(name, 40)}: no such verb; {meant}There are {', '.join(names)}")
