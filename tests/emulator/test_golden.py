"""The golden network: plain numpy gives every spike of it, from one file and nothing else."""

import ast
import os
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass, replace

import numpy as np
import pytest

from loihiseg.codes.ramp.code import RampCode
from loihiseg.codes.thermometer.centring import centred
from loihiseg.codes.thermometer.clocks import clocked
from loihiseg.codes.thermometer.levels import neurons_of, timed
from loihiseg.codes.thermometer.rulers import ruled
from loihiseg.conversion.linear import Term
from loihiseg.conversion.neuron_kinds import Rectified
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.emulator.golden import export_golden, golden_arrays
from loihiseg.emulator.presenter import CompiledPresenter, Deployable
from loihiseg.emulator.program import compile_model
from loihiseg.errors import InputError
from tests import deployed, programs, quantized
from tests.emulator.random_networks import random_network
from tests.golden_judge import DOCS, judge


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


def _ramp():
    network = quantized.lowered(2, 3)
    code = RampCode.of(network)
    neurons = code.neurons(network)
    shapes = quantized.split_shapes(neurons)
    presenter, made = quantized.presenter(neurons, shapes), quantized.converted(neurons, shapes)
    return neurons, presenter, made, code.n_steps, code.n_window_steps


def _binary(neurons, n_steps):
    shapes = quantized.split_shapes(neurons)
    neurons = centred(neurons, shapes)
    presenter = quantized.presenter(neurons, shapes)
    return neurons, presenter, quantized.converted(neurons, shapes), n_steps, 1


CASES = {"rate": _rate, "held": _held, "timed": _timed, "clocked": _clocked, "ramp": _ramp}


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


def test_one_changed_threshold_changes_spikes(case):
    golden = case.golden
    before = judge.run(golden, case.image)
    name = _names(golden)["chip"][0]
    fires = golden["chip/0/compartments"][before[name].any(axis=0).argmax()]
    found = judge.run(_changed(golden, "threshold", fires, golden["ceiling"][fires]), case.image)
    different = {layer for layer in before if (found[layer] != before[layer]).any()}
    assert name in different
    assert not different & set(_names(golden)["host"])


@pytest.mark.parametrize("case", [_rate], ids=["rate"], indirect=True)
def test_one_changed_number_of_any_kind_changes_spikes(case):
    golden = case.golden
    before = judge.run(golden, case.image)
    place = golden["chip/0/compartments"]
    most = place[before[_names(golden)["chip"][0]].sum(axis=0).argmax()]
    row = golden["axons"][golden["axon_start"][most], 1]
    used = slice(*golden["row_start"][row : row + 2])
    synapse = used.start + np.abs(golden["weight"][used]).argmax()
    axon = golden["axon_start"][most]
    changes = {
        "floor": (most, golden["threshold"][most] + 1),
        "ceiling": (most, 0),
        "bias": (most, -(2**22)),
        "keep_current": (most, 0),
        "keep_voltage": (most, 0),
        "refractory": (most, 63),
        "weight": (synapse, 2**20),
        "axons": ((axon, 0), golden["axons"][axon, 0] - 1),
        "host/0/bias": (0, 1000.0),
        "host/0/gain": ((), -golden["host/0/gain"]),
        "host/0/kernel/0": ((1, 1, 0, 0), 9.0),
        "host/0/lead/0": (0, 0),
    }
    for name, (at, value) in changes.items():
        assert golden[name][at] != value, name
        found = judge.run(_changed(golden, name, at, value), case.image)
        assert any((found[layer] != before[layer]).any() for layer in before), name


@pytest.mark.parametrize("case", [_clocked, _ramp], ids=["clocked", "ramp"], indirect=True)
def test_the_schedule_decides_when_the_host_sends(case):
    golden = case.golden
    before = judge.run(golden, case.image)
    for number, name in enumerate(_names(golden)["host"]):
        schedule = golden[f"host/{number}/schedule"]
        may_fire = np.broadcast_to(
            schedule if schedule.ndim == 2 else schedule[:, None], before[name].shape
        )
        assert not before[name][~may_fire].any()
        # The ruler is there for its weights, and never fires.
        assert before[name].any() == (name != "ruler")
        silent = golden | {f"host/{number}/schedule": np.zeros_like(schedule)}
        found = judge.run(silent, case.image)
        assert not found[name].any()
        changed = any((found[layer] != before[layer]).any() for layer in _names(golden)["chip"])
        assert changed == (name != "ruler")


def _names(golden):
    return judge.json.loads(golden["names"].tobytes())


def _changed(golden, name, at, value):
    array = golden[name].copy()
    array[at] = value
    return golden | {name: array}


def test_random_models_of_random_integers():
    """Integers of any size that the registers hold, not only those that discretization gives."""
    import nengo

    fired, overflows, n_built = np.zeros(0), set(), 0
    for seed in range(20):
        if seed % 5 == 3:
            continue  # networks that learn
        try:
            model = _random_model(seed)
        except (nengo.exceptions.BuildError, AssertionError, NotImplementedError):
            continue  # a draw that nengo-loihi cannot build
        n_built += 1
        _scramble(model, np.random.default_rng(seed))
        found, said = _compare_on_random_input(model, seed, 40)
        fired = np.append(fired, found.mean())
        overflows |= said
    assert n_built > 12
    assert np.count_nonzero(fired) > n_built / 2
    assert overflows == {"Overflow in q0", "Overflow in current", "Overflow in u2"}


def _random_model(seed):
    import nengo_loihi

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        simulator = nengo_loihi.Simulator(random_network(seed), target="sim", progress_bar=False)
    model = simulator.model
    simulator.close()
    return model


def _scramble(model, rng):
    """Draw parameters of all blocks anew, up to what registers hold, and make weights larger."""
    for block in model.blocks:
        compartment, n = block.compartment, block.n_neurons
        compartment.decay_u = rng.choice([0, 1, 300, 4094, 4095], n).astype(np.int32)
        compartment.decay_v = rng.choice([0, 0, 1, 500, 4095, 4096], n).astype(np.int32)
        compartment.vth = (2 ** rng.integers(0, 18, n) * 64 - 64).astype(np.int32)
        compartment.vmin = (1 - 2 ** rng.choice([0, 0, 10, 23, 31], n)).astype(np.int32)
        compartment.vmax = (2 ** rng.integers(14, 24, n) - 1).astype(np.int32)
        compartment.refract_delay = rng.choice([1, 1, 2, 7, 63], n).astype(np.int32)
        compartment.bias = rng.integers(-(2**13), 2**16, n).astype(np.int32)
        for synapse in block.synapses:
            shift = int(rng.choice([0, 0, 7]))
            synapse.weights = [weights << shift for weights in synapse.weights]


def _compare_on_random_input(model, seed, n_steps):
    """Spikes of all compartments, and what the emulator warned of."""
    from nengo_loihi.emulator import EmulatorInterface

    rng = np.random.default_rng(seed)
    sent = [rng.random((n_steps, source.n_neurons)) < 0.3 for source in model.inputs]
    for source, spikes in zip(model.inputs, sent):
        source.spikes.clear()
        source.permanent.clear()
        for step in range(n_steps):
            source.add_spikes(step + 1, np.flatnonzero(spikes[step]))
    golden = golden_arrays(*_as_deployed(model), n_steps, 1)
    found = judge.chip_spikes(golden, [sent[number] for number in golden["input_layer"]])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        emulator = EmulatorInterface(model, seed=seed)
        for step in range(n_steps):
            emulator.step()
            theirs = emulator.compartment.spiked
            np.testing.assert_array_equal(found[step], theirs, f"network {seed}, step {step + 1}")
    return found, {str(one.message) for one in said if "Overflow" in str(one.message)}


def _as_deployed(model):
    """A model as one layer on the chip, and a layer on the host for each of its inputs."""
    program = compile_model(model)
    n = program.n_compartments
    sizes = [source.n_neurons for source in model.inputs]
    host = [_layer(f"input {number}", size, True) for number, size in enumerate(sizes)]
    network = LoweredNetwork({"pixels": (1, 1, 1)}, (*host, _layer("chip", n, False)), ("chip",))
    return Deployable(program, {"chip": np.arange(n)}, tuple(x.name for x in host)), network


def _layer(name, size, on_host):
    term = Term("pixels", np.ones((1, 1, 1, size), np.float32))
    return SpikingLayer(
        name, (1, 1, size), (term,), np.zeros(size, np.float32), 100.0, on_host, Rectified()
    )


def test_voltages_are_of_32_bits():
    """Neurons that only their lowest voltage holds fire when the sum falls below all integers."""
    model = _random_model(4)
    for block in model.blocks:
        compartment, n = block.compartment, block.n_neurons
        compartment.decay_v = np.zeros(n, np.int32)
        compartment.vmin = np.full(n, 1 - 2**31, np.int32)
        compartment.bias = np.full(n, -(2**22), np.int32)
        block.axons.clear()
    found, _ = _compare_on_random_input(model, 0, 600)
    np.testing.assert_array_equal(np.flatnonzero(found.any(axis=1)), [512])


def test_a_program_of_rows_with_gaps():
    """Rows of several runs, inputs of several layers, places in any order."""
    made = programs.small_program()
    neurons = LoweredNetwork(
        {"pixels": (1, 1, 1)},
        (_layer("a", 3, True), _layer("b", 2, True), _layer("chip", 18, False)),
        ("chip",),
    )
    places = {"chip": np.random.default_rng(0).permutation(18)}
    deployable = replace(made, places=places, input_sources=("a", "b"))
    golden = golden_arrays(deployable, neurons, 60, 7)
    found = _compare_with_compiled(neurons, deployable, golden, np.full((1, 1), 4.0))
    assert found["a"].any() and found["b"].any() and found["chip"].any()


def test_a_stem_of_any_convolution():
    """Stride, padding and transposition on the host; the host's neurons are nengo's own."""
    rng = np.random.default_rng(0)
    shape, image = (7, 6, 1), rng.normal(size=(7, 6))
    made = {
        "same": (Term("pixels", rng.normal(size=(3, 2, 1, 4)), (2, 1), "same"), (4, 6, 4)),
        "valid": (Term("pixels", rng.normal(size=(2, 3, 1, 2)), (3, 2)), (2, 2, 2)),
        "wide": (
            Term("pixels", rng.normal(size=(2, 3, 1, 2)), (2, 3), transposed=True),
            (14, 18, 2),
        ),
        "overlapping": (
            Term("pixels", rng.normal(size=(3, 3, 1, 2)), (2, 1), transposed=True),
            (15, 8, 2),
        ),
    }
    host = [
        SpikingLayer(
            name, size, (replace(term, kernel=term.kernel.astype(np.float32)),),
            rng.normal(size=size[2]).astype(np.float32), 300.0, True, Rectified(),
        )
        for name, (term, size) in made.items()
    ]  # fmt: skip
    program = programs.small_program()
    program = replace(
        program.program,
        input_start=np.zeros(1, np.int64),
        input_entry_start=np.zeros(1, np.int64),
        input_entries=np.zeros((0, 2), np.int32),
    )
    neurons = LoweredNetwork({"pixels": shape}, (*host, _layer("chip", 18, False)), ("chip",))
    deployable = Deployable(program, {"chip": np.arange(18)}, ())
    golden = golden_arrays(deployable, neurons, 30, 30)
    found = _compare_with_compiled(neurons, deployable, golden, image)
    assert all(0.02 < found[layer.name].mean() < 0.98 for layer in host)


def test_the_file_is_read_by_numpy_alone(case, tmp_path):
    arguments = case.deployable, case.neurons, case.n_steps, case.n_window_steps
    for name in ("a.npz", "b.npz"):
        export_golden(tmp_path / name, *arguments)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        read = dict(file)
    assert set(read) == set(case.golden)
    for name, array in case.golden.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array, name)


def test_golden_md_lists_every_array(case):
    rows = re.findall(
        r"^\| `([\w/]+)` \| (\w+) \| (\(.*?\)) \|", (DOCS / "golden.md").read_text(), re.M
    )
    listed = {
        name: (dtype, shape.count(",") + (shape[-2] not in "(,")) for name, dtype, shape in rows
    }
    found = {
        re.sub(r"/\d+$", "/k", re.sub(r"^(host|chip)/\d+/", r"\1/n/", name)): (
            str(array.dtype), array.ndim,
        )
        for name, array in case.golden.items()
        # Clocks of the ramp code have steps for every neuron.
        if not (name.endswith("schedule") and array.ndim == 2)
    }  # fmt: skip
    # No host of these hears by sparse weights; `test_golden_terms` has those that do.
    absent = {"host/n/n_sparse", "host/n/sparse_weight/k"}
    assert found == {name: kind for name, kind in listed.items() if name not in absent}
    assert absent <= listed.keys()


@pytest.mark.parametrize("case", [_clocked], ids=["clocked"], indirect=True)
def test_the_command_prints_and_writes_spikes(case, tmp_path):
    export_golden(
        tmp_path / "network.npz", case.deployable, case.neurons, case.n_steps, case.n_window_steps
    )
    np.save(tmp_path / "tile.npy", case.image)
    command = [sys.executable, "-I", DOCS / "golden.py", "network.npz", "tile.npy", "spikes.npz"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    with np.load(tmp_path / "spikes.npz") as file:
        written = dict(file)
    for name, fired in case.stock.items():
        np.testing.assert_array_equal(written[name], fired)
        late = fired[-case.n_window_steps :].sum()
        assert f"{name}: {fired.sum()} spikes, {late} of them in the window\n" in done.stdout


def test_the_judge_shares_no_code_with_what_it_judges():
    tree = ast.parse((DOCS / "golden.py").read_text())
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert all(isinstance(node, ast.Import) for node in imported)
    assert {name.name for node in imported for name in node.names} == {"json", "sys", "numpy"}


@pytest.mark.parametrize("case", [_timed], ids=["timed"], indirect=True)
def test_the_judge_refuses_another_format(case):
    with pytest.raises(ValueError, match="of format 3; this reads 1 and 2"):
        judge.run(case.golden | {"format": np.int64(3)}, case.image)


@pytest.mark.parametrize("case", [_timed], ids=["timed"], indirect=True)
def test_what_is_no_golden_network_is_refused(case, tmp_path):
    deployable, neurons, path = case.deployable, case.neurons, tmp_path / "network.npz"
    program = deployable.program
    noise = np.ones_like(program.noise_multiplier)
    first = neurons.chip_layers[0].name
    others = {name: places for name, places in deployable.places.items() if name != first}
    two = replace(neurons, inputs=neurons.inputs | {"more": (16, 16, 1)})
    fed_by_chip = tuple(
        replace(layer, on_host=False) if layer.name in deployable.input_sources else layer
        for layer in neurons.layers
    )
    stem = deployable.input_sources[0]
    on_chip = deployable.places | {stem: np.arange(neurons.layer(stem).n_neurons)}
    for says, one, network, times in [
        ("a window of 9 of 8 steps", deployable, neurons, (8, 9)),
        ("a window of 0 of 8 steps", deployable, neurons, (8, 0)),
        ("noise", replace(deployable, program=replace(program, noise_multiplier=noise)), neurons,
         (8, 1)),
        ("2 inputs of pixels", deployable, two, (8, 1)),
        (f"layer '{first}' is on the chip", replace(deployable, places=others), neurons, (8, 1)),
        (f"layer '{stem}' feeds the chip from the host", replace(deployable, places=on_chip),
         replace(neurons, layers=fed_by_chip), (8, 1)),
        ("compile the program again", deployable, replace(neurons, layers=neurons.layers[1:]),
         (8, 1)),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=re.escape(says)):
            export_golden(path, one, network, *times)
        assert not path.exists()


@pytest.mark.slow
def test_the_two_level_network_on_a_real_tile():
    """What `paper` came to with levels, clocked, on a tile of ISBI 2012."""
    folders = [os.environ.get(name) for name in ("LOIHISEG_LEVELS2", "LOIHISEG_ISBI2012")]
    if not all(folders):
        pytest.skip("LOIHISEG_LEVELS2 and LOIHISEG_ISBI2012 are not both set")
    network, stack = folders
    from loihiseg.codes.thermometer.code import ThermometerCode
    from loihiseg.compilation.mapping import partition_layers
    from loihiseg.compilation.source import load_network
    from loihiseg.conversion.lowering import lower
    from loihiseg.data.contrast import normalize
    from loihiseg.data.readers import read_stack
    from partition.shapes.tiling import choose_block_shapes

    source = load_network(network)
    lowered = lower(source.model).network
    code = ThermometerCode.of(lowered, input="clocked", one_scale=True)
    neurons = code.neurons(lowered)
    shapes = choose_block_shapes(partition_layers(neurons)).shapes
    neurons = centred(neurons, shapes)
    tile = normalize(read_stack(stack).images[20])[: source.tile, : source.tile]
    with quantized.presenter(neurons, shapes) as presenter:
        golden = golden_arrays(presenter.deployable, neurons, code.n_steps, code.n_window_steps)
        found = _compare_with_compiled(neurons, presenter.deployable, golden, tile)
    assert all(found[name][-1].any() for name in neurons.outputs)
