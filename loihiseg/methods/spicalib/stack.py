"""The parts of the published method, each added in turn, and their maps after numbers of steps."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.methods.spicalib.neurons import Bursts, BurstState
from loihiseg.results import SimulatedWork
from loihiseg.simulation.network import Predict
from loihiseg.simulation.stepping import Passing


@dataclass(frozen=True, eq=False)
class Part:
    """A spiking network: what it has, in words, and its neurons."""

    name: str
    neurons: Bursts


def parts(
    network: LoweredNetwork,
    single: Mapping[str, np.ndarray],
    several: Mapping[str, np.ndarray],
    most_spikes: int,
    allowance: int,
    as_published: bool,
) -> tuple[Part, ...]:
    """One spike a step at most; bursts; lateral pooling if anything is pooled; spike calibration.

    Parameters
    ----------
    network : LoweredNetwork
    single, several : mapping of str to numpy.ndarray
        Thresholds of neurons of one spike, and of bursts.
    most_spikes, allowance, as_published
        As of `loihiseg.methods.spicalib.neurons.Bursts`.
    """
    pools = any(layer.neuron.chooses for layer in network.layers)
    found = [Part("rates", Bursts(single, 1, pooling="gated"))]
    if most_spikes > 1:
        found.append(Part("bursts", Bursts(several, most_spikes, pooling="gated")))
    if pools:
        found.append(Part("lateral pooling", Bursts(several, most_spikes)))
    calibrated = Bursts(several, most_spikes, allowance, as_published)
    return (*found, Part("spike calibration", calibrated))


class Maps:
    """Logits after several numbers of steps, each tile simulated once.

    Parameters
    ----------
    passing : Passing
    """

    def __init__(self, passing: Passing[BurstState]):
        self._passing = passing
        self._known: dict[bytes, dict[int, np.ndarray]] = {}

    def after(self, steps: int) -> Predict:
        """A function from pixels to logits; tiles that any such function was given are known."""

        def predict(pixels: np.ndarray) -> np.ndarray:
            key = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).digest()
            if key not in self._known:
                self._known[key] = self._passing.logits(pixels)
            return self._known[key][steps]

        return predict

    def work(self, steps: int, n_sections: int) -> SimulatedWork:
        """Work per section of all tiles so far."""
        return self._passing.work(steps, n_sections)
