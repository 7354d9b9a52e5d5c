"""Files that were once read as something else without a word: read right now, or refused."""

import warnings

import numpy as np
import pytest
import tifffile

from loihiseg.data import make_stack, read_stack
from loihiseg.data.contrast import normalize
from loihiseg.data.labels import LabelOptions
from loihiseg.data.padding import padding_of
from loihiseg.data.selection import select_sections
from loihiseg.data.splits import z_block_split
from loihiseg.data.tiles import spread_tiles
from loihiseg.data.warn import ReadingWarning
from loihiseg.errors import InputError
from tests.tissue import tissue

N, HEIGHT, WIDTH = 12, 48, 40
TISSUE = tissue(N, HEIGHT, WIDTH)
MEMBRANE, GREY, LABELS = TISSUE.membrane, TISSUE.grey, TISSUE.labels


def _warned(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = call()
    return found, [str(one.message) for one in caught if one.category is ReadingWarning]


def _filled(array, where, value):
    """Sections with one of the paddings that alignment leaves."""
    array, shape = array.copy(), array.shape[1:]
    rows, columns = np.indices(shape)
    mask = {
        "left": columns < 4,
        "frame": (rows < 3) | (rows >= shape[0] - 3) | (columns < 3) | (columns >= shape[1] - 3),
        "corner": rows + columns < 16,
        "void": (abs(rows - 24) < 8) & (abs(columns - 20) < 8),
    }[where]
    array[:, mask] = value
    return array, mask


PADDINGS = [
    (dtype, where, value)
    for dtype, values in [
        ("u2", (0, 65535, 21000)),
        ("i2", (-32768, 0)),
        ("f4", (0.0, -1.0)),
    ]
    for where in ("left", "frame", "corner", "void")
    for value in values
]


@pytest.mark.parametrize("dtype, where, value", PADDINGS)
def test_padding_is_left_out_of_percentiles(dtype, where, value):
    scale, offset = {"u2": (10, 20000), "i2": (10, 2000), "f4": (0.001, 0.5)}[dtype]
    images = (GREY * scale + offset).astype(dtype)
    padded, mask = _filled(images, where, value)
    # The very percentiles of the pixels that are left.
    dark, bright = np.percentile(images[:, ~mask], [0.5, 99.5])
    right = np.clip(np.rint((images[:, ~mask] - dark) * (255 / (bright - dark))), 0, 255)
    found = make_stack(padded, None, "here").images[:, ~mask].astype(int)
    assert abs(found - right).max() <= 1


@pytest.mark.parametrize("where", ["left", "frame", "corner", "void"])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_padding_is_left_out_of_the_mean(where, value):
    padded, mask = _filled(GREY, where, value)
    tissue = GREY[:, ~mask].astype(float)
    right = (tissue - tissue.mean(1, keepdims=True)) / tissue.std(1, keepdims=True)
    np.testing.assert_allclose(normalize(padded)[:, ~mask], right, atol=2e-2)
    np.testing.assert_array_equal(normalize(padded)[3], normalize(padded[3]))


def test_tissue_is_no_padding():
    assert padding_of(GREY[0]) is None and padding_of(MEMBRANE[0]) is None
    assert padding_of(np.zeros((64, 64), np.uint8)) is None  # nothing would be left
    saturated = np.where(np.random.default_rng(1).random(GREY.shape) < 0.2, 255, GREY)
    assert not any(padding_of(section) is not None for section in saturated)


def test_blank_sections_count_for_nothing():
    images = GREY.astype(np.uint16) * 10 + 20000
    blank = images.copy()
    blank[5] = 0
    found = make_stack(blank, None, "here").images
    right = make_stack(np.delete(images, 5, 0), None, "here").images
    np.testing.assert_array_equal(np.delete(found, 5, 0), right)


def test_tiles_of_padding_are_left_out():
    padded = GREY.copy()
    padded[:, :24] = 0
    stack = make_stack(padded, None, "here")
    for count in (None, 5):
        tiles = spread_tiles(stack, 20, count)
        assert tiles.places and all(top >= 24 for _, top, _ in tiles.places)


UNLABELLED = [
    (blank, value) for blank in ([10, 11], range(4, 12), [0], [0, 2, 4, 6, 8]) for value in (0, 255)
]


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("blank, value", UNLABELLED)
def test_sections_without_labels(blank, value, inverted):
    labels = LABELS.copy()
    labels[list(blank)] = value
    stack, said = _warned(
        lambda: make_stack(GREY, 255 - labels if inverted else labels, "here", labels_source="l")
    )
    labelled = sorted(set(range(N)) - set(blank))
    assert stack.labelled_sections == tuple(labelled)
    np.testing.assert_array_equal(stack.membrane[labelled], MEMBRANE[labelled])
    assert not stack.membrane[list(blank)].any()
    assert len(said) == 1 and said[0].startswith("l: ") and str(next(iter(blank))) in said[0]
    assert f"{100 * MEMBRANE[labelled].mean():.1f} % of pixels of the" in stack.polarity


def test_sections_without_labels_are_left_out():
    labels = LABELS.copy()
    labels[[1, 4, 9]] = 255
    stack, _ = _warned(lambda: make_stack(GREY, labels, "here"))
    split = z_block_split(N, stack.labelled_sections)
    parts = [stack.select_labelled(part) for part in (split.train, split.validation, split.test)]
    numbers = [number for part in parts for number in part.section_numbers]
    assert numbers == [0, 2, 3, 5, 6, 7, 8, 10, 11] and all(p.labelled is None for p in parts)
    chosen, said = _warned(lambda: select_sections(stack, "3:6", None))
    assert chosen.test.section_numbers == (3, 5) and "4" in said[0]
    alone = stack.select((4, 9))
    assert alone.membrane is None and alone.labelled is None
    assert stack.select((3, 4)).labelled == (True, False)
    with pytest.raises(InputError, match="none of the sections"):
        stack.select_labelled((4, 9))
    assert stack.digest != make_stack(GREY, LABELS, "here").digest


def test_too_few_sections_with_labels_to_split():
    with pytest.raises(InputError, match="with labels"):
        z_block_split(12, (3, 4))
    labels = LABELS.copy()
    labels[2:] = 0
    stack, _ = _warned(lambda: make_stack(GREY, labels, "here"))
    chosen = select_sections(stack, None, None)
    assert chosen.validation is None and chosen.test.section_numbers == (0, 1)


@pytest.mark.parametrize("share, inverted, warns", [
    (0.25, False, False), (0.45, False, True), (0.55, False, True), (0.65, True, False),
    (0.9, True, False),
])  # fmt: skip
def test_polarity_near_one_half(share, inverted, warns):
    dark = np.zeros((2, 20, 20), bool)
    dark[:, :, : int(share * 20)] = True
    images = GREY[:2, :20, :20]
    stack, said = _warned(lambda: make_stack(images, np.where(dark, 0, 255), "here"))
    np.testing.assert_array_equal(stack.membrane, ~dark if inverted else dark)
    assert bool(said) == warns
    for polarity, right in (("cell-bright", dark), ("membrane-bright", ~dark)):
        fixed, said = _warned(lambda p=polarity: make_stack(images, np.where(dark, 0, 9), "x", p))
        np.testing.assert_array_equal(fixed.membrane, right)
        assert not said


def _write(folder, names, arrays):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(names, arrays):
        tifffile.imwrite(folder / name, array)
    return folder


ORDERED = {
    "signs": [f"z{k - 6}.tif" for k in range(N)],
    "signs behind _": [f"em_z_{k - 6}.tif" for k in range(N)],
    "padded signs": [f"z{k - 6:+03d}.tif".replace("+", "") for k in range(N)],
    "hyphens": [f"slice-{k}.tif" for k in range(N)],
    "dates": [f"2021-03-{k + 1}.tif" for k in range(N)],
    "decimals": [f"z_{k * 0.05:g}um.tif" for k in range(1, N + 1)],
    "signed decimals": [f"z{(k - 6) * 0.25:g}.tif" for k in range(N)],
    "three parts": [f"1.2.{k}.tif" for k in range(N)],
    "two numbers": [f"run{k // 5}_s{k % 5 + 8}.tif" for k in range(N)],
    "words": [f"{chr(97 + k)}.tif" for k in range(N)],
    "not padded": [f"s{k}.tif" for k in range(N)],
    "steps of 10": [f"s{10 * k}.tif" for k in range(N)],
}  # fmt: skip


@pytest.mark.parametrize("names", ORDERED.values(), ids=ORDERED)
def test_order_of_names(tmp_path, names):
    stack, said = _warned(lambda: read_stack(_write(tmp_path / "em", names, GREY)))
    np.testing.assert_array_equal(stack.images, GREY)
    assert not said


@pytest.mark.parametrize("missing", [[3], [3, 4], [1, 8]])
def test_gaps_are_named(tmp_path, missing):
    names = [f"s{k}.tif" for k in range(N)]
    _write(tmp_path / "em", names, GREY)
    for number in missing:
        (tmp_path / "em" / f"s{number}.tif").unlink()
    stack, said = _warned(lambda: read_stack(tmp_path / "em"))
    assert len(stack.images) == N - len(missing)
    assert len(said) == 1 and ", ".join(map(str, missing)) + " not there" in said[0]


@pytest.mark.parametrize(
    "name", ["overview.tif", "s3 (1).tif", "s3 copy.tif", "s03.tif", "s3.tiff", "Copy of s3.tif"]
)
def test_strangers_and_copies_are_refused(tmp_path, name):
    _write(tmp_path / "em", [f"s{k}.tif" for k in range(N)], GREY)
    tifffile.imwrite(tmp_path / "em" / name, GREY[3])
    with pytest.raises(InputError) as error:
        read_stack(tmp_path / "em")
    said = str(error.value)
    assert name in said or "s3.tif" in said
    assert "\n" not in said and "move" in said


TOGETHER = [
    ("s{}_raw.tif", "s{}_label.tif"), ("{}.tif", "{}_mask.tif"), ("im{}.tif", "GT_im{}.tif"),
    ("s{}.tif", "s{}-labels.tif"), ("rawImage{}.tif", "rawImage{}Membranes.tif"),
    ("image_{}.tif", "mask_{}.tif"), ("em {}.tif", "em {} seg.tif"),
]  # fmt: skip


@pytest.mark.parametrize("image, label", TOGETHER)
def test_images_and_labels_in_one_folder(tmp_path, image, label):
    _write(tmp_path / "em", [image.format(k) for k in range(N)], GREY)
    _write(tmp_path / "em", [label.format(k) for k in range(N)], LABELS)
    stack = read_stack(tmp_path / "em")
    np.testing.assert_array_equal(stack.images, GREY)
    np.testing.assert_array_equal(stack.membrane, MEMBRANE)
    (tmp_path / "em" / label.format(4)).unlink()
    with pytest.raises(InputError, match="do not pair"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read_stack(tmp_path / "em")


@pytest.mark.parametrize("images", ["images", "raw", "img", "EM"])
@pytest.mark.parametrize("labels", ["labels", "masks", "membranes", "groundtruth", "Seg"])
def test_folders_of_labels_beside_images(tmp_path, images, labels):
    names = [f"s{k}.tif" for k in range(N)]
    _write(tmp_path / images, names, GREY)
    _write(tmp_path / labels, names, LABELS)
    stack, said = _warned(lambda: read_stack(tmp_path))
    np.testing.assert_array_equal(stack.membrane, MEMBRANE)
    assert not said


def test_folders_beside_images_that_are_not_read(tmp_path):
    names = [f"s{k}.tif" for k in range(N)]
    _write(tmp_path / "images", names, GREY)
    _write(tmp_path / "mitochondria", names, LABELS)
    stack, said = _warned(lambda: read_stack(tmp_path))
    assert stack.membrane is None and "mitochondria is not read" in said[0]
    _write(tmp_path / "labels", names, LABELS)
    _write(tmp_path / "masks", names, LABELS)
    with pytest.raises(InputError, match="labels, masks could all hold the labels"):
        read_stack(tmp_path)


def _cells(dtype, first=1):
    """Ids of the areas between the membranes of one section, and their boundaries."""
    ids = np.full((2, 24, 24), first, np.int64)
    ids[:, :, 8:] += 1
    ids[:, 12:] += 2
    edges = np.zeros(ids.shape, bool)
    edges[:, :, 7:9] = True
    edges[:, 11:13] = True
    return ids.astype(dtype), edges


@pytest.mark.parametrize("dtype", ["u2", "i2", "u4", "i4", "u8", "i8"])
def test_instances_become_boundaries(dtype):
    ids, edges = _cells(dtype)
    stack = make_stack(GREY[:2, :24, :24], ids, "here")
    np.testing.assert_array_equal(stack.membrane, edges)
    assert "4 instances, their boundaries" in stack.polarity


def test_zero_between_instances_is_membrane():
    ids, edges = _cells("u2")
    ids[:, 11:13] = 0
    stack = make_stack(GREY[:2, :24, :24], ids, "here")
    assert stack.membrane[edges].all() and "and 0 = membrane" in stack.polarity


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_masks_with_soft_edges_are_no_instances(dtype):
    soft = np.where(MEMBRANE, 0, 255)
    soft[:, 1::7, 1::7] = 100
    with pytest.raises(InputError, match="expected exactly two"):
        make_stack(GREY, soft.astype(dtype), "here")


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_masks_with_soft_edges_by_a_threshold(dtype):
    soft = np.where(MEMBRANE, 3, 250)
    soft[:, 1::7, 1::7] = np.where(MEMBRANE, 90, 190)[:, 1::7, 1::7]
    stack = make_stack(GREY, soft.astype(dtype), "here", label_options=LabelOptions(128))
    np.testing.assert_array_equal(stack.membrane, MEMBRANE)
    assert "labels above 128 are True" in stack.polarity


@pytest.mark.parametrize("width", [2, 4, 8])
def test_width_of_boundaries(width):
    ids, _ = _cells("u4")
    options = LabelOptions(boundary_width=width)
    stack = make_stack(GREY[:2, :24, :24], ids, "here", label_options=options)
    assert (stack.membrane[0, 2].sum(), stack.membrane[0, :, 20].sum()) == (width, width)
    assert f"boundaries of {width} pixels" in stack.polarity


@pytest.mark.parametrize(
    "options", [{"threshold": np.nan}, {"boundary_width": 3}, {"boundary_width": 0}]
)
def test_label_options_that_mean_nothing(options):
    with pytest.raises(InputError, match="expected"):
        LabelOptions(**options)


def test_sizes_of_pixels_in_a_folder(tmp_path):
    folder = tmp_path / "em"
    folder.mkdir()
    for number, section in enumerate(GREY):
        per_unit = (2.5e6, 2.5e6) if number < 11 else (2e6, 2e6)
        tifffile.imwrite(
            folder / f"s{number}.tif", section, resolution=per_unit, resolutionunit="CENTIMETER"
        )
    stack, said = _warned(lambda: read_stack(folder))
    assert len(said) == 1
    assert stack.pixel_nm is None and "s11.tif: pixels of another size" in said[0]
    (folder / "s11.tif").unlink()
    stack, said = _warned(lambda: read_stack(folder))
    assert not said and stack.select((3, 5)).pixel_nm == (None, 4.0, 4.0)
