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
    voltage = np.zeros_like(current)
    step = current * dt_s
    fired = np.empty((n_steps, len(current)), bool)
    for t in range(n_steps):
        voltage += step
        np.greater(voltage, 1, out=fired[t])
        voltage[voltage < 0] = 0
        voltage[fired[t]] = 0
    return fired
