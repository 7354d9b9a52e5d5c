"""The search for block shapes and chips together: first plans, and what improves them.

First plans put straight lines through the image, the same for every layer, and give each layer
the shape that ends best on them. A plan is then improved layer by layer, every block shape of a
layer tried with the rest fixed (`recut`), and block by block (`refine`).
"""

from collections.abc import Mapping
from math import inf

import networkx as nx
import numpy as np

from partition.chips.links import links_of_matrix
from partition.chips.refine import crossing, moved, swapped
from partition.chips.starts import starts
from partition.core.footprint import n_blocks
from partition.core.layers import Layer, Shape, targets_first
from partition.core.traffic import tiling_graph
from partition.joint.recut import (
    UNIT,
    Network,
    Plan,
    best_chips,
    ideal_surroundings,
    surroundings,
)
from partition.joint.straight_lines import Lines, straight_lines
from partition.shapes.candidates import Candidates, targets_of
from partition.shapes.tiling import Tiling

N_STARTS = 4
"""First plans that are improved."""

MANY_STARTS = 200
"""Small networks get so many first plans, divided by their cores."""

MAX_SWEEPS = 8
"""Passes over all layers per plan."""

MAX_SWAPPED = 512
"""Most blocks for which swaps of blocks are tried, in time of the square of their number."""

PRICES = (0.0, *np.geomspace(1e-4, 1.0, 25))
"""Prices of a core tried on a straight line, as shares of a block's average messages."""

Cost = tuple[float, int]
"""Messages in `recut.UNIT` per step, and cores."""

CostedPlan = tuple[Cost, Plan]

Option = tuple[float, Shape, np.ndarray]
"""Messages of a layer, its block shape and the chips of its blocks."""


class PlanSearch:
    """Plans for one network on one number of chips.

    Parameters
    ----------
    network : recut.Network
    candidates : candidates.Candidates
    n_chips, cores_per_chip : int
    room : int
        Most cores in all.
    """

    def __init__(
        self, network: Network, candidates: Candidates, n_chips: int, cores_per_chip: int, room: int
    ):
        self.network = network
        self.candidates = candidates
        self.n_chips = n_chips
        self.capacity = np.full(n_chips, cores_per_chip)
        self.room = room
        self.order = targets_first(network.layers)

    def run(self, plain: Tiling, seed: int = 0) -> list[CostedPlan]:
        """Improved plans, best first: ((messages in `recut.UNIT` per step, cores), Plan).

        The plan of a given tiling comes along, improved in nothing but its chips.

        Parameters
        ----------
        plain : Tiling
        seed : int
        """
        shapes = {layer.name: self.thinned(layer, plain) for layer in self.order}
        base = self.cut(plain.shapes, np.random.default_rng(seed))
        lines = straight_lines(self.n_chips, self.capacity[0] / plain.n_cores)
        first = [base] + [self.straight(one, shapes, plain) for one in lines]
        once = {(*p.shapes.values(), p.flat().tobytes()): p for p in first if p is not None}
        costed = sorted(((self.cost(p), p) for p in once.values()), key=_cost)
        n_first = max(N_STARTS, MANY_STARTS // plain.n_cores)
        found = [(self.cost(base), base)]
        found += [self.improve(plan, shapes) for _, plan in costed[:n_first]]
        different: dict[tuple[Shape, ...], CostedPlan] = {}
        for cost, plan in sorted(found, key=_cost):
            different.setdefault(tuple(plan.shapes.values()), (cost, plan))
        return list(different.values())

    def thinned(self, layer: Layer, plain: Tiling) -> list[Shape]:
        """Block shapes worth a look: of all with as many runs the smallest, while cores last."""
        most = n_blocks(layer.shape, plain.shapes[layer.name]) + self.room - plain.n_cores
        smallest = [{-(-length // n) for n in range(1, length + 1)} for length in layer.shape]
        return [
            shape
            for cores, _, shape in self.candidates.shapes[layer.name]
            if cores <= most and all(n in good for n, good in zip(shape, smallest))
        ]

    def cut(self, shapes: Mapping[str, Shape], rng: np.random.Generator) -> Plan:
        """A plan of given shapes, its blocks put on chips quickly."""
        empty = {}
        for layer in self.network.layers:
            runs = [-(-n // size) for n, size in zip(layer.shape, shapes[layer.name])]
            empty[layer.name] = np.zeros(runs, dtype=np.int64)
        plan = Plan({layer.name: shapes[layer.name] for layer in self.network.layers}, empty)
        mutual, n_cores = self.mutual(plan), int(self.capacity[0])
        links = links_of_matrix(mutual)
        found = [
            moved(links, chips, self.n_chips, n_cores)[1]
            for chips in starts(links, self.n_chips, n_cores, rng)
        ]
        return plan.with_chips(min(found, key=lambda chips: crossing(mutual, chips)))

    def cost(self, plan: Plan) -> Cost:
        """(messages in `recut.UNIT` per step, cores)."""
        chips = plan.flat()
        return crossing(self.mutual(plan), chips), len(chips)

    def mutual(self, plan: Plan) -> np.ndarray:
        """Messages between any two blocks, both ways, in `recut.UNIT` per step."""
        graph = tiling_graph(self.network.layers, plan.shapes, self.network.rates)
        weights = nx.to_numpy_array(graph, nodelist=range(len(graph)))
        mutual = weights + weights.T
        np.fill_diagonal(mutual, 0)
        return mutual

    def improve(self, plan: Plan, shapes: Mapping[str, list[Shape]]) -> CostedPlan:
        """Sweep over layers and refine blocks until nothing helps: (cost, plan)."""
        best: CostedPlan = (inf, 0), plan
        for _ in range(MAX_SWEEPS):
            for layer in self.order:
                plan = self.recut(layer, plan, shapes[layer.name])
            mutual = self.mutual(plan)
            refined = swapped if len(mutual) <= MAX_SWAPPED else moved
            links, n_cores = links_of_matrix(mutual), int(self.capacity[0])
            _, chips = refined(links, plan.flat(), self.n_chips, n_cores)
            plan = plan.with_chips(chips)
            cost = crossing(mutual, chips), len(chips)
            if cost >= best[0]:
                break
            best = cost, plan
        return best

    def recut(self, layer: Layer, plan: Plan, shapes: list[Shape]) -> Plan:
        """The plan with the layer's best shape and chips, all else fixed."""
        around = surroundings(self.network, layer, plan, self.n_chips)
        own = plan.chips[layer.name].ravel()
        others = plan.n_cores(self.n_chips) - np.bincount(own, minlength=self.n_chips)
        looked = []
        for shape in {plan.shapes[layer.name]: 0} | dict.fromkeys(shapes, 1):
            total, kept = around.kept(shape)
            if kept[0].size + others.sum() <= self.room:
                # No choice of chips keeps more than every block's best chip does.
                least = total - kept.max(axis=0).sum()
                looked.append((least, kept[0].size, total, shape, kept))
        best, best_cost = plan, None
        for least, n_cores, total, shape, kept in sorted(looked, key=lambda item: item[:4]):
            if best_cost is not None and least > best_cost[0]:
                break
            chips = best_chips(kept, self.capacity - others)
            if chips is None:
                continue
            cost = total - np.take_along_axis(kept, chips[None], axis=0).sum(), n_cores, total
            if best_cost is not None and cost >= best_cost:
                continue
            if shape == plan.shapes[layer.name] or self.fits(layer, shape, plan.shapes):
                best, best_cost = plan.with_layer(layer.name, shape, chips), cost
        return best

    def fits(self, layer: Layer, shape: Shape, shapes: Mapping[str, Shape]) -> bool:
        """Whether a layer can be cut so: its own core, and the output axons of its sources."""
        if not self.candidates.fits(layer, shape):
            return False
        shapes = {**shapes, layer.name: shape}
        sources = {p.source for p in layer.inputs if not p.on_host}
        return all(
            self.emits(sender, shapes[sender.name], shapes)
            for sender in self.order
            if sender is layer or sender.name in sources
        )

    def emits(self, layer: Layer, shape: Shape, shapes: Mapping[str, Shape]) -> bool:
        """Whether the output axons of a layer fit its targets' shapes."""
        return self.candidates.emits(layer, shape, targets_of(layer, self.order, shapes))

    def straight(
        self, lines: Lines, shapes: Mapping[str, list[Shape]], plain: Tiling
    ) -> Plan | None:
        """A plan along straight lines, of as few messages as its cores allow; None if none fits."""
        neurons = {layer.name: lines.chips(layer.shape) for layer in self.order}
        options = {
            layer.name: self.options(layer, neurons, shapes[layer.name]) for layer in self.order
        }
        average = plain.messages / plain.n_cores / UNIT
        for price in PRICES:
            found = self.at_price(options, price * average)
            if found is None:
                return None
            plan = found
            used = plan.n_cores(self.n_chips)
            if np.all(used <= self.capacity) and used.sum() <= self.room:
                return plan
        if used.sum() > self.room:
            return None
        return plan.with_chips(unloaded(self.mutual(plan), plan.flat(), self.capacity))

    def options(
        self, layer: Layer, neurons: Mapping[str, np.ndarray], shapes: list[Shape]
    ) -> list[Option]:
        """Shapes of a layer, each with messages and chips when the rest lies on the lines."""
        around = ideal_surroundings(self.network, layer, neurons, self.n_chips)
        found = []
        for shape in shapes:
            total, kept = around.kept(shape)
            found.append((total - kept.max(axis=0).sum(), shape, kept.argmax(axis=0)))
        return found

    def at_price(self, options: Mapping[str, list[Option]], price: float) -> Plan | None:
        """Each layer's best option when a core costs so many messages; None if a layer has none."""
        shapes: dict[str, Shape] = {}
        chips: dict[str, np.ndarray] = {}
        for layer in self.order:
            costs = [cost + price * blocks.size for cost, _, blocks in options[layer.name]]
            for i in np.argsort(costs, kind="stable"):
                _, shape, blocks = options[layer.name][i]
                if self.candidates.fits(layer, shape) and self.emits(layer, shape, shapes):
                    shapes[layer.name], chips[layer.name] = shape, blocks
                    break
            else:
                return None
        names = [layer.name for layer in self.network.layers]
        return Plan({name: shapes[name] for name in names}, {name: chips[name] for name in names})


def _cost(item: CostedPlan) -> Cost:
    return item[0]


def unloaded(mutual: np.ndarray, chips: np.ndarray, capacity: np.ndarray) -> np.ndarray:
    """Chips with blocks moved off those that hold too many, each time the one that costs least.

    Parameters
    ----------
    mutual : (n, n) array
        Messages between two blocks, both ways; zero diagonal.
    chips : (n,) int array
    capacity : (n_chips,) int array
        At least n in all.
    """
    chips = chips.copy()
    to_chip = mutual @ np.eye(len(capacity))[chips]
    while True:
        spare = capacity - np.bincount(chips, minlength=len(capacity))
        if spare.min() >= 0:
            return chips
        loss = to_chip[np.arange(len(chips)), chips][:, None] - to_chip
        loss[spare[chips] >= 0] = np.inf
        loss[:, spare <= 0] = np.inf
        block, chip = np.unravel_index(np.argmin(loss), loss.shape)
        to_chip[:, chips[block]] -= mutual[:, block]
        to_chip[:, chip] += mutual[:, block]
        chips[block] = chip
