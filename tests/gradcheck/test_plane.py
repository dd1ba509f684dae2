"""Arrays as flat pictures: where each number stands, what is cut off, and how large the largest is."""

import numpy as np
import pytest

from scratchnet.gradcheck.plane import reach, to_plane, wrong_plane


def numbered(*shape):
    return np.arange(1.0, 1 + np.prod(shape)).reshape(shape)


def test_a_row_or_a_number_is_one_line():
    np.testing.assert_array_equal(to_plane(numbered(3)), [[1, 2, 3]])
    np.testing.assert_array_equal(to_plane(np.float64(3)), [[3]])
    np.testing.assert_array_equal(to_plane([True, False]), [[1, 0]])
    assert to_plane([True]).dtype == np.float64


def test_a_matrix_stays_as_it_is():
    for shape in ((1, 1), (2, 3), (5, 2), (22, 40)):
        np.testing.assert_array_equal(to_plane(numbered(*shape)), numbered(*shape))


@pytest.mark.parametrize(
    ("shape", "kept"),
    [
        ((3, 41), (3, 40)),
        ((23, 40), (22, 40)),  # 900 // 40
        ((500, 300), (22, 40)),
        ((46, 20), (45, 20)),
        ((901, 1), (900, 1)),
        ((900, 1), (900, 1)),
        ((1, 300), (1, 40)),
    ],
)
def test_of_a_large_matrix_the_first_rows_and_columns_are_shown(shape, kept):
    array = numbered(*shape)
    np.testing.assert_array_equal(to_plane(array), array[: kept[0], : kept[1]])


def by_loops(array, down, across):
    """Images n = 0 .. below each other, their channels side by side, one line of nan between any two."""
    h, w = array.shape[-2:]
    images = array.reshape(len(array), -1, h, w)
    plane = np.full((down * (h + 1) - 1, across * (w + 1) - 1), np.nan)
    for n, c, i, j in np.ndindex(down, across, h, w):
        plane[n * (h + 1) + i, c * (w + 1) + j] = images[n, c, i, j]
    return plane


@pytest.mark.parametrize(
    ("shape", "down", "across"),
    [
        ((3, 2, 5, 4), 3, 2),
        ((2, 3, 4), 2, 1),  # (N, H, W)
        ((2, 3, 2, 2, 3), 2, 6),  # what stands before the last two axes is side by side
        ((2, 9, 2, 4), 2, 8),  # 40 // (4 + 1) images fit beside each other
        ((2, 9, 2, 3), 2, 9),
        ((40, 1, 5, 4), 30, 1),  # 900 // (6 * 5) below each other
        ((40, 2, 5, 4), 15, 2),
        ((3, 2, 2, 50), 3, 1),  # one is shown in any case
        ((2, 1, 40, 39), 1, 1),
        ((1, 1, 28, 28), 1, 1),
    ],
)
def test_images_stand_beside_each_other(shape, down, across):
    array = numbered(*shape)
    np.testing.assert_array_equal(to_plane(array), by_loops(array, down, across))


def test_a_mask_has_no_mistakes_in_its_gaps():
    mask = np.zeros((2, 2, 2, 3), bool)
    mask[1, 0, 1, 2] = mask[0, 1, 0, 0] = True
    wanted = np.zeros((5, 7), bool)
    wanted[4, 2] = wanted[0, 4] = True
    np.testing.assert_array_equal(wrong_plane(mask), wanted)
    assert wrong_plane(mask).dtype == bool
    assert wrong_plane(np.ones((2, 2, 2, 3), bool)).sum() == 24


def test_the_reach_is_that_of_the_largest_finite_number():
    assert reach(np.array([1.0, -3.0]), np.array([[2.0]])) == 3
    assert reach(np.array([1.0]), np.array([[0.5, 5.0]])) == 5
    assert reach(np.array([np.nan, np.inf, -2.0])) == 2
    assert reach(np.array([np.nan]), np.array([0.25])) == 0.25


def test_nothing_but_zeros_has_a_reach_to_divide_by():
    assert reach() == reach(np.zeros(3)) == reach(np.array([np.nan])) == reach(np.zeros(0)) == 1
