"""Death or a full disk at every change on disk of a training and of a report: nothing is lost."""

import os
import random
import time
from functools import partial

import pytest

from loihiseg.commands.deploy import report as deploy
from loihiseg.errors import InputError
from loihiseg.files import write_bytes
from loihiseg.training.checkpoint import load_checkpoint
from partition.storage import files
from tests import stub_training
from tests.deaths import Death, Died, FullDisk, changes_of, left_over, struck

content = stub_training.content


@pytest.fixture
def stubbed(monkeypatch):
    stub_training.install(monkeypatch)
    # What died was this process, which lives on.
    monkeypatch.setattr(files, "is_running", lambda process: False)


@pytest.fixture
def whole(stubbed, tmp_path):
    folder = tmp_path / "whole"
    stub_training.command(folder)
    found = content(folder)
    assert len(found) == 6 and load_checkpoint(folder).info.epoch == 3
    return found


def usable(folder):
    """If there is a checkpoint it is whole, and what trained it can be gone on with."""
    if (folder / "checkpoint.json").exists():
        load_checkpoint(folder)
        assert (folder / "training_state.npz").exists()


def test_a_training_dies_at_each_change_on_disk(whole, tmp_path, monkeypatch):
    done = changes_of(monkeypatch, lambda: stub_training.command(tmp_path / "counted"))
    assert len(done) > 90 and {"open", "write", "fsync", "replace", "unlink"} <= set(done)
    for at in range(1, len(done) + 1):
        folder = tmp_path / f"at-{at}"
        fate = struck(monkeypatch, Death(at), partial(stub_training.command, folder), Died)
        assert len(fate.done) >= at
        usable(folder)
        stub_training.command(folder)
        assert content(folder) == whole, f"died before change {at}, {done[at - 1]}"


def test_a_training_that_goes_on_dies_at_each_change_on_disk(whole, tmp_path, monkeypatch):
    """What is made up for is made up for again."""
    start = tmp_path / "start"
    # Right after the last state, before history and checkpoint follow.
    at = states(monkeypatch, tmp_path)[-1] + 2
    struck(monkeypatch, Death(at), lambda: stub_training.command(start), Died)
    before = content(start)
    assert load_checkpoint(start).info.epoch == 1
    done = changes_of(monkeypatch, lambda: stub_training.command(copy(before, tmp_path / "c")))
    for again in range(1, len(done) + 1):
        folder = copy(before, tmp_path / f"again-{again}")
        struck(monkeypatch, Death(again), partial(stub_training.command, folder), Died)
        usable(folder)
        stub_training.command(folder)
        assert content(folder) == whole


def copy(files_by_name, folder):
    folder.mkdir()
    for name, data in files_by_name.items():
        (folder / name).write_bytes(data)
    return folder


def changes(monkeypatch, tmp_path):
    return changes_of(monkeypatch, lambda: stub_training.command(tmp_path / "changes"))


def states(monkeypatch, tmp_path):
    """Numbers, from 0, of the renames that put a state in place."""

    class Watched(Death):
        found = ()

        def __getattr__(self, name):
            call = super().__getattr__(name)
            if name == "replace":

                def replace(source, target):
                    call(source, target)
                    if target.name == "training_state.npz":
                        self.found += (len(self.done) - 1,)

                return replace
            return call

    folder = tmp_path / "states"
    return struck(monkeypatch, Watched(None), partial(stub_training.command, folder)).found


def test_a_training_dies_again_and_again(whole, tmp_path, monkeypatch):
    rng = random.Random(12)
    for trial in range(8):
        folder = tmp_path / f"trial-{trial}"
        for _ in range(6):
            fate = Death(rng.randint(1, 70))
            struck(monkeypatch, fate, partial(stub_training.command, folder), Died)
            usable(folder)
        stub_training.command(folder)
        assert content(folder) == whole


def test_the_disk_is_full_from_each_write_on(whole, tmp_path, monkeypatch):
    done = changes(monkeypatch, tmp_path)
    for at in [i + 1 for i, name in enumerate(done) if name in ("write", "mkdir")]:
        folder = tmp_path / f"at-{at}"
        with pytest.raises(InputError, match=r"cannot be written .No space left on device"):
            struck(monkeypatch, FullDisk(at), partial(stub_training.command, folder))
        usable(folder)
        if folder.exists():
            assert not left_over(folder)
        stub_training.command(folder)
        assert content(folder) == whole


def test_a_finished_training_is_not_trained_over_nor_one_begun(whole, tmp_path, monkeypatch):
    at = states(monkeypatch, tmp_path)[0] + 2
    begun = tmp_path / "begun"
    struck(monkeypatch, Death(at), lambda: stub_training.command(begun), Died)
    assert not (begun / "checkpoint.json").exists()
    for folder, says in ((begun, "holds a training already"), (tmp_path / "whole", "network")):
        before = content(folder)
        with pytest.raises(InputError, match=f"{says}.*; go on with --resume"):
            stub_training.command(folder, resume=False)
        after = content(folder)
        assert {k: v for k, v in before.items() if not k.startswith(".")} == after


# A report: six files and the page.
NAMES = ("sections.png", "rates.png", "floor_plan.png", "config.json", "metrics.json")


def write_version(version):
    def write(folder, config, result):
        for name in (*NAMES, "index.html"):
            write_bytes(folder / name, f"{name} of {version}".encode() * 100)

    return write


def report(monkeypatch, folder, version):
    monkeypatch.setattr(deploy, "_write_files", write_version(version))
    return deploy.write_report(folder, None, None)


def versions(folder):
    """Of the files that are there, by their name."""
    return {
        name: path.read_text()[: len(f"{name} of x")].rpartition(" ")[2]
        for name in (*NAMES, "index.html")
        if (path := folder / name).exists()
    }


@pytest.mark.parametrize("fate", [Death, FullDisk])
@pytest.mark.parametrize("older", [False, True])
def test_a_report_ends_at_each_change_on_disk(stubbed, tmp_path, monkeypatch, fate, older):
    done = changes_of(monkeypatch, lambda: report(monkeypatch, tmp_path / "counted", "b"))
    assert done.count("write") == len(NAMES) + 1
    seen = set()
    for at in range(1, len(done) + 3):
        folder = tmp_path / f"at-{at}"
        if older:
            report(monkeypatch, folder, "a")
        ended = (Died, InputError)
        struck(monkeypatch, fate(at), partial(report, monkeypatch, folder, "b"), ended)
        found = versions(folder)
        if "index.html" in found:
            assert len(set(found.values())) == 1 and len(found) == len(NAMES) + 1
        elif fate is FullDisk:
            assert not older and not found
        seen.add(found.get("index.html"))
        files.sweep(folder)
        assert not folder.exists() or not left_over(folder)
        report(monkeypatch, folder, "b")
        assert set(versions(folder).values()) == {"b"} and len(list(folder.iterdir())) == 6
    assert seen >= ({"a", "b"} if older else {None, "b"})


def test_an_error_while_a_report_is_drawn_leaves_the_older_one(tmp_path, monkeypatch):
    report(monkeypatch, tmp_path, "a")
    before = content(tmp_path)

    def broken(folder, config, result):
        write_version("b")(folder, config, result)
        raise ValueError("a picture that cannot be drawn")

    monkeypatch.setattr(deploy, "_write_files", broken)
    with pytest.raises(ValueError):
        deploy.write_report(tmp_path, None, None)
    assert content(tmp_path) == before


def test_errors_name_the_folder_and_not_where_its_files_are_prepared(tmp_path, monkeypatch):
    def full(folder, config, result):
        raise InputError(f"{folder}/rates.png: cannot be written (No space left on device)")

    monkeypatch.setattr(deploy, "_write_files", full)
    with pytest.raises(InputError) as error:
        deploy.write_report(tmp_path, None, None)
    assert str(error.value).startswith(f"{tmp_path}/rates.png: cannot be written")


# Real deaths: a fork that is killed leaves no chance to anything of Python's.
def forked(work):
    process = os.fork()
    if not process:
        try:
            work()
        finally:
            os._exit(0)
    return process


@pytest.mark.parametrize("n_kills", [15, pytest.param(150, marks=pytest.mark.slow)])
def test_kills_at_random_moments(whole, tmp_path, n_kills):
    begin = time.perf_counter()
    os.waitpid(forked(lambda: stub_training.command(tmp_path / "timed")), 0)
    seconds = time.perf_counter() - begin
    rng, trial, killed = random.Random(3), 0, 0
    while killed < n_kills:
        folder = tmp_path / f"trial-{trial}"
        for _ in range(5):
            process = forked(partial(stub_training.command, folder))
            time.sleep(rng.uniform(0.1, 0.9) * seconds)
            os.kill(process, 9)
            killed += os.waitpid(process, 0)[1] == 9
            usable(folder)
            if content(folder) == whole:
                break
        stub_training.command(folder)
        assert content(folder) == whole
        trial += 1
        assert trial < 20 * n_kills


def test_two_trainings_in_one_folder_and_one_who_reads(whole, tmp_path):
    """The second is refused, and whoever reads meanwhile finds a whole checkpoint each time."""
    folder = tmp_path / "shared"
    folder.mkdir()
    refused = tmp_path / "refused"

    def train():
        try:
            stub_training.command(folder)
        except InputError as error:
            with refused.open("a") as file:
                file.write(f"{error}\n")

    n_reads = 0
    for _ in range(3):
        for path in folder.iterdir():
            path.unlink()
        stub_training.command(folder, n_epochs=1)
        both = {forked(train), forked(train)}
        while both:
            load_checkpoint(folder)
            n_reads += 1
            both -= {p for p in both if os.waitpid(p, os.WNOHANG)[0]}
        assert content(folder) == whole
    assert n_reads > 10
    if refused.exists():
        for line in refused.read_text().splitlines():
            assert "is at work in this folder" in line
