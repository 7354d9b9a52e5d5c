"""The configuration of a training: a preset with the options' changes."""

from argparse import Namespace
from dataclasses import replace

from loihiseg.errors import InputError
from loihiseg.training.phases import at_least, prepared, progressive_stages
from loihiseg.training.presets import PRESETS, Stage, TrainingConfig


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
        network=replace(config.network, rates=rates),
        seed=options.seed,
        learning_rate=_learning_rate(options, config),
    )
    return _with_stages(options, config) if options.levels else _for_rates(options, config)


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


def _given(value: int | None, default: int) -> int:
    return default if value is None else value
