"""The methods there are, by name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from loihiseg.errors import InputError, Option, OptionError
from loihiseg.methods.fast_snn.method import FastSnn
from loihiseg.methods.method import Method
from loihiseg.methods.spicalib.method import SpiCalib

_NAME = re.compile("[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Registry:
    """Methods by name, in the order in which they are shown. `with_method` makes a larger one."""

    methods: tuple[Method[Any], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all methods."""
        return tuple(method.name for method in self.methods)

    def __iter__(self) -> Iterator[Method[Any]]:
        return iter(self.methods)

    def with_method(self, method: Method[Any]) -> "Registry":
        """These methods and one more.

        Raises
        ------
        InputError
            If its name is taken, or no name for a command line.
        """
        if method.name in self.names or not _NAME.fullmatch(method.name):
            raise InputError(
                f"method {method.name!r}: expected a name of lower case letters, digits and "
                f"hyphens that is not taken; there are {', '.join(self.names) or 'none'}"
            )
        return Registry((*self.methods, method))

    def find(self, name: str) -> Method[Any]:
        """The method of that name.

        Raises
        ------
        InputError
            If there is none.
        """
        for method in self.methods:
            if method.name == name:
                return method
        raise OptionError(
            Option("method"), f" {name}: no such method; choose one of {', '.join(self.names)}"
        )


METHODS = Registry().with_method(FastSnn()).with_method(SpiCalib())
"""Those that come with the package."""
