"""How a network that is trained fires on tiles of a stack: rates, levels, synaptic events."""

from collections.abc import Callable

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.data.neighbours import normalized, with_channels
from loihiseg.data.stack import Stack
from loihiseg.data.tiles import cut, tile_grid
from loihiseg.metrics.levels import LayerLevels, layer_levels
from loihiseg.metrics.rates import LayerRates, layer_rates
from loihiseg.network.activations import LoihiReLU
from loihiseg.network.events import event_costs
from loihiseg.network.quantized import QuantizedReLU
from loihiseg.through_time.events import events_per_mac, spike_costs
from loihiseg.training.presets import TrainingConfig

RATE_TILES = 32
"""Tiles of the validation sections on which firing rates are logged."""


EVENT_TILES = 8
"""The same of events of networks over time, whose tiles count once for every step."""


def firing_rates(
    model: tf.keras.Model, stack: Stack, config: TrainingConfig
) -> tuple[LayerRates, ...]:
    """Firing rates of every layer of rates over tiles of a stack, neuron by neuron.

    The staircase of a trained network gives the rate each neuron would settle to.
    """
    target = config.network.rates
    found = []
    for layer, activation in _activations(model, stack, config, _is_rate):
        rates_hz = activation.reshape(len(activation), -1) * layer.rate_scale_hz
        found.append(
            layer_rates(layer.name, rates_hz, target.percentile, target.low_hz, target.high_hz)
        )
    return tuple(found)


def used_levels(
    model: tf.keras.Model, stack: Stack, config: TrainingConfig
) -> tuple[LayerLevels, ...]:
    """Levels of every quantized layer over tiles of a stack."""
    return tuple(
        layer_levels(layer.name, activation, layer.levels, float(layer.scale))
        for layer, activation in _activations(model, stack, config, _is_quantized)
    )


def mean_events_per_mac(
    model: tf.keras.Model,
    levels: tuple[LayerLevels, ...],
    stack: Stack,
    config: TrainingConfig,
) -> float:
    """Synaptic events over multiply-accumulates, of a network of levels or over time; else 0."""
    if config.time is not None:
        pixels = _tiles(stack, config, EVENT_TILES)
        return events_per_mac(model, spike_costs(config.network, config.time.residual), pixels)
    costs = event_costs(model)
    return float(sum(costs.get(layer.layer, 0.0) * layer.mean_level for layer in levels))


def _is_rate(layer: tf.keras.layers.Layer) -> bool:
    """Ideal units on the way to few levels stand for no rate."""
    return isinstance(layer, LoihiReLU) and layer.staircase


def _is_quantized(layer: tf.keras.layers.Layer) -> bool:
    return isinstance(layer, QuantizedReLU)


def _activations(
    model: tf.keras.Model,
    stack: Stack,
    config: TrainingConfig,
    wanted: Callable[[tf.keras.layers.Layer], bool],
) -> list[tuple[tf.keras.layers.Layer, np.ndarray]]:
    """The layers wanted with their activations, each (tiles, rows, columns, channels)."""
    layers = [layer for layer in model.layers if wanted(layer)]
    if not layers:
        return []
    inner = tf.keras.Model(model.inputs, [layer.output for layer in layers])
    tiles = _tiles(stack, config, RATE_TILES)
    return list(zip(layers, inner.predict(tiles, verbose=0)))


def _tiles(stack: Stack, config: TrainingConfig, most: int) -> np.ndarray:
    """Some tiles of a stack, (n, tile, tile, channels)."""
    grid = tile_grid(stack.images.shape[1:], config.network.tile, 0)
    tiles = np.concatenate([cut(normalized(image), grid) for image in stack.seen()])
    chosen = np.linspace(0, len(tiles) - 1, min(most, len(tiles))).astype(int)
    return with_channels(tiles[chosen])
