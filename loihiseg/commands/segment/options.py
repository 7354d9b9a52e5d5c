"""The command line of a segmentation."""

from argparse import Namespace
from collections.abc import Sequence

from loihiseg.commands.common import add_host_tail_option, add_network_option, pixel_sizes
from loihiseg.commands.config_file import expanded
from loihiseg.commands.parsing import command_parser
from loihiseg.compilation.options import CompileOptions
from loihiseg.data.sections import sections_text
from loihiseg.option_fields import argument_type, default_of
from loihiseg.running.options import RunOptions
from partition.command_line.options import Parser, real, whole

MOST_TILES = 10**6
MOST_LOGITS = 27.0
"""Between the least and the largest of a map of probabilities, which end at 1e-6 from 0 and 1."""


EXAMPLES = (
    "raw.tif map.tif --cells",
    "raw.zarr map.zarr --checkpoint runs/train-1 --on float",
    "raw.tif map.zarr --checkpoint pooled-isbi2012-levels3 --probability float32 --cells --flood 6",
    "raw.h5:/volumes/raw map.zarr --deployed kept --scheduler local:2",
)


def parse(arguments: Sequence[str]) -> Namespace:
    """Parse the command line."""
    own = parser()
    return own.parse_args(expanded(own, arguments))


def parser() -> Parser:
    """The command line."""
    found = command_parser(
        "segment",
        "Segment a stack without labels: the probability of membrane and a mask of it, by the "
        "emulated chip or by the network in floats. What was killed goes on where it was when the "
        "command is given again.",
        EXAMPLES,
    )
    found.add_argument(
        "input",
        metavar="INPUT",
        help="stack: TIFF file, folder of sections, Zarr, or any other that --data of "
        "loihiseg.deploy reads",
    )
    found.add_argument(
        "output",
        metavar="OUTPUT",
        help="what to write: NAME.tif (ImageJ hyperstack, with NAME-mask.tif beside it) or "
        "NAME.zarr (OME-Zarr, the mask in its labels); NAME.tif.json or NAME.zarr.json says how",
    )
    _add_network(found)
    _add_running(found)
    _add_output(found)
    return found


def _add_network(parser: Parser) -> None:
    group = parser.add_argument_group("network")
    group.add_argument(
        "--deployed",
        metavar="FOLDER",
        help="a network that loihiseg.deploy --save has kept: nothing is compiled",
    )
    add_network_option(group)
    group.add_argument(
        "--chips",
        type=argument_type(CompileOptions, "chips"),
        help=f"Loihi chips there are (default: {default_of(CompileOptions, 'chips')})",
    )
    group.add_argument(
        "--tile",
        type=argument_type(CompileOptions, "tile"),
        metavar="PIXELS|auto",
        help="segment with tiles of this size, or the largest that fits (default: the network's "
        "own)",
    )
    add_host_tail_option(group)
    group.add_argument(
        "--calibration-tiles",
        type=argument_type(RunOptions, "calibration_tiles"),
        metavar="N",
        help="tiles of the stack to compile for and to fit the read-out on (default: "
        f"{default_of(RunOptions, 'calibration_tiles')})",
    )
    group.add_argument(
        "--recalibrate",
        type=whole(1, MOST_TILES),
        metavar="N",
        help="fit the read-out of a kept network anew, to the network in floats on N tiles of the "
        "stack",
    )


def _add_running(parser: Parser) -> None:
    group = parser.add_argument_group("running")
    group.add_argument(
        "--on",
        choices=("chip", "float"),
        default="chip",
        help="the emulated chip, or the network in floats (default: chip)",
    )
    group.add_argument(
        "--sections",
        type=sections_text,
        metavar="A:B",
        help="sections to segment (default: all)",
    )
    group.add_argument(
        "--pixel-nm",
        type=pixel_sizes,
        metavar="NM|Z,Y,X",
        help="size of a pixel in place of what the file says: one number for rows and columns, or "
        "three; where it is not that of the network, sections are resampled for it, and the maps "
        "brought back",
    )
    group.add_argument(
        "--orientations",
        type=int,
        choices=(1, 4, 8),
        default=1,
        metavar="1|4|8",
        help="show each tile turned four ways, or mirrored too, and take the mean probability; "
        "takes that much longer (default: 1)",
    )
    group.add_argument(
        "--scheduler",
        metavar="ADDRESS|local:N",
        help="hand windows to the workers of this scheduler of Dask, or to N workers of one thread "
        "each that are started here; needs loihiseg[cluster] (default: this process alone)",
    )


def _add_output(parser: Parser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "--probability",
        choices=("uint8", "float32"),
        default="uint8",
        help="type of the probabilities; 255 of uint8 is 1 (default: uint8)",
    )
    group.add_argument(
        "--cells",
        action="store_true",
        help="also label the cells of each section, by a watershed of the probability",
    )
    group.add_argument(
        "--link",
        action="store_true",
        help="give cells of neighbouring sections that overlap one label; goes with --cells",
    )
    group.add_argument(
        "--flood",
        type=real(0, MOST_LOGITS, above=True),
        metavar="LOGITS",
        help="tell cells apart by flooding each map from minima that are so deep, in place of "
        "necks: closes gaps in membranes; --topology of loihiseg.deploy chooses a depth, 6 suits "
        "the networks that come along; goes with --cells and --probability float32",
    )
    group.add_argument("--json", action="store_true", help="print the results as JSON instead")
    group.add_argument("--quiet", action="store_true", help="say nothing but errors and results")
