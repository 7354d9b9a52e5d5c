"""What layers of a U-Net hear over time, against counts by hand."""

import pytest

from loihiseg.errors import InputError
from loihiseg.network.config import UNetConfig
from loihiseg.through_time.settings import ThroughTime
from loihiseg.through_time.structure import timed, wires

SMALL = UNetConfig(tile=64, channels=(8, 16, 32))


def test_layers_are_those_of_the_network_in_its_order():
    assert tuple(layer.name for layer in wires(SMALL)) == SMALL.activations
    assert {layer.name: layer.sources for layer in wires(SMALL)}["decode0_0"] == (
        "up0", "encode0_0",
    )  # fmt: skip


def test_times_by_hand():
    """Ten layers in a chain: the last skip waits 7 steps, the other 3."""
    found = {layer.name: layer for layer in timed(wires(SMALL), 4)}
    assert [layer.depth for layer in found.values()] == list(range(10))
    assert found["decode0_0"].lags == (0, 7)
    assert found["decode1_0"].lags == (0, 3)
    assert [layer.steps for layer in found.values()] == [11, 11, 7, 7, 4, 4, 4, 4, 4, 4]


def test_idle_steps_by_hand():
    """Skips wait 3 and 7 steps: of what is heard twice in two steps 0, 1, 3, 4 are needed, and of
    the first layers 7 and 8 too."""
    found = {layer.name: layer.idle for layer in timed(wires(SMALL), 2)}
    assert found["stem"] == found["encode0_0"] == (2, 5, 6)
    assert found["down1"] == found["encode1_0"] == (2,)
    assert {found[name] for name in found if name[:2] in ("up", "de")} == {()}
    assert all(layer.idle == () for layer in timed(wires(SMALL), 2, delayed=False))
    assert all(layer.idle == () for layer in timed(wires(SMALL), 4))


def test_layers_hear_what_was_sent_a_step_before():
    """Own step k of a layer is step depth + k; own step k + lag of a source the step before."""
    found = {layer.name: layer for layer in timed(wires(UNetConfig(channels=(2, 3, 4, 5),
        convs_down=(2, 1, 0, 3), convs_up=(1, 2, 1))), 3)}  # fmt: skip
    for layer in found.values():
        for name, lag in zip(layer.sources, layer.lags, strict=True):
            assert layer.depth - 1 == found[name].depth + lag
            assert found[name].steps >= layer.steps + lag


def test_without_delay_all_are_in_one_step():
    found = timed(wires(SMALL), 4, delayed=False)
    assert {layer.steps for layer in found} == {4}
    assert {lag for layer in found for lag in layer.lags} == {0}


def test_too_many_steps_are_refused_by_name():
    with pytest.raises(InputError, match="layer 'encode0_0' is needed for 257 steps"):
        timed(wires(SMALL), 250)
    with pytest.raises(InputError, match="steps 65: expected 1 to 64"):
        ThroughTime(65)


def test_a_concatenation_needs_a_convolution():
    with pytest.raises(InputError, match="convolution behind every concatenation"):
        wires(UNetConfig(convs_up=(0, 1)))
