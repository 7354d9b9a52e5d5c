"""Tables of what the networks need and do on the chips, and of what was aimed at."""

from benchmarks.reproduction import plan as names
from benchmarks.reproduction.cells import (
    NOT_RUN,
    UJ_PER_MJ,
    aim,
    mean_lost,
    not_run,
    of_seeds,
)
from benchmarks.reproduction.results import EMULATED, TRAINED, spread
from loihiseg.report.tables import Table


def aims_table(results) -> Table:
    """What was aimed at, beside what came out."""
    at_reference, at_100 = of_seeds(results), of_seeds(results, 100)
    one = results.get(names.section_name(names.seed_name(results.protocol.seeds[0])))
    if one is not None and one["unit"] != "section":
        one = None
    rows = [
        aim("accuracy lost at 200 steps, mean", "0.2 points at most", at_reference,
             lambda r: 100 * mean_lost(r, "accuracy"), "{:.2f} points", lambda v: v <= 0.2),
        aim("membrane IoU lost at 200 steps, mean", "0.7 points at most", at_reference,
             lambda r: 100 * mean_lost(r, "membrane_iou"), "{:.2f} points", lambda v: v <= 0.7),
        aim("accuracy lost at 100 steps, mean", "1 point at most", at_100,
             lambda r: 100 * mean_lost(r, "accuracy"), "{:.2f} points", lambda v: v <= 1.0),
        aim("pixel accuracy of the ANN, mean", "92 % or more", at_reference,
             lambda r: spread(x["scores"][TRAINED]["accuracy"] for x in r).mean, "{:.2%}",
             lambda v: v >= 0.92),
        aim("V_Rand lost, mean", "0.01 at most", at_reference,
             lambda r: mean_lost(r, "v_rand"), "{:.4f}", lambda v: v <= 0.01),
        aim("V_Info lost, mean", "0.01 at most", at_reference,
             lambda r: mean_lost(r, "v_info"), "{:.4f}", lambda v: v <= 0.01),
        aim("neurons that fire with their percentile rate in 50–200 Hz, mean", "95 % or more",
             at_reference, lambda r: spread(x["rates"]["share_in_range"] for x in r).mean,
             "{:.1%}", lambda v: v >= 0.95),
        aim("neurons on chip", "238,000 ± 1 %", at_reference,
             lambda r: r[0]["mapping"]["n_neurons"], "{:,}", lambda v: abs(v / 238e3 - 1) <= 0.01),
        aim("chips", "2", at_reference, lambda r: r[0]["mapping"]["n_chips_used"], "{}",
             lambda v: v == 2),
        aim("one section, from weights to report, nothing built before", "120 s at most", [one],
             lambda r: r[0]["seconds"], "{:.0f} s", lambda v: v < 120),
        aim("peak memory of that", "3 GB at most", [one],
             lambda r: r[0]["peak_memory_mb"] * 2**20 / 1e9, "{:.2f} GB", lambda v: v < 3),
    ]  # fmt: skip
    return Table("What was aimed at", ("", "aim", "measured", "met"), tuple(rows))


def hardware_table(results) -> Table:
    """Size, traffic, work, energy and time, over the seeds."""
    records = of_seeds(results)
    if not records:
        return Table("On the chips", ("", ""), ((NOT_RUN, ""),))
    unit = records[0]["unit"]

    def row(name, value, pattern="{:,.0f}", remark=""):
        return (name, spread(value(one) for one in records).text(pattern), remark)

    def mapping(key):
        return lambda one: one["mapping"][key]

    rows = [
        row("neurons on chip", mapping("n_neurons")),
        row("cores", mapping("n_cores")),
        row("chips", mapping("n_chips_used")),
        row("messages between chips per step, ours", mapping("messages"), "{:,.1f}",
            "expected from rates"),
        row("messages between chips per step, ours", mapping("measured_messages"), "{:,.1f}",
            "counted from spikes"),
    ]  # fmt: skip
    if None not in [one["mapping"]["lower_bound"] for one in records]:
        rows.append(
            row(
                "the same, lower bound",
                mapping("lower_bound"),
                "{:,.1f}",
                "of any placement of these blocks",
            )
        )
    for peer in records[0]["mapping"]["allocators"]:
        rows.append(
            row(f"the same, nengo-loihi's {peer}", lambda one, p=peer: _peer(one, p), "{:,.1f}",
                "expected from rates")
        )  # fmt: skip
    for key in ("neuron_updates", "synaptic_events", "spikes", "messages"):
        name = f"{key.replace('_', ' ')} per {unit}"
        rows.append(row(name, lambda one, k=key: one["counts"][k] / 1e6, "{:,.2f} million"))
    rows.append(row(f"multiply-accumulates of the ANN per {unit}", lambda one: one["macs"] / 1e6,
                    "{:,.0f} million"))  # fmt: skip
    for device in records[0]["energy_uj"]:
        rows.append(
            row(f"energy per {unit}, {device}",
                lambda one, d=device: one["energy_uj"][d] / UJ_PER_MJ, "{:,.1f} mJ", "estimate")
        )  # fmt: skip
    rows += _swept_rows(records, unit)
    shown = f"{len(records[0]['sections'])} sections" if unit == "section" else "some tiles"
    rows.append(row(f"wall time, {shown}", lambda one: one["seconds"], "{:.0f} s"))
    rows.append(row("peak memory", lambda one: one["peak_memory_mb"] * 2**20 / 1e9, "{:.2f} GB"))
    note = (
        "Energies are estimates: counts times published constants, nothing of them is measured. "
        "No energy of a message between chips is published, so it is swept and not part of the "
        f"estimate. A section is {records[0]['tiles_per_unit']:.0f} overlapping tiles, for every "
        "device. Wall time includes the start of Python and every score."
        if unit == "section"
        else "Energies are estimates: counts times published constants. Per tile."
    )
    return Table("On the chips", ("", "mean (range over seeds)", ""), tuple(rows), note)


def _peer(one, name):
    return one["mapping"]["allocators"].get(name, float("nan"))


def _swept_rows(records, unit):
    points = [one["inter_chip_uj"] for one in records if one["inter_chip_uj"]]
    if not points:
        return []
    rows = []
    for index in (0, -1):
        factor = points[0][index][0]
        value = spread(p[index][1] / UJ_PER_MJ for p in points).text("{:,.3f} mJ")
        rows.append(
            (f"messages between chips per {unit}, at {factor:g} hops each", value, "swept, unknown")
        )
    return rows


def rates_table(results) -> Table:
    """Firing rates with and without the regularizer."""
    seeds = of_seeds(results)
    base = results.get(names.steps_name(names.ablation_base_name(results.protocol)))
    off = results.get(names.steps_name(names.ablation_name("no-regularizer")))
    rows = [("recipe, all seeds", *_rate_cells(seeds))]
    if results.protocol.ablation_base != results.protocol.recipe:
        rows.append(("recipe, as the ablations", *_rate_cells([base] if base else [])))
    rows.append(("regularizer off", *_rate_cells([off] if off else [])))
    unit = seeds[0]["unit"] if seeds else "section"
    target = results.protocol.base.network.rates
    low, high = f"{target.low_hz:g}", f"{target.high_hz:g}"
    header = ("network", f"in {low}–{high} Hz", "silent", "mean rate", f"spikes per {unit}",
              f"energy per {unit}", "accuracy, emulated")  # fmt: skip
    note = (
        f"In {low}–{high} Hz: of the neurons on chip that fire on any test tile, those whose "
        f"{target.percentile:g}th percentile over the tiles lies there. Silent: of all neurons. "
        "Energy is an estimate."
    )
    return Table("Firing rates", header, tuple(rows), note)


def _rate_cells(records):
    if not records:
        return not_run(6)

    def text(value, pattern):
        return spread(value(one) for one in records).text(pattern)

    return (
        text(lambda one: one["rates"]["share_in_range"], "{:.1%}"),
        text(lambda one: one["rates"]["silent_share"], "{:.1%}"),
        text(lambda one: one["rates"]["mean_hz"], "{:.1f} Hz"),
        text(lambda one: one["counts"]["spikes"] / 1e6, "{:.2f} million"),
        text(lambda one: one["energy_uj"]["loihi"] / UJ_PER_MJ, "{:.1f} mJ"),
        text(lambda one: one["scores"][EMULATED]["accuracy"], "{:.2%}"),
    )
