"""The network of each phase of a training, ready to be fitted."""

from dataclasses import replace

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.network.events import charge_events
from loihiseg.network.unet import ChipEffects, build_unet
from loihiseg.training.carry_over import carry_over
from loihiseg.training.checkpoint import Checkpoint, set_model_weights
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
    effects = ChipEffects(phase.eight_bit, phase.window_steps, phase.staircase)
    model = build_unet(phase.network, config.crop, effects)
    if config.event_weight:
        charge_events(model, config.event_weight)
    steps = config.steps_per_epoch
    first = phase.first * steps if phase.own_optimizer else 0
    schedule = _Cosine(config.learning_rate, config.epochs * steps, first)
    model.compile(
        tf.keras.optimizers.Adam(schedule),
        loss=tf.keras.losses.BinaryCrossentropy(from_logits=True),
        weighted_metrics=[tf.keras.metrics.BinaryCrossentropy(name="bce", from_logits=True)],
    )
    return model


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


def next_model(
    model: tf.keras.Model, phase: Phase, config: TrainingConfig, crops: np.ndarray
) -> tf.keras.Model:
    """The network of a phase that begins, made of that of the phase before; see `first_model`."""
    new = compiled(config, phase)
    if phase.own_optimizer:
        carry_over(model, new, crops)
        return new
    new.set_weights(model.get_weights())
    new.optimizer.build(new.trainable_variables)
    for ours, before in zip(new.optimizer.variables, model.optimizer.variables, strict=True):
        ours.assign(before)
    return new


def as_validated(phase: Phase) -> tf.keras.Model:
    """The network of a phase as it is scored: levels go with the weights that the chip has."""
    effects = ChipEffects(staircase=phase.staircase)
    if phase.network.levels:
        effects = ChipEffects(phase.eight_bit)
    return build_unet(phase.network, effects=effects)
