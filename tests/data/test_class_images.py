"""Images and classes from NumPy files: taken as they are, or refused by name."""

import zipfile

import numpy as np
import pytest

from loihiseg.data.class_images import (
    UNKNOWN,
    choose_images,
    make_class_images,
    read_class_images,
)
from loihiseg.errors import InputError
from loihiseg.results import Task

IMAGE = Task("classes", (4, 6, 3), (1, 1, 5))
GREY = Task("classes", (4, 4, 1), (4, 4, 3))
VECTOR = Task("classes", (1, 1, 7), (1, 1, 1))
RNG = np.random.default_rng(0)


def pixels(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def test_an_archive_and_a_file_of_images_alone(tmp_path):
    images, labels = pixels(5, 4, 6, 3), np.array([0, 4, 2, 1, 1], np.uint8)
    np.savez(tmp_path / "all.npz", images=images, labels=labels, calibration_images=images[:2])
    np.savez_compressed(tmp_path / "packed.npz", images=images, labels=labels)
    np.save(tmp_path / "images.npy", np.asfortranarray(images.astype(">f8")))
    np.save(tmp_path / "labels.npy", labels)
    whole = read_class_images(tmp_path / "all.npz", IMAGE)
    np.testing.assert_array_equal(whole.images, images)
    np.testing.assert_array_equal(whole.calibration, images[:2])
    assert whole.labels.tolist() == labels.tolist() and whole.labels.dtype == np.int64
    packed = read_class_images(tmp_path / "packed.npz", IMAGE)
    apart = read_class_images(tmp_path / "images.npy", IMAGE, tmp_path / "labels.npy")
    assert packed.calibration is apart.calibration is None
    assert packed.digest == apart.digest == whole.digest
    alone = read_class_images(tmp_path / "images.npy", IMAGE)
    assert alone.labels is None and alone.digest != whole.digest


@pytest.mark.parametrize(
    "task, shape",
    [(GREY, (2, 4, 4)), (GREY, (2, 4, 4, 1)), (VECTOR, (2, 7)), (IMAGE, (2, 4, 6, 3))],
)
def test_axes_of_one_may_be_left_out(task, shape):
    found = make_class_images((10 * pixels(*shape)).astype(np.int16), task)
    assert found.images.shape == (2, *task.input_shape) and found.images.dtype == np.float32


@pytest.mark.parametrize(
    "images, says",
    [
        (pixels(2, 6, 4, 3), "the network takes (n, 4, 6, 3)"),
        (pixels(2, 4, 6), "float32 of shape (2, 4, 6)"),
        (pixels(0, 4, 6, 3), "shape (0, 4, 6, 3)"),
        (np.full((2, 4, 6, 3), "a"), "<U1"),
        (np.full((2, 4, 6, 3), np.nan), "not finite"),
    ],
)
def test_images_that_are_not_for_the_network(images, says):
    with pytest.raises(InputError) as error:
        make_class_images(images, IMAGE, source="cells.npz")
    assert says in str(error.value) and str(error.value).startswith("cells.npz: images: ")


@pytest.mark.parametrize(
    "labels, says",
    [
        (np.array([0, 5]), "1 label beyond 0 to 4, such as 5"),
        (np.array([-1, -2]), "2 labels beyond"),
        (np.array([0.0, 1.0]), "expected whole numbers"),
        (np.array([0, 1, 2]), "shape (3,)"),
        (np.eye(5, dtype=int)[:2], "one-hot"),
    ],
)
def test_labels_that_are_none_of_the_network(labels, says):
    with pytest.raises(InputError, match="images in memory: labels: ") as error:
        make_class_images(pixels(2, 4, 6, 3), IMAGE, labels)
    assert says in str(error.value)


def test_labels_that_say_nothing():
    labels = np.full((2, 4, 4), 255, np.uint8)
    labels[0, 0] = 2
    found = make_class_images(pixels(2, 4, 4), GREY, labels, ignore=255).labels
    assert (found[0, 0] == 2).all() and (found == UNKNOWN).sum() == 28
    with pytest.raises(InputError, match="all are to be ignored"):
        make_class_images(pixels(2, 4, 4), GREY, np.full((2, 4, 4), 255), ignore=255)


def test_images_to_show_and_to_calibrate_on():
    data = make_class_images(pixels(10, 7), VECTOR, np.arange(10) % 2)
    every = choose_images(data, None, None, 3)
    assert len(every.shown.images) == 10 and len(every.calibration) == 3 and not every.apart
    some = choose_images(data, "4:", 2, 8)
    assert some.shown.numbers == (5, 8) and some.shown.labels.tolist() == [1, 0]
    np.testing.assert_array_equal(some.calibration, data.images[:4])
    assert some.apart and some.words == "4 of images beside 4:"


def write_text(path):
    path.write_text("images")


def write_pickled(path):
    np.savez(path, images=np.array([{}], object))


def write_cut(path):
    np.savez(path, images=pixels(5, 4, 6, 3))
    path.write_bytes(path.read_bytes()[:400])


def write_others(path):
    np.savez(path, x=pixels(5, 4, 6, 3))


@pytest.mark.parametrize(
    "write, says",
    [
        (write_text, "damaged"),
        (write_pickled, "plain numbers are read"),
        (write_cut, "damaged"),
        (write_others, "has no array 'images'"),
    ],
)
def test_archives_from_strangers(tmp_path, write, says):
    path = tmp_path / "images.npz"
    write(path)
    with pytest.raises(InputError) as error:
        read_class_images(path, IMAGE)
    assert says in str(error.value) and str(error.value).startswith(str(path))


def test_a_size_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.setattr("loihiseg.data.readers.limits.BELIEVED_BYTES", 2**10)
    monkeypatch.setattr("loihiseg.data.readers.limits.MOST_EXPANSION", 100)
    path = tmp_path / "images.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", bytes(2**20))
    with pytest.raises(InputError, match="declares"):
        read_class_images(path, IMAGE)


def test_other_files_and_labels_twice(tmp_path):
    np.savez(tmp_path / "all.npz", images=pixels(2, 4, 6, 3), labels=np.array([0, 1]))
    np.save(tmp_path / "labels.npy", np.array([0, 1]))
    with pytest.raises(InputError, match="leave out one of them"):
        read_class_images(tmp_path / "all.npz", IMAGE, tmp_path / "labels.npy")
    with pytest.raises(InputError, match=r"expected an \.npz or \.npy file"):
        read_class_images(__file__, IMAGE)
    with pytest.raises(InputError, match="cannot be read"):
        read_class_images(tmp_path / "none.npz", IMAGE)


def test_larger_images_are_cut_and_assembled():
    images = pixels(3, 7, 9, 1)
    labels = RNG.integers(0, 3, (3, 7, 9))
    data = make_class_images(images, GREY, labels)
    assert data.grid.tile == 4 and data.pixels.shape == (3 * 2 * 3, 4, 4, 1)
    np.testing.assert_array_equal(data.pixels[-1], images[-1, 3:, 5:])
    assert data.places[-1] == (2, 3, 5) and len(data.places) == 18
    np.testing.assert_allclose(data.assembled(data.pixels[..., 0]), images[..., 0], rtol=1e-6)
    three = np.concatenate([data.pixels, 2 * data.pixels, -data.pixels], axis=-1)
    whole = data.assembled(three)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(whole, images * np.float32([1, 2, -1]), rtol=1e-6)
    one = data.picked([1])
    np.testing.assert_array_equal(one.pixels, data.pixels[6:12])
    chosen = choose_images(data, "1:", None, 3)
    assert chosen.calibration.shape == (2, 4, 4, 1) and chosen.apart
    assert chosen.words == "2 tiles of images beside 1:"


@pytest.mark.parametrize(
    "task, images",
    [
        (IMAGE, pixels(2, 8, 12, 3)),
        (GREY, pixels(2, 3, 8, 1)),
        (GREY, pixels(2, 8, 8, 3)),
        (Task("classes", (4, 6, 1), (4, 6, 3)), pixels(2, 8, 12, 1)),
        (VECTOR, pixels(2, 14)),
    ],
)
def test_images_that_cannot_be_cut_into_what_the_network_takes(task, images):
    with pytest.raises(InputError, match="cut, scale or reshape them so"):
        make_class_images(images, task)


def test_labels_of_larger_images_are_as_large():
    with pytest.raises(InputError, match=r"expected whole numbers of shape \(2, 8, 9\)"):
        make_class_images(pixels(2, 8, 9), GREY, np.zeros((2, 4, 4), int))
