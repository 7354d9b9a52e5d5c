"""Firing rates of the layers of a network, before there are blocks."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from partition.core.errors import PartitionError
from partition.core.layers import Layer, Shape

Rates = Mapping[str, ArrayLike]
"""Spikes per step by layer, as `neuron_rates` takes them."""

PixelRates = Mapping[str, np.ndarray]
"""(rows, columns) by source, as from `pixel_rates`."""


def neuron_rates(layers: Sequence[Layer], rates: Rates | None = None) -> dict[str, np.ndarray]:
    """Rate of every neuron that sends spikes to a layer on the chip.

    Parameters
    ----------
    layers : sequence of Layer
    rates : dict of str to array_like, optional
        Spikes per step by layer, populations on the host included: per neuron (rows, columns,
        channels), or anything that broadcasts to it, such as (channels,) or one number. Names
        that send nothing are passed over. Without it every neuron spikes once per step.

    Returns
    -------
    dict of str to (rows, columns, channels) float64 array

    Raises
    ------
    PartitionError
        A source has no rates, rates of another shape, or rates that are negative or not finite.
    """
    shapes = {p.source: p.source_shape for layer in layers for p in layer.inputs}
    if rates is None:
        return {name: np.ones(shape) for name, shape in shapes.items()}
    missing = [name for name in shapes if name not in rates]
    if missing:
        raise PartitionError(f"no rates for {', '.join(missing)}, which send spikes")
    return {name: _neurons(name, rates[name], shape) for name, shape in shapes.items()}


def _neurons(name: str, given: ArrayLike, shape: Shape) -> np.ndarray:
    values = np.asarray(given, dtype=np.float64)
    try:
        values = np.broadcast_to(values, shape)
    except ValueError:
        raise PartitionError(
            f"rates of {name} have shape {values.shape}, its neurons {tuple(shape)}"
        ) from None
    if not np.all(np.isfinite(values)) or np.any(values < 0):
        raise PartitionError(f"rates of {name} must be finite and not negative (spikes per step)")
    return values


def pixel_rates(
    layers: Sequence[Layer], rates: Rates | None = None
) -> dict[str, np.ndarray] | None:
    """Rates as in `neuron_rates`, summed over channels: (rows, columns) by source.

    None without rates, which stands for one spike per neuron and step.
    """
    if rates is None:
        return None
    return {name: values.sum(axis=2) for name, values in neuron_rates(layers, rates).items()}
