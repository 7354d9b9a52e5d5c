"""What the layers that would be on the chip do in a simulation, counted."""

import numpy as np

from loihiseg.conversion.lowering import Lowering
from loihiseg.results import SimulatedWork
from loihiseg.simulation.network import simulate
from loihiseg.simulation.neurons import Neurons


class CountingPredictor:
    """A function from pixels to logits, as of `predictor`, that counts what it takes.

    Parameters
    ----------
    lowering : Lowering
        With one input.
    steps : int
    neurons : Neurons
    """

    def __init__(self, lowering: Lowering, steps: int, neurons: Neurons):
        self._lowering, self._steps, self._neurons = lowering, steps, neurons
        self._spikes = self._updates = self._tiles = 0

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Logits of tiles: (n, tile, tile, 1) float32 to (n, tile, tile, 1)."""
        network = self._lowering.network
        runs = simulate(network, pixels, self._steps, self._neurons)
        self._tiles += len(pixels)
        for layer in network.chip_layers:
            run = runs[layer.name]
            self._spikes += run.positive + run.negative
            self._updates += layer.n_neurons * self._steps * len(pixels)
        return self._lowering.graph({name: runs[name].activation for name in network.outputs})

    def work(self, n_sections: int) -> SimulatedWork:
        """Work per section, of all tiles so far; spikes taken back are spikes, too."""
        return SimulatedWork(
            spikes=self._spikes / n_sections,
            neuron_updates=self._updates / n_sections,
            tiles=self._tiles / n_sections,
        )
