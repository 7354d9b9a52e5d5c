"""What is run: networks to train, and what is done with each. Free of TensorFlow."""

from dataclasses import replace

from benchmarks.reproduction.code_plan import RATE_STEPS, level_runs
from benchmarks.reproduction.kinds import Deployment, Protocol, Training
from benchmarks.reproduction.names import (
    REFERENCE_STEPS,
    ablation_name,
    fold_name,
    nengo_dl_name,
    section_name,
    seed_name,
    steps_name,
    training_name,
)
from loihiseg.data.splits import z_block_folds, z_block_split
from loihiseg.training.presets import PRESETS, TrainingConfig

PARTS = ("seeds", "time", "ablation", "folds", "nengo-dl", "codes")

STEPS = (25, 50, 100, 200, 400)

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
        "codes": _codes(protocol),
    }


def chosen_runs(protocol: Protocol, parts) -> list:
    """The runs of some parts, each once."""
    planned = plan(protocol)
    runs = {run.name: run for part in PARTS if part in parts for run in planned[part]}
    return list(runs.values())


def ablation_base_name(protocol: Protocol) -> str:
    """Folder of the recipe that the variants stand beside."""
    whole = protocol.ablation_base == protocol.recipe
    return seed_name(protocol.seeds[0]) if whole else ablation_name("recipe")


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


def chosen_variants(protocol: Protocol) -> dict[str, TrainingConfig]:
    """The variants that the protocol asks for."""
    found = variants(protocol.ablation_base)
    return {
        name: config
        for name, config in found.items()
        if protocol.ablations is None or name in protocol.ablations
    }


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
    for variant, config in chosen_variants(protocol).items():
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


def _codes(protocol):
    runs = []
    for seed in protocol.seeds:
        runs += [_seed_training(protocol, seed), _seed_deployment(protocol, seed)]
        runs += [_at(protocol, seed_name(seed), steps) for steps in RATE_STEPS
                 if steps != REFERENCE_STEPS]  # fmt: skip
    return (*runs, *level_runs(protocol))


def full_protocol(n_sections: int, preset: str = "paper", **changes) -> Protocol:
    """The reproduction with a preset."""
    return Protocol(PRESETS[preset], n_sections, **changes)


def quick_protocol(n_sections: int, preset: str = "tiny", **changes) -> Protocol:
    """Everything once, on so little that it shows no more than that it runs."""
    base = replace(PRESETS[preset], epochs=2, steps_per_epoch=15, tuning_epochs=1)
    small = {
        "seeds": (0,),
        "tiles": 4,
        "calibration_tiles": 2,
        "nengo_dl_tiles": 2,
        "n_folds": 2,
        "ablations": ("no-regularizer", "float-weights"),
        "level_epochs": (1, 1),
        "two_chip_tile": "48",
        "crops": 4,
    }
    return Protocol(base, n_sections, **(small | {"quick": True} | changes))
