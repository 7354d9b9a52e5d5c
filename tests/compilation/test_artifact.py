"""A deployed network that is kept: the same when it is read, wherever that is, or refused."""

import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from loihiseg.codes.rate import RateCode
from loihiseg.codes.thermometer.code import ThermometerCode
from loihiseg.compilation.artifact import (
    ARRAYS,
    DESCRIPTION,
    PROGRAM,
    SUMS,
    load_deployed,
    save_deployed,
)
from loihiseg.compilation.kept_network import SINCE_3
from loihiseg.conversion.neuron import Neuron
from loihiseg.conversion.neuron_kinds import Memoryless, Quantized, Rectified
from loihiseg.emulator.presenter import CompiledPresenter
from loihiseg.errors import InputError
from loihiseg.running.sections import run
from loihiseg.storage.records import signature, taken_apart
from tests import deployed, quantized
from tests.deaths import Death, Died, changes_of, struck
from tests.small_deployed import small_deployed

FRAMEWORKS = ("tensorflow", "keras", "tf_keras", "nengo", "nengo_dl", "nengo_loihi")

RUN = """
import sys
from pathlib import Path

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            raise ImportError(f"{{name}} is blocked")

sys.meta_path.insert(0, Block())
import numpy as np
from loihiseg.compilation.artifact import load_deployed
from loihiseg.running.sections import run

network = load_deployed(sys.argv[1])
section = np.load(sys.argv[2])
found = list(run(network, [section, section[::-1]]))
np.savez(
    sys.argv[3],
    logits=np.stack([one.logits for one in found]),
    spikes=np.stack([one.tally.compartment_spikes for one in found]),
    floats=np.stack([one.logits for one in run(network, [section], on="float")]),
)
print(found[0].tally.counts())
"""


def section(size=40, seed=3):
    return np.random.default_rng(seed).integers(0, 256, (size, size), dtype=np.uint8)


def networks():
    model = quantized.model()
    from loihiseg.conversion.lowering import lower

    code = ThermometerCode.of(lower(model).network, input="clocked", one_scale=True)
    return {
        "rates": deployed.compiled(),
        "levels": deployed.compiled(code, model, quantized.images(2)),
    }


@pytest.fixture(scope="module", params=["rates", "levels"])
def network(request):
    return networks()[request.param]


def same(one, other):
    ours, theirs = ([taken_apart(getattr(d, name)) for name in PARTS] for d in (one, other))
    for (plain, arrays), (others, theirs_arrays) in zip(ours, theirs, strict=True):
        assert json.dumps(plain) == json.dumps(others)
        for name, array in arrays.items():
            assert array.dtype == theirs_arrays[name].dtype
            np.testing.assert_array_equal(array, theirs_arrays[name])


PARTS = [field.name for field in fields(small_deployed())]


def test_what_is_read_is_what_was_kept(network, tmp_path):
    save_deployed(tmp_path / "kept", network)
    same(load_deployed(tmp_path / "kept"), network)


def test_the_same_bytes_for_the_same_network(network, tmp_path):
    for folder in ("a", "b"):
        save_deployed(tmp_path / folder, network)
    for name in (DESCRIPTION, ARRAYS, PROGRAM, SUMS):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    save_deployed(tmp_path / "b", load_deployed(tmp_path / "a"))
    assert (tmp_path / "a" / SUMS).read_bytes() == (tmp_path / "b" / SUMS).read_bytes()


def test_sums_are_those_of_sha256sum(network, tmp_path):
    save_deployed(tmp_path, network)
    command = ["sha256sum", "--check", "--strict", SUMS]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def loops(tmp_path_factory):
    """Where the process of a kept network has its compiled loops: other tests write theirs."""
    return tmp_path_factory.mktemp("loops")


def test_runs_without_any_framework_and_gives_the_same(network, tmp_path, loops):
    """In another process: every spike of every compartment, and every bit of every logit."""
    save_deployed(tmp_path / "kept", network)
    np.save(tmp_path / "section.npy", section())
    command = [sys.executable, "-c", RUN.format(blocked=FRAMEWORKS)]
    paths = [str(tmp_path / name) for name in ("kept", "section.npy", "found.npz")]
    root = Path(__file__).parents[2]
    own = {**os.environ, "NUMBA_CACHE_DIR": str(loops), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([*command, *paths], cwd=root, capture_output=True, text=True, env=own)
    assert done.returncode == 0, done.stderr
    found = np.load(paths[-1])
    ours = list(run(network, [section(), section()[::-1]]))
    np.testing.assert_array_equal(found["logits"], [one.logits for one in ours])
    np.testing.assert_array_equal(found["spikes"], [x.tally.compartment_spikes for x in ours])
    assert found["spikes"].any() and str(ours[0].tally.counts()) in done.stdout
    (floats,) = run(network, [section()], on="float")
    np.testing.assert_array_equal(found["floats"][0], floats.logits)


def test_spikes_are_those_of_nengo_loihi(network):
    """The kept network built anew by nengo-loihi: as many spikes of every neuron."""
    from loihiseg.compilation.block_model import reference

    code = network.code
    with reference(network.neurons, network.block_shapes, code.synapse_s, 0) as presenter:
        theirs = presenter.present(deployed.image(4), code.n_steps, code.n_window_steps)
    with CompiledPresenter(network.deployable, network.neurons) as presenter:
        (ours,) = presenter.present_all([deployed.image(4)], code.n_steps, code.n_window_steps)
    np.testing.assert_array_equal(ours.compartment_spikes, theirs.compartment_spikes)
    for name, spikes in theirs.spikes.items():
        np.testing.assert_array_equal(ours.spikes[name], spikes)
    assert theirs.compartment_spikes.any()


def refused(folder, says):
    with pytest.raises(InputError, match=says) as error:
        load_deployed(folder)
    assert "\n" not in str(error.value) and str(folder) in str(error.value)


def test_what_is_no_deployed_network(tmp_path):
    refused(tmp_path / "nothing", "cannot be read .No such file.*the folder of a deployed network")
    (tmp_path / SUMS).write_text("nonsense\n")
    refused(tmp_path, "expected three digests")
    save_deployed(tmp_path / "kept", small_deployed())
    (tmp_path / "kept" / ARRAYS).unlink()
    refused(tmp_path / "kept", f"{ARRAYS}: cannot be read")


@pytest.mark.parametrize("name", [DESCRIPTION, ARRAYS, PROGRAM])
def test_damage_is_told_by_the_file(tmp_path, name):
    save_deployed(tmp_path, small_deployed())
    path = tmp_path / name
    data = path.read_bytes()
    path.write_bytes(data[:-20] + bytes([data[-20] ^ 1]) + data[-19:])
    refused(tmp_path, f"{name}: damaged.*SHA-256 differs")


def described_anew(folder, document):
    """Give a kept network another description, and sums that suit it."""
    from loihiseg.files import sha256

    (folder / DESCRIPTION).write_text(json.dumps(document))
    sums = [
        f"{sha256((folder / name).read_bytes())}  {name}\n"
        for name in (ARRAYS, DESCRIPTION, PROGRAM)
    ]
    (folder / SUMS).write_text("".join(sums))


def test_a_later_format_is_named(tmp_path):
    save_deployed(tmp_path, small_deployed())
    document = json.loads((tmp_path / DESCRIPTION).read_text())
    described_anew(tmp_path, document | {"format": 99})
    refused(tmp_path, "format 99, this version reads formats 2, 3, 4, 5")


@pytest.mark.parametrize("levels", [0, 2])
@pytest.mark.parametrize("version", [2, 3, 4])
def test_formats_before_still_open(tmp_path, version, levels):
    made = small_deployed(levels=levels)
    save_deployed(tmp_path, made)
    document = json.loads((tmp_path / DESCRIPTION).read_text()) | {"format": version}
    assert document.pop("neighbours") == 0
    for network in ("network", "neurons"):
        for layer in document[network]["layers"]:
            assert version == 4 or layer["neuron"].pop("offset", 0) == 0
            for term in layer["terms"] if version == 2 else ():
                assert [term.pop(name) for name in SINCE_3] == [None, False, None]
    described_anew(tmp_path, document)
    same(load_deployed(tmp_path), made)
    # What has come since is no part of it.
    document["network"]["layers"][0]["terms"][0] |= SINCE_3
    del document["network"]["layers"][0]["terms"][0]["pads"]
    described_anew(tmp_path, document)
    refused(tmp_path, "pads")


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years")
    with pytest.raises(InputError, match=r"holds 'thesis.txt'.*empty or new folder"):
        save_deployed(tmp_path, small_deployed())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_parts_that_do_not_belong_together_are_not_kept(tmp_path):
    made = small_deployed()
    program = made.deployable.program
    noisy = replace(program, noise_multiplier=np.full_like(program.noise_multiplier, 0.5))
    others = {
        "expected rates have": {"expected": np.zeros(3)},
        "places|placement": {"places": replace(made.places, chip_of_block=(0, 5))},
        "one core": {"places": replace(made.places, chip_of_block=(0, 0))},
        "longer than the presentation": {"code": RateCode(10, 20)},
        "blocks are not those": {"blocks": made.blocks[:1]},
        "the program is noisy": {"deployable": replace(made.deployable, program=noisy)},
        "other inputs or outputs": {"network": replace(made.network, outputs=("last",))},
    }
    for says, changes in others.items():
        with pytest.raises(InputError, match=f"cannot be kept: .*({says})"):
            save_deployed(tmp_path / "kept", replace(made, **changes))
        assert not (tmp_path / "kept").exists()


def test_a_death_at_each_change_leaves_the_old_or_the_new(tmp_path, monkeypatch):
    """Or, while files are moved, none that is taken for a whole one."""
    old, new, folder = small_deployed(0), small_deployed(1), tmp_path / "kept"
    save_deployed(folder, old)
    done = changes_of(monkeypatch, lambda: save_deployed(folder, new))
    assert len(done) > 8
    for at in range(1, len(done) + 1):
        for path in tmp_path.rglob("*"):
            if path.is_file():
                path.unlink()
        save_deployed(folder, old)
        struck(monkeypatch, Death(at), lambda: save_deployed(folder, new), Died)
        try:
            found = load_deployed(folder)
        except InputError as error:
            assert SUMS in str(error)
            continue
        is_old = signature(found.network) == signature(old.network)
        same(found, old if is_old else new)
    save_deployed(folder, new)
    same(load_deployed(folder), new)


def test_signature_follows_every_field_of_every_type():
    """Of all that decides a network: change one field, and it is another."""
    from enum import Enum

    made = small_deployed(levels=2)
    whole = signature(made.network, made.neurons, made.code, made.places)
    assert whole == signature(made.network, made.neurons, made.code, made.places)
    layer, term = made.network.layers[1], made.network.layers[1].terms[0]
    seen = {}
    for value in (term, layer, made.network, made.code, made.places, made.blocks[0]):
        for field in fields(value):
            old = getattr(value, field.name)
            new = changed(old)
            assert not isinstance(old, Enum)
            other = signature(replace(value, **{field.name: new}))
            assert other != signature(value), f"{type(value).__name__}.{field.name}"
            assert other not in seen, f"{type(value).__name__}.{field.name}: {seen.get(other)}"
            seen[other] = f"{type(value).__name__}.{field.name}"
    assert len(seen) > 35
    for value in (Rectified(), Quantized(2, 0.5), Memoryless(2, 0.5, (1,))):
        for name in value.__struct_fields__:
            other = msgspec.structs.replace(value, **{name: changed(getattr(value, name))})
            assert signature(other) != signature(value), f"{type(value).__name__}.{name}"


def changed(value):
    """Another value of the same kind."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return value + "'"
        case None:
            return (1,)
        case Neuron():
            return Memoryless(value.levels, value.level_value)
        case tuple():
            return (*value, *value[:1]) if value else (1,)
        case dict():
            return {f"{name}'": part for name, part in value.items()}
        case np.ndarray():
            new = value.copy()
            new.flat[-1] += 1
            return new
    raise TypeError(type(value))
