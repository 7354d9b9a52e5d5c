"""``python -m loihiseg.deploy``: a trained network and sections in, a scored spiking report out."""

import json
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loihiseg.cli import add_data_options, read_data, run
from loihiseg.codes import registry
from loihiseg.codes.code import NeuralCode, Trained
from loihiseg.compilation.options import CODE_FIELDS, CompileOptions
from loihiseg.data.sections import sections_text
from loihiseg.errors import InputError
from loihiseg.installed import require_frameworks
from loihiseg.option_fields import argument_type, default_of
from loihiseg.running.options import RunOptions, check_held, check_target
from loihiseg.training import shipped
from partition.command_line.command import doing
from partition.command_line.log import RunLog
from partition.command_line.options import Parser, either, whole
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

    ``tiles`` is None for whole sections, ``tile`` for the network's own. Options of neural codes
    are None where the code has none such, or finds their value by the network; those without a
    field of their own are in ``code_options``. Of a network that was kept, all that decides it is
    None but ``deployed``, its folder.
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
    code_options: Mapping[str, Any] = field(default_factory=dict)

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

    @property
    def of_code(self) -> dict[str, Any]:
        """Options of the code, by name."""
        return self.compile_options.of_code


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
        "--tile",
        type=argument_type(CompileOptions, "tile"),
        metavar="PIXELS|auto",
        help="deploy a checkpoint on tiles of this size, or the largest that fits (default: the "
        "network's own)",
    )
    registry.add_options(parser)
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


_CODES = (*CODE_FIELDS, "code_options")

COMPILING = {"checkpoint": None} | {
    one.name: one.default for one in fields(CompileOptions) if one.name not in _CODES
}
"""Options that decide the deployed network beside those of codes, and what is usual."""


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
    names = (*COMPILING, *registry.option_names(), "save")
    given = [name for name in names if getattr(options, name) is not None]
    if given:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise InputError(
            f"{named}: a kept network has its own; leave out, or compile one without --deployed"
        )
    names = DeployConfig.__dataclass_fields__
    return {k: v for k, v in vars(options).items() if k in names}


def _of_compiled(options):
    """Fields of the configuration of a run that compiles: with what is usual with the code."""
    for name, value in COMPILING.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    checkpoint = shipped.named(options.checkpoint, options.data)
    code = _code(options.code, shipped.resolve(checkpoint, options.data))
    given = {name: getattr(options, name) for name in registry.option_names()}
    of_code = registry.completed(code, given, looked_at=options.early_exit is not None)
    names = DeployConfig.__dataclass_fields__
    chosen = {k: v for k, v in vars(options).items() if k in names}
    chosen |= {name: of_code.pop(name, None) for name in CODE_FIELDS}
    return chosen | {"checkpoint": checkpoint, "code": code.name, "code_options": of_code}


def _code(name, checkpoint) -> type[NeuralCode]:
    """The neural code that is asked for, or the one that a network was trained for."""
    if name is not None:
        return registry.find(name)
    from loihiseg.compilation.source import is_quantized

    return registry.suiting(Trained(has_levels=is_quantized(checkpoint)))


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
