"""What it saves to end presentations early."""

from collections.abc import Sequence
from dataclasses import replace

from loihiseg.metrics.energy import LOIHI, estimate_energy
from loihiseg.results.work import ActivityCounts, EarlyExit
from loihiseg.running.counts import StepCounts
from loihiseg.running.early_exit import ExitRule, Exits


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
