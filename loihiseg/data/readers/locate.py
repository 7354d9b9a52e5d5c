"""Where in a path the images are, and where the labels are."""

from __future__ import annotations

import os
from pathlib import Path

from loihiseg.data.readers.folder import section_files
from loihiseg.data.readers.regular import is_folder
from loihiseg.data.readers.tiff import TIFF_SUFFIXES
from loihiseg.data.readers.zarr import ZarrReader, zarr_labels
from loihiseg.errors import InputError


def locate(path: Path) -> tuple[Path, Path | None]:
    """Paths of the images and of the labels, None when there are none; both are there.

    Raises InputError when `path` is missing or several files could be meant.
    """
    if not is_folder(path):
        return path, None
    if ZarrReader.opens(path):
        return path, zarr_labels(path)
    volume = _only(path, "train-volume.tif", "volume")
    if volume is not None:
        return volume, _only(path, "train-labels.tif", "labels")
    images, labels = path / "images", path / "labels"
    if _is_there(images) and is_folder(images):
        return images, labels if _is_there(labels) and is_folder(labels) else None
    return path, None


def _is_there(path: Path) -> bool:
    """Also for links that lead nowhere: `is_folder` then names them."""
    return os.path.lexists(path)


def _only(folder: Path, preferred: str, word: str) -> Path | None:
    """The preferred file, else the one TIFF file with `word` in its name, else None."""
    if _is_there(folder / preferred) and not is_folder(folder / preferred):
        return folder / preferred
    found = [
        path
        for path in section_files(folder)
        if path.suffix.lower() in TIFF_SUFFIXES and word in path.name
    ]
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:6])
        raise InputError(
            f"{folder}: {len(found)} files are named like {word} ({names}), expected one "
            f"or {preferred}; give the path of the file itself"
        )
    return found[0] if found else None
