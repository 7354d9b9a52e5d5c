"""Zarr: which array is meant, which axis is which, how large pixels are, as metadata says."""

import json

import numpy as np
import pytest
import zarr

from loihiseg.data import read_stack
from loihiseg.data.readers import open_sections
from loihiseg.data.warn import ReadingWarning
from loihiseg.errors import InputError

GREY = np.random.default_rng(0).integers(1, 120, (5, 37, 50), dtype=np.uint8)
LABELS = np.where(np.random.default_rng(1).random(GREY.shape) < 0.2, 0, 255).astype(np.uint8)
AXES = {
    "z": {"name": "z", "type": "space", "unit": "nanometer"},
    "y": {"name": "y", "type": "space", "unit": "micrometer"},
    "x": {"name": "x", "type": "space", "unit": "angstrom"},
    "c": {"name": "c", "type": "channel"},
    "t": {"name": "t", "type": "time", "unit": "second"},
}
SCALE = {"z": 50.0, "y": 0.004, "x": 40.0, "c": 1.0, "t": 1.0}
both_formats = pytest.mark.parametrize("zarr_format", [2, 3])


def _turned(array, axes):
    """(z, y, x) as an array of these axes, others of length one."""
    places = [axis for axis in axes if axis in "zyx"]
    turned = array.transpose(["zyx".index(axis) for axis in places])
    return turned[tuple(slice(None) if axis in "zyx" else np.newaxis for axis in axes)]


def _ome(group, array=GREY, axes="zyx", names=("0", "1"), path="", **image):
    """An image of OME-Zarr with levels of these names."""
    where = group.require_group(path) if path else group
    datasets = []
    for level, name in enumerate(names):
        small = _turned(array[:, :: 2**level, :: 2**level], axes)
        chunks = tuple(min(16, length) for length in small.shape)
        where.create_array(name, data=np.ascontiguousarray(small), chunks=chunks)
        factor = {"y": 2.0**level, "x": 2.0**level}
        scale = [SCALE[axis] * factor.get(axis, 1.0) for axis in axes]
        step = {"type": "scale", "scale": scale}
        datasets.append({"path": name, "coordinateTransformations": [step]})
    multiscales = {"axes": [AXES[a] for a in axes], "datasets": datasets, **image}
    if group.metadata.zarr_format == 2:
        where.attrs["multiscales"] = [{"version": "0.4", **multiscales}]
    else:
        where.attrs["ome"] = {"version": "0.5", "multiscales": [multiscales]}
    return group


def _group(path, zarr_format):
    return zarr.open_group(path, mode="w", zarr_format=zarr_format)


def _read(path, role="images"):
    with open_sections(path, role) as reader:
        return np.stack([reader.section(z) for z in range(reader.shape[0])]), reader.pixel_nm


@both_formats
@pytest.mark.parametrize("axes", ["zyx", "xyz", "yxz", "tczyx", "zcyx", "zyxc", "cxyz"])
@pytest.mark.parametrize("names", [("0", "1"), ("s0", "s1"), ("scale0/image", "scale1/image")])
def test_axes_levels_and_scale_of_ome(tmp_path, zarr_format, axes, names):
    path = tmp_path / "em.zarr"
    _ome(_group(path, zarr_format), axes=axes, names=names)
    found, pixel_nm = _read(path)
    np.testing.assert_array_equal(found, GREY)
    np.testing.assert_allclose(pixel_nm, (50, 4, 4))


@both_formats
def test_levels_in_another_order_than_their_names(tmp_path, zarr_format):
    _ome(_group(tmp_path / "em.zarr", zarr_format), names=("1", "0"))
    np.testing.assert_array_equal(read_stack(tmp_path / "em.zarr").images, GREY)


def test_one_section_and_scale_of_the_whole_image(tmp_path):
    whole = [{"type": "scale", "scale": [2.0, 3.0]}]
    group = _group(tmp_path / "em.zarr", 2)
    group.create_array("a", data=GREY[0])
    group.attrs["multiscales"] = [{
        "axes": [AXES["y"], AXES["x"]], "coordinateTransformations": whole,
        "datasets": [{"path": "a", "coordinateTransformations": [
            {"type": "scale", "scale": [0.004, 40.0]},
            {"type": "translation", "translation": [1, 1]},
        ]}],
    }]  # fmt: skip
    found, pixel_nm = _read(tmp_path / "em.zarr")
    np.testing.assert_array_equal(found, GREY[:1])
    assert pixel_nm[0] is None
    np.testing.assert_allclose(pixel_nm[1:], (8, 12))


@pytest.mark.parametrize(
    "axes", [None, ["z", "y", "x"], [{"name": "z"}, {"name": "y"}, {"name": "x"}]]
)
def test_axes_of_early_versions(tmp_path, axes):
    group = _group(tmp_path / "em.zarr", 2)
    group.create_array("0", data=GREY)
    image = {"version": "0.3", "datasets": [{"path": "0"}], "axes": axes}
    group.attrs["multiscales"] = [{k: v for k, v in image.items() if v is not None}]
    found, pixel_nm = _read(tmp_path / "em.zarr")
    np.testing.assert_array_equal(found, GREY)
    assert pixel_nm is None


@both_formats
@pytest.mark.parametrize("axes, words", [("czyx", "2 channels"), ("zyxc", "2 channels")])
def test_channels_are_refused(tmp_path, zarr_format, axes, words):
    group = _group(tmp_path / "em.zarr", zarr_format)
    _ome(group, axes=axes, names=("0",))
    place = axes.index("c")
    group.create_array("0", data=np.repeat(_turned(GREY, axes), 2, place), overwrite=True)
    with pytest.raises(InputError, match=words):
        read_stack(tmp_path / "em.zarr")


def test_time_as_sections_is_said(tmp_path):
    group = _group(tmp_path / "em.zarr", 2)
    _ome(group, names=("0",))
    image = group.attrs["multiscales"][0]
    group.attrs["multiscales"] = [{**image, "axes": [AXES["t"], AXES["y"], AXES["x"]]}]
    with pytest.warns(ReadingWarning, match="5 points of time are taken as sections"):
        found, _ = _read(tmp_path / "em.zarr")
    np.testing.assert_array_equal(found, GREY)


@pytest.mark.parametrize("names", [["z", "y", "x"], ["x", "z", "y"], ["Z", "Y", "X"]])
def test_axes_named_by_the_array(tmp_path, names):
    array = _turned(GREY, "".join(names).lower())
    zarr.create_array(tmp_path / "3.zarr", data=np.ascontiguousarray(array), dimension_names=names)
    np.testing.assert_array_equal(read_stack(tmp_path / "3.zarr").images, GREY)
    two = zarr.create_array(tmp_path / "2.zarr", data=np.ascontiguousarray(array), zarr_format=2)
    two.attrs["_ARRAY_DIMENSIONS"] = names
    np.testing.assert_array_equal(read_stack(tmp_path / "2.zarr").images, GREY)


def test_unnamed_channels_in_the_end(tmp_path):
    zarr.create_array(tmp_path / "em.zarr", data=np.repeat(GREY[0][..., np.newaxis], 3, 2))
    with pytest.raises(InputError, match="looks like 3 channels"):
        read_stack(tmp_path / "em.zarr")


@both_formats
@pytest.mark.parametrize("inner", ["", "0"])
def test_label_images(tmp_path, zarr_format, inner):
    """Beside an image, also one in the layout of bioformats2raw."""
    group = _group(tmp_path / "em.zarr", zarr_format)
    prefix = f"{inner}/" if inner else ""
    _ome(group, path=inner)
    _ome(group, LABELS, names=("s0",), path=f"{prefix}labels/membrane")
    attributes = {"labels": ["membrane"]}
    labels = group[f"{prefix}labels"]
    labels.attrs.update(attributes if zarr_format == 2 else {"ome": attributes})
    stack = read_stack(tmp_path / "em.zarr")
    np.testing.assert_array_equal(stack.images, GREY)
    np.testing.assert_array_equal(stack.membrane, LABELS == 0)
    given = read_stack(tmp_path / "em.zarr", labels=tmp_path / "em.zarr")
    np.testing.assert_array_equal(given.membrane, LABELS == 0)
    more = {"labels": ["membrane", "mitochondria"]}
    labels.attrs.update(more if zarr_format == 2 else {"ome": more})
    with pytest.raises(InputError, match="label images membrane, mitochondria"):
        read_stack(tmp_path / "em.zarr")


@both_formats
def test_several_images_of_bioformats2raw(tmp_path, zarr_format):
    group = _group(tmp_path / "em.zarr", zarr_format)
    for series in ("0", "1"):
        _ome(group, GREY[:, :, int(series) :], path=series)
    with pytest.raises(InputError, match="holds 2 images"):
        read_stack(tmp_path / "em.zarr")
    np.testing.assert_array_equal(read_stack(tmp_path / "em.zarr" / "0").images, GREY)


def _webknossos(root, zarr_format):
    layers = []
    for name, category, array in (("EM", "color", GREY), ("cells", "segmentation", LABELS)):
        for mag, step in (("2-2-1", 2), ("1", 1)):
            data = np.ascontiguousarray(_turned(array[:, ::step, ::step], "cxyz"))
            zarr.create_array(root / name / mag, data=data, zarr_format=zarr_format, order="F"
                              if zarr_format == 2 else None)  # fmt: skip
        order = {"c": 0, "x": 1, "y": 2, "z": 3}
        layers.append({
            "name": name, "category": category, "dataFormat": ["zarr", "zarr3"][zarr_format - 2],
            "mags": [{"mag": [2, 2, 1], "path": f"./{name}/2-2-1", "axisOrder": order},
                     {"mag": [1, 1, 1], "path": f"./{name}/1", "axisOrder": order}],
        })  # fmt: skip
    document = {
        "id": {"name": "x"}, "dataLayers": layers,
        "scale": {"factor": [4.0, 4.0, 50.0], "unit": "nanometer"},
    }  # fmt: skip
    (root / "datasource-properties.json").write_text(json.dumps(document))
    return document


@both_formats
def test_webknossos(tmp_path, zarr_format):
    document = _webknossos(tmp_path / "wk", zarr_format)
    stack = read_stack(tmp_path / "wk")
    np.testing.assert_array_equal(stack.images, GREY)
    np.testing.assert_array_equal(stack.membrane, LABELS == 0)
    assert _read(tmp_path / "wk")[1] == (50.0, 4.0, 4.0)
    document["dataLayers"][0]["dataFormat"] = "wkw"
    (tmp_path / "wk" / "datasource-properties.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="stored as wkw"):
        read_stack(tmp_path / "wk")


@pytest.mark.parametrize(
    "path", ["../other", "/etc", "missing", "", 3, None, "a" * 2000, "../em.zarr/../x", "\0", ["0"]]
)
def test_paths_that_lead_out_or_nowhere(tmp_path, path):
    group = _group(tmp_path / "em.zarr", 2)
    zarr.create_array(tmp_path / "other", data=GREY, zarr_format=2)
    group.create_array("0", data=GREY)
    group.attrs["multiscales"] = [{"datasets": [{"path": path}]}]
    with pytest.raises(InputError) as error:
        read_stack(tmp_path / "em.zarr")
    assert "\n" not in str(error.value) and len(str(error.value)) < 600


@pytest.mark.parametrize("multiscales", [
    [], {}, None, [3], [{}], [{"datasets": []}], [{"datasets": [3]}], "x",
    [{"datasets": [{"path": "0"}], "axes": 3}],
    [{"datasets": [{"path": "0"}], "axes": [{}, {}, {}]}],
    [{"datasets": [{"path": "0"}], "axes": ["z", "y"]}],
    [{"datasets": [{"path": "0"}], "axes": ["a", "y", "x"]}],
    [{"datasets": [{"path": "0"}], "axes": ["y", "y", "x"]}],
    [{"datasets": [{"path": "0", "coordinateTransformations":
      [{"type": "scale", "scale": [0, 1, -1]}]}], "axes": ["z", "y", "x"]}],
])  # fmt: skip
def test_metadata_of_strangers_is_refused(tmp_path, multiscales):
    group = _group(tmp_path / "em.zarr", 2)
    group.create_array("0", data=GREY)
    group.attrs["multiscales"] = multiscales
    with pytest.raises(InputError) as error:
        read_stack(tmp_path / "em.zarr")
    assert "\n" not in str(error.value) and "em.zarr" in str(error.value)


def test_windows_read_only_the_chunks_they_touch(tmp_path):
    path = tmp_path / "em.zarr"
    zarr.create_array(path, data=GREY, chunks=(2, 16, 16), zarr_format=2, compressors=None)
    (path / "0.2.3").write_bytes(b"cut off")
    with open_sections(path) as reader:
        assert reader.chunk == (2, 16, 16)
        for number, rows, columns in [
            (0, slice(0, 20), slice(5, 33)), (1, slice(3, 4), slice(0, 50)),
            (4, slice(0, 37), slice(49, 50)), (3, slice(5, 5), slice(0, 9)),
        ]:  # fmt: skip
            found = reader.window(number, rows, columns)
            np.testing.assert_array_equal(found, GREY[number, rows, columns])
        with pytest.raises(InputError, match=r"chunk 0\.2\.3"):
            reader.window(0, slice(30, 37), slice(40, 50))


def test_missing_chunks_without_a_fill_value_are_refused(tmp_path):
    path = tmp_path / "em.zarr"
    zarr.create_array(path, data=GREY, chunks=(2, 16, 16), zarr_format=2)
    (path / "0.2.3").unlink()
    with pytest.warns(ReadingWarning, match="1 of 36 chunks"):
        read_stack(path)
    document = json.loads((path / ".zarray").read_text())
    (path / ".zarray").write_text(json.dumps({**document, "fill_value": None}))
    with pytest.raises(InputError, match="no fill value"):
        read_stack(path)
