"""The kinds of runs, as plain values. Free of TensorFlow."""

from dataclasses import asdict, dataclass, fields, replace

from benchmarks.reproduction.names import REFERENCE_STEPS
from loihiseg.data.splits import Split
from loihiseg.training.presets import TrainingConfig

DEPLOYMENT_FORMAT = 2
"""Of what a deployment writes: those of another are run again."""


@dataclass(frozen=True)
class Protocol:
    """What the whole reproduction is made of.

    Attributes
    ----------
    base : TrainingConfig
        The recipe; its seed is replaced by each of ``seeds``.
    n_sections : int
        Of the stack.
    seeds : tuple of int
        The first is that of ablations, folds and the comparison with NengoDL.
    n_folds : int
    tiles : int or None
        Tiles each deployment emulates; None for whole sections.
    calibration_tiles, nengo_dl_tiles : int
    ablation_epochs, fold_epochs : int or None
        Epochs of each variant of the recipe, and of the recipe beside them; of each fold. None for
        all.
    ablations : tuple of str or None
        Variants of the recipe, by the names of ``plan.ABLATIONS``; None for all.
    level_epochs : (int, int)
        Epochs in which a network of rates becomes one of levels: with batch normalizations, and
        without them on 8-bit weights.
    two_chip_tile : str
        Tile of the networks of levels on two chips, as ``--tile``.
    crops : int
        Crops that Fast-SNN is tuned on.
    quick : bool
        Whether it only shows that everything runs.
    """

    base: TrainingConfig
    n_sections: int
    seeds: tuple[int, ...] = (0, 1, 2)
    n_folds: int = 5
    tiles: int | None = None
    calibration_tiles: int = 8
    nengo_dl_tiles: int = 4
    ablation_epochs: int | None = None
    fold_epochs: int | None = None
    ablations: tuple[str, ...] | None = None
    level_epochs: tuple[int, int] = (15, 5)
    two_chip_tile: str = "auto"
    crops: int = 48
    quick: bool = False

    @property
    def recipe(self) -> TrainingConfig:
        """The recipe with the first seed."""
        return replace(self.base, seed=self.seeds[0])

    @property
    def ablation_base(self) -> TrainingConfig:
        """The recipe that the variants change one thing of."""
        return shortened(self.recipe, self.ablation_epochs)

    @property
    def fold_recipe(self) -> TrainingConfig:
        """The recipe that every fold is trained with."""
        return shortened(self.recipe, self.fold_epochs)


@dataclass(frozen=True)
class Training:
    """A network to train. ``name`` is its folder below the output's."""

    name: str
    config: TrainingConfig
    split: Split

    kind = "training"

    @property
    def networks(self) -> dict[str, str]:
        """Trainings whose weights it needs, by what their digest is called in its job."""
        return {}

    def settings(self) -> dict:
        """What its result depends on but the data and the weights, as plain values."""
        split = self.split
        parts = {"train": split.train, "validation": split.validation, "test": split.test}
        return {
            "kind": self.kind,
            "config": asdict(self.config),
            "split": {name: list(sections) for name, sections in parts.items()},
        }


@dataclass(frozen=True)
class StagedTraining(Training):
    """A network of levels, trained in stages from the network that ``start`` trains."""

    start: str

    kind = "staged training"

    @property
    def networks(self):
        """The network it starts from."""
        return {"start_weights": self.start}


@dataclass(frozen=True)
class Deployment:
    """A deployment of a trained network.

    Attributes
    ----------
    name : str
        Its folder below the output's.
    training : str
        Name of the training.
    steps : int or None
        None for as many as a network of levels needs.
    sections : str or None
        As ``--sections`` of the deploy command; None for the test sections of the training.
    tiles : int or None
        None for whole sections.
    calibration_tiles : int
    rate_network : bool
        Whether the network of float weights and settled rates is scored too.
    nengo_dl : bool
        Whether NengoDL's spiking simulation of the same tiles is scored too.
    cold : bool
        Whether nothing kept from an earlier deployment may be used.
    chips : int
    tile : str or None
        As ``--tile``; None for the network's own.
    input : str
        As ``--input``.
    early_exit : float or None
        As ``--early-exit``.
    """

    name: str
    training: str
    steps: int | None = REFERENCE_STEPS
    sections: str | None = None
    tiles: int | None = None
    calibration_tiles: int = 8
    rate_network: bool = False
    nengo_dl: bool = False
    cold: bool = False
    chips: int = 2
    tile: str | None = None
    input: str = "held"
    early_exit: float | None = None

    @property
    def networks(self) -> dict[str, str]:
        """The network that is deployed."""
        return {"weights": self.training}

    def settings(self) -> dict:
        """What its result depends on but the data and the weights, as plain values."""
        values = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in _LATER or getattr(self, field.name) != field.default
        }
        return {"kind": "deployment", "format": DEPLOYMENT_FORMAT} | values


_LATER = ("chips", "tile", "input", "early_exit")
"""Options that earlier deployments did not name; at their defaults they are the same."""


@dataclass(frozen=True)
class FastSnn:
    """A network of levels simulated as Fast-SNN, as it is and tuned.

    Attributes
    ----------
    name : str
        Its folder below the output's.
    training : str
        Name of the training of the network of levels.
    start : str
        That of the network it started from, which is scored beside it.
    steps : int
    crops : int
        To tune on.
    """

    name: str
    training: str
    start: str
    steps: int
    crops: int

    @property
    def networks(self) -> dict[str, str]:
        """The network of levels and that beside it."""
        return {"weights": self.training, "start_weights": self.start}

    def settings(self) -> dict:
        """What its result depends on but the data and the weights, as plain values."""
        return {"kind": "Fast-SNN"} | asdict(self)


def shortened(config: TrainingConfig, epochs: int | None) -> TrainingConfig:
    """A recipe over fewer epochs, tuning epochs in the same proportion."""
    if epochs is None:
        return config
    tuning = round(config.tuning_epochs * epochs / config.epochs)
    if config.tuning_epochs:
        tuning = min(max(tuning, 1), epochs)
    return replace(config, epochs=epochs, tuning_epochs=tuning)
