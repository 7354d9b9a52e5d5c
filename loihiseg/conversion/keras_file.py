"""Reading a Keras model of somebody else's without running code that came with it."""

import json
import zipfile
from pathlib import Path

from loihiseg.errors import InputError

# Layers whose configuration carries Python bytecode, which loading would run.
_CARRIES_CODE = ("Lambda", "TFOpLambda", "SlicingOpLambda", "__lambda__")

# A .keras file names the module of each class, and loading imports it.
_KNOWN_PACKAGES = ("keras", "tf_keras", "builtins", "loihiseg")


def load_keras_model(path):
    """Load a functional model from an .h5 or .keras file.

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
        If the file is missing, is no Keras model, or holds a layer that carries Python code.
    """
    path = Path(path)
    for kind, name, module in _objects(_read_configuration(path)):
        if kind in _CARRIES_CODE:
            raise InputError(
                f"{path}: layer '{name}' ({kind}) carries Python code, which is not run; "
                "replace it by a Keras layer"
            )
        if module.split(".")[0] not in _KNOWN_PACKAGES:
            raise InputError(
                f"{path}: '{name}' ({kind}) is code of module {module!r}, which is not run; "
                "replace it by a Keras layer"
            )

    from loihiseg.frameworks import tf

    from loihiseg.network import activations, quantized  # noqa: F401  (register their layers)

    try:
        return tf.keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras checks little: a damaged file may raise anything
        raise InputError(
            f"{path}: Keras cannot load it ({_first_line(error)}); save it as .h5"
        ) from None


def layer_kinds(path) -> set[str]:
    """Class names of the layers and other objects of a model, without loading it.

    Raises
    ------
    InputError
        If the file is missing or is no Keras model.
    """
    kinds = (kind for kind, _, _ in _objects(_read_configuration(Path(path))))
    # Classes that were registered have their package before them.
    return {kind.split(">")[-1] for kind in kinds}


def _first_line(error):
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _read_configuration(path):
    if not path.is_file():
        raise InputError(f"{path}: no such Keras model; expected an .h5 or .keras file")
    try:
        return _configuration(path)
    except Exception as error:  # h5py, zipfile and json each have their own for damaged files
        raise InputError(
            f"{path}: not a Keras model ({_first_line(error)}); save it with model.save"
        ) from None


def _configuration(path):
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    import h5py

    with h5py.File(path, "r") as file:
        return json.loads(file.attrs["model_config"])


def _objects(config):
    """Class, name and module of every layer and other object, nested ones included."""
    if isinstance(config, dict):
        if "class_name" in config:
            inner = config.get("config")
            name = inner.get("name", "?") if isinstance(inner, dict) else "?"
            yield config["class_name"], name, str(config.get("module") or "keras")
        for value in config.values():
            yield from _objects(value)
    elif isinstance(config, list):
        for value in config:
            yield from _objects(value)
