"""A deployment of a network that tells classes apart: compile or load, run on images, score."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.compilation.mapping import Mapping
from loihiseg.compilation.options import CompileOptions
from loihiseg.conversion.forward import forward
from loihiseg.conversion.logits import task_logits
from loihiseg.conversion.precision import quantize_network
from loihiseg.data.class_images import ChosenImages, ClassImages, choose_images
from loihiseg.emulator.activity import SpikesDigest
from loihiseg.errors import Option, OptionError
from loihiseg.evaluation.classes import ClassOutcome, class_summary
from loihiseg.evaluation.emulation import Emulation, emulate
from loihiseg.pipeline import checked_reference, presenter_of
from loihiseg.progress import Reporter
from loihiseg.results import LayerRates, Network, Results, SpikeDigests, Task
from loihiseg.running.options import RunOptions, check_target
from loihiseg.starting import start_frameworks
from partition.display.messages import handed_on, how_many

if TYPE_CHECKING:
    from loihiseg.compilation.source import TrainedNetwork


@dataclass(frozen=True, eq=False)
class ClassDeployment:
    """What a deployment came to.

    Attributes
    ----------
    results : Results
        As written to ``metrics.json``; ``results.classes`` has the scores.
    deployed : DeployedNetwork
    images : ClassImages
        That were shown, with their labels.
    called : dict of loihiseg.results.Network to numpy.ndarray
        int64, (n,) of images or (n, rows, columns) of pixels: the classes, by network.
    logits : numpy.ndarray
        float32, of the spikes, as of `loihiseg.conversion.logits.task_logits`.
    rates : tuple of LayerRates
    mapping : Mapping
    compiling : CompileOptions or None
        That the network was compiled with, none left open; None of a kept one.
    running : RunOptions
    """

    results: Results
    deployed: DeployedNetwork
    images: ClassImages
    called: dict[Network, np.ndarray]
    logits: np.ndarray
    rates: tuple[LayerRates, ...]
    mapping: Mapping
    compiling: CompileOptions | None
    running: RunOptions

    @property
    def classes(self) -> np.ndarray:
        """Classes that the spikes call."""
        return self.called[Network.EMULATED]


@dataclass(frozen=True, eq=False)
class _Ready:
    """A deployed network; ``floats`` are of the network before it was given levels."""

    deployed: DeployedNetwork
    reference: Any
    digest: SpikesDigest
    compiling: CompileOptions | None
    notes: tuple[str, ...] = ()
    floats: np.ndarray | None = None


def deploy_classes(
    load: "Callable[[], TrainedNetwork | DeployedNetwork]",
    read: Callable[[Task], ClassImages],
    compiling: CompileOptions,
    running: RunOptions,
    reporter: Reporter,
) -> ClassDeployment:
    """Run every step.

    Parameters
    ----------
    load : callable
        Returns the trained network, or a deployed one, of which nothing is compiled.
    read : callable
        Takes the network's task; returns images for it, which need no labels.
    compiling : CompileOptions
        Not looked at for a deployed network.
    running : RunOptions
        ``tiles`` and ``calibration_tiles`` are numbers of images, ``sections`` those to be shown.
    reporter : Reporter

    Raises
    ------
    InputError
        If images, network or options cannot be used; before anything is emulated.
    partition.core.errors.DoesNotFitError
        If the network needs more than there is.
    """
    from loihiseg.compilation.source import task_of_network

    with reporter.part("load") as note:
        check_target(running.target)
        _check_options(compiling, running)
        network = load()
        task = task_of_network(network, running.task or "classes")
        data = read(task)
        chosen = choose_images(data, running.sections, running.tiles, running.calibration_tiles)
        note.detail = f"{handed_on(data.source)}: {how_many(len(data.images), 'image')}"
    low, high = float(data.images.min()), float(data.images.max())
    reporter.say(f"task: {task.words}; pixels from {low:g} to {high:g}, taken as they are")
    if isinstance(network, DeployedNetwork):
        ready = _Ready(network, None, SpikesDigest(), None)
    else:
        ready = _compiled(network, task, chosen, compiling, running, reporter)
    if running.check:
        ready = _checked(ready, chosen, running, reporter)
    outcome = _emulated(ready, task, chosen, running, reporter)
    found = class_summary(outcome, reporter)
    return ClassDeployment(
        results=found.results,
        deployed=ready.deployed,
        images=chosen.shown,
        called=found.called,
        logits=found.logits,
        rates=found.rates,
        mapping=found.mapping,
        compiling=ready.compiling,
        running=running,
    )


def _checked(
    ready: _Ready, chosen: ChosenImages, running: RunOptions, reporter: Reporter
) -> _Ready:
    """Compared with nengo-loihi's emulator on the first image."""
    image = chosen.shown.pixels[0]
    reference = checked_reference(ready.deployed, ready.reference, image, running.check, reporter)
    return replace(ready, reference=reference)


def _check_options(compiling: CompileOptions, running: RunOptions) -> None:
    """Refuse what is of maps of membrane alone."""
    if compiling.tile is not None:
        raise OptionError(
            Option("tile"), f" {compiling.tile}: is of sections; leave it out for classes, whose "
            "images are as large as the network's input",
        )  # fmt: skip
    if running.early_exit is not None:
        raise OptionError(
            Option("early_exit"), " stops by maps of membrane; leave it out for classes"
        )
    if running.orientations != 1:
        raise OptionError(
            Option("orientations"), f" {running.orientations}: turns sections; leave it out for "
            "classes, whose images have one right way up",
        )  # fmt: skip


def _compiled(
    network: "TrainedNetwork",
    task: Task,
    chosen: ChosenImages,
    compiling: CompileOptions,
    running: RunOptions,
    reporter: Reporter,
) -> _Ready:
    start_frameworks(reporter)
    from loihiseg.compilation.compile import prepare
    from loihiseg.compilation.fit import settled
    from loihiseg.compilation.prepared import Calibration
    from loihiseg.compilation.steps import compile_calibrated

    prepared = prepare(network, compiling, min(task.input_shape[:2]), reporter)
    compiling = settled(replace(compiling, code=prepared.code.name), prepared.network)
    made = compile_calibrated(
        prepared,
        compiling,
        Calibration(chosen.calibration, chosen.words, chosen.apart),
        0.5,
        lambda deployed, reference: presenter_of(deployed, reference, running),
        reporter,
        # Only the compiled emulator can do without nengo-loihi's model.
        fresh=running.emulator == "nengo-loihi" or running.check > 0,
    )
    notes = [*made.notes]
    if not chosen.apart:
        notes.append(f"Calibrated on {chosen.words}.")
        if made.deployed.code.fits_readout:
            notes.append("The read-out is not calibrated, for want of other images.")
    floats = None
    if prepared.floats is not None:
        activations = forward(prepared.floats, chosen.shown.pixels)
        floats = chosen.shown.assembled(task_logits(prepared.readout, activations, task))
    return _Ready(
        made.deployed,
        made.reference,
        made.digest,
        compiling,
        tuple(filter(None, notes)),
        floats,
    )


def _emulated(
    ready: _Ready, task: Task, chosen: ChosenImages, running: RunOptions, reporter: Reporter
) -> ClassOutcome:
    """Show the images."""
    deployed, images = ready.deployed, chosen.shown.pixels
    with (
        reporter.part("emulate") as note,
        presenter_of(deployed, ready.reference, running) as presenter,
    ):
        quantized = quantize_network(
            deployed.neurons, deployed.block_shapes, deployed.code.synapse_s
        )
        with reporter.bar("emulate", len(images)) as advance:
            found: Emulation = emulate(deployed, quantized.network, presenter, images, advance)
        what = "image" if chosen.shown.grid is None else "tile"
        note.detail = f"{how_many(len(images), what)} of {deployed.code.n_steps} steps"
    digests = SpikeDigests(ready.digest.hexdigest(), found.digest.hexdigest())
    return ClassOutcome(
        deployed, task, chosen, quantized, found, ready.floats, digests, ready.notes
    )
