"""Thresholds of bursts from activations on calibration crops."""

from collections.abc import Mapping

import numpy as np

from loihiseg.compilation.scales import highest_values, sharing
from loihiseg.conversion.convolution import layer_total
from loihiseg.conversion.forward import BATCH, forward
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.errors import InputError

LEAST = 1e-10
"""What the published code adds to the quantile of a channel."""


def activations(network: LoweredNetwork, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Activations of every layer in floats, (n, rows, columns, channels), by name."""
    return forward(network, pixels, staircase=False)


def thresholds(
    network: LoweredNetwork,
    values: Mapping[str, np.ndarray],
    quantiles: Mapping[str, float],
    by_channel: bool = False,
    share: int = 1,
) -> dict[str, np.ndarray]:
    """What a spike of every layer is worth, as of `loihiseg.methods.spicalib.neurons.Bursts`.

    Parameters
    ----------
    network : LoweredNetwork
    values : mapping of str to numpy.ndarray
        As of `activations`.
    quantiles : mapping of str to float
        By layer, as of `loihiseg.compilation.scales.highest_values`.
    by_channel : bool
    share : int
        Spikes that are worth the quantile together: 1 as published, so that bursts reach beyond it;
        as many as a burst has for steps as fine as those of an activation of so many levels.

    Raises
    ------
    InputError
        If a layer is silent up to its quantile.
    """
    highest = highest_values(network, values, quantiles, "thresholds", by_channel)
    return _everywhere(network, {name: value / share for name, value in highest.items()})


def published_activations(
    network: LoweredNetwork, pixels: np.ndarray, most_spikes: int
) -> dict[str, np.ndarray]:
    """Activations as the published calibration sees them: cut off at the spikes of a burst.

    What is cut off is what the next layers hear, too. It has no meaning in units of activations,
    and harms where those are larger; kept to compare with.
    """
    images = np.asarray(pixels, np.float32)
    ((source, _),) = network.inputs.items()
    parts = []
    for first in range(0, len(images), BATCH):
        part = images[first : first + BATCH]
        heard = {source: part}
        for layer in network.layers:
            total = layer_total(layer, heard, len(part))
            found = layer.neuron.activation(total, layer.rate_scale_hz, False)
            if not layer.neuron.chooses:
                found = np.minimum(found, np.float32(most_spikes))
            heard[layer.name] = found
        parts.append(heard)
    return {
        layer.name: np.concatenate([part[layer.name] for part in parts]) for layer in network.layers
    }


def published_thresholds(
    network: LoweredNetwork,
    values: Mapping[str, np.ndarray],
    quantiles: Mapping[str, float],
    by_channel: bool = False,
) -> dict[str, np.ndarray]:
    """The same as the published code has them.

    Of n values of a layer that with the number ``int(n * p) - 1`` in ascending order, from 0: one
    below the quantile. Of a channel the quantile without interpolation, plus `LEAST`.

    Raises
    ------
    InputError
        If a threshold of a layer is 0; the published code divides by it.
    """
    found: dict[str, np.ndarray] = {}
    for names in sharing(network):
        parts = [values[name].reshape(-1, values[name].shape[-1]) for name in names]
        together, p = np.concatenate(parts), quantiles[names[0]]
        if by_channel:
            own = np.quantile(together, p, axis=0, method="lower") + LEAST
            found |= dict.fromkeys(names, own)
            continue
        ordered = np.sort(together, axis=None)
        value = ordered[int(len(ordered) * p) - 1]
        if value <= 0:
            raise InputError(
                f"layer '{names[0]}': {p:g} of all values on the calibration crops are 0, so that "
                "its threshold would be; use a higher quantile"
            )
        found |= dict.fromkeys(names, np.asarray(value))
    return _everywhere(network, found)


def _everywhere(network: LoweredNetwork, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Of layers that choose an extreme too: what their sources have. float32."""
    found = {name: np.asarray(value, np.float32) for name, value in values.items()}
    for layer in network.layers:
        if layer.neuron.chooses:
            found[layer.name] = found[layer.sources[0]]
    return found
