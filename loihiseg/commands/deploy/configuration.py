"""What a deployment is repeated from, and what its options mean together."""

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from loihiseg.codes import registry
from loihiseg.codes.code import NeuralCode, Trained
from loihiseg.codes.options import Values
from loihiseg.compilation.options import CODE_FIELDS, CompileOptions
from loihiseg.errors import InputError
from loihiseg.option_fields import default_of
from loihiseg.running.options import RunOptions, check_held, check_target
from loihiseg.training import shipped

if TYPE_CHECKING:
    from loihiseg.pipeline import Deployment


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
    label_threshold: float | None = None
    boundary_width: int = 2
    orientations: int = 1
    ignore_label: float | None = None
    pixel_nm: tuple[float | None, float, float] | None = None
    levels: int | tuple[int, ...] | str | None = None
    most_steps: int | None = None
    normalization: str | None = "percentile"
    quantile: float | None = None
    corrections: bool | None = False
    allow_host_tail: bool | None = False
    code_options: Mapping[str, Any] = field(default_factory=dict)
    topology: bool = False
    task: str | None = None
    output: str | None = None

    def decided(self, compiling: CompileOptions) -> Self:
        """The same with the code that it came to, and its options."""
        of_code = {name: getattr(compiling, name) for name in CODE_FIELDS}
        options = dict(compiling.code_options)
        return replace(self, code=compiling.code, code_options=options, **of_code)

    @classmethod
    def usual(cls, name: str) -> Any:
        """The value that an option has unless another is given."""
        return next(one.default for one in fields(cls) if one.name == name)

    @classmethod
    def of(cls, asked: Namespace, result: "Deployment") -> "DeployConfig":
        """What a deployment from Python can be repeated from.

        Parameters
        ----------
        asked : Namespace
            Has the options of the data and ``checkpoint``, as the command's.
        result : Deployment
            Of a network that was compiled.
        """
        if result.compiling is None:
            raise ValueError("of a kept network the folder is to be named")
        names = (
            "data", "labels", "label_polarity", "label_threshold", "boundary_width", "ignore_label",
            "pixel_nm",
        )  # fmt: skip
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


_CODES = (*CODE_FIELDS, "code_options")

COMPILING = {"checkpoint": None} | {
    one.name: one.default for one in fields(CompileOptions) if one.name not in _CODES
}
"""Options that decide the deployed network beside those of codes, and what is usual."""


def configuration(options: Namespace) -> DeployConfig:
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


def _of_kept(options: Namespace) -> dict[str, Any]:
    """Fields of the configuration of a run of a kept network: it decides all about itself."""
    names = (*COMPILING, *registry.option_names(), "save")
    given = [name for name in names if getattr(options, name) is not None]
    if given:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise InputError(
            f"{named}: a kept network has its own; leave out, or compile one without --deployed"
        )
    return _known(options)


def _of_compiled(options: Namespace) -> dict[str, Any]:
    """Fields of the configuration of a run that compiles: with what is usual with the code."""
    for name, value in COMPILING.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    checkpoint = shipped.named(options.checkpoint, options.data)
    looked_at = options.early_exit is not None
    given = {name: getattr(options, name) for name in registry.option_names()}
    codes = _codes(options, shipped.resolve(checkpoint, options.data), given, looked_at)
    if len(codes) == 1:
        code, of_code = codes[0].name, registry.completed(codes[0], given, looked_at)
    else:
        # The network decides which code it is: only what is given is known of its options.
        code, of_code = None, {name: one for name, one in given.items() if one is not None}
    chosen = _known(options) | {"checkpoint": checkpoint, "code": code}
    chosen |= {name: of_code.pop(name, None) for name in CODE_FIELDS}
    return chosen | {"code_options": of_code}


def _known(options: Namespace) -> dict[str, Any]:
    """Options that the configuration has."""
    names = [one.name for one in fields(DeployConfig)]
    return {name: value for name, value in vars(options).items() if name in names}


def _codes(
    options: Namespace, checkpoint: str | Path, given: Values, looked_at: bool
) -> tuple[type[NeuralCode], ...]:
    """The neural code that is asked for, or those that a network was trained or is made for."""
    if options.code is not None:
        return (registry.find(options.code),)
    from loihiseg.compilation.source import is_over_time, is_quantized

    has_levels = options.levels is not None or is_quantized(checkpoint)
    trained = Trained(has_levels=has_levels, over_time=is_over_time(checkpoint))
    return registry.suiting(trained, given, looked_at)
