"""Levels for each layer under a budget of neurons; free of TensorFlow."""

from loihiseg.errors import InputError


def choose_levels(
    sizes: dict[str, int], losses: dict[str, dict[int, float]], budget: int
) -> dict[str, int]:
    """Take levels where they are missed least, until the neurons fit.

    Parameters
    ----------
    sizes : dict of str to int
        Units of each layer on the chip; a unit takes as many neurons as its layer has levels.
    losses : dict of str to dict of int to float
        Of each layer by its levels, as `loihiseg.network.sensitivity.layer_sensitivity` gives
        them. Layers that ``sizes`` does not name, such as those of the host, take no neurons.
    budget : int
        Neurons there are.

    Returns
    -------
    dict of str to int
        Levels of every layer of ``losses``, in its order. Of all single reductions to the next
        fewer levels, that of the least added loss per neuron saved is made first; a larger budget
        never gives a layer fewer levels.

    Raises
    ------
    InputError
        If the fewest levels take more neurons than there are, or a layer has no losses.
    """
    for name in sizes:
        if not losses.get(name):
            raise InputError(f"layer '{name}' has no losses; expected those of its levels")
    least = sum(size * min(losses[name]) for name, size in sizes.items())
    if least > budget:
        raise InputError(
            f"the fewest levels take {least:,} neurons, {least - budget:,} more than the budget "
            f"of {budget:,}; use fewer channels or more cores"
        )
    chosen = {name: max(by_levels) for name, by_levels in losses.items()}

    def taken():
        return sum(size * chosen[name] for name, size in sizes.items())

    while taken() > budget:
        name = min(
            (name for name in sizes if sizes[name] and chosen[name] > min(losses[name])),
            key=lambda name: _price(sizes[name], losses[name], chosen[name]),
        )
        chosen[name] = _next_fewer(losses[name], chosen[name])
    return chosen


def _next_fewer(by_levels, levels):
    return max(n for n in by_levels if n < levels)


def _price(size, by_levels, levels):
    """Added loss per neuron saved."""
    fewer = _next_fewer(by_levels, levels)
    return (by_levels[fewer] - by_levels[levels]) / (size * (levels - fewer))
