"""A small deployed network made by hand: neither TensorFlow nor nengo is needed."""

import numpy as np

from loihiseg.codes.rate import RateCode
from loihiseg.codes.thermometer.code import ThermometerCode
from loihiseg.codes.thermometer.levels import neurons_of
from loihiseg.compilation.deployed import DeployedNetwork, Places, Provenance
from loihiseg.conversion.host_graph import (
    Affine,
    Convolution,
    Cropping,
    Function,
    HostGraph,
    Join,
    Node,
    Padding,
    Pooling,
    Upsampling,
)
from loihiseg.conversion.linear import Term
from loihiseg.conversion.neuron_kinds import Quantized, Rectified
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.data.record import DataRecord, SplitRecord
from loihiseg.emulator.flatten import RowTable
from loihiseg.emulator.presenter import Deployable
from loihiseg.emulator.program import Program
from loihiseg.network.config import RateTarget
from loihiseg.results.run import Readout
from partition.shapes.tiling import LayerUsage

TILE = 4
CHANNELS = {"stem": 2, "first": 2, "last": 3}


def small_network(seed: int = 0, levels: int = 0, neighbours: int = 0) -> LoweredNetwork:
    """Pixels, a layer on the host and two on the chip, each a convolution of single pixels."""
    rng = np.random.default_rng(seed)
    n_inputs = 1 + 2 * neighbours
    layers, source, n_before = [], "pixels", n_inputs
    for name, channels in CHANNELS.items():
        kernel = rng.normal(0.3, 0.8, (1, 1, n_before, channels)).astype(np.float32)
        layers.append(
            SpikingLayer(
                name,
                (TILE, TILE, channels),
                (Term(source, kernel),),
                rng.normal(0.2, 0.1, channels).astype(np.float32),
                100.0,
                on_host=name == "stem",
                neuron=Quantized(levels, 0.5) if levels else Rectified(staircase=True),
            )
        )
        source, n_before = name, channels
    return LoweredNetwork({"pixels": (TILE, TILE, n_inputs)}, tuple(layers), ("last", "first"))


def small_readout(seed: int = 0) -> HostGraph:
    """One operation of every kind."""
    rng = np.random.default_rng(seed)

    def kernel(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.5, shape).astype(np.float32)

    operations = (
        ("all", ("last", "first"), Join("concatenate")),
        ("mixed", ("all",), Convolution(kernel(3, 3, 5, 2), kernel(2), padding="same")),
        ("normal", ("mixed",), Affine(kernel(2), kernel(2))),
        ("bent", ("normal",), Function("leaky_relu", 0.2)),
        ("half", ("bent",), Pooling("max", (2, 2), (2, 2))),
        ("whole", ("half",), Convolution(kernel(2, 2, 2, 2), kernel(2), (2, 2), transposed=True)),
        ("wide", ("whole",), Padding((1, 1, 1, 1))),
        ("cut", ("wide",), Cropping((1, 1, 1, 1))),
        ("one", ("cut",), Convolution(kernel(2, 2, 2, 1), kernel(1), (2, 2))),
        ("map", ("one",), Upsampling((2, 2), bilinear=True)),
    )
    nodes = tuple(Node(name, sources, operation) for name, sources, operation in operations)
    return HostGraph(("last", "first"), nodes, "map")


def small_deployed(seed: int = 0, levels: int = 0, neighbours: int = 0) -> DeployedNetwork:
    """Of rates, or of so many levels; it sees so many sections on either side of one."""
    network = small_network(seed, levels, neighbours)
    neurons = neurons_of(network) if levels else network
    code = ThermometerCode(5, "timed", 3) if levels else RateCode(30, 12, 0.0)
    deployable = _deployable(neurons, np.random.default_rng(seed + 1))
    n = deployable.program.n_compartments
    blocks = tuple(
        LayerUsage(x.name, x.shape, 1, x.n_neurons, 16, 32, 100, 0.5) for x in neurons.chip_layers
    )
    split = SplitRecord((0, 3), (3, 4), (4, 6))
    return DeployedNetwork(
        network=network,
        neurons=neurons,
        readout=small_readout(seed),
        line=Readout(1.25, -0.5, 3),
        threshold=0.4,
        code=code,
        deployable=deployable,
        blocks=blocks,
        expected=np.linspace(0, 0.2, n),
        places=Places(
            2, (0, 1), (0, 0), 0.5, "counted", {"Greedy": {"chips": [0, 0], "cores": [0, 1]}}
        ),
        rate_target=RateTarget(),
        trained_on=DataRecord("stack.tif", "d1", "labels: 255 = cell", split),
        provenance=Provenance("a/checkpoint", 7, "3 tiles", "ab", {"python": "3.12"}, ""),
        neighbours=neighbours,
    )


def _deployable(neurons: LoweredNetwork, rng: np.random.Generator) -> Deployable:
    """Two blocks, of a layer each; every neuron reaches those of its pixel in the next layer."""
    stem, first, last = neurons.layers
    rows = RowTable()
    sizes = (first.n_neurons, last.n_neurons)
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    def entries(source: SpikingLayer, target: SpikingLayer, base: int) -> tuple:
        width = target.shape[2]
        weights = rng.integers(-200, 256, (source.shape[2], width)).astype(np.int32) * 64
        numbers = [rows.row(np.arange(width), one) for one in weights]
        found = [
            (base + pixel * width, numbers[channel])
            for pixel in range(TILE * TILE)
            for channel in range(source.shape[2])
        ]
        return np.arange(len(found) + 1, dtype=np.int64), np.array(found, np.int32)

    input_start, input_entries = entries(stem, first, 0)
    entry_start, chip_entries = entries(first, last, int(start[1]))
    entry_start = np.concatenate([entry_start, np.full(last.n_neurons, entry_start[-1])])
    row_start, runs, weights = rows.arrays()
    n = int(start[-1])
    segment = np.array([[0, 4096, 6400, 0, 2**23 - 1, 1]] * 2, np.int32)
    program = Program(
        block_start=start,
        segment_start=start,
        segment=segment,
        bias=rng.integers(-500, 3000, n).astype(np.int32),
        noise_multiplier=np.zeros(n),
        noise_offset=np.zeros(n, np.int32),
        noise_on_current=np.zeros(n, bool),
        entry_start=entry_start,
        entries=chip_entries,
        input_start=np.array([0, stem.n_neurons], np.int64),
        input_entry_start=input_start,
        input_entries=input_entries,
        row_start=row_start,
        runs=runs,
        weights=weights,
    )
    places = {
        "first": np.arange(start[0], start[1])[::-1].copy(),
        "last": np.arange(start[1], start[2]),
    }
    return Deployable(program, places, ("stem",))
