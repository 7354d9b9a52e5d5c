"""Images and the classes of each, or of each of their pixels: for networks that classify.

Pixels are taken as they are: a network that was trained on pixels from 0 to 1 is to be given such.
Images larger than the input of a network that gives a class for every pixel go through it in tiles
that overlap by a quarter, as sections do; see `loihiseg.data.tiles`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike

import numpy as np

from loihiseg.data.readers.plain_arrays import read_arrays
from loihiseg.data.sections import parse_sections
from loihiseg.data.tiles import TileGrid, default_overlap, spread_places, stitch, tile_grid
from loihiseg.errors import InputError, Option, OptionError
from loihiseg.results.task import Task
from partition.display.messages import how_many

UNKNOWN = -1
"""Of a label that says nothing."""

IMAGES, LABELS, CALIBRATION = "images", "labels", "calibration_images"
"""Members of an .npz file."""


@dataclass(frozen=True, eq=False)
class ClassImages:
    """Images, and what they are or show.

    Attributes
    ----------
    images : numpy.ndarray
        (n, rows, columns, channels) float32.
    labels : numpy.ndarray or None
        int64, (n,) of images or (n, rows, columns) of pixels, `UNKNOWN` where nothing is known;
        None without labels.
    calibration : numpy.ndarray or None
        Images as the others, by which nothing is judged.
    source : str
        Where they were read.
    digest : str
        SHA-256 of images and labels.
    numbers : tuple of int
        Of each image, within what was read.
    grid : TileGrid or None
        The tiles of each image, where it is larger than the network's input.
    side : int or None
        Rows and columns of that input, where larger images may be cut into such tiles.
    """

    images: np.ndarray
    labels: np.ndarray | None
    calibration: np.ndarray | None
    source: str
    digest: str
    numbers: tuple[int, ...]
    grid: TileGrid | None = None
    side: int | None = None

    @property
    def places(self) -> tuple[tuple[int, int, int], ...]:
        """Number of the image, row and column of what the network is shown, one by one."""
        origins = ((0, 0),) if self.grid is None else self.grid.origins
        return tuple((number, row, column) for number in self.numbers for row, column in origins)

    @property
    def pixels(self) -> np.ndarray:
        """(n, rows, columns, channels) float32: what the network is shown, images or tiles."""
        if self.grid is None:
            return self.images
        return np.stack([_tile(one, *at, self.grid.tile) for one in self.images
                         for at in self.grid.origins])  # fmt: skip

    def assembled(self, maps: np.ndarray) -> np.ndarray:
        """Logits of images from those of what was shown, float32.

        Parameters
        ----------
        maps : numpy.ndarray
            float32, (n, tile, tile) or (n, tile, tile, classes) of tiles; all others are images'
            already.
        """
        grid = self.grid
        if grid is None:
            return maps
        flat = maps.reshape(len(self.images), len(grid.origins), *maps.shape[1:3], -1)
        whole = [[stitch(one[..., k], grid) for k in range(one.shape[3])] for one in flat]
        found = np.stack([np.stack(one, axis=-1) for one in whole])
        return found if maps.ndim == 4 else found[..., 0]

    def picked(self, positions: Sequence[int]) -> "ClassImages":
        """Some of them."""
        at = list(positions)
        return replace(
            self,
            images=self.images[at],
            labels=None if self.labels is None else self.labels[at],
            numbers=tuple(self.numbers[one] for one in at),
        )


@dataclass(frozen=True, eq=False)
class ChosenImages:
    """Images that a network is to be run on, and those that it is calibrated on.

    Attributes
    ----------
    shown : ClassImages
    calibration : numpy.ndarray
        (n, rows, columns, channels) float32, as large as the network's input.
    apart : bool
        Whether nothing is judged by the latter.
    words : str
        Which the latter are.
    """

    shown: ClassImages
    calibration: np.ndarray
    apart: bool
    words: str


def read_class_images(
    path: str | PathLike[str],
    task: Task,
    labels: str | PathLike[str] | None = None,
    ignore: float | None = None,
) -> ClassImages:
    """Read images and labels from NumPy files.

    Parameters
    ----------
    path : path-like
        An .npz file with ``images``, and perhaps ``labels`` and ``calibration_images``; or an .npy
        file of images.
    task : Task
        Of the network that they are for.
    labels : path-like, optional
        An .npy file, or an .npz file with ``labels``.
    ignore : float, optional
        Labels of this value say nothing.

    Raises
    ------
    InputError
        If they cannot be read, or are not for such a network. Nothing is ever unpickled.
    """
    found = read_arrays(path, (IMAGES, LABELS, CALIBRATION), IMAGES)
    if IMAGES not in found:
        raise InputError(
            f"{path}: has no array '{IMAGES}'; save it as numpy.savez(path, images=..., labels=...)"
        )
    if labels is not None:
        if LABELS in found:
            raise OptionError(
                Option("labels"), f" {labels}: {path} has labels of its own; leave out one of them"
            )
        found |= read_arrays(labels, (LABELS,), LABELS)
        if LABELS not in found:
            raise InputError(f"{labels}: has no array '{LABELS}'")
    return make_class_images(
        found[IMAGES], task, found.get(LABELS), found.get(CALIBRATION), str(path), ignore
    )


def make_class_images(
    images: np.ndarray,
    task: Task,
    labels: np.ndarray | None = None,
    calibration: np.ndarray | None = None,
    source: str = "images in memory",
    ignore: float | None = None,
) -> ClassImages:
    """Images and labels in memory, by the rules for files.

    Parameters
    ----------
    images : numpy.ndarray
        (n, rows, columns, channels); (n, rows, columns) where there is one channel, and (n, length)
        of vectors. Numbers, taken as they are. For a network that gives a class for every pixel,
        and takes square images, rows and columns may be more than it takes.
    task : Task
    labels : numpy.ndarray, optional
        Whole numbers from 0 on, (n,) or (n, rows, columns).
    calibration : numpy.ndarray, optional
        As the images.
    source : str
        What errors call them.
    ignore : float, optional
        Labels of this value say nothing.

    Raises
    ------
    InputError
    """
    shown = _images(f"{source}: {IMAGES}", images, task)
    more = None if calibration is None else _images(f"{source}: {CALIBRATION}", calibration, task)
    classes = None if labels is None else _labels(source, labels, shown.shape, task, ignore)
    digest = hashlib.sha256(repr((shown.shape, classes is None)).encode() + shown.tobytes())
    if classes is not None:
        digest.update(np.ascontiguousarray(classes).tobytes())
    numbers = tuple(range(len(shown)))
    grid, side = None, _side(task)
    if side is not None and shown.shape[1:] != task.input_shape:
        grid = tile_grid(shown.shape[1:3], side, default_overlap(side))
    return ClassImages(shown, classes, more, source, digest.hexdigest(), numbers, grid, side)


def _side(task: Task) -> int | None:
    """Rows and columns of tiles that larger images may be cut into."""
    rows, columns, _ = task.input_shape
    return None if task.per_image or rows != columns else rows


def _tile(image: np.ndarray, row: int, column: int, side: int) -> np.ndarray:
    return image[row : row + side, column : column + side]


def calibration_pixels(images: np.ndarray, count: int, side: int | None) -> np.ndarray:
    """Some images, or tiles of them that do not overlap, spread evenly.

    Parameters
    ----------
    images : numpy.ndarray
        (n, rows, columns, channels).
    count : int
    side : int or None
        Of the tiles; None for whole images.
    """
    if side is None or images.shape[1:3] == (side, side):
        return images[_spread(len(images), count)]
    places = spread_places(len(images), images.shape[1:3], side, count)
    return np.stack([_tile(images[number], row, column, side) for number, row, column in places])


def choose_images(
    data: ClassImages, sections: str | None, count: int | None, n_calibration: int
) -> ChosenImages:
    """Images to run a network on, and others to calibrate it on.

    Parameters
    ----------
    data : ClassImages
    sections : str or None
        Which are to be shown, as ``A:B``; all by default.
    count : int or None
        So many of these, spread evenly; all by default.
    n_calibration : int
        So many, spread evenly: of those that come for it, else of those not shown, else of all.

    Raises
    ------
    OptionError
        If there are no such images.
    """
    n_images = len(data.images)
    positions = range(n_images) if sections is None else parse_sections(sections, n_images)
    shown = data.picked([positions[one] for one in _spread(len(positions), count)])
    others = [one for one in range(n_images) if one not in positions]
    apart = data.calibration is not None or bool(others)
    if data.calibration is not None:
        pool, which = data.calibration, "images that come for it"
    elif others:
        pool, which = data.images[others], f"images beside {sections}"
    else:
        pool, which = shown.images, "the images that were deployed on"
    found = calibration_pixels(pool, n_calibration, data.side)
    is_cut = found.shape[1:3] != pool.shape[1:3]
    what = how_many(len(found), "tile") if is_cut else str(len(found))
    return ChosenImages(shown, found, apart, f"{what} of {which}")


def _spread(length: int, count: int | None) -> list[int]:
    if count is None or count >= length:
        return list(range(length))
    return [(2 * number + 1) * length // (2 * count) for number in range(count)]


def _images(name: str, images: np.ndarray, task: Task) -> np.ndarray:
    """(n, rows, columns, channels) float32."""
    wanted = task.input_shape
    allowed: list[tuple[int, ...]] = [wanted]
    if wanted[2] == 1:
        allowed.append(wanted[:2])
    if wanted[:2] == (1, 1):
        allowed.append(wanted[2:])
    side = _side(task)
    if side is not None and len(images.shape) > 2 and min(images.shape[1:3]) >= side:
        wanted = images.shape[1], images.shape[2], wanted[2]
        allowed = [wanted, *[wanted[:2]] * (wanted[2] == 1)]
    if not len(images) or images.shape[1:] not in allowed or images.dtype.kind not in "biuf":
        sizes = ", or ".join("(n, " + ", ".join(map(str, one)) + ")" for one in allowed)
        raise InputError(
            f"{name}: {images.dtype} of shape {images.shape}, but the network takes {sizes}"
            f"{' or larger' * (side is not None)} of numbers; cut, scale or reshape them so"
        )
    found = np.ascontiguousarray(images, np.float32).reshape(len(images), *wanted)
    if not np.isfinite(found).all():
        raise InputError(f"{name}: there are values that are not finite; give numbers alone")
    return found


def _labels(
    source: str, labels: np.ndarray, shown: tuple[int, ...], task: Task, ignore: float | None
) -> np.ndarray:
    """int64, with `UNKNOWN` for what is to be ignored; ``shown`` is the shape of the images."""
    wanted = shown[:1] if task.per_image else shown[:3]
    name = f"{source}: {LABELS}"
    if labels.dtype.kind not in "biu" or labels.shape != wanted:
        one_hot = labels.shape == (*wanted, task.n_classes)
        raise InputError(
            f"{name}: {labels.dtype} of shape {labels.shape}, expected whole numbers of shape "
            f"{wanted}, as the network gives {task.words}"
            + ("; these seem to be one-hot, give their argmax(-1)" if one_hot else "")
        )
    unknown = np.zeros(labels.shape, bool) if ignore is None else labels == ignore
    found = np.where(unknown, UNKNOWN, labels).astype(np.int64)
    wrong = found[~unknown & ((labels < 0) | (labels > task.n_classes - 1))]
    if wrong.size:
        raise InputError(
            f"{name}: {how_many(wrong.size, 'label')} beyond 0 to {task.n_classes - 1}, such as "
            f"{wrong[0]}; number the network's {task.n_classes} classes from 0, or say which label "
            "is to be ignored"
        )
    if unknown.all():
        raise InputError(f"{name}: all are to be ignored; leave labels out")
    return found
