"""Labels of the shape of the images that show another place, or another size, are refused."""

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from loihiseg.data import read_stack
from loihiseg.errors import InputError

GREY = np.random.default_rng(0).integers(1, 255, (4, 20, 24), dtype=np.uint8)
LABELS = np.where(np.random.default_rng(1).random(GREY.shape) < 0.2, 0, 255).astype(np.uint8)


def _ome(path, array, scale=(50, 4, 4), shift=None, whole=None, unit="nanometer", version="0.4"):
    group = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3)
    group.create_array("0", data=array, chunks=(1, 20, 24))
    steps = [{"type": "scale", "scale": list(scale)}]
    if shift is not None:
        steps.append({"type": "translation", "translation": list(shift)})
    image = {
        "axes": [{"name": n, "type": "space", "unit": unit} for n in "zyx"],
        "datasets": [{"path": "0", "coordinateTransformations": steps}],
    }
    if whole is not None:
        image["coordinateTransformations"] = [
            {"type": "scale", "scale": [2, 2, 2]}, {"type": "translation", "translation": whole}
        ]  # fmt: skip
    if version == "0.4":
        group.attrs["multiscales"] = [{"version": version, **image}]
    else:
        group.attrs["ome"] = {"version": version, "multiscales": [image]}
    return path


def _cremi(path, **attributes):
    with h5py.File(path, "w") as file:
        file["volumes/raw"], file["volumes/labels/neuron_ids"] = GREY, LABELS.astype("u8")
        for name, of in attributes.items():
            for attribute, value in of.items():
                path_in = {"raw": "volumes/raw", "ids": "volumes/labels/neuron_ids"}[name]
                file[path_in].attrs[attribute] = np.array(value, float)
    return path


def _refused(words, *paths):
    with pytest.raises(InputError) as error:
        read_stack(*paths)
    assert words in str(error.value) and "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("shift, words", [
    ((0, 40, 40), "begins 0 x 10 x 10 pixels"), ((50, 0, 0), "begins 1 x 0 x 0"),
    ((0, 0, -8), "begins 0 x 0 x -2"),
])  # fmt: skip
def test_ome_translation(tmp_path, version, shift, words):
    images = _ome(tmp_path / "em.zarr", GREY, version=version)
    labels = _ome(tmp_path / "l.zarr", LABELS, shift=shift, version=version)
    assert str(labels) in _refused(words, images, labels)
    moved = _ome(tmp_path / "moved.zarr", GREY, shift=shift, version=version)
    np.testing.assert_array_equal(read_stack(moved, labels).membrane, LABELS == 0)


def test_ome_translation_of_the_whole_image(tmp_path):
    images = _ome(tmp_path / "em.zarr", GREY, scale=(25, 2, 2), whole=[0, 80, 0])
    labels = _ome(tmp_path / "l.zarr", LABELS, shift=(0, 80, 0))
    np.testing.assert_array_equal(read_stack(images, labels).membrane, LABELS == 0)
    _refused("begins 0 x -20 x 0", images, _ome(tmp_path / "l.zarr", LABELS))


@pytest.mark.parametrize("scale, unit", [((50, 8, 8), "nanometer"), ((100, 4, 4), "nanometer"),
                                         ((50, 4, 4), "micrometer")])  # fmt: skip
def test_other_sizes(tmp_path, scale, unit):
    images = _ome(tmp_path / "em.zarr", GREY)
    _refused("the images have 50 x 4 x 4", images,
             _ome(tmp_path / "l.zarr", LABELS, scale=scale, unit=unit))  # fmt: skip


def test_the_same_in_other_words(tmp_path):
    images = _ome(tmp_path / "em.zarr", GREY, shift=(0, 0.9, 0))
    labels = _ome(tmp_path / "l.zarr", LABELS, scale=(0.05, 0.004, 0.00401), unit="micrometer")
    np.testing.assert_array_equal(read_stack(images, labels).membrane, LABELS == 0)
    tifffile.imwrite(tmp_path / "l.tif", LABELS, photometric="minisblack")  # says nothing
    np.testing.assert_array_equal(read_stack(images, tmp_path / "l.tif").membrane, LABELS == 0)


def test_cremi_offset(tmp_path):
    size = {"resolution": (40, 4, 4)}
    path = _cremi(tmp_path / "a.h5", raw=size, ids={**size, "offset": (40, 0, 8)})
    _refused("begins 1 x 0 x 2 pixels", path)
    path = _cremi(tmp_path / "b.h5", raw={**size, "offset": (40, 0, 8)},
                  ids={**size, "offset": (40, 0, 8)})  # fmt: skip
    np.testing.assert_array_equal(read_stack(path).membrane, LABELS == 0)
    path = _cremi(tmp_path / "c.h5", raw=size, ids={"resolution": (40, 8, 8)})
    _refused("the images have 40 x 4 x 4", path)


@pytest.mark.parametrize("shift", [["a", 0, 0], [None, 0, 0], [1e200, 0, 0], [True, 0, 0]])
def test_translations_of_strangers(tmp_path, shift):
    _refused("translation", _ome(tmp_path / "em.zarr", GREY, shift=shift))
