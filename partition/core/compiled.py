"""Inner loops: compiled where numba is installed, run as they are where it is not.

What is compiled is kept on disk by numba: in ``$NUMBA_CACHE_DIR``, beside the source, or in the
user's cache folder, whichever can be written. Where none can, or the disk is full, each process
compiles again, which takes some seconds; a warning says so once. What is damaged there is replaced.
"""

import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, Protocol, TypeVar, cast

try:
    import numba
except ImportError:
    _is_there = False
else:
    _is_there = True

IS_COMPILED = _is_there
"""Whether loops run some hundred times faster than plain Python."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Decorate a function of arrays and numbers; both ways give the same integers."""
    if not IS_COMPILED:
        return function
    dispatcher = cast(Any, numba.njit(nogil=True, error_model="numpy")(function))
    try:
        dispatcher.enable_caching()
    except (RuntimeError, OSError):
        _warn_once()
    else:
        dispatcher._cache = _Cache(dispatcher._cache)
    return cast(_Function, dispatcher)


class _NumbasCache(Protocol):
    """What is called here of numba's cache of one function."""

    def load_overload(self, *arguments: object) -> object: ...
    def save_overload(self, *arguments: object) -> None: ...
    def flush(self) -> None: ...


class _Cache:
    """numba's cache of one function, without which one can do."""

    def __init__(self, cache: _NumbasCache):
        self._cache = cache

    def __getattr__(self, name: str) -> object:
        return getattr(self._cache, name)

    def load_overload(self, *arguments: object) -> object:
        """What was compiled before; None if there is nothing, or nothing that can be read."""
        try:
            return self._cache.load_overload(*arguments)
        except Exception:  # whatever unpickling a damaged file comes to
            # So that the damaged index is not in the way of a new one.
            with suppress(Exception):
                self._cache.flush()
            return None

    def save_overload(self, *arguments: object) -> None:
        """Keep what was compiled, if it can be written."""
        try:
            self._cache.save_overload(*arguments)
        except Exception:
            _warn_once()


@cache
def _warn_once() -> None:
    warnings.warn(
        "compiled loops cannot be kept on disk, so each process compiles them again; set "
        "NUMBA_CACHE_DIR to a folder that can be written",
        RuntimeWarning,
        stacklevel=3,
    )
