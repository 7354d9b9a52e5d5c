import inspect
import subprocess
import sys

import nengo
import nengo_loihi
import numpy as np
import pytest
from nengo_loihi.block import Axon, LoihiBlock, Synapse
from nengo_loihi.builder import Model
from nengo_loihi.builder.discretize import discretize_model
from nengo_loihi.hardware.allocators import GreedyInterchip
from nengo_loihi.hardware.validate import validate_board
from nengo_loihi.inputs import LoihiInput

import partition
from partition.built.allocator import (
    FixedAllocator,
    MinTrafficAllocator,
    chips_of_board,
    compare_allocators,
    ensemble_rates_of,
    peer_placements,
    rates_per_step,
)
from partition.built.graph import block_graph
from partition.core.checks import check_assignment, check_placement
from partition.core.errors import DoesNotFitError, PartitionError
from partition.places.placement import place_in_order
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


def test_cores_and_chips_are_in_the_order_of_their_places(model):
    allocator = MinTrafficAllocator(cores_per_chip=8)
    board = allocator(model, n_chips=2)
    placement, blocks = allocator.placement, list(model.blocks)
    for number, chip in enumerate(board.chips):
        for position, core in enumerate(chip.cores):
            index = blocks.index(core.blocks[0])
            assert allocator.assignment.chip_of_block[index] == number
            assert placement.core_of_block[index] == position
    graph = block_graph(model)
    chips = allocator.assignment.chip_of_block
    check_placement(graph, chips, placement)
    measured = place_in_order(graph, chips, placement.core_of_block)
    assert measured.hops == pytest.approx(placement.hops)
    assert measured.link_loads == placement.link_loads
    assert placement.hops <= place_in_order(graph, chips).hops


def test_without_a_board_all_is_in_model_order(model):
    allocator = MinTrafficAllocator(cores_per_chip=8, board=None)
    board = allocator(model, n_chips=2)
    assert allocator.placement is None
    order = list(model.blocks)
    for chip in board.chips:
        indices = [order.index(core.blocks[0]) for core in chip.cores]
        assert indices == sorted(indices)
    assert order.index(board.chips[0].cores[0].blocks[0]) == 0


def test_a_proof(model):
    allocator = MinTrafficAllocator(cores_per_chip=8, proof_seconds=20)
    allocator(model, n_chips=2)
    assert allocator.assignment.proved
    assert allocator.assignment.lower_bound == pytest.approx(allocator.assignment.messages)


def test_fixed(model):
    chips = [0, 1] * 8
    cores = [7 - i // 2 for i in range(16)]
    board = FixedAllocator(chips, cores)(model, n_chips=2)
    validate_board(board)
    blocks = list(model.blocks)
    assert chips_of_board(board, model) == tuple(chips)
    for chip in (0, 1):
        held = [core.blocks[0] for core in board.chips[chip].cores]
        assert held == blocks[chip::2][::-1]
    for wrong, n_chips in (([0] * 15, 2), (chips, 1)):
        with pytest.raises(PartitionError, match="the model has 16 blocks and there are"):
            FixedAllocator(wrong)(model, n_chips)


def test_it_takes_what_nengo_loihis_allocators_take(built):
    net, ensembles, _, sim = built
    theirs = inspect.signature(GreedyInterchip.__init__).parameters
    ours = inspect.signature(MinTrafficAllocator.__init__).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    assert all(ours[name].default == theirs[name].default for name in theirs)
    call = [list(inspect.signature(a.__call__).parameters) for a in
            (GreedyInterchip, MinTrafficAllocator, FixedAllocator)]  # fmt: skip
    assert call[0] == call[1] == call[2] == ["self", "model", "n_chips"]
    # Ensembles on the host may have rates, which count for nothing.
    on_host = next(e for e in net.ensembles if e not in [ensembles[n] for n in "abc"])
    hertz = {e: np.full(e.n_neurons, 20.0) for e in net.ensembles}
    assert on_host in hertz
    assert np.allclose(rates_per_step(sim.model, hertz), 0.02)


def chain(n_blocks=3):
    """Blocks of one compartment in a row, as nengo-loihi's own allocator tests make them."""
    model = Model()
    sender = LoihiInput()
    model.add_input(sender)
    for _ in range(n_blocks):
        block, axon, synapse = LoihiBlock(1), Axon(1), Synapse(1)
        block.compartment.configure_lif()
        synapse.set_weights([[1]])
        block.add_synapse(synapse)
        axon.target = synapse
        sender.add_axon(axon)
        model.add_block(block)
        sender = block
    discretize_model(model)
    return model


def test_as_nengo_loihis_own_test_of_an_allocator():
    board = MinTrafficAllocator()(chain(), n_chips=1)
    assert board.n_chips == 1
    assert board.n_cores_per_chip == [3]
    assert board.n_synapses_per_core == [[1] * 3]
    assert len(board.inputs) == 1
    (chip,) = board.chips
    assert chip.board is board
    assert all(len(core.synapses) == len(core.blocks) == 1 for core in chip.cores)


def test_the_package_imports_nengo_loihi_with_the_allocator_only():
    code = (
        "import sys, partition;"
        "of_nengo = ('MinTrafficAllocator', 'compare_allocators');"
        "[getattr(partition, n) for n in partition.__all__ if n not in of_nengo];"
        "early = {'nengo', 'nengo_loihi', 'tensorflow'} & set(sys.modules);"
        "sys.exit(str(early) if early else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert partition.MinTrafficAllocator is MinTrafficAllocator
    assert set(partition.__all__) <= set(dir(partition))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        partition.nothing  # noqa: B018


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


def test_where_peers_put_blocks(model):
    peers = peer_placements(model, 2, cores_per_chip=8)
    assert set(peers) == {"Greedy", "RoundRobin", "GreedyInterchip"}
    in_order = place_in_order(block_graph(model), [i // 8 for i in range(16)])
    assert peers["Greedy"]["chips"] == [i // 8 for i in range(16)]
    assert peers["Greedy"]["cores"] == list(in_order.core_of_block)
    board = GreedyInterchip(cores_per_chip=8)(model, 2)
    for index, block in enumerate(model.blocks):
        chip, core = (peers["GreedyInterchip"][key][index] for key in ("chips", "cores"))
        assert block in board.chips[chip].cores[core].blocks
