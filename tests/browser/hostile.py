"""Results in which every name is a script."""

from dataclasses import fields, is_dataclass, replace
from enum import Enum

SCRIPTS = (
    "</script><script>document.title = 'ran'</script>"
    "<img src=x onerror=\"document.title='ran'\">\" onmouseover=\"document.title='ran'\" '"
)


def hostile(value):
    """The same value, every text in it with scripts behind."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return value + SCRIPTS
    if is_dataclass(value):
        kept = {"code", "spikes_sha256"}
        changed = {
            one.name: hostile(getattr(value, one.name))
            for one in fields(value)
            if one.init and one.name not in kept
        }
        return replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(map(hostile, value))
    if isinstance(value, dict):
        return {key + SCRIPTS: hostile(one) for key, one in value.items()}
    return value
