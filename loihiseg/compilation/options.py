"""What a compilation can be asked for; free of everything, so that command lines can name it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

AUTO = "auto"
"""Tile of the size that fits the chips."""

CODE_FIELDS = ("steps", "window", "synapse_ms", "input")
"""Options of codes that are fields of their own; others are in ``code_options``."""


@dataclass(frozen=True)
class CompileOptions:
    """Options of a compilation, with their usual values.

    Attributes
    ----------
    chips : int
        Loihi chips there are.
    code : str or None
        Neural code; None for the one that the network was trained for.
    tile : int or str or None
        Rows and columns of a tile, "auto" for the largest that fits, None for the network's own.
    steps, window, synapse_ms, input
        Of the code, None for what is usual with it; see `loihiseg.codes`.
    code_options : mapping of str to object
        Others of the code, by name.
    rate_scale_hz : float
        Firing rate of an activation of 1, for Keras models that do not say.
    proof_seconds : float
        Time to prove that no placement has fewer messages between chips; 0 for none.
    seed : int
        Of the block model and the search for places.
    """

    chips: int = 2
    code: str | None = None
    tile: int | str | None = None
    steps: int | None = None
    window: float | None = None
    synapse_ms: float | None = None
    input: str | None = None
    rate_scale_hz: float = 100.0
    proof_seconds: float = 20.0
    seed: int = 0
    code_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def of_code(self) -> dict[str, Any]:
        """Options of the code, by name."""
        own = {name: getattr(self, name) for name in CODE_FIELDS}
        return own | dict(self.code_options)
