"""A network over time that goes on as one of fewer steps, or of layers that rest."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from loihiseg.network.config import UNetConfig
from loihiseg.through_time.settings import Form, ThroughTime
from loihiseg.through_time.structure import timed, wires
from loihiseg.through_time.weight_shapes import NORM, SHIFT, weight_shapes_over_time


def can_go_on(before: ThroughTime, after: ThroughTime) -> bool:
    """Whether weights of one network suit another: of fewer steps, rests or dynamics."""
    same = replace(before, steps=after.steps, dynamics=after.dynamics, rests=after.rests)
    return same == after and before.steps >= after.steps and before.rests <= after.rests


def last_steps(
    weights: Mapping[str, np.ndarray],
    config: UNetConfig,
    before: ThroughTime,
    after: ThroughTime,
    form: Form,
) -> dict[str, np.ndarray]:
    """Weights of a network, of the last steps of each layer alone.

    Deep layers fire least in their first step, before voltages have risen: it is what can be
    missed. Lags do not depend on the number of steps, so that what is left hears what it did.
    Layers that begin to rest come back from their floor: the shift of the step in which they do
    makes up for what the leak leaves of that.

    Parameters
    ----------
    weights : mapping of str to numpy.ndarray
        By name.
    config : UNetConfig
        Of both networks.
    before, after : ThroughTime
        As of `can_go_on`.
    form : str
        Of both.
    """
    shapes = weight_shapes_over_time(config, after, form)
    found = {
        name: np.array(weights[name][-shape[0] :] if _differs(weights[name], shape)
                       else weights[name])
        for name, shape in shapes.items()
    }  # fmt: skip
    if after.rests and not before.rests:
        rise = -after.dynamics.floor * after.dynamics.kept
        for layer in timed(wires(config, after.residual), after.steps, after.delayed):
            back = [step + 1 for step in layer.idle if step + 1 not in layer.idle]
            for part in (f"{layer.name}{SHIFT}/shift:0", f"{layer.name}{NORM}/beta:0"):
                if part in found and len(found[part]) == layer.steps:
                    found[part][back] += np.float32(rise)
    return found


def _differs(values: np.ndarray, shape: tuple[int, ...]) -> bool:
    return values.shape != shape
