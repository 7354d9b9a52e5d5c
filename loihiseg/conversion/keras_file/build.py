"""A checked model as a model of tf_keras, made by its constructors."""

from collections.abc import Iterable

from loihiseg.frameworks import KerasTensor, tf

import numpy as np

from loihiseg.conversion.keras_file.errors import FaultyFileError, one_line
from loihiseg.conversion.keras_file.layers import LAYERS
from loihiseg.conversion.keras_file.parts import Activation, Part
from loihiseg.conversion.keras_file.weights import Weights, weights_of
from loihiseg.conversion.keras_file.wiring import Layer, Model
from loihiseg.network.activations import LoihiReLU, PercentileFiringRate
from loihiseg.network.eight_bit import EightBitConv2D, EightBitConv2DTranspose
from loihiseg.network.equal_levels import EqualLevels
from loihiseg.network.keras_3 import ACTIVATIONS
from loihiseg.network.quantized import QuantizedReLU

MOST_VALUES = 1 << 31
"""Values of one output of one layer, for one image."""

_OURS = {
    "LoihiReLU": LoihiReLU,
    "QuantizedReLU": QuantizedReLU,
    "EqualLevels": EqualLevels,
    "EightBitConv2D": EightBitConv2D,
    "EightBitConv2DTranspose": EightBitConv2DTranspose,
}


class _FromFile(tf.keras.initializers.Initializer):
    """Gives a weight the shape it has in the file, and refuses any other before memory is taken."""

    def __init__(self, what: str, array: np.ndarray) -> None:
        self.what = what
        self.array = array

    def __call__(
        self, shape: Iterable[int], dtype: tf.DType | None = None, **_: object
    ) -> tf.Tensor:
        _check_shape(self.what, self.array, shape)
        return tf.constant(self.array, dtype)


def _check_shape(what: str, array: np.ndarray, shape: Iterable[int]) -> None:
    if tuple(array.shape) != tuple(shape):
        raise FaultyFileError(
            [f"{what} has shape {array.shape} in the file; {tuple(shape)} belongs to its settings"]
        )


def build_model(model: Model, weights: Weights) -> tf.keras.Model:
    """The model with its weights.

    Parameters
    ----------
    model : Model
    weights : Weights
        Of every layer that has any.

    Raises
    ------
    FaultyFileError
        If layers do not fit each other or their weights; names the first.
    """
    return _Builder(weights).model(model)


class _Builder:
    """Makes the layers of one file and calls them."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights

    def model(self, model: Model) -> tf.keras.Model:
        if model.is_sequential:
            return self._sequential(model)
        made = {layer.name: self.layer(layer) for layer in model}
        by_name = {layer.name: layer for layer in model}
        outputs: dict[tuple[str, int], list[KerasTensor]] = {}
        for layer in model:
            if layer.kind == "InputLayer":
                outputs[layer.name, 0] = _as_list(made[layer.name].output)
        for name, number in model.order:
            call = by_name[name].calls[number]
            inputs = [outputs[r.layer, r.call][r.output] for r in call.inputs]
            outputs[name, number] = self.called(by_name[name], made[name], inputs, call.training)
        return _model(
            [outputs[r.layer, r.call][r.output] for r in model.inputs],
            [outputs[r.layer, r.call][r.output] for r in model.outputs],
            model,
        )

    def called(
        self,
        layer: Layer,
        made: tf.keras.layers.Layer,
        inputs: list[KerasTensor],
        training: bool | None,
    ) -> list[KerasTensor]:
        """Outputs of a call, of which the first gives the layer its weights."""
        one = len(inputs) == 1 and not _joins(layer)
        keywords = {} if training is None else {"training": training}
        with _LayerFaults(layer):
            if keywords and "training" not in made._call_spec.arg_names:
                keywords = {}
            result = _as_list(made(inputs[0] if one else inputs, **keywords))
        for output in result:
            _check_size(layer, output)
        self.check_weights(layer, made)
        return result

    def layer(self, layer: Layer) -> tf.keras.layers.Layer:
        if layer.model is not None:
            return self.model(layer.model)
        arguments = {key: _argument(value) for key, value in layer.arguments.items()}
        guards = {}
        arrays = self.weights.get(layer, [])
        for weight, array in zip(weights_of(layer), arrays, strict=True):
            if weight.initializer is not None:
                guards[weight.initializer] = _FromFile(
                    f"layer '{layer.name}': {weight.name}", array
                )
        kind = _OURS.get(layer.kind) or getattr(tf.keras.layers, layer.kind)
        with _LayerFaults(layer):
            made = kind(**{**arguments, **guards})
        return made

    def check_weights(self, layer: Layer, made: tf.keras.layers.Layer) -> None:
        """Set what has no initializer of its own; put the file's initializers back."""
        if layer.model is not None:
            return
        arrays = self.weights.get(layer, [])
        expected = weights_of(layer)
        variables = list(made.weights)
        names = [v.name.split("/")[-1].removesuffix(":0") for v in variables]
        if names != [w.name for w in expected]:
            raise FaultyFileError([f"layer '{layer.name}' ({layer.kind}) has the weights {names}"])
        for weight, array, variable in zip(expected, arrays, variables, strict=True):
            what = f"layer '{layer.name}': {weight.name}"
            _check_shape(what, array, variable.shape)
            if array.dtype != variable.dtype.as_numpy_dtype:
                raise FaultyFileError(
                    [f"{what} is {array.dtype} in the file; {variable.dtype.name} by its settings"]
                )
            if weight.initializer is None:
                variable.assign(array)
            else:
                own = _argument(layer.arguments.get(weight.initializer))
                setattr(made, weight.initializer, own or tf.keras.initializers.Zeros())

    def _sequential(self, model: Model) -> tf.keras.Model:
        made = tf.keras.Sequential(name=model.name)
        layers = []
        for layer in model:
            layers.append(self.layer(layer))
            with _LayerFaults(layer):
                made.add(layers[-1])
            if made.outputs:
                _check_size(layer, made.outputs[0])
        if not made.inputs and model.build_shape is not None:
            with _LayerFaults(model.layers[0]):
                made.build(model.build_shape)
        if not model.trainable:  # true would thaw layers in it that are frozen
            made.trainable = False
        if made.inputs:
            for layer, each in zip(model, layers):
                self.check_weights(layer, each)
        return made


def _model(inputs: list[KerasTensor], outputs: list[KerasTensor], model: Model) -> tf.keras.Model:
    try:
        made = tf.keras.Model(inputs, outputs, name=model.name)
    except Exception as error:  # what Keras finds wrong with a graph may be any error
        raise FaultyFileError([f"the model '{model.name}': {_first_line(error)}"]) from None
    if not model.trainable:
        made.trainable = False
    return made


def _argument(value: object) -> object:
    """A checked setting as constructors take it."""
    if isinstance(value, Activation):
        return ACTIVATIONS.get(value.name) or getattr(tf.keras.activations, value.name)
    if isinstance(value, Part):
        if value.kind == "PercentileFiringRate":
            return PercentileFiringRate(**value.arguments)
        for module in (tf.keras.initializers, tf.keras.regularizers, tf.keras.constraints):
            kind = getattr(module, value.kind, None)
            if kind is not None:
                return kind(**value.arguments)
    return value


class _LayerFaults:
    """Turns whatever Keras raises into a fault of a layer."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, FaultyFileError):
            raise FaultyFileError(
                [f"layer '{self.layer.name}' ({self.layer.kind}): {_first_line(error)}"]
            ) from None


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return one_line(lines[0], 200) if lines else type(error).__name__


def _as_list(value: KerasTensor | list[KerasTensor] | tuple[KerasTensor, ...]) -> list[KerasTensor]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _joins(layer: Layer) -> bool:
    return layer.model is None and LAYERS[layer.kind].joins


def _check_size(layer: Layer, output: KerasTensor) -> None:
    size = 1
    for length in output.shape[1:]:
        size *= int(length or 1)
    if size > MOST_VALUES:
        raise FaultyFileError(
            [f"layer '{layer.name}' ({layer.kind}) gives {size:,} values; at most {MOST_VALUES:,}"]
        )
