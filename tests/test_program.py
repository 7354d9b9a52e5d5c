"""All commands by one name, what they say of themselves, and options from files."""

import json
import subprocess
import sys
import tomllib
from argparse import Namespace

import pytest
import tifffile

from loihiseg.commands.common import run
from loihiseg.commands.config_file import as_arguments, expanded
from loihiseg.commands.deploy import options as deploy_options
from loihiseg.commands.program import VERBS, main, verb
from loihiseg.commands.segment import options as segment_options
from loihiseg.commands.simulate import parser as simulate_parser
from loihiseg.commands.train import options as train_options
from loihiseg.errors import InputError
from tests.commands import ROOT, in_process


def ended(capfd, *arguments):
    """Exit code, standard output and error of the program."""
    code = run(main, list(map(str, arguments)))
    captured = capfd.readouterr()
    return code, captured.out, captured.err


def test_every_verb_is_listed_and_says_how_it_ends(capfd):
    code, out, err = ended(capfd, "--help")
    assert (code, err) == (0, "")
    for one in VERBS:
        assert f"  {one.name} " in out
        code, own, err = ended(capfd, one.name, "--help")
        assert (code, err) == (0, ""), one.name
        assert "examples:\n" in own and "exit codes: 0 " in own and "--version" in own, one.name
        assert one.name in own.splitlines()[0]


def test_nothing_typed_is_help(capfd):
    assert ended(capfd)[1] == ended(capfd, "--help")[1]


def test_a_verb_that_is_none_is_named_with_what_is_like_it(capfd):
    code, out, err = ended(capfd, "depoly", "--chips", "2")
    assert (code, out) == (2, "") and "did you mean deploy?" in err and err.count("\n") == 1
    code, out, err = ended(capfd, "--quiet", "deploy")
    assert (code, out) == (2, "") and err.count("\n") == 1


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from loihiseg.commands.common import run\n"
        "from loihiseg.commands.program import main\n"
        "run(main, ['--help'])\n"
        "heavy = {'numpy', 'scipy', 'numba', 'tensorflow', 'nengo', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def test_the_module_runs_too():
    found = subprocess.run(
        [sys.executable, "-m", "loihiseg", "models", "--json"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    named = {one["name"]: one for one in json.loads(found.stdout)}
    assert named["paper-isbi2012-levels2"]["levels"] == 2
    assert named["tiny-synthetic"]["code"] == "rates"


def test_models_are_a_line_each(capfd):
    code, out, _ = ended(capfd, "models")
    names = [line.split()[0] for line in out.splitlines()]
    assert code == 0 and names[0] == "name" and "paper-isbi2012" in names


def test_versions_are_said(capfd):
    for arguments in (["--version"], ["deploy", "--version"], ["doctor", "--version"]):
        code, out, err = ended(capfd, *arguments)
        said = dict(line.split(None, 1) for line in out.splitlines())
        assert (code, err) == (0, "") and {"loihiseg", "python", "nengo-loihi"} <= said.keys()


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_verbs_and_options(capfd, shell):
    code, out, err = ended(capfd, "--completion", shell)
    assert (code, err) == (0, "")
    assert "segment" in out and "orientations" in out


def test_bash_takes_the_completion(tmp_path, capfd):
    (tmp_path / "script").write_text(ended(capfd, "--completion", "bash")[1])
    script = (
        f"source {tmp_path}/script\n"
        "COMP_WORDS=(loihiseg dep) COMP_CWORD=1\n"
        "$(complete -p loihiseg | sed -E 's/.*-F ([^ ]+).*/\\1/') loihiseg dep loihiseg\n"
        "echo ${COMPREPLY[@]}\n"
    )
    found = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert found.stdout.split() == ["deploy"], found.stderr


def test_synthetic_sections_are_read_as_they_were_made(tmp_path, capfd):
    from loihiseg.data.readers import read_stack
    from loihiseg.data.synthetic import synthetic_stack

    folder = tmp_path / "sections"
    asked = ("synthetic", folder, "--sections", 3, "--size", 64, "--seed", 5)
    code, out, err = ended(capfd, *asked)
    assert code == 0 and str(folder) in out
    made, found = synthetic_stack(3, (64, 64), 5), read_stack(folder)
    assert (made.images == found.images).all() and (made.membrane == found.membrane).all()
    assert found.pixel_nm == (50.0, 4.0, 4.0)
    code, out, err = ended(capfd, *asked)
    assert (code, out) == (2, "") and "is there already" in err
    assert tifffile.imread(folder / "train-labels.tif").max() == 255


class TestDoctor:
    def test_it_names_what_is_there(self, capfd):
        code, out, _ = ended(capfd, "doctor", "--no-test", "--json")
        found = {one["name"]: one for one in json.loads(out)}
        assert code == 0 and found["nengo-loihi"]["verdict"] == "ok"
        assert {"Python", "cores", "memory", "cache", "extra cluster"} <= found.keys()

    def test_what_is_missing_has_a_remedy(self, capfd, monkeypatch):
        import importlib.util

        find = importlib.util.find_spec
        gone = {"optuna", "nengo_loihi"}
        monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n in gone else find(n))
        code, out, _ = ended(capfd, "doctor", "--no-test", "--json")
        found = {one["name"]: one for one in json.loads(out)}
        assert code == 1
        assert found["nengo-loihi"]["verdict"] == "wrong"
        assert found["extra calibration"]["verdict"] == "optional"
        assert "[calibration]" in found["extra calibration"]["remedy"]

    def test_both_emulators_are_run(self, capfd):
        code, out, _ = ended(capfd, "doctor", "--json")
        found = {one["name"]: one for one in json.loads(out)}
        assert code == 0 and "all as nengo-loihi's" in found["test of emulator"]["found"]

    def test_a_test_that_fails_is_a_finding(self, capfd, monkeypatch):
        from loihiseg.commands.doctor import self_test

        def broken():
            raise RuntimeError("3 spikes differ")

        monkeypatch.setattr(self_test, "_emulators", broken)
        monkeypatch.setattr(self_test, "_tensorflow", lambda: "computes")
        code, out, _ = ended(capfd, "doctor", "--json")
        found = {one["name"]: one for one in json.loads(out)}
        assert code == 1 and found["test of emulator"]["verdict"] == "wrong"
        assert "3 spikes differ" in found["test of emulator"]["found"]

    def test_the_cache_is_counted_and_cleared(self, capfd, monkeypatch, tmp_path):
        folder = tmp_path / "cache"
        monkeypatch.setenv("LOIHISEG_CACHE", str(folder))
        for name in ("one", "two"):
            (folder / name).mkdir(parents=True)
            (folder / name / "network.program").write_bytes(b"x" * 1000)
        ended_with = ended(capfd, "doctor", "--no-test", "--json")
        found = {one["name"]: one["found"] for one in json.loads(ended_with[1])}
        assert f"{folder}: 2 networks" in found["cache"]
        code, _, err = ended(capfd, "doctor", "--no-test", "--clear-cache")
        assert code == 0 and "2 networks" in err and not list(folder.glob("[!.]*"))


DEPLOY = """
chips = 3
tile = "auto"
code = "ramp"
levels = [3, 7, 7]
quantile = 0.97
pixel-nm = [50, 4, 4]
allow_host_tail = true
sections = "2:4"
[code_options]
window = 0.5
"""


class TestOptionsFromFiles:
    def write(self, tmp_path, text, name="options.toml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    def test_they_are_what_would_have_been_typed(self, tmp_path):
        path = self.write(tmp_path, DEPLOY)
        typed = [
            "--chips", "3", "--tile", "auto", "--code", "ramp", "--levels", "3,7,7",
            "--quantile", "0.97", "--pixel-nm", "50,4,4", "--allow-host-tail",
            "--sections", "2:4", "--window", "0.5", "--config", path,
        ]  # fmt: skip
        assert deploy_options.parse(["--config", path]) == without_config(typed)

    def test_what_is_typed_wins_wherever_it_stands(self, tmp_path):
        path = self.write(tmp_path, DEPLOY)
        for arguments in (["--chips", "1", "--config", path], ["--config", path, "--chips", "1"]):
            options = deploy_options.parse(arguments)
            assert (options.chips, options.tile) == (1, "auto")

    def test_all_that_cannot_be_used_is_named(self, tmp_path):
        path = self.write(tmp_path, 'chips = 0\ncheckpiont = "x"\nquantile = "high"\ntile = true\n')
        with pytest.raises(InputError, match="4 options cannot be used") as error:
            deploy_options.parse(["--config", path])
        assert path in str(error.value)
        named = [line.split(":")[0] for line in error.value.violations]
        assert named == ["chips", "checkpiont", "quantile", "tile"]

    @pytest.mark.parametrize(
        "name, text, says",
        [
            ("a.toml", "chips = ", "as TOML"),
            ("a.json", '{"chips": 2', "as JSON"),
            ("a.json", '{"chips": 2, "chips": 3}', "more than once"),
            ("a.json", "[1]", "as JSON"),
            ("a.toml", "chips = 2\n" * 2, "as TOML"),
            ("a.toml", "chips = [[[[1]]]]", "chips"),
            ("a.toml", "quiet = 1\nemulator = 'own'", "emulator"),
            ("a.toml", "allow_host_tail = 'yes'", "true or false"),
        ],
    )
    def test_what_is_no_file_of_options_is_one_line(self, tmp_path, capfd, name, text, says):
        path = self.write(tmp_path, text, name)
        code, out, err = in_process(capfd, "deploy", "--config", path)
        assert (code, out) == (2, "") and says in err and path in err and err.count("\n") == 1

    def test_a_file_that_is_not_there(self, capfd):
        code, _, err = in_process(capfd, "deploy", "--config", "nix.toml")
        assert code == 2 and "nix.toml" in err

    def test_positions_are_typed(self, tmp_path):
        path = self.write(tmp_path, 'input = "raw.tif"\non = "float"\n')
        with pytest.raises(InputError, match="input: is given on the command line"):
            segment_options.parse(["raw.tif", "map.tif", "--config", path])

    def test_every_option_of_every_command_can_stand_in_a_file(self, tmp_path):
        """What a parser takes as typed, it takes from a file."""
        typed = {
            "train": (train_options.parser(), TRAIN),
            "simulate": (simulate_parser(chosen="spicalib"), SIMULATE),
        }
        for own, values in typed.values():
            arguments = as_arguments(own, values, tmp_path / "x.toml")
            found = vars(own.parse_args(arguments))
            for name, value in values.items():
                assert plain(found[name]) == plain(value), name

    def test_a_network_below_zero_is_a_value(self, tmp_path):
        own = train_options.parser()
        arguments = as_arguments(own, {"ignore_label": -1}, tmp_path / "x.toml")
        assert own.parse_args(arguments).ignore_label == -1

    def test_the_method_of_a_file_brings_its_options(self, tmp_path):
        from loihiseg.commands.simulate import parse

        text = json.dumps({"method": "spicalib", "settings": {"most_spikes": 3}, "seed": 4})
        options = parse(["--config", self.write(tmp_path, text, "config.json")])
        assert (options.method, options.most_spikes, options.seed) == ("spicalib", 3, 4)

    def test_a_training_is_begun_like_another(self, tmp_path, monkeypatch):
        from loihiseg.commands.train.resuming import Begun, options_of_run, write_begun

        run = tmp_path / "runs" / "one"
        run.mkdir(parents=True)
        (tmp_path / "stack").mkdir()
        monkeypatch.chdir(tmp_path)
        begun = ["--data", "stack", "--levels", "3", "--stages", "3:2", "3:1", "--out", "runs/one"]
        write_begun(run, Begun.now(begun, run))
        (tmp_path / "else").mkdir()
        monkeypatch.chdir(tmp_path / "else")
        own = train_options.parser()
        arguments = expanded(own, ["--config", "../runs/one/config.json"], options_of_run)
        options = own.parse_args(arguments)
        assert options.data == "../stack" and options.out is None
        assert (options.levels, options.stages) == ([3], [(3, 2), (3, 1)])


TRAIN = {
    "preset": "tiny", "levels": [3, 1], "stages": [[0, 2], [3, 1]], "batch_norm": True,
    "learning_rate": 1e-5, "rate_range": [40.0, 150.0], "pixel_nm": [None, 4.5, 4.5],
    "label_threshold": 0.123456789, "validation": "3:4", "start": "paper-isbi2012",
}  # fmt: skip

SIMULATE = {"steps": [8, 16], "divided": True, "quantile": 0.995, "method": "spicalib"}


def plain(value):
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def without_config(arguments):
    """What a deployment's parser makes of arguments, a file among them not read."""
    found = deploy_options.parser().parse_args(arguments)
    return Namespace(**vars(found) | {"config": None})


def test_a_verb_has_what_the_program_asks_for():
    from importlib import import_module

    for one in VERBS:
        module = import_module(verb(one.name).module)
        assert callable(module.main) and module.parser().prog.endswith(one.name)
    assert tomllib.loads(DEPLOY)["chips"] == 3
