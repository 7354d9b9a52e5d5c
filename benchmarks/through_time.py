"""Networks trained through time, beside each other: normalizations, residual blocks, steps, seeds.

    python benchmarks/through_time.py --data ISBI2012
    python benchmarks/through_time.py --data ISBI2012 --cases shift none --steps 4 8 --seeds 0 1 2
    python benchmarks/through_time.py --data ISBI2012 --cases shift --steps 8 --keep runs/time
    python benchmarks/through_time.py --table

Every training has the same preset and epochs, begins with random weights and stays in floats, so
that all forms can be compared. Each is a JSON file in ``benchmarks/through-time``, and is not run
again while that is there; the table is of all files. ``--keep`` keeps the networks too, each in a
folder, for `benchmarks/through_time_exit.py`.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first, where its modules would be found under other names.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import msgspec

from benchmarks.kept_rows import grouped, keep, markdown, mean, read_rows
from loihiseg.data.readers import read_stack
from loihiseg.data.splits import split_of
from loihiseg.data.stack import Stack
from loihiseg.methods.residual.blocks import with_blocks
from loihiseg.provenance import versions
from loihiseg.through_time.settings import ThroughTime
from loihiseg.training.presets import PRESETS, TrainingConfig

FOLDER = Path(__file__).parent / "through-time"

NORMALIZATIONS = ("bntt", "shift", "shared", "none")
RESIDUALS = ("plain", "add", "before", "membrane", "and", "iand", "or")
"""Cases: normalizations of a plain network, and networks with blocks more at each depth."""


@dataclass(frozen=True)
class Case:
    """A training.

    Attributes
    ----------
    name : str
        A normalization, or how blocks are joined ("plain": not at all), normalized by shift.
    preset : str
    steps, seed, epochs : int
    blocks : int
        At each depth, of a case of blocks.
    """

    name: str
    preset: str
    steps: int
    seed: int
    epochs: int
    blocks: int = 1

    @property
    def file(self) -> str:
        """Of its row."""
        return f"{self.network}-T{self.steps}-{self.epochs}epochs-seed{self.seed}.json"

    @property
    def network(self) -> str:
        """Preset, name, and blocks where there is more than one."""
        return f"{self.preset}-{self.name}" + f"-{self.blocks}blocks" * (self.blocks > 1)


@dataclass(frozen=True)
class Row:
    """What a training came to, on the validation sections after its best epoch.

    ``cpu_seconds`` is of all threads.
    """

    case: Case
    membrane_iou: float
    accuracy: float
    validation_loss: float
    events_per_mac: float
    best_epoch: int
    cpu_seconds: float
    versions: dict[str, str]


def configuration(case: Case) -> TrainingConfig:
    """Crops and rate of `python -m loihiseg.train --method`, without tuning epochs."""
    preset = PRESETS[case.preset]
    network = replace(preset.network, rates=replace(preset.network.rates, weight=0.0))
    time_of = ThroughTime(case.steps)
    if case.name in RESIDUALS:
        network = with_blocks(network, case.blocks)
        residual = "none" if case.name == "plain" else case.name
        time_of = msgspec.convert(asdict(time_of) | {"residual": residual}, ThroughTime)
    else:
        time_of = msgspec.convert(asdict(time_of) | {"normalization": case.name}, ThroughTime)
    return replace(
        preset, network=network, crop=128, batch=4, steps_per_epoch=50, epochs=case.epochs,
        patience=case.epochs, learning_rate=5e-3, tuning_epochs=0, eight_bit=False,
        window_steps=0, seed=case.seed, time=time_of,
    )  # fmt: skip


def trained(case: Case, stack: Stack, keep: Path | None = None) -> Row:
    """Train and score; the network is kept in a folder of ``keep``, where that is given."""
    from loihiseg.training.fit import train
    from loihiseg.training.state import read_history

    config = configuration(case)
    split = split_of(stack, config.crop, config.network.tile, None, None)
    start = time.process_time()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if keep is None else keep / Path(case.file).stem
        info = train(stack, split, config, folder).info
        epoch = read_history(folder)[info.epoch - 1]
    return Row(
        case, epoch.membrane_iou, epoch.accuracy, epoch.validation_loss, epoch.events_per_mac,
        info.epoch, time.process_time() - start, versions(),
    )  # fmt: skip


def table(found: Iterable[Row]) -> str:
    """A row for each case over its seeds: the mean, and the lowest and the highest."""

    def alike(row: Row) -> tuple[str, str, int, int, int]:
        case = row.case
        blocks = case.blocks if case.name in RESIDUALS else 0
        return case.preset, case.name, blocks, case.steps, case.epochs

    head = (
        "| preset | case | blocks | T | epochs | seeds | membrane IoU (range) | accuracy "
        "| events per MAC | CPU s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    )
    lines = []
    for (preset, name, blocks, steps, epochs), own in grouped(found, alike):
        ious = [row.membrane_iou for row in own]
        cells = (
            preset, name, str(blocks), str(steps), str(epochs), str(len(own)),
            f"{mean(ious):.3f} ({min(ious):.3f} to {max(ious):.3f})",
            f"{mean(row.accuracy for row in own):.2%}",
            f"{mean(row.events_per_mac for row in own):.2f}",
            f"{mean(row.cpu_seconds for row in own):.0f}",
        )  # fmt: skip
        lines.append(cells)
    return markdown(head, lines)


def main(arguments: Sequence[str]) -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FOLDER", help="a labelled stack")
    parser.add_argument("--preset", choices=tuple(PRESETS), default="tiny")
    parser.add_argument(
        "--cases", nargs="+", choices=NORMALIZATIONS + RESIDUALS, default=NORMALIZATIONS
    )
    parser.add_argument("--steps", nargs="+", type=int, default=[4], metavar="T")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--epochs", type=int, default=5, help="of 50 steps")
    parser.add_argument("--blocks", type=int, default=1, help="of a case of blocks")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the networks in it")
    parser.add_argument("--table", action="store_true", help="run nothing")
    options = parser.parse_args(arguments)
    if not options.table:
        if options.data is None:
            parser.error("--data: expected a labelled stack, or --table")
        stack = read_stack(Path(options.data))
        for seed in options.seeds:
            for steps in options.steps:
                for name in options.cases:
                    blocks = options.blocks if name in RESIDUALS else 1
                    case = Case(name, options.preset, steps, seed, options.epochs, blocks)
                    keep(options.out / case.file, partial(trained, case, stack, options.keep))
    print(table(read_rows(options.out, Row)))


if __name__ == "__main__":
    main(sys.argv[1:])
