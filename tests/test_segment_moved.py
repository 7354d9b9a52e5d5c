"""A network that was trained on moved images: they are moved wherever it runs."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile
import zarr

import loihiseg
from loihiseg.commands.common import run
from loihiseg.commands.segment.command import main
from loihiseg.compilation.artifact import load_deployed, save_deployed
from loihiseg.data import make_stack
from loihiseg.data.moving import moved
from loihiseg.errors import InputError
from loihiseg.running import volume as volumes
from loihiseg.running.sections import run as run_sections
from tests.small_deployed import small_deployed

OFFSET = (-0.59, 1.25)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (4, 21, 18), dtype=np.uint8)


@pytest.fixture(scope="module", params=[0, 1])
def deployed(request):
    found = small_deployed(neighbours=request.param)
    assert found.trained_on is not None and found.label_offset_px is None
    return replace(found, trained_on=replace(found.trained_on, label_offset_px=OFFSET))


@pytest.fixture(scope="module")
def kept(deployed, tmp_path_factory):
    return str(save_deployed(tmp_path_factory.mktemp("kept") / "net", deployed))


@pytest.fixture(scope="module")
def whole(deployed, images):
    """Maps of the moved images, by a network that moves nothing."""
    seen = make_stack(moved(images, OFFSET), None, "x").seeing(deployed.task.neighbours).seen()
    return np.stack([one.probability for one in run_sections(deployed, seen)])


def segment(*arguments):
    more = ("--probability", "float32", "--quiet")
    return run(main, [str(argument) for argument in (*arguments, *more)])


def test_a_kept_network_knows_it(kept):
    assert load_deployed(kept).label_offset_px == OFFSET


def test_in_python(deployed, images, whole):
    stack = make_stack(images, None, "x")
    for given in (images, list(images), iter(images), stack, stack.moved(OFFSET)):
        found = [one.probability for one in loihiseg.run(deployed, given)]
        assert np.array_equal(found, whole)
    assert not np.array_equal([one.probability for one in run_sections(deployed, images)], whole)
    with pytest.raises(InputError, match=r"moved by .* already"):
        loihiseg.run(deployed, stack.moved((1.0, 1.0)))


@pytest.mark.parametrize("chunks", [None, (1, 8, 8), (3, 21, 18)])
def test_a_volume_by_windows(kept, images, whole, tmp_path, monkeypatch, chunks):
    before = volumes.SegmentOptions.__init__.__defaults__
    monkeypatch.setattr(volumes.SegmentOptions.__init__, "__defaults__", (*before[:-1], 8))
    raw = tmp_path / ("raw.tif" if chunks is None else "raw.zarr")
    if chunks is None:
        tifffile.imwrite(raw, images, photometric="minisblack")
    else:
        zarr.create_array(raw, data=images, chunks=chunks, zarr_format=2)
    assert segment(raw, tmp_path / "map.tif", "--deployed", kept) == 0
    assert np.array_equal(tifffile.imread(tmp_path / "map.tif"), whole)
    assert json.loads((tmp_path / "map.tif.json").read_text())["moved_px"] == list(OFFSET)
