"""What is wanted of each pixel of the sections that are trained on: target, weight, middle line."""

import numpy as np
from scipy import ndimage
from skimage.measure import label, regionprops
from skimage.morphology import dilation, disk, skeletonize

from loihiseg.data.stack import Stack
from loihiseg.errors import Option, OptionError
from loihiseg.training.objective import Objective

BORDER_PX = 5.0
"""Distance over which the weight of a border falls, as in [1]_ of `border_weights`."""

SKELETON_RADIUS_PX = 1
"""What is added around a middle line."""

_REACH = int(4 * BORDER_PX)
"""Beyond it a border's weight is below a thousandth."""

TARGET, WEIGHT, SKELETON = range(3)
"""Places of the planes of `wanted`."""


def wanted(stack: Stack, objective: Objective) -> np.ndarray:
    """What an objective wants of a stack.

    Parameters
    ----------
    stack : Stack
        With labels, and with soft ones where the objective has a share of them.
    objective : Objective

    Returns
    -------
    numpy.ndarray
        float32, (sections, height, width, 3): the probability of membrane that is the target, 0 to
        1; the weight in the loss, 0 where nothing is known; 1 on the middle lines of membranes.

    Raises
    ------
    InputError
        If there are no soft labels where they have a share.
    """
    assert stack.membrane is not None
    known = np.ones(stack.images.shape, bool) if stack.known is None else stack.known
    planes = np.zeros((*stack.images.shape, 3), np.float32)
    target = stack.membrane.astype(np.float32)
    weight = known.astype(np.float32)
    if objective.soft_share:
        if stack.soft is None:
            raise OptionError(
                f"{stack.source}: has no soft labels, of which the objective has a share; give ",
                Option("soft_labels"),
            )  # fmt: skip
        share = np.where(known, np.float32(objective.soft_share), np.float32(1))
        target += share * (stack.soft - target)
        weight[:] = 1
    for place, membrane in enumerate(stack.membrane):
        seen = membrane & known[place]
        if objective.border_weight:
            weight[place] += known[place] * objective.border_weight * border_weights(membrane)
        if objective.skeleton_weight:
            planes[place, ..., SKELETON] = middle_lines(seen)
    planes[..., TARGET], planes[..., WEIGHT] = target, weight
    return planes


def border_weights(membrane: np.ndarray) -> np.ndarray:
    """How close two cells come at each pixel of membrane.

    Parameters
    ----------
    membrane : numpy.ndarray
        bool, (height, width).

    Returns
    -------
    numpy.ndarray
        float32, the same shape, 0 to 1: ``exp(-(d1 + d2)**2 / (2 * BORDER_PX**2))`` on membrane,
        with the distances in pixels to the nearest cell and to the second nearest [1]_; 0 in cells
        and where there is no second one near.

    References
    ----------
    .. [1] O. Ronneberger, P. Fischer, T. Brox (2015), "U-Net: Convolutional Networks for Biomedical
           Image Segmentation", equation 2, doi 10.1007/978-3-319-24574-4_28.
    """
    first = np.full(membrane.shape, np.inf, np.float32)
    second = first.copy()
    cells = label(~membrane, connectivity=1)
    for cell in regionprops(cells):
        # Beyond its reach a cell weighs nothing.
        top, left, bottom, right = cell.bbox
        window = (
            slice(max(top - _REACH, 0), bottom + _REACH),
            slice(max(left - _REACH, 0), right + _REACH),
        )
        apart = ndimage.distance_transform_edt(cells[window] != cell.label).astype(np.float32)
        one, other = first[window], second[window]
        np.minimum(other, np.maximum(one, apart), out=other)
        np.minimum(one, apart, out=one)
    weights = np.exp(-np.square(first + second) / np.float32(2 * BORDER_PX**2))
    return np.where(membrane, weights, np.float32(0)).astype(np.float32)


def middle_lines(membrane: np.ndarray) -> np.ndarray:
    """The skeleton of membranes, a little widened: a gap across it joins two cells.

    Parameters
    ----------
    membrane : numpy.ndarray
        bool, (height, width).

    Returns
    -------
    numpy.ndarray
        bool, the same shape; within the membranes.

    References
    ----------
    Y. Kirchhoff et al. (2024), "Skeleton Recall Loss for Connectivity Conserving and Resource
    Efficient Segmentation of Thin Tubular Structures", arXiv 2404.03010.
    """
    lines: np.ndarray = dilation(skeletonize(membrane), disk(SKELETON_RADIUS_PX)) & membrane
    return lines
