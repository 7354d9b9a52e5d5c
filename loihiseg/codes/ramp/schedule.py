"""When each layer of the ramp code hears, and when it fires.

The host sends all levels of its neurons in one step. A layer on the chip starts as soon as the last
of its sources has finished, and fires in as many steps as it has levels. What arrives earlier, such
as a skip connection, waits in the voltage: nothing is sent twice, nothing has to be held.

A gate (`loihiseg.codes.gates`) holds nothing: it is a step behind what it hears. All that it hears
has to be sent as trains that end in the same step. So a layer of the host that a gate hears sends
its levels one after the other, and of several sources of a gate the earlier ones start later. Of
one that another follows from a relay is heard (`loihiseg.codes.ramp.relays`).

A spike takes a step: what is sent in one step is heard in the next.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.errors import InputError


@dataclass(frozen=True)
class Times:
    """Steps of a layer, counted from 1.

    Attributes
    ----------
    hears : int
        The first step in which one of its sources sends; 0 for layers on the host.
    released : int
        The step in which its clock releases it: the one in which the last of its sources sends for
        the last time, or later; 0 for layers on the host. Of a gate the one before its last spike.
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
        Of each layer on the chip but gates, how many steps a clock needs before the step in which
        the layer hears something for the first time.

    Returns
    -------
    dict of str to Times
        As early as can be.

    Raises
    ------
    InputError
        If a gate hears two layers of which one follows from the other, or waits for itself; names
        it. See `loihiseg.codes.ramp.relays`.
    """
    delays = _delays(network)
    plain = _from(network, 0, delays)
    late = max([0, *(n - plain[name].hears for name, n in prepared.items())])
    return _from(network, 1 + late, delays)


def _from(network: LoweredNetwork, step: int, delays: Mapping[str, int]) -> dict[str, Times]:
    """Times if the host sends in some step, and layers start so much later than they could."""
    found: dict[str, Times] = {}
    in_trains = heard_by_gates(network)
    for layer in network.layers:
        late = delays.get(layer.name, 0)
        if layer.on_host:
            length = layer.levels if layer.name in in_trains else 1
            found[layer.name] = Times(0, 0, (step + late, step + late + length - 1))
            continue
        sources = [found[name].fires for name in layer.sources]
        first, last = min(first for first, _ in sources), max(until for _, until in sources)
        if layer.neuron.chooses:
            found[layer.name] = Times(first, last, (last - layer.levels + 2, last + 1))
        else:
            until = last + late
            found[layer.name] = Times(first, until, (until + 1, until + layer.levels))
    return found


def heard_by_gates(network: LoweredNetwork) -> set[str]:
    """Layers that extremes are chosen of."""
    return {name for layer in network.layers if layer.neuron.chooses for name in layer.sources}


def _delays(network: LoweredNetwork) -> dict[str, int]:
    """How much later than they could layers start, for all that a gate hears to end together."""
    gates = [layer for layer in network.layers if layer.neuron.chooses]
    sources = {layer.name: layer.sources for layer in network.layers}
    chooses = {layer.name for layer in gates}
    delays: dict[str, int] = {}
    # Each round puts at least one layer right for good, unless a delay comes back to its cause.
    for _ in range(len(network.layers) + 1):
        times = _from(network, 0, delays)
        early: dict[str, int] = {}
        for gate in gates:
            last = times[gate.name].released
            for name in gate.sources:
                _delay(name, last - times[name].fires[1], sources, chooses, early)
        if not any(early.values()):
            return delays
        for name, late in early.items():
            delays[name] = delays.get(name, 0) + late
    names = ", ".join(f"'{layer.name}'" for layer in gates if len(set(layer.sources)) > 1)
    raise InputError(
        f"layer {names}: of two layers whose extreme is taken one follows from the other, so that "
        "their trains do not end together; give the first a relay"
    )


def _delay(
    name: str,
    late: int,
    sources: Mapping[str, tuple[str, ...]],
    gates: set[str],
    found: dict[str, int],
) -> None:
    """Let a layer end later; a gate does where all that it hears does."""
    if not late:
        return
    if name not in gates:
        found[name] = max(found.get(name, 0), late)
        return
    for source in sources[name]:
        _delay(source, late, sources, gates, found)


def steps_between_images(times: Mapping[str, Times], prepared: Mapping[str, int]) -> int:
    """The fewest steps after which the next image may follow without a change of any spike.

    A layer is in use for an image from the step in which it hears the first pulse of its clock, the
    flush, until the last step in which it fires: ``fires[1] - hears + prepared`` steps. The longest
    use of a layer is the answer. In a U-Net it is that of the last layer with a skip connection,
    which waits from its early source to its late one. Gates, and layers of the host that send their
    levels one after the other, hold nothing: trains of two images must have no step in common.

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
    trains = [found.fires[1] - found.fires[0] + 1 for found in times.values()]
    return max([*used, *trains], default=1)
