"""A trained network as a deployment takes it: a checkpoint of ours, or a Keras file."""

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from loihiseg.compilation.options import AUTO
from loihiseg.compilation.over_time import chip_form
from loihiseg.compilation.tasks import (
    KerasModel,
    named_task,
    refuse_layers,
    task_of_file,
    task_of_model,
)
from loihiseg.conversion.host_graph import upsampled
from loihiseg.conversion.keras_file import layer_kinds
from loihiseg.conversion.task import membrane_only
from loihiseg.data.moving import Offset
from loihiseg.data.record import DataRecord
from loihiseg.data.resampling import Plane
from loihiseg.data.stack import Stack
from loihiseg.errors import InputError, Option, OptionError
from loihiseg.network.logits import to_logits
from loihiseg.results.task import Kind, Task
from loihiseg.training import shipped
from loihiseg.training.checkpoint import (
    Checkpoint,
    CheckpointInfo,
    load_checkpoint,
    set_model_weights,
)

if TYPE_CHECKING:
    from loihiseg.compilation.deployed import DeployedNetwork

Source = tuple[Path, Checkpoint | None]
"""What was read of a trained network: its path, and the checkpoint if it is one of ours."""

IN_MEMORY = "a model in memory"
"""What stands for the path of a network that was read from none."""


KERAS_SUFFIXES = (".h5", ".hdf5", ".keras")


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network ready to be converted.

    Attributes
    ----------
    model : tf.keras.Model
        Images to a map, or to classes.
    threshold : float or None
        Probability from which a pixel is membrane; None to be chosen on the validation sections.
    source : str
        Path of the checkpoint or model.
    info : loihiseg.training.checkpoint.CheckpointInfo or None
    """

    model: KerasModel
    threshold: float | None
    source: str
    info: CheckpointInfo | None

    @property
    def tile(self) -> int:
        """Rows of the input; of tiles, which are square, columns too."""
        return self.task.input_shape[0]

    @property
    def task(self) -> Task:
        """What it is for, as its shapes say."""
        return task_of_model(self.model, self.source, neighbours=self.neighbours)

    @property
    def neighbours(self) -> int:
        """Sections that it sees on either side of one; a Keras file does not say, and sees none."""
        return 0 if self.info is None else self.info.config.network.neighbours


TrainedNetwork = Source | Network
"""A trained network as `loihiseg.compilation.compile.prepare` takes it: read, or in memory."""


def trained_network(network: str | PathLike[str] | KerasModel) -> TrainedNetwork:
    """A trained network, wherever it is.

    Parameters
    ----------
    network : path-like or tf.keras.Model
        Path of a checkpoint or of an .h5 or .keras file, name of a network that comes with the
        package, or a model of the Keras that is `loihiseg.frameworks.tf.keras`.

    Returns
    -------
    TrainedNetwork

    Raises
    ------
    InputError
        If there is none, or its input and output have the shapes of no task.
    """
    if isinstance(network, str | PathLike):
        return read_network(shipped.resolve(str(network), None))
    from loihiseg.frameworks import tf

    if not isinstance(network, tf.keras.Model):
        kind = type(network)
        raise OptionError(
            Option("network"), f": {kind.__module__}.{kind.__qualname__} is none; expected a path, "
            f"one of {', '.join(shipped.names())}, or a tf.keras.Model of loihiseg.frameworks.tf "
            "(another Keras' model can be saved as .keras and given as a path)",
        )  # fmt: skip
    task_of_model(network, IN_MEMORY)
    return Network(network, None, IN_MEMORY, None)


def trained_on(network: TrainedNetwork) -> DataRecord | None:
    """What a network was trained on, where that is known."""
    if isinstance(network, Network):
        return network.info.data if network.info else None
    _, checkpoint = network
    return checkpoint.info.data if checkpoint else None


def neighbours_of(network: "TrainedNetwork | DeployedNetwork") -> int:
    """Sections that a network sees on either side of one."""
    if not isinstance(network, tuple):
        return network.neighbours
    _, checkpoint = network
    return checkpoint.info.config.network.neighbours if checkpoint else 0


def pixel_nm_of(network: "TrainedNetwork | DeployedNetwork") -> Plane | None:
    """Nanometres between rows and columns that a network was trained on, where that is known."""
    known = _data_of(network)
    return None if known is None else known.pixel_nm


def label_offset_of(network: "TrainedNetwork | DeployedNetwork") -> Offset | None:
    """By which images are moved for a network, as those that it was trained on; None for not."""
    known = _data_of(network)
    return None if known is None else known.label_offset_px


def _data_of(network: "TrainedNetwork | DeployedNetwork") -> DataRecord | None:
    from loihiseg.compilation.deployed import DeployedNetwork

    return network.trained_on if isinstance(network, DeployedNetwork) else trained_on(network)


def seen_by(network: "TrainedNetwork | DeployedNetwork", stack: Stack) -> Stack:
    """A stack for a network: images moved as those it was trained on, with the sections around."""
    return stack.moved(label_offset_of(network)).seeing(neighbours_of(network))


def check_tile(network: TrainedNetwork, tile: int | str | None) -> None:
    """Refuse a tile that a network cannot have; "auto" and None are open.

    Raises
    ------
    OptionError
    """
    if tile is None:
        return
    path, checkpoint = (
        (network.source, None) if isinstance(network, Network) else (str(network[0]), network[1])
    )
    name = Option("tile")
    if checkpoint is None:
        raise OptionError(
            name, f"{' auto' * (tile == AUTO)}: {path} is a Keras model, whose input has a size of "
            "its own; save it with the input you want",
        )  # fmt: skip
    multiple = checkpoint.info.config.network.multiple
    if tile != AUTO and (int(tile) < 1 or int(tile) % multiple):
        raise OptionError(name, f" {tile}: must be a multiple of {multiple}, above 0")


def known_tile(network: TrainedNetwork, tile: int | str | None) -> int | None:
    """Rows and columns of the input, where they are known without building the network."""
    if isinstance(network, Network):
        return network.tile
    _, checkpoint = network
    if tile == AUTO or checkpoint is None:
        return None
    return checkpoint.info.config.network.tile if tile is None else int(tile)


def load_network(path: str | PathLike[str]) -> Network:
    """Load a checkpoint folder, or a Keras model from an .h5 or .keras file.

    Raises
    ------
    InputError
        If it cannot be read, or gives no map of membrane.
    """
    source = read_network(path)
    check_membrane(source)
    return build_network(source)


def read_network(path: str | PathLike[str]) -> Source:
    """What `build_network` takes; a checkpoint is read and checked without TensorFlow.

    Raises
    ------
    InputError
        If there is no Keras model, or no whole checkpoint.
    """
    path = Path(path)
    if path.suffix in KERAS_SUFFIXES:
        if not path.is_file():
            raise InputError(f"{path}: no such Keras model; expected an .h5 or .keras file")
        return path, None
    return path, load_checkpoint(path)


def is_quantized(path: str | PathLike[str]) -> bool:
    """Whether a checkpoint or Keras model has activations of levels; False if it cannot be read.

    Neither is loaded: no TensorFlow is needed.
    """
    try:
        found, checkpoint = read_network(path)
        if checkpoint is None:
            return "QuantizedReLU" in layer_kinds(found)
    except InputError:
        return False
    return any(checkpoint.info.config.network.layer_levels.values())


def build_network(source: Source, tile: int | None = None) -> Network:
    """The network of what `read_network` returned.

    Parameters
    ----------
    source : tuple
    tile : int, optional
        Rows and columns of its input, of which the weights do not depend; by default those it was
        trained for.

    Raises
    ------
    InputError
        If it is no U-Net of such a size, or its input and output have the shapes of no task.
    """
    check_tile(source, tile)
    path, checkpoint = source
    if checkpoint is None:
        from loihiseg.conversion.keras_file import load_keras_model

        try:
            model = load_keras_model(path)
        except InputError:
            refuse_layers(path)
            raise
        task_of_model(model, str(path))
        return Network(model, None, str(path), None)
    from loihiseg.network.unet import build_unet

    config = checkpoint.info.config.network
    time = checkpoint.info.config.time
    model = build_unet(config, tile) if time is None else chip_form(checkpoint, time, tile)
    if time is None:
        set_model_weights(model, checkpoint.weights)
    return Network(model, checkpoint.info.threshold, str(path), checkpoint.info)


def is_over_time(path: str | PathLike[str]) -> bool:
    """Whether a checkpoint was trained through time; False if it cannot be read."""
    try:
        _, checkpoint = read_network(path)
    except InputError:
        return False
    return checkpoint is not None and checkpoint.info.config.time is not None


def task_of_network(network: "TrainedNetwork | DeployedNetwork", asked: Kind | None = None) -> Task:
    """What a network is for.

    A file is not built, and no framework is imported.

    Parameters
    ----------
    network : TrainedNetwork or DeployedNetwork
    asked : str, optional
        What it has to be.

    Raises
    ------
    InputError
        If it cannot be read, has the shapes of no task, or not those of the one asked for.
    """
    from loihiseg.compilation.deployed import DeployedNetwork

    if isinstance(network, DeployedNetwork):
        own = network.task
        return named_task(
            network.provenance.source,
            network.network.inputs,
            own.output_shape,
            asked,
            network.neighbours,
        )
    if isinstance(network, Network):
        return task_of_model(network.model, network.source, asked, network.neighbours)
    path, checkpoint = network
    if checkpoint is not None:
        config = checkpoint.info.config.network
        tile, inputs = config.tile, {"pixels": (config.tile, config.tile, config.n_inputs)}
        return named_task(str(path), inputs, (tile, tile, 1), asked, config.neighbours)
    try:
        return task_of_file(path, asked)
    except InputError:
        refuse_layers(path)
        raise


def check_membrane(network: "TrainedNetwork | DeployedNetwork") -> None:
    """Refuse a network that gives classes where maps of membrane are needed.

    Raises
    ------
    InputError
    """
    membrane_only(task_of_network(network))


def predictor(model: KerasModel) -> Callable[[np.ndarray], np.ndarray]:
    """A function from (n, tile, tile, channels) pixels to (n, tile, tile, 1) logits.

    An output that went through a sigmoid is turned back into logits; one of lower resolution than
    the pixels is upsampled bilinearly.
    """
    is_probability = ends_in_sigmoid(model)
    tile = int(model.inputs[0].shape[1])

    def predict(pixels: np.ndarray) -> np.ndarray:
        output = model.predict(pixels, verbose=0)
        return upsampled(to_logits(output, is_probability), tile, tile)

    return predict


def ends_in_sigmoid(model: KerasModel) -> bool:
    """Whether a network's output is a probability."""
    tensor = model.outputs[0]
    while type(tensor.node.layer).__name__ in ("UpSampling2D", "Cropping2D", "Dropout"):
        tensor = tensor.node.keras_inputs[0]
    activation = getattr(tensor.node.layer, "activation", None)
    return getattr(activation, "__name__", "") == "sigmoid"
