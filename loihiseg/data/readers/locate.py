"""Where in a path the images are, and where the labels are."""

from __future__ import annotations

import os
from pathlib import Path

from loihiseg.data.readers.folder import SECTION_SUFFIXES, section_files, visible
from loihiseg.data.readers.hdf5 import Hdf5Reader, hdf5_labels, split_path
from loihiseg.data.readers.n5 import N5Reader, n5_labels
from loihiseg.data.readers.names import IMAGE_WORDS, LABEL_WORDS, split_roles
from loihiseg.data.readers.regular import is_folder
from loihiseg.data.readers.tiff import TIFF_SUFFIXES
from loihiseg.data.readers.zarr import ZarrReader, zarr_labels
from loihiseg.data.warn import warn
from loihiseg.errors import InputError

_IMAGE_FOLDERS, _LABEL_FOLDERS = IMAGE_WORDS, LABEL_WORDS


def locate(path: Path) -> tuple[Path, Path | None]:
    """Paths of the images and of the labels, None when there are none; both are there.

    Raises InputError when `path` is missing or several files could be meant.
    """
    if Hdf5Reader.opens(path):
        is_folder(split_path(path)[0])
        return path, hdf5_labels(path)
    if not is_folder(path):
        return path, None
    if ZarrReader.opens(path):
        return path, zarr_labels(path)
    if N5Reader.opens(path):
        return path, n5_labels(path)
    volume = _only(path, "train-volume.tif", "volume")
    if volume is not None:
        return volume, _only(path, "train-labels.tif", "labels")
    images, labels = _subfolders(path)
    if images is not None:
        return images, labels
    return path, path if split_roles(section_files(path))[1] else None


def _subfolders(path: Path) -> tuple[Path | None, Path | None]:
    """Folders of images and of labels beside each other, by their names."""
    found = [each for each in visible(path) if each.suffix.lower() not in SECTION_SUFFIXES]
    images = [each for each in found if each.name.lower() in _IMAGE_FOLDERS and is_folder(each)]
    if not images:
        return None, None
    labels = [each for each in found if each.name.lower() in _LABEL_FOLDERS and is_folder(each)]
    for kind, several in (("images", images), ("labels", labels)):
        if len(several) > 1:
            names = ", ".join(each.name for each in several[:6])
            raise InputError(
                f"{path}: {names} could all hold the {kind}, expected one of them; give the path "
                f"of the {kind} itself"
            )
    unread = [each.name for each in found if each not in images + labels and each.is_dir()]
    if unread and not labels:
        warn(f"{path}: {', '.join(unread[:6])} is not read, {images[0].name} has no labels beside")
    return images[0], labels[0] if labels else None


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
