"""What holds of every format: any order, again, killed and gone on with, never over another."""

import errno
import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loihiseg.data.writers import (
    discard_partial,
    is_begun,
    open_output,
    output_paths,
    partial_path,
)
from loihiseg.errors import InputError
from tests.data.writers.outputs import NAMES, content, opened, pixels, read, write_windows

ROOT = Path(__file__).parents[3]
by_name = pytest.mark.parametrize("name", NAMES)


def refused(call, *words):
    with pytest.raises(InputError) as error:
        call()
    message = str(error.value)
    assert "\n" not in message and len(message) < 600, message
    for word in words:
        assert str(word) in message, message


@by_name
@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("image", "u1"), ("image", "u2"), ("image", "f4")]
    + [("labels", "u1"), ("labels", "u2"), ("labels", "u4")],
)
@pytest.mark.parametrize("shape", [(5, 37, 50), (1, 40, 30), (2, 1, 7)])
def test_every_pixel_comes_back(tmp_path, name, kind, dtype, shape):
    array = pixels(shape, dtype)
    with opened(tmp_path / name, array, kind) as output:
        for number in np.random.default_rng(1).permutation(len(array)):
            output.write(int(number), array[number])
            np.testing.assert_array_equal(output.section(int(number)), array[number])
    found = read(tmp_path / name)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@by_name
def test_windows_in_any_order_are_the_section(tmp_path, name):
    array = pixels((2, 1100, 1031), "u1")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    with opened(whole / name, array) as output:
        for number, section in enumerate(array):
            output.write(number, section)
    windows = [(n, y, x) for n in (0, 1) for y in range(0, 1100, 233) for x in range(0, 1031, 415)]
    np.random.default_rng(2).shuffle(windows)
    with opened(parts / name, array) as output:
        output.write(0, array[1])  # what is written again is replaced, in all levels
        for n, y, x in windows:
            output.write_window(n, y, x, array[n, y : y + 233, x : x + 415])
    assert content(parts) == content(whole)


@by_name
@settings(max_examples=20, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(2, 40)),
    order=st.randoms(use_true_random=False),
    dtype=st.sampled_from(["u1", "u2", "f4"]),
)
def test_any_shape_in_any_order(tmp_path_factory, name, shape, order, dtype):
    path = tmp_path_factory.mktemp("any") / name
    array = pixels(shape, dtype, order.randrange(100))
    numbers = 2 * list(range(shape[0]))
    order.shuffle(numbers)
    with opened(path, array, pixel_nm=None) as output:
        for number in numbers:
            output.write(number, array[number])
    np.testing.assert_array_equal(read(path), array)


@by_name
def test_what_was_not_written_is_0(tmp_path, name):
    array = pixels((3, 20, 20), "u1")
    with opened(tmp_path / name, array) as output:
        output.write(1, array[1])
    found = read(tmp_path / name)
    np.testing.assert_array_equal(found[1], array[1])
    assert not found[[0, 2]].any()


@by_name
def test_a_run_that_fails_leaves_no_output_of_that_name_and_is_gone_on_with(tmp_path, name):
    array, cells = pixels((4, 30, 20), "u1"), pixels((4, 30, 20), "u4")
    once, twice = tmp_path / "once" / name, tmp_path / "twice" / name

    def write(path, numbers, resume=False):
        with opened(path, array, resume=resume) as output:
            labels = output.add_labels("cells", "u4")
            for number in numbers:
                output.write(number, array[number])
                labels.write(number, cells[number])
                output.sync()
            assert output.resumed == resume
            if len(numbers) < 4 and not resume:
                raise KeyboardInterrupt

    write(once, range(4))
    assert not is_begun(twice, ["cells"])
    with pytest.raises(KeyboardInterrupt):
        write(twice, [2, 0])
    assert is_begun(twice, ["cells"]) and not is_begun(twice, ["cells", "mask"])
    assert not any(path.exists() for path in output_paths(twice, ["cells"]))
    refused(lambda: write(twice, range(4)), partial_path(twice), "did not finish")
    write(twice, [3, 1], resume=True)
    assert content(twice.parent) == content(once.parent)
    assert not partial_path(twice).exists()


_KILLED = """
    import sys
    from pathlib import Path
    from tests.data.writers.outputs import write_windows
    write_windows(Path(sys.argv[1]), int(sys.argv[2]))
"""


@pytest.mark.parametrize("name", ["map.zarr", "map.tif"])
def test_killed_and_gone_on_with_is_the_same_bytes(tmp_path, name):
    write_windows(tmp_path / "once" / name)
    path = tmp_path / "killed" / name
    for stop in (0, 5):
        command = [sys.executable, "-c", textwrap.dedent(_KILLED), str(path), str(stop)]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
        assert not path.exists() and partial_path(path).exists()
    write_windows(path)
    assert content(path.parent) == content(tmp_path / "once")


@by_name
def test_a_kill_between_the_last_names_is_made_up_for(tmp_path, name, monkeypatch):
    """Labels in a file of their own have their name, the image has not."""
    array = pixels((2, 20, 20), "u1")
    path = tmp_path / name

    def write(resume):
        with opened(path, array, resume=resume) as output:
            labels = output.add_labels("mask", "u1")
            for number in range(2):
                output.write(number, array[number])
                labels.write(number, array[number])

    from loihiseg.data.writers import base

    def rename(source, target):
        if target == path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(base, "rename", rename)
        refused(lambda: write(False), path, "Input/output error")
    assert is_begun(path, ["mask"]) and not path.exists()
    write(True)
    assert not partial_path(path).exists()
    assert all(output.exists() for output in output_paths(path, ["mask"]))


@by_name
@pytest.mark.parametrize("resume", [False, True])
def test_nothing_is_overwritten(tmp_path, name, resume):
    array = pixels((2, 20, 20), "u1")
    path = tmp_path / name
    path.write_text("mine")
    refused(lambda: opened(path, array, resume=resume), path, "is there already")
    refused(lambda: is_begun(path), path, "is there already")
    assert content(tmp_path) == {name: b"mine"}


@by_name
def test_an_output_that_appears_meanwhile_is_not_overwritten(tmp_path, name):
    array = pixels((2, 20, 20), "u1")
    path = tmp_path / name

    def write():
        with opened(path, array) as output:
            output.write(0, array[0])
            path.write_text("mine")

    refused(write, path, "is there already")
    assert path.read_text() == "mine"
    path.unlink()
    assert is_begun(path)


def test_sections_of_one_column(tmp_path):
    array = pixels((3, 5, 1), "u1")
    refused(lambda: opened(tmp_path / "map.tif", array), "map.tif", "one column")
    with opened(tmp_path / "map.zarr", array) as output:
        for number, section in enumerate(array):
            output.write(number, section)
    np.testing.assert_array_equal(read(tmp_path / "map.zarr"), array)


def test_labels_in_files_of_their_own_are_not_overwritten(tmp_path):
    array = pixels((2, 20, 20), "u1")
    other = tmp_path / "map-cells.tif"
    other.write_text("mine")

    def write():
        with opened(tmp_path / "map.tif", array) as output:
            output.add_labels("cells", "u4")

    refused(write, other, "is there already")
    assert other.read_text() == "mine"


@by_name
def test_what_was_begun_otherwise_is_refused(tmp_path, name):
    array = pixels((2, 20, 20), "u1")
    path = tmp_path / name
    opened(path, array).close()
    before = content(tmp_path)
    for other, options in [
        (pixels((3, 20, 20), "u1"), {}),
        (pixels((2, 20, 21), "u1"), {}),
        (pixels((2, 20, 20), "u2"), {}),
        (array, {"pixel_nm": (50.0, 4.0, 4.0)}),
        (array, {"pixel_nm": None}),
        (array, {"kind": "labels"}),
    ]:
        refused(
            lambda other=other, options=options: opened(path, other, resume=True, **options),
            partial_path(path),
            "was begun with",
        )
    assert content(tmp_path) == before
    discard_partial(path)
    assert not list(tmp_path.iterdir())


@by_name
def test_a_partial_output_that_is_none_is_refused(tmp_path, name):
    array = pixels((2, 20, 20), "u1")
    path = tmp_path / name
    part = partial_path(path)
    if name.endswith(".zarr"):
        part.mkdir()
        (part / ".zattrs").write_text("[" * 100)
    else:
        part.write_bytes(b"II*\0 and no more")
    refused(lambda: opened(path, array, resume=True), part, "remove it")


@by_name
def test_what_does_not_fit_is_refused(tmp_path, name):
    array = pixels((2, 20, 30), "u1")
    path = tmp_path / name
    with opened(path, array) as output:
        for call in (
            lambda: output.write(2, array[0]),
            lambda: output.write(-1, array[0]),
            lambda: output.write(0, array[0].T),
            lambda: output.write(0, array[0].astype("u2")),
            lambda: output.write(0, array[0] > 3),
            lambda: output.write_window(0, 1, 0, array[0]),
            lambda: output.write_window(0, 0, -1, array[0, :, :5]),
            lambda: output.write_window(0, 0, 0, array[:1, 0, 0]),
            lambda: output.section(2),
        ):
            refused(call, path)
        output.write_window(0, 20, 30, array[0, :0, :0])
    assert not read(path).any()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"shape": (0, 2, 2)}, "none of them 0"),
        ({"shape": (2, 2)}, "(sections, height, width)"),
        ({"dtype": "f8"}, "float32"),
        ({"dtype": "bool"}, "uint8"),
        ({"dtype": "f4", "kind": "labels"}, "uint32"),
        ({"dtype": "u4"}, "float32"),
        ({"pixel_nm": (50.0, 0.0, 4.0)}, "above 0"),
        ({"pixel_nm": (50.0, float("nan"), 4.0)}, "above 0"),
        ({"pixel_nm": (4.0, 4.0)}, "three sizes"),
    ],
)
@by_name
def test_outputs_that_cannot_be(tmp_path, name, options, word):
    given = {"shape": (2, 8, 8), "dtype": "u1", "pixel_nm": None, **options}
    refused(lambda: open_output(tmp_path / name, **given), tmp_path / name, word)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["map.png", "map", "map.zarr.gz", "zarr"])
def test_unknown_names(tmp_path, name):
    refused(
        lambda: open_output(tmp_path / name, shape=(1, 2, 2), dtype="u1", pixel_nm=None),
        name,
        ".zarr, .tif, .tiff",
    )


@by_name
def test_a_limit_of_the_disk_is_one_line_and_the_output_can_be_gone_on_with(tmp_path, name):
    """Files may not grow beyond a limit: the system's own refusal, in the middle of a run."""
    array = pixels((2, 700, 700), "f4")
    path = tmp_path / name
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    output = opened(path, array)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        refused(lambda: output.write(1, array[1]), path, "File too large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        output.close()
    assert not path.exists()
    with opened(path, array, resume=True) as output:
        for number in range(2):
            output.write(number, array[number])
    np.testing.assert_array_equal(read(path), array)


def test_too_little_space_is_said_before_anything_is_done(tmp_path):
    shape = (30_000, 100_000, 100_000)
    path = tmp_path / "map.tif"
    refused(
        lambda: open_output(path, shape=shape, dtype="u1", pixel_nm=None), path, "300,000.000 GB"
    )
    assert not list(tmp_path.iterdir())
