"""Training as a user meets it: a run that goes on from its folder, and what is refused at once."""

import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from loihiseg.commands.train import resuming
from loihiseg.commands.train.options import parser
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.errors import InputError
from loihiseg.training.checkpoint import load_checkpoint
from tests import stub_training
from tests.commands import in_process, refused, write_stack

ROOT = Path(__file__).parents[1]
STATE, HISTORY, BEGUN = "training_state.npz", "history.json", "config.json"
OPTIONS = ("--preset", "tiny", "--epochs", "3", "--seed", "4", "--rate-range", "40", "150")


@pytest.fixture(autouse=True)
def interrupts_are_heard():
    """A shell that puts the tests into the background has them ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a stack in it to be in, where training costs nothing."""
    stack = synthetic_stack(6, (128, 128))
    write_stack(tmp_path / "data" / "em", stack.images, (~stack.membrane * 255).astype(np.uint8))
    stub_training.install(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(capfd, *arguments):
    code, out, err = in_process(capfd, "train", *arguments)
    assert out == ""
    return code, err


def stopped_in(monkeypatch, epoch, number=signal.SIGINT):
    """Have a signal come while an epoch is trained."""
    fit = stub_training._Model.fit

    def stopping(self, crops, *, epochs, **more):
        if epochs == epoch:
            monkeypatch.setattr(stub_training._Model, "fit", fit)
            os.kill(os.getpid(), number)
        return fit(self, crops, epochs=epochs, **more)

    monkeypatch.setattr(stub_training._Model, "fit", stopping)


@pytest.fixture
def whole(place, capfd):
    code, err = train(capfd, *OPTIONS, "--data", "data/em", "--out", "whole")
    assert code == 0, err
    return place / "whole"


def same(one, other):
    for name in (STATE, HISTORY):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    infos = [load_checkpoint(folder).info for folder in (one, other)]
    # As seen from where it went on.
    assert {info.data.source for info in infos} <= {"data/em", "em"}
    assert len({repr(replace(info, data=replace(info.data, source=""))) for info in infos}) == 1


@pytest.mark.parametrize("number, word", [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "term")])
@pytest.mark.parametrize("epoch", [1, 3])
def test_stopped_it_says_how_to_go_on(place, whole, capfd, monkeypatch, number, word, epoch):
    stopped_in(monkeypatch, epoch, number)
    code, err = train(capfd, *OPTIONS, "--data", "data/em", "--quiet", "--out", "my run's")
    assert code == 128 + number
    (line,) = err.splitlines()
    assert line.startswith(word)
    _, _, command = line.partition("; go on with: ")
    assert shlex.split(command) == ["python", "-m", "loihiseg.train", "--resume", "my run's"]
    assert (place / "my run's" / STATE).exists() == (epoch > 1)
    monkeypatch.chdir(place / "data")
    code, err = train(capfd, "--resume", "../my run's")
    assert code == 0, err
    same(place / "my run's", whole)


@pytest.mark.parametrize("how", ["--resume run", "--out run --resume", "--resume run --out ./run"])
def test_a_run_that_was_moved_goes_on(place, whole, capfd, monkeypatch, how):
    stopped_in(monkeypatch, 2)
    code, err = train(capfd, *OPTIONS, "--data", "data/em")
    command = "python -m loihiseg.train --resume runs/train-1"
    assert code == 130 and err.endswith(f"interrupted; go on with: {command}\n")
    (place / "runs" / "train-1").rename(place / "run")
    code, err = train(capfd, *how.split())
    assert code == 0, err
    same(place / "run", whole)


def test_nothing_tells_where_the_data_lay(whole, place):
    for path in whole.iterdir():
        assert str(place).encode() not in path.read_bytes(), path


def test_clashes_are_said_all_at_once(whole, capfd):
    before = {path: path.read_bytes() for path in whole.iterdir()}
    code, err = train(
        capfd, "--resume", "whole", "--seed", "5", "--preset", "small", "--levels", "3", "1",
        "--float-weights", "--rate-range", "50", "150", "--label-polarity", "cell-bright",
        "--tuning-epochs", "1", "--start", "tiny-synthetic", "--boundary-width", "4",
    )  # fmt: skip
    assert code == 2
    first, *lines = err.splitlines()
    assert first.startswith("error: --resume whole: 9 options are not as the run was begun with; ")
    assert sorted(lines) == [
        "  --boundary-width 4: the run in whole has 2",
        "  --float-weights: the run in whole has none",
        "  --label-polarity cell-bright: the run in whole has auto",
        "  --levels 3 1: the run in whole has none",
        "  --preset small: the run in whole has tiny",
        "  --rate-range 50 150: the run in whole has 40 150",
        "  --seed 5: the run in whole has 4",
        "  --start tiny-synthetic: the run in whole has none",
        "  --tuning-epochs 1: the run in whole has 0",
    ]
    assert {path: path.read_bytes() for path in whole.iterdir()} == before


def test_one_clash_is_one_line(whole, capfd):
    line = refused(
        capfd, "--seed 5: the run in whole has 4; leave it out, or begin another run",
        "train", "--resume", "whole", "--seed", "5",
    )  # fmt: skip
    assert "problems" not in line


def test_what_was_begun_with_may_be_given_again(whole, capfd):
    before = (whole / STATE).read_bytes()
    # Also what was left to the preset.
    code, err = train(
        capfd, *OPTIONS, "--data", "data/em", "--resume", "whole", "--patience", "10",
        "--tuning-epochs", "0", "--learning-rate", "0.005", "--percentile", "99.5",
    )  # fmt: skip
    assert code == 0, err
    assert (whole / STATE).read_bytes() == before


def test_stages_that_clash_are_said_as_they_are_typed(place):
    begun = resuming.Begun(("--preset", "tiny", "--levels", "3", "--epochs", "6"), ".")

    def resumed(*typed):
        return resuming.options_to_resume(Path("run"), begun, typed)

    with pytest.raises(InputError, match="--stages 7:1 3:2: the run in run has 0:2 15:1 7:1 3:2;"):
        resumed("--stages", "7:1", "3:2")
    with pytest.raises(InputError, match="--epochs 7: the run in run has 6;"):
        resumed("--epochs", "7")
    assert resumed("--stages", "0:2", "15:1", "7:1", "3:2").stages is None


@pytest.fixture
def longer(monkeypatch):
    monkeypatch.setattr(stub_training, "LOSSES", (0.5, 0.6, 0.4, 0.3, 0.2))


def test_more_epochs_are_trained_and_remembered(whole, capfd, longer):
    code, err = train(capfd, "--resume", "whole", "--epochs", "5")
    assert code == 0, err
    assert len(json.loads((whole / HISTORY).read_text())) == 5
    code, err = train(capfd, "--resume", "whole")
    assert code == 0 and "epoch   6" not in err, err
    refused(capfd, "--epochs 4: the run in whole has 5 already", "train", "--resume", "whole",
            "--epochs", "4")  # fmt: skip


def test_data_that_have_moved_are_given_anew_once(whole, place, capfd, longer):
    (place / "data").rename(place / "moved")
    refused(capfd, "data/em: ", "train", "--resume", "whole", "--epochs", "4", "--quiet")
    os.chdir(place / "moved")
    code, err = train(capfd, "--resume", "../whole", "--data", "em", "--epochs", "4")
    assert code == 0, err
    os.chdir(place)
    code, err = train(capfd, "--resume", "whole", "--epochs", "5")
    assert code == 0, err
    assert str(place) not in (whole / BEGUN).read_text()


def test_other_data_are_refused_by_name(whole, place, capfd):
    images = tifffile.imread(place / "data" / "em" / "train-volume.tif")
    labels = tifffile.imread(place / "data" / "em" / "train-labels.tif")
    images[3, 5, 7] ^= 1
    write_stack(place / "other", images, labels)
    before = {path: path.read_bytes() for path in whole.iterdir()}
    refused(
        capfd, "whole: was trained on other data than other (digest ", "train", "--resume", "whole",
        "--data", "other", "--quiet",
    )  # fmt: skip
    assert {path: path.read_bytes() for path in whole.iterdir()} == before


def test_what_is_remembered_does_not_grow(whole, capfd, longer):
    before = (whole / BEGUN).read_bytes()
    for more in ([], ["--data", "data/em", "--epochs", "3"]):
        code, err = train(capfd, "--resume", "whole", *more)
        assert code == 0, err
        assert (whole / BEGUN).read_bytes() == before


def test_a_run_of_an_earlier_version_goes_on_with_all_its_options(whole, capfd, longer):
    (whole / BEGUN).unlink()
    refused(capfd, "whole: nothing to resume from (no config.json", "train", "--resume", "whole")
    refused(
        capfd, "another configuration (network, seed)", "train", "--preset", "tiny", "--epochs",
        "3", "--data", "data/em", "--out", "whole", "--resume", "--quiet",
    )  # fmt: skip
    assert not (whole / BEGUN).exists()
    code, err = train(capfd, *OPTIONS, "--data", "data/em", "--out", "whole", "--resume")
    assert code == 0, err
    code, err = train(capfd, "--resume", "whole", "--epochs", "4")
    assert code == 0, err


def test_a_configuration_that_is_not_the_training_s_is_refused(whole, capfd):
    text = (whole / BEGUN).read_text()
    (whole / BEGUN).write_text(text.replace('"40"', '"50"'))
    refused(capfd, "whole: was trained with another configuration (network)", "train", "--resume",
            "whole", "--quiet")  # fmt: skip
    (whole / BEGUN).write_text(text.replace("--seed", "--sowed"))
    refused(
        capfd, "whole/config.json: unrecognized arguments: --sowed", "train", "--resume", "whole"
    )
    (whole / BEGUN).write_text("{}")
    refused(capfd, "whole/config.json: does not say what the training was begun with", "train",
            "--resume", "whole")  # fmt: skip


def test_two_folders_are_refused(capfd, place):
    refused(capfd, "a run goes on in its own folder", "train", "--resume", "a", "--out", "b")
    assert not (place / "a").exists() and not (place / "b").exists()


def test_a_network_is_not_trained_over_where_its_state_is_gone(whole, capfd):
    (whole / STATE).unlink()
    refused(capfd, "nothing to resume from", "train", "--resume", "whole", "--quiet")


def test_what_it_started_from_may_be_gone(whole, place, capfd, longer):
    code, err = train(capfd, *OPTIONS, "--data", "data/em", "--start", "whole", "--out", "next")
    assert code == 0, err
    whole.rename(place / "away")
    code, err = train(capfd, "--resume", "next", "--epochs", "4")
    assert code == 0, err


def test_an_option_that_is_new_goes_on_and_clashes_by_itself(place, monkeypatch):
    def extended(*arguments, **how):
        found = parser(*arguments, **how)
        found.add_argument("--new-range", nargs=2, type=int, default=(1, 2))
        return found

    monkeypatch.setattr(resuming, "parser", extended)
    begun = resuming.Begun(("--new-range", "3", "4", "--data", "em"), ".")
    options = resuming.options_to_resume(place, begun, ["--resume", "--new-range", "3", "4"])
    assert options.new_range == [3, 4] and options.data == "em"
    with pytest.raises(InputError, match=r"--new-range 1 2: the run in .* has 3 4"):
        resuming.options_to_resume(place, begun, ["--resume", "--new-range", "1", "2"])
    usual = resuming.Begun((), ".")
    assert resuming.options_to_resume(place, usual, ["--new-range", "1", "2"]).new_range == (1, 2)


def test_no_labels_is_said_before_tensorflow_starts(tmp_path):
    stack = synthetic_stack(6, (128, 128))
    tifffile.imwrite(tmp_path / "stack.tif", stack.images, photometric="minisblack")
    code = (
        "import sys\n"
        "from loihiseg.errors import InputError\n"
        "from loihiseg.train import main\n"
        "try:\n    main(['--preset', 'tiny', '--data', 'stack.tif', '--quiet'])\n"
        "except InputError as error:\n    print(error)\n"
        "heavy = {'tensorflow', 'keras', 'nengo', 'numba', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert found.stdout == "stack.tif: has no labels to train on; give labels\n"


def soft(path, value=0.5):
    np.save(path, np.full((6, 128, 128), value, np.float32))


def test_soft_labels_are_found_again_when_it_goes_on(place, capfd, monkeypatch):
    soft("data/one.npy", 0.2)
    soft("data/other.npy", 0.4)
    asked = ("--soft-labels", "data/one.npy", "data/other.npy", "--average", "0.9")
    code, err = train(capfd, *OPTIONS, *asked, "--data", "data/em", "--out", "whole")
    assert code == 0, err
    stopped_in(monkeypatch, 2)
    code, err = train(capfd, *OPTIONS, *asked, "--data", "data/em", "--out", "run")
    assert code == 130
    monkeypatch.chdir(place / "data")
    code, err = train(capfd, "--resume", "../run")
    assert code == 0, err
    same(place / "run", place / "whole")
    config = load_checkpoint(place / "run").info.config
    assert config.objective.soft_share == 0.9 and len(config.objective.soft_labels) == 64
    assert config.average == 0.9


def test_other_soft_labels_are_not_gone_on_with(place, capfd, monkeypatch):
    soft("map.npy", 0.2)
    asked = ("--soft-labels", "map.npy", "--data", "data/em", "--out", "run")
    stopped_in(monkeypatch, 2)
    assert train(capfd, *OPTIONS, *asked)[0] == 130
    soft("map.npy", 0.3)
    code, err = train(capfd, "--resume", "run")
    assert code == 2 and "another configuration (objective)" in err


@pytest.mark.parametrize(
    "options, said",
    [
        (("--soft-share", "0.5"), "--soft-share: is for training with --soft-labels"),
        (("--soft-labels", "none.npy"), "none.npy"),
        (("--soft-labels", "small.npy"), r"small.npy: a map of shape (2, 8, 8), the stack has"),
        (("--average", "1"), "--average"),
        (("--dice-weight", "-1"), "--dice-weight"),
    ],
)
def test_what_cannot_be_learned_is_refused(place, capfd, options, said):
    np.save("small.npy", np.zeros((2, 8, 8), np.float32))
    code, err = train(capfd, *OPTIONS, *options, "--data", "data/em", "--out", "run")
    assert code == 2 and said in err
    assert not (place / "run").exists() or not list((place / "run").iterdir())
