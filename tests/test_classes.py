"""Networks that tell classes apart, from a Keras file to scores, as a user meets them."""

import json
import subprocess
import sys

from loihiseg.frameworks import tf

import numpy as np
import pytest

import loihiseg
from benchmarks import class_reference
from benchmarks.classes import network
from loihiseg.data.tiles import cut, stitch, tile_grid
from loihiseg.errors import InputError
from loihiseg.network.quantized import QuantizedReLU
from loihiseg.report.run_folder import load_results
from loihiseg.results import Network
from loihiseg.storage.arrays import unpack_arrays
from tests.commands import ROOT, in_process, refused

L = tf.keras.layers
SMALL = ((3, 1, 1), (4, 3, 2), (6, 3, 2))
N_IMAGES = 24

RUN = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "keras", "tf_keras", "nengo", "nengo_dl"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Block())
import numpy as np
import loihiseg

images = np.load(sys.argv[2])["images"]
runs = loihiseg.classify(loihiseg.load_deployed(sys.argv[1]), images)
print([int(one.classes) for one in runs])
"""


def stirred(model, seed=0):
    """The model with weights that make its neurons fire."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if "bias" in variable.name:
            variable.assign(rng.normal(0.1, 0.2, variable.shape))
        elif "alpha" not in variable.name:
            spread = 1.5 / np.sqrt(np.prod(variable.shape[:-1]))
            variable.assign(rng.normal(0, spread, variable.shape))
    return model


@pytest.fixture(scope="module")
def model():
    """Two channels in, maxima of pools, levels that were trained, ten classes."""
    tf.keras.utils.set_random_seed(0)
    made = stirred(network(SMALL, "max", lambda: QuantizedReLU(3, alpha=1.5), channels=2))
    # So that not all images are called alike.
    *_, last = made.layers
    last.bias.assign_sub(made.predict(images_of_two_channels(), verbose=0).mean(axis=0))
    return made


def images_of_two_channels():
    return np.random.default_rng(1).normal(0, 1, (N_IMAGES, 8, 8, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, model):
    folder = tmp_path_factory.mktemp("classes")
    images, labels = images_of_two_channels(), np.arange(N_IMAGES) % 10
    np.savez(folder / "images.npz", images=images, labels=labels, calibration_images=images[:4])
    model.save(folder / "model.keras")
    return folder


def test_from_a_file_to_scores_and_again_from_the_kept_network(folder, model, capfd):
    data, options = folder / "images.npz", ("--proof-seconds", 0, "--quiet", "--json")
    code, out, err = in_process(
        capfd, "deploy", "--checkpoint", folder / "model.keras", "--data", data, "--code", "ramp",
        "--save", folder / "kept", "--out", folder / "first", *options,
    )  # fmt: skip
    assert code == 0, err
    images = np.load(data)["images"]
    logits = class_reference.integer_logits(model, images, class_reference.levels_of(model))
    expected = logits.argmax(axis=-1)
    assert len(set(expected)) > 3
    rows = {row["network"]: row for row in json.loads(out)["classes"]["rows"]}
    assert rows["emulated"]["counts"] == np.bincount(expected, minlength=10).tolist()
    arrays = unpack_arrays((folder / "first" / "classes.npz").read_bytes())
    np.testing.assert_array_equal(arrays["emulated"], expected)
    np.testing.assert_array_equal(arrays["trained"], model.predict(images, verbose=0).argmax(-1))
    np.testing.assert_allclose(arrays["logits"], logits, atol=1e-5)
    results = load_results(folder / "first")
    assert results.classes.task.words == "one of 10 classes for every image, of images of 8 x 8 x 2"
    assert results.classes.row(Network.EMULATED).scores.n_labels == N_IMAGES
    assert results.agreement == 1 and not results.score_rows
    page = (folder / "first" / "index.html").read_text()
    assert "one of 10 classes" in page and "mean IoU" in page

    code, _, err = in_process(
        capfd, "deploy", "--deployed", folder / "kept", "--data", data, "--out", folder / "again",
        "--sections", "4:", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    again = unpack_arrays((folder / "again" / "classes.npz").read_bytes())
    np.testing.assert_array_equal(again["emulated"], expected[4:])
    np.testing.assert_array_equal(again["logits"], arrays["logits"][4:])
    assert again["numbers"].tolist() == list(range(4, N_IMAGES))

    command = [sys.executable, "-c", RUN, str(folder / "kept"), str(data)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == expected.tolist()


REFUSED = {
    "no data": ((), "--data: missing; the network gives one of 10 classes for every image"),
    "membrane": (("--data", "images.npz", "--task", "membrane"), "is not one square image"),
    "options of membrane": (
        ("--data", "images.npz", "--boundary-width", 4),
        "--boundary-width: is of labels and sections of membrane",
    ),
    "early exit": (("--data", "images.npz", "--early-exit", 0.1), "--early-exit stops by maps"),
    "orientations": (("--data", "images.npz", "--orientations", 4), "--orientations 4: turns"),
    "sections": (("--data", "images.npz", "--sections", "30:"), "--sections '30:' goes past"),
    "data": (("--data", "model.keras"), "expected an .npz or .npy file"),
}


@pytest.mark.parametrize("options, says", REFUSED.values(), ids=list(REFUSED))
def test_refused(folder, capfd, monkeypatch, options, says):
    monkeypatch.chdir(folder)
    refused(capfd, says, "deploy", "--checkpoint", "model.keras", "--quiet", *options)


def test_what_segments_refuses_classes(folder, capfd, monkeypatch):
    monkeypatch.chdir(folder)
    np.save("stack.npy", np.zeros((2, 16, 16), np.uint8))
    refused(
        capfd, "no map of membrane", "segment", "stack.npy", "map.tif", "--checkpoint",
        "model.keras", "--quiet",
    )  # fmt: skip


def test_classes_of_pixels_with_levels_that_were_not_trained():
    tf.keras.utils.set_random_seed(0)
    pixels = tf.keras.Input((6, 8, 3))
    first = L.ReLU()(L.Conv2D(4, 1)(pixels))
    value = L.ReLU()(L.Conv2D(5, 3, 2, padding="same")(first))
    value = L.Concatenate()([L.UpSampling2D()(value), first])
    value = L.ReLU()(L.Conv2D(5, 3, padding="same")(value))
    model = stirred(tf.keras.Model(pixels, L.Conv2D(4, 1, activation="softmax")(value)))
    rng = np.random.default_rng(2)
    images = rng.normal(0, 1, (10, 6, 8, 3)).astype(np.float32)
    labels = rng.integers(0, 4, (10, 6, 8))
    found = loihiseg.deploy_images(
        model, images, labels, sections="4:", levels=3, code="thermometer", proof_seconds=0.0
    )
    assert found.classes.shape == (6, 6, 8) and found.results.agreement == 1
    expected = model.predict(images[4:], verbose=0).argmax(axis=-1)
    np.testing.assert_array_equal(found.called[Network.TRAINED], expected)
    names = [row.network.value for row in found.results.classes.rows]
    assert names == ["trained", "quantized", "eight_bit", "emulated"]
    scores = loihiseg.score_classes(found.classes, labels[4:], 4)
    assert scores == found.results.classes.row(Network.EMULATED).scores


def test_images_larger_than_the_network_go_through_it_in_tiles(tmp_path, capfd):
    tf.keras.utils.set_random_seed(0)
    pixels = tf.keras.Input((8, 8, 1))
    value = L.ReLU()(L.Conv2D(4, 3, padding="same")(L.ReLU()(L.Conv2D(4, 1)(pixels))))
    model = stirred(tf.keras.Model(pixels, L.Conv2D(3, 1)(value)))
    rng = np.random.default_rng(5)
    images = rng.normal(0, 1, (3, 12, 19)).astype(np.float32)
    labels = rng.integers(0, 3, images.shape)
    options = {"levels": 2, "code": "ramp", "proof_seconds": 0.0}
    found = loihiseg.deploy_images(model, images, labels, sections="1:", **options)
    assert found.classes.shape == (2, 12, 19) and found.results.agreement == 1
    assert found.results.activity.n_images == len(found.results.tiles) == 2 * 2 * 3
    assert found.results.classes.row(Network.EMULATED).scores.n_labels == 2 * 12 * 19
    assert "12 x 19 in 6 tiles each that overlap by 2 pixels" in found.results.scored_note
    grid = tile_grid((12, 19), 8, 2)
    logits = [model.predict(cut(image, grid)[..., None], verbose=0) for image in images[1:]]
    floats = [np.stack([stitch(x, grid) for x in np.moveaxis(one, 3, 0)], -1) for one in logits]
    np.testing.assert_array_equal(found.called[Network.TRAINED], np.argmax(floats, axis=-1))
    runs = list(loihiseg.classify(found.deployed, images[1:]))
    np.testing.assert_array_equal(np.stack([one.logits for one in runs]), found.logits)
    assert [one.tally.n_images for one in runs] == [6, 6]

    loihiseg.save_deployed(tmp_path / "kept", found.deployed)
    np.savez(tmp_path / "large.npz", images=images[1:], labels=labels[1:])
    code, _, err = in_process(
        capfd, "deploy", "--deployed", tmp_path / "kept", "--data", tmp_path / "large.npz",
        "--quiet", "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 0, err
    with np.load(tmp_path / "run" / "classes.npz") as kept:
        np.testing.assert_array_equal(kept["emulated"], found.classes)


def test_two_classes_of_vectors_at_rates():
    tf.keras.utils.set_random_seed(0)
    vector = tf.keras.Input((9,))
    value = L.Dense(8, activation="relu")(L.Dense(8, activation="relu")(vector))
    model = tf.keras.Model(vector, L.Dense(1, activation="sigmoid")(value))
    images = np.random.default_rng(3).normal(0, 1, (6, 9)).astype(np.float32)
    deployed = loihiseg.compile(model, images, proof_seconds=0.0, steps=40)
    floats = list(loihiseg.classify(deployed, images, on="float"))
    expected = model.predict(images, verbose=0)[:, 0] > 0.5
    assert [int(one.classes) for one in floats] == expected.astype(int).tolist()
    runs = list(loihiseg.classify(deployed, images))
    assert [one.tally.n_steps for one in runs] == [40] * 6
    assert loihiseg.score_classes(runs, expected.astype(int)).n_labels == 6


def test_maps_of_membrane_as_two_classes():
    tf.keras.utils.set_random_seed(0)
    pixels = tf.keras.Input((8, 8, 1))
    value = L.ReLU()(L.Conv2D(4, 3, padding="same")(L.ReLU()(L.Conv2D(3, 1)(pixels))))
    model = stirred(tf.keras.Model(pixels, L.Conv2D(1, 1, activation="sigmoid")(value)))
    images = np.random.default_rng(4).normal(0, 1, (6, 8, 8)).astype(np.float32)
    options = {"task": "classes", "sections": "2:", "proof_seconds": 0.0, "steps": 20}
    found = loihiseg.deploy_images(model, images, **options)
    assert found.classes.shape == found.logits.shape == (4, 8, 8)
    np.testing.assert_array_equal(found.classes, found.logits > 0)
    expected = model.predict(images[2:, ..., None], verbose=0)[..., 0] > 0.5
    np.testing.assert_array_equal(found.called[Network.TRAINED], expected)
    words = found.results.classes.task.words
    assert words == "one of 2 classes for every pixel, of images of 8 x 8 x 1"
    with pytest.raises(InputError, match="tile 32: is of sections"):
        loihiseg.deploy_images("tiny-synthetic", images, tile=32, **options)


def test_arguments_that_cannot_be_used(model):
    images = np.zeros((2, 8, 8, 2), np.float32)
    with pytest.raises(InputError, match="calibration_images: missing"):
        loihiseg.compile(model)
    with pytest.raises(InputError, match="threshold: is of membrane"):
        loihiseg.compile(model, images, threshold=0.4)
    with pytest.raises(InputError, match="calibration_images: images: float32 of shape"):
        loihiseg.compile(model, images[..., :1])
    with pytest.raises(InputError, match="labels: float64"):
        loihiseg.score_classes(np.array([1]), np.array([0.5]))
    with pytest.raises(InputError, match="there are such as 3"):
        loihiseg.score_classes(np.array([3]), np.array([0]), 2)
    with pytest.raises(InputError, match="no DeployedNetwork"):
        loihiseg.classify("kept", images)
