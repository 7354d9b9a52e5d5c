"""Weights that no chip can compute with, refused before anything is made of them."""

from collections.abc import Iterator

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.errors import InputError

LARGEST = 1e30
"""Above, products of two layers' weights leave float32."""


def check_weights(model: tf.keras.Model) -> None:
    """That all weights of a model are numbers that carry something on.

    Parameters
    ----------
    model : tf.keras.Model

    Raises
    ------
    InputError
        Names every layer with weights that are not finite or too large, with a kernel that is
        wholly 0, or with a variance below 0.
    """
    faults = [f"layer {name}" for layer in model.layers for name in _faults(layer)]
    if faults:
        raise InputError("; ".join(faults), faults)


def _faults(layer: tf.keras.layers.Layer) -> Iterator[str]:
    called = f"'{layer.name}' ({type(layer).__name__})"
    for weight in layer.weights:
        name = weight.name.rsplit("/", 1)[-1].split(":", 1)[0]
        values = np.asarray(weight.numpy())
        if not np.issubdtype(values.dtype, np.floating) or not values.size:
            continue
        n_bad = int(np.count_nonzero(~np.isfinite(values)))
        if n_bad:
            yield (
                f"{called}: {n_bad:,} of {values.size:,} values of its {name} are not finite; "
                "train it anew, with a smaller learning rate or from an earlier checkpoint"
            )
        elif np.abs(values).max() > LARGEST:
            yield f"{called}: its {name} reaches {np.abs(values).max():.3g}, at most {LARGEST:g}"
        elif name == "kernel" and not values.any():
            yield (
                f"{called}: its {name} is wholly 0, so that nothing of the image passes it; "
                "train it, or leave the layer out"
            )
        elif name == "moving_variance" and values.min() + layer.epsilon <= 0:
            yield f"{called}: its {name} reaches {values.min():.3g}, expected 0 or more"
