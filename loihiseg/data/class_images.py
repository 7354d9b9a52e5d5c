"""Images and the classes of each, or of each of their pixels: for networks that classify.

Pixels are taken as they are: a network that was trained on pixels from 0 to 1 is to be given such.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike

import numpy as np

from loihiseg.data.readers.plain_arrays import read_arrays
from loihiseg.data.sections import parse_sections
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
    """

    images: np.ndarray
    labels: np.ndarray | None
    calibration: np.ndarray | None
    source: str
    digest: str
    numbers: tuple[int, ...]

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
        (n, rows, columns, channels) float32.
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
        of vectors. Numbers, taken as they are.
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
    classes = None if labels is None else _labels(source, labels, len(shown), task, ignore)
    digest = hashlib.sha256(repr((shown.shape, classes is None)).encode() + shown.tobytes())
    if classes is not None:
        digest.update(np.ascontiguousarray(classes).tobytes())
    return ClassImages(shown, classes, more, source, digest.hexdigest(), tuple(range(len(shown))))


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
    found = pool[_spread(len(pool), n_calibration)]
    return ChosenImages(shown, found, apart, f"{len(found)} of {which}")


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
    if not len(images) or images.shape[1:] not in allowed or images.dtype.kind not in "biuf":
        sizes = ", or ".join("(n, " + ", ".join(map(str, one)) + ")" for one in allowed)
        raise InputError(
            f"{name}: {images.dtype} of shape {images.shape}, but the network takes {sizes} of "
            "numbers; cut, scale or reshape them so"
        )
    found = np.ascontiguousarray(images, np.float32).reshape(len(images), *wanted)
    if not np.isfinite(found).all():
        raise InputError(f"{name}: there are values that are not finite; give numbers alone")
    return found


def _labels(
    source: str, labels: np.ndarray, n_images: int, task: Task, ignore: float | None
) -> np.ndarray:
    """int64, with `UNKNOWN` for what is to be ignored."""
    wanted = (n_images, *task.map_shape)
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
