"""What moves, enlarges, averages or scales pixels, as linear maps."""

import numpy as np

from loihiseg.conversion.lowering import taps as axis
from loihiseg.conversion.lowering.convolutions import weight
from loihiseg.conversion.lowering.graph import Step
from loihiseg.conversion.lowering.linear_map import LinearMap, apply, rearrange, scale
from loihiseg.conversion.lowering.settings import (
    KerasShape,
    borders,
    image,
    pair,
    same_before,
)
from loihiseg.conversion.lowering.shapes import output_shape, pool_settings
from loihiseg.conversion.lowering.taps import Taps
from loihiseg.conversion.lowering.windows import NotPlacedError, Windows


def alike(rows: Taps, columns: Taps, channels: int) -> Windows:
    """The same for every channel, with weights of the taps alone."""
    kernel = np.ones((rows.n_taps, columns.n_taps, channels, 1))
    return Windows(rows, columns, kernel, depthwise=True)


def mean(step: Step, one: LinearMap) -> LinearMap:
    """AveragePooling2D: with padding "same" of what of a window lies in the image."""
    size, strides = pool_settings(step)
    rows, columns, channels = output_shape(step, [one.shape])
    is_same = step.arguments.get("padding", "valid") == "same"
    along = []
    for n, result in enumerate((rows, columns)):
        length = one.shape[n]
        before = same_before(length, result, size[n], strides[n]) if is_same else 0
        along.append(axis.means(length, result, size[n], strides[n], before))
    return apply(one, alike(along[0], along[1], channels))


def whole_mean(step: Step, one: LinearMap) -> LinearMap:
    """GlobalAveragePooling2D."""
    rows, columns = (axis.means(n, 1, n, n, 0) for n in one.shape[:2])
    return apply(one, alike(rows, columns, one.shape[2]))


def check_settings(step: Step) -> None:
    """Refuse settings that no image makes right, of the layers here.

    Raises
    ------
    NotPlacedError
    """
    interpolation = step.arguments.get("interpolation", "nearest")
    if step.kind == "UpSampling2D" and interpolation not in ("nearest", "bilinear"):
        raise NotPlacedError(f"interpolates by {interpolation}; use nearest or bilinear")
    axes = step.arguments.get("axis", -1)
    if step.kind == "BatchNormalization" and not isinstance(axes, int) and len(axes) != 1:
        raise NotPlacedError(f"must normalize channels (axis -1), not axis {tuple(axes)}")


def enlarged(step: Step, one: LinearMap) -> LinearMap:
    """UpSampling2D."""
    check_settings(step)
    interpolation = step.arguments.get("interpolation", "nearest")
    make = axis.repeated if interpolation == "nearest" else axis.bilinear
    rows, columns = (
        make(length, factor)
        for length, factor in zip(one.shape[:2], pair(step, "size", 2), strict=True)
    )
    return apply(one, alike(rows, columns, one.shape[2]))


def bordered(step: Step, one: LinearMap) -> LinearMap:
    """ZeroPadding2D and Cropping2D."""
    rows, columns, channels = output_shape(step, [one.shape])
    if step.kind == "ZeroPadding2D":
        (top, _), (left, _) = borders(step, "padding")
    else:
        (top, _), (left, _) = ((-a, -b) for a, b in borders(step, "cropping"))
    along = axis.moved(one.shape[0], top, rows), axis.moved(one.shape[1], left, columns)
    return apply(one, alike(along[0], along[1], channels))


def normalized(step: Step, one: LinearMap, shape: KerasShape) -> LinearMap:
    """BatchNormalization of channels."""
    every = step.arguments.get("axis", -1)
    every = (every,) if isinstance(every, int) else tuple(every)
    if every not in ((-1,), (len(shape),)):
        raise NotPlacedError(f"must normalize channels (axis -1), not axis {every}")
    factor, offset = normalization(step)
    if factor.shape != (one.shape[2],):
        raise NotPlacedError(f"has weights of {factor.shape} for {one.shape[2]} channels")
    return scale(one, factor, offset)


def normalization(step: Step) -> tuple[np.ndarray, np.ndarray]:
    """Factor and offset of a BatchNormalization, float32, (channels,)."""
    mean_of, variance = weight(step, "moving_mean"), weight(step, "moving_variance")
    factor = 1.0 / np.sqrt(variance + step.arguments.get("epsilon", 1e-3))
    if step.arguments.get("scale", True):
        factor = factor * weight(step, "gamma")
    offset = -mean_of * factor
    if step.arguments.get("center", True):
        offset = offset + weight(step, "beta")
    return factor.astype(np.float32), offset.astype(np.float32)


def rescaled(step: Step, one: LinearMap) -> LinearMap:
    """Rescaling."""
    channels = one.shape[2]
    factor, offset = (
        np.broadcast_to(np.asarray(step.arguments.get(name, default), np.float32), (channels,))
        for name, default in (("scale", 1.0), ("offset", 0.0))
    )
    return scale(one, factor, offset)


def reshaped(step: Step, one: LinearMap, shape: KerasShape) -> LinearMap:
    """Flatten and Reshape: the same values in the same order."""
    found = image(output_shape(step, [shape]))
    if found == one.shape:
        return one
    return rearrange(one, np.arange(int(np.prod(found))), found)


def permuted(step: Step, one: LinearMap, shape: KerasShape) -> LinearMap:
    """Permute."""
    dims = [int(n) - 1 for n in step.arguments["dims"]]
    if dims == list(range(len(dims))):
        return one
    order = np.arange(int(np.prod(shape))).reshape(shape).transpose(dims).ravel()
    return rearrange(one, order, image(output_shape(step, [shape])))
