"""How many sections a TIFF says it has, in the words of the program that wrote it.

ImageJ, OME and tifffile note the size of the stack in the description of the first page. Where it
says more than the pages hold, the file was cut off or its planes are elsewhere; where it says
channels, points of time beside sections, or another order of axes, its pages are not sections.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

from loihiseg.data.readers.base import DamagedFileError
from loihiseg.data.readers.tiff.directories import UnsupportedError
from loihiseg.data.warn import warn

_MOST_CHANNELS = 7
_NUMBER = r"(\d{1,1000})(?!\d)"


def declared_sections(path: Path, description: str, n_pages: int, page_values: int) -> int:
    """Number of sections: that of the pages, or more when one page stands for many.

    Points of time, or many channels, are taken as sections where there are none besides; a warning
    says so.

    path : named in warnings.
    description : of the first page.
    page_values : samples of a page.
    Raises DamagedFileError when sections are missing and UnsupportedError for channels and for
    other axes.
    """
    if description.startswith("ImageJ="):
        return _imagej(path, description, n_pages)
    if description.startswith('{"shape":'):
        return _tifffile(path, description, n_pages, page_values)
    if "<OME" in description[:4096]:
        return _ome(path, description, n_pages)
    return n_pages


def _imagej(path: Path, description: str, n_pages: int) -> int:
    sizes = {
        name: int(number)
        for name, number in re.findall(
            rf"^(channels|slices|frames|images)={_NUMBER}$", description, re.M
        )
    }
    _check_planes(path, sizes.get("channels", 1), sizes.get("slices", 1), sizes.get("frames", 1))
    return _whole(sizes["images"], n_pages) if "images" in sizes else n_pages


def _tifffile(path: Path, description: str, n_pages: int, page_values: int) -> int:
    if len(description) > 2_000:
        return n_pages
    try:
        document = json.loads(description)
        shape = [int(length) for length in document["shape"]]
        n_values = math.prod(shape)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        raise DamagedFileError("its description declares no shape") from None
    axes = document.get("axes")
    if isinstance(axes, str) and len(axes) == len(shape):
        _check_axes(path, axes.upper(), shape)
    # Each call of tifffile's writer describes its own pages, so there may be more than these.
    return (
        n_pages if n_values <= n_pages * page_values else _whole(n_values // page_values, n_pages)
    )


def _check_axes(path: Path, axes: str, shape: list[int]) -> None:
    """Axes as tifffile was told them; those of length one, and samples of a pixel, say nothing."""
    long = {axis: length for axis, length in zip(axes, shape) if length > 1 and axis != "S"}
    planes = [axis for axis in axes if axis in long or axis in "YX"]
    in_order = "X" in axes and "Y" in axes and planes[-2:] == ["Y", "X"]
    if not in_order and set("XY") & set(axes):
        raise UnsupportedError(f"axes {axes[:20]}", "sections, rows and columns in this order, ZYX")
    _check_planes(path, long.get("C", 1), long.get("Z", 1), long.get("T", 1))


def _ome(path: Path, description: str, n_pages: int) -> int:
    # A pattern and no XML parser: nothing in the file can make it expand or fetch anything.
    pixels = re.search(r"<Pixels\b[^<>]{0,20000}>", description)
    if pixels is None:
        return n_pages
    sizes = dict(re.findall(rf'\bSize([CTZ])="{_NUMBER}"', pixels[0]))
    n_channels, n_sections, n_times = (int(sizes.get(axis, 1)) for axis in "CZT")
    n_planes = n_channels * n_sections * n_times
    if n_planes != n_pages:
        raise DamagedFileError(
            f"its OME description declares {n_planes} planes, it holds {n_pages}; planes in other "
            "files are not read"
        )
    _check_planes(path, n_channels, n_sections, n_times)
    return n_pages


def _whole(n_declared: int, n_pages: int) -> int:
    """ImageJ and tifffile may describe a stack that follows its only page in one piece."""
    if n_declared != n_pages and n_pages != 1:
        raise DamagedFileError(f"declares {n_declared} sections, has {n_pages} pages")
    return max(n_declared, 1)


def _check_planes(path: Path, n_channels: int, n_sections: int, n_times: int) -> None:
    """Refuse planes that are no sections; warn where they are taken as sections all the same."""
    # tifffile calls the sections of a stack channels when it is not told its axes. ImageJ shows no
    # more than seven channels, so beyond these they are sections.
    few, alone = n_channels <= _MOST_CHANNELS, n_sections * n_times <= 1
    if n_channels > 1 and (few or not alone):
        raise UnsupportedError(
            f"a stack of {n_channels} channels", "sections of one channel, axes ZYX"
        )
    if n_times > 1 and n_sections > 1:
        raise UnsupportedError(
            f"{n_times} points of time of {n_sections} sections", "one of them, axes ZYX"
        )
    for count, what in ((n_channels, "channels"), (n_times, "points of time")):
        if count > 1:
            warn(f"{path}: its {count} {what} are taken as sections")
