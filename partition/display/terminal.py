"""Tables and bars on the terminal. What is printed is text, never markup."""

from typing import Any

import rich.console


class Console(rich.console.Console):
    """rich's console for text: ``[red]`` and ``:smile:`` are printed as they stand.

    When nobody reads its output that is an error like any other.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(markup=False, emoji=False, highlight=False, **kwargs)

    def on_broken_pipe(self) -> None:
        """Called while a BrokenPipeError is handled; rich would end the process."""
        raise
