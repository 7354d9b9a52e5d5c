"""Layer-wise fine-tuning of Fast-SNN: a layer learns to make good what came before it.

In simulation only: Loihi 1 has neither soft reset nor signed spikes.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.conversion.layer_input import layer_input
from loihiseg.conversion.lowering import Lowering
from loihiseg.conversion.spec import SpikingLayer
from loihiseg.methods.fast_snn.quantized import neurons_of, quantized_maps, scale_of
from loihiseg.network.quantized import quantized_relu
from loihiseg.results.simulation import TunedLayer
from loihiseg.simulation.network import Maps, layer_spikes
from loihiseg.simulation.neurons import Neurons

_Spikes = list[np.ndarray]
"""Of one layer on every batch, int8, (steps, batch, rows, columns, channels)."""


@dataclass(frozen=True)
class Descent:
    """How a layer is tuned: as the authors do, but at a higher rate and for fewer steps.

    Attributes
    ----------
    epochs : int
        Passes over the crops, for each layer.
    learning_rate, momentum : float
        Of stochastic gradient descent.
    weight_decay : float
        Times a weight, added to its gradient.
    batch : int
        Crops per step.
    """

    epochs: int = 3
    learning_rate: float = 0.3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    batch: int = 4


def fine_tune(
    lowering: Lowering,
    crops: np.ndarray,
    score: Callable[[np.ndarray], float],
    steps: int,
    signed: bool = True,
    descent: Descent = Descent(),
    on_layer: Callable[[TunedLayer], None] | None = None,
) -> tuple[Lowering, tuple[TunedLayer, ...]]:
    """Tune every layer after the first, one after another; in simulation only.

    A copy of the layer with quantized activations gets the mean of what the spiking layers before
    it send. Its value is replaced by what the spiking layer sends, its gradient is kept, and it
    descends towards the map of the quantized network.

    Parameters
    ----------
    lowering : Lowering
        With levels in every layer; its network stays as it is. Layers that choose an extreme are
        not tuned.
    crops : numpy.ndarray
        float32, (n, rows, columns, channels), of training sections.
    score : callable
        From the logits of all crops to a number that is to rise, such as an IoU.
    steps : int
    signed : bool
    descent : Descent
    on_layer : callable, optional
        Called after each layer.

    Returns
    -------
    Lowering
        With tuned kernels and biases; scales as before.
    tuple of TunedLayer

    Raises
    ------
    InputError
        If a layer has no levels.
    """
    neurons = neurons_of(lowering.network, signed)
    state = _State(lowering, crops, steps, neurons, descent.batch)
    first, *others = lowering.network.layers
    state.keep(first, state.run(first))
    records: list[TunedLayer] = []
    best: float | None = None
    for layer in others:
        if layer.neuron.chooses:
            # It has no weights.
            state.keep(layer, state.run(layer))
            continue
        record, best = _try(state, layer, score, best, descent)
        records.append(record)
        if on_layer is not None:
            on_layer(record)
    return replace(lowering, network=state.network), tuple(records)


def _try(
    state: "_State",
    layer: SpikingLayer,
    score: Callable[[np.ndarray], float],
    best: float | None,
    descent: Descent,
) -> tuple[TunedLayer, float]:
    """Tune a layer, keep it if the score rises, and return what came of it and the best score.

    ``best`` is that of the layers before it, None where none has been scored.
    """
    before = state.run(layer)
    if best is None:
        best = score(state.logits(layer, before))
    tuned = _descend(state, layer, descent)
    after = state.run(tuned)
    reached = score(state.logits(tuned, after))
    kept = bool(reached > best)
    errors = state.error(layer, before), state.error(layer, after)
    state.keep(*((tuned, after) if kept else (layer, before)))
    record = TunedLayer(layer.name, *errors, float(best), float(reached), kept)
    return record, max(best, reached)


class _State:
    """The network so far, and what its layers send on every batch of crops."""

    def __init__(
        self, lowering: Lowering, crops: np.ndarray, steps: int, neurons: Neurons, batch: int
    ):
        self.network, self.graph = lowering.network, lowering.graph
        self.steps, self.neurons = steps, neurons
        (name,) = self.network.inputs
        pixels = np.asarray(crops, np.float32)
        self.inputs = [
            {name: tf.constant(pixels[start : start + batch])}
            for start in range(0, len(pixels), batch)
        ]
        quantized = tf.function(lambda part: quantized_maps(self.network, part))
        self.targets = [
            {key: value.numpy() for key, value in quantized(part).items()} for part in self.inputs
        ]
        self.spikes: list[dict[str, np.ndarray]] = [{} for _ in self.inputs]

    def trains(self, index: int, names: Iterable[str]) -> dict[str, tf.Tensor]:
        """Spikes times amplitude of the layers named that are finished, of one batch."""
        found = self.spikes[index]
        return {
            name: tf.cast(found[name], tf.float32) * scale_of(self.network.layer(name))
            for name in names
            if name in found
        }

    def run(self, layer: SpikingLayer) -> _Spikes:
        """Spikes of a layer on every batch, int8."""
        spike = tf.function(
            lambda trains, part: layer_spikes(layer, trains, part, self.steps, self.neurons)
        )
        return [
            tf.cast(spike(self.trains(i, layer.sources), part), tf.int8).numpy()
            for i, part in enumerate(self.inputs)
        ]

    def error(self, layer: SpikingLayer, spikes: _Spikes) -> float:
        """Mean squared distance of a layer's means from the quantized maps, in scales."""
        scale = scale_of(layer)
        errors = [
            np.square(part.mean(0, dtype=np.float32) - target[layer.name] / scale).mean()
            for part, target in zip(spikes, self.targets)
        ]
        return float(np.average(errors, weights=[part.shape[1] for part in spikes]))

    def logits(self, layer: SpikingLayer, spikes: _Spikes) -> np.ndarray:
        """Logits of all crops where a layer sends these spikes and those behind it run on."""
        position = [one.name for one in self.network.layers].index(layer.name)
        behind = self.network.layers[position + 1 :]
        needed = {source for one in behind for source in one.sources} | set(self.network.outputs)

        @tf.function
        def run(trains: Mapping[str, tf.Tensor], part: Mapping[str, tf.Tensor]) -> Maps:
            for one in behind:
                sent = layer_spikes(one, trains, part, self.steps, self.neurons)
                trains = {**trains, one.name: sent * scale_of(one)}
            return {name: tf.reduce_mean(trains[name], 0) for name in self.network.outputs}

        found = []
        for i, part in enumerate(self.inputs):
            own = {layer.name: tf.cast(spikes[i], tf.float32) * scale_of(layer)}
            means = run(self.trains(i, needed) | own, part)
            found.append(self.graph({name: value.numpy() for name, value in means.items()}))
        return np.concatenate(found)

    def keep(self, layer: SpikingLayer, spikes: _Spikes) -> None:
        """Make a layer, as it is now, part of the network; the next may build on it."""
        layers = [layer if one.name == layer.name else one for one in self.network.layers]
        self.network = replace(self.network, layers=tuple(layers))
        for found, part in zip(self.spikes, spikes):
            found[layer.name] = part


def _descend(state: _State, layer: SpikingLayer, descent: Descent) -> SpikingLayer:
    """The layer after stochastic gradient descent; its scale stays."""
    kernels = [tf.Variable(term.values) for term in layer.terms]
    weights = [*kernels, tf.Variable(layer.bias)]
    optimizer = tf.keras.optimizers.SGD(descent.learning_rate, descent.momentum)
    optimizer.build(weights)
    scale, levels = scale_of(layer), layer.levels

    @tf.function
    def step(
        trains: Mapping[str, tf.Tensor], part: Mapping[str, tf.Tensor], target: tf.Tensor
    ) -> None:
        spikes = layer_spikes(layer, trains, part, state.steps, state.neurons, kernels, weights[-1])
        sent = scale * tf.reduce_mean(spikes, 0)
        means = {name: tf.reduce_mean(train, 0) for name, train in trains.items()}
        with tf.GradientTape() as tape:
            current = layer_input(layer, {**means, **part}, kernels, weights[-1])
            ours = quantized_relu(current, scale, levels)
            ours += tf.stop_gradient(sent - ours)
            loss = tf.reduce_mean(tf.square(ours - target))
        gradients = tape.gradient(loss, weights)
        decayed = [g + descent.weight_decay * w for g, w in zip(gradients, weights)]
        optimizer.apply_gradients(zip(decayed, weights))

    for _ in range(descent.epochs):
        for i, part in enumerate(state.inputs):
            step(state.trains(i, layer.sources), part, state.targets[i][layer.name])
    terms = tuple(t.with_values(k.numpy()) for t, k in zip(layer.terms, kernels))
    return replace(layer, terms=terms, bias=weights[-1].numpy())
