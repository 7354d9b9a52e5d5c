"""What the commands share: options for data, and errors turned into lines and an exit code."""

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from loihiseg.commands.typed import as_typed
from loihiseg.errors import OptionError
from loihiseg.training import shipped
from partition.command_line import command
from partition.command_line.command import doing

if TYPE_CHECKING:
    from loihiseg.data.stack import Stack


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


def read_data(options: Any) -> "Stack":
    """The stack the options ask for: the synthetic one if no path is given."""
    if options.data is None:
        from loihiseg.data.synthetic import synthetic_stack

        return synthetic_stack()
    from loihiseg.data.labels import LabelOptions
    from loihiseg.data.readers import read_stack

    reading = LabelOptions(options.label_threshold, options.boundary_width, options.ignore_label)
    with doing(f"reading {options.data}"):
        return read_stack(options.data, options.labels, options.label_polarity, reading)


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
