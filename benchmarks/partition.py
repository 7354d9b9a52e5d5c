"""Our partitioner, nengo-loihi's allocators and METIS on the same block graphs, in one process.

    python benchmarks/partition.py                       # all rows, some ten minutes
    python benchmarks/partition.py --quick               # small ones, a minute
    python benchmarks/partition.py --rows nlt unet-192   # some
    python benchmarks/partition.py --rows trained --checkpoint runs/paper --data PATH

Every placement is counted anew from the graph, whoever made it. The exit code is 1 where METIS has
a placement within the chips that is better than ours.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first, where this file would be found for the package.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import argparse
import json
import os
import platform
import time
import warnings
from dataclasses import asdict, dataclass, replace

PER_SECOND = 1000
"""Steps of 1 ms."""

TRAINED = "trained"

METIS = {"METIS k-way": False, "METIS recursive": True}
"""Whether it bisects again and again, by name."""

TRIES = "METIS, best of"

OURS, JOINT = "ours", "ours, blocks too"

MOST_JOINT = 300
"""Blocks up to which blocks and chips are chosen together here."""

QUICK = ("keras-theirs", "keras-tiled", "cifar10-tiled", "unet-96", "geometric-120")


def problems(options):
    """How to make each problem, by row name."""
    from benchmarks import partition_graphs as graphs

    found = {
        "nlt": graphs.nengo_loihi_test,
        "keras-theirs": lambda: graphs.example("keras-to-loihi", True, 8),
        "keras-tiled": lambda: graphs.example("keras-to-loihi", False, 8),
        "cifar10-theirs": lambda: graphs.example("cifar10", True, 32),
        "cifar10-tiled": lambda: graphs.example("cifar10", False, 32),
        "small": lambda: graphs.preset("small"),
        "paper": lambda: graphs.preset("paper"),
        "paper-double": lambda: graphs.preset("paper", 2),
        "unet-96": lambda: graphs.unet(96),
        "unet-192": lambda: graphs.unet(192),
        "unet-280": lambda: graphs.unet(280),
        "dense-512": graphs.dense_stack,
        "geometric-120": lambda: graphs.geometric(120, cores_per_chip=48),
        "geometric-1000": lambda: graphs.geometric(1000),
        "geometric-2000": lambda: graphs.geometric(2000),
        "world-500": lambda: graphs.small_world(500),
        "world-2000": lambda: graphs.small_world(2000),
    }
    for path in options.checkpoint:
        name = f"{TRAINED}-{Path(path).resolve().name}"
        found[name] = lambda path=path: graphs.trained(path, options.data)
    return found


def parse(arguments=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", help="only these; trained: all of --checkpoint")
    parser.add_argument("--quick", action="store_true", help="small ones, in a minute")
    parser.add_argument(
        "--checkpoint", action="append", default=[], help="trained network; may be repeated"
    )
    parser.add_argument("--data", help="stack to count its rates on (default: synthetic)")
    parser.add_argument(
        "--proof", type=float, help="seconds for each proof (default: 60, quick: 10)"
    )
    parser.add_argument("--json", help="write all results to this file")
    options = parser.parse_args(arguments)
    if options.proof is None:
        options.proof = 10 if options.quick else 60
    if not options.proof >= 0:
        parser.error(f"--proof {options.proof:g}: expected 0 or more seconds")
    if options.json and not Path(options.json).resolve().parent.is_dir():
        parser.error(f"--json {options.json}: there is no such folder")
    known = list(problems(options))
    names = options.rows or (list(QUICK) if options.quick else known)
    options.rows = []
    for name in names:
        fitting = [k for k in known if k == name or (name == TRAINED and k.startswith(name + "-"))]
        if not fitting:
            parser.error(f"--rows {name}: no such row; there are {', '.join(known)}")
        options.rows += fitting
    return options


@dataclass(frozen=True)
class Row:
    """One way to put a graph on chips.

    Attributes
    ----------
    name : str
    messages, heaviest_link : float
        Messages per second between chips, and on the busiest link between neighbours of a line.
    mean_hops : float
        Links between tiles that a message within a chip takes, as ``partition.places.mesh`` assumes
        them.
    n_chips, fullest : int
        Chips used, and blocks on the fullest.
    seconds, cpu_seconds : float
        Wall clock, and what this process computed meanwhile.
    fits : bool
        Whether no chip has more blocks than cores.
    estimated_axons, estimated_spikes : float
        nengo-loihi's ``estimate_interchip_activity`` without and with rates.
    lower_bound : float or None
        No placement has fewer messages per second; None where none was looked for.
    gap : float or None
        Share of the messages that could at most be saved.
    proved : bool
        That nothing can.
    method : str
        How the bound was found.
    note : str
    """

    name: str
    messages: float
    heaviest_link: float
    mean_hops: float
    n_chips: int
    fullest: int
    seconds: float
    cpu_seconds: float
    fits: bool
    estimated_axons: float
    estimated_spikes: float
    lower_bound: float | None = None
    gap: float | None = None
    proved: bool = False
    method: str = ""
    note: str = ""


class Bench:
    """A problem, the stand-in model of its graph, and measured rows."""

    def __init__(self, problem, proof_s):
        from benchmarks.partition_peers import stand_in

        self.problem, self.proof_s = problem, proof_s
        self.model, self.rates = stand_in(problem.graph)

    def rows(self):
        """Yield a row for each way, ours last."""
        import loihiseg.frameworks  # noqa: F401 (before nengo-loihi)

        from nengo_loihi.hardware.allocators import Greedy, GreedyInterchip, RoundRobin

        cores = self.problem.cores_per_chip
        yield self.peer("Greedy", Greedy(cores))
        yield self.peer("RoundRobin", RoundRobin())
        yield self.peer("GreedyInterchip, no rates", GreedyInterchip(cores))
        yield self.peer("GreedyInterchip", GreedyInterchip(cores, self.rates))
        yield from self.metis()
        yield from self.ours()

    def peer(self, name, allocator):
        """One of nengo-loihi's allocators."""
        from partition.built.allocator import chips_of_board, cores_of_board

        board, times = timed(allocator, self.model, self.problem.n_chips)
        chips = chips_of_board(board, self.model)
        cores = cores_of_board(board, self.model)
        return self.row(name, chips, times, cores)

    def metis(self):
        """METIS as nengo-loihi calls it, its other method, and the best of many tries."""
        from benchmarks.partition_peers import metis, metis_tries

        graph, n_chips = self.problem.graph, self.problem.n_chips
        try:
            import pymetis  # noqa: F401
        except ImportError:
            return
        for name, recursive in METIS.items():
            chips, times = timed(metis, graph, n_chips, recursive=recursive)
            yield self.row(name, chips.tolist(), times)
        tries, times = timed(lambda: list(metis_tries(graph, n_chips, self.problem.cores_per_chip)))
        best = min(tries, key=lambda chips: (not self.fits(chips), self.messages(chips)))
        name = f"{TRIES} {len(tries)}"
        yield self.row(name, best.tolist(), times)

    def ours(self):
        """Ours on the same blocks, and where the layers are known with blocks of its own."""
        from partition.chips.cut import assign_chips

        cores = self.problem.cores_per_chip
        found, times = timed(
            assign_chips, self.problem.graph, self.problem.n_chips, cores_per_chip=cores
        )
        yield self.placed(OURS, found, times)
        if self.problem.layers is not None and self.problem.n_blocks <= MOST_JOINT:
            yield self.joint()

    def joint(self):
        """Blocks and chips chosen together."""
        from benchmarks.partition_graphs import layer_graph
        from partition.joint.choose import choose_tiling_and_chips

        problem = self.problem
        found, times = timed(
            choose_tiling_and_chips, problem.layers, problem.n_chips, rates=problem.rates,
            cores_per_chip=problem.cores_per_chip,
        )  # fmt: skip
        graph = layer_graph(problem.layers, found.tiling.shapes, problem.rates)
        own = Bench(replace(problem, graph=graph), self.proof_s)
        return own.placed(JOINT, found.assignment, times)

    def placed(self, name, found, times):
        """A row of ours: what the search found, a bound that a proof sets it, and places."""
        from partition.chips.cut import prove
        from partition.places.placement import place_blocks

        problem = self.problem
        placement, (seconds, _) = timed(place_blocks, problem.graph, found.chip_of_block)
        notes = [f"places {seconds:.1f} s"]
        proof = found
        if not found.proved and self.proof_s:
            proof, (seconds, _) = timed(
                prove, problem.graph, found, cores_per_chip=problem.cores_per_chip,
                seconds=self.proof_s,
            )  # fmt: skip
            notes.append(f"proof {seconds:.0f} s")
        if proof.messages < found.messages * (1 - 1e-9):
            notes.append(f"the proof came upon {PER_SECOND * proof.messages:,.0f}")
        bound = min(proof.lower_bound, found.messages)
        return self.row(
            name, found.chip_of_block, times, placement=placement, note=", ".join(notes),
            lower_bound=PER_SECOND * bound, method=proof.method,
            gap=1 - bound / found.messages if found.messages else 0.0,
            proved=proof.proved and proof.messages >= found.messages * (1 - 1e-9),
        )  # fmt: skip

    def messages(self, chips):
        """Messages per second between chips, counted edge by edge."""
        from partition.core.checks import message_count

        return PER_SECOND * message_count(self.problem.graph, chips)

    def fits(self, chips):
        """Whether no chip has too many blocks."""
        return max(map(list(chips).count, set(chips))) <= self.problem.cores_per_chip

    def row(self, name, chips, times, cores=None, placement=None, **more):
        """Measure a placement."""
        from nengo_loihi.hardware.allocators import (
            ensemble_to_block_rates,
            estimate_interchip_activity,
        )

        from partition.built.allocator import FixedAllocator
        from partition.places.placement import place_in_order

        chips = [int(chip) for chip in chips]
        fullest = max(chips.count(chip) for chip in set(chips))
        if placement is None and fullest <= 128:
            placement = place_in_order(self.problem.graph, chips, cores)
        board = FixedAllocator(chips)(self.model, max(chips) + 1)
        rates = ensemble_to_block_rates(self.model, self.rates)
        return Row(
            name=name,
            messages=self.messages(chips),
            heaviest_link=PER_SECOND * placement.max_link_load if placement else float("nan"),
            mean_hops=placement.mean_hops if placement else float("nan"),
            n_chips=len(set(chips)),
            fullest=fullest,
            seconds=times[0],
            cpu_seconds=times[1],
            fits=self.fits(chips),
            estimated_axons=float(estimate_interchip_activity(board)["interchip"]),
            estimated_spikes=float(estimate_interchip_activity(board, rates)["interchip"]),
            **more,
        )


def timed(call, *arguments, **options):
    """What a call returns, and its seconds by the clock and of this process."""
    start = time.perf_counter(), time.process_time()
    found = call(*arguments, **options)
    return found, (time.perf_counter() - start[0], time.process_time() - start[1])


COLUMNS = (
    "", "messages/s", "heaviest link/s", "mean hops", "chips", "fullest", "s", "CPU s",
    "lower bound", "gap", "axons, estimated", "spikes/s, estimated", "",
)  # fmt: skip


def cells(row):
    """A row as text."""
    bound = gap = ""
    if row.lower_bound is not None:
        bound, gap = f"{row.lower_bound:,.0f}", "proved" if row.proved else f"{row.gap:.1%}"
    note = row.note if row.fits else f"exceeds a chip; {row.note}".rstrip("; ")
    return (
        row.name, f"{row.messages:,.0f}", f"{row.heaviest_link:,.0f}", f"{row.mean_hops:.2f}",
        str(row.n_chips), str(row.fullest), f"{row.seconds:.2f}", f"{row.cpu_seconds:.2f}",
        bound, gap, f"{row.estimated_axons:,.0f}", f"{row.estimated_spikes:,.0f}", note,
    )  # fmt: skip


def print_table(header, lines):
    """A Markdown table."""
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for line in lines:
        print("| " + " | ".join(line) + " |", flush=True)


def verdict(ours, others):
    """Ours against the best of others that fit: equal, less by so much, or MORE."""
    rivals = [row.messages for row in others if row.fits]
    if not rivals:
        return "" if others else "no pymetis"
    best = min(rivals)
    if abs(ours.messages - best) <= 1e-9 * max(best, 1.0):
        return "equal"
    share = ours.messages / best - 1
    return f"{share:+.1%}" if share < 0 else f"MORE {share:+.1%}"


def summary(problem, rows):
    """One line of the table that docs/results.md quotes."""
    by_name = {row.name: row for row in rows}
    ours, once = by_name[OURS], [row for row in rows if row.name in METIS]
    tried = [row for row in rows if row.name.startswith(TRIES)]
    return (
        problem.name, f"{problem.n_blocks:,}", f"{ours.n_chips}",
        *(f"{by_name[name].messages:,.0f}" for name in ("Greedy", "GreedyInterchip")),
        least(once), least(tried), f"{ours.messages:,.0f}", cells(ours)[9], f"{ours.seconds:.1f}",
        f"{ours.cpu_seconds:.1f}",
        least([by_name[JOINT]] if JOINT in by_name else []),
        verdict(ours, [by_name["GreedyInterchip"]]), verdict(ours, once), verdict(ours, tried),
    )  # fmt: skip


def least(rows):
    """Fewest messages of those that fit, as text."""
    fitting = [row.messages for row in rows if row.fits]
    return f"{min(fitting):,.0f}" if fitting else "none fits" if rows else ""


SUMMARY = (
    "messages/s between chips", "blocks", "chips", "Greedy", "GreedyInterchip", "METIS",
    "METIS, 40 tries", "ours", "gap", "s", "CPU s", JOINT,
    "to GreedyInterchip", "to METIS", "to 40 tries",
)  # fmt: skip

UNITS = """
messages/s: spikes times destination cores on other chips, per second of 1 ms steps. heaviest link:
between neighbours, chips in a line. mean hops: links between tiles per message within a chip, under
the assumptions of partition.places.mesh. fullest: blocks on the fullest chip. s: seconds for the
assignment by the clock; CPU s: of this process, all its threads. gap: what could at most be saved;
proved: nothing. estimated: nengo-loihi's estimate_interchip_activity without and with rates. METIS
in the last table: the better of both methods where it fits the chips; 40 tries: the best of ten
seeds, both methods and two balances.
"""


def machine():
    """What it ran on."""
    cores = len(os.sched_getaffinity(0))
    return f"{platform.machine()}, {cores} cores, Python {platform.python_version()}"


def main(arguments=None):
    """Measure and print Markdown tables; returns the exit code."""
    options = parse(arguments)
    warnings.simplefilter("ignore")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    made, lines, results = problems(options), [], []
    for name in options.rows:
        problem = made[name]()
        n_edges = problem.graph.number_of_edges()
        print(
            f"\n**{problem.name}**: {problem.n_blocks:,} blocks, {n_edges:,} edges on "
            f"{problem.n_chips} chips of {problem.cores_per_chip} cores; {problem.about}\n"
        )
        rows = []
        print_table(
            COLUMNS,
            (cells(rows.append(row) or row) for row in Bench(problem, options.proof).rows()),
        )
        lines.append(summary(problem, rows))
        results.append(
            {"row": name, "name": problem.name, "blocks": problem.n_blocks, "edges": n_edges,
             "chips": problem.n_chips, "cores_per_chip": problem.cores_per_chip,
             "results": [asdict(row) for row in rows]}
        )  # fmt: skip
    print()
    print_table(SUMMARY, lines)
    print(UNITS + machine())
    if options.json:
        write_json(options.json, {"machine": machine(), "problems": results})
    return int(any(text.startswith("MORE") for line in lines for text in line[-2:]))


def write_json(path, document):
    """Write results; nothing half-written stays."""
    path = Path(path)
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(document, indent=1), encoding="utf-8")
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main())
