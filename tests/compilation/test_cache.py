"""The cache is its owner's: what others could have put there is not used; nothing ends a run."""

import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from loihiseg.compilation import cache
from loihiseg.compilation.cache import Entry, cache_folder
from loihiseg.locks import acquire, release
from tests.deaths import Death, Died, changes_of, left_over, struck
from tests.small_deployed import small_deployed

SIGNATURE = "5" * 64


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LOIHISEG_CACHE", str(tmp_path / "a" / "cache"))
    return tmp_path / "a" / "cache"


@pytest.fixture(scope="module")
def network():
    return small_deployed()


def store(network, said=None, signature=SIGNATURE):
    entry = Entry(signature, [].append if said is None else said.append)
    with entry.held():
        entry.store(network)


def loaded(said):
    entry = Entry(SIGNATURE, said.append)
    with entry.held():
        return entry.load()


def test_made_for_the_owner_alone(network, folder):
    mask = os.umask(0)
    try:
        store(network)
    finally:
        os.umask(mask)
    (path,) = folder.iterdir()
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (folder.parent, folder, path)]
    assert modes == [0o700, 0o700, 0o700] and path.name == SIGNATURE
    said = []
    found = loaded(said)
    assert found.deployable.program.n_blocks == network.deployable.program.n_blocks
    assert found.places == network.places and found.provenance.recipe == SIGNATURE
    assert said == []


def not_used(network, says):
    said = []
    assert loaded(said) is None
    (line,) = said
    assert says in line and "\n" not in line
    return line


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
@pytest.mark.parametrize("name", ["", "arrays.npz"])
def test_a_network_that_others_may_write_is_made_again(network, folder, mode, name):
    store(network)
    (path,) = folder.iterdir()
    (path / name).chmod(mode)
    not_used(network, "can be written by other users; the network is made again")
    store(network)
    assert loaded([]) is not None
    assert not stat.S_IMODE((path / name).stat().st_mode) & 0o022


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("what", ["network", "folder"])
def test_what_belongs_to_another_is_not_used(network, folder, what):
    store(network)
    (path,) = folder.iterdir()
    os.chown(path if what == "network" else folder, 12345, -1)
    line = not_used(network, "belongs to another user (number 12345)")
    said = []
    store(network, said)
    if what == "network":
        assert loaded([]) is not None and path.stat().st_uid == 0
    else:
        assert said == [line] and "LOIHISEG_CACHE may name another folder" in line


def test_a_folder_that_others_may_write_is_not_used(network, folder):
    store(network)
    folder.chmod(0o770)
    not_used(network, f"cache {folder}: can be written by other users; networks are made and")


def test_a_link_is_not_followed(network, folder, tmp_path):
    store(network)
    (path,) = folder.iterdir()
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    not_used(network, "is not a folder; the network is made again")
    store(network)
    assert not path.is_symlink() and loaded([]) is not None


@pytest.mark.parametrize("kind", ["fifo", "file", "other", "part", "damaged"])
def test_what_is_no_such_network_is_made_again(network, folder, kind):
    store(network)
    (path,) = folder.iterdir()
    says = "is not a folder"
    if kind in ("fifo", "file"):
        shutil.rmtree(path)
        os.mkfifo(path, 0o600) if kind == "fifo" else path.touch(0o600)
    elif kind == "other":
        shutil.rmtree(path)
        store(network, signature="6" * 64)
        (folder / ("6" * 64)).rename(path)
        says = "is another network"
    elif kind == "part":
        (path / "arrays.npz").unlink()
        os.mkfifo(path / "arrays.npz", 0o600)
        says = "is not a file"
    else:
        (path / "arrays.npz").write_bytes(b"nothing")
        says = "damaged"
    not_used(network, says)
    store(network)
    assert loaded([]) is not None


@pytest.mark.parametrize("place", ["file", "read only", "nowhere"])
def test_an_unwritable_cache_is_said_once(network, folder, monkeypatch, tmp_path, place):
    says = "cannot be written (Not a directory)"
    if place == "file":
        (tmp_path / "file").write_text("x")
        monkeypatch.setenv("LOIHISEG_CACHE", str(tmp_path / "file" / "below"))
    elif place == "read only":
        store(network)
        bound = ["mount", "--bind", "-o", "ro", str(folder), str(folder)]
        if subprocess.run(bound, capture_output=True).returncode:
            pytest.skip("needs the right to mount")
        says = "cannot be written (Read-only file system); the network is not kept"
    else:
        monkeypatch.delenv("LOIHISEG_CACHE")
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

        def none(*_):
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(Path, "home", none)
        says = "there is no home folder for it"
    said = []
    entry = Entry(SIGNATURE, said.append)
    try:
        with entry.held():
            found = entry.load()
            entry.store(network)
    finally:
        if place == "read only":
            subprocess.run(["umount", str(folder)], check=True)
    # What is there can be used all the same.
    assert (found is not None) == (place == "read only")
    (line,) = said
    assert line.startswith("cache") and says in line


def test_a_second_that_needs_the_same_waits_with_a_word(network, folder):
    store(network)
    path = folder / f".{SIGNATURE}.lock"
    first = acquire(path, 0, [].append)
    said, found, waiting = [], [], threading.Event()

    def say(text):
        said.append(text)
        waiting.set()

    def second():
        entry = Entry(SIGNATURE, say)
        with entry.held():
            found.append(entry.load())

    thread = threading.Thread(target=second)
    thread.start()
    assert waiting.wait(60) and not found
    release(first)
    thread.join(60)
    assert found[0] is not None
    assert said == [said[0]] and f"waiting for process {os.getpid()} on" in said[0]
    assert not path.exists()


def test_one_who_waits_too_long_builds_and_keeps_nothing(network, folder, monkeypatch):
    monkeypatch.setattr(cache, "LONGEST_WAIT_S", 0.1)
    Entry(SIGNATURE, [].append)
    first = acquire(folder / f".{SIGNATURE}.lock", 0, [].append)
    said = []
    store(network, said)
    release(first)
    assert len(said) == 2 and "holds the network for long; the network is not kept" in said[1]
    assert not list(folder.iterdir())


def test_a_death_at_each_change_leaves_none_or_a_whole_one(network, folder, monkeypatch):
    done = changes_of(monkeypatch, lambda: store(network))
    for at in range(1, len(done) + 1):
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        struck(monkeypatch, Death(at), lambda: store(network), Died)
        said = []
        assert (loaded(said) is not None) == any(folder.glob("*/SHA256SUMS"))
        # Not yet the owner's alone, where the mask leaves others a right.
        assert said == []


def kept(folder):
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def test_what_was_not_used_for_longest_goes_when_all_is_too_large(network, folder, monkeypatch):
    names = [letter * 64 for letter in "abcd"]
    for number, name in enumerate(names[:3]):
        store(network, signature=name)
        os.utime(folder / name / "SHA256SUMS", (number, number))
    size = sum(file.stat().st_size for file in (folder / names[0]).iterdir())
    assert Entry(names[0], [].append).load() is not None  # Used now: no more the oldest.
    monkeypatch.setenv("LOIHISEG_CACHE_GIB", str(3.5 * size / 2**30))
    store(network, signature=names[3])
    assert kept(folder) == {names[0], names[2], names[3]}
    (folder / "of-an-earlier-version.program").write_bytes(b"x" * size)
    os.utime(folder / names[2] / "SHA256SUMS", (0, 0))
    store(network, signature=names[1])
    assert kept(folder) == {names[0], names[1], names[3]}
    # What was just made stays, however small the room.
    monkeypatch.setenv("LOIHISEG_CACHE_GIB", "0")
    store(network, signature=names[2])
    assert kept(folder) == {names[2]}


def test_what_another_holds_is_not_removed(network, folder, monkeypatch):
    held, own = "a" * 64, "b" * 64
    store(network, signature=held)
    lock = acquire(folder / f".{held}.lock", 0, [].append)
    monkeypatch.setenv("LOIHISEG_CACHE_GIB", "0")
    store(network, signature=own)
    release(lock)
    assert kept(folder) == {held, own}


@pytest.mark.parametrize("value", ["much", "-1", "nan"])
def test_a_size_that_is_none_is_said(network, folder, monkeypatch, value):
    monkeypatch.setenv("LOIHISEG_CACHE_GIB", value)
    said = []
    store(network, said)
    assert f"LOIHISEG_CACHE_GIB={value}: expected a number of GiB" in said[0]


BUILD = """
import sys
from loihiseg.compilation.cache import Entry
from tests.small_deployed import small_deployed
made = small_deployed()
for turn in range(40):
    entry = Entry(sys.argv[1], print)
    with entry.held():
        if turn:
            assert entry.load() is not None
        entry.store(made)
"""


@pytest.mark.slow
def test_two_that_make_the_same_never_damage_it(folder):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", BUILD, SIGNATURE]
    both = [subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) for _ in range(2)]
    for process in both:
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0 and b"made again" not in out
    assert cache_folder() == folder and [p.name for p in folder.iterdir()] == [SIGNATURE]
    assert not left_over(folder)
