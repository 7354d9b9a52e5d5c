"""Reading a Keras model of somebody else's without running what came with it.

A file is read once. ``container`` finds its configuration and weights, ``graph`` checks the
configuration against lists of what is read (``layers``, ``parts``), ``weights`` finds every layer's
numbers, and ``build`` makes the model with the constructors of tf_keras. Keras' own reading, which
looks up names, imports modules and runs code, is never called.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from loihiseg.conversion.keras_file.container import Container, read_container
from loihiseg.conversion.keras_file.errors import FaultyFileError, message
from loihiseg.conversion.keras_file.graph import kinds, read_graph
from loihiseg.conversion.keras_file.weights import (
    WeightFaults,
    Weights,
    find_weights,
    weights_and_faults,
)
from loihiseg.conversion.keras_file.wiring import Model
from loihiseg.errors import InputError

if TYPE_CHECKING:
    import os

    from loihiseg.frameworks import tf

__all__ = ["layer_kinds", "load_keras_model", "read_unchecked"]


def load_keras_model(path: "str | os.PathLike[str]") -> "tf.keras.Model":
    """Load a functional or sequential model from an .h5 or .keras file.

    Files of tf_keras and of today's Keras are read. Neither kind of file is trusted: nothing in it
    is run, and what is not on a list of plain layers is refused. A .keras file has a checksum; an
    .h5 file has none, so that numbers in it that were damaged on the way are read as they are.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    tf.keras.Model
        Without its optimizer.

    Raises
    ------
    InputError
        If the file is missing, is no Keras model, is damaged, or asks for anything that is not
        read; names every such layer.
    """
    path = Path(path)
    container = _read(path)
    try:
        model = read_graph(container.config, container.is_keras_3)
        weights = find_weights(model, container.groups(), container.is_keras_3)

        from loihiseg.conversion.keras_file.build import build_model

        return build_model(model, weights)
    except FaultyFileError as error:
        raise InputError(message(path, error.faults)) from None


def read_unchecked(path: "str | os.PathLike[str]") -> tuple[Model, Weights, WeightFaults]:
    """Layers and weights of a file, without TensorFlow, for what checks them itself.

    Layers that are not read are there, each with its fault; a model with such may lack the weights
    of others. Weights are finite or not; those that are missing or too many are said beside them.

    Raises
    ------
    InputError
        If the file is missing, is no Keras model or is damaged.
    """
    path = Path(path)
    container = _read(path)
    try:
        model = read_graph(container.config, container.is_keras_3, keep_faulty=True)
        return model, *weights_and_faults(model, container.groups(), container.is_keras_3)
    except FaultyFileError as error:
        raise InputError(message(path, error.faults)) from None


def layer_kinds(path: "str | os.PathLike[str]") -> set[str]:
    """Class names of the layers and other objects of a model, without TensorFlow.

    Raises
    ------
    InputError
        If the file is missing or is no Keras model.
    """
    # Classes that were registered have their package before them.
    return {kind.split(">")[-1] for kind in kinds(_read(Path(path)).config)}


def _read(path: Path) -> Container:
    try:
        return read_container(path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise InputError(
            message(path, ["no such Keras model; expected an .h5 or .keras file"])
        ) from None
    except OSError as error:
        raise InputError(
            message(path, [f"cannot be read as a Keras model: {error.strerror}"])
        ) from None
    except FaultyFileError as error:
        faults = [f"not a Keras model ({f}); save it with model.save" for f in error.faults]
        raise InputError(message(path, faults)) from None
