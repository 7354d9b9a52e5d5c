"""What a compilation can be asked for; free of everything, so that command lines can name it."""

from dataclasses import dataclass

AUTO = "auto"
"""Tile of the size that fits the chips."""


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
        Of the code, None for what is usual with it; see `loihiseg.conversion.codes`.
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
