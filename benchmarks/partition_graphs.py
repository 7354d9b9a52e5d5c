"""Block graphs to put on chips: nengo-loihi's own test, published networks, presets, generated.

Edges have ``weight``, messages per step of 1 ms, and ``axons``, what nengo-loihi's allocators count
when they are given no rates: one per target axon, which all channels of a pixel share.
"""

import warnings
from dataclasses import dataclass, replace

import networkx as nx
import numpy as np
import scipy.ndimage
import scipy.spatial

from benchmarks.partition_networks import EXAMPLES
from partition.core.layers import Layer, Projection, output_lengths
from partition.core.limits import CORES_PER_CHIP
from partition.core.traffic import tiling_graph
from partition.shapes.tiling import choose_block_shapes

MEAN_RATE_HZ = 10.0


@dataclass(frozen=True, eq=False)
class Problem:
    """A block graph and the chips it is put on.

    Attributes
    ----------
    name : str
    graph : networkx.DiGraph
        Nodes 0 to n - 1; edges with ``weight`` and ``axons``.
    about : str
    cores_per_chip : int
    layers : list of Layer or None
        What was cut into the blocks of the graph, where that is known.
    rates : dict of str to array or None
        Spikes per step of the layers' sources.
    """

    name: str
    graph: nx.DiGraph
    about: str
    cores_per_chip: int = CORES_PER_CHIP
    layers: list | None = None
    rates: dict | None = None

    @property
    def n_blocks(self) -> int:
        return self.graph.number_of_nodes()

    @property
    def n_chips(self) -> int:
        """Fewest chips that hold the blocks."""
        return -(-self.n_blocks // self.cores_per_chip)


def nengo_loihi_test() -> Problem:
    """The graph of ``test_interchip_allocators`` of nengo-loihi, with its rates."""
    from partition.built.allocator import rates_per_step

    model, rates = nengo_loihi_test_model()
    graph = model_graph(model, rates_per_step(model, rates))
    return Problem("nengo-loihi test", graph, "256 random ensembles, rates of the test")


def nengo_loihi_test_model():
    """The model that ``test_interchip_allocators`` builds, and its rates by ensemble in Hz."""
    import loihiseg.frameworks  # noqa: F401 (before nengo-loihi)

    import nengo
    import nengo_loihi

    rng = np.random.RandomState(1)
    with nengo.Network(seed=0) as net:
        n_neurons = rng.randint(64, 256, size=256)
        ensembles = [nengo.Ensemble(n, dimensions=1) for n in n_neurons]
        for i, j in rng.randint(0, 256, size=(512, 2)):
            pre, post = ensembles[i].neurons, ensembles[j].neurons
            transform = rng.uniform(-0.1, 0.1, size=(post.size_in, pre.size_out))
            nengo.Connection(pre, post, transform=transform)
    rates = {
        ensemble: rng.uniform(1, 100, size=1) * rng.uniform(0.9, 1, size=ensemble.n_neurons)
        for ensemble in ensembles
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nengo_loihi.Simulator(net, target="sim", progress_bar=False).model, rates


def model_graph(model, rates) -> nx.DiGraph:
    """Blocks of a built model with messages, and axons as nengo-loihi counts them."""
    from nengo_loihi.hardware.allocators import estimate_interblock_activity

    from partition.built.graph import block_graph

    graph = block_graph(model, rates)
    axons = estimate_interblock_activity(dict(enumerate(model.blocks)))
    for a, b in graph.edges:
        graph.edges[a, b]["axons"] = round(axons[a].get(b, 0))
    return graph


def of_layers(name, layers, about, shapes=None, rates=None, cores_per_chip=CORES_PER_CHIP):
    """A network cut into given or our block shapes; rates from a seed without.

    Only a network that we may cut ourselves keeps its layers.
    """
    rates = seeded_rates(layers) if rates is None else rates
    chosen = choose_block_shapes(layers, rates=rates).shapes if shapes is None else shapes
    graph = layer_graph(layers, chosen, rates)
    n_neurons = sum(layer.n_neurons for layer in layers)
    about = f"{n_neurons:,} neurons; {about}"
    known = (None, None) if shapes else (layers, rates)
    return Problem(name, graph, about, cores_per_chip, *known)


def example(name, by_hand, cores_per_chip) -> Problem:
    """A network of nengo-loihi's example notebooks, on small chips so that there is a cut."""
    layers, shapes = EXAMPLES[name]()
    if by_hand:
        about = "its published block shapes, rates from a seed"
        return of_layers(f"{name}, theirs", layers, about, shapes, cores_per_chip=cores_per_chip)
    about = "our block shapes, rates from a seed"
    return of_layers(f"{name}, tiled", layers, about, cores_per_chip=cores_per_chip)


def preset(name, scale=1) -> Problem:
    """A preset of ours, untrained, its tile so many times as wide and high; rates from a seed."""
    from loihiseg.compilation.mapping import partition_layers
    from loihiseg.conversion.lowering import lower
    from loihiseg.network.unet import build_unet
    from loihiseg.training.presets import PRESETS

    config = PRESETS[name].network
    config = replace(config, tile=scale * config.tile)
    layers = partition_layers(lower(build_unet(config)).network)
    title = name if scale == 1 else f"{name}, tile {config.tile}"
    return of_layers(title, layers, "smooth rates from a seed")


def trained(checkpoint, data=None, n_tiles=8, n_steps=200) -> Problem:
    """A trained network with the rates that the emulator counts on sections it was not trained on.

    Parameters
    ----------
    checkpoint : path-like
    data : path-like, optional
        Stack; synthetic sections without.
    n_tiles, n_steps : int
        Tiles spread over the test sections, and steps that each is shown.
    """
    from pathlib import Path

    from loihiseg.compilation.mapping import apply_block_shapes, partition_layers
    from loihiseg.compilation.source import load_network
    from loihiseg.conversion.converter import convert
    from loihiseg.conversion.lowering import lower
    from loihiseg.data.readers import read_stack
    from loihiseg.data.synthetic import synthetic_stack
    from loihiseg.data.tiles import spread_tiles
    from loihiseg.emulator.presenter import CompiledPresenter
    from loihiseg.emulator.reference import Presenter

    source = load_network(checkpoint)
    network = lower(source.model).network
    layers = partition_layers(network)
    tiling = choose_block_shapes(layers)
    converted = convert(network)
    apply_block_shapes(converted, network, tiling.shapes)
    stack = read_stack(data) if data else synthetic_stack()
    first = source.info.data.split.test[0] if source.info and data else 0
    sections = range(first, min(first + 4, stack.n_sections))
    tiles = spread_tiles(stack.select(sections), source.tile, n_tiles).pixels
    (node,) = converted.inputs.values()
    shapes = {layer.name: layer.shape for layer in network.layers}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Presenter(converted.net, node, converted.ensembles, shapes) as presenter:
            runner = CompiledPresenter(presenter.deployable, network)
            shown = runner.present_all(tiles, n_steps, n_steps)
            runner.close()
    rates = {
        name: sum(one.spikes[name].astype(float) for one in shown) / (n_steps * len(shown))
        for name in shown[0].spikes
    }
    name = f"{Path(checkpoint).resolve().name}, trained"
    return of_layers(name, layers, f"rates counted on {len(tiles)} tiles", rates=rates)


def unet(side) -> Problem:
    """A U-Net of four levels on ``side`` x ``side`` pixels; rates from a seed."""
    return of_layers(f"U-Net {side}", unet_layers(side), "smooth rates from a seed")


def unet_layers(side, channels=(4, 8, 16, 32)):
    """Strided convolutions down, transposed ones up, a convolution of both at each level."""
    layers = []

    def add(name, n_channels, *inputs):
        """Inputs are (source, source shape, kernel, stride, transposed)."""
        projections = []
        for source, shape, kernel, stride, transposed in inputs:
            padding = "valid" if transposed else "same"
            projections.append(
                Projection(source, (kernel, kernel), (stride, stride), padding, transposed, shape,
                           source == "image")
            )  # fmt: skip
            rows, columns = (
                output_lengths(n, kernel, stride, padding, transposed)[0] for n in shape[:2]
            )
        layers.append(Layer(name, (rows, columns, n_channels), tuple(projections)))
        return name, layers[-1].shape

    current = add("enter", channels[0], ("image", (side, side, channels[0]), 3, 1, False))
    skips = [current]
    for level, n_channels in enumerate(channels[1:], start=1):
        current = add(f"down{level}", n_channels, (*current, 3, 2, False))
        current = add(f"deep{level}", n_channels, (*current, 3, 1, False))
        skips.append(current)
    for level, n_channels in reversed(list(enumerate(channels[:-1]))):
        up = add(f"up{level}", n_channels, (*current, 2, 2, True))
        inputs = ((*up, 3, 1, False), (*skips[level], 3, 1, False))
        current = add(f"join{level}", n_channels, *inputs)
    return layers


def seeded_rates(layers, seed=0) -> dict:
    """Spikes per step of every neuron: some channels lively and some not, smooth over pixels."""
    rng = np.random.default_rng(seed)
    rates = {}
    for shape, name in {
        p.source: (p.source_shape, p.source) for x in layers for p in x.inputs
    }.values():
        field = rng.normal(size=shape)
        field = scipy.ndimage.gaussian_filter(field, [shape[0] / 8, shape[1] / 8, 0], mode="wrap")
        field /= field.std() or 1.0
        channel = rng.lognormal(-0.5, 1.0, size=shape[2])
        rates[name] = np.minimum(MEAN_RATE_HZ / 1000 * channel * np.exp(0.5 * field), 1.0)
    return rates


def layer_graph(layers, shapes, rates) -> nx.DiGraph:
    """Blocks of a tiling with messages and axons."""
    graph = tiling_graph(layers, shapes, rates)
    axons = tiling_graph(layers, shapes, _axon_shares(layers, shapes))
    for edge in graph.edges:
        graph.edges[edge]["axons"] = round(axons.edges[edge]["weight"])
    return graph


def _axon_shares(layers, shapes):
    """Part of an axon that each neuron has: those of a block's pixel share one, unless dense."""
    shares = {}
    for layer in layers:
        for projection in layer.inputs:
            n_channels = projection.source_shape[2]
            block = 1 if projection.dense else shapes.get(projection.source, (1, 1, n_channels))[2]
            starts = np.arange(n_channels) // block * block
            shares[projection.source] = 1 / np.minimum(block, n_channels - starts)
    return shares


def dense_stack(n_layers=16, n_blocks=32, seed=0) -> Problem:
    """Layers of blocks, each sending to every block of the next layer."""
    rng = np.random.default_rng(seed)
    graph = _empty(n_layers * n_blocks)
    for layer in range(n_layers - 1):
        for a in range(n_blocks):
            spikes = 1024 * MEAN_RATE_HZ / 1000 * rng.lognormal(-0.5, 1.0)
            for b in range(n_blocks):
                _send(graph, layer * n_blocks + a, (layer + 1) * n_blocks + b, spikes, 1024)
    about = f"{n_layers} layers of {n_blocks} blocks, each to all of the next"
    return Problem(f"dense {graph.number_of_nodes()}", graph, about)


def geometric(n_blocks, degree=12, seed=0, cores_per_chip=CORES_PER_CHIP) -> Problem:
    """Blocks at random places of a square, sending to those near them."""
    rng = np.random.default_rng(seed)
    places = rng.random((n_blocks, 2))
    radius = np.sqrt(degree / (np.pi * n_blocks))
    graph = _empty(n_blocks)
    for a, b in sorted(scipy.spatial.cKDTree(places).query_pairs(radius)):
        near = 1 - np.linalg.norm(places[a] - places[b]) / radius
        for edge in ((a, b), (b, a)):
            reached = max(1, round(1024 * near))
            _send(graph, *edge, reached * MEAN_RATE_HZ / 1000 * rng.lognormal(-0.5, 1.0), reached)
    about = "random places, each block to those near it"
    return Problem(f"geometric {n_blocks}", graph, about, cores_per_chip)


def small_world(n_blocks, degree=20, rewired=0.1, seed=0) -> Problem:
    """Blocks on a ring, sending to neighbours and a few far away; rates of a long-tailed law.

    After Watts and Strogatz 1998 (doi 10.1038/30918), as brains are often modelled.
    """
    rng = np.random.default_rng(seed)
    graph = _empty(n_blocks)
    rates = MEAN_RATE_HZ / 1000 * rng.lognormal(-0.5, 1.0, size=n_blocks)
    ring = nx.watts_strogatz_graph(n_blocks, degree, rewired, seed=seed)
    order = rng.permutation(n_blocks)  # model order says nothing of where a block belongs
    for a, b in sorted(ring.edges):
        for pre, post in ((order[a], order[b]), (order[b], order[a])):
            reached = int(rng.integers(64, 1025))
            _send(graph, int(pre), int(post), reached * rates[pre], reached)
    return Problem(f"small world {n_blocks}", graph, f"degree {degree}, {rewired:.0%} rewired")


def _empty(n_blocks):
    graph = nx.DiGraph(host_inputs=[])
    graph.add_nodes_from(range(n_blocks), n_compartments=1024, label="")
    return graph


def _send(graph, a, b, messages, axons):
    graph.add_edge(a, b, weight=float(messages), axons=int(axons))
