"""``python -m partition``: does it fit, how many chips, what crosses.

Everything but the parser is imported when it is needed, so that ``--help`` answers at once.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partition.command_line import command
from partition.command_line.command import doing
from partition.command_line.options import DAY_S, MAX_CHIPS, Parser, real, seed, whole
from partition.command_line.streams import standard_output
from partition.core.errors import DoesNotFitError
from partition.core.limits import CORES_PER_CHIP
from partition.display.messages import handed_on, how_many, one_line

if TYPE_CHECKING:
    import networkx as nx

    from partition.display.terminal import Console
    from partition.solution import Solution

MAX_LINKS = 12
"""Links between chips that are listed; all of them are in the JSON."""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = Parser(
        prog="python -m partition",
        description="Put the blocks of a nengo-loihi network on Loihi chips: whether they fit, on "
        "how many chips, and how many messages cross between them.",
        epilog="Exit codes: 0 it fits, 1 something unforeseen, 2 input that cannot be used, 4 it "
        "does not fit.",
    )
    parser.add_argument(
        "graph",
        help="block graph written by partition.save_graph, block_graph.json of a deployment, or a "
        "program compiled by loihiseg",
    )
    parser.add_argument(
        "--chips",
        type=whole(1, MAX_CHIPS),
        metavar="N",
        help="chips there are (default: as many as it takes)",
    )
    parser.add_argument(
        "--cores-per-chip",
        type=whole(1, CORES_PER_CHIP),
        default=CORES_PER_CHIP,
        metavar="N",
        help="cores of each chip that may be used",
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of the search")
    parser.add_argument(
        "--proof-seconds",
        type=real(0, DAY_S),
        default=20.0,
        metavar="S",
        help="time to prove that no fewer messages are possible; 0 for none, which "
        "leaves more than two chips without a lower bound",
    )
    parser.add_argument(
        "--board",
        choices=("line", "grid"),
        default="line",
        help="whether the chips lie in one row, or in rows and columns",
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.add_argument("--picture", metavar="PATH", help="draw a floor plan into this PNG file")
    parser.add_argument(
        "--out", metavar="FOLDER", help="write assignment.json there: chip and core of every block"
    )
    return parser.parse_args(arguments)


def run(arguments: Sequence[str] | None = None) -> int:
    """Call `main` and turn errors into lines and an exit code.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the process by default.

    Returns
    -------
    int
        0 it fits, 2 input that cannot be used, 4 it does not fit; others in
        `partition.command_line.command`.
    """
    return command.run(main, arguments, starts=[(DoesNotFitError, "does not fit")])


def main(arguments: Sequence[str] | None) -> None:
    """Run the command."""
    options = parse(arguments)

    from partition.built.graph_file import load_graph
    from partition.solution import describe, solve
    from partition.storage.files import write_text

    with doing(f"reading {options.graph}"):
        graph = load_graph(options.graph)
    what = f"placing {graph.number_of_nodes()} blocks"
    with doing(what), _waiting(what):
        solution = solve(
            graph,
            options.chips,
            cores_per_chip=options.cores_per_chip,
            board=options.board,
            seed=options.seed,
            proof_seconds=options.proof_seconds,
        )
    # The name alone: the answer may be handed on.
    name = handed_on(options.graph)
    asked = {"graph": name, "cores_per_chip": options.cores_per_chip, "seed": options.seed}
    answer = asked | describe(graph, solution)
    if options.out is not None:
        path = Path(options.out) / "assignment.json"
        write_text(path, json.dumps(answer, indent=2) + "\n")
    if options.picture is not None:
        with doing(f"drawing {options.picture}"):
            draw(graph, solution, options.picture)
    with standard_output():
        if options.json:
            print(json.dumps(answer))
        else:
            print_answer(answer)


def _waiting(text: str) -> AbstractContextManager[object]:
    """Shows that work is under way, on a terminal only."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.text import Text

    from partition.display.terminal import Console

    return Console(stderr=True).status(Text(text))


def draw(graph: "nx.DiGraph", solution: "Solution", path: str | PathLike[str]) -> None:
    """Draw a floor plan: blocks in order, and what was found."""
    from partition.places.floorplan import Plan, draw_floor_plan

    plain, chips = solution.plain_chip_of_block, solution.assignment.chip_of_block
    plans = [
        Plan("Blocks in order", plain, solution.plain_placement),
        Plan("Placed", chips, solution.placement),
    ]
    draw_floor_plan(graph, plans, path)


_MOST_NAMED = 4
"""Limits that are named in a line; all are in the JSON."""


def print_answer(answer: Mapping[str, Any]) -> None:
    """Print what was found as tables."""
    from partition.display.terminal import Console

    console = Console(soft_wrap=True)
    used = answer["cores_used"]
    shares = ", ".join(str(n) for n in used)
    blocks, chips = how_many(answer["n_blocks"], "block"), how_many(len(used), "chip")
    cores = how_many(answer["cores_per_chip"], "core")
    console.print(f"fits: {blocks} on {chips} of {cores}; in use: {shares or 0}")
    if unknown := answer["not_checked"]:
        more = f" and {len(unknown) - _MOST_NAMED} more" * (len(unknown) > _MOST_NAMED)
        console.print(
            f"not checked, for the graph does not say: {', '.join(unknown[:_MOST_NAMED])}{more}; "
            "have it written again"
        )
    before = answer["in_block_order"]
    rows = [
        ("messages per step within chips", answer["messages_within_chips"], None),
        ("messages per step between chips", answer["messages"], before["messages"]),
        ("on the busiest link of the board", answer["max_link_load"], before["max_link_load"]),
        ("hops per message within a chip *", answer["mean_hops"], before["mean_hops"]),
    ]
    text = [(name, number(a), "" if b is None else number(b)) for name, a, b in rows]
    bound = number(answer["lower_bound"]) if answer["lower_bound"] or answer["proved"] else ""
    text.insert(2, ("  " + proof(answer), bound, ""))
    _table(console, ("", "placed", "blocks in order"), text)
    if answer["links"]:
        links = answer["links"]
        shown = [(f"{a} to {b}", number(load)) for a, b, load in links[:MAX_LINKS]]
        if len(links) > MAX_LINKS:
            rest = sum(load for *_, load in links[MAX_LINKS:])
            shown.append((f"{len(links) - MAX_LINKS} others", number(rest)))
        _table(console, ("from chip to chip", "messages per step"), shown)
    for host in answer["host_inputs"]:
        name = one_line(host["label"] or "without a label", 100)
        console.print(
            f"from the host: {name}, {host['n_neurons']:,} neurons, "
            f"{host['messages_if_all_spike']:,} messages when each spikes"
        )
    console.print(f"* mesh {answer['mesh']}")


def proof(answer: Mapping[str, Any]) -> str:
    """How good the number of messages is."""
    if answer["proved"]:
        return "proved: fewer are impossible"
    if not answer["lower_bound"]:
        return "no lower bound: give --proof-seconds"
    return f"lower bound, gap {answer['gap']:.1%}"


def number(value: float) -> str:
    """A count with as many digits as one reads."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.1f}" if value >= 10 else f"{value:.2f}"


def _table(console: "Console", header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(header):
        table.add_column(name, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)
