"""The configuration of a training: a preset with the options' changes."""

from argparse import Namespace
from dataclasses import replace

from loihiseg.commands.train.options import SOFT_SHARE, TIME_STEPS
from loihiseg.commands.typed import as_typed
from loihiseg.errors import InputError
from loihiseg.methods.bntt.published import published
from loihiseg.methods.residual.blocks import with_blocks
from loihiseg.network.config import UNetConfig
from loihiseg.through_time.settings import Dynamics, Normalization, Residual, ThroughTime
from loihiseg.training.objective import Objective
from loihiseg.training.phases import at_least, prepared, progressive_stages
from loihiseg.training.presets import PRESETS, Stage, TrainingConfig

OF_BLOCKS = ("residual", "blocks")

OF_TIME = ("time_steps", "normalization", "decay", "published", "heads", "rest", *OF_BLOCKS)
"""Options of training through time."""

TIME_CROP, TIME_BATCH, TIME_STEPS_PER_EPOCH, TIME_EPOCHS = 128, 4, 50, 20
TIME_LEARNING_RATE = 5e-3
"""For training through time: some minutes of two cores for the preset small, with 4 steps."""


def configuration(options: Namespace) -> TrainingConfig:
    """The preset with the options' changes."""
    config = PRESETS[options.preset]
    low, high = options.rate_range
    if low >= high:
        raise InputError(f"--rate-range {low:g} {high:g}: expected LOW below HIGH")
    rates = replace(
        config.network.rates,
        percentile=options.percentile,
        low_hz=low,
        high_hz=high,
        weight=options.rate_weight,
    )
    config = replace(
        config,
        network=replace(config.network, rates=rates, neighbours=options.neighbours),
        register=options.register,
        seed=options.seed,
        learning_rate=_learning_rate(options, config),
        objective=_objective(options),
        average=config.average if options.average is None else options.average,
    )
    if options.method:
        return _over_time(options, config)
    for name in OF_TIME:
        if getattr(options, name) not in (None, False):
            raise InputError(f"{as_typed(name)}: is for training with --method; give it too")
    if options.levels:
        return _with_stages(options, config)
    return _of_preset(options, config) if config.stages else _for_rates(options, config)


def _of_preset(options: Namespace, config: TrainingConfig) -> TrainingConfig:
    """Of a preset of levels, that many; down to them as it says, or in the epochs that are given.

    A network to start from is on its way down already.
    """
    if options.stages:
        raise InputError("--stages: are for training with --levels; give it too")
    levels = config.network.levels
    assert isinstance(levels, int)
    shared = options.epochs or options.start or options.float_weights
    typed = Namespace(**{**vars(options), "levels": [levels], "batch_norm": True})
    if not shared:
        typed.stages = [(_rung(stage), stage.epochs) for stage in config.stages]
    return _with_stages(typed, config)


def _rung(stage: Stage) -> int:
    """Levels of a stage of a preset, which are the same for all activations."""
    assert isinstance(stage.levels, int)
    return stage.levels


def _objective(options: Namespace) -> Objective:
    """Without soft labels: those are known only when they are read; see `with_soft_labels`."""
    if options.soft_share is not None and not options.soft_labels:
        raise InputError("--soft-share: is for training with --soft-labels; give them too")
    return Objective(
        border_weight=options.border_weight,
        dice_weight=options.dice_weight,
        skeleton_weight=options.skeleton_weight,
    )


def with_soft_labels(options: Namespace, config: TrainingConfig, digest: str) -> TrainingConfig:
    """The same with soft labels of this digest."""
    share = SOFT_SHARE if options.soft_share is None else options.soft_share
    objective = replace(config.objective, soft_share=share, soft_labels=digest)
    return replace(config, objective=objective)


def _learning_rate(options: Namespace, config: TrainingConfig) -> float:
    rate = options.learning_rate
    if rate is None:
        return config.learning_rate / 5 if options.start else config.learning_rate
    return rate


def _for_rates(options: Namespace, config: TrainingConfig) -> TrainingConfig:
    if options.stages or options.batch_norm or options.event_weight:
        raise InputError(
            "--stages, --batch-norm, --event-weight: are for training with --levels; give it too"
        )
    epochs = options.epochs or config.epochs
    tuning = _given(options.tuning_epochs, min(config.tuning_epochs, epochs))
    window = _given(options.window_steps, config.window_steps)
    if tuning > epochs:
        raise InputError(f"--tuning-epochs {tuning}: expected 0 to {epochs}, the number of epochs")
    return replace(
        config,
        epochs=epochs,
        patience=options.patience or config.patience,
        tuning_epochs=tuning,
        eight_bit=config.eight_bit and not options.float_weights,
        window_steps=window,
    )


def _with_stages(options: Namespace, config: TrainingConfig) -> TrainingConfig:
    if options.tuning_epochs or options.window_steps:
        raise InputError(
            "--tuning-epochs, --window-steps: are for firing rates; leave them out with --levels"
        )
    levels = tuple(options.levels) if len(options.levels) > 1 else options.levels[0]
    eight_bit = not options.float_weights
    if options.stages:
        stages = _given_stages(options, levels, eight_bit)
        if options.epochs not in (None, sum(stage.epochs for stage in stages)):
            raise InputError(
                f"--epochs {options.epochs}: --stages have "
                f"{sum(stage.epochs for stage in stages)} in all; leave one of the two out"
            )
    else:
        stages = progressive_stages(
            levels,
            options.epochs or config.epochs,
            from_start=bool(options.start),
            eight_bit=eight_bit,
            batch_norm=options.batch_norm,
        )
    last = stages[-1]
    return replace(
        config,
        network=replace(config.network, levels=levels, batch_norm=last.batch_norm),
        epochs=sum(stage.epochs for stage in stages),
        tuning_epochs=0,
        window_steps=0,
        stages=stages,
        event_weight=options.event_weight,
    )


def _given_stages(
    options: Namespace, levels: int | tuple[int, ...], eight_bit: bool
) -> tuple[Stage, ...]:
    """The stages of --stages; with levels for each activation, a stage has at least its own."""
    stages = [
        Stage(at_least(levels, rung) if rung else 0, epochs) for rung, epochs in options.stages
    ]
    if stages[-1].levels != levels:
        raise InputError(
            f"--stages: the last has levels {options.stages[-1][0]}, --levels {levels}; expected "
            "the same"
        )
    return prepared(stages, eight_bit=eight_bit, batch_norm=options.batch_norm)


def _over_time(options: Namespace, config: TrainingConfig) -> TrainingConfig:
    """Small crops and few of them: each goes through the network once for every step."""
    if options.levels or options.stages or options.batch_norm:
        raise InputError(
            "--levels, --stages, --batch-norm: are for activations of levels; leave them out with "
            "--method"
        )
    if options.window_steps:
        raise InputError("--window-steps: is for firing rates; leave it out with --method")
    if config.network.pooling or options.neighbours:
        raise InputError(
            f"--preset {options.preset}, --neighbours {options.neighbours}: training with --method "
            "knows neither pooling nor neighbouring sections; choose another preset, and 0"
        )
    residual, network = _with_blocks(options, config.network)
    time = replace(_time(options), residual=residual, heads=options.heads or 1, rests=options.rest)
    epochs = options.epochs or TIME_EPOCHS
    on_chip = (
        time.normalization != "bntt" and time.residual != "membrane" and not options.float_weights
    )
    tuning = _given(options.tuning_epochs, epochs // 4 if on_chip else 0)
    if tuning > epochs:
        raise InputError(f"--tuning-epochs {tuning}: expected 0 to {epochs}, the number of epochs")
    if tuning and not on_chip:
        raise InputError(
            f"--tuning-epochs {tuning}: are for the chip, which lacks --normalization bntt, "
            "--published, --residual membrane and --float-weights; leave them out"
        )
    rate = options.learning_rate
    return replace(
        config,
        network=replace(network, rates=replace(network.rates, weight=0.0)),
        crop=min(config.crop, TIME_CROP),
        batch=TIME_BATCH,
        steps_per_epoch=TIME_STEPS_PER_EPOCH,
        epochs=epochs,
        patience=options.patience or epochs,
        learning_rate=TIME_LEARNING_RATE if rate is None else rate,
        tuning_epochs=tuning,
        eight_bit=bool(tuning),
        window_steps=0,
        event_weight=options.event_weight,
        time=time,
    )


def _time(options: Namespace) -> ThroughTime:
    """Of a network without blocks and with one head."""
    steps = _given(options.time_steps, TIME_STEPS)
    if options.published:
        if options.normalization or options.decay is not None:
            raise InputError(
                "--published: has a normalization and a decay of its own; leave out "
                "--normalization, --decay"
            )
        return published(steps)
    normalization: Normalization = options.normalization or "shift"
    return ThroughTime(
        steps, True, normalization, Dynamics(_given(options.decay, Dynamics().decay))
    )


def _with_blocks(options: Namespace, network: UNetConfig) -> tuple[Residual, UNetConfig]:
    """How blocks are joined, and the network with them."""
    if options.method == "residual":
        return options.residual or "add", with_blocks(network, options.blocks or 1)
    for name in OF_BLOCKS:
        if getattr(options, name) is not None:
            raise InputError(f"{as_typed(name)}: is for --method residual")
    return "none", network


def _given(value: int | None, default: int) -> int:
    return default if value is None else value
