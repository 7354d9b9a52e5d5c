"""A deployment from end to end: load, convert, quantize, partition, emulate, score."""

from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np

from loihiseg import deployment as stages
from loihiseg import shipped, source_network
from loihiseg.data.sections import parse_sections
from loihiseg.data.splits import Split, z_block_split
from loihiseg.emulator.activity import spikes_sha256
from loihiseg.emulator.check import check_equality
from loihiseg.errors import InputError
from loihiseg.evaluation.energy import CPU, GPU, LOIHI, estimate_energy, inter_chip_sweep
from loihiseg.fitting import check_fit, largest_tile, neural_code
from loihiseg.mapping import Mapping, map_blocks
from loihiseg.provenance import versions
from loihiseg.running import early_exit, exit_metrics, watch
from loihiseg.scoring import (
    Inputs,
    layer_rows,
    pooled_rates,
    score,
    score_row,
    settled_rates,
)
from partition.command import doing
from partition.messages import handed_on

AUTO = "auto"
"""Tile of the size that fits the chips."""


@dataclass(frozen=True, eq=False)
class Deployed:
    """What a deployment came to.

    Attributes
    ----------
    metrics : dict
        Plain values, as written to ``metrics.json``.
    tiles : loihiseg.deployment.Tiles
        That were emulated.
    trained, spiking : numpy.ndarray
        (n, rows, columns) probability of membrane, of whole sections or of the tiles.
    raw, membrane : numpy.ndarray
        Images and truth of the same.
    titles : tuple of str
        What each of them is.
    threshold : float
    rates : tuple of loihiseg.evaluation.rates.LayerRates
    mapping : loihiseg.mapping.Mapping
    """

    metrics: dict
    tiles: stages.Tiles
    trained: np.ndarray
    spiking: np.ndarray
    raw: np.ndarray
    membrane: np.ndarray
    titles: tuple[str, ...]
    threshold: float
    rates: tuple
    mapping: Mapping


def deploy(config, read, reporter) -> Deployed:
    """Run every stage.

    Parameters
    ----------
    config : loihiseg.deploy.DeployConfig
    read : callable
        Returns the stack.
    reporter : loihiseg.progress.Reporter

    Returns
    -------
    Deployed

    Raises
    ------
    InputError
        If data, network or options cannot be used.
    partition.errors.DoesNotFitError
        If the network needs more than there is.
    """
    with reporter.stage("load") as note:
        with doing(f"reading {config.checkpoint}"):
            path = shipped.resolve(config.checkpoint, config.data)
            source = source_network.read_network(path)
        inputs = _load(config, source, read)
        said = (handed_on(inputs.source), inputs.polarity, inputs.shortage)
        note.detail = "; ".join(text for text in said if text)
    with reporter.stage("lower") as note:
        lowering = _lower(config, inputs.network)
        network = lowering.network
        code = neural_code(config, network, inputs.network.info)
        neurons = code.neurons(network)
        note.detail = (
            f"{len(neurons.chip_layers)} layers, {neurons.n_chip_neurons:,} neurons on chip, "
            f"{sum(layer.on_host for layer in neurons.layers)} on the host, {code.name} code"
        )
    with reporter.stage("fit") as note:
        fewest = check_fit(config, neurons, source, inputs.network.tile)
        note.detail = f"{fewest} cores of {config.chips * 128}"
    with reporter.stage("rates"):
        settled = stages.settled_activations(network, inputs.tiles.pixels)
        expected = stages.expected_rates(network, inputs.calibration, settled, code)
        expected = code.rates(neurons, expected)
    with reporter.stage("tile") as note:
        planned = _tile(config, neurons, expected)
        tiling = planned.tiling
        note.detail = f"{tiling.n_cores} cores, cut where chips meet"
    with reporter.stage("quantize") as note:
        neurons, quantized = _quantize(code, neurons, tiling)
        worst = min(quantized.precision, key=lambda r: r.signal_to_noise_db)
        note.detail = f"lowest SQNR {worst.signal_to_noise_db:.1f} dB in {worst.layer}"
    with reporter.stage("build") as note:
        built = _build(config, code, neurons, tiling, expected, reporter.say)
        kept = "" if built.presenter else ", kept from an earlier run"
        note.detail = f"{built.deployable.program.n_blocks} blocks{kept}"
    with reporter.stage("partition") as note, reporter.waiting("partition"):
        mapping = map_blocks(
            built.deployable, built.peers, expected, config.chips, config.seed,
            config.proof_seconds, planned,
        )  # fmt: skip
        found = mapping.solution.assignment
        note.detail = _crossing(found)
    if config.check:
        with reporter.stage("check") as note:
            pixels = inputs.tiles.pixels[0]
            n_spikes = check_equality(built.presenter, neurons, pixels, config.check)
            note.detail = f"{config.check} steps equal in every integer, {n_spikes:,} spikes"
    with (
        reporter.stage("emulate") as note,
        _runner(config, code, built, neurons, tiling, mapping) as runner,
    ):
        fitted_on = inputs.calibration if code.fits_readout else None
        calibration = _present(code, runner, fitted_on, reporter, "calibrate")
        test = _present(code, runner, inputs.tiles, reporter, "emulate")
        looks = _watch(config, code, runner, lowering, inputs, reporter)
        note.detail = f"{len(calibration)} + {len(test)} tiles of {code.n_steps} steps"
    counted, activity = _activity(built.deployable, network, neurons, test, mapping)
    with reporter.stage("score"):
        scored = score(
            inputs, lowering, quantized.network, calibration, test, settled, reporter, code
        )
        rates = settled_rates(inputs, network, settled, code)
        stopped = _stop_early(config, inputs, looks, scored, test, activity, neurons)
    layers = layer_rows(neurons, tiling, rates, scored, test)
    metrics = {
        "versions": versions(),
        "data": {
            "source": handed_on(inputs.source),
            "sha256": inputs.digest,
            "polarity": inputs.polarity,
        },
        "network": {
            "source": handed_on(inputs.network.source),
            "tile": inputs.network.tile,
        },
        "code": {
            "name": code.name,
            "steps": code.n_steps,
            "window_steps": code.n_window_steps,
            "held": code.held,
            "input": code.input,
            "levels": [layer.levels for layer in network.layers],
            "chip_levels": [layer.levels for layer in network.chip_layers],
        },
        "agreement": scored.agreement,
        "threshold": scored.threshold,
        "challenge_shift": scored.challenge_shift,
        "readout": asdict(scored.readout),
        "tiles": [list(place) for place in inputs.tiles.places],
        "scored_note": scored.note,
        "stages": scored.rows,
        "layers": layers,
        "rates": pooled_rates(layers),
        "quantization": [
            asdict(row) | {"quantized_error": scored.quantized_errors[row.layer]}
            for row in quantized.precision
        ],
        "mapping": {
            "n_neurons": neurons.n_chip_neurons,
            "n_cores": built.deployable.program.n_blocks,
            "n_chips": config.chips,
            "n_chips_used": found.n_chips_used,
            "measured_messages": counted,
            **mapping.metrics(),
        },
        "activity": asdict(activity),
        "spikes_sha256": {
            "calibration": spikes_sha256(calibration),
            "tiles": spikes_sha256(test),
        },
        "early_exit": stopped,
        "energy": [asdict(estimate_energy(activity, device)) for device in (LOIHI, CPU, GPU)],
        "inter_chip_energy": [asdict(point) for point in inter_chip_sweep(activity)],
        "seconds": dict(reporter.seconds),
    }
    whole = inputs.tiles.grid is not None
    shown = inputs.test if whole else inputs.tiles
    titles = [f"section {n}" for n in inputs.test.section_numbers]
    if not whole:
        titles = [f"section {s}, ({y}, {x})" for s, y, x in inputs.tiles.places]
    return Deployed(
        metrics,
        inputs.tiles,
        scored.trained,
        scored.spiking,
        shown.images if whole else shown.raw,
        shown.membrane,
        tuple(titles),
        scored.threshold,
        rates,
        mapping,
    )


def _load(config, source, read) -> Inputs:
    stack = read()
    if stack.membrane is None:
        raise InputError(f"{stack.source}: has no labels to score against; give --labels")
    import loihiseg.frameworks  # noqa: F401

    tile = config.tile
    if tile == AUTO:
        tile = largest_tile(config, source, min(stack.images.shape[1:]))
    network = source_network.build_network(source, tile)
    n_sections = stack.n_sections
    split = _split_of(network, n_sections)
    sections = split.test if split else range(n_sections)
    if config.sections is not None:
        sections = parse_sections(config.sections, n_sections)
    test, validation = stack.select(sections), None
    if split and not set(split.validation) & set(sections):
        validation = stack.select(split.validation)
    if config.tiles is None:
        tiles = stages.whole_tiles(test, network.tile)
    else:
        tiles = stages.spread_tiles(test, network.tile, config.tiles)
    calibration = None
    if validation is not None and config.calibration_tiles:
        calibration = stages.spread_tiles(validation, network.tile, config.calibration_tiles)
    return Inputs(
        network, test, validation, tiles, calibration, stack.source, stack.polarity, stack.digest,
        config.tiles,
    )  # fmt: skip


def _split_of(network, n_sections) -> Split | None:
    """Split the checkpoint was trained with, if the stack has so many sections; or a fresh one."""
    if network.info is not None:
        record = network.info.data.split
        split = Split(range(*record.train), range(*record.validation), range(*record.test))
        return split if split.test.stop <= n_sections else None
    return z_block_split(n_sections) if n_sections >= 3 else None


def _lower(config, network):
    from loihiseg.conversion.lowering import lower

    return lower(network.model, config.rate_scale_hz)


def _tile(config, network, rates):
    from loihiseg.mapping import partition_layers
    from partition.joint import choose_tiling_and_chips

    layers = partition_layers(network)
    return choose_tiling_and_chips(layers, config.chips, rates=rates, seed=config.seed)


def _quantize(code, neurons, tiling):
    from loihiseg.quantization.centring import centred
    from loihiseg.quantization.layers import quantize_network

    neurons = centred(neurons, tiling.shapes)
    return neurons, quantize_network(neurons, tiling.shapes, code.synapse_s)


def _build(config, code, neurons, tiling, expected, say):
    from loihiseg.build import build

    # Only the compiled emulator can do without nengo-loihi's model.
    fresh = config.emulator == "nengo-loihi" or config.check > 0
    return build(
        neurons, tiling.shapes, code.synapse_s, config.seed, config.chips, expected, fresh, say
    )


def _crossing(found):
    if found.n_chips_used < 2:
        return "all on one chip"
    bound = f"lower bound {found.lower_bound:.1f}" if found.lower_bound else "no lower bound"
    proof = "proved least" if found.proved else bound
    return f"{found.messages:.1f} messages per step between {found.n_chips_used} chips, {proof}"


@contextmanager
def _runner(config, code, built, neurons, tiling, mapping):
    """What images are presented to: the compiled program, nengo-loihi's emulator, or a chip."""
    from loihiseg.emulator.presenter import CompiledPresenter

    if config.emulator == "nengo-loihi":
        runner = built.presenter
    else:
        runner = CompiledPresenter(built.deployable, neurons)
    with runner:
        if config.target == "loihi":
            yield _hardware(config, code, neurons, tiling, runner, mapping)
        else:
            yield runner


def _hardware(config, code, neurons, tiling, emulator, mapping):
    from functools import partial

    import nengo_loihi

    from loihiseg.build import converted_network
    from loihiseg.emulator.hardware import HardwarePresenter
    from partition.allocator import FixedAllocator

    simulator = partial(
        nengo_loihi.Simulator,
        target="loihi",
        seed=config.seed,
        hardware_options={
            "allocator": FixedAllocator(
                mapping.solution.assignment.chip_of_block, mapping.solution.placement.core_of_block
            ),
            "n_chips": mapping.solution.assignment.n_chips_used,
        },
    )
    make = partial(converted_network, neurons, tiling.shapes, code.synapse_s)
    return HardwarePresenter(neurons, make, emulator, simulator)


def _present(code, runner, tiles, reporter, label):
    if tiles is None:
        return []
    with reporter.bar(label, len(tiles.pixels)) as advance:
        return runner.present_all(tiles.pixels, code.n_steps, code.n_window_steps, advance)


def _watch(config, code, runner, lowering, inputs, reporter):
    """What the host sees of the calibration tiles and of the test tiles, or None."""
    if config.early_exit is None:
        return None
    if inputs.calibration is None:
        raise InputError(
            "--early-exit: there are no validation sections beside these to choose it on"
        )
    found = []
    for tiles in (inputs.calibration, inputs.tiles):
        with reporter.bar("watch", len(tiles.pixels)) as advance:
            found.append(watch(runner, code, lowering, tiles.pixels, advance))
    return found


def _stop_early(config, inputs, looks, scored, presentations, activity, neurons):
    """Metrics of presentations ended early, and one more row of scores; None if not asked for."""
    if looks is None:
        return None
    calibration, test = looks
    rule, exits = early_exit(config.early_exit, calibration, test, scored.readout, scored.threshold)
    logits = test.logits[np.arange(len(test.logits)), exits.look]
    tiles = inputs.tiles
    scored.rows.append(
        score_row(
            f"the same, stopped after {exits.steps.mean():.1f} steps",
            scored.rows[-1]["pixels"],
            inputs.test.membrane if tiles.grid else tiles.membrane,
            tiles.assemble(scored.readout(logits)),
            scored.threshold,
            scored.challenge_shift,
        )
    )
    return exit_metrics(rule, exits, presentations, activity, neurons.n_chip_neurons)


def _activity(deployable, network, neurons, presentations, mapping):
    """Messages per step between chips, counted from spikes, and counts over the test tiles."""
    from loihiseg.emulator.activity import fan_out
    from loihiseg.emulator.traffic import program_graph
    from partition.checks import message_count

    steps = sum(one.n_steps for one in presentations)
    rates = sum(one.compartment_spikes.astype(np.float64) for one in presentations) / steps
    graph = program_graph(deployable.program, rates)
    crossing = float(message_count(graph, mapping.solution.assignment.chip_of_block))
    fans = fan_out(deployable)
    inter_chip = crossing * steps
    return crossing, stages.count_activity(network, presentations, fans, inter_chip, neurons)
