"""What the second opinions read of a result, whoever made it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from partition.core.layers import Shape


class AssignmentClaims(Protocol):
    """Chips of blocks and what is said to cross; see `partition.chips.cut.Assignment`."""

    @property
    def chip_of_block(self) -> tuple[int, ...]: ...
    @property
    def messages(self) -> float: ...
    @property
    def link_loads(self) -> Mapping[tuple[int, int], float]: ...
    @property
    def n_chips_used(self) -> int: ...


class Board(Protocol):
    """Places of chips in rows and columns; see `partition.places.mesh.Grid`."""

    @property
    def columns(self) -> int: ...
    @property
    def n_places(self) -> int: ...


class PlacementClaims(Protocol):
    """Where chips and blocks lie; see `partition.places.placement.Placement`.

    Counts and loads that are compared by their names are not listed here.
    """

    @property
    def board(self) -> Board: ...
    @property
    def place_of_chip(self) -> tuple[int, ...]: ...
    @property
    def core_of_block(self) -> tuple[int, ...]: ...
    @property
    def link_loads(self) -> Mapping[tuple[int, int], float]: ...


class UsageClaims(Protocol):
    """What a layer is said to take; see `partition.shapes.tiling.LayerUsage`."""

    @property
    def layer(self) -> str: ...
    @property
    def shape(self) -> Shape: ...
    @property
    def compartments(self) -> int: ...
    @property
    def in_axons(self) -> int: ...
    @property
    def out_axon_slots(self) -> int: ...
    @property
    def synapse_bits(self) -> int: ...


class TilingClaims(Protocol):
    """Block shapes and what they take; see `partition.shapes.tiling.Tiling`."""

    @property
    def shapes(self) -> Mapping[str, Shape]: ...
    @property
    def n_cores(self) -> int: ...
    @property
    def usage(self) -> Sequence[UsageClaims]: ...
