"""Maps and labels in files, to be scored: as they are, without the images that they are of."""

from os import PathLike
from pathlib import Path

import numpy as np

from loihiseg.data.colours import colour_labels
from loihiseg.data.labels import LabelOptions, LabelPolarity, Reading, read_membrane
from loihiseg.data.readers import open_sections
from loihiseg.data.readers.base import SectionReader


def read_map(path: str | PathLike[str]) -> np.ndarray:
    """A map in any form that `loihiseg.data.readers.open_sections` opens, (n, height, width).

    Its values are left as they are.

    Raises
    ------
    InputError
        One line naming the file.
    """
    with open_sections(Path(path)) as reader:
        return _whole(reader)


def read_truth(
    path: str | PathLike[str],
    label_polarity: LabelPolarity = "auto",
    options: LabelOptions = LabelOptions(),  # noqa: B008 (frozen)
) -> Reading:
    """Labels in a file as membrane, as `loihiseg.data.labels.read_membrane` reads them.

    Raises
    ------
    InputError
        One line naming the file.
    """
    with open_sections(Path(path), "labels") as reader:
        labels, coded = _whole(reader), reader.coded
    if coded:
        labels, options, _ = colour_labels(labels, str(path), options)
    return read_membrane(labels, str(path), label_polarity, options)


def _whole(reader: SectionReader) -> np.ndarray:
    """All sections; a single one is not copied."""
    if reader.shape[0] == 1:
        return reader.section(0)[np.newaxis]
    array = np.empty(reader.shape, reader.dtype)
    for number in range(len(array)):
        array[number] = reader.section(number)
    return array
