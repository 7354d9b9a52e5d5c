"""Which array of a Zarr group is meant, by its metadata: OME-Zarr, WEBKNOSSOS, or usual names.

OME-Zarr 0.1 to 0.5: https://ngff.openmicroscopy.org. What the metadata names must lie inside the
folder that was given.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loihiseg.data.readers.axes import in_nanometres, length_in_nanometres, short_names
from loihiseg.data.readers.base import DamagedFileError, Role, not_supported, unreadable
from loihiseg.data.readers.zarr.metadata import read_json
from loihiseg.errors import InputError

NAMES: dict[Role, tuple[str, ...]] = {
    "images": ("raw", "images", "volume", "volumes/raw", "0"),
    "labels": ("labels", "volumes/labels", "volumes/labels/neuron_ids"),
}
"""Names of arrays looked up in a group without metadata; CREMI's among them."""

DATASOURCE = "datasource-properties.json"
_LISTED = 8


@dataclass(frozen=True)
class FoundArray:
    """An array, what its axes are called, and size and place of its pixels by axis, where said."""

    folder: Path
    axes: tuple[str, ...] | None = None
    sizes_nm: tuple[float | None, ...] | None = None
    origin_nm: tuple[float | None, ...] | None = None


def find_array(path: Path, role: Role) -> FoundArray:
    """The array of images or labels at a path.

    Raises InputError where none or several could be meant, and DamagedFileError.
    """
    kind = node_type(path)
    if kind == "array":
        return _named_axes(path)
    if (path / DATASOURCE).is_file():
        found = _webknossos(path, role)
        if found is not None:
            return found
    if role == "labels" and (inside := find_labels(path)) is not None and inside != path:
        return find_array(inside, role)
    attributes = _attributes(path)
    if "multiscales" in attributes:
        return _multiscale(path, attributes)
    if role == "images" and (series := _series(path)) is not None:
        return find_array(series, role)
    # A label image without metadata of its own has its full scale in "0".
    for name in (*NAMES[role], "0"):
        if node_type(path / name) == "array":
            refuse_links_out(path, path / name)
            return _named_axes(path / name)
    contents = [entry.name for entry in sorted(path.iterdir()) if node_type(entry)]
    listed = ", ".join(contents[:_LISTED]) or "nothing"
    raise InputError(
        f"{path}: the Zarr group holds {listed}, expected an array named "
        f"{', '.join(NAMES[role])}; give the path of the array itself"
    )


def find_labels(path: Path) -> Path | None:
    """Array or group of the labels in a group of images, None where there are none.

    Raises InputError where several could be meant, and DamagedFileError.
    """
    if node_type(path) == "array":
        return None
    if (path / DATASOURCE).is_file() and _webknossos(path, "labels") is not None:
        return path
    series = None if "multiscales" in _attributes(path) else _series(path)
    if series is not None:
        return find_labels(series)
    for name in NAMES["labels"]:
        if os.path.lexists(path / name) and node_type(path / name) == "array":
            return path / name
    return _label_image(path)


def node_type(path: Path) -> str:
    """What a folder holds: "array", "group" or, for no Zarr, nothing."""
    try:
        document = read_json(path / "zarr.json")
    except DamagedFileError as error:
        raise unreadable(path, "Zarr", error) from None
    if document is not None:
        return str(document.get("node_type"))[:20]
    if (path / ".zarray").is_file():
        return "array"
    return "group" if (path / ".zgroup").is_file() else ""


def refuse_links_out(root: Path, folder: Path) -> None:
    """Raises InputError for a folder that leads out of `root`."""
    if not os.path.realpath(folder).startswith(os.path.realpath(root) + os.sep):
        raise InputError(
            f"{folder}: is a link that leads out of the Zarr, expected an array; give the path of "
            "the array itself"
        )


def _attributes(path: Path) -> dict[str, Any]:
    """Attributes of a node; those of OME-Zarr 0.5 are under "ome"."""
    document = read_json(path / "zarr.json")
    attributes = read_json(path / ".zattrs") if document is None else document.get("attributes")
    if not isinstance(attributes, dict):
        return {}
    ome = attributes.get("ome")
    return {**attributes, **ome} if isinstance(ome, dict) else attributes


def _inside(path: Path, name: object) -> Path:
    """A folder that metadata names, which must lie inside the one it is about."""
    if not isinstance(name, str) or not name or len(name) > 1_000 or "\0" in name:
        raise DamagedFileError(f"its metadata names {str(name)[:40]!r} as the path of an array")
    found = path / name
    parts = Path(name).parts
    if Path(name).is_absolute() or ".." in parts:
        raise DamagedFileError(f"its metadata leads out of it, to {name[:60]!r}")
    refuse_links_out(path, found)
    return found


def _only(values: object, what: str) -> dict[str, Any]:
    """The first of a list of objects."""
    if not isinstance(values, list) or not values or not isinstance(values[0], dict):
        raise DamagedFileError(f"its metadata lists no {what}")
    return dict(values[0])


def _multiscale(path: Path, attributes: dict[str, Any]) -> FoundArray:
    """The array of full scale, the first of the first multiscale."""
    image = _only(attributes["multiscales"], "image in multiscales")
    dataset = _only(image.get("datasets"), "array in datasets")
    folder = _inside(path, dataset.get("path"))
    if node_type(folder) != "array":
        raise DamagedFileError(f"its metadata names {folder.name[:40]!r}, where there is no array")
    axes = image.get("axes")
    if axes is None:
        return _named_axes(folder)  # versions 0.1 and 0.2
    if not isinstance(axes, list):
        raise DamagedFileError("the axes in its metadata are no list")
    names, units = [], []
    for axis in axes:
        entry = {"name": axis} if isinstance(axis, str) else axis
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise DamagedFileError("an axis in its metadata has no name")
        names.append(entry["name"])
        units.append(entry.get("unit"))
    scale = _scale(dataset, len(names))
    more = _scale(image, len(names))
    sizes = tuple(in_nanometres(a * b, unit) for a, b, unit in zip(scale, more, units))
    # The image's own steps come behind those of the array.
    shifts = [
        a * factor + b
        for a, factor, b in zip(
            _translation(dataset, len(names)), more, _translation(image, len(names))
        )
    ]
    origin = tuple(length_in_nanometres(shift, unit) for shift, unit in zip(shifts, units))
    return FoundArray(folder, tuple(names), sizes, origin)


def _scale(entry: dict[str, Any], n_axes: int) -> Sequence[float]:
    found = [1.0] * n_axes
    steps = entry.get("coordinateTransformations")
    for step in steps if isinstance(steps, list) else ():
        values = step.get("scale") if isinstance(step, dict) else None
        if isinstance(values, list) and len(values) == n_axes:
            if not all(type(v) in (int, float) and 0 < v < 1e100 for v in values):
                raise DamagedFileError(f"its metadata gives the scale {str(values)[:60]}")
            found = [a * b for a, b in zip(found, values)]
    return found


def _translation(entry: dict[str, Any], n_axes: int) -> Sequence[float]:
    steps = entry.get("coordinateTransformations")
    for step in steps if isinstance(steps, list) else ():
        values = step.get("translation") if isinstance(step, dict) else None
        if isinstance(values, list) and len(values) == n_axes:
            if not all(type(v) in (int, float) and abs(v) < 1e100 for v in values):
                raise DamagedFileError(f"its metadata gives the translation {str(values)[:60]}")
            return [float(v) for v in values]
    return [0.0] * n_axes


def _series(path: Path) -> Path | None:
    """The only image of the layout of bioformats2raw; None for another layout."""
    if node_type(path / "0") != "group" or "multiscales" not in _attributes(path / "0"):
        return None
    refuse_links_out(path, path / "0")
    if node_type(path / "1") == "group":
        n_series = sum(entry.name.isdecimal() for entry in path.iterdir())
        raise InputError(
            f"{path}: holds {n_series} images, 0 and further ones, expected one; give the path of "
            "one of them, for example "
            f"{path / '0'}"
        )
    return path / "0"


def _label_image(path: Path) -> Path | None:
    """The only label image that an image of OME-Zarr has beside it."""
    folder = path / "labels"
    if node_type(folder) != "group":
        return None
    refuse_links_out(path, folder)
    listed = _attributes(folder).get("labels")
    if not isinstance(listed, list) or not listed:
        return None
    if len(listed) > 1:
        names = ", ".join(str(name)[:40] for name in listed[:6])
        raise InputError(
            f"{path}: has the label images {names}, expected one; give the path of one of them, "
            f"under {folder}, as the labels"
        )
    return _inside(folder, listed[0])


def _named_axes(folder: Path) -> FoundArray:
    """An array by itself, with the names that format 3 or xarray give its axes."""
    document = read_json(folder / "zarr.json")
    names = None if document is None else document.get("dimension_names")
    if names is None:
        names = _attributes(folder).get("_ARRAY_DIMENSIONS")
    return FoundArray(folder, short_names(names) if isinstance(names, list) else None)


def _webknossos(path: Path, role: Role) -> FoundArray | None:
    """The layer of a WEBKNOSSOS dataset: colour for images, segmentation for labels."""
    document = read_json(path / DATASOURCE) or {}
    layers = document.get("dataLayers")
    category = "color" if role == "images" else "segmentation"
    found = [
        layer
        for layer in (layers if isinstance(layers, list) else ())
        if isinstance(layer, dict) and layer.get("category") == category
    ]
    if not found:
        return None
    if len(found) > 1:
        names = ", ".join(str(layer.get("name"))[:40] for layer in found[:6])
        raise InputError(
            f"{path}: has the {category} layers {names}, expected one; give the path of one of them"
        )
    layer = found[0]
    if layer.get("dataFormat") not in ("zarr", "zarr3"):
        stored = str(layer.get("dataFormat"))[:20]
        raise not_supported(path, f"a WEBKNOSSOS layer stored as {stored}", "zarr or zarr3")
    mags = layer.get("mags")
    mag = min((m for m in mags if isinstance(m, dict)), key=_magnification, default=None) \
        if isinstance(mags, list) else None  # fmt: skip
    if mag is None:
        raise DamagedFileError(f"{DATASOURCE} lists no mag of its layer")
    folder = _inside(path, mag.get("path") or f"{layer.get('name')}/{mag.get('mag')}")
    order = mag.get("axisOrder")
    if not isinstance(order, dict) or sorted(map(str, order.values())) != [
        str(place) for place in range(len(order))
    ]:
        raise DamagedFileError(f"{DATASOURCE} gives no order of axes")
    axes = tuple(sorted(map(str, order), key=lambda name: int(order[name])))
    return FoundArray(folder, axes, _voxel_sizes(document, axes))


def _magnification(mag: dict[str, Any]) -> float:
    found = mag.get("mag")
    values: list[object] = found if isinstance(found, list) else [found]
    return float(sum(v for v in values if isinstance(v, int | float) and 0 < v < 2**40))


def _voxel_sizes(document: dict[str, Any], names: Sequence[str]) -> tuple[float | None, ...] | None:
    scale = document.get("scale")
    factor, unit = scale, "nanometer"
    if isinstance(scale, dict):
        factor, unit = scale.get("factor"), str(scale.get("unit"))
    if not isinstance(factor, list) or len(factor) != 3:
        return None
    by_axis = dict(zip("xyz", factor))
    return tuple(in_nanometres(by_axis.get(name), unit) for name in names)
