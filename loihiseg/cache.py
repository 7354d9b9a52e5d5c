"""Programs kept between runs: for their owner alone, and each written by one at a time.

::

    <folder>/<signature>.program      see `loihiseg.emulator.storage`

What others could have put there is not used. Whatever is wrong with folder or program costs time,
never the run, and is said in one line.
"""

import os
import stat
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from loihiseg.emulator.presenter import Deployable
from loihiseg.emulator.storage import load_program, save_program
from loihiseg.errors import InputError
from loihiseg.locks import LockHeldError, acquire, release
from partition.files import make_folder, sweep

LONGEST_WAIT_S = 600.0
"""Time to wait for another that builds the same program; building one takes seconds to minutes."""

Peers = dict[str, dict[str, list[int]]]
"""Where each of nengo-loihi's own allocators put the blocks: chips and cores, by its name."""

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept beside a program.

    Attributes
    ----------
    signature : str
        Of all that decides the program; a file under another name is none of it.
    peers : dict of str to Peers
        By number of chips.
    """

    signature: str
    peers: dict[str, Peers]


def cache_folder() -> Path:
    """Where programs are kept: ``$LOIHISEG_CACHE``, or ``loihiseg`` in the user's cache folder."""
    chosen = os.environ.get("LOIHISEG_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "loihiseg"


class Entry:
    """The place of one program in the cache.

    Parameters
    ----------
    signature : str
        Of all that decides the program.
    say : callable
        Told in one line of each thing that keeps the cache from being used.
    """

    def __init__(self, signature: str, say: Callable[[str], None] = warnings.warn):
        self.signature = signature
        self._say = say
        self._folder = _own_folder(say)
        self._why_not_stored = ""

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the entry for this process; waits for another that builds the same.

        Where it cannot be held it can be loaded, but nothing is stored.
        """
        if self._folder is None:
            yield
            return
        lock = self._acquire(self._folder / f".{self.signature}.lock")
        try:
            sweep(self._folder)
            yield
        finally:
            release(lock)

    def _acquire(self, path):
        try:
            try:
                return acquire(path, 0, self._say)
            except LockHeldError as error:
                self._say(f"waiting for {error}, which builds the same program")
                return acquire(path, LONGEST_WAIT_S, self._say)
        except LockHeldError as error:
            self._why_not_stored = f"{error} holds the program for long"
        except OSError as error:
            self._why_not_stored = f"cannot be written ({error.strerror})"
        return None

    def load(self) -> tuple[Deployable, Kept] | None:
        """The program and what is kept beside it; None if there is none to be used."""
        if self._folder is None:
            return None
        path = self._path
        try:
            why = _distrusted(path.lstat(), stat.S_ISREG, "a file")
            if why is None:
                deployable, about = load_program(path)
                kept = msgspec.convert(about, Kept)
                if kept.signature == self.signature:
                    return deployable, kept
                why = "is another program"
        except FileNotFoundError:
            return None
        except InputError as error:
            why = str(error).removeprefix(f"{path}: ")
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            why = f"is damaged ({error})"
        self._say(f"{path}: {why}; the program is built again")
        return None

    def store(self, deployable: Deployable, peers: dict[str, Peers]) -> None:
        """Keep a program, in place of what is there; to be called while it is held."""
        if self._folder is None:
            return
        why = self._why_not_stored
        try:
            if not why:
                about = msgspec.to_builtins(Kept(self.signature, peers))
                save_program(self._path, deployable, about)
                # Nobody else gets into the folder until then.
                self._path.chmod(0o600)
        except InputError as error:
            # The line names a remedy for output folders, of which this is none.
            why = str(error).partition(";")[0]
        except OSError as error:
            why = f"cannot be written ({error.strerror})"
        if why:
            self._say(f"cache {self._folder}: {why}; the program is not kept")

    @property
    def _path(self):
        return self._folder / f"{self.signature}.program"


def _own_folder(say):
    """The cache's folder, made if there is none; None if it is not the user's alone."""
    folder = None
    try:
        folder = cache_folder()
        make_folder(folder, 0o700)
        why = _distrusted(folder.stat(), stat.S_ISDIR, "a folder")
    except RuntimeError:
        why = "there is no home folder for it"
    except OSError as error:
        why = f"cannot be written ({error.strerror})"
    if why is None:
        return folder
    say(
        f"cache{f' {folder}' if folder else ''}: {why}; programs are built and not kept; "
        "LOIHISEG_CACHE may name another folder"
    )
    return None


def _distrusted(status, is_kind, kind):
    """Why something in the file system is not to be used, or None."""
    if not is_kind(status.st_mode):
        return f"is not {kind}"
    if status.st_uid != os.geteuid():
        return f"belongs to another user (number {status.st_uid})"
    if status.st_mode & _OTHERS_MAY_WRITE:
        return "can be written by other users"
    return None
