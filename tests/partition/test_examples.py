"""The tiling against block shapes that others chose by hand."""

import pytest

from benchmarks.partition_networks import EXAMPLES
from partition.built.blocks import block_violations
from partition.core.checks import check_tiling
from partition.shapes.tiling import choose_block_shapes, make_tiling
from tests.partition.networks import build


def built(layers, shapes):
    import nengo_loihi

    net, _, _ = build(layers, shapes)
    return nengo_loihi.Simulator(net, target="sim", progress_bar=False).model


@pytest.mark.parametrize(
    "name, n_cores, by_hand", [("cifar10", 68, 90), ("keras-to-loihi", 11, 14)]
)
def test_fewer_cores_and_messages_than_by_hand(name, n_cores, by_hand):
    layers, shapes = EXAMPLES[name]()
    hand, chosen = make_tiling(layers, shapes), choose_block_shapes(layers)
    check_tiling(layers, chosen)
    assert hand.n_cores == by_hand
    assert chosen.n_cores == n_cores
    assert chosen.messages < hand.messages


@pytest.mark.parametrize(
    "name", ["keras-to-loihi", pytest.param("cifar10", marks=pytest.mark.slow)]
)
def test_examples_pass_every_check_of_a_hardware_build(name):
    layers, shapes = EXAMPLES[name]()
    for tiling in (make_tiling(layers, shapes), choose_block_shapes(layers)):
        model = built(layers, tiling.shapes)
        assert len(model.blocks) == tiling.n_cores
        assert block_violations(model) == []
