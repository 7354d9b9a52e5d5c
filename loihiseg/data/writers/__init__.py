"""Maps and labels to disk, one module per format behind `SectionWriter`.

An output is written under a name of its own, `partial_path`, and gets the one it was asked for when
it is whole. What a killed run leaves can be gone on with.

A further format: a class derived from `Output` and a line in `WRITERS`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from loihiseg.data.writers.base import (
    Kind,
    Layout,
    Output,
    SectionWriter,
    partial_path,
    refuse_existing,
    system_errors,
)
from loihiseg.data.writers.tiff import TiffOutput
from loihiseg.data.writers.zarr import ZarrOutput
from loihiseg.errors import InputError

__all__ = [
    "WRITERS",
    "Output",
    "SectionWriter",
    "discard_partial",
    "is_begun",
    "open_output",
    "output_paths",
    "partial_path",
]

WRITERS: tuple[type[Output], ...] = (ZarrOutput, TiffOutput)
"""By the output's name, asked in this order."""


def open_output(
    path: str | Path,
    *,
    shape: tuple[int, int, int],
    dtype: DTypeLike,
    pixel_nm: tuple[float, float, float] | None,
    kind: Kind = "image",
    resume: bool = False,
) -> Output:
    """An output to be written section by section, for ``with``.

    path : ``.zarr`` for OME-Zarr 0.4, ``.tif`` or ``.tiff`` for an ImageJ hyperstack or, where that
        cannot be, OME-TIFF (see `tiff`), ``.ome.tif`` for OME-TIFF.
    shape : (n_sections, height, width).
    dtype : uint8, uint16 or float32 of an image; uint8, uint16 or uint32 of labels.
    pixel_nm : distance of pixels along z, y and x in nm; None if unknown.
    kind : "image", or "labels", whose values are ids and are never averaged.
    resume : go on with a partial output if there is one; without, it is refused.
    Raises InputError, also where the output is there already: nothing is overwritten.
    """
    path = Path(path)
    layout = Layout(shape, np.dtype(dtype), pixel_nm, kind)
    layout.check(path)
    return _writer(path)(path, layout, resume)


def output_paths(path: str | Path, labels: Sequence[str] = ()) -> list[Path]:
    """Files and folders that an output has in the end, its own first.

    labels : names of the labels that are added to it.
    Raises InputError.
    """
    path = Path(path)
    return [path, *(_writer(path).labels_path(path, name) for name in labels)]


def is_begun(path: str | Path, labels: Sequence[str] = ()) -> bool:
    """Whether an earlier run left all parts of an output, so that what it says it did is there.

    To be asked before a journal is believed. Raises InputError if the output is finished.
    """
    first, *others = output_paths(path, labels)
    refuse_existing(first)
    part = partial_path(first)
    inside = [partial_path(first) / at.relative_to(first) for at in others if first in at.parents]
    beside = [at for at in others if first not in at.parents]
    return (
        part.exists()
        and all((at / ".zattrs").exists() for at in inside)
        # The last step of a run names labels before the image.
        and all(partial_path(at).exists() or at.exists() for at in beside)
    )


def discard_partial(path: str | Path, labels: Sequence[str] = ()) -> None:
    """Remove what an earlier run left of an output that it did not finish. Raises InputError."""
    for output in output_paths(path, labels):
        part = partial_path(output)
        with system_errors(part):
            if part.is_dir() and not part.is_symlink():
                shutil.rmtree(part)
            elif os.path.lexists(part):
                os.unlink(part)


def _writer(path: Path) -> type[Output]:
    for writer in WRITERS:
        if writer.writes(path):
            return writer
    endings = ", ".join(suffix for writer in WRITERS for suffix in writer.suffixes)
    raise InputError(f"{path}: an output of unknown form, expected a name that ends in {endings}")
