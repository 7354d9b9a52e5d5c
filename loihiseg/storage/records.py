"""Values of frozen classes with arrays in them: as plain values and arrays, back, and as a digest.

What a class holds is what is kept and what is digested: a field that is added is in both at once.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
import numpy as np
from scipy.sparse import csr_array

from loihiseg.files import sha256

T = TypeVar("T")

ARRAY = "array/"
"""Before the number of an array, where a plain value stands for one."""


def taken_apart(value: object) -> tuple[Any, dict[str, np.ndarray]]:
    """A value as what JSON can hold, and its arrays by the names that stand there for them.

    Parameters
    ----------
    value : dataclass or msgspec.Struct
        Of numbers, texts, tuples, dicts, numpy arrays, and more of its kind, at any depth.
    """
    arrays: dict[str, np.ndarray] = {}

    def keep(part: object) -> str:
        if not isinstance(part, np.ndarray):
            raise TypeError(f"a {type(part).__name__} cannot be kept")
        name = f"{ARRAY}{len(arrays)}"
        arrays[name] = part
        return name

    return msgspec.to_builtins(value, enc_hook=keep), arrays


def put_together(
    plain: object,
    arrays: dict[str, np.ndarray],
    kind: type[T],
    kinds: Mapping[type, Mapping[str, type]] | None = None,
) -> T:
    """The value that was taken apart.

    Parameters
    ----------
    plain, arrays
        From a file, for instance: every array is used once, in the order of their numbers.
    kind : type
        Of the value; ranges of its fields' annotations hold.
    kinds : mapping of type to mapping of str to type, optional
        Of classes that fields are annotated with, those that may stand there, by their tags: each
        a tagged ``msgspec.Struct``.

    Returns
    -------
    kind

    Raises
    ------
    ValueError
        In one line: if anything is missing, too much, or not of its kind.
    """

    def found(wanted: type, name: object) -> object:
        if kinds is not None and wanted in kinds:
            return msgspec.convert(name, _of_tag(name, kinds[wanted]), dec_hook=found)
        if wanted is not np.ndarray or not isinstance(name, str) or name not in arrays:
            raise ValueError(f"array {str(name)[:60]!a} is missing")
        return arrays[name]

    try:
        value = msgspec.convert(plain, kind, dec_hook=found)
    except (msgspec.MsgspecError, RecursionError, OverflowError) as error:
        raise ValueError(str(error)[:500]) from None
    # Of one text there is one value: an unknown field, a default left out, another order of
    # arrays would all be read without a word.
    again, used = taken_apart(value)
    # JSON knows lists alone.
    again = msgspec.json.decode(msgspec.json.encode(again))
    if again != plain or used.keys() != arrays.keys():
        raise ValueError(f"{_difference(plain, again, '$')} is none of this format")
    return value


def signature(*values: object) -> str:
    """SHA-256 of values: of the names and contents of all their fields, arrays included.

    Returns
    -------
    str
        Hexadecimal.
    """

    def digest(part: object) -> object:
        if isinstance(part, csr_array):
            arrays = (part.data, part.indices, part.indptr)
            return [list(part.shape), *(digest(array) for array in arrays)]
        if not isinstance(part, np.ndarray):
            raise TypeError(f"a {type(part).__name__} has no signature")
        array = np.ascontiguousarray(part)
        return f"{array.dtype.str} {array.shape} {sha256(array.tobytes())}"

    plain = [
        [type(value).__name__, msgspec.to_builtins(value, enc_hook=digest)] for value in values
    ]
    return sha256(msgspec.json.encode(plain, order="deterministic"))


def _of_tag(plain: object, kinds: Mapping[str, type]) -> type:
    """The kind that a tagged value says it is of."""
    tag = plain.get("type") if isinstance(plain, dict) else None
    if not isinstance(tag, str) or tag not in kinds:
        raise ValueError(f"type {str(tag)[:60]!a} is none of {', '.join(kinds)}")
    return kinds[tag]


def _difference(given: object, kept: object, place: str) -> str:
    """Where two plain values differ first."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for name in {**given, **kept}:
            if name not in given or name not in kept:
                return f"{place}.{str(name)[:60]}"
            if given[name] != kept[name]:
                return _difference(given[name], kept[name], f"{place}.{str(name)[:60]}"[:200])
    if isinstance(given, list | tuple) and isinstance(kept, list | tuple):
        for index, (one, other) in enumerate(zip(given, kept, strict=False)):
            if one != other:
                return _difference(one, other, f"{place}[{index}]")
    return place
