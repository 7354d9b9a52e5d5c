"""Blocks in nengo-loihi whose sums are exact: currents that leave nothing, integers that are given.

Of a current without a filter nengo-loihi leaves 1/4096 in the next step: it stores a decay of 4094,
to which the chip adds 1. The register holds 4095 too, and then nothing is left. So it is for
neurons that forget (`loihiseg.conversion.nengo_neurons.Forgetting`): whether one fires depends on
the spikes of one step alone.

nengo-loihi finds a scale for the weights of every block and rounds them. A block of neurons that
wait (`loihiseg.conversion.nengo_neurons.Waiting`) has the chip's integers for weights already, of
any exponent the chip has, and is to keep them. So a network with such neurons is built as ever, and
its blocks, once they are cut, are given their integers; all others are left to nengo-loihi. So it
is with neurons that forget and have integers too (`loihiseg.conversion.nengo_neurons.Counting`).
Synapses of layers that nengo-loihi has no builder for follow when the blocks are cut
(`loihiseg.conversion.own_synapses`).

Importing this module registers the builders.
"""

import warnings
from collections.abc import Collection

import loihiseg.frameworks  # noqa: F401 (before nengo-loihi)

import nengo
import numpy as np
from nengo.exceptions import BuildError
from nengo.neurons import NeuronType
from nengo_loihi.block import Compartment, LoihiBlock, Synapse
from nengo_loihi.builder import Builder, Model
from nengo_loihi.builder.discretize import array_to_int, discretize_block, discretize_probe
from nengo_loihi.builder.ensemble import build_lif
from nengo_loihi.builder.network import build_network
from nengo_loihi.builder.validate import validate_model

from loihiseg.conversion.joint_scale import discretize_together
from loihiseg.conversion.nengo_neurons import Counting, Forgetting, Waiting
from loihiseg.conversion.own_synapses import (
    OwnSynapses,
    add_synapses,
    blocks_of,
    box_of,
)
from loihiseg.conversion.term_channels import values_of
from loihiseg.conversion.transforms import TermTransform
from loihiseg.quantization.fixed_point import integer_exponent, representable_bias

STORED_DECAY = 4095
"""Of a current of which nothing is left in the next step; the chip adds 1."""

HIGHEST_VOLTAGE = 2**23 - 1


class ForgettingCompartment(Compartment):
    """Compartments of whose current nothing is left in the next step."""

    def configure_default_filter(self, tau_s: float, dt: float = 0.001) -> None:
        """None, whatever is asked for."""
        self._configure_filter(0, dt)

    def _configure_filter(self, tau_s: float, dt: float) -> None:
        if tau_s != 0:
            raise BuildError(f"{self}: neurons that forget are connected without a synapse")
        # nengo-loihi stores 4095 times this, less 1.
        self.decay_u[:] = (STORED_DECAY + 1) / STORED_DECAY
        self.scale_u = False


@Builder.register(Forgetting)
def build_forgetting(
    model: Model, neuron_type: Forgetting, neurons: nengo.ensemble.Neurons, block: LoihiBlock
) -> None:
    """Build as nengo-loihi builds a `nengo.LIF`, with another decay of the current."""
    before = block.compartment
    block.compartment = ForgettingCompartment(block.n_neurons, label=before.label)
    block.compartment.bias[:] = before.bias
    build_lif(model, neuron_type, neurons, block)


@Builder.register(Waiting)
def build_waiting(
    model: Model, neuron_type: Waiting, neurons: nengo.ensemble.Neurons, block: LoihiBlock
) -> None:
    """Compartments that integrate; their integers follow when the blocks are cut."""
    block.compartment.configure_relu(vth=neuron_type.threshold, dt=model.dt)
    block.compartment.vmin = neuron_type.floor


@Builder.register(Counting)
def build_counting(
    model: Model, neuron_type: Counting, neurons: nengo.ensemble.Neurons, block: LoihiBlock
) -> None:
    """Compartments that keep nothing; their integers follow when the blocks are cut."""
    block.compartment.configure_relu(vth=neuron_type.threshold, dt=model.dt)


def build_exactly(
    model: Model,
    network: nengo.Network,
    precompute: bool | None = None,
    remove_passthrough: bool = True,
    discretize: bool = True,
) -> None:
    """Build a network as nengo-loihi does, but for what this module and the like add to it."""
    ours = any(isinstance(e.neuron_type, Waiting | Counting) for e in network.all_ensembles) or any(
        isinstance(c.transform, TermTransform) for c in network.all_connections
    )
    if not ours or model.toplevel is not None:
        build_network(model, network, precompute, remove_passthrough, discretize)
        return
    build_network(model, network, precompute, remove_passthrough, discretize=False)
    own = add_synapses(model)
    if not discretize:
        return
    exact = {
        block: ensemble.neuron_type
        for ensemble in network.all_ensembles
        if isinstance(ensemble.neuron_type, Waiting | Counting) and ensemble.neurons in model.objs
        for block in _blocks(model.objs[ensemble.neurons]["in"])
    }
    scales = _discretize_own(model, own, exact)
    for block in model.blocks:
        if block in exact:
            scales[block] = _give_integers(block, exact[block], model.dt)
        elif block not in scales:
            scales[block] = discretize_block(block)
    for probe in model.probes:
        for number, block in enumerate(probe.target):
            discretize_probe(probe, number, scales[block])
    validate_model(model)


def _blocks(found: LoihiBlock | list[LoihiBlock]) -> list[LoihiBlock]:
    return found if isinstance(found, list) else [found]


def _discretize_own(
    model: Model, own: list[OwnSynapses], exact: Collection[LoihiBlock]
) -> dict[LoihiBlock, float]:
    """Integers of layers with synapses of ours: blocks of the same channels have one scale."""
    layers: dict[nengo.Ensemble, list[OwnSynapses]] = {}
    for one in own:
        layers.setdefault(one.pending.ensemble, []).append(one)
    scales: dict[LoihiBlock, float] = {}
    for ensemble, terms in layers.items():
        shape = terms[0].pending.transform.output_shape
        runs: dict[range, list[LoihiBlock]] = {}
        for block in blocks_of(model, ensemble):
            if block not in exact:
                runs.setdefault(box_of(model, block, shape).channels, []).append(block)
        for channels, blocks in runs.items():
            groups = []
            for one in terms:
                part = slice(channels.start, channels.stop)
                term, values = one.pending.transform.term, one.pending.values
                heard = np.abs(values_of(term, values, part, shape[2]))
                synapses = [one.synapses[block] for block in blocks if block in one.synapses]
                groups.append((synapses, float(heard.max(initial=0))))
            scales |= dict.fromkeys(blocks, discretize_together(blocks, groups))
    return scales


with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".* already has a builder")
    Builder.register(nengo.Network)(build_exactly)


def _give_integers(block: LoihiBlock, neuron_type: NeuronType, dt_s: float) -> float:
    """Give a block its integers; returns what a voltage of 1 becomes."""
    part = block.compartment
    # Nengo's spikes are as high as a step is short, and so are biases.
    bias = np.rint(np.float64(part.bias) * dt_s)
    if isinstance(neuron_type, Waiting) and bias.any():
        raise BuildError(f"{block}: neurons that wait have no bias")
    if not np.array_equal(bias, representable_bias(bias)):
        raise BuildError(f"{block}: biases are no mantissas of 12 bits times a power of 2")
    forgets = isinstance(neuron_type, Counting)
    for array, value in (
        (part.decay_u, STORED_DECAY),
        (part.decay_v, STORED_DECAY if forgets else neuron_type.decay),
        (part.vth, neuron_type.threshold),
        (part.bias, bias),
    ):
        array_to_int(array, np.broadcast_to(value, len(array)))
    part.scale_u = part.scale_v = False
    part.vmin, part.vmax = 0 if forgets else neuron_type.floor, HIGHEST_VOLTAGE
    for synapse in block.synapses:
        _give_weights(synapse, dt_s)
    largest = max((synapse.max_abs_weight() for synapse in block.synapses), default=0)
    part.discretize_info = {
        "w_max": largest, "w_exp": 0, "v_scale": 1.0, "b_scale": 1.0, "w_scale": 1.0
    }  # fmt: skip
    return 1.0


def _give_weights(synapse: Synapse, dt_s: float) -> None:
    if synapse.learning:
        raise BuildError(f"{synapse}: neurons that wait do not learn")
    # Nengo's spikes are as high as a step is short.
    integers = [np.rint(np.float64(weights) * dt_s) for weights in synapse.weights]
    flat = np.concatenate([values.ravel() for values in integers])
    exponent = integer_exponent(flat)
    if exponent is None:
        raise BuildError(f"{synapse}: weights are no mantissas of 8 bits times a power of 2")
    synapse.format(weight_exp=exponent)
    for weights, values in zip(synapse.weights, integers, strict=True):
        array_to_int(weights, values)
