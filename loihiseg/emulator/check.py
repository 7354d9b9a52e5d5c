"""Both emulators side by side on one image, every integer of their state compared."""

import numpy as np

from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.emulator.host import host_spikes
from loihiseg.emulator.reference import Presenter
from loihiseg.errors import LoihisegError

STATE = ("input", "current", "voltage", "ref_count", "spiked", "spike_count")
"""Arrays of nengo-loihi's ``CompartmentState`` that change from step to step."""


def check_equality(
    presenter: Presenter, network: LoweredNetwork, image: np.ndarray, n_steps: int
) -> int:
    """Run nengo-loihi's emulator and the compiled one on the same spikes from the host.

    Parameters
    ----------
    presenter : loihiseg.emulator.reference.Presenter
        Holds the built model.
    network : LoweredNetwork
    image : numpy.ndarray
        Normalized pixels.
    n_steps : int

    Returns
    -------
    int
        Spikes that were compared.

    Raises
    ------
    LoihisegError
        At the first difference; names the step and the quantity.
    """
    import loihiseg.frameworks  # noqa: F401 (before nengo-loihi)

    from nengo_loihi.emulator import EmulatorInterface

    from loihiseg.emulator.simulator import CompiledEmulator

    fired = host_spikes(network, image, n_steps).fired
    sources = [fired[name] for name in presenter.deployable.input_sources]
    emulators = [presenter.fresh(kind) for kind in (EmulatorInterface, CompiledEmulator)]
    n_spikes = 0
    for step in range(n_steps):
        for emulator in emulators:
            for source, spikes in zip(presenter.model.inputs, sources):
                source.spikes.clear()
                if step:
                    source.add_spikes(step, np.flatnonzero(spikes[step - 1]))
            emulator.step()
        theirs, ours = (emulator.compartment for emulator in emulators)
        for name in STATE:
            different = np.flatnonzero(np.ravel(getattr(theirs, name) != getattr(ours, name)))
            if len(different):
                raise LoihisegError(
                    f"emulators differ at step {step + 1}: {name} of {len(different)} "
                    f"compartments, first {different[0]}; "
                    "use the emulator nengo-loihi and report this"
                )
        n_spikes += int(theirs.spiked.sum())
    return n_spikes
