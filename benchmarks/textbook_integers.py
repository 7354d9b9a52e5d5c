"""U-Nets of textbooks at full size on the chip, unit for unit against integers of their layers.

    python benchmarks/textbook_integers.py --data ISBI2012
    python benchmarks/textbook_integers.py --data ISBI2012 --networks textbook --sections 20:24

The float networks of ``benchmarks/networks/textbook*`` (two 3 x 3 convolutions, normalization
behind ReLU, max pooling, nearest upsampling or a transposed convolution, concatenation) are given
levels without training and deployed by the ramp code, as ``python -m loihiseg.deploy --levels 3
--code ramp`` does. Then whole sections run on the compiled emulator once more, and of every tile
the level of every unit, and of every section every logit, is compared with `tests.keras_integers`,
which works the integers out from the Keras layers and knows nothing of lowering.
"""

import argparse
import json
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Python puts the script's folder first, where its modules would be found under other names.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np

from benchmarks.reproduction.runs import made_with
from loihiseg.compilation.calibration import Presenter, fired_activations
from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.conversion.neuron_kinds import Extremum
from loihiseg.data.readers import read_stack
from loihiseg.data.stack import Stack
from loihiseg.data.tiles import predict_sections
from loihiseg.emulator.activity import Presentation
from loihiseg.files import write_json
from loihiseg.results import Network

NETWORKS = Path(__file__).resolve().parent / "networks"
NAMES = ("textbook", "textbook-transposed", "textbook-stride2")
MOST_CHIPS = 64
APART = 1e-4
"""Of logits, from which on a pixel differs: they are added up in float32 and in float64."""

HEADER = (
    "network", "levels", "steps", "cores", "chips", "units", "differing", "pixels",
    "differing pixels", "mJ a section", "IoU float", "levels", "8-bit", "emulated",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What a network came to.

    Attributes
    ----------
    units, units_differing : dict of str to int
        Levels compared and found unlike, by layer of the lowered network, pools among them.
    pixels, pixels_differing, pixels_called_otherwise : int
        Of whole sections: logits that are further apart than float32 adds up, and those on the
        other side of the threshold.
    ties : int
        Roundings of the integers that float32 decides and the reference cannot.
    iou : dict of str to float
        Of membrane on the sections, by network.
    energy_mj : float
        Estimate, for a section.
    """

    network: str
    levels: int
    tile: int
    sections: tuple[int, ...]
    presentations: int
    steps: int
    cores: int
    chips: int
    neurons: int
    units: dict[str, int]
    units_differing: dict[str, int]
    pixels: int
    pixels_differing: int
    pixels_called_otherwise: int
    largest_difference: float
    ties: int
    energy_mj: float
    iou: dict[str, float]
    accuracy: dict[str, float]
    seconds: float


class Compared:
    """A presenter that holds what another one presents against integers on the way.

    Parameters
    ----------
    deployed : DeployedNetwork
    presenter : Presenter
    reference : tests.keras_integers.KerasIntegers
    """

    def __init__(self, deployed: DeployedNetwork, presenter: Presenter, reference: Any) -> None:
        self.deployed, self.presenter, self.reference = deployed, presenter, reference
        names = [layer.name for layer in deployed.network.layers]
        self.units, self.differing = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
        self.presentations = 0

    def present_each(
        self, images: Iterable[np.ndarray], n_steps: int, n_window_steps: int
    ) -> Iterator[Presentation]:
        """Those of the other presenter, each compared."""
        waiting: deque[np.ndarray] = deque()

        def taken() -> Iterator[np.ndarray]:
            for image in images:
                waiting.append(image)
                yield image

        for shown in self.presenter.present_each(taken(), n_steps, n_window_steps):
            self._compare(waiting.popleft(), shown)
            yield shown

    def _compare(self, image: np.ndarray, shown: Presentation) -> None:
        expected = self.reference.counts(image[None, ..., None])
        fired = fired_activations(self.deployed, shown)
        for layer in self.deployed.network.layers:
            found = np.rint((fired[layer.name] - layer.neuron.offset) / layer.level_value)
            if isinstance(layer.neuron, Extremum):
                pool = self._pool_of(layer.name)
                right = self.reference.extreme(pool, expected, layer.neuron.largest)[0]
            else:
                right = expected[layer.name][0]
            self.units[layer.name] += right.size
            self.differing[layer.name] += int((found != right).sum())
        self.presentations += 1

    def _pool_of(self, name: str) -> str:
        """The Keras layer that a layer of maxima or minima is part of."""
        return next(
            pool for pool in self.reference.pooled if name == pool or name.startswith(f"{pool}_")
        )


def measured(path: Path, name: str, stack: Stack, sections: str, levels: int) -> Row:
    """Deploy a network, and compare it on whole sections."""
    from loihiseg.frameworks import tf

    import loihiseg
    from loihiseg.running.runners import compiled_presenter
    from loihiseg.running.sections import run
    from tests.keras_integers import KerasIntegers

    start = time.perf_counter()
    model = tf.keras.models.load_model(path, compile=False)
    made = loihiseg.deploy_stack(
        model, stack, chips=MOST_CHIPS, levels=levels, code="ramp", sections=sections,
        proof_seconds=0,
    )  # fmt: skip
    deployed, results = made.deployed, made.results
    layers = [one for one in deployed.network.layers if not isinstance(one.neuron, Extremum)]
    reference = KerasIntegers(model, levels, {one.name: one.level_value for one in layers})
    images = np.stack([stack.images[number] for number in results.sections])
    with compiled_presenter(deployed) as presenter:
        compared = Compared(deployed, presenter, reference)
        found = np.stack([one.logits for one in run(deployed, images, presenter=compared)])
    expected = predict_sections(
        lambda tiles: np.concatenate([reference.logits(tile[None]) for tile in tiles]),
        images, deployed.tile,
    )  # fmt: skip
    apart = np.abs(found - expected)
    border = np.log(deployed.threshold / (1 - deployed.threshold))
    scores = {
        network.value: row.pixel
        for network in (
            Network.TRAINED, Network.WITH_LEVELS, Network.EIGHT_BIT, Network.EMULATED,
        )
        if (row := results.scores(network)) is not None
    }  # fmt: skip
    assert results.per_section is not None
    return Row(
        network=name,
        levels=levels,
        tile=deployed.tile,
        sections=results.sections,
        presentations=compared.presentations,
        steps=results.code.steps,
        cores=results.mapping.n_cores,
        chips=results.mapping.n_chips_used,
        neurons=results.mapping.n_neurons,
        units=compared.units,
        units_differing=compared.differing,
        pixels=apart.size,
        pixels_differing=int((apart > APART).sum()),
        pixels_called_otherwise=int(((found > border) != (expected > border)).sum()),
        largest_difference=float(apart.max()),
        ties=reference.ties,
        energy_mj=results.per_section.energy_uj / 1000,
        iou={one: row.membrane_iou for one, row in scores.items()},
        accuracy={one: row.accuracy for one, row in scores.items()},
        seconds=time.perf_counter() - start,
    )


def line_of(row: Row) -> tuple[str, ...]:
    """A row of the table."""
    return (
        row.network, str(row.levels), str(row.steps), str(row.cores), str(row.chips),
        f"{sum(row.units.values()):,}", f"{sum(row.units_differing.values()):,}",
        f"{row.pixels:,}", f"{row.pixels_differing:,}", f"{row.energy_mj:.1f}",
        *(f"{row.iou[one]:.3f}" for one in ("trained", "with_levels", "eight_bit", "emulated")),
    )  # fmt: skip


def table_of(rows: Iterable[Row]) -> str:
    """In Markdown."""
    lines = ["| " + " | ".join(HEADER) + " |", "|---" + "|---:" * (len(HEADER) - 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(line_of(row)) + " |" for row in rows)])


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 1 where a unit or a pixel differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", required=True, metavar="PATH")
    parser.add_argument("--networks", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--sections", default="20:21", metavar="A:B")
    parser.add_argument("--levels", type=int, default=3, metavar="L")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the rows there as JSON")
    options = parser.parse_args(arguments)
    stack, rows = read_stack(options.data), []
    for name in options.networks:
        path = NETWORKS / name / "network.h5"
        row = measured(path, name, stack, options.sections, options.levels)
        rows.append(row)
        print(json.dumps(asdict(row)), file=sys.stderr, flush=True)
        if options.out is not None:
            made = made_with("benchmarks/textbook_integers.py")
            write_json(options.out, {"rows": [asdict(one) for one in rows], "made": made})
    print(table_of(rows))
    differing = [sum(row.units_differing.values()) + row.pixels_differing for row in rows]
    return 1 if any(differing) else 0


if __name__ == "__main__":
    sys.exit(main())
