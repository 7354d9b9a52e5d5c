"""Scripts by which a shell completes commands, from the parsers themselves."""

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from partition.command_line.options import Parser
from partition.command_line.streams import standard_output

if TYPE_CHECKING:
    from loihiseg.commands.program import Verb


def print_completion(shell: str, verbs: "Iterable[Verb]") -> None:
    """Print the script of a shell.

    Parameters
    ----------
    shell : str
        "bash", "zsh" or "tcsh".
    verbs : iterable of Verb
    """
    import shtab

    whole = Parser(prog="loihiseg")
    below = whole.add_subparsers()
    for verb in verbs:
        parser = import_module(verb.module).parser()
        below.add_parser(verb.name, parents=[parser], add_help=False, help=verb.says)
    with standard_output():
        print(shtab.complete(whole, shell))
