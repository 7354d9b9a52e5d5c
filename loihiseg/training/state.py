"""Where a training stands, as files of its folder: what it resumes from, and its history.

::

    training_state.npz   line 1: "loihiseg-training-state", the format's number, SHA-256 of the
                         rest; which is an archive of the weights, their mean where one is
                         kept, the optimizer's variables, and as JSON the history and what the run
                         is of
    history.json         the history once more, to be looked at
    history.csv          the same as a table, a row for each epoch

Format 1, the archive without its line, is still read. Free of TensorFlow.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from loihiseg.data.record import PixelRecord
from loihiseg.errors import OUT, RESUME, InputError, Option, OptionError
from loihiseg.files import write_bytes, write_json
from loihiseg.metrics.levels import LayerLevels
from loihiseg.metrics.rates import LayerRates
from loihiseg.storage.arrays import pack_arrays, unpack
from loihiseg.storage.fields import check_known
from loihiseg.storage.ranges import Amount, Count, Name, Number, Positive, Share
from loihiseg.storage.schema import check_names, check_range
from loihiseg.storage.seal import seal, unseal
from loihiseg.training.checkpoint import check_weights
from loihiseg.training.history_table import history_csv
from loihiseg.training.phases import shapes_at
from loihiseg.training.presets import TrainingConfig
from partition.storage.files import read_bytes
from partition.storage.strict_json import decode, in_one_line

T = TypeVar("T")

STATE_FILE = "training_state.npz"
HISTORY_FILE = "history.json"
TABLE_FILE = "history.csv"

WORD = "loihiseg-training-state"
FORMAT = 2

MOST_STATE_BYTES = 2**30
MOST_HISTORY_BYTES = 2**26
MOST_OPTIMIZER = 1e30
"""Largest magnitude of a variable of the optimizer."""

START_AFRESH = ("choose another ", OUT, " and train without ", RESUME)
"""Remedy for a folder that a training cannot go on in, in parts of an `OptionError`."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to. Losses are of training crops; scores of the validation sections.

    Layers have firing rates or levels, or neither where they are ideal. Phases, in which the same
    network is trained, are counted from 0. ``rate_loss`` is that of firing rates, of synaptic
    events, and of what else an objective asks for. ``events_per_mac`` is what
    `loihiseg.network.events` counts of a network of levels, and `loihiseg.through_time.events` of
    one over time, which has neither rates nor levels.
    """

    epoch: Positive
    loss: Number
    rate_loss: Number
    validation_loss: Number
    accuracy: Share
    membrane_iou: Share
    threshold: Share
    rates: tuple[LayerRates, ...]
    levels: tuple[LayerLevels, ...] = ()
    phase: Count = 0
    events_per_mac: Amount = 0.0


@dataclass(frozen=True)
class Run:
    """What a state to resume from belongs to.

    ``pixel_nm`` is what the data were resampled to, or their own size of a pixel where they were
    not; None where that is not known.
    """

    config: TrainingConfig
    digest: Name
    pixel_nm: PixelRecord | None = None


@dataclass(frozen=True, eq=False)
class TrainingState:
    """Where a training stands after its last epoch.

    Attributes
    ----------
    weights : dict of str to numpy.ndarray
        float32, by name.
    optimizer : tuple of numpy.ndarray
        The optimizer's variables in their order.
    history : tuple of Epoch
    run : Run
    average : dict of str to numpy.ndarray
        The mean of the weights, as these; empty where none is kept.
    """

    weights: dict[str, np.ndarray]
    optimizer: tuple[np.ndarray, ...]
    history: tuple[Epoch, ...]
    run: Run
    average: dict[str, np.ndarray] = field(default_factory=dict)


def check_same_run(
    folder: Path, before: Run, config: TrainingConfig, digest: str, source: str
) -> None:
    """That a training goes on as it was begun; only that it lasts longer is let through.

    Parameters
    ----------
    folder : Path
    before : Run
        What the folder's state belongs to.
    config : TrainingConfig
    digest, source : str
        Of the stack, see `loihiseg.data.stack.Stack`.

    Raises
    ------
    InputError
        If the configuration is another, naming its values that are, or the data are.
    """
    if replace(before.config, epochs=config.epochs) != config:
        raise OptionError(
            f"{folder}: was trained with another configuration ({_differing(before.config, config)}"
            "); ", *START_AFRESH,
        )  # fmt: skip
    if before.digest != digest:
        raise OptionError(
            f"{folder}: was trained on other data than {source} (digest {before.digest[:8]}, not "
            f"{digest[:8]}); give those as ", Option("data"), ", or ", *START_AFRESH,
        )  # fmt: skip


def _differing(before: TrainingConfig, now: TrainingConfig) -> str:
    names = [
        one.name
        for one in fields(TrainingConfig)
        if one.name != "epochs" and getattr(before, one.name) != getattr(now, one.name)
    ]
    return ", ".join(names)


def save_state(folder: Path, state: TrainingState) -> None:
    """Write a state in one file, so that its parts agree, and its history for the eye.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    arrays = {f"weight/{name}": value for name, value in state.weights.items()}
    arrays |= {f"average/{name}": value for name, value in state.average.items()}
    arrays |= {f"optimizer/{index}": value for index, value in enumerate(state.optimizer)}
    rows = [asdict(epoch) for epoch in state.history]
    arrays["history"] = np.frombuffer(msgspec.json.encode(rows), np.uint8)
    arrays["run"] = np.frombuffer(msgspec.json.encode(state.run), np.uint8)
    write_bytes(folder / STATE_FILE, seal(WORD, FORMAT, pack_arrays(arrays)))
    save_history(folder, state.history)


def load_state(folder: Path) -> TrainingState:
    """Read the state of a folder back.

    Raises
    ------
    InputError
        If there is none, it is of another version, damaged, or holds what no training writes.
    """
    path = Path(folder) / STATE_FILE
    try:
        return _state(_body(read_bytes(path, MOST_STATE_BYTES)), path)
    except OSError as error:
        reason = error.strerror
    except (ValueError, InputError) as error:
        reason = str(error)
    raise OptionError(f"{path}: nothing to resume from ({reason}); ", *START_AFRESH)


def save_history(folder: Path, history: Sequence[Epoch]) -> None:
    """Write a history for the eye, and as a table.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    write_json(folder / HISTORY_FILE, [asdict(epoch) for epoch in history])
    write_bytes(folder / TABLE_FILE, history_csv(history).encode())


def read_history(folder: Path) -> list[Epoch]:
    """Epochs of the run in a folder.

    Raises
    ------
    InputError
        If there is none to be read.
    """
    path = Path(folder) / HISTORY_FILE
    try:
        return decode(read_bytes(path, MOST_HISTORY_BYTES), list[Epoch])
    except OSError as error:
        reason = error.strerror
    except ValueError as error:
        reason = str(error)
    raise OptionError(f"{path}: cannot be read ({reason}); go on with ", RESUME)


def finished_epochs(folder: Path) -> int:
    """Epochs of the run in a folder; 0 if there is none to be read."""
    try:
        return len(read_history(folder))
    except InputError:
        return 0


def _body(data: bytes) -> bytes:
    found = unseal(data, WORD)
    if found is None:
        return data
    if found.format != str(FORMAT):
        raise ValueError(
            f"format {in_one_line(found.format)}, this version reads formats 1 and {FORMAT}"
        )
    if not found.is_whole:
        raise ValueError("damaged: its SHA-256 differs")
    return found.body


def _state(body: bytes, path: Path) -> TrainingState:
    arrays, texts = unpack(body)
    check_names(texts, ())
    history = _decoded(arrays, "history", list[Epoch])
    run = _decoded(arrays, "run", Run)
    weights = _parts(arrays, "weight/")
    average = _parts(arrays, "average/")
    numbered = _parts(arrays, "optimizer/")
    check_names(numbered, [str(index) for index in range(len(numbered))])
    check_names(arrays, [])
    optimizer = tuple(numbered[str(index)] for index in range(len(numbered)))
    _check_history(history, run.config)
    shapes = shapes_at(run.config, len(history) - 1)
    check_weights(weights, shapes, path)
    if average or run.config.average:
        check_weights(average, shapes, path)
    _check_optimizer(optimizer)
    return TrainingState(weights, optimizer, tuple(history), run, average)


def _decoded(arrays: dict[str, np.ndarray], name: str, kind: type[T]) -> T:
    if name not in arrays:
        raise ValueError(f"array {name} is missing")
    array = arrays.pop(name)
    if array.dtype != np.uint8 or array.ndim != 1 or len(array) > MOST_HISTORY_BYTES:
        raise ValueError(f"array {name} is no text of at most {MOST_HISTORY_BYTES:,} bytes")
    text = array.tobytes()
    try:
        decoded = decode(text, kind)
        check_known(text, decoded)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return decoded


def _parts(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Take the arrays whose names begin so, by the rest of their names."""
    names = [name for name in arrays if name.startswith(prefix)]
    return {name.removeprefix(prefix): arrays.pop(name) for name in names}


def _check_history(history: list[Epoch], config: TrainingConfig) -> None:
    if not 1 <= len(history) <= config.epochs:
        raise ValueError(f"history of {len(history)} epochs, expected 1 to {config.epochs}")
    for number, epoch in enumerate(history, 1):
        if epoch.epoch != number:
            raise ValueError(f"history: epoch {epoch.epoch} in place {number}")


def _check_optimizer(optimizer: tuple[np.ndarray, ...]) -> None:
    for index, values in enumerate(optimizer):
        if values.dtype.kind not in "fi":
            raise ValueError(f"array optimizer/{index} has type {values.dtype}, expected numbers")
        least = 0 if values.dtype.kind == "i" else -MOST_OPTIMIZER
        check_range(f"optimizer/{index}", values, least, MOST_OPTIMIZER)
