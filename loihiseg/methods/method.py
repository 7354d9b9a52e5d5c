"""What a method is: its name, what it needs, what of it a chip can run, and how it runs.

Free of TensorFlow and numpy, and so is what a method answers before it runs: help is quick.
"""

import argparse
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from loihiseg.methods.task import Task
    from loihiseg.progress import Reporter
    from loihiseg.results import SimulationResults

Settings = TypeVar("Settings")
"""A method's options as a frozen dataclass of plain values, for ``config.json``."""


class Need(Enum):
    """What a method needs of a trained network, or to go on from it; the value says it in words."""

    LEVELS = "activations of few levels"
    CALIBRATION = "calibration tiles"
    TRAINING_THROUGH_TIME = "training through time"


@dataclass(frozen=True)
class OnChip:
    """What of a method Loihi can run.

    Attributes
    ----------
    compiles : bool
        Whether its lowered network can go to compile; else the method ends in a simulation.
    says : str
        The same in words: which part, by which code, and what the chip lacks.
    """

    compiles: bool
    says: str


class Method(Protocol[Settings]):
    """A published method.

    Attributes
    ----------
    name : str
        On the command line and in results: lower case and hyphens.
    summary : str
        One sentence, with its authors.
    needs : frozenset of Need
    on_chip : OnChip
    """

    @property
    def name(self) -> str: ...

    @property
    def summary(self) -> str: ...

    @property
    def needs(self) -> frozenset[Need]: ...

    @property
    def on_chip(self) -> OnChip: ...

    def add_options(self, parser: argparse._ActionsContainer) -> None:
        """Add the method's own options; those of `loihiseg.simulate` are there already."""

    def settings(self, options: argparse.Namespace) -> Settings:
        """Its own options, checked.

        Raises
        ------
        InputError
            If they do not go together.
        """

    def run(self, task: "Task", settings: Settings, reporter: "Reporter") -> "SimulationResults":
        """Make the spiking network, simulate it on the test sections, and score it.

        Parameters
        ----------
        task : Task
        settings : Settings
        reporter : Reporter
            Times each stage; ``reporter.seconds`` go into the results.

        Raises
        ------
        InputError
            If the network is none that the method can take.
        """


def described(method: Method) -> str:
    """A method in words: what it is, needs, and has for a chip."""
    needs = ", ".join(need.value for need in Need if need in method.needs) or "nothing more"
    return f"{method.summary} Needs: {needs}. On a chip: {method.on_chip.says}"
