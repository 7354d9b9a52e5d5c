"""Archives of the one kind that is written here: zip files whose members lie one behind the other.

The general zip format can say the same thing twice and differently, which is how one reader is made
to check what another never sees. Here every byte has one meaning: members are stored, not
compressed, without gaps, without what archivers add, each named once; the table at the end agrees
with what stands before each member, and nothing follows it. So no size is believed before the bytes
are there, and nothing is allocated for what is only declared.
"""

import re
import struct
import zlib
from dataclasses import dataclass

END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")

MOST_MEMBERS = 10_000
"""Members of an archive."""

MOST_LINE = 200
"""Bytes of the line that may stand before an archive."""

_NAME = re.compile(r"[A-Za-z0-9_:.][A-Za-z0-9_:./ -]*")


@dataclass(frozen=True)
class _Member:
    name: str
    offset: int
    size: int
    checksum: int


def is_archive(data: bytes) -> bool:
    """Whether bytes end as an archive does."""
    return len(data) >= END.size and data[-END.size :].startswith(b"PK\5\6")


def read_members(data: bytes, line_before: bool = False) -> dict[str, memoryview]:
    """The members of an archive by name, in order; nothing is copied.

    Parameters
    ----------
    data : bytes
    line_before : bool
        A line of at most `MOST_LINE` bytes may stand before the archive.

    Raises
    ------
    ValueError
        In one line: what is wrong.
    """
    if not is_archive(data):
        raise ValueError("its table of contents is missing; it is cut off, or no archive")
    end = len(data) - END.size
    _, disk, first_disk, here, count, size, offset, comment = END.unpack_from(data, end)
    if disk or first_disk or here != count or comment or not count <= MOST_MEMBERS:
        raise ValueError(f"its table of contents is odd or has more than {MOST_MEMBERS} members")
    start = end - size
    shift = start - offset
    if start < 0 or not 0 <= shift <= start:
        raise ValueError("its table of contents lies outside of it")
    members = _table(data, start, end, count)
    # Offsets count from the file or from the archive; the first member lies where it begins.
    begin = shift + (members[0].offset if members else offset)
    _check_before(data, begin, line_before)
    found: dict[str, memoryview] = {}
    place = begin
    for member in members:
        if shift + member.offset != place:
            raise ValueError(f"member {member.name}: members overlap or leave gaps")
        body = _body(data, place, member, start)
        place = body + member.size
        content = memoryview(data)[body:place]
        if zlib.crc32(content) != member.checksum:
            raise ValueError(f"member {member.name}: its checksum differs")
        if member.name in found:
            raise ValueError(f"member {member.name}: is there twice")
        found[member.name] = content
    if place != start:
        raise ValueError("there are bytes that belong to no member")
    return found


def _check_before(data: bytes, begin: int, line_before: bool) -> None:
    line = data[: min(begin, MOST_LINE + 1)]
    is_line = line_before and len(line) <= MOST_LINE and line.find(b"\n") == len(line) - 1
    if begin < 0 or (begin > 0 and not is_line):
        raise ValueError("there are bytes before its first member")


def _table(data: bytes, start: int, end: int, count: int) -> list[_Member]:
    members, place = [], start
    for _ in range(count):
        if place + _CENTRAL.size > end:
            raise ValueError("its table of contents is cut off")
        (
            magic, made, needed, flags, method, _, _, checksum, packed, size, n_name, n_extra,
            n_comment, disk, _, _, offset,
        ) = _CENTRAL.unpack_from(data, place)  # fmt: skip
        name = _name(data[place + _CENTRAL.size : place + _CENTRAL.size + n_name])
        odd = magic != b"PK\1\2" or n_extra or n_comment or disk or (made & 255) > 20 or needed > 20
        if odd or flags:
            raise ValueError(f"member {name}: is encrypted or of an odd kind")
        if method or packed != size:
            raise ValueError(f"member {name}: is compressed; expected as it is written here")
        members.append(_Member(name, offset, size, checksum))
        place += _CENTRAL.size + n_name
    if place != end:
        raise ValueError("its table of contents has another length than it says")
    return members


def _body(data: bytes, place: int, member: _Member, limit: int) -> int:
    """Where a member's bytes begin, if what stands before them says what the table says."""
    body = place + _LOCAL.size + len(member.name)
    if body + member.size > limit:
        raise ValueError(f"member {member.name}: {member.size:,} bytes are declared, not all there")
    magic, needed, flags, method, _, _, checksum, packed, size, n_name, n_extra = (
        _LOCAL.unpack_from(data, place)
    )
    said = (magic, flags, method, checksum, packed, size, n_name, n_extra)
    expected = (b"PK\3\4", 0, 0, member.checksum, member.size, member.size, len(member.name), 0)
    name = data[place + _LOCAL.size : body]
    if said != expected or needed > 20 or name != member.name.encode("ascii"):
        raise ValueError(f"member {member.name}: is described in two different ways")
    return body


def _name(data: bytes) -> str:
    text = bytes(data).decode("ascii", "replace")
    parts = text.split("/")
    if len(text) > 500 or not _NAME.fullmatch(text) or {"", ".", ".."} & set(parts):
        raise ValueError(f"a member has the name {text[:60]!a}")
    return text
