"""The golden network: all that decides the spikes of a deployed network, in arrays of one .npz.

What our kernels run is laid out for speed, and read by our code alone. Here the same network is
laid out to be read by anybody: ``numpy.load`` opens it, ``docs/golden.md`` says what every array
means, and ``docs/golden.py``, plain numpy, gives every spike from them. It is the judge of every
neural code and every emulator, so it shares nothing with them but this file.
"""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from loihiseg.conversion.linear import SparseTerm, Term
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.emulator.program import SEGMENT_PARAMETERS, Program
from loihiseg.emulator.validation import check_fits
from loihiseg.errors import InputError
from loihiseg.files import write_bytes
from loihiseg.storage.arrays import pack_arrays

if TYPE_CHECKING:
    from loihiseg.emulator.presenter import Deployable

GOLDEN_FORMAT = 1
"""Version of the arrays; `docs/golden.md` describes it."""

SPARSE_FORMAT = 2
"""Of a network some of whose host hears pixels by weights that are no convolution."""

PARAMETER_NAMES = ("keep_current", "keep_voltage", "threshold", "floor", "ceiling", "refractory")
"""Arrays of the parameters of compartments, in the order of `SEGMENT_PARAMETERS`."""

assert len(PARAMETER_NAMES) == len(SEGMENT_PARAMETERS)


def export_golden(
    path: str | PathLike[str],
    deployable: Deployable,
    neurons: LoweredNetwork,
    n_steps: int,
    n_window_steps: int,
) -> None:
    """Write the golden network of a deployment as one .npz file, replacing the one that is there.

    Parameters
    ----------
    path : path-like
    deployable, neurons, n_steps, n_window_steps
        As in `golden_arrays`.

    Raises
    ------
    InputError
        If program, network and times do not belong together, or the file cannot be written.
    """
    arrays = golden_arrays(deployable, neurons, n_steps, n_window_steps)
    write_bytes(Path(path), pack_arrays(arrays))


def golden_arrays(
    deployable: Deployable, neurons: LoweredNetwork, n_steps: int, n_window_steps: int
) -> dict[str, np.ndarray]:
    """The golden network of a deployment.

    Parameters
    ----------
    deployable : Deployable
        Without noise: a noisy network has no one right spike.
    neurons : LoweredNetwork
        The neurons it was built of, clocks and rulers included.
    n_steps : int
        Length of a presentation.
    n_window_steps : int
        The last so many steps are read out.

    Returns
    -------
    dict of str to numpy.ndarray
        Arrays of plain numbers, as ``docs/golden.md`` lists them.

    Raises
    ------
    InputError
        If program, network and times do not belong together; names what differs.
    """
    if not 1 <= n_window_steps <= n_steps:
        raise InputError(
            f"golden network: a window of {n_window_steps} of {n_steps} steps; expected 1 to "
            "as many as there are steps"
        )
    if deployable.program.has_noise:
        raise InputError(
            "golden network: the program has noise, its spikes differ from run to run; compile it "
            "without"
        )
    host = [layer for layer in neurons.layers if layer.on_host]
    _check_layers(deployable, neurons, host)
    (pixel_shape,) = neurons.inputs.values()
    is_sparse = any(isinstance(term, SparseTerm) for layer in host for term in layer.terms)
    arrays = {
        "format": np.array(SPARSE_FORMAT if is_sparse else GOLDEN_FORMAT, np.int64),
        "names": _names(deployable, neurons, host),
        "n_steps": np.array(n_steps, np.int64),
        "n_window_steps": np.array(n_window_steps, np.int64),
        "pixel_shape": np.array(pixel_shape, np.int64),
    }
    for number, layer in enumerate(host):
        arrays |= _host_layer(f"host/{number}", layer, pixel_shape, n_steps)
    for number, (name, places) in enumerate(deployable.places.items()):
        arrays[f"chip/{number}/shape"] = np.array(neurons.layer(name).shape, np.int64)
        arrays[f"chip/{number}/compartments"] = places
    numbers = {layer.name: number for number, layer in enumerate(host)}
    sources = [numbers[name] for name in deployable.input_sources]
    arrays["input_layer"] = np.array(sources, np.int64)
    return arrays | _compartments(deployable.program) | _synapses(deployable.program)


def _check_layers(
    deployable: Deployable, neurons: LoweredNetwork, host: list[SpikingLayer]
) -> None:
    check_fits(deployable, {layer.name: layer.shape for layer in neurons.layers})
    if len(neurons.inputs) != 1:
        raise InputError(
            f"golden network: the network has {len(neurons.inputs)} inputs of pixels; only "
            "networks of one are exported"
        )
    here = {layer.name for layer in neurons.chip_layers}
    for name in sorted(here ^ set(deployable.places)):
        raise InputError(
            f"golden network: layer {name[:60]!a} is on the chip in the program or in the network, "
            "not in both; compile the program again"
        )
    for name in set(deployable.input_sources) - {layer.name for layer in host}:
        raise InputError(
            f"golden network: layer {name[:60]!a} feeds the chip from the host in the program, and "
            "is on the chip in the network; compile the program again"
        )


def _names(deployable: Deployable, neurons: LoweredNetwork, host: list[SpikingLayer]) -> np.ndarray:
    """Names as JSON: those of layers are anybody's, and numpy would pickle texts of any length."""
    names = {
        "host": [layer.name for layer in host],
        "chip": list(deployable.places),
        "outputs": list(neurons.outputs),
    }
    return np.frombuffer(json.dumps(names).encode(), np.uint8)


def _host_layer(
    prefix: str, layer: SpikingLayer, pixel_shape: tuple[int, int, int], n_steps: int
) -> dict[str, np.ndarray]:
    # The host multiplies biases in 32 bits.
    bias = layer.bias.astype(np.float32) * np.float32(layer.rate_scale_hz)
    arrays = {
        "shape": np.array(layer.shape, np.int64),
        "binary": np.array(layer.neuron.compares, bool),
        "gain": np.array(layer.rate_scale_hz, np.float64),
        "bias": bias.astype(np.float64),
        "schedule": _schedule(layer, n_steps),
    }
    kernels = [term for term in layer.terms if isinstance(term, Term)]
    arrays["n_kernels"] = np.array(len(kernels), np.int64)
    for number, term in enumerate(kernels):
        kernel = _host_kernel(layer, term, pixel_shape)
        arrays |= {f"{name}/{number}": array for name, array in kernel.items()}
    sparse = [term for term in layer.terms if isinstance(term, SparseTerm)]
    if sparse:
        arrays["n_sparse"] = np.array(len(sparse), np.int64)
    for number, weights in enumerate(sparse):
        arrays |= {f"{name}/{number}": array for name, array in _host_weights(weights).items()}
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def _schedule(layer: SpikingLayer, n_steps: int) -> np.ndarray:
    """Of all neurons (n_steps,), or of each (n_steps, neurons)."""
    found = layer.neuron.schedule(n_steps)
    return found if found.ndim == 1 else np.tile(found, (1, layer.n_neurons // found.shape[1]))


def _host_weights(term: SparseTerm) -> dict[str, np.ndarray]:
    """Weights one by one, neuron after neuron."""
    weights = term.weights
    neurons = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
    return {
        "sparse_neuron": neurons.astype(np.int64),
        "sparse_pixel": weights.indices.astype(np.int64),
        "sparse_weight": weights.data.astype(np.float32),
    }


def _host_kernel(
    layer: SpikingLayer, term: Term, pixel_shape: tuple[int, int, int]
) -> dict[str, np.ndarray]:
    """A convolution or its transpose as one of a field that the pixels are laid out on.

    Pixels lie ``spread`` apart, the first at ``lead``; neuron (r, c) hears what lies under the
    kernel at ``stride * (r, c)``.
    """
    size = np.array(term.kernel.shape[:2])
    strides = np.array(term.strides)
    spread, lead = np.ones(2, np.int64), np.zeros(2, np.int64)
    kernel = _whole_kernel(term)
    before = np.array([0, 0] if term.pads is None else [own for own, _ in term.pads])
    if term.transposed:
        if term.padding != "valid":
            raise InputError(
                f"golden network: layer {layer.name[:60]!a} crops a transposed convolution of "
                "pixels; use padding='valid'"
            )
        # What a pixel spreads with a kernel, a neuron gathers with the reversed one.
        kernel, spread, strides = kernel[::-1, ::-1], strides, np.ones(2, np.int64)
        lead = size - 1 - before
    elif term.pads is not None:
        lead = before
    elif term.padding == "same":
        reach = (np.array(layer.shape[:2]) - 1) * strides + size
        lead = np.maximum(reach - pixel_shape[:2], 0) // 2
    # Where pixels are left out, the kernel begins so many places later.
    left_out = np.maximum(-lead, 0)
    kernel = np.pad(kernel, ((left_out[0], 0), (left_out[1], 0), (0, 0), (0, 0)))
    lead = np.maximum(lead, 0)
    return {
        "kernel": np.ascontiguousarray(kernel),
        "stride": strides.astype(np.int64),
        "spread": spread.astype(np.int64),
        "lead": lead.astype(np.int64),
    }


def _whole_kernel(term: Term) -> np.ndarray:
    """Of all channels of the pixels, float32: of a depthwise one with zeros."""
    kernel = np.asarray(term.kernel, np.float32)
    if not term.depthwise:
        return kernel
    channels = kernel.shape[2]
    whole = kernel[:, :, :, None, :] * np.eye(channels, dtype=np.float32)[:, :, None]
    return whole.reshape(*kernel.shape[:3], -1)


def _compartments(program: Program) -> dict[str, np.ndarray]:
    """One integer per compartment where the program has one per run of equal ones."""
    lengths = np.diff(program.segment_start)
    columns = zip(PARAMETER_NAMES, program.segment.T, strict=True)
    parameters = {name: np.repeat(column, lengths) for name, column in columns}
    return parameters | {"bias": program.bias}


def _synapses(program: Program) -> dict[str, np.ndarray]:
    """Axons of the compartments and, behind them, of the inputs' neurons; rows weight by weight."""
    first, begin, lengths = program.runs.astype(np.int64).T
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    until = np.concatenate([[0], np.cumsum(lengths)])
    n_chip = program.entry_start[-1]
    return {
        "axon_start": np.concatenate(
            [program.entry_start, program.input_entry_start[1:] + n_chip]
        ).astype(np.int64),
        "axons": np.concatenate([program.entries, program.input_entries]),
        "row_start": until[program.row_start],
        "offset": (np.repeat(first, lengths) + within).astype(np.int32),
        "weight": program.weights[np.repeat(begin, lengths) + within].astype(np.int32),
    }
