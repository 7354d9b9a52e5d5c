"""Train a U-Net on a labelled stack and write a checkpoint."""

import itertools
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from loihiseg.commands.common import list_runs, log_versions, read_data
from loihiseg.commands.config_file import expanded
from loihiseg.commands.train.configuration import configuration, with_soft_labels
from loihiseg.commands.train.options import parse, parser
from loihiseg.commands.train.resuming import (
    CONFIG_FILE,
    OF_THIS_CALL,
    Begun,
    folder_to_resume,
    options_of_run,
    options_to_resume,
    read_begun,
    saying_how_to_go_on,
    write_begun,
)
from loihiseg.commands.typed import typed_options
from loihiseg.errors import InputError
from loihiseg.installed import require_frameworks, require_tensorboard
from partition.command_line.command import doing
from partition.command_line.log import RunLog
from partition.display.messages import handed_on

if TYPE_CHECKING:
    from loihiseg.data.resampling import Plane
    from loihiseg.data.splits import Split
    from loihiseg.data.stack import Stack
    from loihiseg.progress import Reporter
    from loihiseg.training.checkpoint import Checkpoint
    from loihiseg.training.presets import TrainingConfig
    from loihiseg.training.state import Epoch, Run

LOG_FILE = "train.log"

TENTH = 10
"""Lines of an epoch, where no terminal is."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    asked = _asked(arguments)
    require_frameworks()
    options = asked.options
    if options.tensorboard:
        require_tensorboard()
    config = configuration(options)
    log_path = Path(options.out) / LOG_FILE if options.out else None
    with RunLog("loihiseg", log_path) as log:
        log_versions()
        _run(asked, config, log)


@dataclass(frozen=True)
class _Asked:
    """All options of a training, and the arguments that are typed now.

    ``begun`` is what its folder says it was begun with; None where that is now, or no file says.
    """

    options: Namespace
    arguments: Sequence[str]
    begun: Begun | None = None


@dataclass(frozen=True)
class Told:
    """Who hears of a training: the terminal, the log, and TensorBoard where that is asked for."""

    reporter: "Reporter"
    log: RunLog
    board: bool = False


def _asked(typed: Sequence[str]) -> _Asked:
    arguments = expanded(parser(), typed, options_of_run)
    options = parse(arguments)
    if not options.resume:
        return _Asked(options, arguments)
    if arguments != list(typed):
        raise InputError("--config: a training that goes on has its options; leave it out")
    folder = folder_to_resume(options)
    begun = read_begun(folder)
    if begun is not None:
        options = options_to_resume(folder, begun, arguments)
        return _Asked(options, arguments, begun.moved(arguments, folder))
    if set(typed_options(parser(), arguments)) <= set(OF_THIS_CALL):
        raise InputError(
            f"{folder}: nothing to resume from (no {CONFIG_FILE} that says what a training was "
            "begun with); if there is a training, give all its options again beside --resume"
        )
    options.out = str(folder)
    return _Asked(options, arguments)


def _run(asked: _Asked, config: "TrainingConfig", log: RunLog) -> None:
    from loihiseg.data.resampling import unknown
    from loihiseg.locks import run_folder
    from loihiseg.progress import Reporter
    from loihiseg.starting import start_frameworks
    from loihiseg.training.beginning import started_from
    from loihiseg.training.state import check_same_run

    options = asked.options
    start = None if options.resume else _start(options)
    reporter = Reporter(options.quiet)
    # Before anything slow: a run whose result cannot be kept is not begun.
    with run_folder(options.out, "train", reporter.say) as folder:
        before = _before(asked, config, folder()) if options.out else None
        if before is not None and asked.begun is not None:
            # What it started from may be gone, and is not needed any more.
            config = replace(config, start=before.config.start)
        elif options.resume:
            start = _start(options)
        if start is not None:
            config = started_from(config, start)
        network_nm = None if start is None else start.info.data.pixel_nm
        if before is not None:
            network_nm = before.pixel_nm
        stack, split = _read(options, config, network_nm, reporter)
        if options.soft_labels:
            stack, config = _with_soft_labels(options, stack, config, reporter)
        if start is not None and (text := unknown(stack.pixel_nm, network_nm)):
            reporter.say(text)
        held = folder()
        if before is not None:
            check_same_run(held, before, config, stack.digest, stack.source)
        write_begun(held, asked.begun or Begun.now(asked.arguments, held))
        with saying_how_to_go_on(held):
            start_frameworks(reporter)
            told = Told(reporter, log, options.tensorboard)
            _train(stack, split, config, held, start, before is not None, told)
        list_runs(held, reporter.say)


def _start(options: Namespace) -> "Checkpoint | None":
    """The network to start from."""
    from loihiseg.training.checkpoint import load_checkpoint
    from loihiseg.training.shipped import resolve

    if not options.start:
        return None
    with doing(f"reading {options.start}"):
        return load_checkpoint(resolve(options.start, options.data))


def _before(asked: _Asked, config: "TrainingConfig", folder: Path) -> "Run | None":
    """What was trained in a folder before; None of one in which nothing was."""
    from loihiseg.training.checkpoint import FILE_NAME
    from loihiseg.training.state import STATE_FILE, load_state

    if not asked.options.resume:
        _check_free(folder)
        return None
    if asked.begun and not any((folder / name).exists() for name in (FILE_NAME, STATE_FILE)):
        return None  # Stopped in its first epoch.
    state = load_state(folder)
    if config.epochs < len(state.history):
        raise InputError(
            f"--epochs {config.epochs}: the run in {folder} has {len(state.history)} already; "
            "expected no fewer"
        )
    return state.run


def _check_free(folder: Path) -> None:
    """Refuse to train over a network or over what could be gone on with."""
    from loihiseg.training.checkpoint import FILE_NAME
    from loihiseg.training.state import STATE_FILE

    for name, held in ((FILE_NAME, "trained network"), (STATE_FILE, "training")):
        if (folder / name).exists():
            raise InputError(
                f"{folder}: holds a {held} already; go on with --resume, or choose another --out"
            )


def _read(
    options: Namespace,
    config: "TrainingConfig",
    network_nm: "Plane | None",
    reporter: "Reporter",
) -> "tuple[Stack, Split]":
    """The stack and its split; refuses what cannot be trained on.

    ``network_nm`` is the size of a pixel that is trained on, None for the stack's own.
    """
    from loihiseg.data.splits import described, split_of
    from loihiseg.training.beginning import check_labels, check_size

    with reporter.part("load") as note:
        stack = read_data(options, network_nm)
        check_labels(stack)
        check_size(stack, config.crop)
        split = split_of(stack, config.crop, config.network.tile, options.validation, options.test)
        note.detail = (
            f"{len(stack.images)} sections from {handed_on(stack.source)}; {stack.polarity}; "
            f"{described(split)}"
        )
    return stack, split


def _with_soft_labels(
    options: Namespace, stack: "Stack", config: "TrainingConfig", reporter: "Reporter"
) -> "tuple[Stack, TrainingConfig]":
    """The stack with the mean of the maps that are given, and their digest in the configuration."""
    from loihiseg.data.soft_labels import digest_of, read_soft_labels

    with reporter.part("soft labels") as note:
        soft = read_soft_labels(options.soft_labels, stack)
        note.detail = f"{len(options.soft_labels)} maps, mean {soft.mean():.3f}"
    return replace(stack, soft=soft), with_soft_labels(options, config, digest_of(soft))


def _train(
    stack: "Stack",
    split: "Split",
    config: "TrainingConfig",
    folder: Path,
    start: "Checkpoint | None",
    resume: bool,
    told: "Told",
) -> None:
    reporter = told.reporter
    with reporter.part("train") as note:
        checkpoint = _fit(stack, split, config, folder, start, resume, told)
        scores = checkpoint.info.metrics
        note.detail = (
            f"epoch {checkpoint.info.epoch}: validation accuracy {scores['accuracy']:.2%}, "
            f"membrane IoU {scores['membrane_iou']:.3f}"
        )
    warning = _warning(stack, split, scores["accuracy"])
    if warning:
        reporter.say(warning)
    # The log may be handed on with the rest of the folder.
    reporter.say(f"checkpoint: {folder}", logged=False)


def _warning(stack: "Stack", split: "Split", accuracy: float) -> str:
    """That the network is worse than none, if it is."""
    from loihiseg.metrics.known import counted
    from loihiseg.report.baseline import trained_below_all_cell

    part = split.part(stack, "validation")
    if part.membrane is None:
        return ""
    membrane = counted(part.known, part.membrane)
    return trained_below_all_cell(accuracy, float((membrane.size - membrane.sum()) / membrane.size))


def _fit(
    stack: "Stack",
    split: "Split",
    config: "TrainingConfig",
    folder: Path,
    start: "Checkpoint | None",
    resume: bool,
    told: "Told",
) -> "Checkpoint":
    from loihiseg.report.training import PICTURE_FILE, draw_history
    from loihiseg.training.fit import after_batch, train_held
    from loihiseg.training.state import finished_epochs, read_history

    done = finished_epochs(folder) if resume else 0
    steps = config.steps_per_epoch
    total = max(config.epochs - done, 0) * steps
    reporter, watch = told.reporter, []
    if told.board:
        from loihiseg.training.board import board, write_validation

        watch.append(board(folder))
    with reporter.bar("training", total, max(steps // TENTH, 1)) as advance:
        batches = itertools.count(done * steps)

        def on_batch() -> None:
            epoch, batch = divmod(next(batches), steps)
            # Validation follows the last batch, and may take longer than a few of them.
            advance(f"epoch {epoch + 1}{', validating' * (batch == steps - 1)}")

        def on_epoch(history: "Sequence[Epoch]") -> None:
            last = history[-1]
            # From here on there is something in the folder that it is the log of.
            told.log.open(folder / LOG_FILE)
            reporter.say(
                f"epoch {last.epoch:3d}  loss {last.loss:.4f}  "
                f"validation {last.validation_loss:.4f}"
                f"  accuracy {last.accuracy:.2%}  membrane IoU {last.membrane_iou:.3f}"
                f"  {_of_layers(last)}"
            )
            draw_history(history, folder / PICTURE_FILE)
            if told.board:
                write_validation(folder, last)

        checkpoint = train_held(
            stack, split, config, folder,
            start=start, resume=resume, on_epoch=on_epoch, watch=[after_batch(on_batch), *watch],
        )  # fmt: skip
    if resume:
        # A kill may have kept the last epoch out of the picture.
        draw_history(read_history(folder), folder / PICTURE_FILE)
    return checkpoint


def _of_layers(epoch: "Epoch") -> str:
    """What an epoch's line says of the layers."""
    from loihiseg.training.history_table import mean_level, rate_shares

    if epoch.levels:
        counts = sorted({layer.n_levels for layer in epoch.levels}, reverse=True)
        named = ", ".join(str(n) for n in counts)
        events = f"{epoch.events_per_mac:.2f} events per MAC"
        return f"levels {named} (mean {mean_level(epoch):.2f}, {events})"
    if not epoch.rates and epoch.events_per_mac:
        return f"{epoch.events_per_mac:.2f} events per MAC"
    shares = rate_shares(epoch)
    if shares is None:
        return "ideal units"
    return f"in rate range {shares.pooled:.0%} (worst layer {shares.worst:.0%})"
