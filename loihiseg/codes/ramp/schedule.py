"""When each layer of the ramp code hears, and when it fires.

The host sends all levels of its neurons in one step. A layer on the chip starts as soon as the last
of its sources has finished, and fires in as many steps as it has levels. What arrives earlier, such
as a skip connection, waits in the voltage: nothing is sent twice, nothing has to be held.

A spike takes a step: what is sent in one step is heard in the next.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from loihiseg.conversion.spec import LoweredNetwork


@dataclass(frozen=True)
class Times:
    """Steps of a layer, counted from 1.

    Attributes
    ----------
    hears : int
        The first step in which one of its sources sends; 0 for layers on the host.
    released : int
        The step in which the last of its sources sends for the last time; likewise.
    fires : tuple of int
        The first and the last step in which it may fire itself.
    """

    hears: int
    released: int
    fires: tuple[int, int]


def schedule(network: LoweredNetwork, prepared: Mapping[str, int]) -> dict[str, Times]:
    """Times of all layers.

    Parameters
    ----------
    network : LoweredNetwork
        Of activations of levels.
    prepared : mapping of str to int
        Of each layer on the chip, how many steps a clock needs before the step in which the layer
        hears something for the first time.

    Returns
    -------
    dict of str to Times
        As early as can be.
    """
    plain = _from(network, 0)
    late = max((n - plain[name].hears for name, n in prepared.items()), default=0)
    return _from(network, 1 + late)


def _from(network: LoweredNetwork, step: int) -> dict[str, Times]:
    """Times if the host sends in some step."""
    found: dict[str, Times] = {}
    for layer in network.layers:
        if layer.on_host:
            found[layer.name] = Times(0, 0, (step, step))
            continue
        sources = [found[name].fires for name in layer.sources]
        last = max(until for _, until in sources)
        found[layer.name] = Times(
            min(first for first, _ in sources), last, (last + 1, last + layer.levels)
        )
    return found


def steps_between_images(times: Mapping[str, Times], prepared: Mapping[str, int]) -> int:
    """The fewest steps after which the next image may follow without a change of any spike.

    A layer is in use for an image from the step in which it hears the first pulse of its clock, the
    flush, until the last step in which it fires: ``fires[1] - hears + prepared`` steps. The longest
    use of a layer is the answer. In a U-Net it is that of the last layer with a skip connection,
    which waits from its early source to its late one.

    *As far apart, or further, all spikes are as alone.* Uses of a layer for two images have no step
    in common, and begin with a flush, which brings any voltage to the floor. So it is enough that
    a layer hears in its use for an image what it hears alone. Of its own clock it does: that
    sends within the use. Of its sources too, by induction over the layers: each fires as alone. For
    the next image a source fires from step ``hears + apart`` on, heard in the step after, which is
    ``fires[1] + 1`` at the earliest: behind the use. For the image before it fires up to step
    ``released - apart``, heard up to ``released - apart + 1``; that is at most ``hears - prepared
    + 1 - levels``, as ``fires[1] = released + levels``: before the flush. And in no other step does
    a layer fire: what is heard between two uses is nothing.

    *One step less is too few*, and so is anything less, if in the layer of the longest use a neuron
    fires for an image that another follows: the flush for the next arrives in the last step in
    which it is to fire, or before. That takes more from it than any step of the ramp adds, as long
    as no step adds `loihiseg.codes.ramp.clock.LARGEST`.

    Parameters
    ----------
    times : mapping of str to Times
    prepared : mapping of str to int
        As in `schedule`.
    """
    used = [times[name].fires[1] - times[name].hears + n for name, n in prepared.items()]
    return max(used, default=1)
