"""Labels that are colours or transparency; transparent images; pictures that are stored turned."""

import io
import warnings

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from loihiseg.data import read_stack
from loihiseg.data.colours import codes_of, grey_codes, is_coloured
from loihiseg.data.instances import boundaries
from loihiseg.data.labels import LabelOptions
from loihiseg.data.readers import open_sections
from loihiseg.data.warn import ReadingWarning
from loihiseg.errors import InputError
from tests.mutants import mutants
from tests.tissue import tissue

N, HEIGHT, WIDTH = 3, 48, 40
TISSUE = tissue(N, HEIGHT, WIDTH, 12)
MEMBRANE, GREY = TISSUE.membrane, TISSUE.grey
RNG = np.random.default_rng(0)


def _painted(membrane, cell):
    """Sections in two colours, of three or four channels."""
    return np.where(MEMBRANE[..., None], *(np.array(c, np.uint8) for c in (membrane, cell)))


def _saved(tmp_path, labels, kind):
    """Images and labels (n, rows, columns, channels), as a TIFF or as folders of a format."""
    if kind == "tif":
        tifffile.imwrite(tmp_path / "em.tif", GREY, photometric="minisblack")
        extra = {} if labels.shape[-1] == 3 else {"extrasamples": ["unassalpha"]}
        tifffile.imwrite(tmp_path / "labels.tif", labels, photometric="rgb", **extra)
        return tmp_path / "em.tif", tmp_path / "labels.tif"
    for name, sections in (("images", GREY), ("labels", labels)):
        (tmp_path / name).mkdir()
        for z, section in enumerate(sections):
            if kind == "palette" and name == "labels":
                Image.fromarray(section).quantize(16).save(tmp_path / name / f"{z}.png")
            else:
                suffix = "png" if kind == "palette" else kind
                Image.fromarray(section).save(tmp_path / name / f"{z}.{suffix}")
    return tmp_path, None


def _read(tmp_path, labels, kind="png", **how):
    return read_stack(*_saved(tmp_path, labels, kind), **how)


@pytest.mark.parametrize("kind", ["tif", "png", "palette", "bmp"])
@pytest.mark.parametrize(
    "membrane, cell",
    [((255, 0, 0), (0, 0, 0)), ((0, 0, 0), (0, 255, 0)), ((0, 0, 255), (255, 255, 0))],
)
def test_two_colours_are_a_mask(tmp_path, kind, membrane, cell):
    stack = _read(tmp_path, _painted(membrane, cell), kind)
    np.testing.assert_array_equal(stack.membrane, MEMBRANE)
    for colour in (membrane, cell):
        assert "#{:02x}{:02x}{:02x}".format(*colour) in stack.polarity
    assert "= membrane" in stack.polarity and stack.known is None


def test_polarity_of_colours_goes_by_brightness(tmp_path):
    labels = _painted((0, 0, 255), (255, 0, 0))  # red is brighter
    stack = _read(tmp_path, labels, label_polarity="cell-bright")
    np.testing.assert_array_equal(stack.membrane, MEMBRANE)


@pytest.mark.parametrize("kind", ["tif", "png"])
@pytest.mark.parametrize("colour", [(0, 0, 0), (200, 30, 30)])
def test_transparency_is_a_mask_where_the_colour_is_constant(tmp_path, kind, colour):
    stack = _read(tmp_path, _painted((*colour, 255), (*colour, 0)), kind)
    np.testing.assert_array_equal(stack.membrane, MEMBRANE)
    assert "transparent is" in stack.polarity


def test_strokes_on_transparent_ground(tmp_path):
    labels = _painted((255, 0, 0, 255), (0, 0, 0, 0))
    labels[..., :3][labels[..., 3] == 0] = RNG.integers(0, 255, (int((~MEMBRANE).sum()), 3))
    stack = _read(tmp_path, labels)
    np.testing.assert_array_equal(stack.membrane, MEMBRANE)


def test_opaque_alpha_says_nothing(tmp_path):
    stack = _read(tmp_path, _painted((0, 0, 0, 255), (255, 255, 255, 255)))
    np.testing.assert_array_equal(stack.membrane, MEMBRANE)
    assert stack.polarity.startswith("labels: 255 = cell, 0 = membrane")


def test_transparent_beside_two_colours_is_ignored(tmp_path):
    labels = _painted((255, 0, 0, 255), (0, 0, 90, 255))
    labels[:, 10:20, 5:30] = 0
    stack = _read(tmp_path, labels)
    hidden = labels[..., 3] == 0
    np.testing.assert_array_equal(stack.known, ~hidden)
    np.testing.assert_array_equal(stack.membrane, MEMBRANE & ~hidden)
    assert "transparent is ignored" in stack.polarity


@pytest.mark.parametrize("kind", ["tif", "png"])
def test_many_colours_are_cells(tmp_path, kind):
    ids = np.arange(12).reshape(4, 3).repeat(12, 0).repeat(14, 1)[:, :WIDTH]
    ids[2, :] = 0  # black
    palette = RNG.integers(1, 255, (12, 3)).astype(np.uint8)
    palette[0] = 0
    stack = _read(tmp_path, np.stack([palette[ids]] * N), kind)
    np.testing.assert_array_equal(stack.membrane, np.stack([boundaries(ids)] * N))
    assert "11 colours are ids of cells" in stack.polarity and "and 0 = membrane" in stack.polarity


def test_a_blank_section_among_coloured_ones(tmp_path):
    labels = _painted((255, 0, 0), (0, 0, 0))
    labels[1] = 0
    with pytest.warns(ReadingWarning, match="section 1 have one value"):
        stack = _read(tmp_path, labels)
    np.testing.assert_array_equal(stack.membrane[[0, 2]], MEMBRANE[[0, 2]])
    assert stack.labelled == (True, False, True)


def _three(labels):
    labels[:, 20:24, 20:24] = (0, 0, 200)


def _soft(labels):
    labels[MEMBRANE] = np.stack(
        [RNG.integers(60, 256, MEMBRANE.sum()), *np.zeros((2, MEMBRANE.sum()))], -1
    )
    labels[MEMBRANE & (np.indices(MEMBRANE.shape)[2] % 4 > 0)] = (255, 0, 0)


def _white_lines(labels):
    cells = RNG.integers(1, 200, (N, HEIGHT // 6, WIDTH // 6 + 1, 3)).astype(np.uint8)
    labels[...] = cells.repeat(6, 1).repeat(6, 2)[:, :HEIGHT, :WIDTH]
    labels[:, ::6] = 255


@pytest.mark.parametrize(
    "change, says",
    [(_three, "3 colours"), (_soft, "cover nearly all"), (_white_lines, "white may be a cell")],
)
def test_ambiguous_colours_are_refused(tmp_path, change, says):
    labels = _painted((255, 0, 0), (0, 0, 0))
    change(labels)
    with pytest.raises(InputError, match=says) as error:
        _read(tmp_path, labels)
    assert "\n" not in str(error.value) and "labels" in str(error.value)


def test_a_threshold_on_the_brightness_of_colours(tmp_path):
    labels = _painted((255, 0, 0), (0, 0, 0))
    _soft(labels)
    stack = _read(tmp_path, labels, label_options=LabelOptions(threshold=10))
    np.testing.assert_array_equal(stack.membrane, MEMBRANE)
    assert stack.polarity.startswith("brightness of colours: labels above 10")


def test_colours_that_cannot_be_read(tmp_path):
    labels = _painted((255, 0, 0, 255), (0, 0, 0, 255))
    labels[0, 3, 3, 3] = 100
    with pytest.raises(InputError, match="partly transparent"):
        _read(tmp_path, labels)
    (tmp_path / "more").mkdir()
    with pytest.raises(InputError, match="no value can be ignored"):
        _read(
            tmp_path / "more",
            _painted((255, 0, 0), (0, 0, 0)),
            label_options=LabelOptions(ignore=0),
        )


def test_codes_are_in_the_order_of_brightness():
    grey = np.arange(256, dtype=np.uint8)
    codes = codes_of(np.repeat(grey[:, None], 3, 1))
    np.testing.assert_array_equal(codes, grey_codes(grey))
    assert (np.diff(codes.astype(np.int64)) > 0).all() and not is_coloured(codes)
    colours = RNG.integers(0, 256, (1000, 3)).astype(np.uint8)
    assert len(np.unique(codes_of(colours))) == len(np.unique(colours, axis=0))
    assert is_coloured(codes_of(colours))


@pytest.mark.parametrize("kind", ["tif", "png"])
@pytest.mark.parametrize("n_channels", [2, 4])
def test_transparent_pixels_of_images_are_padding(tmp_path, kind, n_channels):
    hidden = np.indices((HEIGHT, WIDTH)).sum(0) < 16
    images = np.repeat(GREY[..., None], n_channels, -1)
    images[..., -1] = np.where(hidden, 0, 255)
    images[:, hidden, :-1] = 200
    if n_channels == 4:
        images[:, hidden, 1] = 17  # a colour that is not to be seen
    if kind == "tif":
        tifffile.imwrite(
            tmp_path / "em.tif",
            images,
            photometric="rgb" if n_channels == 4 else "minisblack",
            planarconfig="contig",
            extrasamples=["unassalpha"],
        )
    else:
        (tmp_path / "em.tif").mkdir()
        for z, image in enumerate(images):
            Image.fromarray(image).save(tmp_path / "em.tif" / f"{z}.png")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stack = read_stack(tmp_path / "em.tif")
    said = [str(one.message) for one in caught if one.category is ReadingWarning]
    assert len(said) == 1 and "transparent" in said[0]
    np.testing.assert_array_equal(stack.known, np.stack([~hidden] * N))
    np.testing.assert_array_equal(stack.images[:, ~hidden], GREY[:, ~hidden])


def test_alpha_that_is_zero_all_over_says_nothing(tmp_path):
    image = np.stack([GREY[0], np.zeros_like(GREY[0])], -1)
    Image.fromarray(image).save(tmp_path / "em.png")
    np.testing.assert_array_equal(read_stack(tmp_path / "em.png").images[0], GREY[0])


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("kind", ["tif", "jpg", "png"])
def test_pictures_that_are_stored_turned_are_refused(tmp_path, kind, orientation):
    path = tmp_path / f"em.{kind}"
    for number in (1, orientation):
        exif = Image.Exif()
        exif[274] = number
        if kind == "tif":
            tifffile.imwrite(path, GREY[0], extratags=[(274, "H", 1, number, True)])
        else:
            Image.fromarray(GREY[0]).save(path, exif=exif)
        if number == 1:
            assert read_stack(path).n_sections == 1
    with pytest.raises(InputError, match=f"Orientation {orientation}") as error:
        read_stack(path)
    assert "em" in str(error.value) and "\n" not in str(error.value)


def test_damaged_exif_says_nothing(tmp_path):
    good = imagecodecs.jpeg8_encode(GREY[0])
    for exif in (b"", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\0\x09"):
        part = b"Exif\0\0" + exif
        size = (len(part) + 2).to_bytes(2, "big")
        (tmp_path / "em.jpg").write_bytes(good[:2] + b"\xff\xe1" + size + part + good[2:])
        assert read_stack(tmp_path / "em.jpg").n_sections == 1


def _saved_bytes(array, kind, **how):
    file = io.BytesIO()
    if kind == "tiff":
        tifffile.imwrite(file, array, photometric="rgb", **how)
    else:
        Image.fromarray(array).save(file, kind, **how)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["png", "jpeg", "bmp", "tiff"])
@pytest.mark.parametrize("role", ["labels", "images"])
def test_damaged_colours_are_refused_or_read(tmp_path, kind, role):
    cells = RNG.integers(1, 255, (4, 4, 3)).astype(np.uint8).repeat(6, 0).repeat(6, 1)
    exif = Image.Exif()
    exif[274] = 1
    how = {"exif": exif} if kind in ("png", "jpeg") else {}
    path = tmp_path / f"em.{kind}"
    n_refused = 0
    for damaged in mutants(_saved_bytes(cells, kind, **how), 60, seed=4):
        path.write_bytes(damaged)
        try:
            with open_sections(path, role) as reader:
                found = reader.section(0)
                assert (found.shape, found.dtype) == (reader.shape[1:], reader.dtype)
        except InputError as error:
            assert "\n" not in str(error)
            n_refused += 1
    assert n_refused > 6
