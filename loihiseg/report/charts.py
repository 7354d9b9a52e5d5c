"""Charts of a page, as HTML and SVG of its own style: text stays text, and prints.

Whatever has ``says`` tells it when the pointer is on it, in a line below the chart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from loihiseg.report.templating import template
from loihiseg.results import EarlyExit, LayerResults, QuantizedLayer
from partition.display.messages import printable

_TEMPLATE = "chart.html"
_ROOM = 1.08
"""Of the largest value, to the end of a chart."""

LEAST_SCALE_HZ = 250.0
"""To the end of a chart of rates, Hz: the band of those that are wanted has room in it."""


@dataclass(frozen=True)
class Bar:
    """One row of a chart.

    Attributes
    ----------
    label : str
    value : float
        Not negative.
    text : str
        The value as it is written.
    says : str
    mark : float or None
        Another value, drawn as a line.
    """

    label: str
    value: float
    text: str
    says: str
    mark: float | None = None


@dataclass(frozen=True)
class BarChart:
    """Rows of bars to one scale.

    Attributes
    ----------
    title, note : str
    bars : tuple of Bar
    band : tuple of float or None
        From where to where values are wanted.
    least_scale : float
        The chart reaches at least so far.
    """

    title: str
    note: str
    bars: tuple[Bar, ...]
    band: tuple[float, float] | None = None
    least_scale: float = 0.0

    @property
    def html(self) -> str:
        """As part of a page; whatever is in it is text."""
        most = max([bar.value for bar in self.bars] + [bar.mark or 0.0 for bar in self.bars])
        scale = max(most * _ROOM, self.least_scale) or 1.0
        rows = [
            {
                "label": printable(bar.label),
                "width": _percent(bar.value, scale),
                "mark": None if bar.mark is None else _percent(bar.mark, scale),
                "text": printable(bar.text),
                "says": printable(bar.says),
            }
            for bar in self.bars
        ]
        band = None
        if self.band is not None:
            low, high = self.band
            band = _percent(low, scale), _percent(min(high, scale) - low, scale)
        page = template(_TEMPLATE)
        title, note = printable(self.title), printable(self.note)
        return page.render(title=title, note=note, rows=rows, band=band)


def rates_chart(layers: Sequence[LayerResults], has_levels: bool) -> str:
    """Firing rates by layer, with the range that they are wanted in; of levels without it.

    Parameters
    ----------
    layers : sequence of LayerResults
    has_levels : bool
        As of `loihiseg.results.Code`: neurons are on or off, and no rate is wanted.
    """
    bars = []
    for layer in layers:
        found = layer.rates
        said = (
            f"{_name(found.layer)}: {found.percentile:g}th percentile {found.percentile_hz:.0f} Hz,"
            f" mean {found.mean_hz:.1f} Hz"
        )
        if not has_levels:
            said += (
                f"; of the neurons that fire {found.share_in_range_of_active:.0%} are within "
                f"{found.low_hz:g} to {found.high_hz:g} Hz"
            )
        said += f"; {found.silent_share:.0%} never fire"
        text = f"{found.percentile_hz:.0f} Hz"
        bars.append(Bar(_name(found.layer), found.percentile_hz, text, said, found.mean_hz))
    first = layers[0].rates
    note = f"Bars: the {first.percentile:g}th percentile of all neurons; lines: their mean."
    band = None
    if not has_levels:
        band = first.low_hz, first.high_hz
        note += f" The band is what is wanted, {first.low_hz:g} to {first.high_hz:g} Hz."
    scale = 0.0 if has_levels else LEAST_SCALE_HZ
    return BarChart("Firing rates by layer", note, tuple(bars), band, scale).html


def loss_chart(quantization: Sequence[QuantizedLayer], layers: Sequence[LayerResults]) -> str:
    """What 8-bit weights, and what spikes lose of each layer's activations."""
    spiking = {layer.layer: layer.spiking_error for layer in layers}
    bars = []
    for row in quantization:
        error, spikes = row.quantized_error, spiking.get(row.layer)
        said = (
            f"{_name(row.layer)}: {error:.1%} off with 8-bit weights; "
            f"{row.zeroed_share:.1%} of the weights became zero, {row.bits_lost} bits lost"
        )
        # Weights that were trained as integers are the chip's already: there is no noise.
        if row.signal_to_noise_db:
            said += f", signal to noise {row.signal_to_noise_db:.1f} dB"
        if spikes is not None:
            said += f"; {spikes:.1%} off with spikes"
        bars.append(Bar(_name(row.layer), error, f"{error:.1%}", said, spikes))
    note = (
        "Bars: root-mean-square error of a layer's activations with 8-bit weights, relative to the "
        "network in floats, errors of the layers before it included"
    )
    with_spikes = any(bar.mark is not None for bar in bars)
    note += "; lines: the same of the spikes." if with_spikes else "."
    return BarChart("Quantization loss by layer", note, tuple(bars)).html


def work_charts(layers: Sequence[LayerResults], per: float, shown: int) -> str:
    """Energy and synaptic events by layer; empty where they were not counted.

    Parameters
    ----------
    layers : sequence of LayerResults
    per : float
        Tiles that were counted together.
    shown : int
        Presentations of a tile.
    """
    rows = [(layer.layer, layer.work) for layer in layers if layer.work is not None]
    if len(rows) < len(layers):
        return ""
    total = sum(work.energy_uj for _, work in rows) or 1.0
    energy, events = [], []
    for layer, work in rows:
        name, uj = _name(layer), work.energy_uj * shown
        arrive = work.synaptic_events / per
        said = (
            f"{name}: {uj:,.2f} uJ a tile, {work.energy_uj / total:.1%} of all (estimate); "
            f"{arrive:,.0f} synaptic events, {work.spikes / per:,.0f} spikes, "
            f"{work.neuron_updates / per:,.0f} neuron updates"
        )
        energy.append(Bar(name, uj, f"{uj:,.1f} uJ", said))
        events.append(Bar(name, arrive, f"{arrive:,.0f}", said))
    energies = BarChart(
        "Energy by layer", "Per tile: an estimate, counts times published constants.",
        tuple(energy),
    )  # fmt: skip
    counted = BarChart(
        "Synaptic events by layer", "Per tile: what arrives at a layer.", tuple(events)
    )
    return energies.html + counted.html


def steps_chart(found: EarlyExit | None) -> str:
    """Accuracy against steps; empty where maps were not looked at on the way."""
    if found is None or not found.by_step:
        return ""
    bars = []
    for one in found.by_step:
        said = f"after {one.step} steps: {one.agreement:.2%} called as at the end"
        value, text = one.agreement, f"{one.agreement:.2%}"
        if one.accuracy is not None and one.membrane_iou is not None:
            said += f", {one.accuracy:.2%} right, membrane IoU {one.membrane_iou:.3f}"
            value, text = one.accuracy, f"{one.accuracy:.2%}"
        bars.append(Bar(str(one.step), value, text, said, one.membrane_iou))
    scored = found.by_step[-1].accuracy is not None
    note = "Of the maps that the host would read out after so many steps, tiles by themselves. "
    note += (
        "Bars: share of the pixels that are right; lines: membrane IoU."
        if scored
        else "Bars: share of the pixels that are called as at the end."
    )
    title = "Accuracy against steps" if scored else "Agreement with the end against steps"
    return BarChart(title, note, tuple(bars)).html


def _name(layer: str) -> str:
    return layer.removesuffix("_spikes")


def _percent(value: float, scale: float) -> str:
    return f"{100 * max(value, 0.0) / scale:.2f}%"
