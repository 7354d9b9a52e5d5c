"""The integers equal nengo-loihi's discretization, and hand-worked ones."""

import copy
import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loihiseg.errors import LoihisegError
from loihiseg.quantization.fixed_point import (
    BlockScale,
    block_scale,
    decay_gain,
    quantize_bias,
    quantize_decay,
    quantize_threshold,
    quantize_weights,
)


def random_block(rng, tau_s, leaky, n_groups, spread):
    """A float nengo-loihi block with random weights and biases."""
    from nengo_loihi.block import LoihiBlock, Synapse

    block = LoihiBlock(12)
    compartment = block.compartment
    if leaky:
        compartment.configure_lif(tau_rc=0.02, vth=1.0)
    else:
        compartment.configure_relu(vth=1000.0)
    compartment.configure_filter(tau_s)
    compartment.bias[:] = rng.normal(0, rng.choice([0.0, 0.3, 30.0]), 12)
    for _ in range(n_groups):
        synapse = Synapse(9)
        synapse.set_weights(rng.normal(0, 10.0 ** rng.uniform(-spread, 1), (9, 12)))
        block.add_synapse(synapse)
    return block


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    tau_s=st.sampled_from([0.0, 0.002, 0.005, 0.02]),
    leaky=st.booleans(),
    n_groups=st.integers(0, 3),
    spread=st.floats(0, 4),
)
@example(seed=0, tau_s=0.005, leaky=False, n_groups=2, spread=0.9092461142759947)
def test_equals_nengo_loihi(seed, tau_s, leaky, n_groups, spread):
    from nengo.exceptions import BuildError
    from nengo_loihi.builder.discretize import discretize_block

    block = random_block(np.random.default_rng(seed), tau_s, leaky, n_groups, spread)
    theirs = copy.deepcopy(block)
    ours = block.compartment
    weight_max = max((s.max_abs_weight() for s in block.synapses), default=0)
    arguments = (weight_max, ours.vth[0], ours.bias, ours.decay_u[0], ours.decay_v[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            discretize_block(theirs)
        except BuildError:
            with pytest.raises(LoihisegError):
                block_scale(*arguments, scale_voltage=leaky)
            return
    scale = block_scale(*arguments, scale_voltage=leaky)
    assert quantize_decay(ours.decay_u[0], current=True) == theirs.compartment.decay_u[0]
    assert quantize_decay(ours.decay_v[0], current=False) == theirs.compartment.decay_v[0]
    assert quantize_threshold(ours.vth[0], scale) == theirs.compartment.vth[0]
    np.testing.assert_array_equal(quantize_bias(ours.bias, scale), theirs.compartment.bias)
    for mine, other in zip(block.synapses, theirs.synapses):
        group = quantize_weights(np.array(mine.weights), scale)
        np.testing.assert_array_equal(group.integers, np.array(other.weights))
        assert group.exponent == other.synapse_cfg.weight_exp


def test_weights_by_hand():
    # Largest weight 1: scale 255. 0.5 * 255 / 2 = 63.75 rounds to 64; shifted by 1 + 0 + 6.
    scale = BlockScale(1.0, 255.0, 0, 1.0, 1.0)
    group = quantize_weights([1.0, -1.0, 0.5, 0.001], scale)
    assert group.integers.tolist() == [127 * 128, -127 * 128, 64 * 128, 0]
    assert (group.exponent, group.bits_lost) == (0, 0)


def test_smaller_group_keeps_its_bits():
    # A quarter of the largest weight gains two bits: mantissas as large, exponent 2 lower.
    scale = BlockScale(1.0, 255.0, 0, 1.0, 1.0)
    group = quantize_weights([0.25, 0.125], scale)
    assert group.exponent == -2
    # 0.25 * 255 * 4 / 2 = 127.5, clipped to 127; the lossy shift by 1 rounds that to 128, clips.
    assert group.bits_lost == 1
    assert group.integers.tolist() == [63 * 64, 32 * 64]


def test_bias_by_hand():
    scale = BlockScale(1.0, 255.0, 0, 1.0, 1.0)
    # 5000 / 4095 > 1: exponent 1, mantissa 2500. 4095 still fits exponent 0.
    assert quantize_bias([4095, 5000, 5001, -3], scale).tolist() == [4095, 5000, 5000, -3]


def test_threshold_is_a_multiple_of_64():
    scale = BlockScale(1.0, 255.0, 0, 1.0, 1.0)
    assert quantize_threshold(1000.0, scale) == 16 * 64


def test_filter_off_has_gain_one():
    assert decay_gain(quantize_decay(1.0, current=True), current=True) == pytest.approx(
        1.0, abs=1e-3
    )


def test_impossible_bias_is_an_error():
    with pytest.raises(LoihisegError, match="fit no common exponent"):
        block_scale(1e-6, 1.0, [1e9], 1.0)
