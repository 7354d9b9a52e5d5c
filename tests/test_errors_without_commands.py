"""What a library says is for those too who type no command: options are called by the command."""

import ast
import re
from pathlib import Path

from loihiseg.errors import OUT, RESUME, InputError, Option, OptionError

ROOT = Path(__file__).parents[1]

TYPED = re.compile(r"(^|[ (\"'])--[a-z]")

COMMANDS = (
    "loihiseg/commands/",
    "loihiseg/data/synthetic/__main__.py",
    "partition/cli.py",
    "partition/command_line/",
)
"""Where options are typed and may be named so."""


def typed_options(tree):
    """Lines of texts, docstrings and names given to a parser left out, that name an option."""
    left_out = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            left_out.add(node.value)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument":
            left_out.update(ast.walk(node))
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node not in left_out
        and TYPED.search(node.value)
    ]


def test_only_commands_name_options_as_they_are_typed():
    found = []
    for package in ("loihiseg", "partition"):
        for path in sorted((ROOT / package).rglob("*.py")):
            file = path.relative_to(ROOT).as_posix()
            if not file.startswith(COMMANDS):
                found += [f"{file}:{line}" for line in typed_options(ast.parse(path.read_bytes()))]
    assert found == []


def test_options_are_found_in_errors_and_in_what_they_are_made_of():
    source = (
        '"""Of --this."""\n'
        'REMEDY = "give --labels"\n'
        'raise ValueError(f"--tile {tile}: too large")\n'
        'parser.add_argument("--steps", help="as --tile")\n'
        'text = "a line -- and --"\n'
    )
    assert typed_options(ast.parse(source)) == [2, 3]


def test_an_error_is_worded_twice():
    error = OptionError("/a/b: cannot be written; choose another ", OUT, " without ", RESUME)
    assert str(error) == "/a/b: cannot be written; choose another output folder without resuming"
    moved = error.replaced("/a/b", "/a")
    worded = moved.worded(lambda name: f"--{name}")
    assert str(worded) == "/a: cannot be written; choose another --out without --resume"
    assert type(worded) is InputError and worded.exit_code == error.exit_code == 2
    assert str(OptionError(Option("tile"), " 5: too small")) == "tile 5: too small"
