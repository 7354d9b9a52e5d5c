"""A deployment from end to end: load, convert, quantize, partition, emulate, score."""

from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import numpy as np

from loihiseg import deployment as stages
from loihiseg.cli import import_tensorflow
from loihiseg.data.sections import parse_sections
from loihiseg.data.splits import Split, z_block_split
from loihiseg.emulator.check import check_equality
from loihiseg.errors import InputError
from loihiseg.evaluation.energy import CPU, GPU, LOIHI, estimate_energy, inter_chip_sweep
from loihiseg.evaluation.isbi import challenge_scores
from loihiseg.evaluation.metrics import best_threshold, pixel_scores
from loihiseg.evaluation.rates import layer_rates
from loihiseg.inference import predict_sections, sigmoid
from loihiseg.provenance import versions

RATE_TILES = 32
"""Tiles over which the percentile of each neuron's settled firing rate is taken."""


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


@dataclass(frozen=True, eq=False)
class _Inputs:
    network: stages.Network
    test: object
    validation: object | None
    tiles: stages.Tiles
    calibration: stages.Tiles | None
    source: str
    polarity: str
    digest: str


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
        tiling = _fit(config, network)
        note.detail = f"{tiling.n_cores} cores of {config.chips * 128}"
    with reporter.stage("quantize") as note:
        quantized = _quantize(config, network, tiling)
        worst = min(quantized.precision, key=lambda r: r.signal_to_noise_db)
        note.detail = f"lowest SQNR {worst.signal_to_noise_db:.1f} dB in {worst.layer}"
    with reporter.stage("build") as note:
        presenter = _build(config, network, tiling)
        note.detail = f"{len(presenter.model.blocks)} blocks"
    with presenter:
        with reporter.stage("partition") as note:
            settled = stages.settled_activations(network, inputs.tiles.pixels)
            mapping = _partition(config, presenter, network, settled)
            note.detail = (
                f"{mapping['messages']:.1f} messages per step between "
                f"{mapping['n_chips_used']} chips"
            )
        if config.check:
            with reporter.stage("check") as note:
                n_spikes = check_equality(presenter, network, inputs.tiles.pixels[0], config.check)
                note.detail = f"{config.check} steps equal in every integer, {n_spikes:,} spikes"
        with reporter.stage("emulate") as note, _runner(config, presenter, network) as runner:
            calibration = _present(config, runner, inputs.calibration, reporter, "calibrate")
            test = _present(config, runner, inputs.tiles, reporter, "emulate")
            note.detail = f"{len(calibration)} + {len(test)} tiles of {config.steps} steps"
        activity = _activity(presenter, network, test, mapping)
    with reporter.stage("score"):
        scored = _score(inputs, lowering, quantized.network, calibration, test, settled, reporter)
        rates = _rates(inputs, network)
    metrics = {
        "versions": versions(),
        "data": {"source": inputs.source, "sha256": inputs.digest, "polarity": inputs.polarity},
        "network": {"source": inputs.network.source, "tile": inputs.network.tile},
        "threshold": scored.threshold,
        "readout": asdict(scored.readout),
        "tiles": [list(place) for place in inputs.tiles.places],
        "scored_note": scored.note,
        "stages": scored.rows,
        "layers": _layer_rows(network, tiling, rates, scored, test),
        "quantization": [
            asdict(row) | {"quantized_error": scored.quantized_errors[row.layer]}
            for row in quantized.precision
        ],
        "mapping": mapping,
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
    )


def _load(config, read) -> _Inputs:
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
    return _Inputs(
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


def _fit(config, network):
    from loihiseg.mapping import partition_layers
    from partition.cut import chips_needed
    from partition.errors import DoesNotFitError
    from partition.tiling import choose_block_shapes

    tiling = choose_block_shapes(partition_layers(network))
    try:
        chips_needed(tiling.n_cores, config.chips)
    except DoesNotFitError as error:
        raise DoesNotFitError(str(error), usage_lines(tiling)) from None
    return tiling


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


def _build(config, network, tiling):
    from loihiseg.conversion.converter import convert
    from loihiseg.emulator.reference import Presenter
    from loihiseg.mapping import apply_block_shapes

    converted = convert(network, synapse_s=config.synapse_ms / 1000 or None)
    apply_block_shapes(converted, network, tiling.shapes)
    (input_node,) = converted.inputs.values()
    shapes = {layer.name: layer.shape for layer in network.layers}
    return Presenter(converted.net, input_node, converted.ensembles, shapes, config.seed)


def _partition(config, presenter, network, settled) -> dict:
    from partition.allocator import MinTrafficAllocator, compare_allocators

    expected = presenter.compartment_values(
        {
            layer.name: settled[layer.name].mean(axis=0) * layer.rate_scale_hz / 1000
            for layer in network.chip_layers
        }
    )
    allocator = MinTrafficAllocator(rates=expected, seed=config.seed)
    allocator(presenter.model, config.chips)
    assignment = allocator.assignment
    rows = compare_allocators(presenter.model, config.chips, expected, seed=config.seed)
    return {
        "n_neurons": network.n_chip_neurons,
        "n_cores": len(presenter.model.blocks),
        "n_chips": config.chips,
        "n_chips_used": assignment.n_chips_used,
        "messages": assignment.messages,
        "measured_messages": 0.0,
        "chip_of_block": list(assignment.chip_of_block),
        "link_loads": [[a, b, load] for (a, b), load in sorted(assignment.link_loads.items())],
        "allocators": [asdict(row) for row in rows if row.name != "MinTraffic"],
    }


@contextmanager
def _runner(config, presenter, network):
    """What images are presented to: the reference, or the program compiled from its model."""
    if config.emulator == "nengo-loihi":
        yield presenter
        return
    from loihiseg.emulator.presenter import CompiledPresenter

    with CompiledPresenter(presenter.deployable(), network) as compiled:
        yield compiled


def _present(config, runner, tiles, reporter, label):
    if tiles is None:
        return []
    window = max(1, round(config.steps * config.window))
    with reporter.bar(label, len(tiles.pixels)) as advance:
        return runner.present_all(tiles.pixels, config.steps, window, advance)


def _activity(presenter, network, presentations, mapping):
    """Counts over the test tiles; completes the mapping with messages counted from spikes."""
    from loihiseg.emulator.activity import fan_out
    from partition.checks import message_count
    from partition.graph import block_graph

    steps = sum(one.n_steps for one in presentations)
    rates = sum(one.compartment_spikes.astype(np.float64) for one in presentations) / steps
    graph = block_graph(presenter.model, rates)
    mapping["measured_messages"] = float(message_count(graph, mapping["chip_of_block"]))
    crossing = mapping["measured_messages"] * steps
    return stages.count_activity(network, presentations, fan_out(presenter.model), crossing)


@dataclass(frozen=True, eq=False)
class _Scored:
    rows: list
    note: str
    threshold: float
    readout: stages.Readout
    trained: np.ndarray
    spiking: np.ndarray
    quantized_errors: dict
    spiking_errors: dict


def _score(inputs, lowering, quantized, calibration, test, settled, reporter) -> _Scored:
    network, tile = lowering.network, inputs.network.tile
    predict = stages.predictor(inputs.network.model)

    def logits_of(activations):
        return stages.readout_logits(lowering.readout, network.outputs, activations, tile)

    tiles = inputs.tiles
    with reporter.bar("trained network", len(inputs.test.images)) as advance:
        sections = predict_sections(predict, inputs.test.images, tile, progress=advance)
    threshold = inputs.network.threshold
    if threshold is None:
        threshold = _validated_threshold(inputs, predict, tile)
    readout = stages.Readout()
    if calibration:
        raw = logits_of(stages.spiking_activations(network, calibration))
        readout = stages.fit_readout(raw, predict(inputs.calibration.pixels[..., None])[..., 0])
    fired = stages.spiking_activations(network, test)
    spiking = tiles.assemble(readout(logits_of(fired)))
    eight_bit = stages.settled_activations(quantized, tiles.pixels)
    quantized_logits = tiles.assemble(logits_of(eight_bit))
    truth = inputs.test.membrane if tiles.grid else tiles.membrane
    size = "whole sections" if tiles.grid else f"{len(truth)} tiles"
    rows = [_row("trained", "whole sections", inputs.test.membrane, sections, threshold)]
    trained = sections
    if not tiles.grid:
        trained = predict(tiles.pixels[..., None])[..., 0]
        rows.append(_row("trained", size, truth, trained, threshold))
    rows.append(_row("8-bit weights", size, truth, quantized_logits, threshold))
    rows.append(_row("8-bit, spiking on chip", size, truth, spiking, threshold))
    return _Scored(
        rows,
        _scored_note(inputs, tile),
        threshold,
        readout,
        sigmoid(trained),
        sigmoid(spiking),
        stages.relative_errors(eight_bit, settled),
        stages.relative_errors(fired, settled),
    )


def _scored_note(inputs, tile):
    """Which pixels the scores are of."""
    if inputs.tiles.grid:
        numbers = inputs.test.section_numbers
        return (
            f"Whole sections {', '.join(map(str, numbers))}, each from "
            f"{len(inputs.tiles.grid.origins)} overlapping tiles of {tile} x {tile} pixels."
        )
    shown = inputs.tiles.places[:8]
    places = ", ".join(f"section {s} at ({y}, {x})" for s, y, x in shown)
    more = len(inputs.tiles.places) - len(shown)
    rest = f" and {more} more" if more else ""
    return (
        f"Tiles of {tile} x {tile} pixels: {places}{rest}. V scores of tiles are of cells cut at "
        "the tiles' borders."
    )


def _validated_threshold(inputs, predict, tile):
    if inputs.validation is None:
        return 0.5
    logits = predict_sections(predict, inputs.validation.images, tile)
    return best_threshold(inputs.validation.membrane, sigmoid(logits))


def _row(name, pixels, truth, logits, threshold) -> dict:
    probability = sigmoid(logits)
    # A tile without a cell has no regions to find.
    scored = [i for i in range(len(truth)) if not truth[i].all()]
    return {
        "name": name,
        "pixels": pixels,
        "pixel": asdict(pixel_scores(truth, probability > threshold)),
        "challenge": asdict(challenge_scores(~truth[scored], 1.0 - probability[scored])),
    }


def _rates(inputs, network):
    tiles = stages.spread_tiles(inputs.test, inputs.network.tile, RATE_TILES)
    settled = stages.settled_activations(network, tiles.pixels)
    target = {}
    if inputs.network.info is not None:
        wanted = inputs.network.info.config.network.rates
        target = {
            "percentile": wanted.percentile,
            "low_hz": wanted.low_hz,
            "high_hz": wanted.high_hz,
        }
    return tuple(
        layer_rates(
            layer.name,
            settled[layer.name].reshape(len(tiles.pixels), -1) * layer.rate_scale_hz,
            **target,
        )
        for layer in network.layers
    )


def _layer_rows(network, tiling, rates, scored, test) -> list:
    usage = {row.layer: asdict(row) for row in tiling.usage}
    found = []
    for layer, rate in zip(network.layers, rates):
        if layer.on_host:
            continue
        fired_hz = np.mean([one.rates_hz(layer.name).mean() for one in test])
        measured = asdict(replace(rate, mean_hz=float(fired_hz)))
        found.append(
            {
                "layer": layer.name,
                "n_neurons": layer.n_neurons,
                "n_blocks": usage[layer.name]["n_blocks"],
                "block_shape": list(usage[layer.name]["shape"]),
                "usage": {k: v for k, v in usage[layer.name].items() if k not in ("layer", "shape")},
                "rates": measured,
                "quantized_error": scored.quantized_errors[layer.name],
                "spiking_error": scored.spiking_errors[layer.name],
            }
        )
    return found
