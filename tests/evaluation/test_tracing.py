"""Watching a deployed network: shapes by layer, and what is refused."""

import numpy as np
import pytest

import loihiseg
from loihiseg.errors import InputError
from tests.small_deployed import TILE, small_deployed

PIXELS = np.linspace(-1, 2, TILE * TILE, dtype=np.float32).reshape(TILE, TILE)


def test_every_layer_is_watched_for_the_whole_presentation():
    one = small_deployed()
    found = loihiseg.trace(one, PIXELS)
    assert list(found) == ["first", "last"]
    assert found["last"].voltage.shape == (one.code.n_steps, TILE, TILE, 3)
    assert not found["last"].forgets
    (only,) = loihiseg.trace(one, PIXELS, ["last"]).values()
    np.testing.assert_array_equal(only.voltage, found["last"].voltage)


def test_levels_have_a_neuron_each():
    one = small_deployed(levels=2)
    assert loihiseg.trace(one, PIXELS, ["first"])["first"].fired.shape == (5, TILE, TILE, 4)


def test_what_cannot_be_shown_or_watched_is_refused():
    one = small_deployed()
    with pytest.raises(InputError, match=r"pixels of shape \(3, 4\): expected one image of"):
        loihiseg.trace(one, PIXELS[1:])
    with pytest.raises(InputError, match="'stem': is none of the chip; there are first, last"):
        loihiseg.trace(one, PIXELS, ["stem"])
