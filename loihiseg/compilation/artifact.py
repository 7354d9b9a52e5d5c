"""A deployed network as one folder: versioned, checked, free of pickle.

::

    deployed.json      everything but arrays and program: layers, read-out, code and its times,
                       blocks, chips and cores, provenance; an array stands there as its number
    arrays.npz         the arrays
    network.program    the blocks, see `loihiseg.emulator.storage`
    SHA256SUMS         of the three, as ``sha256sum --check`` reads them; written last

Two saves of one network are the same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from loihiseg.codes import registry
from loihiseg.compilation.deployed import DeployedNetwork, Places, Provenance
from loihiseg.compilation.kept_network import KeptNetwork, kept, restored, since_3, since_4
from loihiseg.conversion.host_graph import HostGraph
from loihiseg.conversion.neuron import Neuron
from loihiseg.conversion.validation import (
    MOST_LAYERS,
    check_network,
    check_stands_for,
)
from loihiseg.data.record import DataRecord
from loihiseg.emulator.presenter import Deployable
from loihiseg.emulator.storage import load_program, save_program
from loihiseg.emulator.validation import check_fits
from loihiseg.errors import InputError, Option, OptionError
from loihiseg.files import all_or_none, sha256, write_bytes
from loihiseg.network.config import MOST_NEIGHBOURS, RateTarget
from loihiseg.results.ranges import Name, Share
from loihiseg.results.run import Readout
from loihiseg.storage.arrays import pack_arrays, unpack_arrays
from loihiseg.storage.records import put_together, taken_apart
from loihiseg.storage.schema import check_range
from partition.core.limits import CORES_PER_CHIP
from partition.shapes.tiling import LayerUsage
from partition.storage.files import read_bytes, sweep
from partition.storage.strict_json import decode

FORMAT = 5
"""Of the folder. A program has a format of its own."""

OLD_FORMATS = (2, 3, 4)
"""Those that are still read: what has come since is added as it was then."""

DESCRIPTION, ARRAYS, PROGRAM, SUMS = "deployed.json", "arrays.npz", "network.program", "SHA256SUMS"

MOST_BYTES = {DESCRIPTION: 2**26, ARRAYS: 2**30, PROGRAM: 2**30, SUMS: 2**12}
"""Of each file; those of a network of 238,000 neurons have 1, 5, 16 and 0.0002 MB."""

MOST_TILE = 4096


@dataclass(frozen=True)
class _KeptCode:
    name: Name
    options: dict[Name, Any]


@dataclass(frozen=True, eq=False)
class _Description:
    """What ``deployed.json`` holds: `DeployedNetwork` but for the program."""

    format: int
    code: _KeptCode
    threshold: Share
    line: Readout
    places: Places
    blocks: Annotated[tuple[LayerUsage, ...], msgspec.Meta(max_length=MOST_LAYERS)]
    rate_target: RateTarget | None
    trained_on: DataRecord | None
    provenance: Provenance
    network: KeptNetwork
    neurons: KeptNetwork
    readout: HostGraph
    expected: np.ndarray
    neighbours: Annotated[int, msgspec.Meta(ge=0, le=MOST_NEIGHBOURS)]


_SHARED = tuple(
    field.name
    for field in fields(_Description)
    if field.name not in ("format", "code", "network", "neurons")
)


def save_deployed(folder: str | PathLike[str], deployed: DeployedNetwork) -> Path:
    """Keep a deployed network; one that is there is replaced.

    Parameters
    ----------
    folder : path-like
        Made if there is none.
    deployed : DeployedNetwork

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If the folder holds anything else or cannot be written, or the network is none that
        `load_deployed` would take.
    """
    folder = Path(folder)
    check_free(folder)
    try:
        check_deployed(deployed)
    except (ValueError, InputError) as error:
        raise InputError(f"{folder}: network cannot be kept: {error}") from None
    code = _KeptCode(deployed.code.name, msgspec.to_builtins(deployed.code))
    description = _Description(
        format=FORMAT,
        code=code,
        network=kept(deployed.network),
        neurons=kept(deployed.neurons),
        **{name: getattr(deployed, name) for name in _SHARED},
    )
    plain, arrays = taken_apart(description)
    if folder.is_dir():
        sweep(folder)
    with all_or_none(folder, last=SUMS) as staging:
        write_bytes(staging / DESCRIPTION, msgspec.json.format(msgspec.json.encode(plain)) + b"\n")
        write_bytes(staging / ARRAYS, pack_arrays(arrays))
        save_program(staging / PROGRAM, deployed.deployable, rates=deployed.expected)
        write_bytes(staging / SUMS, _sums(staging))
    return folder


def load_deployed(folder: str | PathLike[str]) -> DeployedNetwork:
    """A kept network.

    Parameters
    ----------
    folder : path-like

    Returns
    -------
    DeployedNetwork

    Raises
    ------
    InputError
        If there is none, or it is damaged, of another format, or holds anything that cannot be
        run; whoever made it. One line that names the file.
    """
    folder = Path(folder)
    sums = _read_sums(folder)
    contents = {name: _read(folder, name) for name in (DESCRIPTION, ARRAYS)}
    for name, data in contents.items():
        if sha256(data) != sums[name]:
            raise OptionError(f"{folder / name}: damaged (SHA-256 differs); ", *_REMEDY)
    deployable = _program(folder / PROGRAM, sums[PROGRAM])
    try:
        return _decoded(contents[DESCRIPTION], contents[ARRAYS], deployable)
    except (ValueError, InputError) as error:
        raise OptionError(f"{folder}: damaged deployed network ({error}); ", *_REMEDY) from None


_REMEDY = ("deploy and ", Option("save"), " again")


def check_free(folder: str | PathLike[str]) -> None:
    """That a network can be kept in a folder: there is none, or nothing but one is in it.

    Raises
    ------
    InputError
        If it holds anything else, or cannot be read.
    """
    folder = Path(folder)
    try:
        others = sorted(path.name for path in folder.iterdir() if path.name not in MOST_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from None
    visible = [name for name in others if not name.startswith(".")]
    if visible:
        raise InputError(
            f"{folder}: holds {visible[0]!a}, no deployed network; name an empty or new folder"
        )


def _sums(folder: Path) -> bytes:
    names = (ARRAYS, DESCRIPTION, PROGRAM)
    lines = [f"{sha256((folder / name).read_bytes())}  {name}\n" for name in names]
    return "".join(lines).encode("ascii")


def _read(folder: Path, name: str) -> bytes:
    try:
        return read_bytes(folder / name, MOST_BYTES[name])
    except OSError as error:
        raise InputError(
            f"{folder / name}: cannot be read ({error.strerror}); expected the folder of a "
            "deployed network"
        ) from None


def _read_sums(folder: Path) -> dict[str, str]:
    """Digests by name of file."""
    lines = _read(folder, SUMS).decode("ascii", "replace").splitlines()
    found = {line[66:]: line[:64] for line in lines if line[64:66] == "  "}
    if len(lines) != 3 or found.keys() != {ARRAYS, DESCRIPTION, PROGRAM}:
        raise OptionError(f"{folder / SUMS}: damaged, expected three digests; ", *_REMEDY)
    return found


def _program(path: Path, digest: str) -> Deployable:
    # Read once more by its own reader; what it checks is what it read.
    deployable, about = load_program(path, digest)
    if about:
        raise OptionError(f"{path}: a program with values beside it; ", *_REMEDY)
    return deployable


def _decoded(description: bytes, archive: bytes, deployable: Deployable) -> DeployedNetwork:
    plain = decode(description, dict[str, Any])
    _upgrade(plain)
    code = plain.get("code")
    if isinstance(code, dict) and isinstance(code.get("name"), str):
        registry.find(code["name"])  # Before its neurons, which are not known either.
    kinds: dict[type, Mapping[str, type]] = {Neuron: registry.neuron_kinds()}
    found = put_together(plain, unpack_arrays(archive), _Description, kinds)
    code = put_together(found.code.options, {}, registry.find(found.code.name))
    deployed = DeployedNetwork(
        code=code,
        deployable=deployable,
        network=restored(found.network, "network of activations"),
        neurons=restored(found.neurons, "network of neurons"),
        **{name: getattr(found, name) for name in _SHARED},
    )
    check_deployed(deployed)
    return deployed


def _upgrade(plain: dict[str, Any]) -> None:
    """A description of an earlier format as one of this, in place."""
    version = plain.get("format")
    if type(version) is int and version in OLD_FORMATS:
        if version == 2:
            since_3(plain)
        if version < 4:
            since_4(plain)
        plain.setdefault("neighbours", 0)
        plain["format"] = FORMAT
    elif version != FORMAT:
        known = ", ".join(str(one) for one in (*OLD_FORMATS, FORMAT))
        raise ValueError(f"format {str(version)[:20]}, this version reads formats {known}")


def check_deployed(deployed: DeployedNetwork) -> None:
    """That the parts belong together, each within the sizes that the others give.

    Raises
    ------
    ValueError, InputError
        In one line.
    """
    network, neurons = deployed.network, deployed.neurons
    check_network(network, "network of activations")
    check_network(neurons, "network of neurons")
    check_stands_for(neurons, network)
    for rows, columns, channels in network.inputs.values():
        if max(rows, columns, channels) > MOST_TILE:
            raise ValueError(
                f"input of {rows} x {columns} x {channels}, expected at most {MOST_TILE} of each"
            )
    _ = deployed.task  # is inferred of what can run
    _check_program(deployed)
    if deployed.code.n_window_steps > deployed.code.n_steps:
        raise ValueError("the window is longer than the presentation")
    for value in (deployed.line.gain, deployed.line.offset):
        if not abs(value) <= 1e30:
            raise ValueError(f"line of the read-out has the value {value}")


def _check_program(deployed: DeployedNetwork) -> None:
    program, neurons = deployed.deployable.program, deployed.neurons
    check_fits(deployed.deployable, {layer.name: layer.shape for layer in neurons.layers})
    if program.has_noise:
        raise ValueError("the program is noisy, which no deployed network is")
    chip, host = set(deployed.deployable.places), set(deployed.deployable.input_sources)
    wanted = {layer.name for layer in neurons.chip_layers}
    if chip != wanted or host & wanted:
        raise ValueError("program and network have other layers on the chip")
    if [row.layer for row in deployed.blocks] != [layer.name for layer in neurons.chip_layers]:
        raise ValueError("blocks are not those of the layers on the chip")
    expected = deployed.expected
    if expected.dtype != np.float64 or expected.shape != (program.n_compartments,):
        raise ValueError(f"expected rates have type {expected.dtype} and shape {expected.shape}")
    check_range("expected", expected, 0, 1)
    _check_places(deployed.places, program.n_blocks)


def _check_places(places: Places, n_blocks: int) -> None:
    ours = {"chips": list(places.chip_of_block), "cores": list(places.core_of_block)}
    for name, found in {"ours": ours, **places.peers}.items():
        label = f"placement {name[:60]!a}"
        if set(found) != {"chips", "cores"}:
            raise ValueError(f"{label} has no chips and cores")
        most = {"chips": places.n_chips - 1, "cores": max(n_blocks, CORES_PER_CHIP) - 1}
        for kind, values in found.items():
            if len(values) != n_blocks:
                raise ValueError(f"{label}: {kind} of {len(values)} blocks, expected {n_blocks}")
            check_range(f"{label}, {kind}", np.asarray(values, np.int64), 0, most[kind])
    taken = set(zip(places.chip_of_block, places.core_of_block, strict=True))
    if len(taken) < n_blocks or max(places.core_of_block) >= CORES_PER_CHIP:
        raise ValueError("placement: two blocks have one core, or a core is none of a chip's")
