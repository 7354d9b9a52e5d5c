"""The tables of the page. What is missing is said in its row."""

from benchmarks.reproduction import plan as names
from benchmarks.reproduction.plan import ABLATIONS, REFERENCE_STEPS, STEPS
from benchmarks.reproduction.results import (
    EIGHT_BIT,
    EMULATED,
    NENGO_DL,
    RATE_NETWORK,
    TRAINED,
    lost,
    spread,
)
from loihiseg.report.tables import Table

NOT_RUN = "not run"
SCORE_HEADER = ("pixel accuracy", "membrane IoU", "F1", "V_Rand", "V_Info")

_PATTERNS = {
    "accuracy": "{:.2%}",
    "membrane_iou": "{:.3f}",
    "membrane_f1": "{:.3f}",
    "v_rand": "{:.3f}",
    "v_info": "{:.3f}",
}
_ROWS = {
    TRAINED: "ANN, float",
    RATE_NETWORK: "rate network, float",
    EIGHT_BIT: "rate network, 8-bit weights",
    NENGO_DL: "spiking, float (NengoDL)",
    EMULATED: "spiking, 8-bit, Loihi emulation",
}
UJ_PER_MJ = 1000.0


def all_tables(results) -> list[Table]:
    """Every table, in the order of the page."""
    return [
        scores_table(results),
        drop_table(results),
        aims_table(results),
        hardware_table(results),
        rates_table(results),
        time_table(results),
        ablation_table(results),
        folds_table(results),
        nengo_dl_table(results),
    ]


def of_seeds(results, steps=REFERENCE_STEPS) -> list[dict]:
    """Records of all seeds that are there."""
    found = (results.get(names.steps_name(names.seed_name(s), steps))
             for s in results.protocol.seeds)  # fmt: skip
    return [one for one in found if one is not None]


def scores_table(results) -> Table:
    """Every network on the same pixels, over the seeds."""
    records = of_seeds(results)
    rows = [_baseline(records)]
    for stage in (TRAINED, RATE_NETWORK, EIGHT_BIT, EMULATED):
        rows.append((_ROWS[stage], *_score_cells(records, stage)))
    note = (
        f"Mean{_range_note(records)} of {_of_seeds_text(results, records)}; {REFERENCE_STEPS} "
        f"steps per tile. {_pixels(records)}The activation of the ANN is the chip's firing-rate "
        "curve: the rate network is the same function, lowered to one convolution per source."
    )
    return Table("Scores", ("network", *SCORE_HEADER), tuple(rows), note)


def drop_table(results) -> Table:
    """What the chip loses, seed by seed."""
    rows = []
    for seed in results.protocol.seeds:
        one = results.get(names.steps_name(names.seed_name(seed)))
        rows.append((f"seed {seed}", *_drop_cells(one)))
    records = of_seeds(results)
    if len(records) > 1:
        cells = _mean_drop_cells(records)
        rows.append(("mean", *cells))
    header = ("network", "accuracy, ANN", "emulated", "lost, points", "IoU, ANN", "emulated",
              "lost, points", "V_Rand lost", "V_Info lost")  # fmt: skip
    return Table("Lost from the float ANN to the 8-bit emulation", header, tuple(rows),
                 "Negative: the emulation scored higher.")  # fmt: skip


def _drop_cells(one):
    if one is None:
        return _not_run(8)
    ann, chip = one["scores"][TRAINED], one["scores"][EMULATED]
    return (
        f"{ann['accuracy']:.2%}",
        f"{chip['accuracy']:.2%}",
        f"{100 * lost(one, 'accuracy'):.2f}",
        f"{ann['membrane_iou']:.3f}",
        f"{chip['membrane_iou']:.3f}",
        f"{100 * lost(one, 'membrane_iou'):.2f}",
        f"{lost(one, 'v_rand'):.4f}",
        f"{lost(one, 'v_info'):.4f}",
    )


def _mean_drop_cells(records):
    def mean(stage, key):
        return spread(r["scores"][stage][key] for r in records).mean

    return (
        f"{mean(TRAINED, 'accuracy'):.2%}",
        f"{mean(EMULATED, 'accuracy'):.2%}",
        f"{100 * _mean_lost(records, 'accuracy'):.2f}",
        f"{mean(TRAINED, 'membrane_iou'):.3f}",
        f"{mean(EMULATED, 'membrane_iou'):.3f}",
        f"{100 * _mean_lost(records, 'membrane_iou'):.2f}",
        f"{_mean_lost(records, 'v_rand'):.4f}",
        f"{_mean_lost(records, 'v_info'):.4f}",
    )


def _mean_lost(records, key):
    return spread(lost(one, key) for one in records).mean


def aims_table(results) -> Table:
    """What was aimed at, beside what came out."""
    at_reference, at_100 = of_seeds(results), of_seeds(results, 100)
    one = results.get(names.section_name(names.seed_name(results.protocol.seeds[0])))
    if one is not None and one["unit"] != "section":
        one = None
    rows = [
        _aim("accuracy lost at 200 steps, mean", "0.2 points at most", at_reference,
             lambda r: 100 * _mean_lost(r, "accuracy"), "{:.2f} points", lambda v: v <= 0.2),
        _aim("membrane IoU lost at 200 steps, mean", "0.7 points at most", at_reference,
             lambda r: 100 * _mean_lost(r, "membrane_iou"), "{:.2f} points", lambda v: v <= 0.7),
        _aim("accuracy lost at 100 steps, mean", "1 point at most", at_100,
             lambda r: 100 * _mean_lost(r, "accuracy"), "{:.2f} points", lambda v: v <= 1.0),
        _aim("pixel accuracy of the ANN, mean", "92 % or more", at_reference,
             lambda r: spread(x["scores"][TRAINED]["accuracy"] for x in r).mean, "{:.2%}",
             lambda v: v >= 0.92),
        _aim("V_Rand lost, mean", "0.01 at most", at_reference,
             lambda r: _mean_lost(r, "v_rand"), "{:.4f}", lambda v: v <= 0.01),
        _aim("V_Info lost, mean", "0.01 at most", at_reference,
             lambda r: _mean_lost(r, "v_info"), "{:.4f}", lambda v: v <= 0.01),
        _aim("neurons that fire with their percentile rate in 50–200 Hz, mean", "95 % or more",
             at_reference, lambda r: spread(x["rates"]["share_in_range"] for x in r).mean,
             "{:.1%}", lambda v: v >= 0.95),
        _aim("neurons on chip", "238,000 ± 1 %", at_reference,
             lambda r: r[0]["mapping"]["n_neurons"], "{:,}", lambda v: abs(v / 238e3 - 1) <= 0.01),
        _aim("chips", "2", at_reference, lambda r: r[0]["mapping"]["n_chips_used"], "{}",
             lambda v: v == 2),
        _aim("one section, from weights to report, nothing kept", "120 s at most", [one],
             lambda r: r[0]["seconds"], "{:.0f} s", lambda v: v < 120),
        _aim("peak memory of that", "3 GB at most", [one],
             lambda r: r[0]["peak_memory_mb"] * 2**20 / 1e9, "{:.2f} GB", lambda v: v < 3),
    ]  # fmt: skip
    return Table("What was aimed at", ("", "aim", "measured", "met"), tuple(rows))


def _aim(what, aim, records, value, pattern, holds):
    records = [one for one in records if one is not None]
    if not records:
        return (what, aim, NOT_RUN, "")
    found = value(records)
    return (what, aim, pattern.format(found), "yes" if holds(found) else "no")


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
        return _not_run(6)

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


def time_table(results) -> Table:
    """What the length of a presentation does."""
    rows = [("ANN, float", *_score_cells(of_seeds(results), TRAINED), "", "")]
    unit = "section"
    for steps in STEPS:
        records = of_seeds(results, steps)
        if not records:
            rows.append((f"{steps} steps", *_not_run(7)))
            continue
        unit = records[0]["unit"]
        points = spread(100 * lost(one, "accuracy") for one in records)
        energy = spread(one["energy_uj"]["loihi"] / UJ_PER_MJ for one in records)
        rows.append(
            (
                f"{steps} steps",
                *_score_cells(records, EMULATED),
                points.text("{:.2f}"),
                energy.text("{:.1f} mJ"),
            )
        )
    header = ("presentation", *SCORE_HEADER, "accuracy lost, points", f"energy per {unit}")
    note = "Steps per tile, of 1 ms; the second half is read out. Energy is an estimate."
    return Table("Presentation time", header, tuple(rows), note)


def ablation_table(results) -> Table:
    """The recipe with one thing changed each."""
    protocol = results.protocol
    folders = {"recipe": names.ablation_base_name(protocol)}
    planned = names.variants(protocol.ablation_base)
    folders |= {ABLATIONS[variant]: names.ablation_name(variant) for variant in planned}
    rows = [
        (title, *_ablation_cells(results.get(names.steps_name(folder))))
        for title, folder in folders.items()
    ]
    header = ("recipe", "accuracy, ANN", "emulated", "lost, points", "IoU, ANN", "emulated",
              "lost, points", "in its range", "mean rate", "energy")  # fmt: skip
    base = protocol.ablation_base
    note = (
        f"Seed {base.seed}, {base.epochs} epochs each, the last {base.tuning_epochs} of them "
        f"tuning; {REFERENCE_STEPS} steps. In its range: neurons that fire whose percentile is in "
        "the range, both those of the row (of the recipe where the regularizer is off). One seed: "
        "tenths of a point say nothing."
    )
    return Table("What each part of the recipe does", header, tuple(rows), note)


def _ablation_cells(one):
    if one is None:
        return _not_run(9)
    return (
        *_drop_cells(one)[:6],
        f"{one['rates']['share_in_range']:.1%}",
        f"{one['rates']['mean_hz']:.1f} Hz",
        f"{one['energy_uj']['loihi'] / UJ_PER_MJ:.1f} mJ",
    )


def folds_table(results) -> Table:
    """The recipe on other splits: every section is tested once."""
    rows, records = [], []
    for fold in range(results.protocol.n_folds):
        one = results.get(names.steps_name(names.fold_name(fold)))
        if one is None:
            rows.append((f"fold {fold + 1}", "", *_not_run(8)))
            continue
        records.append(one)
        tested = f"{one['sections'][0]}–{one['sections'][-1]}"
        scores = one["scores"]
        rows.append(
            (
                f"fold {fold + 1}",
                tested,
                f"{one['all_cell']:.2%}",
                *_drop_cells(one)[:6],
                f"{scores[TRAINED]['v_rand']:.3f} / {scores[EMULATED]['v_rand']:.3f}",
            )
        )
    if len(records) > 1:
        rows.append(("mean (range)", "", *_fold_means(records)))
    header = ("fold", "tested on", "all cell", "accuracy, ANN", "emulated", "lost, points",
              "IoU, ANN", "emulated", "lost, points", "V_Rand, ANN / emulated")  # fmt: skip
    note = (
        f"Seed {results.protocol.seeds[0]}; each section is tested once, by a network trained on "
        "neither it nor the validation sections beside it."
    )
    return Table("Other splits", header, tuple(rows), note)


def _fold_means(records):
    def text(value, pattern):
        return spread(value(one) for one in records).text(pattern)

    def score(stage, key):
        return lambda one: one["scores"][stage][key]

    return (
        text(lambda one: one["all_cell"], "{:.2%}"),
        text(score(TRAINED, "accuracy"), "{:.2%}"),
        text(score(EMULATED, "accuracy"), "{:.2%}"),
        text(lambda one: 100 * lost(one, "accuracy"), "{:.2f}"),
        text(score(TRAINED, "membrane_iou"), "{:.3f}"),
        text(score(EMULATED, "membrane_iou"), "{:.3f}"),
        text(lambda one: 100 * lost(one, "membrane_iou"), "{:.2f}"),
        " / ".join(
            f"{spread(r['scores'][stage]['v_rand'] for r in records).mean:.3f}"
            for stage in (TRAINED, EMULATED)
        ),
    )


def nengo_dl_table(results) -> Table:
    """NengoDL's spikes beside ours, on the same few tiles."""
    one = results.get(names.nengo_dl_name(names.seed_name(results.protocol.seeds[0])))
    records = [one] if one is not None else []
    rows = [
        (_ROWS[stage], *_score_cells(records, stage))
        for stage in (TRAINED, EIGHT_BIT, NENGO_DL, EMULATED)
    ]
    note = (
        f"The first seed on {results.protocol.nengo_dl_tiles} tiles, {REFERENCE_STEPS} steps. Both "
        "spiking rows are read out with the line fitted for the emulation. V scores of tiles are "
        "of cells cut at the tiles' borders."
    )
    return Table("Beside NengoDL's spiking simulation", ("network", *SCORE_HEADER), tuple(rows),
                 note)  # fmt: skip


def _baseline(records):
    if not records:
        return ("all cell", *_not_run(5))
    return ("all cell", f"{records[0]['all_cell']:.2%}", "0.000", "0.000", "", "")


def _score_cells(records, stage):
    rows = [one["scores"][stage] for one in records if stage in one["scores"]]
    if not rows:
        return _not_run(len(_PATTERNS))
    return tuple(
        spread(row[key] for row in rows).text(pattern) for key, pattern in _PATTERNS.items()
    )


def _not_run(n):
    return (NOT_RUN, *[""] * (n - 1))


def _range_note(records):
    return " (range)" if len(records) > 1 else ""


def _of_seeds_text(results, records):
    asked = len(results.protocol.seeds)
    there = len(records)
    text = f"{asked} seed" + "s" * (asked > 1)
    return text if there == asked else f"{there} of {text} (the others are not run)"


def _pixels(records):
    if not records:
        return ""
    one = records[0]
    numbers = f"{one['sections'][0]}–{one['sections'][-1]}"
    if one["unit"] == "section":
        return f"The whole of sections {numbers}. "
    return f"Some tiles of sections {numbers}. "
