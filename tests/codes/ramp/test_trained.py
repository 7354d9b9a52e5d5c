"""A trained network of the preset's size on a stand-in board: every limit is met.

``LOIHISEG_ISBI2012`` names the folder of the data; the network comes with the package.
"""

import os
import warnings

import nengo_loihi
import numpy as np
import pytest
from nengo_loihi.hardware.interface import HardwareInterface

from loihiseg.codes.ramp.code import RampCode
from loihiseg.compilation.mapping import partition_layers
from loihiseg.compilation.source import build_network, read_network
from loihiseg.conversion.lowering import lower
from loihiseg.data.contrast import normalize
from loihiseg.data.readers import read_stack
from loihiseg.emulator.presenter import CompiledPresenter
from loihiseg.training.shipped import FOLDER
from partition.built.allocator import MinTrafficAllocator
from partition.built.blocks import block_violations
from partition.shapes.tiling import choose_block_shapes
from tests import quantized
from tests.partition import fake_nxsdk

NETWORK, DATA = FOLDER / "paper-isbi2012-levels2", os.environ.get("LOIHISEG_ISBI2012")
TILE = 96


@pytest.mark.slow
@pytest.mark.skipif(not DATA, reason="data is not there")
def test_a_board_takes_the_trained_network_and_fires_as_the_emulator():
    network = lower(build_network(read_network(NETWORK), TILE).model).network
    code = RampCode.of(network)
    neurons = code.neurons(network)
    shapes = choose_block_shapes(partition_layers(neurons)).shapes
    image = normalize(read_stack(DATA).images[20])[:TILE, :TILE]
    made = quantized.converted(neurons, shapes)
    (node,) = made.inputs.values()
    node.output = image.ravel().astype(float)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        fake_nxsdk.install(patch)
        warnings.simplefilter("ignore")
        chip = nengo_loihi.Simulator(
            made.net, target="loihi", precompute=True, seed=0, progress_bar=False,
            hardware_options={"allocator": MinTrafficAllocator(), "n_chips": 2},
        )  # fmt: skip
        with chip:
            interface = chip.sims["loihi"]
            assert isinstance(interface, HardwareInterface)
            assert block_violations(interface.model) == []
            fired = []
            for _ in range(code.n_steps):
                chip.step()
                fired.append(int(interface.nxsdk_board.running.spiked.sum()))
    with quantized.presenter(neurons, shapes) as stock:
        deployable = stock.deployable
    with CompiledPresenter(deployable, neurons, 1) as compiled:
        (expected,) = compiled.present_all([image], code.n_steps, 1)
    np.testing.assert_array_equal(fired, expected.spikes_per_step)
    assert sum(fired) > 50_000
