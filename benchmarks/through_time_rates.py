"""One U-Net trained for firing rates, and trained as a spiking network, both emulated.

    python benchmarks/through_time_rates.py --data ISBI2012 --seeds 0 1 2
    python benchmarks/through_time_rates.py --table

The question is left open by Patel et al. (arXiv 2106.08921): what does it cost to train with rates
that stand for spikes, instead of with spikes? Both networks have integrate-and-fire neurons with a
hard reset, no leak, an image held at the input, the same crops, batches, epochs and learning rate,
and begin with random weights:

- *rates*: the usual training of a preset for the chip's firing rates, converted, with synapses of
  1.5 ms; a network for all numbers of steps;
- *spikes*: through time, of T steps of the last layer, without normalization; the last epoch in the
  chip's integers.

Both are deployed on whole test sections. A presentation takes as many steps, and is read out over
the last T of them: of the rates too, whose filters and layers have then as long to settle as the
spikes have to arrive. Rates are also deployed as usual, for 200 steps. Each row is a JSON file in
``benchmarks/through-time-rates``, and is not run again while that is there.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

if __name__ == "__main__":
    # Python puts the script's folder first, where its modules would be found under other names.
    sys.path[0] = str(Path(__file__).resolve().parents[1])


from benchmarks.kept_rows import grouped, keep, markdown, mean, read_rows
from benchmarks.through_time import Case as TimeCase
from benchmarks.through_time import configuration as over_time
from loihiseg.codes.rate import USUAL
from loihiseg.data.readers import read_stack
from loihiseg.data.splits import split_of
from loihiseg.data.stack import Stack
from loihiseg.provenance import versions
from loihiseg.results import Network
from loihiseg.through_time.settings import Dynamics, ThroughTime
from loihiseg.through_time.structure import wires
from loihiseg.training.presets import PRESETS, TrainingConfig

FOLDER = Path(__file__).parent / "through-time-rates"

MILLION = 1e6


@dataclass(frozen=True)
class Case:
    """A network on the emulated chip.

    Attributes
    ----------
    trained : str
        "rates" or "spikes".
    preset : str
    steps : int
        T: those that are read out.
    seed, epochs : int
    """

    trained: Literal["rates", "spikes"]
    preset: str
    steps: int
    seed: int
    epochs: int

    @property
    def file(self) -> str:
        """Of its row."""
        network = f"{self.preset}-{self.trained}-T{self.steps}"
        return f"{network}-{self.epochs}epochs-seed{self.seed}.json"


@dataclass(frozen=True)
class Row:
    """What a network came to on whole test sections.

    Attributes
    ----------
    case : Case
    chip_steps : int
        Of a presentation.
    trained_iou, emulated_iou : float
        Membrane IoU of the network as it was trained, and on the chip.
    agreement : float
        Share of pixels that the chip calls as the network with 8-bit weights does.
    million_events, energy_uj : float
        Synaptic events, and energy by published constants, of a tile.
    training_cpu_seconds : float
        Of all threads.
    versions : dict of str to str
    """

    case: Case
    chip_steps: int
    trained_iou: float
    emulated_iou: float
    agreement: float
    million_events: float
    energy_uj: float
    training_cpu_seconds: float
    versions: dict[str, str]


def configuration(case: Case) -> TrainingConfig:
    """Crops, batches and rate of `benchmarks.through_time`, for both."""
    config = over_time(TimeCase("none", case.preset, 1, case.seed, case.epochs))
    if case.trained == "rates":
        preset = PRESETS[case.preset]
        return replace(
            config, network=preset.network, time=None, eight_bit=preset.eight_bit,
            tuning_epochs=preset.tuning_epochs, window_steps=preset.window_steps,
        )  # fmt: skip
    neurons = Dynamics(decay=0)
    in_time = ThroughTime(case.steps, normalization="none", dynamics=neurons)
    return replace(config, tuning_epochs=1, eight_bit=True, time=in_time)


def chip_steps(case: Case) -> int:
    """Of a presentation: T, and one for each layer on the longest way; 200 of the usual rates."""
    if case.steps >= USUAL["steps"]:
        return case.steps
    depth: dict[str, int] = {}
    for wire in wires(PRESETS[case.preset].network):
        depth[wire.name] = max((depth[name] + 1 for name in wire.sources), default=0)
    return case.steps + max(depth.values())


def deployed(case: Case, stack: Stack, folder: Path, cpu_seconds: float) -> Row:
    """Deploy a trained network on whole test sections."""
    import loihiseg

    steps = chip_steps(case)
    options: dict[str, object] = {}
    if case.trained == "rates":
        usual = case.steps >= USUAL["steps"]
        options = {"steps": steps, "window": USUAL["window"] if usual else case.steps / steps}
    found = loihiseg.deploy_stack(folder, stack, proof_seconds=0.0, **options).results
    ious = {row.network: row.pixel.membrane_iou for row in found.score_rows if row.whole_sections}
    events = found.activity.synaptic_events / found.activity.n_images / MILLION
    assert found.agreement is not None and found.code.steps == steps
    return Row(
        case, steps, ious[Network.TRAINED], ious[Network.EMULATED], found.agreement, events,
        found.energy[0].total_uj_per_image, cpu_seconds, versions(),
    )  # fmt: skip


def trained(case: Case, stack: Stack, folder: Path) -> float:
    """Train into a folder; CPU seconds."""
    from loihiseg.training.fit import train

    config = configuration(case)
    start = time.process_time()
    train(stack, split_of(stack, config.crop, config.network.tile, None, None), config, folder)
    return time.process_time() - start


def table(found: Iterable[Row]) -> str:
    """A row for each case over its seeds: means, and the lowest and the highest IoU."""

    def alike(row: Row) -> tuple[str, int, str, int]:
        return row.case.preset, row.case.steps, row.case.trained, row.case.epochs

    head = (
        "| preset | trained for | read out | steps | seeds | membrane IoU, trained "
        "| on chip (range) | pixels as 8-bit | million events a tile | uJ a tile | CPU s |",
        "|---|---|---:|---:|---:|---:|---|---:|---:|---:|---:|",
    )
    lines = []
    for (preset, steps, name, _), own in grouped(found, alike):
        usual = steps >= USUAL["steps"]
        ious = [row.emulated_iou for row in own]
        cells = (
            preset, name, str(round(steps * USUAL["window"])) if usual else str(steps),
            str(own[0].chip_steps), str(len(own)), f"{mean(row.trained_iou for row in own):.3f}",
            f"{mean(ious):.3f} ({min(ious):.3f} to {max(ious):.3f})",
            f"{mean(row.agreement for row in own):.1%}",
            f"{mean(row.million_events for row in own):.2f}",
            f"{mean(row.energy_uj for row in own):.0f}",
            f"{mean(row.training_cpu_seconds for row in own):.0f}",
        )  # fmt: skip
        lines.append(cells)
    return markdown(head, lines)


def run_missing(case: Case, others: Sequence[int], stack: Stack, out: Path) -> None:
    """Train once, unless all is there, and deploy with the case's steps and the others."""
    cases = [replace(case, steps=steps) for steps in (case.steps, *others)]
    missing = [one for one in cases if not (out / one.file).exists()]
    if not missing:
        return
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "network"
        cpu_seconds = trained(case, stack, folder)
        for one in missing:
            keep(out / one.file, partial(deployed, one, stack, folder, cpu_seconds))


def main(arguments: Sequence[str]) -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FOLDER", help="a labelled stack")
    parser.add_argument("--preset", choices=tuple(PRESETS), default="tiny")
    parser.add_argument("--steps", nargs="+", type=int, default=[8, 16, 32], metavar="T")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--epochs", type=int, default=5, help="of 50 steps")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--table", action="store_true", help="run nothing")
    options = parser.parse_args(arguments)
    if not options.table:
        if options.data is None:
            parser.error("--data: expected a labelled stack, or --table")
        stack = read_stack(Path(options.data))
        usual = int(USUAL["steps"])
        for seed in options.seeds:
            rates = Case("rates", options.preset, usual, seed, options.epochs)
            run_missing(rates, options.steps, stack, options.out)
            for steps in options.steps:
                spikes = Case("spikes", options.preset, steps, seed, options.epochs)
                run_missing(spikes, (), stack, options.out)
    print(table(read_rows(options.out, Row)))


if __name__ == "__main__":
    main(sys.argv[1:])
