"""What the host sees while an image is presented, and when it may stop."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from loihiseg.codes.code import NeuralCode
from loihiseg.compilation.calibration import logits_of
from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.conversion.spec import SpikingLayer
from loihiseg.emulator.presenter import CompiledPresenter
from loihiseg.network.logits import membrane
from loihiseg.results.run import Readout
from loihiseg.running.early_exit import ExitRule, Exits, apply_rule, choose_rule

N_LOOKS = 20
"""Looks per presentation, where it has as many steps."""


@dataclass(frozen=True, eq=False)
class Looks:
    """What the host saw of some images.

    Attributes
    ----------
    steps : tuple of int
        Steps at which it looked; the last is the end of the presentation.
    logits : numpy.ndarray
        float32, (n, n_looks, tile, tile), as read out, not calibrated.
    known : numpy.ndarray or None
        bool, (n, tile, tile), which pixels count; None where all do.
    """

    steps: tuple[int, ...]
    logits: np.ndarray
    known: np.ndarray | None = None


def look_steps(n_steps: int) -> tuple[int, ...]:
    """Steps at which the host looks: every so many, counted back from the last."""
    every = max(1, n_steps // N_LOOKS)
    return tuple(range(n_steps % every or every, n_steps + 1, every))


def watch(
    deployed: DeployedNetwork,
    presenter: CompiledPresenter,
    pixels: np.ndarray,
    progress: Callable[[], None] = lambda: None,
    known: np.ndarray | None = None,
) -> Looks:
    """Present images and read out at every look, over a window that grows with the steps so far.

    Parameters
    ----------
    deployed : DeployedNetwork
    presenter : CompiledPresenter
    pixels : numpy.ndarray
        (n, tile, tile) normalized.
    progress : callable
        Called after each image without arguments.
    known : numpy.ndarray, optional
        bool, the same shape: which pixels count; all by default.

    Returns
    -------
    Looks
    """
    code, outputs = deployed.code, deployed.network.outputs
    steps = tuple(step for step in look_steps(code.n_steps) if step >= code.first_step)
    found = []
    for image in pixels:
        seen = {
            name: _activations(code, deployed.network.layer(name), fired, steps)
            for name, fired in presenter.rasters(image, code.n_steps, outputs).items()
        }
        found.append(logits_of(deployed, seen).astype(np.float32))
        progress()
    return Looks(steps, np.stack(found), known)


def _activations(
    code: NeuralCode, layer: SpikingLayer, fired: np.ndarray, steps: tuple[int, ...]
) -> np.ndarray:
    """Activations of a layer at every look, (n_looks, rows, columns, channels)."""
    return np.stack([code.looked_at(layer, fired[:step]) for step in steps])


def early_exit(
    most_wrong: float, calibration: Looks, test: Looks, line: Readout, threshold: float
) -> tuple[ExitRule, Exits]:
    """Choose when to stop on some images and apply it to others.

    Parameters
    ----------
    most_wrong : float
        Share of the pixels that count that may be called otherwise than at the end.
    calibration, test : Looks
    line : Readout
        Brings their logits to those of the float network.
    threshold : float

    Returns
    -------
    ExitRule, Exits
        And what it makes of the test images.
    """

    def maps(looks: Looks) -> np.ndarray:
        return membrane(line(looks.logits), threshold)

    rule = choose_rule(maps(calibration), calibration.steps, most_wrong, calibration.known)
    return rule, apply_rule(maps(test), test.steps, rule, test.known)
