"""A trained network as a deployment takes it: a checkpoint of ours, or a Keras file."""

from dataclasses import dataclass
from pathlib import Path

from loihiseg.conversion.host_graph import upsampled
from loihiseg.conversion.keras_file import layer_kinds
from loihiseg.conversion.logits import to_logits
from loihiseg.errors import InputError
from loihiseg.training.checkpoint import Checkpoint, load_checkpoint, set_model_weights

Source = tuple[Path, Checkpoint | None]
"""What was read of a trained network: its path, and the checkpoint if it is one of ours."""

KERAS_SUFFIXES = (".h5", ".hdf5", ".keras")


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network ready to be converted.

    Attributes
    ----------
    model : tf.keras.Model
        (batch, tile, tile, 1) pixels to (batch, rows, columns, 1).
    threshold : float or None
        Probability from which a pixel is membrane; None to be chosen on the validation sections.
    source : str
        Path of the checkpoint or model.
    info : loihiseg.training.checkpoint.CheckpointInfo or None
    """

    model: object
    threshold: float | None
    source: str
    info: object | None

    @property
    def tile(self) -> int:
        """Rows and columns of the input."""
        return int(self.model.inputs[0].shape[1])


def load_network(path) -> Network:
    """Load a checkpoint folder, or a Keras model from an .h5 or .keras file.

    Raises
    ------
    InputError
        If it cannot be read, or its input or output is not an image of one channel.
    """
    return build_network(read_network(path))


def read_network(path) -> Source:
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


def is_quantized(path) -> bool:
    """Whether a checkpoint or Keras model has activations of levels; False if it cannot be read.

    Neither is loaded: no TensorFlow is needed.
    """
    try:
        path, checkpoint = read_network(path)
        if checkpoint is None:
            return "QuantizedReLU" in layer_kinds(path)
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
        If it is no U-Net of such a size, or its input or output is not an image of one channel.
    """
    path, checkpoint = source
    if checkpoint is None:
        if tile is not None:
            raise InputError(
                f"--tile: {path} is a Keras model, whose input has a size of its own; save it with "
                "the input you want"
            )
        from loihiseg.conversion.keras_file import load_keras_model

        model = load_keras_model(path)
        _check_images(model, path)
        return Network(model, None, str(path), None)
    from loihiseg.network.unet import build_unet

    config = checkpoint.info.config.network
    if tile is not None and (tile < 1 or tile % config.multiple):
        raise InputError(f"--tile {tile}: must be a multiple of {config.multiple}, above 0")
    model = build_unet(config, tile)
    set_model_weights(model, checkpoint.weights)
    return Network(model, checkpoint.info.threshold, str(path), checkpoint.info)


def _check_images(model, path):
    inputs = [tuple(t.shape[1:]) for t in getattr(model, "inputs", None) or ()]
    outputs = [tuple(t.shape[1:]) for t in getattr(model, "outputs", None) or ()]
    square = len(inputs) == 1 and len(inputs[0]) == 3 and inputs[0][0] == inputs[0][1]
    if not square or inputs[0][0] is None or inputs[0][2] != 1:
        raise InputError(
            f"{path}: input {inputs} is not one square image of one channel; "
            "give it the shape (tile, tile, 1)"
        )
    if len(outputs) != 1 or len(outputs[0]) != 3 or outputs[0][2] != 1:
        raise InputError(
            f"{path}: output {outputs} is not one map of one channel; end in a logit of membrane"
        )
    if inputs[0][0] % outputs[0][0]:
        raise InputError(
            f"{path}: output of {outputs[0][0]} pixels does not divide the input's {inputs[0][0]}"
        )


def predictor(model):
    """A function from (n, tile, tile, 1) pixels to (n, tile, tile, 1) logits.

    An output that went through a sigmoid is turned back into logits; one of lower resolution than
    the pixels is upsampled bilinearly.
    """
    is_probability = ends_in_sigmoid(model)
    tile = int(model.inputs[0].shape[1])

    def predict(pixels):
        output = model.predict(pixels, verbose=0)
        return upsampled(to_logits(output, is_probability), tile, tile)

    return predict


def ends_in_sigmoid(model) -> bool:
    """Whether a network's output is a probability."""
    tensor = model.outputs[0]
    while type(tensor.node.layer).__name__ in ("UpSampling2D", "Cropping2D", "Dropout"):
        tensor = tensor.node.keras_inputs[0]
    activation = getattr(tensor.node.layer, "activation", None)
    return getattr(activation, "__name__", "") == "sigmoid"
