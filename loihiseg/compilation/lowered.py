"""A trained network as layers of neurons, however it was trained."""

from loihiseg.compilation.source import Network
from loihiseg.conversion.lowering import Lowering, lower
from loihiseg.conversion.through_time import lower_over_time


def lowered(
    network: Network, rate_scale_hz: float = 100.0, levels_follow: bool = False
) -> Lowering:
    """A network's layers of neurons and its read-out.

    Parameters
    ----------
    network : Network
    rate_scale_hz, levels_follow
        As of `loihiseg.conversion.lowering.lower`.

    Raises
    ------
    InputError
        If it cannot be lowered; names every layer.
    """
    info = network.info
    if info is None or info.config.time is None:
        return lower(network.model, rate_scale_hz, levels_follow=levels_follow)
    return lower_over_time(info.config.network, info.config.time, network.model)
