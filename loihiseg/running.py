"""What the host sees while an image is presented, and what stopping early saves."""

from dataclasses import dataclass, replace

import numpy as np

from loihiseg import deployment as stages
from loihiseg.early_exit import apply_rule, choose_rule
from loihiseg.errors import InputError
from loihiseg.evaluation.energy import LOIHI, estimate_energy
from loihiseg.results.work import EarlyExit

N_LOOKS = 20
"""Looks per presentation, where it has as many steps."""

BATCH = 16
"""Images whose activations are read out together."""


@dataclass(frozen=True, eq=False)
class Looks:
    """What the host saw of some images.

    Attributes
    ----------
    steps : tuple of int
        Steps at which it looked; the last is the end of the presentation.
    logits : numpy.ndarray
        float32, (n, n_looks, tile, tile), as read out, not calibrated.
    """

    steps: tuple[int, ...]
    logits: np.ndarray


def look_steps(n_steps: int) -> tuple[int, ...]:
    """Steps at which the host looks: every so many, counted back from the last."""
    every = max(1, n_steps // N_LOOKS)
    return tuple(range(n_steps % every or every, n_steps + 1, every))


def watch(runner, code, lowering, pixels, progress=None) -> Looks:
    """Present images and read out at every look, over a window that grows with the steps so far.

    Parameters
    ----------
    runner : loihiseg.emulator.presenter.CompiledPresenter
    code : loihiseg.conversion.codes.NeuralCode
    lowering : loihiseg.conversion.lowering.Lowering
    pixels : numpy.ndarray
        (n, tile, tile) normalized.
    progress : callable, optional
        Called after each image without arguments.

    Returns
    -------
    Looks
    """
    network, tile = lowering.network, pixels.shape[1]
    steps = tuple(step for step in look_steps(code.n_steps) if step >= code.first_step)
    found = []
    for start in range(0, len(pixels), BATCH):
        seen = {name: [] for name in network.outputs}
        for image in pixels[start : start + BATCH]:
            for name, fired in runner.rasters(image, code.n_steps, network.outputs).items():
                seen[name].append(_activations(code, network.layer(name), fired, steps))
            if progress is not None:
                progress()
        batch = {name: np.concatenate(parts) for name, parts in seen.items()}
        logits = stages.readout_logits(lowering.readout, network.outputs, batch, tile)
        found.append(logits.reshape(-1, len(steps), tile, tile).astype(np.float32))
    return Looks(steps, np.concatenate(found))


def _activations(code, layer, fired, steps):
    """Activations of a layer at every look, (n_looks, rows, columns, channels)."""
    share = code.n_window_steps / code.n_steps
    windows = [max(1, round(step * share)) for step in steps]
    return np.stack(
        [
            code.activation(layer, fired[step - window : step].mean(axis=0, dtype=np.float32))
            for step, window in zip(steps, windows)
        ]
    )


def early_exit(most_wrong, calibration: Looks, test: Looks, readout, threshold) -> tuple:
    """Choose when to stop on some images and apply it to others.

    Parameters
    ----------
    most_wrong : float
        Share of the pixels that may be called otherwise than at the end.
    calibration, test : Looks
    readout : loihiseg.deployment.Readout
    threshold : float

    Returns
    -------
    ExitRule, Exits
        And what it makes of the test images.
    """

    def maps(looks):
        return stages.membrane(readout(looks.logits), threshold)

    rule = choose_rule(maps(calibration), calibration.steps, most_wrong)
    return rule, apply_rule(maps(test), test.steps, rule)


def exit_results(rule, exits, presentations, activity, n_neurons: int) -> EarlyExit:
    """Steps, work and energy with presentations ended early, as in ``metrics.json``.

    Parameters
    ----------
    rule : ExitRule
    exits : Exits
    presentations : list of Presentation
        Of the same images, to their end.
    activity : loihiseg.evaluation.energy.ActivityCounts
        Of these.
    n_neurons : int
        On the chip.

    Returns
    -------
    EarlyExit
    """

    def until(name):
        ended = zip(presentations, exits.steps)
        return sum(int(getattr(one, name)[:step].sum()) for one, step in ended)

    steps = int(exits.steps.sum())
    shorter = replace(
        activity,
        neuron_updates=n_neurons * steps,
        synaptic_events=until("synaptic_events_per_step"),
        spikes=until("spikes_per_step"),
        messages=until("messages_per_step"),
        inter_chip_messages=None,
        n_steps=steps,
    )
    return EarlyExit(
        first_step=rule.first_step,
        changed_pixels=rule.changed_pixels,
        mean_steps=float(exits.steps.mean()),
        share_wrong=float(exits.wrong.mean()),
        activity=shorter,
        energy=estimate_energy(shorter, LOIHI),
    )


def check_early_exit(config) -> None:
    """Refuse what early exit cannot be had with.

    Raises
    ------
    InputError
        Without the compiled emulator, or tiles to choose on.
    """
    if not 0 <= config.early_exit <= 1:
        raise InputError(f"--early-exit {config.early_exit:g}: expected a share from 0 to 1")
    if config.emulator != "compiled" or config.target != "sim":
        raise InputError("--early-exit needs --emulator compiled and --target sim")
    if config.input != "held":
        raise InputError(
            f"--early-exit needs --input held: {config.input} input has one right map, the last"
        )
    if not config.calibration_tiles:
        raise InputError("--early-exit is chosen on --calibration-tiles: expected 1 or more")
