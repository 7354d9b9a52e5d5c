"""All sections of a run to be looked at on its page: one kind of image beside or over another.

The page needs no other file and no network: images are in it, JPEG of what is grey, lossless WebP
of what is not, as browsers have read since 2020. A few lines of script choose which are shown, move
the line between them and say what is under the pointer; the controls are the browser's own, so that
keys work on them.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from loihiseg.report.pictures import Answers, meanings, panels_of
from loihiseg.report.templating import template
from partition.display.messages import printable

MOST_BYTES = 7_000_000
"""Of all images together, as the page has them: it stays below 8 MB."""

MOST_PIXELS = 768
"""Of the side of an image; larger ones are shown by every n-th pixel."""

QUALITIES = (75, 60, 45, 30)
"""Of JPEG: the best with which all sections fit."""

_TOP = 255
"""Of what an image has for 1."""

FIRST, SECOND = "section", "on chip"
"""What is shown at first, on the left and on the right of the line."""

_TEMPLATE = "viewer.html"


@dataclass(frozen=True)
class _Shown:
    """Images of one section by kind, as addresses that hold them."""

    title: str
    images: dict[str, str]
    stride: int

    @property
    def n_bytes(self) -> int:
        return sum(map(len, self.images.values()))


def viewer(answers: Answers, most_bytes: int = MOST_BYTES) -> str:
    """The part of a page in which all sections can be looked at.

    Parameters
    ----------
    answers : Answers
        Of a deployment.
    most_bytes : int
        As many sections are in it as fit.

    Returns
    -------
    str
        HTML; the page's own style has what it needs.
    """
    for quality in QUALITIES:
        shown = _that_fit(answers, quality, most_bytes)
        if len(shown) == len(answers.raw):
            break
    total = len(answers.raw)
    note = "" if len(shown) == total else f"The first {len(shown)} of {total} are here."
    names = list(shown[0].images)
    data = {
        "titles": [one.title for one in shown],
        "images": {name: [one.images[name] for one in shown] for name in names},
        "words": {name: _words(name) for name in names},
        "stride": shown[0].stride,
    }
    page = template(_TEMPLATE)
    titles = data["titles"]
    return page.render(data=data, titles=titles, names=names, note=note, first=FIRST, second=SECOND)


def _that_fit(answers: Answers, quality: int, most_bytes: int) -> list[_Shown]:
    """As many sections as fit; one at least."""
    shown: list[_Shown] = []
    taken = 0
    for one in _sections(answers, quality):
        taken += one.n_bytes
        if shown and taken > most_bytes:
            break
        shown.append(one)
    return shown


def _sections(answers: Answers, quality: int) -> Iterator[_Shown]:
    for row in range(len(answers.raw)):
        panels = panels_of(answers, row)
        images = {name: _address(panel, quality) for name, panel in panels.items()}
        stride = _stride(answers.raw[row])
        yield _Shown(printable(answers.titles[row]), images, stride)


def _words(name: str) -> list[tuple[list[int], str]]:
    """Colours of a kind of image, (red, green, blue) from 0 to 255, and what each means."""
    return [([round(_TOP * part) for part in colour], word) for colour, word in meanings(name)]


def _stride(panel: np.ndarray) -> int:
    """Of the pixels that are shown."""
    return -(-max(panel.shape[:2]) // MOST_PIXELS)


def _address(panel: np.ndarray, quality: int) -> str:
    """An image as an address that holds it.

    Parameters
    ----------
    panel : numpy.ndarray
        (rows, columns) of 0 to 255 as uint8, of 0 to 1 as float or bool, or (rows, columns, 3) of
        0 to 1.
    quality : int
        Of JPEG.
    """
    import imagecodecs

    stride = _stride(panel)
    panel = np.ascontiguousarray(panel[::stride, ::stride])
    is_grey = panel.ndim == 2 and panel.dtype != bool
    if panel.dtype != np.uint8:
        share = np.nan_to_num(panel.astype(np.float32))
        panel = np.rint(np.clip(share, 0, 1) * _TOP).astype(np.uint8)
    if is_grey:
        kind, data = "jpeg", imagecodecs.jpeg8_encode(panel, level=quality)
    else:
        coloured = panel if panel.ndim == 3 else np.repeat(panel[..., None], 3, axis=2)
        kind, data = "webp", imagecodecs.webp_encode(coloured, lossless=True)
    return f"data:image/{kind};base64," + base64.b64encode(data).decode()
