"""Rows of scores of a method: networks on whole test sections."""

import numpy as np

from loihiseg.compilation.source import Network
from loihiseg.conversion.lowering import Lowering
from loihiseg.data.stack import Stack
from loihiseg.data.tiles import predict_sections
from loihiseg.evaluation.scoring import chosen_threshold, score_row
from loihiseg.methods.task import Task
from loihiseg.metrics.known import counted
from loihiseg.metrics.pixels import pixel_scores
from loihiseg.network.logits import membrane
from loihiseg.progress import Reporter
from loihiseg.results import Network as Shown
from loihiseg.results import ScoreRow, SimulatedWork
from loihiseg.simulation.network import Predict
from loihiseg.simulation.neurons import Neurons
from loihiseg.simulation.work import CountingPredictor


class Scores:
    """Scores networks on the test sections, one row each.

    What has to be chosen for a network is chosen on the validation sections, the first time it is
    scored: so score it without spikes first.

    Parameters
    ----------
    task : Task
    reporter : Reporter

    Attributes
    ----------
    rows : list of ScoreRow
        In the order in which they were added.
    """

    def __init__(self, task: Task, reporter: Reporter):
        self._task, self._reporter = task, reporter
        self._chosen: dict[str, float] = {}
        self.rows: list[ScoreRow] = []

    def add(
        self, shown: Shown, predict: Predict, network: Network, name: str | None = None
    ) -> None:
        """Score what a function from pixels to logits makes of the test sections.

        Parameters
        ----------
        shown : loihiseg.results.Network
        predict : Predict
            On the network's tiles.
        network : loihiseg.compilation.source.Network
            Whose tiles and threshold are used.
        name : str, optional
            The row in words; ``shown.title`` by default.
        """
        threshold = self._choice(predict, network)
        test = self._task.test
        with self._reporter.bar(name or shown.title, len(test.images)) as advance:
            logits = predict_sections(predict, test.seen(), network.tile, progress=advance)
        self.rows.append(
            score_row(
                shown,
                _truth(test),
                logits,
                threshold,
                whole_sections=True,
                name=name,
                known=test.known,
            )
        )

    def add_spiking(
        self,
        shown: Shown,
        lowering: Lowering,
        steps: int,
        neurons: Neurons,
        network: Network,
        name: str | None = None,
    ) -> SimulatedWork:
        """Score a simulated network, and return its work per section."""
        predict = CountingPredictor(lowering, steps, neurons)
        self.add(shown, predict, network, name)
        return predict.work(len(self._task.test.images))

    def threshold(self, network: Network) -> float:
        """Probability from which a pixel is membrane, of a network that was scored already."""
        return self._chosen[network.source]

    def validation_iou(self, predict: Predict, network: Network) -> float:
        """Membrane IoU on the validation sections, of a network that was scored already."""
        validation = self._task.validation
        seen = predict_sections(predict, validation.seen(), network.tile)
        known = validation.known
        called = membrane(seen, self.threshold(network))
        return pixel_scores(counted(known, _truth(validation)), counted(known, called)).membrane_iou

    def _choice(self, predict: Predict, network: Network) -> float:
        """The threshold: the network's own, or that of the validation sections."""
        if network.source not in self._chosen:
            threshold = network.threshold
            if threshold is None:
                validation = self._task.validation
                seen = predict_sections(predict, validation.seen(), network.tile)
                threshold = chosen_threshold(_truth(validation), seen, validation.known)
            self._chosen[network.source] = threshold
        return self._chosen[network.source]


def _truth(stack: Stack) -> np.ndarray:
    """Labels of a stack, which a task has seen to."""
    assert stack.membrane is not None
    return stack.membrane
