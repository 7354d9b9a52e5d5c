"""Which axis of an array is which, and how large its pixels are, in the words of a file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from loihiseg.data.warn import warn
from loihiseg.errors import InputError

Nanometres = tuple[float | None, float | None, float | None]
"""Size of a pixel along sections, rows and columns; None where it is not known."""


def complete(sizes: Nanometres | None) -> tuple[float, float, float] | None:
    """Sizes of a pixel where all three are known."""
    if sizes is None:
        return None
    depth, rows, columns = sizes
    if depth is None or rows is None or columns is None:
        return None
    return depth, rows, columns


_MOST_CHANNELS = 4
_LEAST_ASPECT = 4
"""Times that rows and columns are longer than what may be no axis of columns."""

_COLOURS = 3, 4
"""Channels of labels that are colours: red, green, blue, and alpha."""

_UNITS_NM = {
    **dict.fromkeys(("nanometer", "nanometre", "nanometers", "nanometres", "nm"), 1.0),
    **dict.fromkeys(("micrometer", "micrometre", "micrometers", "micrometres", "micron", "microns",
                     "um", "\u00b5m", "\u03bcm", "\\u00b5m", "\\u00B5m"), 1e3),
    **dict.fromkeys(("angstrom", "angstroms", "\u00c5", "\u212b", "ang"), 0.1),
    **dict.fromkeys(("millimeter", "millimetre", "mm"), 1e6),
    **dict.fromkeys(("centimeter", "centimetre", "cm"), 1e7),
    **dict.fromkeys(("meter", "metre", "m"), 1e9),
    **dict.fromkeys(("picometer", "picometre", "pm"), 1e-3),
    **dict.fromkeys(("inch", "in", "inches"), 2.54e7),
}  # fmt: skip


_SHORT = {
    **{name: name for name in "tczyx"},
    **dict.fromkeys(("time", "times", "frame", "frames", "timepoint"), "t"),
    **dict.fromkeys(("channel", "channels", "band", "bands", "ch", "colour", "color", "rgb",
                     "wavelength"), "c"),
    **dict.fromkeys(("depth", "section", "sections", "slice", "slices", "plane", "planes"), "z"),
    **dict.fromkeys(("height", "row", "rows"), "y"),
    **dict.fromkeys(("width", "column", "columns", "col", "cols"), "x"),
}  # fmt: skip


def short_names(names: Sequence[object]) -> tuple[str, ...] | None:
    """Names of axes as "t", "c", "z", "y" and "x"; None where one of them is of another kind.

    A first axis of another name, with rows and columns behind it, is one of sections.
    """
    short = [_SHORT.get(name.strip().lower()) if isinstance(name, str) else None for name in names]
    if len(short) == 3 and short == [None, "y", "x"]:
        short[0] = "z"
    found = tuple(name for name in short if name is not None)
    return found if len(found) == len(names) else None


@dataclass(frozen=True)
class AxisOrder:
    """Positions of the axes of sections (None where there is one), rows and columns.

    ``colours`` is that of red, green, blue and alpha of labels; None where they have none.
    """

    sections: int | None
    rows: int
    columns: int
    colours: int | None = None

    def reversed(self, n_axes: int) -> AxisOrder:
        """The same of an array with its axes the other way round."""
        sections, rows, columns, colours = (
            None if place is None else n_axes - 1 - place
            for place in (self.sections, self.rows, self.columns, self.colours)
        )
        assert rows is not None and columns is not None
        return AxisOrder(sections, rows, columns, colours)

    def n_colours(self, lengths: Sequence[int]) -> int:
        """The entry of colours; 1 where there is no such axis."""
        return 1 if self.colours is None else lengths[self.colours]

    def turned(self, array: np.ndarray) -> np.ndarray:
        """An array as (sections, rows, columns, colours); further axes have their first place."""
        there = [self.sections, self.rows, self.columns, self.colours]
        front = [axis for axis in there if axis is not None]
        rest = [axis for axis in range(array.ndim) if axis not in front]
        found = array.transpose(rest + front)[(0,) * len(rest)]
        found = found if self.colours is not None else found[..., np.newaxis]
        return found if self.sections is not None else found[np.newaxis]

    def of(self, lengths: Sequence[int]) -> tuple[int, int, int]:
        """The entries of (sections, rows, columns); 1 for sections where there is no such axis."""
        n_sections = 1 if self.sections is None else lengths[self.sections]
        return n_sections, lengths[self.rows], lengths[self.columns]

    def nanometres(self, sizes: Sequence[float | None] | None) -> Nanometres | None:
        """The entries of (sections, rows, columns) of sizes by axis; None where none is known."""
        if sizes is None or len(sizes) <= max(self.rows, self.columns, self.sections or 0):
            return None
        sections = None if self.sections is None else sizes[self.sections]
        found = sections, sizes[self.rows], sizes[self.columns]
        return None if all(size is None for size in found) else found


def axis_order(
    shape: Sequence[int], names: Sequence[str] | None, path: Path, *, may_be_colours: bool = False
) -> AxisOrder:
    """The axes of an array by the names its file gives them, else by their places.

    names : as "z", "y", "x", "c" for channels, "t" for time; None where the file names none. Then
        the last three are sections, rows and columns, and axes of length one in front are left out.
    may_be_colours : of labels: three or four channels, the last axis where none is named, are those
        of colours.
    Raises InputError where an axis besides sections, rows and columns is longer than one.
    """
    if names is not None:
        return _by_name(tuple(shape), [name.lower()[:40] for name in names], path, may_be_colours)
    shape = tuple(shape)
    if may_be_colours and _ends_in_colours(shape):
        return replace(axis_order(shape[:-1], None, path), colours=len(shape) - 1)
    trailing = 1 if len(shape) > 3 and shape[-1] == 1 and shape[0] > 1 else 0
    n_axes = len(shape) - trailing
    n_leading = max(n_axes - 3, 0)
    if n_axes < 2 or math.prod(shape[:n_leading]) != 1:
        raise InputError(
            f"{path}: an array of shape {shape}, expected (sections, height, width), with nothing "
            "but axes of length one in front; give one channel"
        )
    if (
        n_axes == 3
        and not trailing
        and 2 <= shape[-1] <= _MOST_CHANNELS < min(shape[:2]) / _LEAST_ASPECT
    ):
        raise InputError(
            f"{path}: an array of shape {shape} whose axes are not named looks like {shape[-1]} "
            "channels, expected (sections, height, width); give one channel"
        )
    volume = shape[max(n_axes - 3, 0) : n_axes]
    if len(volume) == 3 and 1 < volume[2] < min(volume[:2]) / _LEAST_ASPECT:
        warn(
            f"{path}: an array of shape {shape} whose axes are not named is taken as {volume[0]} "
            f"sections of {volume[1]} x {volume[2]} pixels; if the last axis is that of sections, "
            "store it first"
        )
    sections = None if n_axes == 2 else n_axes - 3
    return AxisOrder(sections, n_axes - 2, n_axes - 1)


def _ends_in_colours(shape: tuple[int, ...]) -> bool:
    """Whether a last axis is so much shorter than the two before it that it is one of colours."""
    return (
        len(shape) > 2 and shape[-1] in _COLOURS and min(shape[-3:-1]) > _LEAST_ASPECT * shape[-1]
    )


def _by_name(
    shape: tuple[int, ...], names: list[str], path: Path, may_be_colours: bool
) -> AxisOrder:
    listed = ", ".join(names[:8])
    if len(names) != len(shape) or len(set(names)) != len(names):
        raise InputError(
            f"{path}: names the axes {listed} of an array of shape {shape}, expected a name of its "
            "own for each; mend its metadata"
        )
    places = {name: place for place, name in enumerate(names)}
    if "x" not in places or "y" not in places:
        raise InputError(
            f"{path}: has the axes {listed}, expected x and y among them; mend its metadata"
        )
    sections = places.get("z")
    time = places.get("t")
    if time is not None and shape[time] > 1 and (sections is None or shape[sections] == 1):
        warn(f"{path}: its {shape[time]} points of time are taken as sections")
        sections = time
    colours = places.get("c") if may_be_colours else None
    if colours is not None and shape[colours] not in _COLOURS:
        colours = None
    for name, length in zip(names, shape):
        if length > 1 and places[name] not in (sections, places["y"], places["x"], colours):
            what = {"c": "channels", "t": "points of time"}.get(name, f"planes along axis {name}")
            raise InputError(
                f"{path}: has {length} {what} (axes {listed}), expected one; give one of them"
            )
    return AxisOrder(sections, places["y"], places["x"], colours)


def in_nanometres(size: object, unit: object) -> float | None:
    """A size in nanometres; None without a unit of length or a size above zero."""
    found = length_in_nanometres(size, unit)
    return found if found is not None and found > 0 else None


def length_in_nanometres(length: object, unit: object) -> float | None:
    """A length of either sign, or zero, in nanometres; None without a unit of length."""
    if isinstance(length, bool) or not isinstance(length, int | float) or not isinstance(unit, str):
        return None
    factor = _UNITS_NM.get(unit) or _UNITS_NM.get(unit.strip().lower())
    if factor is None or not -1e300 < length < 1e300:
        return None
    return float(length) * factor
