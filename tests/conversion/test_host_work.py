"""What the host computes is found, counted and, where it is a hidden layer, refused."""

import numpy as np
import pytest

from loihiseg.conversion.host_graph import (
    Affine,
    Convolution,
    Function,
    HostGraph,
    Join,
    Node,
    Pooling,
    Upsampling,
)
from loihiseg.conversion.host_work import check_tail, count_macs, hidden_layers, host_layers
from loihiseg.conversion.linear import Term
from loihiseg.conversion.neuron_kinds import Rectified
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.errors import OptionError
from loihiseg.results import HostLayer


def kernel(*shape):
    return np.ones(shape, np.float32)


def convolution(*shape, **more):
    return Convolution(kernel(*shape), np.zeros(shape[-1], np.float32), **more)


def chain(*operations):
    """A graph of operations one after the other; those of one layer stand in a tuple."""
    nodes, source, number = [], "chip", 0
    for layer, some in enumerate(operations):
        for one in some if isinstance(some, tuple) else (some,):
            name = f"{number}:layer{layer}"
            nodes.append(Node(name, (source,), one))
            source, number = name, number + 1
    return HostGraph(("chip",), tuple(nodes), source)


SIGMOID, LEAKY = Function("sigmoid"), Function("leaky_relu", 0.3)
ONE, THREE = convolution(1, 1, 4, 4), convolution(3, 3, 4, 4, padding="same")
HALF = Affine(np.full(4, 0.5, np.float32), np.zeros(1, np.float32))
MAX, MEAN = Pooling("max", (2, 2), (2, 2)), Pooling("mean", (2, 2), (2, 2))


@pytest.mark.parametrize(
    "operations, hidden",
    [
        ((), ()),
        ((ONE, SIGMOID), ()),
        ((ONE, SIGMOID, Upsampling((2, 2))), ()),
        # Sums of what the last neurons say, in several steps, are one linear read-out.
        ((THREE, HALF, ONE, MEAN, ONE, SIGMOID), ()),
        # Activations are pooled and bent without weights between them and the chip.
        ((MAX, ONE), ()),
        ((LEAKY, ONE), ()),
        ((THREE, LEAKY), ()),
        ((THREE, LEAKY, ONE), ("layer0", "layer1")),
        (((THREE, LEAKY), ONE), ("layer0",)),
        ((THREE, HALF, LEAKY, MAX, ONE, SIGMOID), ("layer0", "layer2", "layer3")),
        ((THREE, MAX, ONE), ("layer0", "layer1")),
        ((THREE, LEAKY, THREE, LEAKY, ONE), ("layer0", "layer1", "layer2", "layer3")),
        ((THREE, LEAKY, THREE, LEAKY), ("layer0", "layer1")),
    ],
)
def test_hidden_layers(operations, hidden):
    graph = chain(*operations)
    assert hidden_layers(graph) == hidden
    check_tail(graph, allow_host_tail=True)
    if not hidden:
        check_tail(graph, allow_host_tail=False)
        return
    with pytest.raises(OptionError) as caught:
        check_tail(graph, allow_host_tail=False)
    assert all(f"'{name}' (" in str(caught.value) for name in hidden)
    assert len(caught.value.violations) == len(hidden)


def test_a_hidden_layer_on_one_of_two_ways():
    nodes = (
        Node("0:conv", ("chip",), THREE),
        Node("1:leaky", ("0:conv",), LEAKY),
        Node("2:logit", ("1:leaky",), ONE),
        Node("3:beside", ("other",), ONE),
        Node("4:add", ("2:logit", "3:beside"), Join("add")),
    )
    graph = HostGraph(("chip", "other"), nodes, "4:add")
    assert hidden_layers(graph) == ("conv", "leaky")
    # Gates of weights that weights take.
    gated = (*nodes, Node("5:times", ("2:logit", "3:beside"), Join("multiply")))
    last = Node("6:last", ("5:times",), ONE)
    found = hidden_layers(HostGraph(("chip", "other"), (*gated, last), "6:last"))
    assert found == ("conv", "leaky", "logit", "beside", "times")


def test_work_is_counted_by_hand():
    pixels = (Term("image", kernel(3, 3, 1, 2), (1, 1), "same"),)
    spikes = (Term("stem", kernel(2, 2, 2, 4), (2, 2), "valid"),)
    stem, chip = (
        SpikingLayer(name, shape, terms, np.zeros(shape[2], np.float32), 100.0, host, Rectified())
        for name, shape, terms, host in (
            ("stem", (8, 8, 2), pixels, True),
            ("chip", (4, 4, 4), spikes, False),
        )
    )
    network = LoweredNetwork({"image": (8, 8, 1)}, (stem, chip), ("chip",))
    depthwise = np.zeros((3, 3, 4, 4), np.float32)
    depthwise[..., range(4), range(4)] = 0.5
    own = Convolution(depthwise, np.zeros(4, np.float32), padding="same")
    graph = chain(
        (own, LEAKY), convolution(2, 2, 4, 3, strides=(2, 2), transposed=True),
        (convolution(1, 1, 3, 1), SIGMOID),
    )  # fmt: skip
    assert host_layers(network, graph) == (
        HostLayer("stem", "before", 64 * 18, 128),
        # Nine taps and four pairs of channels that have any weight.
        HostLayer("layer0", "after", 16 * 36, 64, True),
        HostLayer("layer1", "after", 16 * 48, 0),
        HostLayer("layer2", "after", 64 * 3, 64),
    )
    assert count_macs(network, graph) == 64 * 18 + 16 * 32 + 16 * 36 + 16 * 48 + 64 * 3


def test_the_whole_network_is_counted_and_its_tail_refused():
    """Of five hidden layers two are on the chip and on the host before it, three behind it."""
    from loihiseg.frameworks import tf

    from loihiseg.conversion.lowering import lower

    layers = tf.keras.layers
    pixels = tf.keras.Input((32, 32, 1))
    x = layers.Conv2D(4, 3, 2, padding="same", activation="relu")(pixels)
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(x)
    for number in range(3):
        x = layers.Conv2D(8, 3, padding="same", name=f"conv{number}")(x)
        x = layers.LeakyReLU(name=f"leaky{number}")(x)
    found = lower(tf.keras.Model(pixels, layers.Conv2D(1, 1, name="logit")(x)))
    assert count_macs(found.network, found.graph) == 472_064
    rows = host_layers(found.network, found.graph)
    assert [(row.layer, row.macs) for row in rows if row.stage == "after" and row.macs] == [
        ("conv0", 110_592), ("conv1", 147_456), ("conv2", 147_456), ("logit", 2_048)
    ]  # fmt: skip
    with pytest.raises(OptionError, match="6 hidden layers behind") as caught:
        check_tail(found.graph, allow_host_tail=False)
    assert "'leaky0' (leaky_relu)" in str(caught.value)
