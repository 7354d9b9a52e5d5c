"""Lowered networks of neurons with own steps (`loihiseg.conversion.leaky`), in plain integers.

A spike takes a step to the next layer. The host fires from step 1 on; a layer's own steps begin
with step ``depth + 1``, its depth the layers on its longest way from the host. Of all other steps
nothing is left: neurons are at rest in the first of their own, and silent outside of them.
"""

import numpy as np

from loihiseg.conversion.convolution import term_input
from loihiseg.conversion.host_current import host_current
from loihiseg.conversion.leaky import GRID, Leaky
from loihiseg.conversion.linear import AnyTerm
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer

BATCH = 4
"""Images that go through a layer together."""


def is_over_time(network: LoweredNetwork) -> bool:
    """Whether a network has layers with own steps."""
    return any(layer.neuron.over_time for layer in network.layers)


def depths(network: LoweredNetwork) -> dict[str, int]:
    """Layers on the longest way from the host to each, itself included: 0 on the host."""
    found: dict[str, int] = {}
    for layer in network.layers:
        found[layer.name] = (
            0 if layer.on_host else 1 + max(found[source] for source in layer.sources)
        )
    return found


def own_steps(network: LoweredNetwork) -> dict[str, tuple[int, int]]:
    """The first and the last step in which each layer on the chip may fire, counted from 1."""
    by_name = {layer.name: layer.neuron for layer in network.chip_layers}
    return {
        name: (depth + 1, depth + neuron.own_steps)
        for name, depth in depths(network).items()
        if isinstance(neuron := by_name.get(name), Leaky)
    }


def steps_needed(network: LoweredNetwork) -> int:
    """Steps after which all outputs have fired."""
    steps = own_steps(network)
    return max(steps[name][1] for name in network.outputs)


def check_steps(network: LoweredNetwork) -> None:
    """That every source fires for as long as it is heard, and nobody longer than the outputs.

    Raises
    ------
    ValueError
        In one line: the layer, what it hears and when that fires.
    """
    mixed = [layer.name for layer in network.chip_layers if not isinstance(layer.neuron, Leaky)]
    if mixed:
        raise ValueError(f"layer '{mixed[0]}' has no steps of its own, others have")
    steps = own_steps(network)
    of_host = [name for name in network.outputs if name not in steps]
    if of_host:
        raise ValueError(f"output '{of_host[0]}' has no steps of its own, others have")
    n_steps = steps_needed(network)
    for layer in network.chip_layers:
        first, last = steps[layer.name]
        if last > n_steps:
            raise ValueError(f"layer '{layer.name}' fires in step {last}, of {n_steps}")
        for source in layer.sources:
            begins, ends = steps.get(source, (1, n_steps))
            if begins >= first or ends < last - 1:
                raise ValueError(
                    f"layer '{layer.name}' hears '{source}' in steps {first - 1} to {last - 1}, "
                    f"which fires in {begins} to {ends}"
                )


def trains_over_time(network: LoweredNetwork, images: np.ndarray) -> dict[str, np.ndarray]:
    """Spikes of all layers in all steps.

    Parameters
    ----------
    network : LoweredNetwork
        Its layers on the chip have own steps.
    images : numpy.ndarray
        float32, (n, rows, columns, channels).

    Returns
    -------
    dict of str to numpy.ndarray
        float32, (n, steps, rows, columns, channels), 0 or 1, by layer: as many steps as
        `steps_needed`.
    """
    n_steps = steps_needed(network)
    steps = own_steps(network)
    found = {}
    for layer in network.layers:
        if layer.on_host:
            found[layer.name] = _of_host(layer, network, images, n_steps)
            continue
        assert isinstance(layer.neuron, Leaky), layer.name
        first, last = steps[layer.name]
        # What is heard in a step was sent in the one before. Clocks send the shifts.
        sums = sum(
            _heard(found[term.source][:, first - 2 : last - 1], term, layer.shape)
            for term in layer.terms
            if not term.clock
        )
        fired = np.zeros((len(images), n_steps, *layer.shape), np.float32)
        fired[:, first - 1 : last] = layer.neuron.trains(np.asarray(sums))
        found[layer.name] = fired
    return found


def _heard(sent: np.ndarray, term: AnyTerm, shape: tuple[int, int, int]) -> np.ndarray:
    """Sums of one term, float32 (n, steps, *shape): exact in any order below 2**30.

    As weights are multiples of 64, sums of their mantissas are below 2**24 then.
    """
    mantissas = term.with_values(term.values / np.float32(GRID))
    found = term_input(mantissas, sent.reshape(-1, *sent.shape[2:]), shape)
    return (np.float32(GRID) * found).reshape(*sent.shape[:2], *shape)


def _of_host(
    layer: SpikingLayer, network: LoweredNetwork, images: np.ndarray, n_steps: int
) -> np.ndarray:
    ((name, shape),) = network.inputs.items()
    fired = [
        layer.neuron.host_spikes(
            host_current(layer, {name: image.reshape(1, *shape)}, 1).ravel(), n_steps
        )
        for image in images
    ]
    return np.stack(fired).reshape(len(images), n_steps, *layer.shape).astype(np.float32)


def shares_over_time(network: LoweredNetwork, images: np.ndarray) -> dict[str, np.ndarray]:
    """Spikes per own step of every layer, which is what the read-out takes of the outputs.

    Parameters
    ----------
    network, images
        As of `trains_over_time`.

    Returns
    -------
    dict of str to numpy.ndarray
        float32, (n, rows, columns, channels): of the host over all steps.
    """
    parts = [
        _shares(network, images[start : start + BATCH]) for start in range(0, len(images), BATCH)
    ]
    return {
        layer.name: np.concatenate([part[layer.name] for part in parts]) for layer in network.layers
    }


def _shares(network: LoweredNetwork, images: np.ndarray) -> dict[str, np.ndarray]:
    trains = trains_over_time(network, images)
    steps, n_steps = own_steps(network), steps_needed(network)
    found = {}
    for name, fired in trains.items():
        first, last = steps.get(name, (1, n_steps))
        count = fired.sum(axis=1, dtype=np.float32)
        found[name] = count / np.float32(last - first + 1)
    return found
