"""A file is the old or the new one after any kill, power cut or error, and leftovers go."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from partition.storage.files import (
    OLDEST_S,
    make_folder,
    move_files,
    remove_file,
    replace_bytes,
    sweep,
    temporary_path,
)
from tests.deaths import Death, Died, FullDisk, changes_of, left_over, struck

OLD, NEW = b"old" * 1000, b"new" * 5000


def test_bytes_are_on_the_disk_before_the_name_and_the_name_before_it_returns(
    tmp_path, monkeypatch
):
    path = tmp_path / "file"
    done = changes_of(monkeypatch, lambda: replace_bytes(path, NEW))
    assert done == ["open", "write", "fsync", "replace", "open", "fsync"]
    assert path.read_bytes() == NEW
    done = changes_of(monkeypatch, lambda: remove_file(path))
    assert done == ["unlink", "open", "fsync"]
    done = changes_of(monkeypatch, lambda: make_folder(tmp_path / "a" / "b"))
    assert done == ["mkdir", "open", "fsync"] * 2


@pytest.mark.parametrize("at", range(1, 7))
@pytest.mark.parametrize("before", [None, OLD])
@pytest.mark.parametrize("fate", [Death, FullDisk])
def test_any_end_leaves_the_old_or_the_new(tmp_path, monkeypatch, at, before, fate):
    path = tmp_path / "file"
    if before is not None:
        path.write_bytes(before)
    struck(monkeypatch, fate(at), lambda: replace_bytes(path, NEW), (Died, OSError))
    found = path.read_bytes() if path.exists() else None
    assert found in (before, NEW)
    if fate is FullDisk:
        assert not left_over(tmp_path)
    replace_bytes(path, NEW)
    assert path.read_bytes() == NEW


def test_what_dies_between_leaves_names_that_are_known(tmp_path, monkeypatch):
    struck(monkeypatch, Death(3), lambda: replace_bytes(tmp_path / "file", NEW), Died)
    (left,) = left_over(tmp_path)
    assert left.name.startswith(".")
    # Its process, this one, lives.
    sweep(tmp_path)
    assert left.exists()


CHILD = """
import os, sys
from pathlib import Path
from partition.storage import files
path = files.temporary_path(Path(sys.argv[1]) / "file")
path.write_bytes(b"half")
folder = files.temporary_path(Path(sys.argv[1]) / "all")
folder.mkdir()
(folder / "file").write_bytes(b"half")
os._exit(0)
"""


def test_what_a_process_that_is_no_more_left_is_swept(tmp_path):
    subprocess.run(
        [sys.executable, "-c", CHILD, tmp_path], check=True, cwd=Path(__file__).parents[3]
    )
    assert len(left_over(tmp_path)) == 2
    sweep(tmp_path)
    assert not list(tmp_path.iterdir())


def test_only_own_temporaries_are_swept(tmp_path):
    ours = temporary_path(tmp_path / "file")
    dead = str(2**31 - 1)
    gone = ours.name.replace(f".{os.getpid()}.", f".{dead}.")
    host = ours.name.split(".")[2]
    kept = [
        "file", "x.part", f".x.{dead}.part", f"x.{host}.{dead}.0123abcd.part",
        ours.name, gone.replace(f".{host}.", ".elsewhere."), gone + "x",
    ]  # fmt: skip
    for name in (*kept, gone):
        (tmp_path / name).write_bytes(b"x")
    sweep(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == set(kept)


def test_old_temporaries_are_swept_whoever_made_them(tmp_path):
    path = tmp_path / temporary_path(tmp_path / "file").name.replace(".file.", ".other.")
    path.write_bytes(b"x")
    long_ago = path.stat().st_mtime - 2 * OLDEST_S
    os.utime(path, (long_ago, long_ago))
    sweep(tmp_path)
    assert not path.exists()


def test_nothing_to_sweep(tmp_path):
    sweep(tmp_path / "nowhere")


def test_a_link_among_them_is_removed_and_not_what_it_leads_to(tmp_path):
    target = tmp_path / "precious"
    target.mkdir()
    (target / "file").write_bytes(OLD)
    name = temporary_path(tmp_path / "x").name.replace(f".{os.getpid()}.", f".{2**31 - 1}.")
    (tmp_path / name).symlink_to(target)
    sweep(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"precious"}
    assert (target / "file").read_bytes() == OLD


@pytest.mark.parametrize("name", ["x" * 255, "ä" * 127, ".x"])
def test_any_name_that_the_file_system_takes(tmp_path, name):
    replace_bytes(tmp_path / name, NEW)
    assert (tmp_path / name).read_bytes() == NEW


def test_devices_fifos_and_folders_are_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "null").symlink_to("/dev/null")
    (tmp_path / "folder").mkdir()
    for name, says in (("fifo", "FIFO"), ("null", "FIFO"), ("folder", "directory")):
        with pytest.raises(OSError) as error:
            replace_bytes(tmp_path / name, NEW)
        assert says in error.value.strerror
    assert not left_over(tmp_path)


def test_files_move_together_and_the_last_one_last(tmp_path, monkeypatch):
    def prepare():
        for folder, text in ((tmp_path / "from", b"new"), (tmp_path / "to", b"old")):
            folder.mkdir(exist_ok=True)
            for name in ("a", "page", "z"):
                (folder / name).write_bytes(text)

    def move():
        move_files(tmp_path / "from", tmp_path / "to", "page")

    prepare()
    n_changes = len(changes_of(monkeypatch, move))
    assert not (tmp_path / "from").exists()
    pages = set()
    for at in range(1, n_changes + 1):
        prepare()
        struck(monkeypatch, Death(at), move, Died)
        page = tmp_path / "to" / "page"
        if page.exists():
            pages.add(page.read_bytes())
            assert {(tmp_path / "to" / name).read_bytes() for name in "az"} == {page.read_bytes()}
    assert pages == {b"old", b"new"}
