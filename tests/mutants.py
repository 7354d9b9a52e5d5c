"""Damaged copies of a file: what an attacker, a bad disk or a broken download may hand in.

Every reader of files is tried on the same three kinds of damage, in equal parts: bits and bytes
changed, the file cut off, and pieces of it swapped, doubled or taken from elsewhere in it. The same
seed gives the same copies, so a failure can be made again from its number.
"""

from collections.abc import Iterator

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
    if len(set(data)) < 2:
        raise ValueError("a file of at least two different bytes is needed")
    for number in range(n):
        rng = np.random.default_rng([seed, number])
        damage = (changed, cut_off, moved)[number % 3]
        damaged = damage(data, rng)
        while damaged == data:
            damaged = damage(data, rng)
        yield damaged


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
