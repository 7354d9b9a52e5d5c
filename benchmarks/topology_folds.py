"""Cells that are joined and cut over five folds: networks of rates, in floats against on the chip.

    python benchmarks/topology_folds.py --data ISBI2012
    python benchmarks/topology_folds.py --data ISBI2012 --folds 0 1 --epochs 20 --tuning-epochs 4
    python benchmarks/topology_folds.py --table

Each fold's network is trained on its training sections, with neighbouring sections as channels and
the mean of weights, and its test sections are deployed with ``--topology`` (docs/topology.md): the
thresholds are chosen on all other sections. A fold is a JSON file in
``benchmarks/topology-folds``, and is not run again while that is there; the table is of all files.
Training and deployment are kept in ``--out``, so that a run that was stopped goes on.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Python puts the script's folder first.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import msgspec

from benchmarks.kept_rows import grouped, keep, markdown, mean, read_rows
from loihiseg.data.readers import read_stack
from loihiseg.data.splits import Split, z_block_folds
from loihiseg.data.stack import Stack
from loihiseg.metrics.choosing import interval
from loihiseg.results.topology import ChosenThreshold, SectionTopology
from loihiseg.training.presets import PRESETS, TrainingConfig

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(__file__).parent / "topology-folds"
FOLDS = 5
SHOWN = {
    "v_rand": "V_Rand", "v_info": "V_Info", "adapted_rand_error": "adapted Rand error",
    "voi_split": "VOI split", "voi_merge": "VOI merge", "cell_iou": "cell IoU",
}  # fmt: skip
PIXELS = ("accuracy, %", "IoU of pixels")


@dataclass(frozen=True)
class Case:
    """A fold, and how its network is trained and deployed; ``tuning_epochs`` are of ``epochs``."""

    fold: int
    epochs: int = 10
    tuning_epochs: int = 2
    seed: int = 0
    steps: int = 200
    chips: int = 2
    preset: str = "paper"

    @property
    def training(self) -> str:
        """Its name: networks are trained once for all deployments."""
        epochs = f"{self.epochs - self.tuning_epochs}+{self.tuning_epochs}epochs"
        return f"fold{self.fold}-{self.preset}-{epochs}-seed{self.seed}"

    @property
    def name(self) -> str:
        """Of its row and its deployment."""
        return f"{self.training}-{self.chips}chips-{self.steps}steps"


@dataclass(frozen=True)
class Maps:
    """One network's maps of the test sections: pixels at their threshold, cells at theirs."""

    accuracy: float
    membrane_iou: float
    threshold: ChosenThreshold
    sections: tuple[SectionTopology, ...]


@dataclass(frozen=True)
class Row:
    """What a fold came to; ``seconds`` are of the clock, of a run that was not stopped."""

    case: Case
    sections: tuple[int, ...]
    chosen_on: tuple[int, ...]
    floats: Maps
    chip: Maps
    best_epoch: int
    train_s: float
    deploy_s: float
    config: dict[str, Any]
    versions: dict[str, str]


def configuration(case: Case) -> TrainingConfig:
    """Of the preset for firing rates, on smaller crops, fewer epochs."""
    preset = PRESETS[case.preset]
    return replace(
        preset, network=replace(preset.network, neighbours=1), crop=128, epochs=case.epochs,
        tuning_epochs=case.tuning_epochs, seed=case.seed, average=0.99,
    )  # fmt: skip


def ran(case: Case, stack: Stack, data: Path, out: Path) -> Row:
    """Train and deploy, or go on with what is there."""
    from loihiseg.training.fit import train
    from loihiseg.training.state import STATE_FILE

    split = z_block_folds(stack.n_sections, FOLDS)[case.fold]
    config, network, run = configuration(case), out / case.training, out / case.name
    begun = time.monotonic()
    kept = train(stack, split, config, network, resume=(network / STATE_FILE).exists())
    trained = time.monotonic()
    if not (run / "metrics.json").exists():
        command = [
            sys.executable, "-m", "loihiseg.deploy", "--checkpoint", network, "--data", data,
            "--chips", case.chips, "--code", "rate", "--steps", case.steps, "--topology",
            "--out", run, "--force",
        ]  # fmt: skip
        subprocess.run([str(part) for part in command], check=True, cwd=ROOT)
    spent = trained - begun, time.monotonic() - trained
    metrics = json.loads((run / "metrics.json").read_text())
    return row_of(case, split, metrics, kept.info.epoch, spent, asdict(config))


def row_of(
    case: Case, split: Split, metrics: dict[str, Any], best_epoch: int,
    seconds: tuple[float, float], config: dict[str, Any],
) -> Row:  # fmt: skip
    """Of a deployment that judged the fold's test sections, by thresholds of all the others."""
    found = metrics["topology"]
    judged, chosen_on = tuple(found["sections"]), tuple(found["chosen_on"])
    others = sorted({*split.train, *split.validation})
    if judged != tuple(split.test) or chosen_on != tuple(others):
        raise ValueError(
            f"{case.name}: judged sections {judged}, thresholds of {chosen_on}; expected "
            f"{tuple(split.test)} and {tuple(others)}: remove its runs"
        )
    return Row(
        case, judged, chosen_on, _maps(metrics, "floats", "trained"),
        _maps(metrics, "chip", "emulated"), best_epoch, *seconds, config, metrics["versions"],
    )  # fmt: skip


def _maps(metrics: dict[str, Any], way: str, network: str) -> Maps:
    pixel = next(row["pixel"] for row in metrics["score_rows"] if row["network"] == network)
    cells = metrics["topology"][way]
    parts = pixel["accuracy"], pixel["membrane_iou"], cells["threshold"], cells["sections"]
    names = ("accuracy", "membrane_iou", "threshold", "sections")
    return msgspec.convert(dict(zip(names, parts)), Maps)


def table(found: Iterable[Row]) -> str:
    """Means of each fold's sections and of all sections, with 95 % intervals of differences."""

    def alike(row: Row) -> tuple[str | int, ...]:
        case = row.case
        return case.preset, case.epochs, case.tuning_epochs, case.steps, case.chips, case.seed

    titles = ["epochs", "sections", "map", "threshold, logit", *SHOWN.values(), *PIXELS]
    head = (f"| {' | '.join(titles)} |", "|" + "---|" * len(titles))
    lines: list[list[str]] = []
    for _, own in grouped(found, alike):
        for row in own:
            lines += _lines(f"{row.sections[0]}–{row.sections[-1]}", [row])
        lines += _lines(f"all {sum(len(row.sections) for row in own)}", own)
    return markdown(head, lines)


def _lines(title: str, rows: list[Row]) -> list[list[str]]:
    """Floats, chip, and their difference by section; of folds by their numbers of sections."""
    epochs, lines, scores, pixels = str(rows[0].case.epochs), [], [], []
    for way, name in (("floats", "in floats"), ("chip", "on the chip")):
        maps: list[Maps] = [getattr(row, way) for row in rows]
        sections = [section for one in maps for section in one.sections]
        scores.append([[getattr(section, key) for section in sections] for key in SHOWN])
        pixels.append(
            (
                mean(100 * one.accuracy for one in maps for _ in one.sections),
                mean(one.membrane_iou for one in maps for _ in one.sections),
            )
        )
        logits = " ".join(f"{one.threshold.logit:.1f}" for one in maps)
        means = [f"{mean(values):.3f}" for values in scores[-1]]
        written = [f"{pixels[-1][0]:.2f}", f"{pixels[-1][1]:.3f}"]
        lines.append([epochs, title, name, logits, *means, *written])
    apart = []
    for floats, chip in zip(*scores, strict=True):
        of = interval([a - b for a, b in zip(chip, floats, strict=True)])
        apart.append(f"{of.mean:+.3f} ({of.low:+.3f} to {of.high:+.3f})")
    accuracy, iou = (chip - floats for floats, chip in zip(*pixels, strict=True))
    apart += [f"{accuracy:+.2f}", f"{iou:+.3f}"]
    return [*lines, [epochs, title, "difference", "", *apart]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="a labelled stack")
    parser.add_argument("--folds", nargs="+", type=int, choices=range(FOLDS), default=range(FOLDS))
    for name in ("epochs", "tuning_epochs", "seed", "steps", "chips"):
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=int, default=getattr(Case, name))
    parser.add_argument("--preset", choices=("tiny", "small", "paper"), default=Case.preset)
    parser.add_argument("--out", type=Path, default=Path("runs/topology-folds"))
    parser.add_argument("--rows", type=Path, default=FOLDER, help="folder of the JSON files")
    parser.add_argument("--table", action="store_true", help="run nothing")
    options = parser.parse_args(arguments)
    if not options.table:
        if options.data is None:
            parser.error("--data: expected a labelled stack, or --table")
        stack, data, out = read_stack(options.data), options.data.resolve(), options.out.resolve()
        names = ("epochs", "tuning_epochs", "seed", "steps", "chips", "preset")
        for fold in options.folds:
            case = Case(fold, **{name: getattr(options, name) for name in names})
            keep(options.rows / f"{case.name}.json", partial(ran, case, stack, data, out))
    print(table(read_rows(options.rows, Row)))


if __name__ == "__main__":
    main()
