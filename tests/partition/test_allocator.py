import warnings

import nengo
import nengo_loihi
import numpy as np
import pytest
from nengo_loihi.hardware import builder as hardware_builder
from nengo_loihi.hardware.validate import validate_board

from partition.allocator import (
    MinTrafficAllocator,
    chips_of_board,
    compare_allocators,
    ensemble_rates_of,
    rates_per_step,
)
from partition.checks import check_assignment, message_count
from partition.errors import DoesNotFitError, PartitionError
from partition.graph import block_graph
from tests.partition.networks import build, skip_net

SHAPES = {"a": (4, 6, 4), "b": (3, 3, 8), "c": (4, 6, 5)}


@pytest.fixture(scope="module")
def built():
    net, ensembles, probe = build(skip_net(), SHAPES, probe="c")
    sim = nengo_loihi.Simulator(net, target="sim", progress_bar=False)
    return net, ensembles, probe, sim


@pytest.fixture
def model(built):
    return built[3].model


def test_board_is_valid_and_complete(model):
    allocator = MinTrafficAllocator(cores_per_chip=8)
    board = allocator(model, n_chips=2)
    validate_board(board)
    placed = [block for chip in board.chips for core in chip.cores for block in core.blocks]
    assert len(placed) == len(model.blocks) == 16
    assert set(placed) == set(model.blocks)
    assert board.n_cores_per_chip == [8, 8]
    assert board.probes == model.probes
    assert board.inputs == list(model.inputs)
    graph = block_graph(model)
    check_assignment(graph, allocator.assignment, 2, cores_per_chip=8)
    assert chips_of_board(board, model) == allocator.assignment.chip_of_block


def test_no_empty_chips(model):
    assert MinTrafficAllocator()(model, n_chips=5).n_chips == 1


def test_does_not_fit(model):
    with pytest.raises(DoesNotFitError, match="needs 16 cores = 4 chips of 4 cores"):
        MinTrafficAllocator(cores_per_chip=4)(model, n_chips=2)


def test_bad_options():
    with pytest.raises(PartitionError, match="128 cores"):
        MinTrafficAllocator(cores_per_chip=129)
    with pytest.raises(PartitionError, match="not both"):
        MinTrafficAllocator(rates=[1], ensemble_rates={})


def test_emulator_output_does_not_depend_on_the_allocator(built):
    net, _, probe, _ = built
    outputs = []
    for allocator in (None, MinTrafficAllocator(cores_per_chip=8)):
        with nengo_loihi.Simulator(net, target="sim", progress_bar=False) as sim:
            if allocator is not None:
                allocator(sim.model, 2)
            sim.run_steps(30)
            outputs.append(sim.data[probe].copy())
    assert outputs[0].any()
    assert np.array_equal(*outputs)


def test_rates_go_there_and_back(built):
    _, ensembles, _, sim = built
    rng = np.random.default_rng(0)
    hertz = {ensembles[n]: rng.uniform(1, 100, ensembles[n].n_neurons) for n in "abc"}
    rates = rates_per_step(sim.model, hertz)
    assert rates.shape == (1584,)
    back = ensemble_rates_of(sim.model, rates)
    for ensemble, values in hertz.items():
        assert np.allclose(back[ensemble], values)
    by_ensemble = MinTrafficAllocator(cores_per_chip=8, ensemble_rates=hertz)
    by_block = MinTrafficAllocator(cores_per_chip=8, rates=rates)
    by_ensemble(sim.model, 2), by_block(sim.model, 2)
    assert by_ensemble.assignment == by_block.assignment


def test_missing_rates_are_filled_with_a_warning(built):
    _, ensembles, _, sim = built
    with pytest.warns(UserWarning, match="no rates for 10 of 16 blocks"):
        rates = rates_per_step(sim.model, {ensembles["a"]: [50.0] * 576})
    assert np.allclose(rates, 0.05)


def test_rates_of_another_network(model):
    with nengo.Network():
        stranger = nengo.Ensemble(3, 1)
    with pytest.raises(PartitionError, match="rates do not fit the model"):
        rates_per_step(model, {stranger: np.ones(3)})


def test_compare(model):
    rows = {row.name: row for row in compare_allocators(model, 2, cores_per_chip=8)}
    assert set(rows) == {"Greedy", "RoundRobin", "GreedyInterchip", "MinTraffic"}
    assert rows["MinTraffic"].messages <= min(row.messages for row in rows.values())
    assert all(row.max_cores == 8 for row in rows.values())


def test_compare_says_why_a_peer_failed(model):
    rows = {row.name: row for row in compare_allocators(model, 1, cores_per_chip=8)}
    assert rows["Greedy"].messages is None
    assert "needs more chips" in rows["Greedy"].note
    assert "DoesNotFitError" in rows["MinTraffic"].note
    assert rows["RoundRobin"].note == "16 blocks on a chip of 8 cores"


class Anything:
    """Stands in for every NxSDK object whose settings do not matter here."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, index):
        return self

    def __call__(self, *args, **kwargs):
        return self


class RecordingBoard:
    """Stands in for an NxSDK board and writes down every axon that is made."""

    def __init__(self, board_id, n_chips, n_cores_per_chip, n_synapses_per_core):
        self.axons = []
        self.monitor = Anything()
        self.n2Chips = [RecordingChip(self, i, n) for i, n in enumerate(n_cores_per_chip)]


class RecordingChip:
    def __init__(self, board, index, n_cores):
        self.parent, self.id = board, index
        self.n2CoresAsList = self.n2Cores = [RecordingCore(self, i) for i in range(n_cores)]


class RecordingCore(Anything):
    def __init__(self, chip, index):
        self.parent, self.id = chip, index

    def createPop32Axon(self, srcCxId, dstChipId, dstCoreId, **ids):
        source, target = (self.parent.id, self.id), (dstChipId, dstCoreId)
        self.parent.parent.axons.append((source, srcCxId, target))


def test_axons_that_a_hardware_build_makes_equal_the_graph(model, monkeypatch):
    for name in ("SpikeGen", "TraceConfigGenerator"):
        monkeypatch.setattr(hardware_builder, name, Anything())
    monkeypatch.setattr(hardware_builder, "micro_gen", Anything())
    monkeypatch.setattr(hardware_builder, "NxsdkBoard", RecordingBoard)
    allocator = MinTrafficAllocator(cores_per_chip=8)
    board = allocator(model, 2)
    axons = hardware_builder.build_board(board).axons
    graph = block_graph(model)
    assert len(axons) == sum(weight for *_, weight in graph.edges(data="weight"))
    crossing = [axon for axon in axons if axon[0][0] != axon[2][0]]
    assert len(crossing) == allocator.assignment.messages
    assert len(crossing) == message_count(graph, allocator.assignment.chip_of_block)
    for link, load in allocator.assignment.link_loads.items():
        assert sum((a[0][0], a[2][0]) == link for a in crossing) == load


def test_the_graph_of_nengo_loihis_own_allocator_test():
    """As ``test_interchip_allocators`` of nengo-loihi, where GreedyInterchip has 1 028 605 /s."""
    rng = np.random.RandomState(1)
    with nengo.Network(seed=0) as net:
        sizes = rng.randint(64, 256, size=256)
        ensembles = [nengo.Ensemble(n, dimensions=1) for n in sizes]
        for i, j in rng.randint(0, 256, size=(512, 2)):
            pre, post = ensembles[i].neurons, ensembles[j].neurons
            transform = rng.uniform(-0.1, 0.1, size=(post.size_in, pre.size_out))
            nengo.Connection(pre, post, transform=transform)
    hertz = {
        e: rng.uniform(1, 100, size=1) * rng.uniform(0.9, 1, size=e.n_neurons) for e in ensembles
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = nengo_loihi.Simulator(net, target="sim", progress_bar=False).model
    rates = rates_per_step(model, hertz)
    rows = {row.name: row for row in compare_allocators(model, 3, rates)}
    assert len(model.blocks) == 279
    # Messages per step of 1 ms.
    assert rows["GreedyInterchip"].messages == pytest.approx(1028.605, abs=1e-3)
    assert rows["Greedy"].messages == pytest.approx(2589.240, abs=1e-3)
    assert rows["MinTraffic"].messages < 0.58 * rows["GreedyInterchip"].messages
    assert rows["MinTraffic"].max_cores <= 128
