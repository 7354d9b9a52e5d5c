"""The last convolution of a read-out, fitted to the network in floats.

Its kernel is fitted to the probabilities, and its bias so that what is called membrane overlaps
most. Probabilities of a noisy input are nearest where they are cautious, and then too few of them
pass a threshold. It runs on the host in floats: what levels change of its input can be made good as
far as its few weights reach, at no cost on the chip. A kernel of one pixel hears its neighbours
too: levels are wrong by less in the mean of several pixels than in each.
"""

import numpy as np

from loihiseg.conversion.host_graph import (
    Convolution,
    Cropping,
    Function,
    HostGraph,
    Node,
    Operation,
    Upsampling,
    upsampled,
)
from loihiseg.conversion.linear import Term
from loihiseg.conversion.logits import readout_logits
from loihiseg.conversion.windows import heard_windows
from loihiseg.metrics.pixels import pixel_scores
from loihiseg.network.logits import membrane

WIDTH = 3
"""Rows and columns that a kernel of one pixel becomes; five were no better."""

ROUNDS = 8
"""Newton steps; cross-entropy is convex and few weights are fitted."""

RIDGE = 1e-3
"""Weight of the old kernel, in units of the mean curvature."""

SHIFTS = np.linspace(-1.5, 1.5, 61)
"""Of the bias, that are tried, in logits."""

FLATTEST = 1e-4
"""Least curvature of a pixel, so that those that are certain still count."""


def fitted_readout(
    readout: HostGraph, outputs: dict[str, np.ndarray], logits: np.ndarray
) -> HostGraph:
    """A read-out whose probabilities are nearest to those of the network in floats.

    Least is the cross-entropy of the probabilities, summed over pixels, with a ridge to the old
    kernel.

    Parameters
    ----------
    readout : HostGraph
        Left as it is unless it ends in a convolution to one channel, behind which pixels are
        moved and a sigmoid taken at most. A kernel of one pixel becomes one of `WIDTH`.
    outputs : dict of str to numpy.ndarray
        (n, rows, columns, channels) float32, what the network with levels comes to, by layer.
    logits : numpy.ndarray
        (n, rows, columns) of the network in floats on the same images.
    """
    place = _last_convolution(readout)
    if place is None:
        return readout
    kernel = _widened(readout.nodes[place].operation)
    readout = _with(readout, place, kernel)
    heard = _heard(readout, place, outputs, logits.shape[1:]).reshape(logits.size, -1)
    heard = np.concatenate([heard, np.ones((len(heard), 1))], axis=1)
    old = np.append(kernel.kernel.ravel(), kernel.bias.ravel()[:1]).astype(np.float64)
    found = _nearest(heard, 1 / (1 + np.exp(-logits.ravel().astype(np.float64))), old)
    weights = found[:-1].reshape(kernel.kernel.shape).astype(np.float32)
    return _with_convolution(readout, place, weights, found[-1:].astype(np.float32))


def shifted_readout(
    readout: HostGraph, outputs: dict[str, np.ndarray], logits: np.ndarray, threshold: float
) -> HostGraph:
    """A read-out whose map overlaps most with that of the network in floats.

    Parameters
    ----------
    readout, outputs, logits
        As of `fitted_readout`.
    threshold : float
        Probability above which a pixel is membrane.
    """
    place = _last_convolution(readout)
    if place is None:
        return readout
    found, wanted = readout_logits(readout, outputs, logits.shape[1]), membrane(logits, threshold)
    overlaps = [
        pixel_scores(wanted, membrane(found + np.float32(shift), threshold)).membrane_iou
        for shift in SHIFTS
    ]
    # Of shifts that are as good the least.
    best = min(range(len(SHIFTS)), key=lambda n: (-overlaps[n], abs(SHIFTS[n])))
    one = readout.nodes[place].operation
    assert isinstance(one, Convolution)
    bias = (one.bias.ravel()[:1] + SHIFTS[best]).astype(np.float32)
    return _with_convolution(readout, place, one.kernel, bias)


def _with_convolution(
    readout: HostGraph, place: int, kernel: np.ndarray, bias: np.ndarray
) -> HostGraph:
    old = readout.nodes[place].operation
    assert isinstance(old, Convolution)
    new = Convolution(kernel, bias, old.strides, old.padding, old.transposed)
    return _with(readout, place, new)


def _with(readout: HostGraph, place: int, operation: Convolution) -> HostGraph:
    nodes = [*readout.nodes]
    nodes[place] = Node(nodes[place].name, nodes[place].sources, operation)
    return HostGraph(readout.inputs, tuple(nodes), readout.output)


def _widened(operation: Operation) -> Convolution:
    """The same convolution, with room for the neighbours of a single pixel."""
    assert isinstance(operation, Convolution)
    one_by_one = operation.kernel.shape[:2] == (1, 1) and operation.strides == (1, 1)
    if operation.transposed or not one_by_one:
        return operation
    kernel = np.pad(operation.kernel, [(WIDTH // 2, WIDTH // 2)] * 2 + [(0, 0)] * 2)
    return Convolution(kernel, operation.bias, padding="same")


def _last_convolution(readout: HostGraph) -> int | None:
    """Which node it is; None where something else than moving pixels follows."""
    name, by_name = readout.output, {node.name: n for n, node in enumerate(readout.nodes)}
    is_last = True
    while name in by_name:
        node = readout.nodes[by_name[name]]
        if isinstance(node.operation, Convolution):
            one = node.operation.kernel.shape[-1] == 1
            return by_name[name] if one else None
        ends = isinstance(node.operation, Function) and node.operation.name == "sigmoid" and is_last
        if not (ends or isinstance(node.operation, Cropping | Upsampling)):
            return None
        is_last = is_last and not ends
        (name,) = node.sources
    return None


def _heard(
    readout: HostGraph, place: int, outputs: dict[str, np.ndarray], shape: tuple[int, ...]
) -> np.ndarray:
    """What each pixel of the output hears by each weight of the convolution, float64."""
    node = readout.nodes[place]
    values = dict(outputs)
    for earlier in readout.nodes[:place]:
        values[earlier.name] = earlier.operation(*(values[name] for name in earlier.sources))
    one = node.operation
    assert isinstance(one, Convolution)
    image = values[node.sources[0]]
    term = Term("", one.kernel, one.strides, one.padding, one.transposed)
    found = heard_windows(term, image, one(image[:1]).shape[1:])
    for later in _behind(readout, place):
        if not isinstance(later.operation, Function):
            found = later.operation(found)
    return upsampled(found, shape[0], shape[1]).astype(np.float64)


def _behind(readout: HostGraph, place: int) -> list[Node]:
    """Nodes from the convolution to the output, in order."""
    by_name = {node.name: node for node in readout.nodes}
    found, name = list[Node](), readout.output
    while name != readout.nodes[place].name:
        found.append(by_name[name])
        (name,) = by_name[name].sources
    return found[::-1]


def _nearest(heard: np.ndarray, wanted: np.ndarray, old: np.ndarray) -> np.ndarray:
    """Weights of the least cross-entropy to probabilities, by Newton's method."""
    found = old.copy()
    for _ in range(ROUNDS):
        now = 1 / (1 + np.exp(-np.clip(heard @ found, -50, 50)))
        curvature = np.maximum(now * (1 - now), FLATTEST)
        square = (heard * curvature[:, None]).T @ heard
        ridge = RIDGE * np.diag(square).mean() + 1e-9
        slope = heard.T @ (now - wanted) + ridge * (found - old)
        found = found - np.linalg.solve(square + ridge * np.eye(len(old)), slope)
    return found
