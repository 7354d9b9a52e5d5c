"""Built networks of several kinds, and allocators of all kinds, for tests that run them."""

import functools
import warnings
from dataclasses import dataclass, replace

import nengo
import nengo_loihi
import numpy as np
from nengo_loihi.hardware.allocators import Greedy, GreedyInterchip, RoundRobin

from partition.built.allocator import FixedAllocator, MinTrafficAllocator
from partition.core.layers import Layer
from tests.partition.networks import build, convolution, skip_net, unet

N_STEPS = 40


@dataclass(frozen=True, eq=False)
class Case:
    """A network, the chips it is put on, and what nengo-loihi's emulator makes of it.

    Attributes
    ----------
    net : nengo.Network
    model : nengo_loihi.builder.Model
    cores_per_chip, n_chips : int
    data : dict of nengo.Probe to numpy.ndarray
    spiked : (N_STEPS, n_compartments) bool array
        Blocks concatenated in model order.
    """

    net: object
    model: object
    cores_per_chip: int
    n_chips: int
    data: dict
    spiked: np.ndarray


def dense():
    """Neurons to neurons, decoded and recurrent connections, split ensembles."""
    rng = np.random.default_rng(4)
    with nengo.Network(seed=4) as net:
        nengo_loihi.add_params(net)
        source = nengo.Node(lambda t: np.sin(20 * t))
        layers = [nengo.Ensemble(n, 1, label=f"layer {n}") for n in (60, 90, 40)]
        net.config[layers[1]].block_shape = nengo_loihi.BlockShape((25,), (90,))
        nengo.Connection(source, layers[0])
        for pre, post in ((0, 1), (1, 2), (2, 0), (1, 1)):
            pre, post = layers[pre].neurons, layers[post].neurons
            weights = rng.normal(0, 2e-3, (post.size_in, pre.size_out))
            weights[rng.random(weights.shape) < 0.2] = 0
            nengo.Connection(pre, post, transform=weights)
        nengo.Connection(layers[0], layers[1])
        nengo.Connection(layers[1], layers[2], function=np.square)
        for layer in layers:
            nengo.Probe(layer.neurons)
        nengo.Probe(layers[2], synapse=0.01)
    return net


def population32():
    """Convolutions of all kinds, a skip and unused pixels; 32-bit population axons."""
    # Every other row and column of the source is passed over: axons that are never built.
    projection, pixels = convolution("a", (12, 12, 4), 1, 2)
    layers = [*skip_net(), Layer("d", (*pixels, 3), (projection,))]
    shapes = {"a": (4, 6, 4), "b": (3, 3, 8), "c": (4, 6, 5), "d": (6, 6, 3)}
    return build(layers, shapes, probe="c")[0]


def population16():
    """A U-Net with 16-bit population axons; layers split by channels too."""
    layers = unet(side=8, channels=(4, 8))
    shapes = {layer.name: (4, 8, 4) for layer in layers}
    return build(layers, shapes, pop_type=16, probe="n0")[0]


def tiny_preset():
    """The smallest preset on a small tile, lowered and converted."""
    from loihiseg.training.presets import PRESETS
    from tests.deployed import converted, lowered, split_shapes

    network = lowered(config=replace(PRESETS["tiny"].network, tile=32))
    made = converted(network, split_shapes(network))
    (node,) = made.inputs.values()
    node.output = np.random.default_rng(1).normal(0, 1.5, node.size_out)
    with made.net:
        nengo.Probe(made.ensembles[network.outputs[0]].neurons)
    return made.net


CASES = {
    "dense": (dense, 3),
    "population32": (population32, 3),
    "population16": (population16, 4),
    "tiny_preset": (tiny_preset, 3),
}
"""How to make each network, and on how many chips it is put."""

ALLOCATORS = ("Greedy", "RoundRobin", "GreedyInterchip", "MinTraffic", "anywhere")


@functools.cache
def case(name) -> Case:
    """Build a network and run it on nengo-loihi's emulator."""
    make, n_chips = CASES[name]
    net = make()
    spiked = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with nengo_loihi.Simulator(net, target="sim", seed=0, progress_bar=False) as sim:
            for _ in range(N_STEPS):
                sim.step()
                spiked.append(sim.sims["emulator"].compartment.spiked.copy())
            data = {probe: sim.data[probe].copy() for probe in net.all_probes}
            model = sim.model
            for source in model.inputs:
                source.spikes.clear()  # the last ones have not been fetched
    cores = -(-len(model.blocks) // n_chips)
    return Case(net, model, cores, n_chips, data, np.array(spiked))


def allocator(name, case):
    """An allocator of nengo-loihi's or ours; ``anywhere`` puts blocks on chips by chance."""
    if name == "anywhere":
        places = np.repeat(np.arange(case.n_chips), case.cores_per_chip)[: len(case.model.blocks)]
        return FixedAllocator(np.random.default_rng(9).permutation(places).tolist())
    cores = case.cores_per_chip
    return {
        "Greedy": lambda: Greedy(cores_per_chip=cores),
        "RoundRobin": RoundRobin,
        "GreedyInterchip": lambda: GreedyInterchip(cores_per_chip=cores),
        "MinTraffic": lambda: MinTrafficAllocator(cores_per_chip=cores),
    }[name]()
