"""Scores of a network's maps against the truth."""

from dataclasses import dataclass
from enum import Enum

from loihiseg.results.ranges import Count, Name, Positive, Share


class Network(Enum):
    """Which network a row of scores is of."""

    TRAINED = "trained"
    """The float network, as it was trained."""
    WITH_LEVELS = "with_levels"
    """The same, its activations given levels without training."""
    RATE_NETWORK = "rate_network"
    """The lowered float network, each neuron firing at its settled rate."""
    EIGHT_BIT = "eight_bit"
    """The lowered network with the chip's weights, at settled rates."""
    NENGO_DL = "nengo_dl"
    """The lowered float network, spiking in NengoDL's simulator."""
    EMULATED = "emulated"
    """With the chip's weights, spiking on the chip or its emulator."""
    STOPPED = "stopped"
    """The same, presentations ended early."""
    QUANTIZED = "quantized"
    """A network of levels with 8-bit weights."""
    SIGNED = "signed"
    """The same as Fast-SNN with signed spikes."""
    SIGNED_TUNED = "signed_tuned"
    """The same, tuned layer by layer."""
    UNSIGNED = "unsigned"
    """The network of levels as Fast-SNN with unsigned spikes."""
    UNSIGNED_TUNED = "unsigned_tuned"
    """The same, tuned layer by layer."""
    SIMULATED = "simulated"
    """Simulated without a chip by another method; the row's name says more."""
    GIVEN = "given"
    """Whatever made a map that no run of ours did; the row's name says where it lies."""

    @property
    def title(self) -> str:
        """As tables call it."""
        return _TITLES[self]


_TITLES = {
    Network.TRAINED: "trained",
    Network.WITH_LEVELS: "with levels",
    Network.RATE_NETWORK: "rate network",
    Network.EIGHT_BIT: "8-bit weights",
    Network.NENGO_DL: "spiking, float (NengoDL)",
    Network.EMULATED: "8-bit, spiking on chip",
    Network.STOPPED: "the same, stopped early",
    Network.QUANTIZED: "quantized",
    Network.SIGNED: "signed",
    Network.SIGNED_TUNED: "signed, tuned",
    Network.UNSIGNED: "unsigned",
    Network.UNSIGNED_TUNED: "unsigned, tuned",
    Network.SIMULATED: "simulated",
    Network.GIVEN: "a given map",
}


@dataclass(frozen=True)
class PixelScores:
    """Pixel scores, membrane being the positive class; all shares in 0..1.

    `all_cell_accuracy` is the share of cell pixels in these labels: the accuracy of answering
    "cell" everywhere, and the floor that `accuracy` has to be read against.
    """

    accuracy: Share
    all_cell_accuracy: Share
    membrane_iou: Share
    membrane_precision: Share
    membrane_recall: Share
    membrane_f1: Share
    n_pixels: Positive


@dataclass(frozen=True)
class ChallengeScores:
    """Scores of a stack: means over the sections, best over the thresholds.

    `v_rand` and `v_info` are the maxima of `v_rand_curve` and `v_info_curve`, each reached
    (first) at its own threshold on the probability of cell. A curve has one value per entry of
    `thresholds`: a threshold chosen on other sections is read from it without using the maximum.
    """

    v_rand: float
    v_info: float
    v_rand_threshold: float
    v_info_threshold: float
    thresholds: tuple[float, ...]
    v_rand_curve: tuple[float, ...]
    v_info_curve: tuple[float, ...]
    n_sections: Count


@dataclass(frozen=True)
class ScoreRow:
    """Scores of one network on some pixels.

    Attributes
    ----------
    network : Network
    whole_sections : bool
        Whether they are of whole sections; else of tiles.
    name, pixels : str
        The same two in words.
    pixel : PixelScores
    challenge : ChallengeScores
    """

    network: Network
    whole_sections: bool
    name: Name
    pixels: Name
    pixel: PixelScores
    challenge: ChallengeScores
