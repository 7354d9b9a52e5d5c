"""Whether images and labels of one shape show the same place, as far as their files say."""

from __future__ import annotations

from loihiseg.data.readers.base import SectionReader
from loihiseg.errors import InputError

_MOST_RATIO = 1.05
_MOST_SHIFT = 0.5  # pixels


def check_same_place(images: SectionReader, labels: SectionReader) -> None:
    """Refuse labels with pixels of another size, or shifted against the images.

    Arrays of other shapes are left to whoever compares these. What a file does not say is not
    compared; an origin that only one of the two gives is, where sizes agree: the other begins at 0.
    Raises InputError that names the labels.
    """
    sizes, others = images.pixel_nm, labels.pixel_nm
    if images.shape != labels.shape or sizes is None or others is None:
        return
    for size, other in zip(sizes, others):
        if size and other and not 1 / _MOST_RATIO < size / other < _MOST_RATIO:
            raise InputError(
                f"{labels.path}: pixels of {_listed(others)} nm, the images have {_listed(sizes)} "
                "(sections, rows, columns), expected labels drawn on these very images; mend the "
                "metadata or give others"
            )
    nowhere = (0.0, 0.0, 0.0)
    shifts = [
        ((other or 0.0) - (one or 0.0)) / size if size else 0.0
        for one, other, size in zip(images.origin_nm or nowhere, labels.origin_nm or nowhere, sizes)
    ]
    if any(abs(shift) > _MOST_SHIFT for shift in shifts):
        raise InputError(
            f"{labels.path}: begins {_listed(shifts)} pixels from the images (sections, rows, "
            "columns), as the metadata of both says, expected the same place; cut both alike"
        )


def _listed(values: object) -> str:
    assert isinstance(values, tuple | list)
    return " x ".join("?" if value is None else f"{value:g}" for value in values)
