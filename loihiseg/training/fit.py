"""Fitting a U-Net to a labelled stack: resumable, early-stopping, the same every time.

After each epoch its state is written first. History and, after the best, checkpoint follow from it:
what a kill between them left out is made up for when the training goes on.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.data.record import DataRecord, SplitRecord
from loihiseg.data.registration import registered
from loihiseg.data.resampling import plane
from loihiseg.data.splits import Split
from loihiseg.data.stack import Stack
from loihiseg.data.tiles import predict_sections
from loihiseg.errors import InputError, Option, OptionError
from loihiseg.locks import locked_folder
from loihiseg.metrics.known import counted
from loihiseg.metrics.pixels import best_threshold, pixel_scores
from loihiseg.network.logits import sigmoid
from loihiseg.provenance import versions
from loihiseg.training.activity import firing_rates, mean_events_per_mac, used_levels
from loihiseg.training.averaging import MeanWeights
from loihiseg.training.beginning import check_labels
from loihiseg.training.checkpoint import (
    Checkpoint,
    CheckpointInfo,
    load_checkpoint,
    model_weights,
    remove_old_weights,
    save_checkpoint,
    set_model_weights,
)
from loihiseg.training.crops import Crops, examples_of
from loihiseg.training.models import as_validated, compiled, first_model, next_model
from loihiseg.training.phases import phase_at, phases, until
from loihiseg.training.presets import TrainingConfig
from loihiseg.training.state import (
    START_AFRESH,
    STATE_FILE,
    Epoch,
    Run,
    TrainingState,
    check_same_run,
    load_state,
    save_history,
    save_state,
)
from partition.display.messages import handed_on


def train(
    stack: Stack,
    split: Split,
    config: TrainingConfig,
    folder: Path,
    *,
    start: Checkpoint | None = None,
    resume: bool = False,
    on_epoch: Callable[[list[Epoch]], None] | None = None,
    on_batch: Callable[[], None] | None = None,
) -> Checkpoint:
    """Train a U-Net, writing a checkpoint after each epoch.

    Parameters
    ----------
    stack : Stack
        With labels.
    split : Split
        Sections to train on and to validate on.
    config : TrainingConfig
    folder : Path
        Where the best checkpoint, the history and the state to resume from are written.
    start : Checkpoint, optional
        Network of the same channels to start from, which is in the configuration: see
        `loihiseg.training.beginning.started_from`. Not needed to resume.
    resume : bool
        Go on from the state in the folder. The result is that of a run never interrupted, if
        ``config.epochs`` is the same too: the learning rate falls over all epochs. More epochs
        than before go on along the longer curve.
    on_epoch : callable, optional
        Called with the list of `Epoch` after each epoch.
    on_batch : callable, optional
        Called without arguments after each batch.

    Returns
    -------
    Checkpoint
        The epoch with the lowest validation loss; if the configuration has tuning epochs or
        stages, of those or of the last. Training then does not stop early.

    Raises
    ------
    InputError
        If there are no labels, a section is smaller than a tile, there is nothing to resume,
        the network to start from has other channels, or another process trains in the folder.
    """
    check_labels(stack)
    with locked_folder(folder) as held:
        return train_held(
            stack, split, config, held,
            start=start, resume=resume, on_epoch=on_epoch,
            watch=[after_batch(on_batch)] if on_batch else [],
        )  # fmt: skip


def train_held(
    stack: Stack,
    split: Split,
    config: TrainingConfig,
    folder: Path,
    *,
    start: Checkpoint | None = None,
    resume: bool = False,
    on_epoch: Callable[[list[Epoch]], None] | None = None,
    watch: Sequence[tf.keras.callbacks.Callback] = (),
) -> Checkpoint:
    """As `train`, in a `loihiseg.locks.locked_folder`; each epoch is a fit that calls ``watch``."""
    check_labels(stack)
    folder = Path(folder)
    tf.keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    if config.register:
        stack = registered(stack, split.part(stack, "train"))
    stack = stack.seeing(config.network.neighbours)
    examples = examples_of(split.part(stack, "train"), config)
    validation = split.part(stack, "validation")
    data = _record_of(stack, split)
    history: list[Epoch] = []
    average: MeanWeights | None = None
    if resume:
        model, average, history = _restore(folder, config, stack)
        _make_up(folder, _kept(model, average), history, config, data)
    else:
        model = first_model(config, Crops(examples, config, 0)[0][0], start)
    phase = deployed = None
    for epoch in range(len(history), config.epochs):
        if _ends_early(config) and _exhausted(history, config):
            break
        if phase != phase_at(config, epoch):
            phase = phase_at(config, epoch)
            if epoch == phase.first:
                if history:
                    set_model_weights(model, _kept(model, average))
                    model = next_model(model, phase, config, Crops(examples, config, epoch)[0][0])
                average = _mean_of(model, config)
            deployed = as_validated(config, phase)
        called = [*watch, *([average] if average else [])]
        loss, rate_loss = _fitted(model, Crops(examples, config, epoch), epoch, called)
        assert deployed is not None  # made with the phase
        deployed.set_weights(average.weights if average else model.get_weights())
        history.append(validate(deployed, validation, config, epoch + 1, loss, rate_loss))
        run = Run(config, stack.digest, data.pixel_nm)
        _save_state(folder, model, average, history, run)
        if history[-1] is _best(history, config):
            _save_checkpoint(folder, _kept(model, average), history[-1], config, data)
        if on_epoch is not None:
            on_epoch(history)
    return load_checkpoint(folder)


def _fitted(
    model: tf.keras.Model,
    crops: Crops,
    epoch: int,
    callbacks: list[tf.keras.callbacks.Callback],
) -> tuple[float, float]:
    """Train for an epoch, counted from 0; its cross-entropy, and what else is in its loss."""
    fitted = model.fit(
        crops, epochs=epoch + 1, initial_epoch=epoch, verbose=0, callbacks=callbacks, shuffle=False
    )
    loss = fitted.history["bce"][0]
    rate_loss = fitted.history["loss"][0] - loss
    if not np.isfinite(loss + rate_loss):
        raise OptionError(
            f"training diverged in epoch {epoch + 1} (loss {loss + rate_loss}); lower ",
            Option("rate_weight"), ", or look at the images",
        )  # fmt: skip
    return loss, rate_loss


def _mean_of(model: tf.keras.Model, config: TrainingConfig) -> MeanWeights | None:
    """The mean of weights that begins with those of a network; None where none is to be kept."""
    return MeanWeights(config.average, model.get_weights()) if config.average else None


def _kept(model: tf.keras.Model, average: MeanWeights | None) -> dict[str, np.ndarray]:
    """Weights that are validated and kept, by name."""
    if average is None:
        return model_weights(model)
    names = [weight.name for weight in model.weights]
    return dict(zip(names, average.weights, strict=True))


def _save_checkpoint(
    folder: Path,
    weights: dict[str, np.ndarray],
    epoch: Epoch,
    config: TrainingConfig,
    data: DataRecord,
) -> None:
    """Write the network of an epoch, which must be the last."""
    info = CheckpointInfo(
        until(config, epoch.epoch - 1),
        data,
        epoch.threshold,
        epoch.epoch,
        _metrics(epoch),
        versions(),
    )
    save_checkpoint(folder, Checkpoint(info, weights))


def _make_up(
    folder: Path,
    weights: dict[str, np.ndarray],
    history: list[Epoch],
    config: TrainingConfig,
    data: DataRecord,
) -> None:
    """Write what a kill left out after the state of the last epoch.

    Only after the last epoch can the checkpoint be behind, and then these are the weights it lacks.
    """
    save_history(folder, history)
    best, last = _best(history, config), history[-1]
    try:
        found = load_checkpoint(folder).info
    except InputError:
        if best is not last:
            raise
        found = None
    if found is not None and found.data.split != data.split:
        raise OptionError(f"{folder}: was trained on another split; ", *START_AFRESH)
    if best is last and not _is_of(found, best, data):
        _save_checkpoint(folder, weights, last, config, data)
    else:
        remove_old_weights(folder)


def _is_of(info: CheckpointInfo | None, epoch: Epoch, data: DataRecord) -> bool:
    """Whether a checkpoint is that of an epoch of this training."""
    return info is not None and (
        (info.data.digest, info.epoch, info.threshold, info.metrics)
        == (data.digest, epoch.epoch, epoch.threshold, _metrics(epoch))
    )


def after_batch(call: Callable[[], None]) -> tf.keras.callbacks.Callback:
    """What has Keras call a function after every batch."""
    return tf.keras.callbacks.LambdaCallback(on_batch_end=lambda batch, logs: call())


def _ends_early(config: TrainingConfig) -> bool:
    return not (config.tuning_epochs or config.stages)


def validate(
    model: tf.keras.Model,
    stack: Stack,
    config: TrainingConfig,
    epoch: int,
    loss: float,
    rate_loss: float,
) -> Epoch:
    """What a network scores on the sections of validation.

    Parameters
    ----------
    model : tf.keras.Model
        As `loihiseg.training.models.as_validated` makes it.
    stack : Stack
        With labels.
    config : TrainingConfig
    epoch : int
        Counted from 1.
    loss, rate_loss : float
        Of its training crops.
    """
    tile = config.network.tile
    logits = predict_sections(lambda x: model.predict(x, verbose=0), stack.seen(), tile)
    truth = stack.membrane
    assert truth is not None  # `train` asks for labels
    probability = sigmoid(logits)
    truth, probability, logits = (
        counted(stack.known, part) for part in (truth, probability, logits)
    )
    threshold = best_threshold(truth, probability)
    scores = pixel_scores(truth, probability > threshold)
    cross_entropy = np.logaddexp(0, logits) - logits * truth
    levels = used_levels(model, stack, config)
    return Epoch(
        epoch,
        float(loss),
        float(rate_loss),
        float(cross_entropy.mean()),
        scores.accuracy,
        scores.membrane_iou,
        threshold,
        firing_rates(model, stack, config),
        levels,
        phases(config).index(phase_at(config, epoch - 1)),
        mean_events_per_mac(model, levels, stack, config),
    )


def _best(history: list[Epoch], config: TrainingConfig) -> Epoch:
    """Epoch of lowest validation loss, of those in the phase that training has come to."""
    first = phase_at(config, history[-1].epoch - 1).first
    return min(history[first:], key=lambda e: e.validation_loss)


def _exhausted(history: list[Epoch], config: TrainingConfig) -> bool:
    return bool(history) and history[-1].epoch - _best(history, config).epoch >= config.patience


def _metrics(epoch: Epoch) -> dict[str, float]:
    return {
        "validation_loss": epoch.validation_loss,
        "accuracy": epoch.accuracy,
        "membrane_iou": epoch.membrane_iou,
    }


def _record_of(stack: Stack, split: Split) -> DataRecord:
    source, record = handed_on(stack.source), SplitRecord.of(split)
    nm = plane(stack.pixel_nm)
    return DataRecord(source, stack.digest, stack.polarity, record, nm, stack.moved_px)


def _save_state(
    folder: Path,
    model: tf.keras.Model,
    average: MeanWeights | None,
    history: list[Epoch],
    run: Run,
) -> None:
    optimizer = tuple(variable.numpy() for variable in model.optimizer.variables)
    mean = _kept(model, average) if average else {}
    save_state(folder, TrainingState(model_weights(model), optimizer, tuple(history), run, mean))


def _restore(
    folder: Path, config: TrainingConfig, stack: Stack
) -> tuple[tf.keras.Model, MeanWeights | None, list[Epoch]]:
    state = load_state(folder)
    before, history = state.run, list(state.history)
    check_same_run(folder, before, config, stack.digest, stack.source)
    phase = phase_at(config, len(history) - 1)
    model = compiled(config, phase)
    set_model_weights(model, state.weights)
    model.optimizer.build(model.trainable_variables)
    variables = model.optimizer.variables
    expected = [(tuple(v.shape), v.dtype.as_numpy_dtype) for v in variables]
    if [(value.shape, value.dtype.type) for value in state.optimizer] != expected:
        raise OptionError(
            f"{folder / STATE_FILE}: holds the state of another optimizer; ", *START_AFRESH
        )
    for variable, value in zip(variables, state.optimizer, strict=True):
        variable.assign(value)
    average = None
    if state.average:
        mean = [state.average[weight.name] for weight in model.weights]
        batches = (len(history) - phase.first) * config.steps_per_epoch
        average = MeanWeights(config.average, mean, batches)
    return model, average, history
