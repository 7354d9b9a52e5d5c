"""Folders are rooms, and imports between rooms go one way; read from the source, nothing is run.

An import inside a function counts as one at the top of a file: what a room needs is below it. Names
that a package brings in when they are first asked for (its ``__getattr__``) are no imports here.
"""

import ast
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PARTITION_ROOMS = [
    ["system"],
    ["core", "display"],
    ["storage", "command_line"],
    ["shapes", "chips"],
    ["joint"],
    ["places"],
    ["built"],
    ["solution"],
    ["cli"],
    ["__main__"],
]
"""All of ``partition``, rooms and modules, the lowest first: a row imports from rows before it."""

LOIHISEG_ROOMS = [
    ["errors"],
    ["files", "installed", "option_fields", "progress", "provenance", "results"],
    ["frameworks", "locks", "quantization", "storage"],
    ["data", "metrics", "starting"],
    ["network"],
    ["through_time"],
    ["training"],
    ["conversion"],
    ["codes", "simulation"],
    ["emulator"],
    ["compilation"],
    ["running"],
    ["evaluation"],
    ["methods", "report"],
    ["arguments", "pipeline"],
    ["classification"],
    ["image_verbs"],
    ["verbs"],
    ["commands"],
    ["__main__", "check", "deploy", "segment", "simulate", "train"],
]
"""The same of ``loihiseg``."""

RUNS_WITHOUT_FRAMEWORKS = [
    "results",
    "data",
    "metrics",
    "quantization",
    "codes",
    "emulator",
    "compilation.artifact",
    "compilation.checking",
    "compilation.deployed",
    "running",
    "evaluation",
    "report",
]
"""Rooms of ``loihiseg``, or modules, that read, run and score a saved network. TO BE EXTENDED."""

MAKES_NETWORKS = ["emulator.limits", "emulator.simulator"]
"""Modules of theirs that need a framework: what stands in for nengo-loihi's own simulator."""

OF_ONE_MODULE = {
    "dask": "loihiseg.running.cluster",
    "distributed": "loihiseg.running.cluster",
    "optuna": "loihiseg.compilation.search",
}
"""What comes with an extra, and the module that is asked for where it is there."""

FRAMEWORKS = {"tensorflow", "tf_keras", "keras", "nengo", "nengo_dl", "nengo_loihi", "nengo_extras"}


@dataclass(frozen=True)
class Import:
    """A module that is imported somewhere."""

    module: str
    line: int


def modules_of(package: Path) -> dict[str, Path]:
    """Files of a package by dotted name; a folder's ``__init__`` has the folder's name."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _statements(node: ast.AST, *, run_at_import: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if run_at_import and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if run_at_import and isinstance(child, ast.If):
            if ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
                # What is left runs: the other branch.
                child.body = []
        yield child
        yield from _statements(child, run_at_import=run_at_import)


@cache
def _written(path: Path, run_at_import: bool) -> tuple[tuple[int, str, str | None], ...]:
    """Line, module, and name behind ``from``, of all imports in a file."""
    found: list[tuple[int, str, str | None]] = []
    for node in _statements(ast.parse(path.read_text()), run_at_import=run_at_import):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: write the whole name of what is imported"
            found += [(node.lineno, node.module or "", alias.name) for alias in node.names]
    return tuple(found)


def imports_of(path: Path, known: Collection[str], *, run_at_import: bool = False) -> list[Import]:
    """Modules that a file imports; of ``from a import b`` it is ``a.b`` where that is a module.

    Parameters
    ----------
    path : path
    known : collection of str
        Modules there are.
    run_at_import : bool
        Only what runs when the file is imported: no functions, nothing for type checkers.
    """
    found = []
    for line, module, name in _written(path, run_at_import):
        whole = f"{module}.{name}"
        found.append(Import(whole if name and whole in known else module, line))
    return found


def room_of(name: str, modules: dict[str, Path]) -> str:
    """The folder of a module below its package; "" for what lies at the top."""
    parts = name.split(".")
    is_folder = modules[name].name == "__init__.py"
    return parts[1] if len(parts) > 2 or (len(parts) == 2 and is_folder) else ""


def arrows(package: Path, *, flat_apart: bool = False) -> dict[tuple[str, str], list[str]]:
    """Which room imports which, and where.

    Parameters
    ----------
    package : path
    flat_apart : bool
        Modules at the top are rooms of their own, by their names, instead of one room "".

    Returns
    -------
    dict
        By pair of importing and imported room: places as ``path:line``.
    """
    modules = modules_of(package)

    def room(name: str) -> str:
        return room_of(name, modules) or (name.partition(".")[2] if flat_apart else "")

    found: dict[tuple[str, str], list[str]] = {}
    for name, path in modules.items():
        for one in imports_of(path, modules):
            if one.module in modules and room(one.module) != room(name):
                where = f"{path.relative_to(package.parent)}:{one.line}"
                found.setdefault((room(name), room(one.module)), []).append(where)
    return found


def circle(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Rooms in circles of imports, and on ways from one to another; none if there is none."""
    rest = set(pairs)
    while True:
        importing = {a for a, _ in rest}
        imported = {b for _, b in rest}
        kept = {(a, b) for a, b in rest if a in imported and b in importing}
        if kept == rest:
            return sorted(importing)
        rest = kept


def against_order(package: Path, rows: list[list[str]]) -> list[str]:
    """Imports of an earlier room from a later one, or from one beside it.

    Parameters
    ----------
    package : path
    rows : list of list of str
        Rooms from the lowest up: a row may import what is in the rows before it. Rooms and modules
        that are not named are not looked at.
    """
    row_of = {room: row for row, rooms in enumerate(rows) for room in rooms}
    return [
        f"{package.name}/{a} imports {b}: {', '.join(places)}"
        for (a, b), places in arrows(package, flat_apart=True).items()
        if a in row_of and b in row_of and row_of[a] <= row_of[b]
    ]


def frameworks_behind(name: str, modules: dict[str, Path]) -> dict[str, list[str]]:
    """Frameworks that are imported with a module, each with the way that leads there."""
    ways, todo = {name: [name]}, [name]
    found: dict[str, list[str]] = {}
    while todo:
        here = todo.pop()
        for one in imports_of(modules[here], modules, run_at_import=True):
            top = one.module.partition(".")[0]
            if top in FRAMEWORKS or one.module == "loihiseg.frameworks":
                found[one.module] = ways[here]
            parts = one.module.split(".")
            # A folder's __init__ runs before what is in it.
            for part in (".".join(parts[: n + 1]) for n in range(len(parts))):
                if part in modules and part not in ways:
                    ways[part] = [*ways[here], part]
                    todo.append(part)
    return found


def test_rooms_of_partition_are_in_no_circle():
    pairs = arrows(ROOT / "partition")
    rooms = circle(pairs)
    among = {
        f"{a or 'top'} -> {b or 'top'}": w for (a, b), w in pairs.items() if {a, b} <= {*rooms}
    }
    assert not rooms, among


def test_rooms_of_partition_import_what_is_below_them():
    wrong = against_order(ROOT / "partition", PARTITION_ROOMS)
    assert not wrong, "\n".join(wrong)
    there = {name.split(".")[1] for name in modules_of(ROOT / "partition") if "." in name}
    assert there == {room for row in PARTITION_ROOMS for room in row}


def test_partition_imports_nothing_of_loihiseg():
    modules = modules_of(ROOT / "partition")
    wrong = [
        f"{path.relative_to(ROOT)}:{one.line}"
        for path in modules.values()
        for one in imports_of(path, modules)
        if one.module.partition(".")[0] == "loihiseg"
    ]
    assert not wrong


def test_rooms_of_loihiseg_import_what_is_below_them():
    wrong = against_order(ROOT / "loihiseg", LOIHISEG_ROOMS)
    assert not wrong, "\n".join(wrong)
    modules = modules_of(ROOT / "loihiseg")
    there = {name.split(".")[1] for name in modules if "." in name}
    assert there == {room for row in LOIHISEG_ROOMS for room in row}


def test_rooms_of_loihiseg_are_in_no_circle():
    pairs = arrows(ROOT / "loihiseg", flat_apart=True)
    # The package itself names what it brings in when it is asked for, for type checkers alone.
    assert circle(pair for pair in pairs if "" not in pair) == []


@pytest.mark.parametrize("room", [room for row in LOIHISEG_ROOMS for room in row])
def test_listed_rooms_are_there(room):
    folder = ROOT / "loihiseg" / room
    assert (folder / "__init__.py").is_file() or folder.with_suffix(".py").is_file()


@pytest.mark.parametrize("room", RUNS_WITHOUT_FRAMEWORKS)
def test_running_a_saved_network_imports_no_framework(room):
    modules = modules_of(ROOT / "loihiseg") | modules_of(ROOT / "partition")
    apart = {f"loihiseg.{name}" for name in MAKES_NETWORKS}
    inside = [n for n in modules if f"{n}.".startswith(f"loihiseg.{room}.")]
    names = [n for n in inside if n not in apart]
    assert names
    found = {n: f for n in names if (f := frameworks_behind(n, modules))}
    assert not found, found
    for name in apart.intersection(inside):
        assert frameworks_behind(name, modules), f"{name} imports none: no exception any more"


@pytest.mark.parametrize("package, module", OF_ONE_MODULE.items())
def test_what_may_be_missing_is_imported_by_one_module(package, module):
    """And that by none that runs without it."""
    modules = modules_of(ROOT / "loihiseg") | modules_of(ROOT / "partition")
    importing, behind = set(), set()
    for name, path in modules.items():
        if any(one.module.partition(".")[0] == package for one in imports_of(path, modules)):
            importing.add(name)
        if module in {one.module for one in imports_of(path, modules, run_at_import=True)}:
            behind.add(name)
    assert importing == {module} and not behind


def test_faults_are_found(tmp_path):
    """A package with a circle through a function, and a framework three imports away."""
    package = tmp_path / "loihiseg"
    files = {
        "__init__.py": "",
        "top.py": "import loihiseg.low.a",
        "low/__init__.py": "",
        "low/a.py": "def late():\n    from loihiseg.high import b\n",
        "high/__init__.py": "import nengo",
        "high/b.py": "from loihiseg import top\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import keras\n",
        "side/__init__.py": "",
        "side/c.py": "from loihiseg.side.d import b",
        "side/d.py": "try:\n    from loihiseg.high import b\nexcept ImportError:\n    b = None",
    }
    for path, text in files.items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(text)
    pairs = arrows(package, flat_apart=True)
    assert circle(pairs) == ["high", "low", "top"]
    assert circle({("a", "b"), ("b", "c"), ("a", "c")}) == []
    assert against_order(package, [["low"], ["high"], ["side"]]) == [
        "loihiseg/low imports high: loihiseg/low/a.py:2"
    ]
    modules = modules_of(package)
    assert list(frameworks_behind("loihiseg.side.c", modules)) == ["nengo"]
    assert not frameworks_behind("loihiseg.low.a", modules)
