"""Keras layers of networks over time.

Images of all steps of a batch stand along the first axis, (batch * steps, rows, columns, channels),
the steps of an image one after the other: so convolutions are Keras' own, once for all steps.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from loihiseg.frameworks import tf

from loihiseg.quantization.fixed_point import THRESHOLD_MANTISSA_MAX, WEIGHT_MANTISSA_MAX
from loihiseg.through_time.neuron import GRID, Integers, spike_trains, truncated
from loihiseg.through_time.settings import Dynamics, Residual, Surrogate

MOST_FLOOR_EXPONENT = 23

SILENCE = 1e4
"""Thresholds, more than any layer hears: taken from it in a step, they leave it at its floor."""

Unit = Callable[[], tf.Tensor]
"""Gives the current that the chip's least weight stands for, a scalar."""


def over_time(merged: tf.Tensor, steps: int) -> tf.Tensor:
    """(batch * steps, ...) to (batch, steps, ...)."""
    return tf.reshape(merged, tf.concat([[-1, steps], tf.shape(merged)[1:]], 0))


def merged(values: tf.Tensor) -> tf.Tensor:
    """(batch, steps, ...) to (batch * steps, ...)."""
    shape = tf.shape(values)
    found = tf.reshape(values, tf.concat([[-1], shape[2:]], 0))
    return tf.ensure_shape(found, (None, *values.shape[2:]))


def integers_of(unit: tf.Tensor, dynamics: Dynamics, flushed: bool) -> Integers:
    """Integers of a layer's neurons on the chip.

    Parameters
    ----------
    unit : tensor, scalar
        See `Integers`; thresholds are 1.
    dynamics : Dynamics
    flushed : bool
        Whether the layer is brought to its floor before its first step, and from there to rest by
        a multiple of 64: less than 64 is left of that.

    Notes
    -----
    The chip's floor is 1 above minus a power of 2: the one next to the floor asked for.
    """
    n = tf.clip_by_value(tf.round(1.0 / unit), 1.0, float(THRESHOLD_MANTISSA_MAX))
    threshold = GRID * n
    if not dynamics.floor:
        nothing = tf.zeros_like(threshold)
        return Integers(unit, threshold, nothing, nothing)
    exponent = tf.round(tf.math.log(-dynamics.floor * threshold) / math.log(2.0))
    exponent = tf.clip_by_value(exponent, 1.0, float(MOST_FLOOR_EXPONENT))
    floor = 1.0 - tf.round(tf.pow(2.0, exponent))
    if not flushed:
        return Integers(unit, threshold, floor, tf.zeros_like(floor))
    left = truncated(floor, dynamics.decay)
    return Integers(unit, threshold, floor, left - GRID * tf.floor(left / GRID))


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class Spikes(tf.keras.layers.Layer):
    """Neurons: currents of all own steps to spikes; see `spike_trains`.

    Parameters
    ----------
    steps : int
    dynamics : Dynamics or dict
    flushed : bool
        As of `integers_of`.
    unit : callable, optional
        Compute in the chip's integers. Not kept in a saved model.
    idle : sequence of int
        Steps in which they are kept silent, at their floor.

    Attributes
    ----------
    event_weight : float
        Of the spikes of a neuron for an image in the loss; 0, unless
        `loihiseg.through_time.events.charge_spikes` sets it. Not kept in a saved model.
    """

    def __init__(
        self,
        steps: int,
        dynamics: Dynamics | dict[str, Any],
        flushed: bool = False,
        unit: Unit | None = None,
        idle: Sequence[int] = (),
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.steps, self.flushed, self.unit, self.idle = steps, flushed, unit, tuple(idle)
        if isinstance(dynamics, dict):
            surrogate = Surrogate(**dynamics["surrogate"])
            dynamics = Dynamics(**{**dynamics, "surrogate": surrogate})
        self.dynamics = dynamics
        self.event_weight = 0.0

    @property
    def integers(self) -> Integers | None:
        """Of its neurons on the chip; None where it computes in floats."""
        if self.unit is None:
            return None
        return integers_of(self.unit(), self.dynamics, self.flushed)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Map currents to spikes of the same shape."""
        currents = over_time(inputs, self.steps)
        if self.idle:
            idle = [step in self.idle for step in range(self.steps)]
            silenced = tf.reshape(tf.constant(idle), (1, -1, *(1 for _ in inputs.shape[1:])))
            currents = tf.where(silenced, tf.constant(-SILENCE), currents)
        found = spike_trains(currents, self.dynamics, self.integers)
        if self.event_weight:
            self.add_loss(self.event_weight * self.steps * tf.reduce_mean(found))
        return merged(tf.ensure_shape(found, (None, self.steps, *inputs.shape[1:])))

    def get_config(self) -> dict[str, object]:
        """Return the constructor's arguments."""
        own = {"steps": self.steps, "dynamics": asdict(self.dynamics), "flushed": self.flushed}
        return {**super().get_config(), **own, "idle": list(self.idle)}


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class Later(tf.keras.layers.Layer):
    """Some steps of a source: those that a layer hears.

    Parameters
    ----------
    steps, lag, heard : int
        Steps of the source, the first that is heard, and how many are.
    """

    def __init__(self, steps: int, lag: int, heard: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.steps, self.lag, self.heard = steps, lag, heard

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Map (batch * steps, ...) to (batch * heard, ...)."""
        found = over_time(inputs, self.steps)[:, self.lag : self.lag + self.heard]
        return merged(tf.ensure_shape(found, (None, self.heard, *inputs.shape[1:])))

    def get_config(self) -> dict[str, object]:
        """Return the constructor's arguments."""
        own = {"steps": self.steps, "lag": self.lag, "heard": self.heard}
        return {**super().get_config(), **own}


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class Repeated(tf.keras.layers.Layer):
    """What stands at the input in every step.

    Parameters
    ----------
    steps : int
    """

    def __init__(self, steps: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.steps = steps

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Map (batch, ...) to (batch * steps, ...)."""
        return tf.repeat(inputs, self.steps, axis=0)

    def get_config(self) -> dict[str, object]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "steps": self.steps}


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class MeanOverTime(tf.keras.layers.Layer):
    """Spikes per step.

    Parameters
    ----------
    steps : int
    """

    def __init__(self, steps: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.steps = steps

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Map (batch * steps, ...) to (batch, ...)."""
        found = tf.reduce_mean(over_time(inputs, self.steps), axis=1)
        return tf.ensure_shape(found, (None, *inputs.shape[1:]))

    def get_config(self) -> dict[str, object]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "steps": self.steps}


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class MeanOfHeads(tf.keras.layers.Layer):
    """The mean over the last axis, which is kept."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Map (..., heads) to (..., 1)."""
        return tf.reduce_mean(inputs, axis=-1, keepdims=True)


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class ShiftPerStep(tf.keras.layers.Layer):
    """A summand for each own step and channel, which on the chip a clock sends.

    Parameters
    ----------
    steps : int
    unit : callable, optional
        Round to multiples of it. Gradients pass as if it did not. Not kept in a saved model.
    """

    def __init__(self, steps: int, unit: Unit | None = None, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.steps, self.unit = steps, unit

    def build(self, input_shape: tf.TensorShape) -> None:
        """Make the weight, (steps, channels)."""
        self.shift = self.add_weight(
            "shift", (self.steps, int(input_shape[-1])), initializer="zeros"
        )
        super().build(input_shape)

    @property
    def rounded(self) -> tf.Tensor:
        """(steps, channels), as the chip has it."""
        if self.unit is None:
            return tf.convert_to_tensor(self.shift)
        unit = tf.stop_gradient(self.unit())
        return passed_through(self.shift, unit * tf.round(self.shift / unit))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Map currents to currents of the same shape."""
        found = over_time(inputs, self.steps) + self.rounded[:, None, None]
        return merged(tf.ensure_shape(found, (None, self.steps, *inputs.shape[1:])))

    def get_config(self) -> dict[str, object]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "steps": self.steps}


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class Gate(tf.keras.layers.Layer):
    """Spikes of a block, and those that it heard, as one train of spikes.

    Parameters
    ----------
    rule : str
        "and", "or", or "iand": those that the block heard, without its own.
    """

    def __init__(self, rule: Residual, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.rule = rule

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Map the block's spikes and those it heard, of one shape, to spikes."""
        own, heard = inputs
        if self.rule == "and":
            return own * heard
        if self.rule == "or":
            return own + heard - own * heard
        return heard - own * heard

    def get_config(self) -> dict[str, object]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "rule": self.rule}


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class AddedSpikes(tf.keras.layers.Layer):
    """Currents, and spikes that are added to them, each as much as a threshold.

    Parameters
    ----------
    unit : callable, optional
        On the chip: as near to a threshold as a weight comes. Not kept in a saved model.
    """

    def __init__(self, unit: Unit | None = None, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.unit = unit

    @property
    def units(self) -> tf.Tensor:
        """The weight, over the chip's least: a mantissa of 7 bits times a power of 2."""
        assert self.unit is not None
        wanted = 1.0 / self.unit()
        step = 2.0 ** tf.math.ceil(tf.math.log(wanted / WEIGHT_MANTISSA_MAX) / math.log(2.0))
        step = tf.maximum(1.0, tf.round(step))
        return step * tf.minimum(tf.round(wanted / step), float(WEIGHT_MANTISSA_MAX))

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Map currents and spikes, of one shape, to currents."""
        currents, spikes = inputs
        if self.unit is None:
            return currents + spikes
        return currents + tf.stop_gradient(self.unit() * self.units) * spikes


def passed_through(value: tf.Tensor, changed: tf.Tensor) -> tf.Tensor:
    """The changed value, with the gradient of the value it was made of."""
    return value + tf.stop_gradient(changed - value)


class OneScale:
    """A kernel of whole numbers from -127 to 127 of one unit, the layer's own.

    Attributes
    ----------
    unit : tensor, scalar
        A 127th of the largest weight.
    mantissas : tensor
        Of the shape of the kernel.
    """

    kernel: tf.Variable

    @property
    def unit(self) -> tf.Tensor:
        """See above."""
        largest = tf.maximum(tf.reduce_max(tf.abs(self.kernel)), 1e-6)
        return tf.stop_gradient(largest / WEIGHT_MANTISSA_MAX)

    @property
    def mantissas(self) -> tf.Tensor:
        """See above."""
        return tf.round(self.kernel / self.unit)

    @property
    def rounded_kernel(self) -> tf.Tensor:
        """The kernel as the chip has it; gradients are those of the kernel."""
        return passed_through(tf.convert_to_tensor(self.kernel), self.unit * self.mantissas)


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class OneScaleConv2D(OneScale, tf.keras.layers.Conv2D):
    """A convolution with such a kernel."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolve with the rounded kernel."""
        return super().convolution_op(inputs, self.rounded_kernel)


@tf.keras.utils.register_keras_serializable(package="loihiseg")
class OneScaleConv2DTranspose(OneScale, tf.keras.layers.Conv2DTranspose):
    """A transposed convolution with such a kernel, of strides that equal it, without padding."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Convolve with the rounded kernel."""
        batch, rows, columns, _ = tf.unstack(tf.shape(inputs))
        shape = (batch, rows * self.strides[0], columns * self.strides[1], self.filters)
        found = tf.nn.conv2d_transpose(inputs, self.rounded_kernel, shape, self.strides, "VALID")
        return tf.ensure_shape(found, (None, *self.compute_output_shape(inputs.shape)[1:]))
