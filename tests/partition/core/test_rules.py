from dataclasses import replace

import pytest

from partition.core import rules
from partition.core.layers import Layer, dense_projection
from partition.core.limits import LOIHI1
from partition.core.rules import BlockNeeds, violations
from tests.partition.networks import convolution

FITS = BlockNeeds(1024, 4096, 4096, 1048576)
LAYER = Layer("a", (8, 8, 4), (convolution("x", (8, 8, 4), 3, 1, on_host=True)[0],))


def test_limits_are_inclusive():
    assert violations(LAYER, (4, 4, 4), FITS, LOIHI1) == []


@pytest.mark.parametrize(
    "change, words",
    [
        ({"compartments": 1030}, "1030 compartments, the limit is 1024 (over by 6): use"),
        ({"in_axons": 4097}, "4097 in-axons, the limit is 4096 (over by 1): use"),
        ({"out_axon_slots": 5000}, "5000 out-axon slots, the limit is 4096 (over by 904): use"),
        ({"synapse_bits": 1048577}, "1048577 synapse bits, the limit is 1048576"),
    ],
)
def test_each_count(change, words):
    (text,) = violations(LAYER, (4, 4, 4), replace(FITS, **change), LOIHI1)
    assert text.startswith("layer a, block 4x4x4: ")
    assert words in text


def test_all_violations_at_once():
    assert len(violations(LAYER, (4, 4, 4), BlockNeeds(2000, 5000, 5000, 2**21), LOIHI1)) == 4


def test_synapse_configs():
    inputs = LAYER.inputs * 8
    (text,) = violations(replace(LAYER, inputs=inputs), (4, 4, 4), FITS, LOIHI1)
    assert "8 inputs" in text


def test_thresholds_and_settings():
    layer = replace(LAYER, shape=(8, 8, 12), thresholds=tuple(range(12)))
    (text,) = violations(layer, (4, 4, 8), FITS, LOIHI1)
    assert "8 different thresholds, the limit is 7 (over by 1): use fewer channels" in text
    assert violations(layer, (4, 4, 7), FITS, LOIHI1) == []
    alike = replace(layer, thresholds=(1, 2, 3) * 4)
    assert violations(alike, (4, 4, 12), FITS, LOIHI1) == []
    many = replace(layer, shape=(8, 8, 40), thresholds=(), settings=tuple(range(40)))
    (text,) = violations(many, (4, 4, 40), FITS, LOIHI1)
    assert "40 different compartment settings, the limit is 31" in text


def test_dense_inputs_are_no_population_axons():
    wide = Layer("a", (1, 1, 9), (dense_projection("x", (5, 7, 33), True),))
    assert violations(wide, (1, 1, 9), replace(FITS, in_axons=1155), LOIHI1, pop_type=16) == []


def test_a_dense_layer_has_no_pixels_and_no_kernel():
    dense = Layer("d", (1, 1, 40), (dense_projection("x", (8, 8, 99), True),))
    limits = replace(LOIHI1, threshold_configs=0, compartment_configs=0)
    texts = violations(dense, (1, 1, 40), BlockNeeds(2000, 5000, 5000, 2**21), limits)
    assert len(texts) == 6
    for word in ("pixel", "kernel", "channel", "stride"):
        assert not any(word in text for text in texts)
    assert any("fewer neurons in the layers before it" in text for text in texts)


def test_pop16():
    few = replace(FITS, in_axons=1000)
    assert violations(LAYER, (4, 4, 4), few, LOIHI1, pop_type=16) == []
    assert "limit is 1024" in rules.too_many_in_axons(LAYER, (4, 4, 4), FITS, LOIHI1, 16)
    assert "multiple of 4" in rules.pop16_unaligned(LAYER, (4, 4, 3), few, LOIHI1, 16)
    assert rules.pop16_unaligned(LAYER, (1, 1, 3), few, LOIHI1, 16) is None
    wide = replace(LAYER, inputs=(convolution("x", (8, 8, 33), 3, 1, on_host=True)[0],))
    assert "33 source channels" in rules.pop16_too_many_channels(wide, (4, 4, 4), few, LOIHI1, 16)


def test_unused_last_axon_breaks_nengo_loihi_and_the_rule_says_so():
    import nengo_loihi
    from nengo_loihi.hardware.allocators import Greedy

    from tests.partition.networks import build

    strided = convolution("x", (8, 8, 2), 1, 2, on_host=True)[0]
    plain = convolution("y", (4, 4, 2), 1, 1, on_host=True)[0]
    layer = Layer("a", (4, 4, 3), (strided, plain))
    net, _, _ = build([layer], {"a": (4, 4, 3)})
    model = nengo_loihi.Simulator(net, target="sim", progress_bar=False).model
    with pytest.raises(TypeError):
        Greedy()(model, 1)
    assert "nengo-loihi cannot number" in rules.unused_last_axon(layer, (4, 4, 3), FITS, LOIHI1, 32)
    assert rules.unused_last_axon(layer, (2, 4, 3), FITS, LOIHI1, 32) is None
    swapped = replace(layer, inputs=(plain, strided))
    assert rules.unused_last_axon(swapped, (4, 4, 3), FITS, LOIHI1, 32) is None
