"""Quantiles searched on calibration crops, beside fixed ones.

A quantile q is searched as ``t = -log10(1 - q)``, in which steps near 1 are as large as they
matter. The search begins with the fixed quantiles that it is compared with, so that what it chooses
is on the crops never worse than the best of those.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from loihiseg.compilation.scales import by_resolution, own_names, sharing
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.errors import InputError
from loihiseg.methods.spicalib.calibration import Calibration, Crops
from loihiseg.methods.spicalib.neurons import Bursts
from loihiseg.methods.spicalib.stack import Part
from loihiseg.metrics.pixels import pixel_scores
from loihiseg.network.logits import membrane
from loihiseg.results import TriedQuantiles

FIXED = (0.95, 0.97, 0.985, 0.99, 0.995, 0.999, 0.9999)
"""Quantiles of all layers that the searched ones are compared with."""

LEAST, MOST = 1.0, 5.0
"""Of t: quantiles of 0.9 and 0.99999."""

SILENT = 1e6
"""Error of quantiles up to which a layer is silent: worse than any that can be simulated."""

TIE = 1e-6
"""Weight of the error of the logits beside the maps, so that it counts where those are alike."""


def groups_of(network: LoweredNetwork, by: str) -> dict[str, tuple[str, ...]]:
    """Layers that are to have one quantile, by what they are called; ``by`` as of the settings."""
    if by == "all":
        return {"all layers": tuple(own_names(network))}
    if by == "resolution":
        return by_resolution(network)
    return {names[0]: names for names in sharing(network)}


def of_layers(
    groups: Mapping[str, tuple[str, ...]], quantiles: Mapping[str, float]
) -> dict[str, float]:
    """Quantiles of groups, by layer."""
    return {name: quantiles[group] for group, names in groups.items() for name in names}


class Search:
    """Tries fixed quantiles and searches better ones.

    What is least is 1 - IoU of what the spiking and the float network call membrane; the squared
    distance of their logits, which does not rank maps, counts where that is alike.

    Parameters
    ----------
    calibration : Calibration
    crops : Crops
        Those that thresholds are calibrated on.
    wanted : numpy.ndarray
        Logits of the float network on them, (n, tile, tile, 1).
    threshold : float
        Probability from which a pixel is membrane.
    """

    def __init__(
        self, calibration: Calibration, crops: Crops, wanted: np.ndarray, threshold: float
    ):
        settings = calibration.settings
        self._calibration, self._crops = calibration, crops
        self._wanted, self._threshold = wanted, threshold
        self._groups = groups_of(calibration.lowering.network, settings.search_by)
        self.tried: list[TriedQuantiles] = []

    def run(self, seed: int, on_trial: Callable[[TriedQuantiles], None]) -> None:
        """As many evaluations as the settings say, fixed quantiles among them, into ``tried``.

        Raises
        ------
        InputError
            If a layer is silent up to every quantile that was tried.
        """
        # Only here: it needs what comes with an extra.
        from loihiseg.compilation.search import minimum

        n_numbers, evaluations = len(self._groups), self._calibration.settings.search
        first = [[_number(share)] * n_numbers for share in FIXED][:evaluations]

        def objective(numbers: tuple[float, ...]) -> float:
            is_first = len(self.tried) < len(first)
            shares = [quantile(number) for number in numbers]
            if is_first:
                # Not what is left of it after a logarithm and back.
                shares = [FIXED[len(self.tried)]] * n_numbers
            one = self._try(dict(zip(self._groups, shares, strict=True)), not is_first)
            self.tried.append(one)
            on_trial(one)
            return _badness(one)

        minimum(objective, [(LEAST, MOST)] * n_numbers, evaluations, seed, first)
        if min(one.error for one in self.tried) >= SILENT:
            # Says which layer.
            self._bursts(self.tried[-1].quantiles)

    def best(self, searched: bool) -> TriedQuantiles | None:
        """Those whose map differs least from that of the float network; None of none."""
        own = [one for one in self.tried if one.searched == searched]
        return min(own, key=lambda one: (_badness(one), -one.membrane_iou)) if own else None

    def part(self, tried: TriedQuantiles) -> Part:
        """The spiking network of some quantiles."""
        said = ", ".join(f"{share:.5g}" for share in dict.fromkeys(tried.quantiles.values()))
        kind = "searched" if tried.searched else "fixed"
        return Part(f"{kind} quantiles {said}", self._bursts(tried.quantiles))

    def validated(self, tried: TriedQuantiles, iou: float) -> None:
        """Note an IoU on validation sections."""
        place = self.tried.index(tried)
        self.tried[place] = replace(tried, validation_iou=iou)

    def _bursts(self, quantiles: Mapping[str, float]) -> Bursts:
        return self._calibration.bursts(of_layers(self._groups, quantiles))

    def _try(self, quantiles: dict[str, float], searched: bool) -> TriedQuantiles:
        try:
            neurons = self._bursts(quantiles)
        except InputError:
            return TriedQuantiles(quantiles, SILENT, searched, 0.0, disagreement=1.0)
        steps = self._calibration.settings.search_steps
        logits = self._calibration.passing(neurons, (steps,)).logits(self._crops.pixels)
        found = logits[steps]
        error = float(np.mean(np.square(found.astype(np.float64) - self._wanted)))
        iou = self._crops.membrane_iou(found, self._threshold)
        ours, theirs = (membrane(one, self._threshold) for one in (found, self._wanted))
        apart = 1 - pixel_scores(theirs, ours).membrane_iou
        return TriedQuantiles(quantiles, min(error, SILENT), searched, iou, disagreement=apart)


def quantile(t: float) -> float:
    """The quantile that a number t of the search stands for, ``1 - 10**-t``."""
    return float(1 - 10.0**-t)


def _badness(one: TriedQuantiles) -> float:
    return (1.0 if one.disagreement is None else one.disagreement) + TIE * one.error


def _number(share: float) -> float:
    """The number of the search that stands for a quantile."""
    return float(np.clip(-np.log10(1 - share), LEAST, MOST))
