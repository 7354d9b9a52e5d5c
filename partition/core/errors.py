"""Errors of the mapping steps."""

from collections.abc import Iterable


class PartitionError(Exception):
    """A network, graph or option that cannot be mapped. The message is one line.

    Attributes
    ----------
    exit_code : int
        That a command ends with.
    violations : tuple of str
        Where there are several problems, each of them.
    """

    exit_code = 2

    def __init__(self, message: str, violations: Iterable[str] = ()):
        super().__init__(message)
        self.violations = tuple(violations)


class DoesNotFitError(PartitionError):
    """A network needs more of the hardware than there is.

    Attributes
    ----------
    violations : tuple of str
        Every limit that is exceeded: the layer or block, the value, the limit, the remedy.
    layers : tuple of str
        Layers that are in the way, the worst first, where they are known.
    remedies : tuple of partition.shapes.remedies.Remedy
        Changes that were tried and fit.
    """

    exit_code = 4

    def __init__(
        self,
        message: str,
        violations: Iterable[str] = (),
        layers: Iterable[str] = (),
        remedies: Iterable[object] = (),
    ):
        super().__init__(message, violations)
        self.layers = tuple(layers)
        self.remedies = tuple(remedies)
