from dataclasses import replace

import pytest

from partition.core.errors import PartitionError
from partition.core.layers import (
    Layer,
    Projection,
    check_layers,
    dense_projection,
    output_lengths,
    targets_first,
)
from tests.partition.networks import convolution, skip_net, unet


@pytest.mark.parametrize(
    "length, kernel, stride, padding, transposed, expected",
    [
        (8, 3, 1, "same", False, 8),
        (7, 3, 2, "same", False, 4),
        (8, 3, 2, "valid", False, 3),
        (2, 3, 1, "valid", False, 0),
        (8, 2, 2, "valid", True, 16),
        (8, 2, 2, "same", True, 15),
    ],
)
def test_output_lengths(length, kernel, stride, padding, transposed, expected):
    assert output_lengths(length, kernel, stride, padding, transposed)[0] == expected


def test_good_networks_pass():
    check_layers(skip_net())
    check_layers(unet())


def test_targets_come_first():
    names = [layer.name for layer in targets_first(skip_net())]
    assert names == ["c", "b", "a"]


def test_all_problems_are_named_at_once():
    layers = [
        Layer("a", (8, 8, 2), (convolution("image", (8, 8, 1), 3, 1)[0],)),
        Layer("b", (8, 8, 2), (convolution("a", (8, 8, 3), 3, 2)[0],)),
    ]
    with pytest.raises(PartitionError) as caught:
        check_layers(layers)
    text = str(caught.value)
    assert "layer a: input from image: is no layer on the chip" in text
    assert "source_shape (8, 8, 3) differs from the layer's (8, 8, 2)" in text
    assert "gives 4 rows, the layer has 8" in text
    assert "\n" not in text


def test_no_layers():
    with pytest.raises(PartitionError, match="no layer"):
        check_layers([])


def test_names_used_twice():
    layer = Layer("a", (2, 2, 1))
    with pytest.raises(PartitionError, match="more than once: a"):
        check_layers([layer, layer])


def test_bad_shape_and_padding():
    with pytest.raises(PartitionError, match="not three positive sizes"):
        check_layers([Layer("a", (0, 2, 1))])
    bad = Projection("x", (1, 1), (1, 1), "full", source_shape=(2, 2, 1), on_host=True)
    with pytest.raises(PartitionError, match="padding 'full'"):
        check_layers([Layer("a", (2, 2, 1), (bad,))])


def test_loop():
    layers = [
        Layer("a", (4, 4, 1), (convolution("b", (4, 4, 1), 3, 1)[0],)),
        Layer("b", (4, 4, 1), (convolution("a", (4, 4, 1), 3, 1)[0],)),
    ]
    with pytest.raises(PartitionError, match="reaches itself"):
        check_layers(layers)


def test_dense_layers():
    first = Layer("a", (4, 4, 2), (convolution("image", (4, 4, 1), 3, 1, on_host=True)[0],))
    whole = dense_projection("a", (4, 4, 2))
    check_layers([first, Layer("b", (1, 1, 9), (whole,))])
    with pytest.raises(PartitionError, match="gives 1 rows, the layer has 3"):
        check_layers([first, Layer("b", (3, 1, 3), (whole,))])
    with pytest.raises(PartitionError, match="dense projection has the source's rows"):
        check_layers([first, Layer("b", (2, 2, 9), (replace(whole, kernel=(3, 3)),))])


def test_thresholds_are_per_channel():
    layer = Layer("a", (4, 4, 3), (convolution("image", (4, 4, 1), 3, 1, on_host=True)[0],))
    check_layers([replace(layer, thresholds=(1, 2, 3), settings=("fast", "slow", "slow"))])
    with pytest.raises(PartitionError, match=r"2 thresholds for 3 channels; .*4 settings"):
        check_layers([replace(layer, thresholds=(1, 2), settings=(1, 2, 3, 4))])
