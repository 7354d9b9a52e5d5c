"""Shapes, names, configuration errors and the sizes of the presets."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.compilation.mapping import partition_layers
from loihiseg.conversion.lowering import lower
from loihiseg.errors import InputError
from loihiseg.network.activations import LoihiReLU
from loihiseg.network.config import RateTarget, UNetConfig
from loihiseg.network.quantized import QuantizedReLU
from loihiseg.network.unet import build_unet
from loihiseg.training.presets import PRESETS
from partition.core.checks import check_tiling
from partition.shapes.tiling import choose_block_shapes

ODD = (
    UNetConfig(32, (3,), (2,), (), stem_stride=1),
    UNetConfig(32, (2, 3), (0, 1), (1,)),
    UNetConfig(24, (2, 3, 4), (1, 0, 2), (0, 2), stem_stride=3, stem_channels=5),
    UNetConfig(64, (1, 2, 3, 4), (0, 0, 0, 0), (1, 1, 1), stem_stride=4),
    UNetConfig(32, (2, 3, 4), (0, 1, 2), (1, 2), pooling=True, neighbours=2),
)


@pytest.mark.parametrize("config", ODD)
def test_logits_meet_the_labels_at_full_resolution(config):
    tf.keras.utils.set_random_seed(0)
    model = build_unet(config)
    assert model.input_shape == (None, config.tile, config.tile, 2 * config.neighbours + 1)
    assert model.output_shape == (None, config.tile, config.tile, 1)
    out = model(np.random.default_rng(0).normal(size=(2, *model.input_shape[1:])))
    assert np.isfinite(out).all() and np.min(out) < 0 < np.max(out)


@pytest.mark.parametrize("config", ODD)
def test_every_layer_between_stem_and_readout_spikes(config):
    model = build_unet(config)
    for layer in model.layers:
        if isinstance(layer, (tf.keras.layers.Conv2D,)) and layer.name != "readout":
            (follower,) = [node.layer for node in layer.outbound_nodes]
            assert isinstance(follower, LoihiReLU)
            assert follower.name == f"{layer.name}_spikes"


@pytest.mark.parametrize("config", ODD)
def test_weights_do_not_depend_on_the_tile(config):
    small, large = build_unet(config), build_unet(config, 2 * config.tile)
    assert [(w.name, w.shape) for w in small.weights] == [(w.name, w.shape) for w in large.weights]
    assert large.input_shape[1] == 2 * config.tile


def test_shapes_of_each_level_by_hand():
    config = UNetConfig(48, (4, 8, 16), (1, 2, 1), (1, 2))
    shapes = {layer.name: layer.output_shape[1:] for layer in build_unet(config).layers[1:]}
    assert {k.removesuffix("_spikes"): v for k, v in shapes.items() if k.endswith("_spikes")} == {
        "stem": (24, 24, 4),
        "encode0_0": (24, 24, 4),
        "down1": (12, 12, 8),
        "encode1_0": (12, 12, 8),
        "encode1_1": (12, 12, 8),
        "down2": (6, 6, 16),
        "encode2_0": (6, 6, 16),
        "up1": (12, 12, 8),
        "decode1_0": (12, 12, 8),
        "decode1_1": (12, 12, 8),
        "up0": (24, 24, 4),
        "decode0_0": (24, 24, 4),
    }
    assert shapes["skip1"] == (12, 12, 16) and shapes["skip0"] == (24, 24, 8)


def test_rate_target_reaches_every_layer():
    rates = RateTarget(90.0, 30.0, 150.0, 0.7, scale_hz=80.0, aim=(0.25, 0.75))
    model = build_unet(UNetConfig(32, (2, 3), (1, 1), (1,), rates=rates))
    spiking = [layer for layer in model.layers if isinstance(layer, LoihiReLU)]
    assert len(spiking) == 6 and len(model.losses) == 6
    for layer in spiking:
        assert layer.rate_scale_hz == 80.0
        assert layer.rate_regularizer.get_config() == {
            "percentile": 90.0, "low_hz": 60.0, "high_hz": 120.0, "weight": 0.7,
            "phases": 2 if layer.name.startswith("up") else 1,
        }  # fmt: skip


def test_weight_zero_switches_the_regularizer_off():
    model = build_unet(UNetConfig(32, (2, 3), (1, 1), (1,), rates=RateTarget(weight=0.0)))
    assert model.losses == []


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"channels": ()}, "of 0 depths"),
        ({"convs_down": (1, 1)}, "3 convs_down and 2 convs_up, got 2 and 2"),
        ({"convs_up": (1, 1, 1)}, "3 convs_down and 2 convs_up, got 3 and 3"),
        ({"tile": 0}, "multiple of 8"),
        ({"tile": -8}, "multiple of 8"),
        ({"tile": 100}, "tile 100 must be a multiple of 8"),
        ({"tile": 128, "stem_stride": 3}, "multiple of 12"),
        ({"channels": (4, 0, 16)}, "channels"),
        ({"convs_down": (1, -1, 1)}, "convs_down"),
        ({"stem_stride": 0}, "stem_stride"),
        ({"stem_channels": 0}, "stem_channels"),
    ],
)
def test_impossible_configuration(changes, says):
    with pytest.raises(InputError, match=says) as error:
        UNetConfig(**changes)
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module", params=sorted(PRESETS))
def preset(request):
    return request.param, PRESETS[request.param]


def test_presets_can_be_trained(preset):
    _, config = preset
    assert config.crop >= config.network.tile
    assert config.crop % config.network.multiple == 0
    build_unet(config.network, config.crop)


def test_presets_fit_two_chips(preset):
    name, config = preset
    network = lower(build_unet(config.network)).network
    if name == "pooled":
        # Layers at 48, 24 and 12 pixels; then what is pooled, at 24 and 12.
        assert network.n_chip_neurons == 36864 * 3 + 18432 * 4 + 9216 * 2 + 9216 + 4608
        assert config.network.levels == 3 and config.stages[-1].levels == 3
        return  # Cores of levels are those of a code: `tests/codes`.
    layers = partition_layers(network)
    tiling = choose_block_shapes(layers)
    check_tiling(layers, tiling)
    assert tiling.n_cores <= 256
    assert tiling.n_cores >= network.n_chip_neurons / 1024
    if name == "paper":
        assert network.n_chip_neurons == pytest.approx(238_000, rel=0.01)
        # Layers at 96, 48, 24 and 12 pixels; the up layers belong to the level they reach.
        assert network.n_chip_neurons == 36864 * 4 + 18432 * 3 + 9216 * 3 + 4608 * 2


@pytest.mark.parametrize("config", ODD)
def test_activations_are_named_in_the_order_they_are_built(config):
    built = [layer.name for layer in build_unet(config).layers if isinstance(layer, LoihiReLU)]
    assert built == [f"{name}_spikes" for name in config.activations]


@pytest.mark.parametrize("levels", [1, 3, (31, 15, 7, 3, 2, 1)])
def test_levels_replace_rates(levels):
    model = build_unet(UNetConfig(32, (2, 3), (1, 1), (1,), levels=levels))
    layers = [layer for layer in model.layers if isinstance(layer, QuantizedReLU)]
    assert [layer.name.removesuffix("_spikes") for layer in layers] == [
        "stem", "encode0_0", "down1", "encode1_0", "up0", "decode0_0"
    ]  # fmt: skip
    assert [x.levels for x in layers] == list(levels if isinstance(levels, tuple) else [levels] * 6)
    assert not any(isinstance(layer, LoihiReLU) for layer in model.layers) and not model.losses
    plain = {w.name for w in build_unet(UNetConfig(32, (2, 3), (1, 1), (1,))).weights}
    assert {w.name for w in model.weights} - plain == {f"{x.name}/alpha:0" for x in layers}


@pytest.mark.parametrize("levels", [-1, (), (1, 2), (1, 2, 3, 4, 5, 0)])
def test_impossible_levels(levels):
    with pytest.raises(InputError, match="levels"):
        UNetConfig(32, (2, 3), (1, 1), (1,), levels=levels)


def test_batch_norm_follows_every_convolution_but_the_readout():
    model = build_unet(UNetConfig(32, (2, 3), (1, 1), (1,), batch_norm=True))
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.Conv2D) and layer.name != "readout":
            (follower,) = [node.layer for node in layer.outbound_nodes]
            assert isinstance(follower, tf.keras.layers.BatchNormalization)
            assert follower.name == f"{layer.name}_norm"
