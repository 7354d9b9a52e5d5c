"""Results of a simulation as tables for the terminal."""

from loihiseg.report.baseline import below_all_cell
from loihiseg.report.tables import SCORES_HEADER, Table, score_cells
from loihiseg.results import SimulationResults


def scores_table(results: SimulationResults, on_chip: str) -> Table:
    """Scores of every network on whole sections.

    ``on_chip`` says what of the method a chip can run.
    """
    rows = tuple(score_cells(row) for row in results.score_rows)
    sections = ", ".join(map(str, results.sections))
    steps = f"{'up to ' * bool(results.runs)}{results.steps}"
    note = (
        f"{results.method}, {steps} steps per tile, on sections {sections}; simulated in "
        f"floats, without a chip. On a chip: {on_chip}"
    )
    warning = below_all_cell(results.score_rows)
    return Table("Scores", SCORES_HEADER, rows, note, warning=warning)


def work_table(results: SimulationResults) -> Table:
    """Spikes and updates of the layers that would be on the chip, per section."""
    every = [(network.title, work) for network, work in results.spiking.items()]
    every += [(run.name, run.work) for run in results.runs]
    rows = tuple(
        (
            name,
            f"{work.tiles:,.0f}",
            f"{work.spikes:,.0f}",
            f"{work.neuron_updates:,.0f}",
            f"{work.spikes / max(work.tiles * results.n_neurons, 1):.3f}",
        )
        for name, work in every
    )
    header = ("network", "tiles", "spikes", "neuron updates", "spikes per neuron\nand tile")
    note = (
        f"{results.n_neurons:,} neurons would be on the chip. Spikes that are taken back count too."
    )
    return Table("Work per section", header, rows, note)


def tuning_table(results: SimulationResults) -> Table | None:
    """What tuning did, layer by layer; None where nothing was tuned."""
    rows = tuple(
        (
            f"{network.title}, {row.layer.removesuffix('_spikes')}",
            f"{row.error_before:.4f}",
            f"{row.error_after:.4f}",
            f"{row.score_before:.4f}",
            f"{row.score_after:.4f}",
            "yes" if row.kept else "no",
        )
        for network, layers in results.tuning.items()
        for row in layers
    )
    if not rows:
        return None
    header = ("layer", "error before", "after", "IoU before", "after", "kept")
    note = (
        "Error: mean squared difference from the quantized layer, in units of its scale. IoU of "
        "membrane on the crops; a layer is kept if it rises."
    )
    return Table("Tuning", header, rows, note)


def quantiles_table(results: SimulationResults) -> Table | None:
    """Quantiles that were tried, the best first; None where nothing was searched."""
    if not results.tried:
        return None
    shown = sorted(results.tried, key=lambda one: (one.disagreement or 0.0, one.error))
    rows = tuple(
        (
            "searched" if one.searched else "fixed",
            *(f"{share:.5f}" for share in one.quantiles.values()),
            "" if one.disagreement is None else f"{one.disagreement:.4f}",
            f"{one.error:.4g}",
            f"{one.membrane_iou:.4f}",
            "" if one.validation_iou is None else f"{one.validation_iou:.4f}",
        )
        for one in shown
    )
    header = (
        "quantiles", *shown[0].quantiles, "1 - IoU to\nfloats", "error", "IoU",
        "IoU on\nvalidation sections",
    )  # fmt: skip
    note = (
        "1 - IoU of what this and the float network call membrane, and the mean squared distance "
        "of their logits, on calibration crops; IoU of membrane on the same, and on sections that "
        "nothing was chosen on."
    )
    return Table("Quantiles", header, rows, note)
