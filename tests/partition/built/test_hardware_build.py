"""nengo-loihi's hardware build, run to its end on a stand-in board, and what it makes recounted."""

import itertools
import warnings
from collections import Counter

import nengo_loihi
import numpy as np
import pytest
from nengo_loihi.hardware.interface import HardwareInterface

from partition.built.allocator import MinTrafficAllocator, chips_of_board
from partition.built.graph import block_graph
from partition.core.checks import message_count
from partition.core.errors import DoesNotFitError
from tests.partition import fake_nxsdk
from tests.partition.models import ALLOCATORS, CASES, N_STEPS, allocator, case


@pytest.fixture(scope="module", autouse=True)
def nxsdk():
    with pytest.MonkeyPatch.context() as patch:
        fake_nxsdk.install(patch)
        yield


@pytest.fixture(scope="module", params=itertools.product(CASES, ALLOCATORS), ids="-".join)
def built(request):
    """A case, the allocator, and nengo-loihi's simulator on the board."""
    name, chosen = request.param
    made = case(name)
    chosen = allocator(chosen, made)
    with simulator_of(made, chosen) as simulator:
        yield made, chosen, simulator


def simulator_of(case, chosen):
    """nengo-loihi's simulator of a case, on the board."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nengo_loihi.Simulator(
            case.net, target="loihi", precompute=True, seed=0, progress_bar=False,
            hardware_options={"allocator": chosen, "n_chips": case.n_chips},
        )  # fmt: skip


def hardware(case, chosen, use_snips=False):
    """The hardware build of the model as it is."""
    return HardwareInterface(
        case.model, use_snips=use_snips, seed=0, n_chips=case.n_chips, allocator=chosen
    )


def block_of_core(interface):
    """Index of the block on each core, by identifiers of chip and core."""
    index = {id(block): i for i, block in enumerate(interface.model.blocks)}
    return {
        (made_chip.id, made_core.id): index[id(core.blocks[0])]
        for chip, made_chip in zip(interface.board.chips, interface.nxsdk_board.n2Chips)
        for core, made_core in zip(chip.cores, made_chip.n2Cores)
    }


def compartments_in_core_order(interface):
    """Index in block order of every compartment, chip after chip and core after core."""
    sizes = [block.n_neurons for block in interface.model.blocks]
    parts = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    return np.concatenate([parts[block] for block in block_of_core(interface).values()])


def test_axons_made_are_the_messages_predicted(built):
    made, chosen, simulator = built
    interface = simulator.sims["loihi"]
    board, graph = interface.nxsdk_board, block_graph(made.model)
    block = block_of_core(interface)
    assert sorted(block.values()) == list(range(len(made.model.blocks)))
    counted = Counter(
        (block[a.source_chip, a.source_core], block[a.chip, a.core]) for a in board.axons
    )
    assert counted == {(a, b): weight for a, b, weight in graph.edges(data="weight")}
    chips = chips_of_board(interface.board, interface.model)
    assert sum(board.crossing().values()) == message_count(graph, chips) > 0
    assert interface.board.n_chips == made.n_chips
    stated = getattr(chosen, "assignment", None)
    if stated is not None:
        assert board.crossing() == stated.link_loads
        assert sum(board.crossing().values()) == stated.messages


def test_host_spikes_reach_the_cores_predicted(built):
    _, _, simulator = built
    interface = simulator.sims["loihi"]
    block = block_of_core(interface)
    predicted = block_graph(interface.model).graph["host_inputs"]
    assert len(predicted) == len(interface.model.inputs) > 0
    for source, host in zip(interface.model.inputs, predicted):
        made = interface.nxsdk_board.spike_inputs[source]
        counted = Counter(
            block[int(axon["chip_id"]), int(axon["core_id"])]
            for axons in made.axon_map.values()
            for axon in axons
        )
        assert counted == host["messages"]


@pytest.mark.parametrize("name", CASES)
def test_ours_makes_no_more_than_the_others(name):
    made = case(name)
    graph = block_graph(made.model)
    crossing = {
        other: message_count(
            graph, chips_of_board(allocator(other, made)(made.model, made.n_chips), made.model)
        )
        for other in ALLOCATORS
    }
    assert crossing["MinTraffic"] == min(crossing.values())


def test_chips_under_any_allocation_give_the_emulators_output(built):
    """The registers that were built are run: every spike and every probe is the emulator's."""
    made, _, simulator = built
    interface = simulator.sims["loihi"]
    order = compartments_in_core_order(interface)
    chips = interface.nxsdk_board.running
    for step in range(N_STEPS):
        simulator.step()
        np.testing.assert_array_equal(chips.spiked, made.spiked[step][order], f"step {step}")
    for probe, expected in made.data.items():
        np.testing.assert_array_equal(simulator.data[probe], expected)
    assert made.spiked.any(axis=0).mean() > 0.2
    # Spikes of the last step have not been sent yet.
    sent = block_graph(made.model, made.spiked[:-1].sum(axis=0))
    block = block_of_core(interface)
    counted = {(block[a], block[b]): n for (a, b), n in chips.messages.items()}
    assert counted == {(a, b): n for a, b, n in sent.edges(data="weight") if n}


@pytest.mark.parametrize("name", ["dense", "population16"])
def test_links_carry_what_was_stated_for_the_same_spikes(name):
    made = case(name)
    sent = made.spiked[:-1].sum(axis=0)
    chosen = MinTrafficAllocator(cores_per_chip=made.cores_per_chip, rates=sent)
    with simulator_of(made, chosen) as simulator:
        interface = simulator.sims["loihi"]
        simulator.run_steps(N_STEPS)
        board = interface.nxsdk_board
        index = {chip.id: number for number, chip in enumerate(board.n2Chips)}
        carried = Counter()
        for (source, target), count in board.running.messages.items():
            if source[0] != target[0]:
                carried[index[source[0]], index[target[0]]] += count
    assert carried == chosen.assignment.link_loads
    assert sum(carried.values()) == chosen.assignment.messages > 0


@pytest.mark.parametrize("name", ["dense", "tiny_preset"])
def test_the_build_with_programs_on_the_chips(name):
    """As for a network in which the host waits for the chip at each step."""
    made = case(name)
    chosen = allocator("MinTraffic", made)
    interface = hardware(made, chosen, use_snips=True)
    board = interface.nxsdk_board
    # For each chip one for input and output and one for learning, and one on the host.
    assert len(board.snips) == 2 * made.n_chips + 1
    assert sum(board.crossing().values()) == chosen.assignment.messages
    interface.snips.host_snip.socket.close()


def test_default_options_put_all_on_one_chip():
    interface = hardware(case("population32"), MinTrafficAllocator())
    assert interface.board.n_cores_per_chip == [17]
    assert interface.nxsdk_board.crossing() == {}


def test_the_stand_in_board_refuses_what_it_does_not_know():
    board = fake_nxsdk.FakeBoard(1, 1, [1], [[5]])
    (core,) = board.cores
    with pytest.raises(AttributeError, match="no register field typo"):
        core.cxCfg[0].configure(typo=1)
    for table, index in ((core.cxCfg, 1024), (core.vthProfileCfg, 8), (core.synapses, 5)):
        with pytest.raises(IndexError):
            table[index]
    with pytest.raises(MemoryError, match="4096 axon slots"):
        for entry in range(2049):
            core.createPop32Axon(0, 0, 0, 7, 4, entry)
    with pytest.raises(AssertionError):
        fake_nxsdk.FakeBoard(1, 2, [1, 0], [[1], []])


def test_blocks_beyond_a_core_stop_the_build():
    """What the emulator does not see: a core has seven thresholds."""
    made = case("dense")
    block = next(iter(made.model.blocks))
    before = block.compartment.vth.copy()
    block.compartment.vth[:8] = (np.arange(8) + 1) << 6
    try:
        with pytest.raises(AssertionError):
            hardware(made, allocator("GreedyInterchip", made))
        with pytest.raises(DoesNotFitError, match="threshold configurations"):
            hardware(made, allocator("MinTraffic", made))
    finally:
        block.compartment.vth[:] = before
