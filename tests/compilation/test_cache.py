"""The cache is its owner's: what others could have put there is not used; nothing ends a run."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from loihiseg.compilation import cache
from loihiseg.compilation.cache import Entry, cache_folder
from loihiseg.emulator.storage import save_program
from loihiseg.locks import acquire, release
from tests import deployed
from tests.deaths import Death, Died, changes_of, left_over, struck

SIGNATURE = "5" * 64
PEERS = {"2": {"Greedy": {"chips": [0], "cores": [0]}}}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LOIHISEG_CACHE", str(tmp_path / "a" / "cache"))
    return tmp_path / "a" / "cache"


@pytest.fixture(scope="module")
def deployable():
    network = deployed.lowered()
    shapes = {layer.name: layer.shape for layer in network.chip_layers}
    return deployed.presenter(network, shapes)[1].deployable


def store(deployable, said=None, signature=SIGNATURE):
    entry = Entry(signature, [].append if said is None else said.append)
    with entry.held():
        entry.store(deployable, PEERS)


def loaded(said):
    entry = Entry(SIGNATURE, said.append)
    with entry.held():
        return entry.load()


def test_made_for_the_owner_alone(deployable, folder):
    mask = os.umask(0)
    try:
        store(deployable)
    finally:
        os.umask(mask)
    (path,) = folder.iterdir()
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (folder.parent, folder, path)]
    assert modes == [0o700, 0o700, 0o600]
    said = []
    found, kept = loaded(said)
    assert kept.peers == PEERS and found.program.n_blocks == deployable.program.n_blocks
    assert said == []


def not_used(deployable, says):
    said = []
    assert loaded(said) is None
    (line,) = said
    assert says in line and "\n" not in line
    return line


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_program_that_others_may_write_is_built_again(deployable, folder, mode):
    store(deployable)
    (path,) = folder.iterdir()
    path.chmod(mode)
    not_used(deployable, "can be written by other users; the program is built again")
    store(deployable)
    assert loaded([]) is not None and stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("what", ["program", "folder"])
def test_what_belongs_to_another_is_not_used(deployable, folder, what):
    store(deployable)
    (path,) = folder.iterdir()
    os.chown(path if what == "program" else folder, 12345, -1)
    line = not_used(deployable, "belongs to another user (number 12345)")
    said = []
    store(deployable, said)
    if what == "program":
        assert loaded([]) is not None and path.stat().st_uid == 0
    else:
        assert said == [line] and "LOIHISEG_CACHE may name another folder" in line


def test_a_folder_that_others_may_write_is_not_used(deployable, folder):
    store(deployable)
    folder.chmod(0o770)
    not_used(deployable, f"cache {folder}: can be written by other users; programs are built and")


def test_a_link_is_not_followed(deployable, folder, tmp_path):
    store(deployable)
    (path,) = folder.iterdir()
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    not_used(deployable, "is not a file; the program is built again")
    store(deployable)
    assert not path.is_symlink() and loaded([]) is not None


@pytest.mark.parametrize("kind", ["fifo", "folder", "other", "about", "damaged"])
def test_what_is_no_such_program_is_built_again(deployable, folder, kind):
    store(deployable)
    (path,) = folder.iterdir()
    data = path.read_bytes()
    path.unlink()
    says = "is not a file"
    if kind == "fifo":
        os.mkfifo(path, 0o600)
    elif kind == "folder":
        path.mkdir(0o700)
    elif kind == "other":
        store(deployable, signature="6" * 64)
        path.with_stem("6" * 64).rename(path)
        says = "is another program"
    elif kind == "about":
        save_program(path, deployable, {"signature": SIGNATURE, "peers": [1]})
        says = "is damaged"
    else:
        path.write_bytes(data[:-1])
        path.chmod(0o600)
        says = "damaged"
    not_used(deployable, says)


@pytest.mark.parametrize("place", ["file", "read only", "nowhere"])
def test_an_unwritable_cache_is_said_once(deployable, folder, monkeypatch, tmp_path, place):
    says = "cannot be written (Not a directory)"
    if place == "file":
        (tmp_path / "file").write_text("x")
        monkeypatch.setenv("LOIHISEG_CACHE", str(tmp_path / "file" / "below"))
    elif place == "read only":
        store(deployable)
        bound = ["mount", "--bind", "-o", "ro", str(folder), str(folder)]
        if subprocess.run(bound, capture_output=True).returncode:
            pytest.skip("needs the right to mount")
        says = "cannot be written (Read-only file system); the program is not kept"
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
            entry.store(deployable, PEERS)
    finally:
        if place == "read only":
            subprocess.run(["umount", str(folder)], check=True)
    # What is there can be used all the same.
    assert (found is not None) == (place == "read only")
    (line,) = said
    assert line.startswith("cache") and says in line


def test_a_second_that_needs_the_same_waits_with_a_word(deployable, folder):
    store(deployable)
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


def test_one_who_waits_too_long_builds_and_keeps_nothing(deployable, folder, monkeypatch):
    monkeypatch.setattr(cache, "LONGEST_WAIT_S", 0.1)
    Entry(SIGNATURE, [].append)
    first = acquire(folder / f".{SIGNATURE}.lock", 0, [].append)
    said = []
    store(deployable, said)
    release(first)
    assert len(said) == 2 and "holds the program for long; the program is not kept" in said[1]
    assert not list(folder.iterdir())


def test_a_death_at_each_change_leaves_none_or_a_whole_one(deployable, folder, monkeypatch):
    done = changes_of(monkeypatch, lambda: store(deployable))
    for at in range(1, len(done) + 1):
        for path in folder.iterdir():
            path.unlink()
        struck(monkeypatch, Death(at), lambda: store(deployable), Died)
        said = []
        assert (loaded(said) is not None) == any(folder.glob("*.program"))
        # Not yet the owner's alone, where the mask leaves others a right.
        assert said == []


BUILD = """
import sys
from loihiseg.compilation.cache import Entry
from tests import deployed
network = deployed.lowered()
shapes = {layer.name: layer.shape for layer in network.chip_layers}
made = deployed.presenter(network, shapes)[1].deployable
for turn in range(40):
    entry = Entry(sys.argv[1], print)
    with entry.held():
        if turn:
            assert entry.load() is not None
        entry.store(made, {})
"""


@pytest.mark.slow
def test_two_that_build_the_same_never_damage_it(folder):
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", BUILD, SIGNATURE]
    both = [subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) for _ in range(2)]
    for process in both:
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0 and b"built again" not in out
    assert cache_folder() == folder and [p.suffix for p in folder.iterdir()] == [".program"]
    assert not left_over(folder)
