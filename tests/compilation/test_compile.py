"""Networks kept between runs: used when everything that decides them is equal, made again else."""

from dataclasses import replace

import numpy as np
import pytest

from loihiseg.codes.rate import RateCode
from loihiseg.codes.thermometer.code import ThermometerCode
from loihiseg.compilation.cache import cache_folder
from loihiseg.compilation.compile import compile_network, recipe
from loihiseg.compilation.options import CompileOptions
from loihiseg.compilation.prepared import Calibration, Prepared
from loihiseg.compilation.source import Network
from loihiseg.conversion.lowering import lower
from loihiseg.conversion.neuron_kinds import Memoryless, Quantized, Rectified
from loihiseg.progress import Reporter
from loihiseg.storage.records import signature
from tests import deployed

PIXELS = np.stack([deployed.image(1), deployed.image(2)])
OPTIONS = CompileOptions(proof_seconds=0.0)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LOIHISEG_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def prepared():
    model = deployed.unet()
    lowering = lower(model)
    network = lowering.network
    code = RateCode(30, 12, 0.005)
    source = Network(model, 0.5, "a test", None)
    return Prepared(source, network, lowering.graph, code, code.neurons(network))


class Heard(Reporter):
    """Keeps what is said, and which steps there were."""

    def __init__(self):
        super().__init__(quiet=True)
        self.said = []

    def say(self, text, logged=True):
        self.said.append(text)


def compiled(prepared, options=OPTIONS, pixels=PIXELS, reporter=None, **more):
    reporter = reporter or Heard()
    calibration = Calibration(pixels, "2 tiles")
    return compile_network(prepared, options, calibration, 0.5, reporter, **more)


def test_the_second_is_kept_from_the_first(prepared):
    first, heard = compiled(prepared), Heard()
    second = compiled(prepared, reporter=heard)
    assert first.presenter is not None and second.presenter is None
    assert "tile" not in heard.seconds and "partition" not in heard.seconds
    assert second.deployed.places == first.deployed.places
    assert "GreedyInterchip" in first.deployed.places.peers
    for name in ("weights", "entries", "bias"):
        ours, theirs = (getattr(x.deployed.deployable.program, name) for x in (second, first))
        np.testing.assert_array_equal(ours, theirs)
    assert signature(second.deployed.neurons) == signature(first.deployed.neurons)
    assert compiled(prepared, fresh=True).presenter is not None


def test_a_presentation_of_other_length_needs_no_other_blocks(prepared):
    compiled(prepared)
    longer = replace(prepared, code=replace(prepared.code, n_steps=90))
    found = compiled(longer)
    assert found.presenter is None and found.deployed.code.n_steps == 90


@pytest.mark.parametrize(
    "options", [{"chips": 3}, {"seed": 1}, {"proof_seconds": 1.0}], ids=lambda o: next(iter(o))
)
def test_other_options_make_another(prepared, options):
    compiled(prepared)
    assert compiled(prepared, replace(OPTIONS, **options)).presenter is not None
    assert compiled(prepared).presenter is None


def test_other_pixels_make_another(prepared):
    compiled(prepared)
    assert compiled(prepared, pixels=PIXELS[::-1] * 2).presenter is not None


def test_damaged_is_made_again(prepared):
    compiled(prepared)
    (path,) = cache_folder().iterdir()
    good = (path / "arrays.npz").read_bytes()
    (path / "arrays.npz").write_bytes(good[:-100])
    heard = Heard()
    assert compiled(prepared, reporter=heard).presenter is not None
    assert len(heard.said) == 1 and "the network is made again" in heard.said[0]
    assert (path / "arrays.npz").read_bytes() == good


def test_run_survives_a_cache_that_cannot_be_written(prepared, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("LOIHISEG_CACHE", str(tmp_path / "file" / "below"))
    heard = Heard()
    assert compiled(prepared, reporter=heard).presenter is not None
    assert len(heard.said) == 1 and "made and not kept" in heard.said[0]


def test_signature_follows_what_decides_the_integers(prepared):
    expected = {layer.name: np.full(layer.shape, 0.01) for layer in prepared.neurons.layers}
    base = signature(recipe(prepared, OPTIONS, expected))
    assert base == signature(recipe(prepared, OPTIONS, dict(expected)))
    last = prepared.neurons.layers[-1]
    term = last.terms[0]
    others = [
        replace(last, neuron=Quantized(3)),
        replace(last, neuron=Memoryless(3)),
        replace(last, neuron=Rectified(not last.neuron.staircase)),
        replace(last, rate_scale_hz=101.0),
        replace(last, bias=last.bias + np.float32(1e-3)),
        replace(last, neuron=Memoryless(3, active_steps=(1,))),
        replace(last, neuron=Memoryless(3, 2.0)),
        replace(last, terms=(replace(term, levels=2), *last.terms[1:])),
        replace(last, terms=(replace(term, clock=True), *last.terms[1:])),
        replace(last, terms=(replace(term, ruler=True), *last.terms[1:])),
        replace(last, terms=(replace(term, kernel=term.kernel * 2), *last.terms[1:])),
    ]
    seen = {base}
    for other in others:
        neurons = replace(prepared.neurons, layers=(*prepared.neurons.layers[:-1], other))
        seen.add(signature(recipe(replace(prepared, neurons=neurons), OPTIONS, expected)))
    name = last.name
    more = expected | {name: expected[name] * 2}
    seen.add(signature(recipe(prepared, OPTIONS, more)))
    unfiltered = replace(prepared, code=replace(prepared.code, synapse_s=0.004))
    seen.add(signature(recipe(unfiltered, OPTIONS, expected)))
    assert len(seen) == len(others) + 3


def test_code_stands_for_itself():
    assert signature(RateCode()) != signature(ThermometerCode(200))
