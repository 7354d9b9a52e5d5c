"""Small random networks of levels for the ramp code, and what they come to in plain integers."""

from dataclasses import replace

import msgspec
import numpy as np
from scipy.sparse import csr_array

from loihiseg.codes.ramp.integers import integer_layers
from loihiseg.codes.ramp.network import neurons_that_wait, plan
from loihiseg.codes.ramp.neuron import THRESHOLD
from loihiseg.codes.ramp.relays import with_relays
from loihiseg.conversion.convolution import layer_total, term_input
from loihiseg.conversion.linear import SparseTerm, Term
from loihiseg.conversion.neuron_kinds import Extremum, Quantized
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer, neuron_bias
from loihiseg.conversion.stepwise import FAR, Stepwise
from loihiseg.emulator.flatten import RowTable
from loihiseg.emulator.presenter import Deployable
from loihiseg.emulator.program import Program
from loihiseg.errors import InputError
from partition.core.layers import output_lengths

KINDS = ("dense", "convolution", "transposed", "skip", "u-net")

OWN_HOWS = (
    "pooled", "pooled", "extreme", "padded", "cropped", "depthwise", "grown", "sparse", "same",
)  # fmt: skip
"""What layers of `random_own_network` may be: all that nengo-loihi has no builder for."""


def layer(name, shape, sources, kernels, bias, levels, value=1.0, on_host=False, **settings):
    """A layer of activations; ``settings`` by source are those of its terms."""
    terms = tuple(
        Term(source, np.asarray(kernel, np.float32), **settings.get(source, {}))
        for source, kernel in zip(sources, kernels, strict=True)
    )
    bias = np.broadcast_to(np.float32(bias), shape[2]).astype(np.float32)
    return SpikingLayer(name, shape, terms, bias, 100.0, on_host, Quantized(levels, value))


def stem(shape, levels):
    """Of the host: its pixels are the levels of its units."""
    return layer("stem", shape, ["pixels"], [np.eye(shape[2])[None, None]], 0, levels, on_host=True)


def one_unit():
    """A unit that hears two sources, with weights of 1 and -1; levels at 0.98, 2.94 and 4.9."""
    kernel = np.array([[1.0], [-1.0]])[None, None]
    unit = layer("unit", (1, 1, 1), ["stem"], [kernel], 0, 3, 1.96)
    return LoweredNetwork({"pixels": (1, 1, 2)}, (stem((1, 1, 2), 15), unit), ("unit",))


def random_network(seed, levels=None):
    """A network of one of `KINDS`, of random weights, many of them the largest there are."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]

    def count():
        return int(rng.integers(1, 16)) if levels is None else levels

    if kind == "dense":
        shape, plan = (1, 1, int(rng.integers(2, 24))), [("a", "dense"), ("b", "dense")]
    else:
        shape = (4 * int(rng.integers(1, 3)), 4, int(rng.integers(1, 4)))
        plan = {
            "convolution": [("a", "same"), ("b", "strided")],
            "transposed": [("a", "strided"), ("b", "up")],
            "skip": [("a", "same"), ("b", "same"), ("c", "joined")],
            "u-net": [("a", "same"), ("b", "strided"), ("u", "up"), ("c", "joined")],
        }[kind]
    layers = [stem(shape, count())]
    for name, how in plan:
        layers.append(_next(rng, name, how, layers, count()))
    return LoweredNetwork({"pixels": shape}, tuple(layers), (layers[-1].name,))


def random_own_network(seed, levels=None):
    """A network of layers with borders of their own, depthwise, sparse, and extremes.

    Biases of some layers differ from pixel to pixel; some layers hear two others.
    """
    rng = np.random.default_rng(seed)

    def count():
        return int(rng.integers(1, 16)) if levels is None else levels

    shape = (int(rng.integers(3, 8)), int(rng.integers(3, 7)), int(rng.integers(1, 4)))
    layers = [stem(shape, count())]
    for number in range(int(rng.integers(2, 5))):
        how = OWN_HOWS[(seed + number) % len(OWN_HOWS)] if number < 2 else rng.choice(OWN_HOWS)
        layers.append(_own_layer(rng, f"own{number}", str(how), layers, count()))
    return LoweredNetwork({"pixels": shape}, tuple(layers), (layers[-1].name,))


def random_gated_network(seed):
    """Layers of one shape and equal levels, some of them extremes of any two or three before."""
    rng = np.random.default_rng([seed, 2])
    shape, levels = (int(rng.integers(2, 5)), 3, int(rng.integers(1, 4))), int(rng.integers(1, 8))
    layers = [stem(shape, levels)]
    for number in range(int(rng.integers(3, 8))):
        name = f"gated{number}"
        if rng.random() < 0.5 and len(layers) > 1:
            count = min(int(rng.integers(2, 4)), len(layers))
            sources = rng.choice(len(layers), count, replace=False)
            kernel = np.ones((1, 1, shape[2], 1), np.float32)
            terms = tuple(Term(layers[i].name, kernel, depthwise=True) for i in sources)
            neuron = Extremum(levels, 1.0, bool(rng.random() < 0.5))
            zeros = np.zeros(shape[2], np.float32)
            layers.append(SpikingLayer(name, shape, terms, zeros, 100.0, False, neuron))
            continue
        heard = layers[int(rng.integers(max(0, len(layers) - 3), len(layers)))]
        kernel = _kernel(rng, (3, 3, shape[2], shape[2])) / 127
        reach = np.abs(kernel).sum((0, 1, 2)).max() * rng.uniform(0.1, 0.4)
        bias, same = rng.uniform(-1, 1), {heard.name: {"padding": "same"}}
        layers.append(layer(name, shape, [heard.name], [kernel / reach], bias, levels, **same))
    heard = {source for one in layers for source in one.sources}
    ends = tuple(one.name for one in layers if one.name not in heard)
    return with_relays(LoweredNetwork({"pixels": shape}, tuple(layers), ends))


def random_stepwise_network(seed, levels=None):
    """The same, of activations with thresholds at random, that are not 0 at level 0.

    Some levels all sums reach, or none, in some channels.
    """
    rng = np.random.default_rng([seed, 1])
    layers = []
    for one in random_own_network(seed, levels).layers:
        neuron = one.neuron
        if isinstance(neuron, Extremum):
            offset = next(x for x in layers if x.name == one.sources[0]).neuron.offset
            # What is chosen among has to be worth the same.
            alike = [x for x in layers if x.name in one.sources and x.neuron.offset != offset]
            terms = tuple(t for t in one.terms if t.source not in {x.name for x in alike})
            neuron = msgspec.structs.replace(neuron, offset=offset)
            layers.append(replace(one, terms=terms, neuron=neuron))
        else:
            layers.append(replace(one, neuron=_stepwise(rng, one)))
    return LoweredNetwork({"pixels": layers[0].shape}, tuple(layers), (layers[-1].name,))


def _stepwise(rng, one):
    """Of as many levels of the same value."""
    levels, value = one.neuron.levels, one.neuron.level_value
    offset = float(rng.normal(0, levels * value / 2))
    if one.on_host:
        return Stepwise(levels, value, offset, tuple((k + 0.5,) for k in range(levels)))
    width = 1 if rng.random() < 0.5 else one.shape[2]
    apart = rng.uniform(0.5, 3, (levels, width)) * value
    rows = np.cumsum(apart, axis=0) - rng.uniform(0, 1.5, width) * value * levels
    if rng.random() < 0.3:
        rows[0, 0] = -FAR
    if rng.random() < 0.3:
        rows[-1, 0] = FAR
    return Stepwise(levels, value, offset, tuple(tuple(map(float, row)) for row in rows))


def _own_layer(rng, name, how, layers, levels):
    before = layers[-1]
    if how in ("pooled", "extreme"):
        return _extreme(rng, name, before, layers if how == "extreme" else [])
    term, shape = _own_term(rng, how, before, int(rng.integers(1, 5)))
    terms = [term]
    others = [one for one in layers if one.shape[:2] == shape[:2]]
    if others and rng.random() < 0.4:
        other = others[int(rng.integers(len(others)))]
        terms.append(Term(other.name, _kernel(rng, (1, 1, other.shape[2], shape[2]))))
    by_name = {one.name: one for one in layers}
    reach = 1.0
    for one in terms:
        source = by_name[one.source]
        everything = np.full((1, *source.shape), source.levels, np.float64)
        reach = max(reach, term_input(one.with_values(np.abs(one.values)), everything, shape).max())
    value = float(max(4, rng.uniform(0.02, 0.6) * reach / levels) / 127)
    by_pixel = (*shape[:2],) if rng.random() < 0.5 else ()
    bias = rng.uniform(-1, 1, (*by_pixel, shape[2])) * value * levels / 2
    terms = tuple(one.with_values((one.values / 127).astype(np.float32)) for one in terms)
    # A level of a source counts 1 in its weights.
    terms = tuple(
        one.with_values((one.values / by_name[one.source].level_value).astype(np.float32))
        for one in terms
    )
    return SpikingLayer(
        name, shape, terms, bias.astype(np.float32), 100.0, False, Quantized(levels, value)
    )


def _extreme(rng, name, before, layers):
    """Windows on one layer, or on another like it too."""
    rows, columns, channels = before.shape
    size = [int(rng.integers(1, min(3, n) + 1)) for n in (rows, columns)]
    strides = tuple(int(n) for n in rng.integers(1, 3, 2))
    pads = tuple(tuple(int(n) for n in rng.integers(0, size[axis], 2)) for axis in (0, 1))
    kernel = np.ones((*size, channels, 1), np.float32)
    if size == [3, 3] and rng.random() < 0.5:
        kernel[1::2] = kernel[:, 1::2] = 0
    terms = [Term(before.name, kernel, strides, pads=pads, depthwise=True)]
    alike = (before.shape, before.levels, before.level_value)
    for other in layers[:-1]:
        if (other.shape, other.levels, other.level_value) == alike:
            terms.append(replace(terms[0], source=other.name))
    shape = (*_length(before, terms[0]), channels)
    neuron = Extremum(before.levels, before.level_value, bool(rng.random() < 0.6))
    return SpikingLayer(
        name, shape, tuple(terms), np.zeros(channels, np.float32), 100.0, False, neuron
    )


def _own_term(rng, how, before, width):
    rows, columns, channels = before.shape
    if how == "sparse":
        shape = (int(rng.integers(1, 4)), int(rng.integers(1, 4)), width)
        weights = _kernel(rng, (int(np.prod(shape)), before.n_neurons))
        weights *= rng.random(weights.shape) < rng.uniform(0.1, 1)
        weights.flat[rng.integers(weights.size)] = 127
        return SparseTerm(before.name, csr_array(weights.astype(np.float32))), shape
    size = [int(n) for n in rng.integers(1, 4, 2)]
    pads = tuple(tuple(int(n) for n in rng.integers(0, 3, 2)) for _ in (0, 1))
    settings = {"pads": pads, "strides": (1, 1)}
    if how == "cropped":
        strides = tuple(int(n) for n in rng.integers(1, 4, 2))
        settings = {"transposed": True, "strides": strides}
        full = [(n - 1) * s + k for n, s, k in zip((rows, columns), strides, size)]
        pads = [[int(n) for n in rng.integers(-1, 2, 2)] for _ in (0, 1)]
        settings["pads"] = tuple(
            tuple(own) if n - sum(own) >= 1 else (0, 0) for n, own in zip(full, pads)
        )
    elif how == "same":
        settings = {"padding": "same"}
    elif how == "grown":
        settings = {"pads": ((0, 1), (1, 0)), "strides": (2, 2), "transposed": True}
        size = [int(n) for n in rng.integers(2, 5, 2)]
    elif how == "depthwise":
        settings |= {"depthwise": True, "strides": tuple(int(n) for n in rng.integers(1, 3, 2))}
    filters = (channels, 1) if how == "depthwise" else (channels, width)
    if how == "depthwise" and rng.random() < 0.4:
        filters = (channels, 2)
    if "pads" in settings and not settings.get("transposed"):
        # No larger than what is there with its borders.
        there = [n + sum(own) for n, own in zip((rows, columns), settings["pads"])]
        size = [min(own, n) for own, n in zip(size, there)]
    term = Term(before.name, _kernel(rng, (*size, *filters)), **settings)
    n_channels = channels * filters[1] if how == "depthwise" else width
    return term, (*_length(before, term), n_channels)


def _length(before, term):
    """Rows and columns of what a term makes."""
    found = []
    for axis in (0, 1):
        pads = term.pads[axis] if term.pads else None
        lengths = output_lengths(
            before.shape[axis], term.kernel.shape[axis], term.strides[axis], term.padding,
            term.transposed, pads,
        )  # fmt: skip
        found.append(lengths[0])
        assert found[-1] >= 1, term
    return tuple(found)


def _next(rng, name, how, layers, levels):
    before = layers[-1]
    rows, columns, _ = before.shape
    width = int(rng.integers(1, 24 if how == "dense" else 5))
    sources, settings = [before], {}
    size, term = {
        "dense": ((1, 1), {}),
        "same": ((3, 3), {"padding": "same"}),
        "joined": ((3, 3), {"padding": "same"}),
        "strided": ((2, 2), {"strides": (2, 2), "padding": "same"}),
        "up": ((2, 2), {"strides": (2, 2), "transposed": True}),
    }[how]
    if how == "joined":
        sources.append(layers[1])
    scale = {"strided": 0.5, "up": 2}.get(how, 1)
    shape = (int(rows * scale), int(columns * scale), width)
    kernels = [_kernel(rng, (*size, source.shape[2], width)) for source in sources]
    settings = {source.name: term for source in sources}
    reach = max(sum(s.levels * np.abs(k).sum((0, 1, 2)) for s, k in zip(sources, kernels)).max(), 1)
    # Steps of the levels from a few of the weights' to what leaves most levels unused.
    value = float(max(4, rng.uniform(0.02, 0.6) * reach / levels) / 127)
    bias = rng.uniform(-1, 1, width) * value * levels / 2
    return layer(
        name, shape, [s.name for s in sources], [k / 127 for k in kernels], bias, levels, value,
        **settings,
    )  # fmt: skip


def _kernel(rng, shape):
    """Whole numbers of -127 to 127; in some all are at one end or the other."""
    if rng.random() < 0.3:
        kernel = rng.choice([-127.0, 127.0], shape)
    else:
        kernel = np.clip(np.rint(rng.normal(0, 40, shape)), -127, 127)
    kernel.flat[rng.integers(kernel.size)] = 127 * rng.choice([-1, 1])
    return kernel


def random_images(network, seed, count=3):
    """(count, *shape) float32 pixels; among them those that reach the bounds of the first layer."""
    rng = np.random.default_rng(seed)
    first, second = network.layers[:2]
    shape = (count, *first.shape)
    images = rng.integers(0, first.levels + 1, shape).astype(np.float32)
    term = next(t for t in second.terms if t.source == first.name)
    # All that one channel adds up, and nothing of what it takes away; and the other way round.
    heard = np.ones(1)
    if isinstance(term, Term) and not term.depthwise:
        heard = term.kernel[..., int(rng.integers(second.shape[2]))].sum(axis=(0, 1))
    images[0] = (heard > 0) * first.levels
    images[-1] = (heard < 0) * first.levels
    return images


def integer_network(network, pixels):
    """Levels of all units by layer, in plain integers, step for step nowhere: sums and thresholds.

    Parameters
    ----------
    network : LoweredNetwork
        Of which the host's layer takes its pixels as they are.
    pixels : numpy.ndarray
        (n, rows, columns, channels).
    """
    integers, found = integer_layers(network), {}
    for one in network.layers:
        if one.on_host:
            found[one.name] = np.clip(np.rint(pixels), 0, one.levels).astype(np.int64)
            continue
        if one.neuron.chooses:
            values = {name: found[name].astype(np.float32) for name in one.sources}
            found[one.name] = layer_total(one, values, len(pixels)).astype(np.int64)
            continue
        own = integers[one.name]
        total = 0 if own.bias is None else own.bias
        total = total + sum(
            # Sums of whole numbers below 2**53 are exact in any order.
            term_input(term.with_values(w), found[term.source].astype(np.float64), one.shape)
            for term, w in zip(one.terms, own.weights, strict=True)
        )
        reached = np.rint(total)[..., None, :] >= own.thresholds
        found[one.name] = reached.sum(axis=-2)
    return found


def cut(rng, shape):
    """A block shape of a layer, at random, that one core has room for."""
    found = [int(rng.integers(max(1, n // 2), n + 1)) for n in shape]
    while np.prod(found) > 1024:
        largest = int(np.argmax(found))
        found[largest] = -(-found[largest] // 2)
    return tuple(found)


def fitting(seed, made=random_network):
    """The first random network from a number on that the chip has room for."""
    for attempt in range(20):
        network = made(seed + 10**6 * attempt)
        try:
            neurons_that_wait(network, plan(network))
        except InputError:
            continue
        return network
    raise AssertionError(f"no network fits from {seed} on")


class Direct:
    """A network's program laid out from its integers alone, without nengo-loihi: fast to make."""

    def __init__(self, neurons):
        self.deployable = _program(neurons)

    @property
    def n_compartments(self):
        """In all blocks: one for each layer."""
        return self.deployable.program.n_compartments

    def close(self):
        """Nothing is open."""


def _program(neurons):
    chip = neurons.chip_layers
    sizes = [layer.n_neurons for layer in chip]
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    first = {layer.name: int(begin) for layer, begin in zip(chip, start)}
    host = tuple(layer.name for layer in neurons.layers if layer.on_host)
    rows, entries = RowTable(), {layer.name: [] for layer in neurons.layers}
    for layer in chip:
        for term in layer.terms:
            source = neurons.layer(term.source)
            one_by_one = np.eye(source.n_neurons).reshape(-1, *source.shape)
            heard = np.rint(term_input(term, one_by_one, layer.shape)).astype(np.int64)
            for number, weights in enumerate(heard.reshape(source.n_neurons, -1)):
                targets = np.flatnonzero(weights)
                row = rows.row(targets, weights[targets].astype(np.int32))
                entries[source.name].append((number, first[layer.name], row))
    on_chip, from_host = (
        _entries(neurons, names, entries) for names in ([layer.name for layer in chip], host)
    )
    row_start, runs, weights = rows.arrays()
    n = int(start[-1])
    segment = [
        # Gates keep 1/4096 of their voltage, which is nothing.
        [0, 1, THRESHOLD, 0, 2**23 - 1, 1]
        if layer.neuron.chooses
        else [
            0,
            4096 - getattr(layer.neuron, "decay", 0),
            getattr(layer.neuron, "threshold", THRESHOLD),
            -(2**layer.neuron.floor_exponent) + 1,
            2**23 - 1,
            1,
        ]
        for layer in chip
    ]
    biases = [np.broadcast_to(neuron_bias(layer), layer.shape).ravel() for layer in chip]
    host_sizes = [neurons.layer(name).n_neurons for name in host]
    program = Program(
        start, start.copy(), np.array(segment, np.int32), np.concatenate(biases).astype(np.int32),
        np.zeros(n), np.zeros(n, np.int32), np.zeros(n, bool), *on_chip,
        np.concatenate([[0], np.cumsum(host_sizes)]).astype(np.int64), *from_host,
        row_start, runs, weights,
    )  # fmt: skip
    places = {layer.name: first[layer.name] + np.arange(layer.n_neurons) for layer in chip}
    return Deployable(program, places, host)


def _entries(neurons, names, entries):
    """Starts and table of the entries of layers, neuron after neuron."""
    starts, table = [0], []
    for name in names:
        own = sorted(entries[name], key=lambda entry: entry[0])
        counts = np.bincount(
            np.array([entry[0] for entry in own], np.int64), minlength=neurons.layer(name).n_neurons
        )
        starts += (starts[-1] + np.cumsum(counts)).tolist()
        table += [entry[1:] for entry in own]
    return np.array(starts, np.int64), np.array(table, np.int32).reshape(-1, 2)
