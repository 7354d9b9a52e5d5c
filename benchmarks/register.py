"""A network as it is, on images that are moved to where the labels lie that it was trained on.

    python benchmarks/register.py CHECKPOINT --data ISBI2012 --out FOLDER

writes the same weights with the offset of the labels of its training sections, as ``train
--register`` finds it; wherever the network runs, images are moved by it then. Threshold and scores
of the validation sections are those of moved images.
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
from loihiseg.data.splits import Split
from loihiseg.data.stack import Stack
from loihiseg.results.task import moved_by
from loihiseg.training.checkpoint import (
    Checkpoint,
    CheckpointInfo,
    load_checkpoint,
    save_checkpoint,
)
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
    split = data.split.parts
    stack = registered(stack, split.part(stack, "train"))
    info = _of_moved(checkpoint, stack.seeing(checkpoint.info.config.network.neighbours), split)
    options.out.mkdir(parents=True, exist_ok=True)
    save_checkpoint(options.out, replace(checkpoint, info=info))
    scores = ", ".join(f"{name} {value:.4f}" for name, value in info.metrics.items())
    print(f"{options.out}: {moved_by(stack.moved_px)}; {scores}")


def _of_moved(checkpoint: Checkpoint, stack: Stack, split: Split) -> CheckpointInfo:
    """What is known of a network on moved images: threshold and scores of validation are theirs."""
    from loihiseg.training.checkpoint import set_model_weights
    from loihiseg.training.fit import validate
    from loihiseg.training.models import as_validated
    from loihiseg.training.phases import phase_at

    info, config = checkpoint.info, checkpoint.info.config
    model = as_validated(config, phase_at(config, info.epoch - 1))
    set_model_weights(model, checkpoint.weights)
    found = validate(model, split.part(stack, "validation"), config, info.epoch, 0.0, 0.0)
    scores = {name: getattr(found, name) for name in info.metrics}
    data = replace(info.data, label_offset_px=stack.moved_px)
    return replace(info, data=data, threshold=found.threshold, metrics=scores)


if __name__ == "__main__":
    main()
