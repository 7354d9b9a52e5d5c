"""What helps a network of few levels to mind gaps: each choice alone, on validation sections.

    python benchmarks/training_choices.py --data ISBI2012 --soft-labels runs/teacher/maps.npy
    python benchmarks/training_choices.py --data ISBI2012 --cases plain border --seeds 0 1 2
    python benchmarks/training_choices.py --table

Every training starts from the same network of rates and has the same crops, levels, epochs and
rate; it differs in one choice. Each is a JSON file in ``benchmarks/training-choices``, and is not
run again while that is there; the table is of all files. Scores are of the validation sections, in
the chip's 8 bits: pixels at their best threshold, V_Rand and V_Info at the one that is best for
each; of two sections, they say little.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np

from benchmarks.kept_rows import grouped, keep, markdown, mean, read_rows
from loihiseg.data.readers import read_stack
from loihiseg.data.soft_labels import digest_of, read_soft_labels
from loihiseg.data.splits import split_of
from loihiseg.data.stack import Stack
from loihiseg.data.tiles import predict_sections
from loihiseg.metrics.choosing import LOGITS
from loihiseg.metrics.topology import rand_curve
from loihiseg.provenance import versions
from loihiseg.training.beginning import started_from
from loihiseg.training.checkpoint import Checkpoint, load_checkpoint, set_model_weights
from loihiseg.training.objective import Objective
from loihiseg.training.presets import PRESETS, Stage, TrainingConfig
from loihiseg.training.shipped import resolve

FOLDER = Path(__file__).parent / "training-choices"

CHOICES: dict[str, dict[str, float]] = {
    "plain": {},
    "soft": {"soft_share": 0.9},
    "soft-alone": {"soft_share": 1.0},
    "border": {"border_weight": 3.0},
    "dice": {"dice_weight": 0.3},
    "skeleton": {"skeleton_weight": 0.3},
    "average": {"average": 0.99},
    "longer": {"longer": 2},
    "soft-average": {"soft_share": 0.9, "average": 0.99},
}
"""By name, what differs from the plain training."""


@dataclass(frozen=True)
class Case:
    """A training: one of `CHOICES`, its seed, levels, and epochs before those of 8 bits."""

    name: str
    seed: int
    levels: int = 3
    epochs: int = 7
    eight_bit_epochs: int = 3

    @property
    def file(self) -> str:
        """Of its row."""
        epochs = f"{self.epochs}+{self.eight_bit_epochs}epochs"
        return f"levels{self.levels}-{self.name}-{epochs}-seed{self.seed}.json"


@dataclass(frozen=True)
class Row:
    """What a training came to, on the validation sections after its best epoch.

    ``logit`` is the threshold of the best V_Rand. ``cpu_seconds`` is of all threads.
    """

    case: Case
    membrane_iou: float
    accuracy: float
    validation_loss: float
    v_rand: float
    logit: float
    events_per_mac: float
    best_epoch: int
    soft_labels: str
    cpu_seconds: float
    versions: dict[str, str]


def configuration(case: Case, soft: str) -> TrainingConfig:
    """Of the preset ``paper`` on smaller crops."""
    choice = dict(CHOICES[case.name])
    preset = PRESETS["paper"]
    longer = int(choice.pop("longer", 1))
    average = choice.pop("average", 0.0)
    stages = (
        Stage(case.levels, longer * case.epochs, eight_bit=False, batch_norm=True),
        Stage(case.levels, longer * case.eight_bit_epochs),
    )
    objective = Objective(**choice, soft_labels=soft if "soft_share" in choice else "")
    return replace(
        preset, network=replace(preset.network, levels=case.levels), crop=128, batch=12,
        epochs=sum(stage.epochs for stage in stages), tuning_epochs=0, window_steps=0,
        stages=stages, learning_rate=3e-3, seed=case.seed, objective=objective, average=average,
    )  # fmt: skip


def trained(case: Case, stack: Stack, start: Checkpoint) -> Row:
    """Train and score."""
    from loihiseg.training.fit import train
    from loihiseg.training.state import read_history

    soft = "" if stack.soft is None else digest_of(stack.soft)
    config = started_from(configuration(case, soft), start)
    split = split_of(stack, config.crop, config.network.tile)
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as temporary:
        kept = train(stack, split, config, Path(temporary), start=start)
        epoch = read_history(Path(temporary))[kept.info.epoch - 1]
    took = time.process_time() - begun
    v_rand, logit = cells(kept, split.part(stack, "validation"))
    return Row(
        case, epoch.membrane_iou, epoch.accuracy, epoch.validation_loss, v_rand, logit,
        epoch.events_per_mac, kept.info.epoch, config.objective.soft_labels, took, versions(),
    )  # fmt: skip


def cells(kept: Checkpoint, stack: Stack) -> tuple[float, float]:
    """The best mean V_Rand over thresholds, and where it is."""
    from loihiseg.network.unet import ChipEffects, build_unet

    network = kept.info.config.network
    model = build_unet(network, effects=ChipEffects(eight_bit=True))
    set_model_weights(model, kept.weights)
    logits = predict_sections(lambda x: model.predict(x, verbose=0), stack.images, network.tile)
    assert stack.membrane is not None
    curve = np.mean([rand_curve(*one, LOGITS) for one in zip(stack.membrane, logits)], axis=0)
    return float(curve.max()), float(LOGITS[int(curve.argmax())])


def table(found: Iterable[Row]) -> str:
    """A row for each choice over its seeds: the mean, and its difference from the plain one."""

    def alike(row: Row) -> tuple[int, int, str]:
        return row.case.levels, row.case.epochs, row.case.name

    head = (
        "| levels | choice | seeds | membrane IoU | accuracy | loss | V_Rand, best "
        "| events per MAC | CPU s |",
        "|---|---|---|---|---|---|---|---|---|",
    )
    lines = []
    for (levels, _, name), own in grouped(found, alike):
        means = {
            key: mean(getattr(row, key) for row in own)
            for key in ("membrane_iou", "accuracy", "validation_loss", "v_rand", "events_per_mac")
        }
        ious = [row.membrane_iou for row in own]
        cells = (
            str(levels), name, str(len(own)),
            f"{means['membrane_iou']:.4f} ({min(ious):.4f} to {max(ious):.4f})",
            f"{means['accuracy']:.2%}", f"{means['validation_loss']:.4f}", f"{means['v_rand']:.3f}",
            f"{means['events_per_mac']:.2f}", f"{mean(row.cpu_seconds for row in own):.0f}",
        )  # fmt: skip
        lines.append(cells)
    return markdown(head, lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FOLDER", help="a labelled stack")
    parser.add_argument("--soft-labels", nargs="+", metavar="MAP", help="for the cases with them")
    parser.add_argument("--start", default="paper-isbi2012", help="a network of rates")
    parser.add_argument("--cases", nargs="+", choices=tuple(CHOICES), default=tuple(CHOICES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--levels", type=int, default=3)
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--table", action="store_true", help="run nothing")
    options = parser.parse_args(arguments)
    if not options.table:
        if options.data is None:
            parser.error("--data: expected a labelled stack, or --table")
        stack = read_stack(Path(options.data))
        if options.soft_labels:
            stack = replace(stack, soft=read_soft_labels(options.soft_labels, stack))
        start = load_checkpoint(resolve(options.start, options.data))
        for seed in options.seeds:
            for name in options.cases:
                if "soft_share" in CHOICES[name] and stack.soft is None:
                    parser.error(f"--cases {name}: needs --soft-labels")
                case = Case(name, seed, options.levels)
                keep(options.out / case.file, partial(trained, case, stack, start))
    print(table(read_rows(options.out, Row)))


if __name__ == "__main__":
    main()
