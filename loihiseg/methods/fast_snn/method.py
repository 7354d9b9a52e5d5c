"""Fast-SNN as a method: what it needs, and what it takes on the command line."""

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loihiseg.methods.method import Need, OnChip
from partition.command_line.options import whole

if TYPE_CHECKING:
    from loihiseg.methods.task import Task
    from loihiseg.progress import Reporter
    from loihiseg.results import SimulationResults

NAME = "fast-snn"


@dataclass(frozen=True)
class Settings:
    """Options of Fast-SNN.

    Attributes
    ----------
    steps : int or None
        T; None for as many as the most levels of a layer on the chip.
    crops : int
        Crops of the training sections to tune on; 0 for no tuning.
    """

    steps: int | None = None
    crops: int = 48


class FastSnn:
    """As of `loihiseg.methods.method.Method`; see `loihiseg.methods.fast_snn`."""

    name = NAME
    summary = "Fast-SNN (Hu, Zheng, Jiang, Pan 2023): quantized networks as spiking ones."
    needs = frozenset({Need.LEVELS})
    on_chip = OnChip(
        compiles=True,
        says="the network of levels, by the thermometer code. Not its neurons: Loihi has neither "
        "their reset by subtraction nor signed spikes, and no membrane that starts at half its "
        "threshold.",
    )

    def add_options(self, parser: argparse._ActionsContainer) -> None:
        """Add ``--steps`` and ``--crops``."""
        parser.add_argument(
            "--steps",
            type=whole(1, 10**4),
            metavar="T",
            help="steps per tile (default: as many as a layer on the chip has levels at most)",
        )
        parser.add_argument(
            "--crops",
            type=whole(0, 10**5),
            default=Settings.crops,
            metavar="N",
            help="crops of the training sections to tune on, layer by layer; 0 for no tuning",
        )

    def settings(self, options: argparse.Namespace) -> Settings:
        """The two options."""
        return Settings(options.steps, options.crops)

    def run(self, task: "Task", settings: Settings, reporter: "Reporter") -> "SimulationResults":
        """Score the quantized network and what Fast-SNN makes of it, signed and unsigned."""
        from loihiseg.methods.fast_snn.experiment import run

        return run(task, settings, reporter)
