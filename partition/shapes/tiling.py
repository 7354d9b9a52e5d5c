"""Block shapes for the layers of a convolutional network: fewest cores within every limit.

The block shape of a layer fixes its own input axons and synapse memory. Its output axons depend
on how the layers it projects to are cut, one set of axons per destination block. So layers are
taken last to first, each with its targets already cut. Where a layer then pays for its targets'
shapes with more cores than it would need alone, other shapes of these targets are tried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import inf

from partition.core.errors import DoesNotFitError, PartitionError
from partition.core.footprint import messages_in, n_blocks
from partition.core.layers import Layer, Shape, as_shape, check_layers, targets_first
from partition.core.limits import LOIHI1, CoreLimits
from partition.core.rates import PixelRates, Rates, pixel_rates
from partition.core.rules import block_needs
from partition.display.messages import how_many
from partition.shapes.candidates import Candidate, Candidates, targets_of
from partition.shapes.remedies import explained

MAX_ALTERNATIVES = 60
"""Other shapes of a target layer tried when its sources run out of output axons."""

MAX_RELIEF = 1000
"""Shapes of a target layer looked at when one of its sources fits in no other way."""

MAX_SWEEPS = 4
"""Passes over the layers in search of better shapes of target layers."""

Cost = tuple[float, float]
"""Cores and messages."""


@dataclass(frozen=True)
class LayerUsage:
    """What a layer takes: its block shape, and the worst block's needs.

    ``messages`` are messages per step into the layer; without rates every source neuron fires.
    """

    layer: str
    shape: Shape
    n_blocks: int
    compartments: int
    in_axons: int
    out_axon_slots: int
    synapse_bits: int
    messages: float


@dataclass(frozen=True)
class Tiling:
    """Block shapes of a network.

    Attributes
    ----------
    shapes : dict of str to (int, int, int)
        Rows, columns and channels of a block per layer, as ``nengo_loihi.BlockShape`` takes them.
    n_cores : int
        One core per block.
    usage : tuple of LayerUsage
        One row per layer, in the order given.
    """

    shapes: dict[str, Shape]
    n_cores: int
    usage: tuple[LayerUsage, ...]

    @property
    def messages(self) -> float:
        """Messages per step into all layers, those from the host included."""
        return sum(row.messages for row in self.usage)


def choose_block_shapes(
    layers: Sequence[Layer],
    *,
    rates: Rates | None = None,
    max_cores: int | None = None,
    limits: CoreLimits = LOIHI1,
    pop_type: int = 32,
) -> Tiling:
    """Cut every layer into equal blocks, one per core.

    Fewest cores in all; among equals fewest messages (spikes of a neuron times the blocks it
    reaches).

    Parameters
    ----------
    layers : sequence of Layer
    rates : dict of str to array_like, optional
        Spikes per step, as `rates.neuron_rates` takes them; one per neuron without.
    max_cores : int, optional
        Cores there are. Without it any number will do.
    limits : CoreLimits
    pop_type : {32, 16}
        Axon format of the convolutions.

    Returns
    -------
    Tiling

    Raises
    ------
    PartitionError
        The network is incomplete, has a loop, or ``pop_type`` is unknown; or see
        `rates.neuron_rates`.
    DoesNotFitError
        Some layer fits no core, or there are too few cores; all violations are listed, and
        changes that would make it fit.
    """
    layers = tuple(layers)
    check_layers(layers)
    if pop_type not in (16, 32):
        raise PartitionError(f"pop_type {pop_type} is neither 16 nor 32")
    candidates = Candidates(layers, limits, pop_type, pixel_rates(layers, rates))
    return best_tiling(candidates, rates, max_cores)


def best_tiling(
    candidates: Candidates, rates: Rates | None = None, max_cores: int | None = None
) -> Tiling:
    """Fewest cores, then fewest messages, of the candidates; see `choose_block_shapes`."""

    def unrated(layers: Sequence[Layer], pop_type: int) -> Tiling:
        return _best(Candidates(layers, candidates.limits, pop_type), None, max_cores)

    try:
        return _best(candidates, rates, max_cores)
    except DoesNotFitError as error:
        raise explained(error, candidates.layers, unrated, candidates.pop_type) from None


def _best(candidates: Candidates, rates: Rates | None, max_cores: int | None) -> Tiling:
    candidates.check_feasible()
    layers = candidates.layers
    search = _Search(layers, candidates, pixel_rates(layers, rates))
    shapes = search.improve(search.descend({}))
    tiling = make_tiling(layers, shapes, rates=rates, pop_type=candidates.pop_type)
    if max_cores is not None and tiling.n_cores > max_cores:
        raise _too_few_cores(layers, tiling, max_cores, candidates.limits)
    return tiling


def make_tiling(
    layers: Sequence[Layer],
    shapes: Mapping[str, Shape],
    *,
    rates: Rates | None = None,
    pop_type: int = 32,
) -> Tiling:
    """Describe given block shapes. Limits are not checked: `checks.check_tiling` does."""
    by_pixel = pixel_rates(layers, rates)
    usage = []
    for layer in layers:
        shape = as_shape(shapes[layer.name])
        needs = block_needs(layer, shape, targets_of(layer, layers, shapes), pop_type)
        usage.append(
            LayerUsage(
                layer=layer.name,
                shape=shape,
                n_blocks=n_blocks(layer.shape, shape),
                messages=messages_in(layer, shape, by_pixel),
                **vars(needs),
            )
        )
    return Tiling(
        shapes={row.layer: row.shape for row in usage},
        n_cores=sum(row.n_blocks for row in usage),
        usage=tuple(usage),
    )


class _Search:
    """The choice of shapes for one network; holds what was already worked out."""

    def __init__(self, layers: Sequence[Layer], candidates: Candidates, rates: PixelRates | None):
        self.layers = layers
        self.candidates = candidates
        self.rates = rates
        self.order = targets_first(layers)
        self.reached = {
            layer.name: [t.name for t in layers for p in t.inputs if p.source == layer.name]
            for layer in layers
        }

    def descend(self, fixed: Mapping[str, Shape]) -> dict[str, Shape]:
        """Choose a shape for every layer, targets first; ``fixed`` shapes are kept if possible."""
        shapes = dict(fixed)
        for _ in range(len(self.order) + 1):
            unfit = [layer for layer in self.order if not self.settled(layer, shapes)]
            if not unfit:
                return shapes
            for layer in unfit:
                shapes[layer.name] = (
                    self.candidates.choose(layer, shapes) or self.relieve(layer, shapes)
                )[2]
        text = f"layer {unfit[0].name}: no shapes of its targets leave it enough out-axon slots"
        raise DoesNotFitError(text, [text], [unfit[0].name])

    def settled(self, layer: Layer, shapes: Mapping[str, Shape]) -> bool:
        """Whether a layer and its targets have shapes with which its output axons fit."""
        if any(name not in shapes for name in (layer.name, *self.reached[layer.name])):
            return False
        targets = targets_of(layer, self.layers, shapes)
        return self.candidates.emits(layer, shapes[layer.name], targets)

    def relieve(self, layer: Layer, shapes: dict[str, Shape]) -> Candidate:
        """Re-cut the targets of a layer, one by one, until its output axons fit."""
        for target, _, _ in targets_of(layer, self.layers, shapes):
            shapes[target.name] = self.fewest_messages(target, shapes)
            chosen = self.candidates.choose(layer, shapes)
            if chosen is not None:
                return chosen
        targets = targets_of(layer, self.layers, shapes)
        found = self.candidates.violations(layer, (1, 1, 1), targets)
        raise DoesNotFitError("; ".join(found), found, [layer.name])

    def fewest_messages(self, layer: Layer, shapes: Mapping[str, Shape]) -> Shape:
        """Fitting shape of a layer that costs its sources fewest axons; its own if none is."""
        targets = targets_of(layer, self.layers, shapes)
        fitting = islice(self.candidates.fitting(layer), MAX_RELIEF)
        allowed = [c for c in fitting if self.candidates.emits(layer, c[2], targets)]
        # One axon per pixel and block, whatever the rates.
        fewest = min(allowed, key=lambda c: (messages_in(layer, c[2]), c[0]), default=None)
        return fewest[2] if fewest else shapes[layer.name]

    def improve(self, shapes: dict[str, Shape]) -> dict[str, Shape]:
        """Try other shapes of the layers whose sources pay for them with extra cores."""
        best, best_cost = shapes, self.cost(shapes)
        for _ in range(MAX_SWEEPS):
            start_cost = best_cost
            for layer in self.order:
                best, best_cost = self.improve_layer(layer, best, best_cost)
            if best_cost == start_cost:
                break
        return best

    def improve_layer(
        self, layer: Layer, best: dict[str, Shape], best_cost: Cost
    ) -> tuple[dict[str, Shape], Cost]:
        """Re-choose one layer and its sources, all else fixed, if that saves cores."""
        by_name = {other.name: other for other in self.layers}
        sources = {p.source for p in layer.inputs if not p.on_host}
        excess = sum(
            n_blocks(by_name[name].shape, best[name])
            - next(self.candidates.fitting(by_name[name]))[0]
            for name in sources
        )
        if excess == 0:
            return best, best_cost
        most = n_blocks(layer.shape, best[layer.name]) + excess
        targets = targets_of(layer, self.layers, best)
        fixed = {name: shape for name, shape in best.items() if name not in sources}
        n_tried = 0
        for cores, _, shape in self.candidates.fitting(layer):
            if cores >= most or n_tried == MAX_ALTERNATIVES:
                break
            if shape == best[layer.name] or not self.candidates.emits(layer, shape, targets):
                continue
            n_tried += 1
            try:
                trial = self.descend({**fixed, layer.name: shape})
            except DoesNotFitError:
                continue
            cost = self.cost(trial)
            if cost < best_cost:
                best, best_cost = trial, cost
        return best, best_cost

    def cost(self, shapes: Mapping[str, Shape]) -> Cost:
        """(cores, messages); infinite when a fixed layer's output axons no longer fit."""
        cores, messages = 0, 0.0
        for layer in self.layers:
            shape = shapes[layer.name]
            if not self.settled(layer, shapes):
                return inf, inf
            cores += n_blocks(layer.shape, shape)
            messages += messages_in(layer, shape, self.rates)
        return cores, round(messages, 9)


def _too_few_cores(
    layers: Sequence[Layer], tiling: Tiling, max_cores: int, limits: CoreLimits
) -> DoesNotFitError:
    found = []
    for layer, row in zip(layers, tiling.usage):
        used = {
            name.replace("_", " "): getattr(row, name) / getattr(limits, name)
            for name in ("compartments", "in_axons", "out_axon_slots", "synapse_bits")
        }
        tightest = max(used, key=lambda name: used[name])
        found.append(
            f"layer {layer.name}: {how_many(row.n_blocks, 'core')} of blocks "
            f"{'x'.join(map(str, row.shape))}, tightest limit {tightest} "
            f"({used[tightest]:.0%} used)"
        )
    return DoesNotFitError(
        f"needs {how_many(tiling.n_cores, 'core')}, there {'is' if max_cores == 1 else 'are'} "
        f"{max_cores} (over by {tiling.n_cores - max_cores}): use more chips, a smaller input, or "
        "fewer channels or neurons in the largest layers",
        found,
        [row.layer for row in sorted(tiling.usage, key=lambda row: -row.n_blocks)],
    )
