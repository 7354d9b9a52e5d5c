"""Labels that are colours: two of them are a mask, many are cells.

A *code* is a colour in one uint32, its brightness in the highest 8 bits, then red, green and blue:
so codes have the order of brightness. Transparent pixels have a code of their own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from loihiseg.data.labels import LabelOptions
from loihiseg.errors import InputError

_TRANSPARENT = 0x00FFFFFF  # white without brightness: no colour's
_BLACK, _WHITE = 0, 0xFFFFFFFF
_LEAST_CELLS = 5
_MOST_OF_TWO = 0.8
"""Share of all pixels beyond which two colours are what is meant, others their soft edges."""


def codes_of(colours: np.ndarray, transparent: np.ndarray | None = None) -> np.ndarray:
    """Codes (height, width) uint32 of colours (height, width, 3) uint8."""
    red, green, blue = (colours[..., channel].astype(np.uint32) for channel in range(3))
    # Rec. 601, in integers that sum to 256: grey has its own value.
    brightness = (77 * red + 150 * green + 29 * blue) >> 8
    codes = brightness << 24 | red << 16 | green << 8 | blue
    if transparent is not None:
        codes[transparent] = _TRANSPARENT
    return codes


def grey_codes(grey: np.ndarray) -> np.ndarray:
    """Codes of grey, uint8 of any shape."""
    return grey.astype(np.uint32) * np.uint32(0x01010101)


def is_coloured(codes: np.ndarray) -> bool:
    """Whether any code, of any shape, is of no grey."""
    return bool((codes != grey_codes(codes >> 24)).any())


def colour_labels(
    codes: np.ndarray, source: str, options: LabelOptions
) -> tuple[np.ndarray, LabelOptions, str]:
    """Labels that `loihiseg.data.labels.read_membrane` takes, how it should, and what they were.

    codes : (n_sections, height, width).

    Two colours, or one and transparent pixels, become 0 and 1, the darker one 0. Beside two colours
    transparent pixels are ignored. Five colours or more become ids of cells; black, or what is
    transparent, is none. With a threshold, labels are the brightness of the colours.
    Raises InputError for what can be meant in more than one way.
    """
    if options.ignore is not None:
        raise InputError(
            f"{source}: labels are colours, of which no value can be ignored; make what is to be "
            "ignored transparent, or save ids"
        )
    values, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    clear = _TRANSPARENT in values
    if options.threshold is not None and not clear:
        return (codes >> 24).astype(np.uint8), options, "brightness of colours: "
    n_colours = len(values) - clear
    if options.threshold is not None or n_colours < 1 or (n_colours == 1 and not clear):
        raise _ambiguous(source, values)
    inverse = inverse.reshape(codes.shape)
    if len(values) == 2:
        sentence = f"{_name(values[0])} is 0, {_name(values[1])} is 1: "
        return inverse.astype(np.uint8), options, sentence
    if n_colours == 2:
        is_clear = values == _TRANSPARENT
        ranks = np.where(is_clear, 2, np.cumsum(~is_clear) - 1).astype(np.uint8)
        dark, bright = values[~is_clear]
        sentence = f"{_name(dark)} is 0, {_name(bright)} is 1, what is transparent is ignored: "
        return ranks[inverse], replace(options, ignore=2), sentence
    opaque = np.sort(counts[values != _TRANSPARENT])
    soft = opaque[-2:].sum() > _MOST_OF_TWO * codes.size
    white_lines = _WHITE in values and _BLACK not in values and not clear
    if n_colours < _LEAST_CELLS or soft or white_lines:
        raise _ambiguous(source, values, soft, white_lines)
    is_none = (values == _BLACK) | (values == _TRANSPARENT)
    ids = np.where(is_none, 0, np.cumsum(~is_none)).astype(np.uint32)
    return ids[inverse], options, f"{np.count_nonzero(~is_none):,} colours are ids of cells: "


def _name(code: int) -> str:
    if code == _TRANSPARENT:
        return "transparent"
    return f"colour #{int(code) & 0xFFFFFF:06x}"


def _ambiguous(
    source: str, values: np.ndarray, soft: bool = False, white_lines: bool = False
) -> InputError:
    listed = ", ".join(_name(value) for value in values[:5]) + (", ..." if len(values) > 5 else "")
    found = f"labels have {len(values)} colours ({listed})"
    if soft:
        return InputError(
            f"{source}: {found}, two of which cover nearly all, expected two alone; save masks "
            "without soft edges, or give a label threshold on their brightness"
        )
    if white_lines:
        return InputError(
            f"{source}: {found}, and white may be a cell or what lies between cells; make it black "
            "where there is no cell"
        )
    return InputError(
        f"{source}: {found}, expected two, membrane and cell, or one for each of many cells; save "
        "two colours, or ids of cells as integers of 16 bits or more"
    )
