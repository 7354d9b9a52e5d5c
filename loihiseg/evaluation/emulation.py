"""Tiles through the chip, compared layer by layer with the networks they stand for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import tee

import numpy as np

from loihiseg.compilation.calibration import Presenter, fired_activations, logits_of
from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.conversion.forward import forward
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.data.orientations import Orientation
from loihiseg.data.orientations import orientations as orientations_of
from loihiseg.data.tiles import TileGrid
from loihiseg.emulator.activity import Presentation, SpikesDigest
from loihiseg.evaluation.assembly import TileMaps
from loihiseg.evaluation.comparison import LayerErrors, LayerFiring, LevelMatches
from loihiseg.running.counts import StepCounts, Tally


@dataclass(eq=False)
class Emulation:
    """What tiles came to; grows by `add`.

    Attributes
    ----------
    spiking, eight_bit, trained : TileMaps
        Logits of the spikes, of the network with the chip's weights, and of the float network.
    tally : Tally
    digest : SpikesDigest
    steps : list of StepCounts
        Of each tile.
    firing : LayerFiring
        Of the float network, each neuron at its settled rate.
    quantized_errors, spiking_errors : LayerErrors
        Against the float network.
    orientations : tuple of Orientation
        That each tile is shown in, one after the other; all of these count tile by tile shown.
    grid : TileGrid or None
        How the tiles make up whole sections; None of tiles by themselves.
    matches : LevelMatches or None
        Against the network with the chip's weights, where all layers have levels.
    early : dict of str to list of int, or None
        Spikes of layers that fired before all of their input was there, of each tile on which they
        did; None where that was not looked at.
    """

    deployed: DeployedNetwork
    quantized: LoweredNetwork
    orientations: tuple[Orientation, ...] = orientations_of(1)
    grid: TileGrid | None = None
    steps: list[StepCounts] = field(default_factory=list)

    def __post_init__(self) -> None:
        network = self.deployed.network
        self.spiking, self.eight_bit, self.trained = (
            TileMaps(self.orientations, self.grid) for _ in range(3)
        )
        self.tally, self.digest = Tally(self.deployed), SpikesDigest()
        self.early: dict[str, list[int]] | None = None
        self.firing = LayerFiring(network)
        self.quantized_errors, self.spiking_errors = LayerErrors(), LayerErrors()
        all_levels = all(layer.levels for layer in network.layers)
        self.matches = LevelMatches(network) if all_levels else None
        self._mean_hz: dict[str, list[float]] = {layer.name: [] for layer in self._chip_layers}

    @property
    def _chip_layers(self) -> tuple[SpikingLayer, ...]:
        return self.deployed.neurons.chip_layers

    def add(self, pixels: np.ndarray, shown: Presentation) -> None:
        """Take in a tile.

        Parameters
        ----------
        pixels : numpy.ndarray
            (tile, tile) normalized.
        shown : Presentation
            Of them.
        """
        deployed, network = self.deployed, self.deployed.network
        self.tally.add(shown)
        self.digest.add(shown)
        if shown.early is not None:
            self.early = self.early or {}
            for name, n_spikes in shown.early.items():
                self.early.setdefault(name, []).append(n_spikes)
        self.steps.append(
            StepCounts(
                shown.spikes_per_step, shown.messages_per_step, shown.synaptic_events_per_step
            )
        )
        for name, means in self._mean_hz.items():
            means.append(float(shown.rates_hz(name).mean()))
        fired = {name: one[None] for name, one in fired_activations(deployed, shown).items()}
        settled = forward(network, pixels[None], staircase=True)
        eight_bit = forward(self.quantized, pixels[None], staircase=True)
        # Layers of neurons alone, such as clocks, stand for no activations.
        eight_bit = {layer.name: eight_bit[layer.name] for layer in network.layers}
        self.spiking.add(deployed.line(logits_of(deployed, fired)[0]))
        self.eight_bit.add(logits_of(deployed, eight_bit)[0])
        trained = settled
        if not all(layer.neuron.stepped for layer in network.layers):
            trained = forward(network, pixels[None])
        self.trained.add(logits_of(deployed, trained)[0])
        code = deployed.code
        self.firing.add(
            {
                layer.name: code.spikes_per_step(layer, settled[layer.name])
                for layer in network.layers
            }
        )
        # Without held input only the outputs are right in the end.
        right = settled if code.held else {name: settled[name] for name in network.outputs}
        self.quantized_errors.add(eight_bit, settled)
        self.spiking_errors.add(fired, right)
        if self.matches is not None:
            self.matches.add(fired, {name: eight_bit[name] for name in right})

    @property
    def mean_hz(self) -> dict[str, float]:
        """Mean firing rate of each layer on the chip, over all tiles."""
        return {name: float(np.mean(means)) for name, means in self._mean_hz.items()}


def emulate(
    deployed: DeployedNetwork,
    quantized: LoweredNetwork,
    presenter: Presenter,
    pixels: Iterable[np.ndarray],
    progress: Callable[[], None],
    orientations: tuple[Orientation, ...] = orientations_of(1),
    grid: TileGrid | None = None,
) -> Emulation:
    """Present tiles and compare.

    Parameters
    ----------
    deployed : DeployedNetwork
    quantized : LoweredNetwork
        Of its neurons, with the chip's weights.
    presenter : Presenter
    pixels : iterable of numpy.ndarray
        (tile, tile) float32, normalized by section.
    progress : callable
        Called after each tile that is shown.
    orientations : tuple of Orientation
        In which each tile is shown; by default as it is.
    grid : TileGrid, optional
        How the tiles make up whole sections; by default they are by themselves.
    """
    tiles = (
        np.ascontiguousarray(orientation.shown(tile))
        for tile in pixels
        for orientation in orientations
    )
    found = Emulation(deployed, quantized, orientations, grid)
    code = deployed.code
    # Few are in memory: those that the presenter takes ahead.
    own, theirs = tee(tiles)
    presented = presenter.present_each(theirs, code.n_steps, code.n_window_steps)
    for tile, shown in zip(own, presented, strict=True):
        found.add(tile, shown)
        progress()
    return found
