"""The command line of a training."""

import argparse
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from loihiseg.commands.common import add_data_options
from loihiseg.commands.parsing import command_parser
from loihiseg.data.sections import sections_text
from loihiseg.network.config import MOST_NEIGHBOURS
from loihiseg.through_time.settings import (
    MOST_TIME_STEPS,
    WHOLE_VOLTAGE,
    Dynamics,
    Normalization,
    Residual,
)
from loihiseg.training.presets import PRESETS
from partition.command_line.options import Parser, real, seed, whole
from partition.display.messages import one_line

MAX_EPOCHS = 100_000
MAX_LEVELS = 255
MAX_BLOCKS = 10
MAX_HEADS = 100
SOFT_SHARE = 0.9
MOST_AVERAGE = 0.999999
METHODS = ("bntt", "residual")
RESIDUALS: tuple[Residual, ...] = ("add", "before", "membrane", "and", "iand", "or", "none")
TIME_STEPS = 4
NORMALIZATIONS: tuple[Normalization, ...] = ("shift", "shared", "none", "bntt")


_EPOCHS = whole(1, MAX_EPOCHS)


def _stage(text: str) -> tuple[int, int]:
    """Levels and epochs of a stage."""
    levels, _, epochs = text.partition(":")
    try:
        return whole(0, MAX_LEVELS)(levels), _EPOCHS(epochs)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{one_line(text, 40)!r}: expected LEVELS:EPOCHS, such as 3:10; 0 to {MAX_LEVELS}, and "
            f"1 to {MAX_EPOCHS}"
        ) from None


PROGRAM = "python -m loihiseg.train"


def parse(arguments: Sequence[str]) -> Namespace:
    """Parse the command line."""
    return parser().parse_args(arguments)


EXAMPLES = (
    "--data STACK --preset small --out runs/mine",
    "--resume runs/mine",
    "--data STACK --preset paper --start paper-isbi2012 --levels 3 --stages 3:15 3:5 --batch-norm",
)


def parser(kind: type[Parser] = Parser, **how: Any) -> Parser:
    """The command line; ``kind`` is made with what is said of ``how``."""
    parser = command_parser(
        "train",
        "Train a U-Net through Loihi's firing-rate curve, or with --levels for a code of levels. "
        "Writes a checkpoint after each epoch; goes on where it was stopped with --resume.",
        EXAMPLES,
        kind,
        **how,
    )
    parser.add_argument("--preset", choices=tuple(PRESETS), default="small", help="size of network")
    parser.add_argument(
        "--neighbours",
        type=whole(0, MOST_NEIGHBOURS),
        default=0,
        metavar="N",
        help="sections before a section, and as many behind, that the network sees beside it; for "
        "aligned stacks, and free on the chip (default: 0)",
    )
    parser.add_argument(
        "--register",
        action="store_true",
        help="move the images to where the labels of the training sections lie, by parts of a "
        "pixel; wherever the network runs, images are moved so",
    )
    parser.add_argument(
        "--out", metavar="FOLDER", help="where to write (default: the next free runs/train-N)"
    )
    parser.add_argument(
        "--resume",
        nargs="?",
        const=True,
        metavar="FOLDER",
        help="go on with the run in FOLDER, or in --out; all else is as it was begun with, and "
        "need not be given again. Data that have moved are given with --data; --epochs may be more",
    )
    add_data_options(parser)
    _add_split(parser)
    _add_training(parser)
    _add_objective(parser)
    _add_levels(parser)
    _add_time(parser)
    _add_tuning(parser)
    _add_rates(parser)
    parser.add_argument(
        "--tensorboard",
        action="store_true",
        help="write losses and scores for TensorBoard too, into the folder's tensorboard",
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    return parser


def _add_split(parser: Parser) -> None:
    group = parser.add_argument_group(
        "split (default: 18, 2 and 4 of 24 sections, or the same of "
        "the rows where there are fewer than 3 sections)"
    )
    for name, what in (("validation", "choose threshold and epoch by"), ("test", "keep aside")):
        group.add_argument(
            f"--{name}", type=sections_text, metavar="A:B", help=f"sections to {what}"
        )


def _add_training(parser: Parser) -> None:
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


def _add_objective(parser: Parser) -> None:
    group = parser.add_argument_group("what is learned")
    group.add_argument(
        "--soft-labels",
        nargs="+",
        metavar="MAP",
        help="maps of the whole stack by other networks, as loihiseg.segment writes them; their "
        "mean is learned beside the labels",
    )
    group.add_argument(
        "--soft-share",
        type=real(0, 1, above=True),
        metavar="SHARE",
        help=f"of the soft labels in what is learned, up to 1 (default: {SOFT_SHARE:g})",
    )
    for name, text in (
        ("border", "of membrane between cells that come close, beside the 1 of each pixel"),
        ("dice", "of the soft Dice coefficient of membrane"),
        ("skeleton", "of the share of the membranes' middle lines that is found"),
    ):
        group.add_argument(
            f"--{name}-weight",
            type=real(0, 10**6),
            default=0.0,
            metavar="W",
            help=f"weight in the loss {text} (default: 0)",
        )
    group.add_argument(
        "--average",
        type=real(0, MOST_AVERAGE),
        metavar="M",
        help="keep the mean of weights over batches, in which each counts M times the next, as "
        "0.99; 0 for the last (default: the preset's)",
    )


def _add_levels(parser: Parser) -> None:
    group = parser.add_argument_group("few levels instead of firing rates")
    group.add_argument(
        "--levels",
        type=whole(1, MAX_LEVELS),
        nargs="+",
        metavar="L",
        help="levels of every activation, or one number for each in order: stem, encoder, decoder",
    )
    group.add_argument(
        "--stages",
        type=_stage,
        nargs="+",
        metavar="L:EPOCHS",
        help="levels on the way down and their epochs; 0 for ideal rectified-linear units "
        "(default: down 31, 15, 7, 3 to --levels, half of the epochs for the last; without "
        "--start a third of the epochs before with 0)",
    )
    group.add_argument(
        "--batch-norm",
        action="store_true",
        help="with batch normalizations, folded before the last of --stages (default: before the "
        "last quarter of the last); only from there on weights are rounded to 8 bits",
    )
    group.add_argument(
        "--event-weight",
        type=real(0, 10**6),
        default=0.0,
        metavar="W",
        help="weight in the loss of the synaptic events per multiply-accumulate: the larger, the "
        "fewer spikes (default: 0)",
    )


def _add_time(parser: Parser) -> None:
    group = parser.add_argument_group("a spiking network, trained through time")
    group.add_argument(
        "--method",
        choices=METHODS,
        help="train step by step: bntt, with a normalization for each step; residual, with blocks "
        "of convolutions besides that are joined with what they hear",
    )
    group.add_argument(
        "--time-steps",
        type=whole(1, MOST_TIME_STEPS),
        metavar="T",
        help=f"steps of the last layer (default: {TIME_STEPS})",
    )
    group.add_argument(
        "--normalization",
        choices=NORMALIZATIONS,
        help="of currents: shift, with one scale and a shift for each step, which the chip has "
        "exactly; shared by all steps; none; or as published, bntt, which the chip lacks "
        "(default: shift)",
    )
    group.add_argument(
        "--published",
        action="store_true",
        help="as published: normalization bntt, a reset that takes 1, no floor, no delay between "
        "layers; in simulation only",
    )
    group.add_argument(
        "--residual",
        choices=RESIDUALS,
        help="what follows a block hears its spikes and those it heard: added (add); added before "
        "the block's threshold (before); the currents of both added instead (membrane, in "
        "simulation only); through a gate (and, or; iand: those it heard without its own); or its "
        "own alone (none) (default: add)",
    )
    group.add_argument(
        "--blocks",
        type=whole(1, MAX_BLOCKS),
        metavar="N",
        help="residual blocks more at each depth (default: 1)",
    )
    group.add_argument(
        "--heads",
        type=whole(1, MAX_HEADS),
        metavar="N",
        help="read-outs of which the mean is trained (default: 1)",
    )
    group.add_argument(
        "--rest",
        action="store_true",
        help="keep layers silent in steps that no output needs, as while a skip connection waits: "
        "fewer events; with --start a network may have been trained without, and with more steps",
    )
    group.add_argument(
        "--decay",
        type=whole(0, WHOLE_VOLTAGE - 1),
        metavar="N",
        help=f"of voltages in a step, in parts of {WHOLE_VOLTAGE}; 0 for none "
        f"(default: {Dynamics().decay})",
    )


def _add_tuning(parser: Parser) -> None:
    group = parser.add_argument_group("training for the chip")
    group.add_argument(
        "--tuning-epochs",
        type=whole(0, MAX_EPOCHS),
        metavar="N",
        help="the last N epochs train with the two below (default: the preset's)",
    )
    group.add_argument(
        "--float-weights",
        action="store_true",
        help="without the chip's 8-bit weights in them, or in stages with levels",
    )
    group.add_argument(
        "--window-steps",
        type=whole(0, 10**4),
        metavar="N",
        help="rates in them are counted in windows of N steps; 0: exact (default: the preset's)",
    )


def _add_rates(parser: Parser) -> None:
    group = parser.add_argument_group("firing rates")
    group.add_argument(
        "--percentile", type=real(0, 100), default=99.5, help="percentile that is pushed"
    )
    group.add_argument(
        "--rate-range",
        type=real(0, 1000),
        nargs=2,
        default=(50.0, 200.0),
        metavar=("LOW", "HIGH"),
        help="range in Hz it is pushed into",
    )
    group.add_argument(
        "--rate-weight",
        type=real(0, 10**6),
        default=0.1,
        help="weight of the regularizer; 0 switches it off",
    )
