"""A network as it is, on images that are moved to where the labels lie that it was trained on.

    python benchmarks/register.py CHECKPOINT --data ISBI2012 --out FOLDER

writes the same weights with the offset of the labels of its training sections, as ``train
--register`` finds it; wherever the network runs, images are moved by it then.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from loihiseg.data.readers import read_stack
from loihiseg.data.registration import registered
from loihiseg.results.task import moved_by
from loihiseg.training.checkpoint import load_checkpoint, save_checkpoint
from loihiseg.training.shipped import resolve


def main() -> None:
    """Write the checkpoint and say by how much images are moved."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", metavar="CHECKPOINT")
    parser.add_argument("--data", required=True, metavar="PATH", help="what it was trained on")
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER")
    options = parser.parse_args()
    checkpoint, stack = (
        load_checkpoint(resolve(options.checkpoint, options.data)),
        read_stack(options.data),
    )
    data = checkpoint.info.data
    if data.digest != stack.digest:
        parser.error(f"{options.data}: is not what {options.checkpoint} was trained on")
    found = registered(stack, data.split.parts.part(stack, "train")).moved_px
    info = replace(checkpoint.info, data=replace(data, label_offset_px=found))
    options.out.mkdir(parents=True, exist_ok=True)
    save_checkpoint(options.out, replace(checkpoint, info=info))
    print(f"{options.out}: {moved_by(found)}")


if __name__ == "__main__":
    main()
