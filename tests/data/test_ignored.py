"""Pixels that count for nothing: ignored labels, ids that are no cells, padding, NaN."""

import warnings

import numpy as np
import pytest

from loihiseg.data import make_stack, normalize, sample_crops
from loihiseg.data.instances import boundaries
from loihiseg.data.labels import LabelOptions
from loihiseg.data.padding import without_nan
from loihiseg.data.tiles import spread_tiles, whole_tiles
from loihiseg.data.warn import ReadingWarning
from loihiseg.errors import InputError
from tests.tissue import tissue

N, HEIGHT, WIDTH = 4, 48, 40
TISSUE = tissue(N, HEIGHT, WIDTH)
MEMBRANE, GREY, LABELS = TISSUE.membrane, TISSUE.grey, TISSUE.labels
IGNORED = np.zeros((N, HEIGHT, WIDTH), bool)
IGNORED[:, 20:34, 5:21] = True
IGNORED[2, :, 30:] = True


def _warned(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = call()
    return found, [str(one.message) for one in caught if one.category is ReadingWarning]


@pytest.mark.parametrize(
    "dtype, value", [("u1", 9), ("u1", 255), ("i2", -1), ("f4", 0.5), ("f4", np.nan)]
)
@pytest.mark.parametrize("inverted", [False, True])
def test_ignored_labels(dtype, value, inverted):
    labels = np.where(MEMBRANE ^ inverted, 1, 2).astype(dtype)
    labels[IGNORED] = value
    options = LabelOptions(ignore=value)
    stack, said = _warned(lambda: make_stack(GREY, labels, "here", label_options=options))
    np.testing.assert_array_equal(stack.known, ~IGNORED)
    np.testing.assert_array_equal(stack.membrane, MEMBRANE & ~IGNORED)
    assert not said and "count for nothing" in stack.polarity
    assert f"membrane {100 * MEMBRANE[~IGNORED].mean():.1f} %" in stack.polarity


def test_ignored_pixels_are_not_in_the_majority():
    labels = LABELS.copy()
    labels[:, :36] = 7
    labels[:, :36, ::9] = 0
    options = LabelOptions(ignore=7)
    assert "inverted" not in make_stack(GREY, labels, "here", label_options=options).polarity


def test_a_value_that_no_label_has_is_said():
    options = LabelOptions(ignore=9)
    stack, said = _warned(lambda: make_stack(GREY, LABELS, "here", label_options=options))
    assert stack.known is None and len(said) == 1 and "no label has the value 9" in said[0]


def test_a_section_that_is_ignored_is_not_labelled():
    labels = LABELS.copy()
    labels[1] = 9
    options = LabelOptions(ignore=9)
    stack, said = _warned(lambda: make_stack(GREY, labels, "here", label_options=options))
    assert stack.labelled_sections == (0, 2, 3) and "section 1" in said[0]
    labels[:] = 9
    with pytest.raises(InputError, match="labels have 0 values"):
        make_stack(GREY, labels, "here", label_options=options)


def test_digest_sees_what_is_ignored():
    labels = LABELS.copy()
    cells = IGNORED & ~MEMBRANE
    labels[IGNORED & MEMBRANE] = 9
    some = make_stack(GREY, labels, "here", label_options=LabelOptions(ignore=9))
    labels[cells] = 9
    more = make_stack(GREY, labels, "here", label_options=LabelOptions(ignore=9))
    np.testing.assert_array_equal(some.membrane, more.membrane)
    assert some.digest != more.digest


def test_selected_sections_keep_what_counts():
    labels = np.where(IGNORED, 9, LABELS)
    stack = make_stack(GREY, labels, "here", label_options=LabelOptions(ignore=9))
    np.testing.assert_array_equal(stack.select((0, 2)).known, ~IGNORED[[0, 2]])
    labels[3] = LABELS[3]
    stack = make_stack(GREY, labels, "here", label_options=LabelOptions(ignore=9))
    assert stack.select((3,)).known is None


def _ids():
    ids = np.full((2, 24, 24), 11, np.int64)
    ids[:, :, 8:] = 25
    ids[:, :, 16:] = 17
    ids[:, 12:] += 40
    return ids


@pytest.mark.parametrize(
    "dtype, value",
    [("u8", 2**64 - 1), ("u8", 2**64 - 2), ("u8", 2**64 - 3), ("i8", -1), ("i4", -3), ("i2", -7)],
)
def test_ids_that_are_no_cells(dtype, value):
    ids = _ids()
    hole = np.zeros(ids.shape, bool)
    hole[:, 4:9, 5:20] = True
    edges = boundaries(ids[0])
    labels = ids.astype(dtype)
    labels[hole] = value
    stack, said = _warned(lambda: make_stack(GREY[:2, :24, :24], labels, "here"))
    np.testing.assert_array_equal(stack.known, ~hole)
    np.testing.assert_array_equal(stack.membrane, edges & ~hole)  # none around the hole
    assert len(said) == 1 and str(value) in said[0] and "no cells" in said[0]
    assert "6 instances" in stack.polarity


def test_an_ignored_id_has_no_boundary():
    ids = _ids().astype(np.uint64)
    ids[:, :, 12:] = 2**63 + 1  # which no float of 64 bits has
    options = LabelOptions(ignore=2**63 + 1)
    stack = make_stack(GREY[:2, :24, :24], ids, "here", label_options=options)
    assert not stack.membrane[:, :10, 10:].any() and not stack.known[:, :, 12:].any()


@pytest.mark.parametrize("value", [0, 21000])
def test_padding_counts_for_nothing(value):
    images = GREY.astype(np.uint16) * 100
    images[:, :, :6] = value
    stack = make_stack(images, LABELS, "here")
    assert not stack.known[:, :, :6].any() and stack.known[:, :, 6:].all()
    assert f"membrane {100 * MEMBRANE[:, :, 6:].mean():.1f} %" in stack.polarity
    alone = make_stack(images, None, "here")
    np.testing.assert_array_equal(alone.known, stack.known)
    assert alone.polarity == "labels: none; 15.0 % of all pixels count for nothing"


@pytest.mark.parametrize("where", ["border", "corner", "void", "section"])
def test_nan_as_padding(where):
    images = GREY.astype(np.float32)
    rows, columns = np.indices(images.shape[1:])
    hole = {
        "border": columns < 2,
        "corner": rows + columns < 3,
        "void": (abs(rows - 24) < 6) & (abs(columns - 20) < 6),
        "section": rows >= 0,
    }[where]
    images[1, hole] = np.nan
    stack, said = _warned(lambda: make_stack(images, None, "here"))
    np.testing.assert_array_equal(stack.known[1], ~hole)
    assert stack.known[[0, 2, 3]].all() and len(said) == 1 and "NaN" in said[0]
    # The rest is scaled, and normalized, as if there were none.
    same = make_stack(GREY.astype(np.float32), None, "here")
    assert abs(stack.images[0].astype(int) - same.images[0]).max() <= 6
    assert np.isfinite(normalize(stack.images)).all()


def test_nan_elsewhere_is_refused():
    images = GREY.astype(np.float32)
    images[1, :, :4] = np.nan
    images[1, 20, 20:23] = np.nan
    with pytest.raises(InputError, match="here: images have 3 NaN or infinite"):
        make_stack(images, None, "here")
    section, missing = without_nan(images[1])
    assert np.isnan(section).sum() == 3 and missing.sum() == 4 * HEIGHT


def test_tiles_carry_what_counts():
    labels = np.where(IGNORED, 9, LABELS)
    stack = make_stack(GREY, labels, "here", label_options=LabelOptions(ignore=9))
    tiles = whole_tiles(stack, 16)
    assert tiles.known.shape == tiles.membrane.shape
    assert not (tiles.membrane & ~tiles.known).any()
    for (z, y, x), known in zip(tiles.places, tiles.known):
        np.testing.assert_array_equal(known, ~IGNORED[z, y : y + 16, x : x + 16])
    assert all(known.mean() >= 0.5 for known in spread_tiles(stack, 8, None).known)


def test_crops_move_what_counts_with_the_labels():
    known = np.random.default_rng(1).random(MEMBRANE.shape) < 0.6
    labels = np.where(known, LABELS, 9)
    stack = make_stack(GREY, labels, "here", label_options=LabelOptions(ignore=9))
    # Where labels are what counts, crops of both are the same.
    told = make_stack(GREY, np.where(known, 0, 255), "here", "cell-bright")
    object.__setattr__(told, "known", stack.known)
    _, membrane, crop = sample_crops(told, 32, 8, np.random.default_rng(2))
    np.testing.assert_array_equal(membrane > 0, crop)
    _, membrane, crop = sample_crops(stack, 32, 8, np.random.default_rng(2))
    assert set(np.unique(membrane)) == {0.0, 1.0} and crop.dtype == bool
    assert not membrane[~crop].any() and 0.4 < crop.mean() < 0.8


def test_crops_lie_where_something_counts():
    labels = np.full_like(LABELS, 9)
    labels[:, 30:, 25:] = LABELS[:, 30:, 25:]
    stack = make_stack(GREY, labels, "here", label_options=LabelOptions(ignore=9))
    *_, crop = sample_crops(stack, 16, 32, np.random.default_rng(3), augment=False)
    assert np.median(crop.mean(axis=(1, 2, 3))) >= 0.25
