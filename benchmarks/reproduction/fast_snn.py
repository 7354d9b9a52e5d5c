"""One run: a network of levels simulated as Fast-SNN, as it is and tuned. No chip can run it."""

from argparse import Namespace
from pathlib import Path

from loihiseg.commands.common import read_data
from loihiseg.commands.simulate import SimulationConfig, simulate
from loihiseg.methods.fast_snn.method import NAME, Settings
from loihiseg.progress import Reporter
from loihiseg.report.run_folder import write_results


def simulate_levels(asked: Namespace, job: dict) -> None:
    """Score the networks of a job on whole test sections and write ``metrics.json``.

    Parameters
    ----------
    asked : Namespace
        As from ``runs.asked_of``.
    job : dict
        As from ``runs.job_of``.
    """
    config = SimulationConfig(
        NAME,
        Settings(job["steps"], job["crops"]),
        asked.checkpoint,
        asked.start,
        asked.data,
        asked.labels,
        asked.label_polarity,
        label_threshold=asked.label_threshold,
        boundary_width=asked.boundary_width,
        ignore_label=asked.ignore_label,
        pixel_nm=asked.pixel_nm,
    )
    write_results(Path(asked.folder), simulate(config, lambda: read_data(config), Reporter()))
