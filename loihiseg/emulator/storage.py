"""A compiled program as one file: versioned, checked, free of pickle.

::

    line 1   "loihiseg-program", the format's number, SHA-256 of the rest
    rest     an .npz archive: one array per field of the program, what its neurons stand for, and
             the block graph as JSON, so that ``python -m partition`` reads the file too
"""

from dataclasses import fields
from pathlib import Path

import msgspec
import numpy as np

from loihiseg.emulator.presenter import Deployable
from loihiseg.emulator.program import FORMAT, Program
from loihiseg.emulator.traffic import deployable_graph
from loihiseg.errors import InputError
from loihiseg.files import pack_arrays, sha256, unpack_arrays, write_bytes
from partition.graph_file import GRAPH_MEMBER, graph_text

MAGIC = "loihiseg-program"
_ARRAYS = tuple(f.name for f in fields(Program))


def save_program(path, deployable: Deployable, about: dict | None = None, rates=None) -> None:
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
        If the file cannot be written.
    """
    arrays = {name: getattr(deployable.program, name) for name in _ARRAYS}
    arrays |= {f"place/{name}": places for name, places in deployable.places.items()}
    header = {"input_sources": deployable.input_sources, "about": about or {}}
    arrays["header"] = np.frombuffer(msgspec.json.encode(header), np.uint8)
    body = pack_arrays(arrays, {GRAPH_MEMBER: graph_text(deployable_graph(deployable, rates))})
    write_bytes(Path(path), f"{MAGIC} {FORMAT} {sha256(body)}\n".encode() + body)


def load_program(path) -> tuple[Deployable, dict]:
    """Read a program back.

    Returns
    -------
    Deployable, dict
        What was saved, and the plain values beside it.

    Raises
    ------
    InputError
        If the file is missing, foreign, of another format, truncated or damaged.
    """
    path = Path(path)
    try:
        first, _, body = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise InputError(f"{path}: program cannot be read ({error.strerror})") from None
    words = first[:200].decode("ascii", "replace").split(" ")
    if words[0] != MAGIC or len(words) != 3:
        raise InputError(f"{path}: not a program; make one with loihiseg.emulator.storage")
    if words[1] != str(FORMAT):
        raise InputError(
            f"{path}: program format {words[1]}, this version reads format {FORMAT}; compile again"
        )
    if sha256(body) != words[2]:
        raise InputError(f"{path}: damaged or truncated program (SHA-256 differs); compile again")
    arrays = unpack_arrays(body)
    header = msgspec.json.decode(arrays.pop("header").tobytes())
    if not set(_ARRAYS) <= set(arrays):
        raise InputError(f"{path}: program of another version; compile again")
    places = {
        name.removeprefix("place/"): arrays.pop(name)
        for name in list(arrays)
        if name.startswith("place/")
    }
    program = Program(**{name: arrays[name] for name in _ARRAYS})
    return Deployable(program, places, tuple(header["input_sources"])), header["about"]
