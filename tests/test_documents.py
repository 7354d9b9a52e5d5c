"""What the documentation shows is there and does what it says."""

import ast
import contextlib
import doctest
import functools
import io
import os
import re
from importlib import import_module

import numpy as np
import pytest

import loihiseg
import partition
from loihiseg.commands.program import VERBS
from loihiseg.data.synthetic import synthetic_stack
from partition.cli import parse as parse_partition
from partition.cli import run as run_partition
from tests.documents import LINK, PICTURE, ROOT, blocks, commands, named, pages

DOCS = ROOT / "docs"
by_page = pytest.mark.parametrize("path", pages(), ids=named)

IN_PYTHON = ("howto/python", "howto/keep", "howto/emulator", "start/nengo", "start/keras")
"""Pages whose blocks of Python run, one after the other."""

OF_OTHERS = ("golden",)
"""Pages whose blocks of Python are of files that a reader has."""

OF_A_METHOD = ("--search", "--as-published")
"""Options that `simulate` takes with some of its methods alone."""


def options_of(command):
    """The options that a command has, and those that are typed; None of no command."""
    words = command.split()
    if words[0] == "partition":
        known = of_partition()
    else:
        module = {verb.name: verb.module for verb in VERBS}.get(words[1])
        if module is None:
            return None
        known = set(import_module(module).parser()._option_string_actions)
        known |= set(OF_A_METHOD) if words[1] == "simulate" else set()
    return known, [word.partition("=")[0] for word in words if word.startswith("--")]


@functools.cache
def of_partition():
    said = io.StringIO()
    with contextlib.redirect_stdout(said), pytest.raises(SystemExit):
        parse_partition(["--help"])
    return set(re.findall(r"--[\w-]+", said.getvalue()))


def wrong_commands(text):
    wrong = []
    for command in commands(text):
        if command.split()[0] == "loihiseg" and not re.match(r"loihiseg [a-z]+\b", command):
            continue  # loihiseg --help, loihiseg VERB
        found = options_of(command)
        if found is None or set(found[1]) - found[0]:
            wrong.append(command)
    return wrong


@by_page
def test_commands_have_the_options_that_are_shown(path):
    assert wrong_commands(path.read_text()) == []


def test_wrong_commands_are_found():
    text = """
`loihiseg deploy --chips 2` and `loihiseg deploy --chip 2`, `loihiseg gone`
```
$ loihiseg train --data X \\
    --nothing 3     # says
. .venv/bin/activate && loihiseg doctor --no-test
partition net.json --chips 2 --pictures plan.png
```
"""
    assert wrong_commands(text) == [
        "loihiseg train --data X --nothing 3",
        "partition net.json --chips 2 --pictures plan.png",
        "loihiseg deploy --chip 2",
        "loihiseg gone",
    ]


@by_page
def test_links_lead_to_files(path):
    text = path.read_text()
    linked = [one["path"] for kind in (LINK, PICTURE) for one in kind.finditer(text)]
    assert [one for one in linked if not (path.parent / one).exists()] == []


@by_page
def test_sessions_give_what_they_show(path):
    parser = doctest.DocTestParser()
    for number, block in enumerate(blocks(path.read_text(), "pycon")):
        test = parser.get_doctest(block, {}, f"{named(path)}, block {number}", named(path), 0)
        said: list[str] = []
        runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
        runner.run(test, out=said.append)
        assert runner.failures == 0, "".join(said)


@by_page
def test_python_is_run_somewhere(path):
    """A page with blocks of Python is among those that are run."""
    place = named(path).removeprefix("docs/").removesuffix(".md")
    if blocks(path.read_text(), "python"):
        assert place == "README" or place in IN_PYTHON or place in OF_OTHERS


def test_python_of_the_pages_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOIHISEG_CACHE", str(tmp_path / "cache"))
    for page in IN_PYTHON:
        # What a reader has by then: the network that the page on Python has kept, and sections.
        names: dict = {"images": synthetic_stack(1).images}
        path = DOCS / f"{page}.md"
        for block in blocks(path.read_text(), "python"):
            exec(compile(block, str(path), "exec"), names)
            shown = capsys.readouterr().out.split()
            said = re.findall(r"# prints (.*)", block)
            assert not said or shown == " ".join(said).split(), page
        if page == "howto/python":
            found = names["section"].membrane
            assert found.shape == (256, 256) and found.dtype == np.bool_
            # Some of it is membrane: the network does not answer the same everywhere.
            assert 0.05 < found.mean() < 0.5
            os.rename("runs/tiny", "kept")
    assert (tmp_path / "net.json").is_file()
    # The network of the page on Nengo is cut as the page says.
    (command,) = commands_of_partition(DOCS / "start/nengo.md")
    assert run_partition(command.split()[1:]) == 0
    assert (tmp_path / "plan.png").is_file()
    shown = capsys.readouterr().out
    assert "on 2 chips of" in shown and "proved: fewer are impossible" in shown
    assert "None" not in shown


def commands_of_partition(path):
    return [one for one in commands(path.read_text()) if one.startswith("partition net.json")]


def test_the_verbs_of_python_take_ten_lines():
    (block,) = blocks((DOCS / "howto/python.md").read_text(), "python")
    assert len([line for line in block.splitlines() if line.strip()]) <= 10


@pytest.mark.parametrize("package", [loihiseg, partition], ids=lambda one: one.__name__)
def test_every_public_name_is_in_the_reference(package):
    text = "\n".join(path.read_text() for path in sorted(DOCS.glob("api/*.md")))
    assert [name for name in package.__all__ if not re.search(rf"\b{name}\b", text)] == []


def test_the_reference_names_what_is_there():
    for path in sorted(DOCS.glob("api/*.md")):
        for name, under in re.findall(
            r"^::: (\S+)\n((?:(?:    .*)?\n)*)", path.read_text() + "\n", re.MULTILINE
        ):
            assert reached(name) is not None, f"{path.name}: {name}"
            listed = re.search(r"members: \[(.*)\]", under)
            for member in listed[1].split(", ") if listed else ():
                assert hasattr(reached(name), member), f"{path.name}: {name}.{member}"


def reached(name):
    """A module, or what is in one."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        module, _, member = name.rpartition(".")
        return getattr(import_module(module), member, None)


def texts_of(source):
    """What each call of a module says, without what is filled in: pieces in order."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            pieces = [
                one.value
                for part in [*node.args, *(word.value for word in node.keywords)]
                for one in ast.walk(part)
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
            if pieces:
                yield pieces


def is_said(quoted, calls):
    """Whether one call has all pieces of a quoted line."""
    wanted = [one.strip() for one in re.split(r"…", quoted) if one.strip(" ,:;.'()")]
    return any(all(any(one in piece for piece in pieces) for one in wanted) for pieces in calls)


def test_errors_are_quoted_as_they_are_said():
    calls = [
        pieces
        for package in ("loihiseg", "partition")
        for path in sorted((ROOT / package).rglob("*.py"))
        for pieces in texts_of(path.read_text())
    ]
    quoted = re.findall(r"^### `(.*)`$", (DOCS / "troubleshooting.md").read_text(), re.MULTILINE)
    assert len(quoted) > 30
    assert [one for one in quoted if not is_said(one, calls)] == []
    assert not is_said("… is at play in this folder; …", calls)
