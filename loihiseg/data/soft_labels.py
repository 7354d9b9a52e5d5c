"""Soft labels: probabilities of membrane that other networks give, to be trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from os import PathLike

import numpy as np

from loihiseg.data.maps import read_map
from loihiseg.data.stack import Stack
from loihiseg.errors import InputError, Option, OptionError

_WHOLE = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}
"""What a probability of 1 is, of whole numbers."""


def read_soft_labels(paths: Sequence[str | PathLike[str]], stack: Stack) -> np.ndarray:
    """The mean of maps of probability, of all sections of a stack.

    Parameters
    ----------
    paths : sequence of path
        Maps as ``loihiseg segment`` writes them: floats from 0 to 1, or uint8 or uint16 of which
        the largest is 1.
    stack : Stack
        That they are maps of, section by section, as it is trained on: resampled where it is.

    Returns
    -------
    numpy.ndarray
        float32, the shape of the images.

    Raises
    ------
    InputError
        One line naming the file: a map of another shape, or whose values are no probabilities.
    """
    if not paths:
        raise OptionError(Option("soft_labels"), ": expected a map at least")
    mean = np.zeros(stack.images.shape, np.float32)
    for path in paths:
        mean += _probabilities(read_map(path), str(path), stack) / np.float32(len(paths))
    return mean


def digest_of(soft: np.ndarray) -> str:
    """SHA-256 of soft labels, shape and bytes."""
    sha = hashlib.sha256(f"{soft.shape} {soft.dtype.str}".encode())
    sha.update(np.ascontiguousarray(soft).data)
    return sha.hexdigest()


def _probabilities(values: np.ndarray, path: str, stack: Stack) -> np.ndarray:
    if values.shape != stack.images.shape:
        raise InputError(
            f"{path}: a map of shape {values.shape}, the stack has {stack.images.shape} (sections, "
            "height, width); give a map of these very sections, at the size that is trained on"
        )
    if values.dtype == bool:
        return values.astype(np.float32)
    if values.dtype in _WHOLE:
        return values.astype(np.float32) / np.float32(_WHOLE[values.dtype])
    if values.dtype.kind != "f" or not (values.min() >= 0 and values.max() <= 1):
        found = "NaN" if np.isnan(values).any() else f"{values.min():g} to {values.max():g}"
        raise InputError(
            f"{path}: values {found} of type {values.dtype}, expected probabilities of membrane: "
            "floats from 0 to 1, or uint8 or uint16"
        )
    return values.astype(np.float32)
