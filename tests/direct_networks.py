"""Small random networks with own steps, as training through time leaves them."""

from dataclasses import replace

import numpy as np

from loihiseg.codes.direct.network import clocked
from loihiseg.conversion.leaky import GRID, Leaky
from loihiseg.conversion.linear import Term
from loihiseg.conversion.neuron_kinds import Rectified
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.errors import InputError
from loihiseg.through_time.structure import Wire, timed

KINDS = ("chain", "skip", "dense", "u-net", "two skips")

_PLANS = {
    "chain": [("a", "same"), ("b", "strided"), ("c", "same")],
    "skip": [("a", "same"), ("b", "same"), ("c", "same", "a"), ("d", "same", "stem")],
    "dense": [("a", "dense"), ("b", "dense"), ("c", "dense", "a")],
    "u-net": [("a", "same"), ("b", "strided"), ("c", "same"), ("u", "up"), ("d", "same", "a")],
    "two skips": [("a", "same"), ("b", "same", "stem"), ("c", "same", "a", "stem")],
}


def leaky(shifts, threshold, decay=0, floor_exponent=0, is_flushed=False):
    """With what a flush leaves."""
    kept = (2**floor_exponent - 1) * (4096 - decay) >> 12
    rows = tuple(tuple(int(value) for value in row) for row in shifts)
    return Leaky(rows, threshold, decay, floor_exponent, -kept % GRID * is_flushed, is_flushed)


def stem(shape):
    """Pixels are the host's currents, in thresholds."""
    kernel = np.eye(shape[2], dtype=np.float32)[None, None]
    zeros = np.zeros(shape[2], np.float32)
    return SpikingLayer("stem", shape, (Term("pixels", kernel),), zeros, 1000.0, True, Rectified())


def layer(name, shape, kernels, neuron, **settings):
    """``kernels`` by source, in multiples of 64; ``settings`` of all terms."""
    terms = tuple(
        Term(source, GRID * np.asarray(kernel, np.float32), **settings)
        for source, kernel in kernels.items()
    )
    return SpikingLayer(name, shape, terms, np.zeros(shape[2], np.float32), 1000.0, False, neuron)


def random_network(seed):
    """Of one of `KINDS`: any decay, floor, number of steps; weights up to the largest there are."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    side = 1 if kind == "dense" else 4
    shape = (side, side, int(rng.integers(2, 12) if kind == "dense" else rng.integers(1, 4)))
    wires = [Wire("stem", (), shape[2], "stem")]
    hows = {}
    for name, how, *more in _PLANS[kind]:
        sources = (wires[-1].name, *more)
        slots = tuple(range(len(sources)))
        wires.append(Wire(name, sources, int(rng.integers(1, 6)), "same", slots))
        hows[name] = how
    times = {own.name: own for own in timed(wires, int(rng.integers(1, 7)))}
    layers = [stem(shape)]
    for wire in wires[1:]:
        layers.append(_random_layer(rng, hows[wire.name], times[wire.name], layers))
    return LoweredNetwork({"pixels": shape}, tuple(layers), (layers[-1].name,))


def _random_layer(rng, how, own, layers):
    by_name = {one.name: one for one in layers}
    size, scale, settings = {
        "dense": (1, 1, {}),
        "same": (3, 1, {"padding": "same"}),
        "strided": (3, 0.5, {"strides": (2, 2), "padding": "same"}),
        "up": (2, 2, {"strides": (2, 2), "transposed": True}),
    }[how]
    before = by_name[own.sources[0]]
    shape = (int(before.shape[0] * scale), int(before.shape[1] * scale), own.channels)
    kernels = {
        source: _kernel(rng, (size, size, by_name[source].shape[2], own.channels))
        for source in own.sources
    }
    reach = max(np.maximum(kernel, 0).sum((0, 1, 2)).max() for kernel in kernels.values())
    threshold = GRID * int(rng.integers(1, max(int(reach * 0.6), 2) + 1))
    decay = int(rng.choice([0, 1, 512, 1365, 4095]))
    # Floors: none below rest, one next to the threshold, and far ones.
    floor = int(rng.choice([0, round(np.log2(threshold)), 18]))
    shifts = GRID * np.rint(rng.normal(0, threshold / GRID / 2, (own.steps, own.channels)))
    neuron = leaky(shifts, threshold, decay, floor, any(own.lags))
    return layer(own.name, shape, kernels, neuron, **settings)


def _kernel(rng, shape):
    """Whole numbers of -127 to 127, at least one of them the largest."""
    kernel = np.clip(np.rint(rng.normal(10, 50, shape)), -127, 127)
    kernel.flat[rng.integers(kernel.size)] = 127 * rng.choice([-1, 1])
    return kernel


def fitting(seed):
    """The first random network from a number on that the chip has room for, and its neurons."""
    for attempt in range(20):
        network = random_network(seed + 10**6 * attempt)
        try:
            return network, clocked(network)
        except InputError:
            continue
    raise AssertionError(f"no network fits from {seed} on")


def random_images(network, seed, count=3):
    """(count, rows, columns, channels) float32 pixels, in eighths of a threshold."""
    rng = np.random.default_rng(seed)
    shape = (count, *network.layers[0].shape)
    return (rng.integers(-4, 12, shape) / 8).astype(np.float32)


def without_flush(network, name):
    """A network of which one layer knows nothing of what it hears before its first step."""
    layers = tuple(
        replace(one, neuron=replace_struct(one.neuron, is_flushed=False, start=0))
        if one.name == name
        else one
        for one in network.layers
    )
    return replace(network, layers=layers)


def replace_struct(struct, **values):
    import msgspec

    return msgspec.structs.replace(struct, **values)
