"""Results as tables for the terminal and the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loihiseg.codes import registry
from loihiseg.codes.shown import share
from loihiseg.report.baseline import below_all_cell
from loihiseg.results import QuantizedLayer, Results, ScoreRow
from partition.display.messages import one_line, printable

if TYPE_CHECKING:
    from rich.console import Console

MAX_CELL = 60
"""Characters of a cell on the terminal."""

LAST_OF_CHALLENGE = 0.89
"""Above it are the challenge's thresholds 0.9, and 1, at which few maps call anything cell."""


@dataclass(frozen=True)
class Table:
    """A table of text. The first column is left-aligned, the others right.

    ``warning`` is what must not be overlooked.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    warning: str = ""


def print_table(table: Table, console: "Console") -> None:
    """Print a table on a rich console."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(title=table.title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(table.header):
        drawn.add_column(name, justify="right" if index else "left", no_wrap=True)
    for row in table.rows:
        # As text, so that no cell is read as rich's markup, whatever the console does.
        drawn.add_row(*(Text(one_line(cell, MAX_CELL)) for cell in row))
    console.print(drawn)
    if table.warning:
        console.print(Text(printable(table.warning), style="bold red"), soft_wrap=True)
    if table.note:
        console.print(Text(printable(table.note)), soft_wrap=True)


def scores_table(results: Results) -> Table:
    """Scores of every stage, so that the one that loses accuracy is seen.

    Without truth, how far the spikes agree with the network that they stand for.
    """
    if not results.score_rows:
        agreement = (
            "pixels that the spikes call as 8-bit weights do",
            share(results.agreement, 3),
        )
        return Table("Maps", ("", ""), (agreement,), results.scored_note)
    rows = tuple(score_cells(row) for row in results.score_rows)
    note = results.scored_note + challenge_note(results.score_rows)
    return Table("Scores", SCORES_HEADER, rows, note, warning=below_all_cell(results.score_rows))


def challenge_note(rows: Sequence[ScoreRow]) -> str:
    """Where the challenge's own thresholds end, if a score of regions is best there."""
    at_end = sum(row.challenge.v_rand_threshold > LAST_OF_CHALLENGE for row in rows)
    if not at_end:
        return ""
    which = "all rows" if at_end == len(rows) else f"{at_end} of {len(rows)} rows"
    return (
        f" V_Rand is that of the challenge's last threshold, a cell probability of 0.9, in {which}:"
        " single gaps decide there; what a threshold chosen on other sections comes to is the "
        "measure of topology."
    )


SCORES_HEADER = (
    "network", "scored on", "accuracy", "all cell", "membrane\nIoU", "F1", "V_Rand", "V_Info",
)  # fmt: skip
"""Of rows as of `score_cells`."""


def score_cells(row: ScoreRow) -> tuple[str, ...]:
    """One network's scores."""
    pixel, challenge = row.pixel, row.challenge
    return (
        row.name,
        row.pixels,
        f"{pixel.accuracy:.2%}",
        f"{pixel.all_cell_accuracy:.2%}",
        f"{pixel.membrane_iou:.3f}",
        f"{pixel.membrane_f1:.3f}",
        f"{challenge.v_rand:.3f}",
        f"{challenge.v_info:.3f}",
    )


def layers_table(results: Results) -> Table:
    """Layer by layer, as the code shows them."""
    found = registry.layers_table(results)
    return Table("Layers", found.header, found.rows, found.note)


def precision_table(quantization: Sequence[QuantizedLayer], has_levels: bool = False) -> Table:
    """Where quantization loses precision; ``has_levels`` as of `loihiseg.results.Code`."""
    rows = []
    for row in quantization:
        rows.append(
            (
                row.layer.removesuffix("_spikes"),
                _range(row.weight_scale_low, row.weight_scale_high, "{:.3g}"),
                _range(row.exponent_low, row.exponent_high, "{:d}"),
                str(row.bits_lost),
                f"{row.zeroed_share:.1%}",
                # Where nothing is lost there is no noise, and no ratio.
                f"{row.signal_to_noise_db:.1f}" if row.signal_to_noise_db else "-",
                f"{row.bias_error_hz:.2g}",
                f"{row.threshold_error:.1e}",
                f"{row.quantized_error:.1%}",
            )
        )
    bias = "bias error Hz"
    if has_levels:
        bias = "bias error, 1/1000 of the largest weight"
    header = (
        "layer", "scale", "exponent", "bits lost", "zeroed", "SQNR dB", bias, "threshold",
        "output error",
    )  # fmt: skip
    return Table("Quantization: where precision goes", header, tuple(rows))


def mapping_table(results: Results) -> Table:
    """Cores, chips and what crosses between chips."""
    m = results.mapping
    rows = [
        ("neural code", registry.words(results.code)),
        *results.code_rows,
        ("neurons on chip", f"{m.n_neurons:,}"),
        ("cores", f"{m.n_cores} on {m.n_chips_used} of {m.n_chips} chips"),
        ("messages between chips per step", f"{m.messages:.1f} (expected from rates)"),
        ("messages between chips per step", f"{m.measured_messages:.1f} (counted from spikes)"),
    ]
    return Table("Mapping", ("", ""), tuple(rows))


def allocators_table(results: Results) -> Table:
    """What crosses and how far messages go, by nengo-loihi's allocators and by ours."""
    m = results.mapping
    rows = []
    for row in m.allocators:
        name = row.name if row.ours else f"nengo-loihi's {row.name}"
        numbers = (row.messages, row.max_link_load, row.mean_hops)
        rows.append((name, *(f"{value:,.{digits}f}" for value, digits in zip(numbers, (1, 1, 2)))))
    if m.lower_bound or m.proved:
        proof = "proved least" if m.proved else f"gap {m.gap:.1%}"
        rows.append((f"lower bound ({proof})", f"{m.lower_bound:,.1f}", "", ""))
    header = ("allocator", "between chips", "on the busiest link", "hops within a chip")
    note = (
        "Messages per step, expected from rates; hops per message are counted on an assumed mesh "
        "of 4 rows of 8 tiles with 4 cores, numbered row by row."
    )
    return Table("Allocators", header, tuple(rows), note)


def energy_table(results: Results) -> Table:
    """Counted work, and energy from published constants; all presentations of a tile together."""
    c, shown = results.activity, results.orientations
    per = c.n_images / shown
    messages = "-" if c.messages is None else f"{c.messages / per:,.0f}"
    macs = "-" if c.macs is None else f"{c.macs * shown:,.0f}"
    rows = [
        ("neuron updates per tile", f"{c.neuron_updates / per:,.0f}", ""),
        ("spikes per tile", f"{c.spikes / per:,.0f}", ""),
        ("messages per tile", messages, ""),
        ("synaptic events per tile", f"{c.synaptic_events / per:,.0f}", ""),
        ("multiply-accumulates of the ANN per tile", macs, ""),
    ]
    for estimate in (*results.energy, *results.accelerators):
        energy = f"{estimate.total_uj_per_image * shown:,.1f} uJ"
        rows.append((f"energy, {estimate.device}", energy, "estimate"))
        if estimate.host_uj is not None:
            energy = f"{estimate.with_host_uj * shown:,.1f} uJ"
            name = f"energy, {estimate.device} and what the host computes ({estimate.host})"
            rows.append((name, energy, "estimate"))
    note = "Energies are estimates: counts times published constants, nothing of them is measured."
    title = "Work per tile"
    if shown > 1:
        title += f", shown in {shown} orientations"
    return Table(title, ("", "", ""), tuple(rows), note)


def work_table(results: Results) -> Table | None:
    """What each layer on the chip does and takes; None where that was not counted by layer."""
    per = results.activity.n_images / results.orientations
    rows = []
    total = sum(row.work.energy_uj for row in results.layers if row.work is not None)
    for row in results.layers:
        work = row.work
        if work is None:
            return None
        counts = (work.neuron_updates, work.spikes, work.synaptic_events)
        rows.append(
            (
                row.layer.removesuffix("_spikes"),
                *(f"{count / per:,.0f}" for count in counts),
                f"{work.energy_uj * results.orientations:,.2f}",
                f"{work.energy_uj / total:.1%}" if total else "-",
            )
        )
    header = ("layer", "neuron updates", "spikes", "synaptic events", "uJ, estimate", "share")
    note = (
        "Per tile. Synaptic events are those that arrive at a layer, from the chip and from the "
        "host; energies are Loihi's, counts times published constants."
    )
    return Table("Work by layer", header, tuple(rows), note)


def host_table(results: Results) -> Table | None:
    """What the host computes, layer by layer; None where that was not listed."""
    if not results.host_layers:
        return None
    rows = []
    for row in results.host_layers:
        where = "before the chip" if row.stage == "before" else "behind the chip"
        if row.is_hidden:
            where += ", a hidden layer"
        rows.append(
            (row.layer.removesuffix("_spikes"), where, f"{row.macs:,}", f"{row.activations:,}")
        )
    total = sum(row.macs for row in results.host_layers)
    rows.append(
        ("all", "", f"{total:,}", f"{sum(row.activations for row in results.host_layers):,}")
    )
    header = ("layer", "where", "multiply-accumulates", "activations")
    hidden = sum(row.is_hidden for row in results.host_layers)
    note = "For one tile: neurons before the chip are updated in every step besides."
    warning = ""
    if hidden:
        layers = "1 hidden layer runs" if hidden == 1 else f"{hidden} hidden layers run"
        warning = (
            f"{layers} on the host, behind the chip: what the chip takes is not the network's."
        )
    return Table("On the host", header, tuple(rows), note, warning=warning)


def section_table(results: Results) -> Table | None:
    """Work of a whole section, all its presentations together; None where there is none."""
    work, shown = results.per_section, results.orientations
    if work is None:
        return None
    presented = f"{work.presentations / shown:,.0f} tiles"
    if shown > 1:
        presented += f" in {shown} orientations, {work.presentations:,.0f} in all"
    rows = (
        ("presentations", presented),
        ("steps", f"{work.steps:,.0f}"),
        ("neuron updates", f"{work.neuron_updates:,.0f}"),
        ("spikes", f"{work.spikes:,.0f}"),
        ("messages", "-" if work.messages is None else f"{work.messages:,.0f}"),
        ("synaptic events", f"{work.synaptic_events:,.0f}"),
        ("energy, loihi, estimate", f"{work.energy_uj:,.1f} uJ"),
        *(
            (
                f"energy, {one.device}, estimate",
                f"{one.total_uj_per_image * work.presentations:,.1f} uJ",
            )
            for one in results.accelerators
        ),
        ("time on chip at 1 ms a step", f"{work.chip_s:,.2f} s"),
        ("throughput on chip", f"{1 / work.chip_s:,.3g} sections per second"),
        ("time in the emulator, with all that it is compared with", f"{work.emulated_s:,.1f} s"),
    )
    return Table("Work per section", ("", ""), rows)


def exit_table(results: Results) -> Table | None:
    """What it saves to stop once the map has stopped changing; None where that was not tried."""
    found = results.early_exit
    if found is None:
        return None
    whole, c = results.activity, found.activity
    per, loihi = c.n_images, results.energy_on()

    def row(name: str, before: float | None, after: float | None) -> tuple[str, str, str, str]:
        if before is None or after is None:
            return name, "-", "-", "-"
        return name, f"{before:,.1f}", f"{after:,.1f}", f"{after / before:.1%}"

    def per_tile(count: float | None) -> float | None:
        return None if count is None else count / per

    rows = [
        row("steps", whole.n_steps / per, found.mean_steps),
        row("neuron updates", per_tile(whole.neuron_updates), per_tile(c.neuron_updates)),
        row("spikes", per_tile(whole.spikes), per_tile(c.spikes)),
        row("messages", per_tile(whole.messages), per_tile(c.messages)),
        row("synaptic events", per_tile(whole.synaptic_events), per_tile(c.synaptic_events)),
        row(
            "energy, uJ, estimate",
            None if loihi is None else loihi.total_uj_per_image,
            found.energy.total_uj_per_image,
        ),
    ]
    note = (
        f"Stopped at the first look at which at most {found.changed_pixels} pixels had changed "
        f"since the one before, from step {found.first_step} on; chosen on the calibration "
        f"tiles. {found.share_wrong:.3%} of the pixels differ from the maps at the end."
    )
    if found.changed_pixels < 0:
        note = "No rule saved a step on the calibration tiles: every tile runs to the end."
    return Table("Early exit, per tile", ("", "to the end", "stopped", ""), tuple(rows), note)


def _range(low: float, high: float, pattern: str) -> str:
    least, most = pattern.format(low), pattern.format(high)
    return least if least == most else f"{least} .. {most}"
