"""Levels and their values, found on images without labels: searched, corrected, under a budget.

What a plain percentile gives (`loihiseg.compilation.levels`) is the beginning. Half of the images
is to fit on, the other half to compare with the network in floats: a search takes what differs
least there, and corrections are kept only where the answers agree better by them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from loihiseg.compilation.agreement import Difference, Judge
from loihiseg.compilation.corrections import corrected, float_sums
from loihiseg.compilation.levels import of_quantiles, usual_quantile
from loihiseg.compilation.readout_fit import fitted_readout, shifted_readout
from loihiseg.compilation.scales import by_resolution
from loihiseg.conversion.forward import forward
from loihiseg.conversion.host_graph import HostGraph
from loihiseg.conversion.logits import task_logits
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.errors import InputError
from loihiseg.results.task import Task

FIXED = (0.95, 0.97, 0.985, 0.99, 0.995, 0.999, 0.9999)
"""Quantiles of all layers that a search begins with."""

LEAST, MOST = 1.0, 4.0
"""Of ``-log10(1 - quantile)``, in which a search goes: quantiles of 0.9 and 0.9999."""

EVALUATIONS = 36
"""Of a search of quantiles."""

FACTORS = (0.5, 2.0)
"""Least and most that a search of corrected values multiplies them by."""

CORRECTED_EVALUATIONS = 16
"""Of a search of such factors, each of which fits all kernels anew."""

SILENT = 2.0
"""Stands for the difference of a network that cannot be had: no answer that can is as bad."""

TIE = 1e-6
"""Weight of the divergence beside the answers, so that it counts only where they are alike."""


@dataclass(frozen=True, eq=False)
class Leveled:
    """A network with levels, and how it was found.

    Attributes
    ----------
    network : LoweredNetwork
    readout : HostGraph
    difference : Difference
        From the network in floats, on images that nothing was fitted on.
    words : tuple of str
        What was chosen, for the report.
    """

    network: LoweredNetwork
    readout: HostGraph
    difference: Difference
    words: tuple[str, ...] = ()


class Finder:
    """Finds values of levels for a network in floats.

    Parameters
    ----------
    floats : LoweredNetwork
    readout : HostGraph
    task : Task
    threshold : float
        Probability above which a pixel is membrane.
    pixels : numpy.ndarray
        (n, rows, columns) or (n, rows, columns, channels), float32, normalized; at least one. Every
        other one is to fit on, the rest to compare by; a single one is for both.
    on_trial : callable
        Called after each evaluation of a search, with what was tried in words, and what came of it.
    """

    def __init__(
        self,
        floats: LoweredNetwork,
        readout: HostGraph,
        task: Task,
        threshold: float,
        pixels: np.ndarray,
        on_trial: Callable[[str, Difference], None] = lambda _, __: None,
    ):
        self._floats, self._readout, self._task = floats, readout, task
        self._threshold = threshold
        self._fit, held = pixels[::2], pixels[1::2] if len(pixels) > 1 else pixels
        self.judge = Judge(floats, readout, task, threshold, held)
        self._groups = by_resolution(floats)
        self._on_trial = on_trial

    @cached_property
    def values(self) -> dict[str, np.ndarray]:
        """Activations in floats on the images to fit on."""
        return forward(self._floats, self._fit, staircase=False)

    @cached_property
    def _sums(self) -> dict[str, np.ndarray]:
        return float_sums(self._floats, self._fit)

    @cached_property
    def _logits(self) -> np.ndarray:
        outputs = {name: self.values[name] for name in self._floats.outputs}
        return task_logits(self._readout, outputs, self._task)

    def plain(self, levels: Mapping[str, int], quantiles: Mapping[str, float]) -> Leveled:
        """Each layer cut off at a quantile.

        Raises
        ------
        InputError
            If a layer is silent up to its quantile.
        """
        network = of_quantiles(self._floats, levels, quantiles, self.values)
        return self._leveled(network, self._readout)

    def percentile(self, levels: Mapping[str, int], quantile: float | None = None) -> Leveled:
        """All cut off at one quantile, by default that usual with so many levels."""
        return self._leveled(self.valued(levels, quantile), self._readout)

    def valued(self, levels: Mapping[str, int], quantile: float | None = None) -> LoweredNetwork:
        """The network of `percentile`, not judged."""
        every = {name: quantile or usual_quantile(count) for name, count in levels.items()}
        return of_quantiles(self._floats, levels, every, self.values)

    def searched(self, levels: Mapping[str, int], seed: int) -> Leveled:
        """With a quantile of each resolution, searched; fixed ones are the first that are tried.

        Raises
        ------
        InputError
            If a layer is silent up to every quantile that was tried.
        """
        usual = {usual_quantile(levels[names[0]]) for names in self._groups.values()}
        first = [[_number(share)] * len(self._groups) for share in sorted({*FIXED, *usual})]
        bounds = [(LEAST, MOST)] * len(self._groups)

        def made(numbers: tuple[float, ...]) -> Leveled:
            shares = [float(1 - 10.0**-number) for number in numbers]
            chosen = dict(zip(self._groups, shares, strict=True))
            return self.plain(levels, self._of_layers(chosen))

        best, numbers = self._best(made, bounds, EVALUATIONS, seed, first)
        shares = _named(self._groups, [1 - 10.0**-number for number in numbers], "{:.4g}")
        return _said(best, f"Quantiles searched in {EVALUATIONS} evaluations: {shares}.")

    def corrected(self, levels: Mapping[str, int], seed: int | None = None) -> Leveled:
        """With kernels, values of channels and the read-out fitted; see `corrections`.

        Parameters
        ----------
        levels : mapping of str to int
        seed : int, optional
            Of a search of factors for the values, one of each resolution; none by default.
        """
        if seed is None:
            return self._corrected(levels, {})
        bounds = [(float(np.log2(FACTORS[0])), float(np.log2(FACTORS[1])))] * len(self._groups)
        first = [[0.0] * len(self._groups)]

        def made(numbers: tuple[float, ...]) -> Leveled:
            factors = [float(2.0**number) for number in numbers]
            chosen = dict(zip(self._groups, factors, strict=True))
            return self._corrected(levels, self._of_layers(chosen))

        best, numbers = self._best(made, bounds, CORRECTED_EVALUATIONS, seed, first)
        factors = _named(self._groups, [2.0**number for number in numbers], "{:.3g}")
        words = f"in {CORRECTED_EVALUATIONS} evaluations: {factors}."
        return _said(best, f"Factors of the values of least squared error, searched {words}")

    def _corrected(self, levels: Mapping[str, int], factors: Mapping[str, float]) -> Leveled:
        found = corrected(self._floats, self._readout, levels, self._fit, self._sums, factors)
        plain = self._leveled(found.network, found.readout)
        if self._task.kind != "membrane":
            return plain
        fitted = fitted_readout(found.readout, found.outputs, self._logits)
        tried = [plain]
        for readout in (found.readout, fitted):
            shifted = shifted_readout(readout, found.outputs, self._logits, self._threshold)
            tried += [self._leveled(found.network, one) for one in (readout, shifted)]
        return min(tried, key=lambda one: one.difference)

    def _leveled(self, network: LoweredNetwork, readout: HostGraph) -> Leveled:
        return Leveled(network, readout, self.judge.difference(network, readout))

    def _of_layers(self, by_group: Mapping[str, float]) -> dict[str, float]:
        return {name: by_group[group] for group, names in self._groups.items() for name in names}

    def _best(
        self,
        made: Callable[[tuple[float, ...]], Leveled],
        bounds: list[tuple[float, float]],
        evaluations: int,
        seed: int,
        first: list[list[float]],
    ) -> tuple[Leveled, tuple[float, ...]]:
        """What differs least of all that a search tries, and its numbers."""
        # Only here: it needs what comes with an extra.
        from loihiseg.compilation.search import minimum

        tried: list[tuple[Leveled, tuple[float, ...]]] = []
        problems: list[InputError] = []

        def objective(numbers: tuple[float, ...]) -> float:
            try:
                one = made(numbers)
            except InputError as error:
                problems.append(error)
                return SILENT
            tried.append((one, numbers))
            self._on_trial(", ".join(f"{number:.4g}" for number in numbers), one.difference)
            return one.difference.answers + TIE * min(one.difference.divergence, 1.0)

        minimum(objective, bounds, evaluations, seed, first)
        if not tried:
            raise problems[0]
        return min(tried, key=lambda one: one[0].difference)


def _number(share: float) -> float:
    """The number of the search that stands for a quantile."""
    return float(np.clip(-np.log10(1 - share), LEAST, MOST))


def _named(groups: Mapping[str, object], numbers: list[float], form: str) -> str:
    return ", ".join(
        f"{name} {form.format(one)}" for name, one in zip(groups, numbers, strict=True)
    )


def _said(found: Leveled, words: str) -> Leveled:
    return Leveled(found.network, found.readout, found.difference, (*found.words, words))
