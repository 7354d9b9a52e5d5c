"""What a method works on: a trained network and the sections of a stack."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from loihiseg.compilation.source import Network, load_network, seen_by
from loihiseg.data.sections import parse_sections
from loihiseg.data.splits import Split, z_block_split
from loihiseg.data.stack import Stack
from loihiseg.errors import InputError, Option, OptionError
from loihiseg.results import DataSource
from loihiseg.training.checkpoint import CheckpointInfo


@dataclass(frozen=True, eq=False)
class Task:
    """What a method works on.

    Attributes
    ----------
    network : loihiseg.compilation.source.Network
    start : loihiseg.compilation.source.Network or None
        That it was trained from, to be scored beside it.
    training, validation, test : Stack
        Labelled. To tune, train or calibrate on; to choose thresholds on; to be scored once.
    data : DataSource
        The stack they are of.
    seed : int
        Of everything random.
    """

    network: Network
    start: Network | None
    training: Stack
    validation: Stack
    test: Stack
    data: DataSource
    seed: int


def load_task(
    stack: Stack,
    checkpoint: str,
    start: str | None = None,
    sections: str | None = None,
    seed: int | None = None,
) -> Task:
    """Load networks and choose sections.

    Parameters
    ----------
    stack : Stack
    checkpoint, start : str
        Checkpoint folder or Keras file; ``start`` may be None.
    sections : str, optional
        As ``--sections``; the test sections of the split by default.
    seed : int, optional
        By default that the network was trained with.

    Raises
    ------
    InputError
        If a network cannot be read, labels or sections are missing, or sections are to be scored
        that something is tuned or chosen on.
    """
    if stack.membrane is None:
        raise OptionError(
            f"{stack.source}: has no labels to score against; give ", Option("labels")
        )
    network = load_network(checkpoint)
    beside = None if start is None else load_network(start)
    _check_alike(network, beside)
    stack = seen_by(network, stack)
    split = _split_of(network, stack)
    if sections is not None:
        test = parse_sections(sections, stack.n_sections)
        if split.bands is None:
            _check_apart(sections, test, split.train, split.validation)
        split = replace(split, test=test)
    info = trained(network)
    if seed is None:
        seed = 0 if info is None else info.config.seed
    return Task(
        network,
        beside,
        split.part(stack, "train"),
        split.part(stack, "validation"),
        split.part(stack, "test"),
        DataSource(stack.source, stack.digest, stack.polarity),
        seed,
    )


def _check_alike(network: Network, start: Network | None) -> None:
    if start is not None and start.neighbours != network.neighbours:
        raise OptionError(
            Option("start"), f" {start.source}: sees {start.neighbours} sections on either side, "
            f"{network.source} {network.neighbours}; give the network that it was trained from",
        )  # fmt: skip


def trained(network: Network) -> CheckpointInfo | None:
    """How a network was trained; None for a Keras file, which does not say."""
    info = network.info
    assert info is None or isinstance(info, CheckpointInfo)
    return info


def _split_of(network: Network, stack: Stack) -> Split:
    """That of the network's training, or a fresh one."""
    info = trained(network)
    if info is None:
        labelled = None if stack.labelled is None else stack.labelled_sections
        return z_block_split(stack.n_sections, labelled)
    split = info.data.split.parts
    last = max(max(part) for part in (split.train, split.validation, split.test))
    if last >= stack.n_sections:
        raise InputError(
            f"{stack.source}: has {stack.n_sections} sections, {network.source} was trained by a "
            f"split of {last + 1}; give the stack it was trained on, or a longer one"
        )
    return split


def _check_apart(
    text: str, test: Sequence[int], training: Sequence[int], validation: Sequence[int]
) -> None:
    used = sorted({*test} & {*training, *validation})
    if used:
        option = Option("sections")
        raise OptionError(
            option,
            f" {text}: section {used[0]} is one of those that the network is trained, tuned or "
            "chosen on; choose others, or leave ",
            option,
            " out for the test sections",
        )
