"""Synthetic sections as a folder, to try everything on that wants ``--data``."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loihiseg.commands.parsing import command_parser
from partition.command_line.options import Parser, seed, whole
from partition.command_line.streams import standard_output
from partition.display.messages import printable

if TYPE_CHECKING:
    from loihiseg.data.stack import Stack

IMAGES, LABELS = "train-volume.tif", "train-labels.tif"
"""As the ISBI 2012 challenge names them."""

PIXEL_NM = (50.0, 4.0, 4.0)
"""Between sections, rows and columns: what the synthetic tissue is made for."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(arguments)

    from loihiseg.data.synthetic import synthetic_stack
    from loihiseg.data.writers.base import refuse_existing
    from loihiseg.progress import Reporter

    folder = Path(options.folder)
    for name in (IMAGES, LABELS):
        refuse_existing(folder / name)
    with Reporter(options.quiet).part("make") as note:
        stack = synthetic_stack(options.sections, (options.size, options.size), options.seed)
        note.detail = f"{options.sections} sections of {options.size} x {options.size} pixels"
    write_labelled(folder, stack)
    with standard_output():
        print(f"sections and labels: {printable(folder)}")


def parse(arguments: Sequence[str]) -> Namespace:
    """Parse the command line."""
    return parser().parse_args(arguments)


def parser() -> Parser:
    """The command line."""
    found = command_parser(
        "synthetic",
        "Write synthetic sections of tissue with membrane labels as a folder that --data reads.",
        ("sections", "sections --sections 24 --size 512 --seed 1"),
        has_config=False,
    )
    found.add_argument("folder", metavar="FOLDER", help=f"where to write {IMAGES} and {LABELS}")
    found.add_argument(
        "--sections", type=whole(1, 10_000), default=24, metavar="N", help="how many"
    )
    found.add_argument(
        "--size", type=whole(32, 8192), default=256, metavar="PIXELS", help="of the side of each"
    )
    found.add_argument("--seed", type=seed, default=0, metavar="N", help="of the tissue")
    found.add_argument("--quiet", action="store_true", help="say nothing but errors and results")
    return found


def write_labelled(folder: Path, stack: "Stack") -> None:
    """Write sections and their labels, 255 for cell and 0 for membrane, as two TIFF files.

    Parameters
    ----------
    folder : Path
        Made where it is not there.
    stack : Stack
        With labels.

    Raises
    ------
    InputError
        If one of the files is there already, or the folder cannot be written.
    """
    import numpy as np

    from loihiseg.data.writers import open_output
    from loihiseg.files import writable_folder

    assert stack.membrane is not None
    parts = {IMAGES: stack.images, LABELS: np.where(stack.membrane, np.uint8(0), np.uint8(255))}
    writable_folder(folder)
    for name, part in parts.items():
        n_sections, height, width = part.shape
        with open_output(
            folder / name, shape=(n_sections, height, width), dtype=part.dtype, pixel_nm=PIXEL_NM
        ) as output:
            for number, section in enumerate(part):
                output.write(number, section)
