"""Runs that set the codes side by side: rates, thermometer, Fast-SNN."""

from dataclasses import replace

from benchmarks.reproduction.kinds import Deployment, FastSnn, Protocol, StagedTraining
from benchmarks.reproduction.names import (
    OWN_TILE,
    REFERENCE_STEPS,
    TWO_CHIPS,
    LevelNetwork,
    exit_name,
    fast_snn_name,
    levels_name,
    seed_name,
    training_name,
)
from loihiseg.data.splits import z_block_split
from loihiseg.training.phases import prepared
from loihiseg.training.presets import Stage, TrainingConfig

NETWORKS = (
    LevelNetwork(3),
    LevelNetwork(2),
    LevelNetwork(1),
    LevelNetwork(1, sparse=True),
    LevelNetwork(7),
)
"""In the order in which they are run."""

STEM_LEVELS = 3
"""Levels of the stem where all other layers have one: it is on the host and takes no core."""

RATE_STEPS = (25, 50, 100, 110, 125, 150, 200)
"""Presentations of the rate code that are set beside the others."""

DEPLOYED = (
    (LevelNetwork(1), OWN_TILE),
    (LevelNetwork(1, sparse=True), OWN_TILE),
    (LevelNetwork(2), OWN_TILE),
    (LevelNetwork(3), OWN_TILE),
    (LevelNetwork(2), TWO_CHIPS),
    (LevelNetwork(3), TWO_CHIPS),
)
"""Networks that are deployed by their levels, and on what."""

SIMULATED = (LevelNetwork(1), LevelNetwork(3), LevelNetwork(7))
"""Networks that are simulated as Fast-SNN, in as many steps as they have levels."""

MOST_CHIPS = 8
"""On hand for the preset's tile; a deployment uses the fewest that hold it."""

LEVEL_INPUT = "clocked"
"""The same map as from held input, with the fewest spikes."""

LEARNING_RATE = 3e-3

EVENT_WEIGHT = 0.02
"""Of the synaptic events per multiply-accumulate in the loss of sparse networks."""

EXIT_NETWORK = LevelNetwork(3)
EXIT_SHARE = 0.005
"""Share of the pixels that stopping early may change, on the validation sections."""


def level_config(
    base: TrainingConfig, network: LevelNetwork, epochs: tuple[int, int]
) -> TrainingConfig:
    """Training of a network of levels: with batch normalizations, then folded on 8-bit weights."""
    levels = network.levels
    if levels == 1:
        levels = (STEM_LEVELS, *[1] * (len(base.network.activations) - 1))
    stages = prepared([Stage(levels, n) for n in epochs], eight_bit=True, batch_norm=True)
    return replace(
        base,
        network=replace(base.network, levels=levels, batch_norm=False),
        epochs=sum(epochs),
        learning_rate=LEARNING_RATE,
        tuning_epochs=0,
        window_steps=0,
        stages=stages,
        event_weight=EVENT_WEIGHT * network.sparse,
    )


def level_runs(protocol: Protocol) -> list:
    """All networks of levels, deployed and simulated; what they start from is not among them.

    Those of equal levels stand together, so that an early end leaves all seeds of some. What stops
    early is of the first seed.
    """
    return [
        run
        for network in NETWORKS
        for seed in protocol.seeds
        for run in _network_runs(protocol, seed, network)
    ]


def _network_runs(protocol, seed, network):
    rates = seed_name(seed)
    start, folder = training_name(rates), levels_name(rates, network)
    config = level_config(replace(protocol.base, seed=seed), network, protocol.level_epochs)
    split = z_block_split(protocol.n_sections)
    runs = [StagedTraining(training_name(folder), config, split, start)]
    runs += [_deployed(protocol, folder, where) for one, where in DEPLOYED if one == network]
    if network in SIMULATED:
        trained, steps = training_name(folder), network.levels
        runs.append(FastSnn(fast_snn_name(folder), trained, start, steps, protocol.crops))
    if seed == protocol.seeds[0] and network == EXIT_NETWORK:
        runs += _stopped_early(protocol, rates, folder)
    return runs


def _deployed(protocol, folder, where):
    own = where == OWN_TILE
    return Deployment(
        f"{folder}/{where}",
        training_name(folder),
        steps=None,
        tiles=protocol.tiles,
        calibration_tiles=protocol.calibration_tiles,
        chips=MOST_CHIPS if own else 2,
        tile=None if own else protocol.two_chip_tile,
        input=LEVEL_INPUT,
    )


def _stopped_early(protocol, rates, levels):
    """The rate code and a network of levels; what is watched needs held input."""
    common = {
        "tiles": protocol.tiles,
        "calibration_tiles": protocol.calibration_tiles,
        "early_exit": EXIT_SHARE,
    }
    tile = protocol.two_chip_tile
    return [
        Deployment(exit_name(rates), training_name(rates), REFERENCE_STEPS, **common),
        Deployment(exit_name(levels), training_name(levels), None, tile=tile, **common),
    ]
