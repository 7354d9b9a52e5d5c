"""Damaged copies of a file: what an attacker, a bad disk or a broken download may hand in.

Every reader of files is tried on the same three kinds of damage, in equal parts: bits and bytes
changed, the file cut off, and pieces of it swapped, doubled or taken from elsewhere in it. The same
seed gives the same copies, so a failure can be made again from its number.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

_TELLING_BYTES = b"\x00\x01\x7f\x80\xff\"{}[],:-.0123456789eE'()\n"
"""Values that lengths, signs and punctuation turn on."""


def mutants(data: bytes, n: int, seed: int) -> Iterator[bytes]:
    """Damaged copies of a file, none of them equal to it.

    Parameters
    ----------
    data : bytes
        The file; at least two bytes, not all equal.
    n : int
        Number of copies: a third each with bytes changed, cut off, and with pieces moved.
    seed : int

    Yields
    ------
    bytes
    """
    for number in range(n):
        yield mutant(data, number, seed)


def mutant(data: bytes, number: int, seed: int) -> bytes:
    """One of `mutants`, by its number."""
    if len(set(data)) < 2:
        raise ValueError("a file of at least two different bytes is needed")
    rng = np.random.default_rng([seed, number])
    damage = (changed, cut_off, moved)[number % 3]
    damaged = damage(data, rng)
    while damaged == data:
        damaged = damage(data, rng)
    return damaged


def changed(data: bytes, rng: np.random.Generator) -> bytes:
    """The file with one to eight bits or bytes changed."""
    found = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        place = _place(data, rng)
        match int(rng.integers(3)):
            case 0:
                found[place] ^= 1 << int(rng.integers(8))
            case 1:
                found[place] = int(rng.integers(256))
            case _:
                found[place] = _TELLING_BYTES[int(rng.integers(len(_TELLING_BYTES)))]
    return bytes(found)


def cut_off(data: bytes, rng: np.random.Generator) -> bytes:
    """The file without its end or its beginning, or with bytes taken out of it."""
    first, last = sorted((_place(data, rng), _place(data, rng)))
    match int(rng.integers(4)):
        case 0:
            return data[first + 1 :]
        case 1:
            return data[:first] + data[last + 1 :]
        case _:
            return data[:last]


def moved(data: bytes, rng: np.random.Generator) -> bytes:
    """The file with two pieces swapped, or one piece written twice or over another."""
    length = int(rng.integers(1, max(2, min(len(data) // 2, 512))))
    a, b = sorted(int(i) for i in rng.integers(0, max(1, len(data) - length), 2))
    one, two = data[a : a + length], data[b : b + length]
    match int(rng.integers(4)):
        case 0:
            return data[:a] + one + data[a:]
        case 1:
            return data[:b] + one + data[b + length :]
        case _:
            b = max(a + length, b)
            two = data[b : b + length]
            return data[:a] + two + data[a + length : b] + one + data[b + length :]


def _place(data: bytes, rng: np.random.Generator) -> int:
    """An index into the file; one in two near its beginning or end, where its tables are."""
    n = len(data)
    near = min(n, 512)
    match int(rng.integers(4)):
        case 0:
            return int(rng.integers(near))
        case 1:
            return n - 1 - int(rng.integers(near))
        case _:
            return int(rng.integers(n))


_TELLING_NUMBERS = (
    -1, 0, 1, 2, 3, 255, 4096, 2**15, 2**31 - 1, -(2**31), 2**31, 2**32, 2**53, 2**63 - 1, -(2**63),
)  # fmt: skip
_TELLING_VALUES: tuple[Any, ...] = (
    *_TELLING_NUMBERS, 10**39, 0.5, -0.5, 1e-300, 1e300, True, False, None, "", "x" * 2000, "\n",
    [], {}, [[]], "../../etc/passwd", "\ud800",
)  # fmt: skip
_KINDS = ("?", "i1", "u1", "i2", "i4", "i8", "u8", "f4", "f8")


def damaged_arrays(arrays: dict[str, np.ndarray], number: int, seed: int) -> dict[str, np.ndarray]:
    """Arrays with one or two of them damaged: values changed, cut off or grown, or swapped.

    For archives that are packed again afterwards, so that every checksum is right: what such a
    file says has to be looked at. The parts are those of `mutants`.
    """
    rng = np.random.default_rng([seed, number, 1])
    found = dict(arrays)
    for _ in range(int(rng.integers(1, 3))):
        name = _one(sorted(found), rng)
        damage = (_values_changed, _array_cut, _array_swapped)[number % 3]
        damage(found, name, rng)
        if not found:
            break
    return found


def _values_changed(arrays: dict[str, np.ndarray], name: str, rng: np.random.Generator) -> None:
    array = arrays[name] = arrays[name].copy()
    if not array.size:
        return
    flat = array.reshape(-1)
    place = int(rng.integers(flat.size))
    match int(rng.integers(4)):
        case 0:
            raw = flat.view(np.uint8)
            raw[int(rng.integers(raw.size))] ^= np.uint8(1 << int(rng.integers(8)))
            if array.dtype == bool:
                raw &= 1
        case 1 if array.dtype.kind == "f":
            flat[place] = _one((np.nan, np.inf, -np.inf, 1e30, -1.0), rng)
        case 2:
            flat[place:] = flat[place]
        case _:
            value = np.array([_one(_TELLING_NUMBERS, rng)], np.int64)
            flat[place] = value.astype(array.dtype)[0]


def _array_cut(arrays: dict[str, np.ndarray], name: str, rng: np.random.Generator) -> None:
    array = arrays[name]
    n = len(array) if array.ndim else 0
    place = int(rng.integers(n + 1))
    match int(rng.integers(5)):
        case 0:
            del arrays[name]
        case 1 if n:
            arrays[name] = array[:place]
        case 2 if n:
            arrays[name] = np.concatenate([array[:place], array[place:][:1], array[place:]])
        case 3 if n:
            arrays[name] = np.delete(array, min(place, n - 1), axis=0)
        case _:
            arrays[name] = array.reshape(-1)


def _array_swapped(arrays: dict[str, np.ndarray], name: str, rng: np.random.Generator) -> None:
    other = _one(sorted(arrays), rng)
    array = arrays[name]
    match int(rng.integers(4)):
        case 0:
            arrays[name], arrays[other] = arrays[other], arrays[name]
        case 1:
            arrays[name] = array.astype(_one(_KINDS, rng))
        case 2 if array.ndim and len(array) > 1:
            a, b = rng.integers(len(array), size=2)
            arrays[name] = array.copy()
            arrays[name][[a, b]] = array[[b, a]]
        case 3 if array.ndim:
            arrays[name] = np.ascontiguousarray(array[::-1])
        case _:
            arrays[f"{other}_"] = array


def damaged_json(value: Any, number: int, seed: int) -> Any:
    """A JSON value with one to three of its parts changed, left out, or swapped and doubled."""
    rng = np.random.default_rng([seed, number, 2])
    found = _copied(value)
    for _ in range(int(rng.integers(1, 4))):
        places = list(_places(found))
        if not places:
            break
        inside, key = _one(places, rng)
        damage = (_value_changed, _value_cut, _value_swapped)[number % 3]
        damage(inside, key, places, rng)
    return found


def _value_changed(inside: Any, key: Any, _: list[Any], rng: np.random.Generator) -> None:
    value = inside[key]
    if isinstance(value, int | float) and rng.random() < 0.5:
        inside[key] = value + _one((1, -1, 0.25, value, -2 * value), rng)
    elif isinstance(value, str) and value and rng.random() < 0.5:
        inside[key] = value[:-1] + chr(ord(value[-1]) ^ 1)
    else:
        inside[key] = _copied(_one(_TELLING_VALUES, rng))


def _value_cut(inside: Any, key: Any, _: list[Any], rng: np.random.Generator) -> None:
    value = inside[key]
    if isinstance(value, str | list) and len(value) and rng.random() < 0.5:
        inside[key] = value[: int(rng.integers(len(value)))]
    else:
        del inside[key]


def _value_swapped(inside: Any, key: Any, places: list[Any], rng: np.random.Generator) -> None:
    elsewhere, other = _one(places, rng)
    if isinstance(inside, list) and rng.random() < 0.4:
        inside.append(_copied(inside[key]))
    elif isinstance(inside, dict) and rng.random() < 0.4:
        inside[f"{key}_"] = inside.pop(key)
    else:
        inside[key], elsewhere[other] = _copied(elsewhere[other]), _copied(inside[key])


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every part of a JSON value, as the list or object it is in and its place there."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list | tuple) else value


def _one(choices: Sequence[Any], rng: np.random.Generator) -> Any:
    return choices[int(rng.integers(len(choices)))]
