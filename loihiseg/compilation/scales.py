"""Highest values that activations are measured by: a quantile of what each is on calibration tiles.

`loihiseg.compilation.levels` counts levels up to there, `loihiseg.methods.spicalib` takes them for
thresholds: both mean the same by a quantile. Where the largest or smallest of several activations
is chosen, by pooling too, those have one value in common, of all of them together.
"""

from collections.abc import Mapping

import numpy as np

from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.errors import InputError


def own_names(network: LoweredNetwork) -> list[str]:
    """Layers that are no extremes of others."""
    return [layer.name for layer in network.layers if not layer.neuron.chooses]


def sharing(network: LoweredNetwork) -> tuple[tuple[str, ...], ...]:
    """Layers that are no extremes, together where an extreme is chosen among them."""
    groups: dict[str, list[str]] = {}
    for layer in network.layers:
        if not layer.neuron.chooses:
            groups[layer.name] = [layer.name]
            continue
        one = groups[layer.sources[0]]
        for source in layer.sources[1:]:
            other = groups[source]
            if other is not one:
                one += other
                groups |= {name: one for name, group in groups.items() if group is other}
        groups[layer.name] = one
    return tuple(tuple(names) for names in {id(group): group for group in groups.values()}.values())


def by_resolution(network: LoweredNetwork) -> dict[str, tuple[str, ...]]:
    """Layers that are no extremes, by the rows and columns they have, such as ``32 x 32``.

    Layers that share a value count where the first of them does.
    """
    found: dict[str, list[str]] = {}
    for names in sharing(network):
        rows, columns, _ = network.layer(names[0]).shape
        found.setdefault(f"{rows} x {columns}", []).extend(names)
    return {size: tuple(names) for size, names in found.items()}


def highest_values(
    network: LoweredNetwork,
    values: Mapping[str, np.ndarray],
    quantiles: Mapping[str, float],
    what: str,
    by_channel: bool = False,
) -> dict[str, np.ndarray]:
    """A quantile of every activation.

    Parameters
    ----------
    network : LoweredNetwork
    values : mapping of str to numpy.ndarray
        (n, rows, columns, channels) by layer, as of `loihiseg.conversion.forward.forward`.
    quantiles : mapping of str to float
        Share of the values that are as high at most, above 0 to 1, by layer; of layers that share a
        value that of the first counts.
    what : str
        What would be worth nothing if it were 0, for the error.
    by_channel : bool
        Of each channel by itself. A channel whose quantile is 0 has its largest value, or if that
        is 0 too, the quantile of the layer.

    Returns
    -------
    dict of str to numpy.ndarray
        float64, above 0, (), or (channels,), by layer that is no extreme of others. Between two
        values it is interpolated, as ``numpy.quantile`` does.

    Raises
    ------
    InputError
        If a layer is silent up to the quantile; names all that are.
    """
    found: dict[str, np.ndarray] = {}
    silent: list[str] = []
    for names in sharing(network):
        together = np.concatenate(
            [values[name].reshape(-1, values[name].shape[-1]) for name in names]
        )
        share = quantiles[names[0]]
        highest = np.asarray(np.quantile(together, share), np.float64)
        if highest <= 0:
            silent += names
        elif by_channel:
            own = np.quantile(together, share, axis=0)
            own = np.where(own > 0, own, together.max(0))
            highest = np.where(own > 0, own, highest).astype(np.float64)
        found |= dict.fromkeys(names, highest)
    if silent:
        named = ", ".join(f"'{name}'" for name in silent[:5]) + ", ..." * (len(silent) > 5)
        lowest = min(quantiles[name] for name in silent)
        raise InputError(
            f"layer{'s' * (len(silent) != 1)} {named}: {lowest:g} of all values on the "
            f"calibration tiles are 0, so that {what} up to there are worth nothing; use a higher "
            "quantile"
        )
    return found
