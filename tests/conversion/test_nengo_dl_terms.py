"""NengoDL computes every kind of term as numpy's forward pass does."""

from loihiseg.frameworks import nengo_dl

import nengo
import numpy as np
import pytest
from scipy.sparse import csr_array

from loihiseg.conversion.converter import convert
from loihiseg.conversion.forward import forward
from loihiseg.conversion.linear import SparseTerm, Term
from loihiseg.conversion.neuron_kinds import Rectified
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer

pytestmark = pytest.mark.filterwarnings("ignore")


def network(rng):
    """A stem with borders; behind it a depthwise identity, as of a skip, beside sparse weights."""

    def layer(name, shape, *terms, on_host=False):
        bias = rng.normal(size=shape[2]).astype(np.float32)
        return SpikingLayer(name, shape, terms, bias, 100.0, on_host, Rectified())

    def kernel(*shape):
        return rng.normal(size=shape).astype(np.float32)

    identity = np.ones((1, 1, 2, 1), np.float32)
    sparse = csr_array((rng.normal(size=(40, 40)) * (rng.random((40, 40)) < 0.1)).astype("f4"))
    return LoweredNetwork(
        {"pixels": (5, 4, 1)},
        (
            layer(
                "stem", (5, 4, 2), Term("pixels", kernel(3, 2, 1, 2), pads=((2, 0), (0, 1))),
                on_host=True,
            ),
            layer("mixed", (5, 4, 2), Term("stem", kernel(3, 3, 2, 2), padding="same")),
            layer(
                "skipped", (5, 4, 2), Term("stem", identity, depthwise=True),
                Term("mixed", kernel(1, 1, 2, 2)), SparseTerm("mixed", sparse),
            ),
        ),
        ("skipped",),
    )  # fmt: skip


def test_terms_of_every_kind():
    rng = np.random.default_rng(0)
    lowered = network(rng)
    images = rng.normal(size=(3, 5, 4, 1)).astype(np.float32)
    converted = convert(lowered, spiking=False, synapse_s=None)
    with converted.net:
        probe = nengo.Probe(converted.ensembles["skipped"].neurons)
    with nengo_dl.Simulator(converted.net, progress_bar=False, minibatch_size=3) as simulator:
        held = np.tile(images.reshape(3, 1, -1), (1, 4, 1))
        found = simulator.predict({converted.inputs["pixels"]: held}, verbose=0)[probe][:, -1]
    expected = forward(lowered, images)["skipped"]
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-4, atol=1e-4)
    assert (expected > 0).any()
