"""Hidden layers behind the chip: refused by name, or allowed and then counted."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.codes.rate import RateCode
from loihiseg.commands.deploy.configuration import configuration
from loihiseg.commands.deploy.options import parse
from loihiseg.commands.segment.configuration import configuration as segment_configuration
from loihiseg.commands.segment.options import parse as parse_segment
from loihiseg.commands.typed import as_typed
from loihiseg.compilation.compile import prepare
from loihiseg.compilation.options import CompileOptions
from loihiseg.compilation.source import Network
from loihiseg.emulator.presenter import CompiledPresenter
from loihiseg.errors import OptionError
from loihiseg.progress import Reporter
from loihiseg.running.counts import Tally
from tests import deployed


@pytest.fixture(scope="module")
def model():
    """8 x 8 pixels; two hidden layers of four have an activation that the chip lacks."""
    tf.keras.utils.set_random_seed(0)
    layers = tf.keras.layers
    pixels = tf.keras.Input((8, 8, 1))
    x = layers.Conv2D(2, 3, padding="same", activation="relu", name="stem")(pixels)
    x = layers.Conv2D(3, 3, padding="same", activation="relu", name="chip")(x)
    for number in range(2):
        x = layers.Conv2D(4, 3, padding="same", name=f"conv{number}")(x)
        x = layers.LeakyReLU(name=f"leaky{number}")(x)
    return tf.keras.Model(pixels, layers.Conv2D(1, 1, name="logit")(x))


def prepared(model, **options):
    return prepare(
        Network(model, None, "a model", None),
        CompileOptions(chips=1, code="rate", steps=20, **options),
        8,
        Reporter(quiet=True),
    )


def test_refused_by_name(model):
    with pytest.raises(OptionError) as caught:
        prepared(model)
    text = str(caught.value.worded(as_typed))
    assert text.startswith("4 hidden layers behind the last neurons of the chip would run on the")
    for name in ("'conv0' (convolution)", "'leaky0' (leaky_relu)", "'conv1'", "'leaky1'"):
        assert name in text
    assert text.endswith("such as ReLU, or allow it with --allow-host-tail")


def test_allowed_they_are_counted(model):
    prepared(model, allow_host_tail=True)
    made = deployed.compiled(RateCode(20, 8, 0.0), model, np.ones((1, 8, 8), np.float32))
    tally = Tally(made)
    with CompiledPresenter(made.deployable, made.neurons, 1) as presenter:
        tally.add(presenter.present_all([np.ones(64)], 20, 8)[0])
    found = tally.counts()
    behind = 64 * (9 * 3 * 4 + 9 * 4 * 4 + 4)
    assert found.host_macs == 64 * 9 * 2 + behind
    assert found.macs == found.host_macs + 64 * 9 * 2 * 3
    assert (found.host_neurons, found.host_activations) == (64 * 2, 2 * 64 * 4)
    assert found.activations == 64 * (2 + 3) + found.host_activations


def test_commands_say_so():
    assert configuration(parse(["--allow-host-tail"])).compile_options.allow_host_tail
    assert not configuration(parse([])).compile_options.allow_host_tail
    segment = ["in.tif", "out.tif"]
    given = segment_configuration(parse_segment([*segment, "--allow-host-tail"]))
    assert given.compile_options.allow_host_tail
    assert not segment_configuration(parse_segment(segment)).compile_options.allow_host_tail
