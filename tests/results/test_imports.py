"""Results stand below every other room."""

import ast
from pathlib import Path

import loihiseg.results

FOLDER = Path(loihiseg.results.__file__).parent
ALLOWED = {
    "json",
    "loihiseg.errors",
    "msgspec",
    "math",
    "collections.abc",
    "dataclasses",
    "enum",
    "typing",
}


def test_they_import_nothing_of_ours_but_the_errors():
    modules = sorted(FOLDER.glob("*.py"))
    assert len(modules) > 5
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            else:
                continue
            for name in names:
                assert name in ALLOWED or name.startswith("loihiseg.results"), (path.name, name)


def test_they_are_frozen():
    from dataclasses import is_dataclass

    kinds = [getattr(loihiseg.results, name) for name in loihiseg.results.__all__]
    kinds = [kind for kind in kinds if isinstance(kind, type) and is_dataclass(kind)]
    assert len(kinds) > 15
    assert all(kind.__dataclass_params__.frozen for kind in kinds)
