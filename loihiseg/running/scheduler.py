"""What an option says of a cluster; free of Dask, so that it can be asked without."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass

from loihiseg.errors import Option, OptionError

MOST_WORKERS = 256
"""On one machine."""

_ADDRESS = re.compile(r"(?:[a-z]+://)?(?:\[[0-9a-fA-F:.%]+\]|[^\s:/\[\]]+):[0-9]{1,5}")


@dataclass(frozen=True)
class Local:
    """Workers on this machine, of one thread each.

    Attributes
    ----------
    n_workers : int
    """

    n_workers: int


def scheduler(text: str) -> Local | str:
    """What is meant by ``local:N``, or by an address as ``tcp://host:8786``.

    Raises
    ------
    OptionError
        If it is neither.
    """
    kind, _, number = text.partition(":")
    if kind == "local" and number.isdecimal() and 0 < int(number) <= MOST_WORKERS:
        return Local(int(number))
    if kind != "local" and _ADDRESS.fullmatch(text):
        return text
    raise OptionError(
        Option("scheduler"), f" {text[:80]!a}: expected the address of a scheduler of Dask, as "
        f"tcp://host:8786, or local:N for 1 to {MOST_WORKERS} workers on this machine",
    )  # fmt: skip


def require_dask() -> None:
    """Refuse clusters where Dask is not installed.

    Raises
    ------
    OptionError
        In one line, with the extra that has it.
    """
    if importlib.util.find_spec("distributed") is None:
        raise OptionError(
            Option("scheduler"), " needs dask and distributed, which are not installed; install "
            "loihiseg[cluster]",
        )  # fmt: skip
