"""What a simulator does about blocks that exceed a core of the chip.

nengo-loihi refuses a network at the first block it finds too large, at the end of its build, and
never looks at what only a hardware build would refuse. Here every block is looked at, by the rules
of `partition`.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Any, Literal, get_args

import loihiseg.frameworks  # noqa: F401 (before nengo-loihi)

import nengo
from nengo.exceptions import BuildError
from nengo_loihi.builder import Model
from nengo_loihi.builder.validate import validate_axon, validate_model, validate_synapse_cfg

from partition.built.blocks import block_violations
from partition.core.block_limits import exceeded

EnforceLimits = Literal["error", "warn", "off"]
"""Whether a network with blocks that exceed a core is refused, run with a warning, or just run."""


class LimitsWarning(UserWarning):
    """Blocks exceed a core; the emulator runs them nevertheless."""


@contextmanager
def limits_enforced(model: Model, enforce: EnforceLimits | None) -> Iterator[None]:
    """Have a model look at every block when it has been built.

    Parameters
    ----------
    model : nengo_loihi.builder.Model
        Its ``build`` is another as long as this lasts.
    enforce : {"error", "warn", "off"}, optional
        Without, what nengo-loihi refuses is an error, and what only a hardware build would refuse a
        warning.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if enforce is not None and enforce not in get_args(EnforceLimits):
        raise ValueError(
            f"enforce_limits is {enforce!r}, expected one of {get_args(EnforceLimits)}"
        )
    model.build = partial(_build, model, model.build, enforce)
    try:
        yield
    finally:
        del model.build


def _build(
    model: Model,
    build: Callable[..., object],
    enforce: EnforceLimits | None,
    obj: object,
    *args: Any,
    **kwargs: Any,
) -> object:
    """Build anything; of the whole network, check the blocks."""
    if model.toplevel is not None or not isinstance(obj, nengo.Network):
        return build(obj, *args, **kwargs)
    refused: Exception | None = None
    built: object = None
    try:
        built = build(obj, *args, **kwargs)
    except (BuildError, AssertionError) as error:
        if not _is_of_validation(error.__traceback__):
            raise
        refused = error
    if not kwargs.get("discretize", True):
        _settle_in_floats(refused, enforce)
        return built
    found = block_violations(model)
    if refused is not None and not found:
        raise refused
    _settle(str(exceeded(found, len(model.blocks))) if found else "", refused, enforce)
    if refused is not None:
        _validate_the_rest(model)
    return built


def _settle(text: str, refused: Exception | None, enforce: EnforceLimits | None) -> None:
    """Refuse, warn, or neither."""
    if text and (enforce == "error" or (enforce is None and refused is not None)):
        raise BuildError(text)
    if text and enforce != "off":
        warnings.warn(LimitsWarning(text), stacklevel=2)


def _settle_in_floats(refused: Exception | None, enforce: EnforceLimits | None) -> None:
    """Of a model in floats, which no chip runs, only nengo-loihi's own checks count."""
    if refused is not None and enforce in (None, "error"):
        raise refused
    _settle("" if refused is None else str(refused), None, enforce)


def _is_of_validation(traceback: TracebackType | None) -> bool:
    """Whether an error comes from nengo-loihi's check of a model that has been built."""
    while traceback is not None:
        if traceback.tb_frame.f_code is validate_model.__code__:
            return True
        traceback = traceback.tb_next
    return False


def _validate_the_rest(model: Model) -> None:
    """What nengo-loihi checks besides limits, since it stopped at one of these."""
    for block in model.blocks:
        for axon in block.axons:
            validate_axon(axon)
        for synapse in block.synapses:
            validate_synapse_cfg(synapse.synapse_cfg)
