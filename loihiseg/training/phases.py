"""Which network is trained in which epoch, as plain values free of TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from loihiseg.network.config import UNetConfig
from loihiseg.network.weight_shapes import weight_shapes
from loihiseg.through_time.settings import Form
from loihiseg.through_time.weight_shapes import weight_shapes_over_time
from loihiseg.training.presets import Stage, TrainingConfig

LADDER = (31, 15, 7, 3)
"""Levels on the way down, 5 to 2 bits."""


@dataclass(frozen=True)
class Phase:
    """Epochs in which the same network is trained.

    Attributes
    ----------
    first, end : int
        First epoch and one past the last, counted from 0.
    network : UNetConfig
    eight_bit : bool
    window_steps : int
    staircase : bool
        See `loihiseg.network.unet.ChipEffects`.
    own_optimizer : bool
        The phase begins with a new optimizer; else it goes on with that of the phase before.
    form : str or None
        Of a network over time; see `loihiseg.through_time.unet`.
    """

    first: int
    end: int
    network: UNetConfig
    eight_bit: bool = False
    window_steps: int = 0
    staircase: bool = True
    own_optimizer: bool = False
    form: Form | None = None


def phases(config: TrainingConfig) -> tuple[Phase, ...]:
    """The phases of a training, in order; none is empty."""
    if config.stages:
        return _staged(config)
    tuning = config.epochs - config.tuning_epochs
    if config.time is not None:
        normalized = Phase(0, tuning, config.network, form="normalized")
        chip = Phase(tuning, config.epochs, config.network, own_optimizer=True, form="chip")
        return tuple(phase for phase in (normalized, chip) if phase.end > phase.first)
    plain = Phase(0, tuning, config.network)
    tuned = Phase(tuning, config.epochs, config.network, config.eight_bit, config.window_steps)
    return tuple(phase for phase in (plain, tuned) if phase.end > phase.first)


def phase_at(config: TrainingConfig, epoch: int) -> Phase:
    """The phase of an epoch counted from 0; that of the last for any later one."""
    found = phases(config)
    return next((phase for phase in found if epoch < phase.end), found[-1])


def shapes_at(config: TrainingConfig, epoch: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights that an epoch, counted from 0, ends with."""
    phase = phase_at(config, epoch)
    if config.time is None or phase.form is None:
        return weight_shapes(phase.network)
    return weight_shapes_over_time(phase.network, config.time, phase.form)


def _staged(config: TrainingConfig) -> tuple[Phase, ...]:
    found: list[Phase] = []
    first = 0
    for stage in config.stages:
        network = replace(
            config.network,
            levels=stage.levels,
            batch_norm=stage.batch_norm,
            rates=replace(config.network.rates, weight=0.0),
        )
        end = first + stage.epochs
        found.append(
            Phase(first, end, network, stage.eight_bit, staircase=False, own_optimizer=True)
        )
        first = end
    return tuple(found)


def until(config: TrainingConfig, epoch: int) -> TrainingConfig:
    """The configuration of what was trained up to an epoch, counted from 0.

    It differs from the whole one where stages are left: the network is that of the epoch's stage.
    """
    phase = phase_at(config, epoch)
    if not config.stages or phase.end == config.epochs:
        return config
    stages = config.stages[: phases(config).index(phase) + 1]
    return replace(config, network=phase.network, stages=stages, epochs=phase.end)


def progressive_stages(
    levels: int | tuple[int, ...],
    epochs: int,
    *,
    from_start: bool,
    eight_bit: bool = True,
    batch_norm: bool = False,
) -> tuple[Stage, ...]:
    """Stages that go down the `LADDER` to the wanted levels.

    Parameters
    ----------
    levels : int or tuple of int
        Wanted, at least 1.
    epochs : int
        Of all stages together, at least 1.
    from_start : bool
        Training starts from a trained network; else a third of the epochs train ideal
        rectified-linear units first.
    eight_bit : bool
        Whether the stages with levels train with 8-bit weights.
    batch_norm : bool
        With batch normalizations. Only the last quarter of the last stage then has 8-bit weights,
        and they are folded before it.

    Returns
    -------
    tuple of Stage
        The last has half of the epochs that are left; those before share the rest. Where there
        are few, the first rungs are left out.
    """
    lowest = min(levels) if isinstance(levels, tuple) else levels
    rungs = [at_least(levels, rung) for rung in LADDER if rung > lowest]
    rungs = [rung for i, rung in enumerate(rungs) if rung != levels and rung not in rungs[:i]]
    float_epochs = 0 if from_start else epochs // 3
    left = epochs - float_epochs
    shared = left // 2
    rungs = rungs[max(len(rungs) - shared, 0) :]
    parts = [shared // len(rungs) + (i < shared % len(rungs)) for i in range(len(rungs))]
    stages = [Stage(rung, n) for rung, n in zip(rungs, parts)]
    last = left - sum(parts)
    rounded = max(last // 4, 1) if batch_norm and eight_bit else 0
    stages += [Stage(levels, n) for n in (last - rounded, rounded) if n]
    if float_epochs:
        stages.insert(0, Stage(0, float_epochs))
    return prepared(stages, eight_bit=eight_bit, batch_norm=batch_norm)


def prepared(stages: Sequence[Stage], *, eight_bit: bool, batch_norm: bool) -> tuple[Stage, ...]:
    """Stages with the weights and normalizations of `progressive_stages`.

    With batch normalizations only the last has 8-bit weights; otherwise all but those without
    levels.
    """
    found = []
    for index, stage in enumerate(stages):
        last = index == len(stages) - 1
        rounded = eight_bit and stage.levels != 0 and (last or not batch_norm)
        found.append(replace(stage, eight_bit=rounded, batch_norm=batch_norm and not rounded))
    return tuple(found)


def at_least(levels: int | tuple[int, ...], rung: int) -> int | tuple[int, ...]:
    """Levels of a stage on the way down to wanted ones: where each activation has levels of its
    own, none has fewer than it is to have in the end.
    """
    if isinstance(levels, tuple):
        return tuple(max(n, rung) for n in levels)
    return rung
