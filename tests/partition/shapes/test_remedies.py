"""What an error suggests must work: every change is applied and tried."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partition.core.checks import check_tiling
from partition.core.errors import DoesNotFitError
from partition.core.layers import Layer, check_layers, dense_projection
from partition.core.limits import LOIHI1, CoreLimits
from partition.joint.choose import choose_tiling_and_chips
from partition.shapes.changes import Change, fewer_channels, rederived, smaller_images
from partition.shapes.remedies import weakest
from partition.shapes.tiling import choose_block_shapes
from tests.partition.networks import convolution, random_network, skip_net, unet


def from_image(shape, channels, kernel=3, stride=1, padding="same"):
    projection, pixels = convolution("image", shape, kernel, stride, padding, on_host=True)
    return Layer("a", (*pixels, channels), (projection,))


def after(layer, name, channels, kernel=3, stride=1):
    projection, pixels = convolution(layer.name, layer.shape, kernel, stride)
    return Layer(name, (*pixels, channels), (projection,))


def wide():
    """A layer whose every pixel reaches more blocks than it has axons for."""
    first = from_image((5, 5, 4), 16)
    return [first, after(first, "b", 128)]


def dense():
    first = from_image((64, 64, 1), 8)
    return [first, Layer("d", (1, 1, 10), (dense_projection("a", first.shape),))]


def many_inputs():
    inputs = tuple(convolution(f"i{n}", (4, 4, 3), 1, 1, on_host=True)[0] for n in range(9))
    return [Layer("a", (4, 4, 4), inputs)]


CASES = {
    "too few cores": (
        unet(48, (4, 8, 16)),
        {"max_cores": 32},
        "needs 67 cores, there are 32 (over by 35)",
        "e0",
    ),
    "kernel": (
        [from_image((9, 9, 1), 1, 5)],
        {"limits": replace(LOIHI1, in_axons=20)},
        "25 in-axons, the limit is 20 (over by 5)",
        "a",
    ),
    "dense": (dense(), {}, "32768 in-axons, the limit is 4096 (over by 28672)", "d"),
    "out-axons": (
        wide(),
        {"limits": replace(LOIHI1, out_axon_slots=16, compartments=64)},
        "out-axon slots, the limit is 16 (over by",
        "a",
    ),
    "synapses": (
        [from_image((8, 8, 64), 4)],
        {"limits": replace(LOIHI1, synapse_bits=4000)},
        "synapse bits, the limit is 4000 (over by",
        "a",
    ),
    "pop16": ([from_image((4, 4, 36), 4, 1)], {"pop_type": 16}, "36 source channels", "a"),
    "inputs": (many_inputs(), {}, "9 inputs with a synapse format each, the limit is 7", "a"),
}

EXPECTED = {
    "too few cores": "a smaller image or tile, 32x32 instead of 48x48 neurons in image",
    "kernel": "kernel 4x4 instead of 5x5 from image to layer a",
    "dense": "a smaller image or tile, 22x22 instead of 64x64 neurons in image",
    "out-axons": "32 instead of 128 channels in layer b",
    "synapses": "kernel 2x2 instead of 3x3 from image to layer a",
    "pop16": "pop_type 32",
    "inputs": "7 instead of 9 inputs in layer a, without i7, i8",
}


def error_of(layers, options):
    with pytest.raises(DoesNotFitError) as caught:
        choose_block_shapes(layers, **options)
    return caught.value


def check(remedy, options):
    change = remedy.change
    check_layers(change.layers)
    options = {**options, "pop_type": change.pop_type}
    tiling = choose_block_shapes(change.layers, **options)
    assert tiling.n_cores == remedy.n_cores
    limits = options.get("limits", LOIHI1)
    check_tiling(change.layers, tiling, limits=limits, pop_type=change.pop_type)


@pytest.mark.parametrize("name", CASES)
def test_limit_layer_excess_and_what_helps(name):
    layers, options, words, culprit = CASES[name]
    error = error_of(layers, options)
    assert words in str(error)
    assert culprit in error.layers
    assert any(f"layer {culprit}" in text for text in error.violations)
    assert EXPECTED[name] in [remedy.change.text for remedy in error.remedies]
    assert f"would fit: {error.remedies[0]}" in str(error)
    for remedy in error.remedies:
        check(remedy, options)


def test_half_the_slots_with_pop16():
    first = from_image((5, 5, 4), 4)
    layers = [first, after(first, "b", 32)]
    options = {"limits": replace(LOIHI1, out_axon_slots=8, compartments=64)}
    (remedy,) = [r for r in error_of(layers, options).remedies if r.change.pop_type == 16]
    assert remedy.change.text == "pop_type 16"
    check(remedy, options)


def test_the_joint_choice_explains_itself_too():
    with pytest.raises(
        DoesNotFitError, match=r"would fit: joined inputs of layer a \(i0\+i1"
    ) as caught:
        choose_tiling_and_chips(many_inputs()[:1], 1)
    assert caught.value.remedies


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
def test_remedies_of_random_networks(seed):
    rng = np.random.default_rng(seed)
    layers = random_network(rng)
    limits = CoreLimits(
        compartments=int(rng.integers(8, 60)),
        in_axons=int(rng.integers(4, 60)),
        out_axon_slots=int(rng.integers(4, 60)),
        synapse_bits=int(rng.integers(300, 6000)),
    )
    options = {"limits": limits, "max_cores": int(rng.integers(4, 60))}
    try:
        choose_block_shapes(layers, **options)
    except DoesNotFitError as error:
        for remedy in error.remedies:
            check(remedy, options)


def test_weakest_is_the_first_that_fits():
    changes = [Change(str(n), (), n) for n in range(9)]
    tried = []

    def tile(layers, n):
        tried.append(n)
        if n < 5:
            raise DoesNotFitError("too weak")
        return choose_block_shapes(skip_net())

    assert weakest(changes, tile).change.text == "5"
    assert len(tried) <= 5
    assert weakest(changes[:4], tile) is None
    assert weakest([], tile) is None


def test_shapes_follow_a_change():
    layers = unet(48, (4, 8, 16))
    assert rederived(layers, {}) == tuple(layers)
    texts = [change.text for change in smaller_images(layers, 32)]
    assert texts[0] == "a smaller image or tile, 44x44 instead of 48x48 neurons in image"
    # Two strides of 2 and back: other sizes do not meet their skips.
    assert len(texts) == len(range(8, 45, 4))
    first = fewer_channels(layers, "e1", 32)[0]
    by_name = {layer.name: layer for layer in first.layers}
    assert by_name["e1"].shape == (24, 24, 7)
    assert by_name["d2"].inputs[0].source_shape == (24, 24, 7)
