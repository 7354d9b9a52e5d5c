"""A deployment as a whole."""

from dataclasses import dataclass
from typing import Annotated, Protocol, Self, TypeVar

from msgspec import Meta

from loihiseg.results.classes import ClassResults
from loihiseg.results.layers import (
    EarlyFirings,
    HostLayer,
    LayerResults,
    PooledRates,
    QuantizedLayer,
)
from loihiseg.results.mapping import MappingResults
from loihiseg.results.ranges import Amount, Count, Moved, Name, Place, Positive, Sha256, Share
from loihiseg.results.scores import Network, ScoreRow
from loihiseg.results.timing import StepTimes
from loihiseg.results.topology import Topology
from loihiseg.results.work import (
    ActivityCounts,
    EarlyExit,
    EnergyEstimate,
    InterChipPoint,
    SectionWork,
    SpikeDigests,
)

FORMAT = 4
"""Of ``metrics.json``. Format 1 does not say its number; see `loihiseg.results.upgrade`."""

LOIHI_DEVICE = "loihi"
"""Name of Loihi among the devices of energies."""


@dataclass(frozen=True)
class DataSource:
    """A stack: where it was read, the SHA-256 of its pixels and labels, which label is membrane."""

    source: Name
    sha256: Sha256
    polarity: Name


@dataclass(frozen=True)
class NetworkSource:
    """A trained network: where it was read, and the side of its tiles in pixels.

    ``neighbours`` are the sections that it sees on either side of one; images were moved down and
    right by ``moved_px`` for it, None for not.
    """

    source: Name
    tile: Positive
    neighbours: Count = 0
    moved_px: Moved | None = None


@dataclass(frozen=True)
class Code:
    """How neurons stand for activations.

    Attributes
    ----------
    name : str
    steps, window_steps : int
        Of a presentation, 1 ms each; those of the end in which it is read out, None where that is
        not known.
    held : bool
        Whether the image stands at the input all the time, so that all layers settle.
    input : str
        As ``--input``.
    levels, chip_levels : tuple of int
        Of the activations of each layer, and of each layer on the chip; 0 for rates.
    """

    name: Name
    steps: Positive
    window_steps: Positive | None
    held: bool
    input: Name
    levels: tuple[Count, ...]
    chip_levels: tuple[Count, ...]

    @property
    def has_levels(self) -> bool:
        """Whether neurons stand for levels of activations; else they fire at rates."""
        return any(self.chip_levels)


class Logits(Protocol):
    """An array, as far as a straight line needs one."""

    def __rmul__(self, gain: float, /) -> Self: ...
    def __add__(self, offset: float, /) -> Self: ...


L = TypeVar("L", bound=Logits)


@dataclass(frozen=True)
class Readout:
    """Straight line from the spiking read-out's logits to the trained network's.

    Fitted by least squares on validation tiles, so that the threshold chosen for the trained
    network serves both. ``n_tiles`` is 0 where there was nothing to fit on.
    """

    gain: float = 1.0
    offset: float = 0.0
    n_tiles: Count = 0

    def __call__(self, logits: L) -> L:
        """Calibrated logits, the shape of ``logits``."""
        return self.gain * logits + self.offset


@dataclass(frozen=True)
class Results:
    """What a deployment came to.

    Attributes
    ----------
    versions : dict of str to str
        Of the packages that can change a result, by name.
    data : DataSource
    network : NetworkSource
    code : Code
    agreement : float or None
        Share of the pixels that the spikes call as the network with 8-bit weights does.
    threshold : float
        Probability above which a pixel is called membrane.
    readout : Readout
    tiles : tuple of (int, int, int)
        Section, row and column of each tile that was shown.
    whole_sections : bool
        Whether the tiles make up whole sections.
    scored_note : str
        Which pixels were scored, and what the scores cannot say.
    score_rows : tuple of ScoreRow
        In the order in which they are shown.
    layers : tuple of LayerResults
        On the chip.
    rates : PooledRates
    quantization : tuple of QuantizedLayer
    mapping : MappingResults
    activity : ActivityCounts
    early_exit : EarlyExit or None
        None where it was not asked for.
    energy : tuple of EnergyEstimate
    inter_chip_energy : tuple of InterChipPoint
    seconds : dict of str to float
        Wall time by step of the deployment.
    code_rows : tuple of (str, str)
        What else the code says of itself: what, and in a few words.
    spikes_sha256 : SpikeDigests or None
        None in folders that were written before there were any.
    peak_memory_mb : float or None
        Of the process, MiB.
    orientations : int
        In which each tile was shown; all of these presentations are images in ``activity``.
    per_section : SectionWork or None
        Where whole sections were made; None in folders that were written before there was any.
    accelerators : tuple of EnergyEstimate
        What accelerators of today would take for the same network with 8-bit weights.
    step_times : StepTimes or None
        None where blocks hear echoes of themselves, and in folders that were written before.
    host_layers : tuple of HostLayer
        What the host computes, before and behind the chip; empty in folders that were written
        before they were listed.
    topology : Topology or None
        Which cells were joined and cut; None where it was not asked for.
    classes : ClassResults or None
        What a network called that tells classes apart; None of maps of membrane.
    early_firings : tuple of EarlyFirings
        Of layers that fired before all of their input was there; empty where none did, where no
        code could let them, and in folders that were written before they were counted.
    format : int
    """

    versions: dict[str, str]
    data: DataSource
    network: NetworkSource
    code: Code
    agreement: Share | None
    threshold: Share
    readout: Readout
    tiles: tuple[Place, ...]
    whole_sections: bool
    scored_note: Annotated[str, Meta(max_length=100_000)]
    score_rows: tuple[ScoreRow, ...]
    layers: tuple[LayerResults, ...]
    rates: PooledRates
    quantization: tuple[QuantizedLayer, ...]
    mapping: MappingResults
    activity: ActivityCounts
    early_exit: EarlyExit | None
    energy: tuple[EnergyEstimate, ...]
    inter_chip_energy: tuple[InterChipPoint, ...]
    seconds: dict[str, Amount]
    code_rows: Annotated[tuple[tuple[Name, Name], ...], Meta(max_length=100)] = ()
    spikes_sha256: SpikeDigests | None = None
    peak_memory_mb: Amount | None = None
    orientations: Positive = 1
    per_section: SectionWork | None = None
    accelerators: tuple[EnergyEstimate, ...] = ()
    step_times: StepTimes | None = None
    host_layers: tuple[HostLayer, ...] = ()
    topology: Topology | None = None
    classes: ClassResults | None = None
    early_firings: tuple[EarlyFirings, ...] = ()
    format: Annotated[int, Meta(ge=FORMAT, le=FORMAT)] = FORMAT

    def __post_init__(self) -> None:
        if not self.tiles or len(self.tiles) * self.orientations != self.activity.n_images:
            shown = f" in {self.orientations} orientations" if self.orientations > 1 else ""
            raise ValueError(
                f"{len(self.tiles)} tiles{shown}, but {self.activity.n_images} images were "
                "presented"
            )
        if not self.layers:
            raise ValueError("no layer is on the chip")
        if self.code.has_levels and len(self.code.chip_levels) != len(self.layers):
            raise ValueError(
                f"{len(self.layers)} layers on the chip, levels of {len(self.code.chip_levels)}"
            )

    @property
    def sections(self) -> tuple[int, ...]:
        """Numbers of the sections that the tiles are of, ascending."""
        return tuple(sorted({section for section, _, _ in self.tiles}))

    @property
    def compared(self) -> tuple[ScoreRow, ...]:
        """Rows of the pixels that the spikes are scored on."""
        return tuple(row for row in self.score_rows if row.whole_sections == self.whole_sections)

    def scores(self, network: Network) -> ScoreRow | None:
        """Scores of a network on the pixels that the spikes are scored on, or None."""
        return next((row for row in self.compared if row.network is network), None)

    def energy_on(self, device: str = LOIHI_DEVICE) -> EnergyEstimate | None:
        """Estimate for a device, or None."""
        return next((one for one in self.energy if one.device == device), None)
