"""A float network simulated as SpiCalib on whole sections, part by part, and quantiles searched."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from loihiseg.compilation.source import Network as TrainedNetwork
from loihiseg.compilation.source import predictor
from loihiseg.conversion.lowering import Lowering, lower
from loihiseg.conversion.stepwise import FloatActivation
from loihiseg.errors import InputError
from loihiseg.methods.scores import Scores
from loihiseg.methods.spicalib.calibration import Calibration, Crops, crops_of
from loihiseg.methods.spicalib.method import NAME, Settings
from loihiseg.methods.spicalib.quantiles import Search
from loihiseg.methods.spicalib.stack import Maps, Part
from loihiseg.methods.task import Task
from loihiseg.progress import Reporter
from loihiseg.provenance import peak_memory_mb
from loihiseg.results import Network, SimulatedRun, SimulationResults, TriedQuantiles

_LOG = logging.getLogger(__name__)


def run(task: Task, settings: Settings, reporter: Reporter) -> SimulationResults:
    """Score the float network, the published parts in turn, and quantiles that were searched.

    As of `loihiseg.methods.method.Method.run`.
    """
    lowering = float_network(task.network)
    crops = crops_of(task, settings.crops)
    calibration = Calibration(lowering, crops.pixels, settings)
    stack = calibration.parts(settings.quantile)
    scores = Scores(task, reporter)
    with reporter.part("networks"):
        if task.start is not None:
            scores.add(Network.TRAINED, predictor(task.start.model), task.start, "start")
        scores.add(Network.TRAINED, predictor(task.network.model), task.network)
    scored = _Scored(task, calibration, scores, reporter)
    runs = [row for part in stack for row in scored.rows(part, settings.steps)]
    tried: tuple[TriedQuantiles, ...] = ()
    if settings.search:
        tried, found = _searched(scored, crops)
        for part in found:
            runs += scored.rows(part, (settings.search_steps,))
    return SimulationResults(
        score_rows=tuple(scores.rows),
        steps=max(run.steps for run in runs),
        tile=task.network.tile,
        levels=(0,) * len(lowering.network.layers),
        sections=tuple(task.test.section_numbers),
        n_neurons=lowering.network.n_chip_neurons,
        spiking={},
        tuning={},
        data=task.data,
        seconds=dict(reporter.seconds),
        peak_memory_mb=peak_memory_mb(),
        method=NAME,
        runs=tuple(runs),
        tried=tried,
    )


def float_network(network: TrainedNetwork) -> Lowering:
    """A network of rectified-linear units, and what is pooled of them, lowered as it is.

    Raises
    ------
    InputError
        If it has levels; or cannot be lowered.
    """
    lowering = lower(network.model, levels_follow=True)
    own = [layer.name for layer in lowering.network.layers if layer.levels]
    if own:
        raise InputError(
            f"{network.source}: layer '{own[0]}' has levels; {NAME} is of networks that were "
            "trained without; simulate those with levels by fast-snn"
        )
    others = [x.name for x in lowering.network.layers if isinstance(x.neuron, FloatActivation)]
    if others:
        raise InputError(
            f"{network.source}: layer{'s' * (len(others) > 1)} {', '.join(others)}: {NAME} is of "
            "rectified-linear units; use a ReLU there"
        )
    return lowering


@dataclass(frozen=True, eq=False)
class _Scored:
    """Scores spiking networks on the test sections."""

    task: Task
    calibration: Calibration
    scores: Scores
    reporter: Reporter

    def rows(self, part: Part, steps: Sequence[int]) -> list[SimulatedRun]:
        """Score one after each of some numbers of steps; its work."""
        maps = Maps(self.calibration.passing(part.neurons, steps))
        names = {number: f"{part.name}, T = {number}" for number in steps}
        with self.reporter.part(part.name):
            for number, name in names.items():
                self.scores.add(Network.SIMULATED, maps.after(number), self.task.network, name)
        n_sections = len(self.task.test.images)
        return [
            SimulatedRun(name, number, maps.work(number, n_sections))
            for number, name in names.items()
        ]


def _searched(scored: _Scored, crops: Crops) -> tuple[tuple[TriedQuantiles, ...], tuple[Part, ...]]:
    """Quantiles that were tried, and spiking networks of the best fixed and searched ones."""
    task, reporter, calibration = scored.task, scored.reporter, scored.calibration
    settings = calibration.settings
    wanted = predictor(task.network.model)(crops.pixels)
    search = Search(calibration, crops, wanted, scored.scores.threshold(task.network))
    with reporter.part("search") as note, reporter.bar("search", settings.search) as advance:

        def on_trial(one: TriedQuantiles) -> None:
            _logged(one)
            advance()

        search.run(task.seed, on_trial)
        note.detail = f"{len(search.tried)} evaluations"
        found = []
        for searched in (False, True):
            best = search.best(searched)
            if best is not None:
                part = search.part(best)
                maps = Maps(calibration.passing(part.neurons, (settings.search_steps,)))
                search.validated(
                    best,
                    scored.scores.validation_iou(maps.after(settings.search_steps), task.network),
                )
                found.append(part)
    return tuple(search.tried), tuple(found)


def _logged(one: TriedQuantiles) -> None:
    """A line in the log of the run."""
    shares = ", ".join(f"{name}: {share:.6f}" for name, share in one.quantiles.items())
    kind = "searched" if one.searched else "fixed"
    _LOG.info("%s %s; error %.6g, IoU %.4f", kind, shares, one.error, one.membrane_iou)
