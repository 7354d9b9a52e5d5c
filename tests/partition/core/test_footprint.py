"""The analytic counts against what nengo-loihi builds."""

import numpy as np
import pytest

from partition.core import axes, footprint
from partition.core.layers import Layer, dense_projection
from partition.shapes.tiling import make_tiling
from tests.partition.networks import blocks_of, build, convolution, pair, skip_net

CASES = {
    "3x3": (pair((12, 10, 4), 3, 1, "same", False, 6), (5, 4, 4), (4, 5, 3)),
    "3x3 stride 2": (pair((12, 12, 4), 3, 2, "same", False, 8), (4, 4, 2), (4, 4, 8)),
    "3x3 stride 2 valid": (pair((11, 9, 3), 3, 2, "valid", False, 5), (11, 9, 3), (3, 2, 2)),
    "unused pixels, whole": (pair((8, 8, 3), 3, 2, "valid", False, 5), (3, 8, 3), (3, 3, 5)),
    "up 2x2": (pair((6, 7, 5), 2, 2, "valid", True, 4), (3, 7, 5), (5, 6, 4)),
    "up 3x3 same": (pair((6, 6, 3), 3, 2, "same", True, 4), (6, 6, 3), (4, 4, 4)),
    "up 3x3 stride 3": (pair((6, 6, 3), 3, 3, "same", True, 4), (6, 6, 3), (4, 4, 4)),
    "1x1": (pair((8, 8, 4), 1, 1, "same", False, 3), (4, 4, 4), (8, 8, 3)),
    "1x1 stride 2": (pair((8, 8, 4), 1, 2, "same", False, 3), (4, 4, 4), (3, 4, 3)),
    "5x5, over 256 neurons": (pair((24, 24, 2), 5, 1, "same", False, 4), (12, 12, 2), (16, 8, 2)),
    "whole, over 256": (pair((20, 20, 2), 3, 1, "same", False, 2), (20, 20, 2), (20, 20, 2)),
    "10 channels": (pair((16, 16, 3), 3, 1, "valid", False, 10), (16, 16, 3), (9, 9, 10)),
    "odd 7x7x5": (pair((7, 7, 5), 3, 1, "same", False, 5), (7, 7, 5), (7, 4, 5)),
}


def dense_pair(shape, n):
    """A convolution and a dense layer after it."""
    first, _ = convolution("image", (*shape[:2], 2), 3, 1, on_host=True)
    return [Layer("a", shape, (first,)), Layer("b", (1, 1, n), (dense_projection("a", shape),))]


CASES |= {
    "dense": (dense_pair((6, 5, 7), 30), (4, 5, 3), (1, 1, 13)),
    "dense, whole": (dense_pair((6, 5, 7), 30), (6, 5, 7), (1, 1, 30)),
    "dense, many": (dense_pair((5, 5, 4), 200), (5, 5, 4), (1, 1, 100)),
}


def assert_equal_to_build(layers, shapes, pop_type=32):
    import nengo_loihi

    net, ensembles, _ = build(layers, shapes, pop_type)
    model = nengo_loihi.Simulator(net, target="sim", progress_bar=False).model
    for row in make_tiling(layers, shapes, pop_type=pop_type).usage:
        blocks = blocks_of(model, ensembles[row.layer])
        used = [block.utilization() for block in blocks]
        keys = ("compartments", "in-axons", "out-axons", "synapses")
        built = tuple(max(use[key][0] for use in used) for key in keys)
        assert len(blocks) == row.n_blocks
        assert built == (row.compartments, row.in_axons, row.out_axon_slots, row.synapse_bits)


@pytest.mark.parametrize("name", CASES)
def test_equal_to_build(name):
    layers, first, second = CASES[name]
    assert_equal_to_build(layers, {"a": first, "b": second})


@pytest.mark.parametrize("second", [(8, 5, 5), (12, 12, 5), (6, 6, 2), (1, 1, 1)])
def test_equal_to_build_with_two_sources(second):
    assert_equal_to_build(skip_net(), {"a": (6, 6, 4), "b": (6, 3, 8), "c": second})


def test_equal_to_build_pop16():
    layers = pair((8, 8, 4), 3, 1, "same", False, 8)
    assert_equal_to_build(layers, {"a": (4, 8, 4), "b": (4, 4, 8)}, pop_type=16)


def test_repeated_weights_need_no_more_than_counted():
    import nengo
    import nengo_loihi

    layers, first, second = CASES["3x3"]
    shapes = {"a": first, "b": second}
    net, ensembles, _ = build(layers, shapes)
    for connection in net.connections:
        transform = connection.transform
        nengo.Convolution.init.data[transform] = np.ones(transform.kernel_shape)
    model = nengo_loihi.Simulator(net, target="sim", progress_bar=False).model
    for row in make_tiling(layers, shapes).usage:
        bits = max(b.utilization()["synapses"][0] for b in blocks_of(model, ensembles[row.layer]))
        assert bits <= row.synapse_bits


def test_axis_of_a_strided_convolution_by_hand():
    # 5 sources, kernel 3, stride 2, same: outputs see sources (-1, 0, 1), (1, 2, 3), (3, 4, 5).
    axis = axes.axis_of(5, 3, 3, 2, "same", False)
    assert axis.first == (0, 0, 1, 1, 2)
    assert [len(taps) for taps in axis.taps] == [1, 2, 1, 2, 1]
    assert axes.runs_reached(axis, 1).tolist() == [1, 2, 1, 2, 1]
    assert axes.runs_reached(axis, 2).tolist() == [1, 1, 1, 2, 1]


def test_entry_bits_by_hand():
    # 64 weights of 8 + 6 bits and a header of 10 bits: 906 bits, 15 words.
    assert footprint.entry_bits(64, 6) == 15 * 64
    # One weight more opens a second entry: 24 bits, one word.
    assert footprint.entry_bits(65, 6) == 16 * 64
