"""Synapses that nengo-loihi has no builder for: explicit borders, depthwise and sparse weights.

nengo-loihi builds all synapses of a layer and cuts them with it; all atoms of an axon have to reach
the same compartments then, and weights have to be whole kernels. Here a layer's synapses are made
when it is cut already, block by block (`loihiseg.conversion.block_weights`): only axons that reach
a block, and of a depthwise source only the channels that it hears.

The blocks of a layer's same channels get one scale, as if they were one block: what of a kernel
reaches a block at the border, or how large its biases are, makes no difference.

Importing this module registers the builder.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import loihiseg.frameworks  # noqa: F401 (before nengo-loihi)

import nengo
import numpy as np
from nengo.builder.connection import BuiltConnection
from nengo.exceptions import BuildError
from nengo_loihi.block import Axon, LoihiBlock, Synapse
from nengo_loihi.builder import Builder, Model
from nengo_loihi.builder.inputs import ChipReceiveNeurons
from nengo_loihi.inputs import LoihiInput

from loihiseg.conversion.block_weights import BlockWeights, Box, block_weights
from loihiseg.conversion.transforms import TermTransform

PENDING = "term"
"""Under this name a connection's `Pending` is among the objects of a model."""


@dataclass(frozen=True, eq=False)
class Pending:
    """A connection whose synapses are made when the blocks are cut.

    Attributes
    ----------
    transform : TermTransform
    values : numpy.ndarray
        float32, of the shape of the term's values: in nengo-loihi's units.
    source : LoihiInput or LoihiBlock
    ensemble : nengo.Ensemble
        That hears.
    source_neurons : object
        Under which the source is among the objects of a model.
    pop_type : int
        Format of the axons.
    """

    transform: TermTransform
    values: np.ndarray
    source: LoihiInput | LoihiBlock
    ensemble: nengo.Ensemble
    source_neurons: object
    pop_type: int


@dataclass(frozen=True, eq=False)
class OwnSynapses:
    """The synapses of one connection.

    Attributes
    ----------
    pending : Pending
    synapses : dict of LoihiBlock to Synapse
        Of the blocks that it reaches.
    """

    pending: Pending
    synapses: dict[LoihiBlock, Synapse]


@Builder.register(TermTransform)
def build_term(model: Model, transform: TermTransform, conn: nengo.Connection) -> None:
    """Note a connection, for `add_synapses`."""
    tau_s = 0.0
    if isinstance(conn.synapse, nengo.synapses.Lowpass):
        tau_s = conn.synapse.tau
    elif conn.synapse is not None:
        raise BuildError(f"{conn}: only Lowpass synapses are known")
    if conn.pre_slice != slice(None) or conn.post_slice != slice(None):
        raise BuildError(f"{conn}: connects all neurons of two layers")
    ensemble = conn.post_obj.ensemble
    gain = model.params[ensemble].gain
    if not np.all(gain == gain[0]):
        raise BuildError(f"{conn}: the neurons have unlike gains")
    pre = conn.pre_obj
    is_input = isinstance(pre, ChipReceiveNeurons)
    neuron_type = pre.neuron_type if is_input else pre.ensemble.neuron_type
    # As nengo-loihi scales kernels: Nengo's spikes are as high as a step is short.
    values = transform.term.values.astype(np.float64) / model.dt
    values = values * getattr(neuron_type, "amplitude", 1.0) * gain[0]
    model.objs[conn][PENDING] = Pending(
        transform,
        values.astype(np.float32),
        model.objs[pre]["out"],
        ensemble,
        pre,
        model.config[conn].pop_type or 32,
    )
    model.objs[ensemble.neurons]["in"].compartment.configure_filter(tau_s, dt=model.dt)
    model.params[conn] = BuiltConnection(
        eval_points=None, solver_info=None, transform=None, weights=values
    )


def pending_of(model: Model) -> list[Pending]:
    """Connections whose synapses are still to be made, in the order in which they were built."""
    return [own[PENDING] for own in model.objs.values() if PENDING in own]


def add_synapses(model: Model) -> list[OwnSynapses]:
    """Make the synapses of all pending connections, once the blocks are cut.

    Parameters
    ----------
    model : nengo_loihi.builder.Model
        Its blocks and inputs are changed.
    """
    return [_add(model, pending) for pending in pending_of(model)]


def blocks_of(model: Model, ensemble: nengo.Ensemble) -> list[LoihiBlock]:
    """The blocks of an ensemble, once they are cut."""
    return list(model.objs[ensemble.neurons]["in"])


def _add(model: Model, pending: Pending) -> OwnSynapses:
    transform, found = pending.transform, {}
    sources = list(_sources(model, pending))
    for number, block in enumerate(blocks_of(model, pending.ensemble)):
        box = box_of(model, block, transform.output_shape)
        made = block_weights(
            transform.term, pending.values, transform.input_shape, transform.output_shape, box
        )
        if not made.axons:
            continue
        synapse = Synapse(len(made.axons), label=f"term_weights[{number}]")
        synapse.set_population_weights(
            made.weights,
            made.indices,
            np.array(made.numbers),
            np.array(made.bases),
            pop_type=pending.pop_type,
        )
        block.add_synapse(synapse)
        found[block] = synapse
        for source, neurons in sources:
            _connect(source, neurons, synapse, made, transform)
    return OwnSynapses(pending, found)


def _sources(
    model: Model, pending: Pending
) -> Iterator[tuple[LoihiInput | LoihiBlock, np.ndarray]]:
    """What sends, and which of the source's neurons each is."""
    if isinstance(pending.source, LoihiInput):
        yield pending.source, np.arange(pending.source.n_neurons)
        return
    for block in model.objs[pending.source_neurons]["out"]:
        yield block, np.fromiter(model.block_comp_map[block], np.int64)


def _connect(
    source: LoihiInput | LoihiBlock,
    neurons: np.ndarray,
    synapse: Synapse,
    made: BlockWeights,
    transform: TermTransform,
) -> None:
    pixels, channels = np.divmod(neurons, transform.input_shape[2])
    atoms = channels // transform.term.levels - made.first_atom
    axon_of = np.full(int(np.prod(transform.input_shape[:2])), -1, np.int32)
    axon_of[list(made.axons)] = list(made.axons.values())
    heard = (atoms >= 0) & (atoms < made.n_atoms)
    if made.silent:
        silent = np.array([pixel * made.n_atoms + atom for pixel, atom in made.silent])
        heard &= ~np.isin(pixels * made.n_atoms + atoms, silent)
    axons = np.where(heard, axon_of[pixels], -1)
    n_axons = len(np.unique(axons[axons >= 0]))
    if not n_axons:
        return
    axon = Axon(n_axons, label="term_weights")
    axon.target = synapse
    axon.set_compartment_axon_map(
        axons.astype(np.int32), atoms=np.where(axons >= 0, atoms, 0).astype(np.int32)
    )
    source.add_axon(axon)


def box_of(model: Model, block: LoihiBlock, shape: tuple[int, int, int]) -> Box:
    """Rows, columns and channels of a block.

    Raises
    ------
    BuildError
        If the block is none: the ensemble was cut without a shape.
    """
    neurons = np.fromiter(model.block_comp_map[block], np.int64)
    places = np.unravel_index(neurons, shape)
    box = Box(*(range(int(own.min()), int(own.max()) + 1) for own in places))
    if box.size != len(neurons):
        raise BuildError(f"{block}: has no rows, columns and channels of its own; give the layer a "
                         "block shape of three sizes")  # fmt: skip
    return box
