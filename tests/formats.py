"""The files that may come from strangers, each with an example, its reader and ways to damage it.

One `Format` is a line of the tests of damaged files and of the fuzzer; see `FORMATS`. None of them
needs TensorFlow or nengo.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from loihiseg.commands.train.resuming import CONFIG_FILE as BEGUN_FILE
from loihiseg.commands.train.resuming import (
    Begun,
    options_to_resume,
    read_begun,
    write_begun,
)
from loihiseg.compilation.artifact import (
    ARRAYS,
    DESCRIPTION,
    PROGRAM,
    SUMS,
    load_deployed,
    save_deployed,
)
from loihiseg.data.class_images import read_class_images
from loihiseg.data.record import DataRecord, SplitRecord
from loihiseg.emulator.blockwise import block_order
from loihiseg.emulator.presentation import present
from loihiseg.emulator.presenter import CompiledPresenter, Deployable
from loihiseg.emulator.program import FORMAT as PROGRAM_FORMAT
from loihiseg.emulator.storage import MAGIC, load_program, save_program
from loihiseg.errors import InputError
from loihiseg.files import sha256
from loihiseg.metrics.rates import layer_rates
from loihiseg.network.config import UNetConfig
from loihiseg.network.weight_shapes import weight_shapes
from loihiseg.results import Task
from loihiseg.running.runners import chip_tiles
from loihiseg.storage.arrays import pack_arrays, unpack
from loihiseg.storage.records import taken_apart
from loihiseg.storage.seal import seal
from loihiseg.training.checkpoint import (
    FILE_NAME,
    Checkpoint,
    CheckpointInfo,
    load_checkpoint,
    save_checkpoint,
)
from loihiseg.training.presets import TrainingConfig
from loihiseg.training.state import FORMAT as STATE_FORMAT
from loihiseg.training.state import (
    STATE_FILE,
    WORD,
    Epoch,
    Run,
    TrainingState,
    load_state,
    save_state,
)
from partition.built.graph_file import graph_text, load_graph
from partition.core.block_limits import CoreUse
from partition.core.errors import PartitionError
from partition.storage.strict_json import sealed
from tests.mutants import damaged_arrays, damaged_json, mutant
from tests.programs import small_program
from tests.small_deployed import small_deployed


@dataclass(frozen=True)
class Format:
    """A format of files.

    Attributes
    ----------
    name : str
    example : callable
        Makes a good file in an empty folder, and returns its path: the one that is damaged.
    read : callable
        Reads what lies at that path and beside it; returns bytes that are the same for the same
        content.
    refusals : tuple of type
        What the reader may raise.
    has_digest : bool
        Whether a file tells damage by itself: only then must what is read be what was written.
    rightly : callable, optional
        (path, number, seed): damages the file at the path, with every checksum right; ``read`` then
        also uses it. None where the format has no checksum, and any damage is such.
    """

    name: str
    example: Callable[[Path], Path]
    read: Callable[[Path], bytes]
    refusals: tuple[type[Exception], ...] = (InputError,)
    has_digest: bool = True
    rightly: Callable[[Path, int, int], None] | None = None

    def damage(self, path: Path, number: int, seed: int) -> bool:
        """Damage the example at a path; True if every checksum was made right again."""
        if self.rightly is not None and number % 2:
            self.rightly(path, number // 2, seed)
            return True
        path.write_bytes(mutant(path.read_bytes(), number // 2, seed))
        return False


def _program(folder: Path) -> Path:
    path = folder / "net.program"
    save_program(path, small_program(), {"peers": {"2": {"Greedy": {"chips": [0, 1, 1]}}}})
    return path


def _read_program(path: Path) -> bytes:
    deployable, about = load_program(path)
    _run(deployable)
    arrays = asdict(deployable.program) | deployable.places
    told = [deployable.input_sources, list(deployable.places), about]
    return pack_arrays({str(i): a for i, a in enumerate(arrays.values())}) + msgspec.json.encode(
        told
    )


def _run(deployable: Deployable) -> None:
    """Show it spikes, step by step and block by block."""
    program = deployable.program
    if program.has_noise:
        return
    n_steps, n_neurons = 12, int(program.input_start[-1])
    rng = np.random.default_rng(0)
    fired = rng.random((n_steps, n_neurons)) < 0.5
    start = np.concatenate([[0], np.cumsum(fired.sum(axis=1))]).astype(np.int64)
    spikes = np.nonzero(fired)[1].astype(np.int32)
    counts = [present(program, order, start, spikes, 4) for order in (None, block_order(program))]
    for name in ("spikes", "window_spikes", "synaptic_events_per_step"):
        np.testing.assert_array_equal(*(getattr(count, name) for count in counts))


def _program_rightly(path: Path, number: int, seed: int) -> None:
    body = path.read_bytes().partition(b"\n")[2]
    path.write_bytes(seal(MAGIC, PROGRAM_FORMAT, _damaged_archive(body, number, seed, ("header",))))


def _damaged_archive(body: bytes, number: int, seed: int, texts: tuple[str, ...]) -> bytes:
    """An archive damaged in its bytes, in its arrays, or in its JSON, in turn."""
    which, number = number % 3, number // 3
    if which == 0:
        return mutant(body, number, seed)
    arrays, beside = unpack(body)
    told = {name: arrays.pop(name).tobytes() for name in texts} | beside
    if which == 1:
        arrays = damaged_arrays(arrays, number, seed)
    else:
        name = sorted(told)[number % len(told)]
        document = damaged_json(json.loads(told[name]), number, seed)
        if isinstance(document, dict) and "sha256" in document:
            document = sealed(document, "sha256")
        told[name] = json.dumps(document).encode()
    arrays |= {name: np.frombuffer(told[name], np.uint8) for name in texts if name in told}
    return pack_arrays(arrays, {name: told[name].decode() for name in beside})


CONFIG = TrainingConfig(
    UNetConfig(16, (2, 3), (1, 1), (1,), stem_channels=2, levels=3, batch_norm=True), epochs=3
)


@cache
def _weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    shapes = weight_shapes(CONFIG.network)
    return {name: rng.random(shape).astype(np.float32) for name, shape in shapes.items()}


def _checkpoint(folder: Path) -> Path:
    split = SplitRecord((0, 3), (3, 4), (4, 6))
    info = CheckpointInfo(
        CONFIG, DataRecord("stack.tif", "d1", "labels: 255 = cell", split), 0.375, 2,
        {"accuracy": 0.5, "membrane_iou": 0.25}, {"python": "3.12"},
    )  # fmt: skip
    save_checkpoint(folder, Checkpoint(info, _weights()))
    return folder / FILE_NAME


def _checkpoint_1(folder: Path) -> Path:
    return _without(_checkpoint(folder), "digest", "format")


def _without(path: Path, digest: str, version: str) -> Path:
    """A JSON file as the version before wrote it."""
    document = json.loads(path.read_text())
    del document[digest]
    path.write_text(json.dumps(document | {version: 1}))
    return path


def _checkpoint_weights(folder: Path) -> Path:
    _checkpoint(folder)
    (path,) = folder.glob("weights-*.npz")
    return path


def _read_checkpoint(path: Path) -> bytes:
    found = load_checkpoint(path.parent)
    return msgspec.json.encode(found.info) + pack_arrays(found.weights)


def _checkpoint_rightly(path: Path, number: int, seed: int) -> None:
    document = damaged_json(json.loads(path.read_text()), number, seed)
    path.write_text(json.dumps(sealed(document, "digest")))


def _weights_rightly(path: Path, number: int, seed: int) -> None:
    data = path.read_bytes()
    if number % 2:
        data = pack_arrays(damaged_arrays(unpack(data)[0], number // 2, seed))
    else:
        data = mutant(data, number // 2, seed)
    digest = sha256(data)
    path.with_name(f"weights-{digest[:12]}.npz").write_bytes(data)
    description = path.with_name(FILE_NAME)
    document = json.loads(description.read_text())
    document |= {"weights": f"weights-{digest[:12]}.npz", "sha256": digest}
    description.write_text(json.dumps(sealed(document, "digest")))


def _state(folder: Path) -> Path:
    rates = layer_rates("stem_spikes", np.linspace(0, 200, 40).reshape(4, 10))
    history = tuple(Epoch(n, 0.5, 0.1, 0.4, 0.8, 0.3, 0.5, (rates,)) for n in (1, 2))
    weights = _weights()
    moments = tuple(np.zeros_like(value) for value in weights.values() for _ in range(2))
    optimizer = (np.array(200), *moments)
    save_state(folder, TrainingState(weights, optimizer, history, Run(CONFIG, "d1")))
    return folder / STATE_FILE


def _state_1(folder: Path) -> Path:
    path = _state(folder)
    path.write_bytes(path.read_bytes().partition(b"\n")[2])
    return path


def _read_state(path: Path) -> bytes:
    state = load_state(path.parent)
    optimizer = {f"optimizer/{i}": value for i, value in enumerate(state.optimizer)}
    return pack_arrays(state.weights | optimizer) + msgspec.json.encode([state.history, state.run])


def _state_rightly(path: Path, number: int, seed: int) -> None:
    body = path.read_bytes().partition(b"\n")[2]
    damaged = _damaged_archive(body, number, seed, ("history", "run"))
    path.write_bytes(seal(WORD, STATE_FORMAT, damaged))


def _graph(folder: Path) -> Path:
    import networkx as nx

    graph = nx.DiGraph()
    for node, size in enumerate((3, 4, 5, 6)):
        graph.add_node(node, label=f"layer[{node}]", n_compartments=size)
    for node in (0, 2):
        graph.nodes[node]["use"] = CoreUse(9, 4, 640 * node, largest_base=node, dense=node == 2)
    edges = [(0, 1, 2.0), (0, 2, 0.25), (1, 3, 7.5), (2, 3, 1e-3), (3, 3, 0.0)]
    graph.add_weighted_edges_from(edges)
    graph.graph["host_inputs"] = [{"label": "stem", "n_neurons": 9, "messages": {0: 9, 2: 4}}]
    path = folder / "block_graph.json"
    path.write_text(graph_text(graph))
    return path


def _graph_1(folder: Path) -> Path:
    return _without(_graph_2(folder), "sha256", "version")


def _graph_2(folder: Path) -> Path:
    path = _graph(folder)
    document = json.loads(path.read_text())
    del document["uses"]
    path.write_text(json.dumps(sealed(document | {"version": 2}, "sha256")))
    return path


def _read_graph(path: Path) -> bytes:
    return graph_text(load_graph(path)).encode()


def _graph_rightly(path: Path, number: int, seed: int) -> None:
    document = damaged_json(json.loads(path.read_text()), number, seed)
    path.write_text(json.dumps(sealed(document, "sha256")))


def _deployed(folder: Path) -> Path:
    save_deployed(folder, small_deployed(levels=2))
    return folder / DESCRIPTION


def _read_deployed(path: Path) -> bytes:
    found = load_deployed(path.parent)
    plain, arrays = taken_apart(
        [found.network, found.neurons, found.readout, found.line, found.code, found.places]
    )
    pixels = np.random.default_rng(0).normal(0, 1.5, (2, found.tile, found.tile))
    with CompiledPresenter(found.deployable, found.neurons, 1) as presenter:
        maps = [one.logits for one in chip_tiles(found, presenter, pixels.astype(np.float32))]
    return msgspec.json.encode(plain) + pack_arrays(arrays | {"maps": np.stack(maps)})


def _sums_of(folder: Path) -> None:
    names = (ARRAYS, DESCRIPTION, PROGRAM)
    sums = [f"{sha256((folder / name).read_bytes())}  {name}\n" for name in names]
    (folder / SUMS).write_text("".join(sums))


def _deployed_rightly(path: Path, number: int, seed: int) -> None:
    path.write_text(json.dumps(damaged_json(json.loads(path.read_text()), number, seed)))
    _sums_of(path.parent)


def _deployed_arrays_rightly(path: Path, number: int, seed: int) -> None:
    if number % 2:
        data = pack_arrays(damaged_arrays(unpack(path.read_bytes())[0], number // 2, seed))
    else:
        data = mutant(path.read_bytes(), number // 2, seed)
    path.write_bytes(data)
    _sums_of(path.parent)


def _deployed_program_rightly(path: Path, number: int, seed: int) -> None:
    _program_rightly(path, number, seed)
    _sums_of(path.parent)


def _deployed_part(name: str) -> Callable[[Path], Path]:
    """Makes the example and names another of its files."""
    return lambda folder: _deployed(folder).with_name(name)


def _begun(folder: Path) -> Path:
    arguments = ["--preset", "tiny", "--data", "data/stack.tif", "--levels", "3", "--epochs", "6"]
    write_begun(folder, Begun((*arguments, "--stages", "7:2", "3:4", "--batch-norm"), "../.."))
    return folder / BEGUN_FILE


def _read_begun(path: Path) -> bytes:
    begun = read_begun(path.parent)
    assert begun is not None
    options = vars(options_to_resume(path.parent, begun, ["--resume", "--epochs", "6"]))
    told = {name: repr(value) for name, value in options.items() if name != "out"}
    # As seen from the training's folder, not from the one that the tests run in.
    told["data"] = os.path.relpath(options["data"] or ".", path.parent)
    return msgspec.json.encode(told)


_TASK = Task("classes", (3, 4, 2), (3, 4, 5))


def _images(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 3, 4, 2), np.uint8)
    np.savez_compressed(
        folder / "images.npz", images=images, labels=rng.integers(0, 5, (6, 3, 4)),
        calibration_images=images[:2].astype(np.float32),
    )  # fmt: skip
    return folder / "images.npz"


def _read_images(path: Path) -> bytes:
    found = read_class_images(path, _TASK)
    kept = {"images": found.images, "labels": found.labels, "calibration": found.calibration}
    return pack_arrays({name: part for name, part in kept.items() if part is not None})


_ALL = (
    Format("deployed", _deployed, _read_deployed, rightly=_deployed_rightly),
    Format(
        "deployed-arrays", _deployed_part(ARRAYS), _read_deployed, rightly=_deployed_arrays_rightly
    ),
    Format(
        "deployed-program",
        _deployed_part(PROGRAM),
        _read_deployed,
        rightly=_deployed_program_rightly,
    ),
    Format("deployed-sums", _deployed_part(SUMS), _read_deployed),
    Format("program", _program, _read_program, rightly=_program_rightly),
    Format("checkpoint", _checkpoint, _read_checkpoint, rightly=_checkpoint_rightly),
    Format("weights", _checkpoint_weights, _read_checkpoint, rightly=_weights_rightly),
    Format("state", _state, _read_state, rightly=_state_rightly),
    Format("graph", _graph, _read_graph, (PartitionError,), rightly=_graph_rightly),
    Format("program-graph", _program, _read_graph, (PartitionError,), rightly=_program_rightly),
    Format("begun", _begun, _read_begun, has_digest=False),
    # Arrays have check sums of their own, but names and the table of contents have none.
    Format("images", _images, _read_images, has_digest=False),
    # Of versions before, whose files do not tell damage.
    Format("checkpoint-1", _checkpoint_1, _read_checkpoint, has_digest=False),
    Format("state-1", _state_1, _read_state),
    Format("graph-2", _graph_2, _read_graph, (PartitionError,), rightly=_graph_rightly),
    Format("graph-1", _graph_1, _read_graph, (PartitionError,), has_digest=False),
)

FORMATS = {one.name: one for one in _ALL}
"""By name. A format more is a line more."""
