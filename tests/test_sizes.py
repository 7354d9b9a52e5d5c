"""No function grows past what can be taken in at once."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]

MOST_LINES = 60
"""Of a function with its docstring."""
MOST_ARGUMENTS = 8
"""Of a function, ``self`` and ``cls`` left out."""

KERNELS = ("kernels.py", "blockwise.py")
"""Loops over all a program's arrays, which are handed to them one by one."""

EXCEPTIONS = {
    "partition/chips/flow.py: best_price": "its loop in two functions takes longer, see there",
}


def sizes(tree, file):
    """Name, lines and arguments of every function of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            named = [one.arg for one in arguments if one.arg not in ("self", "cls")]
            yield f"{file}: {node.name}", node.end_lineno - node.lineno + 1, len(named)


def too_large(tree, file):
    return {
        name
        for name, lines, arguments in sizes(tree, file)
        if lines > MOST_LINES or arguments > MOST_ARGUMENTS
    }


def test_functions_are_of_a_size_to_take_in():
    found = set()
    for package in ("loihiseg", "partition"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.name not in KERNELS:
                file = str(path.relative_to(ROOT))
                found |= too_large(ast.parse(path.read_bytes()), file)
    assert sorted(found - set(EXCEPTIONS)) == []
    assert sorted(set(EXCEPTIONS) - found) == [], "no longer needed"


def test_lines_and_arguments_are_counted():
    body = "\n".join(["    pass"] * MOST_LINES)
    names = ", ".join(f"a{i}" for i in range(MOST_ARGUMENTS))
    long, short = f"def long():\n{body}\n", f"def short():\n{body[:-9]}\n"
    wide = f"def wide({names}, *, more): pass\n"
    method = f"class A:\n    def narrow(self, {names}): pass\n"
    found = too_large(ast.parse(long + short + wide + method), "a.py")
    assert found == {"a.py: long", "a.py: wide"}
