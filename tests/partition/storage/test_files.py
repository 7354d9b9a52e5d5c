"""One regular file is read once, and no more memory taken than it has bytes."""

import os
import tracemalloc

import pytest

from partition.storage.files import read_bytes


def test_reads_what_is_there(tmp_path):
    for data in (b"", b"x", bytes(3 * 2**20)):
        (tmp_path / "file").write_bytes(data)
        assert read_bytes(tmp_path / "file", 3 * 2**20) == data


def test_files_without_a_size():
    assert read_bytes("/proc/self/status", 2**20).startswith(b"Name:")
    with pytest.raises(OSError) as error:
        read_bytes("/proc/self/status", 10)
    assert error.value.strerror == "has 11 bytes, at most 10 are read"


@pytest.mark.parametrize("size, says", [(11, "has 11 bytes"), (5000, "has 5,000 bytes")])
def test_too_large(tmp_path, size, says):
    (tmp_path / "file").write_bytes(bytes(size))
    with pytest.raises(OSError) as error:
        read_bytes(tmp_path / "file", 10)
    assert error.value.strerror == f"{says}, at most 10 are read"


def test_a_high_limit_takes_no_memory(tmp_path):
    (tmp_path / "file").write_bytes(bytes(1000))
    tracemalloc.start()
    try:
        read_bytes(tmp_path / "file", 2**30)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path, says in [("fifo", "FIFO"), (".", "directory"), ("none", "No such file")]:
        with pytest.raises(OSError) as error:
            read_bytes(tmp_path / path, 10)
        assert says in error.value.strerror
