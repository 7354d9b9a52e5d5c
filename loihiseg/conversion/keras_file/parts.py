"""What a layer's settings may be made of: activations, initializers, regularizers, constraints.

What is not in these tables is refused by name. Settings are those of ``get_config``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loihiseg.conversion.keras_file import fields
from loihiseg.conversion.keras_file.errors import one_line
from loihiseg.conversion.keras_file.fields import (
    Check,
    maybe,
    number,
    some,
    whole,
)

CARRIES_CODE = (
    "Lambda",
    "TFOpLambda",
    "TensorFlowOpLayer",
    "SlicingOpLambda",
    "ClassMethod",
    "InstanceMethod",
    "Operation",
    "__lambda__",
    "function",
)
"""Classes whose configuration is, or names, Python code."""

OURS = {
    "LoihiReLU": "loihiseg.network.activations",
    "QuantizedReLU": "loihiseg.network.quantized",
    "EqualLevels": "loihiseg.network.equal_levels",
    "EightBitConv2D": "loihiseg.network.eight_bit",
    "EightBitConv2DTranspose": "loihiseg.network.eight_bit",
    "PercentileFiringRate": "loihiseg.network.regularizers",
}
"""Classes of this package, registered under its name, and their modules."""

ACTIVATIONS = (
    "elu", "exponential", "gelu", "hard_sigmoid", "linear", "mish", "relu", "selu", "sigmoid",
    "softmax", "softplus", "softsign", "swish", "tanh",
)  # fmt: skip

SINCE_KERAS_3 = (
    "relu6", "leaky_relu", "hard_tanh", "hard_sigmoid_of_sixths", "celu", "log_sigmoid",
)  # fmt: skip
"""Activations of today's Keras that tf_keras lacks; see `loihiseg.network.keras_3`."""

KERAS_3_ACTIVATIONS = {
    **{name: name for name in (*ACTIVATIONS, *SINCE_KERAS_3) if not name.endswith("sixths")},
    "hard_sigmoid": "hard_sigmoid_of_sixths",
    "silu": "swish",
}
"""Activations of today's Keras, and what they are called here."""


@dataclass(frozen=True)
class Part:
    """An initializer, regularizer or constraint that was checked."""

    kind: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Activation:
    """An activation function, by the name it has in tf_keras, or of `SINCE_KERAS_3`."""

    name: str


ANY = number(-1e30, 1e30)
POSITIVE = number(0, 1e30)
SEED = maybe(whole(-(2**63), 2**64))
AXIS = fields.either(whole(-8, 8), some(whole(-8, 8), 1, 8))
_RANDOM = {"seed": SEED}
_NORMAL = {"mean": ANY, "stddev": POSITIVE, "seed": SEED}

INITIALIZERS: dict[str, dict[str, Check]] = {
    "Zeros": {},
    "Ones": {},
    "Constant": {"value": ANY},
    "RandomNormal": _NORMAL,
    "TruncatedNormal": _NORMAL,
    "RandomUniform": {"minval": ANY, "maxval": ANY, "seed": SEED},
    "VarianceScaling": {
        "scale": POSITIVE,
        "mode": fields.text_of("fan_in", "fan_out", "fan_avg"),
        "distribution": fields.text_of("truncated_normal", "untruncated_normal", "uniform"),
        "seed": SEED,
    },
    "Orthogonal": {"gain": ANY, "seed": SEED},
    "Identity": {"gain": ANY},
    **{
        f"{name}{spread}": _RANDOM
        for name in ("Glorot", "He", "Lecun")
        for spread in ("Normal", "Uniform")
    },
}

REGULARIZERS: dict[str, dict[str, Check]] = {
    "L1": {"l1": ANY},
    "L2": {"l2": ANY},
    "L1L2": {"l1": ANY, "l2": ANY},
    "OrthogonalRegularizer": {"factor": ANY, "mode": fields.text_of("rows", "columns")},
    "PercentileFiringRate": {
        "percentile": number(0, 100),
        "low_hz": number(0, 1e6),
        "high_hz": number(1e-6, 1e6),
        "weight": ANY,
        "phases": whole(1, 1024),
    },
}

CONSTRAINTS: dict[str, dict[str, Check]] = {
    "MaxNorm": {"max_value": ANY, "axis": AXIS},
    "MinMaxNorm": {"min_value": ANY, "max_value": ANY, "rate": ANY, "axis": AXIS},
    "NonNeg": {},
    "UnitNorm": {"axis": AXIS},
    "RadialConstraint": {},
}


def _snake_case(kind: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in kind).lstrip("_")


def _part(allowed: Mapping[str, Mapping[str, Check]], what: str) -> Check:
    """A check of one of these parts: null, its name alone, or an object."""
    by_short_name = {_snake_case(kind): kind for kind in allowed} | {k.lower(): k for k in allowed}

    def check(value: object) -> Part | None:
        if value is None:
            return None
        if type(value) is str:
            kind = value if value in allowed else by_short_name.get(value)
            if kind is None:
                raise ValueError(f"is {one_line(repr(value), 60)}, which is no {what} that is read")
            return Part(kind)
        kind, config = class_and_config(value)
        if kind not in allowed:
            raise ValueError(f"is a {one_line(kind, 60)}, which is no {what} that is read")
        return Part(kind, arguments(config, allowed[kind]))

    return check


class CodeError(ValueError):
    """A configuration that is, or names, code."""


def class_and_config(value: object) -> tuple[str, dict[str, object]]:
    """Name and settings of a serialized object whose class may be one that is read.

    Raises
    ------
    CodeError
        If it is code, or of a module of others.
    ValueError
        If it is no such object.
    """
    if type(value) is not dict:
        raise ValueError(f"is {one_line(repr(value), 60)}; expected an object with 'class_name'")
    kind = value.get("class_name")
    if type(kind) is not str:
        raise ValueError(f"has class name {one_line(repr(kind), 60)}; expected a text")
    module, registered = value.get("module"), value.get("registered_name")
    own = kind.removeprefix("loihiseg>")
    if own in OURS:
        _check_named(module, (None, OURS[own]), kind, "module")
        _check_named(registered, (None, f"loihiseg>{own}"), kind, "the registered name")
        kind = own
    else:
        if not _is_keras(module):
            _check_named(module, (), kind, "module")
        if kind in CARRIES_CODE:
            raise CodeError(f"({one_line(kind, 60)}) carries Python code, which is not run")
        _check_named(registered, (None, kind), kind, "the registered name")
    if ">" in kind:
        raise CodeError(f"({one_line(kind, 60)}) is code registered by others, which is not run")
    config = value.get("config")
    unknown = set(value) - _OBJECT_KEYS
    if unknown:
        raise ValueError(f"({kind}) has the unknown entry {one_line(repr(min(unknown)), 60)}")
    if type(config) is not dict:
        if kind == "Sequential" and type(config) is list:  # as Keras wrote it long ago
            return kind, {"layers": config}
        raise ValueError(f"({kind}) has no configuration")
    return kind, config


_OBJECT_KEYS = {
    "class_name", "config", "module", "registered_name", "name", "inbound_nodes", "build_config",
    "compile_config", "shared_object_id",
}  # fmt: skip


def _is_keras(module: object) -> bool:
    return module is None or (
        type(module) is str and module.split(".")[0] in ("keras", "tf_keras", "builtins")
    )


def _check_named(value: object, allowed: tuple[str | None, ...], kind: str, what: str) -> None:
    if value not in allowed or type(value) not in (str, type(None)):
        shown = one_line(repr(value), 60)
        raise CodeError(f"({one_line(kind, 60)}) is code of {what} {shown}, which is not run")


def arguments(
    config: dict[str, object], checks: Mapping[str, Check], needed: tuple[str, ...] = ()
) -> dict[str, object]:
    """Constructor's arguments of a configuration, every one of them checked.

    Raises
    ------
    ValueError
        Names the first setting that is wrong, unknown or missing.
    """
    result = {}
    for key, value in config.items():
        check = checks.get(key)
        if check is None:
            if value is None:  # new settings of later versions, not used
                continue
            raise ValueError(f"has the setting {one_line(repr(key), 60)}, which is not read")
        try:
            result[key] = check(value)
        except CodeError as error:
            raise CodeError(f"{key} {error}") from None
        except ValueError as error:
            raise ValueError(f"{key} {error}") from None
    for key in needed:
        if key not in result:
            raise ValueError(f"has no {key!r}")
    return result


_OUR_ACTIVATIONS = {f"loihiseg>{name}": name for name in SINCE_KERAS_3}
"""As a model that was read from a file of today's Keras is written again."""


def activation(value: object) -> Activation:
    if type(value) is dict and value.get("class_name") == "function":
        # How a function that Keras knows is written; its name alone counts.
        config, registered = value.get("config"), value.get("registered_name")
        is_own = type(config) is str and config in _OUR_ACTIVATIONS and registered == config
        if _is_keras(value.get("module")) and (is_own or registered in (None, "function")):
            value = config
        else:
            class_and_config(value)
    if type(value) is str:
        if value in ACTIVATIONS:
            return Activation(value)
        if value in _OUR_ACTIVATIONS:
            return Activation(_OUR_ACTIVATIONS[value])
        raise ValueError(f"is {one_line(repr(value), 60)}, which is no activation that is read")
    if type(value) is dict and "value" in value and "class_name" not in value:
        raise CodeError("(__lambda__) carries Python code, which is not run")
    kind, _ = class_and_config(value)
    raise ValueError(f"is a {one_line(kind, 60)}; make it a layer of its own")


def dtype(value: object) -> str:
    if type(value) is dict:
        kind, config = class_and_config(value)
        if kind not in ("Policy", "DTypePolicy") or set(config) - {"name"}:
            raise ValueError(f"is a {one_line(kind, 60)}; expected a policy")
        value = config.get("name")
    return fields.text_of(
        "float32", "float16", "float64", "bfloat16", "mixed_float16", "mixed_bfloat16"
    )(value)


INITIALIZER = _part(INITIALIZERS, "initializer")
REGULARIZER = _part(REGULARIZERS, "regularizer")
CONSTRAINT = _part(CONSTRAINTS, "constraint")
