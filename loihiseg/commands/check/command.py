"""What every layer of a model would be, and the chips that it takes."""

import json
from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loihiseg.commands.check.options import parse, parser
from loihiseg.errors import InputError
from partition.command_line.command import doing
from partition.command_line.streams import standard_output
from partition.display.messages import handed_on

if TYPE_CHECKING:
    from loihiseg.compilation.checking import ChipFit
    from loihiseg.conversion.lowering import Lowering
    from loihiseg.results.layers import HostLayer
    from loihiseg.training.checkpoint import CheckpointInfo

__all__ = ["main", "parser"]

REFUSED, DOES_NOT_FIT = 2, 4
"""Exit codes."""


def main(arguments: Sequence[str]) -> None:
    """Run the command; leaves with its exit code where not all is well."""
    options = parse(arguments)

    from loihiseg.commands.check import report
    from loihiseg.compilation.checking import layer_verdicts, refusals_of
    from loihiseg.conversion.host_work import host_layers
    from loihiseg.conversion.lowering import verdicts

    with doing(f"reading {options.model}"):
        model, info = read_model(options)
        follow = options.levels is not None
        found = verdicts(model, options.rate_scale_hz, options.output, follow)
    rows = layer_verdicts(found, bool(options.allow_host_tail))
    refusals = refusals_of(found, rows)
    some_are_hidden = any(row.is_hidden_tail for row in rows)
    _say(options, report.verdict_lines(rows, refusals, some_are_hidden))
    fit = None
    task: str | None = None
    host: tuple[HostLayer, ...] = ()
    if found.lowering is not None and not refusals:
        host = host_layers(found.lowering.network, found.lowering.graph)
        task = task_words(found.lowering)
        _say(options, ["", *report.host_lines(host), "", f"task: {task}", ""])
        fit = _fit(options, found.lowering, info)
        _say(options, report.fit_lines(fit, options.chips))
    if options.json:
        asked = {"model": handed_on(options.model), "chips": options.chips, "task": task}
        with standard_output():
            print(json.dumps(report.document(asked, rows, refusals, host, fit)))
    if fit is None:
        raise SystemExit(REFUSED)
    if not fit.fits:
        raise SystemExit(DOES_NOT_FIT)


def read_model(options: Namespace) -> "tuple[Any, CheckpointInfo | None]":
    """What is to be lowered, and what is known of a checkpoint; of a Keras file, its path."""
    from loihiseg.training import shipped

    # As `loihiseg.compilation.source.KERAS_SUFFIXES`, which brings in more than a file needs.
    path = Path(shipped.resolve(options.model, None))
    if path.suffix in (".h5", ".hdf5", ".keras"):
        return path, None
    from loihiseg.conversion.unet_graph import unet_graph
    from loihiseg.training.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(path)
    if checkpoint.info.config.time is not None:
        raise InputError(
            f"{path}: was trained step by step: all of its layers run as they are, by the direct "
            "code; deploy it to see what it takes"
        )
    return unet_graph(checkpoint.info.config.network, checkpoint.weights), checkpoint.info


def task_words(lowering: "Lowering") -> str:
    """What a network is for, or why it can be deployed for nothing."""
    from loihiseg.conversion.task import task_of
    from loihiseg.conversion.validation import graph_shape

    network = lowering.network
    shapes = {name: network.layer(name).shape for name in network.outputs}
    try:
        return task_of(network.inputs, graph_shape(lowering.graph, shapes)).words
    except InputError as error:
        return f"none that loihiseg.deploy has: {error}"


def _fit(options: Namespace, lowering: "Lowering", info: "CheckpointInfo | None") -> "ChipFit":
    from loihiseg.compilation.checking import chip_fit
    from loihiseg.compilation.options import CompileOptions
    from loihiseg.progress import Reporter

    chips = {} if options.chips is None else {"chips": options.chips}
    compiling = CompileOptions(code=options.code, levels=options.levels, **chips)
    reporter = Reporter(options.quiet or options.json)
    what = f"cutting {len(lowering.network.chip_layers)} layers into blocks"
    with doing(what), reporter.waiting(what):
        return chip_fit(lowering, compiling, options.chips, info)


def _say(options: Namespace, lines: Iterable[str]) -> None:
    """Print lines at once, where no JSON is wanted."""
    if options.json:
        return
    with standard_output():
        for line in lines:
            print(line, flush=True)
