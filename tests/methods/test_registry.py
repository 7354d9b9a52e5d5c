"""The registry finds methods by name, and each says what it needs and what a chip can run."""

import pytest

from loihiseg.errors import InputError
from loihiseg.methods.fast_snn.method import FastSnn
from loihiseg.methods.method import Need, described
from loihiseg.methods.registry import METHODS, Registry


class Other(FastSnn):
    def __init__(self, name):
        self.name = name


def test_those_that_come_along():
    assert METHODS.names == ("fast-snn", "spicalib")
    method = METHODS.find("fast-snn")
    assert method.needs == {Need.LEVELS} and method.on_chip.compiles
    assert "thermometer code" in method.on_chip.says and "signed spikes" in method.on_chip.says
    method = METHODS.find("spicalib")
    assert method.needs == {Need.CALIBRATION} and not method.on_chip.compiles
    assert "no reset by subtraction, no bursts" in method.on_chip.says


def test_one_more_leaves_the_others_as_they_are():
    more = METHODS.with_method(Other("other"))
    assert more.names == ("fast-snn", "spicalib", "other")
    assert METHODS.names == ("fast-snn", "spicalib")
    assert more.find("other").name == "other"
    with pytest.raises(InputError, match="method other: no such method; choose one of fast-snn"):
        METHODS.find("other")


@pytest.mark.parametrize("name", ["fast-snn", "Fast", "a b", "-a", "a--b", ""])
def test_names_that_are_taken_or_none(name):
    with pytest.raises(InputError, match="expected a name of lower case letters"):
        METHODS.with_method(Other(name))


def test_what_is_needed_is_said_in_words():
    method = Other("other")
    assert "Needs: activations of few levels" in described(method)
    method.needs = frozenset({Need.TRAINING_THROUGH_TIME, Need.CALIBRATION})
    assert "Needs: calibration tiles, training through time. On a chip: " in described(method)
    method.needs = frozenset()
    assert "Needs: nothing more." in described(method)
    assert Registry().names == ()
