"""Axes of a projection: which outputs each source position reaches, by which taps of the kernel.

Rows and columns are analysed on their own, as nengo-loihi 1.1 builds ``nengo.Convolution`` and
``nengo.ConvolutionTranspose`` (``channels_last=True``, ``conv.conv2d_loihi_weights``).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from partition.core.layers import Layer, Projection

Run = tuple[tuple[int, tuple[int, ...]], ...]
"""What reaches a run of outputs: first output and taps for each source position, see `runs`."""


# Compared and hashed by identity: axes are cached, and hashing long tuples would cost more.
@dataclass(frozen=True, eq=False)
class Axis:
    """One axis of a projection: which outputs each source position reaches.

    Attributes
    ----------
    n_targets : int
        Output positions.
    first, taps : (n_sources,) tuples
        First output position reached, and the taps of the kernel used, in order; one tap per
        consecutive output. A position without taps is never used.
    """

    n_targets: int
    first: tuple[int, ...]
    taps: tuple[tuple[int, ...], ...]

    @property
    def n_sources(self) -> int:
        """Source positions."""
        return len(self.taps)


@lru_cache(maxsize=4096)
def axis_of(
    n_sources: int,
    n_targets: int,
    kernel: int,
    stride: int,
    padding: str,
    transposed: bool,
    uniform: bool = False,
    before: int | None = None,
) -> Axis:
    """Follow ``conv2d_loihi_weights`` of nengo-loihi along one axis.

    Parameters
    ----------
    n_sources, n_targets, kernel, stride : int
    padding : {"same", "valid"}
    transposed : bool
    uniform : bool
        All taps have the same weight, and count as one.
    before : int, optional
        In place of what ``padding`` says: zeros before the first source position; of a transposed
        convolution what is cut off the beginning of its result.
    """
    pad = 0
    if before is not None:
        pad = -before if transposed else before
    elif padding == "same" and transposed:
        total = max(n_targets + kernel - 1 - ((n_sources - 1) * stride + 1), 0)
        pad = -(min(total, 2 * (kernel - 1)) // 2)
    elif padding == "same":
        pad = max((n_targets - 1) * stride + kernel - n_sources, 0) // 2
    first, taps = [], []
    for position in range(n_sources):
        start = position * stride + pad if transposed else position + pad + 1 - kernel
        used = []
        for tap in range(kernel):
            target, rest = (start + tap, 0) if transposed else divmod(start + tap, stride)
            if rest == 0 and 0 <= target < n_targets:
                used.append((tap, target))
        first.append(used[0][1] if used else -1)
        taps.append(tuple(0 if uniform else tap for tap, _ in used))
    return Axis(n_targets, tuple(first), tuple(taps))


def axes_of(layer: Layer, projection: Projection) -> tuple[Axis, Axis]:
    """Row and column axis of a projection into a layer.

    Of links, each axis says that all reaches all: what they reach at most.
    """
    if projection.links is not None:
        return _everything(projection.source_shape[0], layer.shape[0]), _everything(
            projection.source_shape[1], layer.shape[1]
        )
    rows, columns = (
        axis_of(
            projection.source_shape[axis],
            layer.shape[axis],
            projection.kernel[axis],
            projection.strides[axis],
            projection.padding,
            projection.transposed,
            projection.uniform,
            projection.pads[axis][0] if projection.pads is not None else None,
        )
        for axis in (0, 1)
    )
    return rows, columns


@lru_cache(maxsize=256)
def _everything(n_sources: int, n_targets: int) -> Axis:
    return Axis(n_targets, (0,) * n_sources, (tuple(range(n_targets)),) * n_sources)


def channel_runs_reached(layer: Layer, projection: Projection, size: int) -> np.ndarray:
    """Runs of ``size`` channels of the layer that each source channel reaches, int64."""
    channels = projection.source_shape[2]
    if not projection.depthwise:
        return np.full(channels, -(-layer.shape[2] // size))
    each = layer.shape[2] // projection.n_atoms
    first = np.arange(channels) // projection.levels * each
    return (first + each - 1) // size - first // size + 1


@lru_cache(maxsize=65536)
def runs(axis: Axis, size: int) -> tuple[Run, ...]:
    """Cut the outputs into runs of ``size`` and list what reaches each run.

    Returns
    -------
    tuple of runs, each a tuple of (first, taps)
        One entry per source position that reaches the run: the first output counted from the
        start of the run, and the taps that fall into it.
    """
    result = []
    for start in range(0, axis.n_targets, size):
        stop = min(start + size, axis.n_targets)
        entries = []
        for first, taps in zip(axis.first, axis.taps):
            low, high = max(first, start), min(first + len(taps), stop)
            if taps and low < high:
                entries.append((low - start, taps[low - first : high - first]))
        result.append(tuple(entries))
    return tuple(result)


@lru_cache(maxsize=65536)
def runs_reached(axis: Axis, size: int) -> np.ndarray:
    """Number of runs of ``size`` outputs that each source position reaches, (n_sources,) int64."""
    counts = np.array(
        [
            (first + len(taps) - 1) // size - first // size + 1 if taps else 0
            for first, taps in zip(axis.first, axis.taps)
        ]
    )
    counts.flags.writeable = False
    return counts


@lru_cache(maxsize=65536)
def hears_all_taps(axis: Axis, size: int) -> bool:
    """Whether each run of ``size`` outputs is reached through every tap that any output is."""
    every = {tap for taps in axis.taps for tap in taps}
    return all({tap for _, taps in run for tap in taps} == every for run in runs(axis, size))
