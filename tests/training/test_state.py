"""A training's state comes back as it was written, or is refused in one line."""

import json
import subprocess
import sys

import msgspec
import numpy as np
import pytest

from loihiseg.errors import InputError
from loihiseg.storage.arrays import pack_arrays, unpack_arrays
from loihiseg.storage.seal import seal
from loihiseg.training.state import (
    FORMAT,
    HISTORY_FILE,
    STATE_FILE,
    WORD,
    finished_epochs,
    load_state,
)
from tests.formats import FORMATS


@pytest.fixture
def path(tmp_path):
    return FORMATS["state"].example(tmp_path)


def refused(path, says):
    with pytest.raises(InputError, match=says) as error:
        load_state(path.parent)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"{path}: nothing to resume from (")
    assert str(error.value).endswith("choose another output folder and train without resuming")


def rewritten(path, change):
    """Change the arrays of a state, its digest made right again."""
    arrays = unpack_arrays(path.read_bytes().partition(b"\n")[2])
    change(arrays)
    path.write_bytes(seal(WORD, FORMAT, pack_arrays(arrays)))


def told(name, change):
    """Change what an array says as JSON."""

    def change_arrays(arrays):
        value = change(json.loads(arrays[name].tobytes()))
        arrays[name] = np.frombuffer(json.dumps(value).encode(), np.uint8)

    return change_arrays


def test_round_trip(path):
    state = load_state(path.parent)
    assert [epoch.epoch for epoch in state.history] == [1, 2]
    assert state.optimizer[0] == 200 and len(state.optimizer) == 1 + 2 * len(state.weights)
    # The same as the file beside it.
    rows = json.loads((path.parent / HISTORY_FILE).read_text())
    assert rows == json.loads(msgspec.json.encode(state.history))


def test_format_1_is_read(path):
    path.write_bytes(path.read_bytes().partition(b"\n")[2])
    assert len(load_state(path.parent).history) == 2


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda a: a.pop("run"), "array run is missing"),
        (lambda a: a.pop("history"), "array history is missing"),
        (lambda a: a.update(more=np.zeros(1)), "'more' is none of this format"),
        (lambda a: a.pop("optimizer/1"), "array 1 is missing"),
        (lambda a: a.update({"optimizer/0": np.array(-1)}), "optimizer/0: .* is -1"),
        (lambda a: a.update({"optimizer/1": np.array(np.nan)}), "optimizer/1: .* is nan"),
        (lambda a: a.update({"optimizer/1": np.array(True)}), "has type bool"),
        (lambda a: a.pop("weight/stem/bias:0"), "stem/bias:0 .* no such weight"),
        (lambda a: a.update({"weight/stem/bias:0": np.full(2, np.nan, "f4")}), "is nan"),
        (lambda a: a.update(history=np.zeros(3)), "history is no text"),
        (told("history", lambda rows: []), "history of 0 epochs, expected 1 to 3"),
        (told("history", lambda rows: rows * 2), "history of 4 epochs"),
        (told("history", lambda rows: rows[::-1]), "epoch 2 in place 1"),
        (told("history", lambda rows: [{**rows[0], "accuracy": 2}]), "history: .*accuracy"),
        (told("history", lambda rows: [{**rows[0], "acuracy": 1}]), "acuracy"),
        (told("run", lambda run: {**run, "digest": 3}), "run: "),
        (told("run", lambda run: {**run, "config": {**run["config"], "epochs": 0}}), "epochs"),
        (told("run", lambda run: {**run, "config": {**run["config"], "sed": 0}}), "sed"),
    ],
)
def test_damage_under_a_right_digest(path, change, says):
    rewritten(path, change)
    refused(path, says)


def test_another_format(path):
    path.write_bytes(seal(WORD, 99, b""))
    refused(path, "format 99, this version reads formats 1 and 2")


def test_changed_byte(path):
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    refused(path, "its SHA-256 differs")


@pytest.mark.parametrize(
    "data", [b"", b"[", b"[1]", b"[{}]", b"3", b"[" * 10**6, b'[{"epoch": ' + b"9" * 400 + b"}]"]
)
def test_history_that_cannot_be_read_counts_for_nothing(tmp_path, data):
    (tmp_path / HISTORY_FILE).write_bytes(data)
    assert finished_epochs(tmp_path) == 0


def test_finished_epochs(path, tmp_path_factory):
    assert finished_epochs(path.parent) == 2
    assert finished_epochs(tmp_path_factory.mktemp("empty")) == 0


def test_loading_needs_no_tensorflow(path):
    code = (
        "import sys; from loihiseg.training.state import load_state; "
        f"load_state({str(path.parent)!r}); "
        "assert not {'tensorflow', 'nengo_loihi', 'nengo'} & set(sys.modules)"
    )
    assert path.name == STATE_FILE
    subprocess.run([sys.executable, "-c", code], check=True)
