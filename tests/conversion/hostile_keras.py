"""Keras files that try to run code of theirs, or to exhaust whoever reads them.

Each is made of a small plain model by one change. Code that runs leaves a file, the canary:
bytecode writes it when a layer is made or called, the module ``intruder`` when it is imported.
"""

import copy
import io
import json
import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loihiseg.frameworks import tf

import h5py
import numpy as np

Change = Callable[[dict, dict], None]
"""Changes the configuration of a model, given what is evil."""

CANARY = "canary"

_INTRUDER = """
import pathlib
pathlib.Path({canary!r}).touch()
class Thing:
    def __init__(self, *args, **kwargs): pass
    @classmethod
    def from_config(cls, config): return cls()
def run(*args): return args[0]
"""


def plain_model() -> tf.keras.Model:
    pixels = tf.keras.Input((4, 4, 1), name="pixels")
    x = tf.keras.layers.Conv2D(2, 3, padding="same", activation="relu", name="c")(pixels)
    return tf.keras.Model(pixels, tf.keras.layers.Conv2D(1, 1, name="logit")(x), name="net")


class Kitchen:
    """A folder in which hostile files are made.

    Parameters
    ----------
    folder : Path
        Put it on ``sys.path``: it has the module ``intruder``.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.canary = folder / CANARY
        (folder / "intruder.py").write_text(_INTRUDER.format(canary=str(self.canary)))
        self.evil = self._evil_lambda()
        self.plain = {}
        for suffix in (".h5", ".keras"):
            path = folder / f"plain{suffix}"
            plain_model().save(path, save_format="h5" if suffix == ".h5" else "keras")
            self.plain[suffix] = path.read_bytes()

    def _evil_lambda(self) -> dict:
        """The serialized Lambda layer that writes the canary, without its calls."""
        inputs = tf.keras.Input((4, 4, 2))

        def run(x, path=str(self.canary)):
            open(path, "w").close()
            return x

        layer = tf.keras.layers.Lambda(run, name="evil")
        config = tf.keras.Model(inputs, layer(inputs)).get_config()["layers"][1]
        self.canary.unlink()
        return {k: v for k, v in json.loads(json.dumps(config)).items() if k != "inbound_nodes"}

    def changed(self, suffix: str, change: Change) -> bytes:
        """The plain file with its configuration changed."""
        return self.with_text(suffix, lambda text: self._change_text(text, change))

    def _change_text(self, text: str, change: Change) -> str:
        config = json.loads(text)
        change(config, copy.deepcopy(self.evil))
        return json.dumps(config)

    def with_text(self, suffix: str, edit: Callable[[str], str]) -> bytes:
        """The plain file with the text of its configuration edited."""
        if suffix == ".h5":
            return self.with_hdf5(_edited_attribute(edit))
        return self.with_members(lambda m: m.update(_edited_member(m, edit)))

    def with_hdf5(self, edit: Callable[[h5py.File], None]) -> bytes:
        """The plain .h5 file, edited."""
        path = self.folder / "edited.h5"
        path.write_bytes(self.plain[".h5"])
        with h5py.File(path, "r+") as file:
            edit(file)
        return path.read_bytes()

    def with_members(self, edit: Callable[[dict], None], **options) -> bytes:
        """The plain .keras file with its members edited."""
        with zipfile.ZipFile(io.BytesIO(self.plain[".keras"])) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        edit(members)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", **options) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return buffer.getvalue()

    def with_weights(self, edit: Callable[[h5py.File], None]) -> bytes:
        """The plain .keras file with the HDF5 file in it edited."""

        def change(members):
            buffer = io.BytesIO(members["model.weights.h5"])
            with h5py.File(buffer, "r+") as file:
                edit(file)
            members["model.weights.h5"] = buffer.getvalue()

        return self.with_members(change)


def _edited_attribute(edit):
    def change(file):
        file.attrs["model_config"] = edit(file.attrs["model_config"])

    return change


def _edited_member(members, edit):
    return {"config.json": edit(members["config.json"].decode()).encode()}


# What is changed in a configuration ---------------------------------------------------------------


def layers_of(config: dict) -> list:
    return config["config"]["layers"]


def conv(config: dict) -> dict:
    """Settings of the first convolution."""
    return layers_of(config)[1]["config"]


def in_place_of_conv(entry: dict) -> Change:
    """Another layer where the first convolution was."""

    def change(config, _):
        layers_of(config)[1].update(copy.deepcopy(entry))
        for key in ("module", "registered_name"):
            if key not in entry:
                layers_of(config)[1].pop(key, None)

    return change


def lambda_layer(config, evil):
    evil["name"] = evil["config"]["name"] = "c"
    layers_of(config)[1].update(evil)


def lambda_in(kind: str, depth: int = 1) -> Change:
    """A Lambda inside models inside the model."""

    def change(config, evil):
        inner = evil
        for number in range(depth):
            inputs = {
                "class_name": "InputLayer",
                "config": {"batch_input_shape": [None, 4, 4, 1], "name": "i", "dtype": "float32"},
                "name": "i",
                "inbound_nodes": [],
            }
            name = inner["config"]["name"]
            called = {**inner, "name": name, "inbound_nodes": [[["i", 0, 0, {}]]]}
            settings: dict[str, Any] = {"name": f"m{number}", "layers": [inputs, called]}
            if kind == "Functional":
                settings["input_layers"] = [["i", 0, 0]]
                settings["output_layers"] = [[name, 0, 0]]
            inner = {"class_name": kind, "config": settings}
        inner["config"]["name"] = "c"
        layers_of(config)[1].update({"module": "keras", "registered_name": None, **inner})

    return change


def wrapped(kind: str) -> Change:
    """A Lambda in the settings of a layer that wraps another."""

    def change(config, evil):
        layers_of(config)[1].update(class_name=kind, config={"name": "c", "layer": evil})

    return change


def lambda_as(key: str) -> Change:
    """A whole Lambda layer as a setting."""

    def change(config, evil):
        conv(config)[key] = evil

    return change


def pickled_as(key: str) -> Change:
    """Bytecode as a setting."""

    def change(config, evil):
        code = evil["config"]["function"]
        code = code.get("config", code) if isinstance(code, dict) else {"value": code}
        conv(config)[key] = {"class_name": "__lambda__", "config": code}

    return change


def bare_bytecode(config, evil):
    conv(config)["activation"] = {"value": ["4wEA", None, None]}


def setting(key: str, value: Any) -> Change:
    def change(config, _):
        conv(config)[key] = value

    return change


def layer_entry(**entries: Any) -> Change:
    def change(config, _):
        layers_of(config)[1].update(entries)

    return change


def model_entry(**entries: Any) -> Change:
    def change(config, _):
        config.update(entries)

    return change


def fed_by(*reference: Any) -> Change:
    def change(config, _):
        layers_of(config)[1]["inbound_nodes"] = [[list(reference)]]

    return change


def billion_laughs(config, _):
    """Models that each call the one inside ten times: 10 ** 12 calls."""
    inputs = {
        "class_name": "InputLayer",
        "config": {"batch_input_shape": [None, 4, 4, 1], "name": "i", "dtype": "float32"},
        "name": "i",
        "inbound_nodes": [],
    }
    inner: dict = {"class_name": "ReLU", "config": {"name": "r"}, "name": "r"}
    first = 0
    for number in range(12):
        name = inner["name"]
        nodes = [[["i", 0, 0, {}]]] + [[[name, first + n, 0, {}]] for n in range(9)]
        settings = {
            "name": f"m{number}",
            "layers": [inputs, {**inner, "inbound_nodes": nodes}],
            "input_layers": [["i", 0, 0]],
            "output_layers": [[name, first + 9, 0]],
        }
        inner = {"class_name": "Functional", "config": settings, "name": f"m{number}"}
        first = 1
    inner["config"]["name"] = inner["name"] = "c"
    layers_of(config)[1] = {**inner, "inbound_nodes": layers_of(config)[1]["inbound_nodes"]}
    layers_of(config)[2]["inbound_nodes"][0][0][1] = 1


INTRUDER = {"module": "intruder", "class_name": "Thing", "config": {}, "registered_name": "x>Thing"}

CONFIGURATIONS: dict[str, Change] = {
    "lambda": lambda_layer,
    "lambda in a model": lambda_in("Functional"),
    "lambda in a model in a model": lambda_in("Functional", 3),
    "lambda in a sequential": lambda_in("Sequential"),
    "lambda in sequentials": lambda_in("Sequential", 3),
    "lambda in TimeDistributed": wrapped("TimeDistributed"),
    "lambda in Bidirectional": wrapped("Bidirectional"),
    "lambda as activation": lambda_as("activation"),
    "lambda as initializer": lambda_as("kernel_initializer"),
    "lambda as dtype": lambda_as("dtype"),
    "lambda as filters": lambda_as("filters"),
    "bytecode as activation": pickled_as("activation"),
    "bytecode as initializer": pickled_as("bias_initializer"),
    "bytecode as regularizer": pickled_as("kernel_regularizer"),
    "bytecode as constraint": pickled_as("kernel_constraint"),
    "bytecode as strides": pickled_as("strides"),
    "bytecode without a class": bare_bytecode,
    "function of os": setting(
        "activation",
        {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"},
    ),
    "function of the intruder": setting(
        "activation",
        {"module": "intruder", "class_name": "function", "config": "run", "registered_name": "run"},
    ),
    "function of builtins": setting(
        "activation",
        {"module": "builtins", "class_name": "function", "config": "exec", "registered_name": None},
    ),
    "activation by path": setting("activation", "intruder.run"),
    "initializer by path": setting("kernel_initializer", "intruder.Thing"),
    "module of a layer": layer_entry(**INTRUDER),
    "module of an activation": setting("activation", INTRUDER),
    "module of an initializer": setting("kernel_initializer", INTRUDER),
    "module of a regularizer": setting("kernel_regularizer", INTRUDER),
    "module of a constraint": setting("kernel_constraint", INTRUDER),
    "module of a policy": setting("dtype", INTRUDER),
    "module of a plain layer": layer_entry(module="intruder"),
    "module of the model": model_entry(module="intruder", class_name="Thing"),
    "module that only begins like Keras": layer_entry(module="keras_intruder.layers"),
    "registered by others": layer_entry(class_name="evil>Thing"),
    "registered under our name": layer_entry(class_name="loihiseg>Thing"),
    "plain class, registered name": layer_entry(registered_name="evil>Conv2D"),
    "our class in another module": layer_entry(class_name="LoihiReLU", module="intruder"),
    "TFOpLambda": in_place_of_conv(
        {"class_name": "TFOpLambda", "config": {"name": "c", "function": "io.write_file"}}
    ),
    "SlicingOpLambda": in_place_of_conv(
        {"class_name": "SlicingOpLambda", "config": {"name": "c", "function": "__getitem__"}}
    ),
    "TensorFlowOpLayer": in_place_of_conv(
        {
            "class_name": "TensorFlowOpLayer",
            "config": {"name": "c", "node_def": "op: 'WriteFile'", "constants": {}},
        }
    ),
    "ClassMethod": in_place_of_conv(
        {"class_name": "ClassMethod", "config": {"name": "c", "function": "intruder.run"}}
    ),
    "InstanceMethod": in_place_of_conv(
        {"class_name": "InstanceMethod", "config": {"name": "c", "function": "intruder.run"}}
    ),
    "class name is a number": layer_entry(class_name=7),
    "class name is a list": layer_entry(class_name=["Conv2D"]),
    "class name is null": layer_entry(class_name=None),
    "class name is a path": layer_entry(class_name="intruder.Thing"),
    "class name is private": layer_entry(class_name="__class__"),
    "module is a number": layer_entry(module=3),
    "calls itself": fed_by("c", 0, 0, {}),
    "calls what it feeds": fed_by("logit", 0, 0, {}),
    "calls a layer that is not there": fed_by("nowhere", 0, 0, {}),
    "calls call -1": fed_by("pixels", -1, 0, {}),
    "calls call 10 ** 30": fed_by("pixels", 10**30, 0, {}),
    "fed by a constant": fed_by("_CONSTANT_VALUE", -1, [1.0], {}),
    "called with code": fed_by("pixels", 0, 0, {"mask": {"class_name": "__lambda__"}}),
    "billion laughs": billion_laughs,
    "10 ** 9 filters": setting("filters", 10**9),
    "2 ** 20 filters": setting("filters", 1 << 20),
    "input of 2 ** 16 channels": lambda config, _: layers_of(config)[0]["config"].update(
        batch_input_shape=[None, 65536, 65536, 65536]
    ),
    "dictionary as a name": lambda config, _: layers_of(config)[1].update(name={"a": 1}),
}
"""Made in both formats."""

TEXTS: dict[str, Callable[[str], str]] = {
    "million brackets": lambda text: "[" * 10**6 + "]" * 10**6,
    "thousand brackets": lambda text: "[" * 1000 + "]" * 1000,
    "number of 400 digits": lambda text: text.replace('"filters": 2', '"filters": ' + "9" * 400),
    "NaN": lambda text: text.replace('"filters": 2', '"filters": NaN'),
    "Infinity": lambda text: text.replace('"filters": 2', '"filters": Infinity'),
    "number beyond a float": lambda text: text.replace('"filters": 2', '"filters": 1e999'),
    "key twice": lambda text: text.replace('"filters": 2', '"filters": 2, "filters": 3'),
    "nothing": lambda text: "",
    "a list": lambda text: "[]",
}
"""Made in both formats."""


def _replaced(name: str, make: Callable[[h5py.Group], None]) -> Callable[[h5py.File], None]:
    """An array of the .h5 file made anew."""

    def edit(file):
        group = file[name].parent
        del file[name]
        make(group)

    return edit


_KERNEL = "model_weights/c/c/kernel:0"


def _external_storage(group):
    raw = [("/etc/passwd", 0, 3 * 3 * 1 * 2 * 4)]
    group.create_dataset("kernel:0", (3, 3, 1, 2), "f4", external=raw)


def _virtual(group):
    layout = h5py.VirtualLayout((3, 3, 1, 2), "f4")
    layout[:] = h5py.VirtualSource("plain.h5", _KERNEL, (3, 3, 1, 2))
    group.create_virtual_dataset("kernel:0", layout)


def _terabyte(group):
    space = h5py.h5s.create_simple((1 << 20, 1 << 20, 1, 2))
    h5py.h5d.create(group.id, b"kernel:0", h5py.h5t.IEEE_F32LE, space)


def _alike(group):
    """An object that is its own member."""
    group["kernel:0"] = group


def _objects(group):
    group.create_dataset(
        "kernel:0", data=np.array([b"pickle"] * 18, object), dtype=h5py.string_dtype()
    )


def _not_finite(file):
    file[_KERNEL][0, 0, 0, 0] = np.nan


HDF5: dict[str, Callable[[h5py.File], None]] = {
    "external link": _replaced(
        _KERNEL, lambda g: g.__setitem__("kernel:0", h5py.ExternalLink("plain.h5", _KERNEL))
    ),
    "soft link": _replaced(_KERNEL, lambda g: g.__setitem__("kernel:0", h5py.SoftLink("/x"))),
    "data in another file": _replaced(_KERNEL, _external_storage),
    "virtual data": _replaced(_KERNEL, _virtual),
    "a terabyte": _replaced(_KERNEL, _terabyte),
    "group in itself": _replaced(_KERNEL, _alike),
    "texts for numbers": _replaced(_KERNEL, _objects),
    "compressed": _replaced(
        _KERNEL,
        lambda g: g.create_dataset("kernel:0", data=np.zeros((3, 3, 1, 2), "f4"), compression=1),
    ),
    "not finite": _not_finite,
    "configuration is numbers": lambda file: file.attrs.__setitem__("model_config", [1, 2]),
    "weight names are references": lambda file: file["model_weights/c"].attrs.__setitem__(
        "weight_names", np.array([file.ref, file.ref], h5py.ref_dtype)
    ),
    "weight outside": lambda file: file["model_weights/c"].attrs.__setitem__(
        "weight_names", ["../../logit/logit/kernel:0", "c/bias:0"]
    ),
}
"""Made of the .h5 file."""


def _encrypted(kitchen):
    data = bytearray(kitchen.plain[".keras"])
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(signature)
        while start >= 0:
            data[start + place] |= 1
            start = data.find(signature, start + 4)
    return bytes(data)


def _twice(kitchen):
    buffer = io.BytesIO(kitchen.plain[".keras"])
    with zipfile.ZipFile(buffer, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # zipfile's, that the name is there already
        archive.writestr("config.json", kitchen.plain[".keras"][:10])
    return buffer.getvalue()


def _bomb(kitchen):
    def edit(members):
        members["big"] = bytes(1 << 26)

    return kitchen.with_members(edit, compression=zipfile.ZIP_BZIP2)


def _zeros(kitchen):
    def edit(members):
        members["model.weights.h5"] += bytes(1 << 26)

    return kitchen.with_members(edit, compression=zipfile.ZIP_DEFLATED)


def _said_to_be_large(kitchen):
    data = bytearray(kitchen.plain[".keras"])
    start = data.rfind(b"PK\x01\x02")
    data[start + 24 : start + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    return bytes(data)


def _lambda(kitchen, suffix):
    return kitchen.changed(suffix, lambda_layer)


ARCHIVES: dict[str, Callable[[Kitchen], tuple[str, bytes]]] = {
    "HDF5 with an archive behind": lambda k: (".h5", k.plain[".h5"] + _lambda(k, ".keras")),
    "the same as .keras": lambda k: (".keras", k.plain[".h5"] + _lambda(k, ".keras")),
    "archive behind a picture": lambda k: (".keras", b"GIF89a" + _lambda(k, ".keras")),
    "archive with HDF5 behind": lambda k: (".keras", k.plain[".keras"] + _lambda(k, ".h5")),
    "archive with HDF5 as comment": lambda k: (
        ".h5",
        k.plain[".keras"][:-2] + (1000).to_bytes(2, "little") + _lambda(k, ".h5")[:1000],
    ),
    "HDF5 from byte 512": lambda k: (".h5", bytes(512) + _lambda(k, ".h5")),
    "archive before HDF5 from byte 8192": lambda k: (
        ".h5",
        k.plain[".keras"].ljust(1 << 17, b"\0") + _lambda(k, ".h5"),
    ),
    "encrypted": lambda k: (".keras", _encrypted(k)),
    "member twice": lambda k: (".keras", _twice(k)),
    "odd method, large member": lambda k: (".keras", _bomb(k)),
    "zeros packed small": lambda k: (".keras", _zeros(k)),
    "said to be large": lambda k: (".keras", _said_to_be_large(k)),
    "external link in an archive": lambda k: (
        ".keras",
        k.with_weights(
            _replaced(
                "layers/conv2d/vars/0",
                lambda g: g.__setitem__("0", h5py.ExternalLink("/etc/passwd", "x")),
            )
        ),
    ),
    "pickle": lambda k: (
        ".h5",
        b"\x80\x04cos\nsystem\n(S'touch " + os.fsencode(k.canary) + b"'\ntR.",
    ),
}
"""Made each in its way; suffix and bytes."""


def hostile_files(kitchen: Kitchen) -> dict[str, tuple[str, Callable[[], bytes]]]:
    """Suffix and maker of every hostile file, by name."""
    files: dict[str, tuple[str, Callable[[], bytes]]] = {}
    for suffix in (".h5", ".keras"):
        for name, change in CONFIGURATIONS.items():
            files[f"{name}{suffix}"] = suffix, (lambda s=suffix, c=change: kitchen.changed(s, c))
        for name, edit in TEXTS.items():
            files[f"{name}{suffix}"] = suffix, (lambda s=suffix, e=edit: kitchen.with_text(s, e))
    for name, edit in HDF5.items():
        files[name] = ".h5", (lambda e=edit: kitchen.with_hdf5(e))
    for name, make in ARCHIVES.items():
        suffix, data = make(kitchen)
        files[name] = suffix, (lambda d=data: d)
    return files
