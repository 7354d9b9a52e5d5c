"""Nengo networks as layers: those by hand, what a build makes of the shapes, and refusals."""

import loihiseg.frameworks  # noqa: F401 (before nengo-loihi)

import nengo
import nengo_loihi
import numpy as np
import pytest

import partition
from loihiseg.emulator.simulator import Simulator
from partition.core.errors import PartitionError
from partition.core.layers import Layer, Projection, dense_projection


def convolution(shape, channels, strides=(1, 1), kind=nengo.Convolution, **more):
    return kind(channels, nengo.transforms.ChannelShape(shape), strides=strides, **more)


def network():
    """A host ensemble, a convolution, a transposed one and a dense layer."""
    with nengo.Network(seed=0) as net:
        net.config[nengo.Ensemble].neuron_type = nengo_loihi.neurons.LoihiSpikingRectifiedLinear()
        net.config[nengo.Ensemble].gain = nengo.dists.Choice([100.0])
        net.config[nengo.Ensemble].bias = nengo.dists.Choice([0.0])
        net.config[nengo.Connection].synapse = 0.005
        nengo_loihi.add_params(net)
        node = nengo.Node(np.full(128, 0.5))
        image = nengo.Ensemble(128, 1, label="image")
        net.config[image].on_chip = False
        first = nengo.Ensemble(3 * 3 * 4, 1, label="first")
        second = nengo.Ensemble(6 * 6 * 2, 1, label="second")
        dense = nengo.Ensemble(10, 1, label="dense")
        nengo.Connection(node, image.neurons, synapse=None)
        down = convolution((8, 8, 2), 4, (2, 2))
        nengo.Connection(image.neurons, first.neurons, transform=down)
        up = convolution(
            (3, 3, 4), 2, (2, 2), nengo.transforms.ConvolutionTranspose,
            kernel_size=(2, 2), padding="valid",
        )  # fmt: skip
        nengo.Connection(first.neurons, second.neurons, transform=up)
        nengo.Connection(second.neurons, dense.neurons, transform=np.ones((10, 72)) / 72)
    return net


def test_layers_are_those_by_hand():
    assert partition.layers_of(network()) == [
        Layer(
            "first", (3, 3, 4),
            (Projection("image", (3, 3), (2, 2), "valid", False, (8, 8, 2), True),),
        ),
        Layer(
            "second", (6, 6, 2), (Projection("first", (2, 2), (2, 2), "valid", True, (3, 3, 4)),)
        ),
        Layer("dense", (1, 1, 10), (dense_projection("second", (6, 6, 2)),)),
    ]  # fmt: skip


def test_a_build_has_the_blocks_of_the_shapes():
    net = network()
    shapes = {"first": (3, 3, 2), "second": (3, 6, 2), "dense": (1, 1, 5)}
    partition.use_block_shapes(net, shapes)
    with Simulator(net, target="sim", enforce_limits="error", progress_bar=False) as sim:
        sizes = [block.n_neurons for block in sim.model.blocks]
    assert sorted(sizes) == sorted([18, 18, 36, 36, 5, 5])


def test_tiling_of_a_network_that_was_read_is_what_is_built():
    net = network()
    tiling = partition.choose_block_shapes(partition.layers_of(net))
    partition.use_block_shapes(net, tiling.shapes)
    with Simulator(net, target="sim", enforce_limits="error", progress_bar=False) as sim:
        assert len(sim.model.blocks) == tiling.n_cores


def test_everything_that_has_no_place_is_named():
    with nengo.Network() as net:
        node = nengo.Node(np.ones(4))
        a, b = nengo.Ensemble(4, 1, label="a"), nengo.Ensemble(4, 1, label="b")
        nengo.Ensemble(4, 1, label="b")
        nengo.Connection(node, a.neurons)
        nengo.Connection(a, b)
        nengo.Connection(a.neurons, b.neurons, transform=nengo.Sparse((4, 4), indices=[(0, 0)]))
    with pytest.raises(PartitionError) as error:
        partition.layers_of(net)
    texts = error.value.violations
    assert len(texts) == 4
    for wanted in ("label of its own", "hears what is no neuron", "decodes", "transform Sparse"):
        assert any(wanted in text for text in texts), wanted


def test_shapes_of_other_layers_are_refused():
    with pytest.raises(PartitionError, match="block shapes of third: no such layers; expected fir"):
        partition.use_block_shapes(network(), {"third": (1, 1, 1)})
