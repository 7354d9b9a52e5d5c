"""Blocks in nengo-loihi whose sums are exact: currents that leave nothing, integers that are given.

Of a current without a filter nengo-loihi leaves 1/4096 in the next step: it stores a decay of 4094,
to which the chip adds 1. The register holds 4095 too, and then nothing is left. So it is for
neurons that forget (`loihiseg.conversion.nengo_neurons.Forgetting`): whether one fires depends on
the spikes of one step alone.

nengo-loihi finds a scale for the weights of every block and rounds them. A block of neurons that
wait (`loihiseg.conversion.nengo_neurons.Waiting`) has the chip's integers for weights already, of
any exponent the chip has, and is to keep them. So a network with such neurons is built as ever, and
its blocks, once they are cut, are given their integers; all others are left to nengo-loihi.

Importing this module registers the builders.
"""

import warnings

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

from loihiseg.conversion.nengo_neurons import Forgetting, Waiting
from loihiseg.quantization.fixed_point import integer_exponent

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


def build_exactly(
    model: Model,
    network: nengo.Network,
    precompute: bool | None = None,
    remove_passthrough: bool = True,
    discretize: bool = True,
) -> None:
    """Build a network as nengo-loihi does, and give blocks of neurons that wait their integers."""
    waiting = [e for e in network.all_ensembles if isinstance(e.neuron_type, Waiting)]
    if not waiting or not discretize or model.toplevel is not None:
        build_network(model, network, precompute, remove_passthrough, discretize)
        return
    build_network(model, network, precompute, remove_passthrough, discretize=False)
    exact = {
        block: ensemble.neuron_type
        for ensemble in waiting
        if ensemble.neurons in model.objs
        for block in model.objs[ensemble.neurons]["in"]
    }
    scales = {}
    for block in model.blocks:
        if block in exact:
            scales[block] = _give_integers(block, exact[block], model.dt)
        else:
            scales[block] = discretize_block(block)
    for probe in model.probes:
        for number, block in enumerate(probe.target):
            discretize_probe(probe, number, scales[block])
    validate_model(model)


with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".* already has a builder")
    Builder.register(nengo.Network)(build_exactly)


def _give_integers(block: LoihiBlock, neuron_type: NeuronType, dt_s: float) -> float:
    """Give a block its integers; returns what a voltage of 1 becomes."""
    part = block.compartment
    if part.bias.any():
        raise BuildError(f"{block}: neurons that wait have no bias")
    for array, value in (
        (part.decay_u, STORED_DECAY),
        (part.decay_v, 0),
        (part.vth, neuron_type.threshold),
        (part.bias, 0),
    ):
        array_to_int(array, np.full(len(array), value))
    part.scale_u = part.scale_v = False
    part.vmin, part.vmax = neuron_type.floor, HIGHEST_VOLTAGE
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
