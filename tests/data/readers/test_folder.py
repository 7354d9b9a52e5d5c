"""Folders of sections, and paths at which there is no file."""

import os
import socket

import numpy as np
import pytest
import tifffile
from PIL import Image

from loihiseg.data import read_stack
from loihiseg.errors import InputError

GREY = np.random.default_rng(0).integers(0, 256, (6, 20, 24), dtype=np.uint8)
LABELS = np.where(np.random.default_rng(1).random(GREY.shape) < 0.2, 0, 255).astype(np.uint8)


def _sections(folder, array, name="s{}.tif"):
    folder.mkdir(parents=True)
    for number, section in enumerate(array):
        tifffile.imwrite(folder / name.format(number), section)
    return folder


def _refused(*words, **paths):
    with pytest.raises(InputError) as error:
        read_stack(**paths)
    message = str(error.value)
    assert "\n" not in message and len(message) < 1_000
    for word in words:
        assert word in message, message


def _fifo(path):
    os.mkfifo(path)


def _socket(path):
    with socket.socket(socket.AF_UNIX) as one:
        before = os.getcwd()
        os.chdir(path.parent)  # the name of a socket may have 107 bytes
        try:
            one.bind(path.name)
        finally:
            os.chdir(before)


def _dangling(path):
    path.symlink_to("nowhere")


def _circle(path):
    path.symlink_to(path.name)


def _device(path):
    path.symlink_to("/dev/zero")


NO_FILES = [_fifo, _socket, _dangling, _circle, _device]


@pytest.mark.parametrize("make", NO_FILES)
@pytest.mark.parametrize("name", ["x.tif", "x.png", "x"])
def test_no_files(tmp_path, make, name):
    make(tmp_path / name)
    _refused(name, path=tmp_path / name)
    tifffile.imwrite(tmp_path / "em.tif", GREY)
    _refused(name, path=tmp_path / "em.tif", labels=tmp_path / name)


@pytest.mark.parametrize("make", [*NO_FILES, os.mkdir])
def test_sections_that_are_no_files(tmp_path, make):
    folder = _sections(tmp_path / "em", GREY)
    (folder / "s3.tif").unlink()
    make(folder / "s3.tif")
    _refused("s3.tif", path=folder)


@pytest.mark.parametrize("make", NO_FILES)
def test_labels_beside_images_that_are_no_files(tmp_path, make):
    _sections(tmp_path / "d" / "images", GREY)
    make(tmp_path / "d" / "labels")
    if make in (_dangling, _circle, _fifo, _socket, _device):
        _refused("labels", path=tmp_path / "d")
    tifffile.imwrite(tmp_path / "train-volume.tif", GREY)
    make(tmp_path / "train-labels.tif")
    _refused("train-labels.tif", path=tmp_path)


def test_folder_named_like_a_file(tmp_path):
    (tmp_path / "em.tif").mkdir()
    _refused("em.tif", "no .png, .tif, .tiff, .jpg or .bmp files", path=tmp_path / "em.tif")


def test_not_permitted(tmp_path):
    tifffile.imwrite(tmp_path / "em.tif", GREY)
    (tmp_path / "em.tif").chmod(0)
    folder = _sections(tmp_path / "em", GREY)
    folder.chmod(0)
    was_root = os.geteuid() == 0
    if was_root:  # who may read everything
        os.seteuid(65534)
    try:
        _refused("Permission denied", path=tmp_path / "em.tif")
        _refused("Permission denied", path=folder)
    finally:
        if was_root:
            os.seteuid(0)
        folder.chmod(0o700)


def test_names_of_no_file(tmp_path):
    _refused("no name of a file", path=tmp_path / "a\0b")
    _refused("too long", path=tmp_path / ("a" * 300))


def test_links_to_sections_are_followed(tmp_path):
    away = _sections(tmp_path / "away", GREY)
    folder = tmp_path / "em"
    folder.mkdir()
    for number in range(len(GREY)):
        (folder / f"s{number}.tif").symlink_to(away / f"s{number}.tif")
    np.testing.assert_array_equal(read_stack(folder).images, GREY)


def test_sections_of_other_types(tmp_path):
    folder = _sections(tmp_path / "em", GREY)
    tifffile.imwrite(folder / "s3.tif", GREY[3].astype(np.uint16))
    _refused("s3.tif", "uint16", "uint8", "s0.tif", path=folder)


def test_an_image_that_would_be_left_out(tmp_path):
    folder = _sections(tmp_path / "em", GREY)
    Image.fromarray(GREY[3]).save(folder / "s6.webp")
    _refused("s6.webp", ".webp are not read", path=folder)


def test_sections_pair_by_name_or_number(tmp_path):
    root = tmp_path / "d"
    _sections(root / "images", GREY)
    for name in ("s{}.tif", "truth_00{}.tif"):
        labels = _sections(root / "labels", LABELS, name)
        np.testing.assert_array_equal(read_stack(root).membrane, LABELS == 0)
        np.testing.assert_array_equal(read_stack(root / "images", labels).membrane, LABELS == 0)
        for path in labels.iterdir():
            path.unlink()
        labels.rmdir()


@pytest.mark.filterwarnings("ignore:.*have gaps")
def test_sections_without_partner(tmp_path):
    root = tmp_path / "d"
    images, labels = _sections(root / "images", GREY), _sections(root / "labels", LABELS)
    (images / "s2.tif").unlink()
    (labels / "s4.tif").unlink()
    _refused("s4.tif of the images", "s2.tif of the labels", path=root)
    _refused("s4.tif of the images", "s2.tif of the labels", path=images, labels=labels)
