"""Settings of layers as rules read them: with Keras' defaults, pairs as pairs."""

from typing import Any

from loihiseg.conversion.linear import Pair
from loihiseg.conversion.lowering.graph import Step
from loihiseg.conversion.lowering.windows import NotPlacedError, Shape

KerasShape = tuple[int, ...]
"""Of a value in Keras, without the batch."""

INSIDE = ("Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D", "Dense")
"""Layers that may have an activation of their own."""


def pair(step: Step, name: str, default: int) -> Pair:
    """A setting of rows and columns."""
    value = step.arguments.get(name)
    if value is None:
        value = default
    rows, columns = (value, value) if isinstance(value, int) else value
    return int(rows), int(columns)


def borders(step: Step, name: str) -> tuple[Pair, Pair]:
    """A setting of ((top, bottom), (left, right))."""
    value: Any = step.arguments.get(name)
    if value is None:
        value = 1 if name == "padding" else 0
    if isinstance(value, int):
        value = value, value
    rows, columns = ((v, v) if isinstance(v, int) else v for v in value)
    return (int(rows[0]), int(rows[1])), (int(columns[0]), int(columns[1]))


def activation(step: Step) -> str:
    """Name of the activation inside a layer."""
    found = step.arguments.get("activation")
    return "linear" if found is None else str(found.name)


def image(shape: KerasShape) -> Shape:
    """A value's shape as (rows, columns, channels): axes of 1 in front, or all in one."""
    if len(shape) > 3:
        count = 1
        for length in shape:
            count *= length
        return 1, 1, count
    rows, columns, channels = (1,) * (3 - len(shape)) + tuple(shape)
    return rows, columns, channels


def same_before(length: int, result: int, size: int, stride: int) -> int:
    """Zeros in front of the first pixel with padding "same"."""
    return max((result - 1) * stride + size - length, 0) // 2


def check_image(shape: KerasShape) -> None:
    """Refuse what is no image."""
    if len(shape) != 3:
        raise NotPlacedError(f"takes an image and is given the shape {shape}; reshape it before")
