"""Maps and labels in files, to be scored: as they are, without the images that they are of."""

from os import PathLike
from pathlib import Path

import numpy as np

from loihiseg.data.labels import LabelOptions, LabelPolarity, read_membrane
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
) -> tuple[np.ndarray, tuple[bool, ...] | None]:
    """Labels in a file as membrane, bool (n, height, width); and which sections are labelled.

    Read as `loihiseg.data.labels.read_membrane` says; None where all sections are labelled.

    Raises
    ------
    InputError
        One line naming the file.
    """
    with open_sections(Path(path), "labels") as reader:
        labels = _whole(reader)
    membrane, _, labelled = read_membrane(labels, str(path), label_polarity, options)
    return membrane, labelled


def _whole(reader: SectionReader) -> np.ndarray:
    """All sections; a single one is not copied."""
    if reader.shape[0] == 1:
        return reader.section(0)[np.newaxis]
    array = np.empty(reader.shape, reader.dtype)
    for number in range(len(array)):
        array[number] = reader.section(number)
    return array
