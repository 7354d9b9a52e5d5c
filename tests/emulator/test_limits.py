"""One answer to whether a network fits: the simulator's, the allocator's and the command's."""

import warnings

import nengo
import numpy as np
import pytest
from nengo.exceptions import BuildError

from loihiseg.emulator.limits import LimitsWarning
from loihiseg.emulator.simulator import Simulator
from partition import MinTrafficAllocator, block_graph, block_violations, save_graph
from partition.cli import run
from partition.core.errors import DoesNotFitError


def too_wide():
    """Three ensembles too large for the synapse memory of a core, and one that is not."""
    import nengo_loihi

    with nengo.Network(seed=1) as net:
        nengo_loihi.add_params(net)
        for n in (300, 320, 340, 20):
            one = nengo.Ensemble(n, 1, gain=np.ones(n), bias=np.zeros(n), label=f"e{n}")
            # Not cut into smaller blocks by nengo-loihi.
            net.config[one].block_shape = nengo_loihi.BlockShape((n,), (n,))
            weights = np.random.default_rng(n).random((n, 250))
            source = nengo.Node(np.zeros(250))
            nengo.Connection(source, one.neurons, transform=weights, synapse=None)
    return net


def not_numbered():
    """An input whose last neuron has no weight, and another after it: a hardware build refuses."""
    with nengo.Network(seed=0) as net:
        a, b, c = (nengo.Ensemble(20, 1, label=name) for name in "abc")
        diagonal = [(i, i) for i in range(19)]
        some = nengo.Sparse((20, 20), indices=diagonal, init=np.full(19, 0.01))
        nengo.Connection(a.neurons, c.neurons, transform=some, synapse=0.005)
        nengo.Connection(b.neurons, c.neurons, transform=np.eye(20) * 0.01, synapse=0.005)
    return net


def said(net, **options):
    """A simulator's text, of its error or its warnings of limits, and the simulator."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            sim = Simulator(net, target="sim", progress_bar=False, **options)
        except BuildError as error:
            return str(error), None
    return "".join(str(w.message) for w in caught if w.category is LimitsWarning), sim


def test_every_block_that_is_too_large_is_named():
    text, sim = said(too_wide())
    assert sim is None
    assert text.startswith("3 of 4 blocks exceed a core: block 0 ")
    for n, bits in ((300, 1344000), (320, 1440000), (340, 1536000)):
        over = bits - 1048576
        assert f"e{n}'>): {bits} synapse bits, the limit is 1048576 (over by {over}): split" in text
    assert "e20" not in text and "None" not in text
    assert said(too_wide(), enforce_limits="error") == (text, None)


def test_what_is_too_large_runs_where_it_may():
    text, sim = said(too_wide(), enforce_limits="warn")
    with sim:
        sim.run_steps(2)
        assert [v.excess for v in block_violations(sim.model)] == [295424, 391424, 487424]
        assert text.count("synapse bits") == 3
        with pytest.raises(DoesNotFitError) as caught:
            MinTrafficAllocator()(sim.model, 1)
    assert str(caught.value) == text
    text, sim = said(too_wide(), enforce_limits="off")
    with sim:
        assert text == ""


def test_limits_of_a_hardware_build(tmp_path, capsys):
    text, sim = said(not_numbered())
    assert "cannot number: give its last neuron a weight or connect this input last" in text
    with sim:
        assert [str(violation) for violation in block_violations(sim.model)] == [text]
        save_graph(block_graph(sim.model), tmp_path / "graph.json")
        with pytest.raises(DoesNotFitError) as caught:
            MinTrafficAllocator()(sim.model, 1)
    assert str(caught.value) == text
    assert run([str(tmp_path / "graph.json"), "--chips", "1"]) == 4
    assert capsys.readouterr().err == f"does not fit: {text}\n"
    assert said(not_numbered(), enforce_limits="error") == (text, None)
    text, sim = said(not_numbered(), enforce_limits="off")
    with sim:
        assert text == ""


def test_a_network_within_limits_and_another_model_of_it():
    import nengo_loihi

    with nengo.Network(seed=0) as net:
        nengo.Ensemble(10, 1)
    model = nengo_loihi.builder.Model(dt=0.001)
    text, sim = said(net, enforce_limits="error", model=model)
    with sim:
        assert (text, sim.model) == ("", model)
        # As it came: what looked at it is gone.
        assert "build" not in vars(model)
    with pytest.raises(ValueError, match="enforce_limits is 'loud', expected one of"):
        Simulator(net, target="sim", enforce_limits="loud")


def test_other_errors_of_a_build_are_nengo_loihis():
    with nengo.Network(seed=0) as net:
        nengo.Ensemble(10, 1, neuron_type=nengo.Tanh())
    text, sim = said(net, enforce_limits="off")
    assert sim is None and "'Tanh' cannot be simulated on Loihi" in text
