"""Membrane IoU of the codes against the work they take on the chip."""

from pathlib import Path

from benchmarks.reproduction import codes
from benchmarks.reproduction.names import OWN_TILE, TWO_CHIPS, LevelNetwork
from benchmarks.reproduction.results import spread
from loihiseg.report.figures import figure

CODES_PICTURE = "codes.png"
CAPTION = (
    "Membrane IoU against neuron updates and synaptic events; numbers at the line are steps per "
    "tile, points are networks of L levels"
)

_RATES = "tab:blue"
_STYLES = {
    OWN_TILE: ("tab:red", "s", "thermometer, tile of the rate code"),
    TWO_CHIPS: ("darkorange", "D", "thermometer, largest tile on 2 chips"),
}
"""Color, marker and name of each kind of deployment."""


def draw_codes(path: Path, results) -> bool:
    """Draw what there is of the codes; returns whether there was anything to compare."""
    from matplotlib.ticker import LogLocator

    rates = [entry for entry in codes.rate_entries(results) if entry.records]
    levels = [
        (network, where, codes.level_entry(results, network, where))
        for network, where in codes.DEPLOYED
    ]
    levels = [one for one in levels if one[2].records]
    if not rates or not levels:
        return False
    unit = next(iter(rates[0].records.values()))["unit"]
    with figure(path, (12, 4.8), ncols=2) as axes:
        for axis, near in zip(axes, (False, True)):
            top = _draw_ann(axis, results)
            _draw_rates(axis, rates, near)
            for network, where, entry in levels:
                _draw_levels(axis, network, where, entry, near)
            axis.set(
                xscale="log",
                xlabel=f"neuron updates + synaptic events per {unit}, millions",
                ylabel="membrane IoU",
            )
            axis.margins(x=0.5 if near else 0.2, y=0.1)
            if near:
                axis.set_title("the same, near the ANN", fontsize=10)
                _zoom(axis, [entry for _, _, entry in levels], top)
            else:
                _legend(axis)
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.xaxis.set_major_formatter("{x:,g}")
            axis.xaxis.set_minor_formatter("")
    return True


def _draw_ann(axis, results):
    """Draw the float networks' IoU; returns the best."""
    known = (codes.float_scores(results, seed) for seed in results.protocol.seeds)
    level = spread(one["membrane_iou"] for one in known if one is not None)
    axis.axhline(level.mean, color="0.4", linestyle="--", label="ANN, float (band: seeds)")
    axis.axhspan(level.low, level.high, color="0.9", zorder=0)
    return level.high


def _draw_rates(axis, entries, near):
    places = [_draw_point(axis, entry, color=_RATES, marker="o") for entry in entries]
    axis.plot(*zip(*places), color=_RATES, marker="o", label="rate code, 25 to 200 steps")
    best = max(iou for _, iou in places)
    for entry, place in zip(entries, places):
        if not near and place[1] > 0.97 * best:
            continue  # they lie side by side
        steps = next(iter(entry.records.values()))["steps"]
        _write(axis, f"{steps:.0f} steps", place, (8, -11), _RATES)


def _draw_levels(axis, network, where, entry, named):
    own = where == OWN_TILE
    color, marker, label = _STYLES[where]
    place = _draw_point(axis, entry, color=color, marker=marker, label=label)
    if named:
        one = next(iter(entry.records.values()))
        n_chips = codes.chips(one)
        text = f"{network.title}, tile {one['tile']}, {n_chips} chip" + "s" * (n_chips > 1)
        # The sparse network lies beside the plain one.
        near = {LevelNetwork(1): 5, LevelNetwork(1, sparse=True): -14}
        shift = (-9 if own else 9, near.get(network, -3))
        _write(axis, text, place, shift, color, ha="right" if own else "left")


def _zoom(axis, entries, top):
    """Show what lies between the least network of levels and the float ANN."""
    scores = [one["scores"][e.stage]["membrane_iou"] for e in entries for one in e.records.values()]
    low, high = min(scores), max([top, *scores])
    room = max(0.15 * (high - low), 0.002)
    axis.set_ylim(low - 2 * room, high + room)


def _draw_point(axis, entry, **style):
    """Mean of the seeds, a bar for their range; returns its place."""
    level = spread(one["scores"][entry.stage]["membrane_iou"] for one in entry.records.values())
    place = entry.mean(codes.work) / 1e6, level.mean
    error = [[level.mean - level.low], [level.high - level.mean]]
    axis.errorbar(*([v] for v in place), error, capsize=3, linestyle="", **style)
    return place


def _write(axis, text, place, shift, color, **style):
    axis.annotate(
        text, place, shift, textcoords="offset points", fontsize=8, color=color,
        annotation_clip=True, **style,
    )  # fmt: skip


def _legend(axis):
    handles = dict(zip(*reversed(axis.get_legend_handles_labels())))
    axis.legend(handles.values(), handles, fontsize=8, frameon=False, loc="lower right")
