"""Metrics as tables for the terminal and the page."""

from dataclasses import dataclass

from loihiseg.mapping import OURS
from partition.messages import one_line, printable

MAX_CELL = 60
"""Characters of a cell on the terminal."""


@dataclass(frozen=True)
class Table:
    """A table of text. The first column is left-aligned, the others right.

    ``picture`` is the name of a picture in the run folder that the page shows above it.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    picture: str = ""


def _has_levels(metrics) -> bool:
    """Whether neurons stand for levels; metrics that do not say are of rates."""
    return metrics.get("code", {}).get("name") == "thermometer"


def print_table(table: Table, console) -> None:
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
    if table.note:
        console.print(Text(printable(table.note)), soft_wrap=True)


def scores_table(metrics: dict) -> Table:
    """Scores of every stage, so that the one that loses accuracy is seen.

    V scores of maps shifted for submission stand beside those of the maps as they are.
    """
    rows, shift = [], metrics.get("challenge_shift", 0.0)
    for stage in metrics["stages"]:
        pixel, challenge = stage["pixel"], stage["challenge"]
        shifted = stage["challenge_shifted"] if shift else {}
        rows.append(
            (
                stage["name"],
                stage["pixels"],
                f"{pixel['accuracy']:.2%}",
                f"{pixel['all_cell_accuracy']:.2%}",
                f"{pixel['membrane_iou']:.3f}",
                f"{pixel['membrane_f1']:.3f}",
                f"{challenge['v_rand']:.3f}",
                f"{challenge['v_info']:.3f}",
                *(f"{shifted[key]:.3f}" for key in ("v_rand", "v_info") if shifted),
            )
        )
    header = (
        "network",
        "scored on",
        "accuracy",
        "all cell",
        "membrane\nIoU",
        "F1",
        "V_Rand",
        "V_Info",
        *(("V_Rand,\nshifted", "V_Info,\nshifted") if shift else ()),
    )
    note = metrics["scored_note"]
    if shift:
        note += (
            f" Shifted: {shift:g} added to all logits, which gives the trained network the best "
            "V_Rand on the validation sections at a threshold of 0.5."
        )
    return Table("Scores", header, tuple(rows), note)


def layers_table(metrics: dict) -> Table:
    """Rates and errors layer by layer; for levels how many are on, and right."""
    if _has_levels(metrics):
        return _levels_table(metrics)
    rows = []
    for row in metrics["layers"]:
        rows.append(
            (
                row["layer"].removesuffix("_spikes"),
                f"{row['n_neurons']:,}",
                str(row["n_blocks"]),
                _text(row["block_shape"]),
                f"{row['rates']['mean_hz']:.0f}",
                f"{row['rates']['percentile_hz']:.0f}",
                f"{row['rates']['share_in_range_of_active']:.0%}",
                f"{row['rates']['silent_share']:.0%}",
                f"{row['quantized_error']:.1%}",
                f"{row['spiking_error']:.1%}",
            )
        )
    neurons = sum(row["n_neurons"] for row in metrics["layers"])
    cores = sum(row["n_blocks"] for row in metrics["layers"])
    in_range, silent = (f"{metrics['rates'][k]:.0%}" for k in ("share_in_range", "silent_share"))
    mean = f"{metrics['rates']['mean_hz']:.0f}"
    rows.append(("all", f"{neurons:,}", str(cores), "", mean, "", in_range, silent, "", ""))
    percentile = metrics["layers"][0]["rates"]["percentile"]
    header = (
        "layer", "neurons", "cores", "block", "mean Hz", f"p{percentile:g} Hz", "in range",
        "silent", "8-bit error", "chip error",
    )  # fmt: skip
    low, high = (metrics["layers"][0]["rates"][k] for k in ("low_hz", "high_hz"))
    note = (
        f"In range: of the neurons that fire on any tile, those whose {percentile:g}th percentile "
        f"over the tiles is in {low:g} to {high:g} Hz. Errors: root mean square against the float "
        "network, relative; 8-bit from weights alone, chip with spikes."
    )
    return Table("Layers", header, tuple(rows), note)


def _levels_table(metrics):
    rows = []
    chip_levels = metrics["code"]["chip_levels"]
    for row, levels in zip(metrics["layers"], chip_levels):
        rows.append(
            (
                row["layer"].removesuffix("_spikes"),
                str(levels),
                f"{row['n_neurons']:,}",
                str(row["n_blocks"]),
                _text(row["block_shape"]),
                f"{row['rates']['mean_hz'] / 1000:.1%}",
                f"{row['rates']['silent_share']:.0%}",
                f"{row['quantized_error']:.1%}",
                _share(row["spiking_error"], 1),
                _share(row["level_match"], 3),
            )
        )
    neurons = sum(row["n_neurons"] for row in metrics["layers"])
    cores = sum(row["n_blocks"] for row in metrics["layers"])
    pooled = metrics["rates"]
    on, never = f"{pooled['mean_hz'] / 1000:.1%}", f"{pooled['silent_share']:.0%}"
    rows.append(("all", "", f"{neurons:,}", str(cores), "", on, never, "", "", ""))
    header = (
        "layer", "levels", "neurons", "cores", "block", "on", "never on", "8-bit error",
        "chip error", "levels right",
    )  # fmt: skip
    note = (
        "On: mean share of the neurons that fire at the last step; never on: in the trained "
        "network, on no tile. Errors: root mean square against the trained network, relative; "
        "8-bit from weights alone, chip with spikes. Levels right: units at the level they have in "
        f"the network with 8-bit weights. {metrics['agreement']:.3%} of the pixels are called as "
        "there."
    )
    if not metrics["code"]["held"]:
        given = metrics["code"]["input"]
        note += f" With {given} input the outputs alone are right at the last step."
    return Table("Layers", header, tuple(rows), note)


def precision_table(metrics: dict) -> Table:
    """Where quantization loses precision."""
    rows = []
    for row in metrics["quantization"]:
        rows.append(
            (
                row["layer"].removesuffix("_spikes"),
                _range(row["weight_scale_low"], row["weight_scale_high"], "{:.3g}"),
                _range(row["exponent_low"], row["exponent_high"], "{:d}"),
                str(row["bits_lost"]),
                f"{row['zeroed_share']:.1%}",
                f"{row['signal_to_noise_db']:.1f}",
                f"{row['bias_error_hz']:.2g}",
                f"{row['threshold_error']:.1e}",
                f"{row['quantized_error']:.1%}",
            )
        )
    bias = "bias error Hz"
    if _has_levels(metrics):
        bias = "bias error, 1/1000 of the largest weight"
    header = (
        "layer", "scale", "exponent", "bits lost", "zeroed", "SQNR dB", bias, "threshold",
        "output error",
    )  # fmt: skip
    return Table("Quantization: where precision goes", header, tuple(rows))


def mapping_table(metrics: dict) -> Table:
    """Cores, chips and what crosses between chips."""
    m = metrics["mapping"]
    rows = [
        ("neural code", _code(metrics)),
        ("neurons on chip", f"{m['n_neurons']:,}"),
        ("cores", f"{m['n_cores']} on {m['n_chips_used']} of {m['n_chips']} chips"),
        ("messages between chips per step", f"{m['messages']:.1f} (expected from rates)"),
        ("messages between chips per step", f"{m['measured_messages']:.1f} (counted from spikes)"),
    ]
    return Table("Mapping", ("", ""), tuple(rows))


def _code(metrics):
    code = metrics["code"]
    if code["name"] == "thermometer":
        return f"thermometer, {code['steps']} steps, {code['input']} input"
    return f"rate, {code['steps']} steps, the last {code['window_steps']} read out"


def allocators_table(metrics: dict) -> Table:
    """What crosses and how far messages go, by nengo-loihi's allocators and by ours."""
    m = metrics["mapping"]
    rows = []
    for row in m["allocators"]:
        name = row["name"] if row["name"] == OURS else f"nengo-loihi's {row['name']}"
        numbers = (row["messages"], row["max_link_load"], row["mean_hops"])
        rows.append((name, *(f"{value:,.{digits}f}" for value, digits in zip(numbers, (1, 1, 2)))))
    if m["lower_bound"] or m["proved"]:
        proof = "proved least" if m["proved"] else f"gap {m['gap']:.1%}"
        rows.append((f"lower bound ({proof})", f"{m['lower_bound']:,.1f}", "", ""))
    header = ("allocator", "between chips", "on the busiest link", "hops within a chip")
    note = (
        "Messages per step, expected from rates; hops per message are counted on an assumed mesh "
        "of 4 rows of 8 tiles with 4 cores, numbered row by row."
    )
    return Table("Allocators", header, tuple(rows), note, "floor_plan.png")


def energy_table(metrics: dict) -> Table:
    """Counted work, and energy from published constants."""
    c = metrics["activity"]
    per = c["n_images"]
    rows = [
        ("neuron updates per tile", f"{c['neuron_updates'] / per:,.0f}", ""),
        ("spikes per tile", f"{c['spikes'] / per:,.0f}", ""),
        ("messages per tile", f"{c['messages'] / per:,.0f}", ""),
        ("synaptic events per tile", f"{c['synaptic_events'] / per:,.0f}", ""),
        ("multiply-accumulates of the ANN per tile", f"{c['macs']:,.0f}", ""),
    ]
    for estimate in metrics["energy"]:
        rows.append(
            (
                f"energy, {estimate['device']}",
                f"{estimate['total_uj_per_image']:,.1f} uJ",
                "estimate",
            )
        )
    note = "Energies are estimates: counts times published constants, nothing of them is measured."
    return Table("Work per tile", ("", "", ""), tuple(rows), note)


def exit_table(metrics: dict) -> Table | None:
    """What it saves to stop once the map has stopped changing; None where that was not tried."""
    found = metrics["early_exit"]
    if found is None:
        return None
    whole, c = metrics["activity"], found["activity"]
    per, loihi = c["n_images"], metrics["energy"][0]["total_uj_per_image"]

    def row(name, before, after):
        return name, f"{before:,.1f}", f"{after:,.1f}", f"{after / before:.1%}"

    keys = ("neuron_updates", "spikes", "messages", "synaptic_events")
    rows = [
        row("steps", whole["n_steps"] / per, found["mean_steps"]),
        *(row(key.replace("_", " "), whole[key] / per, c[key] / per) for key in keys),
        row("energy, uJ, estimate", loihi, found["energy"]["total_uj_per_image"]),
    ]
    note = (
        f"Stopped at the first look at which at most {found['changed_pixels']} pixels had changed "
        f"since the one before, from step {found['first_step']} on; chosen on the calibration "
        f"tiles. {found['share_wrong']:.3%} of the pixels differ from the maps at the end."
    )
    if found["changed_pixels"] < 0:
        note = "No rule saved a step on the calibration tiles: every tile runs to the end."
    return Table("Early exit, per tile", ("", "to the end", "stopped", ""), tuple(rows), note)


def _share(value, digits):
    """A share in percent; a dash for one that is not known."""
    return "-" if value is None else f"{value:.{digits}%}"


def _range(low, high, pattern):
    low, high = pattern.format(low), pattern.format(high)
    return low if low == high else f"{low} .. {high}"


def _text(shape):
    return " x ".join(str(n) for n in shape)
