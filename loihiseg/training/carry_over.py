"""From one network to the next of a progressive training: folded weights, fitted scales."""

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.network.activations import LoihiReLU
from loihiseg.network.folding import fold_batch_norm
from loihiseg.network.quantized import QuantizedReLU
from loihiseg.network.unet import NORM

SAMPLES = 200_000
"""Units of a layer that its scale is fitted to."""

_SHARES = np.geomspace(0.02, 1.2, 120)


def best_scale(pre_activation: np.ndarray, wanted: np.ndarray, levels: int) -> float:
    """Scale of a quantized activation that comes closest to wanted values.

    Parameters
    ----------
    pre_activation, wanted : array, same shape
    levels : int

    Returns
    -------
    float
        Of 120 scales up to 1.2 times the largest wanted value, that of the least squared
        error; 1 where nothing but 0 is wanted.
    """
    x = np.asarray(pre_activation, np.float32).ravel()
    y = np.asarray(wanted, np.float32).ravel()
    stride = -(-x.size // SAMPLES)
    x, y = x[::stride], y[::stride]
    top = float(y.max(initial=0))
    if top <= 0:
        return 1.0

    def error(alpha: float) -> float:
        step = np.float32(alpha / levels)
        return np.square(step * np.clip(np.floor(x / step + 0.5), 0, levels) - y).mean()

    return float(min(top * _SHARES, key=error))


def carry_over(old: tf.keras.Model, new: tf.keras.Model, crops: np.ndarray) -> None:
    """Put the weights of one U-Net into another with other levels.

    Batch normalizations that the new network lacks are folded. Those that the old network lacks
    get the means and variances of the crops and take nothing away: what is normalized is scaled
    and moved back. Where the levels of an activation are not those it had, its scale is fitted
    anew: the quantized values come as close as they can to what the old network gives on the
    crops.

    Parameters
    ----------
    old, new : tf.keras.Model
        Of `loihiseg.network.unet.build_unet`, with the same channels.
    crops : array, float32, (batch, rows, columns, 1)
        In the size of the old network.
    """
    weights = {weight.name: weight.numpy() for weight in old.weights}
    normalized = any("_norm/" in name for name in weights)
    wanted = any("_norm/" in weight.name for weight in new.weights)
    if wanted and not normalized:
        weights |= _neutral_norms(old, crops)
    elif normalized and not wanted:
        transposed = [x.name for x in old.layers if isinstance(x, tf.keras.layers.Conv2DTranspose)]
        weights = fold_batch_norm(weights, NORM["epsilon"], tuple(transposed))
    weights |= _fitted_scales(old, new, crops)
    for variable in new.weights:
        variable.assign(weights[variable.name])


def _neutral_norms(old: tf.keras.Model, crops: np.ndarray) -> dict[str, np.ndarray]:
    """Weights of normalizations that change nothing at inference, by name."""
    layers = [x for x in old.layers if isinstance(x, (LoihiReLU, QuantizedReLU))]
    inner = tf.keras.Model(old.inputs, [x.input for x in layers])
    found: dict[str, np.ndarray] = {}
    for layer, x in zip(layers, inner.predict(crops, verbose=0)):
        mean, variance = x.mean((0, 1, 2), dtype=np.float64), x.var((0, 1, 2), dtype=np.float64)
        values = {
            "gamma": np.sqrt(variance + NORM["epsilon"]),
            "beta": mean,
            "moving_mean": mean,
            "moving_variance": variance,
        }
        name = layer.name.removesuffix("_spikes")
        found |= {f"{name}_norm/{key}:0": np.asarray(v, np.float32) for key, v in values.items()}
    return found


def _fitted_scales(
    old: tf.keras.Model, new: tf.keras.Model, crops: np.ndarray
) -> dict[str, np.float32]:
    """Scales of the new activations that cannot be those of the old, by weight name."""
    before = {x.name: x for x in old.layers if isinstance(x, (LoihiReLU, QuantizedReLU))}
    changed = [
        layer
        for layer in new.layers
        if isinstance(layer, QuantizedReLU)
        and getattr(before[layer.name], "levels", 0) != layer.levels
    ]
    if not changed:
        return {}
    layers = [before[layer.name] for layer in changed]
    watched = tf.keras.Model(old.inputs, [(x.input, x.output) for x in layers])
    return {
        layer.alpha.name: np.float32(best_scale(x, y, layer.levels))
        for layer, (x, y) in zip(changed, watched.predict(crops, verbose=0))
    }
