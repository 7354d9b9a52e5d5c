"""When a network trained through time may stop: what later steps cost, and what they are worth.

    python benchmarks/through_time_exit.py --data ISBI2012 --checkpoint runs/bntt

The network runs in Keras, in the form that it was trained in last, which is what the chip does
spike for spike where it is the chip's. Three rules are compared on whole test sections, all chosen
on the validation sections, with at most ``--points`` of membrane IoU lost there:

- *all alike*: every tile ends behind the same look;
- *by scales*, as BNTT has it: the same, behind the last step that has a scale of 0.1 somewhere;
  only for networks that have a scale for each step;
- *by stillness*: a tile ends once its map has changed by few pixels since the look before
  (`loihiseg.running.early_exit`).

Looks are at the output's own steps. A presentation that ends with a look pays for the spikes sent
before it. One that was planned to end there, as those of the first two rules can be, pays less: no
layer has a step more than it takes.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first, where its modules would be found under other names.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.data.readers import read_stack
from loihiseg.data.stack import Stack
from loihiseg.data.tiles import Tiles, whole_tiles
from loihiseg.files import write_json
from loihiseg.methods.bntt.exits import exit_step
from loihiseg.metrics.pixels import best_threshold, pixel_scores
from loihiseg.provenance import versions
from loihiseg.running.early_exit import ExitRule, apply_rule, choose_rule
from loihiseg.through_time.events import spike_costs
from loihiseg.through_time.settings import ThroughTime
from loihiseg.through_time.structure import timed, wires
from loihiseg.through_time.weight_shapes import NORM, SPIKES
from loihiseg.training.checkpoint import Checkpoint, load_checkpoint, set_model_weights
from loihiseg.training.models import as_validated
from loihiseg.training.phases import phase_at

FOLDER = Path(__file__).parent / "through-time-exit"

ALLOWED_WRONG = (0.0, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05)
"""Shares of pixels by which rules of stillness are tried."""

TILES_AT_ONCE = 7


@dataclass(frozen=True)
class Exit:
    """What a rule comes to on the test sections.

    Attributes
    ----------
    rule : str
    choice : str
        What was chosen on the validation sections.
    membrane_iou : float
    steps, events : float
        Means per tile: steps of the chip, and synaptic events per multiply-accumulate.
    planned_events : float
        The same if it was planned; of the rule by stillness, which cannot be, no other.
    """

    rule: str
    choice: str
    membrane_iou: float
    steps: float
    events: float
    planned_events: float


@dataclass(frozen=True)
class Looks:
    """A network on sections, look by look.

    Attributes
    ----------
    tiles : Tiles
    truth : numpy.ndarray
        bool, (sections, rows, columns).
    probability : numpy.ndarray
        float32, (tiles, looks, rows, columns).
    steps : numpy.ndarray
        int64, (looks,): of the chip.
    events, planned : numpy.ndarray
        float64, (tiles, looks): synaptic events per multiply-accumulate of a tile that ends there,
        and of one that was planned to.
    """

    tiles: Tiles
    truth: np.ndarray
    probability: np.ndarray
    steps: np.ndarray
    events: np.ndarray
    planned: np.ndarray

    def ended(self, look: np.ndarray) -> np.ndarray:
        """Probability on whole sections if tiles end with these looks, (tiles,) int64."""
        return self.tiles.assemble(self.probability[np.arange(len(look)), look])


def network_of(checkpoint: Checkpoint) -> tuple[tf.keras.Model, ThroughTime]:
    """The network as it was scored, and how it runs over time."""
    config = checkpoint.info.config
    if config.time is None:
        raise SystemExit("expected a network that was trained through time")
    model = as_validated(config, phase_at(config, checkpoint.info.epoch - 1))
    set_model_weights(model, checkpoint.weights)
    return model, config.time


def looks_of(checkpoint: Checkpoint, stack: Stack) -> Looks:
    """Run a network on all of some sections."""
    assert stack.membrane is not None
    model, time = network_of(checkpoint)
    config = checkpoint.info.config.network
    last = timed(wires(config, time.residual), time.steps, time.delayed)[-1]
    costs = {name: n for name, n in spike_costs(config, time.residual).items() if n}
    means = [
        tf.reduce_mean(model.get_layer(name + SPIKES).output, axis=(1, 2, 3)) for name in costs
    ]
    inner = tf.keras.Model(model.inputs, [model.get_layer(last.name + SPIKES).output, *means])
    tiles = whole_tiles(stack, config.tile)
    probability, sent = [], []
    for start in range(0, len(tiles.pixels), TILES_AT_ONCE):
        pixels = tiles.pixels[start : start + TILES_AT_ONCE, ..., None]
        spikes, *of_layers = inner(pixels, training=False)
        probability.append(_probability(model, spikes, time.steps))
        sent.append([x.numpy().reshape(len(pixels), -1) for x in of_layers])
    by_layer = {
        name: cost * np.concatenate(parts)
        for (name, cost), parts in zip(costs.items(), zip(*sent, strict=True), strict=True)
    }
    steps = 1 + last.depth * time.delayed + np.arange(time.steps)
    events, planned = events_of(checkpoint, by_layer, steps)
    return Looks(tiles, stack.membrane, np.concatenate(probability), steps, events, planned)


def _probability(model: tf.keras.Model, spikes: tf.Tensor, steps: int) -> np.ndarray:
    """Of membrane, (tiles, steps, rows, columns), from spikes, (tiles * steps, ...)."""
    x = tf.reshape(spikes, (-1, steps, *spikes.shape[1:]))
    x = tf.cumsum(x, axis=1) / tf.reshape(tf.range(1.0, steps + 1), (1, -1, 1, 1, 1))
    x = tf.reshape(x, (-1, *spikes.shape[1:]))
    for layer in model.layers:
        if layer.name in ("readout", "mean_of_heads"):
            x = layer(x)
    return tf.sigmoid(x).numpy().reshape(-1, steps, *x.shape[1:3])


def events_of(
    checkpoint: Checkpoint, by_layer: Mapping[str, np.ndarray], steps: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of tiles that end with each look, and that were planned to, (tiles, looks) each."""
    config, time = checkpoint.info.config.network, checkpoint.info.config.time
    assert time is not None
    found = np.zeros((2, len(next(iter(by_layer.values()))), len(steps)))
    for look, step in enumerate(steps):
        for layer in timed(wires(config, time.residual), look + 1, time.delayed):
            if layer.name not in by_layer:
                continue
            sent = by_layer[layer.name]
            when = 1 + layer.depth * time.delayed + np.arange(sent.shape[1])
            # Without delays what is sent in a step is heard in it.
            found[0, :, look] += sent[:, when < step + (not time.delayed)].sum(axis=1)
            found[1, :, look] += sent[:, : layer.steps].sum(axis=1)
    return found[0], found[1]


def measured(name: str, choice: str, look: np.ndarray, found: Looks, threshold: float) -> Exit:
    """Tiles that end with some looks."""
    iou = pixel_scores(found.truth, found.ended(look) > threshold).membrane_iou
    tiles = np.arange(len(look))
    events, planned = (float(x[tiles, look].mean()) for x in (found.events, found.planned))
    return Exit(name, choice, iou, float(found.steps[look].mean()), events, planned)


def alike(look: int, found: Looks) -> np.ndarray:
    """The same look for every tile."""
    return np.full(len(found.events), look)


def all_alike(checkpoint: Checkpoint, validation: Looks, test: Looks, points: float) -> list[Exit]:
    """The whole presentation, then every look from the last but one on, with a threshold each."""
    last = len(validation.steps) - 1
    gammas = scales(checkpoint)
    by_scales = min(exit_step(gammas) - 1, last) if gammas else -1
    thresholds, ious = [], []
    for look in range(last + 1):
        ended = alike(look, validation)
        thresholds.append(best_threshold(validation.truth, validation.ended(ended)))
        ious.append(measured("", "", ended, validation, thresholds[-1]).membrane_iou)
    chosen = min(look for look in range(last + 1) if ious[look] >= ious[last] - points / 100)
    rows = []
    for look in range(last, -1, -1):
        words = ["whole" if look == last else "all alike"]
        words += ["chosen"] * (look == chosen) + ["by scales"] * (look == by_scales)
        rows.append(
            measured(
                ", ".join(words), f"look {look + 1}", alike(look, test), test, thresholds[look]
            )
        )
    return rows


def by_stillness(validation: Looks, test: Looks, points: float) -> Exit:
    """The rule of fewest events on the validation sections among those that lose little there."""
    whole = alike(len(validation.steps) - 1, validation)
    threshold = best_threshold(validation.truth, validation.ended(whole))
    least = measured("", "", whole, validation, threshold).membrane_iou - points / 100
    best, best_events = ExitRule(int(validation.steps[-1]), -1), np.inf
    maps = validation.probability > threshold
    for wrong in ALLOWED_WRONG:
        rule = choose_rule(maps, validation.steps, wrong)
        look = apply_rule(maps, validation.steps, rule).look
        came_to = measured("", "", look, validation, threshold)
        if came_to.membrane_iou >= least and came_to.events < best_events:
            best, best_events = rule, came_to.events
    choice = f"from step {best.first_step}, {best.changed_pixels} pixels"
    look = apply_rule(test.probability > threshold, test.steps, best).look
    row = measured("by stillness", choice, look, test, threshold)
    return replace(row, planned_events=row.events)


def scales(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """Scales of each step by layer; none where all steps have the same."""
    suffix = f"{NORM}/gamma:0"
    time = checkpoint.info.config.time
    if time is None or time.normalization != "bntt":
        return {}
    return {
        name.removesuffix(suffix): value
        for name, value in checkpoint.weights.items()
        if name.endswith(suffix) and not name.startswith("stem")
    }


def table(rows: Sequence[Exit]) -> str:
    """Rules beside the whole presentation, the first row."""
    lines = [
        "| rule | choice | membrane IoU | points lost | steps | events per MAC | saved "
        "| saved if planned |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lost = 100 * (rows[0].membrane_iou - row.membrane_iou)
        cells = (
            row.rule, row.choice, f"{row.membrane_iou:.3f}", f"{lost:.1f}", f"{row.steps:.1f}",
            f"{row.events:.3f}", f"{1 - row.events / rows[0].events:.0%}",
            f"{1 - row.planned_events / rows[0].planned_events:.0%}",
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """Run, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FOLDER", required=True, help="a labelled stack")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--points", type=float, default=0.3, help="of IoU that may be lost")
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    stack = read_stack(Path(options.data))
    checkpoint = load_checkpoint(options.checkpoint)
    split = checkpoint.info.data.split
    validation, test = (
        looks_of(checkpoint, stack.select(range(*part))) for part in (split.validation, split.test)
    )
    rows = all_alike(checkpoint, validation, test, options.points)
    rows.append(by_stillness(validation, test, options.points))
    kept = {"network": options.checkpoint.name, "rows": [asdict(row) for row in rows]}
    write_json(options.out / f"{options.checkpoint.name}.json", kept | {"versions": versions()})
    print(table(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
