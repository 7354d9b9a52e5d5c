"""A deployment from end to end: load, convert, quantize, partition, emulate, score."""

from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np

from loihiseg import deployment as stages
from loihiseg.cli import import_tensorflow
from loihiseg.data.sections import parse_sections
from loihiseg.data.splits import Split, z_block_split
from loihiseg.emulator.check import check_equality
from loihiseg.errors import InputError
from loihiseg.evaluation.energy import CPU, GPU, LOIHI, estimate_energy, inter_chip_sweep
from loihiseg.mapping import Mapping, map_blocks
from loihiseg.provenance import versions
from loihiseg.scoring import Inputs, layer_rows, pooled_rates, score, settled_rates


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
        inputs = _load(config, read)
        note.detail = f"{inputs.source}; {inputs.polarity}"
    with reporter.stage("lower") as note:
        lowering = _lower(config, inputs.network)
        network = lowering.network
        note.detail = (
            f"{len(network.chip_layers)} layers, {network.n_chip_neurons:,} neurons on chip, "
            f"{sum(layer.on_host for layer in network.layers)} on the host"
        )
    with reporter.stage("fit") as note:
        fewest = _fit(config, network)
        note.detail = f"{fewest} cores of {config.chips * 128}"
    with reporter.stage("rates"):
        settled = stages.settled_activations(network, inputs.tiles.pixels)
        expected = stages.expected_rates(network, inputs.calibration, settled)
    with reporter.stage("tile") as note:
        planned = _tile(config, network, expected)
        tiling = planned.tiling
        note.detail = f"{tiling.n_cores} cores, cut where chips meet"
    with reporter.stage("quantize") as note:
        quantized = _quantize(config, network, tiling)
        worst = min(quantized.precision, key=lambda r: r.signal_to_noise_db)
        note.detail = f"lowest SQNR {worst.signal_to_noise_db:.1f} dB in {worst.layer}"
    with reporter.stage("build") as note:
        built = _build(config, network, tiling, expected)
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
            n_spikes = check_equality(built.presenter, network, pixels, config.check)
            note.detail = f"{config.check} steps equal in every integer, {n_spikes:,} spikes"
    with (
        reporter.stage("emulate") as note,
        _runner(config, built, network, tiling, mapping) as runner,
    ):
        calibration = _present(config, runner, inputs.calibration, reporter, "calibrate")
        test = _present(config, runner, inputs.tiles, reporter, "emulate")
        note.detail = f"{len(calibration)} + {len(test)} tiles of {config.steps} steps"
    counted, activity = _activity(built.deployable, network, test, mapping)
    with reporter.stage("score"):
        scored = score(inputs, lowering, quantized.network, calibration, test, settled, reporter)
        rates = settled_rates(inputs, network, settled)
    layers = layer_rows(network, tiling, rates, scored, test)
    metrics = {
        "versions": versions(),
        "data": {"source": inputs.source, "sha256": inputs.digest, "polarity": inputs.polarity},
        "network": {"source": inputs.network.source, "tile": inputs.network.tile},
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
            "n_neurons": network.n_chip_neurons,
            "n_cores": built.deployable.program.n_blocks,
            "n_chips": config.chips,
            "n_chips_used": found.n_chips_used,
            "measured_messages": counted,
            **mapping.metrics(),
        },
        "activity": asdict(activity),
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


def _load(config, read) -> Inputs:
    source = stages.read_network(config.checkpoint)
    stack = read()
    if stack.membrane is None:
        raise InputError(f"{stack.source}: has no labels to score against; give --labels")
    import_tensorflow()
    network = stages.build_network(source)
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
        network, test, validation, tiles, calibration, stack.source, stack.polarity, stack.digest
    )


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


def _fit(config, network) -> int:
    """Fewest cores; an error before anything slow if there are not as many."""
    from loihiseg.mapping import partition_layers
    from partition.cut import chips_needed
    from partition.errors import DoesNotFitError
    from partition.tiling import choose_block_shapes

    layers = partition_layers(network)
    tiling = choose_block_shapes(layers)
    try:
        chips_needed(tiling.n_cores, config.chips)
    except DoesNotFitError as error:
        lines = usage_lines(tiling) + remedy_lines(layers, config.chips)
        raise DoesNotFitError(str(error), lines) from None
    return tiling.n_cores


def remedy_lines(layers, n_chips) -> list[str]:
    """Changes with which layers would fit so many chips, each tried."""
    from partition.errors import DoesNotFitError
    from partition.limits import CORES_PER_CHIP
    from partition.tiling import choose_block_shapes

    try:
        choose_block_shapes(layers, max_cores=n_chips * CORES_PER_CHIP)
    except DoesNotFitError as error:
        return [f"would fit: {remedy}" for remedy in error.remedies]
    return []


def _tile(config, network, rates):
    from loihiseg.mapping import partition_layers
    from partition.joint import choose_tiling_and_chips

    layers = partition_layers(network)
    return choose_tiling_and_chips(layers, config.chips, rates=rates, seed=config.seed)


def usage_lines(tiling) -> list[str]:
    """Table of what the worst block of each layer needs, under the limits of a core."""
    from partition.limits import LOIHI1

    names = ("compartments", "in_axons", "out_axon_slots", "synapse_bits")
    header = ("layer", "cores", "block", *(name.replace("_", " ") for name in names))
    rows = [header, ("limit of a core", "", "", *(f"{getattr(LOIHI1, n):,}" for n in names))]
    for row in tiling.usage:
        block = "x".join(map(str, row.shape))
        needs = (f"{getattr(row, name):,}" for name in names)
        rows.append((row.layer, str(row.n_blocks), block, *needs))
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    return [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))])
        for row in rows
    ]


def _quantize(config, network, tiling):
    from loihiseg.quantization.layers import quantize_network

    return quantize_network(network, tiling.shapes, config.synapse_ms / 1000)


def _build(config, network, tiling, expected):
    from loihiseg.build import build

    # Only the compiled emulator can do without nengo-loihi's model.
    fresh = config.emulator == "nengo-loihi" or config.check > 0
    synapse_s = config.synapse_ms / 1000
    return build(network, tiling.shapes, synapse_s, config.seed, config.chips, expected, fresh)


def _crossing(found):
    if found.n_chips_used < 2:
        return "all on one chip"
    proof = "proved least" if found.proved else f"lower bound {found.lower_bound:.1f}"
    return f"{found.messages:.1f} messages per step between {found.n_chips_used} chips, {proof}"


@contextmanager
def _runner(config, built, network, tiling, mapping):
    """What images are presented to: the compiled program, nengo-loihi's emulator, or a chip."""
    from loihiseg.emulator.presenter import CompiledPresenter

    if config.emulator == "nengo-loihi":
        runner = built.presenter
    else:
        runner = CompiledPresenter(built.deployable, network)
    with runner:
        if config.target == "loihi":
            yield _hardware(config, network, tiling, runner, mapping)
        else:
            yield runner


def _hardware(config, network, tiling, emulator, mapping):
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
    make = partial(converted_network, network, tiling.shapes, config.synapse_ms / 1000)
    return HardwarePresenter(network, make, emulator, simulator)


def _present(config, runner, tiles, reporter, label):
    if tiles is None:
        return []
    window = max(1, round(config.steps * config.window))
    with reporter.bar(label, len(tiles.pixels)) as advance:
        return runner.present_all(tiles.pixels, config.steps, window, advance)


def _activity(deployable, network, presentations, mapping):
    """Messages per step between chips, counted from spikes, and counts over the test tiles."""
    from loihiseg.emulator.activity import fan_out
    from loihiseg.emulator.traffic import program_graph
    from partition.checks import message_count

    steps = sum(one.n_steps for one in presentations)
    rates = sum(one.compartment_spikes.astype(np.float64) for one in presentations) / steps
    graph = program_graph(deployable.program, rates)
    crossing = float(message_count(graph, mapping.solution.assignment.chip_of_block))
    fans = fan_out(deployable)
    return crossing, stages.count_activity(network, presentations, fans, crossing * steps)
