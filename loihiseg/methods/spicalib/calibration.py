"""Crops to calibrate on, and the thresholds and spiking networks that they make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loihiseg.compilation.scales import own_names
from loihiseg.conversion.lowering import Lowering
from loihiseg.data.augmentation import sample_crops
from loihiseg.methods.spicalib import scales
from loihiseg.methods.spicalib.method import Settings
from loihiseg.methods.spicalib.neurons import NEVER, Bursts, BurstState
from loihiseg.methods.spicalib.stack import Part, parts
from loihiseg.methods.task import Task
from loihiseg.metrics.known import counted
from loihiseg.metrics.pixels import pixel_scores
from loihiseg.network.logits import membrane
from loihiseg.simulation.stepping import Passing, Stepper


@dataclass(frozen=True, eq=False)
class Crops:
    """Crops of labelled training sections.

    Attributes
    ----------
    pixels : numpy.ndarray
        float32, (n, tile, tile, 1), normalized.
    truth : numpy.ndarray
        bool, (n, tile, tile), membrane.
    known : numpy.ndarray or None
        bool, the same shape: pixels that count; None where all do.
    """

    pixels: np.ndarray
    truth: np.ndarray
    known: np.ndarray | None

    def membrane_iou(self, logits: np.ndarray, threshold: float) -> float:
        """Of logits (n, tile, tile, 1) called at a probability."""
        called = membrane(logits[..., 0], threshold)
        known = self.known
        return pixel_scores(counted(known, self.truth), counted(known, called)).membrane_iou


def crops_of(task: Task, n_crops: int) -> Crops:
    """Random crops of the training sections; the same for the same seed."""
    rng = np.random.default_rng(task.seed)
    tile = task.network.tile
    pixels, labels, known = sample_crops(task.training, tile, n_crops, rng, augment=False)
    return Crops(pixels, labels[..., 0] > 0.5, None if known is None else known[..., 0])


class Calibration:
    """Makes spiking networks of quantiles of a float network's activations.

    Parameters
    ----------
    lowering : Lowering
        Of rectified-linear units, and what is pooled of them.
    pixels : numpy.ndarray
        As of `Crops`.
    settings : Settings
    """

    def __init__(self, lowering: Lowering, pixels: np.ndarray, settings: Settings):
        self.lowering, self.settings = lowering, settings
        self._stepper = Stepper(lowering.network)
        self._pixels = pixels
        self._values: dict[int, dict[str, np.ndarray]] = {}

    def thresholds(self, quantiles: Mapping[str, float], most_spikes: int) -> dict[str, np.ndarray]:
        """What a spike is worth, by layer, for neurons of so many spikes in a step.

        Raises
        ------
        InputError
            If a layer is silent up to its quantile.
        """
        network, settings = self.lowering.network, self.settings
        by_channel = settings.scales == "channel"
        values = self._activations(most_spikes)
        if settings.as_published:
            return scales.published_thresholds(network, values, quantiles, by_channel)
        share = most_spikes if settings.divided else 1
        return scales.thresholds(network, values, quantiles, by_channel, share)

    def parts(self, quantile: float) -> tuple[Part, ...]:
        """The published parts, each added in turn, all layers at one quantile."""
        settings = self.settings
        every = dict.fromkeys(own_names(self.lowering.network), quantile)
        return parts(
            self.lowering.network,
            self.thresholds(every, 1),
            self.thresholds(every, settings.most_spikes),
            settings.most_spikes,
            settings.allowance,
            settings.as_published,
        )

    def passing(self, neurons: Bursts, steps: Sequence[int]) -> Passing[BurstState]:
        """Simulates the network with such neurons."""
        return Passing(self._stepper, self.lowering.graph, neurons, steps)

    def bursts(self, quantiles: Mapping[str, float]) -> Bursts:
        """Bursts with lateral pooling, no spike taken back: what quantiles are searched for."""
        most_spikes = self.settings.most_spikes
        return Bursts(self.thresholds(quantiles, most_spikes), most_spikes, NEVER)

    def _activations(self, most_spikes: int) -> dict[str, np.ndarray]:
        key = most_spikes if self.settings.as_published else 0
        if key not in self._values:
            network = self.lowering.network
            self._values[key] = (
                scales.published_activations(network, self._pixels, most_spikes)
                if self.settings.as_published
                else scales.activations(network, self._pixels)
            )
        return self._values[key]
