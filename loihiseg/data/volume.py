"""A volume on disk, window by window, in the memory of a few: images alone, as uint8."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import numpy as np

from loihiseg.data.contrast import Contrast, contrast_of
from loihiseg.data.grey import BRIGHT_PERCENTILE, DARK_PERCENTILE, not_finite, to_grey
from loihiseg.data.padding_in_bands import RegionScan, Void, VoidScan
from loihiseg.data.ranks import percentiles
from loihiseg.data.readers import open_sections, warn_of_transparent
from loihiseg.data.readers.base import SectionReader
from loihiseg.data.readers.locate import locate
from loihiseg.data.scans import DigestScan, ExtremesScan, GreyScan, Scan
from loihiseg.data.warn import warn
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
    volume before the first section. So are NaN in voids and at the border: they have the smallest
    value of their section, and are segmented as any other padding is; a warning says how many.

    Where the format has chunks, windows are read by them, and whole sections are looked at in bands
    of them: section by section or, where a chunk goes through several, all of these band by band.
    Otherwise the sections that were read last are kept, one of them unless more are asked for.

    Attributes
    ----------
    reader : SectionReader
    source : str
        Path as it was given.
    most_kept : int
        Whole sections that are kept.
    """

    reader: SectionReader
    source: str
    most_kept: int = 1
    _contrasts: dict[int, Contrast | InputError] = field(default_factory=dict)
    _kept: dict[int, np.ndarray] = field(default_factory=dict)
    _voids: dict[int, Void | InputError] = field(default_factory=dict)

    @property
    def n_sections(self) -> int:
        """How many there are."""
        return self.reader.shape[0]

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of a section, pixels."""
        _, height, width = self.reader.shape
        return height, width

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

    def keeping(self, most_kept: int) -> "Volume":
        """The same, with so many whole sections kept, where it keeps any."""
        return replace(self, most_kept=most_kept)

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
            return self._grey(self._numbers(number, window))
        if number not in self._kept:
            while len(self._kept) >= self.most_kept:  # before the memory for the next is taken
                del self._kept[next(iter(self._kept))]
            whole = self._numbers(number, whole_window(self.shape))
            self._kept[number] = self._grey(whole)
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

        A section that cannot be read counts as such. Warns of transparent pixels.
        """
        return self._digest

    @cached_property
    def _digest(self) -> str:
        sha = hashlib.sha256(f"{self.reader.shape} {self.reader.dtype.str}".encode())
        numbers = range(self.n_sections)
        before = self.reader.n_transparent
        found, _ = self._scanned(numbers, lambda _: DigestScan(), is_stored=True)
        warn_of_transparent(self.reader, self.reader.n_transparent - before)
        for number in numbers:
            sha.update(found[number].digest() if number in found else b"damaged")
        return sha.hexdigest()

    @cached_property
    def _limits(self) -> tuple[float, float]:
        """Values that become 0 and 255: `loihiseg.data.grey.grey_limits` of what can be read."""
        self._look_for_voids(range(self.n_sections))
        self._warn_of_voids()
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
            return (self._numbers(*place) for place in self._bands(list(tissue)))

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
        is_stored: bool = False,
    ) -> tuple[dict[int, _AnyScan], dict[int, InputError]]:
        """One pass over sections: a scan of each, and why others cannot be read.

        as_grey : whether it is of uint8.
        is_stored : whether it is of pixels as they are stored; else those that are no finite
            numbers, and no padding, are a reason.
        """
        scans = {number: new(number) for number in numbers}
        failed: dict[int, InputError] = {}
        for number, window in self._bands(numbers):
            if number in failed:
                continue
            try:
                if as_grey:
                    scans[number].add(self.window(number, window))
                elif is_stored:
                    scans[number].add(self._stored(number, window))
                else:
                    scans[number].add(self._numbers(number, window))
            except InputError as error:
                failed[number] = error
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

    def _numbers(self, number: int, window: Window) -> np.ndarray:
        """Pixels as they are stored, but NaN that are padding; raises InputError for others."""
        pixels = self._stored(number, window)
        if pixels.dtype.kind != "f":
            return pixels
        self._look_for_voids([number])
        void = self._voids[number]
        if isinstance(void, InputError):
            raise void
        if void.n_bad:
            raise not_finite(f"{self.source}: section {number}", void.n_bad)
        return np.where(np.isnan(pixels), pixels.dtype.type(void.fill), pixels)

    def _look_for_voids(self, numbers: Sequence[int]) -> None:
        """One pass over those sections of floats that were not looked at yet."""
        asked = [number for number in numbers if number not in self._voids]
        if not asked or self.reader.dtype.kind != "f":
            return
        found, failed = self._scanned(asked, lambda _: VoidScan(self.shape), is_stored=True)
        self._voids.update(failed)
        self._voids.update({number: scan.void() for number, scan in found.items()})

    def _warn_of_voids(self) -> None:
        known = (void for void in self._voids.values() if isinstance(void, Void))
        if n_missing := sum(void.n_missing for void in known if not void.n_bad):
            share = n_missing / (self.n_sections * self.shape[0] * self.shape[1])
            warn(
                f"{self.source}: {100 * share:.1f} % of the pixels are NaN, at the border or in "
                "voids: they are taken as padding, as dark as their section goes; maps say nothing "
                "there"
            )

    def _grey(self, pixels: np.ndarray) -> np.ndarray:
        if pixels.dtype == np.uint8:
            return np.ascontiguousarray(pixels)
        if pixels.dtype == bool:
            return pixels * np.uint8(255)
        return to_grey(pixels, *self._limits)


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
