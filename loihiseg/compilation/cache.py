"""Deployed networks kept between runs: for their owner alone, and each made by one at a time.

::

    <folder>/<signature>/    see `loihiseg.compilation.artifact`

What others could have put there is not used. Whatever is wrong with folder or network costs time,
never the run, and is said in one line. The networks that were not used for longest go where all
together take more than the folder may hold.
"""

import os
import shutil
import stat
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from platformdirs import user_cache_path

from loihiseg.compilation.artifact import SUMS, load_deployed, save_deployed
from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.errors import InputError
from loihiseg.locks import FileLock, LockHeldError, acquire, release
from partition.storage.files import make_folder, sweep
from partition.system import is_own

LONGEST_WAIT_S = 600.0
"""Time to wait for another that makes the same network; making one takes seconds to minutes."""

MOST_GIB = 2.0
"""What all kept networks may take together, unless ``$LOIHISEG_CACHE_GIB`` says otherwise."""

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def cache_folder() -> Path:
    """Where networks are kept: ``$LOIHISEG_CACHE``, or ``loihiseg`` in the user's cache folder.

    On Linux that is ``$XDG_CACHE_HOME`` or ``~/.cache``.

    Raises
    ------
    RuntimeError
        If there is no home folder.
    """
    chosen = os.environ.get("LOIHISEG_CACHE")
    if chosen:
        return Path(chosen)
    if not os.environ.get("XDG_CACHE_HOME"):
        Path.home()  # platformdirs would take a folder named ~ where there is none
    return user_cache_path("loihiseg", appauthor=False)


def most_bytes() -> float:
    """What all kept networks may take together, in bytes.

    Raises
    ------
    InputError
        If ``$LOIHISEG_CACHE_GIB`` is no number.
    """
    chosen = os.environ.get("LOIHISEG_CACHE_GIB", str(MOST_GIB))
    try:
        size = float(chosen)
    except ValueError:
        size = -1.0
    if not size >= 0:
        raise InputError(f"LOIHISEG_CACHE_GIB={chosen[:60]}: expected a number of GiB, 0 or more")
    return size * 2**30


def kept(folder: Path) -> tuple[int, int]:
    """How many networks a folder keeps, and their bytes; none where there is no such folder."""
    if not folder.is_dir():
        return 0, 0
    sizes = [size for _used, size, _path in _entries(folder)]
    return len(sizes), sum(sizes)


def clear(folder: Path, say: Callable[[str], None] = warnings.warn) -> int:
    """Remove the networks that a folder keeps, but for those that are being made.

    Parameters
    ----------
    folder : Path
    say : callable
        Told in one line of each thing that keeps a lock from being used.

    Returns
    -------
    int
        How many were removed.
    """
    if not folder.is_dir():
        return 0
    entries = _entries(folder)
    for _used, _size, path in entries:
        _remove_unheld(path, say)
    return len(entries) - len(_entries(folder))


class Entry:
    """The place of one network in the cache.

    Parameters
    ----------
    signature : str
        Of all that decides the network.
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
            if self._path.is_dir():
                sweep(self._path)
            yield
        finally:
            release(lock)

    def _acquire(self, path: Path) -> FileLock | None:
        try:
            try:
                return acquire(path, 0, self._say)
            except LockHeldError as error:
                self._say(f"waiting for {error}, which makes the same network")
                return acquire(path, LONGEST_WAIT_S, self._say)
        except LockHeldError as error:
            self._why_not_stored = f"{error} holds the network for long"
        except OSError as error:
            self._why_not_stored = f"cannot be written ({error.strerror})"
        return None

    def load(self) -> DeployedNetwork | None:
        """The network; None if there is none to be used."""
        if self._folder is None:
            return None
        path = self._path
        try:
            why = _folder_distrusted(path)
            if why is None and not (path / SUMS).exists():
                return None  # Its maker was killed.
            if why is None:
                deployed = load_deployed(path)
                if deployed.provenance.recipe == self.signature:
                    with suppress(OSError):
                        os.utime(path / SUMS)  # It was used now.
                    return deployed
                why = "is another network"
        except FileNotFoundError:
            return None
        except InputError as error:
            why = str(error).removeprefix(f"{path}: ")
        except OSError as error:
            why = f"is damaged ({error})"
        self._say(f"{path}: {why}; the network is made again")
        return None

    def store(self, deployed: DeployedNetwork) -> None:
        """Keep a network, in place of what is there; to be called while it is held."""
        if self._folder is None:
            return
        why = self._why_not_stored
        recipe = replace(deployed.provenance, recipe=self.signature)
        try:
            if not why:
                if _folder_distrusted(self._path, missing_is_fine=True) is not None:
                    _remove(self._path)
                make_folder(self._path, 0o700)
                save_deployed(self._path, replace(deployed, provenance=recipe))
                # Nobody else gets into the folder until then.
                for file in self._path.iterdir():
                    file.chmod(0o600)
                self._make_room(self._folder)
        except InputError as error:
            # The line names a remedy for output folders, of which this is none.
            why = str(error).partition(";")[0]
        except OSError as error:
            why = f"cannot be written ({error.strerror})"
        if why:
            self._say(f"cache {self._folder}: {why}; the network is not kept")

    def _make_room(self, folder: Path) -> None:
        """Remove what was not used for longest, until all that is left is small enough."""
        most, total = most_bytes(), 0
        for _used, size, path in sorted(_entries(folder), reverse=True):
            total += size
            if total > most and path != self._path:
                _remove_unheld(path, self._say)

    @property
    def _path(self) -> Path:
        assert self._folder is not None
        return self._folder / self.signature


def _entries(folder: Path) -> list[tuple[float, int, Path]]:
    """Time of the last use, bytes and path of everything that is kept, earlier versions' too."""
    found = []
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        with suppress(OSError):
            files = list(path.iterdir()) if path.is_dir() else [path]
            sizes = [file.lstat().st_size for file in files]
            # What has no sums is no whole network: it goes first.
            used = (path / SUMS).lstat().st_mtime if (path / SUMS).exists() else 0.0
            found.append((used, sum(sizes), path))
    return found


def _remove_unheld(path: Path, say: Callable[[str], None]) -> None:
    """Remove an entry, unless another holds it."""
    try:
        lock = acquire(path.parent / f".{path.stem}.lock", 0, say)
    except (LockHeldError, OSError):
        return
    try:
        with suppress(OSError):
            _remove(path)
    finally:
        release(lock)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _folder_distrusted(path: Path, missing_is_fine: bool = False) -> str | None:
    """Why a kept network is not to be used, or None; FileNotFoundError where there is none."""
    try:
        why = _distrusted(path.lstat(), stat.S_ISDIR, "a folder")
        # What is being written is hidden.
        for file in [] if why else [f for f in path.iterdir() if not f.name.startswith(".")]:
            why = why or _distrusted(file.lstat(), stat.S_ISREG, "a file")
    except FileNotFoundError:
        if missing_is_fine:
            return None
        raise
    return why


def _own_folder(say: Callable[[str], None]) -> Path | None:
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
        f"cache{f' {folder}' if folder else ''}: {why}; networks are made and not kept; "
        "LOIHISEG_CACHE may name another folder"
    )
    return None


def _distrusted(status: os.stat_result, is_kind: Callable[[int], bool], kind: str) -> str | None:
    """Why something in the file system is not to be used, or None."""
    if not is_kind(status.st_mode):
        return f"is not {kind}"
    if not is_own(status):
        return f"belongs to another user (number {status.st_uid})"
    if status.st_mode & _OTHERS_MAY_WRITE:
        return "can be written by other users"
    return None
