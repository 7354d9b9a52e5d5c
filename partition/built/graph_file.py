"""A block graph as a JSON file, or inside an archive such as a compiled program.

Version 3 says of each block what it takes of its core, so that every limit can be checked of a
file. Version 2, without that, and version 1, without the SHA-256 of its content, are still read.
A digest only tells damage: whatever it says, every index, count and weight is checked.
"""

import json
from collections import Counter
from dataclasses import astuple, fields
from os import PathLike
from typing import Annotated, Any

import msgspec
import networkx as nx

from partition.core.block_limits import USE, CoreUse
from partition.core.errors import PartitionError
from partition.storage.archive import is_archive, read_members
from partition.storage.files import read_bytes, write_text
from partition.storage.strict_json import decode, in_one_line, peek, sealed

GRAPH_FORMAT = "partition-block-graph"
GRAPH_VERSION = 3

GRAPH_MEMBER = "block_graph.json"
"""Name of the graph in an archive that holds other things too, such as a compiled program."""

MOST_GRAPH_BYTES = 16 * 2**20
"""Of the JSON text: some 800,000 edges."""

MOST_ARCHIVE_BYTES = 2**30
"""Of an archive that holds a graph."""

_DIGEST = "sha256"

_Label = Annotated[str, msgspec.Meta(max_length=1000)]
_Block = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Weight = Annotated[float, msgspec.Meta(ge=0, le=1e18)]


class _Kind(msgspec.Struct):
    """What a text says of itself."""

    format: Any = None
    version: Any = None


class _Host(msgspec.Struct, forbid_unknown_fields=True):
    label: _Label
    n_neurons: _Count
    messages: list[tuple[_Block, _Count]]


class _Use(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """A `CoreUse`, its numbers and answers in order: there may be many."""

    in_axons: _Count
    out_axon_slots: _Count
    synapse_bits: _Count
    compartment_configs: _Count
    threshold_configs: _Count
    synapse_formats: _Count
    pop16_channels: _Count
    largest_base: Annotated[int, msgspec.Meta(ge=-1, le=2**31 - 1)]
    unaligned_base: bool
    unnumbered_axons: bool
    partly_learning: bool
    dense: bool


assert _Use.__struct_fields__ == tuple(field.name for field in fields(CoreUse))


class _Version1(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    version: int
    nodes: list[tuple[_Label, _Count]]
    edges: list[tuple[_Block, _Block, _Weight]]
    host_inputs: list[_Host]


class _Version2(_Version1, forbid_unknown_fields=True):
    sha256: str


class _Version3(_Version2, forbid_unknown_fields=True):
    uses: list[_Use | None]


def graph_text(graph: nx.DiGraph) -> str:
    """A block graph as JSON text, the same text for the same graph.

    Parameters
    ----------
    graph : networkx.DiGraph
        As `partition.built.graph.block_graph` makes it.
    """
    document = {
        "format": GRAPH_FORMAT,
        "version": GRAPH_VERSION,
        "nodes": [
            [
                str(graph.nodes[node].get("label", "")),
                int(graph.nodes[node].get("n_compartments", 0)),
            ]
            for node in range(graph.number_of_nodes())
        ],
        "uses": [
            None if use is None else astuple(use)
            for use in (graph.nodes[node].get(USE) for node in range(graph.number_of_nodes()))
        ],
        "edges": sorted([int(a), int(b), float(w)] for a, b, w in graph.edges(data="weight")),
        "host_inputs": [
            {**host, "messages": sorted([int(b), n] for b, n in host["messages"].items())}
            for host in graph.graph.get("host_inputs", [])
        ],
    }
    return json.dumps(sealed(document, _DIGEST))


def save_graph(graph: nx.DiGraph, path: str | PathLike[str]) -> None:
    """Write a block graph as JSON; see `load_graph`.

    Raises
    ------
    PartitionError
        The file cannot be written, or the graph is larger than `load_graph` takes.
    """
    text = graph_text(graph)
    if len(text) > MOST_GRAPH_BYTES:
        raise PartitionError(
            f"{path}: block graph of {len(text):,} bytes; files of at most {MOST_GRAPH_BYTES:,} "
            "are read back"
        )
    write_text(path, text)


def load_graph(path: str | PathLike[str]) -> nx.DiGraph:
    """Read a block graph that `save_graph` wrote, or the one inside an archive.

    An archive is read when it has a member ``block_graph.json``: loihiseg's compiled programs are
    such archives.

    Returns
    -------
    networkx.DiGraph
        As `partition.built.graph.block_graph` makes it; without what blocks take of their cores
        where the file is of a version before 3.

    Raises
    ------
    PartitionError
        The file cannot be read, is no block graph, is of another version, or is damaged.
    """
    try:
        data = read_bytes(path, MOST_ARCHIVE_BYTES)
    except OSError as error:
        raise PartitionError(f"{path}: cannot be read: {error.strerror}") from error
    if is_archive(data):
        data = _member(data, path)
    return parse_graph(data, path)


def parse_graph(data: bytes, path: str | PathLike[str]) -> nx.DiGraph:
    """The block graph of a JSON text; ``path`` is what messages name.

    Raises
    ------
    PartitionError
        As `load_graph`.
    """
    _check_size(len(data), path)
    try:
        kind = peek(data, _Kind)
    except ValueError as error:
        raise PartitionError(
            f"{path}: is damaged, not JSON text of an object: {error}; expected a block graph or "
            "an archive that holds one"
        ) from error
    if kind.format != GRAPH_FORMAT:
        raise PartitionError(f"{path}: is not a block graph")
    if kind.version not in (1, 2, 3) or isinstance(kind.version, bool | float):
        raise PartitionError(
            f"{path}: is a block graph of version {in_one_line(kind.version)}, this program reads "
            "versions 1 to 3"
        )
    try:
        if kind.version == 1:
            return _graph_of(decode(data, _Version1))
        if kind.version == 2:
            return _graph_of(decode(data, _Version2, _DIGEST))
        document = decode(data, _Version3, _DIGEST)
        graph = _graph_of(document)
        _add_uses(graph, document.uses)
        return graph
    except ValueError as error:
        raise PartitionError(f"{path}: block graph is damaged: {error}") from error


def _member(data: bytes, path: str | PathLike[str]) -> bytes:
    """The graph's text in an archive; checked by the archive's own CRC."""
    try:
        members = read_members(data, line_before=True)
    except ValueError as error:
        raise PartitionError(f"{path}: archive is damaged: {error}") from error
    if GRAPH_MEMBER not in members:
        raise PartitionError(
            f"{path}: is an archive without {GRAPH_MEMBER}; compile the program again, or "
            "give a graph written by partition.save_graph"
        )
    _check_size(len(members[GRAPH_MEMBER]), path)
    return bytes(members[GRAPH_MEMBER])


def _check_size(n_bytes: int, path: str | PathLike[str]) -> None:
    if n_bytes > MOST_GRAPH_BYTES:
        raise PartitionError(
            f"{path}: block graph of {n_bytes:,} bytes, at most {MOST_GRAPH_BYTES:,} are read"
        )


def _graph_of(document: _Version1) -> nx.DiGraph:
    graph = nx.DiGraph()
    for index, (label, size) in enumerate(document.nodes):
        graph.add_node(index, label=label, n_compartments=size)
    n_blocks = len(document.nodes)
    for source, target, weight in document.edges:
        if source >= n_blocks or target >= n_blocks:
            raise ValueError(
                f"edge {source} to {target} has an end that is no block; there are {n_blocks}"
            )
        graph.add_edge(source, target, weight=weight)
    if graph.number_of_edges() != len(document.edges):
        (pair, _), *_ = Counter((a, b) for a, b, _ in document.edges).most_common(1)
        raise ValueError(f"edge {pair[0]} to {pair[1]} is there more than once")
    graph.graph["host_inputs"] = [_host_of(host, n_blocks) for host in document.host_inputs]
    return graph


def _add_uses(graph: nx.DiGraph, uses: list[_Use | None]) -> None:
    if len(uses) != graph.number_of_nodes():
        raise ValueError(
            f"what {len(uses)} blocks use is given, there are {graph.number_of_nodes()}"
        )
    for block, use in enumerate(uses):
        if use is not None:
            graph.nodes[block][USE] = CoreUse(*msgspec.structs.astuple(use))


def _host_of(host: _Host, n_blocks: int) -> dict[str, Any]:
    messages = dict(host.messages)
    if len(messages) != len(host.messages):
        raise ValueError("an input from the host reaches a block more than once")
    if any(block >= n_blocks for block in messages):
        raise ValueError("an input from the host reaches a block that is not there")
    return {"label": host.label, "n_neurons": host.n_neurons, "messages": messages}
