"""The trained network on disk: a folder with its configuration, weights and where they came from.

::

    checkpoint.json           configuration, split, seed, versions, metrics; digest of the weights
    weights-<digest>.npz      one array per weight, by name; no pickle

The weights' name carries their digest, and they are there before the JSON file that names them and
go after it, so a kill or a power cut at any moment leaves a whole checkpoint behind.
"""

from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np

from loihiseg.data.record import DataRecord
from loihiseg.errors import InputError
from loihiseg.files import remove, sha256, write_bytes, write_json
from loihiseg.storage.arrays import pack_arrays, unpack_arrays
from loihiseg.storage.fields import check_known
from loihiseg.storage.ranges import Count, Name, Number, Positive, Share
from loihiseg.storage.schema import check_range
from loihiseg.training.phases import shapes_at
from loihiseg.training.presets import TrainingConfig
from partition.storage.files import read_bytes
from partition.storage.strict_json import decode, in_one_line, peek, sealed

if TYPE_CHECKING:
    from loihiseg.frameworks import tf

FORMAT = 2
"""Version of the layout. Format 1, whose description has no digest of its own, is read too."""

FILE_NAME = "checkpoint.json"
SAVED_MODEL = "saved_model.pb"
"""What TensorFlow's own format has in its folder."""

MOST_DESCRIPTION_BYTES = 2**20
MOST_WEIGHTS_BYTES = 2**28
"""Of the two files."""

MOST_WEIGHT = 1e9
"""Largest magnitude of a weight."""

_DIGEST = "digest"


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
    threshold: Share
    epoch: Positive
    metrics: Annotated[dict[Name, Number], msgspec.Meta(max_length=100)]
    versions: Annotated[dict[Name, Name], msgspec.Meta(max_length=100)] = field(
        default_factory=dict
    )


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint in memory: its description and its weights by name."""

    info: CheckpointInfo
    weights: dict[str, np.ndarray]


class _Kind(msgspec.Struct):
    """What a description says of itself."""

    format: Any = None


@dataclass(frozen=True)
class _Description(CheckpointInfo):
    """The whole of `FILE_NAME`."""

    format: Count = FORMAT
    weights: Annotated[str, msgspec.Meta(pattern="^weights-[0-9a-f]{12}[.]npz$")] = ""
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] = ""
    digest: str = ""


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
    weights_name = _weights_name(digest)
    write_bytes(folder / weights_name, data)
    document = {"format": FORMAT, "weights": weights_name, "sha256": digest}
    write_json(folder / FILE_NAME, sealed(document | asdict(checkpoint.info), _DIGEST))
    remove_old_weights(folder)


def remove_old_weights(folder: Path) -> None:
    """Remove weights that the description does not name; a kill may have left some.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    folder = Path(folder)
    description = read_bytes(folder / FILE_NAME, MOST_DESCRIPTION_BYTES)
    named = msgspec.json.decode(description, type=dict)["weights"]
    for old in folder.glob("weights-*.npz"):
        if old.name != named:
            remove(old)


def load_checkpoint(folder: str | PathLike[str]) -> Checkpoint:
    """Read a checkpoint back; also while a training replaces it.

    Raises
    ------
    InputError
        If there is none, it is of another version, or it is damaged, or holds what no training
        writes: a value out of range, weights of another network; names the file.
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


def _written(folder: Path) -> tuple[int, int] | None:
    """What changes whenever the description is replaced; None if there is none."""
    try:
        status = (folder / FILE_NAME).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _load(folder: Path) -> Checkpoint:
    path = folder / FILE_NAME
    try:
        text = read_bytes(path, MOST_DESCRIPTION_BYTES)
    except OSError as error:
        if (folder / SAVED_MODEL).is_file():
            raise InputError(
                f"{folder}: a SavedModel, which holds TensorFlow's operations and no layers to "
                "rebuild; save the Keras model as .keras or .h5, by model.save('model.keras')"
            ) from None
        raise InputError(
            f"{folder}: not a checkpoint (no readable {FILE_NAME}: {error.strerror}); "
            "make one with python -m loihiseg.train, or give a Keras model, a file whose name ends "
            "in .keras or .h5"
        ) from None
    description = _description(text, path)
    weights_path = folder / description.weights
    try:
        data = read_bytes(weights_path, MOST_WEIGHTS_BYTES)
    except OSError as error:
        raise InputError(
            f"{weights_path}: damaged checkpoint ({error.strerror}); copy or train it again"
        ) from None
    if sha256(data) != description.sha256:
        raise InputError(
            f"{weights_path}: damaged checkpoint (its SHA-256 differs from {FILE_NAME}); "
            "copy or train it again"
        )
    values = {name: getattr(description, name) for name in CheckpointInfo.__dataclass_fields__}
    try:
        weights = unpack_arrays(data)
    except ValueError as error:
        raise InputError(f"{weights_path}: damaged checkpoint ({error}); train it again") from None
    info = CheckpointInfo(**values)
    check_weights(weights, shapes_at(info.config, info.epoch - 1), weights_path)
    return Checkpoint(info, weights)


def check_weights(
    weights: dict[str, np.ndarray],
    shapes: dict[str, tuple[int, ...]],
    path: str | PathLike[str],
) -> None:
    """That weights are those of a network: their names, shapes, kind of numbers, and finite.

    Parameters
    ----------
    weights : dict of str to numpy.ndarray
    shapes : dict of str to tuple of int
        Of the network's, by name.
    path : path-like
        What messages name.

    Raises
    ------
    InputError
    """
    for name, shape in shapes.items():
        value = weights.get(name)
        if value is None or value.shape != shape or value.dtype != np.float32:
            found = "no such weight" if value is None else f"shape {value.shape}, {value.dtype}"
            raise InputError(
                f"{path}: checkpoint does not fit its configuration: {name} of shape {shape} "
                f"expected, found {found}; train it again"
            )
    for name in weights:
        if name not in shapes:
            raise InputError(
                f"{path}: checkpoint does not fit its configuration: {in_one_line(name)} is no "
                "weight of its network; train it again"
            )
    try:
        for name, value in weights.items():
            least = 0.0 if name.endswith("/moving_variance:0") else -MOST_WEIGHT
            check_range(name, value, least, MOST_WEIGHT)
    except ValueError as error:
        raise InputError(f"{path}: damaged checkpoint ({error}); train it again") from None


def _description(text: bytes, path: Path) -> _Description:
    try:
        found = peek(text, _Kind).format
        if found not in (1, FORMAT) or isinstance(found, bool | float):
            raise InputError(
                f"{path}: checkpoint format {in_one_line(found)}, this version reads formats 1 and "
                f"{FORMAT}; train it again or use the version that wrote it"
            )
        description = decode(text, _Description, _DIGEST if found == FORMAT else None)
        check_known(text, description, unless={_DIGEST} if found == 1 else set())
        _check_description(description)
        return description
    except ValueError as error:
        raise InputError(f"{path}: damaged checkpoint ({error}); train it again") from None
    except InputError as error:
        # What a configuration says of itself does not name the file.
        if str(error).startswith(str(path)):
            raise
        raise InputError(f"{path}: damaged checkpoint ({error}); train it again") from None


def _check_description(description: _Description) -> None:
    config, split = description.config, description.data.split
    for name in ("train", "validation", "test"):
        first, last = getattr(split, name)
        if first >= last:
            raise ValueError(f"{name} sections from {first} to before {last}")
        if split.bands is not None:
            top, bottom = getattr(split.bands, name)
            if top >= bottom:
                raise ValueError(f"{name} rows from {top} to before {bottom}")
    if config.tuning_epochs > config.epochs:
        raise ValueError(f"{config.tuning_epochs} tuning epochs of {config.epochs}")
    if description.epoch > config.epochs:
        raise ValueError(f"epoch {description.epoch} of {config.epochs}")
    if config.network.rates.low_hz > config.network.rates.high_hz:
        raise ValueError("firing rates from high to low")
    if config.time is not None:
        shapes_at(config, description.epoch - 1)
    if description.weights != _weights_name(description.sha256):
        raise ValueError(f"weights file {description.weights} is not named after its digest")


def _weights_name(digest: str) -> str:
    return f"weights-{digest[:12]}.npz"


def model_weights(model: "tf.keras.Model") -> dict[str, np.ndarray]:
    """Weights of a Keras model by name."""
    return {weight.name: weight.numpy() for weight in model.weights}


def set_model_weights(model: "tf.keras.Model", weights: dict[str, np.ndarray]) -> None:
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
