"""How neurons that integrate and fire do so at constant input, in numpy."""

import numpy as np

DT_S = 0.001
"""Length of a step in seconds."""


def loihi_rate(current_hz: np.ndarray) -> np.ndarray:
    """Firing rate, Hz, float32, of the chip's neuron at constant input.

    ``1 / (dt * ceil(1 / (dt * current)))``, 0 where the current is not positive; see
    `loihiseg.network.activations.loihi_rate`.
    """
    positive = current_hz > 0
    safe = np.where(positive, current_hz, np.float32(1))
    dt_s, one = np.float32(DT_S), np.float32(1)
    return np.where(positive, one / (dt_s * np.ceil(one / (dt_s * safe))), np.float32(0))


def rectified_spikes(current: np.ndarray, n_steps: int, dt_s: float = DT_S) -> np.ndarray:
    """Spikes of ``nengo_loihi.neurons.LoihiSpikingRectifiedLinear`` at constant input.

    Parameters
    ----------
    current : numpy.ndarray
        float64, (n,), in Hz.
    n_steps : int
    dt_s : float

    Returns
    -------
    numpy.ndarray
        bool, (n_steps, n).
    """
    step = current * dt_s
    # Others stay at rest: at constant input no voltage is above 0 that falls.
    (driven,) = np.nonzero(step > 0)
    step = step[driven]
    voltage = np.zeros_like(step)
    fired = np.zeros((n_steps, len(current)), bool)
    for t in range(n_steps):
        voltage += step
        above = voltage > 1
        fired[t, driven] = above
        np.copyto(voltage, 0, where=above)
    return fired
