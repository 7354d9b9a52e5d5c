"""What would become of a network that was trained through time, layer by layer."""

from pathlib import Path

from loihiseg.compilation.checking import LayerVerdict, Verdict
from loihiseg.conversion.lowering import Lowering
from loihiseg.through_time.settings import ThroughTime, lacking_on_chip
from loihiseg.through_time.structure import TimedLayer, timed, wires
from loihiseg.through_time.weight_shapes import SPIKES
from loihiseg.training.checkpoint import Checkpoint


def verdicts_over_time(
    path: Path, checkpoint: Checkpoint, time: ThroughTime
) -> tuple[tuple[LayerVerdict, ...], tuple[str, ...], Lowering | None]:
    """Layers with their steps, everything that the chip lacks, and the network if that is nothing.

    Parameters
    ----------
    path : Path
        Of the checkpoint.
    checkpoint : Checkpoint
    time : ThroughTime
        Of it.

    Notes
    -----
    Needs TensorFlow where nothing is refused: what neurons take depends on the integers.
    """
    layers = timed(wires(checkpoint.info.config.network, time.residual), time.steps, time.delayed)
    refusals = tuple(f"the chip lacks {text}" for text in lacking_on_chip(time))
    if refusals:
        rows = [_row(layer, time, "refused", None, refusals) for layer in layers]
        return tuple(rows), refusals, None
    from loihiseg.compilation.lowered import lowered
    from loihiseg.compilation.source import build_network

    found = lowered(build_network((path, checkpoint)))
    rows = []
    for layer in layers:
        own = found.network.layer(layer.name + SPIKES)
        verdict: Verdict = "host before" if own.on_host else "chip"
        rows.append(_row(layer, time, verdict, own.shape, ()))
    rows.append(LayerVerdict("readout", "read-out of the mean over steps", "host after", None))
    return tuple(rows), (), found


def _row(
    layer: TimedLayer,
    time: ThroughTime,
    verdict: Verdict,
    shape: tuple[int, ...] | None,
    reasons: tuple[str, ...],
) -> LayerVerdict:
    first = 1 + layer.depth * time.delayed
    kind = f"{layer.kind}, steps {first} to {first + layer.steps - 1}"
    if time.rests and layer.idle and layer.depth:
        kind += f", silent in {len(layer.idle)}"
    return LayerVerdict(layer.name, kind, verdict, shape, reasons)
