"""What the loss of a training asks for beside each pixel's label, as plain values."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from loihiseg.errors import Option, OptionError
from loihiseg.storage.ranges import Amount, Share


@dataclass(frozen=True)
class Objective:
    """The loss is the cross-entropy of pixels, and what of these is not 0.

    Attributes
    ----------
    soft_share : float
        Of the target of each pixel that is the soft label; the rest is its label. A pixel whose
        label says nothing has the soft one alone.
    soft_labels : str
        Their digest, see `loihiseg.data.soft_labels`; empty without.
    border_weight : float
        How much more a pixel counts where two cells come close; see `loihiseg.training.wanted`.
    dice_weight : float
        Of 1 less the soft Dice coefficient of membrane of a batch.
    skeleton_weight : float
        Of 1 less the share of the membranes' middle lines that is membrane.
    """

    soft_share: Share = 0.0
    soft_labels: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""
    border_weight: Amount = 0.0
    dice_weight: Amount = 0.0
    skeleton_weight: Amount = 0.0

    def __post_init__(self) -> None:
        if bool(self.soft_labels) != bool(self.soft_share):
            raise OptionError(
                Option("soft_share"), f" {self.soft_share:g}: expected above 0 with ",
                Option("soft_labels"), ", and none without them",
            )  # fmt: skip

    @property
    def is_plain(self) -> bool:
        """Whether it is the cross-entropy with labels alone."""
        return self == Objective()
