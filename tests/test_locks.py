"""One writer per folder: the second is told who holds it, and a kill lets go."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from loihiseg import locks
from loihiseg.commands.common import run
from loihiseg.errors import InputError
from loihiseg.locks import LOCK_NAME, locked_folder, run_folder

ROOT = Path(__file__).parents[1]
HOLD = """
import sys
from loihiseg.locks import locked_folder
with locked_folder(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds tmp_path."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], cwd=ROOT, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_held_folder_is_refused_by_name(tmp_path, holder):
    with pytest.raises(InputError) as error, locked_folder(tmp_path):
        pass
    assert re.fullmatch(
        rf"{re.escape(str(tmp_path))}: process {holder.pid} on [\w.-]+ is at work in this folder; "
        "wait for it, end it, or choose another output folder",
        str(error.value),
    )
    # Nor does asking take the name away.
    with pytest.raises(InputError, match=f"process {holder.pid} on"), locked_folder(tmp_path):
        pass


@pytest.mark.parametrize("name", ["train", "deploy"])
def test_a_second_command_is_refused_in_one_line(tmp_path, holder, name, capfd):
    from importlib import import_module

    before = set(tmp_path.iterdir())
    command = import_module(f"loihiseg.{name}").main
    assert run(command, ["--out", str(tmp_path)]) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1
    assert err.startswith(f"error: {tmp_path}: process {holder.pid} on ")
    assert set(tmp_path.iterdir()) == before


def test_a_kill_lets_go_and_nothing_is_left(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / LOCK_NAME).exists()
    with locked_folder(tmp_path):
        assert f"process {os.getpid()} on" in (tmp_path / LOCK_NAME).read_text()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_any_exit_lets_go(tmp_path, error):
    with pytest.raises(error), locked_folder(tmp_path):
        raise error
    with locked_folder(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_the_same_process_is_another_writer_too(tmp_path):
    with locked_folder(tmp_path):
        with pytest.raises(InputError, match=f"process {os.getpid()} on"), locked_folder(tmp_path):
            pass
        assert (tmp_path / LOCK_NAME).exists()


def test_training_holds_its_folder(tmp_path, holder):
    from tests import training_runs

    with pytest.raises(InputError, match=f"process {holder.pid} on"):
        training_runs.run(tmp_path)


@pytest.mark.parametrize(
    "text", [b"", b"process 1 on \x1b[2J\n", b"process x on y\n", b"z" * 2000, b"\xff"]
)
def test_what_a_lock_says_is_not_trusted(tmp_path, text):
    path = tmp_path / LOCK_NAME
    path.write_bytes(text)
    assert locks.holder(path) == "another process"
    assert locks.holder(tmp_path / "nowhere") == "another process"


def test_a_new_folder_is_made_when_there_is_a_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with run_folder(None, "deploy") as folder:
        assert not list((tmp_path / "runs").iterdir())
        made = folder()
        assert made == Path("runs/deploy-1") and (made / LOCK_NAME).exists()
    assert not list(made.iterdir())


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP])
def test_a_file_system_without_locks_is_said_and_gone_on_with(tmp_path, monkeypatch, code):
    import fcntl

    def none(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", none)
    said = []
    with locked_folder(tmp_path, said.append):
        assert not list(tmp_path.iterdir())
    (line,) = said
    assert line.startswith(f"{tmp_path}: this file system has no locks") and "\n" not in line


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    target = tmp_path / "precious"
    target.write_text("x")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / LOCK_NAME).symlink_to(target)
    with pytest.raises(InputError, match="cannot be locked"), locked_folder(folder):
        pass
    assert target.read_text() == "x"


@pytest.fixture
def mounted(tmp_path):
    """Mounts a small file system of its own."""
    folder = tmp_path / "mounted"
    folder.mkdir()

    def mount(*options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("needs the right to mount")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], capture_output=True)


def test_read_only_folders_are_refused_in_one_line(mounted, capfd):
    from loihiseg.commands.deploy import command as deploy
    from loihiseg.commands.train import command as train

    folder = mounted("ro")
    for command in (train.main, deploy.main):
        for out in (folder, folder / "below"):
            assert run(command, ["--out", str(out)]) == 2
            err = capfd.readouterr().err
            assert err.count("\n") == 1 and "Read-only file system" in err and str(out) in err


def test_a_report_on_a_full_disk_leaves_the_older_one(mounted, monkeypatch):
    from loihiseg.commands.deploy import report as deploy
    from loihiseg.files import write_bytes

    folder = mounted("size=256k")

    def write(size):
        def files(staging, config, result):
            for name in ("metrics.json", "index.html"):
                write_bytes(staging / name, bytes(size))

        return files

    monkeypatch.setattr(deploy, "_write_files", write(30_000))
    deploy.write_report(folder, None, None)
    monkeypatch.setattr(deploy, "_write_files", write(120_000))
    with pytest.raises(InputError, match=r"cannot be written .No space left on device"):
        deploy.write_report(folder, None, None)
    assert {p.name: p.stat().st_size for p in folder.iterdir()} == {
        "metrics.json": 30_000,
        "index.html": 30_000,
    }
