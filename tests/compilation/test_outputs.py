"""Models of several outputs: one is chosen by its name, in memory, in a file, by the command."""

import json

from loihiseg.frameworks import tf

import numpy as np
import pytest

import loihiseg
from loihiseg.errors import InputError
from tests.commands import in_process, refused

L = tf.keras.layers
IMAGES = np.random.default_rng(0).normal(0, 1, (6, 8, 8, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    """Classes of the image and of its pixels; another input that neither hears alone."""
    tf.keras.utils.set_random_seed(0)
    pixels, more = tf.keras.Input((8, 8, 2), name="pixels"), tf.keras.Input((8, 8, 1), name="more")
    x = L.Conv2D(4, 3, padding="same", activation="relu", bias_initializer="ones")(pixels)
    x = L.Conv2D(4, 3, padding="same", activation="relu", bias_initializer="ones")(x)
    whole = L.Dense(5, name="whole")(L.GlobalAveragePooling2D()(x))
    each = L.Conv2D(3, 1, name="each")(x)
    both = L.Concatenate(name="both")([each, more])
    return tf.keras.Model([pixels, more], [whole, each, both])


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("outputs") / "model.keras"
    model.save(path)
    return path


@pytest.mark.parametrize("number, name", [(0, "whole"), (1, "each")])
def test_an_output_is_deployed(model, path, number, name):
    expected = model.predict([IMAGES, IMAGES[..., :1]], verbose=0)[number].argmax(axis=-1)
    options = {"output": name, "levels": 2, "code": "ramp", "proof_seconds": 0.0}
    deployed = loihiseg.compile(model, IMAGES, **options)
    found = [one.classes for one in loihiseg.classify(deployed, IMAGES, on="float")]
    assert deployed.task.per_image == (name == "whole") and np.shape(found) == expected.shape
    again = loihiseg.deploy_images(path, IMAGES, sections="2:", **options)
    called = again.called[next(iter(again.called))]
    np.testing.assert_array_equal(called, expected[2:])
    assert again.results.agreement == 1


def test_by_the_command(path, tmp_path, capfd):
    np.savez(tmp_path / "images.npz", images=IMAGES)
    code, _, err = in_process(
        capfd, "deploy", "--checkpoint", path, "--data", tmp_path / "images.npz", "--output",
        "each", "--steps", 20, "--quiet", "--proof-seconds", 0, "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 0, err
    assert json.loads((tmp_path / "run/config.json").read_text())["output"] == "each"
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["classes"]["task"]["output_shape"] == [8, 8, 3]
    refused(
        capfd, "has 3 outputs, whole, each, both; choose one of them with --output", "deploy",
        "--checkpoint", path, "--data", tmp_path / "images.npz", "--quiet",
    )  # fmt: skip


@pytest.mark.parametrize(
    "options, says",
    [
        ({}, "a model in memory: has 3 outputs, whole, each, both; choose one of them with output"),
        ({"output": "none"}, "output none: .* it has whole, each, both"),
        ({"output": "both"}, "one"),
    ],
)
def test_refused(model, options, says):
    with pytest.raises(InputError, match=says):
        loihiseg.compile(model, IMAGES, proof_seconds=0.0, **options)


def test_a_checkpoint_has_one():
    with pytest.raises(InputError, match="tiny-synthetic is a checkpoint, which has one; leave it"):
        loihiseg.compile("tiny-synthetic", output="logits", proof_seconds=0.0)
