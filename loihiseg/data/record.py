"""What a network was trained on, as its checkpoint keeps it."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from loihiseg.data.splits import Split
from loihiseg.storage.ranges import Name, Text

_Small = Annotated[int, Meta(ge=0, le=10**6)]
_Range = tuple[_Small, _Small]


@dataclass(frozen=True)
class SplitRecord:
    """First and one past the last section of each part, numbered within the stack.

    Where the other parts lie inside the training sections, as in a fold, they are not among them.
    """

    train: _Range
    validation: _Range
    test: _Range

    @property
    def parts(self) -> Split:
        """As a `Split`."""
        return Split(range(*self.train), range(*self.validation), range(*self.test))

    @property
    def train_sections(self) -> tuple[int, ...]:
        """Sections that were trained on."""
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
    """

    source: Text
    digest: Name
    polarity: Text
    split: SplitRecord
