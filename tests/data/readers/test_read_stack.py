"""Reading stacks from files that the tests write themselves."""

import subprocess
import sys

import numpy as np
import pytest
import skimage.io
import tifffile
import zarr

from loihiseg.data import read_stack
from loihiseg.errors import InputError

N_SECTIONS, HEIGHT, WIDTH = 12, 20, 24


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (N_SECTIONS, HEIGHT, WIDTH), dtype=np.uint8)


@pytest.fixture
def labels():
    rng = np.random.default_rng(1)
    return np.where(rng.random((N_SECTIONS, HEIGHT, WIDTH)) < 0.2, 0, 255).astype(np.uint8)


def _write_sections(folder, array, suffix=".png"):
    folder.mkdir(parents=True)
    for number, section in enumerate(array):
        # Not zero-padded: alphabetical order would put 10 before 2.
        path = folder / f"section{number}{suffix}"
        if suffix == ".png":
            skimage.io.imsave(path, section, check_contrast=False)
        else:
            tifffile.imwrite(path, section)


def _check(stack, images, labels):
    np.testing.assert_array_equal(stack.images, images)
    if labels is None:
        assert stack.membrane is None
    else:
        np.testing.assert_array_equal(stack.membrane, labels == 0)


def _refused(path, *words, **options):
    with pytest.raises(InputError) as error:
        read_stack(path, **options)
    message = str(error.value)
    assert "\n" not in message
    for word in (*words, "expected"):
        assert word in message, message


@pytest.mark.parametrize(
    "names", [("train-volume.tif", "train-labels.tif"), ("my_volume.tif", "my_labels.tiff")]
)
def test_challenge_folder(tmp_path, images, labels, names):
    tifffile.imwrite(tmp_path / names[0], images)
    tifffile.imwrite(tmp_path / names[1], labels)
    stack = read_stack(tmp_path)
    _check(stack, images, labels)
    assert stack.source == str(tmp_path) and "255 = cell" in stack.polarity


def test_train_volume_is_preferred_and_labels_may_be_missing(tmp_path, images):
    tifffile.imwrite(tmp_path / "train-volume.tif", images)
    tifffile.imwrite(tmp_path / "test-volume.tif", images[::-1])
    _check(read_stack(str(tmp_path)), images, None)


def test_two_volumes_without_a_preferred_one(tmp_path, images):
    for name in ("a-volume.tif", "b-volume.tif"):
        tifffile.imwrite(tmp_path / name, images)
    _refused(tmp_path, "a-volume.tif, b-volume.tif")


@pytest.mark.filterwarnings("ignore:.*12 channels are taken as sections")
@pytest.mark.parametrize("options", [{}, {"imagej": True}, {"compression": "deflate"}])
def test_multi_page_tiff(tmp_path, images, labels, options):
    tifffile.imwrite(tmp_path / "em.tif", images, **options)
    tifffile.imwrite(tmp_path / "truth.tif", labels, **options)
    _check(read_stack(tmp_path / "em.tif"), images, None)
    _check(read_stack(tmp_path / "em.tif", labels=tmp_path / "truth.tif"), images, labels)


def test_single_section_files(tmp_path, images):
    tifffile.imwrite(tmp_path / "one.tif", images[0])
    skimage.io.imsave(tmp_path / "one.png", images[0], check_contrast=False)
    _check(read_stack(tmp_path / "one.tif"), images[:1], None)
    _check(read_stack(tmp_path / "one.png"), images[:1], None)


def test_label_polarity_is_passed_on(tmp_path, images, labels):
    tifffile.imwrite(tmp_path / "em.tif", images)
    tifffile.imwrite(tmp_path / "truth.tif", labels)
    options = {"labels": tmp_path / "truth.tif", "label_polarity": "membrane-bright"}
    _check(read_stack(tmp_path / "em.tif", **options), images, 255 - labels)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_folder_of_sections_in_natural_order(tmp_path, images, labels, suffix):
    _write_sections(tmp_path / "em", images, suffix)
    _write_sections(tmp_path / "truth", labels, suffix)
    (tmp_path / "em" / "notes.txt").write_text("not a section")
    (tmp_path / "em" / "._section0.png").write_bytes(b"left by a file manager")
    _check(read_stack(tmp_path / "em"), images, None)
    _check(read_stack(tmp_path / "em", labels=tmp_path / "truth"), images, labels)


def test_folder_with_subfolders(tmp_path, images, labels):
    _write_sections(tmp_path / "images", images)
    _check(read_stack(tmp_path), images, None)
    _write_sections(tmp_path / "labels", labels)
    _check(read_stack(tmp_path), images, labels)


def test_grey_saved_as_colour(tmp_path, images):
    _write_sections(tmp_path / "rgb", np.repeat(images[..., np.newaxis], 3, axis=-1))
    _check(read_stack(tmp_path / "rgb"), images, None)
    alpha = np.concatenate([images[..., np.newaxis], np.full((*images.shape, 1), 255, "u1")], -1)
    rgba = np.concatenate([np.repeat(images[..., np.newaxis], 2, axis=-1), alpha], axis=-1)
    _write_sections(tmp_path / "rgba", rgba)
    _check(read_stack(tmp_path / "rgba"), images, None)
    tifffile.imwrite(tmp_path / "rgb.tif", rgba[..., :3], photometric="rgb")
    _check(read_stack(tmp_path / "rgb.tif"), images, None)


def test_colour_is_refused(tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    skimage.io.imsave(tmp_path / "photo.png", colours)
    _refused(tmp_path / "photo.png", "photo.png", "colour image with 3 channels")


both_formats = pytest.mark.parametrize("zarr_format", [2, 3])


@both_formats
@pytest.mark.parametrize("name", ["raw", "images", "volume", "volumes/raw"])
def test_zarr_group(tmp_path, images, labels, name, zarr_format):
    group = zarr.open_group(tmp_path / "em.zarr", mode="w", zarr_format=zarr_format)
    group.create_array(name, data=images, chunks=(4, 8, 8))
    _check(read_stack(tmp_path / "em.zarr"), images, None)
    group.create_array("labels", data=labels)
    _check(read_stack(tmp_path / "em.zarr"), images, labels)


@both_formats
def test_zarr_array_with_labels_elsewhere(tmp_path, images, labels, zarr_format):
    zarr.save_array(tmp_path / "em.zarr", images, zarr_format=zarr_format)
    group = zarr.open_group(tmp_path / "truth.zarr", mode="w", zarr_format=zarr_format)
    group.create_array("labels", data=labels)
    stack = read_stack(tmp_path / "em.zarr", labels=tmp_path / "truth.zarr")
    _check(stack, images, labels)
    _check(read_stack(tmp_path / "em.zarr", labels=tmp_path / "truth.zarr/labels"), images, labels)


@both_formats
def test_ome_zarr_axes_of_length_one(tmp_path, images, zarr_format):
    group = zarr.open_group(tmp_path / "em.zarr", mode="w", zarr_format=zarr_format)
    group.create_array("0", data=images[np.newaxis, np.newaxis])
    group.create_array("1", data=images[np.newaxis, np.newaxis, :, ::2, ::2])
    _check(read_stack(tmp_path / "em.zarr"), images, None)


def test_all_forms_give_the_same_digest(tmp_path, images, labels):
    tifffile.imwrite(tmp_path / "em.tif", images)
    _write_sections(tmp_path / "em", images)
    zarr.save_array(str(tmp_path / "em.zarr"), images)
    assert len({read_stack(tmp_path / name).digest for name in ("em.tif", "em", "em.zarr")}) == 1


# Bad input


def test_missing_path(tmp_path, images):
    _refused(tmp_path / "nowhere.tif", "nowhere.tif", "no such file")
    tifffile.imwrite(tmp_path / "em.tif", images)
    _refused(tmp_path / "em.tif", "truth.tif", "no such file", labels=tmp_path / "truth.tif")


@pytest.mark.parametrize("options", [{}, {"imagej": True}, {"compression": "deflate"}])
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.3, 0.6])
def test_truncated_tiff(tmp_path, images, options, kept):
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, images, **options)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    _refused(path, "cut.tif", "cannot be read as a TIFF")


@pytest.mark.filterwarnings("ignore:.*12 channels are taken as sections")
@pytest.mark.parametrize("options", [{}, {"imagej": True}, {"compression": "deflate"}])
def test_truncated_tiff_never_loses_sections_silently(tmp_path, images, options):
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, images, **options)
    data = path.read_bytes()
    for missing in range(1, len(data), 211):
        path.write_bytes(data[:-missing])
        try:
            stack = read_stack(path)
        except InputError:
            continue
        # The end of a file can be dispensable: a date, or the list of pages of ImageJ.
        np.testing.assert_array_equal(stack.images, images)


def test_pages_of_differing_sizes(tmp_path, images):
    with tifffile.TiffWriter(tmp_path / "mixed.tif") as tiff:
        tiff.write(images[0])
        tiff.write(images[1, :-2])
    _refused(tmp_path / "mixed.tif", "mixed.tif", "2 different sizes")


def test_unreadable_png(tmp_path, images):
    _write_sections(tmp_path / "em", images)
    path = tmp_path / "em" / "section4.png"
    path.write_bytes(path.read_bytes()[:100])
    _refused(tmp_path / "em", "section4.png", "cannot be read as a PNG")
    path.write_bytes(b"")
    _refused(tmp_path / "em", "section4.png", "cannot be read as a PNG")


def test_empty_folder_and_unknown_file(tmp_path):
    _refused(tmp_path, str(tmp_path), "no .png, .tif, .tiff, .jpg or .bmp files")
    (tmp_path / "em.czi").write_bytes(b"ZISRAW")
    _refused(tmp_path / "em.czi", "em.czi", "type .czi")


def test_sections_of_differing_sizes(tmp_path, images):
    _write_sections(tmp_path / "em", [*images[:3], images[3, :-1]])
    _refused(tmp_path / "em", "section3.png", "19 x 24", "20 x 24", "section0.png")


def test_stacks_inside_a_folder_of_sections(tmp_path, images):
    _write_sections(tmp_path / "em", [images[:2], images[2:4]], ".tif")
    _refused(tmp_path / "em", "section0.tif", "(2, 20, 24)")


def test_labels_of_another_stack(tmp_path, images, labels):
    tifffile.imwrite(tmp_path / "train-volume.tif", images)
    tifffile.imwrite(tmp_path / "train-labels.tif", labels[:-1])
    with pytest.raises(InputError, match=r"\(11, 20, 24\).*\(12, 20, 24\)"):
        read_stack(tmp_path)


@both_formats
def test_zarr_group_without_a_known_array(tmp_path, images, zarr_format):
    group = zarr.open_group(tmp_path / "em.zarr", mode="w", zarr_format=zarr_format)
    group.create_array("tissue", data=images)
    _refused(tmp_path / "em.zarr", "em.zarr", "holds tissue", "raw")
    _check(read_stack(tmp_path / "em.zarr" / "tissue"), images, None)


@pytest.mark.parametrize("zarr_format, chunk", [(2, "0.0.0"), (3, "c/0/0/0")])
def test_corrupt_zarr_chunk(tmp_path, images, zarr_format, chunk):
    zarr.save_array(tmp_path / "em.zarr", images, zarr_format=zarr_format)
    (tmp_path / "em.zarr" / chunk).write_bytes(b"rubbish")
    _refused(tmp_path / "em.zarr", "em.zarr", "cannot be read as a Zarr")


def test_reading_imports_neither_tensorflow_nor_nengo(tmp_path, images):
    tifffile.imwrite(tmp_path / "em.tif", images)
    code = (
        "import sys; from loihiseg.data.readers import read_stack; read_stack(sys.argv[1]); "
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'tensorflow', 'tf_keras', 'keras', 'nengo', 'nengo_dl', 'nengo_loihi'}))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "em.tif")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
