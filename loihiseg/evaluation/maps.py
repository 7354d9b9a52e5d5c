"""Maps of the networks that a deployment compares: tiles put together, and the float network's."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.conversion.forward import forward
from loihiseg.conversion.logits import readout_logits
from loihiseg.data.neighbours import with_channels
from loihiseg.data.orientations import Orientation
from loihiseg.data.selection import Chosen
from loihiseg.data.tiles import predict_sections
from loihiseg.evaluation.assembly import TileMaps
from loihiseg.evaluation.emulation import Emulation
from loihiseg.metrics.known import counted
from loihiseg.network.logits import mean_logits, membrane
from loihiseg.progress import Reporter

Predict = Callable[[np.ndarray], np.ndarray]
"""Pixels (n, tile, tile, channels) to logits, (n, tile, tile, 1)."""


@dataclass(frozen=True, eq=False)
class Before:
    """Logits of membrane, as of `Maps`, of the network before it was given levels.

    Attributes
    ----------
    tiles, sections : numpy.ndarray
        Of the pixels that spikes are judged on, and of whole sections.
    """

    tiles: np.ndarray
    sections: np.ndarray


@dataclass(frozen=True, eq=False)
class Maps:
    """Logits of membrane, (n, rows, columns) float32: of the pixels that spikes are judged on.

    Attributes
    ----------
    spiking, eight_bit, trained : numpy.ndarray
        Of the spikes, of the network with the chip's weights, of the float network.
    sections : numpy.ndarray
        Of the float network, on whole sections.
    before : Before or None
        Where it was given levels without training.
    """

    spiking: np.ndarray
    eight_bit: np.ndarray
    trained: np.ndarray
    sections: np.ndarray
    before: Before | None = None

    def agreement(self, threshold: float, known: np.ndarray | None = None) -> float:
        """Share of the pixels that the spikes call as the network with the chip's weights does.

        Of those that are ``known``, bool of the maps' shape, where not all count.
        """
        called = (
            counted(known, membrane(logits, threshold)) for logits in (self.spiking, self.eight_bit)
        )
        return float(np.mean(np.equal(*called)))


def maps_of(
    deployed: DeployedNetwork,
    chosen: Chosen,
    found: Emulation,
    reporter: Reporter,
    floats: Predict | None = None,
) -> Maps:
    """Tiles put together, and whole sections through the float network.

    ``floats`` is the network before it was given levels, where it was.
    """
    test, shown = chosen.sections.test, found.orientations
    spiking, eight_bit, trained = (
        part.maps() for part in (found.spiking, found.eight_bit, found.trained)
    )
    before = None if floats is None else _before(floats, deployed.tile, chosen, shown)
    if chosen.whole:
        return Maps(spiking, eight_bit, trained, trained, before)
    with reporter.bar("trained network", test.n_sections) as advance:
        sections = predicted(float_network(deployed), deployed.tile, test.seen(), shown, advance)
    return Maps(spiking, eight_bit, trained, sections, before)


def _before(predict: Predict, tile: int, chosen: Chosen, shown: Sequence[Orientation]) -> Before:
    pixels = [one.shown(part) for part in chosen.tiles.pixels for one in shown]
    logits = predict(with_channels(np.ascontiguousarray(np.stack(pixels))))[..., 0]
    together = TileMaps(tuple(shown), chosen.tiles.grid)
    for one in logits:
        together.add(one)
    tiles = together.maps()
    if chosen.whole:
        return Before(tiles, tiles)
    return Before(tiles, predicted(predict, tile, chosen.sections.test.seen(), shown))


def predicted(
    predict: Predict,
    tile: int,
    images: Iterable[np.ndarray],
    shown: Sequence[Orientation],
    progress: Callable[[], None] | None = None,
) -> np.ndarray:
    """Logits of whole sections by a network, (n, rows, columns) float32.

    The images are as those of `loihiseg.data.tiles.predict_sections`; all of what a network sees
    of one is turned alike.
    """

    def turned(orientation: Orientation) -> Predict:
        def logits(pixels: np.ndarray) -> np.ndarray:
            tiles = [orientation.shown(tile) for tile in pixels]
            found = predict(np.ascontiguousarray(np.stack(tiles)))[..., 0]
            return np.stack([orientation.brought_back(one) for one in found])[..., None]

        return logits

    sections = []
    for image in images:
        one = [predict_sections(turned(o), [image], tile) for o in shown]
        sections.append(mean_logits(one)[0])
        if progress is not None:
            progress()
    return np.stack(sections)


def float_network(deployed: DeployedNetwork) -> Predict:
    """The network of float weights, with levels if it has any."""

    def predict(pixels: np.ndarray) -> np.ndarray:
        activations = forward(deployed.network, pixels)
        return readout_logits(deployed.readout, activations, deployed.tile)[..., None]

    return predict
