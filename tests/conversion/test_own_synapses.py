"""Layers that nengo-loihi has no builder for: every weight is where the terms say, on every cut."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from loihiseg.compilation.mapping import partition_layers
from loihiseg.conversion import precision
from loihiseg.conversion.convolution import term_input
from loihiseg.conversion.linear import SparseTerm, Term
from loihiseg.conversion.neuron_kinds import Rectified
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.emulator.traffic import program_graph
from partition.built.blocks import block_violations
from partition.core.checks import check_tiling
from partition.core.traffic import tiling_graph
from partition.shapes.candidates import candidate_shapes
from partition.shapes.tiling import make_tiling
from tests import quantized


def layer(name, shape, terms, bias, on_host=False):
    """Of firing rates."""
    return SpikingLayer(
        name, shape, tuple(terms), bias.astype(np.float32), 100.0, on_host, Rectified()
    )


def network():
    """One layer of every kind: borders, cropped, depthwise of one and of two, sparse, biases."""
    rng = np.random.default_rng(0)

    def kernel(*shape):
        return rng.normal(0, 1, shape).astype(np.float32)

    weights = kernel(24, 24) * (rng.random((24, 24)) < 0.3)
    layers = (
        layer(
            "stem", (6, 5, 2), [Term("pixels", kernel(3, 3, 2, 2), pads=((1, 1), (2, 0)))],
            rng.normal(0, 0.3, (6, 5, 2)), True,
        ),
        layer(
            "a", (3, 4, 3), [Term("stem", kernel(3, 2, 2, 3), (2, 1), pads=((1, 0), (0, 0)))],
            rng.normal(0, 0.1, 3),
        ),
        layer(
            "b", (5, 7, 2),
            [Term("a", kernel(4, 3, 3, 2), (2, 2), transposed=True, pads=((1, 2), (1, 1)))],
            rng.normal(0, 0.1, (5, 7, 2)),
        ),
        layer(
            "c", (2, 3, 2),
            [Term("b", kernel(2, 2, 2, 1), (2, 2), pads=((0, -1), (0, -1)), depthwise=True)],
            rng.normal(0, 0.1, 2),
        ),
        layer(
            "d", (2, 3, 4),
            [
                Term("c", kernel(3, 3, 2, 2), padding="same", depthwise=True),
                Term("a", kernel(2, 2, 3, 4), pads=((0, 0), (0, 0))),
            ],
            rng.normal(0, 0.1, 4),
        ),
        layer(
            "e", (2, 3, 4), [SparseTerm("d", csr_array(weights)), Term("c", kernel(1, 1, 2, 4))],
            rng.normal(0, 0.1, (2, 3, 4)),
        ),
    )  # fmt: skip
    return LoweredNetwork({"pixels": (6, 5, 2)}, layers, ("e",))


def cuts(made, seed):
    """Block shapes at random; all layers whole for seed 0."""
    rng = np.random.default_rng(seed)
    return {
        one.name: one.shape if not seed else tuple(int(rng.integers(1, n + 1)) for n in one.shape)
        for one in made.chip_layers
    }


def matrices(program):
    """What a spike of each compartment, and of each neuron of the host, adds to each: int64."""

    def rows(start, table):
        found = np.zeros((len(start) - 1, program.n_compartments), np.int64)
        for source in range(len(found)):
            for base, row in table[start[source] : start[source + 1]]:
                for offset, first, length in program.runs[slice(*program.row_start[row : row + 2])]:
                    own = program.weights[first : first + length]
                    found[source, base + offset : base + offset + length] += own
        return found

    return (
        rows(program.entry_start, program.entries),
        rows(program.input_entry_start, program.input_entries),
    )


def integers_of(made, shapes, monkeypatch):
    """The chip's integers of each layer, as precision chooses them."""
    found, original = {}, precision._integers

    def noted(one, *rest):
        found[one.name] = original(one, *rest)
        return found[one.name]

    monkeypatch.setattr(precision, "_integers", noted)
    precision.quantize_network(made, shapes, 0.0)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_every_weight_is_where_it_is_meant(seed, monkeypatch):
    made = network()
    shapes = cuts(made, seed)
    integers = integers_of(made, shapes, monkeypatch)
    with quantized.presenter(made, shapes) as presenter:
        program, places = presenter.deployable.program, presenter.deployable.places
        assert presenter.deployable.input_sources == ("stem",)
        wanted = [np.zeros_like(found) for found in matrices(program)]
        for one in made.chip_layers:
            chip = integers[one.name]
            bias = np.broadcast_to(chip.bias, one.shape).ravel()
            np.testing.assert_array_equal(program.bias[places[one.name]], bias)
            for term, weights in zip(one.terms, chip.weights, strict=True):
                source = made.layer(term.source)
                each = np.eye(source.n_neurons).reshape(-1, *source.shape)
                heard = term_input(term.with_values(weights), each, one.shape)
                heard = np.rint(heard).astype(np.int64).reshape(source.n_neurons, -1)
                if source.on_host:
                    wanted[1][:, places[one.name]] += heard
                else:
                    wanted[0][np.ix_(places[source.name], places[one.name])] += heard
        for found, meant in zip(matrices(program), wanted, strict=True):
            np.testing.assert_array_equal(found, meant)
            assert found.any()


@pytest.mark.parametrize("seed", range(3))
def test_blocks_take_what_was_worked_out_before(seed):
    made = network()
    shapes, layers = cuts(made, seed + 1), partition_layers(made)
    tiling = make_tiling(layers, shapes)
    check_tiling(layers, tiling)
    with quantized.presenter(made, shapes) as presenter:
        assert block_violations(presenter.model) == []
        blocks = iter(presenter.model.blocks)
        for row in tiling.usage:
            own = [next(blocks) for _ in range(row.n_blocks)]
            assert row.in_axons == max(sum(s.n_axons for s in b.synapses) for b in own)
            slots = max(sum(a.axon_slots() for a in b.axons) for b in own)
            bits = max(sum(s.bits() for s in b.synapses) for b in own)
            # Links are counted as if no two pixels shared what they have in memory.
            assert row.out_axon_slots >= slots and row.synapse_bits >= bits
            if row.layer in "abd":
                assert row.synapse_bits == bits
        built = program_graph(presenter.deployable.program)
    planned = tiling_graph(layers, shapes)
    sent = [{e[:2]: e[2] for e in g.edges(data="weight") if e[2]} for g in (planned, built)]
    assert sent[0] == sent[1]
    hosts = [[host["messages"] for host in g.graph["host_inputs"]] for g in (planned, built)]
    assert hosts[0] == hosts[1]
    total = sum(sent[0].values()) + sum(sum(host.values()) for host in hosts[0])
    assert tiling.messages == total


def test_a_pooled_channel_costs_one_weight_for_each_place():
    """Not one for each pair of channels: memory follows the channels, not their square."""
    bits = {}
    for depthwise in (True, False):
        kernel = np.ones((2, 2, 32, 1 if depthwise else 32), np.float32)
        one = layer(
            "pool", (4, 4, 32), [Term("stem", kernel, (2, 2), depthwise=depthwise)], np.zeros(32)
        )
        stem = layer("stem", (8, 8, 32), [Term("pixels", np.ones((1, 1, 1, 32), np.float32))],
                     np.zeros(32), True)  # fmt: skip
        made = LoweredNetwork({"pixels": (8, 8, 1)}, (stem, one), ("pool",))
        (row,) = make_tiling(partition_layers(made), {"pool": (4, 4, 32)}).usage
        bits[depthwise] = row.synapse_bits
        # Messages to blocks of half the channels: each channel is heard by one of them, or both.
        (shape,) = [c for c in candidate_shapes(partition_layers(made)[0]) if c[2] == (4, 4, 16)]
        assert shape[1] == 8 * 8 * 32 * (1 if depthwise else 2)
    assert 28 * bits[True] < bits[False]
