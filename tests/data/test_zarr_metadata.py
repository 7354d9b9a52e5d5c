"""What the description of a Zarr array may say."""

import numpy as np
import pytest

from loihiseg.data.readers.base import DamagedFileError
from loihiseg.data.readers.zarr.metadata import _fill


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), 2**70, 0.5, -1])
@pytest.mark.parametrize("kind", ["u1", "<u2", ">u8"])
def test_fill_values_that_no_whole_number_is(value, kind):
    with pytest.raises(DamagedFileError, match="fill value"):
        _fill(value, np.dtype(kind))


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 0.5, -1, 2**70])
def test_fill_values_of_floats(value):
    assert np.array_equal(_fill(value, np.dtype("<f8")), np.float64(value), equal_nan=True)
