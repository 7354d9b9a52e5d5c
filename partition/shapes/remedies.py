"""What would make a network fit: changes that were tried and found to do so."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from partition.core.errors import DoesNotFitError
from partition.core.layers import Layer
from partition.display.messages import how_many
from partition.shapes.changes import (
    Change,
    fewer_channels,
    fewer_channels_everywhere,
    fewer_inputs,
    fewer_levels,
    joined_inputs,
    larger_strides,
    other_pop_type,
    smaller_images,
    smaller_kernel,
)

MAX_LAYERS = 3
"""Layers that changes are tried on, each with what is around it."""

SHOWN = 4
"""Remedies named in an error."""


class HasCores(Protocol):
    """A tiling, of which only the cores count here."""

    @property
    def n_cores(self) -> int: ...


Tile = Callable[[Sequence[Layer], int], HasCores]
"""From layers and pop_type to a tiling; raises DoesNotFitError."""


@dataclass(frozen=True)
class Remedy:
    """A change with which the network fits.

    Attributes
    ----------
    change : Change
    n_cores : int
        Cores it then takes.
    """

    change: Change
    n_cores: int

    def __str__(self) -> str:
        return f"{self.change.text} ({how_many(self.n_cores, 'core')})"


def remedies(
    layers: Sequence[Layer], names: Sequence[str], tile: Tile, pop_type: int = 32
) -> list[Remedy]:
    """Changes that make a network fit, of each kind the weakest.

    Parameters
    ----------
    layers : sequence of Layer
    names : sequence of str
        Layers that are in the way, the worst first.
    tile : Tile
    pop_type : {32, 16}
    """
    found = []
    for changes in kinds(layers, names[:MAX_LAYERS], pop_type):
        remedy = weakest(changes, tile)
        if remedy is not None and remedy not in found:
            found.append(remedy)
    return found


def kinds(layers: Sequence[Layer], names: Sequence[str], pop_type: int) -> Iterator[list[Change]]:
    """Yield lists of changes of one kind, each list from weak to strong."""
    yield other_pop_type(layers, pop_type)
    by_name = {layer.name: layer for layer in layers}
    ends = [
        (layer.name, p.source)
        for layer in layers
        for p in layer.inputs
        if layer.name in names or p.source in names
    ]
    around = [name for end in ends for name in end if name in by_name]
    for name in dict.fromkeys([*names, *around]):
        yield fewer_channels(layers, name, pop_type)
    for target, source in ends:
        yield smaller_kernel(layers, target, source, pop_type)
        yield larger_strides(layers, target, source, pop_type)
    yield fewer_channels_everywhere(layers, pop_type)
    yield smaller_images(layers, pop_type)
    yield fewer_levels(layers, pop_type)
    for name in names:
        yield joined_inputs(layers, name, pop_type)
        yield fewer_inputs(layers, name, pop_type)


def weakest(changes: Sequence[Change], tile: Tile) -> Remedy | None:
    """The weakest of a list of changes that fits, found by halving; None if the strongest does not.

    What a stronger change does is taken to fit wherever a weaker one does.
    """
    best, low, high = None, 0, len(changes) - 1
    middle = high
    while low <= high:
        try:
            best = Remedy(
                changes[middle], tile(changes[middle].layers, changes[middle].pop_type).n_cores
            )
            high = middle - 1
        except DoesNotFitError:
            if best is None:
                return None
            low = middle + 1
        middle = (low + high) // 2
    return best


def explained(
    error: DoesNotFitError, layers: Sequence[Layer], tile: Tile, pop_type: int
) -> DoesNotFitError:
    """An error with the remedies named that were found; parameters as of `remedies`."""
    found = remedies(layers, error.layers, tile, pop_type)
    if not found:
        return error
    shown = "; or ".join(str(remedy) for remedy in found[:SHOWN])
    return DoesNotFitError(f"{error}; would fit: {shown}", error.violations, error.layers, found)
