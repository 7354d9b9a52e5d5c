"""Logits from what a network's last layers put out, and classes from these: the host's part."""

import numpy as np

from loihiseg.conversion.host_graph import Function, HostGraph, upsampled
from loihiseg.network.logits import to_logits
from loihiseg.results.task import Task


def readout_logits(readout: HostGraph, activations: dict[str, np.ndarray], tile: int) -> np.ndarray:
    """Logits that the host computes from the last layers' activations.

    Parameters
    ----------
    readout : HostGraph
    activations : dict of str to numpy.ndarray
        (n, rows, columns, channels) float32 by layer; others than the read-out's are left alone.
    tile : int
        Rows and columns of a map; one of fewer is enlarged bilinearly.

    Returns
    -------
    numpy.ndarray
        (n, tile, tile) float32.
    """
    output = to_logits(readout(activations), readout.ends_in_sigmoid)
    return upsampled(output, tile, tile)[..., 0]


def task_logits(readout: HostGraph, activations: dict[str, np.ndarray], task: Task) -> np.ndarray:
    """Logits of a task that the host computes from the last layers' activations.

    Of classes a sigmoid or softmax at the end is left out: it changes no order. Sigmoids of one
    output are turned back, and so are those of membrane.

    Parameters
    ----------
    readout : HostGraph
    activations : dict of str to numpy.ndarray
        (n, rows, columns, channels) float32 by layer.
    task : Task

    Returns
    -------
    numpy.ndarray
        float32, (n, rows, columns) of every pixel or (n,) of whole images; with an axis of classes
        behind where there are several outputs.
    """
    rows, columns, _ = task.input_shape
    if task.kind == "membrane":
        return readout_logits(readout, activations, rows)
    one = task.output_shape[2] == 1
    if one:
        output = to_logits(readout(activations), readout.ends_in_sigmoid)
    else:
        output = _before_probabilities(readout)(activations)
    output = output[:, 0, 0] if task.per_image else upsampled(output, rows, columns)
    return output[..., 0] if one else output


def called(logits: np.ndarray, task: Task) -> np.ndarray:
    """Classes that logits call: the largest, and of equal ones the first; of one output its sign.

    Parameters
    ----------
    logits : numpy.ndarray
        As of `task_logits`.
    task : Task

    Returns
    -------
    numpy.ndarray
        int64, (n, rows, columns) or (n,).
    """
    if task.output_shape[2] == 1:
        return (logits > 0).astype(np.int64)
    return logits.argmax(axis=-1)


def _before_probabilities(readout: HostGraph) -> HostGraph:
    """A read-out without a softmax or sigmoid at its end."""
    last = next((node for node in readout.nodes if node.name == readout.output), None)
    if last is None or not isinstance(last.operation, Function):
        return readout
    if last.operation.name not in ("softmax", "sigmoid"):
        return readout
    kept = tuple(node for node in readout.nodes if node is not last)
    return HostGraph(readout.inputs, kept, last.sources[0])
