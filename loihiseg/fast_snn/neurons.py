"""Integrate-and-fire neurons of Fast-SNN. In simulation only: Loihi 1 cannot run them."""

from loihiseg.frameworks import tf

LEAST_DEBT = 1e-3
"""A signed neuron takes a spike back where its membrane is so far below 0, in units of the input.

As in the authors' code; it keeps rounding from taking spikes back.
"""


def integrate_and_fire(currents, scale, signed=True):
    """Spikes of neurons without leak.

    Parameters
    ----------
    currents : tensor, shape (steps, ...), float32
        Input of each step.
    scale : float
        Threshold, and what a spike is worth: alpha of the quantized activation.
    signed : bool
        Whether a neuron takes back spikes that were too many.

    Returns
    -------
    tensor, same shape
        1 for a spike, -1 for one taken back, else 0. The sum over steps is never negative. At a
        constant input x it is ``clip(floor(steps * x / scale + 1/2), 0, steps)``, the level of
        `loihiseg.network.quantized.quantized_relu` with as many levels as steps.

    Notes
    -----
    The membrane starts at half the threshold. In each step it gains the input; at or above the
    threshold the neuron spikes, and loses the threshold. A signed neuron whose membrane is at or
    below ``-LEAST_DEBT`` sends a negative spike and gains the threshold, unless all of its spikes
    are taken back already.
    """
    scale = tf.cast(scale, currents.dtype)
    voltage = tf.fill(tf.shape(currents[0]), scale / 2)
    count = tf.zeros_like(currents[0])
    spikes = []
    for current in tf.unstack(currents):
        voltage += current
        spike = tf.cast(voltage >= scale, currents.dtype)
        if signed:
            back = (voltage <= -LEAST_DEBT) & (count > 0)
            spike -= tf.cast(back, currents.dtype)
        voltage -= scale * spike
        count += spike
        spikes.append(spike)
    return tf.stack(spikes)
