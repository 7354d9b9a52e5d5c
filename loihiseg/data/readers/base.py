"""What a reader of one format is, and the words all of them refuse with."""

from __future__ import annotations

import abc
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np

from loihiseg.data.readers.axes import Nanometres
from loihiseg.errors import InputError

Role = Literal["images", "labels"]

FORMS = (
    "a TIFF, MRC, .npy or HDF5 stack, a folder with train-volume.tif, a folder of .png, .tif, .jpg "
    "or .bmp sections, or a Zarr or N5 group or array"
)


class SectionReader(abc.ABC):
    """One stack on disk, read section by section.

    Opening checks everything that can be known without decoding pixels, above all that the file
    can hold what it declares, so that nobody takes memory on the word of a damaged file.

    path : what was opened.
    shape : (n_sections, height, width).
    dtype : of the sections that `section` gives, in the byte order of the machine.
    pixel_nm : nanometres between sections, rows and columns as the file's own metadata says, None
        for what it does not say.
    origin_nm : nanometres from the origin of the file's own space to the first pixel, as pixel_nm;
        None where it does not say.
    chunk : (sections, rows, columns) that are stored, and best read, together.
    coded : whether sections are colours of labels, as codes of `loihiseg.data.colours`.
    n_transparent : pixels of images read so far that are wholly transparent.
    """

    path: Path
    shape: tuple[int, int, int]
    dtype: np.dtype
    pixel_nm: Nanometres | None = None
    origin_nm: Nanometres | None = None
    chunk: tuple[int, int, int] | None = None
    coded: bool = False
    n_transparent: int = 0

    @classmethod
    @abc.abstractmethod
    def opens(cls, path: Path) -> bool:
        """Whether an existing path is of this format; looks at its name and kind alone."""

    @abc.abstractmethod
    def __init__(self, path: Path, role: Role) -> None:
        """Raises InputError for what is damaged, not supported or too large for its file."""

    @abc.abstractmethod
    def section(self, number: int) -> np.ndarray:
        """Section `number`, (height, width) of `dtype`; raises InputError for damaged pixels."""

    def window(self, number: int, rows: slice, columns: slice) -> np.ndarray:
        """Part of a section, (rows, columns) of `dtype`, the same pixels as `section` gives there.

        Reads no more than the chunks it touches where the format has chunks, else the section.
        rows, columns : without steps.
        """
        return self.section(number)[rows, columns]

    def close(self) -> None:  # noqa: B027 (most readers hold nothing open)
        """Give back what the reader holds open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class DamagedFileError(ValueError):
    """What is wrong with a file, without its name: inside a reader, which adds the name."""


def unreadable(path: Path, kind: str, problem: object) -> InputError:
    """The error for a file that is damaged or incomplete; long reasons are cut."""
    reason = " ".join(str(problem).split())[:160]
    return InputError(
        f"{path}: cannot be read as a {kind} ({reason}), expected a complete file; "
        "copy or export it again"
    )


def not_supported(path: Path, found: str, expected: str) -> InputError:
    """The error for a file that is whole but of a kind that is not read."""
    return InputError(f"{path}: {found[:160]}, expected {expected}; convert it")
