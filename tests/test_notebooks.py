"""Every notebook answers the question it opens with, runs, and is shipped with what it showed."""

import ast
import os
import re
from pathlib import Path

import pytest

reason = "needs the notebook extra: pip install -c constraints.txt -e '.[test,notebook]'"
nbclient = pytest.importorskip("nbclient", reason=reason)
nbformat = pytest.importorskip("nbformat", reason=reason)
pytest.importorskip("ipykernel", reason=reason)

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CELL_TIMEOUT_S = 600
MOST_IMPORTS = 8
MOST_BYTES = 700_000
FIRST_ANSWER = 3
"""Cells of code, in one of which there is a picture or a table already."""

SHOWN = {"image/png", "text/html"}
REAL = "LOIHISEG_ISBI2012"

by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def is_shown(cell):
    return any(SHOWN & set(output.get("data", {})) for output in cell.outputs)


def python_of(cell):
    """A cell's source without commands of IPython, which may go on over several lines."""
    return re.sub(r"(?m)^[%!](?:.*\\\n)*.*$", "", cell.source)


def run(path, folder, environment):
    """The notebook as it comes out of a run in an empty folder, so that it leans on nothing."""
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=CELL_TIMEOUT_S, resources={"metadata": {"path": str(folder)}}
    )
    paths = [str(ROOT), os.environ.get("PYTHONPATH")]
    client.execute(env=environment | {"PYTHONPATH": os.pathsep.join(p for p in paths if p)})
    return notebook


def test_there_are_notebooks():
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{n:02d}" for n in range(1, 8)]


@by_name
def test_runs_from_top_to_bottom(path, tmp_path):
    """On synthetic sections, of which the outputs are that it is shipped with."""
    environment = {name: value for name, value in os.environ.items() if name != REAL}
    notebook = run(path, tmp_path, environment)
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    shipped = code_cells(nbformat.read(path, as_version=4))
    assert [is_shown(cell) for cell in code_cells(notebook)] == [is_shown(x) for x in shipped]


@pytest.mark.slow
@pytest.mark.skipif(REAL not in os.environ, reason=f"{REAL} names no folder")
@by_name
def test_runs_on_real_sections(path, tmp_path):
    run(path, tmp_path, dict(os.environ))


@by_name
def test_is_shipped_with_the_outputs_of_one_run(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    for output in outputs:
        assert output.output_type != "error"
        assert output.get("name") != "stderr", output.text
    assert path.stat().st_size < MOST_BYTES


@by_name
def test_opens_with_its_question_and_soon_answers(path):
    notebook = nbformat.read(path, as_version=4)
    first = notebook.cells[0]
    assert first.cell_type == "markdown" and first.source.startswith("# ")
    assert re.search(r"^\*[^*]+\?\*$", first.source, re.MULTILINE | re.DOTALL)
    assert any(is_shown(cell) for cell in code_cells(notebook)[:FIRST_ANSWER])


@by_name
def test_takes_few_imports(path):
    cells = code_cells(nbformat.read(path, as_version=4))
    nodes = [node for cell in cells for node in ast.walk(ast.parse(python_of(cell)))]
    assert sum(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes) <= MOST_IMPORTS
    text = "\n".join(python_of(cell) for cell in cells)
    assert not re.search(r"\b_[a-z]\w*\(|\._[a-z]", text), "names of our own that are not public"


@by_name
def test_says_nothing_of_the_machine_it_ran_on(path):
    text = path.read_text()
    for folder in ("/tmp/", "/home/", "/root/", "/Users/", str(ROOT)):
        assert folder not in text


def test_commands_of_ipython_are_left_out():
    cell = nbformat.v4.new_code_cell("a = 1\n%run -m x \\\n    --y\n!ls\nb = 2")
    assert python_of(cell) == "a = 1\n\n\nb = 2"
