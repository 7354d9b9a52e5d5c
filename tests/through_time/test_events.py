"""Synaptic events of networks over time, against counts by hand."""

import numpy as np
import pytest

from loihiseg.methods.residual.blocks import with_blocks
from loihiseg.network.config import UNetConfig
from loihiseg.through_time.events import charge_spikes, events_per_mac, spike_costs
from loihiseg.through_time.settings import Dynamics, ThroughTime
from loihiseg.through_time.unet import build_through_time

CONFIG = UNetConfig(tile=16, channels=(3, 4), convs_down=(1, 1), convs_up=(1,), stem_channels=2)


def test_costs_by_hand():
    """Per pixel of the stem: its synapses, those of encode0_0 to two layers, and so on."""
    synapses = {
        "stem": 2 * 27, "encode0_0": 3 * (9 * 4 / 4 + 27), "down1": 4 / 4 * 36,
        "encode1_0": 4 / 4 * 12, "up0": 3 * 27, "decode0_0": 0,
    }  # fmt: skip
    total = sum(synapses.values())
    found = spike_costs(CONFIG)
    assert found == pytest.approx({name: n / total for name, n in synapses.items()})
    assert sum(found.values()) == pytest.approx(1)


def test_added_spikes_are_heard_twice_and_multiplied_once():
    blocks = with_blocks(CONFIG, 1)
    plain, added = spike_costs(blocks), spike_costs(blocks, "add")
    assert added["encode0_0"] > plain["encode0_0"] and sum(plain.values()) == pytest.approx(1)
    membrane = spike_costs(blocks, "membrane")
    # By the kernels of encode0_0 and of down1 once more each, and of nothing else.
    more = {name: membrane[name] / plain[name] for name in plain if plain[name]}
    assert more["stem"] == pytest.approx(2) and more["encode0_1"] == pytest.approx(1)
    assert membrane["encode0_2"] - plain["encode0_2"] == pytest.approx(
        plain["encode0_2"] * 9 / (9 + 27)
    )
    gated = spike_costs(blocks, "or")
    # A gate's own spikes are heard for those of the block; it hears each neuron by one synapse.
    assert gated["encode0_2_or"] == pytest.approx(plain["encode0_2"])
    assert gated["encode0_2"] == pytest.approx(plain["encode0_2"] / (9 * 4 / 4 + 27))


def test_events_of_neurons_that_all_fire():
    """Currents of 2 in every step: each neuron fires in all of its own steps."""
    time = ThroughTime(2, normalization="none", dynamics=Dynamics(0))
    model = build_through_time(CONFIG, time)
    for weight in model.weights:
        weight.assign(np.full(weight.shape, 2.0 * ("beta" in weight.name)))
    steps = {"stem": 5, "encode0_0": 5, "down1": 2, "encode1_0": 2, "up0": 2, "decode0_0": 2}
    costs = spike_costs(CONFIG)
    expected = sum(costs[name] * n for name, n in steps.items())
    pixels = np.zeros((3, 16, 16, 1), np.float32)
    assert events_per_mac(model, costs, pixels) == pytest.approx(expected)
    charge_spikes(model, costs, 0.5)
    model(pixels, training=True)
    assert sum(float(loss) for loss in model.losses) == pytest.approx(0.5 * expected)
