"""The history of a training as a table: a row for each epoch, what the log says of it in full."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loihiseg.training.state import Epoch

COLUMNS = (
    "epoch", "phase", "loss", "rate_loss", "validation_loss", "accuracy", "membrane_iou",
    "threshold", "share_in_rate_range", "worst_share_in_rate_range", "mean_level",
    "events_per_mac",
)  # fmt: skip
"""Losses are of training crops but for the validation's; scores of the validation sections. What a
network does not have, rates or levels, is left empty."""


@dataclass(frozen=True)
class RateShares:
    """Share of the neurons within the range of rates: of all, and in the layer with the least."""

    pooled: float
    worst: float


def rate_shares(epoch: "Epoch") -> RateShares | None:
    """Of an epoch; None of a network without rates."""
    if not epoch.rates:
        return None
    neurons = sum(layer.n_neurons for layer in epoch.rates)
    within = sum(layer.share_in_range * layer.n_neurons for layer in epoch.rates)
    return RateShares(within / neurons, min(layer.share_in_range for layer in epoch.rates))


def mean_level(epoch: "Epoch") -> float | None:
    """Over the layers of an epoch; None of a network without levels."""
    if not epoch.levels:
        return None
    return sum(layer.mean_level for layer in epoch.levels) / len(epoch.levels)


def history_csv(history: "Sequence[Epoch]") -> str:
    """The table as CSV, its first line the names of `COLUMNS`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for epoch in history:
        shares = rate_shares(epoch)
        known = {name: getattr(epoch, name) for name in COLUMNS if hasattr(epoch, name)}
        known |= {
            "share_in_rate_range": shares and shares.pooled,
            "worst_share_in_rate_range": shares and shares.worst,
            "mean_level": mean_level(epoch),
        }
        writer.writerow([known[name] for name in COLUMNS])
    return text.getvalue()
