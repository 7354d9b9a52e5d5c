"""What spikes mean: activations, logits, and the line that brings these to the float network's."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

import numpy as np

from loihiseg.compilation.deployed import DeployedNetwork, FloatNetwork
from loihiseg.conversion.forward import forward
from loihiseg.conversion.logits import task_logits
from loihiseg.emulator.activity import Presentation, SpikesDigest
from loihiseg.results.run import Readout


class Presenter(Protocol):
    """Shows images to a chip or an emulator; see `loihiseg.emulator.presenter`."""

    def present_each(
        self, images: Iterable[np.ndarray], n_steps: int, n_window_steps: int
    ) -> Iterable[Presentation]:
        """The `Presentation` of each image, in order."""


def fired_activations(
    deployed: DeployedNetwork, presentation: Presentation, layers: Iterable[str] | None = None
) -> dict[str, np.ndarray]:
    """Activations that the spikes of the read-out window stand for.

    Parameters
    ----------
    deployed : DeployedNetwork
    presentation : Presentation
    layers : iterable of str, optional
        Of activations; all by default.

    Returns
    -------
    dict of str to numpy.ndarray
        (rows, columns, channels) float32 by layer.
    """
    wanted = None if layers is None else set(layers)
    return {
        layer.name: deployed.code.activation(layer, presentation.firing_per_step(layer.name))
        for layer in deployed.network.layers
        if wanted is None or layer.name in wanted
    }


def logits_of(
    deployed: DeployedNetwork | FloatNetwork, activations: dict[str, np.ndarray]
) -> np.ndarray:
    """Logits of the last layers' activations, not brought to any line.

    Parameters
    ----------
    deployed : DeployedNetwork or FloatNetwork
    activations : dict of str to numpy.ndarray
        (n, rows, columns, channels) float32 by layer.

    Returns
    -------
    numpy.ndarray
        float32, as of `loihiseg.conversion.logits.task_logits`: (n, tile, tile) of membrane.
    """
    return task_logits(deployed.readout, activations, deployed.task)


def calibrated(
    deployed: DeployedNetwork,
    presenter: Presenter,
    pixels: np.ndarray,
    trained: np.ndarray | None = None,
    progress: Callable[[], None] = lambda: None,
    *,
    known: np.ndarray | None = None,
) -> tuple[DeployedNetwork, SpikesDigest]:
    """Fit the line from the logits of the spikes to those of the float network.

    Parameters
    ----------
    deployed : DeployedNetwork
    presenter : Presenter
    pixels : numpy.ndarray
        (n, tile, tile) float32, normalized: tiles that nothing else is judged by. Of none, or of a
        code whose spikes mean what activations mean, the line is the identity.
    trained : numpy.ndarray, optional
        (n, tile, tile) logits of the float network; computed here by default.
    progress : callable
        Called after each tile.
    known : numpy.ndarray, optional
        bool, (n, tile, tile): the pixels that the line is fitted on; all by default.

    Returns
    -------
    DeployedNetwork, SpikesDigest
        With the line; and of what was counted.
    """
    digest, code = SpikesDigest(), deployed.code
    if not code.fits_readout or not len(pixels):
        return replace(deployed, line=Readout()), digest
    spiking = []
    for shown in presenter.present_each(pixels, code.n_steps, code.n_window_steps):
        digest.add(shown)
        fired = fired_activations(deployed, shown, deployed.network.outputs)
        spiking.append(logits_of(deployed, {name: one[None] for name, one in fired.items()})[0])
        progress()
    if trained is None:
        trained = logits_of(deployed, forward(deployed.network, pixels))
    line = fit_line(np.stack(spiking), trained, known)
    return replace(deployed, line=line), digest


def fit_line(spiking: np.ndarray, trained: np.ndarray, known: np.ndarray | None = None) -> Readout:
    """Fit the line from spiking to trained logits; both (n, tile, tile), on the known pixels."""
    if not len(spiking) or (known is not None and not known.any()):
        return Readout()
    n_tiles = len(spiking)
    if known is not None:
        spiking, trained = spiking[known], trained[known]
    x, y = spiking.ravel().astype(np.float64), trained.ravel().astype(np.float64)
    spread = np.var(x)
    if spread < 1e-12:
        return Readout(1.0, float(np.mean(y - x)), n_tiles)
    gain = float(np.mean((x - x.mean()) * (y - y.mean())) / spread)
    return Readout(gain, float(y.mean() - gain * x.mean()), n_tiles)
