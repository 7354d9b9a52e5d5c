"""What tests share lies in helper modules and conftest: a test module is imported by none."""

import ast
from pathlib import Path

TESTS = Path(__file__).parent


def imported(tree):
    """Dotted names of all modules that may be meant by the imports of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or ''}.{name.name}" for name in node.names)


def of_tests(tree, names):
    """Imports that name a module of tests."""
    return sorted(name for name in imported(tree) if names & set(name.split(".")))


def test_no_test_module_is_imported():
    modules = sorted(TESTS.rglob("*.py"))
    names = {path.stem for path in modules if path.name.startswith("test_")}
    assert "test_cli" in names
    found = {
        str(path.relative_to(TESTS)): of_tests(ast.parse(path.read_bytes()), names)
        for path in modules
    }
    assert {file: imports for file, imports in found.items() if imports} == {}


def test_every_way_to_import_one_is_found():
    tree = ast.parse(
        "import tests.test_a\nfrom tests import test_a, helper\nfrom .test_a import b\n"
        "from tests.helper import test_of_time\n"
    )
    assert of_tests(tree, {"test_a"}) == ["test_a.b", "tests.test_a", "tests.test_a"]
