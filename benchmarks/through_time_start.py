"""A ReLU network to start a training through time from, and what it scores itself.

    python benchmarks/through_time_start.py --data ISBI2012 --preset small --out runs/relu
    python -m loihiseg.train --method bntt --preset small --start runs/relu --data ISBI2012 ...

Crops, batches and steps are those of a training through time; no rate, level or weight is bound to
the chip. Membrane IoU is of whole sections, with the threshold that the validation sections chose.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first, where its modules would be found under other names.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np

from loihiseg.commands.train.configuration import TIME_BATCH, TIME_CROP, TIME_STEPS_PER_EPOCH
from loihiseg.data.readers import read_stack
from loihiseg.data.splits import split_of
from loihiseg.data.stack import Stack
from loihiseg.data.tiles import whole_tiles
from loihiseg.metrics.pixels import pixel_scores
from loihiseg.training.checkpoint import Checkpoint, load_checkpoint, set_model_weights
from loihiseg.training.fit import train
from loihiseg.training.models import as_validated
from loihiseg.training.phases import phase_at
from loihiseg.training.presets import PRESETS, Stage, TrainingConfig


def configuration(preset: str, epochs: int, seed: int) -> TrainingConfig:
    """One stage of ideal rectified-linear units."""
    config = PRESETS[preset]
    rates = replace(config.network.rates, weight=0.0)
    return replace(
        config, network=replace(config.network, rates=rates, levels=0), crop=TIME_CROP,
        batch=TIME_BATCH, steps_per_epoch=TIME_STEPS_PER_EPOCH, epochs=epochs, seed=seed,
        learning_rate=5e-3, tuning_epochs=0, stages=(Stage(0, epochs, eight_bit=False),),
    )  # fmt: skip


def iou_of(checkpoint: Checkpoint, stack: Stack) -> float:
    """Membrane IoU of a network on all of some sections."""
    assert stack.membrane is not None
    config = checkpoint.info.config
    model = as_validated(config, phase_at(config, checkpoint.info.epoch - 1))
    set_model_weights(model, checkpoint.weights)
    tiles = whole_tiles(stack, config.network.tile)
    logits = model.predict(tiles.pixels[..., None], batch_size=8, verbose=0)[..., 0]
    probability = tiles.assemble((1 / (1 + np.exp(-logits))).astype(np.float32))
    return pixel_scores(stack.membrane, probability > checkpoint.info.threshold).membrane_iou


def main(arguments: Sequence[str]) -> None:
    """Train, unless that is done, and score."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FOLDER", required=True, help="a labelled stack")
    parser.add_argument("--preset", choices=tuple(PRESETS), default="small")
    parser.add_argument("--epochs", type=int, default=8, help="of 50 steps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args(arguments)
    stack = read_stack(Path(options.data))
    config = configuration(options.preset, options.epochs, options.seed)
    if not (options.out / "checkpoint.json").exists():
        train(stack, split_of(stack, config.crop, config.network.tile, None, None), config,
              options.out)  # fmt: skip
    checkpoint = load_checkpoint(options.out)
    split = checkpoint.info.data.split
    for name, part in (("validation", split.validation), ("test", split.test)):
        print(f"{name} {iou_of(checkpoint, stack.select(range(*part))):.4f}")


if __name__ == "__main__":
    main(sys.argv[1:])
