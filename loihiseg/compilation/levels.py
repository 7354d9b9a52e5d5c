"""Levels for a network that was not trained with any.

Every activation is cut off where few of its values lie above, and counted from there down in equal
levels, as Fast-SNN's are that were trained: of L levels one is worth the cut divided by L. What is
pooled, or one of several whose maximum is taken, has a value in common with what comes of it. What
the network loses by it is the score of its 8-bit weights beside that of the trained network.
"""

from dataclasses import replace

import numpy as np

from loihiseg.compilation.options import CompileOptions
from loihiseg.conversion.forward import forward
from loihiseg.conversion.neuron import Neuron
from loihiseg.conversion.neuron_kinds import Extremum, Quantized
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.errors import InputError, Option, OptionError

QUANTILES = ((15, 0.985), (7, 0.98), (3, 0.975), (1, 0.95))
"""Share of an activation's values that its highest level reaches, from so many levels on: the fewer
levels, the more it costs to spend them on rare values. These are the best of nine for
``paper-isbi2012`` on 32 tiles of validation sections, where membranes had an IoU of 0.525, 0.668,
0.684 and 0.683 with 1, 3, 7 and 15 levels, and of 0.685 in floats."""


def usual_quantile(levels: int) -> float:
    """The quantile at which activations are cut off for so many levels, if none is asked for."""
    return next(quantile for fewest, quantile in QUANTILES if levels >= fewest)


def with_levels(network: LoweredNetwork, options: CompileOptions) -> LoweredNetwork:
    """The network with as many levels as are asked for; what they are worth is not yet known.

    Parameters
    ----------
    network : LoweredNetwork
        Of activations without levels, lowered with ``levels_follow``.
    options : CompileOptions
        Without ``levels`` the network is left as it is.

    Raises
    ------
    InputError
        If it has levels of its own.
    """
    if options.levels is None:
        return network
    own = [layer.name for layer in network.layers if layer.levels]
    if own:
        raise OptionError(
            Option("levels"), f" {options.levels}: the network has levels of its own, "
            f"{network.layer(own[0]).levels} in layer '{own[0]}'; leave it out",
        )  # fmt: skip
    return _with_values(network, dict.fromkeys(_names(network), 1.0 / options.levels), options)


def normalized(
    network: LoweredNetwork, floats: LoweredNetwork, options: CompileOptions, pixels: np.ndarray
) -> LoweredNetwork:
    """The network with levels of which the highest is a quantile of the activation in floats.

    Parameters
    ----------
    network : LoweredNetwork
        As of `with_levels`.
    floats : LoweredNetwork
        The same without levels.
    options : CompileOptions
        With ``levels``.
    pixels : numpy.ndarray
        (n, rows, columns) or (n, rows, columns, channels), float32, normalized; at least one.

    Raises
    ------
    InputError
        If a layer is silent up to the quantile; names all that are.
    """
    assert options.levels is not None
    quantile = _quantile(options.quantile, options.levels)
    if not len(pixels):
        raise OptionError(
            Option("levels"), f" {options.levels}: what a level is worth is found on calibration "
            "images, and there are none",
        )  # fmt: skip
    values = forward(floats, pixels, staircase=False)
    highest = {
        names: float(np.quantile(np.concatenate([values[name].ravel() for name in names]), quantile))
        for names in _sharing(network)
    }
    silent = [name for names, value in highest.items() if value <= 0 for name in names]
    if silent:
        named = ", ".join(f"'{name}'" for name in silent[:5]) + ", ..." * (len(silent) > 5)
        raise InputError(
            f"layer{'s' * (len(silent) != 1)} {named}: {quantile:g} of all values on the "
            "calibration tiles are 0, so that levels up to there are worth nothing; use a higher "
            "quantile"
        )
    each = {name: value / options.levels for names, value in highest.items() for name in names}
    return _with_values(network, each, options)


def words(options: CompileOptions) -> str:
    """What was done, for the report; empty without ``levels``."""
    if options.levels is None:
        return ""
    quantile = _quantile(options.quantile, options.levels)
    return (
        f"Not trained for levels: each activation has {options.levels}, up to the value that "
        f"{quantile:g} of all reach at most on the calibration tiles."
    )


def _quantile(asked: float | None, levels: int) -> float:
    return asked or usual_quantile(levels)


def _names(network: LoweredNetwork) -> list[str]:
    """Layers that are no extremes of others."""
    return [layer.name for layer in network.layers if not layer.neuron.chooses]


def _sharing(network: LoweredNetwork) -> tuple[tuple[str, ...], ...]:
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


def _with_values(
    network: LoweredNetwork, values: dict[str, float], options: CompileOptions
) -> LoweredNetwork:
    levels = options.levels
    assert levels is not None
    layers, known = [], dict(values)
    for layer in network.layers:
        neuron: Neuron
        if isinstance(layer.neuron, Extremum):
            known[layer.name] = known[layer.sources[0]]
            neuron = Extremum(levels, known[layer.name], layer.neuron.largest)
        else:
            neuron = Quantized(levels, known[layer.name])
        layers.append(replace(layer, neuron=neuron))
    return replace(network, layers=tuple(layers))
