"""A deployed network on a board of real chips, its blocks where they were placed."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from loihiseg.compilation.deployed import DeployedNetwork


@contextmanager
def on_board(deployed: DeployedNetwork, emulator: AbstractContextManager) -> Iterator[object]:
    """Presents images to chips; what these do not tell is counted in an emulator.

    Parameters
    ----------
    deployed : DeployedNetwork
    emulator : context manager
        Gives a presenter.
    """
    import loihiseg.frameworks  # noqa: F401 (before nengo-loihi)

    import nengo_loihi

    from loihiseg.compilation.block_model import converted_network
    from loihiseg.emulator.hardware import HardwarePresenter
    from partition.built.allocator import FixedAllocator

    places = deployed.places
    simulator = partial(
        nengo_loihi.Simulator,
        target="loihi",
        seed=deployed.provenance.seed,
        hardware_options={
            "allocator": FixedAllocator(places.chip_of_block, places.core_of_block),
            "n_chips": deployed.n_chips_used,
        },
    )
    make = partial(
        converted_network, deployed.neurons, deployed.block_shapes, deployed.code.synapse_s
    )
    with emulator as presenter:
        yield HardwarePresenter(deployed.neurons, make, presenter, simulator)
