"""Models of other people's: read without running what came with them."""

import json
import sys
import zipfile

from loihiseg.frameworks import tf

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loihiseg.conversion.keras_file import load_keras_model
from loihiseg.errors import InputError
from loihiseg.network.config import UNetConfig
from loihiseg.network.unet import build_unet
from tests.conversion import models

SUFFIXES = [".h5", ".keras"]


def save(model, path):
    """Write an .h5 file, or the zip file that .keras stands for."""
    model.save(path, save_format="h5" if path.suffix == ".h5" else "keras_v3")


def refused(path, says):
    with pytest.raises(InputError, match=says) as error:
        load_keras_model(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("compiled", [False, True])
def test_round_trip(tmp_path, suffix, compiled):
    model = models.build(models.relu_inside)
    if compiled:
        model.compile("adam", loss="binary_crossentropy")
    path = tmp_path / f"model{suffix}"
    save(model, path)
    loaded = load_keras_model(path)
    assert getattr(loaded, "optimizer", None) is None
    pixels = models.pixels_for(model)
    np.testing.assert_array_equal(loaded(pixels), model(pixels))


def test_hdf5_under_the_name_of_a_keras_file(tmp_path):
    model = models.build(models.relu_inside)
    # What TensorFlow 2.12 did by default.
    model.save(tmp_path / "model.keras", save_format="h5")
    assert not zipfile.is_zipfile(tmp_path / "model.keras")
    pixels = models.pixels_for(model)
    np.testing.assert_array_equal(load_keras_model(tmp_path / "model.keras")(pixels), model(pixels))


@pytest.mark.parametrize("builder", models.BUILDERS, ids=lambda b: b.__name__)
def test_every_supported_model_can_be_read(tmp_path, builder):
    model = models.build(builder)
    model.save(tmp_path / "model.h5")
    pixels = models.pixels_for(model)
    loaded = load_keras_model(tmp_path / "model.h5")
    np.testing.assert_array_equal(loaded(pixels), model(pixels))


def test_relu_layers_in_a_keras_file(tmp_path):
    path = tmp_path / "model.keras"  # TensorFlow 2.12 wrote the ReLU layer so that it was lost
    model = models.build(models.plain)
    save(model, path)
    pixels = models.pixels_for(model)
    np.testing.assert_array_equal(load_keras_model(path)(pixels), model(pixels))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_our_own_layers_come_back(tmp_path, suffix):
    model = build_unet(UNetConfig(16, (2, 3), (1, 1), (1,)))
    path = tmp_path / f"model{suffix}"
    save(model, path)
    loaded = load_keras_model(str(path))
    pixels = models.pixels_for(model)
    np.testing.assert_array_equal(loaded(pixels), model(pixels))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("nested", [False, True])
def test_code_is_refused_and_not_run(tmp_path, suffix, nested):
    mark = tmp_path / "was-run"
    inputs = tf.keras.Input((4, 4, 1))
    run = tf.keras.layers.Lambda(
        lambda x, path=str(mark): (open(path, "w").close(), x)[1], name="evil"
    )
    outputs = run(inputs)
    if nested:
        outputs = tf.keras.Model(inputs, outputs, name="part")(inputs)
    path = tmp_path / f"model{suffix}"
    save(tf.keras.Model(inputs, outputs), path)
    mark.unlink()
    refused(path, "layer 'evil' \\(Lambda\\) carries Python code, which is not run; replace it")
    assert not mark.exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_operators_are_refused(tmp_path, suffix):
    inputs = tf.keras.Input((4, 4, 1))
    path = tmp_path / f"model{suffix}"
    save(tf.keras.Model(inputs, inputs * 2), path)
    refused(path, "TFOpLambda.*replace it by a Keras layer")


def rewritten(path, change):
    """The .keras file with its configuration changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    change(config)
    parts["config.json"] = json.dumps(config)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def plain_keras(tmp_path):
    path = tmp_path / "model.keras"
    save(models.build(models.relu_inside), path)
    return path


@pytest.mark.parametrize("where", ["layer", "activation", "initializer"])
def test_modules_outside_keras_are_not_imported(tmp_path, monkeypatch, where):
    (tmp_path / "intruder.py").write_text("raise SystemExit('was imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    path = plain_keras(tmp_path)
    evil = {"module": "intruder", "class_name": "Thing", "config": {}, "registered_name": "x>Thing"}

    def change(config):
        layer = config["config"]["layers"][1]
        if where == "layer":
            layer.update(evil)
        elif where == "activation":
            layer["config"]["activation"] = {**evil, "class_name": "function", "config": "Thing"}
        else:
            layer["config"]["kernel_initializer"] = evil

    rewritten(path, change)
    refused(path, "intruder.*which is not run")
    assert "intruder" not in sys.modules


def test_pickled_function_as_activation_is_refused(tmp_path):
    path = plain_keras(tmp_path)

    def change(config):
        config["config"]["layers"][1]["config"]["activation"] = {
            "class_name": "__lambda__", "config": {"value": "AAAA"},
        }  # fmt: skip

    rewritten(path, change)
    refused(path, "carries Python code")


@pytest.mark.parametrize("name", ["absent.h5", "absent.keras", "absent/absent.h5"])
def test_missing(tmp_path, name):
    refused(tmp_path / name, "no such Keras model; expected an .h5 or .keras file")


def test_folder(tmp_path):
    (tmp_path / "model.h5").mkdir()
    refused(tmp_path / "model.h5", "no such Keras model")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 no", b"\x89HDF\r\n\x1a\n no"])
def test_no_model_at_all(tmp_path, suffix, content):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    refused(path, "not a Keras model .*; save it with model.save")


def test_weights_alone(tmp_path):
    path = tmp_path / "weights.h5"
    models.build(models.relu_inside).save_weights(path)
    refused(path, "not a Keras model")


def test_hdf5_of_something_else(tmp_path):
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["data"] = [1, 2, 3]
    refused(path, "not a Keras model")


def test_zip_of_something_else(tmp_path):
    path = tmp_path / "other.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")
    refused(path, "not a Keras model")


def test_unknown_layer(tmp_path):
    class Halve(tf.keras.layers.Layer):
        def call(self, x):
            return x / 2

    inputs = tf.keras.Input((4, 4, 1))
    for suffix in SUFFIXES:
        path = tmp_path / f"model{suffix}"
        save(tf.keras.Model(inputs, Halve()(inputs)), path)
        refused(path, "Halve")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    model = models.build(models.relu_inside)
    for suffix in SUFFIXES:
        save(model, folder / f"model{suffix}")
    return folder


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(
    max_examples=12, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(share=st.floats(0.01, 0.99))
def test_truncated_at_any_byte(saved, suffix, share):
    data = (saved / f"model{suffix}").read_bytes()
    path = saved / f"cut{suffix}"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError) as error:
        load_keras_model(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(
    max_examples=25, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(places=st.lists(st.floats(0, 0.999), min_size=1, max_size=20), value=st.integers(0, 255))
def test_damaged_at_any_byte(saved, suffix, places, value):
    data = bytearray((saved / f"model{suffix}").read_bytes())
    for place in places:
        data[int(len(data) * place)] = value
    path = saved / f"damaged{suffix}"
    path.write_bytes(data)
    try:
        load_keras_model(path)
    except InputError as error:
        assert "\n" not in str(error)
