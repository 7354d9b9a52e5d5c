"""Layers that train with the chip's 8 bits and counted spikes."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.codes.ramp.integers import integer_layers
from loihiseg.conversion.lowering import lower
from loihiseg.errors import InputError
from loihiseg.network.activations import LoihiReLU
from loihiseg.network.config import UNetConfig
from loihiseg.network.eight_bit import (
    EightBitConv2D,
    EightBitConv2DTranspose,
    EightBitEnlargedConv2D,
    counted_rate,
    eight_bit,
)
from loihiseg.network.unet import ChipEffects, build_unet, round_weights
from loihiseg.quantization.fixed_point import block_scale, quantize_weights


def test_rounding_by_hand():
    kernel = tf.constant([[[[2.55, -0.031]]]])
    # Step 2 * 2.55 / 255 = 0.02: 127.5 is cut to 127 steps, -1.55 rounds to -2.
    np.testing.assert_allclose(eight_bit(kernel)[0, 0, 0], [2.54, -0.04], rtol=1e-5)


@pytest.mark.parametrize("seed", range(20))
def test_equals_the_chips_fixed_point(seed):
    """Two concatenated sources, each with an exponent of its own."""
    rng = np.random.default_rng(seed)
    parts = [
        (rng.normal(size=(3, 3, n, 4)) * 10 ** rng.uniform(-2, 0)).astype(np.float32)
        for n in (5, 2)
    ]
    rounded = eight_bit(tf.constant(np.concatenate(parts, axis=2)), (5, 2)).numpy()
    largest = float(max(np.abs(part).max() for part in parts))
    scale = block_scale(largest, 1.0, [0.0], 1.0)
    for part, ours in zip(parts, np.split(rounded, [5], axis=2)):
        group = quantize_weights(part, scale)
        if group.bits_lost == 0:
            np.testing.assert_allclose(ours, group.integers / scale.current_scale, rtol=1e-4)
        assert len(np.unique(ours)) > 3


def test_gradient_passes_through():
    kernel = tf.Variable(np.linspace(-1, 1, 12).reshape(1, 1, 3, 4).astype(np.float32))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(eight_bit(kernel, (1, 2)) * 3.0)
    np.testing.assert_array_equal(tape.gradient(loss, kernel), np.full((1, 1, 3, 4), 3.0))


def test_zero_kernel_stays_zero():
    assert not eight_bit(tf.zeros((3, 3, 2, 2)), (1, 1)).numpy().any()


def test_convolutions_use_the_rounded_kernel():
    pixels = np.random.default_rng(0).normal(size=(2, 8, 6, 3)).astype(np.float32)
    ours = EightBitConv2D(4, 3, 2, padding="same", source_channels=(1, 2))
    plain = tf.keras.layers.Conv2D(4, 3, 2, padding="same")
    ours.build(pixels.shape)
    plain.build(pixels.shape)
    plain.set_weights([eight_bit(ours.kernel, (1, 2)), ours.bias])
    np.testing.assert_allclose(ours(pixels), plain(pixels), atol=1e-6)
    assert not np.allclose(plain.kernel, ours.kernel, atol=1e-5)


def test_transposed_convolution_uses_the_rounded_kernel():
    pixels = np.random.default_rng(0).normal(size=(2, 4, 3, 3)).astype(np.float32)
    ours = EightBitConv2DTranspose(5, 2, 2, padding="valid")
    plain = tf.keras.layers.Conv2DTranspose(5, 2, 2, padding="valid")
    ours.build(pixels.shape)
    plain.build(pixels.shape)
    plain.set_weights([eight_bit(ours.kernel, transposed=True), ours.bias])
    out = ours(pixels)
    assert out.shape == (2, 8, 6, 5)
    np.testing.assert_allclose(out, plain(pixels), atol=1e-6)


def test_counted_rate():
    """On average the rate, never off by a whole spike, always a whole number of spikes."""
    rate = tf.constant(np.tile([0.0, 13.0, 100.0, 142.857], (20000, 1)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(rate)
        counted = counted_rate(rate, 50)
    np.testing.assert_allclose(np.mean(counted, axis=0), rate[0], rtol=0.02)
    assert np.abs(counted - rate).max() < 20 + 1e-3
    np.testing.assert_allclose(np.asarray(counted) % 20, 0, atol=1e-3)
    assert not counted[:, 0].numpy().any()
    np.testing.assert_array_equal(tape.gradient(counted, rate), np.ones(rate.shape))
    np.testing.assert_array_equal(counted, counted_rate(rate, 50))


def test_spikes_are_counted_in_training_only():
    layer = LoihiReLU(window_steps=20)
    currents = tf.constant(np.linspace(0, 2, 50), tf.float32)
    exact = LoihiReLU()(currents)
    np.testing.assert_array_equal(layer(currents), exact)
    assert not np.allclose(layer(currents, training=True), exact)
    assert LoihiReLU.from_config(layer.get_config()).window_steps == 20


def test_unet_with_effects_has_the_same_weights():
    config = UNetConfig(16, (2, 3), (1, 1), (2,), 2, 2)
    plain = build_unet(config)
    aware = build_unet(config, effects=ChipEffects(eight_bit=True, window_steps=50))
    assert [v.name for v in plain.weights] == [v.name for v in aware.weights]
    aware.set_weights(plain.get_weights())
    rounded = [layer for layer in aware.layers if isinstance(layer, EightBitConv2D)]
    assert {layer.name: layer.source_channels for layer in rounded if layer.source_channels} == {
        "decode0_0": [2, 2]
    }
    assert type(aware.get_layer("stem")) is type(plain.get_layer("stem"))
    pixels = np.random.default_rng(0).normal(size=(3, 16, 16, 1))
    np.testing.assert_allclose(plain(pixels), aware(pixels), atol=0.3)
    assert not np.allclose(plain(pixels), aware(pixels), atol=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_spikes_of_unequal_value(seed):
    """The chip's weights are the kernel times what a spike of each source is worth."""
    rng = np.random.default_rng(seed)
    values = (10 ** rng.uniform(-1, 1, 2)).astype(np.float32)
    kernel = rng.normal(size=(3, 3, 7, 4)).astype(np.float32)
    scales = np.repeat(values, (5, 2))[:, None]
    ours = eight_bit(tf.constant(kernel), (5, 2), source_values=list(values))
    on_chip = eight_bit(tf.constant(kernel * scales), (5, 2))
    np.testing.assert_allclose(ours * scales, on_chip, rtol=1e-5, atol=1e-6)


def test_unet_rounds_skips_by_the_value_of_their_levels():
    config = UNetConfig(16, (2, 3), (1, 1), (1,), 2, 2, levels=(3, 1, 3, 3, 7, 3))
    model = build_unet(config, effects=ChipEffects(eight_bit=True))
    model.get_layer("up0_spikes").alpha.assign(1.4)
    model.get_layer("encode0_0_spikes").alpha.assign(5.0)
    values = model.get_layer("decode0_0").source_values()
    np.testing.assert_allclose(values, [1.4 / 7, 5.0], rtol=1e-6)
    assert np.isfinite(model(np.ones((1, 16, 16, 1)))).all()


def test_repeated_pixels_by_hand():
    """A pixel of 1 in the middle, repeated, under a kernel of the digits 1 to 9."""
    layer = EightBitEnlargedConv2D(1, 3, padding="same", source_channels=(1, 1))
    layer.build((None, 6, 6, 2))
    digits = np.arange(1.0, 10.0, dtype=np.float32).reshape(3, 3)
    layer.kernel.assign(np.stack([digits, np.zeros((3, 3))], -1)[..., None])
    pixels = np.zeros((1, 6, 6, 2), np.float32)
    pixels[0, 2:4, 2:4, 0] = 1
    expected = [[9, 17, 15, 7], [15, 28, 24, 11], [9, 16, 12, 5], [3, 5, 3, 1]]
    found = layer(pixels)[0, :, :, 0].numpy()
    # Sums of weights are rounded to 255ths of twice the largest, 28.
    np.testing.assert_allclose(found[1:5, 1:5], expected, atol=28 / 255)
    steps = found / (2 * 28 / 255)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-4)
    found[1:5, 1:5] = 0
    assert not found.any()


@pytest.mark.parametrize("seed", range(3))
def test_integers_of_the_chip_where_pixels_are_repeated(seed):
    """What is trained with 8-bit weights has the weights that the ramp code gives the chip."""
    config = UNetConfig(16, (4, 6), (1, 2), (2,), 2, 3, levels=3, pooling=True)
    rng = np.random.default_rng(seed)
    model = build_unet(config)
    aware = build_unet(config, effects=ChipEffects(eight_bit=True))
    values = [
        rng.uniform(0.5, 4, w.shape) if "alpha" in w.name else rng.normal(0, 0.5, w.shape)
        for w in model.weights
    ]
    for network in (model, aware):
        network.set_weights(values)
    on_chip = integer_layers(lower(model).network)["decode0_0_spikes"].weights
    layer = aware.get_layer("decode0_0")
    assert isinstance(layer, EightBitEnlargedConv2D)
    sums, plain = layer.rounded_kernels()
    trained = [sums.numpy().transpose(0, 1, 3, 2), plain.numpy()]
    scaled = [k * float(v) for k, v in zip(trained, layer.source_values(), strict=True)]
    one = np.abs(on_chip[0]).max() / np.abs(scaled[0]).max()
    for ours, theirs in zip(scaled, on_chip, strict=True):
        np.testing.assert_allclose(ours * one, theirs, atol=1e-4 * np.abs(theirs).max())
        assert len(np.unique(np.abs(theirs))) <= 128


def test_no_kernel_has_the_rounded_sums():
    config = UNetConfig(16, (2, 3), (1, 1), (1,), levels=3, pooling=True)
    with pytest.raises(InputError, match="pixels are repeated"):
        round_weights(config, build_unet(config))


@pytest.mark.parametrize("levels", [0, 3])
def test_rounded_for_comparison(levels):
    config = UNetConfig(16, (2, 3), (1, 1), (1,), 2, 2, levels=levels)
    plain = build_unet(config)
    aware = build_unet(config, effects=ChipEffects(eight_bit=True))
    aware.set_weights(plain.get_weights())
    pixels = np.random.default_rng(0).normal(size=(3, 16, 16, 1))
    round_weights(config, plain)
    np.testing.assert_allclose(plain(pixels), aware(pixels), atol=1e-5)
    changed = [(a != b).any() for a, b in zip(plain.get_weights(), aware.get_weights())]
    names = [w.name for w, c in zip(plain.weights, changed) if c]
    assert names and all(name.endswith("kernel:0") for name in names)
    assert not {"stem/kernel:0", "readout/kernel:0"} & set(names)
