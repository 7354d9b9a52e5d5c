"""Keras functional model to spiking layers fed by one convolution per source.

The model's layers fall into three parts: layers fed by pixels run on the host and turn them into
spikes; every other activation is a layer of neurons on the chip; what follows the last activations
(a linear read-out, upsampling, a sigmoid) runs on the host again, as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass

from loihiseg.frameworks import KerasTensor, tf

import numpy as np

from loihiseg.conversion import linear
from loihiseg.conversion.host_graph import HostGraph
from loihiseg.conversion.neuron import Neuron
from loihiseg.conversion.neuron_kinds import Quantized, Rectified
from loihiseg.conversion.readout import readout_graph
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.conversion.weights import check_weights
from loihiseg.errors import InputError
from loihiseg.network.activations import LoihiReLU
from loihiseg.network.quantized import QuantizedReLU

INSTEAD = {
    "MaxPooling2D": "a Conv2D with strides=2",
    "AveragePooling2D": "a Conv2D with strides=2",
    "UpSampling2D": "a Conv2DTranspose with kernel_size=2, strides=2",
    "Dense": "a Conv2D with kernel_size=1, or one as large as the image",
    "SeparableConv2D": "a Conv2D",
    "DepthwiseConv2D": "a Conv2D",
    "LeakyReLU": "a ReLU",
    "PReLU": "a ReLU",
    "ELU": "a ReLU",
    "LayerNormalization": "a BatchNormalization",
    "Multiply": "an Add or a Concatenate",
    "Functional": "its layers, called one by one",
    "Sequential": "its layers, called one by one",
}
"""What to use in place of a layer that Loihi cannot run."""

_PASS_THROUGH = ("Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout")


@dataclass(frozen=True, eq=False)
class Lowering:
    """A lowered model.

    Attributes
    ----------
    network : LoweredNetwork
        What runs up to the last spiking layers.
    readout : tf.keras.Model
        From the activations of ``network.outputs``, in that order, to the model's outputs.
    graph : HostGraph
        The same in numpy, to the model's only output.
    """

    network: LoweredNetwork
    readout: tf.keras.Model
    graph: HostGraph


def lower(model: tf.keras.Model, rate_scale_hz: float = 100.0) -> Lowering:
    """Rewrite a functional model as spiking layers with one convolution per source.

    Parameters
    ----------
    model : tf.keras.Model
        Built of Input, Conv2D, Conv2DTranspose, Concatenate, Add, BatchNormalization, ReLU,
        Activation("relu"), LoihiReLU, QuantizedReLU and dropout, channels last. What follows the
        last activation runs on the host: see `loihiseg.conversion.readout`.
    rate_scale_hz : float
        Firing rate in Hz that stands for an activation of 1, for layers that do not say.

    Returns
    -------
    Lowering

    Raises
    ------
    InputError
        If a layer cannot run on Loihi; names the layer and what to use instead. If weights are not
        finite or carry nothing on; names all layers that have such.
    """
    if not hasattr(model, "inputs") or model.inputs is None:
        raise InputError("model has no functional graph; build it with tf.keras.Input")
    check_weights(model)
    boundary = _spiking_boundary(model.outputs)
    walk = _Walk(rate_scale_hz)
    for tensor in boundary:
        walk.visit(tensor)
    inputs = {t.node.layer.name: _shape(t) for t in model.inputs}
    outputs = tuple(_layer_of(t).name for t in boundary)
    network = LoweredNetwork(inputs, tuple(walk.layers.values()), outputs)
    if not network.chip_layers:
        raise InputError(
            "model leaves no layer for the chip: every activation is fed by pixels; add a "
            "convolution with an activation behind the first"
        )
    if len(model.outputs) != 1:
        raise InputError(f"model has {len(model.outputs)} outputs; give it one, a map of membrane")
    graph = readout_graph(boundary, model.outputs[0])
    return Lowering(network, _readout(boundary, model.outputs), graph)


def _readout(boundary: list[KerasTensor], outputs: list[KerasTensor]) -> tf.keras.Model:
    """The model from the last activations to the outputs."""
    ends = {id(tensor) for tensor in boundary}
    # Keras makes no model of which an input is an output.
    pass_on = tf.keras.layers.Activation("linear", name="readout")
    outputs = [pass_on(tensor) if id(tensor) in ends else tensor for tensor in outputs]
    return tf.keras.Model(boundary, outputs, name="readout")


def _spiking_boundary(outputs: list[KerasTensor]) -> list[KerasTensor]:
    """Tensors of the spiking layers nearest the outputs, in order of first use."""
    found: list[KerasTensor] = []
    seen: set[int] = set()

    def search(tensor: KerasTensor, behind: tuple[tf.keras.layers.Layer, ...] = ()) -> None:
        if id(tensor) in seen:
            return
        seen.add(id(tensor))
        layer = _layer_of(tensor)
        if is_spiking(layer):
            found.append(tensor)
        elif isinstance(layer, tf.keras.layers.InputLayer):
            for other in behind:
                if type(other).__name__ in INSTEAD:
                    raise _cannot_run(other)
            raise InputError(
                f"input '{layer.name}' reaches the output past every activation; "
                "send it through a Conv2D with an activation first"
            )
        else:
            for source in _sources_of(tensor):
                search(source, (layer, *behind))

    for tensor in outputs:
        search(tensor)
    return found


class _Walk:
    """Collects spiking layers from the outputs back, sources first."""

    def __init__(self, rate_scale_hz: float) -> None:
        self.rate_scale_hz = rate_scale_hz
        self.layers: dict[str, SpikingLayer] = {}
        self.uses: dict[str, object] = {}

    def visit(self, tensor: KerasTensor) -> None:
        """Add the spiking layer of a tensor, after those that feed it."""
        layer = _layer_of(tensor)
        self._check_used_once(tensor)
        if layer.name in self.layers:
            return
        if _has_activation(layer):
            mapped = self._linear_layer(tensor)
        else:
            (source,) = _sources_of(tensor)
            mapped = self.linearize(source)
        from_pixels = [t.source not in self.layers for t in mapped.terms]
        if any(from_pixels) and not all(from_pixels):
            raise InputError(
                f"layer '{layer.name}' is fed by pixels and by spikes at once; give the pixels "
                "a Conv2D with an activation of their own"
            )
        self.layers[layer.name] = SpikingLayer(
            name=layer.name,
            shape=_shape(tensor),
            terms=mapped.terms,
            bias=mapped.offset,
            rate_scale_hz=getattr(layer, "rate_scale_hz", self.rate_scale_hz),
            on_host=all(from_pixels),
            neuron=_neuron(layer),
        )

    def linearize(self, tensor: KerasTensor) -> linear.LinearMap:
        """The linear map from spiking layers and inputs to a tensor."""
        layer = _layer_of(tensor)
        if is_spiking(layer):
            self.visit(tensor)
            return linear.identity(layer.name, _shape(tensor))
        if isinstance(layer, tf.keras.layers.InputLayer):
            return linear.identity(layer.name, _shape(tensor))
        return self._linear_layer(tensor)

    def _check_used_once(self, tensor: KerasTensor) -> None:
        """Uses outside this model, of which Keras keeps record too, do not count."""
        layer = _layer_of(tensor)
        if self.uses.setdefault(layer.name, tensor.node) is not tensor.node:
            raise InputError(
                f"layer '{layer.name}' is applied more than once; give every use a layer of its own"
            )

    def _linear_layer(self, tensor: KerasTensor) -> linear.LinearMap:
        layer = _layer_of(tensor)
        self._check_used_once(tensor)
        sources = [self.linearize(t) for t in _sources_of(tensor)]
        kind = type(layer).__name__
        try:
            if isinstance(layer, tf.keras.layers.Conv2D):  # Conv2DTranspose derives from it
                return _convolution(layer, sources[0], _shape(tensor))
            if isinstance(layer, tf.keras.layers.BatchNormalization):
                return _batch_normalization(layer, sources[0])
            if isinstance(layer, tf.keras.layers.Concatenate):
                if layer.axis not in (-1, 3):
                    raise InputError(
                        f"layer '{layer.name}' (Concatenate) joins axis {layer.axis}; "
                        "join the channels (axis -1)"
                    )
                return linear.concatenate(sources)
            if isinstance(layer, tf.keras.layers.Add):
                if len({s.shape for s in sources}) > 1:
                    raise InputError(f"layer '{layer.name}' (Add) adds maps of unequal shape")
                return linear.add(sources)
        except linear.NotLinearizableError as error:
            raise InputError(f"layer '{layer.name}' ({kind}) cannot be placed: {error}") from None
        linear_activation = kind == "Activation" and layer.activation is tf.keras.activations.linear
        if kind in _PASS_THROUGH or linear_activation:
            return sources[0]
        raise _cannot_run(layer)


def _cannot_run(layer: tf.keras.layers.Layer) -> InputError:
    """The error that names a layer and what to use instead."""
    kind = type(layer).__name__
    instead = INSTEAD.get(kind, "Conv2D, Conv2DTranspose, Concatenate, Add and ReLU")
    if kind == "Activation":
        kind = f"Activation {getattr(layer.activation, '__name__', layer.activation)!r}"
    return InputError(f"layer '{layer.name}' ({kind}) cannot run on Loihi; use {instead}")


def _neuron(layer: tf.keras.layers.Layer) -> Neuron:
    """What a Keras activation asks of neurons."""
    if isinstance(layer, QuantizedReLU):
        return Quantized(layer.levels, float(layer.scale) / layer.levels)
    return Rectified(getattr(layer, "staircase", False))


def is_spiking(layer: tf.keras.layers.Layer) -> bool:
    """Whether a Keras layer's output is the activation of neurons."""
    if isinstance(layer, (LoihiReLU, QuantizedReLU)):
        return True
    if isinstance(layer, tf.keras.layers.ReLU):
        if layer.max_value is not None or layer.negative_slope or layer.threshold:
            raise InputError(
                f"layer '{layer.name}' (ReLU) has a maximum, slope or threshold; use a plain ReLU"
            )
        return True
    if isinstance(layer, tf.keras.layers.Activation):
        return _is_relu(layer.activation)
    return _has_activation(layer)


def _has_activation(layer: tf.keras.layers.Layer) -> bool:
    convolution = type(layer) in (tf.keras.layers.Conv2D, tf.keras.layers.Conv2DTranspose)
    return convolution and _is_relu(layer.activation)


def _is_relu(activation: Callable[[tf.Tensor], tf.Tensor]) -> bool:
    return activation in (tf.keras.activations.relu, tf.nn.relu)


def _convolution(
    layer: tf.keras.layers.Conv2D, source: linear.LinearMap, shape: tuple[int, int, int]
) -> linear.LinearMap:
    kind = type(layer).__name__
    if kind not in ("Conv2D", "Conv2DTranspose"):
        raise InputError(f"layer '{layer.name}' ({kind}) cannot run on Loihi; use a Conv2D")
    if not (layer.activation is tf.keras.activations.linear or _is_relu(layer.activation)):
        name = getattr(layer.activation, "__name__", layer.activation)
        raise InputError(f"layer '{layer.name}' ({kind}) has activation {name!r}; use 'relu'")
    if layer.data_format != "channels_last":
        raise InputError(f"layer '{layer.name}' ({kind}) is channels-first; use channels_last")
    if tuple(layer.dilation_rate) != (1, 1) or layer.groups != 1:
        raise InputError(f"layer '{layer.name}' ({kind}) is dilated or grouped; use a plain one")
    transposed = kind == "Conv2DTranspose"
    kernel = layer.kernel.numpy()
    padding = layer.padding
    if transposed:
        kernel = np.swapaxes(kernel, 2, 3)
        fits = tuple(layer.kernel_size) == tuple(layer.strides)
        if layer.output_padding is not None or (padding == "same" and not fits):
            raise InputError(
                f"layer '{layer.name}' (Conv2DTranspose) has padding that nengo-loihi builds "
                "otherwise than Keras; use kernel_size equal to strides, or padding='valid'"
            )
        # With kernel and stride equal, "same" pads nothing; nengo would crop a pixel.
        padding = "valid"
    bias = layer.bias.numpy() if layer.use_bias else np.zeros(kernel.shape[-1], np.float32)
    return linear.convolve(
        source, kernel, bias, shape, strides=layer.strides, padding=padding, transposed=transposed
    )


def _batch_normalization(
    layer: tf.keras.layers.BatchNormalization, source: linear.LinearMap
) -> linear.LinearMap:
    if tuple(layer.axis) not in ((3,), (-1,)):
        raise InputError(f"layer '{layer.name}' (BatchNormalization) must normalize channels")
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    factor = 1.0 / np.sqrt(variance + layer.epsilon)
    if layer.scale:
        factor = factor * layer.gamma.numpy()
    offset = -mean * factor
    if layer.center:
        offset = offset + layer.beta.numpy()
    return linear.scale(source, factor, offset)


def _layer_of(tensor: KerasTensor) -> tf.keras.layers.Layer:
    return tensor.node.layer


def _sources_of(tensor: KerasTensor) -> list[KerasTensor]:
    return tensor.node.keras_inputs


def _shape(tensor: KerasTensor) -> tuple[int, int, int]:
    shape = tuple(tensor.shape[1:])
    if len(shape) != 3 or None in shape:
        raise InputError(
            f"layer '{_layer_of(tensor).name}' has output shape {shape}; "
            "rows, columns and channels must be fixed"
        )
    rows, columns, channels = (int(n) for n in shape)
    return rows, columns, channels
