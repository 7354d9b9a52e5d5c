"""Networks whose read-out hears neurons of the host beside those of the chip, over a skip."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

import loihiseg
from loihiseg.compilation.calibration import fired_activations
from loihiseg.conversion.forward import forward
from loihiseg.conversion.precision import quantize_network
from loihiseg.data.contrast import normalize
from loihiseg.running.looks import watch
from loihiseg.running.overlapping import overlapping_tiles
from loihiseg.running.runners import compiled_presenter

L = tf.keras.layers
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 24, 24), dtype=np.uint8)
CODES = (
    {"code": "rate", "steps": 40},
    {"code": "ramp", "levels": 3},
    {"code": "thermometer", "levels": 2},
    {"code": "thermometer", "levels": 2, "input": "held"},
)


@pytest.fixture(scope="module")
def model():
    tf.keras.utils.set_random_seed(0)
    pixels = tf.keras.Input((16, 16, 1), name="pixels")
    stem = L.ReLU(name="s0")(L.Conv2D(3, 3, padding="same", bias_initializer="ones")(pixels))
    x = L.ReLU(name="s1")(L.Conv2D(4, 3, padding="same", bias_initializer="ones")(stem))
    return tf.keras.Model(pixels, L.Conv2D(1, 1)(L.Concatenate()([stem, x])))


@pytest.mark.parametrize("options", CODES, ids=lambda one: " ".join(map(str, one.values())))
def test_kept_and_run_again(model, options, tmp_path):
    deployed = loihiseg.compile(model, IMAGES[:2], proof_seconds=0, **options)
    assert deployed.network.outputs == ("s0", "s1") and deployed.network.layer("s0").on_host
    loihiseg.save_deployed(tmp_path / "kept", deployed)
    again = loihiseg.load_deployed(tmp_path / "kept")
    (first,), (second,) = (list(loihiseg.run(one, IMAGES[2])) for one in (deployed, again))
    np.testing.assert_array_equal(first.logits, second.logits)
    if options["code"] == "rate":
        return
    tile = normalize(IMAGES[2])[:16, :16]
    chip = quantize_network(deployed.neurons, deployed.block_shapes, deployed.code.synapse_s)
    expected = forward(chip.network, tile[None])
    with compiled_presenter(again) as presenter:
        (shown,) = presenter.present_all([tile], again.code.n_steps, again.code.n_window_steps)
    fired = fired_activations(again, shown, again.network.outputs)
    for name in again.network.outputs:
        np.testing.assert_array_equal(fired[name], expected[name][0])
    if options.get("input") != "held":
        tiles = np.stack([tile, tile[::-1]])
        alone = overlapping_tiles(again, tiles[:1]), overlapping_tiles(again, tiles[1:])
        np.testing.assert_array_equal(overlapping_tiles(again, tiles), np.concatenate(alone))


def test_looked_at_before_the_end(model):
    deployed = loihiseg.compile(model, IMAGES[:2], proof_seconds=0, **CODES[0])
    tile = normalize(IMAGES[2])[:16, :16]
    with compiled_presenter(deployed) as presenter:
        looks = watch(deployed, presenter, tile[None])
        (shown,) = presenter.present_all([tile], 40, 16)
        found = presenter.rasters(tile, 40, ("s1", "s0"))
    assert looks.steps[-1] == 40
    for name, fired in found.items():
        np.testing.assert_array_equal(fired.sum(axis=0), shown.spikes[name])
