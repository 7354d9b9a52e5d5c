"""Going on with a training from its folder alone.

The folder says what it was begun with in ``config.json``: the command line, and where the paths in
it start from as seen from the folder, so that both can be moved together and nothing is told of
where they lay.
"""

import os
import shlex
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Never

import msgspec
from msgspec import Meta

from loihiseg.commands.train.configuration import configuration
from loihiseg.commands.train.options import PROGRAM, parser
from loihiseg.commands.typed import as_typed, typed_options, value_as_typed
from loihiseg.errors import InputError
from loihiseg.files import write_json
from loihiseg.training import shipped
from loihiseg.training.presets import Stage, TrainingConfig
from partition.command_line.options import Parser
from partition.command_line.stopping import stop_behind
from partition.display.messages import printable
from partition.storage.files import read_bytes
from partition.storage.strict_json import decode

CONFIG_FILE = "config.json"
MOST_BYTES = 2**20

OF_THIS_CALL = ("out", "resume", "quiet", "tensorboard")
"""Options that say nothing of the training."""

OF_PLACES = ("data", "labels", "start", "soft_labels")
"""Options that are paths, where they are not None."""

MAY_MOVE = ("data", "labels")
"""Those of what is read again: what it holds must be the same."""

_AFRESH = "remove it, and give all options of the training again beside --resume"

_Argument = Annotated[str, Meta(max_length=10_000)]


@dataclass(frozen=True)
class Begun:
    """What a training was begun with.

    Attributes
    ----------
    arguments : tuple of str
        The command line.
    paths_from : str
        Folder that relative paths in it start from, as seen from the training's own.
    """

    arguments: Annotated[tuple[_Argument, ...], Meta(max_length=1000)]
    paths_from: _Argument

    @classmethod
    def now(cls, arguments: Sequence[str], folder: Path) -> "Begun":
        """With a command line that is typed here, in a folder."""
        return cls(tuple(arguments), os.path.relpath(Path.cwd(), Path(folder).resolve()))

    def moved(self, arguments: Sequence[str], folder: Path) -> "Begun":
        """The same with more arguments, whose paths start from here."""
        start, known = _start(self, folder), vars(_options_of(folder, self))
        typed = typed_options(parser(), arguments)
        more: list[str] = []
        for name in (*MAY_MOVE, "epochs"):
            value = typed.get(name)
            if name in MAY_MOVE and value is not None and not os.path.isabs(value):
                value = os.path.relpath(value, start)
            if value not in (None, known[name]):
                more += [as_typed(name), str(value)]
        return Begun((*self.arguments, *more), self.paths_from)


def write_begun(folder: Path, begun: Begun) -> None:
    """Write what a training is begun with into its folder.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    write_json(folder / CONFIG_FILE, asdict(begun))


def read_begun(folder: Path) -> Begun | None:
    """What the training in a folder was begun with; None where no file says.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    path = folder / CONFIG_FILE
    try:
        return decode(read_bytes(path, MOST_BYTES), Begun)
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = error.strerror
    except ValueError as error:
        reason = str(error)
    raise InputError(f"{path}: does not say what the training was begun with ({reason}); {_AFRESH}")


def folder_to_resume(options: Namespace) -> Path:
    """The folder of the run to go on with.

    Raises
    ------
    InputError
        If none is named, or two are.
    """
    named = [one for one in (options.out, options.resume) if isinstance(one, str)]
    if not named:
        raise InputError("--resume: expected the folder of the run to go on with; --resume FOLDER")
    folders = [Path(one) for one in named]
    if len({folder.resolve() for folder in folders}) > 1:
        raise InputError(
            f"--resume {named[1]}, --out {named[0]}: a run goes on in its own folder; leave --out "
            "out"
        )
    return folders[-1]


def options_to_resume(folder: Path, begun: Begun, arguments: Sequence[str]) -> Namespace:
    """All options of a training that goes on, those of its beginning and those typed now.

    Parameters
    ----------
    folder : Path
    begun : Begun
        Read from there.
    arguments : sequence of str
        Typed now.

    Raises
    ------
    InputError
        If an option typed now is not as at the beginning; says all that are not.
    """
    options = _options_of(folder, begun)
    typed = typed_options(parser(), arguments)
    _refuse_clashes(folder, options, typed)
    start = _start(begun, folder)
    for name in OF_PLACES:
        setattr(options, name, _path_from(start, getattr(options, name)))
    for name in (*OF_THIS_CALL, *MAY_MOVE, "epochs"):
        if name in typed:
            setattr(options, name, typed[name])
    options.out, options.resume = str(folder), True
    for name in ("quiet", "tensorboard"):
        setattr(options, name, typed.get(name, False))
    return options


def options_of_run(path: Path, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Options that a training was begun with, its paths as seen from here.

    Parameters
    ----------
    path : Path
        Of the file.
    found : mapping of str
        What it holds; of another file than a training's it is returned.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    if found.keys() != {one.name for one in fields(Begun)}:
        return found
    try:
        begun = msgspec.convert(found, Begun)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: does not say what a training was begun with ({error})") from None
    known = parser(_FromRun, prog=str(path), add_help=False)
    start = _start(begun, path.parent)
    return {
        name: _path_from(start, value) if name in OF_PLACES else value
        for name, value in typed_options(known, begun.arguments).items()
        if name not in OF_THIS_CALL
    }


@contextmanager
def saying_how_to_go_on(folder: Path) -> Iterator[None]:
    """Have a stop end with the command that goes on with the training in a folder."""
    try:
        yield
    except BaseException as error:
        stopped = stop_behind(error)
        if stopped is not None:
            command = f"{PROGRAM} --resume {shlex.quote(str(folder))}"
            stopped.add(f"; go on with: {printable(command)}")
        raise


class _FromFile(Parser):
    """A command line that stands in a file, which is the program that errors name."""

    def error(self, message: str) -> Never:
        raise InputError(f"{self.prog}: {message}; {_AFRESH}")


class _FromRun(Parser):
    """The same of a run that another is begun like."""

    def error(self, message: str) -> Never:
        raise InputError(f"{self.prog}: {message}")


def _options_of(folder: Path, begun: Begun) -> Namespace:
    name = str(folder / CONFIG_FILE)
    return parser(_FromFile, prog=name, add_help=False).parse_args(begun.arguments)


def _start(begun: Begun, folder: Path) -> str:
    return os.path.normpath(os.path.join(Path(folder).resolve(), begun.paths_from))


def _path_from(start: str, value: Any) -> Any:
    """A path that starts from a folder, or each of several, as seen from here.

    A name that is no path stays one. A folder that was moved alone may lie so that only what was
    typed leads to the data.
    """
    if isinstance(value, list):
        return [_path_from(start, one) for one in value]
    if value is None or os.path.isabs(value) or start == os.getcwd():
        return value
    path = os.path.join(start, value)
    if not os.path.exists(path) and (value in shipped.names() or os.path.exists(value)):
        return value
    return os.path.relpath(path)


def _refuse_clashes(folder: Path, options: Namespace, typed: Mapping[str, Any]) -> None:
    config = configuration(options)
    clashes = []
    for name, value in typed.items():
        if name in (*OF_THIS_CALL, *MAY_MOVE) or _means_the_same(options, config, name, value):
            continue
        if name == "epochs" and not config.stages:
            continue  # Those left out yet are trained along a longer curve.
        clashes.append(f"{_given(name, value)}: {_before(folder, options, config, name)}")
    if len(clashes) == 1:
        raise InputError(f"{clashes[0]}; leave it out, or begin another run")
    if clashes:
        raise InputError(
            f"--resume {folder}: {len(clashes)} options are not as the run was begun with; leave "
            "them out, or begin another run",
            clashes,
        )


def _means_the_same(options: Namespace, config: TrainingConfig, name: str, value: Any) -> bool:
    """Whether an option changes nothing; it may say what the preset said, and was left out."""
    if _plain(value) == _plain(getattr(options, name)):
        return True
    if name not in {one.name for one in fields(TrainingConfig)}:
        return False
    try:
        return configuration(Namespace(**vars(options) | {name: value})) == config
    except InputError:
        return False


def _plain(value: Any) -> Any:
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def _given(name: str, value: Any) -> str:
    return as_typed(name) if value is True else f"{as_typed(name)} {value_as_typed(value)}"


def _before(folder: Path, options: Namespace, config: TrainingConfig, name: str) -> str:
    """What an option was when a training was begun, in words."""
    value = getattr(options, name)
    if value is None:
        value = getattr(config, name, None)
    if name == "stages" and value:
        value = [(_lowest(one), one.epochs) if isinstance(one, Stage) else one for one in value]
    has = "none" if value is None or value is False or value == "" else value_as_typed(value)
    return f"the run in {folder} has {has}"


def _lowest(stage: Stage) -> int:
    return min(stage.levels) if isinstance(stage.levels, tuple) else stage.levels
