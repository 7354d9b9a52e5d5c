"""Networks of binary neurons, and of those that wait: emulators and chips do the same."""

import warnings

import nengo_loihi
import numpy as np
import pytest
from nengo_loihi.hardware.interface import HardwareInterface

from loihiseg.codes.ramp.code import RampCode
from loihiseg.codes.thermometer.centring import centred
from loihiseg.codes.thermometer.clocks import clocked
from loihiseg.codes.thermometer.levels import neurons_of, steps_needed, timed
from loihiseg.codes.thermometer.rulers import ruled
from loihiseg.compilation.mapping import partition_layers
from loihiseg.emulator.check import check_equality
from loihiseg.emulator.presenter import CompiledPresenter
from partition.built.allocator import MinTrafficAllocator
from partition.built.blocks import block_violations
from partition.built.graph import block_graph
from partition.shapes.tiling import choose_block_shapes
from tests import quantized
from tests.partition import fake_nxsdk

N_STEPS = 14
IMAGES = quantized.images(3)

CASES = {"binary": (0, 1), "three": (1, 3), "seven": (2, 7), "mixed": (3, (3, 1, 2, 3, 2, 1))}
"""Seed of the weights, and levels."""


@pytest.fixture(scope="module", params=CASES.values(), ids=list(CASES))
def built(request):
    """Neurons and nengo-loihi's emulator of them, cut through rows and levels."""
    neurons = neurons_of(quantized.lowered(*request.param))
    with quantized.presenter(neurons, quantized.split_shapes(neurons)) as presenter:
        yield neurons, presenter


def test_compiled_state_is_the_stock_emulators(built):
    neurons, presenter = built
    for image in IMAGES:
        assert check_equality(presenter, neurons, image, N_STEPS) > 0


@pytest.mark.parametrize("n_steps, threads", [(6, 1), (N_STEPS, 3)])
def test_block_by_block_gives_the_stock_emulators_spikes(built, n_steps, threads):
    neurons, presenter = built
    with CompiledPresenter(presenter.deployable, neurons, threads) as compiled:
        ours = compiled.present_all(IMAGES, n_steps, 1)
    for image, one in zip(IMAGES, ours):
        stock = presenter.present(image, n_steps, 1)
        for name in stock.spikes:
            np.testing.assert_array_equal(one.spikes[name], stock.spikes[name])
            np.testing.assert_array_equal(one.window_spikes[name], stock.window_spikes[name])
            assert one.spikes[name].dtype == np.uint8
        for name in ("spikes_per_step", "messages_per_step", "synaptic_events_per_step"):
            np.testing.assert_array_equal(getattr(one, name), getattr(stock, name))


def test_timed_input_too_is_the_same_in_all_emulators(built):
    neurons, _ = built
    brief = timed(neurons, 8)
    with quantized.presenter(brief, quantized.split_shapes(neurons)) as stock:
        assert check_equality(stock, brief, IMAGES[0], 8) > 0
        with CompiledPresenter(stock.deployable, brief, 1) as compiled:
            ours = compiled.present_all(IMAGES, 8, 1)
        for image, one in zip(IMAGES, ours):
            theirs = stock.present(image, 8, 1)
            for name in theirs.spikes:
                np.testing.assert_array_equal(one.spikes[name], theirs.spikes[name])


def test_binary_neurons_fire_in_most_layers(built):
    neurons, presenter = built
    shown = presenter.present(IMAGES[0], steps_needed(neurons), 1)
    fired = [shown.window_spikes[x.name].mean() for x in neurons.layers]
    assert all(0.02 < share < 0.98 for share in fired)


@pytest.fixture(scope="module", params=["binary", "mixed", "clocked", "ramp"])
def on_board(request):
    """A network as tiled, and nengo-loihi's hardware build of it on a stand-in board."""
    clocks = request.param == "clocked"
    network = quantized.lowered(*CASES.get(request.param, CASES["mixed"]))
    ramp = request.param == "ramp"
    neurons = RampCode.of(network).neurons(network) if ramp else neurons_of(network)
    if clocks:
        neurons = clocked(ruled(neurons), N_STEPS)
    tiling = choose_block_shapes(partition_layers(neurons))
    if clocks:
        neurons = centred(neurons, tiling.shapes)
    made = quantized.converted(neurons, tiling.shapes)
    (node,) = made.inputs.values()
    node.output = IMAGES[0].ravel().astype(float)
    with pytest.MonkeyPatch.context() as patch:
        fake_nxsdk.install(patch)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            options = {"allocator": MinTrafficAllocator(cores_per_chip=4), "n_chips": 8}
            chip = nengo_loihi.Simulator(
                made.net, target="loihi", precompute=True, seed=0, progress_bar=False,
                hardware_options=options,
            )  # fmt: skip
        with chip:
            yield neurons, tiling, chip


def test_chips_give_the_emulators_spikes(on_board):
    neurons, tiling, chip = on_board
    interface = chip.sims["loihi"]
    assert isinstance(interface, HardwareInterface)
    assert block_violations(interface.model) == []
    with quantized.presenter(neurons, tiling.shapes) as presenter:
        compiled = CompiledPresenter(presenter.deployable, neurons, 1)
        expected = compiled.present_all(IMAGES[:1], N_STEPS, 1)[0]
        compiled.close()
    fired = []
    for _ in range(N_STEPS):
        chip.step()
        fired.append(interface.nxsdk_board.running.spiked.sum())
    np.testing.assert_array_equal(fired, expected.spikes_per_step)
    crossing = sum(interface.nxsdk_board.crossing().values())
    graph = block_graph(interface.model)
    assert 0 < crossing < graph.size(weight="weight")
