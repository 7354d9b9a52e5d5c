"""Layers of a deployment as tables of text: those of firing rates, and those of levels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loihiseg.results.layers import LayerRates, PooledRates
from loihiseg.results.run import Code, Results


@dataclass(frozen=True)
class LayersTable:
    """A table of text: a row for each layer, and one for all."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str


def words_of_rates(code: Code) -> str:
    """A code with a window, in a line."""
    read = "" if code.window_steps is None else f", the last {code.window_steps} read out"
    return f"{code.name}, {code.steps} steps{read}"


def words_of_levels(code: Code) -> str:
    """A code that is read at its end, in a line."""
    return f"{code.name}, {code.steps} steps, {code.input} input"


def layers_of_rates(results: Results) -> LayersTable:
    """Rates and errors."""
    rows = []
    for row in results.layers:
        rows.append(
            (
                row.layer.removesuffix("_spikes"),
                f"{row.n_neurons:,}",
                str(row.n_blocks),
                shape_text(row.block_shape),
                f"{row.rates.mean_hz:.0f}",
                f"{row.rates.percentile_hz:.0f}",
                f"{row.rates.share_in_range_of_active:.0%}",
                f"{row.rates.silent_share:.0%}",
                f"{row.quantized_error:.1%}",
                f"{row.spiking_error:.1%}",
            )
        )
    neurons = sum(row.n_neurons for row in results.layers)
    cores = sum(row.n_blocks for row in results.layers)
    pooled = results.rates
    in_range, silent = f"{pooled.share_in_range:.0%}", f"{pooled.silent_share:.0%}"
    mean = f"{pooled.mean_hz:.0f}"
    rows.append(("all", f"{neurons:,}", str(cores), "", mean, "", in_range, silent, "", ""))
    wanted = results.layers[0].rates  # one range for all
    percentile = wanted.percentile
    header = (
        "layer", "neurons", "cores", "block", "mean Hz", f"p{percentile:g} Hz", "in range",
        "silent", "8-bit error", "chip error",
    )  # fmt: skip
    note = (
        f"In range: of the neurons that fire on any tile, those whose {percentile:g}th percentile "
        f"over the tiles is in {wanted.low_hz:g} to {wanted.high_hz:g} Hz. Errors: root mean "
        "square against the float network, relative; 8-bit from weights alone, chip with spikes."
    )
    return LayersTable(header, tuple(rows), note)


def _answers(results: Results) -> str:
    """What a network calls: pixels, or images."""
    per_image = results.classes is not None and results.classes.task.per_image
    return "the images" if per_image else "the pixels"


def layers_of_levels(results: Results) -> LayersTable:
    """How many levels are on, and right."""
    note = (
        "On: mean share of the neurons that fire at the last step; never on: in the trained "
        "network, on no tile. Errors: root mean square against the trained network, relative; "
        "8-bit from weights alone, chip with spikes. Levels right: units at the level they have in "
        f"the network with 8-bit weights. {share(results.agreement, 3)} of "
        f"{_answers(results)} are called as there."
    )
    if not results.code.held:
        note += f" With {results.code.input} input the outputs alone are right at the last step."
    return _of_levels(
        results, ("on", "never on"), lambda rates: f"{rates.mean_hz / 1000:.1%}", note
    )


def layers_of_counts(results: Results) -> LayersTable:
    """How many spikes each unit sends for an image, and levels that are right."""
    note = (
        "Spikes: mean of a neuron for a tile; never fire: in the trained network, on no tile. "
        "Errors: root mean square against the trained network, relative; 8-bit from weights "
        "alone, chip with spikes. Levels right: units that send as many spikes as they have levels "
        f"in the network with 8-bit weights. {share(results.agreement, 3)} of "
        f"{_answers(results)} are called as there."
    )
    steps = results.code.steps
    return _of_levels(
        results,
        ("spikes", "never fire"),
        lambda rates: f"{rates.mean_hz / 1000 * steps:.2f}",
        note,
    )


def _of_levels(
    results: Results,
    firing: tuple[str, str],
    shown: Callable[[LayerRates | PooledRates], str],
    note: str,
) -> LayersTable:
    """Layers whose neurons have levels; how they fire stands under the two words for it."""
    rows = [
        (
            row.layer.removesuffix("_spikes"),
            str(levels),
            f"{row.n_neurons:,}",
            str(row.n_blocks),
            shape_text(row.block_shape),
            shown(row.rates),
            f"{row.rates.silent_share:.0%}",
            f"{row.quantized_error:.1%}",
            share(row.spiking_error, 1),
            share(row.level_match, 3),
        )
        for row, levels in zip(results.layers, results.code.chip_levels)
    ]
    neurons = sum(row.n_neurons for row in results.layers)
    cores = sum(row.n_blocks for row in results.layers)
    pooled = results.rates
    never = f"{pooled.silent_share:.0%}"
    rows.append(("all", "", f"{neurons:,}", str(cores), "", shown(pooled), never, "", "", ""))
    header = (
        "layer", "levels", "neurons", "cores", "block", *firing, "8-bit error", "chip error",
        "levels right",
    )  # fmt: skip
    return LayersTable(header, tuple(rows), note)


def share(value: float | None, digits: int) -> str:
    """A share in percent; a dash for one that is not known."""
    return "-" if value is None else f"{value:.{digits}%}"


def shape_text(shape: Sequence[int]) -> str:
    """A shape in a cell."""
    return " x ".join(str(n) for n in shape)
