"""From Keras to both emulators: every spike of a U-Net over time, and its logits."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.codes.direct.network import clocked
from loihiseg.conversion.forward import forward
from loihiseg.conversion.logits import readout_logits
from loihiseg.conversion.over_time import own_steps, steps_needed, trains_over_time
from loihiseg.conversion.through_time import lower_over_time
from loihiseg.emulator.host import host_spikes
from loihiseg.methods.residual.blocks import with_blocks
from loihiseg.network.config import UNetConfig
from loihiseg.through_time.settings import Dynamics, ThroughTime
from loihiseg.through_time.unet import SPIKES, build_through_time
from tests import quantized
from tests.rasters import Built, compiled_raster, stock_raster

CONFIG = UNetConfig(
    tile=16, channels=(3, 4), convs_down=(1, 1), convs_up=(1,), stem_channels=2, levels=3
)


def chip_model(config, time, seed=0):
    """Weights at random, those of the stem in sixteenths so that floats add them exactly."""
    model = build_through_time(config, time, form="chip")
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        value = rng.normal(0.1, 0.4, weight.shape)
        if weight.name.startswith("stem"):
            value = np.rint(16 * value) / 16
        weight.assign(value)
    return model


def pixels(seed=0, count=2):
    rng = np.random.default_rng(seed)
    return (rng.integers(-8, 9, (count, 16, 16, 1)) / 8).astype(np.float32)


def keras_trains(model, images):
    """(n, own steps, rows, columns, channels) by layer."""
    layers = [x for x in model.layers if x.name.endswith(SPIKES)]
    inner = tf.keras.Model(model.inputs, [x.output for x in layers])
    found = {x.name: part.numpy() for x, part in zip(layers, inner(images))}
    return {name: part.reshape(len(images), -1, *part.shape[1:]) for name, part in found.items()}


BLOCKS = with_blocks(CONFIG, 1)


@pytest.mark.parametrize(
    "time",
    [
        ThroughTime(3),
        ThroughTime(4, dynamics=Dynamics(0, 0.0)),
        pytest.param(ThroughTime(2, dynamics=Dynamics(1365, -3.0)), marks=pytest.mark.slow),
        ThroughTime(1, rests=True),
        *(ThroughTime(2, residual=residual) for residual in ("add", "before", "iand")),
        pytest.param(ThroughTime(1, residual="add", rests=True), marks=pytest.mark.slow),
        pytest.param(ThroughTime(1, residual="before", rests=True), marks=pytest.mark.slow),
        *(
            pytest.param(ThroughTime(2, residual=residual), marks=pytest.mark.slow)
            for residual in ("and", "or")
        ),
    ],
    ids=lambda time: (
        f"{time.steps} {time.residual} {time.dynamics.decay} {time.dynamics.floor:g} {time.rests}"
    ),
)
def test_trained_networks_are_the_emulated_ones(time):
    config = CONFIG if time.residual == "none" else BLOCKS
    model, images = chip_model(config, time), pixels()
    lowering = lower_over_time(config, time, model)
    network, trained = lowering.network, keras_trains(model, images)
    plain = trains_over_time(network, images)
    steps = own_steps(network)
    for name, fired in plain.items():
        if name == "stem_spikes":
            own = trained[name].shape[1]
            np.testing.assert_array_equal(fired[:, :own], trained[name])
            continue
        first, last = steps[name]
        np.testing.assert_array_equal(fired[:, first - 1 : last], trained[name], name)
        assert fired.sum() == trained[name].sum() and 0.002 < trained[name].mean() < 0.99
    logits = readout_logits(lowering.graph, forward(network, images), 16)
    np.testing.assert_allclose(logits, model(images)[..., 0], atol=1e-5)

    neurons = clocked(network)
    made = Built(neurons, quantized.presenter(neurons, quantized.split_shapes(neurons)))
    for number, image in enumerate(images):
        sent = host_spikes(neurons, image, steps_needed(network)).fired
        for raster in (compiled_raster(made, sent), stock_raster(made, sent)):
            for name, places in made.presenter.deployable.places.items():
                wanted = plain[name][number].reshape(steps_needed(network), -1) > 0
                np.testing.assert_array_equal(raster[:, places], wanted, name)
    made.presenter.close()
