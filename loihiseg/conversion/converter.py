"""Spiking layers to a Nengo network, through ``nengo_dl.Converter``.

NengoDL converts Keras layer by layer. It lacks Conv2DTranspose, and it leaves a relay node behind
every concatenation. Both are met by one Keras layer of our own, `SumOfConvolutions`, of which the
lowered network is built, and one layer converter registered for it.
"""

from dataclasses import dataclass

from loihiseg.frameworks import nengo_dl, tf

import nengo
import numpy as np

from loihiseg.conversion.layer_input import layer_input
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer, connection_label, neuron_bias
from loihiseg.conversion.transforms import layer_transform


class SumOfConvolutions(tf.keras.layers.Layer):
    """A spiking layer in Keras: the activation of a sum of convolutions, one per source.

    Parameters
    ----------
    spec : SpikingLayer
    staircase : bool, optional
        Whether the activation is the chip's rate staircase; by default as it was trained.
    """

    activation = staticmethod(tf.nn.relu)

    def __init__(self, spec: SpikingLayer, staircase: bool | None) -> None:
        super().__init__(name=spec.name)
        self.spec = spec
        self.staircase = staircase

    def call(self, inputs: tf.Tensor | list[tf.Tensor]) -> tf.Tensor:
        """Map one tensor (batch, rows, columns, channels) per term to the layer's activation."""
        inputs = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        spec = self.spec
        total = layer_input(spec, dict(zip(spec.sources, inputs)))
        return spec.neuron.keras_activation(total, spec.rate_scale_hz, self.staircase)


@nengo_dl.Converter.register(SumOfConvolutions)
class ConvertSumOfConvolutions(nengo_dl.converter.LayerConverter):
    """One ensemble, one convolutional connection per source, biases on the neurons."""

    def convert(self, node_id: int) -> nengo.ensemble.Neurons:
        """Return the neurons of the converted layer."""
        spec = self.layer.spec
        biases = np.broadcast_to(neuron_bias(spec), spec.shape).astype(np.float32).ravel()
        activation = spec.neuron.nengo_type(spec.on_host) or self.layer.activation
        neurons = self.add_nengo_obj(node_id, biases=biases, activation=activation)
        shapes = self.input_shape(node_id)
        shapes = shapes if isinstance(shapes, list) else [shapes]
        for index, (term, shape) in enumerate(zip(spec.terms, shapes)):
            self.add_connection(
                node_id,
                neurons,
                input_idx=index,
                transform=layer_transform(spec, term, shape),
                label=connection_label(term.source, spec.name),
            )
        return neurons


@dataclass(frozen=True, eq=False)
class ConvertedNetwork:
    """A Nengo network with a handle on each layer.

    Attributes
    ----------
    net : nengo.Network
    inputs : dict of str to nengo.Node
        Analog inputs; their output is to be set.
    ensembles : dict of str to nengo.Ensemble
        The neurons of each layer.
    """

    net: nengo.Network
    inputs: dict[str, nengo.Node]
    ensembles: dict[str, nengo.Ensemble]


def keras_network(
    network: LoweredNetwork, staircase: bool | None = None, channels: bool = False
) -> tf.keras.Model:
    """Rebuild a lowered network in Keras.

    Parameters
    ----------
    network : LoweredNetwork
    staircase : bool, optional
        Rate staircase in all layers, or ideal ReLU in all; by default as each layer was trained.
        Quantized activations are what they are.
    channels : bool
        Give the activation that binary neurons stand for, channel by channel, instead of their
        own, which is 0 or 1.

    Returns
    -------
    tf.keras.Model
        From the inputs, (batch, rows, columns, channels) each, to the activation of every spiking
        layer in the order of ``network.layers``.
    """
    tensors = {name: tf.keras.Input(shape, name=name) for name, shape in network.inputs.items()}
    inputs = list(tensors.values())
    outputs = []
    for spec in network.layers:
        layer = SumOfConvolutions(spec, staircase)
        tensors[spec.name] = layer([tensors[source] for source in spec.sources])
        output = tensors[spec.name]
        if channels:
            output = spec.neuron.keras_represented(output)
        outputs.append(output)
    return tf.keras.Model(inputs, outputs, name="lowered")


def convert(
    network: LoweredNetwork, *, spiking: bool = True, synapse_s: float | None = 0.005
) -> ConvertedNetwork:
    """Convert a lowered network with ``nengo_dl.Converter``.

    Parameters
    ----------
    network : LoweredNetwork
    spiking : bool
        Spiking neurons of the kind Loihi has, or ideal rectified-linear rates, which
        `nengo_dl.Simulator` can compare with Keras. Binary neurons always spike.
    synapse_s : float, optional
        Time constant in seconds of the low-pass filter on every connection between neurons; None
        for none, as binary neurons need.

    Returns
    -------
    ConvertedNetwork
        Without probes: what to record is for the caller to say.
    """
    from nengo_loihi.neurons import LoihiSpikingRectifiedLinear

    import loihiseg.conversion.exact_blocks
    import loihiseg.conversion.nengo_dl_terms  # noqa: F401 (builders of either)

    model = keras_network(network)
    scales = {model.get_layer(s.name): s.rate_scale_hz for s in network.layers}
    by_nengo_dl = any(s.neuron.nengo_type(s.on_host) is None for s in network.layers)
    swap = {nengo.RectifiedLinear(): LoihiSpikingRectifiedLinear()}
    converter = nengo_dl.Converter(
        model,
        allow_fallback=False,
        swap_activations=swap if spiking and by_nengo_dl else None,
        scale_firing_rates=scales,
        synapse=synapse_s if spiking else None,
        inference_only=True,
    )
    for probe in list(converter.net.probes):
        converter.net.probes.remove(probe)
    ensembles = {s.name: converter.layers[model.get_layer(s.name)].ensemble for s in network.layers}
    inputs = {t.node.layer.name: converter.inputs[t] for t in model.inputs}
    return ConvertedNetwork(converter.net, inputs, ensembles)
