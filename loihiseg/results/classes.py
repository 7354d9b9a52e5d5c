"""Scores of networks that tell classes apart."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from loihiseg.results.ranges import Count, Name, Positive, Share
from loihiseg.results.scores import Network
from loihiseg.results.task import Task

MOST_CONFUSED = 100
"""Classes up to which confusions are kept; they have their square of numbers."""

_MOST = 1_000_000


@dataclass(frozen=True)
class ClassScores:
    """How the classes that were called compare with the labels.

    Attributes
    ----------
    accuracy : float
        Share of the labels that were called.
    most_frequent : float
        Share of the most frequent label: the accuracy of always answering it, and the floor that
        ``accuracy`` has to be read against.
    mean_iou : float
        Mean of ``iou`` over the classes that have any.
    iou : tuple of (float or None)
        By class: called rightly, of all that were called so or are so; None of a class that never
        is either.
    confusion : tuple of tuple of int
        How many of each class (row) were called each (column); empty of more than `MOST_CONFUSED`
        classes.
    n_labels : int
    """

    accuracy: Share
    most_frequent: Share
    mean_iou: Share
    iou: Annotated[tuple[Share | None, ...], Meta(max_length=_MOST)]
    confusion: Annotated[tuple[tuple[Count, ...], ...], Meta(max_length=MOST_CONFUSED)]
    n_labels: Positive


@dataclass(frozen=True)
class ClassRow:
    """What one network called the images.

    Attributes
    ----------
    network : Network
    name : str
        The same in words.
    counts : tuple of int
        How many images, or pixels, were called each class.
    scores : ClassScores or None
        None without labels.
    """

    network: Network
    name: Name
    counts: Annotated[tuple[Count, ...], Meta(max_length=_MOST)]
    scores: ClassScores | None


@dataclass(frozen=True)
class ClassResults:
    """What a deployment of a network that tells classes apart came to.

    Attributes
    ----------
    task : Task
    rows : tuple of ClassRow
        In the order in which they are shown.
    """

    task: Task
    rows: tuple[ClassRow, ...]

    def row(self, network: Network) -> ClassRow | None:
        """Of a network, or None."""
        return next((one for one in self.rows if one.network is network), None)
