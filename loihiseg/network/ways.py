"""Ways through a network, as steps of one layer each. Free of TensorFlow."""

from collections.abc import Iterable, Mapping


def steps_before_end(
    sources: Mapping[str, Iterable[str]], outputs: Iterable[str]
) -> dict[str, set[int]]:
    """How many steps before the last each layer is needed, where a step is a layer.

    A layer is needed a step before those that hear it: once for every length of the ways from it to
    the outputs, which are needed at the last step.

    Parameters
    ----------
    sources : mapping of str to iterable of str
        What each layer hears, by name, sources before those that hear them. What is no layer, such
        as pixels, is left out.
    outputs : iterable of str
        Layers that are read at the last step.

    Returns
    -------
    dict of str to set of int
        By layer, in their order; empty for one that no output follows from.
    """
    found: dict[str, set[int]] = {name: set() for name in sources}
    for name in outputs:
        found[name].add(0)
    for name, heard in reversed(list(sources.items())):
        for source in heard:
            if source in found:
                found[source] |= {steps + 1 for steps in found[name]}
    return found
