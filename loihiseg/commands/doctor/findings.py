"""What there is on a machine that loihiseg runs on."""

import importlib.util
import platform
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from loihiseg.installed import FRAMEWORKS
from partition.system import memory_bytes, n_cores

Verdict = Literal["ok", "optional", "wrong"]

COMPILES = ((3, 11), (3, 12))
"""Versions of Python that nengo-loihi runs on."""

EXTRAS = {
    "partition": ("better cuts and bounds", ("highspy", "mtkahypar")),
    "cluster": ("windows of a volume on several processes", ("dask", "distributed")),
    "calibration": ("quantiles by Bayesian search", ("optuna",)),
    "notebook": ("the notebooks", ("ipykernel", "nbclient", "nbformat")),
}
"""By name: what an extra is for, and its modules."""

PACKAGES = {
    "tensorflow": "tensorflow",
    "tf_keras": "tf-keras",
    "nengo": "nengo",
    "nengo_dl": "nengo-dl",
    "nengo_loihi": "nengo-loihi",
    "numpy": "numpy",
    "numba": "numba",
}
"""Packages by the names of their modules."""

GIB = 2**30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    name, found : str
    verdict : str
        "ok"; "optional" of what may be missing; "wrong" of what may not.
    remedy : str
        What to do, where there is something.
    """

    name: str
    found: str
    verdict: Verdict = "ok"
    remedy: str = ""


def findings() -> list[Finding]:
    """Python, packages, optional parts, cores and memory; nothing heavy is imported."""
    return [_python(), *map(_package, PACKAGES), *map(_extra, EXTRAS), *_machine()]


def _python() -> Finding:
    found = platform.python_version()
    if sys.version_info[:2] in COMPILES:
        return Finding("Python", found)
    remedy = "runs kept networks alone; compiling and training want 3.11 or 3.12"
    return Finding("Python", found, "optional", remedy)


def _package(module: str) -> Finding:
    name = PACKAGES[module]
    try:
        if importlib.util.find_spec(module) is not None:
            return Finding(name, metadata.version(name))
    except (ImportError, ValueError):
        pass
    if module in FRAMEWORKS or module == "nengo":
        if sys.version_info[:2] not in COMPILES:
            return Finding(name, "not there", "optional", "needs Python 3.11 or 3.12")
    return Finding(name, "missing", "wrong", "install loihiseg again, with constraints.txt")


def _extra(name: str) -> Finding:
    what, modules = EXTRAS[name]
    missing = [one for one in modules if importlib.util.find_spec(one) is None]
    if not missing:
        return Finding(f"extra {name}", what)
    remedy = f"pip install -c constraints.txt '.[{name}]'"
    return Finding(f"extra {name}", f"{', '.join(missing)} not there", "optional", remedy)


def _machine() -> list[Finding]:
    memory = memory_bytes()
    return [
        Finding("cores", str(n_cores())),
        Finding("memory", "not known" if memory is None else f"{memory / GIB:.1f} GiB"),
    ]


def cache_finding() -> Finding:
    """The cache of compiled networks: where, how many, how large."""
    from loihiseg.compilation.cache import cache_folder, kept, most_bytes

    try:
        folder = cache_folder()
        number, size = kept(folder)
    except (OSError, RuntimeError) as error:
        remedy = "LOIHISEG_CACHE may name a folder"
        return Finding("cache", f"cannot be used ({error})", "optional", remedy)
    most = most_bytes() / GIB
    return Finding("cache", f"{folder}: {number} networks, {size / GIB:.2f} of {most:g} GiB")
