"""Arrays come back as they were packed; a header that lies allocates nothing."""

import io
import zipfile

import numpy as np
import pytest

from loihiseg.storage.arrays import DTYPES, pack_arrays, unpack, unpack_arrays


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0), (2, 3, 4)])
@pytest.mark.parametrize("kind", sorted(DTYPES))
def test_round_trip(shape, kind):
    array = np.ones(shape, kind)
    found = unpack_arrays(pack_arrays({"x/y:0": array}))["x/y:0"]
    assert found.dtype == array.dtype and found.shape == shape
    assert found.flags.writeable and found.flags.c_contiguous and found.flags.aligned
    np.testing.assert_array_equal(found, array)


def test_order_and_texts():
    arrays, texts = unpack(pack_arrays({"b": np.ones(1), "a": np.ones(1)}, {"t.json": "{}"}))
    assert list(arrays) == ["b", "a"] and texts == {"t.json": b"{}"}


def member(data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", data)
    return buffer.getvalue()


def npy(header, data=b"", version=b"\x01\x00", length=None):
    text = header.encode() + b"\n"
    size = (len(text) if length is None else length).to_bytes(2, "little")
    return member(b"\x93NUMPY" + version + size + text + data)


GOOD = "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }"


def test_header_as_written_here():
    np.testing.assert_array_equal(unpack_arrays(npy(GOOD, bytes(8)))["a"], [0, 0])


@pytest.mark.parametrize(
    "data",
    [
        npy(GOOD, bytes(7)),
        npy(GOOD, bytes(9)),
        npy(GOOD, bytes(8), version=b"\x02\x00"),
        npy(GOOD, bytes(8), length=65535),
        npy(GOOD, bytes(8), length=3),
        npy(GOOD.replace("<i4", "|O"), bytes(16)),
        npy(GOOD.replace("<i4", ">i4"), bytes(8)),
        npy(GOOD.replace("<i4", "<i3"), bytes(8)),
        npy(GOOD.replace("<i4", "<f1"), bytes(8)),
        npy(GOOD.replace("<i4", "|b1"), b"\x02\x00"),
        npy(GOOD.replace("'<i4'", "[('a', '<i4')]"), bytes(8)),
        npy(GOOD.replace("False", "True"), bytes(8)),
        npy(GOOD.replace("2,", "-2,"), bytes(8)),
        npy(GOOD.replace("2,", "99999999999, 99999999999"), bytes(8)),
        npy(GOOD.replace("2,", "1" * 400), bytes(8)),
        npy(GOOD.replace("2,", "0, " * 40), b""),
        npy(GOOD.replace("2,", "__import__('os').abort(),"), bytes(8)),
        npy("[" * 60000, bytes(8)),
        member(b""),
        member(b"\x93NUMPY"),
        b"",
        b"PK\5\6",
    ],
)
def test_refused_in_one_line(data):
    with pytest.raises(ValueError) as error:
        unpack_arrays(data)
    assert "\n" not in str(error.value) and len(str(error.value)) < 300
