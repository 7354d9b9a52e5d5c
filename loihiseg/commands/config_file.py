"""Options from a file: TOML, or the ``config.json`` of a run.

They are made into the arguments that would have been typed, and stand before those that are: what
is typed comes after, and wins. So a file may hold whatever may be typed, and nothing else.
"""

import argparse
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from loihiseg.errors import InputError
from partition.command_line.options import Parser
from partition.display.messages import one_line

MOST_BYTES = 2**20

NOT_IN_FILES = ("config", "version", "help", "out", "force", "resume", "json", "quiet")
"""Options that say nothing of what is run."""

OfRun = Callable[[Path, Mapping[str, object]], Mapping[str, object]]
"""Makes options of what a run's own file holds."""


def expanded(parser: Parser, arguments: Sequence[str], of_run: OfRun | None = None) -> list[str]:
    """Arguments with those of a file in place of ``--config FILE``.

    Parameters
    ----------
    parser : Parser
        Of the command.
    arguments : sequence of str
        Typed.
    of_run : callable, optional
        For commands whose runs keep other things than options.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        If the file cannot be read, or holds what cannot be typed; names the file, and all problems.
    """
    first = Parser(prog=parser.prog, add_help=False, allow_abbrev=False)
    first.add_argument("--config")
    found, typed = first.parse_known_args(list(arguments))
    if found.config is None:
        return list(arguments)
    path = Path(found.config)
    options = read_config(path)
    if of_run is not None:
        options = of_run(path, options)
    return [*as_arguments(parser, options, path), *typed]


def as_arguments(parser: Parser, options: Mapping[str, object], path: Path) -> list[str]:
    """Options by name as they would be typed.

    Parameters
    ----------
    parser : Parser
    options : mapping of str
        Values as JSON and TOML have them; None and False are left out. Those within a mapping are
        options too, of a code or a method.
    path : Path
        Where they stand.

    Raises
    ------
    InputError
        Names all that cannot be typed.
    """
    known = {
        action.dest: action
        for action in parser._actions
        if action.option_strings and action.dest not in NOT_IN_FILES
    }
    arguments, problems = [], []
    for name, value in _flat(options):
        if value is None or value is False or name in NOT_IN_FILES:
            continue
        action = known.get(name.replace("-", "_"))
        try:
            if action is None:
                raise ValueError(_no_such(parser, name))
            arguments += _typed(action, value)
        except (ValueError, argparse.ArgumentTypeError) as error:
            problems.append(f"{one_line(name, 60)}: {one_line(error, 200)}")
    if len(problems) == 1:
        raise InputError(f"{path}: {problems[0]}")
    if problems:
        raise InputError(f"{path}: {len(problems)} options cannot be used", problems)
    return arguments


def read_config(path: Path) -> Mapping[str, object]:
    """What a file holds, by name.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    # They bring in numpy, which no help waits for.
    from partition.storage.files import read_bytes
    from partition.storage.strict_json import decode

    try:
        data = read_bytes(path, MOST_BYTES)
        if path.suffix == ".json":
            return decode(data, dict[str, object])
        return tomllib.loads(data.decode())
    except OSError as error:
        reason = error.strerror or str(error)
    except (ValueError, RecursionError) as error:
        reason = str(error) or "nested too deep"
    kind = "JSON" if path.suffix == ".json" else "TOML"
    raise InputError(
        f"{path}: cannot be read as {kind} ({one_line(reason, 120)}); expected options by name, as "
        "chips = 2 in a TOML file, or the config.json of a run"
    )


def _flat(options: Mapping[str, object]) -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from value.items()
        else:
            yield name, value


def _no_such(parser: Parser, name: str) -> str:
    if any(not one.option_strings and one.dest == name for one in parser._actions):
        return "is given on the command line"
    return f"no such option; {parser.prog} --help lists them"


def _typed(action: argparse.Action, value: object) -> list[str]:
    """A value as the words that are typed; ValueError where none can be."""
    option = action.option_strings[-1]
    if action.nargs == 0:
        if value is not True:
            raise ValueError(f"{_word(value)}: expected true or false")
        return [option]
    if value is True or isinstance(value, Mapping):
        raise ValueError("expected a value")
    if isinstance(value, list | tuple) and action.nargs is None:
        # Such as levels of each layer, or a size in three directions.
        as_typed = getattr(action.type, "typed", None)
        value = as_typed(value) if as_typed else ",".join(map(_word, value))
    words = _words(value) if isinstance(value, list | tuple) else [_word(value)]
    for word in words:
        _check(action, word)
    # In one word with its option, since a number below 0 looks like an option.
    return [f"{option}={words[0]}"] if action.nargs is None else [option, *words]


def _check(action: argparse.Action, word: str) -> None:
    found = action.type(word) if callable(action.type) else word
    if action.choices is not None and found not in action.choices:
        expected = ", ".join(map(str, action.choices))
        raise ValueError(f"{one_line(word, 40)}: expected one of {expected}")


def _words(values: Sequence[object]) -> list[str]:
    """Several values; numbers of a stage are joined by a colon."""
    return [
        ":".join(map(_word, one)) if isinstance(one, list | tuple) else _word(one) for one in values
    ]


def _word(value: object) -> str:
    if isinstance(value, list | tuple):
        raise ValueError("expected no list within a list")
    return repr(value) if isinstance(value, float) else str(value)
