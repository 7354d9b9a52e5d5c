"""What a deployment came to in a line, and what must not be overlooked."""

from dataclasses import dataclass

from loihiseg.report.baseline import below_all_cell
from loihiseg.results import Network, Results, ScoreRow
from partition.display.messages import how_many

UJ_PER_MJ, POINTS = 1e3, 100.0

LOW_IOU = 0.3
"""Of membrane: a map with less is hardly one."""

LOST_POINTS = 2.0
"""Of membrane IoU or accuracy, from the network as it was trained: more is said."""

LEAST_MJ = 0.1
"""Of an image: less is said in microjoules."""

SILENT_SHARE = 0.95
"""Of the neurons of a layer: one with more of them does next to nothing."""


@dataclass(frozen=True)
class Verdict:
    """What stands above a report.

    Attributes
    ----------
    line : str
    warnings : tuple of str
    """

    line: str
    warnings: tuple[str, ...]


def verdict_of(results: Results) -> Verdict:
    """The verdict of a deployment that has been run, and so fits.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Verdict
        Its line says how it fits, what the chip answers beside the network as it was trained, what
        that takes, and what crosses between chips.
    """
    parts = [_fit(results), *_answers(results), *_energy(results), _messages(results)]
    return Verdict("; ".join(parts) + ".", tuple(_warnings(results)))


def _fit(results: Results) -> str:
    mapping = results.mapping
    return (
        f"Fits: {how_many(mapping.n_cores, 'core')} on {mapping.n_chips_used} of "
        f"{how_many(mapping.n_chips, 'chip')}"
    )


def _answers(results: Results) -> list[str]:
    found = _accuracies(results)
    if found is None:
        return []
    trained, spiking, what = found
    lost = POINTS * (trained - spiking)
    beside = f"{abs(lost):.1f} points {'below' if lost >= 0 else 'above'} the network as trained"
    said = [f"{spiking:.1%} of {what} right on chip, {beside}"]
    row = results.scores(Network.EMULATED)
    if row is not None:
        said.append(f"membrane IoU {row.pixel.membrane_iou:.3f}")
    return said


def _accuracies(results: Results) -> tuple[float, float, str] | None:
    """Accuracy as trained and on chip, and of what; None where nothing is scored."""
    if results.classes is not None:
        rows = [results.classes.row(one) for one in (Network.TRAINED, Network.EMULATED)]
        found = [None if row is None else row.scores for row in rows]
        if found[0] is None or found[1] is None:
            return None
        what = "images" if results.classes.task.per_image else "pixels"
        return found[0].accuracy, found[1].accuracy, what
    trained, spiking = _rows(results)
    if trained is None or spiking is None:
        return None
    return trained.pixel.accuracy, spiking.pixel.accuracy, "pixels"


def _rows(results: Results) -> tuple[ScoreRow | None, ScoreRow | None]:
    return results.scores(Network.TRAINED), results.scores(Network.EMULATED)


def _energy(results: Results) -> list[str]:
    if results.per_section is not None:
        return [f"{results.per_section.energy_uj / UJ_PER_MJ:,.1f} mJ a section (estimate)"]
    tile = results.energy_on()
    if tile is None:
        return []
    of_what = "an image" if results.classes is not None else "a tile"
    taken_uj = tile.total_uj_per_image * results.orientations
    # Of a small classifier millijoules would be none.
    small = taken_uj < LEAST_MJ * UJ_PER_MJ
    taken = f"{taken_uj:,.2f} uJ" if small else f"{taken_uj / UJ_PER_MJ:,.2f} mJ"
    return [f"{taken} {of_what} (estimate)"]


def _messages(results: Results) -> str:
    mapping = results.mapping
    if mapping.n_chips_used == 1:
        return "nothing crosses between chips"
    said = f"{mapping.messages:,.1f} messages a step between chips"
    return f"{said}, proved least" if mapping.proved else said


def _warnings(results: Results) -> list[str]:
    found = [below_all_cell(results.score_rows)]
    trained, spiking = _rows(results)
    if spiking is not None:
        iou = spiking.pixel.membrane_iou
        if iou < LOW_IOU:
            found.append(f"Membrane IoU on chip is {iou:.3f}: hardly any membrane is found.")
        lost = POINTS * (trained.pixel.membrane_iou - iou) if trained is not None else 0.0
        if lost > LOST_POINTS:
            found.append(
                f"The chip loses {lost:.1f} points of membrane IoU: the tables of layers and of "
                "quantization show where."
            )
    found += [
        f"{layer.rates.silent_share:.0%} of the neurons of {layer.layer} never fire."
        for layer in results.layers
        if layer.rates.silent_share > SILENT_SHARE
    ]
    found += [
        f"{early.layer} fired early, before all of its input was there: "
        f"{how_many(early.spikes, 'spike')} in {early.presentations:,} of "
        f"{how_many(results.activity.n_images, 'presentation')}, whose answers are not exact. "
        "Their sums are larger than those of the calibration tiles."
        for early in results.early_firings
    ]
    hidden = [layer for layer in results.host_layers if layer.is_hidden]
    if hidden:
        macs = sum(layer.macs for layer in hidden)
        named = ", ".join(layer.layer for layer in hidden[:5])
        found.append(
            f"{how_many(len(hidden), 'hidden layer')} run on the host ({named}"
            f"{', ...' * (len(hidden) > 5)}): {macs:,} multiply-accumulates a tile."
        )
    return [text for text in found if text]
