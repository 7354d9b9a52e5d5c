"""Every layer a Keras file may have, with its settings; what is not here is refused by name.

Settings are those of ``get_config`` of tf_keras; those that today's Keras names otherwise, or has
beside them, are translated by `layer_arguments`. A name of this table is looked up in no other
place than the classes of tf_keras and of this package (`build`).
"""

from dataclasses import dataclass

from loihiseg.conversion.keras_file import fields
from loihiseg.conversion.keras_file.errors import one_line
from loihiseg.conversion.keras_file.fields import (
    Check,
    flag,
    maybe,
    number,
    only,
    pair,
    some,
    whole,
)
from loihiseg.conversion.keras_file.parts import (
    ANY,
    AXIS,
    CONSTRAINT,
    INITIALIZER,
    KERAS_3_ACTIVATIONS,
    POSITIVE,
    REGULARIZER,
    SEED,
    SINCE_KERAS_3,
    activation,
    arguments,
    dtype,
)

_SHAPE = some(maybe(whole(1, 1 << 16)), 1, 8)
_CHANNELS_LAST = fields.text_of("channels_last", "channels_first")
_SIDE = whole(0, 1 << 12)
_PADDING = fields.either(
    some(fields.either(some(_SIDE, 2, 2), _SIDE), 2, 2), _SIDE
)  # ((top, bottom), (left, right)), (rows, columns) or one number


@dataclass(frozen=True)
class Weight:
    """A weight of a layer.

    Attributes
    ----------
    name : str
    trained : bool
        Whether training changes it by its gradient.
    initializer : str or None
        The constructor's argument that gives its first value.
    unless : str or None
        The setting that, where false, leaves the weight out.
    """

    name: str
    trained: bool = True
    initializer: str | None = None
    unless: str | None = None


@dataclass(frozen=True)
class LayerRule:
    """What a layer may say.

    Attributes
    ----------
    checks : dict of str to Check
    needed : tuple of str
        Settings without a default.
    weights : tuple of Weight
        In Keras' order.
    joins : bool
        Whether it takes a list of inputs.
    """

    checks: dict[str, Check]
    needed: tuple[str, ...] = ()
    weights: tuple[Weight, ...] = ()
    joins: bool = False


_COMMON: dict[str, Check] = {
    "name": fields.name,
    "trainable": flag,
    "dtype": dtype,
    "batch_input_shape": _SHAPE,
}


def _weighted(*names: str) -> dict[str, Check]:
    return {
        f"{name}_{part}": check
        for name in names
        for part, check in (
            ("initializer", INITIALIZER), ("regularizer", REGULARIZER), ("constraint", CONSTRAINT)
        )
    }  # fmt: skip


_SIZE = pair(1, 1024)
_ACTIVE = {"activation": activation, "activity_regularizer": REGULARIZER, "use_bias": flag}
_SLIDING = {
    "kernel_size": _SIZE,
    "strides": _SIZE,
    "padding": fields.text_of("valid", "same"),
    "data_format": _CHANNELS_LAST,
    "dilation_rate": _SIZE,
    "groups": whole(1, 1 << 16),
}
_CONVOLUTION = {
    **_COMMON, **_ACTIVE, **_SLIDING, **_weighted("kernel", "bias"), "filters": whole(1, 1 << 20)
}  # fmt: skip
_TRANSPOSED = {**_CONVOLUTION, "output_padding": maybe(pair(0, 1024))}
_POOLING = {
    **_COMMON,
    "pool_size": _SIZE,
    "padding": fields.text_of("valid", "same"),
    "strides": maybe(_SIZE),
    "data_format": _CHANNELS_LAST,
}
_GLOBAL_POOLING = {**_COMMON, "data_format": _CHANNELS_LAST, "keepdims": flag}
_NORMALIZATION = {
    **_COMMON,
    **_weighted("beta", "gamma"),
    "axis": AXIS,
    "epsilon": number(0, 1e6),
    "center": flag,
    "scale": flag,
}
_NOISE = {**_COMMON, "rate": number(0, 1), "seed": SEED}
_NOISE_SHAPE = {"noise_shape": maybe(some(maybe(whole(1, 1 << 16)), 1, 8))}

_BIAS = Weight("bias", True, "bias_initializer", "use_bias")
_KERNEL = Weight("kernel", True, "kernel_initializer")
_GAMMA = Weight("gamma", True, "gamma_initializer", "scale")
_BETA = Weight("beta", True, "beta_initializer", "center")
_DEPTHWISE = Weight("depthwise_kernel", True, "depthwise_initializer")

LAYERS: dict[str, LayerRule] = {
    "InputLayer": LayerRule(
        {
            **_COMMON,
            "dtype": fields.text_of("float32", "float16", "float64", "uint8", "uint16", "int32"),
            "sparse": only(False),
            "ragged": only(False),
            "optional": only(False),
        },
        ("batch_input_shape",),
    ),
    "Conv2D": LayerRule(_CONVOLUTION, ("filters", "kernel_size"), (_KERNEL, _BIAS)),
    "EightBitConv2D": LayerRule(
        {**_CONVOLUTION, "source_channels": maybe(some(whole(1, 1 << 20), 1, 1000))},
        ("filters", "kernel_size"),
        (_KERNEL, _BIAS),
    ),
    "Conv2DTranspose": LayerRule(_TRANSPOSED, ("filters", "kernel_size"), (_KERNEL, _BIAS)),
    "EightBitConv2DTranspose": LayerRule(
        {**_TRANSPOSED, "use_bias": only(True)}, ("filters", "kernel_size"), (_KERNEL, _BIAS)
    ),
    "DepthwiseConv2D": LayerRule(
        {
            **_COMMON,
            **_ACTIVE,
            **_SLIDING,
            **_weighted("depthwise", "bias"),
            "groups": only(1),
            "depth_multiplier": whole(1, 1 << 16),
        },
        ("kernel_size",),
        (_DEPTHWISE, _BIAS),
    ),
    "SeparableConv2D": LayerRule(
        {
            **_CONVOLUTION,
            **_weighted("depthwise", "pointwise"),
            "groups": only(1),
            "depth_multiplier": whole(1, 1 << 16),
        },
        ("filters", "kernel_size"),
        (_DEPTHWISE, Weight("pointwise_kernel", True, "pointwise_initializer"), _BIAS),
    ),
    "Dense": LayerRule(
        {**_COMMON, **_ACTIVE, **_weighted("kernel", "bias"), "units": whole(1, 1 << 24)},
        ("units",),
        (_KERNEL, _BIAS),
    ),
    "BatchNormalization": LayerRule(
        {
            **_NORMALIZATION,
            "momentum": number(0, 1),
            "moving_mean_initializer": INITIALIZER,
            "moving_variance_initializer": INITIALIZER,
        },
        (),
        (
            _GAMMA,
            _BETA,
            Weight("moving_mean", False, "moving_mean_initializer"),
            Weight("moving_variance", False, "moving_variance_initializer"),
        ),
    ),
    "LayerNormalization": LayerRule(_NORMALIZATION, (), (_GAMMA, _BETA)),
    "GroupNormalization": LayerRule(
        {**_NORMALIZATION, "groups": whole(-1, 1 << 16)}, (), (_GAMMA, _BETA)
    ),
    "LoihiReLU": LayerRule(
        {
            **_COMMON,
            "rate_scale_hz": number(1e-6, 1e6),
            "rate_regularizer": REGULARIZER,
            "staircase": flag,
            "window_steps": maybe(whole(1, 1 << 20)),
        }
    ),
    "QuantizedReLU": LayerRule(
        {**_COMMON, "levels": whole(1, 1 << 16), "alpha": number(1e-30, 1e30)},
        (),
        (Weight("alpha"),),
    ),
    "EqualLevels": LayerRule(
        {**_COMMON, "levels": whole(1, 1 << 16), "low": ANY, "high": ANY},
        (),
        (Weight("low"), Weight("high")),
    ),
    "Activation": LayerRule({**_COMMON, "activation": activation}, ("activation",)),
    "ReLU": LayerRule(
        {**_COMMON, "max_value": maybe(POSITIVE), "negative_slope": POSITIVE, "threshold": POSITIVE}
    ),
    "LeakyReLU": LayerRule({**_COMMON, "alpha": POSITIVE}),
    "ELU": LayerRule({**_COMMON, "alpha": ANY}),
    "ThresholdedReLU": LayerRule({**_COMMON, "theta": POSITIVE}),
    "PReLU": LayerRule(
        {**_COMMON, **_weighted("alpha"), "shared_axes": maybe(some(whole(1, 8), 1, 8))},
        (),
        (Weight("alpha", True, "alpha_initializer"),),
    ),
    "Softmax": LayerRule({**_COMMON, "axis": AXIS}),
    "MaxPooling2D": LayerRule(_POOLING),
    "AveragePooling2D": LayerRule(_POOLING),
    "GlobalAveragePooling2D": LayerRule(_GLOBAL_POOLING),
    "GlobalMaxPooling2D": LayerRule(_GLOBAL_POOLING),
    "UpSampling2D": LayerRule(
        {
            **_COMMON,
            "size": _SIZE,
            "data_format": _CHANNELS_LAST,
            "interpolation": fields.text_of(
                "nearest",
                "bilinear",
                "bicubic",
                "area",
                "lanczos3",
                "lanczos5",
                "gaussian",
                "mitchellcubic",
            ),
        }
    ),
    "ZeroPadding2D": LayerRule({**_COMMON, "padding": _PADDING, "data_format": _CHANNELS_LAST}),
    "Cropping2D": LayerRule({**_COMMON, "cropping": _PADDING, "data_format": _CHANNELS_LAST}),
    "Flatten": LayerRule({**_COMMON, "data_format": _CHANNELS_LAST}),
    "Reshape": LayerRule(
        {**_COMMON, "target_shape": some(whole(-1, 1 << 28), 1, 8)}, ("target_shape",)
    ),
    "Permute": LayerRule({**_COMMON, "dims": some(whole(1, 8), 1, 8)}, ("dims",)),
    "Rescaling": LayerRule({**_COMMON, "scale": ANY, "offset": ANY}, ("scale",)),
    "Identity": LayerRule(_COMMON),
    "Dropout": LayerRule({**_NOISE, **_NOISE_SHAPE}, ("rate",)),
    "SpatialDropout2D": LayerRule(
        {**_NOISE, **_NOISE_SHAPE, "data_format": _CHANNELS_LAST}, ("rate",)
    ),
    "AlphaDropout": LayerRule({**_NOISE, **_NOISE_SHAPE}, ("rate",)),
    "GaussianDropout": LayerRule(_NOISE, ("rate",)),
    "GaussianNoise": LayerRule({**_COMMON, "stddev": POSITIVE, "seed": SEED}, ("stddev",)),
    "ActivityRegularization": LayerRule({**_COMMON, "l1": ANY, "l2": ANY}),
    "Concatenate": LayerRule({**_COMMON, "axis": whole(-8, 8)}, (), (), True),
    **{
        kind: LayerRule(_COMMON, (), (), True)
        for kind in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
    },
}
"""Layers that are read; whether they can be deployed is asked later, of the model."""


def layer_arguments(kind: str, config: dict[str, object], keras_3: bool) -> dict[str, object]:
    """Constructor's arguments of a layer.

    Raises
    ------
    ValueError
        Names the setting that is wrong, unknown or missing.
    """
    rule = LAYERS[kind]
    if keras_3:
        config = _as_tf_keras(kind, config)
    return arguments(config, rule.checks, rule.needed)


_RENAMED = {
    ("InputLayer", "batch_shape"): "batch_input_shape",
    ("LeakyReLU", "negative_slope"): "alpha",
}

_LEFT_OUT = {
    ("BatchNormalization", "synchronized"): (False,),
    ("BatchNormalization", "renorm"): (False,),
    ("BatchNormalization", "renorm_momentum"): None,  # of no effect without renorm
    ("LayerNormalization", "rms_scaling"): (False,),
}


def _as_tf_keras(kind: str, config: dict[str, object]) -> dict[str, object]:
    """Settings of today's Keras as tf_keras names them.

    Raises
    ------
    ValueError
        If one means what tf_keras cannot do, or does otherwise.
    """
    result = {}
    for key, value in config.items():
        if (kind, key) in _LEFT_OUT:
            meaningless = _LEFT_OUT[kind, key]
            if meaningless is not None and value not in meaningless:
                raise ValueError(f"{key} is {one_line(repr(value), 60)}, which is not read")
            continue
        if key == "activation" and type(value) is str:
            if value not in KERAS_3_ACTIVATIONS:
                shown = one_line(repr(value), 60)
                raise ValueError(f"activation is {shown}, which is no activation that is read")
            value = KERAS_3_ACTIVATIONS[value]
            value = f"loihiseg>{value}" if value in SINCE_KERAS_3 else value
        result[_RENAMED.get((kind, key), key)] = value
    return result
