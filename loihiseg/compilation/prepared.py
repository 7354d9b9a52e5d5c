"""What the steps of a compilation hand on to each other."""

from dataclasses import dataclass

import numpy as np

from loihiseg.codes.code import NeuralCode
from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.compilation.source import Network
from loihiseg.conversion.host_graph import HostGraph
from loihiseg.conversion.spec import LoweredNetwork


@dataclass(frozen=True, eq=False)
class Prepared:
    """A trained network, lowered, with the neurons that stand for it.

    Attributes
    ----------
    source : loihiseg.compilation.source.Network
        Threshold and rates that it was trained for come from here.
    network : LoweredNetwork
        Of activations, with the levels that were asked for.
    readout : HostGraph
    code : NeuralCode
    neurons : LoweredNetwork
        As many as there will be, connected as they will be; see `NeuralCode.neurons`.
    floats : LoweredNetwork or None
        Of activations as they were trained, where levels were asked for that they lack.
    """

    source: Network
    network: LoweredNetwork
    readout: HostGraph
    code: NeuralCode
    neurons: LoweredNetwork
    floats: LoweredNetwork | None = None


@dataclass(frozen=True)
class Calibration:
    """Tiles that rates are expected from.

    Attributes
    ----------
    pixels : numpy.ndarray
        (n, tile, tile) float32, normalized by section; or with channels behind.
    words : str
        Which these are, for the provenance.
    fit_readout : bool
        Whether the read-out may be fitted on them too: nothing is judged by them.
    known : numpy.ndarray or None
        bool, (n, tile, tile): pixels that the read-out may be fitted on; None for all.
    for_levels : numpy.ndarray or None
        As ``pixels``: what levels and their values are found on, where that takes more than a
        percentile; None for the same.
    """

    pixels: np.ndarray
    words: str
    fit_readout: bool = True
    known: np.ndarray | None = None
    for_levels: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Compiled:
    """A deployed network just made.

    Attributes
    ----------
    deployed : DeployedNetwork
        Its read-out is not calibrated.
    presenter : loihiseg.emulator.reference.Presenter or None
        nengo-loihi's model and emulator of it; None where it was kept from an earlier run.
    notes : tuple of str
        How levels were found that it was not trained with, sentences for the report.
    """

    deployed: DeployedNetwork
    presenter: object | None
    notes: tuple[str, ...] = ()
