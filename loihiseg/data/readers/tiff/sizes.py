"""Size of a pixel in a TIFF, in the words of the program that wrote it.

ImageJ gives pixels per unit in tags and unit and spacing in the description, OME physical sizes in
its XML. Baseline TIFF knows inches and centimetres, which most programs fill with the resolution of
a screen or a printer: it is believed below 10 micrometres.
"""

from __future__ import annotations

import json
import re

from loihiseg.data.readers.axes import Nanometres, in_nanometres

_MOST_NM = 10_000.0
_INCH, _CENTIMETRE = 2, 3
_REAL = r"([0-9]{1,30}(?:\.[0-9]{0,30})?(?:[eE][-+]?[0-9]{1,3})?)"


def pixel_sizes(
    description: str, per_unit: tuple[float | None, float | None], unit: int
) -> Nanometres | None:
    """Nanometres between sections, rows and columns; None where nothing is said.

    description : of the first page.
    per_unit : pixels per unit along rows and columns, of the tags YResolution and XResolution.
    unit : of ResolutionUnit.
    """
    if "<OME" in description[:4096]:
        found = _ome(description)
    elif description.startswith("ImageJ="):
        found = _imagej(description, per_unit)
    else:
        found = (_spacing(description), *_baseline(per_unit, unit))
    return None if all(size is None for size in found) else found


def _ome(description: str) -> Nanometres:
    pixels = re.search(r"<Pixels\b[^<>]{0,20000}>", description)
    text = pixels[0] if pixels else ""
    sizes = dict(re.findall(rf'\bPhysicalSize([XYZ])="{_REAL}"', text))
    units = dict(re.findall(r'\bPhysicalSize([XYZ])Unit="([^"]{1,40})"', text))
    z, y, x = (
        in_nanometres(float(sizes[axis]), _character(units.get(axis, "um")))
        if axis in sizes
        else None
        for axis in "ZYX"
    )
    return z, y, x


def _imagej(description: str, per_unit: tuple[float | None, float | None]) -> Nanometres:
    unit = re.search(r"^unit=(.{1,40})$", description, re.M)
    spacing = re.search(rf"^spacing=-?{_REAL}$", description, re.M)
    named = _character(unit[1].strip()) if unit else ""
    rows, columns = (in_nanometres(1 / value, named) if value else None for value in per_unit)
    return in_nanometres(float(spacing[1]), named) if spacing else None, rows, columns


def _spacing(description: str) -> float | None:
    """Distance of sections in the description of tifffile, where its user gave one."""
    if not description.startswith('{"shape":') or len(description) > 2_000:
        return None
    try:
        document = json.loads(description)
    except (ValueError, RecursionError):
        return None
    return in_nanometres(document.get("spacing"), document.get("unit"))


def _baseline(
    per_unit: tuple[float | None, float | None], unit: int
) -> tuple[float | None, float | None]:
    name = {_INCH: "inch", _CENTIMETRE: "cm"}.get(unit, "")
    rows, columns = (in_nanometres(1 / value, name) if value else None for value in per_unit)
    if rows is None or columns is None or max(rows, columns) >= _MOST_NM:
        return None, None
    return rows, columns


def _character(unit: str) -> str:
    """A unit whose micro sign is written as an escape of Java or XML."""
    return re.sub(r"\\u00[bB]5|&#181;|&#x[bB]5;|\\xb5", "u", unit)
