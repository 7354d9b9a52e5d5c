"""A stack without labels in, maps of membrane out, in files that Fiji and napari open."""

import json
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from loihiseg.commands.segment.configuration import SegmentConfig, configuration
from loihiseg.commands.segment.job import Job, Seen
from loihiseg.commands.segment.options import parse, parser
from loihiseg.commands.segment.report import print_results, results_of
from loihiseg.errors import DamagedSectionsError
from loihiseg.installed import require_frameworks
from loihiseg.training import shipped
from partition.command_line.command import doing
from partition.command_line.log import RunLog
from partition.command_line.streams import standard_output
from partition.display.messages import handed_on

if TYPE_CHECKING:
    import numpy as np

    from loihiseg.compilation.deployed import DeployedNetwork, FloatNetwork
    from loihiseg.compilation.source import Source
    from loihiseg.data.moved import MovedVolume
    from loihiseg.data.resampled import ResampledVolume
    from loihiseg.data.volume import Volume
    from loihiseg.data.writers import Output, SectionWriter
    from loihiseg.progress import Reporter
    from loihiseg.results.segmentation import SegmentationResults
    from loihiseg.running.cells_of_volume import CellsOf
    from loihiseg.running.journal import Journal
    from loihiseg.running.volume import Maps, Windows

__all__ = ["main", "parser"]

MASK, CELLS = "mask", "cells"
LINKED_SHARE = 0.5
"""Share of the smaller of two cells that they have in common at least, to be one cell."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(arguments)
    config = configuration(options)
    if config.deployed is None:
        require_frameworks()
    with RunLog("loihiseg", beside(config, "log")) as log:
        results = _segment(options, config, log)
    with standard_output():
        if options.json:
            from loihiseg.results import plain

            print(json.dumps(plain(results)))
        else:
            print_results(results, config)
    if results.damaged:
        raise DamagedSectionsError(results.damaged, config.output)


def beside(config: SegmentConfig, suffix: str) -> Path:
    """A file beside the output that says something of it."""
    output = Path(config.output)
    return output.with_name(f"{output.name}.{suffix}")


def _segment(options: Namespace, config: SegmentConfig, log: RunLog) -> "SegmentationResults":
    from loihiseg.compilation.source import neighbours_of
    from loihiseg.data.sections import parse_sections
    from loihiseg.data.volume import open_volume
    from loihiseg.data.writers import output_paths
    from loihiseg.data.writers.base import refuse_existing
    from loihiseg.files import write_json
    from loihiseg.progress import Reporter
    from loihiseg.results import plain
    from loihiseg.results.task import sees

    reporter = Reporter(options.quiet or options.json)
    labels = [MASK, CELLS] if config.cells else [MASK]
    outputs = output_paths(config.output, labels)
    # Before anything slow: maps that cannot be kept are not begun.
    refuse_existing(outputs[0])
    with (
        _windows(config, reporter) as windows,
        doing(f"reading {config.input}"),
        open_volume(config.input) as volume,
    ):
        with reporter.part("load") as note:
            numbers = range(volume.n_sections)
            if config.sections is not None:
                numbers = parse_sections(config.sections, volume.n_sections)
            source = _source_of(config)
            seen = _seen(config, volume, source)
            note.detail = _in_words(volume, seen, numbers) + sees(
                neighbours_of(source), "; the network "
            )
        if seen.note:
            reporter.say(seen.note)
        network = network_of(config, source, seen.sections, numbers, reporter)
        job = Job(config, volume, seen, numbers, network, reporter)
        with _opened(job, labels) as (output, maps):
            log.open(beside(config, "log"))
            results = _run(job, output, maps, windows)
            results = replace(results, outputs=_named(config, outputs))
            write_json(beside(config, "json"), {"config": asdict(config)} | plain(results))
    return results


@contextmanager
def _windows(config: SegmentConfig, reporter: "Reporter") -> "Iterator[Windows | None]":
    """What segments windows; None for this process."""
    if config.scheduler is None:
        yield None
        return
    from loihiseg.running.cluster import open_cluster

    with ExitStack() as stack:
        with reporter.part("connect") as note:
            cluster = stack.enter_context(open_cluster(config.scheduler))
            note.detail = cluster.in_words()
        yield cluster.run


def _named(config: SegmentConfig, paths: list[Path]) -> tuple[str, ...]:
    """Outputs as seen from the folder that the first of them lies in."""
    return tuple(path.relative_to(Path(config.output).parent).as_posix() for path in paths)


def _source_of(config: SegmentConfig) -> "DeployedNetwork | Source":
    """The network that is asked for: a kept one, or a trained one."""
    if config.deployed is not None:
        from loihiseg.compilation.artifact import load_deployed

        return load_deployed(config.deployed)
    from loihiseg.compilation.source import check_membrane, read_network

    with doing(f"reading {config.checkpoint}"):
        source = read_network(shipped.resolve(config.checkpoint, config.input))
        check_membrane(source)
        return source


def _seen(
    config: SegmentConfig,
    volume: "Volume",
    source: "DeployedNetwork | Source",
) -> Seen:
    """The volume at the network's size of pixel, where both are known."""
    from loihiseg.compilation.source import label_offset_of, neighbours_of, pixel_nm_of
    from loihiseg.data.moved import MovedVolume
    from loihiseg.data.neighbours import warn_of_one
    from loihiseg.data.readers.axes import complete
    from loihiseg.data.resampled import MapGrid, ResampledVolume
    from loihiseg.data.resampling import PixelSizes, resampling_of, unknown

    reach = neighbours_of(source)
    if reach:
        volume = volume.keeping(1 + 2 * reach)
        if volume.n_sections == 1:
            warn_of_one(volume.source, reach)
    network_nm = pixel_nm_of(source)
    sizes = PixelSizes(config.pixel_nm, network_nm)
    resampling, found = resampling_of(volume.reader.pixel_nm, sizes, volume.source)
    grid = MapGrid(volume.shape, resampling)
    sections: Volume | ResampledVolume | MovedVolume = volume
    if resampling is not None:
        sections = ResampledVolume(volume, resampling)
    if (offset := label_offset_of(source)) is not None:
        sections = MovedVolume(sections, offset)
    note = unknown(found, network_nm) if resampling is None else ""
    return Seen(sections, grid, complete(found), note, offset)


def _in_words(volume: "Volume", seen: Seen, numbers: range) -> str:
    from loihiseg.results.task import moved_by

    height, width = volume.shape
    sections = f"{len(numbers)} section{'s' * (len(numbers) != 1)} of {height} x {width}"
    size = "pixels of unknown size"
    if seen.pixel_nm is not None:
        size = "pixels of {:g} x {:g} x {:g} nm".format(*seen.pixel_nm)
    if seen.grid.resampling is not None:
        size += f", {seen.grid.resampling}"
    size += moved_by(seen.moved_px, ", ")
    return f"{sections} from {handed_on(volume.source)}, {size}"


def network_of(
    config: SegmentConfig,
    source: "DeployedNetwork | Source",
    volume: "Volume | ResampledVolume | MovedVolume",
    numbers: range,
    reporter: "Reporter",
) -> "DeployedNetwork | FloatNetwork":
    """The network that segments: a kept one, or a trained one, compiled for the volume."""
    from loihiseg.compilation.deployed import DeployedNetwork
    from loihiseg.running.volume import volume_tiles
    from loihiseg.starting import start_frameworks

    if isinstance(source, DeployedNetwork):
        if config.recalibrate is None:
            return source
        pixels = volume_tiles(
            volume, numbers, source.tile, config.recalibrate, source.task.neighbours
        )
        return _recalibrated(source, pixels, reporter)
    start_frameworks(reporter)
    from loihiseg.compilation.compile import float_network
    from loihiseg.compilation.source import neighbours_of
    from loihiseg.compilation.steps import Tissue, compile_on
    from loihiseg.running.runners import compiled_presenter

    side = min(volume.shape)
    if config.on == "float":
        with reporter.part("lower"):
            return float_network(source, config.compile_options, side, None)
    count, reach = config.calibration_tiles or 0, neighbours_of(source)
    return compile_on(
        source,
        config.compile_options,
        side,
        Tissue(
            lambda tile: volume_tiles(volume, numbers, tile, count, reach),
            "of the sections that are segmented",
        ),
        lambda deployed, _reference: compiled_presenter(deployed),
        reporter,
    )


def _recalibrated(
    deployed: "DeployedNetwork", pixels: "np.ndarray", reporter: "Reporter"
) -> "DeployedNetwork":
    """The read-out fitted anew; says what it was and is."""
    from loihiseg.compilation.calibration import calibrated
    from loihiseg.files import sha256
    from loihiseg.running.runners import compiled_presenter

    with (
        reporter.part("calibrate") as note,
        compiled_presenter(deployed) as presenter,
        reporter.bar("calibrate", len(pixels)) as advance,
    ):
        found, _ = calibrated(deployed, presenter, pixels, None, advance)
        words = f"{len(pixels)} tiles of the sections that are segmented"
        digest = sha256(pixels.tobytes())
        known = replace(found.provenance, calibration=words, calibration_sha256=digest)
        note.detail = (
            f"read-out fitted anew on {words}: gain {deployed.line.gain:.3f} to "
            f"{found.line.gain:.3f}, offset {deployed.line.offset:+.3f} to {found.line.offset:+.3f}"
        )
    return replace(found, provenance=known)


@contextmanager
def _opened(job: Job, labels: list[str]) -> "Iterator[tuple[Output, Maps]]":
    """Outputs and their journal, gone on with where an earlier run left them."""
    from loihiseg.data.writers import discard_partial, is_begun, open_output
    from loihiseg.running.journal import journal_path, open_journal
    from loihiseg.running.volume import Maps

    config, volume, numbers, say = job.config, job.volume, job.numbers, job.reporter.say
    path = Path(config.output)
    begun = is_begun(path, labels)
    fingerprint = {
        "input": volume.digest(),
        "network": job.network_digest,
        "sections": f"{numbers.start}:{numbers.stop}",
        "--on": config.on,
        "--orientations": str(config.orientations),
        "--probability": config.probability,
        "--cells": str(config.cells),
        "--link": str(config.link),
        "--flood": str(config.flood),
        "--pixel-nm": str(config.pixel_nm),
        "moved": str(job.seen.moved_px),
        # Finished windows are known by their places.
        "window": str(config.segment_options.window),
    }
    with open_journal(journal_path(path), fingerprint, is_begun=begun, say=say) as journal:
        if journal.done:
            say(f"goes on: {_n_windows(journal)} windows were finished before")
        else:
            discard_partial(path, labels)
        height, width = volume.shape
        with open_output(
            path,
            shape=(len(numbers), height, width),
            dtype=config.probability,
            pixel_nm=job.seen.pixel_nm,
            resume=bool(journal.done),
        ) as output:
            mask = output.add_labels(MASK, _dtype("uint8"))
            # As is usual in each: a picture of black and white, or the id of a label.
            value = 1 if path.name.lower().endswith(".zarr") else 255
            with _says_how_to_go_on(journal):
                yield output, Maps(output, mask, value, journal, job.seen.grid)


def _n_windows(journal: "Journal") -> int:
    """Finished windows; cells of sections are in the journal too."""
    return sum(len(unit) == 3 for unit in journal.done)


@contextmanager
def _says_how_to_go_on(journal: "Journal") -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as stopped:
        if n_done := _n_windows(journal):
            done = f"{n_done} window{'s are' if n_done > 1 else ' is'} finished"
            how = f"{stopped or 'interrupted'}; {done}: give the command again to go on"
            stopped.args = (how,)
        raise


def _dtype(name: str) -> "np.dtype":
    import numpy as np

    return np.dtype(name)


def _cells_of(config: SegmentConfig, seen: Seen) -> "CellsOf":
    """How cells of a section are told apart."""
    from loihiseg.running.cells import CellOptions, flooded_cells, section_cells

    if config.flood is not None:
        depth = config.flood
        return lambda probability, _membrane: flooded_cells(probability, depth)
    size = None if seen.pixel_nm is None else seen.pixel_nm[2]
    return partial(section_cells, options=CellOptions.at(size))


def _run(
    job: Job, output: "Output", maps: "Maps", windows: "Windows | None"
) -> "SegmentationResults":
    from loihiseg.running.cells_of_volume import CellsOfVolume
    from loihiseg.running.volume import n_windows, segment

    config, seen, numbers, reporter = job.config, job.seen, job.numbers, job.reporter
    cells = None
    if config.cells:
        writer: SectionWriter = output.add_labels(CELLS, _dtype("uint32"))
        share = LINKED_SHARE if config.link else None
        cells = CellsOfVolume(maps, writer, share, _cells_of(config, seen))
    options = config.segment_options
    left = n_windows(job.volume, numbers, options) - _n_windows(maps.journal)
    with reporter.part("segment") as note, reporter.bar("segment", left) as advance:
        progress = segment(
            job.network,
            seen.sections,
            numbers,
            maps,
            options,
            windows=windows,
            on_window=advance,
            on_section=cells.add if cells else lambda _position, _is_missing: None,
        )
        note.detail = f"{progress.n_windows} windows, {progress.n_tiles} tiles on {config.on}"
    return results_of(job, progress, cells.n_cells if cells else None)
