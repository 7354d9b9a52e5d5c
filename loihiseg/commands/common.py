"""What the commands share: options for data, and errors turned into lines and an exit code."""

import argparse
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loihiseg.commands.typed import as_typed
from loihiseg.errors import InputError, OptionError
from loihiseg.training import shipped
from partition.command_line import command
from partition.command_line.command import doing
from partition.display.messages import one_line

if TYPE_CHECKING:
    from loihiseg.data.stack import Stack


MOST_NM = 1e6
"""Largest size of a pixel that may be given, a millimetre."""


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Options that say which stack to read."""
    group = parser.add_argument_group("data")
    group.add_argument(
        "--data",
        metavar="PATH",
        help="stack: folder with train-volume.tif and train-labels.tif, TIFF file, folder of "
        "sections, or Zarr; synthetic sections if not given",
    )
    group.add_argument("--labels", metavar="PATH", help="labels, where --data does not hold them")
    group.add_argument(
        "--label-polarity",
        choices=("auto", "cell-bright", "membrane-bright"),
        default="auto",
        help="which of the two label values is membrane",
    )
    group.add_argument(
        "--label-threshold",
        type=float,
        metavar="VALUE",
        help="labels above it are one value, others the other: for masks with soft edges",
    )
    group.add_argument(
        "--boundary-width",
        type=int,
        default=2,
        metavar="PIXELS",
        help="width of the membrane drawn between labels that are ids of cells, an even number",
    )
    group.add_argument(
        "--ignore-label",
        type=label_value,
        metavar="VALUE",
        help="labels of this value, which may be nan, say nothing: such pixels count in no loss, "
        "calibration or score",
    )
    group.add_argument(
        "--pixel-nm",
        type=pixel_sizes,
        metavar="NM|Z,Y,X",
        help="size of a pixel in place of what the file says: one number for rows and columns, or "
        "three; where it is not that of the network, the data are resampled",
    )


def pixel_sizes(text: str) -> tuple[float | None, float, float]:
    """A type for argparse: nanometres between sections, rows and columns, as 4 or 50,4,4."""
    try:
        found = [float(part) for part in text.split(",")]
        if len(found) not in (1, 3) or not all(0 < size <= MOST_NM for size in found):
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{one_line(text, 40)!r}: expected nanometres, as 4 or as 50,4,4 for sections, rows "
            f"and columns, each above 0 and at most {MOST_NM:g}"
        ) from None
    return (None, found[0], found[0]) if len(found) == 1 else (found[0], found[1], found[2])


def _typed_sizes(sizes: Sequence[float | None]) -> str:
    """Sizes of `pixel_sizes` as they are typed."""
    known = [f"{size!r}" for size in sizes if size is not None]
    if len(sizes) == 3 and len(known) == 2 and known[0] == known[1]:
        return known[0]
    return ",".join(known)


pixel_sizes.limits = "numbers above 0"  # type: ignore[attr-defined]
pixel_sizes.typed = _typed_sizes  # type: ignore[attr-defined]


def label_value(text: str) -> int | float:
    """A type for argparse: a whole number as such, since ids of 64 bits do not fit a float."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def add_network_option(parser: argparse._ActionsContainer) -> None:
    """The option that says which trained network."""
    parser.add_argument(
        "--checkpoint",
        metavar="PATH",
        help="folder written by loihiseg.train, a Keras model as .h5 or .keras, or one of the "
        f"networks that come along: {', '.join(shipped.names())} (default: "
        f"{shipped.FOR_SECTIONS}, without --data {shipped.FOR_SYNTHETIC})",
    )


def add_host_tail_option(parser: argparse._ActionsContainer) -> None:
    """The option that lets hidden layers run on the host."""
    parser.add_argument(
        "--allow-host-tail",
        action="store_const",
        const=True,
        help="run hidden layers behind the last neurons of the chip on the host; they are listed "
        "with their work, and without it refused",
    )


HELD = ("metrics.json", "checkpoint.json")
"""By which one sees that a folder holds what a run came to."""

RUNS = "runs"
"""Where runs go that are given no folder; a list of all is kept there."""


def add_force_option(parser: argparse._ActionsContainer) -> None:
    """The option that lets a run take the place of another."""
    parser.add_argument(
        "--force", action="store_true", help="write over the run that --out holds already"
    )


def check_free_run(out: str | None, force: bool) -> None:
    """Refuse a folder that holds the results of a run already.

    Raises
    ------
    InputError
        Names the folder.
    """
    if out is None or force:
        return
    held = [name for name in HELD if (Path(out) / name).is_file()]
    if held:
        raise InputError(
            f"{out}: holds a run already ({held[0]}); choose another --out, or give --force"
        )


def list_runs(folder: Path, say: Callable[[str], None]) -> None:
    """Keep the list of runs up to date, where a run was given no folder of its own.

    Parameters
    ----------
    folder : Path
        Of the run.
    say : callable
        Told in one line if the list cannot be written; the run is kept all the same.
    """
    if folder.parent.name != RUNS:
        return
    from loihiseg.report.comparison.index import write_index

    try:
        write_index(folder.parent)
    except (InputError, OSError) as error:
        say(f"the list of runs could not be written ({error})")


def add_output_option(parser: argparse._ActionsContainer) -> None:
    """The option that chooses one of several outputs of a Keras model."""
    parser.add_argument(
        "--output", metavar="NAME", help="of a model with several outputs, the one to be computed"
    )


def read_data(options: Any, network_nm: tuple[float, float] | None = None) -> "Stack":
    """The stack the options ask for: the synthetic one if no path is given.

    network_nm : of rows and columns, where the network that it is for knows; it is resampled where
        its own size is another.
    """
    if options.data is None:
        from loihiseg.data.synthetic import synthetic_stack

        return synthetic_stack()
    from loihiseg.data.labels import LabelOptions
    from loihiseg.data.readers import read_stack
    from loihiseg.data.resampling import PixelSizes

    reading = LabelOptions(options.label_threshold, options.boundary_width, options.ignore_label)
    with doing(f"reading {options.data}"):
        sizes = PixelSizes(options.pixel_nm, network_nm)
        return read_stack(options.data, options.labels, options.label_polarity, reading, sizes)


def run(main: Callable[[Sequence[str]], object], arguments: Sequence[str] | None = None) -> int:
    """Call a command's main function and turn errors into lines and an exit code.

    Parameters
    ----------
    main : callable
        Takes the list of arguments.
    arguments : list of str, optional
        Those of the process by default.

    Returns
    -------
    int
        0 done, 1 something that was not foreseen, 2 input that cannot be used, 4 does not fit, 130
        interrupted; others in `partition.command_line.command`.
    """

    def worded(arguments: Sequence[str]) -> None:
        try:
            main(arguments)
        except OptionError as error:
            raise error.worded(as_typed) from None

    return command.run(worded, arguments, logger="loihiseg")


def log_versions() -> None:
    """Have the log of a run begin with what it is made with."""
    from loihiseg.provenance import versions

    found = ", ".join(f"{name} {version}" for name, version in versions().items())
    logging.getLogger("loihiseg.commands").info("begun with %s", found)
