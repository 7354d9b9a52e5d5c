"""A volume on disk, section by section, in the memory of one: images alone, as uint8."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from loihiseg.data.readers import open_sections
from loihiseg.data.readers.axes import complete
from loihiseg.data.readers.base import SectionReader
from loihiseg.data.readers.locate import locate
from loihiseg.data.stack import check_pixels, grey_limits, to_grey
from loihiseg.errors import InputError


@dataclass(frozen=True, eq=False)
class Volume:
    """A volume on disk; open it with `open_volume`.

    Sections come as `loihiseg.data.stack.make_stack` gives them of the whole volume: uint8 is kept,
    any other type is scaled by the percentiles of all sections, which takes a pass or two over the
    volume before the first section.

    Attributes
    ----------
    reader : SectionReader
    source : str
        Path as it was given.
    """

    reader: SectionReader
    source: str

    @property
    def n_sections(self) -> int:
        """How many there are."""
        return self.reader.shape[0]

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of a section, pixels."""
        _, height, width = self.reader.shape
        return height, width

    @property
    def pixel_nm(self) -> tuple[float, float, float] | None:
        """Nanometres between sections, rows and columns; None unless the file says all three."""
        return complete(self.reader.pixel_nm)

    def section(self, number: int) -> np.ndarray:
        """A section, (height, width) uint8.

        Raises
        ------
        InputError
            If its pixels are damaged, or are no finite numbers.
        """
        pixels = self._checked(number)
        if pixels.dtype == np.uint8:
            return np.ascontiguousarray(pixels)
        if pixels.dtype == bool:
            return pixels * np.uint8(255)
        return to_grey(pixels, *self._limits)

    def digest(self) -> str:
        """SHA-256 of shape, type and pixels of the volume as it is on the disk.

        A section that cannot be read counts as such.
        """
        return self._digest

    @cached_property
    def _digest(self) -> str:
        sha = hashlib.sha256(f"{self.reader.shape} {self.reader.dtype.str}".encode())
        for number in range(self.n_sections):
            try:
                sha.update(np.ascontiguousarray(self.reader.section(number)).data)
            except InputError:
                sha.update(b"damaged")
        return sha.hexdigest()

    @cached_property
    def _limits(self) -> tuple[float, float]:
        """Values that become 0 and 255."""
        sections = self._readable
        if all(section.min() == section.max() for section in sections()):
            raise InputError(
                f"{self.source}: no section has contrast, expected images; check how the volume "
                "was exported"
            )
        return grey_limits(sections, self.reader.dtype)

    def _readable(self) -> Iterator[np.ndarray]:
        """Sections that can be read; of others it is said when their turn comes."""
        for number in range(self.n_sections):
            with suppress(InputError):
                yield self._checked(number)

    def _checked(self, number: int) -> np.ndarray:
        pixels = self.reader.section(number)
        check_pixels(pixels, f"{self.source}: section {number}")
        return pixels


@contextmanager
def open_volume(path: str | Path) -> Iterator[Volume]:
    """Open a volume in any of the forms that `loihiseg.data.readers.read_stack` reads.

    Labels that lie beside the images are left alone.

    Raises
    ------
    InputError
        One line naming the file, for what is no volume.
    """
    with open_sections(locate(Path(path))[0]) as reader:
        yield Volume(reader, str(path))
