"""The command line of a check."""

from argparse import Namespace
from collections.abc import Sequence

from loihiseg.commands.common import add_host_tail_option, add_output_option
from loihiseg.commands.config_file import expanded
from loihiseg.commands.parsing import command_parser
from loihiseg.compilation.options import CompileOptions
from loihiseg.option_fields import argument_type, default_of
from partition.command_line.options import Parser

EXAMPLES = ("model.keras --chips 2", "model.h5 --levels 3 --code ramp", "paper-isbi2012 --json")
EXIT_CODES = (
    "exit codes: 0 it fits, 1 something unforeseen,\n"
    "  2 layers are refused, or input that cannot be used, 4 it does not fit"
)


def parse(arguments: Sequence[str]) -> Namespace:
    """Parse the command line."""
    own = parser()
    return own.parse_args(expanded(own, arguments))


def parser() -> Parser:
    """The command line."""
    found = command_parser(
        "check",
        "Say of every layer of a model where it would run, or what to use instead, and how many "
        "cores and chips the network takes. Needs no data.",
        EXAMPLES,
        exit_codes=EXIT_CODES,
    )
    found.add_argument(
        "model",
        metavar="MODEL",
        help="a Keras model as .h5 or .keras, a folder written by loihiseg.train, or a network "
        "that comes along by its name",
    )
    found.add_argument(
        "--chips",
        type=argument_type(CompileOptions, "chips"),
        help="Loihi chips there are (default: as many as it takes)",
    )
    found.add_argument(
        "--code", metavar="NAME", help="neural code (default: the one that suits the network)"
    )
    found.add_argument(
        "--levels",
        type=argument_type(CompileOptions, "levels"),
        metavar="L|L,L,...",
        help="give every activation so many levels without training, for the codes of levels",
    )
    add_output_option(found)
    found.add_argument(
        "--rate-scale-hz",
        type=argument_type(CompileOptions, "rate_scale_hz"),
        default=default_of(CompileOptions, "rate_scale_hz"),
        help="firing rate of an activation of 1, for Keras models that do not say (default: "
        f"{default_of(CompileOptions, 'rate_scale_hz'):g})",
    )
    add_host_tail_option(found)
    found.add_argument("--json", action="store_true", help="print all as one JSON object")
    found.add_argument("--quiet", action="store_true", help="say nothing but errors and results")
    return found
