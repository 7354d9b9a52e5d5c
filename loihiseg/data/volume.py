"""A volume on disk, window by window, in the memory of a few: images alone, as uint8."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import numpy as np

from loihiseg.data.contrast import Contrast, contrast_of
from loihiseg.data.padding_in_bands import RegionScan
from loihiseg.data.ranks import percentiles
from loihiseg.data.readers import open_sections
from loihiseg.data.readers.axes import complete
from loihiseg.data.readers.base import SectionReader
from loihiseg.data.readers.locate import locate
from loihiseg.data.scans import DigestScan, ExtremesScan, GreyScan, Scan
from loihiseg.data.stack import (
    BRIGHT_PERCENTILE,
    DARK_PERCENTILE,
    check_pixels,
    count_not_finite,
    not_finite,
    to_grey,
)
from loihiseg.data.windows import Window, whole_window
from loihiseg.errors import InputError

_BAND_BYTES = 2**25
"""Of the rows that are looked at together, where chunks are smaller."""

_LARGE_CHUNK = 4
"""A section of which a chunk is more than a quarter is read, and kept, as a whole."""

_AnyScan = TypeVar("_AnyScan", bound=Scan)


@dataclass(frozen=True, eq=False)
class Volume:
    """A volume on disk; open it with `open_volume`.

    Sections come as `loihiseg.data.stack.make_stack` gives them of the whole volume: uint8 is kept,
    any other type is scaled by the percentiles of all sections, which takes some passes over the
    volume before the first section.

    Where the format has chunks, windows are read by them, and whole sections are looked at in bands
    of them: section by section or, where a chunk goes through several, all of these band by band.
    Otherwise the section that was read last is kept.

    Attributes
    ----------
    reader : SectionReader
    source : str
        Path as it was given.
    """

    reader: SectionReader
    source: str
    _contrasts: dict[int, Contrast | InputError] = field(default_factory=dict)
    _kept: dict[int, np.ndarray] = field(default_factory=dict)

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

    @cached_property
    def depth(self) -> int:
        """Sections that are stored together: the same window of each is best asked for in turn."""
        return 1 if self._is_read_whole else (self.reader.chunk or (1,))[0]

    @cached_property
    def _is_read_whole(self) -> bool:
        if self.reader.chunk is None:
            return True
        _, rows, columns = self.reader.chunk
        return _LARGE_CHUNK * rows * columns > self.shape[0] * self.shape[1]

    def section(self, number: int) -> np.ndarray:
        """A section, (height, width) uint8; see `window`."""
        return self.window(number, whole_window(self.shape))

    def window(self, number: int, window: Window) -> np.ndarray:
        """A part of a section, (height, width) of the window, uint8.

        Raises
        ------
        InputError
            If its pixels are damaged, or are no finite numbers.
        """
        if not self._is_read_whole:
            return self._grey(number, self._stored(number, window))
        if number not in self._kept:
            self._kept.clear()  # before the memory for the next is taken
            whole = self._stored(number, whole_window(self.shape))
            self._kept[number] = self._grey(number, whole)
        return self._kept[number][window.slices]

    def contrasts(self, numbers: Sequence[int]) -> dict[int, Contrast | InputError]:
        """Mean and deviation of whole sections as `loihiseg.data.contrast.contrast` has them.

        Returns
        -------
        dict of int to Contrast or InputError
            By section; the error where one cannot be read.
        """
        asked = [number for number in numbers if number not in self._contrasts]
        looks, failed = self._scanned(asked, lambda _: GreyScan(self.shape), as_grey=True)
        padding = self._padding(looks, as_grey=True)
        for number, look in looks.items():
            for value, n_pixels in padding.get(number, {}).items():
                look.counts[int(value)] -= n_pixels
            self._contrasts[number] = contrast_of(look.counts)
        self._contrasts.update(failed)
        return {number: self._contrasts[number] for number in numbers}

    def digest(self) -> str:
        """SHA-256 of shape, type, and the SHA-256 of each section as it is on the disk.

        A section that cannot be read counts as such.
        """
        return self._digest

    @cached_property
    def _digest(self) -> str:
        sha = hashlib.sha256(f"{self.reader.shape} {self.reader.dtype.str}".encode())
        numbers = range(self.n_sections)
        found, _ = self._scanned(numbers, lambda _: DigestScan(), is_checked=False)
        for number in numbers:
            sha.update(found[number].digest() if number in found else b"damaged")
        return sha.hexdigest()

    @cached_property
    def _limits(self) -> tuple[float, float]:
        """Values that become 0 and 255: `loihiseg.data.stack.grey_limits` of what can be read."""
        looks, _ = self._scanned(range(self.n_sections), lambda _: ExtremesScan(self.shape))
        tissue = {number: look for number, look in looks.items() if look.low < look.high}
        if not tissue:
            raise InputError(
                f"{self.source}: no section has contrast, expected images; check how the volume "
                "was exported"
            )
        without: dict[float, int] = {}
        for padding in self._padding(tissue).values():
            for value, n_pixels in padding.items():
                without[value] = without.get(value, 0) + n_pixels
        count = len(tissue) * self.shape[0] * self.shape[1] - sum(without.values())

        def bands() -> Iterator[np.ndarray]:
            return (self._stored(*place) for place in self._bands(list(tissue)))

        shares = DARK_PERCENTILE, BRIGHT_PERCENTILE
        dark, bright = percentiles(bands, self.reader.dtype, count, shares, without)
        if dark == bright:
            dark = float(min(look.low for look in looks.values()))
            bright = float(max(look.high for look in looks.values()))
        return dark, bright

    def _padding(
        self, looks: Mapping[int, ExtremesScan | GreyScan], *, as_grey: bool = False
    ) -> dict[int, dict[float, int]]:
        """Pixels of padding by section and value; of sections that were read a moment ago."""
        values = {number: look.candidates() for number, look in looks.items()}
        scans, failed = self._scanned(
            [number for number, some in values.items() if some],
            lambda number: RegionScan(self.shape, values[number]),
            as_grey=as_grey,
        )
        for error in failed.values():
            raise error
        return {number: scan.padding() for number, scan in scans.items()}

    def _scanned(
        self,
        numbers: Sequence[int],
        new: Callable[[int], _AnyScan],
        *,
        as_grey: bool = False,
        is_checked: bool = True,
    ) -> tuple[dict[int, _AnyScan], dict[int, InputError]]:
        """One pass over sections: a scan of each, and why others cannot be read.

        as_grey : whether it is of uint8, or of pixels as they are stored.
        is_checked : whether pixels that are no finite numbers are a reason.
        """
        scans = {number: new(number) for number in numbers}
        failed: dict[int, InputError] = {}
        n_bad = dict.fromkeys(numbers, 0)
        for number, window in self._bands(numbers):
            if number in failed:
                continue
            try:
                if as_grey and self._is_read_whole:
                    scans[number].add(self.window(number, window))
                    continue
                band = self._stored(number, window)
                n_bad[number] += count_not_finite(band) if is_checked else 0
                if not n_bad[number]:
                    scans[number].add(self._grey(number, band) if as_grey else band)
            except InputError as error:
                failed[number] = error
        for number, count in n_bad.items():
            if count and number not in failed:
                failed[number] = not_finite(self._name(number), count)
        return {n: scan for n, scan in scans.items() if n not in failed}, failed

    def _bands(self, numbers: Sequence[int]) -> Iterator[tuple[int, Window]]:
        """Bands of sections, each from the first row to the last, in the order to read them in."""
        height, width = self.shape
        n_rows = height if self._is_read_whole else self._band_rows
        for _, group in groupby(numbers, key=lambda number: number // self.depth):
            together = list(group)
            for top in range(0, height, n_rows):
                for number in together:
                    yield number, Window(top, 0, min(n_rows, height - top), width)

    @cached_property
    def _band_rows(self) -> int:
        depth, rows, _ = self.reader.chunk or (1, 1, 1)
        row_bytes = depth * self.shape[1] * self.reader.dtype.itemsize
        return max(_BAND_BYTES // (row_bytes * rows), 1) * rows

    def _stored(self, number: int, window: Window) -> np.ndarray:
        if self._is_read_whole:
            return self.reader.section(number)[window.slices]
        return self.reader.window(number, *window.slices)

    def _grey(self, number: int, pixels: np.ndarray) -> np.ndarray:
        check_pixels(pixels, self._name(number))
        if pixels.dtype == np.uint8:
            return np.ascontiguousarray(pixels)
        if pixels.dtype == bool:
            return pixels * np.uint8(255)
        return to_grey(pixels, *self._limits)

    def _name(self, number: int) -> str:
        return f"{self.source}: section {number}"


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
