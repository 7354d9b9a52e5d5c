"""One run: a training, a deployment or a simulation, in the process it is given.

Started by ``runs.execute``; a file by itself, so that it can be.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import json
import os
import tempfile
from argparse import Namespace
from dataclasses import replace

from benchmarks.reproduction.runs import JOB_FILE, read_json
from loihiseg.commands.common import read_data, run
from loihiseg.results import Network


def main(arguments):
    """Do what the folder's job asks for."""
    asked = Namespace(**json.loads(arguments[0]))
    job = read_json(Path(asked.folder) / JOB_FILE)
    if "training" in job["kind"]:
        train(asked, job)
        return
    if job["kind"] == "Fast-SNN":
        from benchmarks.reproduction.fast_snn import simulate_levels

        simulate_levels(asked, job)
        return
    if not job["cold"]:
        os.environ["LOIHISEG_CACHE"] = asked.programs
        deploy(asked, job)
        return
    with tempfile.TemporaryDirectory(dir=asked.folder) as programs:
        os.environ["LOIHISEG_CACHE"] = programs
        deploy(asked, job)


def train(asked, job):
    """Train, or go on training."""
    import msgspec

    from loihiseg.data.splits import Split
    from loihiseg.progress import Reporter
    from loihiseg.report.training import draw_history
    from loihiseg.training.presets import TrainingConfig

    folder = Path(asked.folder)
    config = msgspec.convert(job["config"], TrainingConfig)
    split = Split(**{name: tuple(sections) for name, sections in job["split"].items()})
    import loihiseg.frameworks  # noqa: F401

    from loihiseg.training.beginning import started_from
    from loihiseg.training.checkpoint import load_checkpoint
    from loihiseg.training.fit import train as fit
    from loihiseg.training.state import STATE_FILE, finished_epochs

    start = load_checkpoint(asked.start) if asked.start else None
    if start:
        config = started_from(config, start)

    reporter = Reporter()
    resume = (folder / STATE_FILE).exists()
    done = finished_epochs(folder) if resume else 0
    with reporter.bar("training", (config.epochs - done) * config.steps_per_epoch) as advance:

        def on_epoch(history):
            last = history[-1]
            reporter.say(
                f"epoch {last.epoch:3d} of {config.epochs}  loss {last.loss:.4f}  validation "
                f"{last.validation_loss:.4f}  accuracy {last.accuracy:.2%}  membrane IoU "
                f"{last.membrane_iou:.3f}"
            )
            draw_history(history, folder / "training.png")

        fit(
            read_data(asked), split, config, folder,
            start=start, resume=resume, on_epoch=on_epoch, on_batch=advance,
        )  # fmt: skip


def deploy(asked, job):
    """Deploy and write the run folder, with the rows that the reproduction adds."""
    from loihiseg import deploy_stack
    from loihiseg.commands.deploy.configuration import DeployConfig
    from loihiseg.commands.deploy.report import write_report
    from loihiseg.progress import Reporter
    from loihiseg.provenance import peak_memory_mb

    reporter = Reporter()
    result = deploy_stack(asked.checkpoint, read_data(asked), reporter=reporter, **options_of(job))
    config = DeployConfig.of(asked, result)
    rows = []
    if job["rate_network"]:
        with reporter.part("settled"):
            rows.append(settled_row(config, result))
    if job["nengo_dl"]:
        with reporter.part("NengoDL"):
            rows.append(nengo_dl_row(config, result, reporter))
    results = replace(
        result.results,
        score_rows=(*result.results.score_rows, *rows),
        peak_memory_mb=peak_memory_mb(),
    )
    write_report(Path(asked.folder), config, replace(result, results=results))


def options_of(job):
    """What a deployment is asked for, as arguments of `loihiseg.deploy_stack`."""
    names = (
        "tiles", "calibration_tiles", "steps", "sections", "chips", "tile", "input", "early_exit",
    )  # fmt: skip
    options = {name: job[name] for name in names if job.get(name) is not None}
    if options.get("tile", "auto") != "auto":
        options["tile"] = int(options["tile"])
    return options


def settled_row(config, result):
    """Scores of the float network if each neuron fired at its settled rate."""
    from loihiseg.compilation.activations import settled_activations

    lowering = _lowered(config)
    settled = settled_activations(lowering.network, result.tiles.pixels)
    return _row(Network.RATE_NETWORK, result, _logits(config, lowering, settled, result))


def nengo_dl_row(config, result, reporter):
    """Scores of NengoDL's spiking float simulation, read out with the emulation's line."""
    lowering = _lowered(config)
    activations = nengo_dl_activations(lowering.network, result.tiles.pixels, config, reporter)
    logits = _logits(config, lowering, activations, result)
    return _row(Network.NENGO_DL, result, result.results.readout(logits))


def nengo_dl_activations(network, pixels, config, reporter):
    """Activations of the layers that are read out, counted from NengoDL's spikes in the window.

    Parameters
    ----------
    network : loihiseg.conversion.spec.LoweredNetwork
    pixels : numpy.ndarray
        (n, tile, tile) normalized.
    config : loihiseg.deploy.DeployConfig
    reporter : loihiseg.progress.Reporter

    Returns
    -------
    dict of str to numpy.ndarray
        (n, rows, columns, channels) by layer.
    """
    from loihiseg.frameworks import nengo_dl

    import nengo
    import numpy as np

    from loihiseg.conversion.converter import convert

    converted = convert(network, synapse_s=config.synapse_ms / 1000)
    (node,) = converted.inputs.values()
    with converted.net:
        probes = {name: nengo.Probe(converted.ensembles[name].neurons) for name in network.outputs}
    window = max(1, round(config.steps * config.window))
    found = {name: [] for name in probes}
    with (
        nengo_dl.Simulator(converted.net, progress_bar=False, seed=config.seed) as simulator,
        reporter.bar("NengoDL", len(pixels)) as advance,
    ):
        for image in pixels:
            held = np.tile(image.reshape(1, 1, -1), (1, config.steps, 1))
            output = simulator.predict({node: held}, verbose=0)
            for name, probe in probes.items():
                mean = output[probe][0, -window:].mean(axis=0)
                found[name].append(mean.reshape(network.layer(name).shape))
            advance()
    return {name: np.stack(maps).astype(np.float32) for name, maps in found.items()}


def _lowered(config):
    from loihiseg.compilation.source import load_network
    from loihiseg.conversion.lowering import lower
    from loihiseg.training.shipped import resolve

    network = load_network(resolve(config.checkpoint, config.data))
    return lower(network.model, config.rate_scale_hz)


def _logits(config, lowering, activations, result):
    from loihiseg.conversion.logits import readout_logits

    tile = result.tiles.pixels.shape[1]
    maps = readout_logits(lowering.graph, activations, tile)
    return result.tiles.assemble(maps)


def _row(network, result, logits):
    from loihiseg.evaluation.scoring import score_row

    results = result.results
    return score_row(
        network,
        result.membrane,
        logits,
        result.threshold,
        whole_sections=results.whole_sections,
        known=result.known,
    )


if __name__ == "__main__":
    sys.exit(run(main))
