"""The verbs from Python: the same as the commands, and one line for what cannot be used."""

import json
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import loihiseg
from loihiseg.data.stack import make_stack
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.errors import InputError
from loihiseg.results import Network, decode_results
from tests import deployed, quantized
from tests.small_deployed import TILE, small_deployed

ROOT = Path(__file__).parents[1]
SIDE = deployed.CONFIG.tile
OPTIONS = {"steps": 30, "tiles": 3, "calibration_tiles": 2, "proof_seconds": 0, "seed": 3}
COMMANDS = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__main__")
    for path in (ROOT / "loihiseg").rglob("*.py")
    if "\nif __name__ ==" in path.read_text()
)


@pytest.fixture(scope="module")
def stack():
    """6 sections, of which the last is tested on and the one before validated on."""
    return synthetic_stack(6, (40, 40))


@pytest.fixture(scope="module")
def model():
    return deployed.unet()


@pytest.fixture(scope="module")
def kept(model, stack):
    """Compiled in memory, with nothing left open."""
    return loihiseg.compile(
        model, stack.images[4:5], steps=30, calibration_tiles=2, proof_seconds=0, seed=3
    )


@pytest.fixture(scope="module")
def result(model, stack):
    return loihiseg.deploy_stack(model, stack, **OPTIONS)


def in_another_process(code):
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_command_takes_the_name_of_a_verb():
    """Every module that ``python -m`` runs is imported first, then the verbs are called."""
    assert {"loihiseg.deploy", "loihiseg.train", "loihiseg.data.synthetic"} <= set(COMMANDS)
    for name in COMMANDS:
        import_module(name)
    network = small_deployed()
    image = np.arange(TILE * TILE, dtype=np.uint8).reshape(TILE, TILE)
    (section,) = loihiseg.run(network, image)
    found = loihiseg.score(section, section.membrane)
    assert found.pixel.accuracy == 1.0
    with pytest.raises(InputError, match="no such option"):
        loihiseg.compile("tiny-synthetic", chip=1)
    with pytest.raises(InputError, match="no such option"):
        loihiseg.deploy_stack("tiny-synthetic", image, chip=1)


def test_importing_the_package_imports_nothing():
    """That TensorFlow is for compiling alone is seen in a process where it cannot be imported."""
    found = in_another_process(
        "import sys; before = set(sys.modules); import loihiseg; "
        "new = set(sys.modules) - before; "
        "print(*(name for name in new if not name.startswith('loihiseg') or '.' in name))"
    )
    assert {name.split(".")[0] for name in found.split()} <= set(sys.stdlib_module_names)
    assert {*loihiseg.__all__} <= set(dir(loihiseg))
    assert all(getattr(loihiseg, name).__doc__ for name in loihiseg.__all__)
    assert not hasattr(loihiseg, "segment_all")


def test_running_and_scoring_need_no_framework(tmp_path):
    loihiseg.save_deployed(tmp_path / "kept", small_deployed())
    in_another_process(
        "import sys\n"
        "class Blocked:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('tensorflow', 'keras', 'tf_keras', 'nengo',\n"
        "                                  'nengo_dl', 'nengo_loihi'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Blocked())\n"
        "import loihiseg, numpy as np\n"
        f"network = loihiseg.load_deployed({str(tmp_path / 'kept')!r})\n"
        "images = np.random.default_rng(0).integers(0, 255, (2, 6, 6)).astype(np.uint8)\n"
        "found = list(loihiseg.run(network, images))\n"
        "truth = np.arange(72).reshape(2, 6, 6) % 2 == 0\n"
        "assert loihiseg.score(found, truth).pixel.n_pixels == 72\n"
        "assert loihiseg.deploy_stack(network, images).maps.shape == (2, 6, 6)\n"
    )


def test_as_the_command(capfd, tmp_path, model, stack, result):
    """The same spikes, scores and configuration for the same options."""
    import tifffile

    from loihiseg.commands.common import run

    model.save(tmp_path / "net.h5")
    (tmp_path / "stack").mkdir()
    labels = np.where(stack.membrane, 0, 255).astype(np.uint8)
    for name, pixels in (("volume", stack.images), ("labels", labels)):
        path = tmp_path / "stack" / f"train-{name}.tif"
        tifffile.imwrite(path, pixels, photometric="minisblack")
    arguments = [
        "--checkpoint", tmp_path / "net.h5", "--data", tmp_path / "stack", "--out",
        tmp_path / "run", "--quiet", "--label-polarity", "cell-bright",
    ]  # fmt: skip
    for name, value in OPTIONS.items():
        arguments += [f"--{name.replace('_', '-')}", value]
    from loihiseg.commands.deploy.command import main

    assert run(main, list(map(str, arguments))) == 0, capfd.readouterr().err
    theirs = decode_results((tmp_path / "run" / "metrics.json").read_bytes(), "metrics.json")
    ours = result.results
    assert ours.activity.spikes > 0
    for name in ("spikes_sha256", "activity", "score_rows", "readout", "layers", "tiles", "code"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.mapping == theirs.mapping and ours.threshold == theirs.threshold
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    for options in (result.compiling, result.running):
        for name, value in vars(options).items():
            assert config[name] == value, name


def test_compiled_alone_is_the_same_network(kept, result):
    ours, theirs = kept.deployable.program, result.deployed.deployable.program
    for name in ("weights", "entries", "bias"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert kept.places == result.deployed.places
    assert kept.line == result.deployed.line and kept.line.n_tiles == 2
    assert kept.provenance.calibration == "2 tiles of the images that were given"
    assert kept.provenance.source == "a model in memory"
    digests = {one.provenance.calibration_sha256 for one in (kept, result.deployed)}
    assert len(digests) == 1


def test_run_and_score_are_the_rows_of_a_deployment(kept, stack):
    """A kept network on whole sections: maps bit for bit, scores to the last digit."""
    whole = loihiseg.deploy_stack(kept, stack)
    (section,) = loihiseg.run(kept, stack.images[5])
    np.testing.assert_array_equal(section.probability, whole.spiking[0])
    np.testing.assert_array_equal(section.membrane, whole.maps[0])
    row = whole.results.scores(Network.EMULATED)
    ours = loihiseg.score(section, stack.membrane[5])
    assert ours.pixel == row.pixel and ours.challenge == row.challenge
    probability = loihiseg.score(whole.spiking, whole.membrane, whole.threshold)
    assert probability.pixel == row.pixel and probability.challenge == row.challenge
    (floats,) = loihiseg.run(kept, stack.images[5], on="float")
    trained = loihiseg.score([floats], stack.membrane[5:6])
    assert (ours.name, trained.network) == (row.name, Network.TRAINED)
    theirs = whole.results.scores(Network.TRAINED)
    assert trained.pixel == theirs.pixel and trained.challenge == theirs.challenge
    assert trained.name == theirs.name == "trained"
    assert loihiseg.score(section, stack.membrane[5], 0.99).pixel != row.pixel


def test_sections_in_every_form(kept, stack):
    pair = stack.images[:2]
    forms = {
        "array": pair,
        "stack": stack.select(range(2)),
        "one by one": (image for image in pair),
        "list": list(pair),
        # Scaled back to the same 256 values.
        "floats": make_stack(pair.astype(np.float64), None, "floats").images,
    }
    wanted = [one.logits for one in loihiseg.run(kept, pair)]
    assert len(wanted) == 2 and not np.array_equal(*wanted)
    for name in ("array", "stack", "one by one", "list"):
        found = [one.logits for one in loihiseg.run(kept, forms[name])]
        np.testing.assert_array_equal(found, wanted, err_msg=name)
    scaled = [one.logits for one in loihiseg.run(kept, pair.astype(np.float64))]
    by_hand = [one.logits for one in loihiseg.run(kept, forms["floats"])]
    np.testing.assert_array_equal(scaled, by_hand)


def test_sections_are_taken_one_by_one(kept, stack):
    taken = []

    def sections():
        for number in range(1000):
            taken.append(number)
            yield stack.images[number % 6]

    found = loihiseg.run(kept, sections())
    assert [next(found).number, next(found).number] == [0, 1]
    found.close()
    assert len(taken) < 20


def test_a_stack_without_labels(kept, model, stack):
    found = loihiseg.deploy_stack(kept, stack.images, tiles=2)
    assert found.results.score_rows == () and found.membrane is None
    assert "There are no labels: nothing is scored." in found.results.scored_note
    assert found.maps.shape == (2, SIDE, SIDE) and found.results.activity.spikes > 0
    assert found.compiling is None and found.running.tiles == 2
    labelled = loihiseg.deploy_stack(kept, stack.images, stack.membrane, tiles=2)
    np.testing.assert_array_equal(labelled.maps, found.maps)
    np.testing.assert_array_equal(labelled.membrane, labelled.tiles.membrane)
    assert (
        labelled.results.score_rows
        and labelled.results.spikes_sha256 == found.results.spikes_sha256
    )


def test_without_validation_labels_the_threshold_is_said(model, stack):
    found = loihiseg.deploy_stack(model, stack.images, **OPTIONS)
    assert found.threshold == 0.5
    assert "The threshold is 0.5 for want of validation sections with labels" in (
        found.results.scored_note
    )


def test_bool_labels_are_membrane_where_true(kept, stack):
    """However much of it there is: no guess by which of the two is the rarer."""
    most = np.ones_like(stack.membrane)
    most[:, ::4, ::4] = False
    found = loihiseg.deploy_stack(kept, stack.images, most, tiles=2)
    assert found.membrane.mean() > 0.5


def test_what_is_left_open_is_what_is_usual(stack):
    """Of a network of levels: the code it was trained for, as many steps as it needs."""
    model = quantized.model()
    found = loihiseg.deploy_stack(model, stack, proof_seconds=0, tiles=1)
    assert found.compiling.code == "thermometer" and found.compiling.steps is None
    assert found.compiling.input == "clocked" and found.results.code.input == "clocked"
    assert found.results.agreement == 1.0
    held = loihiseg.deploy_stack(model, stack, proof_seconds=0, tiles=1, early_exit=0.0)
    assert held.compiling.input == "held" and held.results.early_exit is not None


def test_without_images_nothing_is_fitted_and_that_is_said(model):
    with pytest.warns(UserWarning, match="the read-out is not calibrated"):
        network = loihiseg.compile(model, steps=30, calibration_tiles=1, proof_seconds=0)
    assert (network.line.gain, network.line.n_tiles) == (1.0, 0)
    assert network.provenance.calibration == "1 tiles of synthetic sections"


def test_options_of_the_network_come_first(model, stack):
    found = loihiseg.compile(
        model, stack.images[4], steps=30, calibration_tiles=1, proof_seconds=0, threshold=0.25
    )
    assert found.threshold == 0.25 and found.code.n_steps == 30
    # A fifth of the steps less is the same part of them.
    assert found.code.n_window_steps == 12


IMAGES = np.arange(2 * 40 * 40, dtype=np.uint16).reshape(2, 40, 40)
SHOWN = np.linspace(0, 1, TILE * TILE, dtype=np.float32).reshape(1, TILE, TILE)

WRONG_COMPILING = {
    "chips": ({"chips": 0}, "chips: 0: expected a whole number, 1 to 768"),
    "chips half": ({"chips": 1.5}, "chips: 1.5: expected a whole number"),
    "chips true": ({"chips": True}, "chips: True: expected a whole number"),
    "code": ({"code": "morse"}, "code: 'morse': expected one of rate, thermometer"),
    "levels": ({"code": "thermometer"}, "code thermometer: layer"),
    "tile": ({"tile": 24}, "tile: a model in memory is a Keras model"),
    "tile auto": ({"tile": "auto"}, "tile auto: a model in memory is a Keras model"),
    "tile big": ({"tile": "big"}, "tile: big: expected 'auto' or a whole number, 1 to 4096"),
    "steps": ({"steps": 0}, "steps: 0: expected a whole number, 1 to 10000"),
    "window": ({"window": 0}, "window: 0: expected a number, above 0, to 1"),
    "window nan": ({"window": float("nan")}, "window: nan: expected a number"),
    "synapse": ({"synapse_ms": -1}, "synapse_ms: -1: expected a number, 0 to 1000"),
    "input": ({"input": "later"}, "input: later: expected one of held, timed, clocked"),
    "timed": ({"input": "timed"}, "input timed is of the thermometer code"),
    "scale": ({"rate_scale_hz": "fast"}, "rate_scale_hz: fast: expected a number"),
    "tail": ({"allow_host_tail": 1}, "allow_host_tail: 1: expected True or False"),
    "proof": ({"proof_seconds": float("inf")}, "proof_seconds: inf: expected a number"),
    "seed": ({"seed": -1}, "seed: -1: expected a whole number"),
    "no option": ({"tyle": 1}, "tyle: no such option; there are chips, code, tile"),
    "two lines": ({"code": "a\nb"}, r"code: 'a\nb'"),
}
"""Options of `compile`, and the one line that is said."""

WRONG_RUNNING = {
    "sections": ({"sections": "9:"}, "sections '9:' goes past the end, the stack has 6"),
    "sections no text": ({"sections": 3}, "sections: 3: expected text"),
    "tiles": ({"tiles": 0}, "tiles: 0: expected a whole number"),
    "target": ({"target": "spinnaker"}, "target: spinnaker: expected one of sim, loihi"),
    "no chip": ({"target": "loihi"}, "target loihi: NxSDK"),
    "emulator": ({"emulator": "nengo"}, "emulator: nengo: expected one of compiled, nengo-loihi"),
    "exit": ({"early_exit": 2}, "early_exit: 2: expected a number, 0 to 1"),
    "exit emulator": ({"early_exit": 0, "emulator": "nengo-loihi"}, "early_exit needs emulator"),
    "exit tiles": ({"early_exit": 0, "calibration_tiles": 0}, "chosen on calibration_tiles"),
    "exit input": ({"early_exit": 0, "input": "timed"}, "early_exit needs input held: timed"),
    "exit sections": ({"early_exit": 0, "sections": "4:6"}, "early_exit: there are no validation"),
}
"""Those of `deploy_stack`, likewise."""


@pytest.fixture
def nothing_is_built(monkeypatch):
    """What can be refused before is refused before."""
    from loihiseg.compilation import steps

    def built(*_, **__):
        raise AssertionError("a network was built, with options that cannot be used")

    monkeypatch.setattr(steps, "compile_network", built)


def one_line(error, says):
    text = str(error.value)
    assert says in text and "\n" not in text and "--" not in text, text


@pytest.mark.parametrize("options, says", WRONG_COMPILING.values(), ids=list(WRONG_COMPILING))
def test_wrong_options_of_compile(model, stack, nothing_is_built, options, says):
    with pytest.raises(InputError) as error:
        loihiseg.compile(model, stack.images[4:5], **options)
    if says.startswith("code thermometer: layer"):
        says = says.removeprefix("code ")
        assert says in str(error.value)
    else:
        one_line(error, says)


@pytest.mark.parametrize("options, says", WRONG_RUNNING.values(), ids=list(WRONG_RUNNING))
def test_wrong_options_of_deploy_stack(model, stack, nothing_is_built, options, says):
    with pytest.raises(InputError) as error:
        loihiseg.deploy_stack(model, stack, **options)
    one_line(error, says)


def test_a_deployed_network_has_its_own_options(kept, stack):
    for options in ({"chips": 1}, {"seed": 1}):
        with pytest.raises(InputError) as error:
            loihiseg.deploy_stack(kept, stack, **options)
        one_line(error, f"{next(iter(options))}: a deployed network has its own")


@pytest.mark.parametrize(
    "network, says",
    [
        ("no/such/folder", "no/such/folder: not a checkpoint"),
        ("nothing.h5", "nothing.h5: no such Keras model"),
        (None, "network: builtins.NoneType is none; expected a path, one of paper-isbi2012"),
        (IMAGES, "network: numpy.ndarray is none"),
    ],
)
def test_what_is_no_network(nothing_is_built, stack, network, says):
    for call in (loihiseg.compile, loihiseg.deploy_stack):
        with pytest.raises(InputError) as error:
            call(network, stack.images)
        one_line(error, says)


@pytest.mark.parametrize(
    "images, says",
    [
        ("stack.tif", ": str: expected an array (n, rows, columns)"),
        (IMAGES[:, :10, :10], "a section of 10 x 10 pixels is smaller than a tile of 16"),
        (IMAGES[None], "images have shape (1, 2, 40, 40)"),
        (np.full((2, 40, 40), np.nan), "NaN or infinite pixels"),
        (IMAGES.astype("datetime64[s]"), "expected numbers"),
    ],
)
def test_what_are_no_images(model, kept, nothing_is_built, images, says):
    calls = {
        "calibration_images": lambda: loihiseg.compile(model, images),
        "images": lambda: loihiseg.run(kept, images),
        "deploy": lambda: loihiseg.deploy_stack(model, images),
    }
    for call in calls.values():
        with pytest.raises(InputError) as error:
            call()
        one_line(error, says)


@pytest.mark.parametrize(
    "images, says",
    [
        (7, "images: int: expected an array"),
        ({"a": 1}, "images: dict: expected an array"),
        ([IMAGES[0]], "images: section 0 has type uint16, expected uint8"),
        ([IMAGES], "images: section 0 is (2, 40, 40), expected an array (rows, columns)"),
        (["a.png"], "images: section 0 is str, expected an array"),
        ([np.zeros((8, 40), np.uint8)], "a section of 8 x 40 pixels is smaller than a tile"),
    ],
)
def test_what_are_no_sections(kept, images, says):
    with pytest.raises(InputError) as error:
        list(loihiseg.run(kept, images))
    one_line(error, says)


def test_run_is_of_a_deployed_network_on_something_there_is(kept, stack, model):
    with pytest.raises(InputError) as error:
        loihiseg.run(model, stack)
    one_line(error, "deployed: Functional is no DeployedNetwork; make one with loihiseg.compile")
    with pytest.raises(InputError) as error:
        loihiseg.run(kept, stack, on="abacus")
    one_line(error, "on: 'abacus': expected 'chip' or 'float'")


@pytest.mark.parametrize(
    "maps, truth, threshold, says",
    [
        (SHOWN * 2, SHOWN > 0.5, None, "maps: type float32, expected probabilities"),
        (SHOWN * np.nan, SHOWN > 0.5, None, "maps: type float32, expected probabilities"),
        ((SHOWN * 9).astype(np.uint16), SHOWN > 0.5, None, "maps: type uint16, expected"),
        (SHOWN[..., None], SHOWN > 0.5, None, "maps: shape (1, 4, 4, 1), expected"),
        (SHOWN, SHOWN, None, "truth: float32, expected an array of bool"),
        (SHOWN, [[True]], None, "truth: list, expected an array of bool"),
        (SHOWN, SHOWN[:, 1:] > 0.5, None, "truth: shape (1, 3, 4), expected that of the maps"),
        (SHOWN, SHOWN > -1, None, "truth: all of 1 sections or tiles is membrane, expected a cell"),
        (SHOWN, SHOWN > 0.5, 1.5, "threshold: 1.5: expected a number, 0 to 1"),
        ([], SHOWN > 0.5, None, "maps: expected probabilities in an array, or what loihiseg.run"),
        ("map", SHOWN > 0.5, None, "map: no such file or folder"),
        (b"map", SHOWN > 0.5, None, "maps: expected probabilities in an array"),
    ],
)
def test_what_cannot_be_scored(maps, truth, threshold, says):
    with pytest.raises(InputError) as error:
        loihiseg.score(maps, truth, threshold)
    one_line(error, says)


def in_one_corner(stack):
    """True in a corner of the first section."""
    found = np.zeros(stack.images.shape, bool)
    found[0, :4, :4] = True
    return found


def test_labels_that_do_not_fit(kept, stack):
    cornered = replace(stack, membrane=~in_one_corner(stack))
    for images, labels, says in (
        (stack, stack.membrane, "labels: a Stack has labels of its own"),
        (stack.images, [1, 2], "labels: list: expected an array"),
        (stack.images, stack.membrane[:3], "labels: labels have shape (3, 40, 40)"),
        (stack.images, stack.images, "labels: labels have"),
        (cornered, None, "truth: all of 1 sections or tiles is membrane"),
    ):
        with pytest.raises(InputError) as error:
            loihiseg.deploy_stack(kept, images, labels)
        one_line(error, says)


def test_a_command_says_options_as_they_are_typed(capfd):
    from loihiseg.commands.common import run
    from loihiseg.errors import Option, OptionError

    def main(_):
        raise OptionError(Option("early_exit"), " needs ", Option("input"), " held")

    assert run(main, []) == 2
    assert capfd.readouterr().err == "error: --early-exit needs --input held\n"


def test_defaults_and_ranges_are_those_of_the_types(capsys):
    """argparse takes both from the dataclasses: one place says what is usual."""
    from loihiseg.commands.deploy.configuration import configuration
    from loihiseg.commands.deploy.options import parse
    from loihiseg.compilation.options import CompileOptions
    from loihiseg.running.options import RunOptions

    config = configuration(parse([]))
    assert config.run_options == RunOptions()
    usual = CompileOptions()
    times = {"code": "rate", "steps": 200, "window": 0.4, "synapse_ms": 1.5, "input": "held"}
    assert config.compile_options == replace(usual, **times)
    with pytest.raises(SystemExit):
        parse(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "Loihi chips there are (default: 2) [1 to 768]" in text


def test_a_kept_network_says_nothing_of_this_machine(tmp_path, model, stack):
    model.save(tmp_path / "net.h5")
    network = loihiseg.compile(
        tmp_path / "net.h5", stack.images[4], calibration_tiles=1, steps=30, proof_seconds=0
    )
    assert network.provenance.source == "net.h5"
    loihiseg.save_deployed(tmp_path / "kept", network)
    for path in (tmp_path / "kept").iterdir():
        assert str(tmp_path).encode() not in path.read_bytes(), path


def test_numbers_of_numpy_are_numbers():
    from loihiseg.compilation.options import CompileOptions

    options = CompileOptions(chips=np.int64(4), window=np.float32(0.5))
    assert type(options.chips) is int and type(options.window) is float
    assert json.dumps(vars(options))
