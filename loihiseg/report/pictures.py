"""What a deployment saw and said, as pictures."""

import numpy as np

from loihiseg.report.figures import figure
from partition.drawing import label

MAX_ROWS = 4
"""Rows of the picture; more would make them too small to look at."""

# Missed membrane, false membrane: told apart by people who do not see red and green apart.
_MISSED, _FALSE = (0.84, 0.37, 0.0), (0.0, 0.45, 0.70)


def draw_answers(deployed, path) -> None:
    """Draw section, truth, both answers and where they are wrong or disagree.

    Parameters
    ----------
    deployed : loihiseg.pipeline.Deployed
    path : Path
    """
    count = min(len(deployed.raw), MAX_ROWS)
    threshold = deployed.threshold
    titles = ("section", "truth", "trained network", "on chip", "on chip: errors", "disagreement")
    with figure(path, (2.3 * 6, 2.4 * count), nrows=count, ncols=6, squeeze=False) as axes:
        for row in range(count):
            truth = deployed.membrane[row]
            trained, spiking = deployed.trained[row], deployed.spiking[row]
            ours, theirs = spiking > threshold, trained > threshold
            panels = (
                deployed.raw[row],
                ~truth,
                1 - trained,
                1 - spiking,
                _errors(truth, ours),
                ours == theirs,
            )
            for column, (panel, title) in enumerate(zip(panels, titles)):
                axis = axes[row, column]
                limits = {} if column in (0, 4) else {"vmin": 0, "vmax": 1}
                axis.imshow(panel, cmap="gray", interpolation="nearest", **limits)
                axis.set(xticks=[], yticks=[])
                if row == 0:
                    axis.set_title(title, fontsize=10)
            axes[row, 0].set_ylabel(label(deployed.titles[row]), fontsize=8)
        figure_of = axes[0, 0].figure
        figure_of.supxlabel(
            "dark is membrane; errors: orange missed, blue invented; disagreement: black",
            fontsize=9,
        )


def _errors(truth, answer):
    picture = np.where(truth[..., None], 0.35, 1.0) * np.ones(3)
    picture[truth & ~answer] = _MISSED
    picture[~truth & answer] = _FALSE
    return picture


def draw_rates(rates, path, binary=False) -> None:
    """Draw a histogram of firing rates for each layer.

    Parameters
    ----------
    rates : sequence of loihiseg.evaluation.rates.LayerRates
    path : Path
    binary : bool
        The rates are those of neurons that are on or off, which should lie in no range.
    """
    columns = min(len(rates), 4)
    rows = -(-len(rates) // columns)
    with figure(
        path, (3.2 * columns, 2.2 * rows), nrows=rows, ncols=columns, squeeze=False
    ) as axes:
        for axis, layer in zip(axes.flat, rates):
            edges = np.array(layer.histogram_edges_hz)
            counts = np.array(layer.histogram_counts, float)
            width = np.diff(edges)[0]
            name = label(layer.layer.removesuffix("_spikes"))
            in_range, silent = layer.share_in_range_of_active, layer.silent_share
            axis.bar(edges[:-1][: len(counts)] + width / 2, counts / counts.sum(), width)
            if binary:
                axis.set_xlim(0, 1000)
                axis.set_title(f"{name}: {silent:.0%} never on", fontsize=8)
            else:
                axis.axvspan(layer.low_hz, layer.high_hz, color="0.9", zorder=0)
                axis.set_xlim(0, max(300.0, layer.percentile_hz * 1.1))
                axis.set_title(f"{name}: {in_range:.0%} in range, {silent:.0%} silent", fontsize=8)
            axis.tick_params(labelsize=7)
        for axis in list(axes.flat)[len(rates) :]:
            axis.set_visible(False)
        figure_of = axes[0, 0].figure
        meaning = (
            f"{rates[0].percentile:g}th percentile of each neuron's firing rate over the tiles, Hz"
        )
        if binary:
            meaning = "mean of each neuron over the tiles, Hz; 1000 is on in all"
        figure_of.supxlabel(meaning, fontsize=9)
        figure_of.supylabel("share of neurons", fontsize=9)
