"""Folders of runs below the output's: what a run is called."""

from dataclasses import dataclass

REFERENCE_STEPS = 200
"""Steps of every deployment but those that show what the steps do."""

OWN_TILE, TWO_CHIPS = "own-tile", "two-chips"
"""Deployments of a network of levels: on the preset's tile, and on the largest that fits two."""


@dataclass(frozen=True)
class LevelNetwork:
    """One of the networks of levels that are trained with each seed.

    Attributes
    ----------
    levels : int
        Of each activation on the chip.
    sparse : bool
        Trained for few spikes.
    """

    levels: int
    sparse: bool = False

    @property
    def title(self) -> str:
        """As tables and pictures call it."""
        return f"L = {self.levels}{', sparse' * self.sparse}"


def seed_name(seed: int) -> str:
    """Folder of all that belongs to a seed."""
    return f"seed-{seed}"


def fold_name(fold: int) -> str:
    """Folder of all that belongs to a fold, counted from 0."""
    return f"folds/fold-{fold}"


def ablation_name(variant: str) -> str:
    """Folder of all that belongs to a variant of the recipe."""
    return f"ablation/{variant}"


def levels_name(folder: str, network: LevelNetwork) -> str:
    """Folder of all that belongs to a network of levels, below that of its start."""
    return f"{folder}/levels-{network.levels}{'-sparse' * network.sparse}"


def training_name(folder: str) -> str:
    """Folder of the training below that of a network."""
    return f"{folder}/train"


def steps_name(folder: str, steps: int = REFERENCE_STEPS) -> str:
    """Folder of the deployment at so many steps below that of a network."""
    return f"{folder}/steps-{steps}"


def section_name(folder: str) -> str:
    """Folder of the deployment on one section, with nothing kept."""
    return f"{folder}/one-section"


def nengo_dl_name(folder: str) -> str:
    """Folder of the deployment beside NengoDL."""
    return f"{folder}/nengo-dl"


def exit_name(folder: str) -> str:
    """Folder of the deployment that stops tiles early."""
    return f"{folder}/early-exit"


def fast_snn_name(folder: str) -> str:
    """Folder of the simulation as Fast-SNN below that of a network of levels."""
    return f"{folder}/fast-snn"
