"""A package's main names, each of which brings in its module when it is first asked for."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_names(
    package: str, module_of: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """What a package's ``__getattr__`` and ``__dir__`` are to be.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    module_of : mapping of str to str
        Of every name the module below the package that has it.

    Returns
    -------
    callable
        Gives the value of a name; AttributeError if the package has no such name.
    callable
        Gives all names.
    """

    def get(name: str) -> object:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{module_of[name]}"), name)

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *module_of})

    return get, names
