import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partition.core.checks import check_tiling
from partition.core.errors import DoesNotFitError, PartitionError
from partition.core.footprint import n_blocks, out_axon_slots
from partition.core.layers import Layer
from partition.core.limits import LOIHI1, CoreLimits
from partition.core.rules import block_needs, violations
from partition.shapes.candidates import candidate_shapes
from partition.shapes.tiling import choose_block_shapes, make_tiling
from tests.partition.networks import build, convolution, pair, skip_net, unet


def test_unet_of_a_quarter_million_neurons():
    layers = unet(96, (4, 8, 16))
    start = time.perf_counter()
    tiling = choose_block_shapes(layers)
    assert time.perf_counter() - start < 5
    # 258 048 neurons: every core is full.
    assert tiling.n_cores == 252
    assert tiling.shapes["n0"] == (16, 16, 4)
    assert tiling.shapes["n1"] == (8, 16, 8)
    assert tiling.shapes["e2"] == (8, 8, 16)
    check_tiling(layers, tiling)


@pytest.mark.parametrize(
    "shape, cores",
    [
        ((64, 64, 4), 16),
        ((96, 96, 4), 36),
        ((48, 48, 8), 18),
        ((24, 24, 16), 9),
        ((12, 12, 32), 5),
        ((7, 7, 5), 1),
    ],
)
@pytest.mark.parametrize("stride", [1, 2])
def test_sizes_of_interest(shape, cores, stride):
    layers = pair(shape, 3, stride, "same", False, shape[2] * stride)
    tiling = choose_block_shapes(layers)
    check_tiling(layers, tiling)
    # Synapse memory and edges may cost a few cores above the count of neurons.
    assert cores <= n_blocks(shape, tiling.shapes["a"]) <= cores + 1


@pytest.mark.parametrize("kernel, stride, padding, up", [(2, 2, "valid", True), (1, 1, "same", 0)])
def test_other_kernels(kernel, stride, padding, up):
    layers = pair((24, 24, 16), kernel, stride, padding, bool(up), 8)
    check_tiling(layers, choose_block_shapes(layers))


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_fewest_cores_then_messages_by_brute_force(seed):
    rates = None
    if seed is not None:
        rng = np.random.default_rng(seed)
        rates = {"x": rng.uniform(size=(6, 6, 3)) * (rng.uniform(size=(6, 6, 1)) < 0.3)}
    limits = replace(LOIHI1, compartments=24, in_axons=40, synapse_bits=12000)
    layer = Layer("a", (6, 6, 4), (convolution("x", (6, 6, 3), 3, 1, on_host=True)[0],))
    every = [(r, c, k) for r in range(1, 7) for c in range(1, 7) for k in range(1, 5)]
    fitting = [s for s in every if not violations(layer, s, block_needs(layer, s), limits)]
    rows = [make_tiling([layer], {"a": shape}, rates=rates).usage[0] for shape in fitting]
    best = min((row.n_blocks, row.messages) for row in rows)
    (row,) = choose_block_shapes([layer], rates=rates, limits=limits).usage
    assert (row.n_blocks, row.messages) == pytest.approx(best)


def test_rates_of_one_change_nothing():
    layers = unet(32, (4, 8))
    names = {p.source for layer in layers for p in layer.inputs}
    assert choose_block_shapes(layers, rates=dict.fromkeys(names, 1)) == choose_block_shapes(layers)


def test_blocks_follow_the_rates():
    # All spikes are in one row: only boundaries between columns double them.
    layer = Layer("a", (16, 16, 1), (convolution("x", (16, 16, 1), 3, 1, on_host=True)[0],))
    limits = replace(LOIHI1, compartments=32)
    rates = np.zeros((16, 16, 1))
    rates[8] = 1
    tiling = choose_block_shapes([layer], rates={"x": rates}, limits=limits)
    assert tiling.shapes["a"] == (16, 2, 1)
    # Seven boundaries, a pixel on each side of them.
    assert tiling.messages == 16 + 2 * 7
    assert choose_block_shapes([layer], limits=limits).shapes["a"] == (4, 8, 1)


def test_sources_short_of_out_axons_get_other_targets():
    # With the targets' best shapes kept the sources would need 48 cores in all.
    layers = skip_net()
    tight = replace(LOIHI1, compartments=47, out_axon_slots=86, synapse_bits=49356)
    tiling = choose_block_shapes(layers, limits=tight)
    check_tiling(layers, tiling, limits=tight)
    assert tiling.n_cores <= 41


def fewest_cores(layers, limits):
    """Cores of the best pair of shapes, by trying every pair."""
    every = [
        [
            (n_blocks(layer.shape, shape), shape)
            for *_, shape in candidate_shapes(layer, limits)
            if not violations(layer, shape, block_needs(layer, shape), limits)
        ]
        for layer in layers
    ]
    first, second = layers
    pairs = sorted(
        ((a[0] + b[0], a[1], b[1]) for a in every[0] for b in every[1]), key=lambda p: p[0]
    )
    for n_cores, shape, target in pairs:
        slots = out_axon_slots(first.shape, shape, [(second, second.inputs[0], target)])
        if slots <= limits.out_axon_slots:
            return n_cores
    return None


def test_two_layers_by_brute_force():
    rng = np.random.default_rng(2)
    for _ in range(25):
        shape = tuple(int(n) for n in rng.integers((3, 3, 1), (7, 7, 5)))
        kernel, stride, channels = (int(n) for n in rng.integers((1, 1, 2), (4, 3, 8)))
        layers = pair(shape, kernel, stride, "same", False, channels)
        limits = CoreLimits(
            compartments=int(rng.integers(16, 80)),
            out_axon_slots=int(rng.integers(20, 120)),
            synapse_bits=int(rng.integers(3000, 30000)),
        )
        best = fewest_cores(layers, limits)
        try:
            found = choose_block_shapes(layers, limits=limits).n_cores
        except DoesNotFitError:
            found = None
        assert found == best


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    channels=st.integers(1, 6),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 3),
    up=st.booleans(),
    compartments=st.integers(8, 128),
    slots=st.integers(16, 400),
)
def test_what_is_chosen_always_passes_the_check(
    rows, columns, channels, kernel, stride, up, compartments, slots
):
    layers = pair((rows, columns, channels), kernel, stride, "same", up, channels + 1)
    limits = CoreLimits(compartments=compartments, out_axon_slots=slots)
    try:
        tiling = choose_block_shapes(layers, limits=limits)
    except DoesNotFitError as error:
        assert error.violations
    else:
        check_tiling(layers, tiling, limits=limits)


def test_every_layer_that_fits_no_core_is_named():
    limits = replace(LOIHI1, synapse_bits=64, in_axons=4)
    with pytest.raises(DoesNotFitError) as caught:
        choose_block_shapes(skip_net(), limits=limits)
    text = " ".join(caught.value.violations)
    for name in "abc":
        assert f"layer {name}, block 1x1x1: " in text
    assert "9 in-axons, the limit is 4 (over by 5): use" in text
    assert "synapse bits, the limit is 64" in text


def test_out_axons_that_fit_no_way():
    limits = replace(LOIHI1, out_axon_slots=1)
    with pytest.raises(DoesNotFitError, match="out-axon slots, the limit is 1"):
        choose_block_shapes(skip_net(), limits=limits)


def test_too_few_cores():
    layers = unet(48)
    with pytest.raises(DoesNotFitError, match="needs 67 cores, there are 32") as caught:
        choose_block_shapes(layers, max_cores=32)
    assert len(caught.value.violations) == len(layers)
    assert "layer e0: 9 cores of blocks 16x16x4" in caught.value.violations[0]


def test_bad_pop_type():
    with pytest.raises(PartitionError, match="pop_type 8"):
        choose_block_shapes(skip_net(), pop_type=8)


def test_pop16_blocks_are_aligned():
    layers = unet(32, (4, 8))
    tiling = choose_block_shapes(layers, pop_type=16)
    check_tiling(layers, tiling, pop_type=16)
    assert all(shape[2] % 4 == 0 for shape in tiling.shapes.values())


def test_check_finds_a_wrong_count():
    layers = skip_net()
    tiling = choose_block_shapes(layers)
    row = replace(tiling.usage[0], in_axons=1, out_axon_slots=3)
    wrong = replace(tiling, usage=(row, *tiling.usage[1:]), n_cores=99)
    with pytest.raises(PartitionError) as caught:
        check_tiling(layers, wrong)
    for words in ("in_axons is", "out_axon_slots is", "the tiling says 99"):
        assert words in str(caught.value)


def test_chosen_shapes_build():
    import nengo_loihi

    layers = skip_net()
    tiling = choose_block_shapes(layers, limits=replace(LOIHI1, compartments=200))
    net, _, _ = build(layers, tiling.shapes)
    model = nengo_loihi.Simulator(net, target="sim", progress_bar=False).model
    assert len(model.blocks) == tiling.n_cores
