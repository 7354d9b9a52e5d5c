"""What benchmarks keep may be handed on: it says nothing of the machine that made it."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
KEPT = sorted(FOLDER.rglob("*.json"))


def texts(value):
    """All strings within a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in (*value, *value.values()):
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_no_path_begins_at_the_root(path):
    found = [text for text in texts(json.loads(path.read_text())) if text.startswith("/")]
    assert found == []
