"""What loihiseg does, as functions: compile a network, run it, score its maps; or all at once.

::

    deployed = loihiseg.compile("tiny-synthetic", stack.images[18:20], chips=2)
    for section in loihiseg.run(deployed, stack.images[20:]):
        section.membrane  # (rows, columns) bool

The command ``python -m loihiseg.deploy`` does the same with the same options. What cannot be used
is an `InputError` of one line, what needs more chips a `partition.core.errors.DoesNotFitError`.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.compilation.options import CompileOptions
from loihiseg.data.stack import LabelPolarity, Stack, make_stack
from loihiseg.data.tiles import default_overlap, spread_tiles, tile_grid
from loihiseg.errors import Option, OptionError
from loihiseg.evaluation.scoring import probability_row, score_row
from loihiseg.option_fields import Number, Whole
from loihiseg.pipeline import Deployment, deploy
from loihiseg.progress import Reporter
from loihiseg.results import Network, ScoreRow
from loihiseg.running.options import RunOptions
from loihiseg.running.runners import compiled_presenter
from loihiseg.running.sections import SectionRun
from loihiseg.running.sections import run as run_sections

if TYPE_CHECKING:
    from loihiseg.compilation.source import KerasModel

T = TypeVar("T", CompileOptions, RunOptions)


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
        Path of a checkpoint or of a Keras file, name of a network that comes with the package, or
        a model of ``loihiseg.frameworks.tf.keras`` in memory.
    calibration_images : numpy.ndarray or Stack, optional
        (n, rows, columns) or (rows, columns), uint8, or other numbers that are scaled as
        `make_stack` does. Firing rates are expected and the read-out is fitted on tiles of them:
        nothing should be judged by them. Labels are not needed. Without images, rates are expected
        from synthetic sections, and a read-out that asks for it is not fitted, with a warning.
    chips : int
    calibration_tiles : int
        So many, spread over the images without overlap.
    threshold : float, optional
        Probability above which a pixel is called membrane; by default the network's, or 0.5.
    reporter : Reporter, optional
        Says what is being done; nothing by default.
    **options
        Others of `CompileOptions`: code, tile, steps, window, synapse_ms, input, rate_scale_hz,
        proof_seconds, seed.

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
    from loihiseg.compilation.compile import Calibration, prepare
    from loihiseg.compilation.fit import settled
    from loihiseg.compilation.source import check_tile, trained_network
    from loihiseg.compilation.steps import compile_calibrated

    _known(options, CompileOptions)
    compiling = _picked(CompileOptions, {"chips": chips, **options})
    if threshold is not None:
        threshold = _number("threshold", threshold)
    _checked("calibration_tiles", calibration_tiles, Whole(1, 10**6))
    reporter = reporter or Reporter(quiet=True)
    trained = trained_network(network)
    check_tile(trained, compiling.tile)
    given = None if calibration_images is None else _stack("calibration_images", calibration_images)
    stack = given or _synthetic_sections()
    prepared = prepare(trained, compiling, min(stack.images.shape[1:]), reporter)
    if given is None and prepared.code.fits_readout:
        warnings.warn(
            "no calibration_images: the read-out is not calibrated, maps may be too dark or bright",
            stacklevel=2,
        )
    tiles = spread_tiles(stack, prepared.source.tile, calibration_tiles)
    kind = "synthetic sections" if given is None else "the images that were given"
    own = prepared.source.threshold
    made = compile_calibrated(
        prepared,
        settled(compiling, prepared.network),
        Calibration(
            tiles.pixels, f"{len(tiles.places)} tiles of {kind}", fit_readout=given is not None
        ),
        threshold if threshold is not None else 0.5 if own is None else own,
        lambda deployed, _reference: compiled_presenter(deployed),
        reporter,
    )
    return made.deployed


def run(
    deployed: DeployedNetwork,
    images: np.ndarray | Stack | Iterable[np.ndarray],
    on: Literal["chip", "float"] = "chip",
) -> Iterator[SectionRun]:
    """Segment sections; each comes back as soon as it is done.

    Parameters
    ----------
    deployed : DeployedNetwork
        As from `compile` or `load_deployed`; needs neither TensorFlow nor nengo.
    images : numpy.ndarray, Stack or iterable of numpy.ndarray
        (n, rows, columns) or (rows, columns), uint8, or other numbers that are scaled as
        `make_stack` does; or sections of (rows, columns) uint8, taken one by one, so that memory
        does not grow with their number.
    on : str
        "chip" for the emulated chip, "float" for the network in floats.

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
    if isinstance(images, np.ndarray | Stack):
        sections = _stack("images", images).images
        tile_grid(sections.shape[1:], deployed.tile, default_overlap(deployed.tile))
        return run_sections(deployed, sections, on)
    if isinstance(images, str | bytes | Mapping) or not isinstance(images, Iterable):
        raise OptionError(
            Option("images"), f": {type(images).__name__}: expected an array (n, rows, columns), a "
            "section (rows, columns), a Stack, or sections one by one; loihiseg.data.readers."
            "read_stack reads files",
        )  # fmt: skip
    return run_sections(deployed, _each(images), on)


def score(
    maps: np.ndarray | SectionRun | Iterable[SectionRun],
    truth: np.ndarray,
    threshold: float | None = None,
    *,
    network: Network = Network.EMULATED,
    whole_sections: bool = True,
) -> ScoreRow:
    """Score maps against the truth: every pixel, and the scores of the ISBI 2012 challenge.

    Parameters
    ----------
    maps : numpy.ndarray, SectionRun or iterable of SectionRun
        Probability of membrane, (n, rows, columns) or (rows, columns); or what `run` gives.
    truth : numpy.ndarray
        bool, the same shape, True for membrane; ``Stack.membrane`` is.
    threshold : float, optional
        Probability above which a pixel is called membrane; by default that of the network that
        made the maps, or 0.5 for probabilities.
    network : Network
        Whose maps they are, for tables.
    whole_sections : bool
        Whether they are of whole sections; else of tiles.

    Returns
    -------
    ScoreRow

    Raises
    ------
    InputError
        If maps or truth are none, or not of one shape.
    """
    if threshold is not None:
        threshold = _number("threshold", threshold)
    if isinstance(maps, SectionRun):
        maps = (maps,)
    if isinstance(maps, np.ndarray):
        probability = _probability(maps)
        truth = _truth(truth, probability.shape)
        limit = 0.5 if threshold is None else threshold
        return probability_row(network, truth, probability, limit, whole_sections=whole_sections)
    runs = _runs(maps)
    logits = np.stack([one.logits for one in runs])
    limit = runs[0].threshold if threshold is None else threshold
    truth = _truth(truth, logits.shape)
    return score_row(network, truth, logits, limit, whole_sections=whole_sections)


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
        (sections, tiles, calibration_tiles, target, emulator, check, early_exit).

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
    _known(options, CompileOptions, RunOptions)
    running = _picked(RunOptions, options)
    stack = _stack("images", images, labels, label_polarity)
    reporter = reporter or Reporter(quiet=True)
    if isinstance(network, DeployedNetwork):
        decided = [one.name for one in fields(CompileOptions) if one.name in options]
        if chips is not None:
            decided.insert(0, "chips")
        if decided:
            raise OptionError(
                Option(decided[0]), ": a deployed network has its own; leave out, or compile one"
            )
        kept = network
        return deploy(lambda: kept, lambda: stack, CompileOptions(), running, reporter)
    from loihiseg.compilation.source import trained_network

    if chips is not None:
        options = {"chips": chips, **options}
    compiling = _picked(CompileOptions, options)
    return deploy(lambda: trained_network(network), lambda: stack, compiling, running, reporter)


def _known(options: Mapping[str, object], *kinds: type) -> None:
    """Refuse options that there are not."""
    names = [one.name for kind in kinds for one in fields(kind)]
    for name in options:
        if name not in names:
            raise OptionError(Option(name), f": no such option; there are {', '.join(names)}")


def _picked(kind: type[T], options: Mapping[str, Any]) -> T:
    """The options of one kind."""
    names = {one.name for one in fields(kind)}
    return kind(**{name: value for name, value in options.items() if name in names})


def _number(name: str, value: object) -> float:
    """A share, checked."""
    return float(_checked(name, value, Number(0, 1)))


def _checked(name: str, value: object, within: Number | Whole) -> float:
    try:
        return within.taken(value)
    except ValueError:
        raise OptionError(Option(name), f": {value!r:.40}: expected {within.expected}") from None


def _stack(
    name: str,
    images: object,
    labels: object = None,
    label_polarity: LabelPolarity = "auto",
) -> Stack:
    """Images and labels in memory, by the rules for files."""
    if isinstance(images, Stack):
        if labels is not None:
            raise OptionError(
                Option("labels"), ": a Stack has labels of its own; give its images alone, or none"
            )
        return images
    if not isinstance(images, np.ndarray):
        raise OptionError(
            Option(name), f": {type(images).__name__}: expected an array (n, rows, columns) or "
            "(rows, columns), or a Stack; loihiseg.data.readers.read_stack reads files",
        )  # fmt: skip
    if labels is not None and not isinstance(labels, np.ndarray):
        raise OptionError(
            Option("labels"), f": {type(labels).__name__}: expected an array as the images"
        )
    if label_polarity == "auto" and labels is not None and labels.dtype == bool:
        label_polarity = "membrane-bright"
    return make_stack(images, labels, name, label_polarity, "labels")


def _synthetic_sections() -> Stack:
    from loihiseg.data.synthetic import synthetic_stack

    return synthetic_stack(2)


def _each(images: Iterable[object]) -> Iterator[np.ndarray]:
    """Sections one by one, each checked when its turn comes."""
    for number, section in enumerate(images):
        if not isinstance(section, np.ndarray) or section.ndim != 2:
            found = getattr(section, "shape", None) or type(section).__name__
            raise OptionError(
                Option("images"),
                f": section {number} is {found}, expected an array (rows, columns)",
            )
        if section.dtype != np.uint8:
            raise OptionError(
                Option("images"), f": section {number} has type {section.dtype}, expected uint8; "
                "give all sections in one array, which is scaled as a whole",
            )  # fmt: skip
        yield section


def _runs(maps: object) -> list[SectionRun]:
    found = list(maps) if isinstance(maps, Iterable) and not isinstance(maps, str) else []
    if not found or not all(isinstance(one, SectionRun) for one in found):
        raise OptionError(
            Option("maps"), ": expected probabilities in an array, or what loihiseg.run gives, at "
            "least one section",
        )  # fmt: skip
    shapes = sorted({one.logits.shape for one in found})
    if len(shapes) > 1:
        raise OptionError(
            Option("maps"), f": sections of {shapes[0]} and {shapes[1]} pixels; score them apart"
        )
    return found


def _probability(maps: np.ndarray) -> np.ndarray:
    """(n, rows, columns) float, from 0 to 1."""
    found = maps[np.newaxis] if maps.ndim == 2 else maps
    if found.ndim != 3 or not found.size:
        raise OptionError(
            Option("maps"), f": shape {maps.shape}, expected (n, rows, columns) or (rows, columns)"
        )
    floats = found.dtype == bool or np.issubdtype(found.dtype, np.floating)
    # NaN is in no range.
    if not floats or not ((found >= 0) & (found <= 1)).all():
        raise OptionError(
            Option("maps"), f": type {maps.dtype}, expected probabilities of membrane, 0 to 1"
        )
    return found.astype(np.float32) if found.dtype == bool else found


def _truth(truth: object, shape: tuple[int, ...]) -> np.ndarray:
    if not isinstance(truth, np.ndarray) or truth.dtype != bool:
        kind = getattr(truth, "dtype", None) or type(truth).__name__
        raise OptionError(
            Option("truth"), f": {kind}, expected an array of bool, True for membrane; "
            "loihiseg.data.stack.make_stack reads labels",
        )  # fmt: skip
    found = truth[np.newaxis] if truth.ndim == 2 else truth
    if found.shape != shape:
        raise OptionError(
            Option("truth"), f": shape {found.shape}, expected that of the maps, {shape}"
        )
    return found
