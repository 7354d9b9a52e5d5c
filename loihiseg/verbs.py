"""What loihiseg does, as functions: compile a network, run it, score its maps; or all at once.

::

    deployed = loihiseg.compile("tiny-synthetic", stack.images[18:20], chips=2)
    for section in loihiseg.run(deployed, stack.images[20:]):
        section.membrane  # (rows, columns) bool
    loihiseg.score("map.tif", "labels.tif").challenge.v_rand

The command ``python -m loihiseg.deploy`` does the same with the same options. What cannot be used
is an `InputError` of one line, what needs more chips a `partition.core.errors.DoesNotFitError`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from loihiseg.arguments import (
    check_names,
    check_undecided,
    checked,
    picked,
    probability_of,
    runs_of,
    sections_of,
    share,
    stack_of,
    truth_of,
)
from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.compilation.options import CompileOptions
from loihiseg.data.maps import read_map, read_truth
from loihiseg.data.moving import moved
from loihiseg.data.orientations import NumberOfOrientations
from loihiseg.data.stack import LabelPolarity, Stack
from loihiseg.data.tiles import LEVEL_TILES, Tiles, default_overlap, spread_tiles, tile_grid
from loihiseg.errors import Option, OptionError
from loihiseg.evaluation.scoring import probability_row, score_row
from loihiseg.image_verbs import compile_classes
from loihiseg.option_fields import OneOf, Whole
from loihiseg.pipeline import Deployment, deploy
from loihiseg.progress import Reporter
from loihiseg.results import Network, ScoreRow
from loihiseg.running.options import RunOptions
from loihiseg.running.runners import compiled_presenter
from loihiseg.running.sections import SectionRun
from loihiseg.running.sections import run as run_sections

if TYPE_CHECKING:
    from loihiseg.compilation.source import TrainedNetwork
    from loihiseg.compilation.tasks import KerasModel

SYNTHETIC_SIDE = 256
"""Rows and columns of synthetic sections, pixels."""


def compile(
    network: "str | PathLike[str] | KerasModel",
    calibration_images: np.ndarray | Stack | None = None,
    *,
    chips: int = 2,
    calibration_tiles: int = 8,
    threshold: float | None = None,
    reporter: Reporter | None = None,
    **options: object,
) -> DeployedNetwork:
    """Compile a trained network for chips.

    Parameters
    ----------
    network : path-like or tf.keras.Model
        Path of a checkpoint or Keras file, name of a network that comes along, or model in memory.
    calibration_images : numpy.ndarray or Stack, optional
        (n, rows, columns) or (rows, columns), uint8, or other numbers that are scaled as
        `make_stack` does. Firing rates are expected and the read-out is fitted on tiles of them:
        nothing should be judged by them. Labels are not needed. Without images, rates are expected
        from synthetic sections, and a read-out that asks for it is not fitted, with a warning. Of a
        network that tells classes apart it takes images, see `loihiseg.image_verbs`, at least one.
    chips, calibration_tiles : int
        Tiles are spread over the images without overlap.
    threshold : float, optional
        Probability above which a pixel is called membrane; by default the network's, or 0.5.
    reporter : Reporter, optional
        Says what is being done; nothing by default.
    **options
        Others of `CompileOptions`: code, levels, output, tile ("auto": the largest that fits) etc.

    Returns
    -------
    DeployedNetwork
        To `run`, or to keep with `save_deployed`.

    Raises
    ------
    InputError
        If network, images or options cannot be used.
    partition.core.errors.DoesNotFitError
        If the network needs more chips.
    """
    from loihiseg.compilation.outputs import network_of_output
    from loihiseg.compilation.source import task_of_network

    check_names(options, CompileOptions)
    compiling = picked(CompileOptions, {"chips": chips, **options})
    threshold = None if threshold is None else share("threshold", threshold)
    checked("calibration_tiles", calibration_tiles, Whole(1, 10**6))
    reporter = reporter or Reporter(quiet=True)
    trained = network_of_output(network, compiling.output)
    if task_of_network(trained).kind == "classes":
        if threshold is not None:
            raise OptionError(Option("threshold"), ": is of membrane; leave it out for classes")
        return compile_classes(trained, compiling, calibration_images, calibration_tiles, reporter)
    given = calibration_images
    stack = None if given is None else stack_of("calibration_images", given)
    return _compiled(trained, compiling, stack, calibration_tiles, threshold, reporter)


def _compiled(
    trained: "TrainedNetwork",
    compiling: CompileOptions,
    given: Stack | None,
    n_tiles: int,
    threshold: float | None,
    reporter: Reporter,
) -> DeployedNetwork:
    """Compile, calibrated on so many tiles of what was given."""
    from loihiseg.compilation.source import check_tile, known_tile, neighbours_of, seen_by
    from loihiseg.compilation.steps import Tissue, compile_on

    check_tile(trained, compiling.tile)
    side = SYNTHETIC_SIDE
    if given is not None:
        side = min(given.images.shape[1:])
        tile_grid(given.images.shape[1:], known_tile(trained, compiling.tile) or 1, 0)

    reach = neighbours_of(trained)
    stack = None if given is None else seen_by(trained, given)

    def tiles(tile: int, count: int = n_tiles) -> Tiles:
        return spread_tiles(stack or _synthetic(tile).seeing(reach), tile, count)

    return compile_on(
        trained,
        compiling,
        side,
        Tissue(
            lambda tile: tiles(tile).pixels,
            f"of {'synthetic sections' if given is None else 'the images that were given'}",
            given is not None,
            lambda tile: tiles(tile).known,
            lambda tile: tiles(tile, LEVEL_TILES).pixels,
        ),
        lambda deployed, _reference: compiled_presenter(deployed),
        reporter,
        threshold=threshold,
    )


def _synthetic(tile: int) -> Stack:
    """Sections that rates are expected from where there are no others."""
    from loihiseg.data.synthetic import synthetic_stack

    return synthetic_stack(2, (max(tile, SYNTHETIC_SIDE),) * 2)


def run(
    deployed: DeployedNetwork,
    images: np.ndarray | Stack | Iterable[np.ndarray],
    on: Literal["chip", "float"] = "chip",
    *,
    orientations: NumberOfOrientations = 1,
) -> Iterator[SectionRun]:
    """Segment sections; each comes back as soon as it is done.

    Parameters
    ----------
    deployed : DeployedNetwork
        As from `compile` or `load_deployed`; needs neither TensorFlow nor nengo.
    images : numpy.ndarray, Stack or iterable of numpy.ndarray
        (n, rows, columns) or (rows, columns), uint8, or other numbers that are scaled as
        `make_stack` does; or sections of (rows, columns) uint8, taken one by one, so that memory
        does not grow with their number. A network that sees the sections around one takes them in
        order of z, and sees those that are given here; of a part of a stack see `Stack.seeing`.
    on : str
        "chip" for the emulated chip, "float" for the network in floats.
    orientations : int
        1, or 4 or 8 to show each section turned, and mirrored too, and take the mean probability;
        all of these are counted.

    Returns
    -------
    iterator of SectionRun
        Map, probabilities and counts of each section.

    Raises
    ------
    InputError
        At once; of sections that are taken one by one when their turn comes.
    """
    if not isinstance(deployed, DeployedNetwork):
        raise OptionError(
            Option("deployed"), f": {type(deployed).__name__} is no DeployedNetwork; make one with "
            "loihiseg.compile, or load one with loihiseg.load_deployed",
        )  # fmt: skip
    if on not in ("chip", "float"):
        raise OptionError(Option("on"), f": {on!r:.60}: expected 'chip' or 'float'")
    checked("orientations", orientations, OneOf((1, 4, 8)))
    offset = deployed.label_offset_px
    if isinstance(images, np.ndarray | Stack):
        stack = stack_of("images", images)
        tile_grid(stack.images.shape[1:], deployed.tile, default_overlap(deployed.tile))
        seen = stack.moved(offset).seeing(deployed.task.neighbours).seen()
        return run_sections(deployed, seen, on, orientations=orientations)
    if isinstance(images, str | bytes | Mapping) or not isinstance(images, Iterable):
        raise OptionError(
            Option("images"), f": {type(images).__name__}: expected an array (n, rows, columns), a "
            "section (rows, columns), a Stack, or sections one by one; loihiseg.data.readers."
            "read_stack reads files",
        )  # fmt: skip
    sections = sections_of(images)
    if offset is not None:
        sections = (moved(one[np.newaxis], offset)[0] for one in sections)
    return run_sections(deployed, sections, on, orientations=orientations)


def score(
    maps: "np.ndarray | str | PathLike[str] | SectionRun | Iterable[SectionRun]",
    truth: "np.ndarray | str | PathLike[str]",
    threshold: float | None = None,
    *,
    network: Network | None = None,
    whole_sections: bool = True,
    known: np.ndarray | None = None,
    label_polarity: LabelPolarity = "auto",
) -> ScoreRow:
    """Score maps against the truth: every pixel, and the scores of the ISBI 2012 challenge.

    Beside both it takes four bytes for each pixel of a section, and little more.

    Parameters
    ----------
    maps : numpy.ndarray, path-like, SectionRun or iterable of SectionRun
        Probability of membrane, (n, rows, columns) or (rows, columns), as float, as bool, or as
        uint8 with 255 for 1; a file of such; or what `run` gives.
    truth : numpy.ndarray or path-like
        bool, the same shape, True for membrane; ``Stack.membrane`` is. Or a file of labels, which
        are read as those of a stack; sections without labels are then left out.
    threshold : float, optional
        Probability above which a pixel is called membrane; by default that of the network that
        made the maps, or 0.5 for probabilities.
    network : Network, optional
        Whose maps they are, for tables; by default what `run` ran, and of other maps that they were
        given, by the name of their file where they are in one.
    whole_sections : bool
        Whether they are of whole sections; else of tiles.
    known : numpy.ndarray, optional
        bool, the same shape: which pixels count; ``Stack.known`` is. All by default, but those
        that a file of labels itself says nothing of.
    label_polarity : str
        Which of two values in a file of labels is membrane: "auto", "cell-bright" or
        "membrane-bright".

    Returns
    -------
    ScoreRow

    Raises
    ------
    InputError
        If maps or truth are none, or not of one shape.
    """
    if threshold is not None:
        threshold = share("threshold", threshold)
    values, limit, row = _values(maps, threshold, network)
    truth, kept, known = _truth(truth, known, label_polarity)
    truth = truth_of(truth, values.shape)[kept]
    if known is not None:
        known = truth_of(known, values.shape, "known")[kept]
    return row(truth, values[kept], limit, whole_sections=whole_sections, known=known)


def _values(
    maps: "np.ndarray | str | PathLike[str] | SectionRun | Iterable[SectionRun]",
    threshold: float | None,
    network: Network | None,
) -> tuple[np.ndarray, float, Callable[..., ScoreRow]]:
    """Probabilities or logits of membrane, the threshold, and what scores such under a title."""
    name = None
    if isinstance(maps, str | PathLike):
        name = Path(maps).name if network is None else None
        maps = read_map(maps)
    if isinstance(maps, np.ndarray):
        limit = 0.5 if threshold is None else threshold
        return (
            probability_of(maps),
            limit,
            partial(probability_row, network or Network.GIVEN, name=name),
        )
    runs = runs_of((maps,) if isinstance(maps, SectionRun) else maps)
    limit = runs[0].threshold if threshold is None else threshold
    on_chip = any(one.tally is not None for one in runs)
    ran = Network.EMULATED if on_chip else Network.TRAINED
    return np.stack([one.logits for one in runs]), limit, partial(score_row, network or ran)


def _truth(
    truth: "np.ndarray | str | PathLike[str]",
    known: np.ndarray | None,
    label_polarity: LabelPolarity,
) -> "tuple[np.ndarray, slice | list[int], np.ndarray | None]":
    """Labels, those of a file read; index of the sections that have any; which pixels count."""
    if not isinstance(truth, str | PathLike):
        return truth, slice(None), known
    read = read_truth(truth, label_polarity)
    if known is None or read.known is None:
        known = read.known if known is None else known
    else:
        known = truth_of(known, read.membrane.shape, "known") & read.known
    labelled = read.labelled
    kept = slice(None) if labelled is None else [int(n) for n in np.flatnonzero(labelled)]
    return read.membrane, kept, known


def deploy_stack(
    network: "str | PathLike[str] | KerasModel | DeployedNetwork",
    images: np.ndarray | Stack,
    labels: np.ndarray | None = None,
    chips: int | None = None,
    *,
    label_polarity: LabelPolarity = "auto",
    reporter: Reporter | None = None,
    **options: object,
) -> Deployment:
    """Compile a network for a stack, run it on sections of it, and score where there are labels.

    Which sections those are, and which are kept apart to calibrate on, follows the split that the
    network was trained with, as in ``python -m loihiseg.deploy``.

    Parameters
    ----------
    network : path-like, tf.keras.Model or DeployedNetwork
        As of `compile`; of a deployed network nothing is compiled.
    images : numpy.ndarray or Stack
        (n, rows, columns) or (rows, columns), as of `make_stack`; a Stack brings its labels along.
    labels : numpy.ndarray, optional
        The same shape, of two values; bool for True where there is membrane.
    chips : int, optional
        2 by default; a deployed network has its own.
    label_polarity : str
        Which of two values is membrane: "auto", "cell-bright" or "membrane-bright".
    reporter : Reporter, optional
        Says what is being done; nothing by default.
    **options
        Others of `CompileOptions` (code, tile, steps, window, synapse_ms, input, rate_scale_hz,
        proof_seconds, seed), which a deployed network has decided, and those of `RunOptions`
        (sections, tiles, calibration_tiles, target, emulator, check, early_exit, orientations).

    Returns
    -------
    Deployment
        ``maps`` and probabilities, ``results`` as in ``metrics.json``, the ``deployed`` network.

    Raises
    ------
    InputError
        If network, images, labels or options cannot be used.
    partition.core.errors.DoesNotFitError
        If the network needs more chips.
    """
    check_names(options, CompileOptions, RunOptions)
    running = picked(RunOptions, options)
    stack = stack_of("images", images, labels, label_polarity)
    reporter = reporter or Reporter(quiet=True)
    if isinstance(network, DeployedNetwork):
        check_undecided(options, chips)
        kept = network
        return deploy(lambda: kept, lambda _: stack, CompileOptions(), running, reporter)
    from loihiseg.compilation.outputs import network_of_output

    compiling = picked(CompileOptions, options if chips is None else {"chips": chips, **options})
    load = partial(network_of_output, network, compiling.output)
    return deploy(load, lambda _: stack, compiling, running, reporter)
