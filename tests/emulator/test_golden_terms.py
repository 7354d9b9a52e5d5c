"""The golden network of all that terms can be: its spikes are the emulator's."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from loihiseg.codes.ramp.network import neurons_that_wait, plan
from loihiseg.conversion.linear import SparseTerm, Term
from loihiseg.conversion.neuron_kinds import Rectified
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.emulator.golden import golden_arrays
from loihiseg.emulator.host import host_spikes
from tests import programs, ramp_networks
from tests.golden_judge import judge


def stems(rng):
    """Layers on the host with every kind of borders, all of one image."""
    terms = {
        "around": (Term("pixels", rng.normal(size=(3, 2, 2, 3)), pads=((2, 1), (0, 3))), (8, 8)),
        "left_out": (
            Term("pixels", rng.normal(size=(2, 2, 2, 3)), (2, 1), pads=((-2, 1), (1, -3))),
            (3, 3),
        ),
        "cropped": (
            Term(
                "pixels", rng.normal(size=(3, 4, 2, 3)), (2, 2), transposed=True,
                pads=((1, 1), (5, -2)),
            ),
            (13, 11),
        ),
        "depthwise": (
            Term("pixels", rng.normal(size=(2, 3, 2, 2)), pads=((1, 0), (0, 0)), depthwise=True),
            (7, 4),
        ),
    }  # fmt: skip
    for number, (name, (term, size)) in enumerate(terms.items()):
        channels = term.kernel.shape[3] * (2 if term.depthwise else 1)
        shape = (*size, channels)
        bias = rng.normal(size=shape if number % 2 else channels).astype(np.float32)
        kernel = term.kernel.astype(np.float32)
        yield SpikingLayer(
            name, shape, (replace(term, kernel=kernel),), bias, 300.0, True, Rectified()
        )


def with_a_chip(host, shape):
    """A network of layers on the host beside a chip that hears none of them."""
    program = replace(
        programs.small_program().program,
        input_start=np.zeros(1, np.int64),
        input_entry_start=np.zeros(1, np.int64),
        input_entries=np.zeros((0, 2), np.int32),
    )
    chip = SpikingLayer(
        "chip", (1, 1, 18), (Term("pixels", np.zeros((1, 1, shape[2], 18), np.float32)),),
        np.zeros(18, np.float32), 100.0, False, Rectified(),
    )  # fmt: skip
    places = {"chip": np.arange(18)}
    deployable = replace(programs.small_program(), program=program, places=places, input_sources=())
    return LoweredNetwork({"pixels": shape}, (*host, chip), ("chip",)), deployable


def test_stems_of_any_borders():
    rng = np.random.default_rng(0)
    shape = (7, 6, 2)
    host = tuple(stems(rng))
    neurons, deployable = with_a_chip(host, shape)
    image = rng.normal(size=shape)
    golden = golden_arrays(deployable, neurons, 30, 30)
    ours = host_spikes(neurons, image, 30).fired
    for number, layer in enumerate(host):
        found = judge.host_spikes(golden, number, image)
        np.testing.assert_array_equal(found, ours[layer.name], err_msg=layer.name)
        assert 0.02 < found.mean() < 0.98, layer.name


def test_stems_that_are_no_convolution():
    """A dense layer of a few pixels, a permutation beside a convolution, and one of either."""
    rng = np.random.default_rng(1)
    shape, size = (4, 3, 2), 24
    dense = rng.normal(size=(6, size)) * (rng.random((6, size)) < 0.4)
    turned = csr_array(np.eye(size, dtype=np.float32)[rng.permutation(size)])
    kernel = rng.normal(size=(1, 1, 2, 2)).astype(np.float32)
    dense = csr_array(dense.astype(np.float32))
    terms = {
        (1, 1, 6): (SparseTerm("pixels", dense),),
        (4, 3, 2): (SparseTerm("pixels", turned), Term("pixels", kernel)),
        (2, 1, 3): (SparseTerm("pixels", dense), SparseTerm("pixels", csr_array(2 * dense))),
    }
    host = tuple(
        SpikingLayer(
            f"stem{own}", own, found, rng.normal(size=own[2]).astype(np.float32), 300.0, True,
            Rectified(),
        )
        for own, found in terms.items()
    )  # fmt: skip
    neurons, deployable = with_a_chip(host, shape)
    golden = golden_arrays(deployable, neurons, 30, 30)
    assert golden["format"] == 2
    for _ in range(5):
        image = rng.normal(size=shape)
        ours = host_spikes(neurons, image, 30).fired
        for number, layer in enumerate(host):
            found = judge.host_spikes(golden, number, image)
            np.testing.assert_array_equal(found, ours[layer.name], err_msg=layer.name)
            assert found.any(), layer.name


def test_the_format_of_convolutions_alone_stays():
    rng = np.random.default_rng(0)
    neurons, deployable = with_a_chip(tuple(stems(rng)), (7, 6, 2))
    golden = golden_arrays(deployable, neurons, 5, 5)
    assert golden["format"] == 1 and not any("sparse" in name for name in golden)


@pytest.mark.parametrize("seed", range(3))
def test_ramps_with_gates_and_trains(seed):
    network = ramp_networks.fitting(seed, ramp_networks.random_own_network)
    found = plan(network)
    neurons = neurons_that_wait(network, found)
    n_steps = max(found.times[name].fires[1] for name in network.outputs)
    made = ramp_networks.Direct(neurons)
    golden = golden_arrays(made.deployable, neurons, n_steps, n_steps)
    image = ramp_networks.random_images(network, seed)[1]
    spikes = judge.run(golden, image)
    wanted = ramp_networks.integer_network(network, image[None])
    for layer in network.chip_layers:
        counts = spikes[layer.name].sum(axis=0).reshape(layer.shape)
        # A spike of the last step is heard, and sent on, after it.
        if layer.name in network.outputs:
            np.testing.assert_array_equal(counts, wanted[layer.name][0])
