"""Maps that no run of ours made, scored against labels in files."""

import re
from dataclasses import replace

import numpy as np
import pytest
import tifffile

import loihiseg
from loihiseg.data.stack import make_stack
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.data.writers import open_output
from loihiseg.errors import InputError
from loihiseg.results import Network


@pytest.fixture(scope="module")
def stack():
    return synthetic_stack(2, (48, 40))


@pytest.fixture(scope="module")
def probability(stack):
    noise = np.random.default_rng(0).normal(size=stack.membrane.shape)
    return np.clip(0.3 + 0.4 * stack.membrane + 0.2 * noise, 0, 1).astype(np.float32)


@pytest.fixture(scope="module")
def labels(stack, tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "labels.tif"
    tifffile.imwrite(path, (~stack.membrane * 255).astype(np.uint8), photometric="minisblack")
    return path


def written(path, values):
    with open_output(path, shape=values.shape, dtype=values.dtype, pixel_nm=None) as output:
        for number, one in enumerate(values):
            output.write(number, one)
    return path


@pytest.mark.parametrize("name", ["map.tif", "map.zarr"])
@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_a_file_is_scored_as_its_values_are(stack, probability, labels, tmp_path, name, kind):
    values = probability
    if kind == "uint8":
        values = np.rint(values * 255).astype(np.uint8)
    path = written(tmp_path / name, values)
    expected = loihiseg.score(probability if kind == "float32" else values, stack.membrane)
    found = loihiseg.score(str(path), labels)
    assert found.network is expected.network is Network.GIVEN
    assert (found.name, expected.name) == (name, "a given map")
    assert replace(found, name=expected.name) == expected
    assert loihiseg.score(path, stack.membrane) == found
    named = loihiseg.score(path, stack.membrane, network=Network.TRAINED)
    assert (named.network, named.name) == (Network.TRAINED, "trained")
    assert 0.7 < expected.pixel.accuracy < 1 and expected.challenge.v_rand > 0.1


def test_bytes_stand_for_255ths(stack, probability):
    values = np.rint(probability * 255).astype(np.uint8)
    assert loihiseg.score(values, stack.membrane) == loihiseg.score(
        values.astype(np.float32) / np.float32(255), stack.membrane
    )


def test_a_single_section(stack, probability, tmp_path):
    for name, one in (("map", probability[0]), ("labels", (~stack.membrane[0] * 255))):
        tifffile.imwrite(tmp_path / f"{name}.tif", one.astype("f4" if name == "map" else "u1"))
    found = loihiseg.score(tmp_path / "map.tif", tmp_path / "labels.tif")
    expected = loihiseg.score(probability[0], stack.membrane[0])
    assert found == replace(expected, name="map.tif")


def test_polarity_of_labels_can_be_said(stack, probability, tmp_path):
    inverted = tmp_path / "inverted.tif"
    tifffile.imwrite(inverted, (~stack.membrane).astype(np.uint8), photometric="minisblack")
    row = loihiseg.score(probability, inverted, label_polarity="membrane-bright")
    assert row.pixel == loihiseg.score(probability, ~stack.membrane).pixel


def test_sections_without_labels_are_left_out(stack, probability, tmp_path):
    some = (~stack.membrane * 255).astype(np.uint8)
    some[0] = 255
    path = tmp_path / "some.tif"
    tifffile.imwrite(path, some, photometric="minisblack")
    with pytest.warns(UserWarning, match="have one value: 1 of 2 sections count as not labelled"):
        found = loihiseg.score(probability, path)
    assert found == loihiseg.score(probability[1:], stack.membrane[1:])


def test_what_is_no_map(stack, probability, labels, tmp_path):
    mask = (probability > 0.5).astype(np.uint8)
    for maps, says in [
        (mask, "maps: uint8 of 0 and 1 alone, expected 255 for a probability of 1; give a mask as"),
        (probability * 255, "maps: type float32, expected probabilities of membrane, 0 to 1, or"),
        ((probability * 60000).astype(np.uint16), "maps: type uint16, expected probabilities"),
        (tmp_path / "none.tif", "none.tif: "),
        (probability[:1], "truth: shape (2, 48, 40), expected that of the maps, (1, 48, 40)"),
    ]:
        with pytest.raises(InputError, match=re.escape(says)):
            loihiseg.score(maps, labels)
    with pytest.raises(InputError, match=re.escape("truth: uint8, expected an array of bool")):
        loihiseg.score(probability, mask)


def test_instances_are_labels_too(stack, probability, tmp_path):
    from skimage.measure import label

    cells = np.stack([label(~one, connectivity=1) for one in stack.membrane]).astype(np.uint32)
    tifffile.imwrite(tmp_path / "cells.tif", cells, photometric="minisblack")
    truth = make_stack(stack.images, cells, "here").membrane
    assert loihiseg.score(probability, tmp_path / "cells.tif") == loihiseg.score(probability, truth)
