"""Maps of other networks as soft labels."""

import numpy as np
import pytest
import tifffile

from loihiseg.data.soft_labels import digest_of, read_soft_labels
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.errors import InputError

GREY = "minisblack"
STACK = synthetic_stack(3, (32, 40))


def test_the_mean_of_maps_of_any_kind(tmp_path):
    np.save(tmp_path / "a.npy", np.full((3, 32, 40), 0.25, np.float32))
    tifffile.imwrite(tmp_path / "b.tif", np.full((3, 32, 40), 51, np.uint8), photometric=GREY)
    tifffile.imwrite(tmp_path / "c.tif", np.full((3, 32, 40), 13107, np.uint16), photometric=GREY)
    found = read_soft_labels([tmp_path / name for name in ("a.npy", "b.tif", "c.tif")], STACK)
    assert found.dtype == np.float32 and found.shape == (3, 32, 40)
    np.testing.assert_allclose(found, (0.25 + 0.2 + 0.2) / 3, rtol=1e-6)


@pytest.mark.parametrize(
    "array, said",
    [
        (np.zeros((2, 32, 40), np.float32), r"shape \(2, 32, 40\), the stack has \(3, 32, 40\)"),
        (np.full((3, 32, 40), 1.5, np.float32), "1.5 to 1.5"),
        (np.full((3, 32, 40), -0.5, np.float32), "expected probabilities"),
        (np.full((3, 32, 40), np.nan, np.float32), "NaN"),
        (np.zeros((3, 32, 40), np.int32), "int32"),
    ],
)
def test_what_is_no_probability_is_refused(tmp_path, array, said):
    np.save(tmp_path / "map.npy", array)
    with pytest.raises(InputError, match=said) as error:
        read_soft_labels([tmp_path / "map.npy"], STACK)
    assert "map.npy" in str(error.value) and "\n" not in str(error.value)


def test_a_digest_tells_maps_apart():
    one = np.zeros((3, 4, 4), np.float32)
    other = one.copy()
    other[0, 0, 0] = 0.5
    assert digest_of(one) == digest_of(one.copy()) != digest_of(other)
    assert digest_of(one.reshape(3, 2, 8)) != digest_of(one)


def test_they_go_with_their_sections_and_rows():
    from dataclasses import replace

    soft = np.arange(3 * 32 * 40, dtype=np.float32).reshape(3, 32, 40)
    stack = replace(STACK, soft=soft)
    np.testing.assert_array_equal(stack.select([2, 0]).soft, soft[[2, 0]])
    np.testing.assert_array_equal(stack.cut_rows(range(4, 9)).soft, soft[:, 4:9])
