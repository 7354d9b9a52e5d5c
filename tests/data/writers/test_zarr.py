"""Levels, axes and scale of OME-Zarr 0.4."""

import json

import numpy as np
import pytest
import zarr

from loihiseg.data.readers import open_sections
from loihiseg.data.writers import open_output
from loihiseg.data.writers.pyramid import halve, level_shapes
from tests.data.writers.outputs import opened, pixels

SIZES = (50.0, 4.5, 4.0)


def attributes(folder):
    return json.loads((folder / ".zattrs").read_text())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    array, cells = pixels((2, 1100, 1050), "u1"), pixels((2, 1100, 1050), "u4")
    cells //= 2**30  # neighbours that are equal
    path = tmp_path_factory.mktemp("zarr") / "map.zarr"
    with opened(path, array, pixel_nm=SIZES) as output:
        mask, labels = output.add_labels("mask", "u1"), output.add_labels("cells", "u4")
        for number in range(2):
            output.write(number, array[number])
            mask.write(number, (array[number] > 99).astype("u1"))
            labels.write(number, cells[number])
    return path, array, cells


def test_axes_scale_and_levels(written):
    path, array, _ = written
    (found,) = attributes(path)["multiscales"]
    assert found["version"] == "0.4"
    assert [axis["name"] for axis in found["axes"]] == ["z", "y", "x"]
    assert all(a["type"] == "space" and a["unit"] == "nanometer" for a in found["axes"])
    group = zarr.open_group(str(path), mode="r")
    assert group.metadata.zarr_format == 2
    extent = None
    for number, level in enumerate(found["datasets"]):
        assert level["path"] == str(number)
        scale, *moved = level["coordinateTransformations"]
        step = 2**number
        assert scale == {"type": "scale", "scale": [50.0, 4.5 * step, 4.0 * step]}
        # Each level begins where the full one does: at half a pixel before its first middle.
        start = np.subtract(moved[0]["translation"] if moved else 0, np.divide(scale["scale"], 2))
        extent = start if extent is None else extent
        np.testing.assert_allclose(start, extent)
        stored = group[str(number)]
        assert stored.shape == (2, *level_shapes(1100, 1050)[number])
        assert stored.chunks[0] == 1 and max(stored.chunks) <= 1024
    assert number == 2 and max(stored.shape) <= 512
    np.testing.assert_array_equal(group["0"][:], array)


def test_levels_are_means_of_images_and_ids_of_labels(written):
    path, array, cells = written
    group = zarr.open_group(str(path), mode="r")
    even = array[:, :1100, :1050].reshape(2, 550, 2, 525, 2).astype(float).mean(axis=(2, 4))
    np.testing.assert_array_equal(group["1"][:], np.floor(even + 0.5))
    coarse = group["labels/cells/1"][:]
    four = cells.reshape(2, 550, 2, 525, 2).transpose(0, 1, 3, 2, 4).reshape(-1, 4)
    for one, of in list(zip(coarse.ravel(), four))[:2000]:
        counts = [list(of).count(value) for value in of]
        assert one == of[int(np.argmax(counts))]
    assert set(np.unique(group["labels/mask/2"][:])) <= {0, 1}


def test_labels_are_listed_and_say_whose_they_are(written):
    path, _, cells = written
    assert attributes(path / "labels") == {"labels": ["mask", "cells"]}
    found = attributes(path / "labels" / "cells")
    assert found["image-label"] == {"version": "0.4", "source": {"image": "../../"}}
    image = attributes(path)["multiscales"][0]
    assert found["multiscales"][0]["datasets"] == image["datasets"]
    group = zarr.open_group(str(path / "labels" / "cells"), mode="r")
    assert group["0"].dtype == np.uint32
    np.testing.assert_array_equal(group["0"][:], cells)


def test_it_is_read_here_too(written):
    path, array, _ = written
    with open_sections(path) as reader:
        assert reader.shape == array.shape
        np.testing.assert_array_equal(reader.section(1), array[1])


def test_no_unit_is_written_where_none_is_known(tmp_path):
    with opened(tmp_path / "map.zarr", pixels((1, 8, 8), "u1"), pixel_nm=None):
        pass
    (found,) = attributes(tmp_path / "map.zarr")["multiscales"]
    assert not any("unit" in axis for axis in found["axes"])


def test_what_the_library_had_not_renamed_goes(tmp_path):
    """As a kill in the middle of a chunk leaves it."""
    array = pixels((1, 8, 8), "u1")
    path = tmp_path / "map.zarr"
    opened(path, array).close()
    left = tmp_path / "map.zarr.part" / "0" / "0" / "0" / "0.0123.partial"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    with opened(path, array, resume=True) as output:
        output.write(0, array[0])
    assert not list(path.rglob("*.partial"))


@pytest.mark.parametrize(
    ("four", "mean", "label"),
    [
        ([[1, 2], [2, 4]], 2, 2),
        ([[1, 2], [3, 4]], 3, 1),
        ([[5, 7], [7, 5]], 6, 5),
        ([[9, 1], [1, 1]], 3, 1),
        ([[0, 0], [8, 8]], 4, 0),
        ([[1, 6], [8, 8]], 6, 8),
        ([[255, 255], [255, 255]], 255, 255),
    ],
)
def test_halving_by_hand(four, mean, label):
    block = np.array(four, np.uint8)
    assert halve(block, "image") == [[mean]]
    assert halve(block, "labels") == [[label]]


def test_halving_odd_ends_by_hand():
    block = np.array([[1, 3, 10], [5, 7, 20], [2, 4, 9]], np.uint8)
    assert halve(block, "image").tolist() == [[4, 15], [3, 9]]
    assert halve(block, "labels").tolist() == [[1, 10], [2, 9]]
    halves = halve(block.astype(np.float32) / 2, "image")
    assert halves.dtype == np.float32 and halves.tolist() == [[2.0, 7.5], [1.5, 4.5]]


def test_sections_of_nothing_but_0_are_finished_too(tmp_path):
    """The library keeps no file of a chunk that is all 0."""
    path = tmp_path / "map.zarr"
    ids = np.zeros((2, 5, 7), np.uint32)
    with open_output(path, shape=ids.shape, dtype="uint8", pixel_nm=None) as output:
        cells = output.add_labels("cells", np.dtype("uint32"))
        for number, section in enumerate(ids):
            output.write(number, section.astype(np.uint8))
            cells.write(number, section)
            cells.sync()
            output.sync()
    assert not zarr.open_group(path, mode="r")["labels/cells/0"][:].any()
