"""What becomes of every kind of layer between two activations: a linear map, or a refusal.

One row per kind. What is in no table is refused by name, and so is what a rule cannot place; both
say what to use instead.
"""

from collections.abc import Callable, Sequence

from loihiseg.conversion.lowering import convolutions, images, joins, levels
from loihiseg.conversion.lowering.functions import OF_FLOATS, is_function
from loihiseg.conversion.lowering.graph import Step
from loihiseg.conversion.lowering.levels import Layers
from loihiseg.conversion.lowering.linear_map import LinearMap
from loihiseg.conversion.lowering.neurons import passes_on
from loihiseg.conversion.lowering.settings import INSIDE, KerasShape, activation
from loihiseg.conversion.lowering.windows import NotPlacedError

Maps = Sequence[LinearMap]
Shapes = Sequence[KerasShape]
Rule = Callable[[Step, Maps, Shapes, Layers], LinearMap]

RULES: dict[str, Rule] = {
    "Conv2D": lambda step, maps, shapes, _: convolutions.convolution(step, maps[0]),
    "DepthwiseConv2D": lambda step, maps, shapes, _: convolutions.depthwise(step, maps[0]),
    "SeparableConv2D": lambda step, maps, shapes, _: convolutions.separable(step, maps[0]),
    "Conv2DTranspose": lambda step, maps, shapes, _: convolutions.transposed(step, maps[0]),
    "Dense": lambda step, maps, shapes, _: convolutions.dense(step, maps[0], shapes[0]),
    "AveragePooling2D": lambda step, maps, shapes, _: images.mean(step, maps[0]),
    "GlobalAveragePooling2D": lambda step, maps, shapes, _: images.whole_mean(step, maps[0]),
    "UpSampling2D": lambda step, maps, shapes, _: images.enlarged(step, maps[0]),
    "ZeroPadding2D": lambda step, maps, shapes, _: images.bordered(step, maps[0]),
    "Cropping2D": lambda step, maps, shapes, _: images.bordered(step, maps[0]),
    "BatchNormalization": lambda step, maps, shapes, _: images.normalized(step, maps[0], shapes[0]),
    "Rescaling": lambda step, maps, shapes, _: images.rescaled(step, maps[0]),
    "Flatten": lambda step, maps, shapes, _: images.reshaped(step, maps[0], shapes[0]),
    "Reshape": lambda step, maps, shapes, _: images.reshaped(step, maps[0], shapes[0]),
    "Permute": lambda step, maps, shapes, _: images.permuted(step, maps[0], shapes[0]),
    "Concatenate": lambda step, maps, shapes, _: joins.joined(step, maps, shapes),
    "Add": lambda step, maps, shapes, _: joins.summed(step, maps, shapes),
    "Subtract": lambda step, maps, shapes, _: joins.summed(step, maps, shapes),
    "Average": lambda step, maps, shapes, _: joins.summed(step, maps, shapes),
    "MaxPooling2D": lambda step, maps, shapes, layers: levels.pooled(step, maps[0], layers),
    "GlobalMaxPooling2D": lambda step, maps, shapes, layers: levels.pooled(step, maps[0], layers),
    "Maximum": lambda step, maps, shapes, layers: levels.extreme(step, maps, layers),
    "Minimum": lambda step, maps, shapes, layers: levels.extreme(step, maps, layers),
}

INSTEAD = {
    "EightBitConv2D": "the Conv2D that stands for it, with its rounded kernel",
    "EightBitConv2DTranspose": "the Conv2DTranspose that stands for it, with its rounded kernel",
    "Softmax": "a ReLU, and the Softmax behind the last activation alone",
    "LayerNormalization": "a BatchNormalization",
    "GroupNormalization": "a BatchNormalization",
    "Multiply": "an Add or a Concatenate",
    "Lambda": "Conv2D, Reshape, Permute or other layers of Keras that do the same",
    "ConvLSTM2D": "a Conv2D",
}
"""What to use in place of a layer that Loihi cannot run."""

_KNOWN = "Conv2D, Conv2DTranspose, Dense, Concatenate, Add and ReLU"


def check_step(step: Step) -> None:
    """Refuse a layer between activations that cannot be placed whatever it is fed by.

    Raises
    ------
    NotPlacedError
    """
    if step.fault and step.kind not in INSTEAD:
        raise NotPlacedError(_with_remedy(step))
    if is_function(step):
        inside = f"has activation {activation(step)!r}: it " if step.kind in INSIDE else ""
        raise NotPlacedError(inside + OF_FLOATS)
    if step.kind == "Activation" and not passes_on(step):
        raise NotPlacedError("cannot run on Loihi; use a ReLU")
    if step.kind not in RULES and not passes_on(step):
        raise NotPlacedError(f"cannot run on Loihi; use {INSTEAD.get(step.kind, _KNOWN)}")
    if step.arguments.get("data_format", "channels_last") != "channels_last":
        raise NotPlacedError("is channels-first; use channels_last")
    if step.kind in INSIDE and activation(step) not in ("linear", "relu"):
        raise NotPlacedError(f"has activation {activation(step)!r}; use 'relu'")
    images.check_settings(step)


def _with_remedy(step: Step) -> str:
    """The fault of a layer, with what to do where it does not say so itself."""
    fault = step.fault
    if any(word in fault for word in ("use ", "replace ", "expected", "make it", "call it")):
        return fault
    if step.kind in RULES:
        return f"{fault}; leave that out" if "not read" in fault else fault
    return f"{fault}; use {_KNOWN}"


def lowered(step: Step, maps: Maps, shapes: Shapes, layers: Layers) -> LinearMap:
    """The linear map of a layer, its activation left out.

    Raises
    ------
    NotPlacedError
    """
    return maps[0] if passes_on(step) else RULES[step.kind](step, maps, shapes, layers)
