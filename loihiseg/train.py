"""``python -m loihiseg.train``: train a U-Net on a labelled stack and write a checkpoint."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from loihiseg.cli import add_data_options, read_data, run
from loihiseg.errors import InputError
from loihiseg.installed import require_frameworks
from loihiseg.training.phases import at_least, prepared, progressive_stages
from loihiseg.training.presets import PRESETS, Stage
from partition.command_line.command import doing
from partition.command_line.log import RunLog
from partition.command_line.options import Parser, real, seed, whole
from partition.display.messages import handed_on, one_line

LOG_FILE = "train.log"

MAX_EPOCHS = 100_000
MAX_LEVELS = 255


def _stage(text):
    levels, _, epochs = text.partition(":")
    try:
        return whole(0, MAX_LEVELS)(levels), _EPOCHS(epochs)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{one_line(text, 40)!r}: expected LEVELS:EPOCHS, such as 3:10; {_stage.limits}"
        ) from None


_EPOCHS = whole(1, MAX_EPOCHS)
_stage.limits = f"0 to {MAX_LEVELS}, and {_EPOCHS.limits}"


def parse(arguments):
    """Parse the command line."""
    parser = Parser(
        prog="python -m loihiseg.train",
        description="Train a U-Net through Loihi's firing-rate curve, or with --levels for a "
        "thermometer code. Writes a checkpoint after each epoch; goes on where it was stopped "
        "with --resume.",
    )
    parser.add_argument("--preset", choices=tuple(PRESETS), default="small", help="size of network")
    parser.add_argument(
        "--out", metavar="FOLDER", help="where to write (default: the next free runs/train-N)"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    add_data_options(parser)
    group = parser.add_argument_group("training")
    group.add_argument("--epochs", type=_EPOCHS, help="at most so many (default: the preset's)")
    group.add_argument("--seed", type=seed, default=0, help="of weights, crops and augmentation")
    group.add_argument(
        "--patience", type=_EPOCHS, help="epochs without progress before stopping early"
    )
    group.add_argument(
        "--learning-rate",
        type=real(0, 10, above=True),
        metavar="RATE",
        help="of Adam at the start of a cosine (default: the preset's; with --start a fifth of it)",
    )
    group.add_argument(
        "--start", metavar="CHECKPOINT", help="start from this network instead of random weights"
    )
    levels = parser.add_argument_group("few levels instead of firing rates")
    levels.add_argument(
        "--levels",
        type=whole(1, MAX_LEVELS),
        nargs="+",
        metavar="L",
        help="levels of every activation, or one number for each in order: stem, encoder, decoder",
    )
    levels.add_argument(
        "--stages",
        type=_stage,
        nargs="+",
        metavar="L:EPOCHS",
        help="levels on the way down and their epochs; 0 for ideal rectified-linear units "
        "(default: down 31, 15, 7, 3 to --levels, half of the epochs for the last; without "
        "--start a third of the epochs before with 0)",
    )
    levels.add_argument(
        "--batch-norm",
        action="store_true",
        help="with batch normalizations, folded before the last of --stages (default: before the "
        "last quarter of the last); only from there on weights are rounded to 8 bits",
    )
    levels.add_argument(
        "--event-weight",
        type=real(0, 10**6),
        default=0.0,
        metavar="W",
        help="weight in the loss of the synaptic events per multiply-accumulate: the larger, the "
        "fewer spikes (default: 0)",
    )
    tuning = parser.add_argument_group("training for the chip")
    tuning.add_argument(
        "--tuning-epochs",
        type=whole(0, MAX_EPOCHS),
        metavar="N",
        help="the last N epochs train with the two below (default: the preset's)",
    )
    tuning.add_argument(
        "--float-weights",
        action="store_true",
        help="without the chip's 8-bit weights in them, or in stages with levels",
    )
    tuning.add_argument(
        "--window-steps",
        type=whole(0, 10**4),
        metavar="N",
        help="rates in them are counted in windows of N steps; 0: exact (default: the preset's)",
    )
    rates = parser.add_argument_group("firing rates")
    rates.add_argument(
        "--percentile", type=real(0, 100), default=99.5, help="percentile that is pushed"
    )
    rates.add_argument(
        "--rate-range",
        type=real(0, 1000),
        nargs=2,
        default=(50.0, 200.0),
        metavar=("LOW", "HIGH"),
        help="range in Hz it is pushed into",
    )
    rates.add_argument(
        "--rate-weight",
        type=real(0, 10**6),
        default=0.1,
        help="weight of the regularizer; 0 switches it off",
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    return parser.parse_args(arguments)


def configuration(options):
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


def _learning_rate(options, config):
    rate = options.learning_rate
    if rate is None:
        return config.learning_rate / 5 if options.start else config.learning_rate
    return rate


def _for_rates(options, config):
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


def _with_stages(options, config):
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


def _given_stages(options, levels, eight_bit):
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


def _given(value, default):
    return default if value is None else value


def main(arguments):
    """Run the command."""
    options = parse(arguments)
    require_frameworks()
    config = configuration(options)
    log_path = Path(options.out) / LOG_FILE if options.out else None
    with RunLog("loihiseg", log_path) as log:
        _run(options, config, log)


def _run(options, config, log):
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


def _check_free(folder):
    """Refuse to train over a network or over what could be gone on with."""
    from loihiseg.training.checkpoint import FILE_NAME
    from loihiseg.training.state import STATE_FILE

    for name, held in ((FILE_NAME, "trained network"), (STATE_FILE, "training")):
        if (folder / name).exists():
            raise InputError(
                f"{folder}: holds a {held} already; go on with --resume, or choose another --out"
            )


def _prepare(options, config, start, reporter):
    """The stack, its split and the configuration with the network to start from."""
    from loihiseg.data.splits import z_block_split

    with reporter.stage("load") as note:
        stack = read_data(options)
        split = z_block_split(len(stack.images))
        note.detail = (
            f"{len(stack.images)} sections from {handed_on(stack.source)}; {stack.polarity}"
        )
    _check_size(stack, config)
    import loihiseg.frameworks  # noqa: F401

    if start:
        from loihiseg.training.fit import started_from

        config = started_from(config, start)
    return stack, split, config


def _check_size(stack, config):
    rows, columns = stack.images.shape[1:]
    if min(rows, columns) < config.crop:
        raise InputError(
            f"{stack.source}: sections of {rows} x {columns} pixels are smaller than a training "
            f"crop of {config.crop} x {config.crop}; use a smaller preset"
        )


def _train(stack, split, config, folder, start, resume, reporter, log):
    with reporter.stage("train") as note:
        checkpoint = _fit(stack, split, config, folder, start, resume, reporter, log)
        scores = checkpoint.info.metrics
        note.detail = (
            f"epoch {checkpoint.info.epoch}: validation accuracy {scores['accuracy']:.2%}, "
            f"membrane IoU {scores['membrane_iou']:.3f}"
        )
    # The log may be handed on with the rest of the folder.
    reporter.say(f"checkpoint: {folder}", logged=False)


def _fit(stack, split, config, folder, start, resume, reporter, log):
    from loihiseg.report.training import PICTURE_FILE, draw_history
    from loihiseg.training.fit import train
    from loihiseg.training.state import finished_epochs, read_history

    done = finished_epochs(folder) if resume else 0
    total = max(config.epochs - done, 0) * config.steps_per_epoch
    with reporter.bar("training", total) as advance:

        def on_epoch(history):
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

        checkpoint = train(
            stack, split, config, folder,
            start=start, resume=resume, on_epoch=on_epoch, on_batch=advance, locked=True,
        )  # fmt: skip
    if resume:
        # A kill may have kept the last epoch out of the picture.
        draw_history(read_history(folder), folder / PICTURE_FILE)
    return checkpoint


def _of_layers(epoch):
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


def _pooled_share(rates):
    neurons = sum(r.n_neurons for r in rates)
    return sum(r.share_in_range * r.n_neurons for r in rates) / neurons


if __name__ == "__main__":
    sys.exit(run(main))
