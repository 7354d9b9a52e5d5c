"""Batch normalizations written into the kernels and biases before them."""

import numpy as np

_PARTS = ("gamma", "beta", "moving_mean", "moving_variance")


def fold_batch_norm(
    weights: dict[str, np.ndarray], epsilon: float, transposed: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """Fold every batch normalization of a network into the convolution it follows.

    Parameters
    ----------
    weights : dict of str to numpy.ndarray
        By name; the normalization of the convolution ``x`` is ``x_norm``.
    epsilon : float
        Of the normalizations.
    transposed : tuple of str
        Names of the transposed convolutions, whose kernels have the last two axes swapped.

    Returns
    -------
    dict of str to numpy.ndarray
        The weights of the network without normalizations. At inference it gives the same, up to
        rounding: with ``f = gamma / sqrt(variance + epsilon)`` the kernel is ``f * kernel``, the
        bias ``f * (bias - mean) + beta``.
    """
    folded = {name: value for name, value in weights.items() if "_norm/" not in name}
    for name in weights:
        if not name.endswith("_norm/gamma:0"):
            continue
        layer = name.removesuffix("_norm/gamma:0")
        gamma, beta, mean, variance = (
            weights[f"{layer}_norm/{part}:0"].astype(np.float64) for part in _PARTS
        )
        factor = gamma / np.sqrt(variance + epsilon)
        kernel, bias = f"{layer}/kernel:0", f"{layer}/bias:0"
        by_channel = factor[:, None] if layer in transposed else factor
        folded[kernel] = (weights[kernel] * by_channel).astype(np.float32)
        folded[bias] = (factor * (weights[bias] - mean) + beta).astype(np.float32)
    return folded
