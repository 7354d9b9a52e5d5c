"""All steps of compiling, from a trained network to a deployed one whose read-out is calibrated."""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np

from loihiseg.compilation.calibration import Presenter, calibrated
from loihiseg.compilation.compile import compile_network, prepare, threshold_of
from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.compilation.fit import settled
from loihiseg.compilation.options import CompileOptions
from loihiseg.compilation.prepared import Calibration, Prepared
from loihiseg.compilation.source import TrainedNetwork, predictor
from loihiseg.data.neighbours import with_channels
from loihiseg.emulator.activity import SpikesDigest
from loihiseg.progress import Reporter

Shown = Callable[[DeployedNetwork, object | None], AbstractContextManager[Presenter]]
"""What a network's images are presented to; also gets nengo-loihi's model of it, or None."""


@dataclass(frozen=True)
class Tissue:
    """What a network is calibrated on, before the size of its tiles is known.

    Attributes
    ----------
    tiles : callable
        Takes their side, gives (n, tile, tile) float32 normalized by section, or with channels.
    words : str
        Which tiles these are, as in "of the images that were given".
    fit_readout : bool
        Whether the read-out may be fitted on them, see `Calibration`; warned of where it should be.
    known : callable
        Takes their side, gives which of their pixels count, bool of the same shape; None for all.
    for_levels : callable
        Takes their side, gives the tiles that levels are found on where that takes more than a
        percentile; None for the same.
    """

    tiles: Callable[[int], np.ndarray]
    words: str
    fit_readout: bool = True
    known: Callable[[int], np.ndarray | None] = lambda _: None
    for_levels: Callable[[int], np.ndarray | None] = lambda _: None


@dataclass(frozen=True, eq=False)
class Made:
    """A deployed network just made.

    Attributes
    ----------
    deployed : DeployedNetwork
    reference : loihiseg.emulator.reference.Presenter or None
        nengo-loihi's model and emulator of it; None where it was kept from an earlier run.
    digest : SpikesDigest
        Of the presentations that the read-out was fitted on.
    notes : tuple of str
        How levels were found that the network was not trained with.
    """

    deployed: DeployedNetwork
    reference: object | None
    digest: SpikesDigest
    notes: tuple[str, ...] = ()


def compile_calibrated(
    prepared: Prepared,
    options: CompileOptions,
    calibration: Calibration,
    threshold: float,
    shown: Shown,
    reporter: Reporter,
    fresh: bool = False,
) -> Made:
    """Build and place a network, and fit its read-out where its code asks for that.

    Parameters
    ----------
    prepared : Prepared
        As from `loihiseg.compilation.compile.prepare`.
    options : CompileOptions
    calibration : Calibration
        Rates are expected from these tiles, and the read-out is fitted on them if it may be.
    threshold : float
        Probability above which a pixel is called membrane.
    shown : callable
        Gives the emulator or board that they are presented to.
    reporter : Reporter
    fresh : bool
        Build in any case, because nengo-loihi's model itself is needed.

    Returns
    -------
    Made

    Raises
    ------
    partition.core.errors.DoesNotFitError
        If the network needs more than there is.
    """
    compiled = compile_network(prepared, options, calibration, threshold, reporter, fresh=fresh)
    deployed, pixels = compiled.deployed, calibration.pixels
    if not (calibration.fit_readout and deployed.code.fits_readout and len(pixels)):
        return Made(deployed, compiled.presenter, SpikesDigest(), compiled.notes)
    with (
        reporter.part("calibrate") as note,
        shown(deployed, compiled.presenter) as presenter,
        reporter.bar("calibrate", len(pixels)) as advance,
    ):
        trained = None
        if deployed.task.kind == "membrane":
            trained = predictor(prepared.source.model)(with_channels(pixels))[..., 0]
        deployed, digest = calibrated(
            deployed, presenter, pixels, trained, advance, known=calibration.known
        )
        note.detail = f"{len(pixels)} tiles of {deployed.code.n_steps} steps"
    return Made(deployed, compiled.presenter, digest, compiled.notes)


def compile_on(
    network: TrainedNetwork,
    options: CompileOptions,
    side: int,
    tissue: Tissue,
    shown: Shown,
    reporter: Reporter,
    *,
    threshold: float | None = None,
) -> DeployedNetwork:
    """Compile a network, calibrated on tiles that need no labels.

    Parameters
    ----------
    network : TrainedNetwork
    options : CompileOptions
    side : int
        Pixels of the shorter side of a section, for the tile "auto".
    tissue : Tissue
    shown : callable
        Gives the emulator or board that they are presented to.
    reporter : Reporter
    threshold : float, optional
        Probability above which a pixel is called membrane; the network's, or 0.5, by default.

    Raises
    ------
    InputError
        If network or options cannot be used.
    partition.core.errors.DoesNotFitError
        If the network needs more than there is.
    """
    prepared = prepare(network, options, side, reporter)
    if prepared.code.fits_readout and not tissue.fit_readout:
        warnings.warn(
            "no calibration_images: the read-out is not calibrated, the threshold may not suit it",
            stacklevel=4,
        )
    pixels = tissue.tiles(prepared.source.tile)
    made = compile_calibrated(
        prepared,
        settled(replace(options, code=prepared.code.name), prepared.network),
        Calibration(
            pixels,
            f"{len(pixels)} tiles {tissue.words}",
            tissue.fit_readout,
            tissue.known(prepared.source.tile),
            tissue.for_levels(prepared.source.tile) if options.finds_levels else None,
        ),
        threshold_of(prepared.source, threshold),
        shown,
        reporter,
    )
    return made.deployed
