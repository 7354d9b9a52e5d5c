"""Source channels that share their weights: counted as what is built, and fewer as a remedy."""

from dataclasses import replace

import nengo_loihi
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loihiseg.codes.thermometer.clocks import clocked
from loihiseg.codes.thermometer.levels import neurons_of
from loihiseg.compilation.mapping import partition_layers
from partition.built.blocks import block_violations
from partition.core import axes
from partition.core.checks import check_tiling
from partition.core.errors import DoesNotFitError, PartitionError
from partition.core.layers import check_layers
from partition.core.limits import LOIHI1
from partition.shapes.changes import fewer_channels, fewer_levels, smaller_images, smaller_kernel
from partition.shapes.tiling import choose_block_shapes, make_tiling
from tests import quantized
from tests.partition.networks import blocks_of, skip_net


def with_levels(layers, levels):
    """The layers, every channel and every source channel so many times."""
    found = []
    for layer in layers:
        inputs = tuple(
            replace(
                p, levels=levels, source_shape=(*p.source_shape[:2], p.source_shape[2] * levels)
            )
            for p in layer.inputs
        )
        shape = (*layer.shape[:2], layer.shape[2] * levels)
        found.append(replace(layer, shape=shape, inputs=inputs, levels=levels))
    return found


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
def test_equal_to_build(seed):
    rng = np.random.default_rng(seed)
    levels = tuple(int(n) for n in rng.integers(1, 4, 6))
    neurons = neurons_of(quantized.lowered(int(rng.integers(100)), levels))
    if rng.integers(2):
        neurons = clocked(neurons, 6)
    layers = partition_layers(neurons)
    shapes = {x.name: tuple(int(rng.integers(-(-n // 2), n + 1)) for n in x.shape) for x in layers}
    made = quantized.converted(neurons, shapes)
    model = nengo_loihi.Simulator(made.net, target="sim", progress_bar=False).model
    for row in make_tiling(layers, shapes).usage:
        used = [b.utilization() for b in blocks_of(model, made.ensembles[row.layer])]
        keys = ("compartments", "in-axons", "out-axons", "synapses")
        built = tuple(max(use[key][0] for use in used) for key in keys)
        assert built == (row.compartments, row.in_axons, row.out_axon_slots, row.synapse_bits)
    assert block_violations(model) == []


def test_memory_does_not_grow_with_the_levels_of_the_source():
    neurons = neurons_of(quantized.lowered(levels=3))
    layers = partition_layers(neurons)
    shapes = {x.name: x.shape for x in layers}
    one = [replace(x, inputs=tuple(replace(p, levels=1) for p in x.inputs)) for x in layers]
    for ours, plain in zip(make_tiling(layers, shapes).usage, make_tiling(one, shapes).usage):
        # Three times the weights, but for entries rounded up to words.
        assert 2.8 < plain.synapse_bits / ours.synapse_bits < 3.0001


def test_levels_must_divide_channels():
    first, *rest = with_levels(skip_net(), 2)
    with pytest.raises(PartitionError, match="8 channels are no multiple of 3 levels"):
        check_layers([replace(first, levels=3), *rest])
    second = replace(rest[0], inputs=(replace(rest[0].inputs[0], levels=5),))
    with pytest.raises(PartitionError, match="8 channels are no multiple of 5 levels"):
        check_layers([first, second, *rest[1:]])


def test_fewer_levels_change_all_layers_together():
    layers = with_levels(skip_net(), 3)
    two, one = fewer_levels(layers, 32)
    assert (two.text, one.text) == (
        "2 instead of 3 levels per channel",
        "1 instead of 3 levels per channel",
    )
    assert list(two.layers) == with_levels(skip_net(), 2)
    assert list(one.layers) == with_levels(skip_net(), 1)
    assert fewer_levels(skip_net(), 32) == []


def test_fewer_channels_keep_their_levels():
    layers = with_levels(skip_net(), 3)
    for change in fewer_channels(layers, "b", 32):
        check_layers(change.layers)
        assert change.layers[1].shape[2] % 3 == 0
    assert [c.layers[1].shape[2] for c in fewer_channels(layers, "b", 32)] == list(range(21, 0, -3))


def test_a_network_that_does_not_fit_would_with_fewer_levels():
    layers = with_levels(skip_net(), 3)
    cores = choose_block_shapes(with_levels(skip_net(), 1)).n_cores
    with pytest.raises(DoesNotFitError) as error:
        choose_block_shapes(layers, max_cores=cores)
    fits = [r for r in error.value.remedies if "levels per channel" in r.change.text]
    assert [r.n_cores for r in fits] == [cores]
    tiling = choose_block_shapes(fits[0].change.layers, max_cores=cores)
    check_tiling(fits[0].change.layers, tiling)


def test_clocks_take_an_axon_and_room_for_one_weight_per_compartment():
    neurons = neurons_of(quantized.lowered(levels=3))
    with_clocks = partition_layers(clocked(neurons, 6))
    check_layers(with_clocks)
    # Any block hears a clock through its one weight, so the same block shapes come into question.
    plain, ours = (choose_block_shapes(x) for x in (partition_layers(neurons), with_clocks))
    check_tiling(with_clocks, ours)
    assert ours.shapes == plain.shapes
    for one, other in zip(ours.usage, plain.usage):
        more = one.layer != "decode0_0_spikes"
        assert one.in_axons - other.in_axons == more
        assert 8 * one.compartments * more <= one.synapse_bits - other.synapse_bits
        assert one.synapse_bits - other.synapse_bits < 21 * one.compartments * more + 1


def test_changes_leave_clocks_as_large_as_their_layers():
    layers = partition_layers(clocked(neurons_of(quantized.lowered(levels=3)), 6))
    changes = [*fewer_levels(layers, 32), *fewer_channels(layers, layers[1].name, 32)]
    changes += smaller_images(layers, 32)
    assert {change.layers[0].shape[0] for change in changes} == {2, 4, 6, 8}
    for change in changes:
        check_layers(change.layers)
        for old, new in zip(layers, change.layers):
            for before, after in zip(old.inputs, new.inputs):
                assert after.uniform == before.uniform
                if after.uniform:
                    assert (after.kernel, after.source_shape) == (new.shape[:2], (1, 1, 6))
    clock = layers[0].inputs[-1].source
    assert smaller_kernel(layers, layers[0].name, clock, 32) == []
    wrong = replace(layers[0].inputs[-1], kernel=(3, 3))
    with pytest.raises(PartitionError, match="its kernel as large as the layer"):
        check_layers([replace(layers[0], inputs=(*layers[0].inputs[:-1], wrong)), *layers[1:]])


@pytest.mark.parametrize(
    "axis, whole",
    [
        # A border output of a 3-tap convolution hears through two taps, its neighbour all.
        (axes.axis_of(6, 6, 3, 1, "same", False), [2, 3, 4, 6]),
        (axes.axis_of(6, 4, 3, 1, "valid", False), [1, 2, 3, 4]),
        # Outputs of a 2-tap transposed convolution of stride 2 hear through one tap in turn.
        (axes.axis_of(3, 6, 2, 2, "valid", True), [2, 3, 4, 6]),
        (axes.axis_of(1, 1, 3, 1, "same", False), [1]),
    ],
)
def test_lengths_that_hear_whole_kernels(axis, whole):
    lengths = range(1, axis.n_targets + 1)
    assert [n for n in lengths if axes.hears_all_taps(axis, n)] == whole


def test_blocks_of_binary_neurons_have_one_scale_per_run_of_channels():
    neurons = neurons_of(quantized.lowered(levels=2))
    layers = partition_layers(neurons)
    tiling = choose_block_shapes(layers, limits=replace(LOIHI1, compartments=40))
    made = quantized.converted(neurons, tiling.shapes)
    model = nengo_loihi.Simulator(made.net, target="sim", progress_bar=False).model
    for layer in layers:
        scales = {}
        for block in blocks_of(model, made.ensembles[layer.name]):
            channels = tuple(np.unique(list(model.block_comp_map[block])) % layer.shape[2])
            first = min(channels)
            scales.setdefault(first, set()).add(float(block.discretize_info["w_scale"]))
        assert len(blocks_of(model, made.ensembles[layer.name])) > len(scales)
        assert all(len(found) == 1 for found in scales.values())
