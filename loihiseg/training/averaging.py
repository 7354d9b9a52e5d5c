"""The mean of weights over batches, which is steadier than those of any one."""

from collections.abc import Sequence

from loihiseg.frameworks import tf

import numpy as np

WARM_UP = 10
"""Batches after which the mean is of about as many; before it forgets its beginning sooner."""


class MeanWeights(tf.keras.callbacks.Callback):
    """Keeps the exponential mean of a network's weights while it is fitted.

    After batch t of a phase, counted from 1, ``mean += (1 - m) (weights - mean)`` with m the
    momentum, or ``t / (t + WARM_UP)`` where that is less (Polyak and Juditsky 1992, doi
    10.1137/0330046; the warm-up as in ``tf.train.ExponentialMovingAverage``). Means and variances
    of normalizations are averaged as all other weights.

    Parameters
    ----------
    momentum : float
        Above 0 and below 1.
    weights : sequence of numpy.ndarray
        Of the network, in its order: the mean so far.
    batches : int
        Of the phase that are behind.
    """

    def __init__(self, momentum: float, weights: Sequence[np.ndarray], batches: int = 0) -> None:
        super().__init__()
        self.momentum, self.batches = momentum, batches
        self.weights = [np.array(values) for values in weights]

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Have the batch count."""
        self.batches += 1
        momentum = min(self.momentum, self.batches / (self.batches + WARM_UP))
        share = np.float32(1 - momentum)
        for mean, now in zip(self.weights, self.model.get_weights(), strict=True):
            mean += share * (now - mean)
