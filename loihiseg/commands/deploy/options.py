"""The command line of a deployment."""

import argparse
from argparse import Namespace
from collections.abc import Sequence

from loihiseg.codes import registry
from loihiseg.commands.common import (
    add_data_options,
    add_force_option,
    add_host_tail_option,
    add_network_option,
    add_output_option,
)
from loihiseg.commands.config_file import expanded
from loihiseg.commands.parsing import command_parser
from loihiseg.compilation.options import CompileOptions
from loihiseg.data.sections import sections_text
from loihiseg.option_fields import argument_type, default_of
from loihiseg.running.options import RunOptions
from partition.command_line.options import Parser, either, whole

EXAMPLES = (
    "--chips 2",
    "--chips 2 --data ISBI2012 --checkpoint paper-isbi2012-levels2 --save kept",
    "--deployed kept --data OTHER",
    "--checkpoint model.keras --levels 7 --data STACK",
)


def parse(arguments: Sequence[str]) -> Namespace:
    """Parse the command line."""
    own = parser()
    return own.parse_args(expanded(own, arguments))


def parser() -> Parser:
    """The command line."""
    found = command_parser(
        "deploy",
        "Deploy a trained network to Loihi: convert, quantize to 8 bits, place on chips, run on "
        "the nengo-loihi emulator (or a chip), score, report.",
        EXAMPLES,
    )
    _add_network(found)
    add_data_options(found)
    _add_choice(found)
    registry.add_options(found)
    _add_compiling(found)
    _add_running(found)
    _add_output(found)
    return found


def _add_network(parser: Parser) -> None:
    parser.add_argument(
        "--chips",
        type=argument_type(CompileOptions, "chips"),
        help=f"Loihi chips there are (default: {default_of(CompileOptions, 'chips')})",
    )
    add_network_option(parser)
    parser.add_argument(
        "--deployed",
        metavar="FOLDER",
        help="run a network that --save has kept, instead of compiling one",
    )


def _add_choice(parser: Parser) -> None:
    parser.add_argument(
        "--sections",
        type=sections_text,
        metavar="A:B",
        help="sections to deploy on (default: the test sections of the split)",
    )
    parser.add_argument(
        "--task",
        choices=("membrane", "classes"),
        help="what the network gives: membrane for every pixel, or classes for every pixel or "
        "image, of images in an .npz file as --data, which --sections, --tiles and "
        "--calibration-tiles then count (default: what its shapes say)",
    )
    parser.add_argument(
        "--tile",
        type=argument_type(CompileOptions, "tile"),
        metavar="PIXELS|auto",
        help="deploy a checkpoint on tiles of this size, or the largest that fits (default: the "
        "network's own)",
    )


def _add_compiling(parser: Parser) -> None:
    group = parser.add_argument_group("compiling")
    group.add_argument(
        "--rate-scale-hz",
        type=argument_type(CompileOptions, "rate_scale_hz"),
        help="firing rate of an activation of 1, for Keras models that do not say (default: "
        f"{default_of(CompileOptions, 'rate_scale_hz'):g})",
    )
    _add_levels(group)
    add_host_tail_option(group)
    add_output_option(group)
    group.add_argument(
        "--proof-seconds",
        type=argument_type(CompileOptions, "proof_seconds"),
        metavar="S",
        help="time to prove that no placement has fewer messages between chips; 0 for none "
        f"(default: {default_of(CompileOptions, 'proof_seconds'):g})",
    )
    group.add_argument(
        "--seed",
        type=argument_type(CompileOptions, "seed"),
        help=f"of the network and the emulator (default: {default_of(CompileOptions, 'seed')})",
    )


def _add_levels(group: argparse._ActionsContainer) -> None:
    """Options of levels without training."""
    group.add_argument(
        "--levels",
        type=argument_type(CompileOptions, "levels"),
        metavar="L|L,L,...|auto",
        help="give every activation so many levels without training, or each its own in the order "
        "in which they are computed, for the codes of levels: any ReLU network; training with "
        "levels keeps more; auto: by layer, as many as chips and steps have room for",
    )
    group.add_argument(
        "--most-steps",
        type=argument_type(CompileOptions, "most_steps"),
        metavar="N",
        help="steps that --levels auto may take with the ramp code (default: those of 3 levels)",
    )
    group.add_argument(
        "--normalization",
        choices=("percentile", "bayes"),
        help="how it is found what a level is worth: the highest is a percentile of the "
        "activation's values on the calibration tiles, or searched on tiles of training sections, "
        "without labels (default: percentile)",
    )
    group.add_argument(
        "--quantile",
        type=argument_type(CompileOptions, "quantile"),
        metavar="SHARE",
        help="share of an activation's values that its highest level reaches (default: 0.95 to "
        "0.985, the more the more levels)",
    )
    group.add_argument(
        "--corrections",
        action="store_const",
        const=True,
        help="fit kernels, values of levels by channel and the read-out to the network in floats, "
        "layer by layer, on tiles of training sections without labels; kept where the maps are "
        "then nearer to its",
    )


def _add_running(parser: Parser) -> None:
    group = parser.add_argument_group("running")
    group.add_argument(
        "--tiles",
        type=either("all", whole(1, 10**6)),
        metavar="N|all",
        help="tiles to emulate, spread evenly over the sections without overlap, or as many as "
        "there is room for (default: whole sections from overlapping tiles; 4 with --emulator "
        "nengo-loihi)",
    )
    group.add_argument(
        "--calibration-tiles",
        type=argument_type(RunOptions, "calibration_tiles"),
        metavar="N",
        help="tiles of the validation sections to calibrate the read-out on, or as many as there "
        f"is room for without overlap (default: {default_of(RunOptions, 'calibration_tiles')}; 2 "
        "with --emulator nengo-loihi)",
    )
    group.add_argument(
        "--early-exit",
        type=argument_type(RunOptions, "early_exit"),
        metavar="SHARE",
        help="also stop each tile once its map has stopped changing, by a rule for which at most "
        "this share of the calibration tiles' pixels differs from the map at the end",
    )
    group.add_argument(
        "--orientations",
        type=argument_type(RunOptions, "orientations"),
        default=default_of(RunOptions, "orientations"),
        metavar="1|4|8",
        help="show each tile turned four ways, or mirrored too, and take the mean probability; all "
        "presentations are counted in steps, events, energy and seconds",
    )
    group.add_argument(
        "--topology",
        action="store_true",
        help="also choose a threshold for cells on all labelled sections beside these, of the "
        "network in floats and of the spikes, and score which cells are joined and cut by it",
    )
    group.add_argument(
        "--target",
        choices=("sim", "loihi"),
        default=default_of(RunOptions, "target"),
        help="emulator or real chip",
    )
    group.add_argument(
        "--emulator",
        choices=("compiled", "nengo-loihi"),
        default=default_of(RunOptions, "emulator"),
        help="compiled emulator, or nengo-loihi's own; both give the same spikes",
    )
    group.add_argument(
        "--check",
        type=argument_type(RunOptions, "check"),
        default=default_of(RunOptions, "check"),
        metavar="N",
        help="run N steps of both emulators first and compare every integer of their state",
    )


def _add_output(parser: Parser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "--out", metavar="FOLDER", help="run folder (default: the next free runs/deploy-N)"
    )
    add_force_option(group)
    group.add_argument(
        "--save",
        metavar="FOLDER",
        help="keep the deployed network, to be run again with --deployed on any data",
    )
    group.add_argument(
        "--golden",
        metavar="FILE",
        help="write all integers that decide the network's spikes, for docs/golden.py (.npz)",
    )
    group.add_argument("--json", action="store_true", help="print the metrics as JSON instead")
    group.add_argument("--quiet", action="store_true", help="say nothing but errors and results")
