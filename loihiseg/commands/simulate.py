"""A trained network as a published method makes it spike.

In floats, without a chip; what a chip can run of a method is said with it.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loihiseg.commands.common import (
    add_data_options,
    add_force_option,
    add_network_option,
    check_free_run,
    list_runs,
    read_data,
)
from loihiseg.commands.config_file import expanded, read_config
from loihiseg.commands.parsing import command_parser, program_of
from loihiseg.data.sections import sections_text
from loihiseg.errors import InputError
from loihiseg.methods.method import Method, Need, described
from loihiseg.methods.registry import METHODS, Registry
from loihiseg.training import shipped
from partition.command_line.log import RunLog
from partition.command_line.options import Parser, seed
from partition.command_line.streams import standard_output
from partition.display.messages import handed_on, printable

if TYPE_CHECKING:
    from loihiseg.data.resampling import Plane
    from loihiseg.data.stack import Stack
    from loihiseg.progress import Reporter
    from loihiseg.results import SimulationResults

LOG_FILE = "simulate.log"

EXAMPLES = (
    "--method fast-snn --data ISBI2012 --checkpoint paper-isbi2012-levels3",
    "--method spicalib --help",
)


@dataclass(frozen=True)
class SimulationConfig:
    """Everything a simulation can be repeated from. Attributes are the command's options.

    Paths are kept as they were given. ``settings`` are the method's own options, as of
    `loihiseg.methods.method.Method.settings`; ``seed`` is None for that of the network.
    """

    method: str
    settings: Any
    checkpoint: str
    start: str | None = None
    data: str | None = None
    labels: str | None = None
    label_polarity: str = "auto"
    sections: str | None = None
    seed: int | None = None
    label_threshold: float | None = None
    boundary_width: int = 2
    ignore_label: float | None = None
    pixel_nm: tuple[float | None, float, float] | None = None


def parse(arguments: Sequence[str], methods: Registry = METHODS) -> argparse.Namespace:
    """Parse the command line, with the options of the method that it names."""
    # Methods may have options of the same name: only those of one are there at a time.
    first = Parser(prog=program_of("simulate"), add_help=False)
    first.add_argument("--method")
    first.add_argument("--config")
    found = first.parse_known_args(arguments)[0]
    chosen = found.method
    if chosen is None and found.config is not None:
        chosen = read_config(Path(found.config)).get("method")
    own = parser(methods, chosen if chosen in methods.names else None)
    return own.parse_args(expanded(own, arguments))


def parser(methods: Registry = METHODS, chosen: str | None = None) -> Parser:
    """The command line, with the options of a method if one is chosen."""
    parser = command_parser(
        "simulate",
        "Make a spiking network of a trained one by a published method, simulate it in floats on "
        "whole sections, and score it beside the network without spikes. No chip is needed, and "
        "none stands behind the numbers.",
        EXAMPLES,
    )
    parser.add_argument(
        "--method",
        choices=methods.names,
        required=True,
        help="which; --method NAME --help shows its own options",
    )
    add_network_option(parser)
    parser.add_argument(
        "--start",
        metavar="PATH",
        help="the network that it was trained from, to be scored beside it",
    )
    add_data_options(parser)
    parser.add_argument(
        "--sections",
        type=sections_text,
        metavar="A:B",
        help="sections to score (default: the test sections of the split)",
    )
    parser.add_argument(
        "--seed", type=seed, help="of everything random (default: that of the network's training)"
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out", metavar="FOLDER", help="run folder (default: the next free runs/simulate-N)"
    )
    add_force_option(output)
    output.add_argument("--json", action="store_true", help="print the results as JSON instead")
    output.add_argument("--quiet", action="store_true", help="say nothing but errors and results")
    for method in methods:
        if chosen in (None, method.name):
            group = parser.add_argument_group(f"method {method.name}", described(method))
            if chosen is not None:
                method.add_options(group)
    return parser


def configuration(options: argparse.Namespace, methods: Registry = METHODS) -> SimulationConfig:
    """Check what options mean together, and keep what a run can be repeated from.

    Raises
    ------
    InputError
        If they do not go together, or the network is none for the method.
    """
    method = methods.find(options.method)
    settings = method.settings(options)
    checkpoint = shipped.named(options.checkpoint, options.data)
    _check_levels(method, checkpoint, options.data)
    start = options.start and shipped.named(options.start, options.data)
    names = (
        "data", "labels", "label_polarity", "label_threshold", "boundary_width", "ignore_label",
        "pixel_nm", "sections", "seed",
    )  # fmt: skip
    common = {name: getattr(options, name) for name in names}
    return SimulationConfig(method.name, settings, checkpoint, start, **common)


def _check_levels(method: Method[Any], checkpoint: str, data: str | None) -> None:
    """Refuse a network without levels where the method needs them; no TensorFlow is needed."""
    if Need.LEVELS not in method.needs:
        return
    from loihiseg.compilation.source import is_quantized, read_network

    path = shipped.resolve(checkpoint, data)
    if not is_quantized(path):
        read_network(path)
        raise InputError(
            f"--checkpoint {checkpoint}: has no levels, which {method.name} needs; give a network "
            "that was trained with --levels"
        )


def simulate(
    config: SimulationConfig,
    read: Callable[[], "Stack"],
    reporter: "Reporter",
    methods: Registry = METHODS,
) -> "SimulationResults":
    """Run a method.

    Parameters
    ----------
    config : SimulationConfig
    read : callable
        Returns the labelled stack.
    reporter : Reporter
    methods : Registry
        Where the method is found.

    Returns
    -------
    SimulationResults

    Raises
    ------
    InputError
        If data, network and method do not go together.
    """
    from loihiseg.methods.task import load_task

    method = methods.find(config.method)
    with reporter.part("load") as note:
        stack = read()
        task = load_task(
            stack,
            shipped.resolve(config.checkpoint, config.data),
            config.start and shipped.resolve(config.start, config.data),
            config.sections,
            config.seed,
        )
        numbers = ", ".join(map(str, task.test.section_numbers))
        note.detail = f"sections {numbers} of {handed_on(stack.source)}; {stack.polarity}"
    return method.run(task, config.settings, reporter)


def main(arguments: Sequence[str], methods: Registry = METHODS) -> None:
    """Run the command."""
    options = parse(arguments, methods)
    config = configuration(options, methods)
    log_path = Path(options.out) / LOG_FILE if options.out else None
    with RunLog("loihiseg", log_path) as log:
        _simulate(options, config, methods, log)


def _simulate(
    options: argparse.Namespace, config: SimulationConfig, methods: Registry, log: RunLog
) -> None:
    from loihiseg.locks import run_folder
    from loihiseg.progress import Reporter

    reporter = Reporter(options.quiet or options.json)
    # Before anything slow: a run whose results cannot be kept is not begun.
    check_free_run(options.out, options.force)
    with run_folder(options.out, "simulate", reporter.say) as folder:
        results = simulate(config, lambda: read_data(config, _pixel_nm(config)), reporter, methods)
        kept = folder()
        _write(kept, config, results)
        log.open(kept / LOG_FILE)
        list_runs(kept, reporter.say)
    with standard_output():
        if options.json:
            from loihiseg.results import plain

            print(json.dumps(plain(results)))
        else:
            print_results(results, methods.find(config.method), kept)


def _pixel_nm(config: SimulationConfig) -> "Plane | None":
    """Size of a pixel that the network was trained on, where that is known."""
    from loihiseg.compilation.source import read_network, trained_on

    known = trained_on(read_network(shipped.resolve(config.checkpoint, config.data)))
    return None if known is None else known.pixel_nm


def _write(folder: Path, config: SimulationConfig, results: "SimulationResults") -> None:
    """``config.json`` and ``metrics.json``, both or none."""
    from loihiseg.files import all_or_none
    from loihiseg.report.run_folder import RESULTS_FILE, write_run

    with all_or_none(folder, last=RESULTS_FILE) as staging:
        write_run(staging, config, results)


def print_results(results: "SimulationResults", method: Method[Any], folder: Path) -> None:
    """Print the tables, and where the results are."""
    from loihiseg.report import simulation, tables
    from partition.display.terminal import Console

    console = Console(soft_wrap=False, width=max(Console().width, 124))
    for table in (
        simulation.scores_table(results, method.on_chip.says),
        simulation.work_table(results),
        simulation.tuning_table(results),
        simulation.quantiles_table(results),
    ):
        if table is not None:
            tables.print_table(table, console)
    console.print(f"results: {printable(folder)}", soft_wrap=True)
