"""What segmenting a volume came to; written beside the maps."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from loihiseg.results.ranges import Amount, Count, Moved, Name, Positive, Sha256, Share
from loihiseg.results.work import ActivityCounts, EnergyEstimate


@dataclass(frozen=True)
class SegmentationResults:
    """What segmenting a volume came to.

    Attributes
    ----------
    versions : dict of str to str
        Of the packages that can change a result, by name.
    source : str
        Name of the volume.
    input_sha256 : str
        Digest of what was read.
    sections : tuple of int
        That were segmented, numbered within the volume.
    height, width : int
        Pixels of a section.
    pixel_nm : tuple of float or None
        Distance of pixels along z, y and x; None where the volume does not say.
    network : str
        Where it came from.
    network_sha256 : str
    on : str
        "chip" or "float".
    calibration : str
        Tiles that the read-out was fitted on, in words; empty in floats.
    orientations : int
    threshold : float
        Probability above which a pixel is called membrane.
    membrane : float
        Share of the pixels that are.
    outputs : tuple of str
        Names of what was written.
    damaged : dict of int to str
        Sections that could not be read, and why; 0 in all that was written.
    activity : ActivityCounts or None
        On the chip, of the windows that the last run of the command did; None in floats.
    energy : EnergyEstimate or None
        Of an image that is shown, from these.
    seconds : dict of str to float
        Wall time of the last run by what it did.
    peak_memory_mb : float
        Of the process, MiB.
    n_cells : int or None
        None where no cells were asked for.
    format : int
    neighbours : int
        Sections that the network sees on either side of one.
    moved_px : tuple of float or None
        By which images were moved for the network, down and right, as those it was trained on.
    """

    versions: dict[Name, Name]
    source: Name
    input_sha256: Sha256
    sections: Annotated[tuple[Count, ...], Meta(max_length=10**6)]
    height: Positive
    width: Positive
    pixel_nm: tuple[Amount, Amount, Amount] | None
    network: Name
    network_sha256: Sha256
    on: Name
    calibration: Name
    orientations: Positive
    threshold: Share
    membrane: Share
    outputs: tuple[Name, ...]
    damaged: Annotated[dict[int, str], Meta(max_length=10**6)]
    activity: ActivityCounts | None
    energy: EnergyEstimate | None
    seconds: dict[str, Amount]
    peak_memory_mb: Amount
    n_cells: Count | None = None
    format: Annotated[int, Meta(ge=1, le=1)] = 1
    neighbours: Count = 0
    moved_px: Moved | None = None
