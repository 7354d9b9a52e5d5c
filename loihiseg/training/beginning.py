"""What a training is begun with: a stack that suits it, and perhaps a network to start from.

Free of TensorFlow, so that what does not suit is refused before that starts.
"""

from dataclasses import replace

from loihiseg.data.stack import Stack
from loihiseg.errors import InputError, Option, OptionError
from loihiseg.files import sha256
from loihiseg.storage.arrays import pack_arrays
from loihiseg.training.checkpoint import Checkpoint
from loihiseg.training.presets import TrainingConfig

_OF_PRESET = ("channels", "convs_down", "convs_up", "stem_stride", "stem_channels", "pooling")


def check_labels(stack: Stack) -> None:
    """That there is something to learn from.

    Raises
    ------
    InputError
        If the stack has no labels.
    """
    if stack.membrane is None:
        raise OptionError(f"{stack.source}: has no labels to train on; give ", Option("labels"))


def check_size(stack: Stack, crop: int) -> None:
    """That a training crop, ``crop`` pixels of side, fits into a section.

    Raises
    ------
    InputError
        If it does not.
    """
    rows, columns = stack.images.shape[1:]
    if min(rows, columns) < crop:
        raise InputError(
            f"{stack.source}: sections of {rows} x {columns} pixels are smaller than a training "
            f"crop of {crop} x {crop}; use a smaller preset"
        )


def started_from(config: TrainingConfig, start: Checkpoint) -> TrainingConfig:
    """The configuration of a training that starts from a checkpoint.

    Raises
    ------
    InputError
        If the checkpoint's network has other channels or layers.
    """
    ours, theirs = config.network, start.info.config.network
    by = {name: "preset" for name in _OF_PRESET} | {"neighbours": "neighbours"}
    for name, option in by.items():
        if getattr(ours, name) != getattr(theirs, name):
            raise OptionError(
                Option("start"),
                f": {name} {getattr(theirs, name)}, expected {getattr(ours, name)}; choose the ",
                Option(option), " it was trained with",
            )  # fmt: skip
    # What it learned from is moved as before.
    register = config.register or start.info.data.label_offset_px is not None
    return replace(config, start=sha256(pack_arrays(start.weights)), register=register)
