"""What a run was made with, so that it can be made again."""

import platform
from importlib import metadata

import loihiseg
from partition.system import peak_memory_bytes

PACKAGES = (
    "numpy",
    "tensorflow",
    "nengo",
    "nengo-dl",
    "nengo-loihi",
    "nengo-extras",
    "networkx",
    "scikit-image",
)
"""Packages whose version can change a result."""


def versions() -> dict[str, str]:
    """Version of loihiseg, Python and every package that can change a result."""
    found = {"loihiseg": loihiseg.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def peak_memory_mb() -> float:
    """Most memory that this process has had, MiB."""
    return peak_memory_bytes() / 2**20
