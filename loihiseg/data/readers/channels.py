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
    others = colours[..., 1:] != colours[..., :1]
    if array.dtype.kind == "f":
        # No number, in all of them, is no colour either; it is refused where pixels are checked.
        others &= ~(np.isnan(colours[..., 1:]) & np.isnan(colours[..., :1]))
    if n_channels > 4 or others.any():
        raise InputError(
            f"{path}: a colour image with {n_channels} channels, expected grey sections; "
            f"convert it to one channel{hint}"
        )
    return colours[..., 0]
