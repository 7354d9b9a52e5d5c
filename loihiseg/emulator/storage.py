"""A compiled program as one file: versioned, checked, free of pickle.

::

    line 1   "loihiseg-program", the format's number, SHA-256 of the rest
    rest     an .npz archive: one array per field of the program, what its neurons stand for, and
             the block graph as JSON, so that ``python -m partition`` reads the file too
"""

from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from loihiseg.emulator.presenter import Deployable
from loihiseg.emulator.program import FORMAT, Program
from loihiseg.emulator.traffic import deployable_graph
from loihiseg.emulator.validation import check_places, check_program
from loihiseg.errors import InputError
from loihiseg.files import sha256, write_bytes
from loihiseg.storage.arrays import pack_arrays, unpack
from loihiseg.storage.schema import check_names
from loihiseg.storage.seal import seal, unseal
from partition.built.graph_file import GRAPH_MEMBER, graph_text, parse_graph
from partition.core.block_limits import USE
from partition.core.errors import PartitionError
from partition.storage.files import read_bytes
from partition.storage.strict_json import decode, in_one_line

MAGIC = "loihiseg-program"

MOST_BYTES = 2**30
"""Of a file; a program of 238,000 neurons has 16 MB."""

_MOST_HEADER = 2**24
_ARRAYS = tuple(f.name for f in fields(Program))
_HEADER = "header"

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    input_sources: Annotated[tuple[_Name, ...], msgspec.Meta(max_length=10_000)]
    places: Annotated[tuple[_Name, ...], msgspec.Meta(max_length=5_000)]
    about: dict[str, Any]


def save_program(
    path: str | PathLike[str],
    deployable: Deployable,
    about: dict[str, Any] | None = None,
    rates: np.ndarray | None = None,
) -> None:
    """Write a program and what its compartments stand for.

    Parameters
    ----------
    path : path-like
    deployable : Deployable
        ``places`` may be empty for a program by itself.
    about : dict, optional
        Plain values to be read back beside it.
    rates : (n_compartments,) array_like of float, optional
        Spikes per step of every compartment, for the weights of the block graph; 1 by default.

    Raises
    ------
    InputError
        If the file cannot be written, or the program is none that `load_program` would take.
    """
    try:
        _check(deployable)
    except ValueError as error:
        raise InputError(f"{path}: program cannot be kept: {error}") from None
    arrays = {name: getattr(deployable.program, name) for name in _ARRAYS}
    # Names of layers are anybody's; names in an archive are not.
    arrays |= {f"place/{i}": places for i, places in enumerate(deployable.places.values())}
    header = _Header(tuple(deployable.input_sources), tuple(deployable.places), about or {})
    arrays[_HEADER] = np.frombuffer(msgspec.json.encode(header), np.uint8)
    graph = deployable_graph(deployable, rates)
    data = seal(MAGIC, FORMAT, pack_arrays(arrays, {GRAPH_MEMBER: graph_text(graph)}))
    if len(data) > MOST_BYTES:
        raise InputError(
            f"{path}: program of {len(data):,} bytes; at most {MOST_BYTES:,} are kept, take "
            "smaller tiles"
        )
    write_bytes(Path(path), data)


def load_program(
    path: str | PathLike[str], digest: str | None = None
) -> tuple[Deployable, dict[str, Any]]:
    """Read a program back.

    Parameters
    ----------
    path : path-like
    digest : str, optional
        SHA-256 that the file must have, hexadecimal.

    Returns
    -------
    Deployable, dict
        What was saved, and the plain values beside it.

    Raises
    ------
    InputError
        If the file is missing, foreign, of another format, truncated or damaged, or if it holds
        anything that the kernels cannot run; whoever made it.
    """
    try:
        data = read_bytes(path, MOST_BYTES)
    except OSError as error:
        raise InputError(f"{path}: program cannot be read ({error.strerror})") from None
    if digest is not None and sha256(data) != digest:
        raise InputError(f"{path}: damaged program (SHA-256 differs); compile again")
    found = unseal(data, MAGIC)
    if found is None:
        raise InputError(f"{path}: not a program; make one with loihiseg.emulator.storage")
    if found.format != str(FORMAT):
        raise InputError(
            f"{path}: program format {in_one_line(found.format)}, this version reads format "
            f"{FORMAT}; compile again"
        )
    if not found.is_whole:
        raise InputError(f"{path}: damaged or truncated program (SHA-256 differs); compile again")
    try:
        return _unpacked(found.body)
    except (ValueError, PartitionError) as error:
        raise InputError(f"{path}: damaged program ({error}); compile again") from None


def _unpacked(body: bytes) -> tuple[Deployable, dict[str, Any]]:
    arrays, texts = unpack(body)
    header = _header(arrays)
    expected = {*_ARRAYS, *(f"place/{i}" for i in range(len(header.places)))}
    check_names(arrays, expected)
    places = {name: arrays[f"place/{i}"] for i, name in enumerate(header.places)}
    program = Program(**{name: arrays[name] for name in _ARRAYS})
    check_names(texts, {GRAPH_MEMBER})
    graph = parse_graph(texts[GRAPH_MEMBER], GRAPH_MEMBER)
    uses = tuple(use for _, use in graph.nodes(data=USE))
    known = None if None in uses else uses
    deployable = Deployable(program, places, header.input_sources, known)
    if len(places) != len(header.places):
        raise ValueError("two layers have the same name")
    _check(deployable)
    sizes = [size for _, size in graph.nodes(data="n_compartments")]
    if not np.array_equal(sizes, np.diff(program.block_start)):
        raise ValueError(f"{GRAPH_MEMBER} has other blocks than the program")
    return deployable, header.about


def _header(arrays: dict[str, np.ndarray]) -> _Header:
    if _HEADER not in arrays:
        raise ValueError(f"array {_HEADER} is missing")
    header = arrays.pop(_HEADER)
    if header.dtype != np.uint8 or header.ndim != 1 or len(header) > _MOST_HEADER:
        raise ValueError(f"array {_HEADER} is no text of at most {_MOST_HEADER:,} bytes")
    return decode(header.tobytes(), _Header)


def _check(deployable: Deployable) -> None:
    program = deployable.program
    check_program(program)
    check_places(deployable.places, program.n_compartments)
    n_inputs = len(program.input_start) - 1
    if len(deployable.input_sources) != n_inputs:
        raise ValueError(
            f"{len(deployable.input_sources)} names of inputs, the program has {n_inputs} inputs"
        )
