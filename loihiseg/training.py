"""Fitting a U-Net to a labelled stack: resumable, early-stopping, the same every time."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from loihiseg.frameworks import tf

import msgspec
import numpy as np

from loihiseg.checkpoint import (
    Checkpoint,
    CheckpointInfo,
    DataRecord,
    SplitRecord,
    load_checkpoint,
    model_weights,
    save_checkpoint,
    set_model_weights,
)
from loihiseg.data.augmentation import normalize, sample_crops
from loihiseg.data.splits import Split
from loihiseg.data.stack import Stack
from loihiseg.data.tiles import cut, tile_grid
from loihiseg.errors import InputError
from loihiseg.evaluation.levels import LayerLevels, layer_levels
from loihiseg.evaluation.metrics import best_threshold, pixel_scores
from loihiseg.evaluation.rates import LayerRates, layer_rates
from loihiseg.files import pack_arrays, sha256, unpack_arrays, write_bytes, write_json
from loihiseg.inference import predict_sections, sigmoid
from loihiseg.network.activations import LoihiReLU
from loihiseg.network.events import event_costs
from loihiseg.network.phases import phase_at, phases, until
from loihiseg.network.presets import TrainingConfig
from loihiseg.network.quantized import QuantizedReLU
from loihiseg.network.trainable import as_validated, compiled, first_model, next_model
from loihiseg.provenance import versions
from partition.messages import handed_on

STATE_FILE = "training_state.npz"
HISTORY_FILE = "history.json"
RATE_TILES = 32
"""Tiles of the validation sections on which firing rates are logged."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to. Losses are of training crops; scores of the validation sections.

    Layers have firing rates or levels, or neither where they are ideal. Phases, in which the same
    network is trained, are counted from 0. ``rate_loss`` is that of firing rates or of synaptic
    events, ``events_per_mac`` what `loihiseg.network.events` counts of a network of levels.
    """

    epoch: int
    loss: float
    rate_loss: float
    validation_loss: float
    accuracy: float
    membrane_iou: float
    threshold: float
    rates: tuple[LayerRates, ...]
    levels: tuple[LayerLevels, ...] = ()
    phase: int = 0
    events_per_mac: float = 0.0


@dataclass(frozen=True)
class _Run:
    """What a state to resume from belongs to."""

    config: TrainingConfig
    digest: str


class Crops(tf.keras.utils.Sequence):
    """Augmented crops of an epoch. Batch ``i`` of epoch ``e`` is the same in every run."""

    def __init__(self, stack: Stack, config: TrainingConfig, epoch: int):
        self.stack, self.config, self.epoch = stack, config, epoch

    def __len__(self):
        return self.config.steps_per_epoch

    def __getitem__(self, index):
        rng = np.random.default_rng([self.config.seed, self.epoch, index])
        return sample_crops(self.stack, self.config.crop, self.config.batch, rng)


def train(
    stack: Stack,
    split: Split,
    config: TrainingConfig,
    folder: Path,
    *,
    start: Checkpoint | None = None,
    resume: bool = False,
    on_epoch: Callable | None = None,
    on_batch: Callable | None = None,
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
        Network of the same channels to start from; `started_from` puts it into the configuration.
        Not needed to resume.
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
        If there are no labels, a section is smaller than a tile, there is nothing to resume, or
        the network to start from has other channels.
    """
    if stack.membrane is None:
        raise InputError(f"{stack.source}: has no labels to train on; give --labels")
    tf.keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    training, validation = stack.select(split.train), stack.select(split.validation)
    history: list[Epoch] = []
    if resume:
        model, history = _restore(folder, config, stack)
    else:
        model = first_model(config, Crops(training, config, 0)[0][0], start)
    data = DataRecord(handed_on(stack.source), stack.digest, stack.polarity, _record(split))
    watch = [_after_batch(on_batch)] if on_batch else []
    phase = deployed = None
    for epoch in range(len(history), config.epochs):
        if _ends_early(config) and _exhausted(history, config):
            break
        if phase != phase_at(config, epoch):
            phase = phase_at(config, epoch)
            if epoch == phase.first and history:
                model = next_model(model, phase, config, Crops(training, config, epoch)[0][0])
            deployed = as_validated(phase)
        fitted = model.fit(
            Crops(training, config, epoch),
            epochs=epoch + 1,
            initial_epoch=epoch,
            verbose=0,
            callbacks=watch,
            shuffle=False,
        )
        loss = fitted.history["bce"][0]
        rate_loss = fitted.history["loss"][0] - loss
        if not np.isfinite(loss + rate_loss):
            raise InputError(
                f"training diverged in epoch {epoch + 1} (loss {loss + rate_loss}); lower "
                "--rate-weight, or look at the images"
            )
        deployed.set_weights(model.get_weights())
        history.append(_validate(deployed, validation, config, epoch + 1, loss, rate_loss))
        if history[-1] is _best(history, config):
            info = CheckpointInfo(
                until(config, epoch),
                data,
                history[-1].threshold,
                epoch + 1,
                _metrics(history[-1]),
                versions(),
            )
            save_checkpoint(folder, Checkpoint(info, model_weights(model)))
        _save_state(folder, model, history, _Run(config, stack.digest))
        if on_epoch is not None:
            on_epoch(history)
    return load_checkpoint(folder)


def started_from(config: TrainingConfig, start: Checkpoint) -> TrainingConfig:
    """The configuration of a training that starts from a checkpoint.

    Raises
    ------
    InputError
        If the checkpoint's network has other channels or layers.
    """
    ours, theirs = config.network, start.info.config.network
    for name in ("channels", "convs_down", "convs_up", "stem_stride", "stem_channels"):
        if getattr(ours, name) != getattr(theirs, name):
            raise InputError(
                f"--start: {name} {getattr(theirs, name)}, expected {getattr(ours, name)}; choose "
                "the --preset it was trained with"
            )
    return replace(config, start=sha256(pack_arrays(start.weights)))


def finished_epochs(folder: Path) -> int:
    """Epochs of the run in a folder; 0 if there is none to be read."""
    try:
        return len(msgspec.json.decode((Path(folder) / HISTORY_FILE).read_bytes(), type=list))
    except (OSError, msgspec.DecodeError):
        return 0


def _after_batch(call):
    return tf.keras.callbacks.LambdaCallback(on_batch_end=lambda batch, logs: call())


def _ends_early(config):
    return not (config.tuning_epochs or config.stages)


def _validate(model, stack, config, epoch, loss, rate_loss) -> Epoch:
    tile = config.network.tile
    logits = predict_sections(lambda x: model.predict(x, verbose=0), stack.images, tile)
    truth = stack.membrane
    probability = sigmoid(logits)
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
        _events_per_mac(model, levels),
    )


def firing_rates(model, stack: Stack, config: TrainingConfig) -> tuple[LayerRates, ...]:
    """Firing rates of every layer of rates over tiles of a stack, neuron by neuron.

    The staircase of a trained network gives the rate each neuron would settle to.
    """
    target = config.network.rates
    found = []
    for layer, activation in _activations(model, stack, config, _is_rate):
        rates_hz = activation.reshape(len(activation), -1) * layer.rate_scale_hz
        found.append(
            layer_rates(layer.name, rates_hz, target.percentile, target.low_hz, target.high_hz)
        )
    return tuple(found)


def used_levels(model, stack: Stack, config: TrainingConfig) -> tuple[LayerLevels, ...]:
    """Levels of every quantized layer over tiles of a stack."""
    return tuple(
        layer_levels(layer.name, activation, layer.levels, float(layer.scale))
        for layer, activation in _activations(model, stack, config, _is_quantized)
    )


def _events_per_mac(model, levels):
    costs = event_costs(model)
    return float(sum(costs.get(layer.layer, 0.0) * layer.mean_level for layer in levels))


def _is_rate(layer):
    """Ideal units on the way to few levels stand for no rate."""
    return isinstance(layer, LoihiReLU) and layer.staircase


def _is_quantized(layer):
    return isinstance(layer, QuantizedReLU)


def _activations(model, stack, config, wanted):
    """The layers wanted with their activations, each (tiles, rows, columns, channels)."""
    layers = [layer for layer in model.layers if wanted(layer)]
    if not layers:
        return []
    inner = tf.keras.Model(model.inputs, [layer.output for layer in layers])
    grid = tile_grid(stack.images.shape[1:], config.network.tile, 0)
    tiles = np.concatenate([cut(normalize(image), grid) for image in stack.images])
    tiles = tiles[np.linspace(0, len(tiles) - 1, min(RATE_TILES, len(tiles))).astype(int)]
    return list(zip(layers, inner.predict(tiles[..., None], verbose=0)))


def _best(history, config):
    """Epoch of lowest validation loss, of those in the phase that training has come to."""
    first = phase_at(config, history[-1].epoch - 1).first
    return min(history[first:], key=lambda e: e.validation_loss)


def _exhausted(history, config):
    return bool(history) and history[-1].epoch - _best(history, config).epoch >= config.patience


def _metrics(epoch):
    return {
        "validation_loss": epoch.validation_loss,
        "accuracy": epoch.accuracy,
        "membrane_iou": epoch.membrane_iou,
    }


def _record(split):
    parts = split.train, split.validation, split.test
    return SplitRecord(*((min(part), max(part) + 1) for part in parts))


def _save_state(folder, model, history, run):
    """Weights, optimizer and history of the last epoch, in one file so that they agree."""
    arrays = {f"weight/{k}": v for k, v in model_weights(model).items()}
    for index, variable in enumerate(model.optimizer.variables):
        arrays[f"optimizer/{index}"] = variable.numpy()
    rows = [asdict(e) for e in history]
    arrays["history"] = np.frombuffer(msgspec.json.encode(rows), np.uint8)
    arrays["run"] = np.frombuffer(msgspec.json.encode(run), np.uint8)
    write_bytes(folder / STATE_FILE, pack_arrays(arrays))
    write_json(folder / HISTORY_FILE, rows)


def _restore(folder, config, stack):
    path = folder / STATE_FILE
    try:
        arrays = unpack_arrays(path.read_bytes())
        history = msgspec.json.decode(arrays["history"].tobytes(), type=list[Epoch])
        before = msgspec.json.decode(arrays["run"].tobytes(), type=_Run)
    except (OSError, ValueError, KeyError, msgspec.DecodeError) as error:
        raise InputError(
            f"{path}: nothing to resume from ({error}); choose another --out and train "
            "without --resume"
        ) from None
    load_checkpoint(folder)
    if replace(before.config, epochs=config.epochs) != config:
        raise InputError(
            f"{folder}: was trained with another configuration; choose another --out and train "
            "without --resume"
        )
    if before.digest != stack.digest:
        raise InputError(
            f"{folder}: was trained on other data; choose another --out and train without --resume"
        )
    model = compiled(config, phase_at(config, len(history) - 1))
    set_model_weights(
        model, {k.removeprefix("weight/"): v for k, v in arrays.items() if k.startswith("weight/")}
    )
    model.optimizer.build(model.trainable_variables)
    for index, variable in enumerate(model.optimizer.variables):
        variable.assign(arrays[f"optimizer/{index}"])
    return model, history
