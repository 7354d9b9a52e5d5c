"""Checkpoints of networks that were trained through time, as they are deployed."""

from typing import TYPE_CHECKING

from loihiseg.through_time.settings import ThroughTime, check_on_chip
from loihiseg.training.checkpoint import Checkpoint, set_model_weights
from loihiseg.training.phases import phase_at

if TYPE_CHECKING:
    from loihiseg.frameworks import tf


def chip_form(
    checkpoint: Checkpoint, time: ThroughTime, tile: int | None = None
) -> "tf.keras.Model":
    """A network in the chip's form; weights of the normalized form are folded, and rounded, now.

    Parameters
    ----------
    checkpoint : Checkpoint
    time : ThroughTime
        Of it.
    tile : int, optional
        Rows and columns of its input instead of its own.

    Raises
    ------
    InputError
        If the chip cannot have it; names what it lacks.
    """
    from loihiseg.through_time.folding import fold
    from loihiseg.through_time.unet import build_through_time

    check_on_chip(time)
    config = checkpoint.info.config
    form = phase_at(config, checkpoint.info.epoch - 1).form or "normalized"
    model = build_through_time(config.network, time, tile, form)
    set_model_weights(model, checkpoint.weights)
    if form == "chip":
        return model
    folded = build_through_time(config.network, time, tile, "chip")
    fold(model, folded)
    return folded
