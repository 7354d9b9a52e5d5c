"""What a writer of one format is: sections in any order, and a name that only what is whole has."""

from __future__ import annotations

import abc
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Literal, Self

import numpy as np

from loihiseg.errors import InputError
from partition.storage.files import make_folder, rename

Kind = Literal["image", "labels"]

DTYPES: dict[Kind, tuple[str, ...]] = {
    "image": ("uint8", "uint16", "float32"),
    "labels": ("uint8", "uint16", "uint32"),
}


@dataclass(frozen=True)
class Layout:
    """What an output holds.

    shape : (n_sections, height, width).
    dtype : one of `DTYPES`.
    pixel_nm : distance of pixels along z, y and x in nm; None if unknown, and then not written.
    kind : "image" of intensities, or "labels", whose values are ids and are never averaged.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype
    pixel_nm: tuple[float, float, float] | None
    kind: Kind

    @property
    def n_bytes(self) -> int:
        """Of all pixels."""
        return math.prod(self.shape) * self.dtype.itemsize

    def check(self, path: Path) -> None:
        """Raises InputError, naming the file that is to be written, for what cannot be."""
        if len(self.shape) != 3 or any(n < 1 for n in self.shape):
            raise InputError(
                f"{path}: an output of shape {self.shape}, expected (sections, height, width), "
                "none of them 0"
            )
        if self.dtype.name not in DTYPES[self.kind]:
            raise InputError(
                f"{path}: an output of {self.kind} as {self.dtype}, expected one of "
                f"{', '.join(DTYPES[self.kind])}"
            )
        if self.pixel_nm is not None and not (
            len(self.pixel_nm) == 3 and all(math.isfinite(n) and n > 0 for n in self.pixel_nm)
        ):
            raise InputError(
                f"{path}: pixels of {self.pixel_nm} nm, expected three sizes above 0 along z, y "
                "and x"
            )


class SectionWriter(abc.ABC):
    """One array on disk, written section by section.

    Sections and windows come in any order and may come again, which replaces them; those that never
    came are 0. One process writes at a time. Nothing is kept of a section that was written.

    path : the file or folder the array is in, as the user knows it.
    layout : of the array.
    """

    path: Path
    layout: Layout

    def write(self, number: int, section: np.ndarray) -> None:
        """Write section `number`, (height, width) of the output's type.

        Raises InputError for a section that does not fit, or a disk that is full.
        """
        if section.shape != self.layout.shape[1:]:
            raise InputError(
                f"{self.path}: section {number} has shape {section.shape}, expected "
                f"{self.layout.shape[1:]}"
            )
        self.write_window(number, 0, 0, section)

    def write_window(self, number: int, top: int, left: int, block: np.ndarray) -> None:
        """Write a part of section `number`: (rows, columns) whose first pixel is (top, left).

        Raises InputError for a block that does not fit, or a disk that is full.
        """
        n_sections, height, width = self.layout.shape
        if block.dtype != self.layout.dtype:
            raise InputError(
                f"{self.path}: section {number} is {block.dtype}, expected {self.layout.dtype}"
            )
        inside = (
            block.ndim == 2
            and 0 <= number < n_sections
            and 0 <= top <= top + block.shape[0] <= height
            and 0 <= left <= left + block.shape[1] <= width
        )
        if not inside:
            raise InputError(
                f"{self.path}: a block of shape {block.shape} at section {number}, row {top}, "
                f"column {left} lies outside of {self.layout.shape}"
            )
        if block.size:
            with system_errors(self.path):
                self._write(number, top, left, block)

    def section(self, number: int) -> np.ndarray:
        """Section `number` as it was written, (height, width)."""
        if not 0 <= number < self.layout.shape[0]:
            raise InputError(
                f"{self.path}: there is no section {number}, expected 0 to "
                f"{self.layout.shape[0] - 1}"
            )
        with system_errors(self.path):
            return self._read(number)

    def sync(self) -> None:
        """Bring what was written to the disk; a journal may then say that it is.

        Raises InputError where the disk fails.
        """
        with system_errors(self.path):
            self._sync()

    @abc.abstractmethod
    def _write(self, number: int, top: int, left: int, block: np.ndarray) -> None:
        """As `write_window`, checked; raises OSError."""

    @abc.abstractmethod
    def _read(self, number: int) -> np.ndarray:
        """As `section`, checked; raises OSError."""

    @abc.abstractmethod
    def _sync(self) -> None:
        """As `sync`; raises OSError."""


class Output(SectionWriter):
    """A `SectionWriter` with a file or folder of its own.

    It is written under `partial_path` and renamed when the ``with`` block ends without an error.
    After an error or a kill the partial output stays, to be gone on with.

    resumed : whether it goes on with what an earlier run left.
    """

    suffixes: ClassVar[tuple[str, ...]]
    resumed: bool

    def __init__(self, path: Path, layout: Layout, resume: bool) -> None:
        """Raises InputError if the output, or without `resume` a partial one, is there already."""
        self.path, self.layout = path, layout
        self.part = partial_path(path)
        refuse_existing(path)
        self.resumed = resume and os.path.lexists(self.part)
        if not resume and os.path.lexists(self.part):
            raise InputError(
                f"{self.part}: is there already, left by a run that did not finish; go on with "
                "that run, or remove it"
            )
        with system_errors(path):
            make_folder(path.parent)
            if self.resumed:
                self._open()
            else:
                self._create()

    @classmethod
    def writes(cls, path: Path) -> bool:
        """Whether a path has the name of this format."""
        return path.name.lower().endswith(cls.suffixes)

    @classmethod
    @abc.abstractmethod
    def labels_path(cls, path: Path, name: str) -> Path:
        """Where labels of a name lie that belong to the image at `path`."""

    @abc.abstractmethod
    def add_labels(self, name: str, dtype: np.dtype) -> SectionWriter:
        """Labels of the same shape beside this image, at `labels_path`; they finish with it.

        After a kill they are asked for again, and go on too. Raises InputError.
        """

    @abc.abstractmethod
    def _create(self) -> None:
        """Make the partial output, all of it at once; raises OSError."""

    @abc.abstractmethod
    def _open(self) -> None:
        """Open the partial output; raises InputError if it has another layout, OSError."""

    def finish(self) -> None:
        """Give the output its name. Raises InputError."""
        self.sync()
        with system_errors(self.path):
            self._close()
            refuse_existing(self.path)
            rename(self.part, self.path)

    def close(self) -> None:
        """Leave the output partial."""
        self._close()

    @abc.abstractmethod
    def _close(self) -> None:
        """Give back what is held open; once is enough, twice does no harm."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            try:
                self.finish()
            except BaseException:
                self.close()
                raise
        else:
            self.close()


def partial_path(path: Path) -> Path:
    """Where an output is while it is not finished."""
    return path.with_name(f"{path.name}.part")


def refuse_existing(path: Path) -> None:
    """Raises InputError if an output is there already."""
    if os.path.lexists(path):
        raise InputError(
            f"{path}: is there already, and is not overwritten; remove it, or choose another name "
            "for the output"
        )


def other_layout(part: Path, what: str, found: object, expected: object) -> InputError:
    """The error for a partial output that was begun with something else in mind."""
    return InputError(
        f"{part}: was begun with {what} {str(found)[:160]}, expected {str(expected)[:160]}; finish "
        "it as it was begun, or remove it"
    )


@contextmanager
def system_errors(path: Path) -> Iterator[None]:
    """What the system refuses while an output is written, in one line that names it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())[:160]
        raise InputError(
            f"{path}: cannot be written ({reason}); see to space and permissions there and go on, "
            "or choose another place for the output"
        ) from None
