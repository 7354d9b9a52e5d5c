"""How many neurons of a layer fire in the wanted range: of all, over padding too."""

import numpy as np

from loihiseg.errors import InputError
from loihiseg.results.layers import LayerRates

# The range that Patel et al. (2021), arXiv:2106.08921, regularise to.
TARGET_LOW_HZ = 50.0
TARGET_HIGH_HZ = 200.0

# A rate from spike counts or from float32 arithmetic (1 / 0.005 s) may miss 200 Hz by rounding,
# and the chip's rates 1000/n Hz lie exactly on the limits of the range.
RELATIVE_TOLERANCE = 1e-5

HISTOGRAM_BIN_HZ = 10.0
HISTOGRAM_LAST_HZ = 1000.0  # one spike per compartment and step of 1 ms


def layer_rates(
    layer: str,
    rates_hz: np.ndarray,
    percentile: float = 99.5,
    low_hz: float = TARGET_LOW_HZ,
    high_hz: float = TARGET_HIGH_HZ,
) -> LayerRates:
    """Summarise the firing rates of a layer against a wanted range.

    Parameters
    ----------
    layer : str
        Name, copied into the result.
    rates_hz : (n_samples, n_neurons) float array
        Rate of each neuron on each sample, in Hz.
    percentile : float
        0..100, taken with linear interpolation between samples [1]_.
    low_hz, high_hz : float
        Wanted range, both ends included (with a relative tolerance of 1e-5 for rounding).

    Returns
    -------
    LayerRates

    Raises
    ------
    InputError
        If the array is not a non-empty two-dimensional one of finite rates of at least 0, or
        the percentile or the range makes no sense.

    References
    ----------
    .. [1] KerasSpiking, `regularizers.Percentile`: the percentile over samples that the
           training pushes into the range; the range is that of K. Patel et al. (2021),
           arXiv:2106.08921.
    """
    rates_hz = np.asarray(rates_hz)
    _check(layer, rates_hz, percentile, low_hz, high_hz)
    rates_hz = rates_hz.astype(np.float64)
    own_hz = np.percentile(rates_hz, percentile, axis=0)
    in_range = (own_hz >= low_hz * (1 - RELATIVE_TOLERANCE)) & (
        own_hz <= high_hz * (1 + RELATIVE_TOLERANCE)
    )
    active = rates_hz.max(axis=0) > 0
    edges_hz = np.arange(0.0, HISTOGRAM_LAST_HZ + HISTOGRAM_BIN_HZ, HISTOGRAM_BIN_HZ)
    counts, _ = np.histogram(np.minimum(own_hz, HISTOGRAM_LAST_HZ), edges_hz)
    return LayerRates(
        layer=layer,
        percentile=float(percentile),
        n_neurons=rates_hz.shape[1],
        mean_hz=float(rates_hz.mean()),
        percentile_hz=float(np.percentile(rates_hz, percentile)),
        share_in_range=float(in_range.mean()),
        share_in_range_of_active=float(in_range[active].mean()) if active.any() else 0.0,
        silent_share=float(1 - active.mean()),
        low_hz=float(low_hz),
        high_hz=float(high_hz),
        histogram_counts=tuple(counts.tolist()),
        histogram_edges_hz=tuple(edges_hz.tolist()),
    )


def _check(
    layer: str, rates_hz: np.ndarray, percentile: float, low_hz: float, high_hz: float
) -> None:
    if rates_hz.ndim != 2 or rates_hz.size == 0 or rates_hz.dtype.kind not in "fiu":
        raise InputError(
            f"layer {layer!r}: rates have shape {rates_hz.shape}, dtype {rates_hz.dtype}; "
            "they must be numbers, non-empty (samples, neurons)"
        )
    lowest, highest = rates_hz.min(), rates_hz.max()
    if not (lowest >= 0 and np.isfinite(highest)):  # this way round, NaN fails too
        raise InputError(
            f"layer {layer!r}: rates span {lowest}..{highest} Hz; they must be finite, at least 0"
        )
    if not 0 <= percentile <= 100:
        raise InputError(f"layer {layer!r}: percentile {percentile} must lie in 0..100")
    if not 0 <= low_hz <= high_hz < np.inf:
        raise InputError(
            f"layer {layer!r}: range {low_hz}..{high_hz} Hz must be finite and ascend from 0"
        )
