"""Train a U-Net on a labelled stack and write a checkpoint."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loihiseg.commands.common import read_data
from loihiseg.commands.train.configuration import configuration
from loihiseg.commands.train.options import parse
from loihiseg.errors import InputError
from loihiseg.installed import require_frameworks
from partition.command_line.command import doing
from partition.command_line.log import RunLog
from partition.display.messages import handed_on

if TYPE_CHECKING:
    from loihiseg.data.splits import Split
    from loihiseg.data.stack import Stack
    from loihiseg.metrics.rates import LayerRates
    from loihiseg.progress import Reporter
    from loihiseg.training.checkpoint import Checkpoint
    from loihiseg.training.presets import TrainingConfig
    from loihiseg.training.state import Epoch

LOG_FILE = "train.log"


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(arguments)
    require_frameworks()
    config = configuration(options)
    log_path = Path(options.out) / LOG_FILE if options.out else None
    with RunLog("loihiseg", log_path) as log:
        _run(options, config, log)


def _run(options: Namespace, config: "TrainingConfig", log: RunLog) -> None:
    from loihiseg.locks import run_folder
    from loihiseg.progress import Reporter
    from loihiseg.training.checkpoint import load_checkpoint
    from loihiseg.training.shipped import resolve

    if options.resume and not options.out:
        raise InputError("--resume needs --out with the folder of the run to go on with")
    start = None
    if options.start:
        with doing(f"reading {options.start}"):
            start = load_checkpoint(resolve(options.start, options.data))
    reporter = Reporter(options.quiet)
    # Before anything slow: a run whose result cannot be kept is not begun.
    with run_folder(options.out, "train", reporter.say) as folder:
        if options.out and not options.resume:
            _check_free(folder())
        prepared = _prepare(options, config, start, reporter)
        _train(*prepared, folder(), start, options.resume, reporter, log)


def _check_free(folder: Path) -> None:
    """Refuse to train over a network or over what could be gone on with."""
    from loihiseg.training.checkpoint import FILE_NAME
    from loihiseg.training.state import STATE_FILE

    for name, held in ((FILE_NAME, "trained network"), (STATE_FILE, "training")):
        if (folder / name).exists():
            raise InputError(
                f"{folder}: holds a {held} already; go on with --resume, or choose another --out"
            )


def _prepare(
    options: Namespace, config: "TrainingConfig", start: "Checkpoint | None", reporter: "Reporter"
) -> "tuple[Stack, Split, TrainingConfig]":
    """The stack, its split and the configuration with the network to start from."""
    from loihiseg.data.splits import described, split_of

    with reporter.part("load") as note:
        stack = read_data(options)
        _check_size(stack, config)
        split = split_of(stack, config.crop, config.network.tile, options.validation, options.test)
        note.detail = (
            f"{len(stack.images)} sections from {handed_on(stack.source)}; {stack.polarity}; "
            f"{described(split)}"
        )
    import loihiseg.frameworks  # noqa: F401

    if start:
        from loihiseg.training.fit import started_from

        config = started_from(config, start)
    return stack, split, config


def _check_size(stack: "Stack", config: "TrainingConfig") -> None:
    rows, columns = stack.images.shape[1:]
    if min(rows, columns) < config.crop:
        raise InputError(
            f"{stack.source}: sections of {rows} x {columns} pixels are smaller than a training "
            f"crop of {config.crop} x {config.crop}; use a smaller preset"
        )


def _train(
    stack: "Stack",
    split: "Split",
    config: "TrainingConfig",
    folder: Path,
    start: "Checkpoint | None",
    resume: bool,
    reporter: "Reporter",
    log: RunLog,
) -> None:
    with reporter.part("train") as note:
        checkpoint = _fit(stack, split, config, folder, start, resume, reporter, log)
        scores = checkpoint.info.metrics
        note.detail = (
            f"epoch {checkpoint.info.epoch}: validation accuracy {scores['accuracy']:.2%}, "
            f"membrane IoU {scores['membrane_iou']:.3f}"
        )
    # The log may be handed on with the rest of the folder.
    reporter.say(f"checkpoint: {folder}", logged=False)


def _fit(
    stack: "Stack",
    split: "Split",
    config: "TrainingConfig",
    folder: Path,
    start: "Checkpoint | None",
    resume: bool,
    reporter: "Reporter",
    log: RunLog,
) -> "Checkpoint":
    from loihiseg.report.training import PICTURE_FILE, draw_history
    from loihiseg.training.fit import train_held
    from loihiseg.training.state import finished_epochs, read_history

    done = finished_epochs(folder) if resume else 0
    total = max(config.epochs - done, 0) * config.steps_per_epoch
    with reporter.bar("training", total) as advance:

        def on_epoch(history: "Sequence[Epoch]") -> None:
            last = history[-1]
            # From here on there is something in the folder that it is the log of.
            log.open(folder / LOG_FILE)
            reporter.say(
                f"epoch {last.epoch:3d}  loss {last.loss:.4f}  "
                f"validation {last.validation_loss:.4f}"
                f"  accuracy {last.accuracy:.2%}  membrane IoU {last.membrane_iou:.3f}"
                f"  {_of_layers(last)}"
            )
            draw_history(history, folder / PICTURE_FILE)

        checkpoint = train_held(
            stack, split, config, folder,
            start=start, resume=resume, on_epoch=on_epoch, on_batch=advance,
        )  # fmt: skip
    if resume:
        # A kill may have kept the last epoch out of the picture.
        draw_history(read_history(folder), folder / PICTURE_FILE)
    return checkpoint


def _of_layers(epoch: "Epoch") -> str:
    """What an epoch's line says of the layers."""
    if epoch.levels:
        counts = sorted({layer.n_levels for layer in epoch.levels}, reverse=True)
        named = ", ".join(str(n) for n in counts)
        mean = sum(layer.mean_level for layer in epoch.levels) / len(epoch.levels)
        return f"levels {named} (mean {mean:.2f}, {epoch.events_per_mac:.2f} events per MAC)"
    if not epoch.rates:
        return "ideal units"
    low = min(r.share_in_range for r in epoch.rates)
    return f"in rate range {_pooled_share(epoch.rates):.0%} (worst layer {low:.0%})"


def _pooled_share(rates: "Sequence[LayerRates]") -> float:
    neurons = sum(r.n_neurons for r in rates)
    return sum(r.share_in_range * r.n_neurons for r in rates) / neurons
