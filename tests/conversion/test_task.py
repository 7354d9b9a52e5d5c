"""The task of a network, inferred from its shapes, and classes read from its logits."""

import numpy as np
import pytest

from loihiseg.conversion.host_graph import Affine, Function, HostGraph, Node
from loihiseg.conversion.logits import called, task_logits
from loihiseg.conversion.task import task_of
from loihiseg.errors import InputError
from loihiseg.results import Task


@pytest.mark.parametrize(
    "shape, output, kind, per_image, n_classes",
    [
        ((8, 8, 1), (8, 8, 1), "membrane", False, 2),
        ((8, 8, 1), (4, 4, 1), "membrane", False, 2),
        ((8, 8, 1), (1, 1, 1), "classes", True, 2),
        ((8, 8, 1), (1, 1, 10), "classes", True, 10),
        ((8, 8, 1), (8, 8, 3), "classes", False, 3),
        ((8, 8, 3), (8, 8, 1), "classes", False, 2),
        ((8, 6, 1), (4, 3, 1), "classes", False, 2),
        ((1, 1, 20), (1, 1, 5), "classes", True, 5),
    ],
)
def test_tasks_by_shape(shape, output, kind, per_image, n_classes):
    found = task_of({"pixels": shape}, output)
    assert (found.kind, found.per_image, found.n_classes) == (kind, per_image, n_classes)
    assert found.map_shape == (() if per_image else shape[:2])


def test_a_map_of_one_channel_may_be_two_classes():
    found = task_of({"pixels": (8, 8, 1)}, (8, 8, 1), "classes")
    assert (found.kind, found.per_image, found.n_classes) == ("classes", False, 2)
    assert found.words == "one of 2 classes for every pixel, of images of 8 x 8 x 1"


def test_what_sees_neighbours_is_of_membrane():
    shapes = {"pixels": (8, 8, 3)}, (8, 8, 1)
    assert task_of(*shapes, None, 1).kind == task_of(*shapes, "membrane", 1).kind == "membrane"
    with pytest.raises(InputError, match="classes: the network sees the sections around"):
        task_of(*shapes, "classes", 1)


@pytest.mark.parametrize(
    "inputs, output, asked, says",
    [
        ({}, (1, 1, 2), None, "inputs none"),
        ({"a": (8, 8, 1), "b": (8, 8, 1)}, (1, 1, 2), None, "inputs a, b"),
        ({"a": (8, 8, 1)}, (3, 8, 2), None, "does not divide the 8 x 8 of input 'a'"),
        ({"a": (8, 8, 3)}, (8, 8, 1), "membrane", "8 x 8 x 3 is not one square image"),
        ({"a": (8, 8, 1)}, (8, 8, 2), "membrane", "8 x 8 x 2 is not one square map"),
        ({"a": (8, 8, 1)}, (3, 3, 1), "membrane", "does not divide the input's 8"),
    ],
)
def test_shapes_of_no_task(inputs, output, asked, says):
    with pytest.raises(InputError) as error:
        task_of(inputs, output, asked)
    assert says in str(error.value)


def graph(*functions):
    """What multiplies by 1 and adds 0, and then applies functions."""
    nodes = [Node("0", ("last",), Affine(np.ones(1, np.float32), np.zeros(1, np.float32)))]
    for name in functions:
        nodes.append(Node(str(len(nodes)), (nodes[-1].name,), Function(name)))
    return HostGraph(("last",), tuple(nodes), nodes[-1].name)


@pytest.mark.parametrize("functions", [(), ("softmax",), ("sigmoid",)])
def test_the_largest_logit_is_called_whatever_ends_in(functions):
    # Probabilities of both classes round to 1, and to 0.
    values = np.array([[40.0, 41.0, -200.0], [-120.0, -110.0, -130.0]], np.float32)
    task = Task("classes", (8, 8, 1), (1, 1, 3))
    logits = task_logits(graph(*functions), {"last": values[:, None, None]}, task)
    np.testing.assert_array_equal(logits, values)
    assert called(logits, task).tolist() == [1, 1]


def test_one_output_tells_two_classes_apart():
    values = np.array([-0.5, 0.25, 0.0], np.float32).reshape(3, 1, 1, 1)
    task = Task("classes", (8, 8, 1), (1, 1, 1))
    logits = task_logits(graph("sigmoid"), {"last": values}, task)
    np.testing.assert_allclose(logits, values.ravel(), atol=1e-6)
    assert called(logits, task).tolist() == [0, 1, 0]


def test_pixels_are_enlarged_before_they_are_called():
    values = np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)
    task = Task("classes", (4, 4, 1), (2, 2, 2))
    logits = task_logits(graph("softmax"), {"last": values}, task)
    assert logits.shape == (1, 4, 4, 2) and (called(logits, task) == 1).all()
