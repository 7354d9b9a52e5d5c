"""What a Keras network is for: its task, by the shapes of a file or of a model in memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from loihiseg.conversion.keras_file.errors import message
from loihiseg.conversion.lowering import lower, verdicts
from loihiseg.conversion.lowering.settings import image
from loihiseg.conversion.lowering.shapes import known_shapes
from loihiseg.conversion.lowering.sources import graph_of
from loihiseg.conversion.task import Shape, task_of
from loihiseg.conversion.validation import graph_shape
from loihiseg.errors import InputError, Option, OptionError
from loihiseg.results.task import Kind, Task

if TYPE_CHECKING:
    from loihiseg.frameworks import KerasTensor


class KerasModel(Protocol):
    """A ``tf.keras.Model``, as far as it is looked at before it is lowered."""

    @property
    def inputs(self) -> "list[KerasTensor]":
        """Its input tensors."""

    @property
    def outputs(self) -> "list[KerasTensor]":
        """Its output tensors."""

    def predict(self, pixels: np.ndarray, *, verbose: int) -> np.ndarray:
        """(n, tile, tile, 1) to (n, rows, columns, 1)."""


def task_of_file(path: Path, asked: Kind | None) -> Task:
    """Of a Keras file, without building it."""
    graph = graph_of(path)
    if len(graph.outputs) > 1:
        raise _one_of(str(path), list(graph.outputs))
    shapes = known_shapes(graph)
    ends = [shapes.get(name) for name in graph.outputs.values()]
    inputs = {name: shapes.get(name) for name in graph.inputs}
    found = {name: image(shape) for name, shape in inputs.items() if shape is not None}
    if len(ends) != 1 or ends[0] is None or len(found) != len(inputs):
        # There are layers of which nothing is known: they are refused, each by its name.
        lowering = lower(graph)
        outputs = {name: lowering.network.layer(name).shape for name in lowering.network.outputs}
        return named_task(
            str(path), lowering.network.inputs, graph_shape(lowering.graph, outputs), asked
        )
    return named_task(str(path), found, image(ends[0]), asked)


def refuse_layers(path: Path) -> None:
    """Name all layers of a faulty Keras file, where some can be placed with no code.

    What found the first fault knows of none that others would find behind it.
    """
    graph = graph_of(path)
    if len(graph.outputs) != 1:
        return
    with_levels, without = (
        verdicts(graph, levels_follow=follow).refusals for follow in (True, False)
    )
    if with_levels and without:
        raise InputError(message(path, [text for _, text in without])) from None


def task_of_model(
    model: KerasModel, path: str, asked: Kind | None = None, neighbours: int = 0
) -> Task:
    """Of a Keras model in memory, which is known to see so many sections on either side of one."""
    shapes = {}
    names = list(getattr(model, "output_names", None) or ())
    if len(names) > 1:
        raise _one_of(path, names)
    for what in ("inputs", "outputs"):
        found = [tuple(t.shape[1:]) for t in getattr(model, what, None) or ()]
        if len(found) != 1 or None in found[0] or not 1 <= len(found[0]) <= 3:
            raise InputError(
                f"{path}: {what} {found}: expected one, an image (rows, columns, channels) or a "
                "vector, of fixed size"
            )
        shapes[what] = image(found[0])
    return named_task(path, {"pixels": shapes["inputs"]}, shapes["outputs"], asked, neighbours)


def _one_of(path: str, outputs: list[str]) -> OptionError:
    return OptionError(
        f"{path}: has {len(outputs)} outputs, {', '.join(outputs)}; choose one of them with ",
        Option("output"),
    )


def named_task(
    path: str,
    inputs: Mapping[str, Shape],
    output: Shape,
    asked: Kind | None,
    neighbours: int = 0,
) -> Task:
    """The task of shapes; errors begin with the path of the network."""
    try:
        return task_of(inputs, output, asked, neighbours)
    except OptionError as error:
        raise OptionError(f"{path}: ", *error.parts) from None
