"""What a compilation can be asked for; free of frameworks, so that command lines can name it."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loihiseg.errors import Option, OptionError
from loihiseg.option_fields import (
    Either,
    Number,
    OneOrEach,
    Text,
    Whole,
    Words,
    YesOrNo,
    check_options,
    option,
)
from partition.command_line.options import DAY_S, MAX_CHIPS, SEEDS

MOST_LAYERS = 1000
"""Activations whose levels can be said one by one."""

AUTO = "auto"
"""Tile of the size that fits the chips; levels that a budget has room for."""

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
    levels : int or tuple of int or str or None
        Levels of every activation, or of each in the order in which they are computed, for a
        network that was not trained with any; "auto" for as many as cores and steps have room for,
        see `loihiseg.compilation.budget`; None for none.
    most_steps : int or None
        Steps that levels "auto" may take with the ramp code; None for those of 3 levels.
    normalization : str
        How it is found what a level is worth: "percentile", see `loihiseg.compilation.levels`, or
        "bayes", searched, see `loihiseg.compilation.finding`.
    quantile : float or None
        Share of an activation's values that its highest level reaches; None for what is usual with
        so many levels, or searched.
    corrections : bool
        Whether kernels, values of levels and read-out are fitted to the network in floats, where
        its answers are then nearer; see `loihiseg.compilation.corrections`.
    allow_host_tail : bool
        Whether hidden layers behind the last neurons may run on the host.
    output : str or None
        Of a Keras model with several outputs, the name of the layer that gives the one to be
        computed.
    proof_seconds : float
        Time to prove that no placement has fewer messages between chips; 0 for none.
    seed : int
        Of the block model and the search for places.

    Raises
    ------
    OptionError
        Names the first option that is out of its range, or of no use without another.
    """

    chips: int = option(2, Whole(1, MAX_CHIPS))
    code: str | None = option(None, Text("the name of a code"))
    tile: int | str | None = option(None, Either(AUTO, Whole(1, 4096)))
    steps: int | None = option(None, Whole(1, 10**4))
    window: float | None = option(None, Number(0, 1, above=True))
    synapse_ms: float | None = option(None, Number(0, 1000))
    input: str | None = option(None, Text("a word of the code"))
    rate_scale_hz: float = option(100.0, Number(0, 10**6, above=True))
    levels: int | tuple[int, ...] | str | None = option(
        None, OneOrEach(Whole(1, 255), MOST_LAYERS, AUTO)
    )
    most_steps: int | None = option(None, Whole(1, 10**4))
    normalization: str = option("percentile", Words(("percentile", "bayes")))
    quantile: float | None = option(None, Number(0, 1, above=True))
    corrections: bool = option(False, YesOrNo())
    allow_host_tail: bool = option(False, YesOrNo())
    output: str | None = option(None, Text("the name of an output"))
    proof_seconds: float = option(20.0, Number(0, DAY_S))
    seed: int = option(0, Whole(0, SEEDS))

    code_options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_options(self)
        self._check_levels()

    def _check_levels(self) -> None:
        """What belongs to levels without training needs such, and what is searched is not given."""
        if self.levels is None:
            given = {
                "quantile": self.quantile is not None,
                "normalization": self.normalization != "percentile",
                "corrections": self.corrections,
            }
            for name in (name for name, is_given in given.items() if is_given):
                raise OptionError(
                    Option(name), ": is of levels without training; give ", Option("levels"), " too"
                )
        if self.most_steps is not None and self.levels != AUTO:
            raise OptionError(
                Option("most_steps"), ": is what levels are chosen by; give ", Option("levels"),
                " auto, or leave it out",
            )  # fmt: skip
        if self.normalization == "bayes":
            if self.quantile is not None:
                raise OptionError(
                    Option("quantile"), ": is searched; leave it out, or ", Option("normalization"),
                    " bayes",
                )  # fmt: skip
            if importlib.util.find_spec("optuna") is None:
                raise OptionError(
                    Option("normalization"), " bayes needs optuna, which is not installed; install "
                    "loihiseg[calibration], or leave it out",
                )  # fmt: skip

    @property
    def finds_levels(self) -> bool:
        """Whether levels or their values take more than a percentile: tiles of their own, too."""
        return self.levels == AUTO or self.normalization == "bayes" or self.corrections

    @property
    def of_code(self) -> dict[str, Any]:
        """Options of the code, by name."""
        own = {name: getattr(self, name) for name in CODE_FIELDS}
        return own | dict(self.code_options)
