"""EM stacks from disk: TIFF stacks, folders of sections, Zarr."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage.io
import tifffile
import zarr

from loihiseg.data.sections import parse_sections
from loihiseg.data.stack import LabelPolarity, Stack, make_stack
from loihiseg.errors import InputError

__all__ = ["parse_sections", "read_stack"]

_TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
_SECTION_SUFFIXES = _TIFF_SUFFIXES | {".png"}
# Marker files of a Zarr array and a Zarr group, format 2.
_ZARR_MARKERS = (".zarray", ".zgroup")
# Array names looked up in a Zarr group, in this order; "0" is the full scale of OME-Zarr.
_ZARR_IMAGES = ("raw", "images", "volume", "volumes/raw", "0")
_ZARR_LABELS = ("labels", "volumes/labels")
_FORMS = (
    "a TIFF stack, a folder with train-volume.tif, a folder of .png or .tif sections, or a Zarr "
    "group or array"
)


def read_stack(
    path: str | Path,
    labels: str | Path | None = None,
    label_polarity: LabelPolarity = "auto",
) -> Stack:
    """Read an EM stack, axes "zyx", with its membrane labels if there are any.

    path : one of
        a folder with `train-volume.tif` and `train-labels.tif` (the ISBI 2012 challenge), or one
        `*volume*.tif` and at most one `*labels*.tif`;
        a TIFF file, single or multi-page;
        a folder of single-section .png or .tif files in natural order (2 before 10), or with
        such files in the subfolders `images/` and, optionally, `labels/`;
        a Zarr group (format 2) with an array `raw`, `images`, `volume`, `volumes/raw` or `0` and
        optionally `labels`; or a Zarr array.
    labels : where the labels are when not beside the images, in any of the single-array forms;
        overrides labels found at `path`.
    label_polarity : see `make_stack`, which also describes the pixel types.

    Raises InputError, one line naming the file, for everything that cannot be read as a stack.
    """
    path = _existing(Path(path))
    images_at, labels_at = _locate(path)
    if labels is not None:
        labels_at = _existing(Path(labels))
    images = _read_array(images_at)
    label_array = None if labels_at is None else _read_array(labels_at, _ZARR_LABELS)
    return make_stack(images, label_array, str(path), label_polarity)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder, expected {_FORMS}; check the path")
    return path


def _locate(path: Path) -> tuple[Path, Path | None]:
    """Where the image array and the label array are: files, folders or Zarr arrays."""
    if not path.is_dir():
        return path, None
    if _is_zarr(path):
        return _locate_zarr(path)
    volume = _only(path, "train-volume.tif", "volume")
    if volume is not None:
        return volume, _only(path, "train-labels.tif", "labels")
    if (path / "images").is_dir():
        label_folder = path / "labels"
        return path / "images", label_folder if label_folder.is_dir() else None
    return path, None


def _only(folder: Path, preferred: str, word: str) -> Path | None:
    """The preferred file, else the one TIFF file with `word` in its name, else None."""
    if (folder / preferred).is_file():
        return folder / preferred
    found = [p for p in _files(folder) if p.suffix.lower() in _TIFF_SUFFIXES and word in p.name]
    if len(found) > 1:
        raise InputError(
            f"{folder}: {len(found)} files are named like {word} ({_names(found)}), expected one "
            f"or {preferred}; give the path of the file itself"
        )
    return found[0] if found else None


def _read_array(path: Path, zarr_names: tuple[str, ...] = _ZARR_IMAGES) -> np.ndarray:
    """One array from a TIFF or PNG file, a folder of sections or a Zarr array."""
    if path.is_dir():
        if _is_zarr(path):
            return _read_zarr(path, zarr_names)
        return _read_folder(path)
    if path.suffix.lower() in _SECTION_SUFFIXES:
        return _read_file(path)
    raise InputError(
        f"{path}: files of type {path.suffix or 'no suffix'} are not read, expected {_FORMS}; "
        "convert it"
    )


def _read_folder(folder: Path) -> np.ndarray:
    paths = [p for p in _files(folder) if p.suffix.lower() in _SECTION_SUFFIXES]
    if not paths:
        raise InputError(
            f"{folder}: no .png, .tif or .tiff files, expected {_FORMS}; check the folder"
        )
    sections = []
    for path in paths:
        section = _read_file(path)
        if section.ndim != 2:
            raise InputError(
                f"{path}: has shape {section.shape}, expected one section (height, width) in a "
                f"folder of {len(paths)} files; give the path of a multi-page file itself"
            )
        if sections and section.shape != sections[0].shape:
            raise InputError(
                f"{path}: section of {_size(section)} pixels, expected {_size(sections[0])} as "
                f"in {paths[0].name}; crop or pad the sections to one size"
            )
        sections.append(section)
    return np.stack(sections)


def _read_file(path: Path) -> np.ndarray:
    """(height, width) or (n_pages, height, width) from a TIFF or PNG file."""
    if path.suffix.lower() in _TIFF_SUFFIXES:
        array, channels_last = _read_tiff(path)
    else:
        try:
            array = skimage.io.imread(path)
        except Exception as error:  # each codec behind skimage.io has its own exceptions
            raise InputError(_unreadable(path, "PNG image", error)) from error
        channels_last = array.ndim == 3
    if channels_last:
        array = _one_channel(array, path)
    return array


def _read_tiff(path: Path) -> tuple[np.ndarray, bool]:
    try:
        with _tifffile_warnings() as warnings, tifffile.TiffFile(path) as tiff:
            array = tiff.asarray()
            n_samples = tiff.pages[0].samplesperpixel
            n_series = len(tiff.series)
    except Exception as error:  # tifffile passes on what its codecs raise
        raise InputError(_unreadable(path, "TIFF", error)) from error
    # A file cut off between two pages still opens; tifffile only logs that pages are missing.
    if warnings:
        raise InputError(_unreadable(path, "TIFF", warnings[0]))
    if n_series > 1:
        raise InputError(
            f"{path}: pages of {n_series} different sizes or types, expected one; crop or split "
            "the sections"
        )
    return array, n_samples > 1


@contextlib.contextmanager
def _tifffile_warnings() -> Iterator[list[str]]:
    """Collect the log messages of tifffile about missing or corrupt parts of a file."""
    messages: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            if re.search("invalid|corrupt|failed|truncated", text):
                messages.append(text)

    logger = logging.getLogger("tifffile")
    collector = Collector(logging.WARNING)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(collector)
    try:
        yield messages
    finally:
        logger.removeHandler(collector)
        logger.propagate = propagate


def _one_channel(array: np.ndarray, path: Path) -> np.ndarray:
    """Grey sections saved as RGB or with alpha: the grey channel."""
    n_channels = array.shape[-1]
    colours = array[..., : 3 if n_channels >= 3 else 1]
    if n_channels > 4 or (colours != colours[..., :1]).any():
        raise InputError(
            f"{path}: a colour image with {n_channels} channels, expected grey sections; "
            "convert it to one channel"
        )
    return colours[..., 0]


def _is_zarr(path: Path) -> bool:
    if (path / "zarr.json").is_file() and not any((path / m).is_file() for m in _ZARR_MARKERS):
        raise InputError(f"{path}: Zarr format 3, expected format 2; rewrite it with zarr_format=2")
    return any((path / marker).is_file() for marker in _ZARR_MARKERS)


def _locate_zarr(path: Path) -> tuple[Path, Path | None]:
    if (path / ".zarray").is_file():
        return path, None
    labels = [path / name for name in _ZARR_LABELS if (path / name / ".zarray").is_file()]
    return path, labels[0] if labels else None


def _read_zarr(path: Path, names: tuple[str, ...]) -> np.ndarray:
    try:
        node = zarr.open(str(path), mode="r")
        if isinstance(node, zarr.Group):
            found = [name for name in names if isinstance(node.get(name), zarr.Array)]
            array = node[found[0]][...] if found else None
            contents = sorted(node.keys())
        else:
            array, contents = node[...], []
    except Exception as error:  # stores and codecs have their own exceptions
        raise InputError(_unreadable(path, "Zarr", error)) from error
    if array is None:
        listed = ", ".join(contents[:8]) or "nothing"
        raise InputError(
            f"{path}: the Zarr group holds {listed}, expected an array named "
            f"{', '.join(names)}; give the path of the array itself"
        )
    # OME-Zarr keeps time and channel axes of length one in front.
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    return array


def _files(folder: Path) -> list[Path]:
    """The visible files of a folder in natural order."""
    paths = [p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")]
    return sorted(paths, key=lambda p: _natural_key(p.name))


def _natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts s2 before s10; the flag keeps numbers and words comparable."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return tuple((0, int(p), p) if p.isdecimal() else (1, 0, p.lower()) for p in parts)


def _unreadable(path: Path, kind: str, problem: object) -> str:
    reason = " ".join(str(problem).split())[:160]
    return (
        f"{path}: cannot be read as a {kind} ({reason}), expected a complete file; "
        "copy or export it again"
    )


def _size(section: np.ndarray) -> str:
    return f"{section.shape[0]} x {section.shape[1]}"


def _names(paths: list[Path]) -> str:
    return ", ".join(p.name for p in paths[:6])
