"""The linear algebra between two spiking layers, as a sum of convolutions with one source each.

Concatenations, additions, batch normalizations and biases between two activations are all linear.
Written as convolution kernels they leave nothing behind that would need a relay on the chip: a
convolution of a concatenation is the sum of one convolution per source, each with its own slice of
the kernel.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

import numpy as np
import scipy  # scipy.sparse loads when it is first used: an ordinary network is read without


class NotLinearizableError(ValueError):
    """Two operations that one convolution per source cannot express. The message says which."""


Pair: TypeAlias = tuple[int, int]
Pads: TypeAlias = tuple[Pair, Pair]
"""((top, bottom), (left, right))."""


@dataclass(frozen=True, eq=False)
class Term:
    """One convolution of one source.

    Attributes
    ----------
    source : str
        Name of the spiking layer or of the input that is convolved.
    kernel : numpy.ndarray
        float32, (rows, columns, source channels, channels), in cross-correlation order as Keras
        keeps it for Conv2D. For a transposed convolution (rows, columns, source channels,
        channels) too: Keras keeps those two channel axes the other way round. Depthwise:
        (rows, columns, source channels, channels of the layer for each), 1 for one each.
    strides : tuple of int
    padding : str
        "same" or "valid".
    transposed : bool
    levels : int
        Neurons that carry one channel of the source, one after the other, and share its weights;
        the kernel has the channel once.
    clock : bool
        Whether the source is a clock, see `loihiseg.codes.thermometer.clocks`: all neurons of a
        channel hear it with one weight.
    ruler : bool
        Whether the source is a ruler, see `loihiseg.codes.thermometer.rulers`: all neurons have one
        weight from it, and it never fires.
    pads : tuple of tuple of int or None
        ((top, bottom), (left, right)), where given in place of ``padding``, which is "valid" then.
        Of a convolution: rows and columns of zeros that are put around the source; below 0, so
        many rows and columns of it are left out. Of a transposed one: rows and columns that are
        cropped off the result, which without has (source rows - 1) * stride + kernel rows; below
        0, so many of zeros are put there, as for a kernel smaller than its stride. Rows and
        columns of the layer are what comes out, exactly.
    depthwise : bool
        Whether a channel of the layer hears one channel of the source alone: channel c * n + m, of
        n for each, channel c.
    """

    source: str
    kernel: np.ndarray
    strides: Pair = (1, 1)
    padding: str = "valid"
    transposed: bool = False
    levels: int = 1
    clock: bool = False
    ruler: bool = False
    pads: Pads | None = None
    depthwise: bool = False

    @property
    def uniform(self) -> bool:
        """Whether all neurons of a channel hear the source with one weight."""
        return self.clock or self.ruler

    @property
    def values(self) -> np.ndarray:
        """Its weights, float32, of any shape."""
        return self.kernel

    def with_values(self, values: np.ndarray) -> "Term":
        """The same with other weights, of the shape of `values`."""
        return replace(self, kernel=values)


@dataclass(frozen=True, eq=False)
class SparseTerm:
    """Weights from one source that no convolution expresses: dense, permuted, of a border alone.

    It stands beside `Term` among the terms of a layer, with the same names for the same things.

    Attributes
    ----------
    source : str
        Name of the spiking layer or of the input.
    weights : scipy.sparse.csr_array
        float32, (neurons of the layer, values of the source), rows, columns and channels of each
        raveled in that order. Indices are sorted, none is there twice.
    levels : int
        Neurons that carry one value of the source, one after the other along its channels, and
        share its weights.
    """

    source: str
    weights: "scipy.sparse.csr_array"
    levels: int = 1
    clock: ClassVar[bool] = False
    ruler: ClassVar[bool] = False
    uniform: ClassVar[bool] = False

    @property
    def values(self) -> np.ndarray:
        """Its weights, float32, (stored weights,)."""
        return np.asarray(self.weights.data)

    def with_values(self, values: np.ndarray) -> "SparseTerm":
        """The same with other weights, in the order of `values`."""
        matrix = scipy.sparse.csr_array(
            (values, self.weights.indices, self.weights.indptr), self.weights.shape
        )
        return replace(self, weights=matrix)

    def channel_of_values(self, channels: int) -> np.ndarray:
        """Of each weight, the channel of the layer that hears by it: int, (stored weights,)."""
        rows = np.repeat(np.arange(self.weights.shape[0]), np.diff(self.weights.indptr))
        return rows % channels


AnyTerm: TypeAlias = Term | SparseTerm
"""What a layer hears of one source."""


@dataclass(frozen=True, eq=False)
class LinearMap:
    """A sum of terms plus a constant per channel.

    Attributes
    ----------
    terms : tuple of Term
    offset : numpy.ndarray
        float32, (channels,).
    shape : tuple of int
        (rows, columns, channels) of the result.
    convolved : bool
        Whether a convolution is part of it. Until then every kernel is 1 x 1 and the map is only
        a mixture of its sources' channels.
    """

    terms: tuple[Term, ...]
    offset: np.ndarray
    shape: tuple[int, int, int]
    convolved: bool = False


def identity(source: str, shape: tuple[int, int, int]) -> LinearMap:
    """The map that passes one source of shape (rows, columns, channels) through."""
    channels = shape[-1]
    kernel = np.eye(channels, dtype=np.float32)[None, None]
    return LinearMap((Term(source, kernel),), np.zeros(channels, np.float32), (*shape,))


def concatenate(maps: list[LinearMap]) -> LinearMap:
    """Lay maps of equal rows and columns beside each other along the channels."""
    total = sum(m.shape[-1] for m in maps)
    terms, start = [], 0
    for one in maps:
        stop = start + one.shape[-1]
        for term in one.terms:
            kernel = np.zeros((*term.kernel.shape[:3], total), np.float32)
            kernel[..., start:stop] = term.kernel
            terms.append(replace(term, kernel=kernel))
        start = stop
    return LinearMap(
        _merge(terms),
        np.concatenate([m.offset for m in maps]),
        (*maps[0].shape[:2], total),
        any(m.convolved for m in maps),
    )


def add(maps: list[LinearMap]) -> LinearMap:
    """Add maps of equal shape."""
    return LinearMap(
        _merge([term for m in maps for term in m.terms]),
        np.sum([m.offset for m in maps], axis=0, dtype=np.float32),
        maps[0].shape,
        any(m.convolved for m in maps),
    )


def scale(one: LinearMap, factor: np.ndarray, offset: np.ndarray) -> LinearMap:
    """Multiply each channel by a factor and add an offset, both of shape (channels,)."""
    factor = np.asarray(factor, np.float32)
    terms = tuple(replace(t, kernel=t.kernel * factor) for t in one.terms)
    return replace(one, terms=terms, offset=one.offset * factor + np.asarray(offset, np.float32))


def convolve(
    one: LinearMap,
    kernel: np.ndarray,
    bias: np.ndarray,
    shape: tuple[int, int, int],
    *,
    strides: tuple[int, int],
    padding: str,
    transposed: bool = False,
) -> LinearMap:
    """Convolve a channel mixture.

    Parameters
    ----------
    one : LinearMap
        Must not contain a convolution already.
    kernel : numpy.ndarray
        float32, (rows, columns, channels of ``one``, channels).
    bias : numpy.ndarray
        float32, (channels,).
    shape : tuple of int
        (rows, columns, channels) of the result.
    strides, padding, transposed
        As in `Term`.

    Raises
    ------
    NotLinearizableError
        If ``one`` was convolved already, or has a constant that zero padding would cut off at the
        border, where no bias per channel can stand for it.
    """
    if one.convolved:
        raise NotLinearizableError("it follows another convolution without an activation between")
    constant = np.einsum("ijcd,c->d", kernel, one.offset)
    uneven = transposed or (padding == "same" and kernel.shape[:2] != (1, 1))
    if uneven and np.any(one.offset != 0):
        raise NotLinearizableError(
            "its input has a constant offset that zero padding cuts off at the border"
        )
    terms = tuple(
        Term(
            term.source,
            np.einsum("cd,ijde->ijce", term.kernel[0, 0], kernel).astype(np.float32),
            (*strides,),
            padding,
            transposed,
        )
        for term in one.terms
    )
    return LinearMap(terms, (bias + constant).astype(np.float32), (*shape,), True)


def _merge(terms: list[Term]) -> tuple[Term, ...]:
    """Add up the kernels of terms that do the same to the same source."""
    merged: dict[tuple[object, ...], Term] = {}
    for term in terms:
        key = (term.source, term.kernel.shape, term.strides, term.padding, term.transposed)
        seen = merged.get(key)
        merged[key] = term if seen is None else replace(seen, kernel=seen.kernel + term.kernel)
    return tuple(merged.values())
