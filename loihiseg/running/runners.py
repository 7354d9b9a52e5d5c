"""Tiles through a network: on the emulated chip, on a board, or in floats. One after the other."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from loihiseg.compilation.calibration import Presenter, fired_activations, logits_of
from loihiseg.compilation.deployed import DeployedNetwork, FloatNetwork
from loihiseg.conversion.forward import BATCH, forward
from loihiseg.emulator.activity import Presentation
from loihiseg.emulator.presenter import CompiledPresenter
from loihiseg.errors import InputError
from partition.display.messages import how_many


@dataclass(frozen=True, eq=False)
class TileRun:
    """What a network made of one tile.

    Attributes
    ----------
    logits : numpy.ndarray
        (tile, tile) float32, of membrane; those of spikes brought to the float network's line.
    presentation : Presentation or None
        Spikes on chip and host; None of the float network.
    """

    logits: np.ndarray
    presentation: Presentation | None


@contextmanager
def compiled_presenter(deployed: DeployedNetwork) -> Iterator[CompiledPresenter]:
    """The compiled emulator of a deployed network; it counts what layers fire early."""
    windows = deployed.code.windows(deployed.network)
    with CompiledPresenter(deployed.deployable, deployed.neurons, windows=windows) as presenter:
        yield presenter


def chip_tiles(
    deployed: DeployedNetwork, presenter: Presenter, pixels: Iterable[np.ndarray]
) -> Iterator[TileRun]:
    """Present tiles and read them out.

    Parameters
    ----------
    deployed : DeployedNetwork
    presenter : Presenter
        The compiled emulator, nengo-loihi's, or a board.
    pixels : iterable of numpy.ndarray
        (tile, tile) float32, normalized by section; or (tile, tile, channels).

    Yields
    ------
    TileRun
        In order, each as soon as it is done.

    Raises
    ------
    InputError
        If a layer fires before all of its input is there: nobody who is handed maps alone would
        know that they are not exact.
    """
    code = deployed.code
    for shown in presenter.present_each(pixels, code.n_steps, code.n_window_steps):
        _refuse_early(shown)
        fired = fired_activations(deployed, shown, deployed.network.outputs)
        logits = logits_of(deployed, {name: one[None] for name, one in fired.items()})[0]
        yield TileRun(deployed.line(logits), shown)


def _refuse_early(shown: Presentation) -> None:
    for name, n_spikes in (shown.early or {}).items():
        raise InputError(
            f"layer '{name}': {how_many(n_spikes, 'spike')} before all of its input was "
            "there: the sums of this image are larger than those of the calibration tiles; "
            "deploy with more of them, or with the thermometer code"
        )


def float_tiles(
    deployed: DeployedNetwork | FloatNetwork, pixels: Iterable[np.ndarray]
) -> Iterator[TileRun]:
    """The same through the float network, every neuron at the rate it was trained with."""
    batch: list[np.ndarray] = []
    for tile in pixels:
        batch.append(tile)
        if len(batch) == BATCH:
            yield from _float(deployed, batch)
            batch = []
    yield from _float(deployed, batch)


def _float(deployed: DeployedNetwork | FloatNetwork, tiles: list[np.ndarray]) -> Iterator[TileRun]:
    if tiles:
        for logits in logits_of(deployed, forward(deployed.network, np.stack(tiles))):
            yield TileRun(logits, None)
