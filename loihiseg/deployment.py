"""The stages of a deployment: trained network and sections in, scored spikes out.

Each stage is a function of the values before it; ``deploy`` calls them in order.
"""

from dataclasses import dataclass

import numpy as np

from loihiseg.conversion.codes import RATE, NeuralCode
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.data.augmentation import normalize
from loihiseg.data.stack import Stack
from loihiseg.data.tiles import TileGrid, spread_places, stitch, tile_grid
from loihiseg.emulator.activity import FanOut, Presentation
from loihiseg.evaluation.energy import ActivityCounts
from loihiseg.inference import default_overlap, sigmoid
from loihiseg.source_network import ends_in_sigmoid, to_logits, upsample


@dataclass(frozen=True, eq=False)
class Tiles:
    """Tiles of sections, with their truth.

    Attributes
    ----------
    pixels : numpy.ndarray
        (n, tile, tile) float32, normalized by section.
    membrane : numpy.ndarray
        (n, tile, tile) bool.
    raw : numpy.ndarray
        (n, tile, tile), as read, for pictures.
    places : tuple of tuple of int
        (section, row, column) of each tile, sections numbered within the stack.
    grid : TileGrid or None
        Where the tiles make up whole sections, how; None for tiles by themselves.
    """

    pixels: np.ndarray
    membrane: np.ndarray
    raw: np.ndarray
    places: tuple[tuple[int, int, int], ...]
    grid: TileGrid | None = None

    def assemble(self, maps: np.ndarray) -> np.ndarray:
        """Maps of the tiles (n, tile, tile) as whole sections where they make them up."""
        if self.grid is None:
            return maps
        parts = np.split(maps, len(maps) // len(self.grid.origins))
        return np.stack([stitch(part, self.grid) for part in parts]).astype(np.float32)


@dataclass(frozen=True)
class Readout:
    """Straight line from the spiking read-out's logits to the trained network's.

    Fitted by least squares on validation tiles, so that the threshold chosen for the trained
    network serves both. ``n_tiles`` is 0 where there was nothing to fit on.
    """

    gain: float = 1.0
    offset: float = 0.0
    n_tiles: int = 0

    def __call__(self, logits):
        """Calibrated logits, the shape of ``logits``."""
        return self.gain * logits + self.offset


def spread_tiles(stack: Stack, tile: int, count: int | None) -> Tiles:
    """Tiles of a stack that do not overlap, spread evenly over its sections and places.

    Parameters
    ----------
    stack : Stack
        With labels.
    tile : int
    count : int, optional
        So many at most; by default, and where there is no room for so many, all there is room for.

    Returns
    -------
    Tiles

    Raises
    ------
    InputError
        If a section is smaller than a tile.
    """
    places = spread_places(len(stack.images), stack.images.shape[1:], tile, count)
    return _cut(stack, tile, places, None)


def whole_tiles(stack: Stack, tile: int, overlap: int | None = None) -> Tiles:
    """Overlapping tiles that make up the whole of every section.

    Parameters
    ----------
    stack : Stack
        With labels.
    tile : int
    overlap : int, optional
        Pixels; a quarter of a tile by default.

    Returns
    -------
    Tiles

    Raises
    ------
    InputError
        If a section is smaller than a tile.
    """
    overlap = default_overlap(tile) if overlap is None else overlap
    grid = tile_grid(stack.images.shape[1:], tile, overlap)
    places = [(s, y, x) for s in range(len(stack.images)) for y, x in grid.origins]
    return _cut(stack, tile, places, grid)


def _cut(stack, tile, every, grid):
    normal = normalize(stack.images)

    def cut(volume):
        return np.stack([volume[s, y : y + tile, x : x + tile] for s, y, x in every])

    places = tuple((stack.section_numbers[s], y, x) for s, y, x in every)
    return Tiles(cut(normal), cut(stack.membrane), cut(stack.images), places, grid)


def settled_activations(network: LoweredNetwork, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Activation of every spiking layer if each neuron fired at its settled rate.

    Parameters
    ----------
    network : LoweredNetwork
        Float or quantized, of activations or of the neurons that stand for them.
    pixels : numpy.ndarray
        (n, tile, tile) normalized.

    Returns
    -------
    dict of str to numpy.ndarray
        (n, rows, columns, channels) float32 by layer.
    """
    from loihiseg.conversion.converter import keras_network

    outputs = keras_network(network, staircase=True, channels=True).predict(
        pixels[..., None], verbose=0
    )
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return {layer.name: out for layer, out in zip(network.layers, outputs)}


def expected_rates(
    network: LoweredNetwork, calibration, settled, code: NeuralCode = RATE
) -> dict[str, np.ndarray]:
    """Rate of every neuron, from which shapes of blocks and their chips are chosen.

    Parameters
    ----------
    network : LoweredNetwork
        Of activations.
    calibration : Tiles or None
        Where there are none, the tiles of ``settled`` have to do.
    settled : dict of str to numpy.ndarray
        Activations of the tiles to deploy on, as from `settled_activations`.
    code : NeuralCode

    Returns
    -------
    dict of str to numpy.ndarray
        (rows, columns, neurons) spikes per step by layer, those on the host included.
    """
    if calibration is not None:
        settled = settled_activations(network, calibration.pixels)
    return {
        layer.name: code.spikes_per_step(layer, settled[layer.name]).mean(axis=0)
        for layer in network.layers
    }


def readout_logits(readout, outputs, activations: dict[str, np.ndarray], tile: int) -> np.ndarray:
    """Logits (n, tile, tile) that the host computes from the last layers' activations."""
    values = [activations[name] for name in outputs]
    output = readout.predict(values if len(values) > 1 else values[0], verbose=0)
    return upsample(to_logits(output, ends_in_sigmoid(readout)), tile)[..., 0]


def spiking_activations(
    network: LoweredNetwork, presentations, code: NeuralCode = RATE
) -> dict[str, np.ndarray]:
    """Activations (n, rows, columns, channels) read from the spikes of the read-out window."""
    return {
        layer.name: np.stack(
            [code.activation(layer, p.firing_per_step(layer.name)) for p in presentations]
        )
        for layer in network.layers
    }


def level_matches(network: LoweredNetwork, activations, reference) -> dict[str, float]:
    """Share of the units of each layer that are at the reference's level.

    Parameters
    ----------
    network : LoweredNetwork
        Of quantized activations.
    activations, reference : dict of str to numpy.ndarray
        By layer, of one shape.
    """
    return {
        layer.name: float(
            np.mean(np.abs(activations[layer.name] - reference[layer.name]) < layer.level_value / 2)
        )
        for layer in network.layers
    }


def fit_readout(spiking: np.ndarray, trained: np.ndarray) -> Readout:
    """Fit the line from spiking to trained logits; both (n, tile, tile)."""
    if not len(spiking):
        return Readout()
    x, y = spiking.ravel().astype(np.float64), trained.ravel().astype(np.float64)
    spread = np.var(x)
    if spread < 1e-12:
        return Readout(1.0, float(np.mean(y - x)), len(spiking))
    gain = float(np.mean((x - x.mean()) * (y - y.mean())) / spread)
    return Readout(gain, float(y.mean() - gain * x.mean()), len(spiking))


def relative_errors(activations, reference) -> dict[str, float]:
    """Root-mean-square difference of each layer's activations, relative to the reference's."""
    return {
        name: float(
            np.sqrt(np.mean(np.square(activations[name] - value)))
            / max(np.sqrt(np.mean(np.square(value))), 1e-12)
        )
        for name, value in reference.items()
    }


def membrane(logits: np.ndarray, threshold: float) -> np.ndarray:
    """Which pixels are called membrane."""
    return sigmoid(logits) > threshold


def count_activity(
    network: LoweredNetwork,
    presentations: list[Presentation],
    fans: FanOut,
    inter_chip_messages: float | None,
    neurons: LoweredNetwork | None = None,
) -> ActivityCounts:
    """Add up what happened on the chip while tiles were presented.

    Messages and synaptic events caused by spikes from the host are included. ``neurons`` is the
    network of neurons, where it is not that of the activations.
    """
    messages = synaptic = spikes = steps = 0
    for one in presentations:
        steps += one.n_steps
        spikes += int(one.compartment_spikes.sum(dtype=np.int64))
        messages += int(one.compartment_spikes @ fans.messages)
        synaptic += int(one.compartment_spikes @ fans.synaptic_events)
    host = zip(fans.host_sources, fans.host_messages, fans.host_synaptic_events)
    for name, sent, driven in host:
        for one in presentations:
            messages += int(one.spikes[name].ravel() @ sent)
            synaptic += int(one.spikes[name].ravel() @ driven)
    return ActivityCounts(
        neuron_updates=(neurons or network).n_chip_neurons * steps,
        synaptic_events=synaptic,
        spikes=spikes,
        messages=messages,
        inter_chip_messages=inter_chip_messages,
        n_steps=steps,
        n_images=len(presentations),
        macs=count_macs(network),
    )


def count_macs(network: LoweredNetwork) -> int:
    """Multiply-accumulates of one forward pass of all spiking layers, those on the host included.

    A convolution has one per output position and kernel entry; a transposed one, per input
    position. Borders count like the rest.
    """
    shapes = dict(network.inputs) | {layer.name: layer.shape for layer in network.layers}
    total = 0
    for layer in network.layers:
        for term in layer.terms:
            rows, columns, _ = shapes[term.source] if term.transposed else layer.shape
            total += rows * columns * term.kernel.size
    return total
