"""What it costs when one layer alone has fewer levels."""

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.network.quantized import QuantizedReLU
from loihiseg.training.carry_over import best_scale

BATCH = 8


def layer_sensitivity(
    model: tf.keras.Model,
    pixels: np.ndarray,
    membrane: np.ndarray,
    choices: tuple[int, ...] = (1, 2, 3),
) -> dict[str, dict[int, float]]:
    """Loss of a quantized network when a single layer has fewer levels, without training.

    Parameters
    ----------
    model : tf.keras.Model
        Functional, with `QuantizedReLU` activations; from pixels to one map of logits.
    pixels : array, float32, (n, rows, columns, 1)
        Crops of training sections.
    membrane : array, (n, rows, columns, 1)
        1 where there is membrane.
    choices : tuple of int
        Levels to try, at least 1. Those above a layer's own are left out.

    Returns
    -------
    dict of str to dict of int to float
        By layer and levels, descending: mean cross-entropy per pixel in nats. The first entry
        of each is the network as it is. The scale of the layer is fitted to its former
        values.
    """
    pixels, membrane = np.asarray(pixels, np.float32), np.asarray(membrane, np.float32)
    layers = [layer for layer in model.layers if isinstance(layer, QuantizedReLU)]
    as_it_is = _loss(model, pixels, membrane)
    found = {}
    for layer in layers:
        inner = tf.keras.Model(model.inputs, [layer.input, layer.output])
        before, after = inner.predict(pixels, batch_size=BATCH, verbose=0)
        found[layer.name] = {layer.levels: as_it_is}
        for levels in sorted(set(choices), reverse=True):
            if levels < layer.levels:
                scale = best_scale(before, after, levels)
                changed = with_levels(model, {layer.name: levels}, {layer.name: scale})
                found[layer.name][levels] = _loss(changed, pixels, membrane)
    return found


def with_levels(
    model: tf.keras.Model, levels: dict[str, int], scales: dict[str, float]
) -> tf.keras.Model:
    """A copy of a model in which the layers named have other levels and scales."""

    def copy(layer: tf.keras.layers.Layer) -> tf.keras.layers.Layer:
        config = layer.get_config()
        if layer.name in levels:
            config["levels"] = levels[layer.name]
        return type(layer).from_config(config)

    changed = tf.keras.models.clone_model(model, clone_function=copy)
    changed.set_weights(model.get_weights())
    for name, scale in scales.items():
        changed.get_layer(name).alpha.assign(scale)
    return changed


def _loss(model: tf.keras.Model, pixels: np.ndarray, membrane: np.ndarray) -> float:
    logits = model.predict(pixels, batch_size=BATCH, verbose=0)
    return float(np.mean(np.logaddexp(0, logits) - logits * membrane, dtype=np.float64))
