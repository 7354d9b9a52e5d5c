"""What text files say of modules is true: imports in shell scripts and documents, ``-m`` commands.

Python files are checked by running them; what stands in a script's here-document or in a manual is
run by few, and a module that moves leaves it behind.
"""

import ast
import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("loihiseg", "partition", "benchmarks", "tests")
IMPORT = re.compile(
    rf"^\s*(?:>>> )?(?P<text>(?:from|import) (?:{'|'.join(OURS)})\b[\w. ,]*)$", re.MULTILINE
)
COMMAND = re.compile(rf"-m (?P<name>(?:{'|'.join(OURS)})[\w.]*\w)")


def texts():
    """Files beside Python's that name modules, with what stands in them."""
    found = [ROOT / ".ci/run", ROOT / "Makefile", *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    found += [*ROOT.glob("loihiseg/**/*.md"), *ROOT.glob("notebooks/*.ipynb")]
    # A changelog speaks of names as they were.
    return [path for path in found if path.is_file() and path.name != "CHANGELOG.md"]


def content(path):
    if path.suffix != ".ipynb":
        return path.read_text()
    return "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text())["cells"])


def missing(text):
    """Imports and commands in a text that name nothing."""
    wrong = []
    for match in IMPORT.finditer(text):
        (statement,) = ast.parse(match["text"].strip()).body
        if isinstance(statement, ast.Import):
            wrong += [a.name for a in statement.names if not is_module(a.name)]
        elif not is_module(statement.module):
            wrong.append(statement.module)
        else:
            module = importlib.import_module(statement.module)
            names = [a.name for a in statement.names]
            wrong += [
                f"{statement.module}.{n}"
                for n in names
                if not (is_module(f"{statement.module}.{n}") or hasattr(module, n))
            ]
    for match in COMMAND.finditer(text):
        name = match["name"]
        if not is_module(name) or (is_package(name) and not is_module(f"{name}.__main__")):
            wrong.append(f"-m {name}")
    return wrong


def is_module(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def is_package(name):
    return importlib.util.find_spec(name).submodule_search_locations is not None


@pytest.mark.parametrize("path", texts(), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_that_are_named_are_there(path):
    assert missing(content(path)) == []


def test_faults_are_found():
    text = """
from loihiseg import shipped
  from loihiseg.training.shipped import resolve, nothing
import loihiseg.gone
>>> from partition import block_graph
python -m loihiseg.deploy --chips 2; python -m partition x; `python -m loihiseg.data.gone --x`
python -m loihiseg.data
"""
    assert missing(text) == [
        "loihiseg.shipped",
        "loihiseg.training.shipped.nothing",
        "loihiseg.gone",
        "-m loihiseg.data.gone",
        "-m loihiseg.data",
    ]
