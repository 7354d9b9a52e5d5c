"""What a segmentation works on."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from loihiseg.commands.segment.configuration import SegmentConfig

if TYPE_CHECKING:
    from loihiseg.compilation.deployed import DeployedNetwork, FloatNetwork
    from loihiseg.data.moved import MovedVolume
    from loihiseg.data.moving import Offset
    from loihiseg.data.resampled import MapGrid, ResampledVolume
    from loihiseg.data.volume import Volume
    from loihiseg.progress import Reporter


@dataclass(frozen=True, eq=False)
class Seen:
    """A volume at the size of pixel that a network was trained on.

    Attributes
    ----------
    sections : Volume, ResampledVolume or MovedVolume
    grid : MapGrid
        The volume's own pixels, which the maps have.
    pixel_nm : tuple of float or None
        Of the volume, as it says or as was asked for: nanometres between sections, rows, columns.
    note : str
        What is not known; nothing where all is.
    moved_px : tuple of float or None
        By which images are moved for the network, down and right.
    """

    sections: "Volume | ResampledVolume | MovedVolume"
    grid: "MapGrid"
    pixel_nm: tuple[float, float, float] | None
    note: str = ""
    moved_px: "Offset | None" = None


@dataclass(frozen=True, eq=False)
class Job:
    """A volume to be segmented.

    Attributes
    ----------
    config : SegmentConfig
    volume : Volume
    seen : Seen
        The volume as the network sees it.
    numbers : range
        Of the sections that are segmented.
    network : DeployedNetwork or FloatNetwork
    reporter : Reporter
    """

    config: SegmentConfig
    volume: "Volume"
    seen: Seen
    numbers: range
    network: "DeployedNetwork | FloatNetwork"
    reporter: "Reporter"

    @cached_property
    def network_digest(self) -> str:
        """SHA-256 of all that decides the maps of the network."""
        return digest_of(self.network)


def digest_of(network: "DeployedNetwork | FloatNetwork") -> str:
    """SHA-256 of all that decides the maps of a network."""
    from loihiseg.compilation.deployed import DeployedNetwork
    from loihiseg.storage.records import signature

    if isinstance(network, DeployedNetwork):
        return signature(
            network.network,
            network.neurons,
            network.readout,
            network.line,
            network.code,
            network.threshold,
            network.deployable,
        )
    return signature(network)
