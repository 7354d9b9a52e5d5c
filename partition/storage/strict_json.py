"""JSON from strangers: typed, within stated limits, each value told once.

What ``json.loads`` lets through, and what would surprise somebody later, is refused before it is
parsed or while it is: nesting without end, numbers of hundreds of digits, NaN and Infinity, names
given twice, fields that nobody asked for.
"""

import hashlib
import json
import re
from typing import Any, TypeVar

import msgspec
import numpy as np

T = TypeVar("T")

MOST_DEPTH = 32
"""Lists and objects within each other."""

MOST_DIGITS = 40
"""Characters of one number; a float64 needs 24."""

MOST_TOLD = 200
"""Characters of a message about what is wrong."""

# An open string ends with the text, so that no start is tried twice.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\Z|\\\Z)', re.DOTALL)
_LONG_NUMBER = re.compile(rb"[-+.0-9eE]{%d}" % (MOST_DIGITS + 1))


def decode(data: bytes, kind: type[T], digest_key: str | None = None) -> T:
    """A JSON text as a value of a type.

    Parameters
    ----------
    data : bytes
        Already known to be of bearable size.
    kind : type
        What msgspec decodes to; its ranges are checked.
    digest_key : str, optional
        Name of the top object's digest of its own content, which is then checked; see `sealed`.

    Raises
    ------
    ValueError
        In one line: what is wrong, and where.
    """
    _check_limits(data)
    try:
        _check_content(data, digest_key)
    except UnicodeDecodeError:
        raise ValueError("not text in UTF-8") from None
    except ValueError as error:
        raise ValueError(in_one_line(error)) from None
    return _typed(data, kind)


def peek(data: bytes, kind: type[T]) -> T:
    """As `decode`, for the few fields that say which version of a format a text is of.

    What else is in it is not looked at, but for the limits: `decode` it next.
    """
    _check_limits(data)
    return _typed(data, kind)


def sealed(document: dict[str, Any], digest_key: str) -> dict[str, Any]:
    """A document with the SHA-256 of its content, however it is spaced and ordered when written."""
    return {**document, digest_key: _digest(document, digest_key)}


def in_one_line(error: object) -> str:
    """What an error says, in one line of bearable length that a terminal prints as it is."""
    text = str(error).encode("ascii", "backslashreplace").decode("ascii")
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= MOST_TOLD else text[:MOST_TOLD] + " ..."


def _typed(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(in_one_line(error)) from None


def _check_content(data: bytes, digest_key: str | None) -> None:
    # The last of two equal names would win without a word.
    plain = json.loads(data.decode("utf-8"), object_pairs_hook=names_once)
    if digest_key is None or not isinstance(plain, dict):
        return
    if plain.get(digest_key) != _digest(plain, digest_key):
        raise ValueError(f"its content differs from its {digest_key}")


def _digest(document: dict[str, Any], digest_key: str) -> str:
    content = {name: value for name, value in document.items() if name != digest_key}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _check_limits(data: bytes) -> None:
    bare = _STRING.sub(b'""', data)
    codes = np.frombuffer(bare, np.uint8)
    opened = (codes == ord("[")) | (codes == ord("{"))
    closed = (codes == ord("]")) | (codes == ord("}"))
    depth = np.cumsum(opened.astype(np.int8) - closed.astype(np.int8), dtype=np.int64)
    if depth.max(initial=0) > MOST_DEPTH:
        raise ValueError(f"lists and objects nested more than {MOST_DEPTH} deep")
    if _LONG_NUMBER.search(bare):
        raise ValueError(f"a number of more than {MOST_DIGITS} characters")


def names_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's names and values, for ``object_pairs_hook``; ValueError if a name comes twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:40]!r} is given more than once")
    return found
