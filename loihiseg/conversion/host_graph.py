"""What follows the last neurons, on the host: a few operations on images, in numpy.

A read-out is kept with a deployed network and runs where there is no framework. Each kind of
operation is a class of its own: its fields are what a file holds of it, calling it is what it does.
`loihiseg.conversion.lowering.tail` makes them of Keras layers.
"""

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta

from loihiseg.conversion.convolution import (
    convolve,
    convolve_transposed,
    in_order,
    same_borders,
    sliding_windows,
)

Size = Annotated[int, Meta(ge=1, le=4096)]
Border = Annotated[int, Meta(ge=0, le=4096)]
Pair = tuple[Size, Size]
Borders = tuple[Border, Border, Border, Border]
"""Pixels at the top, bottom, left and right."""

FunctionName = Literal[
    "leaky_relu", "elu", "sigmoid", "hard_sigmoid", "tanh", "softplus", "exponential",
    "softmax",
]  # fmt: skip

FUNCTIONS: dict[FunctionName, Callable[[np.ndarray, float], np.ndarray]] = {
    "leaky_relu": lambda x, slope: np.where(x > 0, x, x * x.dtype.type(slope)),
    "elu": lambda x, alpha: np.where(x > 0, x, x.dtype.type(alpha) * np.expm1(np.minimum(x, 0))),
    "sigmoid": lambda x, _: x.dtype.type(0.5) * (1 + np.tanh(x.dtype.type(0.5) * x)),
    "hard_sigmoid": lambda x, _: np.clip(x.dtype.type(0.2) * x + x.dtype.type(0.5), 0, 1),
    "tanh": lambda x, _: np.tanh(x),
    "softplus": lambda x, _: np.logaddexp(x, x.dtype.type(0)),
    "exponential": lambda x, _: np.exp(x),
    "softmax": lambda x, _: _softmax(x),
}
"""Functions of single values (softmax: of channels) by name; some have a parameter."""

JoinName = Literal["concatenate", "add", "subtract", "multiply", "average", "maximum", "minimum"]

JOINS: dict[JoinName, Callable[[list[np.ndarray]], np.ndarray]] = {
    "concatenate": lambda parts: np.concatenate(parts, axis=-1),
    "add": lambda parts: _folded(np.add, parts),
    "subtract": lambda parts: _folded(np.subtract, parts),
    "multiply": lambda parts: _folded(np.multiply, parts),
    "average": lambda parts: _folded(np.add, parts) / parts[0].dtype.type(len(parts)),
    "maximum": lambda parts: _folded(np.maximum, parts),
    "minimum": lambda parts: _folded(np.minimum, parts),
}


class _Operation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, eq=False):
    """Takes one image per source, (n, rows, columns, channels) float32, and gives one."""


class Convolution(_Operation, frozen=True, tag="convolution", eq=False):
    """A convolution with a bias; see `loihiseg.conversion.convolution`.

    The same to the last bit for any number of threads: maps of the chip have nothing else after
    their spikes that could differ.
    """

    kernel: np.ndarray
    bias: np.ndarray
    strides: Pair = (1, 1)
    padding: Literal["valid", "same"] = "valid"
    transposed: bool = False

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Convolve."""
        if self.transposed:
            return convolve_transposed(image, self.kernel, self.strides, in_order) + self.bias
        return convolve(image, self.kernel, self.strides, self.padding, in_order) + self.bias


class Affine(_Operation, frozen=True, tag="affine", eq=False):
    """A factor and an offset for each channel, (channels,) or (1,)."""

    factor: np.ndarray
    offset: np.ndarray

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Multiply and add."""
        return image * self.factor + self.offset


class Function(_Operation, frozen=True, tag="function", eq=False):
    """One of `FUNCTIONS`."""

    name: FunctionName
    parameter: float = 0.0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Apply it."""
        return FUNCTIONS[self.name](image, self.parameter).astype(np.float32, copy=False)


class Pooling(_Operation, frozen=True, tag="pooling", eq=False):
    """Maxima or means of windows; with padding "same" of what of a window lies in the image."""

    kind: Literal["max", "mean"]
    size: Pair
    strides: Pair
    padding: Literal["valid", "same"] = "valid"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Pool."""
        if self.padding == "same":
            borders = same_borders(image.shape, self.size, self.strides)
            image = np.pad(image, borders, constant_values=np.nan)
        windows = sliding_windows(image, self.size)[:, :: self.strides[0], :: self.strides[1]]
        reduce = np.nanmax if self.kind == "max" else np.nanmean
        return reduce(windows, axis=(3, 4)).astype(np.float32)


class Upsampling(_Operation, frozen=True, tag="upsampling", eq=False):
    """Every pixel as so many rows and columns, as they are or bilinearly."""

    size: Pair
    bilinear: bool = False

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Enlarge."""
        if self.bilinear:
            rows, columns = (n * s for n, s in zip(image.shape[1:3], self.size, strict=True))
            return upsampled(image, rows, columns)
        return image.repeat(self.size[0], axis=1).repeat(self.size[1], axis=2)


class Padding(_Operation, frozen=True, tag="padding", eq=False):
    """Zeros around an image."""

    borders: Borders

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Pad."""
        top, bottom, left, right = self.borders
        return np.pad(image, ((0, 0), (top, bottom), (left, right), (0, 0)))


class Cropping(_Operation, frozen=True, tag="cropping", eq=False):
    """An image without its borders."""

    borders: Borders

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Crop."""
        top, bottom, left, right = self.borders
        return image[:, top : image.shape[1] - bottom, left : image.shape[2] - right]


class Join(_Operation, frozen=True, tag="join", eq=False):
    """One image of several, by one of `JOINS`."""

    name: JoinName

    def __call__(self, *images: np.ndarray) -> np.ndarray:
        """Join them."""
        return JOINS[self.name](list(images))


Operation = Convolution | Affine | Function | Pooling | Upsampling | Padding | Cropping | Join


class Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True, eq=False):
    """An operation in a graph: its name, the names of what it takes, and what it does."""

    name: str
    sources: tuple[str, ...]
    operation: Operation


class HostGraph(msgspec.Struct, frozen=True, forbid_unknown_fields=True, eq=False):
    """Operations from images by name to one image.

    Attributes
    ----------
    inputs : tuple of str
    nodes : tuple of Node
        Sources first.
    output : str
        Of a node, or of an input.
    """

    inputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    output: str

    def __call__(self, images: dict[str, np.ndarray]) -> np.ndarray:
        """Run the operations.

        Parameters
        ----------
        images : dict of str to numpy.ndarray
            (n, rows, columns, channels) float32 by input.

        Returns
        -------
        numpy.ndarray
            (n, rows, columns, channels) float32.
        """
        values = {name: np.asarray(images[name], np.float32) for name in self.inputs}
        for node in self.nodes:
            values[node.name] = node.operation(*(values[name] for name in node.sources))
        return values[self.output]

    @property
    def ends_in_sigmoid(self) -> bool:
        """Whether the output is a probability; what only moves pixels may follow the sigmoid."""
        by_name = {node.name: node for node in self.nodes}
        name = self.output
        while isinstance(getattr(by_name.get(name), "operation", None), Upsampling | Cropping):
            (name,) = by_name[name].sources
        last = getattr(by_name.get(name), "operation", None)
        return isinstance(last, Function) and last.name == "sigmoid"


def upsampled(images: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """(n, rows, columns, channels) images at another size, bilinearly; pixels are areas."""
    if images.shape[1:3] == (rows, columns):
        return images
    from skimage.transform import resize

    shape = (rows, columns, images.shape[3])
    return np.stack([resize(image, shape, order=1, mode="edge") for image in images])


def _softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _folded(function: np.ufunc, parts: list[np.ndarray]) -> np.ndarray:
    total = parts[0]
    for part in parts[1:]:
        total = function(total, part)
    return total
