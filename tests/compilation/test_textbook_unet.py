"""The U-Net of textbooks, trained in floats: given levels and deployed, it is what Keras says.

Max pooling, normalization behind ReLU, upsampling or a transposed convolution, concatenation. What
the chip computes is held against integers worked out from the Keras layers, which know nothing of
lowering: `tests.keras_integers`.
"""

import json

from loihiseg.frameworks import tf

import numpy as np
import pytest

import loihiseg
from benchmarks.textbook_unet import FINISHED, Shape, Training, main, scores, train, unet
from loihiseg.conversion.neuron_kinds import Extremum
from loihiseg.data.contrast import normalize
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.errors import InputError
from loihiseg.quantization.fixed_point import BlockScale, quantize_weights
from tests.commands import in_process, write_stack
from tests.keras_integers import KerasIntegers, held

TILE = 16
SMALL = Shape(channels=(3, 4), tile=TILE)
QUICK = [
    "--channels", "3", "4", "--tile", "16", "--epochs", "1", "--steps", "2", "--crop", "32",
    "--batch", "2",
]  # fmt: skip


def made(shape, seed):
    """With the statistics of a trained network, and some normalizations that turn values over."""
    tf.keras.utils.set_random_seed(seed)
    model = unet(shape)
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            gamma, beta, mean, variance = (weight.shape for weight in layer.weights)
            signs = rng.choice([1.0, 1.0, -1.0], gamma)
            signs[:2] = -1.0, 1.0
            layer.set_weights([
                signs * rng.uniform(0.5, 1.5, gamma), rng.normal(0, 0.3, beta),
                rng.uniform(0, 0.5, mean), rng.uniform(0.2, 1.0, variance),
            ])  # fmt: skip
        elif layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.normal(0.05, 0.1, bias.shape)])
    return model


def values_of(deployed):
    """What a level of each activation is worth."""
    layers = deployed.network.layers
    return {one.name: one.level_value for one in layers if not isinstance(one.neuron, Extremum)}


def widths_of(deployed):
    """Neurons that share a scale, by layer: with the ramp code all of a layer do."""
    if deployed.code.name == "ramp":
        return {}
    return {row.layer: row.shape[2] for row in deployed.blocks}


def check(deployed, model, images, levels):
    """Every pixel of whole sections of a tile each is what the integers say.

    Returns whether it is; that it is not has no other excuse than a tie that float32 decided.
    """
    integers = KerasIntegers(model, levels, values_of(deployed), widths_of(deployed))
    pixels = np.stack([normalize(image) for image in images])[..., None]
    expected = integers.logits(pixels)[..., 0]
    found = np.stack([one.logits for one in loihiseg.run(deployed, images)])
    if integers.ties and not np.allclose(found, expected, atol=1e-5):
        return False
    np.testing.assert_allclose(found, expected, atol=1e-5)
    # A unit that is a level off would show.
    assert np.unique(np.round(expected, 3)).size > 2
    return True


def deployed_and_checked(shape, seed, levels, code):
    model = made(shape, seed)
    images = synthetic_stack(4, (64, 64), seed=seed).images[:, : shape.tile, : shape.tile]
    deployed = loihiseg.compile(
        model, images[:2], levels=levels, code=code, proof_seconds=0, chips=8
    )
    chosen = {one.neuron.largest for one in deployed.network.layers if one.neuron.chooses}
    # Normalizations that turn values over make minima of maxima.
    assert chosen == {True, False}
    return check(deployed, model, images, levels)


@pytest.mark.parametrize(
    ("code", "up", "levels"),
    [("ramp", "upsampling", 3), ("ramp", "transposed", 2), ("thermometer", "upsampling", 1)],
)
def test_every_pixel_is_that_of_integers_from_the_keras_layers(code, up, levels):
    assert deployed_and_checked(Shape((3, 4), TILE, up), levels, levels, code)


@pytest.mark.slow
@pytest.mark.parametrize("up", ["upsampling", "transposed"])
@pytest.mark.parametrize("code", ["ramp", "thermometer"])
def test_many_networks_equal_integers_from_the_keras_layers(code, up):
    n_equal = 0
    for seed in range(20):
        channels = ((2, 3, 4), (3, 5))[seed % 2]
        shape = Shape(channels, 32, up)
        n_equal += deployed_and_checked(shape, seed, 1 + seed % 5, code)
        tf.keras.backend.clear_session()
    print(code, up, f"{n_equal} of 20 networks equal in every pixel")
    assert n_equal >= 19


def test_the_largest_weight_of_a_finer_source_as_nengo_loihi_rounds_it():
    scale = BlockScale(1.0, 255.0, 0, 1.0, 1.0)
    for gained in range(6):
        weights = np.linspace(-1, 1, 515) / 2**gained
        theirs = quantize_weights(weights, scale).integers
        np.testing.assert_array_equal(held(weights * 127.5 * 2**gained, gained) * 64, theirs)
    assert held(np.array([127.0, -127.0, 126.0]), 2).tolist() == [63, -64, 63]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    stack = synthetic_stack(6, (32, 32))
    labels = np.where(stack.membrane, 0, 255).astype(np.uint8)
    return write_stack(tmp_path_factory.mktemp("data"), stack.images, labels)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data):
    """Folder of a network that was trained for two steps."""
    folder = tmp_path_factory.mktemp("textbook")
    main([*QUICK, "--data", str(data), "--out", str(folder)])
    return folder


def test_trained_by_the_command_and_deployed_with_levels(capfd, tmp_path, data, trained):
    code, _, err = in_process(
        capfd, "deploy", "--data", data, "--checkpoint", trained / FINISHED, "--levels", 3,
        "--code", "ramp", "--tiles", 2, "--calibration-tiles", 2, "--quiet", "--proof-seconds", 0,
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 0, err
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["agreement"] == 1.0
    assert {row["level_match"] for row in metrics["layers"]} == {1.0}
    rows = [(row["network"], row["whole_sections"]) for row in metrics["score_rows"]]
    assert rows == [
        ("trained", True), ("trained", False), ("with_levels", True), ("with_levels", False),
        ("eight_bit", False), ("emulated", False),
    ]  # fmt: skip


def test_goes_on_where_it_stood_with_the_same_options_alone(capfd, data, trained):
    asked = [*QUICK, "--data", str(data), "--out", str(trained)]
    main(asked)
    again = capfd.readouterr().out.splitlines()
    assert [json.loads(line).get("part") for line in again] == ["test"], "nothing was left to train"
    with pytest.raises(InputError, match="holds a network of another training"):
        main([*asked, "--steps", "3"])


@pytest.mark.slow
def test_a_training_that_was_stopped_comes_to_the_same(tmp_path):
    stack, training = synthetic_stack(6, (64, 64)), Training(2, 2, 32, 2)
    whole = train(stack, SMALL, training, tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.textbook_unet.scores", _stopped_at_second(scores))
        with pytest.raises(KeyboardInterrupt):
            train(stack, SMALL, training, tmp_path / "parts")
    parts = train(stack, SMALL, training, tmp_path / "parts")
    for one, other in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def _stopped_at_second(function):
    calls = []

    def called(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return function(*arguments)

    return called
