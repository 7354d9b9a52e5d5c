from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from skimage.measure import label

from loihiseg.errors import InputError
from loihiseg.metrics.thinning import thin

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))


def mask(*rows):
    """'C' is cell, '.' is membrane."""
    return np.array([[character == "C" for character in row] for row in rows])


def slow_thin(cell):
    """The published rules once more, pixel by pixel on dictionaries; a pixel is (x, y)."""
    height, width = cell.shape
    pixels = [(x, y) for x in range(width) for y in range(height)]
    state = {pixel: "untouched" for pixel in pixels}  # or "queued", "line", or a basin number

    def around(pixel):
        x, y = pixel
        candidates = [(x - 1, y), (x, y - 1), (x + 1, y), (x, y + 1)]
        return [other for other in candidates if other in state]

    def is_basin(pixel):
        return isinstance(state[pixel], int)

    def new_basins(level):
        n_basins = sum(1 for _ in {value for value in state.values() if isinstance(value, int)})
        for pixel in pixels:
            if state[pixel] == "untouched" and cell[pixel[1], pixel[0]] == level:
                n_basins += 1
                state[pixel] = n_basins
                stack = [pixel]
                while stack:
                    for other in around(stack.pop()):
                        if state[other] == "untouched" and cell[other[1], other[0]] == level:
                            state[other] = n_basins
                            stack.append(other)

    new_basins(True)
    queue = deque()
    for pixel in pixels:
        if state[pixel] == "untouched":
            if any(is_basin(other) or state[other] == "line" for other in around(pixel)):
                state[pixel] = "queued"
                queue.append(pixel)
    flag = False
    while queue:
        pixel = queue.popleft()
        for other in around(pixel):
            if is_basin(other):
                if state[pixel] == "queued" or (state[pixel] == "line" and flag):
                    state[pixel] = state[other]
                elif is_basin(pixel) and state[pixel] != state[other]:
                    state[pixel] = "line"
                    flag = False
            elif state[other] == "line" and state[pixel] == "queued":
                state[pixel] = "line"
                flag = True
            elif state[other] == "untouched":
                state[other] = "queued"
                queue.append(other)
    new_basins(False)

    labels = np.zeros(cell.shape, np.int32)
    for (x, y), value in state.items():
        labels[y, x] = value if isinstance(value, int) else 0
    return labels


def test_odd_gap_ends_in_the_middle():
    # Queue in list order: x=1, x=3. x=1 joins basin 1 and queues x=2; x=3 joins basin 2;
    # x=2 takes 1 from the left, meets 2 on the right: line.
    np.testing.assert_array_equal(thin(mask("C...C")), [[1, 1, 0, 2, 2]])


def test_even_gap_is_decided_by_the_queue():
    # Queue: x=1, x=2. x=1 joins basin 1. x=2 takes 1 from the left (already labelled), meets 2
    # on the right: line. A later pixel of the queue loses the tie.
    np.testing.assert_array_equal(thin(mask("C..C")), [[1, 1, 0, 2]])
    np.testing.assert_array_equal(thin(mask("C..C").T), [[1], [1], [0], [2]])


def test_tie_in_two_dimensions():
    # Basins: (0,0) is 1, (3,0) is 2, as (x, y). Pixels that touch one, x outer, y inner:
    # (0,1), (1,0), (2,0), (3,1).
    #   (0,1): above is 1 -> 1; queues (1,1).
    #   (1,0): left is 1 -> 1.
    #   (2,0): left is 1 -> 1; right is 2 -> line; queues (2,1).
    #   (3,1): above is 2 -> 2.
    #   (1,1): left is 1 -> 1.
    #   (2,1): left is 1 -> 1; above is a line, but (2,1) is no longer queued; right is 2 -> line.
    np.testing.assert_array_equal(thin(mask("C..C", "....")), [[1, 1, 0, 2], [1, 1, 0, 2]])


def test_line_pixel_joins_a_basin_while_the_flag_is_set():
    # Basins: (2,1) is 1, (3,0) is 2. Queue: (1,1), (2,0), (3,1).
    #   (1,1): queues (0,1) and (1,0); right is 1 -> 1.
    #   (2,0): right is 2 -> 2; below is 1 -> line, flag cleared.
    #   (3,1): left is 1 -> 1; above is 2 -> line, flag cleared.
    #   (0,1): queues (0,0); right is 1 -> 1.
    #   (1,0): right is a line -> line, flag set; below is 1 and the flag is set -> 1.
    #   (0,0): right is 1 -> 1.
    np.testing.assert_array_equal(thin(mask("...C", "..C.")), [[1, 1, 0, 2], [1, 1, 1, 0]])


def test_basins_are_numbered_column_by_column():
    # Row by row, the top right cell would be basin 1. Queue: (0,1), (1,0), (1,2), (2,1), which
    # join the cell they touch, then (0,0), (1,1), (2,2), each of which meets both: lines.
    labels = thin(mask("..C", "...", "C.."))
    np.testing.assert_array_equal(labels, [[0, 2, 2], [1, 0, 2], [1, 1, 0]])


def test_diagonal_cells_are_two_basins():
    np.testing.assert_array_equal(thin(mask("C.", ".C")), [[1, 0], [0, 2]])


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 4)])
def test_membrane_only_is_one_basin_and_cell_only_too(shape):
    for cell in (np.zeros(shape, bool), np.ones(shape, bool)):
        labels = thin(cell)
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(labels, np.ones(shape))


@settings(deadline=None, max_examples=300)
@given(masks)
def test_equals_the_slow_rules(cell):
    np.testing.assert_array_equal(thin(cell), slow_thin(cell))


@pytest.mark.parametrize("density", [0.01, 0.05, 0.2, 0.5, 0.8, 0.97])
@pytest.mark.parametrize("shape", [(61, 47), (33, 70)])
def test_equals_the_slow_rules_on_larger_masks(density, shape):
    cell = np.random.default_rng(1).random(shape) < density
    np.testing.assert_array_equal(thin(cell), slow_thin(cell))


@settings(deadline=None)
@given(masks)
def test_keeps_cells_and_floods_connected_basins(cell):
    labels = thin(cell)
    assert labels.shape == cell.shape and labels.dtype == np.int32
    assert labels.min() >= 0
    assert labels[cell].all()  # only membrane becomes line
    if not cell.any():
        return
    regions = label(cell, connectivity=1)
    assert labels.max() == regions.max()
    for basin in range(1, labels.max() + 1):
        inside = labels == basin
        assert label(inside, connectivity=1).max() == 1
        assert len(np.unique(regions[inside & cell])) == 1


@settings(deadline=None)
@given(masks, st.sampled_from(["C", "F"]))
def test_input_is_left_alone_and_memory_order_does_not_matter(cell, order):
    before = cell.copy()
    expected = thin(cell)
    np.testing.assert_array_equal(thin(np.array(cell, order=order)), expected)
    np.testing.assert_array_equal(cell, before)


@pytest.mark.parametrize(
    "cell", [np.ones((2, 2), np.uint8), np.ones((1, 2, 2), bool), np.ones((0, 3), bool)]
)
def test_refuses_what_is_no_mask(cell):
    with pytest.raises(InputError, match=r"cell mask: shape .* needs a non-empty"):
        thin(cell)
