"""Files damaged in equal parts: bytes flipped, cut off, pieces swapped."""

from collections.abc import Iterator

import numpy as np


def mutants(data: bytes, n: int, seed: int) -> Iterator[bytes]:
    """Damaged copies of a file, none equal to it.

    Parameters
    ----------
    data : bytes
        At least 8 bytes that are not all alike.
    n : int
        How many: in turn one with bytes flipped, one cut off, one with two pieces swapped.
    seed : int
    """
    rng = np.random.default_rng(seed)
    kinds = (_flipped, _cut_off, _swapped)
    for number in range(n):
        mutant = kinds[number % 3](data, rng)
        while mutant == data:
            mutant = kinds[number % 3](data, rng)
        yield mutant


def _flipped(data: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(data)
    for place in rng.integers(0, len(data), rng.integers(1, 9)):
        # A single bit is what memory loses; a whole byte is what an attacker sets.
        value = 1 << rng.integers(8) if rng.random() < 0.5 else rng.integers(1, 256)
        changed[place] ^= int(value)
    return bytes(changed)


def _cut_off(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: int(rng.integers(0, len(data)))]


def _swapped(data: bytes, rng: np.random.Generator) -> bytes:
    length = int(rng.choice([1, 2, 4, 8, 16, 64]))
    length = min(length, len(data) // 2)
    first, second = sorted(rng.choice(len(data) - length + 1, 2, replace=False))
    second = max(second, first + length)
    if second + length > len(data):
        first, second = first - length, second - length
    if first < 0:
        first, second = 0, length
    return (
        data[:first]
        + data[second : second + length]
        + data[first + length : second]
        + data[first : first + length]
        + data[second + length :]
    )
