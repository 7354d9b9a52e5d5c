"""Damaged files of every format: refused in one line, or read as what they say, never a crash.

The same with more copies in child processes: ``python -m tests.fuzz``, and the slow test.
"""

import pytest

from tests.formats import FORMATS
from tests.fuzz import FAILURES, judged, table
from tests.mutants import mutants

N = 200


@pytest.mark.parametrize("name", FORMATS)
def test_example_is_read(name, tmp_path):
    path = FORMATS[name].example(tmp_path)
    again = tmp_path / "again"
    again.mkdir()
    assert FORMATS[name].read(path) == FORMATS[name].read(FORMATS[name].example(again))


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files(name):
    found = [judged(FORMATS[name], number, seed=0) for number in range(N)]
    failures = [(number, one) for number, one in enumerate(found) if one.kind in FAILURES]
    assert not failures, failures[:5]
    # The damage is of some use: not all of it is found by a checksum.
    assert sum(one.kind == "refused" for one in found) > N // 10


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_many_damaged_files_in_child_processes(name, tmp_path):
    from tests.fuzz import fuzzed

    counts = fuzzed(FORMATS[name], range(2000), seed=1, keep=tmp_path)
    assert not set(counts) & FAILURES, f"{table({name: counts})}; see {tmp_path}"
    assert sum(counts.values()) == 2000


def test_mutants_are_in_equal_parts_and_the_same_again():
    data = bytes(range(256)) * 20
    found = list(mutants(data, 300, seed=1))
    assert found == list(mutants(data, 300, seed=1)) != list(mutants(data, 300, seed=2))
    assert data not in found and len(set(found)) > 290
    assert all(len(one) == len(data) for one in found[::3])
    assert all(len(one) < len(data) for one in found[1::3])
