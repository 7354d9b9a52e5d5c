"""Levels for a network that was not trained with any.

Every activation is cut off where few of its values lie above, and counted from there down in equal
levels, as Fast-SNN's are that were trained: of L levels one is worth the cut divided by L. What the
network loses by it is the score of its 8-bit weights beside that of the trained network.
"""

from dataclasses import replace

import numpy as np

from loihiseg.compilation.options import CompileOptions
from loihiseg.conversion.forward import forward
from loihiseg.conversion.neuron_kinds import Quantized
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
        Of activations that firing rates stand for.
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
    highest = {name: float(np.quantile(values[name], quantile)) for name in _names(network)}
    silent = [name for name, value in highest.items() if value <= 0]
    if silent:
        named = ", ".join(f"'{name}'" for name in silent[:5]) + ", ..." * (len(silent) > 5)
        raise InputError(
            f"layer{'s' * (len(silent) != 1)} {named}: {quantile:g} of all values on the "
            "calibration tiles are 0, so that levels up to there are worth nothing; use a higher "
            "quantile"
        )
    return _with_values(
        network, {name: value / options.levels for name, value in highest.items()}, options
    )


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
    return [layer.name for layer in network.layers]


def _with_values(
    network: LoweredNetwork, values: dict[str, float], options: CompileOptions
) -> LoweredNetwork:
    assert options.levels is not None
    return replace(
        network,
        layers=tuple(
            replace(layer, neuron=Quantized(options.levels, values[layer.name]))
            for layer in network.layers
        ),
    )
