"""Rows of what is heard, times the kernel, are what a layer hears."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from loihiseg.conversion.convolution import term_input
from loihiseg.conversion.linear import Term
from loihiseg.conversion.windows import has_windows, heard_windows


def plain_term(rng, transposed, with_pads):
    size, stride = (int(n) for n in rng.integers(1, 4, 2))
    kernel = rng.integers(-4, 5, (size, int(rng.integers(1, 4)), 3, 2)).astype(np.float32)
    pads = ((1, 0), (0, 1)) if with_pads and min(kernel.shape[:2]) > 1 else None
    padding = "same" if pads is None and not transposed and rng.random() < 0.5 else "valid"
    return Term("source", kernel, (stride, stride), padding, transposed, pads=pads)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), transposed=st.booleans(), with_pads=st.booleans())
def test_a_convolution_is_its_windows_times_its_kernel(seed, transposed, with_pads):
    rng = np.random.default_rng(seed)
    term = plain_term(rng, transposed, with_pads)
    source = rng.integers(-3, 4, (2, 7, 6, 3)).astype(np.float32)
    whole = term_input(term, source, (99, 99, 2))
    shape = whole.shape[1:]
    found = heard_windows(term, source, shape)
    assert found.shape[:3] == whole.shape[:3] and has_windows(term)
    np.testing.assert_array_equal(found @ term.kernel.reshape(-1, 2), whole)


def test_depthwise_kernels_have_none():
    assert not has_windows(Term("source", np.ones((2, 2, 3, 1), np.float32), depthwise=True))
