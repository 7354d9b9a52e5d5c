"""How many sections a TIFF says it has, in the words of the program that wrote it.

ImageJ, OME and tifffile note the size of the stack in the description of the first page. Where it
says more than the pages hold, the file was cut off or its planes are elsewhere; where it says
channels, its pages are not sections.
"""

from __future__ import annotations

import json
import math
import re

from loihiseg.data.readers.base import DamagedFileError
from loihiseg.data.readers.tiff.directories import UnsupportedError

_MOST_CHANNELS = 7
_NUMBER = r"(\d{1,1000})(?!\d)"


def declared_sections(description: str, n_pages: int, page_values: int) -> int:
    """Number of sections: that of the pages, or more when one page stands for many.

    description : of the first page.
    page_values : samples of a page.
    Raises DamagedFileError when sections are missing and UnsupportedError for channels.
    """
    if description.startswith("ImageJ="):
        return _imagej(description, n_pages)
    if description.startswith('{"shape":'):
        return _tifffile(description, n_pages, page_values)
    if "<OME" in description[:4096]:
        return _ome(description, n_pages)
    return n_pages


def _imagej(description: str, n_pages: int) -> int:
    sizes = {
        name: int(number)
        for name, number in re.findall(
            rf"^(channels|slices|frames|images)={_NUMBER}$", description, re.M
        )
    }
    _refuse_channels(sizes.get("channels", 1), sizes.get("slices", 1) * sizes.get("frames", 1))
    return _whole(sizes["images"], n_pages) if "images" in sizes else n_pages


def _tifffile(description: str, n_pages: int, page_values: int) -> int:
    if len(description) > 2_000:
        return n_pages
    try:
        shape = json.loads(description)["shape"]
        n_values = math.prod(int(length) for length in shape)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        raise DamagedFileError("its description declares no shape") from None
    # Each call of tifffile's writer describes its own pages, so there may be more than these.
    return (
        n_pages if n_values <= n_pages * page_values else _whole(n_values // page_values, n_pages)
    )


def _ome(description: str, n_pages: int) -> int:
    # A pattern and no XML parser: nothing in the file can make it expand or fetch anything.
    pixels = re.search(r"<Pixels\b[^<>]{0,20000}>", description)
    if pixels is None:
        return n_pages
    sizes = dict(re.findall(rf'\bSize([CTZ])="{_NUMBER}"', pixels[0]))
    n_channels, n_sections = int(sizes.get("C", 1)), int(sizes.get("Z", 1)) * int(sizes.get("T", 1))
    _refuse_channels(n_channels, n_sections)
    n_planes = n_channels * n_sections
    if n_planes != n_pages:
        raise DamagedFileError(
            f"its OME description declares {n_planes} planes, it holds {n_pages}; planes in other "
            "files are not read"
        )
    return n_pages


def _whole(n_declared: int, n_pages: int) -> int:
    """ImageJ and tifffile may describe a stack that follows its only page in one piece."""
    if n_declared != n_pages and n_pages != 1:
        raise DamagedFileError(f"declares {n_declared} sections, has {n_pages} pages")
    return max(n_declared, 1)


def _refuse_channels(n_channels: int, n_sections: int) -> None:
    # tifffile calls the sections of a stack channels when it is not told its axes. ImageJ shows no
    # more than seven channels, so beyond these they are sections.
    if n_channels > 1 and (n_channels <= _MOST_CHANNELS or n_sections > 1):
        raise UnsupportedError(
            f"a stack of {n_channels} channels", "sections of one channel, axes ZYX"
        )
