"""The golden network: a plain numpy interpreter gives every spike, from one file and nothing else."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from loihiseg.conversion.clocks import clocked
from loihiseg.conversion.linear import Term
from loihiseg.conversion.rulers import ruled
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.conversion.thermometer import neurons_of, timed
from loihiseg.emulator.golden import export_golden, golden_arrays
from loihiseg.emulator.presenter import CompiledPresenter, Deployable
from loihiseg.emulator.program import compile_model
from loihiseg.errors import InputError
from loihiseg.quantization.centring import centred
from tests import deployed, programs, quantized
from tests.emulator.random_networks import random_network

DOCS = Path(__file__).parents[2] / "docs"


def _interpreter():
    spec = importlib.util.spec_from_file_location("golden_interpreter", DOCS / "golden.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


judge = _interpreter()


@dataclass(frozen=True, eq=False)
class Case:
    """A deployed network, and what nengo-loihi does with an image."""

    neurons: LoweredNetwork
    deployable: Deployable
    n_steps: int
    n_window_steps: int
    image: np.ndarray
    stock: dict[str, np.ndarray]

    @property
    def golden(self):
        return golden_arrays(self.deployable, self.neurons, self.n_steps, self.n_window_steps)


def _rate():
    neurons = deployed.lowered()
    shapes = deployed.split_shapes(neurons)
    _, presenter = deployed.presenter(neurons, shapes)
    return neurons, presenter, deployed.converted(neurons, shapes), 40, 15


def _held():
    return _binary(neurons_of(quantized.lowered(3, (3, 1, 2, 3, 2, 1))), 9)


def _timed():
    return _binary(timed(neurons_of(quantized.lowered(1, 3)), 8), 8)


def _clocked():
    return _binary(clocked(ruled(neurons_of(quantized.lowered(2, 2))), 8), 8)


def _binary(neurons, n_steps):
    shapes = quantized.split_shapes(neurons)
    neurons = centred(neurons, shapes)
    presenter = quantized.presenter(neurons, shapes)
    return neurons, presenter, quantized.converted(neurons, shapes), n_steps, 1


CASES = {"rate": _rate, "held": _held, "timed": _timed, "clocked": _clocked}


@pytest.fixture(scope="module", params=CASES.values(), ids=list(CASES))
def case(request):
    neurons, presenter, made, n_steps, n_window_steps = request.param()
    image = deployed.image(3)
    with presenter:
        deployable = presenter.deployable
    stock = _stock_spikes(made, image, n_steps)
    return Case(neurons, deployable, n_steps, n_window_steps, image, stock)


def _stock_spikes(made, image, n_steps):
    """Spikes of every layer step by step, from nengo-loihi's own simulator and its probes."""
    import nengo
    import nengo_loihi

    (node,) = made.inputs.values()
    node.output = image.ravel().astype(float)
    with made.net:
        probes = {name: nengo.Probe(e.neurons) for name, e in made.ensembles.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"target": "sim", "precompute": True, "seed": 0, "progress_bar": False}
        with nengo_loihi.Simulator(made.net, **options) as simulator:
            simulator.run_steps(n_steps)
            return {name: simulator.data[probe] > 0 for name, probe in probes.items()}


def test_every_spike_is_nengo_loihis(case):
    found = judge.run(case.golden, case.image)
    assert set(found) == {layer.name for layer in case.neurons.layers}
    for layer in case.neurons.layers:
        np.testing.assert_array_equal(found[layer.name], case.stock[layer.name], layer.name)
    fired = [found[layer.name].any() for layer in case.neurons.chip_layers]
    assert all(fired), "what is compared has spikes in it, in every layer"


def test_every_spike_is_the_compiled_presenters(case):
    _compare_with_compiled(case.neurons, case.deployable, case.golden, case.image)


def _compare_with_compiled(neurons, deployable, golden, image):
    """Chip layers step by step, host layers by their counts; returns the judge's spikes."""
    n_steps, n_window_steps = int(golden["n_steps"]), int(golden["n_window_steps"])
    found = judge.run(golden, image)
    with CompiledPresenter(deployable, neurons, 1) as compiled:
        chip = [layer.name for layer in neurons.chip_layers]
        for name, raster in compiled.rasters(image, n_steps, chip).items():
            np.testing.assert_array_equal(found[name], raster.reshape(n_steps, -1), name)
        (shown,) = compiled.present_all([image], n_steps, n_window_steps)
    for name, fired in found.items():
        late = fired[-n_window_steps:]
        np.testing.assert_array_equal(fired.sum(axis=0), shown.spikes[name].ravel(), name)
        np.testing.assert_array_equal(late.sum(axis=0), shown.window_spikes[name].ravel(), name)
    return found


def test_one_changed_integer_changes_spikes(case):
    """Every array of the chip's integers, at one neuron that fires and is heard."""
    golden = case.golden
    chip = _chip_spikes(golden, case.image)
    heard = np.diff(golden["axon_start"])[: chip.shape[1]] > 0
    (fires, *_) = np.flatnonzero(chip[:-1].any(axis=0) & heard)
    for name, value in {"threshold": golden["ceiling"][fires], "ceiling": 0, "bias": -(2**19)}.items():
        changed = golden | {name: golden[name].copy()}
        changed[name][fires] = value
        assert not _chip_spikes(changed, case.image)[:, fires].all() or name == "bias"
        assert (_chip_spikes(changed, case.image) != chip).any(), name


def _chip_spikes(golden, image):
    found = judge.run(golden, image)
    chip = np.zeros((int(golden["n_steps"]), len(golden["bias"])), bool)
    for number, name in enumerate(_names(golden)["chip"]):
        chip[:, golden[f"chip/{number}/compartments"]] = found[name]
    return chip
