"""Neurons in floats. In simulation only: the chip's are those of `loihiseg.conversion.neuron`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from loihiseg.frameworks import tf

from loihiseg.conversion.spec import SpikingLayer

Reset = Literal["subtract", "zero"]
"""What a spike does to the membrane: it loses the threshold for each, or goes to 0."""

LEAST_DEBT = 1e-3
"""A signed neuron takes a spike back where its membrane is so far below 0, in units of the input.

As in the code of the authors of Fast-SNN; it keeps rounding from taking spikes back.
"""


class Neurons(Protocol):
    """What the neurons of every layer do, as `loihiseg.simulation.network` takes it."""

    def amplitude(self, layer: SpikingLayer) -> float:
        """What one spike of a layer is worth, in units of its activation; above 0."""

    def spikes(self, layer: SpikingLayer, currents: tf.Tensor) -> tf.Tensor:
        """Spikes of a layer for its input.

        Parameters
        ----------
        layer : SpikingLayer
        currents : tf.Tensor
            float32, (steps, batch, rows, columns, channels): input of each step.

        Returns
        -------
        tf.Tensor
            float32, the same shape: whole numbers of spikes, below 0 for those taken back.
        """


@dataclass(frozen=True, eq=False)
class IntegrateAndFire:
    """Neurons without leak, one threshold per layer; see `integrate_and_fire`.

    Attributes
    ----------
    thresholds : mapping of str to float
        By layer; above 0. What a spike is worth, too.
    signed : bool
        Whether neurons take back spikes that were too many.
    reset : Reset
    most_spikes : int
        In one step, at least 1: more are bursts.
    start : float
        Membrane before the first step, in thresholds.
    """

    thresholds: Mapping[str, float]
    signed: bool = False
    reset: Reset = "subtract"
    most_spikes: int = 1
    start: float = 0.5

    def amplitude(self, layer: SpikingLayer) -> float:
        """The layer's threshold."""
        return self.thresholds[layer.name]

    def spikes(self, layer: SpikingLayer, currents: tf.Tensor) -> tf.Tensor:
        """As of `Neurons`."""
        return integrate_and_fire(
            currents,
            self.thresholds[layer.name],
            self.signed,
            reset=self.reset,
            most_spikes=self.most_spikes,
            start=self.start,
        )


def integrate_and_fire(
    currents: tf.Tensor,
    threshold: float,
    signed: bool = True,
    *,
    reset: Reset = "subtract",
    most_spikes: int = 1,
    start: float = 0.5,
) -> tf.Tensor:
    """Spikes of neurons without leak.

    Parameters
    ----------
    currents : tf.Tensor
        float32, (steps, ...): input of each step.
    threshold : float
        Above 0, and what a spike is worth.
    signed : bool
        Whether a neuron takes back spikes that were too many.
    reset : Reset
    most_spikes : int
        In one step.
    start : float
        Membrane before the first step, in thresholds.

    Returns
    -------
    tf.Tensor
        The same shape: spikes of each step, -1 for one taken back. The sum over steps is never
        negative. At a constant input x and by default it is
        ``clip(floor(steps * x / threshold + 1/2), 0, steps)``, the level of
        `loihiseg.network.quantized.quantized_relu` with as many levels as steps.

    Notes
    -----
    In each step the membrane gains the input; as often as it holds the threshold the neuron spikes,
    up to ``most_spikes`` times, and is reset. A signed neuron whose membrane is at or below
    ``-LEAST_DEBT`` sends a negative spike and gains the threshold (or goes to 0, as ``reset``
    says), unless all of its spikes are taken back already.
    """
    threshold = tf.cast(threshold, currents.dtype)
    voltage = tf.fill(tf.shape(currents[0]), threshold * start)
    count = tf.zeros_like(currents[0])
    spikes = []
    for current in tf.unstack(currents):
        voltage += current
        if most_spikes == 1:
            spike = tf.cast(voltage >= threshold, currents.dtype)
        else:
            spike = tf.clip_by_value(tf.floor(voltage / threshold), 0.0, float(most_spikes))
        if signed:
            back = (voltage <= -LEAST_DEBT) & (count > 0)
            spike -= tf.cast(back, currents.dtype)
        if reset == "subtract":
            voltage -= threshold * spike
        else:
            voltage = tf.where(tf.equal(spike, 0.0), voltage, tf.zeros_like(voltage))
        count += spike
        spikes.append(spike)
    return tf.stack(spikes)
