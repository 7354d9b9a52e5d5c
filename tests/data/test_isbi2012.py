"""The real stack, when the environment variable LOIHISEG_ISBI2012 names its folder."""

import os

import numpy as np
import pytest

from loihiseg.data import normalize, read_stack, z_block_split

FOLDER = os.environ.get("LOIHISEG_ISBI2012")

pytestmark = pytest.mark.skipif(
    not FOLDER,
    reason="LOIHISEG_ISBI2012 is unset; set it to a folder with train-volume.tif, train-labels.tif",
)


@pytest.fixture(scope="module")
def stack():
    return read_stack(FOLDER)


def test_24_sections_with_zero_as_membrane(stack):
    assert stack.images.shape == (24, 512, 512) and stack.images.dtype == np.uint8
    assert stack.polarity == "labels: 255 = cell, 0 = membrane (membrane 22.5 % of pixels)"


def test_membrane_fraction_of_each_section(stack):
    fraction = stack.membrane.mean(axis=(1, 2))
    assert 0.16 < fraction.min() and fraction.max() < 0.28


def test_membranes_are_dark(stack):
    image = normalize(stack.images)
    assert image[stack.membrane].mean() < image[~stack.membrane].mean() - 1


def test_split_and_numbering(stack):
    test = stack.select(z_block_split(stack.n_sections).test)
    assert test.section_numbers == (20, 21, 22, 23)
