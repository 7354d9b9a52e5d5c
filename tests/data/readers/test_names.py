"""Names of files in a folder: order, and several pictures of each section."""

import warnings

import numpy as np
import pytest
import tifffile

from loihiseg.data import read_stack
from loihiseg.errors import InputError

N = 12
GREY = np.random.default_rng(0).integers(1, 255, (N, 16, 20), dtype=np.uint8)

ORDERED = {
    "parts across ten": [f"run1.{k + 4}.tif" for k in range(N)],
    "parts across a hundred": [f"b2.{k + 95}.tif" for k in range(N)],
    "parts of two": [f"{1 + k // 10}.{k % 10 + 1}.tif" for k in range(N)],
    "decimals": [f"z{0.5 * (k + 1):g}.tif" for k in range(N)],
    "decimals of two digits": [f"z{0.05 * (k + 1):.2f}.tif" for k in range(N)],
    "decimals across one": [f"z{0.95 + 0.05 * k:g}.tif" for k in range(N)],
    "all below zero": [f"z_{k - N}.tif" for k in range(N)],
    "all below zero, with words": [f"em z=-{N - k} um.tif" for k in range(N)],
    "a minus before all": [f"{k - N}.tif" for k in range(N)],
    "hyphens": [f"em-{k}.tif" for k in range(N)],
    "one channel": [f"s{k}_ch1.tif" for k in range(N)],
    "blocks named c": [f"c{k // 6}_s{k}.tif" for k in range(N)],
    "a second word for the second half": [f"{'ab'[k // 6]}_{k}.tif" for k in range(N)],
}  # fmt: skip

TWICE = {
    "prediction": ("s{}.tif", "s{}_pred.tif"),
    "probabilities": ("s{}_raw.tif", "s{}_Probabilities.tif"),
    "detectors": ("s{}_BSE.tif", "s{}_SE.tif"),
    "words in front": ("a{}.tif", "b{}.tif"),
    "padded and not": ("s{}.tif", "t{:03}.tif"),
    "with a scale": ("s{}_4nm.tif", "s{}_4nm_ids.tif"),
    "of another scale": ("s{}_4nm.tif", "s{}_8nm_small.tif"),
    "ch": ("s{}_ch0.tif", "s{}_ch1.tif"),
    "C in front": ("C0_z{}.tif", "C1_z{}.tif"),
    "channel": ("s{}-channel_1.tif", "s{}-channel_2.tif"),
}


def _write(folder, names, arrays=GREY):
    folder.mkdir(exist_ok=True)
    for name, array in zip(names, arrays):
        tifffile.imwrite(folder / name, array)
    return folder


@pytest.mark.parametrize("names", ORDERED.values(), ids=ORDERED)
def test_order(tmp_path, names):
    assert len(set(names)) == N
    np.testing.assert_array_equal(read_stack(_write(tmp_path / "em", names)).images, GREY)


@pytest.mark.parametrize("kind, missing", [
    (kind, missing) for kind in TWICE for missing in (0, 2)
    # Channels are told by their being the same for all sections.
    if not missing or not kind.lower().startswith("c")
])  # fmt: skip
def test_several_pictures_of_each_section(tmp_path, kind, missing):
    one, other = TWICE[kind]
    folder = _write(tmp_path / "em", [one.format(k) for k in range(N)])
    _write(folder, [other.format(k) for k in range(N - missing)], 255 - GREY)
    with pytest.raises(InputError) as error, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read_stack(folder)
    assert "\n" not in str(error.value) and "another folder" in str(error.value)


@pytest.mark.parametrize(
    "names, warns",
    [
        ([f"z-{k + 1}.tif" for k in range(N)], True),
        ([f"em_Z-{k + 1}.tif" for k in range(N)], True),
        ([f"z-{k}.tif" for k in range(N)], False),
        ([f"z-{k + 1:03}.tif" for k in range(N)], False),
        ([f"slice-{k + 1}.tif" for k in range(N)], False),
        ([f"z{k - 6}.tif" for k in range(N)], False),
    ],
)
def test_a_hyphen_that_may_be_a_minus_is_said(tmp_path, names, warns):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stack = read_stack(_write(tmp_path / "em", names))
    np.testing.assert_array_equal(stack.images, GREY)
    said = [str(one.message) for one in caught]
    assert len(said) == warns and all("were it a minus" in one for one in said)
