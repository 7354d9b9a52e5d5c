"""Write a synthetic stack in the form of the ISBI 2012 challenge.

python -m loihiseg.data.synthetic OUT_FOLDER
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loihiseg.errors import InputError
from partition.command_line.command import doing, run
from partition.command_line.options import Parser, seed, whole
from partition.command_line.streams import say

if TYPE_CHECKING:
    import numpy as np

MAX_PIXELS = 2**28
"""Of all sections together; takes some minutes and a few GB."""


def command(arguments: Sequence[str]) -> None:
    """Run the command; errors are raised."""
    options = _parser().parse_args(arguments)
    size, n_sections = options.size, options.n_sections
    if n_sections * size**2 > MAX_PIXELS:
        raise InputError(
            f"--n-sections {n_sections}, --size {size}: {n_sections * size**2} pixels in all, "
            f"expected at most {MAX_PIXELS}"
        )
    with doing(f"writing synthetic sections to {options.out_folder}"):
        out = write_synthetic(options.out_folder, n_sections, (size, size), options.seed)
    say(f"wrote {out / 'train-volume.tif'} and {out / 'train-labels.tif'}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code, 0 done or 2 for an unusable option or folder."""
    return run(command, arguments, logger="loihiseg")


def write_synthetic(out_folder: Path, n_sections: int, shape: tuple[int, int], seed: int) -> Path:
    """Write train-volume.tif and train-labels.tif (uint8 "zyx"; 255 = cell, 0 = membrane).

    Each file appears under its name only when it is complete. Files of these names are replaced.
    Raises InputError when the folder cannot be written and for impossible sizes.
    """
    import numpy as np

    from loihiseg.data.synthetic import synthetic_stack

    stack = synthetic_stack(n_sections, shape, seed)
    labels = np.where(stack.membrane, 0, 255).astype(np.uint8)
    try:
        out_folder.mkdir(parents=True, exist_ok=True)
        _write(out_folder / "train-volume.tif", stack.images)
        _write(out_folder / "train-labels.tif", labels)
    except OSError as error:
        raise InputError(
            f"{out_folder}: cannot be written ({error.strerror}), expected a folder; "
            "choose another one"
        ) from error
    return out_folder


def _write(path: Path, array: np.ndarray) -> None:
    import tifffile

    # In the same folder, so that the rename cannot cross to another file system.
    handle, temporary = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".tif", dir=path.parent)
    os.close(handle)
    try:
        tifffile.imwrite(temporary, array, photometric="minisblack", compression="deflate")
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner can read
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m loihiseg.data.synthetic",
        description="Write synthetic ssTEM sections with membrane labels, in the form of the "
        "ISBI 2012 challenge: OUT_FOLDER/train-volume.tif and OUT_FOLDER/train-labels.tif.",
    )
    parser.add_argument("out_folder", type=Path, metavar="OUT_FOLDER", help="made if missing")
    parser.add_argument("--n-sections", type=whole(1, 10**4), default=24, help="number of sections")
    parser.add_argument(
        "--size", type=whole(32, 4096), default=256, help="height and width in pixels of 4 nm"
    )
    parser.add_argument("--seed", type=seed, default=0, help="same seed, same stack")
    return parser


if __name__ == "__main__":
    sys.exit(main())
