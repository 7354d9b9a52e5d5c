"""A schema names the array and the first index that breaks it."""

import doctest

import numpy as np
import pytest

from loihiseg.storage import schema
from loihiseg.storage.schema import ArraySchema, Values, check_arrays

SCHEMAS = {
    "start": ArraySchema(("int64",), ("n_rows + 1",), starts_of="n_runs"),
    "runs": ArraySchema(
        ("int32", "int16"), ("n_runs", 2), (Values(-5, 9, what="offset"), Values(index_into="n_x"))
    ),
    "x": ArraySchema(("float64",), ("n_x",)),
    "on": ArraySchema(("bool",), ("n_x",)),
}


def arrays(**changes):
    good = {
        "start": np.array([0, 1, 1, 3]),
        "runs": np.array([[0, 0], [-5, 1], [9, 1]], np.int32),
        "x": np.zeros(2),
        "on": np.ones(2, bool),
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def test_sizes():
    assert check_arrays(arrays(), SCHEMAS) == {"n_rows": 3, "n_runs": 3, "n_x": 2}
    empty = {"start": np.array([0]), "runs": np.zeros((0, 2), "i2"), "x": np.zeros(0), "on": None}
    with pytest.raises(ValueError, match="array on is missing"):
        check_arrays(arrays(**empty), SCHEMAS)


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"more": np.zeros(1)}, "'more' is none of this format"),
        ({"x": np.zeros(2, "f4")}, "x has type float32, expected float64"),
        ({"x": np.zeros(2, ">f8")}, "x has type >f8"),
        ({"x": np.zeros((2, 1))}, r"x has shape \(2, 1\), expected \(n_x\)"),
        ({"on": np.ones(3, bool)}, r"on has shape \(3,\), expected \(n_x\), with n_x = 2"),
        ({"runs": np.zeros((3, 3), "i4")}, r"runs has shape \(3, 3\)"),
        ({"start": np.zeros(0, int)}, "start has shape"),
        ({"x": np.array([0, np.nan])}, r"x: \[1\] is nan"),
        ({"x": np.array([0, np.inf])}, r"x: \[1\] is inf"),
        ({"x": np.array([-np.inf, 0])}, r"x: \[0\] is -inf"),
        ({"start": np.array([1, 1, 1, 3])}, r"start: \[0\] is 1, expected 0"),
        ({"start": np.array([0, 2, 1, 3])}, r"start: \[2\] is 1, below 2 before it"),
        ({"start": np.array([0, 1, 1, 4])}, r"start: \[3\] is 4, expected 3 \(n_runs\)"),
        ({"runs": np.array([[0, 0], [10, 0], [11, 0]], "i4")}, r"column 0: \[1\] is 10.*offset"),
        ({"runs": np.array([[0, 0], [0, 2], [0, -1]], "i4")}, r"column 1: \[1\] is 2, .*0 to 1"),
        ({"runs": np.array([[0, 0], [0, 1], [0, -1]], "i4")}, r"column 1: \[2\] is -1"),
    ],
)
def test_first_fault_is_named(changes, says):
    with pytest.raises(ValueError, match=says) as error:
        check_arrays(arrays(**changes), SCHEMAS)
    assert "\n" not in str(error.value)


def test_largest_sizes():
    with pytest.raises(ValueError, match="n_x is 2, at most 1"):
        check_arrays(arrays(), SCHEMAS, {"n_x": 1})


def test_nothing_can_be_an_index_into_nothing():
    schemas = {"a": ArraySchema(("int64",), ("n",), Values(index_into="m")),
               "b": ArraySchema(("int64",), ("m",))}  # fmt: skip
    with pytest.raises(ValueError, match=r"a: \[0\] is 0"):
        check_arrays({"a": np.array([0]), "b": np.zeros(0, int)}, schemas)
    check_arrays({"a": np.zeros(0, int), "b": np.zeros(0, int)}, schemas)


def test_examples_of_the_docstring():
    assert doctest.testmod(schema).failed == 0
