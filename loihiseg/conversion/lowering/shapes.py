"""Shapes of what layers give, as Keras infers them, for all kinds that are read."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from loihiseg.conversion.lowering.graph import Graph, Step
from loihiseg.conversion.lowering.settings import KerasShape, borders, check_image, pair
from loihiseg.conversion.lowering.windows import NotPlacedError


def output_shape(step: Step, shapes: Sequence[KerasShape]) -> KerasShape:
    """Shape of a layer's output without the batch.

    Raises
    ------
    NotPlacedError
        If the layer takes no such shapes.
    """
    found = _SHAPES.get(step.kind, _same)(step, shapes)
    if any(length < 1 for length in found):
        raise NotPlacedError(f"gives the shape {found} for {shapes[0]}; give it a larger input")
    return found


def known_shapes(graph: Graph) -> dict[str, KerasShape]:
    """Shapes of all inputs and steps of a graph as far as they are known, without the batch."""
    found = {
        name: tuple(int(n) for n in shape if n is not None)
        for name, shape in graph.inputs.items()
        if shape and None not in shape
    }
    for name, step in graph.steps.items():
        if step.fault:
            if step.shape is not None:
                found[name] = step.shape
        elif all(source in found for source in step.sources):
            with suppress(NotPlacedError):
                found[name] = output_shape(step, [found[source] for source in step.sources])
    return found


def _same(step: Step, shapes: Sequence[KerasShape]) -> KerasShape:
    return shapes[0]


def slid(length: int, size: int, stride: int, padding: str, dilation: int = 1) -> int:
    """Length of what windows give."""
    if padding == "same":
        return -(-length // stride)
    return (length - (size - 1) * dilation - 1) // stride + 1


def _convolved(step: Step, shapes: Sequence[KerasShape]) -> KerasShape:
    (shape,) = shapes
    check_image(shape)
    size, strides = pair(step, "kernel_size", 1), pair(step, "strides", 1)
    dilation, padding = pair(step, "dilation_rate", 1), step.arguments.get("padding", "valid")
    rows, columns = (slid(shape[n], size[n], strides[n], padding, dilation[n]) for n in (0, 1))
    filters = step.arguments.get("filters")
    if step.kind == "DepthwiseConv2D":
        filters = shape[2] * step.arguments.get("depth_multiplier", 1)
    return rows, columns, int(filters or 0)


def _transposed(step: Step, shapes: Sequence[KerasShape]) -> KerasShape:
    (shape,) = shapes
    check_image(shape)
    size, strides = pair(step, "kernel_size", 1), pair(step, "strides", 1)
    dilation, padding = pair(step, "dilation_rate", 1), step.arguments.get("padding", "valid")
    output_padding = step.arguments.get("output_padding")
    found = []
    for n in (0, 1):
        length, window = shape[n], size[n] + (size[n] - 1) * (dilation[n] - 1)
        if output_padding is None:
            over = max(window - strides[n], 0) if padding == "valid" else 0
            found.append(length * strides[n] + over)
        else:
            crop = window // 2 if padding == "same" else 0
            extra = pair(step, "output_padding", 0)[n]
            found.append((length - 1) * strides[n] + window - 2 * crop + extra)
    return found[0], found[1], int(step.arguments["filters"])


def _pooled(step: Step, shapes: Sequence[KerasShape]) -> KerasShape:
    (shape,) = shapes
    check_image(shape)
    size, strides = pool_settings(step)
    padding = step.arguments.get("padding", "valid")
    rows, columns = (slid(shape[n], size[n], strides[n], padding) for n in (0, 1))
    return rows, columns, shape[2]


def pool_settings(step: Step) -> tuple[tuple[int, int], tuple[int, int]]:
    """Size and strides of pooling windows."""
    size = pair(step, "pool_size", 2)
    return size, size if step.arguments.get("strides") is None else pair(step, "strides", 2)


def _globally(step: Step, shapes: Sequence[KerasShape]) -> KerasShape:
    (shape,) = shapes
    check_image(shape)
    return (1, 1, shape[2]) if step.arguments.get("keepdims") else (shape[2],)


def _enlarged(step: Step, shapes: Sequence[KerasShape]) -> KerasShape:
    (shape,) = shapes
    check_image(shape)
    size = pair(step, "size", 2)
    return shape[0] * size[0], shape[1] * size[1], shape[2]


def _bordered(step: Step, shapes: Sequence[KerasShape]) -> KerasShape:
    (shape,) = shapes
    check_image(shape)
    name, sign = ("padding", 1) if step.kind == "ZeroPadding2D" else ("cropping", -1)
    rows, columns = borders(step, name)
    return shape[0] + sign * sum(rows), shape[1] + sign * sum(columns), shape[2]


def _flat(step: Step, shapes: Sequence[KerasShape]) -> KerasShape:
    return (_count(shapes[0]),)


def _reshaped(step: Step, shapes: Sequence[KerasShape]) -> KerasShape:
    target, count = tuple(step.arguments["target_shape"]), _count(shapes[0])
    known = _count(tuple(n for n in target if n != -1))
    if target.count(-1) > 1 or known < 1 or count % known:
        raise NotPlacedError(f"makes {target} of {shapes[0]}, which has other values")
    found = tuple(count // known if n == -1 else int(n) for n in target)
    if _count(found) != count:
        raise NotPlacedError(f"makes {target} of {shapes[0]}, which has other values")
    return found


def _permuted(step: Step, shapes: Sequence[KerasShape]) -> KerasShape:
    dims = step.arguments["dims"]
    if sorted(dims) != list(range(1, len(shapes[0]) + 1)):
        raise NotPlacedError(f"permutes the axes {tuple(dims)} of {shapes[0]}")
    return tuple(shapes[0][n - 1] for n in dims)


def _dense(step: Step, shapes: Sequence[KerasShape]) -> KerasShape:
    return *shapes[0][:-1], int(step.arguments["units"])


def _joined(step: Step, shapes: Sequence[KerasShape]) -> KerasShape:
    axis = joined_axis(step, shapes)
    if any(len(s) != len(shapes[0]) for s in shapes) or any(
        s[:axis] + s[axis + 1 :] != shapes[0][:axis] + shapes[0][axis + 1 :] for s in shapes
    ):
        raise NotPlacedError(f"joins values of unlike shapes {', '.join(map(str, shapes))}")
    length = sum(shape[axis] for shape in shapes)
    return *shapes[0][:axis], length, *shapes[0][axis + 1 :]


def joined_axis(step: Step, shapes: Sequence[KerasShape]) -> int:
    """Axis of a concatenation, counted without the batch."""
    axis, rank = int(step.arguments.get("axis", -1)), len(shapes[0])
    found = axis + rank if axis < 0 else axis - 1
    if not 0 <= found < rank:
        raise NotPlacedError(f"joins axis {axis} of values of shape {shapes[0]}")
    return found


def _merged(step: Step, shapes: Sequence[KerasShape]) -> KerasShape:
    ranks = {len(shape) for shape in shapes}
    lengths = [set(of_axis) - {1} for of_axis in zip(*shapes, strict=False)]
    if len(ranks) > 1 or any(len(each) > 1 for each in lengths):
        raise NotPlacedError(f"takes values of unlike shapes {', '.join(map(str, shapes))}")
    return tuple(max(of_axis) for of_axis in zip(*shapes, strict=True))


def _count(shape: KerasShape) -> int:
    total = 1
    for length in shape:
        total *= length
    return total


_SHAPES: dict[str, Callable[[Step, Sequence[KerasShape]], KerasShape]] = {
    "Conv2D": _convolved,
    "EightBitConv2D": _convolved,
    "DepthwiseConv2D": _convolved,
    "SeparableConv2D": _convolved,
    "Conv2DTranspose": _transposed,
    "EightBitConv2DTranspose": _transposed,
    "Dense": _dense,
    "MaxPooling2D": _pooled,
    "AveragePooling2D": _pooled,
    "GlobalAveragePooling2D": _globally,
    "GlobalMaxPooling2D": _globally,
    "UpSampling2D": _enlarged,
    "ZeroPadding2D": _bordered,
    "Cropping2D": _bordered,
    "Flatten": _flat,
    "Reshape": _reshaped,
    "Permute": _permuted,
    "Concatenate": _joined,
    **{kind: _merged for kind in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")},
}
