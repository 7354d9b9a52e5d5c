"""``loihiseg.segment`` with a network that sees the sections around one: those that lie there."""

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
from loihiseg.compilation.deployed import FloatNetwork
from loihiseg.data import make_stack
from loihiseg.data.neighbours import with_neighbours
from loihiseg.data.resampled import brought_back
from loihiseg.data.resampling import Resampling
from loihiseg.data.tiles import spread_tiles
from loihiseg.data.volume import open_volume
from loihiseg.data.warn import ReadingWarning
from loihiseg.data.windows import Window
from loihiseg.errors import InputError
from loihiseg.running import volume as volumes
from loihiseg.running.journal import Journal
from loihiseg.running.sections import run as run_sections
from loihiseg.running.volume import volume_tiles
from tests.small_deployed import small_deployed

SHAPE = (7, 21, 18)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)


@pytest.fixture(scope="module", params=[pytest.param(1, marks=pytest.mark.slow), 2])
def deployed(request):
    return small_deployed(neighbours=request.param)


@pytest.fixture(scope="module")
def kept(deployed, tmp_path_factory):
    return str(save_deployed(tmp_path_factory.mktemp("kept") / "net", deployed))


@pytest.fixture(scope="module")
def whole(deployed, images):
    """Maps of every section, by the way of a stack in memory."""
    return np.stack([one.probability for one in loihiseg.run(deployed, images)])


@pytest.fixture
def stack(images, tmp_path):
    path = tmp_path / "raw.tif"
    tifffile.imwrite(path, images, photometric="minisblack")
    return path


@pytest.fixture
def small_windows(monkeypatch):
    """Several windows a section, cut where tiles overlap."""
    before = volumes.SegmentOptions.__init__.__defaults__
    monkeypatch.setattr(volumes.SegmentOptions.__init__, "__defaults__", (*before[:-1], 8))


def segment(*arguments):
    more = ("--probability", "float32", "--quiet")
    return run(main, [str(argument) for argument in (*arguments, *more)])


def test_maps_are_of_a_section_between_its_neighbours(deployed, images, whole):
    """By the network itself on images of several channels, and in no other order of these."""
    reach = deployed.task.neighbours
    floats = FloatNetwork(
        deployed.network, deployed.readout, deployed.threshold, deployed.neighbours
    )
    assert floats.task == deployed.task and floats.task.words.endswith("on either side")
    seen = with_neighbours(images, reach)
    for given in (images, list(images), iter(images), seen, make_stack(images, None, "x")):
        if isinstance(given, np.ndarray) and given.ndim == 4:
            found = run_sections(deployed, given)
        else:
            found = loihiseg.run(deployed, given)
        np.testing.assert_array_equal([one.probability for one in found], whole)
    turned = [one.probability for one in run_sections(deployed, seen[..., ::-1])]
    assert all(np.abs(one - other).max() > 0.01 for one, other in zip(turned, whole))
    alone = replace(make_stack(images, None, "x"), images=images)
    assert alone.surroundings is None


@pytest.mark.parametrize("sections", [":", "2:5", "6", "0:1"])
@pytest.mark.parametrize("name", ["map.tif", "map.zarr"])
def test_sections_outside_of_those_that_are_segmented_are_seen(
    stack, kept, whole, tmp_path, sections, name
):
    assert segment(stack, tmp_path / name, "--deployed", kept, "--sections", sections) == 0
    if name == "map.tif":
        found = tifffile.imread(tmp_path / name)
    else:
        found = zarr.open_group(tmp_path / name, mode="r")["0"][:]
    start, _, stop = sections.partition(":")
    wanted = whole[int(start) : int(start) + 1] if stop == "" and start else whole
    if stop:
        wanted = whole[int(start) : int(stop)]
    np.testing.assert_array_equal(found.reshape(wanted.shape), wanted)
    assert json.loads((tmp_path / f"{name}.json").read_text())["neighbours"] in (1, 2)


@pytest.mark.parametrize("chunks", [(1, 8, 8), (2, 5, 7), (3, 21, 18)])
def test_chunks_windows_and_stops_change_nothing(
    small_windows, kept, images, whole, tmp_path, chunks
):
    zarr.create_array(tmp_path / "raw.zarr", data=images, chunks=chunks, zarr_format=2)
    options = ("--deployed", kept, "--sections", "1:6")
    write, n_done = Journal.append, []

    def stopped(journal, unit, **facts):
        write(journal, unit, **facts)
        n_done.append(unit)
        if len(n_done) % 5 == 0:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Journal, "append", stopped)
        while segment(tmp_path / "raw.zarr", tmp_path / "map.tif", *options) == 130:
            pass
    assert len(n_done) == len(set(n_done)) == 5 * 9
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "map.tif"), whole[1:6])


def test_all_orientations_of_the_same_sections(kept, deployed, images, stack, tmp_path):
    """All channels are turned together: a mirrored stack has the mirrored maps."""
    options = ("--deployed", kept, "--orientations", 8, "--sections", "2:3")
    assert segment(stack, tmp_path / "map.tif", *options) == 0
    around = make_stack(images, None, "x").seeing(deployed.task.neighbours).select([2])
    (wanted,) = run_sections(deployed, around.seen(), orientations=8)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "map.tif"), wanted.probability)
    part = images[:3, :16, :16]  # tiles lie alike from either side
    plain, turned, mirrored, swapped = (
        np.stack(
            [one.probability for one in loihiseg.run(deployed, given, "float", orientations=n)]
        )
        for n, given in ((1, part), (8, part), (8, part[:, :, ::-1]), (8, part[::-1]))
    )
    assert np.abs(plain - turned).max() > 0
    np.testing.assert_allclose(mirrored[:, :, ::-1], turned, atol=1e-5)
    # But z is never turned.
    assert np.abs(swapped[::-1] - turned).max() > 1e-3


@pytest.mark.filterwarnings("default::loihiseg.data.warn.ReadingWarning")
def test_a_damaged_section_is_left_out_and_the_next_stands_for_it(
    deployed, kept, images, tmp_path, capsys
):
    path = tmp_path / "raw.zarr"
    zarr.create_array(path, data=images, chunks=(1, 8, 8), zarr_format=2, compressors=None)
    (path / "3.1.1").write_bytes(b"cut off")
    reach = deployed.task.neighbours
    seen = [[max(min(z + d, 6), 0) for d in range(-reach, reach + 1)] for z in range(7)]
    # Towards the middle: 2 sees 1 2 2, and 1 of two on either side 0 0 1 2 2.
    stands = {2: {3: 2, 4: 4}, 4: {3: 4}, 1: {3: 2}, 5: {3: 4}}
    seen = [[stands.get(z, {}).get(one, one) for one in places] for z, places in enumerate(seen)]
    shown = np.stack([np.moveaxis(images[places], 0, -1) for places in seen])
    wanted = np.stack([one.probability for one in run_sections(deployed, shown)])
    assert segment(path, tmp_path / "map.tif", "--deployed", kept) == 1
    err = capsys.readouterr().err
    assert "section 3 could not be read" in err and "the next one stands there" in err
    found = tifffile.imread(tmp_path / "map.tif")
    np.testing.assert_array_equal(np.delete(found, 3, 0), np.delete(wanted, 3, 0))
    assert not found[3].any()
    # Of those that are segmented none is damaged.
    assert segment(path, tmp_path / "part.tif", "--deployed", kept, "--sections", "4:7") == 0
    assert "chunk 3.1.1" in capsys.readouterr().err
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "part.tif"), wanted[4:])


@pytest.mark.filterwarnings("default::loihiseg.data.warn.ReadingWarning")
def test_a_volume_of_one_section_is_warned_of(kept, images, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "one.tif", images[:1], photometric="minisblack")
    assert segment(tmp_path / "one.tif", tmp_path / "map.tif", "--deployed", kept) == 0
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1 and "one section, of which the network sees" in err[0]


def test_tiles_of_a_volume_are_those_of_the_stack(stack, images, deployed):
    reach = deployed.task.neighbours
    with open_volume(stack) as volume:
        found = volume_tiles(volume, range(2, 5), 4, 7, reach)
    part = make_stack(images, None, "x").seeing(reach).select(range(2, 5))
    np.testing.assert_array_equal(found, spread_tiles(part, 4, 7).pixels)


def test_recalibrated_on_the_stack(stack, kept, tmp_path, capsys):
    assert segment(stack, tmp_path / "map.tif", "--deployed", kept, "--recalibrate", "5") == 0
    record = json.loads((tmp_path / "map.tif.json").read_text())
    assert record["calibration"] == "5 tiles of the sections that are segmented"


def test_no_more_sections_are_read_than_are_seen(deployed, images):
    """One by one, so many ahead; those of other sizes are refused."""
    reach, taken = deployed.task.neighbours, []

    def coming():
        for number, section in enumerate(images):
            taken.append(number)
            yield section

    for one in run_sections(deployed, coming(), "float"):
        # Tiles go through in batches: one section more may have begun.
        assert len(taken) <= one.number + reach + 3
    with pytest.raises(InputError, match="section 0 has 21 x 18 pixels, one that is seen beside"):
        list(loihiseg.run(deployed, [images[0], images[1, :20]]))
    with pytest.raises(InputError, match=r"have shape \(21, 18, 4\), the network sees"):
        list(run_sections(deployed, np.zeros((2, 21, 18, 4), np.uint8)))
    assert len(list(loihiseg.run(deployed, [images[0]] * 3))) == 3  # though alike
    with pytest.warns(ReadingWarning, match="one section"):
        assert len(list(loihiseg.run(deployed, [images[0]]))) == 1


def test_kept_networks_know_how_many_they_see(kept, deployed, tmp_path):
    found = load_deployed(kept)
    assert found.neighbours == deployed.neighbours and found.task == deployed.task
    wrong = replace(deployed, neighbours=deployed.neighbours + 1)
    with pytest.raises(InputError, match="is not one square image of"):
        save_deployed(tmp_path / "wrong", wrong)


def test_the_same_bytes_from_a_cluster(small_windows, stack, kept, whole, tmp_path):
    pytest.importorskip("distributed")
    out = tmp_path / "map.tif"
    options = ("--deployed", kept, "--sections", "2:4", "--scheduler", "local:2")
    assert segment(stack, out, *options) == 0
    np.testing.assert_array_equal(tifffile.imread(out), whole[2:4])


def test_resampled_sections_are_seen_at_the_size_of_the_network(
    small_windows, deployed, images, tmp_path
):
    known = replace(deployed.trained_on, pixel_nm=(4.0, 4.0))
    kept = save_deployed(tmp_path / "net", replace(deployed, trained_on=known))
    path, out = tmp_path / "raw.zarr", tmp_path / "map.tif"
    zarr.create_array(path, data=images, chunks=(2, 8, 8), zarr_format=2)
    options = ("--deployed", kept, "--pixel-nm", "50,7,6", "--sections", "2:4")
    assert segment(path, out, *options) == 0
    resampling = Resampling((7.0, 6.0), (4.0, 4.0))
    whole = Window(0, 0, *SHAPE[1:])
    wanted = [
        brought_back(one.probability, resampling, SHAPE[1:], whole)
        for one in loihiseg.run(deployed, resampling.images(images))
    ]
    np.testing.assert_array_equal(tifffile.imread(out), wanted[2:4])
