"""Functions of one value that never fall, as Keras has them, and where they cross a value.

An activation of equal levels is at level k where the function has reached a value, and so where its
argument has reached the function's inverse there: a neuron compares sums with thresholds and needs
no function. So every function here can be had by neurons of levels, exactly.

The formulas are those of ``tf_keras.activations`` and ``tf_keras.layers`` (2.21) and of
``keras.activations`` (3.15); constants of SELU as there, after Klambauer et al. 2017,
arXiv 1706.02515.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

MOST_SLOPES = 2**16

FunctionName = Literal[
    "linear", "relu", "elu", "selu", "celu", "sigmoid", "clipped", "tanh", "softplus", "softsign",
    "exponential", "log_sigmoid",
]  # fmt: skip

_Number = Annotated[float, Meta(ge=-1e30, le=1e30)]
_Slope = Annotated[float, Meta(ge=0, le=1e30)]


class Monotone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A function that never falls.

    Attributes
    ----------
    name : str
        What `linear`, `relu` and all others of `FunctionName` are, in Keras' words. "clipped" is
        ``clip(slope * x + shift, lowest, highest)``: both hard sigmoids and the hard tanh.
    slopes : tuple of float
        "relu": the slope at and below the threshold, "elu" and "celu": alpha, "clipped": the slope;
        one for all channels, or one each. None is below 0.
    threshold : float
        "relu": above it the function is its argument, at and below it the slope times how far the
        argument is below; at least 0.
    shift : float
        Of "clipped".
    lowest, highest : float or None
        Of "clipped", and the highest of "relu"; None for none.
    """

    name: FunctionName = "linear"
    slopes: Annotated[tuple[_Slope, ...], Meta(min_length=1, max_length=MOST_SLOPES)] = (0.0,)
    threshold: Annotated[float, Meta(ge=0, le=1e30)] = 0.0
    shift: _Number = 0.0
    lowest: _Number | None = None
    highest: _Number | None = None

    def of(self, x: Any, ops: Any = np) -> Any:
        """Its value for arrays (..., channels).

        Parameters
        ----------
        x : numpy.ndarray or tf.Tensor
        ops : module
            numpy, or what has functions of its names.
        """
        slopes = np.asarray(self.slopes, np.float32)
        if self.name == "clipped":
            return ops.minimum(ops.maximum(x * slopes + self.shift, self.lowest), self.highest)
        if self.name == "relu":
            high = x if self.highest is None else ops.minimum(x, self.highest)
            return ops.where(x > self.threshold, high, (x - self.threshold) * slopes)
        if self.name in _ELUS:
            scale, alpha, width = self._elu(slopes)
            below = alpha * ops.expm1(ops.minimum(x, 0.0) / width)
            return scale * ops.where(x > 0, x, below)
        return _FUNCTIONS[self.name](x, ops)

    def crossing(self, value: float) -> np.ndarray:
        """The least argument for which the function is at least a value.

        Returns
        -------
        numpy.ndarray
            float64, (slopes,): minus infinity where it always is, infinity where it never is.
        """
        slopes = np.asarray(self.slopes, np.float64)
        with np.errstate(all="ignore"):
            if self.name == "clipped":
                assert self.lowest is not None and self.highest is not None
                found = np.where(slopes > 0, (value - self.shift) / slopes, -np.inf)
                flat = np.clip(self.shift, self.lowest, self.highest) >= value
                found = np.where(slopes > 0, found, np.where(flat, -np.inf, np.inf))
                return _outside(found, value, self.lowest, self.highest)
            if self.name == "relu":
                found = self._relu_crossing(value, slopes)
            elif self.name in _ELUS:
                scale, alpha, width = self._elu(slopes)
                own = value / scale
                below = np.where(own > -alpha, width * np.log1p(own / alpha), -np.inf)
                # An alpha of 0 leaves 0 below 0: all reach it.
                found = np.where(own > 0, own, np.where(alpha > 0, below, -np.inf))
            else:
                found = np.full(len(slopes), _crossing(self.name, value))
        return np.asarray(found, np.float64)

    def _relu_crossing(self, value: float, slopes: np.ndarray) -> np.ndarray:
        if self.highest is not None and value > self.highest:
            return np.full(len(slopes), np.inf)
        if value > 0:
            # At the threshold the function leaps: from just above it on.
            least = np.nextafter(np.float32(self.threshold), np.float32(np.inf))
            return np.full(len(slopes), value if value > self.threshold else float(least))
        return np.where(slopes > 0, value / slopes + self.threshold, -np.inf)

    def _elu(self, slopes: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Scale, alpha, and by what arguments below 0 are divided."""
        one = np.ones_like(slopes)
        if self.name == "selu":
            return SELU_SCALE, SELU_ALPHA * one, one
        return 1.0, slopes, slopes if self.name == "celu" else one


_ELUS = ("elu", "selu", "celu")

_FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "linear": lambda x, ops: x,
    "sigmoid": lambda x, ops: 0.5 * (1 + ops.tanh(0.5 * x)),
    "tanh": lambda x, ops: ops.tanh(x),
    "softplus": lambda x, ops: ops.maximum(x, 0.0) + ops.log1p(ops.exp(-ops.abs(x))),
    "softsign": lambda x, ops: x / (1 + ops.abs(x)),
    "exponential": lambda x, ops: ops.exp(x),
    "log_sigmoid": lambda x, ops: ops.minimum(x, 0.0) - ops.log1p(ops.exp(-ops.abs(x))),
}

_RANGES = {
    "linear": (-np.inf, np.inf), "sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0),
    "softplus": (0.0, np.inf), "softsign": (-1.0, 1.0), "exponential": (0.0, np.inf),
    "log_sigmoid": (-np.inf, 0.0),
}  # fmt: skip
"""What lies between is reached, the ends are not."""

_INVERSES: dict[str, Callable[[float], float]] = {
    "linear": lambda y: y,
    "sigmoid": lambda y: float(np.log(y / (1 - y))),
    "tanh": lambda y: float(np.arctanh(y)),
    "softplus": lambda y: float(y + np.log(-np.expm1(-y))),
    "softsign": lambda y: y / (1 - abs(y)),
    "exponential": lambda y: float(np.log(y)),
    "log_sigmoid": lambda y: float(y - np.log(-np.expm1(y))),
}


def _crossing(name: str, value: float) -> float:
    low, high = _RANGES[name]
    if value <= low:
        return -np.inf
    return np.inf if value >= high else _INVERSES[name](value)


def _outside(found: np.ndarray, value: float, lowest: float, highest: float) -> np.ndarray:
    """Infinite where a value is beyond the ends, which are reached."""
    if value <= lowest:
        return np.full_like(found, -np.inf)
    return np.full_like(found, np.inf) if value > highest else found
