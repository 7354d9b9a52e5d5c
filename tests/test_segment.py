"""``loihiseg.segment`` as a lab meets it: a stack in, maps out, gone on with after a kill."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import tifffile
import zarr

import loihiseg
from loihiseg.commands.common import run
from loihiseg.commands.segment import command
from loihiseg.commands.segment.command import main
from loihiseg.compilation.artifact import save_deployed
from loihiseg.data.resampled import brought_back
from loihiseg.data.resampling import Resampling
from loihiseg.data.windows import Window
from loihiseg.running import volume as volumes
from loihiseg.running.cells import flooded_cells
from loihiseg.running.journal import Journal, journal_path
from tests.small_deployed import small_deployed

SHAPE = (3, 21, 18)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)


@pytest.fixture(scope="module")
def deployed(images):
    """A threshold with maps on both sides of it."""
    found = [one.probability for one in loihiseg.run(small_deployed(), images)]
    return replace(small_deployed(), threshold=float(np.median(found)))


@pytest.fixture(scope="module")
def kept(deployed, tmp_path_factory):
    return str(save_deployed(tmp_path_factory.mktemp("kept") / "net", deployed))


@pytest.fixture
def stack(images, tmp_path):
    path = tmp_path / "raw.tif"
    tifffile.imwrite(path, images, photometric="minisblack")
    return path


@pytest.fixture
def small_windows(monkeypatch):
    """Several windows a section, cut where tiles overlap."""
    monkeypatch.setattr(volumes.SegmentOptions, "window", 8)
    monkeypatch.setattr(
        volumes.SegmentOptions.__init__,
        "__defaults__",
        (*volumes.SegmentOptions.__init__.__defaults__[:-1], 8),
    )


def segment(*arguments):
    return run(main, [str(argument) for argument in arguments])


def read(path):
    if path.suffix == ".tif":
        mask = path.with_name(f"{path.stem}-mask.tif")
        return tifffile.imread(path), tifffile.imread(mask) != 0
    group = zarr.open_group(path, mode="r")
    return group["0"][:], group["labels/mask/0"][:] != 0


@pytest.mark.parametrize("name", ["map.tif", "map.zarr"])
@pytest.mark.parametrize("on", ["chip", "float"])
def test_maps_are_those_of_the_network(stack, kept, deployed, images, tmp_path, name, on):
    out = tmp_path / name
    assert segment(stack, out, "--deployed", kept, "--on", on, "--probability", "float32") == 0
    wanted = [one.probability for one in loihiseg.run(deployed, images, on)]
    probability, mask = read(out)
    assert probability.dtype == np.float32 and np.array_equal(probability, wanted)
    assert np.array_equal(mask, probability > deployed.threshold)
    if on == "chip":
        assert mask.any() and not mask.all()


def test_probabilities_of_a_byte(stack, kept, deployed, images, tmp_path):
    assert segment(stack, tmp_path / "map.tif", "--deployed", kept) == 0
    wanted = np.stack([one.probability for one in loihiseg.run(deployed, images)])
    probability, mask = read(tmp_path / "map.tif")
    assert probability.dtype == np.uint8
    assert np.abs(probability / 255 - wanted).max() <= 0.5 / 255 + 1e-6
    # Of what the network says, not of what a byte keeps of it.
    assert np.array_equal(mask, wanted > deployed.threshold)
    assert set(np.unique(tifffile.imread(tmp_path / "map-mask.tif"))) == {0, 255}


def test_sections(stack, kept, deployed, images, tmp_path):
    out = tmp_path / "map.tif"
    assert segment(stack, out, "--deployed", kept, "--sections", "1:3", "--probability",
                   "float32") == 0  # fmt: skip
    probability, _ = read(out)
    wanted = [one.probability for one in loihiseg.run(deployed, images[1:])]
    assert np.array_equal(probability, wanted)
    record = json.loads((tmp_path / "map.tif.json").read_text())
    assert record["sections"] == [1, 2] and record["config"]["sections"] == "1:3"


@pytest.mark.filterwarnings("default::loihiseg.data.warn.ReadingWarning")
def test_voids_of_nan_are_segmented_as_their_darkest_tissue(images, kept, tmp_path, capsys):
    voids = images.astype(np.float32)
    voids[1, :, :5] = np.nan
    tifffile.imwrite(tmp_path / "raw.tif", voids, photometric="minisblack")
    assert segment(tmp_path / "raw.tif", tmp_path / "a.tif", "--deployed", kept) == 0
    said = capsys.readouterr().err
    assert "raw.tif: 9.3 % of the pixels are NaN" in said and "maps say nothing there" in said
    voids[1, :, :5] = np.nanmin(voids[1])
    tifffile.imwrite(tmp_path / "raw.tif", voids, photometric="minisblack")
    assert segment(tmp_path / "raw.tif", tmp_path / "b.tif", "--deployed", kept) == 0
    assert "NaN" not in capsys.readouterr().err
    for one, other in zip(read(tmp_path / "a.tif"), read(tmp_path / "b.tif")):
        np.testing.assert_array_equal(one, other)


def test_record_says_what_it_was(stack, kept, tmp_path, capsys):
    out = tmp_path / "map.zarr"
    assert segment(stack, out, "--deployed", kept, "--json", "--cells") == 0
    record = json.loads((tmp_path / "map.zarr.json").read_text())
    shown = json.loads(capsys.readouterr().out)
    assert {name: record[name] for name in shown} == shown
    assert record["outputs"] == ["map.zarr", "map.zarr/labels/mask", "map.zarr/labels/cells"]
    assert record["on"] == "chip" and record["activity"]["n_images"] > 0
    ids = zarr.open_group(out, mode="r")["labels/cells/0"][:]
    assert record["n_cells"] == ids.max() and record["format"] == 1
    assert (tmp_path / "map.zarr.log").is_file()
    assert not journal_path(out).exists()


def test_windows_and_kills_change_nothing(small_windows, stack, kept, tmp_path, monkeypatch):
    """Killed after every window once: the same bytes as in one go, and no window done twice."""
    options = ("--deployed", kept, "--probability", "float32", "--cells", "--link")
    assert segment(stack, tmp_path / "whole.tif", *options) == 0
    counted = []
    write = Journal.append

    def killed(journal, unit, **facts):
        write(journal, unit, **facts)
        counted.append(unit)
        raise KeyboardInterrupt

    out = tmp_path / "map.tif"
    for _ in range(100):
        with monkeypatch.context() as patched:
            patched.setattr(Journal, "append", killed)
            if segment(stack, out, *options) == 0:
                break
            assert not out.exists()
    # Nine windows and the cells of each section.
    assert len(counted) == len(set(counted)) == 3 * (9 + 1)
    for name in ("", "-mask", "-cells"):
        whole = tifffile.imread(tmp_path / f"whole{name}.tif")
        assert np.array_equal(whole, tifffile.imread(tmp_path / f"map{name}.tif"))
    done, whole = (json.loads((tmp_path / f"{n}.tif.json").read_text()) for n in ("map", "whole"))
    for name in ("membrane", "n_cells", "input_sha256", "network_sha256"):
        assert done[name] == whole[name]


def begun(monkeypatch, *arguments):
    """A run that was stopped after its first window."""
    write = Journal.append

    def stopped(journal, unit, **facts):
        write(journal, unit, **facts)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "append", stopped)
        assert segment(*arguments) == 130


@pytest.mark.parametrize(
    "more, named",
    [
        (("--on", "float"), "--on was chip and is float"),
        (("--orientations", "4"), "--orientations was 1 and is 4"),
        (("--sections", "0:2"), "sections was 0:3 and is 0:2"),
        (("--probability", "float32"), "--probability was uint8 and is float32"),
    ],
)
def test_other_options_do_not_go_on(stack, kept, tmp_path, monkeypatch, capsys, more, named):
    out = tmp_path / "map.tif"
    begun(monkeypatch, stack, out, "--deployed", kept)
    capsys.readouterr()
    assert segment(stack, out, "--deployed", kept, "--quiet", *more) == 2
    err = capsys.readouterr().err
    assert named in err and err.count("\n") == 1


def test_other_input_and_network_do_not_go_on(
    stack, kept, deployed, images, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "map.tif"
    begun(monkeypatch, stack, out, "--deployed", kept)
    other = save_deployed(tmp_path / "other", replace(deployed, threshold=0.999))
    assert segment(stack, out, "--deployed", other, "--quiet") == 2
    assert "network was" in capsys.readouterr().err
    tifffile.imwrite(stack, images[::-1], photometric="minisblack")
    assert segment(stack, out, "--deployed", kept, "--quiet") == 2
    assert "input was" in capsys.readouterr().err


def test_what_is_there_is_not_overwritten(stack, kept, tmp_path, capsys, monkeypatch):
    def compiled(*_):
        raise AssertionError("a network was made for maps that cannot be kept")

    monkeypatch.setattr(command, "network_of", compiled)
    out = tmp_path / "map.tif"
    out.write_bytes(b"mine")
    assert segment(stack, out, "--deployed", kept, "--quiet") == 2
    err = capsys.readouterr().err
    assert str(out) in err and "is there already" in err
    assert out.read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.tif", "raw.tif"]


def test_cells_are_unique_in_the_volume_and_linked_ones_go_on(stack, kept, tmp_path):
    for name, more in (("apart", ()), ("linked", ("--link",))):
        out = tmp_path / f"{name}.tif"
        assert segment(stack, out, "--deployed", kept, "--cells", *more) == 0
    apart = tifffile.imread(tmp_path / "apart-cells.tif")
    linked = tifffile.imread(tmp_path / "linked-cells.tif")
    assert apart.dtype == np.uint32 and np.array_equal(apart != 0, linked != 0)
    ids = [set(np.unique(section)) - {0} for section in apart]
    assert not ids[0] & ids[1] and not ids[1] & ids[2]
    assert linked.max() <= apart.max()


def test_cells_flooded_are_those_of_the_map_and_killed_go_on(small_windows, stack, kept, tmp_path):
    options = ("--deployed", kept, "--cells", "--link", "--probability", "float32", "--flood", 0.02)
    assert segment(stack, tmp_path / "whole.tif", *options) == 0
    cells = tifffile.imread(tmp_path / "whole-cells.tif")
    wanted = [flooded_cells(one, 0.02) for one in tifffile.imread(tmp_path / "whole.tif")]
    assert len(np.unique(cells)) > 4
    for one, other in zip(cells, wanted, strict=True):
        # The same regions, by ids that go on.
        assert np.array_equal(one != 0, other != 0)
        pairs = set(zip(one.ravel(), other.ravel(), strict=True))
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    with pytest.MonkeyPatch.context() as patched:
        begun(patched, stack, tmp_path / "map.tif", *options)
    assert segment(stack, tmp_path / "map.tif", *options) == 0
    assert np.array_equal(tifffile.imread(tmp_path / "map-cells.tif"), cells)
    record = json.loads((tmp_path / "map.tif.json").read_text())
    assert record["config"]["flood"] == 0.02 and record["n_cells"] == cells.max()


def test_orientations_are_all_shown(stack, kept, deployed, images, tmp_path):
    for count in (1, 8):
        assert segment(stack, tmp_path / f"{count}.tif", "--deployed", kept, "--orientations",
                       count, "--probability", "float32") == 0  # fmt: skip
    one, eight = (json.loads((tmp_path / f"{n}.tif.json").read_text())["activity"] for n in (1, 8))
    assert eight["n_images"] == 8 * one["n_images"] and eight["n_steps"] == 8 * one["n_steps"]
    probability, _ = read(tmp_path / "8.tif")
    whole = [one.probability for one in loihiseg.running.sections.run(deployed, images,
             orientations=8)]  # fmt: skip
    assert np.array_equal(probability, whole)


def test_recalibrated_on_the_stack(stack, kept, deployed, tmp_path, capsys):
    assert segment(stack, tmp_path / "map.tif", "--deployed", kept, "--recalibrate", "5") == 0
    assert "read-out fitted anew on 5 tiles" in capsys.readouterr().err
    record = json.loads((tmp_path / "map.tif.json").read_text())
    assert record["calibration"] == "5 tiles of the sections that are segmented"


def test_labels_change_nothing(images, kept, tmp_path):
    """A stack beside its labels has the maps of the stack alone."""
    for name in ("with", "without"):
        folder = tmp_path / name
        folder.mkdir()
        tifffile.imwrite(folder / "train-volume.tif", images, photometric="minisblack")
    labels = np.where(images > 100, 255, 0).astype(np.uint8)
    tifffile.imwrite(tmp_path / "with" / "train-labels.tif", labels, photometric="minisblack")
    for name in ("with", "without"):
        source = tmp_path / name if name == "with" else tmp_path / name / "train-volume.tif"
        assert segment(source, tmp_path / f"{name}.tif", "--deployed", kept) == 0
    assert np.array_equal(*(tifffile.imread(tmp_path / f"{n}.tif") for n in ("with", "without")))


@pytest.mark.parametrize(
    "options, said",
    [
        (("--link",), "give --cells too"),
        (("--flood", "6", "--probability", "float32"), "give --cells too"),
        (("--flood", "6", "--cells"), "give --probability float32 too"),
        (("--flood", "0", "--cells"), "--flood: 0: expected a number, above 0, to 27"),
        (("--recalibrate", "2"), "is for a kept network"),
        (("--scheduler", "here"), "--scheduler 'here': expected the address"),
        (("--deployed", "x", "--chips", "1", "--tile", "auto"), "--chips, --tile: a kept network"),
        (("--deployed", "x", "--on", "float", "--recalibrate", "2"), "floats are not fitted"),
    ],
)
def test_options_that_do_not_go_together(stack, tmp_path, capsys, options, said):
    assert segment(stack, tmp_path / "map.tif", *options) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


@pytest.mark.parametrize("name", ["map", "map.png", "map.h5"])
def test_outputs_of_no_known_form(stack, kept, tmp_path, capsys, name):
    assert segment(stack, tmp_path / name, "--deployed", kept) == 2
    assert "expected a name that ends in" in capsys.readouterr().err


def damaged_zarr(path, images, *, chunks):
    """Zarr without check sums, its second section cut off in the middle."""
    zarr.create_array(path, data=images, chunks=chunks, zarr_format=2, compressors=None)
    (path / "1.1.1").write_bytes(b"cut off")
    return path


def test_a_section_with_a_damaged_chunk_is_left_out(
    small_windows, stack, kept, images, tmp_path, capsys
):
    """It is named with the chunk and 0, though other windows of it could be read."""
    raw = damaged_zarr(tmp_path / "raw.zarr", images, chunks=(1, 8, 8))
    assert segment(stack, tmp_path / "whole.tif", "--deployed", kept) == 0
    assert segment(raw, tmp_path / "map.tif", "--deployed", kept, "--cells") == 1
    err = capsys.readouterr().err
    assert "section 1 could not be read" in err and "chunk 1.1.1" in err
    found, whole = (tifffile.imread(tmp_path / f"{n}.tif") for n in ("map", "whole"))
    assert np.array_equal(found[[0, 2]], whole[[0, 2]]) and not found[1].any()
    cells = tifffile.imread(tmp_path / "map-cells.tif")
    assert cells[0].any() and not cells[1].any()
    record = json.loads((tmp_path / "map.tif.json").read_text())
    assert list(record["damaged"]) == ["1"] and "chunk 1.1.1" in record["damaged"]["1"]


@pytest.mark.parametrize("chunks", [(1, 8, 8), (2, 5, 7), (3, 21, 18)])
def test_chunks_change_nothing(small_windows, stack, kept, images, tmp_path, chunks):
    """Also of several sections, whose windows come in turn; gone on with after a stop."""
    zarr.create_array(tmp_path / "raw.zarr", data=images, chunks=chunks, zarr_format=2)
    options = ("--deployed", kept, "--cells", "--link", "--probability", "float32")
    assert segment(stack, tmp_path / "whole.tif", *options) == 0
    with pytest.MonkeyPatch.context() as patched:
        begun(patched, tmp_path / "raw.zarr", tmp_path / "map.tif", *options)
    assert segment(tmp_path / "raw.zarr", tmp_path / "map.tif", *options) == 0
    for name in ("", "-mask", "-cells"):
        found, whole = (tifffile.imread(tmp_path / f"{n}{name}.tif") for n in ("map", "whole"))
        assert np.array_equal(found, whole)


def test_the_same_bytes_from_a_cluster(small_windows, stack, kept, tmp_path, capsys):
    """Windows in any order, cells in theirs; gone on with by one process and the other way."""
    pytest.importorskip("distributed", reason="loihiseg[cluster]")
    options = ("--deployed", kept, "--cells", "--link")
    assert segment(stack, tmp_path / "whole.tif", *options) == 0
    with pytest.MonkeyPatch.context() as patched:
        begun(patched, stack, tmp_path / "map.tif", *options)
    assert "1 window is finished: give the command again to go on" in capsys.readouterr().err
    assert segment(stack, tmp_path / "map.tif", *options, "--scheduler", "local:2") == 0
    assert "2 workers of local:2, 2 threads" in capsys.readouterr().err
    for name in ("", "-mask", "-cells"):
        found, whole = (tifffile.imread(tmp_path / f"{n}{name}.tif") for n in ("map", "whole"))
        assert np.array_equal(found, whole)
    done, whole = (json.loads((tmp_path / f"{n}.tif.json").read_text()) for n in ("map", "whole"))
    assert done["config"]["scheduler"] == "local:2"
    for name in ("membrane", "n_cells", "input_sha256", "network_sha256"):
        assert done[name] == whole[name]


def test_without_dask(stack, kept, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    out = tmp_path / "map.tif"
    assert segment(stack, out, "--deployed", kept, "--scheduler", "local:2") == 2
    err = capsys.readouterr().err
    assert "--scheduler needs dask" in err and "loihiseg[cluster]" in err and err.count("\n") == 1


@pytest.fixture(scope="module")
def knowing(deployed, tmp_path_factory):
    """The network as one that was trained on pixels of 4 nm."""
    known = replace(deployed.trained_on, pixel_nm=(4.0, 4.0))
    return str(
        save_deployed(tmp_path_factory.mktemp("kept") / "net", replace(deployed, trained_on=known))
    )


@pytest.mark.parametrize("sizes", [(7.0, 6.0), (3.0, 2.5), (7.0, 2.5)])
def test_another_size_of_pixel_is_resampled_and_brought_back(
    small_windows, knowing, deployed, images, tmp_path, capsys, sizes
):
    """By windows from disk as in memory as a whole, and pixels of the input in what is written."""
    path, out = tmp_path / "raw.zarr", tmp_path / "map.zarr"
    chunked = zarr.create_array(path, shape=images.shape, chunks=(1, 6, 5), dtype=images.dtype)
    chunked[:] = images
    asked = f"50,{sizes[0]},{sizes[1]}"
    arguments = (path, out, "--deployed", knowing, "--probability", "float32", "--pixel-nm", asked)
    assert segment(*arguments) == 0
    said = capsys.readouterr().err
    assert "resampled from pixels of" in said and "network's 4 nm" in said
    resampling = Resampling(sizes, (4.0, 4.0))
    whole = Window(0, 0, *SHAPE[1:])
    wanted = [
        brought_back(one.probability, resampling, SHAPE[1:], whole)
        for one in loihiseg.run(deployed, resampling.images(images))
    ]
    probability, mask = read(out)
    assert probability.shape == SHAPE and np.array_equal(probability, wanted)
    assert np.array_equal(mask, probability > deployed.threshold)
    scale = zarr.open_group(out, mode="r").attrs["multiscales"][0]["datasets"][0]
    assert scale["coordinateTransformations"][0]["scale"] == [50.0, *sizes]
    assert json.loads((tmp_path / "map.zarr.json").read_text())["pixel_nm"] == [50.0, *sizes]


def test_the_size_of_the_network_and_one_like_it_is_not_resampled(
    stack, knowing, kept, tmp_path, capsys
):
    segment(stack, tmp_path / "plain.tif", "--deployed", kept)
    assert "not known: not resampled" in capsys.readouterr().err
    segment(stack, tmp_path / "like.tif", "--deployed", knowing, "--pixel-nm", "4.1")
    assert "resampled" not in capsys.readouterr().err
    ours, theirs = (tifffile.imread(tmp_path / name) for name in ("plain.tif", "like.tif"))
    assert np.array_equal(ours, theirs)


def test_sizes_out_of_all_proportion_are_refused(stack, knowing, tmp_path, capsys):
    assert segment(stack, tmp_path / "map.tif", "--deployed", knowing, "--pixel-nm", "400") == 2
    said = capsys.readouterr().err
    assert "--pixel-nm" in said and "100 times the network's" in said
    assert sorted(one.name for one in tmp_path.iterdir()) == ["raw.tif"]
