"""Tables of the codes: rates, thermometer and Fast-SNN, and of what was aimed at with them."""

from benchmarks.reproduction import codes
from benchmarks.reproduction.cells import NOT_RUN, UJ_PER_MJ, aim, not_run
from benchmarks.reproduction.code_plan import (
    DEPLOYED,
    EVENT_WEIGHT,
    EXIT_NETWORK,
    EXIT_SHARE,
    LEVEL_INPUT,
    SIMULATED,
    STEM_LEVELS,
)
from benchmarks.reproduction.names import OWN_TILE, TWO_CHIPS, LevelNetwork
from benchmarks.reproduction.results import (
    EIGHT_BIT,
    EMULATED,
    QUANTIZED,
    SIGNED,
    TRAINED,
    TUNED,
    UNSIGNED,
    spread,
)
from loihiseg.report.tables import Table

CODES_TABLE = "Codes"

_SIMULATED_ROWS = (QUANTIZED, SIGNED, TUNED[SIGNED], UNSIGNED, TUNED[UNSIGNED])


def code_tables(results) -> list[Table]:
    """All of them. Aims say nothing of a quick run."""
    return [
        codes_table(results),
        pairs_table(results),
        *([] if results.protocol.quick else [code_aims_table(results)]),
        exit_table(results),
    ]


def codes_table(results) -> Table:
    """Every code on the same sections."""
    rates = codes.rate_entries(results)
    first = next((entry for entry in reversed(rates) if entry.records), rates[-1])
    ann = codes.Entry("ANN, float", first.records, TRAINED)
    rows = [_row(results, ann, measured=False), *(_row(results, entry) for entry in rates)]
    for network, where in DEPLOYED:
        if where == OWN_TILE:
            quantized = codes.level_entry(results, network, where, EIGHT_BIT)
            quantized = codes.Entry(f"8-bit ANN, {network.title}", quantized.records, EIGHT_BIT)
            rows.append(_row(results, quantized, measured=False))
        rows.append(_row(results, codes.level_entry(results, network, where), levels=True))
    for network in SIMULATED:
        rows += [_simulated_row(results, codes.fast_snn_entry(results, network, stage))
                 for stage in _SIMULATED_ROWS]  # fmt: skip
    unit = first.records[min(first.records)]["unit"] if first.records else "section"
    header = (
        "network and code", "tile", "steps per tile", "pixel accuracy", "membrane IoU", "V_Rand",
        "IoU lost, points", "pixels as the 8-bit ANN", "million spikes",
        "million synaptic events", "million neuron updates", f"mJ per {unit}", "cores", "chips",
    )  # fmt: skip
    return Table(CODES_TABLE, header, tuple(rows), _codes_note(results, unit))


def _codes_note(results, unit):
    protocol = results.protocol
    first, last = protocol.level_epochs
    return (
        f"Mean (range) of the seeds; counts and energy per {unit}, energy an estimate. L: levels "
        f"of every activation; L = 1 has {STEM_LEVELS} in the stem, on the host. Networks of "
        f"levels start from the seed's network of rates, trained for {protocol.base.epochs} "
        f"epochs, and train for {first + last} more: {first} with batch normalizations, {last} "
        "folded, with 8-bit weights; the network of rates does not train on. Sparse: with "
        f"the synaptic events per multiply-accumulate in the loss, weight {EVENT_WEIGHT:g}. IoU "
        "lost: to the "
        "seed's float ANN of the rate code. Thermometer: one step per layer on the longest way; "
        f"input {LEVEL_INPUT}. Fast-SNN is a simulation only, no chip runs it: soft reset and "
        "signed spikes; its counts are of the layers that would be on the chip. Quantized: the "
        "network of levels itself, 8-bit weights. "
        "At T = 1 its stem sends one spike at most too, where the network has more levels. "
        "By the ramp code, and of networks of the same recipes that come along: docs/codes.md. "
        + ("Those of Fast-SNN are of whole sections." if unit != "section" else "")
    ).strip()


def _texts(entry, pattern, *values):
    return tuple(spread(v(one) for one in entry.records.values()).text(pattern) for v in values)


def _score_texts(results, entry):
    def score(key):
        return lambda one: one["scores"][entry.stage][key]

    accuracy = _texts(entry, "{:.2%}", score("accuracy"))
    keys = ("membrane_iou", "v_rand")
    lost = codes.lost_points(results, entry)
    shown = spread(lost).text("{:.2f}") if lost else NOT_RUN
    return *accuracy, *_texts(entry, "{:.3f}", *map(score, keys)), shown


def _row(results, entry, measured=True, levels=False):
    """A row of a deployment; without measures of the network that is trained."""
    if not entry.records:
        return (entry.title, *not_run(13))
    tiles = _texts(entry, "{:.0f}", lambda one: one["tile"])
    steps = _texts(entry, "{:.0f}", lambda one: one["steps"]) if measured else ("",)
    start = (entry.title, *tiles, *steps, *_score_texts(results, entry))
    if not measured:
        return (*start, *[""] * 7)
    agreement = ""
    if levels:
        agreement = spread(one["agreement"] for one in entry.records.values()).text("{:.2%}")
    counts = (lambda one, k=key: one["counts"][k] / 1e6
              for key in ("spikes", "synaptic_events", "neuron_updates"))  # fmt: skip
    return (
        *start,
        agreement,
        *_texts(entry, "{:,.1f}", *counts),
        *_texts(entry, "{:,.1f}", lambda one: codes.energy(one) / UJ_PER_MJ),
        *_texts(entry, "{:.0f}", codes.cores, codes.chips),
    )


def _simulated_row(results, entry):
    if not entry.records:
        return (entry.title, *not_run(13))
    spiking = entry.stage != QUANTIZED
    tiles = _texts(entry, "{:.0f}", lambda one: one["tile"])
    steps = _texts(entry, "{:.0f}", lambda one: one["steps"]) if spiking else ("",)
    start = (entry.title, *tiles, *steps, *_score_texts(results, entry))
    if not spiking:
        return (*start, *[""] * 7)

    def count(key):
        return lambda one: one["spiking"][entry.stage][key] / 1e6

    spikes, updates = _texts(entry, "{:,.1f}", count("spikes"), count("neuron_updates"))
    return (*start, "", spikes, "", updates, "", "simulation only", "")


def pairs_table(results) -> Table:
    """How much less than the rate code the thermometer code takes, about the same IoU."""
    rows = []
    for entry in codes.level_entries(results):
        if not codes.pairs_of(results, entry):
            rows.append((entry.title, *not_run(9)))
            continue
        for pair in (codes.bettered(results, entry), codes.fallen_below(results, entry)):
            if pair is not None:
                rows.append((entry.title, *_pair_cells(pair)))
    header = (
        "thermometer code", "membrane IoU", "beside", "membrane IoU", "cores", "cores, rate",
        "steps per tile", "steps per section", "energy", "updates and events",
    )  # fmt: skip
    note = (
        "Beside each deployment the best rate code that it equals or betters in IoU, and the "
        "least that is better, where there are such: at equal IoU the rate code would lie between. "
        "The last four columns say how many times as much the rate code takes; a section is more "
        "tiles where tiles are smaller. Means over seeds; energy is an estimate."
    )
    return Table("Thermometer beside rates", header, tuple(rows), note)


def _pair_cells(pair):
    def times(value):
        return f"{pair.ratio(value):.1f}x"

    return (
        f"{pair.levels.score('membrane_iou', pair.seeds):.3f}",
        pair.rates.title,
        f"{pair.rates.score('membrane_iou', pair.seeds):.3f}",
        f"{pair.levels.mean(codes.cores, pair.seeds):.0f}",
        f"{pair.rates.mean(codes.cores, pair.seeds):.0f}",
        times(lambda one: one["steps"]),
        times(codes.steps_per_unit),
        times(codes.energy),
        times(codes.work),
    )


def code_aims_table(results) -> Table:
    """What was aimed at with the codes, beside what came out."""
    rows = [
        *_agreement_rows(results),
        *_loss_rows(results),
        *_work_rows(results),
        *_fast_snn_rows(results),
    ]
    return Table("What was aimed at with the codes", ("", "aim", "measured", "met"), tuple(rows))


def _agreement_rows(results):
    deployed = codes.level_entries(results)
    found = [one for entry in deployed for one in entry.records.values()]
    asked = len(deployed) * len(results.protocol.seeds)
    return [
        aim(f"pixels as the 8-bit quantized ANN, least of {len(found)} of {asked} thermometer "
            "deployments", "99.5 % or more", found, lambda r: min(x["agreement"] for x in r),
            "{:.3%}", lambda v: v >= 0.995)
    ]  # fmt: skip


def _loss_rows(results):
    rows = [_loss_row(results, codes.level_entry(results, LevelNetwork(3), OWN_TILE), 1.0)]
    for network, where in DEPLOYED:
        entry = codes.level_entry(results, network, where)
        on_two = entry.records and max(map(codes.chips, entry.records.values())) <= 2
        if where == TWO_CHIPS or on_two:
            rows.append(_loss_row(results, entry, 2.0))
    return rows


def _loss_row(results, entry, most):
    one = next(iter(entry.records.values()), None)
    shown = f" ({codes.chips(one)} chips, tile {one['tile']})" if one else ""
    limit = "1 point at most" if most == 1 else f"2 chips: {most:g} points at most"
    return aim(f"IoU lost to the float ANN, mean: {entry.title}{shown}", limit,
               codes.lost_points(results, entry), lambda v: spread(v).mean, "{:.2f} points",
               lambda v: v <= most)  # fmt: skip


def _work_rows(results):
    pairs = [codes.bettered(results, entry) for entry in codes.level_entries(results)]
    pairs = [pair for pair in pairs if pair is not None]
    equal = [pair for pair in pairs if _as_many_cores(pair)]
    return [
        *_best_rows("", pairs, results),
        *_best_rows(", on as many chips", equal, results),
    ]


def _as_many_cores(pair):
    return pair.levels.mean(codes.chips) <= pair.rates.mean(codes.chips)


_SAVINGS = (
    ("steps per tile", 10, lambda one: one["steps"]),
    ("steps per section", 10, codes.steps_per_unit),
    ("counted energy", 5, codes.energy),
)


def _best_rows(where, pairs, results):
    """Rows of the pair that comes closest to all savings; it must not fall below in IoU."""
    start = f"at equal or better IoU{where}"
    if not pairs:
        if any(entry.records for entry in codes.level_entries(results)):
            text = "no deployment is as good as any rate code"
            return [(start, "10x fewer steps, 5x less energy", text, "no")]
        return [(start, "10x fewer steps, 5x less energy", NOT_RUN, "")]
    best = max(pairs, key=lambda pair: min(pair.ratio(v) / least for _, least, v in _SAVINGS))
    who = f"{best.levels.title} ({best.levels.mean(codes.cores):.0f} cores) beside "
    who += f"{best.rates.title} ({best.rates.mean(codes.cores):.0f} cores)"
    return [
        aim(f"{start}, {who}: {name}", f"{least}x fewer", [best], lambda p, v=value: p[0].ratio(v),
            "{:.1f}x fewer", lambda v, n=least: v >= n)
        for name, least, value in _SAVINGS
    ]  # fmt: skip


def _fast_snn_rows(results):
    most = max(SIMULATED, key=lambda one: one.levels)
    found = list(codes.fast_snn_entry(results, most, SIGNED).records.values())

    def gap(one, above, below):
        scores = one["scores"]
        return 100 * (scores[above]["membrane_iou"] - scores[below]["membrane_iou"])

    def mean(above, below):
        return lambda records: spread(gap(one, above, below) for one in records).mean

    def row(what, limit, above, below, holds):
        made = aim(f"Fast-SNN at T = {most.levels}, {what}, mean", limit, found, mean(above, below),
                   "{:.2f} points of IoU", holds)  # fmt: skip
        return made if limit else (*made[:3], "")

    return [
        row("signed below its quantized ANN", "1 point at most", QUANTIZED, SIGNED,
            lambda v: v <= 1),
        row("signed and tuned below it", "1 point at most", QUANTIZED, TUNED[SIGNED],
            lambda v: v <= 1),
        row("unsigned below signed", "more than 0", SIGNED, UNSIGNED, lambda v: v > 0),
        row("tuning adds to signed", "", TUNED[SIGNED], SIGNED, bool),
        row("tuning adds to unsigned", "", TUNED[UNSIGNED], UNSIGNED, bool),
    ]  # fmt: skip


def exit_table(results) -> Table:
    """What it saves to stop a tile once its map has stopped changing."""
    rows = []
    for entry in codes.exit_entries(results, EXIT_NETWORK):
        one = next(iter(entry.records.values()), None)
        if one is None or one["early_exit"] is None:
            rows.append((entry.title, *not_run(6)))
            continue
        stopped, scores = one["early_exit"], one["scores"][EMULATED]
        rows.append(
            (
                entry.title,
                f"{one['steps']:.0f}",
                f"{stopped['mean_steps']:.1f}",
                f"{1 - stopped['mean_steps'] / one['steps']:.1%}",
                f"{stopped['share_wrong']:.2%}",
                f"{scores['membrane_iou']:.3f}",
                f"{stopped['scores']['membrane_iou']:.3f}",
            )
        )
    header = ("code", "steps per tile", "stopped after, mean", "steps and updates saved",
              "pixels changed by it", "IoU", "IoU, stopped")  # fmt: skip
    note = (
        "The first seed, input held. When to stop is chosen on the validation sections, so that at "
        f"most {EXIT_SHARE:.1%} of their pixels change."
    )
    return Table("Early exit", header, tuple(rows), note)
