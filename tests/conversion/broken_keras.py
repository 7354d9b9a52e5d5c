"""Keras files with weights that cannot be and layers that no chip has, written without Keras.

Each is a chain of layers, some with a branch, in one of which ways faults lie: `Broken.offenders`
are the names of all layers that a refusal has to name.
"""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from loihiseg.conversion.keras_file.weights import _snake_case as snake_case

SIDE, CHANNELS = 8, 3


@dataclass
class Entry:
    """A layer of a file: what of it is written, and its weights by name in Keras' order."""

    name: str
    kind: str
    config: dict[str, Any] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    outer: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)


UNSUPPORTED: dict[str, dict[str, Any]] = {
    # attention
    "MultiHeadAttention": {"num_heads": 2, "key_dim": 3, "dropout": 0.0},
    "Attention": {"use_scale": False, "score_mode": "dot"},
    "AdditiveAttention": {"use_scale": True},
    "GroupQueryAttention": {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1},
    # recurrent
    "LSTM": {"units": 3, "return_sequences": True},
    "GRU": {"units": 3, "reset_after": True},
    "SimpleRNN": {"units": 3},
    "ConvLSTM2D": {"filters": 3, "kernel_size": [3, 3]},
    "RNN": {"cell": {"class_name": "LSTMCell", "config": {"units": 3}}},
    "Bidirectional": {"layer": {"class_name": "LSTM", "config": {"units": 3}}},
    "TimeDistributed": {"layer": {"class_name": "Dense", "config": {"units": 3}}},
    # one and three dimensions
    "Conv1D": {"filters": 3, "kernel_size": [3]},
    "Conv3D": {"filters": 3, "kernel_size": [3, 3, 3]},
    "Conv3DTranspose": {"filters": 3, "kernel_size": [3, 3, 3]},
    "MaxPooling3D": {"pool_size": [2, 2, 2]},
    "AveragePooling1D": {"pool_size": [2]},
    "GlobalAveragePooling3D": {"keepdims": False},
    "UpSampling3D": {"size": [2, 2, 2]},
    "ZeroPadding3D": {"padding": [[1, 1], [1, 1], [1, 1]]},
    # normalization, regularization, preprocessing and the rest
    "LayerNormalization": {"axis": [-1], "epsilon": 0.001},
    "GroupNormalization": {"groups": 3, "axis": -1, "epsilon": 0.001},
    "UnitNormalization": {"axis": [-1]},
    "SpectralNormalization": {"layer": {"class_name": "Conv2D", "config": {"filters": 3}}},
    "Normalization": {"axis": [-1], "invert": False},
    "RandomFlip": {"mode": "horizontal"},
    "Resizing": {"height": 8, "width": 8},
    "CenterCrop": {"height": 8, "width": 8},
    "Embedding": {"input_dim": 10, "output_dim": 3},
    "Discretization": {"bin_boundaries": [0.0, 1.0]},
    "Masking": {"mask_value": 0.0},
    "RepeatVector": {"n": 3},
    "LocallyConnected2D": {"filters": 3, "kernel_size": [3, 3]},
    "Dot": {"axes": [1, 1]},
    "Softmax": {"axis": -1},
    "LeakyReLU": {},
    "ELU": {},
    "MaxPooling2D": {"pool_size": [2, 2], "strides": [1, 1], "padding": "same"},
    "Activation": {"activation": "gelu"},
    # code
    "Lambda": {"function": {"class_name": "__lambda__", "config": {"code": "4wEA"}}},
    "TFOpLambda": {"function": "math.multiply"},
    "SlicingOpLambda": {"function": "__operators__.getitem"},
    "Operation": {"function": "x"},
    "Halve": {"factor": 2},
    "their>Halve": {"factor": 2},
    "Conv2D of others": {"filters": 3, "kernel_size": [3, 3]},
    # layers that are known, with settings that are not
    "channels first": {"filters": 3, "kernel_size": [3, 3], "data_format": "channels_first"},
    "bicubic": {"size": [1, 1], "interpolation": "bicubic"},
    "rows and columns normalized": {"axis": [1, 2]},
    "mish": {"filters": 3, "kernel_size": [1, 1], "activation": "mish"},
    "own activation": {
        "filters": 3, "kernel_size": [1, 1],
        "activation": {"class_name": "function", "module": "theirs", "config": "swoosh"},
    },
    "no filters": {"kernel_size": [3, 3]},
    "strides of 0": {"filters": 3, "kernel_size": [3, 3], "strides": [0, 0]},
    "setting of tomorrow": {"filters": 3, "kernel_size": [3, 3], "sparsity": 0.5},
}  # fmt: skip
"""Settings of layers that are refused, by class or by what is wrong with them."""

CLASSES = {
    "Conv2D of others": "Conv2D", "channels first": "Conv2D", "bicubic": "UpSampling2D",
    "rows and columns normalized": "BatchNormalization", "mish": "Conv2D",
    "own activation": "Conv2D",
    "no filters": "Conv2D", "strides of 0": "Conv2D", "setting of tomorrow": "Conv2D",
}  # fmt: skip

OUTER = {
    "Halve": {"module": "theirs.layers", "registered_name": "their>Halve"},
    "their>Halve": {"registered_name": "their>Halve"},
    "Conv2D of others": {"module": "theirs.layers", "registered_name": "Conv2D"},
}

ARGUMENTS = {
    "TFOpLambda": {"y": 2.0, "name": None},
    "SlicingOpLambda": {"slice_spec": {"start": 0, "stop": None, "step": 1}},
}
"""Arguments of the call."""

TWICE = ("MultiHeadAttention", "Attention", "AdditiveAttention", "GroupQueryAttention", "Dot")
"""Called on one thing twice: Keras writes the second as an argument where it is none of a list."""


def _set(value: float) -> Callable[[Entry, str, np.random.Generator], None]:
    def change(entry: Entry, name: str, rng: np.random.Generator) -> None:
        flat = entry.weights[name].reshape(-1)
        flat[rng.integers(flat.size)] = value

    return change


def _zeros(entry: Entry, name: str, rng: np.random.Generator) -> None:
    kernel = next(key for key in entry.weights if key.endswith("kernel"))
    entry.weights[kernel][:] = 0


def _missing(entry: Entry, name: str, rng: np.random.Generator) -> None:
    del entry.weights[name]


def _all_missing(entry: Entry, name: str, rng: np.random.Generator) -> None:
    entry.weights.clear()


def _one_more(entry: Entry, name: str, rng: np.random.Generator) -> None:
    entry.weights["scale"] = np.ones(3, np.float32)


def _longer(entry: Entry, name: str, rng: np.random.Generator) -> None:
    array = entry.weights[name]
    entry.weights[name] = np.concatenate([array, array], axis=-1)


def _of_another_rank(entry: Entry, name: str, rng: np.random.Generator) -> None:
    entry.weights[name] = entry.weights[name][None]


def _a_number(entry: Entry, name: str, rng: np.random.Generator) -> None:
    entry.weights[name] = np.float32(0.5).reshape(())


def _empty(entry: Entry, name: str, rng: np.random.Generator) -> None:
    entry.weights[name] = entry.weights[name][..., :0]


def _integers(entry: Entry, name: str, rng: np.random.Generator) -> None:
    entry.weights[name] = np.ones(entry.weights[name].shape, np.int32)


def _variance(entry: Entry, name: str, rng: np.random.Generator) -> None:
    entry.weights["moving_variance"][rng.integers(CHANNELS)] = -0.5


WEIGHT_FAULTS: dict[str, Callable[[Entry, str, np.random.Generator], None]] = {
    "NaN": _set(np.nan), "Inf": _set(np.inf), "-Inf": _set(-np.inf), "too large": _set(2e30),
    "zeros": _zeros, "missing": _missing, "all missing": _all_missing, "one more": _one_more,
    "longer": _longer, "of another rank": _of_another_rank, "a number": _a_number,
    "empty": _empty, "integers": _integers, "variance": _variance,
}  # fmt: skip
"""Changes of one weight of a layer."""


class Broken:
    """A model with one to six faults.

    Attributes
    ----------
    entries : list of Entry
    offenders : dict of str to str
        What is wrong with each faulty layer, by its name.
    suffix : str
    keras_3 : bool
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.keras_3 = bool(self.rng.integers(2))
        self.suffix = str(self.rng.choice([".h5", ".keras"]))
        self.offenders: dict[str, str] = {}
        self.entries: list[Entry] = []
        self.counts: Counter[str] = Counter()
        n_weights, n_layers = (int(n) for n in self.rng.integers(0, 4, 2))
        self._grown(max(n_layers, int(not n_weights)))
        with_weights = [e for e in self.entries if e.weights and "theirs" not in e.weights]
        for index in self.rng.permutation(len(with_weights))[:n_weights]:
            self._damaged(with_weights[index])

    def _grown(self, n_layers: int) -> None:
        shape = [None, SIDE, SIDE, 1]
        key = "batch_shape" if self.keras_3 else "batch_input_shape"
        self.add("InputLayer", {key: shape, "dtype": "float32"}, ())
        n_blocks = int(self.rng.integers(2, 5))
        places = self.rng.integers(1, n_blocks, n_layers)  # behind the first: that is the host's
        self._block()
        for number in range(1, n_blocks):
            for _ in range(int((places == number).sum())):
                self._unsupported()
            self._block()
        self._convolution(1, 1)

    def add(self, kind: str, config: dict[str, Any], sources: Any = None, **more: Any) -> Entry:
        """A layer more, behind the last one."""
        self.counts[kind] += 1
        name = f"{snake_case(kind).replace('>', '_')}_of_{self.counts[kind]}"
        last = (self.entries[-1].name,) if self.entries else ()
        entry = Entry(name, kind, config, last if sources is None else sources, **more)
        self.entries.append(entry)
        return entry

    def _array(self, *shape: int) -> np.ndarray:
        return self.rng.normal(0, 0.5, shape).astype(np.float32)

    def _convolution(self, filters: int, size: int) -> None:
        channels = 1 if len(self.entries) == 1 else CHANNELS
        config = {"filters": filters, "kernel_size": [size, size], "padding": "same"}
        kernel, bias = self._array(size, size, channels, filters), self._array(filters)
        self.add("Conv2D", config, weights={"kernel": kernel, "bias": bias})

    def _block(self) -> None:
        """A linear layer, perhaps a normalization, a ReLU, perhaps added to what was before."""
        before = self.entries[-1].name
        is_first = len(self.entries) == 1
        kind = "Conv2D" if is_first else self.rng.choice(["Conv2D", "DepthwiseConv2D", "Dense"])
        if kind == "Conv2D":
            self._convolution(CHANNELS, 3)
        elif kind == "Dense":
            weights = {"kernel": self._array(CHANNELS, CHANNELS), "bias": self._array(CHANNELS)}
            self.add("Dense", {"units": CHANNELS}, weights=weights)
        else:
            weights = {"depthwise_kernel": self._array(3, 3, CHANNELS, 1)}
            config = {"kernel_size": [3, 3], "padding": "same", "use_bias": False}
            self.add("DepthwiseConv2D", config, weights=weights)
        if self.rng.random() < 0.6:
            names = ("gamma", "beta", "moving_mean", "moving_variance")
            own = {name: np.abs(self._array(CHANNELS)) + 0.1 for name in names}
            self.add("BatchNormalization", {"axis": [3], "epsilon": 0.001}, weights=own)
        if not is_first and self.rng.random() < 0.3:
            self.add("Add", {}, (self.entries[-1].name, before))
        self.add("ReLU", {})

    def _unsupported(self) -> None:
        what = str(self.rng.choice(list(UNSUPPORTED)))
        if what == "MaxPooling2D" and self.offenders:
            what = "Softmax"  # behind what cannot be read, a maximum may be one of levels
        config = json.loads(json.dumps(UNSUPPORTED[what]))
        entry = self.add(CLASSES.get(what, what), config)
        entry.outer = OUTER.get(what, {})
        entry.arguments = ARGUMENTS.get(what, {})
        if what in TWICE:
            entry.sources *= 2
        if entry.kind == "BatchNormalization":
            entry.weights = {
                name: np.ones(SIDE, np.float32)
                for name in ("gamma", "beta", "moving_mean", "moving_variance")
            }
        elif entry.kind == "Conv2D":
            size = config["kernel_size"]
            entry.weights = {
                "kernel": self._array(*size, CHANNELS, CHANNELS), "bias": self._array(CHANNELS)
            }  # fmt: skip
        elif what in ("LayerNormalization", "GroupNormalization"):
            entry.weights = {name: np.ones(CHANNELS, np.float32) for name in ("gamma", "beta")}
        elif what not in ("Activation", *CLASSES) and self.rng.random() < 0.5:
            entry.weights = {"theirs": self._array(2, 2)}
        self.offenders[entry.name] = what

    def _damaged(self, entry: Entry) -> None:
        fits = [
            name
            for name in WEIGHT_FAULTS
            if not (name == "variance" and "moving_variance" not in entry.weights)
            and not (name == "zeros" and not any(k.endswith("kernel") for k in entry.weights))
        ]
        fault = str(self.rng.choice(fits))
        WEIGHT_FAULTS[fault](entry, str(self.rng.choice(list(entry.weights))), self.rng)
        self.offenders[entry.name] = ", ".join(
            filter(None, [self.offenders.get(entry.name), fault])
        )

    # The file ------------------------------------------------------------------------------------

    def write(self, folder: Path, name: str = "broken") -> Path:
        """The file, in a folder."""
        path = folder / f"{name}{self.suffix}"
        config = {"class_name": "Functional", "config": self._config()}
        if self.keras_3:
            config |= {"module": "keras.src.models.functional", "registered_name": "Functional"}
        version = "3.5.0" if self.keras_3 else "2.15.0"
        if self.suffix == ".h5":
            with h5py.File(path, "w") as file:
                file.attrs["model_config"] = json.dumps(config)
                file.attrs["keras_version"] = version
                file.attrs["backend"] = "tensorflow"
                self._by_name(file.create_group("model_weights"))
            return path
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            self._by_number(file)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", json.dumps({"keras_version": version}))
            archive.writestr("config.json", json.dumps(config))
            archive.writestr("model.weights.h5", buffer.getvalue())
        return path

    def _config(self) -> dict[str, Any]:
        first, last = self.entries[0].name, self.entries[-1].name
        layers = [self._layer(entry) for entry in self.entries]
        return {
            "name": "broken",
            "trainable": True,
            "layers": layers,
            "input_layers": [[first, 0, 0]],
            "output_layers": [[last, 0, 0]],
        }

    def _layer(self, entry: Entry) -> dict[str, Any]:
        trainable = {} if entry.kind == "InputLayer" else {"trainable": True}
        found = {
            "class_name": entry.kind,
            "config": {"name": entry.name, **trainable, **entry.config},
            "name": entry.name,
            "inbound_nodes": self._nodes(entry),
        }
        if self.keras_3:
            found |= {"module": "keras.layers", "registered_name": None}
        return found | entry.outer

    def _nodes(self, entry: Entry) -> list[Any]:
        if not entry.sources:
            return []
        first, *others = entry.sources
        is_list = entry.kind in ("Add", "Attention", "AdditiveAttention", "Dot")
        if self.keras_3:
            tensors = [_tensor(source) for source in entry.sources]
            return [{"args": [tensors] if is_list else tensors, "kwargs": entry.arguments}]
        if is_list:
            return [[[source, 0, 0, {}] for source in entry.sources]]
        more = {"value": [others[0], 0, 0]} if others else {}
        return [[[first, 0, 0, {**entry.arguments, **more}]]]

    def _by_name(self, group: h5py.Group) -> None:
        group.attrs["layer_names"] = [entry.name.encode() for entry in self.entries]
        for entry in self.entries:
            own = group.create_group(entry.name)
            end = "" if self.keras_3 else ":0"
            names = {f"{entry.name}/{name}{end}": array for name, array in entry.weights.items()}
            own.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in names.items():
                own[name] = array

    def _by_number(self, file: h5py.File) -> None:
        counts: Counter[str] = Counter()
        for entry in self.entries:
            plain = snake_case(entry.kind.rsplit(">", 1)[-1])
            name = f"{plain}_{counts[plain]}" if counts[plain] else plain
            counts[plain] += 1
            own = file.create_group(f"layers/{name}/vars")
            for number, array in enumerate(entry.weights.values()):
                own[str(number)] = array


def _tensor(name: str) -> dict[str, Any]:
    config = {"shape": [None, SIDE, SIDE, CHANNELS], "dtype": "float32"}
    return {"class_name": "__keras_tensor__", "config": {**config, "keras_history": [name, 0, 0]}}
