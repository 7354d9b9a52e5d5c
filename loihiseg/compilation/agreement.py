"""How far a network with levels is from the network in floats, on images, without labels."""

from dataclasses import dataclass

import numpy as np

from loihiseg.conversion.forward import forward
from loihiseg.conversion.host_graph import HostGraph
from loihiseg.conversion.logits import called, task_logits
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.metrics.pixels import pixel_scores
from loihiseg.network.logits import membrane
from loihiseg.results.task import Task


@dataclass(frozen=True, order=True)
class Difference:
    """What a network answers differently from that in floats; the smaller the better.

    The answers count first, the divergence where they are alike: what docs/methods.md has measured
    of both.

    Attributes
    ----------
    answers : float
        Of membrane 1 - IoU of what both call membrane, of classes the share that is called
        otherwise; 0 to 1.
    divergence : float
        Mean Kullback-Leibler divergence of the probabilities from those in floats, in nats:
        cross-entropy less what is the least.
    """

    answers: float
    divergence: float


class Judge:
    """Compares networks with one in floats.

    Parameters
    ----------
    floats : LoweredNetwork
        Of activations without levels.
    readout : HostGraph
    task : Task
    threshold : float
        Probability above which a pixel is membrane.
    pixels : numpy.ndarray
        (n, rows, columns) or (n, rows, columns, channels), float32, normalized; at least one.
    """

    def __init__(
        self,
        floats: LoweredNetwork,
        readout: HostGraph,
        task: Task,
        threshold: float,
        pixels: np.ndarray,
    ):
        self._task, self._threshold, self._pixels = task, threshold, pixels
        self._wanted = self._logits(floats, readout)

    def difference(self, network: LoweredNetwork, readout: HostGraph) -> Difference:
        """Between a network, with its read-out, and that in floats."""
        found = self._logits(network, readout)
        one = self._task.output_shape[2] == 1
        apart = (_of_one if one else _of_several)(found, self._wanted)
        return Difference(self._answers(found), float(apart.mean()))

    def _logits(self, network: LoweredNetwork, readout: HostGraph) -> np.ndarray:
        found = forward(network, self._pixels, staircase=False)
        outputs = {name: found[name] for name in network.outputs}
        return task_logits(readout, outputs, self._task)

    def _answers(self, found: np.ndarray) -> float:
        if self._task.kind == "membrane":
            ours, theirs = (membrane(one, self._threshold) for one in (found, self._wanted))
            return 1 - pixel_scores(theirs, ours).membrane_iou
        same = called(found, self._task) == called(self._wanted, self._task)
        return float(1 - same.mean())


def _of_one(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Divergence of one probability, of each pixel, from its logits."""
    ours, theirs = found.astype(np.float64), wanted.astype(np.float64)
    probability = 0.5 * (1 + np.tanh(0.5 * theirs))
    return (np.logaddexp(0, ours) - np.logaddexp(0, theirs)) - probability * (ours - theirs)


def _of_several(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Divergence of probabilities of classes, along the last axis of their logits."""
    ours, theirs = (_log_softmax(one.astype(np.float64)) for one in (found, wanted))
    return (np.exp(theirs) * (theirs - ours)).sum(-1)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    from scipy.special import logsumexp

    return np.asarray(logits - logsumexp(logits, axis=-1, keepdims=True))
