"""Lowered networks in files: all terms come back, and nothing that is none of a network."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from loihiseg.codes import registry
from loihiseg.codes.ramp.code import RampCode
from loihiseg.codes.thermometer.code import ThermometerCode
from loihiseg.compilation.kept_network import KeptNetwork, kept, restored, since_3
from loihiseg.conversion.forward import forward
from loihiseg.conversion.linear import SparseTerm
from loihiseg.conversion.neuron import Neuron
from loihiseg.conversion.validation import check_network, check_stands_for
from loihiseg.storage.records import put_together, signature, taken_apart
from tests import ramp_networks


def through_a_file(network):
    plain, arrays = taken_apart(kept(network))
    plain = msgspec.json.decode(msgspec.json.encode(plain))
    found = put_together(plain, arrays, KeptNetwork, {Neuron: registry.neuron_kinds()})
    return restored(found, "network")


def with_a_sparse_term():
    for seed in range(50):
        network = ramp_networks.random_own_network(seed)
        terms = [term for layer in network.layers for term in layer.terms]
        if any(isinstance(term, SparseTerm) for term in terms):
            return network
    raise AssertionError("no network with a sparse term")


@pytest.mark.parametrize("seed", range(6))
def test_networks_come_back_as_they_were(seed):
    network = ramp_networks.fitting(seed, ramp_networks.random_own_network)
    images = ramp_networks.random_images(network, seed)
    for code in (RampCode.of(network), ThermometerCode.of(network, input="clocked")):
        neurons = code.neurons(network)
        for one in (network, neurons):
            again = through_a_file(one)
            assert signature(again) == signature(one)
            check_network(again, "network")
        check_stands_for(neurons, network)
    again = forward(through_a_file(network), images)
    for name, values in forward(network, images).items():
        np.testing.assert_array_equal(again[name], values)


def test_signatures_tell_every_weight_and_place():
    network = with_a_sparse_term()
    found = {signature(network)}
    (index, layer) = next(
        (n, one)
        for n, one in enumerate(network.layers)
        if any(isinstance(term, SparseTerm) for term in one.terms)
    )
    term = next(term for term in layer.terms if isinstance(term, SparseTerm))
    more = term.with_values(term.values + np.float32(1))
    moved = replace(term, weights=term.weights[::-1])
    for other in (more, moved):
        terms = tuple(other if one is term else one for one in layer.terms)
        layers = list(network.layers)
        layers[index] = replace(layer, terms=terms)
        found.add(signature(replace(network, layers=tuple(layers))))
    assert len(found) == 3


def _changed(network, **changes):
    """The kept network with other values of the pattern of its sparse term."""
    found = kept(network)
    layers = []
    for layer in found.layers:
        terms = tuple(
            replace(term, sparse=replace(term.sparse, **changes)) if term.sparse else term
            for term in layer.terms
        )
        layers.append(replace(layer, terms=terms))
    return replace(found, layers=tuple(layers))


def test_patterns_that_are_none_are_refused():
    network = with_a_sparse_term()
    pattern = next(
        term.sparse for layer in kept(network).layers for term in layer.terms if term.sparse
    )
    columns, starts = pattern.columns, pattern.starts
    outside = columns.copy()
    outside[0] = pattern.sources
    falling = starts.copy()
    falling[1] = len(columns) + 1
    twice = columns.copy()
    row = int(np.argmax(np.diff(starts)))
    twice[starts[row] : starts[row + 1]] = columns[starts[row]]
    for changes, words in (
        ({"columns": outside}, "columns"),
        ({"starts": falling}, "starts"),
        ({"columns": twice}, "do not ascend"),
        ({"columns": columns.astype(np.int64)}, "int32"),
        ({"starts": starts[:-1]}, "starts have type"),
    ):
        with pytest.raises(ValueError, match=words):
            restored(_changed(network, **changes), "network")


def test_terms_of_earlier_files_are_plain():
    network = ramp_networks.random_network(3)
    plain, arrays = taken_apart(kept(network))
    plain = msgspec.json.decode(msgspec.json.encode(plain))
    for layer in plain["layers"]:
        for term in layer["terms"]:
            for name in ("pads", "depthwise", "sparse"):
                del term[name]
    description = {"network": plain, "neurons": None}
    since_3(description)
    kinds = {Neuron: registry.neuron_kinds()}
    found = restored(put_together(plain, arrays, KeptNetwork, kinds), "network")
    assert signature(found) == signature(network)


def test_networks_that_do_not_fit_together_are_refused():
    network = next(
        one
        for one in map(ramp_networks.random_own_network, range(30))
        if one.layers[1].neuron.chooses and len(one.layers) > 2
    )
    first, pooled, *rest = network.layers
    (term, *_) = pooled.terms
    for layer, words in (
        (replace(pooled, bias=np.zeros((1, 1, pooled.shape[2]), np.float32)), "bias"),
        (replace(pooled, terms=(replace(term, pads=((0, 9), (0, 0))),)), "makes"),
        (replace(pooled, terms=(replace(term, depthwise=False),)), "shape|windows"),
        (replace(pooled, terms=(replace(term, kernel=-term.kernel),)), "where to look"),
        (replace(pooled, neuron=replace_levels(pooled.neuron)), "levels that are not like"),
        (replace(pooled, terms=(replace(term, padding="same"),)), "in place of padding"),
    ):
        with pytest.raises(ValueError, match=words):
            check_network(replace(network, layers=(first, layer, *rest)), "network")


def replace_levels(neuron):
    """An extremum of one level more."""
    return type(neuron)(neuron.levels + 1, neuron.level_value, neuron.largest)
