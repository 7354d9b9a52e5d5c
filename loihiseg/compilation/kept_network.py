"""A lowered network as a file holds it: plain values and arrays, whatever its terms are."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from scipy.sparse import csr_array

from loihiseg.conversion.linear import AnyTerm, Pads, SparseTerm, Term
from loihiseg.conversion.neuron import Neuron
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.conversion.validation import MOST_NEURONS
from loihiseg.storage.schema import check_range, check_starts

_Size = Annotated[int, Meta(ge=1, le=MOST_NEURONS)]


@dataclass(frozen=True, eq=False)
class KeptPattern:
    """Where the weights of a sparse term lie, row by row as SciPy has them.

    Attributes
    ----------
    targets, sources : int
        Rows and columns.
    starts, columns : numpy.ndarray
        int32, (targets + 1,) and (weights,).
    """

    targets: _Size
    sources: _Size
    starts: np.ndarray
    columns: np.ndarray


@dataclass(frozen=True, eq=False)
class KeptTerm:
    """`loihiseg.conversion.linear.Term`; with ``sparse``, a `SparseTerm` of the kernel's values."""

    source: str
    kernel: np.ndarray
    strides: tuple[int, int]
    padding: str
    transposed: bool
    levels: int
    clock: bool
    ruler: bool
    pads: Pads | None
    depthwise: bool
    sparse: KeptPattern | None


SINCE_3: dict[str, Any] = {"pads": None, "depthwise": False, "sparse": None}
"""What terms have since format 3 of a kept network, as those before are."""

WITH_OFFSET = ("extremum", "memoryless", "train", "ramp", "gate")
"""Kinds of neurons that since format 4 have an offset, as those before had: 0."""


@dataclass(frozen=True, eq=False)
class KeptLayer:
    """`loihiseg.conversion.spec.SpikingLayer`."""

    name: str
    shape: tuple[int, int, int]
    terms: tuple[KeptTerm, ...]
    bias: np.ndarray
    rate_scale_hz: float
    on_host: bool
    neuron: Neuron


@dataclass(frozen=True, eq=False)
class KeptNetwork:
    """`loihiseg.conversion.spec.LoweredNetwork`."""

    inputs: dict[str, tuple[int, int, int]]
    layers: tuple[KeptLayer, ...]
    outputs: tuple[str, ...]


def kept(network: LoweredNetwork) -> KeptNetwork:
    """A network as it is kept."""
    layers = tuple(
        KeptLayer(**{**vars(layer), "terms": tuple(_kept_term(term) for term in layer.terms)})
        for layer in network.layers
    )
    return KeptNetwork(network.inputs, layers, network.outputs)


def _kept_term(term: AnyTerm) -> KeptTerm:
    if isinstance(term, Term):
        return KeptTerm(**vars(term), sparse=None)
    targets, sources = term.weights.shape
    starts, columns = term.weights.indptr, term.weights.indices
    pattern = KeptPattern(targets, sources, starts.astype(np.int32), columns.astype(np.int32))
    plain = replace(Term(term.source, term.values), levels=term.levels)
    return KeptTerm(**vars(plain), sparse=pattern)


def restored(found: KeptNetwork, what: str) -> LoweredNetwork:
    """The network that was kept.

    Parameters
    ----------
    found : KeptNetwork
        From anybody's file.
    what : str
        What errors call it.

    Raises
    ------
    ValueError
        In one line: if weights lie where no neuron is.
    """
    layers = tuple(
        SpikingLayer(
            **{**vars(layer), "terms": tuple(_restored_term(t, layer, what) for t in layer.terms)}
        )
        for layer in found.layers
    )
    return LoweredNetwork(found.inputs, layers, found.outputs)


def _restored_term(term: KeptTerm, layer: KeptLayer, what: str) -> AnyTerm:
    fields = {name: value for name, value in vars(term).items() if name != "sparse"}
    if term.sparse is None:
        return Term(**fields)
    label = f"{what}: layer {layer.name[:60]!a}, weights of {term.source[:60]!a}"
    plain = Term(term.source, term.kernel, levels=term.levels)
    if any(fields[name] != getattr(plain, name) for name in fields if name != "kernel"):
        raise ValueError(f"{label} are sparse, and a convolution's")
    pattern = term.sparse
    starts, columns = pattern.starts, pattern.columns
    for name, array, length in (
        ("starts", starts, pattern.targets + 1),
        ("columns", columns, term.kernel.size),
    ):
        if array.dtype != np.int32 or array.shape != (length,):
            raise ValueError(
                f"{label}: {name} have type {array.dtype} and shape {array.shape}, expected int32 "
                f"({length},)"
            )
    if term.kernel.ndim != 1:
        raise ValueError(f"{label} have shape {term.kernel.shape}, expected one axis")
    check_starts(f"{label}, starts", starts, "weights", len(columns))
    check_range(f"{label}, columns", columns, 0, pattern.sources - 1)
    rising = np.diff(columns.astype(np.int64)) > 0
    # Only from one row to the next may columns fall.
    first = starts[1:-1][(starts[1:-1] > 0) & (starts[1:-1] < len(columns))]
    rising[first - 1] = True
    if not rising.all():
        raise ValueError(f"{label}: columns of a row do not ascend")
    shape = (pattern.targets, pattern.sources)
    return SparseTerm(term.source, csr_array((term.kernel, columns, starts), shape), term.levels)


def since_3(plain: dict[str, Any]) -> None:
    """Give the terms of a description of format 2 what those of format 3 have, in place."""
    for name in ("network", "neurons"):
        for term in _terms(plain.get(name)):
            if not term.keys() & SINCE_3.keys():
                term |= SINCE_3


def since_4(plain: dict[str, Any]) -> None:
    """Give the neurons of a description of format 3 what those of format 4 have, in place."""
    for name in ("network", "neurons"):
        for layer in _layers(plain.get(name)):
            neuron = layer.get("neuron")
            if isinstance(neuron, dict) and neuron.get("type") in WITH_OFFSET:
                neuron.setdefault("offset", 0.0)


def _layers(network: object) -> Iterator[dict[str, Any]]:
    """All that could be layers of a network from anybody's file."""
    layers = network.get("layers") if isinstance(network, dict) else None
    yield from (x for x in (layers if isinstance(layers, list) else ()) if isinstance(x, dict))


def _terms(network: object) -> Iterator[dict[str, Any]]:
    """All that could be terms of them."""
    for layer in _layers(network):
        terms = layer.get("terms")
        yield from (t for t in (terms if isinstance(terms, list) else ()) if isinstance(t, dict))
