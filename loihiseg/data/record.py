"""What a network was trained on, as its checkpoint keeps it."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from loihiseg.data.moving import Offset
from loihiseg.data.splits import Bands, Split
from loihiseg.storage.ranges import Name, Text

_Small = Annotated[int, Meta(ge=0, le=10**6)]
_Nanometres = Annotated[float, Meta(gt=0, le=1e9)]
PixelRecord = tuple[_Nanometres, _Nanometres]
"""Size of a pixel, nanometres between rows and columns."""

_Range = tuple[_Small, _Small]


@dataclass(frozen=True)
class BandsRecord:
    """First and one past the last row of each part."""

    train: _Range
    validation: _Range
    test: _Range


@dataclass(frozen=True)
class SplitRecord:
    """First and one past the last section of each part, numbered within the stack.

    Where the other parts lie inside the training sections, as in a fold, they are not among them.
    Where there are bands, the parts are rows of the same sections.
    """

    train: _Range
    validation: _Range
    test: _Range
    bands: BandsRecord | None = None

    @classmethod
    def of(cls, split: Split) -> "SplitRecord":
        """Of a `Split`."""
        parts = split.train, split.validation, split.test
        train, validation, test = ((min(part), max(part) + 1) for part in parts)
        bands = None
        if split.bands is not None:
            rows = split.bands.train, split.bands.validation, split.bands.test
            bands = BandsRecord(*((part.start, part.stop) for part in rows))
        return cls(train, validation, test, bands)

    @property
    def parts(self) -> Split:
        """As a `Split`, with the sections that were trained on."""
        train: range | tuple[int, ...] = self.train_sections
        if train == tuple(range(*self.train)):
            train = range(*self.train)
        bands = None
        if self.bands is not None:
            rows = self.bands.train, self.bands.validation, self.bands.test
            bands = Bands(*(range(*part) for part in rows))
        return Split(train, range(*self.validation), range(*self.test), bands)

    @property
    def train_sections(self) -> tuple[int, ...]:
        """Sections that were trained on, or bands of them."""
        if self.bands is not None:
            return tuple(range(*self.train))
        held_out = {*range(*self.validation), *range(*self.test)}
        return tuple(z for z in range(*self.train) if z not in held_out)


@dataclass(frozen=True)
class DataRecord:
    """What the network was trained on.

    Attributes
    ----------
    source : str
        Name of the file or folder; where it lay is nobody's business who gets the checkpoint.
    digest, polarity : str
        See `loihiseg.data.stack.Stack`.
    split : SplitRecord
    pixel_nm : tuple of float or None
        Nanometres between rows and columns; None where that is not known.
    label_offset_px : tuple of float or None
        By which images were moved, down and right, to lie where labels do; None where not.
    """

    source: Text
    digest: Name
    polarity: Text
    split: SplitRecord
    pixel_nm: PixelRecord | None = None
    label_offset_px: Offset | None = None
