"""Grey sections that were saved as colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from loihiseg.errors import InputError


def one_channel(array: np.ndarray, path: Path, hint: str = "") -> np.ndarray:
    """The grey channel (height, width) of an image (height, width, channels).

    Grey with alpha, RGB and RGBA are taken when their colours are all the same; alpha is left out.
    Raises InputError for colours and for more than four channels.
    """
    n_channels = array.shape[-1]
    colours = array[..., : 3 if n_channels >= 3 else 1]
    # NaN differs from itself; a single channel is not compared, so that NaN is named as such.
    if n_channels > 4 or (n_channels > 2 and (colours != colours[..., :1]).any()):
        raise InputError(
            f"{path}: a colour image with {n_channels} channels, expected grey sections; "
            f"convert it to one channel{hint}"
        )
    return colours[..., 0]
