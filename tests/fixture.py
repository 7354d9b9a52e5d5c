"""Kept deployments: what they came to, in numbers and digests, to compare later ones with.

    python -m tests.fixture                       # all that can be made here, anew
    python -m tests.fixture "synthetic, rates"    # one of them

``LOIHISEG_ISBI2012`` names the folder of ISBI 2012, ``LOIHISEG_LEVELS2`` that of a network of two
levels of the preset ``paper``; without them the deployments that need them cannot be made. No pixel
of the data is kept.
"""

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from loihiseg.files import write_json
from loihiseg.provenance import versions

FILE = Path(__file__).parent / "fixtures" / "deployments.json"

TOLERANCE = 1e-6
"""Relative, of what TensorFlow's floats have a part in."""


@dataclass(frozen=True)
class Kept:
    """A deployment that is kept.

    Attributes
    ----------
    options : tuple of str
        Of the command; names of environment variables in braces stand for what they hold.
    """

    options: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        """Environment variables that are needed and not set."""
        wanted = [text[1:-1] for text in self.options if text.startswith("{")]
        return [name for name in wanted if not os.environ.get(name)]

    def command(self) -> list[str]:
        """The options with what the variables hold."""
        return [os.environ[o[1:-1]] if o.startswith("{") else o for o in self.options]


QUICK = ("--tiles", "2", "--calibration-tiles", "1", "--proof-seconds", "0", "--seed", "0")
LEVELS2 = ("--checkpoint", "{LOIHISEG_LEVELS2}")
ISBI = ("--data", "{LOIHISEG_ISBI2012}", "--sections", "20:21", "--seed", "0")

DEPLOYMENTS = {
    "synthetic, rates": Kept(
        ("--chips", "2", "--checkpoint", "tiny-synthetic", "--steps", "40", *QUICK)
    ),
    "ISBI 2012, rates": Kept(("--chips", "2", *ISBI)),
    # The bound of four chips is what its seconds come to.
    "ISBI 2012, levels": Kept(
        ("--chips", "4", "--code", "thermometer", *LEVELS2, "--proof-seconds", "0", *ISBI)
    ),
}


def deploy(options: list[str]) -> dict:
    """Deploy in this process; as in ``metrics.json``."""
    from loihiseg.commands.deploy.command import deployment
    from loihiseg.commands.deploy.configuration import configuration
    from loihiseg.commands.deploy.options import parse
    from loihiseg.progress import Reporter
    from loihiseg.results import plain

    return plain(deployment(configuration(parse(options)), Reporter(quiet=True)).results)


def digest(value) -> str:
    """SHA-256 of a value as JSON."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def fingerprint(metrics: dict) -> dict:
    """What is compared of a deployment.

    Parameters
    ----------
    metrics : dict
        As in ``metrics.json``.

    Returns
    -------
    dict
        ``exact``: spikes, counts, messages, blocks, chips and cores, equal to the last digit.
        ``near``: numbers that floats have a part in, equal to `TOLERANCE`.
    """
    # As read back from the file: without tuples.
    metrics = json.loads(json.dumps(metrics))
    mapping, layers = metrics["mapping"], metrics["layers"]
    counted = ("n_neurons", "n_cores", "n_chips", "n_chips_used", "measured_messages")
    exact = {
        "spikes": metrics["spikes_sha256"],
        "counts": metrics["activity"],
        "code": metrics["code"],
        "tiles": digest(metrics["tiles"]),
        "mapping": {key: mapping[key] for key in counted},
        "chips": digest(mapping["chip_of_block"]),
        "cores": digest(mapping["core_of_block"]),
        "blocks": {row["layer"]: [row["n_blocks"], row["block_shape"]] for row in layers},
    }
    near = {
        "messages": mapping["messages"],
        "mean_hops": mapping["mean_hops"],
        "allocators": {row["name"]: row["messages"] for row in mapping["allocators"]},
        "threshold": metrics["threshold"],
        "agreement": metrics["agreement"],
        "readout": metrics["readout"],
        "rates": metrics["rates"],
        "energy_uj": {row["device"]: row["total_uj_per_image"] for row in metrics["energy"]},
        "scores": {
            f"{row['name']}, {row['pixels']}": {kind: row[kind] for kind in ("pixel", "challenge")}
            for row in metrics["score_rows"]
        },
        "errors": {
            row["layer"]: [row["quantized_error"], row["spiking_error"], row["level_match"]]
            for row in layers
        },
    }
    return {"exact": exact, "near": near}


def differences(kept, found, tolerance: float = 0.0, path: str = "") -> list[str]:
    """Where two fingerprints differ by more than a tolerance, one line each."""
    if isinstance(kept, dict) and isinstance(found, dict):
        parts = [(key, kept.get(key), found.get(key)) for key in sorted({*kept, *found})]
    elif isinstance(kept, list) and isinstance(found, list) and len(kept) == len(found):
        parts = [(index, *pair) for index, pair in enumerate(zip(kept, found))]
    else:
        return [] if _equal(kept, found, tolerance) else [f"{path}: {kept} became {found}"]
    return [
        text
        for key, before, after in parts
        for text in differences(before, after, tolerance, f"{path}.{key}".strip("."))
    ]


def _equal(kept, found, tolerance):
    numbers = all(isinstance(v, int | float) for v in (kept, found))
    if tolerance and numbers:
        return abs(kept - found) <= tolerance * max(1.0, abs(kept))
    return kept == found


def read() -> dict:
    """All kept deployments by name."""
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def main(names: list[str]) -> None:
    """Make kept deployments anew."""
    for name in names or DEPLOYMENTS:
        one = DEPLOYMENTS[name]
        if one.missing:
            print(f"{name}: not made, for {', '.join(one.missing)} is not set")
            continue
        made = {"versions": versions(), "options": list(one.options)}
        kept = made | fingerprint(deploy(one.command()))
        write_json(FILE, read() | {name: kept})
        print(f"{name}: made")


if __name__ == "__main__":
    main(sys.argv[1:])
