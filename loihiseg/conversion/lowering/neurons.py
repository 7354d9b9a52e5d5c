"""Which layers are neurons, and what they are."""

import numpy as np

from loihiseg.conversion.lowering.convolutions import weight
from loihiseg.conversion.lowering.graph import Step
from loihiseg.conversion.lowering.settings import INSIDE, activation
from loihiseg.conversion.lowering.windows import NotPlacedError
from loihiseg.conversion.neuron import Neuron
from loihiseg.conversion.neuron_kinds import Quantized, Rectified

LEAST_SCALE = np.float32(1e-4)
"""As of `loihiseg.network.quantized.QuantizedReLU`, which this room does without TensorFlow."""

NO_EFFECT = (
    "Dropout", "SpatialDropout2D", "AlphaDropout", "GaussianDropout", "GaussianNoise",
    "ActivityRegularization", "Identity",
)  # fmt: skip
"""Layers that do nothing once a network is trained."""


def spikes(step: Step) -> bool:
    """Whether a layer's output is the activation of neurons."""
    arguments = step.arguments
    if step.fault:
        return False
    match step.kind:
        case "LoihiReLU" | "QuantizedReLU" | "EqualLevels":
            return True
        case "ReLU":
            bends = arguments.get("negative_slope") or arguments.get("threshold")
            return arguments.get("max_value") is None and not bends
        case "LeakyReLU":
            return arguments.get("alpha", 0.3) == 0
        case "ThresholdedReLU":
            return arguments.get("theta", 1.0) == 0
        case "Activation":
            return activation(step) == "relu"
    return step.kind in INSIDE and activation(step) == "relu"


def passes_on(step: Step) -> bool:
    """Whether a layer has no effect."""
    if step.fault:
        return False
    linear = step.kind == "Activation" and activation(step) == "linear"
    return step.kind in NO_EFFECT or linear


def neuron_of(step: Step) -> Neuron:
    """What a layer that `spikes` asks of neurons."""
    if step.kind == "QuantizedReLU":
        alpha = weight(step, "alpha")
        if alpha.shape != ():
            raise NotPlacedError(f"has an alpha of shape {alpha.shape}; expected one number")
        levels = int(step.arguments.get("levels", 3))
        return Quantized(levels, float(max(np.float32(alpha), LEAST_SCALE)) / levels)
    if step.kind == "LoihiReLU":
        return Rectified(bool(step.arguments.get("staircase", True)))
    return Rectified(False)


def rate_of_one_hz(step: Step, default: float) -> float:
    """Firing rate of an activation of 1."""
    if step.kind == "LoihiReLU":
        return float(step.arguments.get("rate_scale_hz", 100.0))
    return default
