"""Blocks on chips and cores, and the messages between them."""

from dataclasses import dataclass

from loihiseg.results.ranges import Amount, Count, Name, Positive


@dataclass(frozen=True)
class AllocatorRow:
    """One placement of the blocks; messages are per step, expected from rates.

    Attributes
    ----------
    name : str
        Of nengo-loihi's allocator, or ours.
    messages : float
        Between chips.
    max_link_load : float
        On the busiest link of the board.
    mean_hops : float
        Per message within a chip, on an assumed mesh.
    ours : bool
    """

    name: Name
    messages: Amount
    max_link_load: Amount
    mean_hops: Amount
    ours: bool


@dataclass(frozen=True)
class MappingResults:
    """Where the blocks of a network lie. Messages are per step between chips.

    Attributes
    ----------
    n_neurons, n_cores, n_chips, n_chips_used : int
        On the chip; in use; asked for; in use.
    measured_messages : float
        Counted from spikes, those of the host apart.
    messages, lower_bound, gap : float
        Expected from rates; the least that is possible, 0 where no bound was found and None
        where that is not known; share that could at most be saved.
    proved : bool
        Whether fewer are impossible.
    chip_of_block, core_of_block : tuple of int
    link_loads : tuple of (int, int, float)
        Messages from chip to chip.
    mean_hops_before, mean_hops : float
        Per message within a chip, by nengo-loihi's default allocator and by ours.
    allocators : tuple of AllocatorRow
    """

    n_neurons: Positive
    n_cores: Positive
    n_chips: Positive
    n_chips_used: Positive
    measured_messages: Amount
    messages: Amount
    lower_bound: Amount | None
    gap: float
    proved: bool
    chip_of_block: tuple[Count, ...]
    core_of_block: tuple[Count, ...]
    link_loads: tuple[tuple[Count, Count, Amount], ...]
    mean_hops_before: Amount
    mean_hops: Amount
    allocators: tuple[AllocatorRow, ...]

    def __post_init__(self) -> None:
        for name in ("chip_of_block", "core_of_block"):
            given = len(getattr(self, name))
            if given != self.n_cores:
                raise ValueError(f"{name} has {given} blocks, n_cores is {self.n_cores}")

    @property
    def others(self) -> tuple[AllocatorRow, ...]:
        """nengo-loihi's placements."""
        return tuple(row for row in self.allocators if not row.ours)
