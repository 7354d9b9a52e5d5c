"""BNTT's settings as published, for comparison: in simulation only."""

from loihiseg.through_time.settings import WHOLE_VOLTAGE, Dynamics, Surrogate, ThroughTime

LEAK = 0.95
"""Of the voltage, left after a step, for CIFAR-10; 0.99 for CIFAR-100 and in segmentation."""

LOWEST = -1e3
"""Published neurons have no floor."""


def published(steps: int, leak: float = LEAK) -> ThroughTime:
    """A network over time as the paper trains it.

    Parameters
    ----------
    steps : int
        25 for CIFAR-10 there, 20 in segmentation by the same laboratory.
    leak : float
        Rounded to the chip's 12 bits.
    """
    decay = round((1.0 - leak) * WHOLE_VOLTAGE)
    surrogate = Surrogate("triangle", 1.0, 0.3)
    return ThroughTime(steps, False, "bntt", Dynamics(decay, LOWEST, "soft", surrogate))
