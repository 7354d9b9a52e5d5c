"""What it saves to end presentations early."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from loihiseg.metrics.energy import LOIHI, estimate_energy
from loihiseg.metrics.known import counted
from loihiseg.metrics.pixels import pixel_scores
from loihiseg.network.logits import membrane
from loihiseg.results.run import Readout
from loihiseg.results.work import ActivityCounts, EarlyExit, StepScore
from loihiseg.running.counts import StepCounts
from loihiseg.running.early_exit import ExitRule, Exits
from loihiseg.running.looks import Looks


def exit_results(
    rule: ExitRule,
    exits: Exits,
    counts: Sequence[StepCounts],
    activity: ActivityCounts,
    n_neurons: int,
) -> EarlyExit:
    """Steps, work and energy with presentations ended early, as in ``metrics.json``.

    Parameters
    ----------
    rule : ExitRule
    exits : Exits
    counts : sequence of StepCounts
        Of the same images, to their end.
    activity : ActivityCounts
        Of these.
    n_neurons : int
        On the chip.

    Returns
    -------
    EarlyExit
    """

    def until(name: str) -> int:
        ended = zip(counts, exits.steps, strict=True)
        return sum(int(getattr(one, name)[:step].sum()) for one, step in ended)

    steps = int(exits.steps.sum())
    shorter = replace(
        activity,
        neuron_updates=n_neurons * steps,
        synaptic_events=until("synaptic_events"),
        spikes=until("spikes"),
        messages=until("messages"),
        inter_chip_messages=None,
        n_steps=steps,
    )
    return EarlyExit(
        first_step=rule.first_step,
        changed_pixels=rule.changed_pixels,
        mean_steps=float(exits.steps.mean()),
        share_wrong=exits.share_wrong,
        activity=shorter,
        energy=estimate_energy(shorter, LOIHI),
    )


def step_scores(
    looks: Looks, line: Readout, threshold: float, truth: np.ndarray | None
) -> tuple[StepScore, ...]:
    """Scores of the maps at every look, all images' pixels that count together.

    Parameters
    ----------
    looks : Looks
    line : Readout
        Brings their logits to those of the float network.
    threshold : float
    truth : numpy.ndarray or None
        (n, tile, tile) bool; None without labels.

    Returns
    -------
    tuple of StepScore
        In the order of the steps.
    """
    last = counted(looks.known, membrane(line(looks.logits[:, -1]), threshold))
    right = None if truth is None else counted(looks.known, truth)
    found = []
    for number, step in enumerate(looks.steps):
        called = counted(looks.known, membrane(line(looks.logits[:, number]), threshold))
        agreement = float((called == last).mean()) if last.size else 1.0
        score = StepScore(step, agreement)
        if right is not None and right.size:
            pixel = pixel_scores(right, called)
            score = StepScore(step, agreement, pixel.accuracy, pixel.membrane_iou)
        found.append(score)
    return tuple(found)
