"""What a segmentation is repeated from, and what its options mean together."""

from argparse import Namespace
from dataclasses import dataclass, fields
from typing import Any

from loihiseg.compilation.options import CompileOptions
from loihiseg.data.orientations import NumberOfOrientations
from loihiseg.errors import InputError
from loihiseg.option_fields import default_of
from loihiseg.running.options import RunOptions, SegmentOptions
from loihiseg.running.scheduler import require_dask, scheduler
from loihiseg.training import shipped

_OF_COMPILING = ("checkpoint", "chips", "tile", "calibration_tiles", "allow_host_tail")


@dataclass(frozen=True)
class SegmentConfig:
    """Everything a segmentation can be repeated from. Attributes are the command's options.

    Paths are kept as they were given. Of a kept network, what was decided when it was compiled is
    None.
    """

    input: str
    output: str
    deployed: str | None
    checkpoint: str | None
    chips: int | None
    tile: int | str | None
    calibration_tiles: int | None
    recalibrate: int | None
    on: str
    sections: str | None
    pixel_nm: tuple[float | None, float, float] | None
    orientations: NumberOfOrientations
    scheduler: str | None
    probability: str
    cells: bool
    link: bool
    flood: float | None = None
    allow_host_tail: bool | None = None

    @property
    def compile_options(self) -> CompileOptions:
        """Those that decide the deployed network.

        Raises
        ------
        OptionError
            Names the first that cannot be had.
        """
        chips = default_of(CompileOptions, "chips") if self.chips is None else self.chips
        return CompileOptions(
            chips=chips, tile=self.tile, allow_host_tail=bool(self.allow_host_tail)
        )

    @property
    def segment_options(self) -> SegmentOptions:
        """How the volume is segmented."""
        return SegmentOptions(self.on, self.orientations, self.probability)  # type: ignore[arg-type]


def configuration(options: Namespace) -> SegmentConfig:
    """Check what options mean together, and keep what a run can be repeated from.

    Raises
    ------
    InputError
        If they do not go together.
    """
    if options.link and not options.cells:
        raise InputError("--link: joins cells of neighbouring sections; give --cells too")
    if options.flood is not None:
        _check_flood(options)
    if options.scheduler is not None:
        scheduler(options.scheduler)
        require_dask()
    if options.deployed is not None:
        _check_kept(options)
    elif options.recalibrate is not None:
        raise InputError(
            "--recalibrate: is for a kept network; without --deployed the read-out is fitted on "
            "--calibration-tiles of the stack anyway"
        )
    names = [one.name for one in fields(SegmentConfig)]
    chosen: dict[str, Any] = {name: getattr(options, name) for name in names}
    if options.deployed is None:
        chosen["checkpoint"] = shipped.named(options.checkpoint, options.input)
        if options.calibration_tiles is None:
            chosen["calibration_tiles"] = default_of(RunOptions, "calibration_tiles")
    return SegmentConfig(**chosen)


def _check_flood(options: Namespace) -> None:
    if not options.cells:
        raise InputError("--flood: says how cells are told apart; give --cells too")
    if options.probability != "float32":
        raise InputError(
            "--flood: the steps of uint8 end at 5.5 logits, where minima are deeper; give "
            "--probability float32 too"
        )


def _check_kept(options: Namespace) -> None:
    given = [name for name in _OF_COMPILING if getattr(options, name) is not None]
    if given:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise InputError(
            f"{named}: a kept network has its own; leave out, or compile one without --deployed"
        )
    if options.recalibrate is not None and options.on == "float":
        raise InputError("--recalibrate: floats are not fitted; leave it out, or --on float")
