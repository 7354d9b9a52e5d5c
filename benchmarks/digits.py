"""Whether binary digits would pay: levels as trains of the ramp code, or as digits of neurons.

    python benchmarks/digits.py --data ISBI2012 --sections 20:21

A unit of 2^K - 1 levels can be K neurons, one for each binary digit of its level: the highest
digit fires first and inhibits the lower ones of its unit, and a layer is done in K steps. By ramp
the unit is one neuron and a layer is done in 2^K - 1 steps. What each costs follows from the levels
that a trained network takes on real tiles: its spikes are the level, or the ones among the level's
digits. No digit is emulated here. Clocks are in neither, so that the ramp's numbers lie below those
of ``benchmarks/code_costs.py``.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first, where its modules would be found under other names.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np

from benchmarks.code_costs import LEVELS, NETWORKS, folder_of
from loihiseg.metrics.energy import LOIHI

BY_DIGITS = {"levels3": 2, "levels7": 3, "levels15": 4}
"""Digits of networks of levels that use all of them."""

MILLION, UJ_PER_PJ = 1e6, 1e-6


@dataclass(frozen=True)
class Cost:
    """Of one tile, means over tiles.

    Attributes
    ----------
    compartments : int
        On the chips.
    steps : int
        Until the answer.
    events : float
        Synaptic events.
    """

    compartments: int
    steps: int
    events: float

    @property
    def updates(self) -> int:
        """Neuron updates."""
        return self.compartments * self.steps

    @property
    def energy_uj(self) -> float:
        """By the constants of `loihiseg.metrics.energy.LOIHI`."""
        return UJ_PER_PJ * (
            self.events * LOIHI.energy_per_synaptic_event_pj
            + self.updates * LOIHI.energy_per_neuron_update_pj
        )


@dataclass(frozen=True)
class Layer:
    """What a layer's neurons send.

    Attributes
    ----------
    units : int
    on_host : bool
    fan_out : float
        Synapses of a unit, mean.
    levels : numpy.ndarray
        Integers, any shape: those its units have on real tiles.
    """

    units: int
    on_host: bool
    fan_out: float
    levels: np.ndarray


def ones(levels: np.ndarray, digits: int) -> np.ndarray:
    """How many binary digits of each level are 1."""
    return sum((levels >> digit) & 1 for digit in range(digits))


def by_ramp(layers: list[Layer], digits: int) -> Cost:
    """One neuron a unit, which fires as often as its level says."""
    n = 2**digits - 1
    return Cost(
        sum(layer.units for layer in layers if not layer.on_host),
        n * len(layers),
        sum(layer.units * layer.fan_out * layer.levels.mean() for layer in layers),
    )


def by_digits(layers: list[Layer], digits: int) -> Cost:
    """A neuron for each digit, of the same synapses; a 1 inhibits all lower digits of its unit."""
    events = 0.0
    for layer in layers:
        kernels = digits * layer.fan_out * ones(layer.levels, digits).mean()
        inhibits = 0.0
        if not layer.on_host:
            inhibits = sum(digit * ((layer.levels >> digit) & 1).mean() for digit in range(digits))
        events += layer.units * (kernels + inhibits)
    return Cost(
        digits * sum(layer.units for layer in layers if not layer.on_host),
        digits * len(layers),
        events,
    )


def layers_of(folder: Path, data: str, sections: slice) -> list[Layer]:
    """The layers of a trained network, with the levels they take on tiles of these sections."""
    from loihiseg.compilation.source import load_network
    from loihiseg.conversion.forward import forward
    from loihiseg.conversion.lowering import lower
    from loihiseg.data.contrast import normalize
    from loihiseg.data.readers import read_stack
    from loihiseg.data.tiles import cut, tile_grid

    network = lower(load_network(folder).model).network
    images = read_stack(data).images[sections]
    grid = tile_grid(images[0].shape, network.tile, 0)
    tiles = np.concatenate([cut(normalize(image), grid) for image in images])
    activations = forward(network, tiles)
    synapses = dict.fromkeys([layer.name for layer in network.layers], 0)
    for layer in network.layers:
        rows, columns, _ = layer.shape
        for term in layer.terms:
            if term.source in synapses:
                places = rows * columns
                if term.transposed:
                    places = network.layer(term.source).shape[0] ** 2
                synapses[term.source] += places * term.kernel.size
    return [
        Layer(
            layer.n_neurons,
            layer.on_host,
            synapses[layer.name] / layer.n_neurons,
            np.rint(activations[layer.name] / layer.neuron.level_value).astype(int),
        )
        for layer in network.layers
    ]


def main(arguments=None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, metavar="PATH")
    parser.add_argument("--networks", default=NETWORKS, type=Path, metavar="FOLDER")
    parser.add_argument("--sections", default="20:21", metavar="A:B")
    options = parser.parse_args(arguments)
    sections = slice(*map(int, options.sections.split(":")))
    print("| network | compartments | steps | million events | million updates | uJ a tile |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, digits in BY_DIGITS.items():
        folder = folder_of(options.networks, name, seed=0)
        layers = layers_of(folder, options.data, sections)
        for title, cost in (
            (f"{LEVELS[name]}, ramp", by_ramp(layers, digits)),
            (f"{LEVELS[name]}, {digits} digits", by_digits(layers, digits)),
        ):
            print(
                f"| {title} | {cost.compartments:,} | {cost.steps} | {cost.events / MILLION:.1f} | "
                f"{cost.updates / MILLION:.1f} | {cost.energy_uj:,.0f} |"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
