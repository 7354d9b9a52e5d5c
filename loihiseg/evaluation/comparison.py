"""Activations of a network beside those of a reference, layer by layer, image by image.

Of all neurons and units: what the chip does is right or wrong, and costs what it costs, whatever
pixels they see. Padding and ignored labels are left out where pixels are judged (`metrics.known`).
"""

from collections.abc import Mapping

import numpy as np

from loihiseg.conversion.spec import LoweredNetwork

Activations = Mapping[str, np.ndarray]
"""(..., rows, columns, channels) by layer."""


class LayerErrors:
    """Root-mean-square difference of each layer's activations, relative to the reference's."""

    def __init__(self) -> None:
        self._off: dict[str, float] = {}
        self._size: dict[str, float] = {}

    def add(self, found: Activations, reference: Activations) -> None:
        """Take in images; the layers of ``reference``."""
        for name, value in reference.items():
            off = np.square(found[name] - value, dtype=np.float64).sum()
            size = np.square(value, dtype=np.float64).sum()
            self._off[name] = self._off.get(name, 0.0) + float(off)
            self._size[name] = self._size.get(name, 0.0) + float(size)

    def relative(self) -> dict[str, float]:
        """By layer."""
        return {
            name: float(np.sqrt(off) / max(np.sqrt(self._size[name]), 1e-12))
            for name, off in self._off.items()
        }


class LevelMatches:
    """Share of the units of each layer that are at the reference's level.

    Parameters
    ----------
    network : LoweredNetwork
        Of quantized activations.
    """

    def __init__(self, network: LoweredNetwork) -> None:
        self._half = {layer.name: layer.level_value / 2 for layer in network.layers}
        self._right: dict[str, int] = {}
        self._all: dict[str, int] = {}

    def add(self, found: Activations, reference: Activations) -> None:
        """Take in images; the layers of ``reference``."""
        for name, value in reference.items():
            right = np.abs(found[name] - value) < self._half[name]
            self._right[name] = self._right.get(name, 0) + int(right.sum())
            self._all[name] = self._all.get(name, 0) + right.size

    def shares(self) -> dict[str, float]:
        """By layer."""
        return {name: right / self._all[name] for name, right in self._right.items()}


class LayerFiring:
    """Firing rates of the neurons of each layer, image by image.

    Parameters
    ----------
    network : LoweredNetwork
        Of activations.
    """

    def __init__(self, network: LoweredNetwork) -> None:
        self._network = network
        self._rates: dict[str, list[np.ndarray]] = {layer.name: [] for layer in network.layers}
        self._total: dict[str, np.ndarray] = {}
        self._n_images = 0

    def add(self, spikes_per_step: Activations) -> None:
        """Take in images: (n, rows, columns, neurons) spikes per step by layer.

        Of rates every image counts; of levels, which are on or off, the mean.
        """
        for layer in self._network.layers:
            rates = 1000 * np.asarray(spikes_per_step[layer.name], np.float32)
            if layer.levels:
                total = rates.sum(axis=0, dtype=np.float64)
                self._total[layer.name] = self._total.get(layer.name, 0.0) + total
            else:
                self._rates[layer.name].append(rates.reshape(len(rates), -1))
        self._n_images += len(rates)

    def rates_hz(self, name: str) -> np.ndarray:
        """(n_images, n_neurons) of a layer; of levels (1, n_neurons)."""
        if name in self._total:
            return (self._total[name] / self._n_images).reshape(1, -1)
        return np.concatenate(self._rates[name])
