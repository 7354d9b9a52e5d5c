"""Weights that no chip can compute with, refused before anything is made of them."""

from collections.abc import Iterator

import numpy as np

from loihiseg.conversion.lowering.graph import Step

LARGEST = 1e30
"""Above, products of two layers' weights leave float32."""


def weight_faults(step: Step) -> Iterator[str]:
    """What is wrong with a layer's weights; continues its name.

    They are finite and not too large, a kernel is not wholly 0, and a variance not below 0.
    """
    for name, values in step.weights.items():
        if not values.size:
            continue
        n_bad = int(np.count_nonzero(~np.isfinite(values)))
        if n_bad:
            yield (
                f"{n_bad:,} of {values.size:,} values of its {name} are not finite; "
                "train it anew, with a smaller learning rate or from an earlier checkpoint"
            )
        elif np.abs(values).max() > LARGEST:
            yield f"its {name} reaches {np.abs(values).max():.3g}, at most {LARGEST:g}"
        elif name.endswith("kernel") and not values.any():
            yield (
                f"its {name} is wholly 0, so that nothing of the image passes it; "
                "train it, or leave the layer out"
            )
        elif name == "moving_variance":
            if values.min() + step.arguments.get("epsilon", 1e-3) <= 0:
                yield f"its {name} reaches {values.min():.3g}, expected 0 or more"
