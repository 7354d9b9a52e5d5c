"""A network as it is, on images that are moved to where the labels lie that it was trained on.

    python benchmarks/register.py CHECKPOINT --data ISBI2012 --test
    python benchmarks/register.py CHECKPOINT --data ISBI2012 --out FOLDER

scores a network in floats on images as they are and moved, and with ``--out`` writes the same
weights with the offset of the labels of its training sections, as ``train --register`` finds it;
wherever the network runs, images are moved by it then. Threshold and scores of the validation
sections are those of moved images.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

if __name__ == "__main__":
    # Python puts the script's folder first.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from loihiseg.data.readers import read_stack
from loihiseg.data.registration import registered
from loihiseg.data.splits import Split
from loihiseg.data.stack import Stack
from loihiseg.data.tiles import predict_sections
from loihiseg.metrics.pixels import pixel_scores
from loihiseg.network.logits import membrane
from loihiseg.results.task import moved_by
from loihiseg.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from loihiseg.training.shipped import resolve


def main() -> None:
    """Say by how much images are moved and what it changes, and write the checkpoint."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", metavar="CHECKPOINT")
    parser.add_argument("--data", required=True, metavar="PATH", help="what it was trained on")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where to write, if at all")
    parser.add_argument("--test", action="store_true", help="score the test sections too")
    options = parser.parse_args()
    checkpoint = load_checkpoint(resolve(options.checkpoint, options.data))
    data, stack = checkpoint.info.data, read_stack(options.data)
    if data.digest != stack.digest:
        parser.error(f"{options.data}: is not what {options.checkpoint} was trained on")
    split = data.split.parts
    moved = registered(stack, split.part(stack, "train"))
    print(f"{options.checkpoint}: {moved_by(moved.moved_px)}")
    for title, images in (("as they were", stack), ("moved", moved)):
        found = _Scored(checkpoint, images, split, title)
        print(found.line("validation"))
        if options.test:
            print(found.line("test"))
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        save_checkpoint(options.out, replace(checkpoint, info=found.info))
        print(options.out)


class _Scored:
    """A network in floats, with its trained weights, on some images: by the threshold of these."""

    def __init__(self, checkpoint: Checkpoint, stack: Stack, split: Split, title: str) -> None:
        from loihiseg.training.checkpoint import set_model_weights
        from loihiseg.training.fit import validate
        from loihiseg.training.models import as_validated
        from loihiseg.training.phases import phase_at

        info, config = checkpoint.info, checkpoint.info.config
        self._stack, self._split, self._title = (
            stack.seeing(config.network.neighbours),
            split,
            title,
        )
        self._tile = config.network.tile
        self._model = as_validated(config, phase_at(config, info.epoch - 1))
        set_model_weights(self._model, checkpoint.weights)
        part = split.part(self._stack, "validation")
        found = validate(self._model, part, config, info.epoch, 0.0, 0.0)
        scores = {name: getattr(found, name) for name in info.metrics}
        data = replace(info.data, label_offset_px=stack.moved_px)
        self.info = replace(info, data=data, threshold=found.threshold, metrics=scores)

    def line(self, name: Literal["validation", "test"]) -> str:
        """Scores of a part of the split."""
        part = self._split.part(self._stack, name)
        assert part.membrane is not None
        logits = predict_sections(
            lambda x: self._model.predict(x, verbose=0), part.seen(), self._tile
        )
        found = pixel_scores(part.membrane, membrane(logits, self.info.threshold))
        sections = f"{part.section_numbers[0]}-{part.section_numbers[-1]}"
        return (
            f"  {name}, sections {sections}, images {self._title}: accuracy "
            f"{100 * found.accuracy:.2f} %, membrane IoU {found.membrane_iou:.3f}"
        )


if __name__ == "__main__":
    main()
