"""The levels that options ask for, found: in which order, what is kept, and what is said of it."""

import logging
from dataclasses import replace
from functools import partial

import numpy as np

from loihiseg.codes.code import NeuralCode
from loihiseg.compilation.agreement import Difference
from loihiseg.compilation.budget import levels_within, sensitivity
from loihiseg.compilation.finding import Finder, Leveled
from loihiseg.compilation.fit import neural_code
from loihiseg.compilation.levels import asked_levels, normalized, words
from loihiseg.compilation.options import AUTO, CompileOptions
from loihiseg.compilation.prepared import Calibration, Prepared
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.conversion.task import task_of
from loihiseg.conversion.validation import graph_shape
from loihiseg.errors import Option, OptionError
from loihiseg.progress import Reporter

_LOG = logging.getLogger(__name__)


def with_values(
    prepared: Prepared,
    options: CompileOptions,
    calibration: Calibration,
    threshold: float,
    reporter: Reporter,
) -> tuple[Prepared, tuple[str, ...]]:
    """A network with what the levels that were asked for are worth, and how that was found.

    Some codes have their times from that. A network that was asked for none is as it was.

    Parameters
    ----------
    prepared : Prepared
    options : CompileOptions
    calibration : Calibration
    threshold : float
        Probability above which a pixel is membrane.
    reporter : Reporter

    Returns
    -------
    Prepared
    tuple of str
        Sentences for the report.

    Raises
    ------
    InputError
        If they cannot be found on the images; see `found_levels`.
    """
    if prepared.floats is None:
        return prepared, ()
    readout = prepared.readout
    found: tuple[str, ...] = ()
    if options.finds_levels:
        pixels = calibration.pixels if calibration.for_levels is None else calibration.for_levels
        leveled = found_levels(prepared, options, pixels, threshold, reporter)
        network, readout, found = leveled.network, leveled.readout, leveled.words
    else:
        network = normalized(prepared.network, prepared.floats, options, calibration.pixels)
    code = neural_code(options, network, prepared.source.info)
    leveled_network = replace(prepared, network=network, readout=readout, code=code)
    return leveled_network, (words(options, network), *found)


def found_levels(
    prepared: Prepared,
    options: CompileOptions,
    pixels: np.ndarray,
    threshold: float,
    reporter: Reporter,
) -> Leveled:
    """Choose levels if they are left open, search their values and correct, as is asked for.

    Parameters
    ----------
    prepared : Prepared
        Of a network in floats.
    options : CompileOptions
    pixels : numpy.ndarray
        (n, rows, columns) or (n, rows, columns, channels), float32, normalized.
    threshold : float
        Probability above which a pixel is membrane.
    reporter : Reporter

    Returns
    -------
    Leveled
        With words of what was chosen; corrections are in it only if answers agree better by them.

    Raises
    ------
    InputError
        If there are no images, a layer is silent on all of them, or the network is of other
        activations than can be corrected.
    partition.core.errors.DoesNotFitError
        If not even the fewest levels fit.
    """
    floats = prepared.floats
    assert floats is not None
    if not len(pixels):
        raise OptionError(
            Option("levels"), ": what a level is worth is found on calibration images, and there "
            "are none",
        )  # fmt: skip
    shapes = {name: floats.layer(name).shape for name in floats.outputs}
    output = graph_shape(prepared.readout, shapes)
    task = task_of(floats.inputs, output, neighbours=prepared.source.neighbours)
    with reporter.part("levels") as note:
        finder = Finder(floats, prepared.readout, task, threshold, pixels, _logged)
        found = _found(finder, floats, options, type(prepared.code))
        note.detail = (
            f"{found.difference.answers:.2%} of answers differ from floats, divergence "
            f"{found.difference.divergence:.4f}, on {len(pixels) // 2 or 1} tiles"
        )
    return found


def _found(
    finder: Finder, floats: LoweredNetwork, options: CompileOptions, code: type[NeuralCode]
) -> Leveled:
    levels = asked_levels(floats, options)
    if options.levels == AUTO:
        valued = partial(finder.valued, quantile=options.quantile)
        levels = levels_within(floats, sensitivity(floats, finder), code, options, valued)
    seed = options.seed if options.normalization == "bayes" else None
    if seed is None:
        found = finder.percentile(levels, options.quantile)
    else:
        found = finder.searched(levels, seed)
    return _kept(found, finder.corrected(levels, seed)) if options.corrections else found


def _kept(before: Leveled, corrected: Leveled) -> Leveled:
    """Corrections, if answers differ less by them; with a sentence that says so."""
    ours, theirs = corrected.difference.answers, before.difference.answers
    is_better = ours < theirs
    said = (
        f"Corrections {'are kept' if is_better else 'are left out'}: by them {ours:.2%} of what is "
        f"called differs from the network in floats, without {theirs:.2%}, on tiles that they were "
        "not fitted on."
    )
    found = corrected if is_better else before
    return Leveled(found.network, found.readout, found.difference, (*found.words, said))


def _logged(numbers: str, difference: Difference) -> None:
    """A line in the log for each evaluation of a search."""
    _LOG.info(
        "tried %s: divergence %.6f, %.4f of answers differ",
        numbers,
        difference.divergence,
        difference.answers,
    )
