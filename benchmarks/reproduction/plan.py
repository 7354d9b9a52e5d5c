"""What is run: networks to train, and deployments of each. Free of TensorFlow."""

from dataclasses import asdict, dataclass, replace

from loihiseg.data.splits import Split, z_block_folds, z_block_split
from loihiseg.network.presets import PRESETS, TrainingConfig

PARTS = ("seeds", "time", "ablation", "folds", "nengo-dl")

STEPS = (25, 50, 100, 200, 400)
REFERENCE_STEPS = 200
"""Steps of every deployment but those that show what the steps do."""

DEPLOYMENT_FORMAT = 2
"""Of what a deployment writes: those of another are run again."""

ABLATIONS = {
    "no-regularizer": "regularizer off",
    "percentile-99": "99th percentile",
    "percentile-99.9": "99.9th percentile",
    "range-25-100": "range 25–100 Hz",
    "no-tuning": "no tuning epochs",
    "float-weights": "8-bit weights off in tuning",
    "exact-rates": "counted spikes off in tuning",
}
"""What each variant of the recipe is called on the page."""


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

    def settings(self) -> dict:
        """What its result depends on but the data, as plain values."""
        split = self.split
        parts = {"train": split.train, "validation": split.validation, "test": split.test}
        return {
            "kind": "training",
            "config": asdict(self.config),
            "split": {name: list(sections) for name, sections in parts.items()},
        }


@dataclass(frozen=True)
class Deployment:
    """A deployment of a trained network.

    Attributes
    ----------
    name : str
        Its folder below the output's.
    training : str
        Name of the training.
    steps : int
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
    """

    name: str
    training: str
    steps: int = REFERENCE_STEPS
    sections: str | None = None
    tiles: int | None = None
    calibration_tiles: int = 8
    rate_network: bool = False
    nengo_dl: bool = False
    cold: bool = False

    def settings(self) -> dict:
        """What its result depends on but the data and the weights, as plain values."""
        return {"kind": "deployment", "format": DEPLOYMENT_FORMAT} | asdict(self)


def plan(protocol: Protocol) -> dict[str, tuple]:
    """The runs of each part, in the order in which they can be run.

    A training or deployment that several parts need is in each of them, under one name.
    """
    return {
        "seeds": _seeds(protocol),
        "time": _time(protocol),
        "ablation": _ablation(protocol),
        "folds": _folds(protocol),
        "nengo-dl": _nengo_dl(protocol),
    }


def chosen_runs(protocol: Protocol, parts) -> list:
    """The runs of some parts, each once."""
    planned = plan(protocol)
    runs = {run.name: run for part in PARTS if part in parts for run in planned[part]}
    return list(runs.values())


def seed_name(seed: int) -> str:
    """Folder of all that belongs to a seed."""
    return f"seed-{seed}"


def fold_name(fold: int) -> str:
    """Folder of all that belongs to a fold, counted from 0."""
    return f"folds/fold-{fold}"


def ablation_name(variant: str) -> str:
    """Folder of all that belongs to a variant of the recipe."""
    return f"ablation/{variant}"


def ablation_base_name(protocol: Protocol) -> str:
    """Folder of the recipe that the variants stand beside."""
    whole = protocol.ablation_base == protocol.recipe
    return seed_name(protocol.seeds[0]) if whole else ablation_name("recipe")


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


def shortened(config: TrainingConfig, epochs: int | None) -> TrainingConfig:
    """A recipe over fewer epochs, tuning epochs in the same proportion."""
    if epochs is None:
        return config
    tuning = round(config.tuning_epochs * epochs / config.epochs)
    if config.tuning_epochs:
        tuning = min(max(tuning, 1), epochs)
    return replace(config, epochs=epochs, tuning_epochs=tuning)


def variants(base: TrainingConfig) -> dict[str, TrainingConfig]:
    """The recipe with one thing changed each, by the names of `ABLATIONS`.

    Those of the tuning epochs are left out where the recipe has none.
    """

    def rates(**changes):
        network = replace(base.network, rates=replace(base.network.rates, **changes))
        return replace(base, network=network)

    found = {
        "no-regularizer": rates(weight=0.0),
        "percentile-99": rates(percentile=99.0),
        "percentile-99.9": rates(percentile=99.9),
        "range-25-100": rates(low_hz=25.0, high_hz=100.0),
    }
    if base.tuning_epochs:
        # As many epochs as the recipe: without tuning epochs training may otherwise stop early.
        found["no-tuning"] = replace(base, tuning_epochs=0, patience=base.epochs)
        found["float-weights"] = replace(base, eight_bit=False)
        found["exact-rates"] = replace(base, window_steps=0)
    return {name: config for name, config in found.items() if config != base}


def _deployment(protocol, folder, **changes):
    settings = {"tiles": protocol.tiles, "calibration_tiles": protocol.calibration_tiles}
    return Deployment(training=training_name(folder), **(settings | changes))


def _at(protocol, folder, steps=REFERENCE_STEPS, rate_network=False):
    name = steps_name(folder, steps)
    return _deployment(protocol, folder, name=name, steps=steps, rate_network=rate_network)


def _seed_training(protocol, seed):
    config = replace(protocol.base, seed=seed)
    return Training(training_name(seed_name(seed)), config, z_block_split(protocol.n_sections))


def _seed_deployment(protocol, seed):
    return _at(protocol, seed_name(seed), rate_network=True)


def _seeds(protocol):
    runs = []
    for seed in protocol.seeds:
        runs += [_seed_training(protocol, seed), _seed_deployment(protocol, seed)]
        if seed == protocol.seeds[0]:
            runs.append(_one_section(protocol, seed_name(seed)))
    return tuple(runs)


def _one_section(protocol, folder):
    first = z_block_split(protocol.n_sections).test.start
    name = section_name(folder)
    return _deployment(protocol, folder, name=name, sections=f"{first}:{first + 1}", cold=True)


def _time(protocol):
    runs = []
    for seed in protocol.seeds:
        runs += [_seed_training(protocol, seed), _seed_deployment(protocol, seed)]
        runs += [_at(protocol, seed_name(seed), steps) for steps in STEPS
                 if steps != REFERENCE_STEPS]  # fmt: skip
    return tuple(runs)


def _ablation(protocol):
    base, seed = protocol.ablation_base, protocol.seeds[0]
    if base == protocol.recipe:
        runs = [_seed_training(protocol, seed), _seed_deployment(protocol, seed)]
    else:
        runs = _trained_and_deployed(protocol, ablation_base_name(protocol), base)
    for variant, config in variants(base).items():
        runs += _trained_and_deployed(protocol, ablation_name(variant), config)
    return tuple(runs)


def _trained_and_deployed(protocol, folder, config, split=None):
    split = split or z_block_split(protocol.n_sections)
    return [Training(training_name(folder), config, split), _at(protocol, folder)]


def _folds(protocol):
    runs = []
    for fold, split in enumerate(z_block_folds(protocol.n_sections, protocol.n_folds)):
        runs += _trained_and_deployed(protocol, fold_name(fold), protocol.fold_recipe, split)
    return tuple(runs)


def _nengo_dl(protocol):
    folder = seed_name(protocol.seeds[0])
    beside = _deployment(
        protocol, folder, name=nengo_dl_name(folder), tiles=protocol.nengo_dl_tiles, nengo_dl=True
    )
    return _seed_training(protocol, protocol.seeds[0]), beside


def full_protocol(n_sections: int, preset: str = "paper", **changes) -> Protocol:
    """The reproduction with a preset."""
    return Protocol(PRESETS[preset], n_sections, **changes)


def quick_protocol(n_sections: int, preset: str = "tiny", **changes) -> Protocol:
    """Everything once, on so little that it shows no more than that it runs."""
    base = replace(PRESETS[preset], epochs=2, steps_per_epoch=15, tuning_epochs=1)
    small = {"seeds": (0,), "tiles": 4, "calibration_tiles": 2, "nengo_dl_tiles": 2, "n_folds": 2}
    return Protocol(base, n_sections, **(small | {"quick": True} | changes))
