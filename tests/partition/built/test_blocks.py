from dataclasses import replace

import nengo
import nengo_loihi
import numpy as np
import pytest

from partition.built.allocator import MinTrafficAllocator
from partition.built.blocks import block_violations
from partition.core.errors import DoesNotFitError
from partition.core.layers import Layer
from partition.core.limits import LOIHI1
from tests.partition.networks import build, convolution, skip_net

SHAPES = {"a": (6, 12, 4), "b": (6, 6, 8), "c": (6, 12, 5)}


def lines_of(model, limits=LOIHI1):
    """Violations as they are printed."""
    return [str(violation) for violation in block_violations(model, limits)]


def model_of(net):
    return nengo_loihi.Simulator(net, target="sim", progress_bar=False).model


@pytest.fixture
def model():
    return model_of(build(skip_net(), SHAPES)[0])


def test_a_good_model_passes(model):
    assert block_violations(model) == []


@pytest.mark.parametrize(
    "limit, words, n_found",
    [
        ({"compartments": 300}, "360 compartments, the limit is 300 (over by 60)", 2),
        ({"in_axons": 101}, "102 in-axons, the limit is 101 (over by 1): use", 3),
        ({"out_axon_slots": 10}, "out-axon slots, the limit is 10", 3),
        ({"synapse_bits": 64}, "synapse bits, the limit is 64", 5),
        ({"compartment_configs": 0}, "1 compartment configurations", 5),
        ({"threshold_configs": 0}, "1 threshold configurations", 5),
        ({"synapse_configs": 0}, "synapse formats", 5),
    ],
)
def test_each_limit_names_all_blocks(model, limit, words, n_found):
    found = lines_of(model, replace(LOIHI1, **limit))
    assert any(words in text for text in found)
    assert len(found) == n_found
    assert all(text.startswith("block ") for text in found)


def test_thresholds_that_only_hardware_refuses(model):
    first = next(iter(model.blocks))
    first.compartment.vth[:8] += 64 * np.arange(1, 9)
    (text,) = lines_of(model)
    assert "block 0" in text
    assert "9 threshold configurations, the limit is 7 (over by 2): fold" in text
    with pytest.raises(DoesNotFitError) as caught:
        MinTrafficAllocator()(model, 1)
    assert caught.value.violations == (text,)


def test_time_constants_that_only_hardware_refuses(model):
    first = next(iter(model.blocks))
    first.compartment.decay_v[:40] = np.arange(40)
    (text,) = lines_of(model)
    assert "40 compartment configurations, the limit is 31" in text


# What is not matched is said again, but no more by the module that said it.
@pytest.mark.filterwarnings("ignore:NengoLoihi does not support initial values")
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@pytest.mark.filterwarnings("ignore:Simulator with model=")
def test_pop16_channels():
    net, _, _ = build(
        [Layer("a", (4, 4, 4), (convolution("x", (4, 4, 36), 1, 1, on_host=True)[0],))],
        {"a": (4, 4, 4)},
        pop_type=16,
    )
    with pytest.warns(UserWarning, match="more than 32"):
        model = model_of(net)
    (text,) = lines_of(model)
    assert "36 channels on pop16 axons, the limit is 32" in text


def test_compartment_bases(model):
    (synapse, *_) = next(iter(model.blocks)).synapses
    synapse.axon_compartment_bases[3] = 256
    assert "256 as compartment base, the limit is 255" in lines_of(model)[0]
    synapse.axon_compartment_bases[3] = 2
    synapse.pop_type = 16
    assert any("no multiple of 4" in line for line in lines_of(model))


def test_axons_that_cannot_be_numbered():
    strided = convolution("x", (8, 8, 2), 1, 2, on_host=True)[0]
    plain = convolution("y", (4, 4, 2), 1, 1, on_host=True)[0]
    net, _, _ = build([Layer("a", (4, 4, 3), (strided, plain))], {"a": (4, 4, 3)})
    (text,) = lines_of(model_of(net))
    assert "cannot number" in text


def test_dense_networks_pass():
    with nengo.Network(seed=0) as net:
        first, second = nengo.Ensemble(50, 1), nengo.Ensemble(60, 1)
        nengo.Connection(first.neurons, second.neurons, transform=np.ones((60, 50)) * 0.01)
    assert block_violations(model_of(net)) == []
