"""Levels for networks that were not trained with any."""

import json
from pathlib import Path

from loihiseg.frameworks import tf

import numpy as np
import pytest

import loihiseg
from loihiseg.codes.rate import RateCode
from loihiseg.compilation.compile import prepare
from loihiseg.compilation.levels import normalized, usual_quantile, with_levels, words
from loihiseg.compilation.options import CompileOptions
from loihiseg.compilation.source import trained_network
from loihiseg.conversion.forward import forward
from loihiseg.conversion.lowering import lower
from loihiseg.conversion.neuron_kinds import Extremum, Quantized
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.errors import InputError
from loihiseg.progress import Reporter
from tests import quantized
from tests.commands import in_process, refused, write_stack

ASKED = CompileOptions(levels=3, quantile=0.9)


def relu_network(seed=0):
    """A plain ReLU network, its lowered network, and a Keras model of all of its activations."""
    layers = tf.keras.layers
    pixels = tf.keras.Input((8, 8, 1))
    values = pixels
    found = []
    for number, channels in enumerate((3, 4, 2)):
        values = layers.Conv2D(
            channels, 3, padding="same", activation="relu", name=f"layer{number}"
        )(values)
        found.append(values)
    model = tf.keras.Model(pixels, layers.Conv2D(1, 1)(values))
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(rng.normal(0.1, 0.5, weight.shape))
    return lower(model).network, tf.keras.Model(pixels, found)


def test_the_highest_level_is_the_quantile_of_what_keras_computes():
    network, activations = relu_network()
    pixels = np.random.default_rng(1).normal(0, 1, (4, 8, 8)).astype(np.float32)
    found = normalized(with_levels(network, ASKED), network, ASKED, pixels)
    expected = [np.quantile(values, 0.9) / 3 for values in activations(pixels[..., None])]
    assert [layer.levels for layer in found.layers] == [3, 3, 3]
    np.testing.assert_allclose([layer.level_value for layer in found.layers], expected, rtol=1e-5)


def test_functions_are_cut_off_at_both_ends():
    layers = tf.keras.layers
    pixels = tf.keras.Input((8, 8, 1))
    x = layers.LeakyReLU(0.3, name="leaky")(layers.Conv2D(3, 3, padding="same")(pixels))
    y = layers.Conv2D(3, 3, padding="same", activation="tanh", name="tanh")(x)
    z = layers.ReLU(name="plain")(layers.Conv2D(2, 3)(layers.Maximum()([x, y])))
    model = tf.keras.Model(pixels, layers.Conv2D(1, 1)(z))
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(0.1, 0.5, weight.shape))
    floats = lower(model, levels_follow=True).network
    images = rng.normal(0, 1, (4, 8, 8)).astype(np.float32)
    found = normalized(with_levels(floats, ASKED), floats, ASKED, images)
    leaky, tanh, largest, plain = (layer.neuron for layer in found.layers)
    keras = tf.keras.Model(pixels, [x, y, z])(images[..., None])
    both = np.concatenate([values.numpy().ravel() for values in keras[:2]])
    low, high = np.quantile(both, [0.1, 0.9])
    for neuron in (leaky, tanh, largest):
        assert neuron.offset == pytest.approx(low, rel=1e-5)
        assert neuron.level_value == pytest.approx((high - low) / 3, rel=1e-5)
    # Half a level above the lowest: the arguments at which either function is there.
    value = low + (high - low) / 6
    assert leaky.thresholds[0] == pytest.approx((value / 0.3,), rel=1e-4)
    assert tanh.thresholds[0] == pytest.approx((np.arctanh(value),), rel=1e-4)
    assert plain == Quantized(3, pytest.approx(np.quantile(keras[2], 0.9) / 3, rel=1e-5))


def pooling_network(*, joined):
    """Two ReLU layers, pooled by themselves or after their maximum, and what is behind."""
    layers = tf.keras.layers
    pixels = tf.keras.Input((8, 8, 1))
    first = layers.Conv2D(3, 3, padding="same", activation="relu", name="first")(pixels)
    second = layers.Conv2D(3, 3, padding="same", activation="relu", name="second")(pixels)
    if joined:
        one = layers.MaxPooling2D(name="pool")(layers.Maximum(name="larger")([first, second]))
    else:
        pools = [layers.MaxPooling2D(name=f"pool_{x.node.layer.name}")(x) for x in (first, second)]
        one = layers.Concatenate()(pools)
    last = layers.Conv2D(2, 3, padding="same", activation="relu", name="last")(one)
    model = tf.keras.Model(pixels, layers.Conv2D(1, 1)(last))
    rng = np.random.default_rng(3)
    for weight in model.weights:
        weight.assign(rng.normal(0.1, 0.5, weight.shape))
    floats = lower(model, levels_follow=True).network
    inner = tf.keras.Model(pixels, [model.get_layer(name).output for name in ("first", "second")])
    pictures = rng.normal(0, 1, (4, 8, 8)).astype(np.float32)
    return floats, pictures, [one.numpy() for one in inner(pictures[..., None])], model


@pytest.mark.parametrize("joined", [False, True])
def test_what_is_pooled_and_its_pool_have_one_value(joined):
    floats, pixels, (first, second), _ = pooling_network(joined=joined)
    assert {one.name for one in floats.layers if one.neuron == Extremum(0)} == (
        {"larger", "pool"} if joined else {"pool_first", "pool_second"}
    )
    counted = with_levels(floats, ASKED)
    assert [one.levels for one in counted.layers] == [3] * len(counted.layers)
    found = normalized(counted, floats, ASKED, pixels)
    value = {layer.name: layer.level_value for layer in found.layers}
    if joined:
        both = np.quantile(np.concatenate([first.ravel(), second.ravel()]), 0.9) / 3
        assert value["first"] == value["second"] == value["larger"] == value["pool"]
        assert value["first"] == pytest.approx(both, rel=1e-5)
    else:
        assert value["pool_first"] == value["first"] != value["second"] == value["pool_second"]
        assert value["first"] == pytest.approx(np.quantile(first, 0.9) / 3, rel=1e-5)
    assert isinstance(found.layer("last").neuron, Quantized)


def test_levels_layer_by_layer():
    floats, pixels, (first, second), _ = pooling_network(joined=False)
    asked = CompileOptions(levels=[1, 7, 3])
    found = normalized(with_levels(floats, asked), floats, asked, pixels)
    assert {layer.name: layer.levels for layer in found.layers} == {
        "first": 1, "pool_first": 1, "second": 7, "pool_second": 7, "last": 3,
    }  # fmt: skip
    # Each up to the quantile that is usual for its own.
    for values, levels, name in ((first, 1, "first"), (second, 7, "second")):
        highest = np.quantile(values, usual_quantile(levels))
        assert found.layer(name).level_value == pytest.approx(highest / levels, rel=1e-5)
    assert "each activation has 1,7,3, up to the value that 0.95 to 0.98 of all" in words(
        asked, found
    )


@pytest.mark.parametrize(
    ("levels", "joined", "says"),
    [
        (
            (1, 2),
            False,
            "2 numbers, expected one for all activations, or one for each of 3: first,",
        ),
        ((1, 2, 3), True, "chosen of first, second; give them equal levels"),
    ],
)
def test_levels_that_do_not_suit_the_layers(levels, joined, says):
    floats, *_ = pooling_network(joined=joined)
    with pytest.raises(InputError, match=says):
        with_levels(floats, CompileOptions(levels=levels))


@pytest.mark.parametrize("levels", [0, 256, (), (1, 0), (1.5,), "3", True])
def test_levels_that_there_are_not(levels):
    with pytest.raises(InputError, match=r"levels: .*: expected .auto., a whole number, 1 to"):
        CompileOptions(levels=levels)


def test_maxima_of_floats_are_those_of_keras_and_need_levels_on_the_chip():
    floats, pixels, _, model = pooling_network(joined=True)
    end = tf.keras.Model(model.inputs, model.get_layer("last").output)(pixels[..., None])
    np.testing.assert_allclose(forward(floats, pixels)["last"], end, rtol=1e-5, atol=1e-5)
    with pytest.raises(InputError, match=r"'larger' .*'pool' ") as found:
        lower(model)
    assert "levels without training" in str(found.value)
    with pytest.raises(InputError, match="no firing rate stands for"):
        RateCode(100, 50, 0.005).neurons(floats)


def test_before_calibration_neurons_are_counted_already():
    network, _ = relu_network()
    found = with_levels(network, ASKED)
    assert all(isinstance(layer.neuron, Quantized) for layer in found.layers)
    assert with_levels(network, CompileOptions()) is network


def test_more_levels_reach_further_up():
    found = [usual_quantile(levels) for levels in range(1, 256)]
    assert found == sorted(found) and found[0] < found[-1]


def test_networks_of_levels_keep_their_own():
    network = lower(quantized.model()).network
    with pytest.raises(InputError, match="levels 3: the network has levels of its own"):
        with_levels(network, ASKED)


def test_a_layer_that_is_silent_up_to_the_quantile_is_named():
    network, _ = relu_network()
    dark = CompileOptions(levels=3, quantile=0.001)
    pixels = np.zeros((1, 8, 8), np.float32)
    pixels[0, 0, 0] = -50.0
    values = {layer.name for layer in network.layers}
    with pytest.raises(InputError, match="use a higher quantile") as found:
        normalized(with_levels(network, dark), network, dark, pixels)
    assert any(f"'{name}'" in str(found.value) for name in values)


def test_without_calibration_images_it_is_refused():
    network, _ = relu_network()
    with pytest.raises(InputError, match="calibration images"):
        normalized(with_levels(network, ASKED), network, ASKED, np.zeros((0, 8, 8), np.float32))


def test_a_quantile_is_of_levels():
    with pytest.raises(InputError, match="quantile: is of levels"):
        CompileOptions(quantile=0.9)


@pytest.mark.parametrize("code", ["ramp", pytest.param("thermometer", marks=pytest.mark.slow)])
def test_deployed_equals_the_quantized_network_unit_for_unit(capfd, tmp_path, checkpoint, code):
    stack = synthetic_stack(6, (32, 32))
    labels = np.where(stack.membrane, 0, 255).astype(np.uint8)
    data = write_stack(tmp_path / "stack", stack.images, labels)
    exit_code, _, err = in_process(
        capfd, "deploy", "--data", data, "--checkpoint", checkpoint, "--out", tmp_path / "run",
        "--levels", 3, "--code", code, "--tiles", 2, "--calibration-tiles", 2, "--quiet",
        "--proof-seconds", 0, "--chips", 4,
    )  # fmt: skip
    assert exit_code == 0, err
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["code"]["name"] == code and set(metrics["code"]["levels"]) == {3}
    assert metrics["agreement"] == 1.0
    # Of a layer whose clock has stopped it before the end nothing can be said.
    assert {row["level_match"] for row in metrics["layers"]} - {None} == {1.0}
    page = (tmp_path / "run/index.html").read_text()
    assert "Not trained for levels: each activation has 3, up to the value that 0.975 of" in page
    kept = json.loads((tmp_path / "run/config.json").read_text())
    assert kept["levels"] == 3 and kept["quantile"] is None


@pytest.mark.parametrize("text", ["3,", "3,x", "3;4", "0,1", "1,256"])
def test_levels_that_cannot_be_read(capfd, checkpoint, text):
    asked = ["--checkpoint", checkpoint, "--levels", text, "--quiet"]
    refused(capfd, "--levels: ", "deploy", *asked)
    refused(capfd, "--levels: ", "check", checkpoint, "--levels", text)


def test_levels_are_typed_layer_by_layer(capfd, checkpoint):
    asked = ["--checkpoint", checkpoint, "--levels", "3,2", "--quiet"]
    refused(capfd, "--levels 3,2: 2 numbers, expected one for all activations", "deploy", *asked)


def test_the_rate_code_has_no_levels_to_give(capfd, checkpoint):
    refused(
        capfd, "levels", "deploy", "--checkpoint", checkpoint, "--levels", 3, "--code", "rate",
        "--quiet",
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("code", ["ramp", "thermometer"])
def test_functions_deployed_equal_the_quantized_network(capfd, tmp_path, code):
    layers = tf.keras.layers
    pixels = tf.keras.Input((16, 16, 1))
    x = layers.LeakyReLU(0.3)(layers.Conv2D(3, 3, padding="same")(pixels))
    y = layers.MaxPooling2D()(layers.ELU()(layers.Conv2D(3, 3, padding="same")(x)))
    y = layers.Conv2DTranspose(3, 2, strides=2, activation="tanh")(y)
    z = layers.Conv2D(2, 3, padding="same", activation="sigmoid")(layers.Maximum()([x, y]))
    model = tf.keras.Model(pixels, layers.Conv2D(1, 1)(z))
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    model.save(tmp_path / "model.keras")
    stack = synthetic_stack(6, (32, 32))
    labels = np.where(stack.membrane, 0, 255).astype(np.uint8)
    data = write_stack(tmp_path / "stack", stack.images, labels)
    exit_code, _, err = in_process(
        capfd, "deploy", "--data", data, "--checkpoint", tmp_path / "model.keras", "--levels", 3,
        "--out", tmp_path / "run", "--code", code, "--tiles", 2, "--calibration-tiles", 2,
        "--quiet", "--proof-seconds", 0, "--chips", 4, "--check", 1, "--save", tmp_path / "kept",
    )  # fmt: skip
    assert exit_code == 0, err
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["agreement"] == 1.0 and (tmp_path / "kept").is_dir()
    assert {row["level_match"] for row in metrics["layers"]} - {None} == {1.0}
    assert loihiseg.load_deployed(tmp_path / "kept").network.layers[0].neuron.offset < 0


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["--levels", "auto", "--most-steps", 40], "each activation has 15,"),
        (["--levels", 2, "--corrections", "--normalization", "bayes"], "Quantiles searched in 8 "),
    ],
)
def test_levels_that_are_found_are_deployed_exactly(capfd, tmp_path, monkeypatch, asked, says):
    """Of a network with max pooling, on training sections; and the kept folder is read again."""
    if "bayes" in asked:
        pytest.importorskip("optuna", reason="loihiseg[calibration]")
    monkeypatch.setattr("loihiseg.compilation.finding.EVALUATIONS", 8)
    monkeypatch.setattr("loihiseg.compilation.finding.CORRECTED_EVALUATIONS", 2)
    layers = tf.keras.layers
    pixels = tf.keras.Input((16, 16, 1))
    x = layers.Conv2D(3, 3, padding="same", activation="relu")(pixels)
    y = layers.MaxPooling2D()(layers.Conv2D(4, 3, padding="same", activation="relu")(x))
    y = layers.Conv2DTranspose(3, 2, strides=2, activation="relu")(y)
    z = layers.Conv2D(3, 3, padding="same", activation="relu")(layers.Concatenate()([x, y]))
    model = tf.keras.Model(pixels, layers.Conv2D(1, 1)(z))
    rng = np.random.default_rng(3)
    for weight in model.weights:
        weight.assign(rng.normal(0.05, 0.5, weight.shape))
    model.save(tmp_path / "model.h5")
    stack = synthetic_stack(6, (48, 48))
    labels = np.where(stack.membrane, 0, 255).astype(np.uint8)
    data = write_stack(tmp_path / "stack", stack.images, labels)
    exit_code, _, err = in_process(
        capfd, "deploy", "--data", data, "--checkpoint", tmp_path / "model.h5", *asked,
        "--out", tmp_path / "run", "--code", "ramp", "--tiles", 2, "--calibration-tiles", 2,
        "--quiet", "--proof-seconds", 0, "--chips", 4, "--save", tmp_path / "kept",
    )  # fmt: skip
    assert exit_code == 0, err
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["agreement"] == 1.0
    assert {row["level_match"] for row in metrics["layers"]} - {None} == {1.0}
    said = metrics["scored_note"]
    if "--corrections" in asked and "are left out" not in said:
        says = "Factors of the values of least squared error, searched in 2 "
    assert says in said
    if "auto" in asked:
        assert metrics["code"]["steps"] <= 40
    kept = json.loads((tmp_path / "run/config.json").read_text())
    assert kept["levels"] == asked[1] and kept["corrections"] is ("--corrections" in asked)
    again, _, err = in_process(
        capfd, "deploy", "--data", data, "--deployed", tmp_path / "kept", "--tiles", 2,
        "--calibration-tiles", 2, "--quiet", "--out", tmp_path / "again",
    )  # fmt: skip
    assert again == 0, err
    digests = [
        json.loads((tmp_path / run / "metrics.json").read_text())["spikes_sha256"]
        for run in ("run", "again")
    ]
    assert digests[0] == digests[1]


def test_options_of_found_levels_need_each_other(capfd, checkpoint):
    asked = ["--checkpoint", checkpoint, "--quiet"]
    refused(capfd, "--corrections: is of levels", "deploy", *asked, "--corrections")
    refused(capfd, "--most-steps: is what", "deploy", *asked, "--levels", 3, "--most-steps", 9)


def test_sums_are_judged_only_when_levels_have_their_values():
    """Of levels that are worth nothing known yet the ramp code would find some too large."""
    network = Path(__file__).parents[2] / "benchmarks/networks/textbook/network.h5"
    options = CompileOptions(levels=15, code="ramp", chips=8)
    found = prepare(trained_network(network), options, 64, Reporter(quiet=True))
    assert {layer.levels for layer in found.network.layers} == {15}
    assert found.code.name == "ramp" and found.neurons.n_chip_neurons == 192_512
