"""The task of a network, inferred from the shapes of its input and output: here alone."""

from collections.abc import Mapping

from loihiseg.errors import InputError, Option, OptionError
from loihiseg.results.task import Kind, Task

Shape = tuple[int, int, int]


def task_of(
    inputs: Mapping[str, Shape], output: Shape, asked: Kind | None = None, neighbours: int = 0
) -> Task:
    """The task of a network.

    Square images of one channel in and one square map of one channel out are membrane; all else is
    classes, of the channels of the output. A network that is known to see the sections around one
    is of membrane, and has as many channels more.

    Parameters
    ----------
    inputs : mapping of str to tuple of int
        (rows, columns, channels) by name; a vector has (1, 1, length).
    output : tuple of int
        (rows, columns, channels).
    asked : str, optional
        What it has to be: a map of one channel may be one of two classes too.
    neighbours : int
        Sections that it sees on either side of one.

    Raises
    ------
    OptionError
        If it can be no task, or not the one that is asked for.
    """
    if len(inputs) != 1:
        raise OptionError(
            f"network has the inputs {', '.join(inputs) or 'none'}; give it one input, an image"
        )
    if neighbours and asked == "classes":
        raise OptionError(
            Option("task"), " classes: the network sees the sections around one, expected "
            "membrane; leave it out",
        )  # fmt: skip
    ((name, shape),) = inputs.items()
    kind: Kind = "classes" if output[:2] == (1, 1) != shape[:2] else "membrane"
    fault = _no_membrane(shape, output, 1 + 2 * neighbours)
    if asked is not None or fault:
        kind = asked or ("membrane" if neighbours else "classes")
    if kind == "membrane" and fault:
        raise OptionError(Option("task"), f" membrane: {fault}; leave it out for classes")
    if not _is_enlarged(shape, output) and output[:2] != (1, 1):
        raise OptionError(
            f"output of {output[0]} x {output[1]} pixels does not divide the {shape[0]} x "
            f"{shape[1]} of input '{name}'; end in classes for every pixel, or for the whole image"
        )
    return Task(kind, shape, output)


def membrane_only(task: Task) -> None:
    """Refuse a network that gives classes where maps of membrane are needed.

    Raises
    ------
    InputError
    """
    if task.kind != "membrane":
        raise InputError(
            f"network gives {task.words}, no map of membrane; python -m loihiseg.deploy, or "
            "loihiseg.classify, runs it on images"
        )


def _is_enlarged(shape: Shape, output: Shape) -> bool:
    return not (shape[0] % output[0] or shape[1] % output[1])


def _no_membrane(shape: Shape, output: Shape, n_channels: int) -> str:
    """Why shapes are not those of maps of membrane; empty where they are."""
    if shape[0] != shape[1] or shape[2] != n_channels:
        channels = "one channel" if n_channels == 1 else f"{n_channels} sections"
        return f"input of {_size(shape)} is not one square image of {channels}"
    if output[0] != output[1] or output[2] != 1:
        return f"output of {_size(output)} is not one square map of one channel"
    if shape[0] % output[0]:
        return f"output of {output[0]} pixels does not divide the input's {shape[0]}"
    return ""


def _size(shape: Shape) -> str:
    return " x ".join(str(n) for n in shape)
