"""Synaptic events that levels cause on the chip, as a loss that makes spikes rare.

A unit of L levels is L compartments that share their axons; each that is on sends its spike to
every compartment of the units it reaches. What a network of levels spends on the chip is mostly
these events.
"""

import math
from collections import defaultdict
from dataclasses import dataclass, replace

from loihiseg.frameworks import tf

from loihiseg.network.quantized import QuantizedReLU
from loihiseg.network.ways import steps_before_end

_CONVOLUTIONS = (tf.keras.layers.Conv2D, tf.keras.layers.Conv2DTranspose)


def charge_events(model: tf.keras.Model, weight: float) -> None:
    """Add what the synaptic events of a network cost to its loss.

    The loss is ``weight`` times the synaptic events of one image, in one pass of the thermometer
    code, divided by the multiply-accumulates of the same layers: sums over all layers whose
    activations others on the chip hear. It is a mean over images, and has the gradients that
    `loihiseg.network.quantized.quantized_relu` gives to inputs and scale.

    Parameters
    ----------
    model : tf.keras.Model
        Of `loihiseg.network.unet.build_unet`, before it is compiled; its quantized layers are
        changed in place.
    weight : float
        At least 0, in nats per event and multiply-accumulate.
    """
    costs = event_costs(model)
    for layer in model.layers:
        if layer.name in costs:
            layer.event_weight = weight * costs[layer.name]


def event_costs(model: tf.keras.Model) -> dict[str, float]:
    """Synaptic events per multiply-accumulate of the network for each level that is on.

    Parameters
    ----------
    model : tf.keras.Model
        Functional, of fixed size, with `QuantizedReLU` activations.

    Returns
    -------
    dict of str to float
        By layer: what its mean level, 0 to its levels, is to be multiplied with so that the sum
        over layers is the ratio. A layer fires once for every length of the ways from it to the
        output (`loihiseg.network.ways.steps_before_end`), and reaches all its targets every
        time. Borders and clocks are neglected, and a pool is taken to be on as often as the units
        that it pools.
    """
    synapses: defaultdict[str, float] = defaultdict(float)
    sources: dict[str, list[str]] = {}
    pools: dict[str, str] = {}
    total = 0.0
    for target in reversed(model.layers):
        if not isinstance(target, QuantizedReLU):
            continue
        convolution = _behind(target, _CONVOLUTIONS)[0].layer
        behind = _behind(convolution, (QuantizedReLU, tf.keras.layers.MaxPooling2D))
        sources[target.name] = [heard.layer.name for heard in behind]
        for heard in behind:
            shape = heard.layer.output.shape[1:]
            n_synapses = math.prod(shape) * _fan_out(convolution, heard.repeats)
            total += n_synapses
            synapses[heard.layer.name] += n_synapses * target.levels
            if isinstance(heard.layer, tf.keras.layers.MaxPooling2D):
                pooled = _behind(heard.layer, (QuantizedReLU,))[0].layer
                sources[heard.layer.name] = [pooled.name]
                pools[heard.layer.name] = pooled.name
    for source in pools.values():
        # A unit reaches its gate, of each level, by one synapse.
        synapses[source] += math.prod(model.get_layer(source).output.shape[1:])
    outputs = sources.keys() - synapses.keys()
    times = steps_before_end(dict(reversed(sources.items())), outputs)
    costs: defaultdict[str, float] = defaultdict(float)
    for name, n in synapses.items():
        costs[pools.get(name, name)] += len(times[name]) * n / total
    return dict(costs)


@dataclass(frozen=True)
class _Heard:
    """A layer that another hears, each pixel repeated so many times along both axes."""

    layer: tf.keras.layers.Layer
    repeats: int = 1


def _fan_out(convolution: tf.keras.layers.Conv2D, repeats: int) -> float:
    """Synapses of one unit of a source, without borders."""
    rows, columns = (n + repeats - 1 for n in convolution.kernel_size)
    if isinstance(convolution, tf.keras.layers.Conv2DTranspose):
        return rows * columns * convolution.filters
    return rows * columns * convolution.filters / (convolution.strides[0] * convolution.strides[1])


def _behind(
    layer: tf.keras.layers.Layer, kinds: tuple[type[tf.keras.layers.Layer], ...]
) -> list[_Heard]:
    """The nearest layers of some kinds that a layer's input comes from."""
    found = []
    inputs = layer.input if isinstance(layer.input, list) else [layer.input]
    for tensor in inputs:
        source = tensor.node.layer
        if isinstance(source, kinds):
            found.append(_Heard(source))
        elif not isinstance(source, tf.keras.layers.InputLayer):
            for heard in _behind(source, kinds):
                if isinstance(source, tf.keras.layers.UpSampling2D):
                    heard = replace(heard, repeats=heard.repeats * source.size[0])
                found.append(heard)
    return found
