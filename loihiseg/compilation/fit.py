"""Does a network fit the chips there are, and if not: what would?"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from loihiseg.codes import registry
from loihiseg.codes.code import NeuralCode, Trained
from loihiseg.compilation.levels import with_levels
from loihiseg.compilation.options import AUTO, CODE_FIELDS, CompileOptions
from loihiseg.conversion.over_time import is_over_time
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.errors import InputError, Option, OptionError
from loihiseg.training.checkpoint import CheckpointInfo
from partition.display.messages import how_many

if TYPE_CHECKING:
    from loihiseg.compilation.source import Source
    from partition.core.layers import Layer
    from partition.shapes.tiling import LayerUsage


def settled(options: CompileOptions, network: LoweredNetwork, held: bool = False) -> CompileOptions:
    """Options of the code, where they were left open, as is usual for a network.

    Parameters
    ----------
    options : CompileOptions
    network : LoweredNetwork
        Of activations.
    held : bool
        Whether the host is to look at the output before the end.

    Returns
    -------
    CompileOptions
        What a code finds by the network stays None.

    Raises
    ------
    OptionError
        If there is no such code, or it has no such option.
    """
    code = _code(options, network, _trained(network))
    found = registry.completed(code, options.of_code, looked_at=held)
    fields: dict[str, Any] = {name: found.pop(name, None) for name in CODE_FIELDS}
    return replace(options, code=code.name, code_options=found, **fields)


def _code(options: CompileOptions, network: LoweredNetwork, trained: Trained) -> type[NeuralCode]:
    """The code that is asked for, or of those that the network was trained for the smallest."""
    if options.code is not None:
        return registry.find(options.code)
    codes = registry.suiting(trained, options.of_code)
    if len(codes) == 1 or options.levels == AUTO:
        # Of levels that are still to be chosen the one that needs no more neurons for more.
        return next((code for code in codes if code.name == "ramp"), codes[0])
    # The first of the least.
    return min(codes, key=lambda code: _chips(code, options, network, trained))


def _chips(
    code: type[NeuralCode], options: CompileOptions, network: LoweredNetwork, trained: Trained
) -> float:
    """Chips that a network takes by a code; infinitely many where it cannot be had."""
    from loihiseg.compilation.mapping import partition_layers
    from partition.core.errors import DoesNotFitError
    from partition.core.limits import CORES_PER_CHIP
    from partition.shapes.tiling import choose_block_shapes

    try:
        made = code.made(registry.completed(code, options.of_code), network, trained)
        n_cores = choose_block_shapes(partition_layers(made.neurons(network))).n_cores
    except (InputError, DoesNotFitError):
        return math.inf
    return -(-n_cores // CORES_PER_CHIP)


def _trained(network: LoweredNetwork, info: CheckpointInfo | None = None) -> Trained:
    return Trained(
        has_levels=any(layer.levels for layer in network.layers),
        eight_bit=info is not None and info.config.ends_in_eight_bit,
        over_time=is_over_time(network),
    )


def neural_code(
    config: CompileOptions, network: LoweredNetwork, info: CheckpointInfo | None = None
) -> NeuralCode:
    """The neural code that options ask for, with the times of a network.

    Parameters
    ----------
    config : CompileOptions
    network : LoweredNetwork
        Of activations.
    info : CheckpointInfo, optional
        Of the checkpoint that it is of: tells whether it was trained on the chip's 8-bit weights.

    Raises
    ------
    InputError
        If the code has no such options, or cannot do with them.
    """
    trained = _trained(network, info)
    code = _code(config, network, trained)
    return code.made(registry.completed(code, config.of_code), network, trained)


def check_fit(config: CompileOptions, neurons: LoweredNetwork, source: "Source", tile: int) -> int:
    """Fewest cores of a network of neurons.

    Parameters
    ----------
    config : CompileOptions
    neurons : loihiseg.conversion.spec.LoweredNetwork
    source : tuple
        As from `loihiseg.compilation.source.read_network`, to try other tiles of.
    tile : int
        The one the network is for.

    Raises
    ------
    partition.core.errors.DoesNotFitError
        If there are not as many cores; says what each layer takes, and what would fit.
    """
    from loihiseg.compilation.mapping import partition_layers
    from partition.chips.cut import chips_needed
    from partition.core.errors import DoesNotFitError
    from partition.shapes.tiling import choose_block_shapes

    layers = partition_layers(neurons)
    tiling = choose_block_shapes(layers)
    try:
        chips_needed(tiling.n_cores, config.chips)
    except DoesNotFitError as error:
        lines = usage_lines(tiling.usage) + remedy_lines(layers, config.chips)
        smaller = smaller_tile(config, layers, source, tile)
        if smaller is not None:
            pixels, n_cores = smaller
            lines.append(f"would fit: a tile of {pixels} pixels ({how_many(n_cores, 'core')})")
        raise DoesNotFitError(str(error), lines) from None
    return tiling.n_cores


def remedy_lines(layers: "Sequence[Layer]", n_chips: int) -> list[str]:
    """Changes with which layers would fit so many chips, each tried."""
    from partition.core.errors import DoesNotFitError
    from partition.core.limits import CORES_PER_CHIP
    from partition.shapes.tiling import choose_block_shapes

    try:
        choose_block_shapes(layers, max_cores=n_chips * CORES_PER_CHIP)
    except DoesNotFitError as error:
        return [f"would fit: {remedy}" for remedy in error.remedies]
    return []


def usage_lines(usage: "Sequence[LayerUsage]") -> list[str]:
    """Table of what the worst block of each layer needs, under the limits of a core."""
    from partition.core.limits import LOIHI1

    names = ("compartments", "in_axons", "out_axon_slots", "synapse_bits")
    header = ("layer", "cores", "block", *(name.replace("_", " ") for name in names))
    rows = [header, ("limit of a core", "", "", *(f"{getattr(LOIHI1, n):,}" for n in names))]
    for row in usage:
        block = "x".join(map(str, row.shape))
        needs = (f"{getattr(row, name):,}" for name in names)
        rows.append((row.layer, str(row.n_blocks), block, *needs))
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    return [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))])
        for row in rows
    ]


def layers_at(layers: "Sequence[Layer]", tile: int, other: int) -> "tuple[Layer, ...]":
    """Layers of a network on tiles of some size, as they would be on tiles of another."""
    from partition.shapes.changes import rederived

    hosts = {
        p.source: (
            p.source_shape[0] * other // tile,
            p.source_shape[1] * other // tile,
            p.source_shape[2],
        )
        for layer in layers
        for p in layer.inputs
        if p.on_host and not p.uniform
    }
    found = rederived(layers, hosts)
    # Tiles grow by what all strides divide, so that maps that meet still agree.
    assert found is not None
    return found


def cores_of(config: CompileOptions, layers: "Sequence[Layer]") -> int | None:
    """Cores that layers take; None if they are more than there are."""
    from partition.core.errors import DoesNotFitError
    from partition.core.limits import CORES_PER_CHIP
    from partition.shapes.tiling import choose_block_shapes

    try:
        n_cores = choose_block_shapes(layers).n_cores
    except DoesNotFitError:
        return None
    return n_cores if n_cores <= config.chips * CORES_PER_CHIP else None


def smaller_tile(
    config: CompileOptions, layers: "Sequence[Layer]", source: "Source", tile: int
) -> tuple[int, int] | None:
    """The largest tile below one that does not fit that does, and its cores.

    None where there is no such tile, or ``source`` is no checkpoint, which alone has no size.
    """
    _, checkpoint = source
    if checkpoint is None:
        return None
    step = checkpoint.info.config.network.multiple
    for smaller in range(tile - step, 0, -step):
        n_cores = cores_of(config, layers_at(layers, tile, smaller))
        if n_cores is not None:
            return smaller, n_cores
    return None


def largest_tile(config: CompileOptions, source: "Source", most: int) -> int:
    """The largest tile with which a checkpoint fits the chips.

    Tiles are tried from the checkpoint's own on, upwards while they fit, else downwards.

    Parameters
    ----------
    config : CompileOptions
    source : tuple
        As from `loihiseg.compilation.source.read_network`.
    most : int
        Pixels of the shorter side of a section.

    Raises
    ------
    InputError
        If there is no checkpoint.
    partition.core.errors.DoesNotFitError
        If no tile fits.
    """
    from loihiseg.compilation.lowered import lowered
    from loihiseg.compilation.mapping import partition_layers
    from loihiseg.compilation.source import build_network
    from partition.core.errors import DoesNotFitError

    path, checkpoint = source
    if checkpoint is None:
        raise OptionError(
            Option("tile"), f" auto: {path} is a Keras model, whose input has a size of its own"
        )
    lowering = lowered(build_network(source), config.rate_scale_hz, config.levels is not None)
    network = with_levels(lowering.network, config)
    code = neural_code(config, network, checkpoint.info)
    layers = partition_layers(code.neurons(network))
    own, step = checkpoint.info.config.network.tile, checkpoint.info.config.network.multiple
    tile = min(own, most // step * step)

    def fits(other: int) -> bool:
        return cores_of(config, layers_at(layers, own, other)) is not None

    if tile and fits(tile):
        while tile + step <= most and fits(tile + step):
            tile += step
        return tile
    found = smaller_tile(config, layers_at(layers, own, tile), source, tile) if tile else None
    if found is None:
        raise DoesNotFitError(
            f"tile auto: not even one of {step} pixels fits {config.chips} "
            f"chip{'s' * (config.chips > 1)}: use more chips, or a network of fewer channels or "
            "levels"
        )
    return found[0]
