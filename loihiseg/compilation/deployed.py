"""A deployed network: all that it takes to run it, to check it, and to say what it costs.

It is made by `loihiseg.compilation.compile`, kept by `loihiseg.compilation.artifact` and run by
`loihiseg.running`. It is plain values and arrays: nothing in it needs a framework.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np
from msgspec import Meta

from loihiseg.codes.code import NeuralCode
from loihiseg.conversion.host_graph import HostGraph
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.conversion.task import task_of
from loihiseg.conversion.validation import graph_shape
from loihiseg.data.moving import Offset
from loihiseg.data.record import DataRecord
from loihiseg.emulator.presenter import Deployable
from loihiseg.network.config import RateTarget
from loihiseg.results.ranges import Amount, Count, Name, Positive
from loihiseg.results.run import Readout
from loihiseg.results.task import Task
from partition.shapes.tiling import LayerUsage

Peers = dict[str, dict[str, list[int]]]
"""Where each of nengo-loihi's own allocators put the blocks: ``chips`` and ``cores``, by name."""


@dataclass(frozen=True)
class Places:
    """On which chips and cores the blocks lie.

    Attributes
    ----------
    n_chips : int
        Chips there were.
    chip_of_block, core_of_block : tuple of int
    lower_bound : float
        Messages per step between chips that no placement on as many chips goes below; 0 where
        nothing is known.
    method : str
        How the bound was found; empty where there is none.
    peers : dict
        See `Peers`.
    """

    n_chips: Positive
    chip_of_block: tuple[Count, ...]
    core_of_block: tuple[Count, ...]
    lower_bound: Amount
    method: Name
    peers: Annotated[Peers, Meta(max_length=20)]


@dataclass(frozen=True)
class Provenance:
    """What a deployed network was made from.

    Attributes
    ----------
    source : str
        Checkpoint or Keras file as it was given, without the folders of this machine.
    seed : int
        Of the block model and the search for places.
    calibration : str
        In words, which tiles rates were expected from and the read-out was fitted on.
    calibration_sha256 : str
        Of the pixels of these tiles.
    versions : dict of str to str
        See `loihiseg.provenance.versions`.
    recipe : str
        SHA-256 of all that decides blocks and places, see `loihiseg.compilation.compile`.
    """

    source: Name
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    calibration: Name
    calibration_sha256: Name
    versions: Annotated[dict[Name, Name], Meta(max_length=100)]
    recipe: Name


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """A network without a chip: what it takes to run it in floats.

    Attributes
    ----------
    network : LoweredNetwork
        Of activations.
    readout : HostGraph
        From the activations of ``network.outputs`` to the output.
    threshold : float
        Probability above which a pixel is called membrane.
    neighbours : int
        Sections that it sees on either side of one, as channels of its input.
    """

    network: LoweredNetwork
    readout: HostGraph
    threshold: float
    neighbours: int = 0

    @property
    def tile(self) -> int:
        """Rows and columns of the input, pixels."""
        return self.network.tile

    @cached_property
    def task(self) -> Task:
        """What it is for, as its shapes say."""
        return _task(self.network, self.readout, self.neighbours)


@dataclass(frozen=True, eq=False)
class DeployedNetwork:
    """A network on chips.

    Attributes
    ----------
    network : LoweredNetwork
        Of activations, in floats.
    neurons : LoweredNetwork
        Of the neurons that stand for it, as they are on chip and host.
    readout : HostGraph
        From the activations of ``network.outputs`` to the output.
    line : Readout
        Brings the logits of the spikes to those of the float network.
    threshold : float
        Probability above which a pixel is called membrane.
    code : NeuralCode
        How spikes stand for activations, and when they are sent and read.
    deployable : Deployable
        The blocks as a compiled program.
    blocks : tuple of partition.shapes.tiling.LayerUsage
        How each layer on the chip is cut, and what its blocks take.
    expected : numpy.ndarray
        float64, (n_compartments,): spikes per step that each was expected to send.
    places : Places
    rate_target : RateTarget or None
        Firing rates that the network was trained for.
    trained_on : DataRecord or None
        What it was trained on, where that is known.
    provenance : Provenance
    neighbours : int
        Sections that it sees on either side of one, as channels of its input.
    """

    network: LoweredNetwork
    neurons: LoweredNetwork
    readout: HostGraph
    line: Readout
    threshold: float
    code: NeuralCode
    deployable: Deployable
    blocks: tuple[LayerUsage, ...]
    expected: np.ndarray
    places: Places
    rate_target: RateTarget | None
    trained_on: DataRecord | None
    provenance: Provenance
    neighbours: int = 0

    @property
    def tile(self) -> int:
        """Rows and columns of the pixels that go through it at once."""
        return self.network.tile

    @cached_property
    def task(self) -> Task:
        """What it is for, as its shapes say."""
        return _task(self.network, self.readout, self.neighbours)

    @property
    def label_offset_px(self) -> Offset | None:
        """By which images are moved for it, down and right; None for not."""
        return None if self.trained_on is None else self.trained_on.label_offset_px

    @property
    def block_shapes(self) -> dict[str, tuple[int, int, int]]:
        """(rows, columns, channels) of the blocks of each layer on the chip."""
        found = {}
        for row in self.blocks:
            rows, columns, channels = row.shape
            found[row.layer] = (rows, columns, channels)
        return found

    @property
    def n_chips_used(self) -> int:
        """Chips that hold a block."""
        return max(self.places.chip_of_block) + 1


def _task(network: LoweredNetwork, readout: HostGraph, neighbours: int) -> Task:
    outputs = {name: network.layer(name).shape for name in network.outputs}
    return task_of(network.inputs, graph_shape(readout, outputs), neighbours=neighbours)
