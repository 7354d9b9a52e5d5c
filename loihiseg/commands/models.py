"""Networks that come along, and what is known of them."""

import json
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from loihiseg.commands.columns import print_columns
from loihiseg.commands.parsing import command_parser
from loihiseg.training import shipped
from partition.command_line.options import Parser
from partition.command_line.streams import standard_output

HEADER = (
    "name", "code", "tile", "neighbours", "channels", "accuracy", "membrane IoU", "trained on",
)  # fmt: skip
"""Scores are of the validation sections, neighbours the sections that are seen on either side."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(arguments)
    found = [described(name) for name in shipped.names()]
    if options.json:
        with standard_output():
            print(json.dumps(found))
    else:
        print_columns([HEADER, *map(_row, found)])


def parse(arguments: Sequence[str]) -> Namespace:
    """Parse the command line."""
    return parser().parse_args(arguments)


def parser() -> Parser:
    """The command line."""
    found = command_parser(
        "models",
        "List the networks that come along, for --checkpoint and --start of other commands.",
        ("",),
        has_config=False,
    )
    found.add_argument("--json", action="store_true", help="print all as one JSON list")
    return found


def described(name: str) -> dict[str, Any]:
    """What is known of a network, by its description alone.

    Parameters
    ----------
    name : str
        Of one that comes along.

    Returns
    -------
    dict
        ``accuracy`` and ``membrane_iou`` are of the validation sections.
    """
    from loihiseg.training.checkpoint import load_checkpoint

    info = load_checkpoint(shipped.resolve(name, None)).info
    network = info.config.network
    levels = network.levels
    return {
        "name": name,
        "code": "levels" if levels else "rates",
        "levels": list(levels) if isinstance(levels, tuple) else levels or None,
        "tile": network.tile,
        "neighbours": network.neighbours,
        "channels": list(network.channels),
        "data": info.data.source,
        "epochs": info.epoch,
        "seed": info.config.seed,
        "accuracy": info.metrics["accuracy"],
        "membrane_iou": info.metrics["membrane_iou"],
    }


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["name"],
        _code(one["levels"]),
        str(one["tile"]),
        str(one["neighbours"] or "-"),
        " ".join(map(str, one["channels"])),
        f"{one['accuracy']:.2%}",
        f"{one['membrane_iou']:.3f}",
        one["data"],
    )


def _code(levels: int | list[int] | None) -> str:
    if levels is None:
        return "rates"
    counts = [levels] if isinstance(levels, int) else sorted(set(levels))
    return f"levels: {' and '.join(map(str, counts))}"
