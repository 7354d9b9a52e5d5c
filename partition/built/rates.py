"""Firing rates that belong to ensembles, whatever order a build puts their blocks in.

nengo-loihi's order of blocks changes from build to build where it removes passthrough nodes
(``EnsembleArray``, ``Product``): a rate in block order is another block's in the next build.

Nothing here imports nengo-loihi; a model is read by its attributes.
"""

import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from partition.core.errors import PartitionError

if TYPE_CHECKING:
    from nengo import Ensemble
    from nengo_loihi.block import LoihiBlock
    from nengo_loihi.builder import Model


def rates_per_step(model: "Model", rates: "Mapping[Ensemble | str, ArrayLike]") -> np.ndarray:
    """Rates by owner, in spikes per second, as spikes per step in block order.

    Parameters
    ----------
    model : nengo_loihi.builder.Model
    rates : mapping of nengo.Ensemble or str to (n_neurons,) array_like
        Of ensembles, and by their labels of blocks that are of no ensemble (decode neurons); see
        `rates_by_owner`. Ensembles on the host are left out. Blocks without rates are given the
        mean of the others, with a warning.

    Returns
    -------
    (n_compartments,) float64 array

    Raises
    ------
    PartitionError
        An ensemble is not in the model, rates are of another number of neurons, or no block has
        any.
    """
    arrays = {owner: np.asarray(values, dtype=float) for owner, values in rates.items()}
    for owner in arrays:
        is_known = isinstance(owner, str) or owner in model.objs or _is_on_host(model, owner)
        if not is_known:
            raise PartitionError(f"rates do not fit the model: {owner} does not appear in it")
    found: dict[LoihiBlock, np.ndarray] = {}
    for owner, block, indices in _owners(model):
        if owner not in arrays:
            continue
        n_neurons = block.compartment.n_compartments if isinstance(owner, str) else owner.n_neurons
        if arrays[owner].shape != (n_neurons,):
            raise PartitionError(
                f"rates do not fit the model: those of {owner} have shape {arrays[owner].shape}, "
                f"it has {n_neurons} neurons"
            )
        found[block] = arrays[owner][indices]
    if not found:
        raise PartitionError("the rates given cover no block of the model")
    mean = float(np.mean(np.concatenate(list(found.values()))))
    missing = [str(block.label) for block in model.blocks if block not in found]
    if missing:
        shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        warnings.warn(
            f"no rates for {len(missing)} of {len(model.blocks)} blocks ({shown}); the mean of "
            f"the others is taken, {mean:.3g} Hz",
            stacklevel=2,
        )
    return model.dt * np.concatenate(
        [
            found.get(block, np.full(block.compartment.n_compartments, mean))
            for block in model.blocks
        ]
    )


def rates_by_owner(
    model: "Model", spikes_per_step: ArrayLike
) -> "dict[Ensemble | str, np.ndarray]":
    """Spikes per step in block order as rates in spikes per second that any build can take.

    Parameters
    ----------
    model : nengo_loihi.builder.Model
        The built model whose order it is.
    spikes_per_step : (n_compartments,) array_like

    Returns
    -------
    dict of nengo.Ensemble or str to numpy.ndarray
        (n_neurons,) float64, Hz; the inverse of `rates_per_step`. Blocks of no ensemble stand by
        their label, those of one label and size with their mean.
    """
    values = np.asarray(spikes_per_step, np.float64) / model.dt
    bounds = np.cumsum([0] + [block.compartment.n_compartments for block in model.blocks])
    of_block = {
        block: values[start:stop]
        for block, start, stop in zip(model.blocks, bounds[:-1], bounds[1:], strict=True)
    }
    result: dict[Ensemble | str, np.ndarray] = {}
    labelled: dict[str, list[np.ndarray]] = {}
    for owner, block, indices in _owners(model):
        if isinstance(owner, str):
            labelled.setdefault(owner, []).append(of_block[block])
        else:
            result.setdefault(owner, np.zeros(owner.n_neurons))[indices] = of_block[block]
    for label, several in labelled.items():
        if len({len(one) for one in several}) == 1:
            result[label] = np.mean(several, axis=0)
    return result


def ensemble_rates_of(model: "Model", rates: ArrayLike) -> "dict[Ensemble, np.ndarray]":
    """`rates_by_owner` of ensembles alone, as nengo-loihi's own allocators take them."""
    return {
        owner: values
        for owner, values in rates_by_owner(model, rates).items()
        if not isinstance(owner, str)
    }


def _is_on_host(model: "Model", owner: "Ensemble") -> bool:
    return owner in model.host_pre.sig or owner in model.host.sig


def _owners(
    model: "Model",
) -> "Iterator[tuple[Ensemble | str, LoihiBlock, list[int] | slice]]":
    """Every block with what owns it, and which neurons of that it holds."""
    owned: set[int] = set()
    for owner, parts in model.objs.items():
        if not (hasattr(owner, "n_neurons") and hasattr(owner, "neurons")):
            continue
        out = parts["out"]
        for block in out if isinstance(out, (list, tuple)) else [out]:
            indices = model.block_comp_map.get(block)
            owned.add(id(block))
            yield owner, block, slice(None) if indices is None else list(indices)
    for block in model.blocks:
        if id(block) not in owned:
            yield str(block.label), block, slice(None)
