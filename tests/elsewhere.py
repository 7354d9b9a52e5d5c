"""A network compiled on one Python and run on another, where there is no framework.

    python -m tests.elsewhere make FOLDER     # Python 3.11 or 3.12
    python -m tests.elsewhere check FOLDER    # any, without TensorFlow and nengo too

``check`` ends with exit code 1 unless every spike count and every bit of the maps is the same.
"""

import sys
from pathlib import Path

import numpy as np

from loihiseg.compilation.artifact import load_deployed, save_deployed
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.running.sections import run


def made(folder: Path) -> None:
    """Compile a shipped network, keep it, and what it makes of a section."""
    from loihiseg.compilation.compile import compile_network, prepare
    from loihiseg.compilation.options import CompileOptions
    from loihiseg.compilation.prepared import Calibration
    from loihiseg.compilation.source import read_network
    from loihiseg.data.tiles import whole_tiles
    from loihiseg.progress import Reporter
    from loihiseg.training import shipped

    options, reporter = (
        CompileOptions(proof_seconds=0.0, steps=40, window=0.4, synapse_ms=1.5, code="rate"),
        Reporter(),
    )
    source = read_network(shipped.FOLDER / "tiny-synthetic")
    prepared = prepare(source, options, 192, reporter)
    tiles = whole_tiles(synthetic_stack().select(range(20, 21)), prepared.source.tile)
    calibration = Calibration(tiles.pixels, "tiles of section 20")
    compiled = compile_network(prepared, options, calibration, 0.4, reporter)
    save_deployed(folder / "kept", compiled.deployed)
    np.savez(folder / "found.npz", **_found(folder))


def _found(folder: Path) -> dict[str, np.ndarray]:
    network = load_deployed(folder / "kept")
    section = synthetic_stack().images[21]
    (on_chip,) = run(network, [section])
    return {
        "logits": on_chip.logits,
        "probability": on_chip.probability,
        "spikes": on_chip.tally.compartment_spikes,
    }


def check(folder: Path) -> int:
    """Run the kept network here and compare; the exit code."""
    kept, found = np.load(folder / "found.npz"), _found(folder)
    n_spikes = int(found["spikes"].sum())
    for name, value in found.items():
        differ = int((kept[name] != value).sum())
        print(f"{name}: {differ} of {value.size:,} differ ({n_spikes:,} spikes)")
        if differ or kept[name].tobytes() != value.tobytes() or not n_spikes:
            return 1
    return 0


def main(arguments: list[str]) -> int:
    """Do what the first argument says, in the folder that the second names."""
    what, folder = arguments[0], Path(arguments[1])
    folder.mkdir(parents=True, exist_ok=True)
    if what == "check":
        return check(folder)
    made(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
