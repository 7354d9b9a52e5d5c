"""The trained network on disk: a folder with its configuration, weights and where they came from.

::

    checkpoint.json           configuration, split, seed, versions, metrics; digest of the weights
    weights-<digest>.npz      one array per weight, by name; no pickle

The weights' name carries their digest, and they are there before the JSON file that names them and
go after it, so a kill or a power cut at any moment leaves a whole checkpoint behind.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from loihiseg.errors import InputError
from loihiseg.files import pack_arrays, remove, sha256, unpack_arrays, write_bytes, write_json
from loihiseg.network.presets import TrainingConfig

FORMAT = 1
"""Version of the layout. A reader refuses any other."""

FILE_NAME = "checkpoint.json"

STATE_FILE = "training_state.npz"
"""What a training goes on from, in the same folder; see `loihiseg.training`."""


@dataclass(frozen=True)
class SplitRecord:
    """First and one past the last section of each part, numbered within the stack.

    Where the other parts lie inside the training sections, as in a fold, they are not among them.
    """

    train: tuple[int, int]
    validation: tuple[int, int]
    test: tuple[int, int]

    @property
    def train_sections(self) -> tuple[int, ...]:
        """Sections that were trained on."""
        held_out = {*range(*self.validation), *range(*self.test)}
        return tuple(z for z in range(*self.train) if z not in held_out)


@dataclass(frozen=True)
class DataRecord:
    """What the network was trained on."""

    source: str
    digest: str
    polarity: str
    split: SplitRecord


@dataclass(frozen=True)
class CheckpointInfo:
    """Everything about a checkpoint but its weights.

    Attributes
    ----------
    config : TrainingConfig
    data : DataRecord
    threshold : float
        Probability of membrane from which a pixel is called membrane, chosen on the validation
        sections.
    epoch : int
        Epoch the weights come from, counted from 1.
    metrics : dict of str to float
        Of the validation sections, at that epoch.
    versions : dict of str to str
    """

    config: TrainingConfig
    data: DataRecord
    threshold: float
    epoch: int
    metrics: dict[str, float]
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint in memory: its description and its weights by name."""

    info: CheckpointInfo
    weights: dict[str, np.ndarray]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, replacing the one that is there.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    folder = Path(folder)
    data = pack_arrays(checkpoint.weights)
    digest = sha256(data)
    weights_name = f"weights-{digest[:12]}.npz"
    write_bytes(folder / weights_name, data)
    document = {"format": FORMAT, "weights": weights_name, "sha256": digest}
    write_json(folder / FILE_NAME, document | asdict(checkpoint.info))
    remove_old_weights(folder)


def remove_old_weights(folder: Path) -> None:
    """Remove weights that the description does not name; a kill may have left some.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    folder = Path(folder)
    named = msgspec.json.decode((folder / FILE_NAME).read_bytes(), type=dict)["weights"]
    for old in folder.glob("weights-*.npz"):
        if old.name != named:
            remove(old)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint back; also while a training replaces it.

    Raises
    ------
    InputError
        If there is none, it is of another version, or it is damaged; names the file.
    """
    folder = Path(folder)
    before = _written(folder)
    try:
        return _load(folder)
    except InputError:
        if _written(folder) == before:
            raise
    # The weights went with the description that named them; there are newer ones.
    return load_checkpoint(folder)


def _written(folder):
    """What changes whenever the description is replaced; None if there is none."""
    try:
        status = (folder / FILE_NAME).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _load(folder):
    path = folder / FILE_NAME
    try:
        text = path.read_bytes()
    except OSError:
        raise InputError(
            f"{folder}: not a checkpoint (no readable {FILE_NAME}); "
            "make one with python -m loihiseg.train"
        ) from None
    try:
        document = msgspec.json.decode(text, type=dict)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: damaged checkpoint ({error}); train it again") from None
    found = document.get("format")
    if found != FORMAT:
        raise InputError(
            f"{path}: checkpoint format {found}, this version reads format {FORMAT}; "
            "train it again or use the version that wrote it"
        )
    try:
        info = msgspec.convert(
            {k: v for k, v in document.items() if k not in ("format", "weights", "sha256")},
            CheckpointInfo,
        )
        weights_path = folder / Path(str(document["weights"])).name
        data = weights_path.read_bytes()
    except (InputError, KeyError, msgspec.ValidationError, OSError, ValueError) as error:
        raise InputError(f"{path}: damaged checkpoint ({error}); train it again") from None
    if sha256(data) != document.get("sha256"):
        raise InputError(
            f"{weights_path}: damaged checkpoint (its SHA-256 differs from {FILE_NAME}); "
            "copy or train it again"
        )
    try:
        return Checkpoint(info, unpack_arrays(data))
    except ValueError as error:
        raise InputError(f"{weights_path}: damaged checkpoint ({error}); train it again") from None


def model_weights(model) -> dict[str, np.ndarray]:
    """Weights of a Keras model by name."""
    return {weight.name: weight.numpy() for weight in model.weights}


def set_model_weights(model, weights: dict[str, np.ndarray]) -> None:
    """Put weights into a Keras model of the same layers.

    Raises
    ------
    InputError
        If a weight is missing or has another shape.
    """
    for variable in model.weights:
        value = weights.get(variable.name)
        if value is None or value.shape != tuple(variable.shape):
            found = "no such weight" if value is None else f"shape {value.shape}"
            raise InputError(
                f"checkpoint does not fit its configuration: {variable.name} of shape "
                f"{tuple(variable.shape)} expected, found {found}; train it again"
            )
        variable.assign(value)
