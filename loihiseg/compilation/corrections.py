"""Kernels and values of levels fitted to the network in floats, layer by layer, without labels.

Each layer hears what the layers before it come to with levels, and is brought back to what it would
be in floats. Three things are fitted in turn, each in closed form:

- kernels and a shift of the bias of each channel, by least squares with a ridge to the old ones. A
  sum is wrong only as far as it changes the activation: nothing is asked for where it and the float
  one are both below 0, or both beyond the highest level;
- the value of the highest level of each channel, of `CANDIDATES` the one of the least squared
  error. Neurons of a layer have one value in common: what a channel's differs from it by stands in
  its kernel and in those that hear it;
- the last convolution of the read-out, on the host (`loihiseg.compilation.readout_fit`).

The host's own layer may have more levels than the others: it sends all of them in one step.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy  # scipy.linalg loads when it is first used

from loihiseg.compilation.scales import sharing
from loihiseg.conversion.convolution import layer_total
from loihiseg.conversion.forward import BATCH
from loihiseg.conversion.host_graph import Affine, HostGraph, Node
from loihiseg.conversion.linear import AnyTerm, SparseTerm, Term
from loihiseg.conversion.neuron_kinds import Extremum, Quantized, Rectified
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.conversion.term_channels import channels_of
from loihiseg.conversion.windows import has_windows, heard_windows
from loihiseg.errors import InputError

RIDGE = 0.4
"""Weight of the old kernels, in units of the mean square of what a kernel hears."""

ROUNDS = 15
"""Of the least squares; which sums count is found anew in each."""

MOST_ROWS = 32_768
"""Pixels of a layer that kernels are fitted on, spread evenly over what there are."""

CANDIDATES = np.geomspace(0.08, 1.2, 24)
"""Values of the highest level that are tried, in units of the `TOP` quantile of the activation."""

TOP = 0.999


@dataclass(frozen=True, eq=False)
class Corrected:
    """A network with levels, fitted to that in floats.

    Attributes
    ----------
    network : LoweredNetwork
    readout : HostGraph
        For the network's levels: it begins with what channels of the outputs differ by.
    outputs : dict of str to numpy.ndarray
        What the outputs come to on the images, (n, rows, columns, channels) by layer.
    """

    network: LoweredNetwork
    readout: HostGraph
    outputs: dict[str, np.ndarray]


def float_sums(network: LoweredNetwork, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """What the activations of a network in floats are of, by layer that is no extreme of others.

    Parameters
    ----------
    network : LoweredNetwork
        Of rectified sums, and extremes of such.
    pixels : numpy.ndarray
        (n, rows, columns) or (n, rows, columns, channels), float32, normalized.

    Returns
    -------
    dict of str to numpy.ndarray
        (n, rows, columns, channels) float32.

    Raises
    ------
    InputError
        If there are other activations; names them.
    """
    others = [
        layer.name
        for layer in network.layers
        if not (layer.neuron.chooses or isinstance(layer.neuron, Rectified))
    ]
    if others:
        raise InputError(
            f"layer{'s' * (len(others) > 1)} {', '.join(others)}: corrections are of "
            "rectified-linear units; leave them out, or use a ReLU there"
        )
    parts = []
    for first in range(0, len(pixels), BATCH):
        values, sums = _shown(network, pixels[first : first + BATCH]), {}
        for layer in network.layers:
            total = layer_total(layer, values, len(pixels[first : first + BATCH]))
            values[layer.name] = layer.neuron.activation(total, layer.rate_scale_hz, False)
            if not layer.neuron.chooses:
                sums[layer.name] = total
        parts.append(sums)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def corrected(
    floats: LoweredNetwork,
    readout: HostGraph,
    levels: Mapping[str, int],
    pixels: np.ndarray,
    sums: Mapping[str, np.ndarray] | None = None,
    factors: Mapping[str, float] | None = None,
) -> Corrected:
    """A network of levels, fitted layer by layer.

    Parameters
    ----------
    floats : LoweredNetwork
        Of rectified sums, and extremes of such.
    readout : HostGraph
    levels : mapping of str to int
        Of each layer that is no extreme of others.
    pixels : numpy.ndarray
        (n, rows, columns) or (n, rows, columns, channels), float32, normalized.
    sums : mapping of str to numpy.ndarray, optional
        As of `float_sums` on these images; computed here by default.
    factors : mapping of str to float, optional
        What values of the highest level are multiplied by, by layer; 1 by default.

    Returns
    -------
    Corrected

    Raises
    ------
    InputError
        If there are other activations, or a layer is silent on all images; names them.
    """
    wanted = float_sums(floats, pixels) if sums is None else sums
    fit = _Fit(floats, levels, wanted, factors or {}, _shown(floats, pixels))
    network = replace(floats, layers=tuple(fit.next(layer) for layer in floats.layers))
    outputs = {name: fit.values[name] for name in network.outputs}
    return Corrected(network, _rescaled(readout, fit.scales), outputs)


class _Fit:
    """Fits layers in their order.

    ``values`` is what layers so far come to with levels, ``scales`` what a level of each of their
    channels is worth in units of what a level of the layer is.
    """

    def __init__(
        self,
        floats: LoweredNetwork,
        levels: Mapping[str, int],
        wanted: Mapping[str, np.ndarray],
        factors: Mapping[str, float],
        shown: dict[str, np.ndarray],
    ):
        self._levels, self._wanted, self._factors = levels, wanted, factors
        self._alone = {names[0] for names in sharing(floats) if len(names) == 1}
        self._tops = _float_tops(floats, wanted, levels)
        self._made: dict[str, SpikingLayer] = {}
        self.values, self.scales = shown, dict[str, np.ndarray]()

    def next(self, layer: SpikingLayer) -> SpikingLayer:
        """The next layer, with levels."""
        made = self._chosen(layer) if layer.neuron.chooses else self._counted(layer)
        self.values[made.name] = made.neuron.activation(self._sums(made), made.rate_scale_hz)
        self._made[made.name] = made
        return made

    def _chosen(self, layer: SpikingLayer) -> SpikingLayer:
        source = self._made[layer.sources[0]]
        self.scales[layer.name] = self.scales[source.name]
        largest = bool(getattr(layer.neuron, "largest", True))
        return replace(layer, neuron=Extremum(source.levels, source.level_value, largest))

    def _counted(self, layer: SpikingLayer) -> SpikingLayer:
        name, levels = layer.name, self._levels[layer.name]
        wanted, tops = self._wanted[name], self._tops[name]
        made = _fitted(_in_units(layer, self.scales), self.values, wanted, tops)
        if name in self._alone:
            tops = best_tops(self._sums(made), np.maximum(wanted, 0), levels)
        made, self.scales[name] = _of_one_value(made, tops * self._factors.get(name, 1.0), levels)
        return made

    def _sums(self, layer: SpikingLayer) -> np.ndarray:
        return layer_total(layer, self.values, len(self.values[layer.sources[0]]))


def best_tops(sums: np.ndarray, wanted: np.ndarray, levels: int) -> np.ndarray:
    """Values of the highest level of each channel, of the least squared error.

    Parameters
    ----------
    sums : numpy.ndarray
        (..., channels), what levels are counted of.
    wanted : numpy.ndarray
        The same shape, activations in floats.
    levels : int

    Returns
    -------
    numpy.ndarray
        float64, (channels,), above 0; of a channel that is silent that of all together.
    """
    sums, wanted = (one.reshape(-1, one.shape[-1]) for one in (sums, wanted))
    top = float(np.quantile(wanted, TOP)) or float(wanted.max())
    tried = CANDIDATES * top
    errors = np.stack(
        [np.square(_counted(sums, value / levels, levels) - wanted).mean(0) for value in tried]
    )
    whole = tried[errors.sum(1).argmin()]
    return np.where(wanted.max(0) > 0, tried[errors.argmin(0)], whole)


def _counted(sums: np.ndarray, step: float, levels: int) -> np.ndarray:
    value = np.float32(step)
    return value * np.clip(np.floor(sums / value + np.float32(0.5)), 0, np.float32(levels))


def _shown(network: LoweredNetwork, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Images, as the network's one input."""
    (name,) = network.inputs
    images = np.asarray(pixels, np.float32)
    return {name: images[..., None] if images.ndim == 3 else images}


def _float_tops(
    floats: LoweredNetwork, wanted: Mapping[str, np.ndarray], levels: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """Values of highest levels in floats; one by channel of layers that an extreme is chosen of."""
    found: dict[str, np.ndarray] = {}
    for names in sharing(floats):
        sums = np.concatenate([wanted[name].reshape(-1, wanted[name].shape[-1]) for name in names])
        if not (sums > 0).any():
            raise InputError(
                f"layer '{names[0]}' is silent on all images that levels are found on: nothing "
                "can be fitted; use images of another kind, or leave corrections out"
            )
        found |= dict.fromkeys(names, best_tops(sums, np.maximum(sums, 0), levels[names[0]]))
    return found


def _in_units(layer: SpikingLayer, scales: Mapping[str, np.ndarray]) -> SpikingLayer:
    """A layer that hears channels in the units that their layers have now."""
    terms: list[AnyTerm] = []
    for term in layer.terms:
        scale = scales.get(term.source)
        if scale is not None and isinstance(term, Term):
            # Depthwise kernels have one channel of the source in the same place.
            kernel = term.kernel * scale[:, None]
            term = term.with_values(kernel.astype(np.float32))
        elif scale is not None and isinstance(term, SparseTerm):
            by_value = np.tile(scale, term.weights.shape[1] // len(scale))
            weights = term.values * by_value[term.weights.indices]
            term = term.with_values(weights.astype(np.float32))
        terms.append(term)
    return replace(layer, terms=tuple(terms))


def _of_one_value(
    layer: SpikingLayer, tops: np.ndarray, levels: int
) -> tuple[SpikingLayer, np.ndarray]:
    """A layer of levels of one value; and what a level of each channel is worth in units of it."""
    mean = float(np.exp(np.log(tops).mean()))
    factor = (mean / tops).astype(np.float32)
    terms = tuple(
        term.with_values((term.values * factor[channels_of(term, len(factor))]).astype(np.float32))
        for term in layer.terms
    )
    bias = (layer.bias * factor).astype(np.float32)
    neuron = Quantized(levels, mean / levels)
    return replace(layer, terms=terms, bias=bias, neuron=neuron), (1 / factor).astype(np.float32)


def _fitted(
    layer: SpikingLayer, values: Mapping[str, np.ndarray], wanted: np.ndarray, tops: np.ndarray
) -> SpikingLayer:
    """A layer whose sums are as near to those in floats as kernels and shifts can bring them."""
    terms = [term for term in layer.terms if isinstance(term, Term) and has_windows(term)]
    if layer.on_host or len(terms) != len(layer.terms):
        return layer
    channels = wanted.shape[-1]
    every = max(1, -(-wanted[..., 0].size // MOST_ROWS))
    heard = np.concatenate(
        [
            heard_windows(term, values[term.source], layer.shape).reshape(
                -1, term.kernel.size // channels
            )[::every]
            for term in terms
        ]
        + [np.ones((-(-wanted[..., 0].size // every), 1), np.float32)],
        axis=1,
    )
    old = np.concatenate([term.kernel.reshape(-1, channels) for term in terms])
    bias = np.broadcast_to(layer.bias, wanted.shape).reshape(-1, channels)[::every]
    flat = wanted.reshape(-1, channels)[::every]
    found = least_squares(heard, bias, flat, old, tops.astype(np.float32))
    places = np.cumsum([term.kernel.size // channels for term in terms])[:-1]
    kernels = np.split(found[:-1], places)
    fitted = tuple(
        term.with_values(np.ascontiguousarray(one.reshape(term.kernel.shape)))
        for term, one in zip(terms, kernels, strict=True)
    )
    return replace(layer, terms=fitted, bias=(layer.bias + found[-1]).astype(np.float32))


def least_squares(
    heard: np.ndarray, bias: np.ndarray, wanted: np.ndarray, old: np.ndarray, tops: np.ndarray
) -> np.ndarray:
    """Weights by which what is heard comes nearest to what is wanted.

    Least is the squared difference of ``heard @ weights + bias`` and ``wanted``, taken as far as an
    activation sees it: none where both are below 0, or both above the channel's top. What is not
    seen is replaced by what is found, round by round, so that all channels have one matrix.

    Parameters
    ----------
    heard : numpy.ndarray
        (pixels, values + 1), float32, the last column 1.
    bias, wanted : numpy.ndarray
        (pixels, channels), float32.
    old : numpy.ndarray
        (values, channels), the weights that a ridge holds to; the shift, which is last in what is
        returned, is free.
    tops : numpy.ndarray
        (channels,), float32.

    Returns
    -------
    numpy.ndarray
        (values + 1, channels), float32.
    """
    square = (heard.T @ heard).astype(np.float64)
    mean = float(np.diag(square)[:-1].mean())
    ridge = np.append(np.full(len(old), RIDGE * mean), 1e-6 * len(heard))
    factor = scipy.linalg.cho_factor(square + np.diag(ridge))
    held = ridge[:, None] * np.concatenate([old, np.zeros((1, old.shape[1]))])
    found = np.concatenate([old, np.zeros((1, old.shape[1]), np.float32)])
    for _ in range(ROUNDS):
        now = heard @ found + bias
        seen = np.where(wanted <= 0, np.minimum(now, 0), wanted)
        seen = np.where(wanted >= tops, np.maximum(now, tops), seen)
        right = heard.T @ (seen - bias) + held
        found = scipy.linalg.cho_solve(factor, right).astype(np.float32)
    return found


def _rescaled(readout: HostGraph, scales: Mapping[str, np.ndarray]) -> HostGraph:
    """A read-out that takes channels in the units that their layers have now."""
    renamed = {name: f"{name} in floats" for name in readout.inputs}
    first = tuple(
        Node(renamed[name], (name,), Affine(scales[name], np.zeros(1, np.float32)))
        for name in readout.inputs
    )
    nodes = tuple(
        Node(node.name, tuple(renamed.get(one, one) for one in node.sources), node.operation)
        for node in readout.nodes
    )
    return HostGraph(readout.inputs, first + nodes, renamed.get(readout.output, readout.output))
