"""``python -m partition``: does it fit, how many chips, what crosses.

Everything but the parser is imported when it is needed, so that ``--help`` answers at once.
"""

import argparse
import json
import math
import sys
from contextlib import nullcontext
from pathlib import Path

from partition.errors import DoesNotFitError, PartitionError
from partition.limits import CORES_PER_CHIP

MAX_LINKS = 12
"""Links between chips that are listed; all of them are in the JSON."""


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Says a default where there is one to say."""

    def _get_help_string(self, action):
        if action.default in (None, False) or "default" in (action.help or ""):
            return action.help
        return super()._get_help_string(action)


class _Parser(argparse.ArgumentParser):
    """A wrong option is one line and exit code 2."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message}\n")


def parse(arguments):
    """Parse the command line."""
    parser = _Parser(
        prog="python -m partition",
        formatter_class=_Help,
        description="Put the blocks of a nengo-loihi network on Loihi chips: whether they fit, on "
        "how many chips, and how many messages cross between them.",
        epilog="Exit codes: 0 it fits, 2 input that cannot be used, 4 it does not fit.",
    )
    parser.add_argument(
        "graph",
        help="block graph written by partition.save_graph, block_graph.json of a deployment, or a "
        "program compiled by loihiseg",
    )
    parser.add_argument(
        "--chips", type=int, metavar="N", help="chips there are (default: as many as it takes)"
    )
    parser.add_argument(
        "--cores-per-chip",
        type=int,
        default=CORES_PER_CHIP,
        metavar="N",
        help="cores of each chip that may be used",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the search")
    parser.add_argument(
        "--proof-seconds",
        type=float,
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


def run(arguments=None) -> int:
    """Call `main` and turn errors into one line and an exit code.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the process by default.

    Returns
    -------
    int
        0 it fits, 2 input that cannot be used, 4 it does not fit, 130 interrupted.
    """
    try:
        main(sys.argv[1:] if arguments is None else arguments)
        return 0
    except DoesNotFitError as error:
        print(f"does not fit: {error}", file=sys.stderr)
        return 4
    except PartitionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def main(arguments):
    """Run the command."""
    options = parse(arguments)
    _check(options)

    from partition.files import write_text
    from partition.graph_file import load_graph
    from partition.solution import describe, solve

    graph = load_graph(options.graph)
    with _waiting(f"{graph.number_of_nodes()} blocks"):
        solution = solve(
            graph,
            options.chips,
            cores_per_chip=options.cores_per_chip,
            board=options.board,
            seed=options.seed,
            proof_seconds=options.proof_seconds,
        )
    asked = {"graph": options.graph, "cores_per_chip": options.cores_per_chip, "seed": options.seed}
    answer = asked | describe(graph, solution)
    if options.out is not None:
        path = Path(options.out) / "assignment.json"
        write_text(path, json.dumps(answer, indent=2) + "\n")
    if options.picture is not None:
        draw(graph, solution, options.picture)
    if options.json:
        print(json.dumps(answer))
    else:
        print_answer(answer)


def _check(options):
    if options.chips is not None and options.chips < 1:
        raise PartitionError(f"--chips {options.chips}: expected 1 or more")
    if not 1 <= options.cores_per_chip <= CORES_PER_CHIP:
        raise PartitionError(
            f"--cores-per-chip {options.cores_per_chip}: expected 1 to {CORES_PER_CHIP}, the cores "
            "of a chip"
        )
    if not 0 <= options.seed < 2**31:
        raise PartitionError(f"--seed {options.seed}: expected 0 to {2**31 - 1}")
    if not 0 <= options.proof_seconds < math.inf:
        raise PartitionError(f"--proof-seconds {options.proof_seconds:g}: expected 0 or more")


def _waiting(text):
    """Shows that work is under way, on a terminal only."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(text)


def draw(graph, solution, path):
    """Draw a floor plan: blocks in order, and what was found."""
    from partition.floorplan import Plan, draw_floor_plan

    plain, chips = solution.plain_chip_of_block, solution.assignment.chip_of_block
    plans = [
        Plan("Blocks in order", plain, solution.plain_placement),
        Plan("Placed", chips, solution.placement),
    ]
    draw_floor_plan(graph, plans, path)


def print_answer(answer):
    """Print what was found as tables."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    used, per_chip = answer["cores_used"], answer["cores_per_chip"]
    chips = "1 chip" if len(used) == 1 else f"{len(used)} chips"
    shares = ", ".join(str(n) for n in used)
    console.print(
        f"fits: {answer['n_blocks']} blocks on {chips} of {per_chip} cores; in use: {shares or 0}",
        markup=False,
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
        console.print(
            f"from the host: {host['label']}, {host['n_neurons']:,} neurons, "
            f"{host['messages_if_all_spike']:,} messages when each spikes",
            markup=False,
        )
    console.print(f"* mesh {answer['mesh']}", markup=False)


def proof(answer) -> str:
    """How good the number of messages is."""
    if answer["proved"]:
        return "proved: fewer are impossible"
    if not answer["lower_bound"]:
        return "no lower bound: give --proof-seconds"
    return f"lower bound, gap {answer['gap']:.1%}"


def number(value) -> str:
    """A count with as many digits as one reads."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.1f}" if value >= 10 else f"{value:.2f}"


def _table(console, header, rows):
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(header):
        table.add_column(name, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table, markup=False)
