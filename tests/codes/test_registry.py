"""A code from elsewhere: known by its name, and to nothing else."""

import argparse
import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from loihiseg.codes import registry
from loihiseg.codes.code import NeuralCode, Trained
from loihiseg.codes.options import CodeOption
from loihiseg.codes.rate import RateCode
from loihiseg.codes.shown import LayersTable
from loihiseg.codes.thermometer.code import ThermometerCode
from loihiseg.commands.deploy.command import load_network
from loihiseg.commands.deploy.configuration import configuration
from loihiseg.commands.deploy.options import parse
from loihiseg.commands.deploy.report import write_report
from loihiseg.compilation.artifact import load_deployed, save_deployed
from loihiseg.conversion.neuron_kinds import Memoryless
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.errors import InputError
from loihiseg.pipeline import deploy
from loihiseg.progress import Reporter
from loihiseg.results import plain
from partition.command_line.options import whole
from tests import quantized

SHORT = ["--tiles", "2", "--calibration-tiles", "1", "--proof-seconds", "0"]


@dataclass(frozen=True)
class Copy(ThermometerCode):
    """The thermometer by another name."""

    name = "copy"


class Loud(Memoryless, frozen=True, tag="loud"):
    """Neurons of a code's own, with a field of their own."""

    volume: float = 1.0


@dataclass(frozen=True)
class OwnCode(ThermometerCode):
    """A code with an option, neurons, a table and rows of its own."""

    margin: int = 0

    name = "own"
    meaning = "as it likes"
    options = (
        *ThermometerCode.options,
        CodeOption("margin", "how far it goes", "7", whole(0, 100)),
    )
    neuron_kinds = (Loud,)

    @classmethod
    def usual(cls, given, looked_at):
        margin = given.get("margin")
        return super().usual(given, looked_at) | {"margin": 7 if margin is None else margin}

    @classmethod
    def made(cls, options, network, trained):
        return replace(super().made(options, network, trained), margin=options["margin"])

    def neurons(self, network, calibration=None):
        made = super().neurons(network, calibration)
        if calibration is None:
            return made

        def loud(layer):
            if layer.on_host or not layer.levels:
                return layer
            largest = float(calibration[layer.name].max()) + self.margin
            neuron = Loud(layer.levels, layer.level_value, volume=largest)
            return replace(layer, neuron=neuron)

        return replace(made, layers=tuple(map(loud, made.layers)))

    def rows(self, network):
        return (*super().rows(network), ("margin", str(self.margin)))

    @classmethod
    def words(cls, code):
        return f"its own {code.name}"

    @classmethod
    def layers_table(cls, results):
        return LayersTable(("layer",), tuple((row.layer,) for row in results.layers), "Own.")


@pytest.fixture
def known():
    """Makes codes known for a test."""
    made = []

    def register(code):
        made.append(registry.register(code).name)

    yield register
    for name in made:
        registry.unregister(name)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "levels.h5"
    quantized.model().save(path)
    return path


@pytest.fixture(scope="module")
def stack():
    return synthetic_stack(6, (32, 32))


def deployed(network, stack, *options):
    config = configuration(parse(["--checkpoint", str(network), *SHORT, *options]))
    found = deploy(
        lambda: load_network(config),
        lambda network_nm: stack,
        config.compile_options,
        config.run_options,
        Reporter(quiet=True),
    )
    return config, found


def test_a_copy_of_the_thermometer_gives_the_same_spikes(known, network, stack, tmp_path):
    _, theirs = deployed(network, stack)
    assert theirs.results.code.name == "thermometer"
    known(Copy)
    config, ours = deployed(network, stack, "--code", "copy")
    assert (config.code, ours.results.code.name) == ("copy", "copy")
    assert ours.results.spikes_sha256 == theirs.results.spikes_sha256
    assert ours.results.activity == theirs.results.activity
    mine, other = (replace(x.results.code, name="") for x in (ours, theirs))
    assert mine == other
    assert ours.results.code_rows == theirs.results.code_rows != ()
    # The whole command: a page of it, and a network that is kept and found again.
    page = write_report(tmp_path / "run", config, ours).read_text()
    assert "copy, 6 steps, clocked input" in page and "levels right" in page
    assert "images can follow each other" in page
    asked = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (asked["code"], asked["input"], asked["steps"]) == ("copy", "clocked", None)
    kept = load_deployed(save_deployed(tmp_path / "kept", ours.deployed))
    assert kept.code == ours.deployed.code and type(kept.code) is Copy


def test_a_network_is_of_the_code_that_was_known_first(known, network):
    known(Copy)
    # The first of those on the fewest chips; which are all, is the fit's to say.
    assert configuration(parse(["--checkpoint", str(network)])).code is None
    clocked = configuration(parse(["--checkpoint", str(network), "--code", "thermometer"]))
    assert (clocked.code, clocked.input) == ("thermometer", "clocked")
    named = [code.name for code in registry.suiting(Trained(has_levels=True))]
    assert named == ["thermometer", "ramp", "copy"]
    with_input = registry.suiting(Trained(has_levels=True), {"input": "held"})
    assert [code.name for code in with_input] == ["thermometer", "copy"]
    looking = registry.suiting(Trained(has_levels=True), {}, looked_at=True)
    assert [code.name for code in looking] == ["thermometer", "copy"]
    assert registry.suiting(Trained(has_levels=False)) == (RateCode,)
    with pytest.raises(ValueError, match="a code named 'copy' already"):
        registry.register(type("Other", (Copy,), {}))
    registry.register(Copy)
    assert registry.names() == ("rate", "thermometer", "ramp", "direct", "copy")


def test_options_neurons_and_rows_of_its_own(known, network, stack, tmp_path):
    known(OwnCode)
    config, found = deployed(network, stack, "--code", "own", "--margin", "3")
    assert config.of_code == {
        "steps": None,
        "window": None,
        "synapse_ms": None,
        "input": "clocked",
        "margin": 3,
    }
    made = found.deployed
    assert made.code.margin == 3
    volumes = {x.name: x.neuron.volume for x in made.neurons.chip_layers}
    # The largest activations of calibration tiles, not those of one place for all.
    assert min(volumes.values()) > 3 and len(set(volumes.values())) == len(volumes)
    assert found.results.code_rows[-1] == ("margin", "3")
    run = write_report(tmp_path / "run", config, found)
    page = run.read_text()
    assert "its own own" in page and "Own." in page and "levels right" not in page
    asked = json.loads((run.parent / "config.json").read_text())
    assert asked["code_options"] == {"margin": 3}
    assert asked["input"] == "clocked" and asked["window"] is None
    folder = save_deployed(tmp_path / "kept", made)
    again = load_deployed(folder)
    assert again.code == made.code
    assert [x.neuron for x in again.neurons.layers] == [x.neuron for x in made.neurons.layers]
    # Where nobody knows the code its networks do not run, and its runs can still be read.
    registry.unregister("own")
    with pytest.raises(InputError, match="code: 'own': expected one of rate, thermometer"):
        load_deployed(folder)
    assert registry.words(found.results.code) == "own, 6 steps, clocked input"
    assert "levels" in registry.layers_table(found.results).header
    assert plain(found.results)["code_rows"][-1] == ["margin", "3"]


def test_kept_code_that_is_not_known(known, network, stack, tmp_path):
    known(Copy)
    _, found = deployed(network, stack, "--code", "copy")
    folder = save_deployed(tmp_path, found.deployed)
    registry.unregister("copy")
    with pytest.raises(InputError, match="code: 'copy': expected one of rate, thermometer"):
        load_deployed(folder)


@pytest.mark.parametrize(
    "code, given, says",
    [
        (
            RateCode,
            {"input": "timed"},
            "input timed is of the thermometer and own code; the",
        ),
        (RateCode, {"margin": 3}, "margin is of the own code, the rate code has none"),
        (ThermometerCode, {"window": 0.5}, "window is of the rate code, the thermometer code"),
        (ThermometerCode, {"speed": 1}, "speed: no neural code has such an option"),
        (ThermometerCode, {"steps": 0}, "steps: 0: expected a whole number, 1 to 10000"),
        (ThermometerCode, {"input": "late"}, "input: late: expected one of held, timed, clocked"),
        (RateCode, {"window": 1.5}, "window: 1.5: expected a number, above 0, to 1"),
        (OwnCode, {"margin": 101}, "margin: 101: expected a whole number, 0 to 100"),
    ],
)
def test_values_that_a_code_does_not_take(known, code, given, says):
    known(OwnCode)
    with pytest.raises(InputError) as error:
        registry.completed(code, given)
    assert str(error.value).startswith(says)


def test_options_that_codes_share_stand_once(known):
    known(OwnCode)
    parser = argparse.ArgumentParser()
    registry.add_options(parser)
    text = " ".join(parser.format_help().split())
    assert text.count("--steps STEPS") == 2  # in the usage, and with its help
    assert "rate: 200; thermometer, own: one per layer" in text
    assert "--margin MARGIN how far it goes (default: own: 7)" in text
    assert parser.parse_args(["--code", "own"]).margin is None
    assert registry.option_names() == ("steps", "window", "synapse_ms", "input", "margin")


def test_usual_values():
    assert registry.completed(RateCode, {"steps": 7, "input": None}) == {
        "steps": 7, "window": 0.4, "synapse_ms": 1.5, "input": "held",
    }  # fmt: skip
    assert registry.completed(ThermometerCode, {}) == {"steps": None, "input": "clocked"}
    assert registry.completed(ThermometerCode, {}, looked_at=True)["input"] == "held"


def test_what_is_missing_of_a_code_is_said():
    class Half(NeuralCode):
        """Without anything."""

        name = "half"

    with pytest.raises(TypeError, match="abstract"):
        Half()


def test_neurons_are_asked_for_with_calibration(network, stack, known):
    """First without, to see whether they fit; then with what the network comes to."""
    seen = []

    @dataclass(frozen=True)
    class Asking(ThermometerCode):
        name = "asking"

        def neurons(self, network, calibration=None):
            seen.append(calibration)
            return super().neurons(network, calibration)

    known(Asking)
    _, found = deployed(network, stack, "--code", "asking")
    first, last = seen[0], seen[-1]
    assert first is None
    lowered = found.deployed.network
    assert {name: one.shape for name, one in last.items()} == {
        layer.name: (1, *layer.shape) for layer in lowered.layers
    }
    for layer in lowered.layers:
        levels = last[layer.name] / np.float32(layer.level_value)
        np.testing.assert_allclose(levels, np.rint(levels), atol=1e-3)
        assert levels.max() > 0
