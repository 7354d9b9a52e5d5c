"""Convolutions of sources in which several neurons stand for one channel: one copy of the weights.

A spike reaches a Loihi core with the number of an axon (its pixel) and an atom (its channel), which
together name the weights it adds. nengo-loihi gives every channel of neurons an atom of its own.
Neurons that stand for levels of the same channel have the same weights: here they also have the
same atom. Synapse memory then does not grow with the number of levels of the source, and the core
does what it did: the same weights arrive, at the same compartments, in the same step.
"""

import loihiseg.frameworks  # noqa: F401 (before nengo-loihi)

import nengo
import numpy as np
from nengo.params import IntParam
from nengo_loihi.block import Synapse
from nengo_loihi.builder import Builder, Model
from nengo_loihi.builder.connection import build_conv2d_connection


class SharedConvolution(nengo.Convolution):
    """A convolution in which every run of ``levels`` source channels has the same weights.

    Everywhere but on Loihi it is the `nengo.Convolution` it derives from.

    Parameters
    ----------
    levels : int
        Source channels that share weights, one after the other.
    **kwargs
        As of `nengo.Convolution`; ``init`` is an array.
    """

    levels = IntParam("levels", low=1)

    def __init__(self, *, levels: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.levels = levels


class SharedConvolutionTranspose(nengo.ConvolutionTranspose):
    """As `SharedConvolution`, transposed."""

    levels = IntParam("levels", low=1)

    def __init__(self, *, levels: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.levels = levels


@Builder.register(SharedConvolution)
@Builder.register(SharedConvolutionTranspose)
def build_shared_convolution(
    model: Model, transform: SharedConvolution | SharedConvolutionTranspose, conn: nengo.Connection
) -> None:
    """Build as nengo-loihi does, then give all levels of a channel one atom."""
    build_conv2d_connection(model, transform, conn)
    synapse = model.objs[conn]["weights"]
    for axon in model.objs[conn.pre_obj]["out"].axons:
        if axon.target is synapse:
            axon.compartment_atoms = axon.compartment_atoms // transform.levels
    share_atoms(synapse, transform.levels)


def share_atoms(synapse: Synapse, levels: int) -> None:
    """Keep the weights of the first of every run of atoms.

    Parameters
    ----------
    synapse : nengo_loihi.block.Synapse
        With population weights; changed in place.
    levels : int
        Atoms of a run.

    Raises
    ------
    ValueError
        If atoms of a run differ.
    """
    for own, name in ((synapse.weights, "weights"), (synapse.indices, "indices")):
        for number, values in enumerate(own):
            runs = values.reshape(-1, levels, values.shape[1])
            if not np.array_equal(runs, np.broadcast_to(runs[:, :1], runs.shape)):
                raise ValueError(f"{name} of the {levels} levels of a channel differ")
            own[number] = np.ascontiguousarray(runs[:, 0])
