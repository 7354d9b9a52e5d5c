"""``python -m loihiseg.deploy``: a trained network and sections in, a scored spiking report out."""

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from loihiseg.cli import add_data_options, read_data, run
from loihiseg.compilation.options import RATE_DEFAULTS, CompileOptions
from loihiseg.data.sections import sections_text
from loihiseg.errors import InputError
from loihiseg.installed import require_frameworks
from loihiseg.option_fields import argument_type, default_of
from loihiseg.running.options import RunOptions, check_held, check_target
from loihiseg.training import shipped
from partition.command_line.command import doing
from partition.command_line.log import RunLog
from partition.command_line.options import Parser, either, real, whole
from partition.command_line.streams import standard_output
from partition.display.messages import printable

if TYPE_CHECKING:
    from loihiseg.compilation.deployed import DeployedNetwork
    from loihiseg.compilation.source import Source
    from loihiseg.pipeline import Deployment
    from loihiseg.progress import Reporter
    from loihiseg.results import Results

LOG_FILE = "deploy.log"


@dataclass(frozen=True)
class DeployConfig:
    """Everything a deployment can be repeated from. Attributes are the command's options.

    Paths are kept as they were given: one that begins at the root says where things lie on this
    machine, so give relative ones if the run folder is to be handed on. Nothing else in it holds
    such a path. A network that comes with the package is kept by its name.

    ``tiles`` is None for whole sections, ``tile`` for the network's own. ``steps`` is None for as
    many as a network of levels needs, which has no ``window`` nor ``synapse_ms``. Of a network that
    was kept, all that decides it is None but ``deployed``, its folder.
    """

    data: str | None
    labels: str | None
    label_polarity: str
    checkpoint: str | None
    sections: str | None
    chips: int | None
    tiles: int | None
    calibration_tiles: int
    steps: int | None
    window: float | None
    synapse_ms: float | None
    rate_scale_hz: float | None
    target: str
    emulator: str
    check: int
    proof_seconds: float | None
    seed: int | None
    code: str | None = "rate"
    tile: int | str | None = None
    early_exit: float | None = None
    input: str | None = "held"
    deployed: str | None = None

    @classmethod
    def of(cls, asked: Namespace, result: "Deployment") -> "DeployConfig":
        """What a deployment from Python can be repeated from.

        Parameters
        ----------
        asked : Namespace
            Has ``data``, ``labels``, ``label_polarity`` and ``checkpoint``, as the command's.
        result : Deployment
            Of a network that was compiled.
        """
        if result.compiling is None:
            raise ValueError("of a kept network the folder is to be named")
        names = ("data", "labels", "label_polarity")
        given = {name: getattr(asked, name) for name in names}
        given["checkpoint"] = shipped.named(asked.checkpoint, asked.data)
        return cls(**given, **asdict(result.compiling), **asdict(result.running))

    @property
    def compile_options(self) -> CompileOptions:
        """Those that decide the deployed network; the usual ones of a kept one, which has its own.

        Raises
        ------
        OptionError
            Names the first that cannot be had.
        """
        if self.deployed is not None:
            return CompileOptions()
        return CompileOptions(
            **{one.name: getattr(self, one.name) for one in fields(CompileOptions)}
        )

    @property
    def run_options(self) -> RunOptions:
        """Those that say what it is run on.

        Raises
        ------
        OptionError
            Names the first that cannot be had.
        """
        return RunOptions(**{one.name: getattr(self, one.name) for one in fields(RunOptions)})


def parse(arguments):
    """Parse the command line."""
    parser = Parser(
        prog="python -m loihiseg.deploy",
        description="Deploy a trained network to Loihi: convert, quantize to 8 bits, place on "
        "chips, run on the nengo-loihi emulator (or a chip), score, report.",
    )
    parser.add_argument(
        "--chips",
        type=argument_type(CompileOptions, "chips"),
        help=f"Loihi chips there are (default: {default_of(CompileOptions, 'chips')})",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="PATH",
        help="folder written by loihiseg.train, a Keras model as .h5 or .keras, or one of the "
        f"networks that come along: {', '.join(shipped.names())} (default: "
        f"{shipped.FOR_SECTIONS}, without --data {shipped.FOR_SYNTHETIC})",
    )
    parser.add_argument(
        "--deployed",
        metavar="FOLDER",
        help="run a network that --save has kept, instead of compiling one",
    )
    add_data_options(parser)
    parser.add_argument(
        "--sections",
        type=sections_text,
        metavar="A:B",
        help="sections to deploy on (default: the test sections of the split)",
    )
    parser.add_argument(
        "--code",
        choices=("rate", "thermometer"),
        help="how neurons stand for activations: by firing rate, or one for each level of a "
        "quantized activation (default: as the network was trained)",
    )
    parser.add_argument(
        "--tile",
        type=argument_type(CompileOptions, "tile"),
        metavar="PIXELS|auto",
        help="deploy a checkpoint on tiles of this size, or the largest that fits (default: the "
        "network's own)",
    )
    running = parser.add_argument_group("running")
    running.add_argument(
        "--tiles",
        type=either("all", whole(1, 10**6)),
        metavar="N|all",
        help="tiles to emulate, spread evenly over the sections without overlap, or as many as "
        "there is room for (default: whole sections from overlapping tiles; 4 with --emulator "
        "nengo-loihi)",
    )
    running.add_argument(
        "--calibration-tiles",
        type=argument_type(RunOptions, "calibration_tiles"),
        metavar="N",
        help="tiles of the validation sections to calibrate the read-out on, or as many as there "
        f"is room for without overlap (default: {default_of(RunOptions, 'calibration_tiles')}; 2 "
        "with --emulator nengo-loihi)",
    )
    running.add_argument(
        "--steps",
        type=whole(1, 10**4),
        help="steps per tile, 1 ms each (default: 200 for rates; for levels one per layer on the "
        "longest way)",
    )
    running.add_argument(
        "--window",
        type=real(0, 1, above=True),
        help="last part of the steps in which rates are read out, as a share (default: 0.4)",
    )
    running.add_argument(
        "--synapse-ms",
        type=real(0, 1000),
        help="time constant of the synapses, ms, for rates (default: 1.5)",
    )
    running.add_argument(
        "--input",
        choices=("held", "timed", "clocked"),
        help="hold the image at the input, or (thermometer code) send it only in the steps from "
        "which it reaches the output in time, or also let layers fire only in the steps in which "
        "they are heard in time: fewer spikes, the same output (default: held for rates and with "
        "--early-exit, else clocked)",
    )
    running.add_argument(
        "--early-exit",
        type=argument_type(RunOptions, "early_exit"),
        metavar="SHARE",
        help="also stop each tile once its map has stopped changing, by a rule for which at most "
        "this share of the calibration tiles' pixels differs from the map at the end",
    )
    running.add_argument(
        "--rate-scale-hz",
        type=argument_type(CompileOptions, "rate_scale_hz"),
        help="firing rate of an activation of 1, for Keras models that do not say (default: "
        f"{default_of(CompileOptions, 'rate_scale_hz'):g})",
    )
    running.add_argument(
        "--target",
        choices=("sim", "loihi"),
        default=default_of(RunOptions, "target"),
        help="emulator or real chip",
    )
    running.add_argument(
        "--emulator",
        choices=("compiled", "nengo-loihi"),
        default=default_of(RunOptions, "emulator"),
        help="compiled emulator, or nengo-loihi's own; both give the same spikes",
    )
    running.add_argument(
        "--check",
        type=argument_type(RunOptions, "check"),
        default=default_of(RunOptions, "check"),
        metavar="N",
        help="run N steps of both emulators first and compare every integer of their state",
    )
    running.add_argument(
        "--proof-seconds",
        type=argument_type(CompileOptions, "proof_seconds"),
        metavar="S",
        help="time to prove that no placement has fewer messages between chips; 0 for none "
        f"(default: {default_of(CompileOptions, 'proof_seconds'):g})",
    )
    running.add_argument(
        "--seed",
        type=argument_type(CompileOptions, "seed"),
        help=f"of the network and the emulator (default: {default_of(CompileOptions, 'seed')})",
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out", metavar="FOLDER", help="run folder (default: the next free runs/deploy-N)"
    )
    output.add_argument(
        "--save",
        metavar="FOLDER",
        help="keep the deployed network, to be run again with --deployed on any data",
    )
    output.add_argument(
        "--golden",
        metavar="FILE",
        help="write all integers that decide the network's spikes, for docs/golden.py (.npz)",
    )
    output.add_argument("--json", action="store_true", help="print the metrics as JSON instead")
    output.add_argument("--quiet", action="store_true", help="say nothing but errors and results")
    return parser.parse_args(arguments)


def _code(options, checkpoint):
    """The neural code that is asked for, or the one that a network was trained for."""
    if options.code:
        return options.code
    from loihiseg.compilation.source import is_quantized

    return "thermometer" if is_quantized(checkpoint) else "rate"


def _times(options, code):
    """Steps, window and synapses, checked."""
    given = {name: getattr(options, name) for name in RATE_DEFAULTS}
    if code == "rate":
        if options.input not in (None, "held"):
            raise InputError(
                f"--input {options.input} is of the thermometer code; rates need held input"
            )
        return {name: RATE_DEFAULTS[name] if v is None else v for name, v in given.items()}
    for name in ("window", "synapse_ms"):
        if given[name] is not None:
            raise InputError(
                f"--{name.replace('_', '-')} is of the rate code; the thermometer code reads the "
                "last step and has no synaptic filter: leave it out"
            )
    return given


COMPILING = {"checkpoint": None} | {one.name: one.default for one in fields(CompileOptions)}
"""Options that decide the deployed network, and their values where they are not given."""


def configuration(options) -> DeployConfig:
    """Check what options mean together, and keep what a run can be repeated from."""
    check_target(options.target)
    chosen = _of_kept(options) if options.deployed else _of_compiled(options)
    slow = options.emulator == "nengo-loihi"
    if options.tiles is None:
        chosen["tiles"] = 4 if slow else None
    elif options.tiles == "all":
        chosen["tiles"] = None
    if options.calibration_tiles is None:
        usual = default_of(RunOptions, "calibration_tiles")
        chosen["calibration_tiles"] = 2 if slow else usual
    config = DeployConfig(**chosen)
    # Both check themselves.
    compiling, running = config.compile_options, config.run_options
    if running.early_exit is not None:
        check_held(compiling.input)
    return config


def _of_kept(options):
    """Fields of the configuration of a run of a kept network: it decides all about itself."""
    given = [name for name in (*COMPILING, "save") if getattr(options, name) is not None]
    if given:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise InputError(
            f"{named}: a kept network has its own; leave out, or compile one without --deployed"
        )
    names = DeployConfig.__dataclass_fields__
    return {k: v for k, v in vars(options).items() if k in names}


def _of_compiled(options):
    for name, value in COMPILING.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    checkpoint = shipped.named(options.checkpoint, options.data)
    code = _code(options, shipped.resolve(checkpoint, options.data))
    times = _times(options, code)
    names = DeployConfig.__dataclass_fields__
    chosen = {k: v for k, v in vars(options).items() if k in names}
    chosen |= times | {"checkpoint": checkpoint, "code": code}
    if options.input is None:
        whole = code == "rate" or options.early_exit is not None
        chosen["input"] = "held" if whole else "clocked"
    return chosen


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(arguments)
    if options.deployed is None:
        require_frameworks()
    config = configuration(options)

    log_path = Path(options.out) / LOG_FILE if options.out else None
    with RunLog("loihiseg", log_path) as log:
        _deploy(options, config, log)


def _deploy(options: Namespace, config: DeployConfig, log: RunLog) -> None:
    from loihiseg.compilation.artifact import check_free
    from loihiseg.locks import run_folder
    from loihiseg.progress import Reporter

    reporter = Reporter(options.quiet or options.json)
    # Before anything slow: a run whose report cannot be kept is not begun.
    with run_folder(options.out, "deploy", reporter.say) as folder:
        if options.save:
            check_free(options.save)
        result = deployment(config, reporter)
        _keep(options, result.deployed, reporter)
        with reporter.stage("report") as note:
            kept = folder()
            page = write_report(kept, config, result)
            note.detail = page.name
        log.open(kept / LOG_FILE)
    with standard_output():
        if options.json:
            from loihiseg.results import plain

            print(json.dumps(plain(result.results)))
        else:
            print_report(result.results, page)


def _keep(options: Namespace, deployed: "DeployedNetwork", reporter: "Reporter") -> None:
    """Keep the network, as a folder to run and as integers to check, where that is asked for."""
    if options.save:
        from loihiseg.compilation.artifact import save_deployed

        with reporter.stage("save") as note:
            note.detail = str(save_deployed(options.save, deployed))
    if options.golden:
        from loihiseg.emulator.golden import export_golden

        code = deployed.code
        with reporter.stage("golden") as note:
            export_golden(
                options.golden,
                deployed.deployable,
                deployed.neurons,
                code.n_steps,
                code.n_window_steps,
            )
            note.detail = str(options.golden)


def deployment(config: DeployConfig, reporter: "Reporter") -> "Deployment":
    """Deploy what a configuration asks for."""
    from loihiseg.pipeline import deploy

    return deploy(
        lambda: load_network(config),
        lambda: read_data(config),
        config.compile_options,
        config.run_options,
        reporter,
    )


def load_network(config: DeployConfig) -> "Source | DeployedNetwork":
    """The network that is asked for: a kept one, or a trained one that is to be compiled."""
    if config.deployed is not None:
        from loihiseg.compilation.artifact import load_deployed

        return load_deployed(config.deployed)
    from loihiseg.compilation.source import read_network

    with doing(f"reading {config.checkpoint}"):
        return read_network(shipped.resolve(config.checkpoint, config.data))


def print_report(results: "Results", page: Path) -> None:
    """Print the tables of a report, and where its page is."""
    from loihiseg.report import tables
    from partition.display.terminal import Console

    console = Console(soft_wrap=False, width=max(Console().width, 124))
    for table in (
        tables.layers_table,
        tables.mapping_table,
        tables.allocators_table,
        tables.energy_table,
        tables.exit_table,
        tables.scores_table,
    ):
        made = table(results)
        if made is not None:
            tables.print_table(made, console)
    console.print(f"report: {printable(page)}", soft_wrap=True)


def write_report(folder: Path, config: DeployConfig, result: "Deployment") -> Path:
    """Write the run folder and return the path of its page.

    All its files appear together, the page last; what cannot be drawn or written leaves an older
    report as it was.
    """
    from loihiseg.files import all_or_none
    from loihiseg.report.page import PAGE_FILE

    with all_or_none(folder, last=PAGE_FILE) as staging:
        _write_files(staging, config, result)
    return Path(folder) / PAGE_FILE


def _write_files(folder: Path, config: DeployConfig, result: "Deployment") -> None:
    from loihiseg.files import write_bytes
    from loihiseg.report import page, pictures, run_folder, tables
    from partition.built.graph_file import GRAPH_MEMBER, graph_text
    from partition.places.floorplan import draw_floor_plan

    results = result.results
    pictures.draw_answers(result, folder / "sections.png")
    pictures.draw_rates(result.rates, folder / "rates.png", results.code.has_levels)
    mapping = result.mapping
    draw_floor_plan(mapping.graph, mapping.before_and_after, folder / "floor_plan.png")
    write_bytes(folder / GRAPH_MEMBER, graph_text(mapping.graph).encode())
    run_folder.write_run(folder, config, results)
    n_chips = results.mapping.n_chips_used
    page.write_page(
        folder,
        f"Deployment on {n_chips} chip" + "s" * (n_chips > 1),
        [
            tables.scores_table(results),
            tables.layers_table(results),
            tables.precision_table(results.quantization, results.code.has_levels),
            tables.mapping_table(results),
            tables.allocators_table(results),
            tables.energy_table(results),
            *([tables.exit_table(results)] if results.early_exit else []),
        ],
        {"rates.png": "Firing rates", "sections.png": "Sections"},
    )


if __name__ == "__main__":
    sys.exit(run(main))
