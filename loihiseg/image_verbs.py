"""What loihiseg does with networks that tell classes apart, as functions.

::

    deployed = loihiseg.compile("digits.h5", calibration_images=images[:64], code="ramp")
    for image in loihiseg.classify(deployed, images[64:]):
        image.classes  # a number, or (rows, columns) of them
    loihiseg.score_classes(image_runs, labels).accuracy
    loihiseg.deploy_images("digits.h5", images, labels, sections="64:").results.classes

Images are (n, rows, columns) or (n, rows, columns, channels), pixels as the network was trained on.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from os import PathLike
from typing import TYPE_CHECKING, Literal

import numpy as np

from loihiseg.arguments import check_names, check_undecided, picked
from loihiseg.classification import ClassDeployment, deploy_classes
from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.compilation.options import CompileOptions
from loihiseg.conversion.logits import called
from loihiseg.data.class_images import ClassImages, calibration_pixels, make_class_images
from loihiseg.errors import Option, OptionError
from loihiseg.metrics.classes import class_scores
from loihiseg.progress import Reporter
from loihiseg.results import ClassScores, Task
from loihiseg.running.counts import Tally
from loihiseg.running.options import RunOptions
from loihiseg.running.runners import TileRun, chip_tiles, compiled_presenter, float_tiles

if TYPE_CHECKING:
    from loihiseg.compilation.source import TrainedNetwork
    from loihiseg.compilation.tasks import KerasModel


@dataclass(frozen=True, eq=False)
class ImageRun:
    """What a network made of one image.

    Attributes
    ----------
    number : int
        Of the image, counted from 0 in the order given.
    task : Task
    logits : numpy.ndarray
        float32, (classes,) of the image or (rows, columns, classes) of its pixels; without the last
        axis where one output tells two classes apart.
    tally : Tally or None
        What was counted on the chip; None of the float network.
    """

    number: int
    task: Task
    logits: np.ndarray
    tally: Tally | None

    @property
    def classes(self) -> np.ndarray:
        """int64, () or (rows, columns): the class of the image, or of every pixel."""
        return np.asarray(called(self.logits[np.newaxis], self.task)[0])


def compile_classes(
    network: "TrainedNetwork",
    compiling: CompileOptions,
    images: object,
    n_images: int,
    reporter: Reporter,
) -> DeployedNetwork:
    """Compile a network that tells classes apart, calibrated on so many of some images.

    Raises
    ------
    InputError
        If there are no images, or they are not for the network.
    partition.core.errors.DoesNotFitError
        If the network needs more chips.
    """
    from loihiseg.compilation.source import task_of_network
    from loihiseg.compilation.steps import Tissue, compile_on

    task = task_of_network(network, "classes")
    if images is None:
        raise OptionError(
            Option("calibration_images"), f": missing; the network gives {task.words}: give some "
            "of the images that it was trained on",
        )  # fmt: skip
    name = "calibration_images"
    given = make_class_images(array_of(name, images), task, source=name)
    chosen = calibration_pixels(given.images, max(n_images, 1), given.side)
    return compile_on(
        network,
        compiling,
        min(task.input_shape[:2]),
        Tissue(lambda _: chosen, "of the images that were given"),
        lambda deployed, _reference: compiled_presenter(deployed),
        reporter,
    )


def classify(
    deployed: DeployedNetwork,
    images: np.ndarray,
    on: Literal["chip", "float"] = "chip",
) -> Iterator[ImageRun]:
    """Classify images; each comes back as soon as it is done.

    Parameters
    ----------
    deployed : DeployedNetwork
        As from `loihiseg.compile` or `loihiseg.load_deployed`; needs neither TensorFlow nor nengo.
    images : numpy.ndarray
        (n, rows, columns) or (n, rows, columns, channels), of the size of the network's input; for
        classes of every pixel larger ones too, which go through it in tiles that overlap.
    on : str
        "chip" for the emulated chip, "float" for the network in floats.

    Raises
    ------
    InputError
        At once.
    """
    if not isinstance(deployed, DeployedNetwork):
        raise OptionError(
            Option("deployed"), f": {type(deployed).__name__} is no DeployedNetwork; make one with "
            "loihiseg.compile, or load one with loihiseg.load_deployed",
        )  # fmt: skip
    if on not in ("chip", "float"):
        raise OptionError(Option("on"), f": {on!r:.60}: expected 'chip' or 'float'")
    return _runs(deployed, make_class_images(array_of("images", images), deployed.task), on)


def _runs(deployed: DeployedNetwork, given: ClassImages, on: str) -> Iterator[ImageRun]:
    if on == "float":
        yield from _numbered(deployed, float_tiles(deployed, given.pixels), given)
        return
    with compiled_presenter(deployed) as presenter:
        yield from _numbered(deployed, chip_tiles(deployed, presenter, given.pixels), given)


def _numbered(
    deployed: DeployedNetwork, runs: Iterator[TileRun], given: ClassImages
) -> Iterator[ImageRun]:
    for number in range(len(given.images)):
        one = given.picked([number])
        own = list(islice(runs, len(one.places)))
        logits = one.assembled(np.stack([np.asarray(run.logits, np.float32) for run in own]))[0]
        shown = [run.presentation for run in own if run.presentation is not None]
        tally = Tally(deployed) if shown else None
        for presentation in shown:
            assert tally is not None
            tally.add(presentation)
        yield ImageRun(number, deployed.task, logits, tally)


def score_classes(
    classes: np.ndarray | Iterable[ImageRun], labels: np.ndarray, n_classes: int | None = None
) -> ClassScores:
    """Score classes against labels.

    Parameters
    ----------
    classes : numpy.ndarray or iterable of ImageRun
        Whole numbers, of any shape; or what `classify` gives.
    labels : numpy.ndarray
        Whole numbers of the same shape; those below 0 say nothing.
    n_classes : int, optional
        Those of the network, or as many as are in both, by default.

    Raises
    ------
    InputError
        If they are not whole numbers, or not of one shape.
    """
    if isinstance(classes, np.ndarray):
        called_so = _whole("classes", classes)
    else:
        runs = list(classes)
        if not runs or not all(isinstance(one, ImageRun) for one in runs):
            raise OptionError(
                Option("classes"), ": expected whole numbers in an array, or what "
                "loihiseg.classify gives, at least one image",
            )  # fmt: skip
        n_classes = n_classes or runs[0].task.n_classes
        called_so = np.stack([one.classes for one in runs])
    true = _whole("labels", labels)
    most = max(int(called_so.max()), int(true.max()))
    n_classes = n_classes or most + 1
    if most >= n_classes or int(called_so.min()) < 0:
        odd = most if most >= n_classes else int(called_so.min())
        raise OptionError(
            Option("n_classes"), f" {n_classes}: expected classes from 0 to {n_classes - 1}, there "
            f"are such as {odd}",
        )  # fmt: skip
    return class_scores(true, called_so, n_classes)


def _whole(name: str, value: object) -> np.ndarray:
    """Whole numbers as int64."""
    found = array_of(name, value)
    if found.dtype.kind not in "iu" or not found.size:
        raise OptionError(
            Option(name), f": {found.dtype} of shape {found.shape}, expected whole numbers"
        )
    return found.astype(np.int64)


def deploy_images(
    network: "str | PathLike[str] | KerasModel | DeployedNetwork",
    images: np.ndarray,
    labels: np.ndarray | None = None,
    chips: int | None = None,
    *,
    calibration_images: np.ndarray | None = None,
    ignore_label: int | None = None,
    reporter: Reporter | None = None,
    **options: object,
) -> ClassDeployment:
    """Compile a network that tells classes apart, run it on images, and score it.

    Parameters
    ----------
    network : path-like, tf.keras.Model or DeployedNetwork
        As of `loihiseg.compile`; of a deployed network nothing is compiled.
    images : numpy.ndarray
        (n, rows, columns) or (n, rows, columns, channels), of the size of the network's input, or,
        for classes of every pixel, larger; pixels are taken as they are.
    labels : numpy.ndarray, optional
        Whole numbers from 0 on, (n,) of images or (n, rows, columns) of pixels.
    chips : int, optional
        2 by default; a deployed network has its own.
    calibration_images : numpy.ndarray, optional
        As images, by which nothing is judged; by default images that ``sections`` leaves out.
    ignore_label : int, optional
        Labels of this value say nothing.
    reporter : Reporter, optional
        Says what is being done; nothing by default.
    **options
        Others of `CompileOptions`, which a deployed network has decided, and those of `RunOptions`
        (sections, tiles, calibration_tiles, target, emulator, check, task).

    Raises
    ------
    InputError
        If network, images, labels or options cannot be used.
    partition.core.errors.DoesNotFitError
        If the network needs more chips.
    """
    check_names(options, CompileOptions, RunOptions)
    running = picked(RunOptions, options)
    reporter = reporter or Reporter(quiet=True)
    shown = array_of("images", images)
    given = {"labels": labels, "calibration_images": calibration_images}
    truth, more = (None if one is None else array_of(name, one) for name, one in given.items())

    def read(task: Task) -> ClassImages:
        return make_class_images(shown, task, truth, more, ignore=ignore_label)

    if isinstance(network, DeployedNetwork):
        check_undecided(options, chips)
        kept = network
        return deploy_classes(lambda: kept, read, CompileOptions(), running, reporter)
    from loihiseg.compilation.outputs import network_of_output

    compiling = picked(CompileOptions, options if chips is None else {"chips": chips, **options})
    load = partial(network_of_output, network, compiling.output)
    return deploy_classes(load, read, compiling, running, reporter)


def array_of(name: str, value: object) -> np.ndarray:
    """An array, or a refusal of what is none."""
    if not isinstance(value, np.ndarray):
        raise OptionError(Option(name), f": {type(value).__name__}: expected an array")
    return value
