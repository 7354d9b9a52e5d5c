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
    from loihiseg.compilation.checking import ChipFit, LayerVerdict
    from loihiseg.conversion.lowering import Lowering
    from loihiseg.results.layers import HostLayer
    from loihiseg.training.checkpoint import Checkpoint, CheckpointInfo

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
    from loihiseg.training.checkpoint import Checkpoint

    with doing(f"reading {options.model}"):
        model, info = read_model(options)
        if isinstance(model, Checkpoint):
            rows, refusals, lowering = _over_time(options, model)
        else:
            follow = options.levels is not None
            found = verdicts(model, options.rate_scale_hz, options.output, follow)
            rows = layer_verdicts(found, bool(options.allow_host_tail))
            refusals, lowering = refusals_of(found, rows), found.lowering
    some_are_hidden = any(row.is_hidden_tail for row in rows)
    _say(options, report.verdict_lines(rows, refusals, some_are_hidden))
    fit = None
    task: str | None = None
    host: tuple[HostLayer, ...] = ()
    if lowering is not None and not refusals:
        host = host_layers(lowering.network, lowering.graph)
        task = task_words(lowering, 0 if info is None else info.config.network.neighbours)
        _say(options, ["", *report.host_lines(host), "", f"task: {task}", ""])
        fit = _fit(options, lowering, info)
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
    """What is to be lowered, and what is known of a checkpoint; of a Keras file, its path.

    Of a network over time, whose layers are those of no graph, the checkpoint.
    """
    from loihiseg.training import shipped

    # As `loihiseg.compilation.source.KERAS_SUFFIXES`, which brings in more than a file needs.
    path = Path(shipped.resolve(options.model, None))
    if path.suffix in (".h5", ".hdf5", ".keras"):
        return path, None
    from loihiseg.conversion.unet_graph import unet_graph
    from loihiseg.training.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(path)
    if checkpoint.info.config.time is not None:
        return checkpoint, checkpoint.info
    return unet_graph(checkpoint.info.config.network, checkpoint.weights), checkpoint.info


def _over_time(
    options: Namespace, checkpoint: "Checkpoint"
) -> "tuple[tuple[LayerVerdict, ...], tuple[str, ...], Lowering | None]":
    from loihiseg.compilation.checking_over_time import verdicts_over_time
    from loihiseg.training import shipped

    time = checkpoint.info.config.time
    assert time is not None
    if options.code not in (None, "direct") or options.levels is not None:
        raise InputError(
            f"{options.model}: was trained step by step, for the direct code alone; leave out "
            "--code and --levels"
        )
    return verdicts_over_time(Path(shipped.resolve(options.model, None)), checkpoint, time)


def task_words(lowering: "Lowering", neighbours: int = 0) -> str:
    """What a network is for, or why it can be deployed for nothing.

    neighbours : sections that it sees on either side of one.
    """
    from loihiseg.conversion.task import task_of
    from loihiseg.conversion.validation import graph_shape

    network = lowering.network
    shapes = {name: network.layer(name).shape for name in network.outputs}
    try:
        output = graph_shape(lowering.graph, shapes)
        return task_of(network.inputs, output, neighbours=neighbours).words
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
