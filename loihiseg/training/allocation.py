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
        Of each layer by its levels, as `loihiseg.training.sensitivity.layer_sensitivity` gives
        them. Layers that ``sizes`` does not name, such as those of the host, take no neurons.
    budget : int
        Neurons there are.

    Returns
    -------
    dict of str to int
        Levels of every layer of ``losses``, in its order. Of all reductions of one layer, that of
        the least added loss per neuron saved is made first; a larger budget never gives a layer
        fewer levels.

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

    def taken() -> int:
        return sum(size * chosen[name] for name, size in sizes.items())

    while taken() > budget:
        reductions = (
            (name, fewer)
            for name, size in sizes.items()
            for fewer in sorted(losses[name], reverse=True)
            if size and fewer < chosen[name]
        )
        name, fewer = min(reductions, key=lambda to: _price(sizes, losses, chosen, *to))
        chosen[name] = fewer
    return chosen


def _price(
    sizes: dict[str, int],
    losses: dict[str, dict[int, float]],
    chosen: dict[str, int],
    name: str,
    fewer: int,
) -> float:
    """Added loss per neuron saved."""
    by_levels, levels = losses[name], chosen[name]
    return (by_levels[fewer] - by_levels[levels]) / (sizes[name] * (levels - fewer))
