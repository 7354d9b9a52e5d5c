"""Activations that are no rectified sums: which function a layer is, and which are neurons.

A function that never falls can be had by neurons of levels: behind it stands an `EqualLevels` that
rounds it, or its levels are found later. A function alone has no neurons.
"""

import numpy as np

from loihiseg.conversion.lowering.convolutions import weight
from loihiseg.conversion.lowering.graph import Graph, Step
from loihiseg.conversion.lowering.neurons import passes_on, spikes
from loihiseg.conversion.lowering.settings import INSIDE, KerasShape, activation, image
from loihiseg.conversion.lowering.windows import NotPlacedError
from loihiseg.conversion.monotone import Monotone
from loihiseg.conversion.stepwise import Stepwise, stepwise

LEAST_RANGE = np.float32(1e-4)
"""As of `loihiseg.network.equal_levels`, which this room does without TensorFlow."""

ROUNDED = "EqualLevels"

OF_FLOATS = (
    "has values that no firing rate stands for; use a ReLU, or a code of levels: with an "
    "EqualLevels right behind it, and nothing else, or with levels without training"
)

_SELF = {"Conv2D", "Conv2DTranspose", "EightBitConv2D", "EightBitConv2DTranspose"}
_WEIGHTED = {*INSIDE, *_SELF}

_NAMED = {
    "relu": Monotone("relu"),
    "relu6": Monotone("relu", highest=6.0),
    "leaky_relu": Monotone("relu", (0.2,)),
    "elu": Monotone("elu", (1.0,)),
    "selu": Monotone("selu"),
    "celu": Monotone("celu", (1.0,)),
    "sigmoid": Monotone("sigmoid"),
    "hard_sigmoid": Monotone("clipped", (0.2,), shift=0.5, lowest=0.0, highest=1.0),
    "hard_sigmoid_of_sixths": Monotone("clipped", (1 / 6,), shift=0.5, lowest=0.0, highest=1.0),
    "hard_tanh": Monotone("clipped", (1.0,), lowest=-1.0, highest=1.0),
    "tanh": Monotone("tanh"),
    "softplus": Monotone("softplus"),
    "softsign": Monotone("softsign"),
    "exponential": Monotone("exponential"),
    "log_sigmoid": Monotone("log_sigmoid"),
}
"""Activations by the names that `loihiseg.conversion.keras_file.parts` gives them."""

LAYERS = ("ReLU", "LeakyReLU", "PReLU", "ELU", "ThresholdedReLU")


def is_function(step: Step) -> bool:
    """Whether a layer ends with a function of single values that never falls."""
    if step.fault:
        return False
    if step.kind in LAYERS:
        return True
    return step.kind in (*INSIDE, "Activation") and activation(step) in _NAMED


def function_of(step: Step, shape: KerasShape) -> Monotone:
    """The function that a layer for which `is_function` holds ends with.

    Parameters
    ----------
    step : Step
    shape : tuple of int
        Of what it gives, without the batch.

    Raises
    ------
    NotPlacedError
        If it falls somewhere, or differs from pixel to pixel.
    """
    said = step.arguments.get
    match step.kind:
        case "ReLU":
            highest, slope = said("max_value"), float(said("negative_slope") or 0.0)
            threshold = float(said("threshold") or 0.0)
            if highest is not None:
                highest = float(highest)
            return Monotone("relu", (slope,), threshold, highest=highest)
        case "LeakyReLU":
            return Monotone("relu", (_risen(float(said("alpha", 0.3)), "alpha"),))
        case "ThresholdedReLU":
            return Monotone("relu", threshold=_risen(float(said("theta", 1.0)), "theta"))
        case "ELU":
            return Monotone("elu", (_risen(float(said("alpha", 1.0)), "alpha"),))
        case "PReLU":
            return Monotone("relu", _slopes(step, shape))
    return _NAMED[activation(step)]


def _highest_of_relu(step: Step) -> float | None:
    """What a plain ReLU with a maximum gives at most; None of all other functions."""
    if not is_function(step):
        return None
    if step.kind == "ReLU":
        bends = step.arguments.get("negative_slope") or step.arguments.get("threshold")
        highest = None if bends else step.arguments.get("max_value")
    else:
        name = "" if step.kind in LAYERS else activation(step)
        highest = _NAMED[name].highest if name == "relu6" else None
    return float(highest) if highest else None


def _risen(value: float, name: str) -> float:
    if value < 0:
        raise NotPlacedError(f"has {name} {value:g} and falls below 0; use one of at least 0")
    return value


def _slopes(step: Step, shape: KerasShape) -> tuple[float, ...]:
    """Of a PReLU, by channel."""
    alpha = weight(step, "alpha")
    try:
        every = np.broadcast_to(alpha, shape).reshape(image(shape))
    except ValueError:
        raise NotPlacedError(f"has an alpha of shape {alpha.shape} for {shape}") from None
    slopes = every[0, 0]
    if (every != slopes).any():
        raise NotPlacedError(
            "has an alpha for every pixel, neurons one for each channel; use shared_axes=[1, 2]"
        )
    if (slopes < 0).any():
        raise NotPlacedError(
            f"has an alpha below 0 in {int((slopes < 0).sum()):,} of {len(slopes):,} channels, "
            "where it falls; train it with alpha_constraint='non_neg'"
        )
    return tuple(float(slope) for slope in slopes)


def rounded(step: Step, function: Monotone) -> Stepwise:
    """The activation of an `EqualLevels` behind a function.

    Raises
    ------
    NotPlacedError
        If its range is none, or lies beside what the function gives.
    """
    low, high = (weight(step, name) for name in ("low", "high"))
    if low.shape != () or high.shape != ():
        raise NotPlacedError(
            f"has a range of shapes {low.shape} and {high.shape}, expected numbers"
        )
    high = np.maximum(np.float32(high), np.float32(low) + LEAST_RANGE)
    try:
        return stepwise(function, int(step.arguments.get("levels", 3)), float(low), float(high))
    except ValueError as error:
        raise NotPlacedError(str(error)) from None


def taken_by_levels(graph: Graph) -> set[str]:
    """Functions, plain ReLU among them, that nothing but `EqualLevels` hears."""
    heard_by: dict[str, list[Step]] = {}
    for step in graph.steps.values():
        for source in step.sources:
            heard_by.setdefault(source, []).append(step)
    ends = set(graph.outputs.values())

    def rounds_all(name: str) -> bool:
        hearers = heard_by.get(name, [])
        return (
            bool(hearers)
            and name not in ends
            and all(
                step.kind == ROUNDED or (passes_on(step) and rounds_all(step.name))
                for step in hearers
            )
        )

    return {name for name, step in graph.steps.items() if is_function(step) and rounds_all(name)}


def inner_functions(graph: Graph) -> set[str]:
    """Functions that are no neurons yet and behind which a layer with weights stands."""
    ends = [name for name, step in graph.steps.items() if step.kind in _WEIGHTED]
    sources = [source for name in ends for source in graph.steps[name].sources]
    before = set(graph.behind(sources))
    return {
        name
        for name, step in graph.steps.items()
        if name in before and is_function(step) and not spikes(step)
    }


def highest_values(graph: Graph, names: set[str]) -> dict[str, float]:
    """What those of some functions give at most that are a plain ReLU with a maximum, by name."""
    found = {name: _highest_of_relu(graph.steps[name]) for name in sorted(names)}
    return {name: highest for name, highest in found.items() if highest is not None}
