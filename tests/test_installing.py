"""Ways to install: make with and without uv, the image's steps."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import ROOT, blocks

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="no make here")

UV = """#!/bin/sh
# Stands in for uv: knows of no Python before it has brought one.
case "$1 $2" in
"python find") [ -e {folder}/brought ] && echo {python} || exit 2 ;;
"python install") echo "brings $3" >&2; touch {folder}/brought ;;
"--version ") echo "uv 0" ;;
*) exit 3 ;;
esac
"""


def made(folder, *arguments):
    """What make would do where no interpreter of its own list is there."""
    return subprocess.run(
        ["make", "-n", "PYTHON=python-of-nobody", f"VENV={folder / 'venv'}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"PATH": f"{folder}:/usr/bin:/bin"},
    )


@needs_make
@pytest.mark.parametrize("target", ["deploy", "test", "docs"])
def test_uv_brings_python_where_none_fits(tmp_path, target):
    (tmp_path / "uv").write_text(UV.format(folder=tmp_path, python=sys.executable))
    (tmp_path / "uv").chmod(0o755)
    found = made(tmp_path, target)
    assert found.returncode == 0, found.stderr
    assert "brings 3.12" in found.stderr
    assert f"{sys.executable} -m venv" in found.stdout
    # The second time it is there, and nothing is brought.
    found = made(tmp_path, target)
    assert found.returncode == 0 and found.stderr == ""


@needs_make
def test_without_uv_it_is_said_what_is_missing(tmp_path):
    found = made(tmp_path, "deploy")
    assert found.returncode == 2
    assert "needs Python 3.11 or 3.12" in found.stderr and "uv" in found.stderr


@needs_make
def test_an_interpreter_that_fits_is_taken(tmp_path):
    (tmp_path / "uv").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "uv").chmod(0o755)
    found = subprocess.run(
        ["make", "-n", f"PYTHON={sys.executable}", f"VENV={tmp_path / 'venv'}", "deploy"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    assert f"{sys.executable} -m venv" in found.stdout


def lines_of_pip(text):
    """What pip installs, line by line, without how it is called."""
    return [
        re.sub(r"\.?\[[^]]*\]|'|\.$", "", line.partition("install -c ")[2]).strip()
        for line in text.splitlines()
        if re.match(r"(@?\$\(?pip\)?|pip) install", line.strip().removeprefix("@"))
    ]


def test_all_ways_install_the_same():
    """The page's lines of pip, the image's, and make's."""
    page = "\n".join(blocks((ROOT / "docs/install.md").read_text(), ""))
    wanted = lines_of_pip(page)[:3]
    assert len(wanted) == 3 and wanted[1].endswith("--no-build-isolation nengo-dl")
    assert lines_of_pip((ROOT / "docker/install.sh").read_text()) == wanted


def steps():
    """Instructions of the Dockerfile, each with its words."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [line.split(maxsplit=1) for line in text.replace("\\\n", " ").splitlines() if line]


def test_the_image_is_slim_and_its_user_is_not_root():
    found = steps()
    assert {words.split()[0] for name, words in found if name == "FROM"} == {"python:3.12-slim"}
    last = max(n for n, (name, _) in enumerate(found) if name == "FROM")
    names = [name for name, _ in found[last:]]
    (user,) = (words for name, words in found[last:] if name == "USER")
    assert user not in ("root", "0") and names.index("USER") < names.index("ENTRYPOINT")
    assert names[-2:] == ["ENTRYPOINT", "CMD"]


def copied(folder):
    """The source as an image gets it: what git knows of."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def is_open(folder):
    """Whether others may go through a folder."""
    return bool(folder.stat().st_mode & 0o001)


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_the_steps_of_the_image_end_in_a_deployment(tmp_path):
    """Its RUN lines in an empty environment, and a command as a user who may write little."""
    source = copied(tmp_path / "source")
    home = tmp_path / "home"
    home.mkdir()
    (script,) = (words for name, words in steps() if name == "RUN" and "install.sh" in words)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "PYTHON": sys.executable}
    kept = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_", "REQUESTS_"))}
    subprocess.run(
        ["sh", "-c", script.replace("/source", str(source)).replace("/opt", str(tmp_path))],
        check=True,
        env={**environment, **kept},
    )
    program = tmp_path / "loihiseg" / "bin" / "loihiseg"
    user = {}
    if os.geteuid() == 0 and all(map(is_open, Path(sys.executable).resolve().parents)):
        # Nobody, who may write to nothing but that home, as in the image.
        for folder in (home, *list(home.parents)[:-1]):
            folder.chmod(folder.stat().st_mode | 0o011)
        os.chown(home, 65534, 65534)
        user = {"user": 65534, "group": 65534}
    for arguments in (["doctor", "--no-test"], ["deploy", "--tiles", "1", "--out", "one"]):
        found = subprocess.run(
            [program, *arguments],
            cwd=home,
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/bin", "HOME": str(home), "NUMBA_CACHE_DIR": f"{home}/numba"},
            **user,
        )
        assert found.returncode == 0, found.stderr
        assert "cannot be kept" not in found.stderr
    assert (home / "one" / "index.html").is_file()
