"""A first line before a file's bytes: what the file is, of which format, and their digest.

::

    line 1   a word, the format's number, SHA-256 of the rest; separated by one blank each
    rest     anything
"""

from dataclasses import dataclass

from loihiseg.files import sha256

_MOST_LINE = 200


@dataclass(frozen=True)
class Sealed:
    """What a sealed file says.

    Attributes
    ----------
    format : str
        As it is written; it may be no number.
    body : bytes
    is_whole : bool
        Whether the digest is that of the body.
    """

    format: str
    body: bytes
    is_whole: bool


def seal(word: str, number: int, body: bytes) -> bytes:
    """A body behind its line."""
    return f"{word} {number} {sha256(body)}\n".encode("ascii") + body


def unseal(data: bytes, word: str) -> Sealed | None:
    """What `seal` put together; None if the bytes begin with no such line."""
    line = data[:_MOST_LINE].partition(b"\n")[0]
    words = line.decode("ascii", "replace").split(" ")
    if len(words) != 3 or words[0] != word:
        return None
    body = data[len(line) + 1 :]
    return Sealed(words[1][:20], body, sha256(body) == words[2])
