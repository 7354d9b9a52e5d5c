"""Block shapes of the presets, against shapes a person would try."""

from functools import lru_cache

import pytest

from loihiseg.compilation.mapping import partition_layers
from loihiseg.conversion.lowering import lower
from loihiseg.network.unet import build_unet
from loihiseg.training.presets import PRESETS
from partition.built.blocks import block_violations
from partition.chips.cut import assign_chips
from partition.core.checks import check_assignment, check_tiling
from partition.core.traffic import tiling_graph
from partition.joint.choose import choose_tiling_and_chips
from partition.shapes.candidates import Candidates, targets_of
from partition.shapes.tiling import choose_block_shapes, make_tiling
from tests.partition.networks import build, smooth_rates

# Layers of levels are those that a code makes of them.
presets = pytest.mark.parametrize(
    "name", sorted(name for name, preset in PRESETS.items() if not preset.network.levels)
)


@lru_cache
def layers_of(name):
    return tuple(partition_layers(lower(build_unet(PRESETS[name].network)).network))


def by_hand(layers):
    """For each layer the best block with sides that are powers of two, the last layer first."""
    candidates, shapes = Candidates(layers), {layer.name: (1, 1, 1) for layer in layers}
    for layer in reversed(layers):
        targets = targets_of(layer, layers, shapes)
        shapes[layer.name] = next(
            shape
            for _, _, shape in candidates.fitting(layer)
            if all(n & (n - 1) == 0 for n in shape) and candidates.emits(layer, shape, targets)
        )
    return make_tiling(layers, shapes)


@presets
def test_no_more_cores_nor_messages_than_by_hand(name):
    layers = layers_of(name)
    hand, chosen = by_hand(layers), choose_block_shapes(layers)
    check_tiling(layers, hand)
    check_tiling(layers, chosen)
    assert (chosen.n_cores, chosen.messages) <= (hand.n_cores, hand.messages)


@presets
def test_chosen_with_the_chips_in_sight(name):
    layers = layers_of(name)
    rates = smooth_rates(layers)
    chosen = choose_tiling_and_chips(layers, 2, rates=rates)
    check_tiling(layers, chosen.tiling)
    check_assignment(chosen.graph, chosen.assignment, 2)
    plain = choose_block_shapes(layers, rates=rates)
    separate = assign_chips(tiling_graph(layers, plain.shapes, rates), 2)
    assert chosen.tiling.n_cores <= 256
    assert chosen.assignment.messages <= separate.messages
    if name == "paper":
        assert chosen.assignment.messages < 0.6 * separate.messages


@pytest.mark.parametrize(
    "name", ["tiny", *(pytest.param(name, marks=pytest.mark.slow) for name in ("small", "paper"))]
)
def test_every_check_of_a_hardware_build(name):
    import nengo_loihi

    layers = layers_of(name)
    for tiling in (
        choose_block_shapes(layers),
        choose_tiling_and_chips(layers, 2, rates=smooth_rates(layers)).tiling,
    ):
        net, _, _ = build(layers, tiling.shapes)
        model = nengo_loihi.Simulator(net, target="sim", progress_bar=False).model
        assert len(model.blocks) == tiling.n_cores
        assert block_violations(model) == []
