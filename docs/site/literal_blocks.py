"""Docstrings have literal blocks behind ``::``; Markdown knows them by their indent alone."""

import re
from typing import Any

import griffe

DOUBLE_COLON = re.compile(r"(?m)^(?P<text>.*?)[ \t]*::[ \t]*$")


class LiteralBlocks(griffe.Extension):
    """Leaves one colon behind text, and none where there is nothing else on the line."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = DOUBLE_COLON.sub(
                lambda found: f"{found['text']}:" if found["text"] else "", obj.docstring.value
            )
