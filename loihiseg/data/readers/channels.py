"""Grey sections that were saved as colour, and labels that are colours."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from loihiseg.data.colours import codes_of, grey_codes
from loihiseg.errors import InputError


def one_channel(
    array: np.ndarray, path: Path, hint: str = "", *, alpha_says: bool = False
) -> np.ndarray:
    """The grey channel (height, width) of an image (height, width, channels).

    Grey with alpha, RGB and RGBA are taken when their colours are all the same where they are not
    wholly transparent; there grey is 0, so that it is found as padding. Where all is, alpha says
    nothing, unless `alpha_says` tells that it is a part of an image in which it does.
    Raises InputError for colours and for more than four channels.
    """
    n_channels = array.shape[-1]
    colours = array[..., : 3 if n_channels >= 3 else 1]
    others = colours[..., 1:] != colours[..., :1]
    if array.dtype.kind == "f":
        # No number, in all of them, is no colour either; it is refused where pixels are checked.
        others &= ~(np.isnan(colours[..., 1:]) & np.isnan(colours[..., :1]))
    hidden = transparent(array, alpha_says=alpha_says)
    if hidden is not None:
        others &= ~hidden[..., np.newaxis]
    if n_channels > 4 or others.any():
        raise InputError(
            f"{path}: a colour image with {n_channels} channels, expected grey sections; "
            f"convert it to one channel{hint}"
        )
    grey = colours[..., 0]
    return grey if hidden is None else np.where(hidden, grey.dtype.type(0), grey)


def transparent(array: np.ndarray, *, alpha_says: bool = False) -> np.ndarray | None:
    """Where an image (height, width, channels) is wholly transparent; None where nowhere.

    Nor where all of it is, see `one_channel`.
    """
    if array.shape[-1] not in (2, 4):
        return None
    hidden: np.ndarray = array[..., -1] == 0
    return hidden if hidden.any() and (alpha_says or not hidden.all()) else None


def grey_or_codes(
    array: np.ndarray, path: Path, coded: bool, hint: str = "", *, alpha_says: bool = False
) -> np.ndarray:
    """A section (height, width) of an image (height, width, channels), of labels or none.

    coded : whether it is of labels that are colours, as codes of `loihiseg.data.colours`; sections
        of these that are grey are, too.
    Raises InputError as `label_codes` and `one_channel`.
    """
    codes = label_codes(array, path) if coded else None
    if codes is not None:
        return codes
    grey = one_channel(array, path, hint, alpha_says=alpha_says)
    return grey_codes(grey) if coded else grey


def are_colours(sections: Iterable[np.ndarray], path: Path) -> bool:
    """Whether any section of labels, (height, width, channels) each, is of colours.

    Raises InputError as `label_codes`.
    """
    return any(label_codes(pixels, path) is not None for pixels in sections)


def label_codes(array: np.ndarray, path: Path) -> np.ndarray | None:
    """Labels (height, width, channels), uint8, as codes of `loihiseg.data.colours`.

    None where they are grey without transparency, as far as `one_channel` takes them.
    Raises InputError for pixels that are partly transparent.
    """
    n_channels = array.shape[-1]
    if array.dtype != np.uint8 or n_channels not in (2, 3, 4):
        return None
    colours = array[..., :3] if n_channels > 2 else np.repeat(array[..., :1], 3, axis=-1)
    alpha = array[..., -1] if n_channels in (2, 4) else None
    if alpha is not None and alpha.min() == alpha.max():
        uniform = bool((colours == colours[0, 0]).all())
        alpha = alpha if uniform and not alpha.any() else None
    if alpha is None:
        return None if (colours == colours[..., :1]).all() else codes_of(colours)
    if ((alpha != 0) & (alpha != 255)).any():
        raise InputError(
            f"{path}: labels are partly transparent, expected wholly or not at all; save them "
            "without soft edges"
        )
    return codes_of(colours, alpha == 0)
