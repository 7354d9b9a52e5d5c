"""The tables of the page, those of scores here. What is missing is said in its row."""

from benchmarks.reproduction import plan as names
from benchmarks.reproduction.cells import (
    DROP_HEADER,
    SCORE_HEADER,
    UJ_PER_MJ,
    drop_cells,
    mean_lost,
    not_run,
    of_seeds,
    score_cells,
)
from benchmarks.reproduction.chips import aims_table, hardware_table, rates_table
from benchmarks.reproduction.code_tables import code_tables
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

TIME_TABLE = "Presentation time"

_ROWS = {
    TRAINED: "ANN, float",
    RATE_NETWORK: "rate network, float",
    EIGHT_BIT: "rate network, 8-bit weights",
    NENGO_DL: "spiking, float (NengoDL)",
    EMULATED: "spiking, 8-bit, Loihi emulation",
}


def all_tables(results) -> list[Table]:
    """Every table, in the order of the page. Aims say nothing of a quick run."""
    return [
        scores_table(results),
        drop_table(results),
        *([] if results.protocol.quick else [aims_table(results)]),
        hardware_table(results),
        rates_table(results),
        time_table(results),
        ablation_table(results),
        folds_table(results),
        nengo_dl_table(results),
        *code_tables(results),
    ]


def scores_table(results) -> Table:
    """Every network on the same pixels, over the seeds."""
    records = of_seeds(results)
    rows = [_baseline(records)]
    for stage in (TRAINED, RATE_NETWORK, EIGHT_BIT, EMULATED):
        rows.append((_ROWS[stage], *score_cells(records, stage)))
    note = (
        f"Mean{_range_note(records)} of {_of_seeds_text(results, records)}; {REFERENCE_STEPS} "
        f"steps per tile. {_pixels(records)}The activation of the ANN is the chip's firing-rate "
        "curve: the rate network is the same function, lowered to one convolution per source. "
        "All maps are best at the last of the challenge's thresholds, a cell probability of 0.9: "
        "docs/topology.md has cells by a threshold chosen on other sections."
    )
    return Table("Scores", ("network", *SCORE_HEADER), tuple(rows), note)


def drop_table(results) -> Table:
    """What the chip loses, seed by seed."""
    rows = []
    for seed in results.protocol.seeds:
        one = results.get(names.steps_name(names.seed_name(seed)))
        rows.append((f"seed {seed}", *drop_cells(one)))
    records = of_seeds(results)
    if len(records) > 1:
        cells = _mean_drop_cells(records)
        rows.append(("mean", *cells))
    header = ("network", *DROP_HEADER)
    return Table("Lost from the float ANN to the 8-bit emulation", header, tuple(rows),
                 "Negative: the emulation scored higher.")  # fmt: skip


def _mean_drop_cells(records):
    def mean(stage, key):
        return spread(r["scores"][stage][key] for r in records).mean

    return (
        f"{mean(TRAINED, 'accuracy'):.2%}",
        f"{mean(EMULATED, 'accuracy'):.2%}",
        f"{100 * mean_lost(records, 'accuracy'):.2f}",
        f"{mean(TRAINED, 'membrane_iou'):.3f}",
        f"{mean(EMULATED, 'membrane_iou'):.3f}",
        f"{100 * mean_lost(records, 'membrane_iou'):.2f}",
        f"{mean_lost(records, 'v_rand'):.4f}",
        f"{mean_lost(records, 'v_info'):.4f}",
    )


def time_table(results) -> Table:
    """What the length of a presentation does."""
    rows = [("ANN, float", *score_cells(of_seeds(results), TRAINED), "", "")]
    unit = "section"
    for steps in STEPS:
        records = of_seeds(results, steps)
        if not records:
            rows.append((f"{steps} steps", *not_run(len(SCORE_HEADER) + 2)))
            continue
        unit = records[0]["unit"]
        points = spread(100 * lost(one, "accuracy") for one in records)
        energy = spread(one["energy_uj"]["loihi"] / UJ_PER_MJ for one in records)
        rows.append(
            (
                f"{steps} steps",
                *score_cells(records, EMULATED),
                points.text("{:.2f}"),
                energy.text("{:.1f} mJ"),
            )
        )
    header = ("presentation", *SCORE_HEADER, "accuracy lost, points", f"energy per {unit}")
    note = "Steps of 1 ms per tile, read out over their last part, as by default. Energy: estimate."
    return Table(TIME_TABLE, header, tuple(rows), note)


def ablation_table(results) -> Table:
    """The recipe with one thing changed each."""
    protocol = results.protocol
    folders = {"recipe": names.ablation_base_name(protocol)}
    planned = names.chosen_variants(protocol)
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
        return not_run(9)
    return (
        *drop_cells(one)[:6],
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
            rows.append((f"fold {fold + 1}", "", *not_run(8)))
            continue
        records.append(one)
        tested = f"{one['sections'][0]}–{one['sections'][-1]}"
        scores = one["scores"]
        rows.append(
            (
                f"fold {fold + 1}",
                tested,
                f"{one['all_cell']:.2%}",
                *drop_cells(one)[:6],
                f"{scores[TRAINED]['v_rand']:.3f} / {scores[EMULATED]['v_rand']:.3f}",
            )
        )
    if len(records) > 1:
        rows.append(("mean (range)", "", *_fold_means(records)))
    header = ("fold", "tested on", "all cell", "accuracy, ANN", "emulated", "lost, points",
              "IoU, ANN", "emulated", "lost, points", "V_Rand, ANN / emulated")  # fmt: skip
    recipe = results.protocol.fold_recipe
    note = (
        f"Seed {recipe.seed}, {recipe.epochs} epochs each, the last {recipe.tuning_epochs} of them "
        "tuning; each section is tested once, by a network trained on neither it nor the "
        "validation sections beside it."
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
        (_ROWS[stage], *score_cells(records, stage))
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
        return ("all cell", *not_run(len(SCORE_HEADER)))
    return ("all cell", f"{records[0]['all_cell']:.2%}", "0.000", "0.000", *[""] * 2)


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
