"""How the units of a quantized layer use their levels: of all units, over padding too."""

from dataclasses import dataclass

import numpy as np

from loihiseg.storage.ranges import Amount, Count, Levels, Name, Share


@dataclass(frozen=True)
class LayerLevels:
    """Levels of one layer.

    Attributes
    ----------
    layer : str
    n_levels : int
        Levels above 0.
    scale : float
        Value of the highest level.
    mean_level : float
        Over units and images: the spikes of a unit in one pass of the thermometer code.
    highest_share : float
        Share of units on their highest level.
    silent_channels : int
        Channels that are 0 everywhere.
    """

    layer: Name
    n_levels: Levels
    scale: Amount
    mean_level: Amount
    highest_share: Share
    silent_channels: Count


def layer_levels(layer: str, activation: np.ndarray, n_levels: int, scale: float) -> LayerLevels:
    """Summarise activations of shape (..., channels), each ``scale / n_levels`` times a level."""
    levels = np.rint(np.asarray(activation, np.float32) * np.float32(n_levels / scale))
    return LayerLevels(
        layer=layer,
        n_levels=int(n_levels),
        scale=float(scale),
        mean_level=float(levels.mean(dtype=np.float64)),
        highest_share=float((levels == n_levels).mean()),
        silent_channels=int((levels.reshape(-1, levels.shape[-1]).max(0) == 0).sum()),
    )
