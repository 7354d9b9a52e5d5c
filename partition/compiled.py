"""Inner loops: compiled where numba is installed, run as they are where it is not."""

try:
    from numba import njit
except ImportError:
    njit = None

IS_COMPILED = njit is not None
"""Whether loops run some hundred times faster than plain Python."""


def compiled(function):
    """Decorate a function of arrays and numbers; both ways give the same integers."""
    return njit(nogil=True, cache=True)(function) if IS_COMPILED else function
