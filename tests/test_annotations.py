"""How many functions say the types of all they take and give; read from the source.

What says nothing does not count: ``Any``, and ``dict``, ``tuple``, ``list``, ``set`` or
``Callable`` without what is in them, by themselves, beside other types or inside a container.
``dict[str, Any]`` does count: what a parsed text holds has no one type.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LEAST_SHARE = 0.99
"""Of all functions. What is left has no other type: values of options, text that was parsed."""

SAYS_NOTHING = {"Any", "dict", "tuple", "list", "set", "frozenset", "Callable"}
"""Annotations that say nothing where they stand by themselves."""

MOST_SHOWN = 40


def is_precise(annotation: ast.expr | None) -> bool:
    """Whether an annotation says what a value is; what is quoted counts as what it quotes."""
    match annotation:
        case None:
            return False
        case ast.Constant(value=str(text)):
            try:
                return is_precise(ast.parse(text, mode="eval").body)
            except SyntaxError:
                return False
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name not in SAYS_NOTHING
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return is_precise(left) and is_precise(right)
        case ast.Subscript(value=ast.Name(id="Literal")):
            return True
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[kind, *_])):
            return is_precise(kind)
        case ast.Subscript(slice=inside):
            return _is_any(inside) or is_precise(inside)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return all(_is_any(part) or is_precise(part) for part in parts)
    return True


def _is_any(annotation: ast.expr) -> bool:
    return isinstance(annotation, ast.Name) and annotation.id == "Any"


def faults(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Names of what has no precise annotation; ``return`` for what is given back."""
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    wanted = [one for one in named if one.arg not in ("self", "cls")]
    found = [one.arg for one in wanted if not is_precise(one.annotation)]
    # What is only handed on may be anything.
    rest = [one for one in (given.vararg, given.kwarg) if one is not None]
    found += [one.arg for one in rest if one.annotation is None]
    if function.name != "__init__" and not is_precise(function.returns):
        found.append("return")
    return found


def functions_of(source: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a source, those in classes and in functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_functions_are_annotated():
    n_functions, missing = 0, []
    for package in ("loihiseg", "partition"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for function in functions_of(path.read_text()):
                n_functions += 1
                if found := faults(function):
                    where = f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
                    missing.append(f"{where}: {', '.join(found)}")
    assert n_functions > 1000
    share = 1 - len(missing) / n_functions
    assert share >= LEAST_SHARE, f"{share:.1%} are annotated; not\n" + "\n".join(
        missing[:MOST_SHOWN]
    )


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("(a: int, *, b: 'str | None' = None) -> None", []),
        ("(self, a: np.ndarray, **more: object) -> dict[str, list[int]]", []),
        ("(a: Callable[[int], str], b: tuple[int, ...]) -> Annotated[int, 3]", []),
        ("(a: Callable[..., object]) -> type[int]", []),
        ("(a, b: int)", ["a", "return"]),
        ("(a: int, /, b, *, c) -> int", ["b", "c"]),
        ("(a: Any, b: dict, c: tuple, d: list, e: Callable) -> None", ["a", "b", "c", "d", "e"]),
        ("(a: dict | None, b: 'Any', c: typing.Any) -> 'tuple'", ["a", "b", "c", "return"]),
        ("(a: list[dict], b: dict[str, list[tuple]]) -> Annotated[Any, 3]", ["a", "b", "return"]),
        ("(a: Callable[[dict], int]) -> int", ["a"]),
        ("(a: dict[str, Any], b: Literal['a text']) -> list[Any]", []),
        ("(*rest, **more) -> int", ["rest", "more"]),
        ("(a: 'no type') -> int", ["a"]),
    ],
)
def test_faults_are_found(signature, expected):
    (function,) = functions_of(f"def f{signature}: ...")
    assert faults(function) == expected


def test_functions_inside_others_count():
    source = (
        "class A:\n    def __init__(self, a):\n        def f(b): ...\n        async def g(): ..."
    )
    found = {function.name: faults(function) for function in functions_of(source)}
    assert found == {"__init__": ["a"], "f": ["b", "return"], "g": ["return"]}
