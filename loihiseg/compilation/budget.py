"""Levels of each layer under a budget of cores and steps, by what it costs to have fewer.

One layer at a time has fewer levels than all others; what the network then answers differently from
that in floats, on images without labels, is what levels are missed by there
(`loihiseg.training.allocation` takes them where that is least). The codes of levels pay for them in
one thing each: a neuron for each level, or a step.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from loihiseg.codes import registry
from loihiseg.codes.code import NeuralCode, Trained
from loihiseg.codes.ramp.clock import TooLargeError
from loihiseg.codes.ramp.code import RampCode
from loihiseg.compilation.levels import with_counts
from loihiseg.compilation.options import CompileOptions
from loihiseg.compilation.scales import own_names, sharing
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.errors import Option, OptionError
from loihiseg.training.allocation import choose_levels
from partition.core.errors import DoesNotFitError

if TYPE_CHECKING:
    from loihiseg.compilation.finding import Finder

CHOICES = (1, 2, 3, 5, 7, 10, 15)
"""Levels that layers may get."""

USUAL = 3
"""Levels of all layers whose steps are the budget where none is asked for."""

HOST = 15
"""Most levels of what the host computes, with the ramp code: it sends all of them in one step."""

HOST_OF_NEURONS = 3
"""The same with a neuron for each level: every one is an axon to the chip."""

SHRINKING = 0.95
"""Of a budget of neurons, where the cores that they take were too many."""


def sensitivity(floats: LoweredNetwork, finder: "Finder") -> dict[str, dict[int, float]]:
    """What the network differs by from that in floats when a single layer has fewer levels.

    Parameters
    ----------
    floats : LoweredNetwork
    finder : Finder

    Returns
    -------
    dict of str to dict of int to float
        Divergence by levels, descending, of each layer on the chip that is no extreme of others:
        of several that one is chosen of, together by the name of the first.
    """
    most = max(CHOICES)
    every = dict.fromkeys(own_names(floats), most)
    as_they_are = finder.percentile(every).difference.divergence
    found: dict[str, dict[int, float]] = {}
    for names in sharing(floats):
        if all(floats.layer(name).on_host for name in names):
            continue
        losses = {most: as_they_are}
        for levels in sorted(CHOICES, reverse=True)[1:]:
            fewer = every | dict.fromkeys(names, levels)
            losses[levels] = finder.percentile(fewer).difference.divergence
        found[names[0]] = losses
    return found


def levels_within(
    floats: LoweredNetwork,
    losses: Mapping[str, dict[int, float]],
    code: type[NeuralCode],
    options: CompileOptions,
    valued: Callable[[Mapping[str, int]], LoweredNetwork] | None = None,
) -> dict[str, int]:
    """Levels of every layer that is no extreme of others, within cores and steps.

    Parameters
    ----------
    floats : LoweredNetwork
    losses : mapping of str to dict of int to float
        As of `sensitivity`.
    code : type
        Of levels.
    options : CompileOptions
        With the chips there are, and the steps that are wanted at most.
    valued : callable, optional
        The network with so many levels and what they are worth, by which sums on the chip are
        judged; by default all are worth the same.

    Raises
    ------
    OptionError
        If the fewest levels take more steps.
    partition.core.errors.DoesNotFitError
        If the fewest levels take more cores.
    """
    if code.name == RampCode.name:
        return _within_steps(floats, losses, options, valued or partial(with_counts, floats))
    if options.most_steps is not None:
        raise OptionError(
            Option("most_steps"), f" {options.most_steps}: the {code.name} code takes as many "
            "steps for any number of levels; leave it out",
        )  # fmt: skip
    return _within_cores(floats, losses, code, options)


def _within_steps(
    floats: LoweredNetwork,
    losses: Mapping[str, dict[int, float]],
    options: CompileOptions,
    valued: Callable[[Mapping[str, int]], LoweredNetwork],
) -> dict[str, int]:
    def steps(levels: Mapping[str, int]) -> int:
        return RampCode.of(valued(levels)).n_steps

    least = {name: min(one) for name, one in losses.items()}
    on_host = _most_on_host(floats, least, steps)
    most = options.most_steps
    if most is None:
        most = steps(_every(floats, dict.fromkeys(losses, USUAL), on_host))
    fewest = steps(_every(floats, least, on_host))
    if fewest > most:
        raise OptionError(
            Option("most_steps"), f" {most}: the fewest levels take {fewest} steps; give more"
        )
    # All layers are on one way from input to output as a rule; of others a step is saved by none.
    budget = most
    while True:
        chosen = choose_levels(dict.fromkeys(losses, 1), dict(losses), budget)
        found = _every(floats, chosen, on_host)
        try:
            over = steps(found) - most
        except TooLargeError:
            if budget == len(losses):
                raise
            over = 1
        if over <= 0:
            return found
        budget = max(len(losses), budget - over)


def _most_on_host(
    floats: LoweredNetwork, least: Mapping[str, int], steps: Callable[[Mapping[str, int]], int]
) -> int:
    """Levels of the host: as many as the chip adds up in the one step in which they are sent."""
    *more, fewest = sorted((levels for levels in CHOICES if levels <= HOST), reverse=True)
    for levels in more:
        with suppress(TooLargeError):
            steps(_every(floats, least, levels))
            return levels
    return fewest


def _within_cores(
    floats: LoweredNetwork,
    losses: Mapping[str, dict[int, float]],
    code: type[NeuralCode],
    options: CompileOptions,
) -> dict[str, int]:
    from loihiseg.compilation.mapping import partition_layers
    from partition.core.limits import CORES_PER_CHIP, LOIHI1
    from partition.shapes.tiling import choose_block_shapes

    sizes = {
        names[0]: sum(floats.layer(name).n_neurons for name in names)
        for names in sharing(floats)
        if names[0] in losses
    }
    least = sum(size * min(losses[name]) for name, size in sizes.items())
    budget = max(least, options.chips * CORES_PER_CHIP * LOIHI1.compartments)
    of_code = registry.completed(code, options.of_code)
    while True:
        found = _every(floats, choose_levels(sizes, dict(losses), budget), HOST_OF_NEURONS)
        network = with_counts(floats, found)
        made = code.made(of_code, network, Trained(has_levels=True))
        try:
            n_cores = choose_block_shapes(partition_layers(made.neurons(network))).n_cores
            if n_cores <= options.chips * CORES_PER_CHIP:
                return found
            problem = f"the fewest levels take {n_cores} cores"
        except DoesNotFitError as error:
            problem = str(error)
        if budget == least:
            raise DoesNotFitError(f"levels auto: {problem}; use more chips")
        budget = max(least, int(SHRINKING * budget))


def _every(floats: LoweredNetwork, chosen: Mapping[str, int], on_host: int) -> dict[str, int]:
    """Levels by layer, of those of the first of each that share a value."""
    return {name: chosen.get(names[0], on_host) for names in sharing(floats) for name in names}
