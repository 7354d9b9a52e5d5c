"""What makes one value of several, as linear maps."""

from collections.abc import Sequence

import numpy as np

from loihiseg.conversion.lowering import taps as axis
from loihiseg.conversion.lowering.graph import Step
from loihiseg.conversion.lowering.images import alike
from loihiseg.conversion.lowering.linear_map import LinearMap, add, apply, concatenate, scale
from loihiseg.conversion.lowering.settings import KerasShape, image
from loihiseg.conversion.lowering.shapes import joined_axis, output_shape
from loihiseg.conversion.lowering.windows import NotPlacedError, mixture


def joined(step: Step, maps: Sequence[LinearMap], shapes: Sequence[KerasShape]) -> LinearMap:
    """Concatenate: of channels, or of rows or columns, each with zeros where the others are."""
    along = joined_axis(step, shapes) + 3 - len(shapes[0])
    rows, columns, channels = image(output_shape(step, shapes))
    if len(shapes[0]) > 3:
        raise NotPlacedError(f"joins values of shape {shapes[0]}; reshape them to images before")
    if along == 2:
        return concatenate(maps)
    first, parts = 0, []
    for one in maps:
        before = [0, 0]
        before[along] = first
        windows = alike(
            axis.moved(one.shape[0], before[0], rows),
            axis.moved(one.shape[1], before[1], columns),
            channels,
        )
        parts.append(apply(one, windows))
        first += one.shape[along]
    return add(parts)


def summed(step: Step, maps: Sequence[LinearMap], shapes: Sequence[KerasShape]) -> LinearMap:
    """Add, Subtract and Average; an axis of one pixel or channel is repeated."""
    shape = image(output_shape(step, shapes))
    every = [repeated(one, shape) for one in maps]
    if step.kind == "Subtract":
        if len(every) != 2:
            raise NotPlacedError(f"takes {len(every)} values, expected 2")
        every[1] = by(every[1], -1.0)
    total = add(every)
    return by(total, 1.0 / len(every)) if step.kind == "Average" else total


def by(one: LinearMap, factor: float) -> LinearMap:
    """A map times a number."""
    return scale(one, np.full(one.shape[2], factor), np.zeros(one.shape[2]))


def repeated(one: LinearMap, shape: tuple[int, int, int]) -> LinearMap:
    """A map of a shape, with axes of one pixel or channel repeated."""
    if one.shape[:2] != shape[:2]:
        rows, columns = (
            axis.identity(own) if own == wanted else axis.repeated(own, wanted)
            for own, wanted in zip(one.shape[:2], shape[:2], strict=True)
        )
        one = apply(one, alike(rows, columns, one.shape[2]))
    if one.shape[2] != shape[2]:
        one = apply(one, mixture(np.ones((1, shape[2])), one.shape))
    return one
