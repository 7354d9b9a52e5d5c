"""The network of each phase of a training, ready to be fitted."""

from dataclasses import replace

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.errors import Option, OptionError
from loihiseg.network.events import charge_events
from loihiseg.network.unet import ChipEffects, build_unet
from loihiseg.through_time.events import charge_spikes, spike_costs
from loihiseg.through_time.fewer_steps import can_go_on, last_steps
from loihiseg.through_time.folding import fold
from loihiseg.through_time.settings import ThroughTime
from loihiseg.through_time.starting import start_over_time
from loihiseg.through_time.unet import build_through_time
from loihiseg.training.carry_over import carry_over
from loihiseg.training.checkpoint import Checkpoint, set_model_weights
from loihiseg.training.losses import ObjectiveLoss, cross_entropy
from loihiseg.training.phases import Phase, phase_at
from loihiseg.training.presets import TrainingConfig

LAST_SHARE = 0.01
"""Of the learning rate, at the end of the cosine."""


class _Cosine(tf.keras.optimizers.schedules.CosineDecay):
    """A cosine over a whole training, for an optimizer that begins at a later step."""

    def __init__(self, learning_rate: float, steps: int, first: int) -> None:
        super().__init__(learning_rate, max(steps, 1), alpha=LAST_SHARE)
        self.first = first

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return super().__call__(step + self.first)


def compiled(config: TrainingConfig, phase: Phase) -> tf.keras.Model:
    """The network of a phase with random weights, at the size of training crops."""
    model = _built(config, phase)
    if config.event_weight and config.time is not None:
        costs = spike_costs(phase.network, config.time.residual)
        charge_spikes(model, costs, config.event_weight)
    elif config.event_weight:
        charge_events(model, config.event_weight)
    steps = config.steps_per_epoch
    first = phase.first * steps if phase.own_optimizer else 0
    schedule = _Cosine(config.learning_rate, config.epochs * steps, first)
    loss = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    bce = tf.keras.metrics.BinaryCrossentropy(name="bce", from_logits=True)
    if not config.objective.is_plain:
        loss = ObjectiveLoss(config.objective)
        bce = tf.keras.metrics.MeanMetricWrapper(cross_entropy, name="bce")
    model.compile(tf.keras.optimizers.Adam(schedule), loss=loss, weighted_metrics=[bce])
    return model


def _built(config: TrainingConfig, phase: Phase) -> tf.keras.Model:
    """At the size of training crops."""
    if config.time is not None and phase.form is not None:
        return build_through_time(phase.network, config.time, config.crop, phase.form)
    effects = ChipEffects(phase.eight_bit, phase.window_steps, phase.staircase)
    return build_unet(phase.network, config.crop, effects)


def first_model(
    config: TrainingConfig, crops: np.ndarray, start: Checkpoint | None
) -> tf.keras.Model:
    """The network of the first epoch: random, or what a checkpoint becomes in it.

    Parameters
    ----------
    config : TrainingConfig
    crops : array, float32, (batch, rows, columns, 1)
        Training crops, to which scales are fitted.
    start : Checkpoint, optional
    """
    phase = phase_at(config, 0)
    if config.time is not None:
        return _first_over_time(config, config.time, phase, crops, start)
    if start is not None:
        before = build_unet(start.info.config.network, config.crop)
        set_model_weights(before, start.weights)
    elif config.stages and phase.network.levels:
        ideal = ChipEffects(staircase=False)
        before = build_unet(replace(phase.network, levels=0), config.crop, ideal)
    else:
        return compiled(config, phase)
    model = compiled(config, phase)
    carry_over(before, model, crops)
    return model


def _first_over_time(
    config: TrainingConfig,
    time: ThroughTime,
    phase: Phase,
    crops: np.ndarray,
    start: Checkpoint | None,
) -> tf.keras.Model:
    """As `first_model`: in the chip's form where all epochs are tuning epochs."""
    made = compiled(config, phase)
    if start is None:
        return made
    if start.info.config.time is not None:
        _set_over_time(made, config, phase, start)
        return made
    if time.residual != "none":
        raise OptionError(
            Option("start"),
            ": residual blocks start from a network of the same blocks; leave it out, or the "
            "blocks",
        )
    normalized = build_through_time(config.network, time, config.crop)
    before = build_unet(start.info.config.network, config.crop)
    set_model_weights(before, start.weights)
    start_over_time(before, normalized, config.network, crops)
    if phase.form == "chip":
        fold(normalized, made)
    else:
        made.set_weights(normalized.get_weights())
    return made


def _set_over_time(
    made: tf.keras.Model, config: TrainingConfig, phase: Phase, start: Checkpoint
) -> None:
    """Go on with a network that was trained through time."""
    theirs = start.info.config
    assert theirs.time is not None
    form = phase_at(theirs, start.info.epoch - 1).form
    ours = config.time
    if ours is None or not can_go_on(theirs.time, ours):
        raise OptionError(
            Option("start"),
            f": was trained with {theirs.time.steps} steps, normalization "
            f"{theirs.time.normalization}, residual {theirs.time.residual}, "
            f"{theirs.time.heads} heads; give the same, or fewer steps",
        )
    if (form, phase.form) == ("chip", "normalized"):
        raise OptionError(
            Option("start"),
            ": is in the chip's integers already, its normalizations are folded; go on with all "
            "epochs as ",
            Option("tuning_epochs"),
        )
    assert form is not None
    weights = last_steps(start.weights, theirs.network, theirs.time, ours, form)
    if form == phase.form:
        set_model_weights(made, weights)
        return
    normalized = build_through_time(theirs.network, ours, config.crop)
    set_model_weights(normalized, weights)
    fold(normalized, made)


def next_model(
    model: tf.keras.Model, phase: Phase, config: TrainingConfig, crops: np.ndarray
) -> tf.keras.Model:
    """The network of a phase that begins, made of that of the phase before; see `first_model`."""
    new = compiled(config, phase)
    if phase.form is not None:
        fold(model, new)
        return new
    if phase.own_optimizer:
        carry_over(model, new, crops)
        return new
    new.set_weights(model.get_weights())
    new.optimizer.build(new.trainable_variables)
    for ours, before in zip(new.optimizer.variables, model.optimizer.variables, strict=True):
        ours.assign(before)
    return new


def as_validated(config: TrainingConfig, phase: Phase) -> tf.keras.Model:
    """The network of a phase as it is scored: levels go with the weights that the chip has."""
    if config.time is not None and phase.form is not None:
        return build_through_time(phase.network, config.time, form=phase.form)
    effects = ChipEffects(staircase=phase.staircase)
    if phase.network.levels:
        effects = ChipEffects(phase.eight_bit)
    return build_unet(phase.network, effects=effects)
