"""What a deployment prints and writes."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from partition.display.messages import handed_on, printable

if TYPE_CHECKING:
    from loihiseg.classification import ClassDeployment
    from loihiseg.commands.deploy.configuration import DeployConfig
    from loihiseg.pipeline import Deployment
    from loihiseg.report import page
    from loihiseg.results import Results


_LOG = logging.getLogger("loihiseg.commands")

CLASSES = "classes.npz"
"""Classes by network, (n,) or (n, rows, columns), logits of the spikes, and numbers of images."""


def print_report(results: "Results", page: Path) -> None:
    """Print the tables of a report, its verdict, and where its page is."""
    from loihiseg.report import deployment, tables
    from loihiseg.report.verdict import verdict_of
    from partition.display.terminal import Console

    console = Console(soft_wrap=False, width=max(Console().width, 124))
    for table in (
        tables.layers_table,
        tables.mapping_table,
        tables.allocators_table,
        tables.energy_table,
        *deployment.WHERE_KNOWN,
        *deployment.score_tables(results),
    ):
        made = table(results)
        if made is not None:
            tables.print_table(made, console)
    verdict = verdict_of(results)
    console.print(verdict.line, soft_wrap=True)
    for warning in verdict.warnings:
        console.print(f"warning: {warning}", style="bold red", soft_wrap=True)
    console.print(f"report: {printable(page)}", soft_wrap=True)


def log_verdict(results: "Results") -> None:
    """Have the log end with what the report begins with."""
    from loihiseg.report.verdict import verdict_of

    verdict = verdict_of(results)
    _LOG.info("%s", verdict.line)
    for warning in verdict.warnings:
        _LOG.warning("%s", warning)


def write_report(
    folder: Path, config: "DeployConfig", result: "Deployment | ClassDeployment"
) -> Path:
    """Write the run folder and return the path of its page.

    All its files appear together, the page last; what cannot be drawn or written leaves an older
    report as it was.
    """
    from loihiseg.files import all_or_none
    from loihiseg.report.page import PAGE_FILE

    with all_or_none(folder, last=PAGE_FILE) as staging:
        _write_files(staging, config, result)
    return Path(folder) / PAGE_FILE


def _write_maps(folder: Path, result: "Deployment") -> None:
    """The probabilities of membrane as volumes, 255 for 1, in the order of the pictures."""
    from loihiseg.data.writers import open_output
    from loihiseg.report.run_folder import CHIP_MAP, FLOAT_MAP
    from loihiseg.running.volume import stored

    for name, maps in ((CHIP_MAP, result.spiking), (FLOAT_MAP, result.trained)):
        n_maps, height, width = maps.shape
        with open_output(
            folder / name,
            shape=(n_maps, height, width),
            dtype="uint8",
            pixel_nm=result.pixel_nm,
        ) as output:
            for number, probability in enumerate(maps):
                output.write(number, stored(probability, "uint8"))


def _write_classes(folder: Path, result: "ClassDeployment") -> None:
    """Classes that were called, as arrays."""
    from loihiseg.files import write_bytes
    from loihiseg.storage.arrays import pack_arrays

    arrays = {network.value: classes for network, classes in result.called.items()}
    arrays |= {"logits": result.logits, "numbers": np.array(result.images.numbers, np.int64)}
    write_bytes(folder / CLASSES, pack_arrays(arrays))


def _write_answers(folder: Path, result: "Deployment | ClassDeployment") -> dict[str, str]:
    """Write maps or classes and a picture of them; gives the caption by the name of what the page
    shows: of sections its viewer has more.
    """
    from loihiseg.classification import ClassDeployment
    from loihiseg.report import classes, pictures

    if isinstance(result, ClassDeployment):
        _write_classes(folder, result)
        is_drawn = classes.draw_confusion(result.results, folder / "confusion.png")
        return {"confusion.png": "Classes on chip, by label"} if is_drawn else {}
    pictures.draw_answers(result, folder / "sections.png")
    _write_maps(folder, result)
    return {}


def _write_files(
    folder: Path, config: "DeployConfig", result: "Deployment | ClassDeployment"
) -> None:
    from loihiseg.files import write_bytes
    from loihiseg.report import pictures, run_folder
    from loihiseg.report.deployment import deployment_page
    from loihiseg.report.page import PAGE_FILE
    from partition.built.graph_file import GRAPH_MEMBER, graph_text
    from partition.places.floorplan import draw_floor_plan
    from partition.places.plan_svg import plan_svg

    results, mapping = result.results, result.mapping
    drawn = _write_answers(folder, result)
    pictures.draw_rates(result.rates, folder / "rates.png", results.code.has_levels)
    draw_floor_plan(mapping.graph, mapping.before_and_after, folder / "floor_plan.png")
    write_bytes(folder / GRAPH_MEMBER, graph_text(mapping.graph).encode())
    run_folder.write_run(folder, config, results)
    captions = {"rates.png": "Firing rates"} | drawn
    text = deployment_page(
        results,
        _head(config, results),
        {caption: (folder / name).read_bytes() for name, caption in captions.items()},
        plan_svg(mapping.graph, mapping.before_and_after[1])
        or (folder / "floor_plan.png").read_bytes(),
        _viewer(result),
    )
    write_bytes(folder / PAGE_FILE, text.encode())


def _viewer(result: "Deployment | ClassDeployment") -> "Callable[[int], str] | None":
    """All sections to be looked at; None of images that are told apart."""
    from loihiseg.classification import ClassDeployment
    from loihiseg.report.viewer import viewer

    return None if isinstance(result, ClassDeployment) else partial(viewer, result)


def _head(config: "DeployConfig", results: "Results") -> "page.Head":
    """Verdict, warnings, what was run, and how to run it again."""
    import json
    from dataclasses import asdict
    from datetime import UTC, datetime

    from loihiseg.report.page import Head
    from loihiseg.report.verdict import verdict_of
    from loihiseg.results.task import moved_by, sees

    verdict, versions = verdict_of(results), results.versions
    facts = (
        (
            "network",
            f"{results.network.source}, tiles of {results.network.tile} pixels"
            f"{sees(results.network.neighbours, ', ')}"
            f"{moved_by(results.network.moved_px, ', ')}",
        ),
        ("data", f"{results.data.source}; {results.data.polarity}"),
        (
            "made",
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC in {sum(results.seconds.values()):.0f} s",
        ),
        ("with", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("again", "loihiseg deploy --config config.json"),
    )
    # Without paths, which say where things lie on a machine: they are in config.json.
    options = {name: _no_place(value) for name, value in asdict(config).items()}
    return Head(verdict.line, verdict.warnings, facts, json.dumps(options, indent=2))


def _no_place(value: object) -> object:
    """An option; of a path that begins at the root its last part."""
    return handed_on(value) if isinstance(value, str) and value.startswith("/") else value
