"""What a segmentation came to, kept and printed."""

from pathlib import Path
from typing import TYPE_CHECKING

from loihiseg.commands.segment.configuration import SegmentConfig
from loihiseg.commands.segment.job import Job
from partition.display.messages import handed_on, printable

if TYPE_CHECKING:
    from loihiseg.results.segmentation import SegmentationResults
    from loihiseg.running.volume import Progress


def results_of(job: Job, progress: "Progress", n_cells: int | None) -> "SegmentationResults":
    """What a segmentation came to; what was written is not among it yet."""
    from loihiseg.compilation.deployed import DeployedNetwork
    from loihiseg.metrics.energy import LOIHI, estimate_energy
    from loihiseg.provenance import peak_memory_mb, versions
    from loihiseg.results.segmentation import SegmentationResults

    config, volume, network = job.config, job.volume, job.network
    activity = progress.tally.counts() if progress.tally is not None else None
    calibration = ""
    if isinstance(network, DeployedNetwork) and config.on == "chip":
        calibration = network.provenance.calibration
    height, width = volume.shape
    return SegmentationResults(
        versions=versions(),
        source=handed_on(volume.source),
        input_sha256=volume.digest(),
        sections=tuple(job.numbers),
        height=height,
        width=width,
        pixel_nm=job.seen.pixel_nm,
        network=handed_on(config.deployed or str(config.checkpoint)),
        network_sha256=job.network_digest,
        on=config.on,
        calibration=calibration,
        orientations=config.orientations,
        threshold=network.threshold,
        membrane=progress.n_membrane / max(progress.n_pixels, 1),
        outputs=(),
        damaged=dict(progress.damaged),
        activity=activity,
        energy=None if activity is None else estimate_energy(activity, LOIHI),
        seconds=dict(job.reporter.seconds),
        peak_memory_mb=peak_memory_mb(),
        n_cells=n_cells,
        neighbours=network.task.neighbours,
        moved_px=job.seen.moved_px,
    )


def print_results(results: "SegmentationResults", config: SegmentConfig) -> None:
    """Print what came out, in a few lines."""
    from partition.display.terminal import Console

    console = Console(soft_wrap=True)
    n_sections = len(results.sections) - len(results.damaged)
    console.print(
        f"{n_sections} section{'s' * (n_sections != 1)} of {results.height} x {results.width}: "
        f"{results.membrane:.1%} membrane above {results.threshold:.3f}"
        + (f", {results.n_cells:,} cells" if results.n_cells is not None else "")
    )
    if results.energy is not None and results.activity is not None:
        shown = results.activity
        console.print(
            f"{shown.n_images:,} tiles, {shown.n_steps:,} steps, {shown.synaptic_events:,} "
            f"synaptic events, an estimated {results.energy.total_uj_per_image:.3g} uJ a tile"
        )
    folder = Path(config.output).parent
    for name in (*results.outputs, f"{Path(config.output).name}.json"):
        console.print(printable(folder / name))
