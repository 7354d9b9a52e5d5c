"""From the normalized form of a network over time to the chip's: normalizations folded.

``scale * conv(s, kernel) + shift_t`` is ``conv(s, scale * kernel) + shift_t``, whatever the leak,
if the scale is the same in every step. A scale of its own for each step, as BNTT has it, would need
a leak and a threshold of its own for each step, which the chip lacks.
"""

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.errors import InputError
from loihiseg.through_time.weight_shapes import NORM, SHIFT


def fold(normalized: tf.keras.Model, chip: tf.keras.Model) -> None:
    """Put the weights of a network in the normalized form into one in the chip's.

    Parameters
    ----------
    normalized, chip : tf.keras.Model
        Of `loihiseg.through_time.unet.build_through_time`; the second is changed.

    Raises
    ------
    InputError
        If scales differ from step to step; names the layers.
    """
    norms = {x.name.removesuffix(NORM): x for x in normalized.layers if x.name.endswith(NORM)}
    uneven = [name for name, norm in norms.items() if norm.kind == "bntt" and norm.steps > 1]
    if uneven:
        raise InputError(
            f"layers {', '.join(uneven)}: their scales differ from step to step, which cannot be "
            "folded; train with one scale and a shift for each step"
        )
    for name, norm in norms.items():
        scale, shift = (part.numpy() for part in norm.affine())
        before, after = normalized.get_layer(name), chip.get_layer(name)
        transposed = isinstance(after, tf.keras.layers.Conv2DTranspose)
        by_channel = scale[0][:, None] if transposed else scale[0]
        after.kernel.assign(before.kernel.numpy() * by_channel)
        own = chip.get_layer(name + SHIFT).shift
        own.assign(np.broadcast_to(shift, own.shape))
    kernel, bias = normalized.get_layer("readout").get_weights()
    readout = chip.get_layer("readout")
    # Heads are the last axis of a kernel, the one before of a transposed one: their mean is one.
    axis = 2 if isinstance(readout, tf.keras.layers.Conv2DTranspose) else 3
    readout.set_weights([kernel.mean(axis=axis, keepdims=True), bias.mean(keepdims=True)])
