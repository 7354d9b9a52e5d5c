"""Spikes of layers that choose the largest or smallest of others, as max pooling does.

A maximum of spikes of one step is none of activations: two trains may spike in turn. Both ways of
publications look at what has been sent so far.
"""

from collections.abc import Mapping
from typing import Literal

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.conversion.layer_input import layer_input
from loihiseg.conversion.spec import SpikingLayer

Pooling = Literal["lateral", "gated"]
"""``lateral``: LIPooling [1]_; ``gated``: the train that has sent most so far is let through [2]_.

.. [1] Li, Zeng 2022, "Efficient and accurate conversion of spiking neural network with burst
   spikes", arXiv 2204.13271.
.. [2] Rueckauer, Lungu, Hu, Pfeiffer, Liu 2017, doi 10.3389/fnins.2017.00682.
"""

MOST_IN_A_STEP = 1000.0
"""Gates tell trains of equal sums apart by the spikes of the step: below so many of a neuron."""


class PoolingState:
    """What the sources of one layer have sent so far, and for lateral pooling the layer itself.

    Parameters
    ----------
    layer : SpikingLayer
        That chooses; of each of its sources a spike is worth the same, and of itself.
    pooling : Pooling
    """

    def __init__(self, layer: SpikingLayer, pooling: Pooling):
        self._layer, self._pooling = layer, pooling
        self._sent: dict[str, np.ndarray] = {}
        self._chosen: np.ndarray | None = None

    def spikes(self, trains: Mapping[str, np.ndarray]) -> np.ndarray:
        """Spikes of the next steps.

        Parameters
        ----------
        trains : mapping of str to numpy.ndarray
            Spikes of every source, float32, (steps, images, rows, columns, channels): whole
            numbers, below 0 for those taken back.

        Returns
        -------
        numpy.ndarray
            The same of the layer. In lateral pooling their sum up to any step is the extreme of the
            sums of what the window looks at up to there.

        Notes
        -----
        With S what a source has sent, this step's n included, and ``pool`` the extreme of a window,
        lateral pooling sends ``pool(S) - pool(S one step before)``. Published for windows side by
        side as ``S += n; o = pool(S); S -= o``, which is the same; for windows that overlap each
        has to keep its own S, as here. Gates send ``pool(n + 1000 S) - pool(1000 S)``.
        """
        sums = {name: self._summed(name, trains[name]) for name in set(self._layer.sources)}
        if self._pooling == "gated":
            marked = {
                name: MOST_IN_A_STEP * value.astype(np.float64) for name, value in sums.items()
            }
            now = {name: marked[name] + trains[name] for name in sums}
            return np.asarray(self._extreme(now) - self._extreme(marked), np.float32)
        reached = self._extreme(sums)
        before = np.zeros_like(reached[:1]) if self._chosen is None else self._chosen
        self._chosen = reached[-1:]
        return np.diff(reached, axis=0, prepend=before).astype(np.float32)

    def _summed(self, name: str, train: np.ndarray) -> np.ndarray:
        """What a source has sent up to each step: whole numbers, exact to 2**24."""
        sums = np.cumsum(train, axis=0, dtype=np.float32)
        if name in self._sent:
            sums += self._sent[name]
        self._sent[name] = sums[-1]
        return sums

    def _extreme(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        merged = {
            name: tf.constant(part.reshape(-1, *part.shape[2:])) for name, part in values.items()
        }
        found = layer_input(self._layer, merged).numpy()
        steps = len(next(iter(values.values())))
        return np.asarray(found.reshape(steps, -1, *self._layer.shape))
