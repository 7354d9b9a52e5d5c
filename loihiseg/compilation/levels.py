"""Levels for a network that was not trained with any.

Every activation is cut off where few of its values lie above, and counted from there down in equal
levels, as Fast-SNN's are that were trained: of L levels one is worth the cut divided by L. One that
is not 0 or more, such as of a LeakyReLU or tanh, is cut off below too, where as few values lie, and
counted from there (`loihiseg.conversion.stepwise`). What is pooled, or one of several whose maximum
is taken, has a value in common with what comes of it. What the network loses by it is the score
with levels beside that of the trained network.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from loihiseg.compilation.options import AUTO, CompileOptions
from loihiseg.compilation.scales import highest_values, own_names, sharing
from loihiseg.conversion.forward import forward
from loihiseg.conversion.neuron import Neuron
from loihiseg.conversion.over_time import is_over_time
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.conversion.stepwise import FloatActivation, of_levels
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
        If it has levels of its own, or other activations than levels were asked for.
    """
    if options.levels is None:
        return network
    if is_over_time(network):
        raise OptionError(
            Option("levels"), f" {_text(options)}: the network was trained step by step, its "
            "layers take none; leave it out",
        )  # fmt: skip
    own = [layer.name for layer in network.layers if layer.levels]
    if own:
        raise OptionError(
            Option("levels"), f" {_text(options)}: the network has levels of its own, "
            f"{network.layer(own[0]).levels} in layer '{own[0]}'; leave it out",
        )  # fmt: skip
    return with_counts(network, asked_levels(network, options))


def with_counts(network: LoweredNetwork, levels: Mapping[str, int]) -> LoweredNetwork:
    """The network with so many levels by layer that is no extreme; of what worth is not known."""
    around_0 = {layer.name: _around_0(layer.neuron) for layer in network.layers}
    ranges = {
        name: (min(around_0[one][0] for one in names), max(around_0[one][1] for one in names))
        for names in sharing(network)
        for name in names
    }
    return _with_values(network, levels, ranges)


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
    levels = asked_levels(network, options)
    if not len(pixels):
        raise OptionError(
            Option("levels"), f" {_text(options)}: what a level is worth is found on calibration "
            "images, and there are none",
        )  # fmt: skip
    values = forward(floats, pixels, staircase=False)
    quantiles = {name: options.quantile or usual_quantile(count) for name, count in levels.items()}
    return of_quantiles(floats, levels, quantiles, values)


def of_quantiles(
    floats: LoweredNetwork,
    levels: Mapping[str, int],
    quantiles: Mapping[str, float],
    values: Mapping[str, np.ndarray],
) -> LoweredNetwork:
    """The network with levels of which the highest is some quantile of each activation.

    Parameters
    ----------
    floats : LoweredNetwork
    levels, quantiles : mapping of str to int, and to float
        By layer that is no extreme of others.
    values : mapping of str to numpy.ndarray
        Activations in floats, as of `loihiseg.conversion.forward.forward`.

    Raises
    ------
    InputError
        If a layer is silent up to its quantile; names all that are.
    """
    lowest = _lowest(floats, values, quantiles)
    above = {name: values[name] - np.float32(low) for name, low in lowest.items()}
    highest = highest_values(floats, above, quantiles, "levels")
    ranges = {name: (low, low + float(highest[name])) for name, low in lowest.items()}
    return _with_values(floats, levels, ranges)


def _around_0(neuron: Neuron) -> tuple[float, float]:
    """A range that an activation has, as long as none is known."""
    if not isinstance(neuron, FloatActivation):
        return 0.0, 1.0
    low, high = (neuron.function.of(np.array([x], np.float32)) for x in (-1, 1))
    return float(low.min()), float(max(high.max(), low.min() + 1e-3))


def _lowest(
    floats: LoweredNetwork, values: Mapping[str, np.ndarray], quantiles: Mapping[str, float]
) -> dict[str, float]:
    """What level 0 is worth, by layer that is no extreme of others: 0 of rectified ones alone."""
    found: dict[str, float] = {}
    for names in sharing(floats):
        low = 0.0
        if any(isinstance(floats.layer(name).neuron, FloatActivation) for name in names):
            together = np.concatenate([values[name].ravel() for name in names])
            low = float(np.quantile(together, 1 - quantiles[names[0]]))
        found |= dict.fromkeys(names, low)
    return found


def words(options: CompileOptions, network: LoweredNetwork) -> str:
    """What was done, for the report; empty without ``levels``.

    Parameters
    ----------
    options : CompileOptions
    network : LoweredNetwork
        With the levels it came to.
    """
    if options.levels is None:
        return ""
    names = own_names(network)
    counts = [network.layer(name).levels for name in names]
    text = str(counts[0]) if len(set(counts)) == 1 else ",".join(map(str, counts))
    if options.finds_levels:
        return f"Not trained for levels: each activation has {text}."
    shares = sorted({options.quantile or usual_quantile(count) for count in counts})
    share = " to ".join(f"{one:g}" for one in (shares[0], shares[-1])[: len(shares)])
    return (
        f"Not trained for levels: each activation has {text}, up to the value that "
        f"{share} of all reach at most on the calibration tiles."
    )


def _text(options: CompileOptions) -> str:
    """Levels as they are typed."""
    levels = options.levels
    return ",".join(map(str, levels)) if isinstance(levels, tuple) else str(levels)


def asked_levels(network: LoweredNetwork, options: CompileOptions) -> dict[str, int]:
    """Levels of each layer that is no extreme of others.

    Raises
    ------
    InputError
        If they were asked for other layers; or differ where an extreme is chosen.
    """
    names = own_names(network)
    if options.levels == AUTO:
        # Until it is known which: of the fewest there is room for.
        return dict.fromkeys(names, 1)
    if isinstance(options.levels, tuple):
        if len(options.levels) != len(names):
            raise OptionError(
                Option("levels"), f" {_text(options)}: {len(options.levels)} numbers, expected one "
                f"for all activations, or one for each of {len(names)}: {', '.join(names)}",
            )  # fmt: skip
        found = dict(zip(names, options.levels, strict=True))
    else:
        assert isinstance(options.levels, int)
        found = dict.fromkeys(names, options.levels)
    for group in sharing(network):
        if len({found[name] for name in group}) > 1:
            raise OptionError(
                Option("levels"), f" {_text(options)}: the largest or smallest is chosen of "
                f"{', '.join(group)}; give them equal levels",
            )  # fmt: skip
    return found


def _with_values(
    floats: LoweredNetwork, levels: Mapping[str, int], ranges: dict[str, tuple[float, float]]
) -> LoweredNetwork:
    """The network with so many levels between two values, by layer that is no extreme."""
    layers, known = [], {name: (count, *ranges[name]) for name, count in levels.items()}
    for layer in floats.layers:
        if layer.neuron.chooses:
            known[layer.name] = known[layer.sources[0]]
        try:
            neuron = of_levels(layer.neuron, *known[layer.name])
        except ValueError as error:
            raise InputError(f"layer '{layer.name}' {error}") from None
        layers.append(replace(layer, neuron=neuron))
    return replace(floats, layers=tuple(layers))
