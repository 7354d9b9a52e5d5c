"""Archives of the one kind that we write are read; whatever else zip can say is refused."""

import io
import struct
import zipfile

import numpy as np
import pytest

from loihiseg.storage.arrays import pack_arrays
from partition.storage.archive import MOST_MEMBERS, read_members

MEMBERS = {"a.npy": b"hello", "b/c.json": b"{}", "empty": b""}


def written(members=MEMBERS, before=b"", kind=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    buffer.write(before)
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, kind)
    return buffer.getvalue()


def refused(data, says, **how):
    with pytest.raises(ValueError, match=says) as error:
        read_members(data, **how)
    assert "\n" not in str(error.value)


def test_members_come_back():
    found = read_members(written())
    assert {name: bytes(content) for name, content in found.items()} == MEMBERS
    assert read_members(written({})) == {}


@pytest.mark.parametrize("offsets_from_the_file", [True, False])
def test_a_line_before_it(offsets_from_the_file):
    line = b"some header\n"
    data = written(before=line) if offsets_from_the_file else line + written()
    assert list(read_members(data, line_before=True)) == list(MEMBERS)
    refused(data, "bytes before its first member")


@pytest.mark.parametrize("before", [b"no line", b"two\nlines\n", b"x" * 300 + b"\n"])
def test_other_bytes_before_it(before):
    refused(before + written(), "bytes before its first member", line_before=True)


def test_what_zip_can_say_besides():
    refused(written() + b"x", "cut off, or no archive")
    refused(written(kind=zipfile.ZIP_DEFLATED), "compressed")
    refused(written({"../a": b""}), "has the name")
    refused(written({"/a": b""}), "has the name")
    refused(written({"a\\b": b""}), "has the name")
    refused(written({"a//b": b""}), "has the name")
    with pytest.warns(UserWarning, match="Duplicate"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a", b"1")
            archive.writestr("a", b"2")
    refused(buffer.getvalue(), "is there twice")
    with_comment = io.BytesIO()
    with zipfile.ZipFile(with_comment, "w") as archive:
        archive.comment = b"hello"
    refused(with_comment.getvalue(), "cut off, or no archive")
    zip64 = io.BytesIO()
    np.savez(zip64, a=np.zeros(3))
    refused(zip64.getvalue(), "odd kind|two different ways")


def changed(data, where, form, value):
    """A number of the archive changed, ``where`` bytes into its table of contents."""
    place = data.index(b"PK\1\2") + where
    return data[:place] + struct.pack(form, value) + data[place + struct.calcsize(form) :]


@pytest.mark.parametrize(
    "where, form, value, says",
    [
        (8, "<H", 1, "is encrypted"),
        (10, "<H", 99, "compressed"),
        (16, "<L", 0, "two different ways"),
        (20, "<L", 5 * 2**30 % 2**32, "compressed"),
        (24, "<L", 2**32 - 1, "compressed"),
        (42, "<L", 3, "gaps|before"),
        (42, "<L", 2**32 - 1, "."),
        (30, "<H", 7, "odd kind"),
    ],
)
def test_lies_of_the_table(where, form, value, says):
    refused(changed(written(), where, form, value), says)


def test_declared_sizes_that_are_not_there():
    data = changed(changed(written(), 20, "<L", 2**31), 24, "<L", 2**31)
    refused(data, "2,147,483,648 bytes are declared")


def test_two_members_in_one_place():
    """As in a bomb: many names for the same bytes."""
    data = written({"a": b"x" * 50, "b": b"x" * 50})
    second = data.index(b"PK\1\2", data.index(b"PK\1\2") + 4)
    refused(data[: second + 42] + bytes(4) + data[second + 46 :], "overlap")


def test_too_many_members():
    data = written({str(i): b"" for i in range(MOST_MEMBERS + 1)})
    refused(data, "more than 10000 members")


def test_every_changed_bit_is_refused_or_says_nothing():
    """What no reader looks at, such as dates, is all that may differ."""
    data = pack_arrays({"a": np.arange(3), "b": np.zeros((2, 2), "f4")})
    expected = {name: bytes(content) for name, content in read_members(data).items()}
    n_read = 0
    for place in range(len(data)):
        damaged = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        try:
            found = read_members(damaged)
        except ValueError:
            continue
        n_read += 1
        assert {name: bytes(content) for name, content in found.items()} == expected
    assert n_read < 60
