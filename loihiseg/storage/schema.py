"""What arrays of a file must be before anything computes with them.

A schema says of each array by name: kinds of numbers, shape, range, and what its values point into.
`check_arrays` holds arrays against it and names the first value that breaks it. A digest tells
damage; that indices lie inside what they index is told here.

>>> schemas = {
...     "start": ArraySchema(("int64",), ("n_rows + 1",), starts_of="n_runs"),
...     "runs": ArraySchema(("int32",), ("n_runs",), Values(0, 99, what="offset")),
... }
>>> check_arrays({"start": np.array([0, 1]), "runs": np.array([7], np.int32)}, schemas)
{'n_rows': 1, 'n_runs': 1}
>>> check_arrays({"start": np.array([0, 1]), "runs": np.array([700], np.int32)}, schemas)
Traceback (most recent call last):
ValueError: array runs: [0] is 700, expected 0 to 99 (offset)
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Values:
    """What the values of an array, or of one of its columns, may be.

    Attributes
    ----------
    low, high : float
        Both included. Whatever they are, NaN and infinities are refused.
    index_into : str
        Size that the values count within, from 0; "" for none.
    what : str
        What a value is, for messages.
    """

    low: float = -math.inf
    high: float = math.inf
    index_into: str = ""
    what: str = ""


@dataclass(frozen=True)
class ArraySchema:
    """What one array must be.

    Attributes
    ----------
    dtypes : tuple of str
        Names of numpy's kinds of numbers, such as ``int32``.
    shape : tuple of int or str
        A number; a name, which is the same size wherever it stands; or ``"name + 1"``.
    values : Values or tuple of Values
        Of all, or of each column of a table.
    starts_of : str
        The array says where each of its groups starts in arrays of this size: from 0, never
        falling, to that size.
    """

    dtypes: tuple[str, ...]
    shape: tuple[int | str, ...]
    values: Values | tuple[Values, ...] = Values()
    starts_of: str = ""


def check_arrays(
    arrays: Mapping[str, np.ndarray],
    schemas: Mapping[str, ArraySchema],
    most: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """Hold arrays against their schemas: as many, and each as its schema says.

    Parameters
    ----------
    arrays : mapping of str to numpy.ndarray
    schemas : mapping of str to ArraySchema
    most : mapping of str to int, optional
        Largest value of sizes.

    Returns
    -------
    dict of str to int
        The sizes, by name.

    Raises
    ------
    ValueError
        In one line: the array, the first index at which it is wrong, and what was expected.
    """
    check_names(arrays, schemas)
    sizes: dict[str, int] = {}
    for name, schema in schemas.items():
        _check_form(name, arrays[name], schema, sizes)
    for size, limit in (most or {}).items():
        if sizes[size] > limit:
            raise ValueError(f"{size} is {sizes[size]:,}, at most {limit:,}")
    for name, schema in schemas.items():
        if schema.starts_of:
            check_starts(name, arrays[name], schema.starts_of, sizes[schema.starts_of])
        _check_values(name, arrays[name], schema.values, sizes)
    return sizes


def check_names(found: Collection[str], expected: Collection[str]) -> None:
    """That there is everything that is expected, and nothing else; ValueError names the first."""
    for name in expected:
        if name not in found:
            raise ValueError(f"array {name} is missing")
    for name in found:
        if name not in expected:
            raise ValueError(f"array {str(name)[:60]!a} is none of this format")


def check_starts(name: str, starts: np.ndarray, size: str, n: int) -> None:
    """That starts go from 0, never falling, to ``n``, the number called ``size``.

    Raises
    ------
    ValueError
        Names the first start that does not.
    """
    if not len(starts):
        raise ValueError(f"array {name} is empty, expected at least the start 0")
    if starts[0] != 0:
        raise ValueError(f"array {name}: [0] is {starts[0]}, expected 0")
    falls = starts[1:] < starts[:-1]
    if falls.any():
        at = int(falls.argmax()) + 1
        raise ValueError(
            f"array {name}: [{at}] is {starts[at]}, below {starts[at - 1]} before it; starts never "
            "fall"
        )
    if starts[-1] != n:
        last = len(starts) - 1
        raise ValueError(f"array {name}: [{last}] is {starts[-1]}, expected {n} ({size})")


def check_range(name: str, values: np.ndarray, low: float, high: float, what: str = "") -> None:
    """That all values are finite and within ``low`` to ``high``.

    Raises
    ------
    ValueError
        Names the first value that is not.
    """
    if not values.size:
        return
    least, most = values.min(), values.max()
    # Of NaN neither comparison holds.
    if low <= least and most <= high and np.isfinite(least) and np.isfinite(most):
        return
    wrong = ~((values >= low) & (values <= high) & np.isfinite(values))
    at = np.unravel_index(int(wrong.argmax()), wrong.shape)
    place = ", ".join(str(int(i)) for i in at)
    what = f" ({what})" if what else ""
    raise ValueError(
        f"array {name}: [{place}] is {values[at]}, expected {low:.17g} to {high:.17g}{what}"
    )


def _check_form(name: str, array: np.ndarray, schema: ArraySchema, sizes: dict[str, int]) -> None:
    if array.dtype.name not in schema.dtypes or not array.dtype.isnative:
        expected = " or ".join(schema.dtypes)
        raise ValueError(f"array {name} has type {array.dtype}, expected {expected}")
    expected = ", ".join(str(size) for size in schema.shape)
    if array.ndim != len(schema.shape):
        raise ValueError(f"array {name} has shape {array.shape}, expected ({expected})")
    for found, size in zip(array.shape, schema.shape, strict=True):
        if isinstance(size, int):
            wanted = size
        else:
            symbol, _, more = size.partition(" + ")
            wanted = sizes.setdefault(symbol, found - int(more or 0)) + int(more or 0)
        if found != wanted or found < 0 or wanted < 0:
            raise ValueError(
                f"array {name} has shape {array.shape}, expected ({expected}), "
                f"with {size} = {wanted}"
            )
    for symbol, size in sizes.items():
        if size < 0:
            raise ValueError(f"array {name} has shape {array.shape}, so {symbol} would be {size}")


def _check_values(
    name: str, array: np.ndarray, values: Values | tuple[Values, ...], sizes: dict[str, int]
) -> None:
    columns = values if isinstance(values, tuple) else (values,)
    for number, column in enumerate(columns):
        low, high, what = column.low, column.high, column.what
        if column.index_into:
            low, high, what = 0, sizes[column.index_into] - 1, what or column.index_into
        if isinstance(values, tuple):
            check_range(f"{name}, column {number}", array[:, number], low, high, what)
        elif array.dtype != bool:
            check_range(name, array, low, high, what)
