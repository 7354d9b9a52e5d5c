"""Synaptic events of a network over time on the chip: counted, and as a loss."""

from collections.abc import Mapping

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.network.config import UNetConfig
from loihiseg.through_time.layers import Spikes
from loihiseg.through_time.settings import Residual
from loihiseg.through_time.structure import ADDED, MEMBRANE, Wire, wires
from loihiseg.through_time.weight_shapes import SPIKES


def spike_costs(config: UNetConfig, residual: Residual = "none") -> dict[str, float]:
    """Synaptic events per multiply-accumulate for each spike of a layer's neurons on average.

    Parameters
    ----------
    config : UNetConfig
    residual : str

    Returns
    -------
    dict of str to float
        By layer. Borders and clocks are neglected; gates, and spikes that are added before a
        threshold, are no multiply-accumulates. Currents that are added are multiplied once, but
        on a chip spikes would have to arrive at every layer that hears of them.
    """
    layers = {layer.name: layer for layer in wires(config, residual)}
    area = {"stem": 1.0}
    synapses, total = dict.fromkeys(layers, 0.0), 0.0
    for layer in list(layers.values())[1:]:
        scale = {"down": 0.25, "up": 4.0}.get(layer.kind, 1.0)
        area[layer.name] = area[layer.sources[0]] * scale
        counted = set[int]()
        for own, source, slot in _heard(layer, layers):
            n = area[source] * layers[source].channels * _fan_out(own, slot)
            synapses[source] += n
            convolved = own is layer and layer.kind != "gate" and slot != ADDED
            if convolved and slot not in counted:
                counted.add(slot)
                total += n
    return {name: n / total for name, n in synapses.items()}


def _heard(layer: Wire, layers: Mapping[str, Wire]) -> list[tuple[Wire, str, int]]:
    """Layer whose kernel it is, source and slot of all spikes of which a layer's currents are."""
    found = list[tuple[Wire, str, int]]()
    for source, slot in zip(layer.sources, layer.slots, strict=True):
        if slot == MEMBRANE:
            found += _heard(layers[source], layers)
        else:
            found.append((layer, source, slot))
    return found


def _fan_out(layer: Wire, slot: int) -> float:
    """Synapses of one neuron of a source, without borders."""
    if layer.kind == "gate" or slot == ADDED:
        return 1.0
    return {"same": 9.0, "down": 9.0 / 4, "up": 4.0}[layer.kind] * layer.channels


def charge_spikes(model: tf.keras.Model, costs: Mapping[str, float], weight: float) -> None:
    """Add what the synaptic events of a network cost to its loss.

    Parameters
    ----------
    model : tf.keras.Model
        Of `loihiseg.through_time.unet.build_through_time`, before it is compiled; its neurons are
        changed in place. Gates are not charged.
    costs : mapping of str to float
        Of `spike_costs`.
    weight : float
        At least 0, in nats per event and multiply-accumulate.
    """
    for layer in model.layers:
        if isinstance(layer, Spikes):
            layer.event_weight = weight * costs[layer.name.removesuffix(SPIKES)]


def events_per_mac(model: tf.keras.Model, costs: Mapping[str, float], pixels: np.ndarray) -> float:
    """Synaptic events of a network over its multiply-accumulates.

    Parameters
    ----------
    model : tf.keras.Model
        Of `loihiseg.through_time.unet.build_through_time`.
    costs : mapping of str to float
        Of `spike_costs`.
    pixels : numpy.ndarray
        float32, (n, rows, columns, 1).
    """
    names = [name for name in costs if costs[name]]
    outputs = [model.get_layer(name + SPIKES).output for name in names]
    inner = tf.keras.Model(model.inputs, [tf.reduce_sum(x) for x in outputs])
    found = 0.0
    for name, output, spikes in zip(names, outputs, inner(pixels, training=False), strict=True):
        n_neurons = len(pixels) * int(np.prod(output.shape[1:]))
        found += costs[name] * float(spikes) / n_neurons
    return found
