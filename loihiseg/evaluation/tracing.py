"""What the neurons of a deployed network do while it is shown a tile, step by step."""

from collections.abc import Sequence

import numpy as np

from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.emulator.traces import Trace, traces
from loihiseg.errors import Option, OptionError


def trace(
    deployed: DeployedNetwork, pixels: np.ndarray, layers: Sequence[str] | None = None
) -> dict[str, Trace]:
    """Voltages and spikes of layers on the chip while one image is shown.

    Parameters
    ----------
    deployed : DeployedNetwork
    pixels : numpy.ndarray
        (tile, tile) of membrane, as they go into the network: `loihiseg.data.normalize` of sections
        makes them so. Of classes, or with the sections around one, (rows, columns, channels) too.
    layers : sequence of str, optional
        Names of layers on the chip; all by default.

    Returns
    -------
    dict of str to Trace
        By layer; each (n_steps, rows, columns, neurons), where a code may have several neurons for
        an activation, one after the other.

    Raises
    ------
    InputError
        If the pixels are none of one input, or a layer is none of the chip.
    """
    ((_, shape),) = deployed.network.inputs.items()
    pixels = np.asarray(pixels)
    if pixels.size != np.prod(shape) or pixels.shape[:2] != tuple(shape[:2]):
        raise OptionError(
            Option("pixels"), f" of shape {pixels.shape}: expected one image of {shape}"
        )
    known = [layer.name for layer in deployed.network.chip_layers]
    wanted = known if layers is None else list(layers)
    for name in wanted:
        if name not in known:
            raise OptionError(
                Option("layers"),
                f" {name!r:.60}: is none of the chip; there are {', '.join(known)}",
            )
    return traces(deployed.deployable, deployed.neurons, pixels, deployed.code.n_steps, wanted)
