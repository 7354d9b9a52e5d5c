"""Membrane IoU of the codes against the work they take on the chip."""

from pathlib import Path

from benchmarks.reproduction import codes
from benchmarks.reproduction.names import OWN_TILE
from benchmarks.reproduction.results import spread
from loihiseg.report.figures import figure

CODES_PICTURE = "codes.png"
CAPTION = (
    "Membrane IoU against neuron updates and synaptic events; numbers at the line are steps per "
    "tile, points are networks of levels with their tile"
)

_RATES, _OWN, _TWO = "tab:blue", "tab:red", "tab:orange"
_PLACES = {1: (8, -12), 2: (8, 6), 3: (8, 6)}
"""Where labels stand, by levels; points from the mark."""


def draw_codes(path: Path, results) -> bool:
    """Draw what there is of the codes; returns whether there was anything to compare."""
    rates = [entry for entry in codes.rate_entries(results) if entry.records]
    levels = [(n, where, codes.level_entry(results, n, where)) for n, where in codes.DEPLOYED]
    levels = [one for one in levels if one[2].records]
    if not rates or not levels:
        return False
    unit = next(iter(rates[0].records.values()))["unit"]
    with figure(path, (8, 4.6)) as axis:
        _draw_ann(axis, results)
        _draw_rates(axis, rates)
        for n, where, entry in levels:
            _draw_levels(axis, n, where, entry)
        axis.set(
            xscale="log",
            xlabel=f"neuron updates + synaptic events per {unit}, millions",
            ylabel="membrane IoU",
        )
        axis.xaxis.set_major_formatter("{x:,g}")
        axis.xaxis.set_minor_formatter("")
        axis.margins(x=0.12, y=0.12)
        _legend(axis)
    return True


def _draw_ann(axis, results):
    known = (codes.float_scores(results, seed) for seed in results.protocol.seeds)
    level = spread(one["membrane_iou"] for one in known if one is not None)
    axis.axhline(level.mean, color="0.4", linestyle="--", label="ANN, float (band: seeds)")
    axis.axhspan(level.low, level.high, color="0.9", zorder=0)


def _draw_rates(axis, entries):
    places = [_draw_point(axis, entry, color=_RATES, marker="o") for entry in entries]
    axis.plot(*zip(*places), color=_RATES, marker="o", label="rate code")
    for entry, place in zip(entries, places):
        steps = next(iter(entry.records.values()))["steps"]
        _write(axis, f"{steps:.0f}", place, (7, -12), _RATES)


def _draw_levels(axis, n, where, entry):
    own = where == OWN_TILE
    color = _OWN if own else _TWO
    label = "thermometer, tile of the rate code" if own else "thermometer, largest tile on 2 chips"
    place = _draw_point(axis, entry, color=color, marker="s" if own else "D", label=label)
    one = next(iter(entry.records.values()))
    n_chips = codes.chips(one)
    text = f"L = {n}, tile {one['tile']}, {n_chips} chip" + "s" * (n_chips > 1)
    _write(axis, text, place, _PLACES[n], color)


def _draw_point(axis, entry, **style):
    """Mean of the seeds, a bar for their range; returns its place."""
    level = spread(one["scores"][entry.stage]["membrane_iou"] for one in entry.records.values())
    place = entry.mean(codes.work) / 1e6, level.mean
    error = [[level.mean - level.low], [level.high - level.mean]]
    axis.errorbar(*([v] for v in place), error, capsize=3, linestyle="", **style)
    return place


def _write(axis, text, place, shift, color):
    axis.annotate(
        text, place, shift, textcoords="offset points", fontsize=8, color=color,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
    )  # fmt: skip


def _legend(axis):
    handles = dict(zip(*reversed(axis.get_legend_handles_labels())))
    axis.legend(handles.values(), handles, fontsize=8, frameon=False, loc="lower right")
