"""Models that today's Keras saved, in an environment of its own: the same values come of them.

`tests/make_keras_3.py` made them, and says with which Keras and how.
"""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from loihiseg.conversion.forward import forward
from loihiseg.conversion.keras_file import layer_kinds, load_keras_model
from loihiseg.conversion.keras_file.layers import LAYERS
from loihiseg.conversion.keras_file.parts import OURS
from loihiseg.conversion.lowering import lower
from loihiseg.errors import InputError

ARCHIVE = Path(__file__).parents[1] / "fixtures" / "keras_3.zip"
NAMES = sorted(Path(name).stem for name in zipfile.ZipFile(ARCHIVE).namelist() if ".npz" in name)
SUFFIXES = [".h5", ".keras"]
REFUSED = "read_alone"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keras_3")
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(folder)
    return folder


def close(found, expected):
    scale = max(float(np.abs(expected).max()), 1.0)
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=1e-5)


def values(folder, name):
    """Inputs, in the order of the model, and what Keras 3 gave for them."""
    with np.load(folder / f"{name}.npz") as found:
        return [found[f"input{n}"] for n in range(len(found.files) - 1)], found["output"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", NAMES)
def test_read_as_it_was(folder, name, suffix):
    inputs, expected = values(folder, name)
    model = load_keras_model(folder / f"{name}{suffix}")
    found = model(inputs if len(inputs) > 1 else inputs[0])
    assert found.shape == expected.shape
    close(found.numpy(), expected)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", [name for name in NAMES if name != REFUSED])
def test_lowered_it_gives_the_same(folder, name, suffix):
    inputs, expected = values(folder, name)
    lowering = lower(folder / f"{name}{suffix}")
    names = list(lowering.network.inputs)
    pixels = dict(zip(sorted(names), inputs)) if len(inputs) > 1 else inputs[0]
    found = lowering.graph(forward(lowering.network, pixels))
    close(found.reshape(expected.shape), expected)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_no_chip_runs_is_named(folder, suffix):
    with pytest.raises(InputError) as error:
        lower(folder / f"{REFUSED}{suffix}")
    for kind in ("PReLU", "LayerNormalization", "GroupNormalization", "ReLU"):
        assert f"({kind})" in str(error.value)


def test_every_kind_that_is_read_is_among_them(folder):
    found = set()
    for name in NAMES:
        found |= layer_kinds(folder / f"{name}.keras")
    # What Keras 3 no longer has, and what is not of Keras.
    assert set(LAYERS) - found == {"ThresholdedReLU", *OURS} & set(LAYERS)
