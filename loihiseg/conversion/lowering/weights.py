"""Weights that no chip can compute with, refused before anything is made of them."""

from collections.abc import Iterator

import numpy as np

from loihiseg.conversion.lowering.graph import Step
from loihiseg.conversion.lowering.settings import pair

LARGEST = 1e30
"""Above, products of two layers' weights leave float32."""


def weight_faults(step: Step) -> Iterator[str]:
    """What is wrong with a layer's weights; continues its name.

    They are finite and not too large, a kernel is not wholly 0, and a variance not below 0. Their
    shapes are asked by `shape_faults`.
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


def shape_faults(step: Step) -> Iterator[str]:
    """What is wrong with the shapes of a layer's weights by its settings; continues its name.

    What its input must be for them is asked where it is lowered.
    """
    for name, expected in _shapes(step).items():
        found = step.weights.get(name)
        if found is not None and not _fits(found.shape, expected):
            wanted = ", ".join("any" if n is None else str(n) for n in expected)
            yield f"its {name} has the shape {found.shape}; ({wanted}) belongs to its settings"
    if step.kind == "BatchNormalization":
        lengths = {values.shape for values in step.weights.values()}
        if len(lengths) > 1 or any(len(shape) != 1 for shape in lengths):
            shown = ", ".join(f"{name} {values.shape}" for name, values in step.weights.items())
            yield f"its weights have the shapes {shown}; expected one length for all"


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return len(shape) == len(expected) and all(
        n >= 1 and (wanted is None or n == wanted)
        for n, wanted in zip(shape, expected, strict=True)
    )


def _shapes(step: Step) -> dict[str, tuple[int | None, ...]]:
    """Shapes of weights as settings give them; None is any length."""
    said = step.arguments.get
    filters, size = said("filters"), pair(step, "kernel_size", 1)
    depthwise = (*size, None, said("depth_multiplier", 1))
    match step.kind:
        case "Conv2D":
            return {"kernel": (*size, None, filters), "bias": (filters,)}
        case "Conv2DTranspose":
            return {"kernel": (*size, filters, None), "bias": (filters,)}
        case "DepthwiseConv2D":
            return {"depthwise_kernel": depthwise, "bias": (None,)}
        case "SeparableConv2D":
            pointwise = (1, 1, None, filters)
            return {
                "depthwise_kernel": depthwise, "pointwise_kernel": pointwise, "bias": (filters,)
            }  # fmt: skip
        case "Dense":
            return {"kernel": (None, said("units")), "bias": (said("units"),)}
        case "QuantizedReLU":
            return {"alpha": ()}
        case "EqualLevels":
            return {"low": (), "high": ()}
    return {}
