"""Every notebook runs from top to bottom, and is shipped with what it printed."""

import os
from pathlib import Path

import pytest

reason = "needs the notebook extra: pip install -c constraints.txt -e '.[test,notebook]'"
nbclient = pytest.importorskip("nbclient", reason=reason)
nbformat = pytest.importorskip("nbformat", reason=reason)
pytest.importorskip("ipykernel", reason=reason)

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CELL_TIMEOUT_S = 300

by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks():
    assert NOTEBOOKS


@by_name
def test_runs_from_top_to_bottom(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=CELL_TIMEOUT_S, resources={"metadata": {"path": str(tmp_path)}}
    )
    # The kernel works in an empty folder, so that a notebook leans on nothing beside it.
    paths = [str(ROOT), os.environ.get("PYTHONPATH")]
    client.execute(env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in paths if p)})
    assert [cell.execution_count for cell in code_cells(notebook)] == list(
        range(1, len(code_cells(notebook)) + 1)
    )


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


@by_name
def test_says_nothing_of_the_machine_it_ran_on(path):
    text = path.read_text()
    for folder in ("/tmp/", "/home/", "/root/", "/Users/", str(ROOT)):
        assert folder not in text
