"""The right numbers in wrong places, and in arrays of another shape."""

import numpy as np
import pytest
from hand_made import generic, of_gradients, said

from scratchnet.gradcheck.signs import geometry


def found(mine, numeric, **more):
    """What is said of the gradient of x."""
    findings = list(geometry.find(of_gradients({"x": (mine, numeric)}, **more)))
    assert all(finding.explains == ("x",) for finding in findings)
    return said(findings)


MATRIX, SQUARE, BOX = generic((2, 3)), generic((3, 3)), generic((2, 3, 4))
IMAGES = generic((2, 3, 5, 4))
NAMELESS = "all numbers of your dx are right, but in the wrong places"


# --- gradients of each other -----------------------------------------------------------------------------------------------


def test_two_gradients_in_the_wrong_order():
    v, w = np.array([0.0, 2, 4]), np.array([3.0, -1, 5])
    findings = list(geometry._other_arguments(of_gradients({"v": (w, v), "w": (v, w), "x": (2 * MATRIX, MATRIX)})))
    assert said(findings) == [("gradients in the wrong order", "dv holds the gradient of w, dw holds the gradient of v")]
    assert findings[0].explains == ("v", "w")


def test_gradients_of_other_shapes_in_the_wrong_order():
    findings = said(geometry.find(of_gradients({"x": (SQUARE, BOX), "w": (MATRIX, SQUARE), "b": (BOX, MATRIX)})))
    told = "dx holds the gradient of w, dw holds the gradient of b, db holds the gradient of x"
    assert findings[0] == ("gradients in the wrong order", told)


def test_one_gradient_of_another_argument_is_no_order():
    pairs = {"x": (SQUARE, BOX), "w": (MATRIX, SQUARE), "b": (None, MATRIX)}
    assert "gradients in the wrong order" in [name for name, *_ in said(geometry.find(of_gradients(pairs)))]
    pairs = {"x": (SQUARE, BOX), "w": (None, SQUARE)}
    assert "gradients in the wrong order" not in [name for name, *_ in said(geometry.find(of_gradients(pairs)))]


def test_gradients_of_0_are_nobodys():
    nothing, ones = np.zeros(3), np.ones(3)
    pairs = {"u": (np.zeros((1, 3)), nothing), "v": (nothing, nothing[None]), "w": (2 * ones, ones)}
    evidence = of_gradients(pairs)
    assert evidence.failed == ["u", "v", "w"]
    assert "gradients in the wrong order" not in [name for name, *_ in said(geometry.find(evidence))]


# --- the right shape: moved ------------------------------------------------------------------------------------------------


def test_only_numbers_that_differ_can_be_in_wrong_places():
    assert found(np.array([[1.0, 2.0]]), np.array([[2.0, 2.0]])) == []
    assert found(np.array([3e-10, 1e-10]), np.array([1e-10, 3e-10])) == []
    assert found(np.array(3.0), np.array(2.0)) == []
    ones = np.ones((1, 1, 4, 4))
    assert found(np.where(np.arange(4)[:, None] == 0, 7, ones), ones) == []


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_a_difference_of_rounding_is_not_one_of_places(size):
    assert found(size * MATRIX * (1 + 2e-6), size * MATRIX) == []


@pytest.mark.parametrize(
    ("numeric", "axes", "words"),
    [(SQUARE, (1, 0), (0, 1)), (generic((2, 3, 3)), (0, 2, 1), (1, 2)), (generic((3, 2, 3)), (2, 1, 0), (0, 2))],
)
def test_two_axes_swapped(numeric, axes, words):
    told = f"your dx is right after swapping axes {words[0]} and {words[1]}"
    assert found(numeric.transpose(axes), numeric) == [("transposed", told)]


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (lambda n: n[:, :, ::-1, ::-1], "by 180 degrees"),
        (lambda n: n[:, :, ::-1], "upside down"),
        (lambda n: n[..., ::-1], "left to right"),
    ],
    ids=["180", "ud", "lr"],
)
def test_kernels_turned(turn, words):
    told = f"your dx is right after turning it {words}"
    assert found(turn(IMAGES), IMAGES) == [("kernel flipped", told)]


def test_only_images_are_turned():
    names = [name for name, *_ in found(BOX[:, :, ::-1], BOX)]
    assert "kernel flipped" not in names


@pytest.mark.parametrize(("step", "axis"), [(1, 0), (1, 1), (2, 1), (3, 2)])
def test_rolled(step, axis):
    told = f"your dx is right, but rolled by {step} along axis {axis}"
    assert found(np.roll(BOX, step, axis), BOX)[-1] == ("shifted", told)
    assert len([name for name, *_ in found(np.roll(BOX, step, axis), BOX) if name != "shifted"]) == 0


def test_backwards():
    for axis in (1, 2):
        told = f"your dx is right, but runs backwards along axis {axis}"
        assert ("reshaped in the wrong order", told) in found(np.flip(BOX, axis), BOX)


def test_an_example_of_a_wrong_place():
    mine = MATRIX.copy()
    mine[0, 1], mine[1, 2], mine[1, 0] = MATRIX[1, 2], MATRIX[1, 0], MATRIX[0, 1]
    told = f"{NAMELESS}: e.g. dx[0, 1] holds what belongs in dx[1, 2]"
    assert found(mine, MATRIX) == [("reshaped in the wrong order", told)]


def test_an_example_is_of_a_number_that_is_there_once():
    numeric = np.array([[1.0, 1, 2, 3, 5]])
    mine = np.array([[3.0, 5, 1, 2, 1]])
    assert found(mine, numeric)[0][1].endswith("e.g. dx[0, 0] holds what belongs in dx[0, 3]")
    numeric, mine = np.array([1.0, 1, 2, 2, 3, 3]), np.array([1.0, 2, 3, 1, 2, 3])
    assert found(mine, numeric) == [("reshaped in the wrong order", NAMELESS)]
    numeric, mine = np.array([1.0, 1, 2, 3, 4]), np.array([2.0, 3, 1, 4, 1])
    assert found(mine, numeric)[0][1].endswith("e.g. dx[0] holds what belongs in dx[2]")
    numeric, mine = np.array([2.0, 3, 1, 4, 1]), np.array([1.0, 1, 2, 3, 4])
    assert found(mine, numeric)[0][1].endswith("e.g. dx[2] holds what belongs in dx[0]")


def test_rounding_is_no_wrong_place():
    assert geometry._misplaced("dx", np.array([1, 2, 3, 4 + 4e-9]), np.array([1 + 4e-6, 3, 2, 4])) == (
        ": e.g. dx[1] holds what belongs in dx[2]"
    )
    assert geometry._misplaced("dx", np.array([5e-10, 2, 3]), np.array([0, 3, 2.0])) == (
        ": e.g. dx[1] holds what belongs in dx[2]"
    )
    # the number is there a second time, up to rounding
    assert geometry._misplaced("dx", np.array([2.0, 1e-10]), np.array([0.0, 5e-10])) == ""
    assert geometry._misplaced("dx", np.array([0.1, 2.0]), np.array([2.0, 2.0 + 4e-6])) == ""


def test_read_in_the_order_of_other_axes():
    mine = IMAGES.transpose(0, 2, 3, 1).reshape(IMAGES.shape)
    findings = list(geometry.find(of_gradients({"x": (mine, IMAGES)})))
    assert [(f.name, f.detail) for f in findings] == [
        ("reshaped in the wrong order", "transposed to (0, 2, 3, 1) and then reshaped")
    ]
    assert findings[0].evidence.startswith(NAMELESS + ": e.g. dx[0, 0, 0, 1] holds what belongs in dx[0, 1, 0, 0]")
    assert findings[0].evidence.endswith("; that is what you get if the channels are taken as the last axis")


def test_taken_in_the_order_of_other_axes():
    mine = IMAGES.reshape(2, 5, 4, 3).transpose(0, 3, 1, 2)
    findings = list(geometry.find(of_gradients({"x": (mine, IMAGES)})))
    assert findings[0].detail == "numbers read in the order of axes (0, 2, 3, 1)"


def test_the_axes_of_other_arrays_have_no_names():
    mine = BOX.transpose(0, 2, 1).reshape(BOX.shape)
    assert found(mine, BOX)[0][1].endswith("that is what you get if axis 1 is taken as the last axis")
    four = IMAGES.transpose(0, 2, 3, 1).reshape(IMAGES.shape)
    findings = list(geometry.find(of_gradients({"x": (MATRIX, MATRIX), "w": (four, IMAGES)})))
    assert findings[0].evidence.endswith("that is what you get if axis 1 is taken as the last axis")


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ((0, 2, 3, 1), "the channels are taken as the last axis"),
        ((1, 2, 3, 0), "the images are taken as the last axis"),
        ((3, 0, 1, 2), "the columns are taken as the first axis"),
        ((2, 0, 1, 3), "the rows are taken as the first axis"),
        ((1, 0, 3, 2), "the axes are taken in the order channels, images, columns, rows"),
        ((0, 3, 2, 1), "the axes are taken in the order images, columns, rows, channels"),
        ((0, 1, 3, 2), "the rows are taken as the last axis"),
    ],
)
def test_an_order_in_words(order, words):
    assert geometry._taken(order, geometry._AXES) == words


def test_an_order_of_nameless_axes_in_words():
    assert geometry._taken((2, 1, 0), {}) == "the axes are taken in the order axis 2, axis 1, axis 0"
    assert geometry._taken((1, 0), {}) == "axis 0 is taken as the last axis"


@pytest.mark.parametrize(
    ("mine", "reading"),
    [
        (BOX.transpose(2, 0, 1).reshape(BOX.shape), ((2, 0, 1), True)),
        (BOX.reshape(4, 2, 3).transpose(1, 2, 0), ((2, 0, 1), False)),
        (BOX, None),
        (BOX * (1 + 2e-6), None),
        (BOX[::-1], None),
    ],
)
def test_the_order_in_which_an_array_was_read(mine, reading):
    order = geometry.reading_order(mine, BOX)
    if reading is not None and not reading[1]:  # which is the same as another order before the reshape, if it is found first
        assert order is not None
        numbers = BOX.transpose(order[0]).reshape(BOX.shape) if order[1] else np.zeros(0)
        mine = mine if order[1] else numbers
        np.testing.assert_array_equal(mine, numbers)
        return
    assert order == reading


# --- moved by rows and columns ---------------------------------------------------------------------------------------------


def moved(n, dy, dx, axes=(2, 3)):
    """n moved, by a loop: what comes in from outside is a 7."""
    result = np.full(n.shape, 7.0)
    for index in np.ndindex(n.shape):
        start = list(index)
        start[axes[0]] -= dy
        start[axes[1]] -= dx
        if all(0 <= start[axis] < n.shape[axis] for axis in axes):
            result[index] = n[tuple(start)]
    return result


@pytest.mark.parametrize(
    ("dy", "dx", "words"),
    [
        (1, 0, "1 row and 0 columns"),
        (0, -1, "0 rows and -1 column"),
        (-2, 1, "-2 rows and 1 column"),
        (3, 3, "3 rows and 3 columns"),
        (-3, -3, "-3 rows and -3 columns"),
        (2, -3, "2 rows and -3 columns"),
    ],
)
def test_moved_by_rows_and_columns(dy, dx, words):
    n = generic((2, 3, 7, 8))
    told = f"your dx is right, but moved by {words}"
    assert found(moved(n, dy, dx), n) == [("shifted", told)]


def test_not_by_more_than_3_and_not_in_what_has_no_rows_and_columns():
    n = generic((1, 2, 9, 9))
    assert found(moved(n, 4, 0), n) == []
    assert found(moved(n, 0, 4), n) == []
    assert found(moved(n, -4, 0), n) == []
    assert found(moved(n, 0, -4), n) == []
    cube = generic((2, 5, 5))
    assert found(moved(cube, 1, 0, (1, 2)), cube) == []
    five = generic((1, 1, 1, 5, 5))
    assert found(moved(five, 1, 0, (2, 3)), five) == []


@pytest.mark.parametrize(
    ("shape", "dy", "dx"),
    [
        ((1, 1, 3, 5), 1, 0),
        ((1, 1, 5, 3), 0, 1),
        ((1, 1, 4, 4), -2, 2),
        ((1, 1, 4, 4), 2, -2),
        ((1, 1, 4, 8), -3, 0),
        ((1, 1, 4, 8), 3, 0),
        ((1, 1, 8, 4), 0, 3),
        ((1, 1, 8, 4), 0, -3),
    ],
)
def test_small_images_are_moved_too(shape, dy, dx):
    n = generic(shape)
    assert [name for name, *_ in found(moved(n, dy, dx), n)] == ["shifted"]


def test_a_quarter_of_the_numbers_must_be_left():
    n = generic((1, 2, 4, 4))
    assert [name for name, *_ in found(moved(n, 2, 2), n)] == ["shifted"]  # a quarter
    assert found(moved(n, 2, 3), n) == []
    assert found(moved(n, -3, 2), n) == []


def test_what_is_left_must_not_be_0():
    n = np.zeros((1, 1, 4, 4))
    n[0, 0, 0] = [1.0, 2, 3, 4]
    mine = np.zeros((1, 1, 4, 4))
    mine[0, 0, 0] = [5.0, 7, 6, 9]
    assert found(mine, n) == []


def test_channels_may_come_last():
    n = generic((2, 5, 6, 3))
    assert found(moved(n, 1, 2, (1, 2)), n) == [("shifted", "your dx is right, but moved by 1 row and 2 columns")]
    n = generic((1, 7, 7, 2))
    assert found(moved(n, -3, 0, (1, 2)), n) == [("shifted", "your dx is right, but moved by -3 rows and 0 columns")]


@pytest.mark.parametrize(
    ("dy", "dx", "settings", "name"),
    [
        (2, 2, {"pad": 2}, "padding not cropped"),
        (-2, 2, {"padding": 2}, "padding not cropped"),
        (2, -2, {"P": 2}, "padding not cropped"),
        (2, 0, {"p": 2}, "padding not cropped"),
        (0, -2, {"pad": 2}, "padding not cropped"),
        (2, 1, {"pad": 2}, "shifted"),
        (1, 2, {"pad": 2}, "shifted"),
        (1, 1, {"pad": 2}, "shifted"),
        (2, 2, {"stride": 2}, "shifted"),
        (1, 0, {"pad": 1.5, "power": np.inf}, "shifted"),
    ],
)
def test_moved_by_the_pad(dy, dx, settings, name):
    n = generic((1, 2, 6, 6))
    findings = found(moved(n, dy, dx), n, settings=settings)
    assert [called for called, _ in findings] == [name]
    assert findings[0][1].endswith(" (the pad)") == (name == "padding not cropped")


@pytest.mark.parametrize("by", [-2, -1, 0, 1, 2, 4])
def test_what_overlaps_after_moving(by):
    row, mine = np.arange(1, 6), np.zeros(5, int)
    for k in range(5):
        if 0 <= k + by < 5:
            mine[k + by] = row[k]
    where, origin = geometry._overlap(5, by)
    assert list(mine[where]) == list(row[origin])
    assert len(row[origin]) == 5 - abs(by)


# --- other shapes ----------------------------------------------------------------------------------------------------------


def test_an_array_transposed():
    told = "your dx (3, 2) is right after transposing it to (2, 3)"
    assert found(MATRIX.T, MATRIX) == [("transposed", told)]
    mine = BOX.transpose(1, 2, 0)
    assert found(mine, BOX) == [("transposed", "your dx (3, 4, 2) is right after transposing it to (2, 3, 4)")]


def test_a_gradient_that_was_not_measured_is_compared_with_nothing():
    numeric = MATRIX.copy()
    numeric[0, 0] = np.nan
    assert found(MATRIX.T, numeric) == []
    assert found(None, MATRIX) == []


@pytest.mark.parametrize("start", [(0, 0, 1, 1), (0, 0, 0, 2), (0, 0, 2, 0), (0, 0, 2, 2)])
def test_a_frame_round_the_right_gradient(start):
    mine = np.full((2, 3, 7, 6), 9.0)
    inside = tuple(slice(k, k + size) for k, size in zip(start, IMAGES.shape, strict=True))
    mine[inside] = IMAGES
    told = f"your dx is (2, 3, 7, 6), larger than (2, 3, 5, 4) by 2, and right inside of it, from {start} on"
    assert found(mine, IMAGES) == [("padding not cropped", told)]


def test_a_frame_in_other_axes():
    mine = np.full((3, 3, 5, 4), 9.0)
    mine[1:] = IMAGES
    told = "your dx is (3, 3, 5, 4), larger than (2, 3, 5, 4) by 1, and right inside of it, from (1, 0, 0, 0) on"
    assert found(mine, IMAGES) == [("padding not cropped", told)]


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ((0, 0, 1, 1), True),
        ((0, 0, 0, 2), True),
        ((0, 2, 2, 0), True),  # channels last
        ((0, 1, 0, 1), False),
        ((1, 0, 1, 0), False),
        ((1, 1, 0, 0), False),
        ((1, 0, 0, 0), False),
        ((0, 0, -1, 2), False),
    ],
)
def test_a_larger_image_of_other_numbers(more, named):
    shape = tuple(np.add(IMAGES.shape, more).tolist())
    findings = found(generic(shape, 9) + 20, IMAGES)
    told = f"your dx is {shape}, larger than (2, 3, 5, 4) by {max(more)}"
    assert findings == ([("padding not cropped", told)] if named else [])


def test_only_images_have_a_frame():
    assert found(np.pad(BOX, 1), BOX) == []
    assert found(np.pad(MATRIX, 1), MATRIX) == []
    assert found(np.full((2, 3, 5, 4, 1), 9.0), IMAGES)[0][0] == "wrong shape"


def test_a_cut_image_is_no_larger_one():
    assert found(np.full((2, 3, 4, 3), 9.0), IMAGES) == []


def test_as_many_numbers_in_another_shape():
    told = "your dx has the shape (6,) instead of (2, 3), the numbers are right"
    assert found(MATRIX.ravel(), MATRIX) == [("wrong shape", told)]
    told = "your dx has the shape (3, 2) instead of (2, 3)"
    assert found(np.full((3, 2), 9.0), MATRIX) == [("wrong shape", told)]


@pytest.mark.parametrize(
    ("spread", "axes"),
    [
        (np.stack([0.25 * MATRIX, 0.5 * MATRIX, 0.25 * MATRIX]), "axis 0"),
        (np.stack([0.25 * MATRIX, 0.75 * MATRIX], axis=2), "axis 2"),
        (np.stack([np.stack([0.25 * MATRIX, 0.5 * MATRIX], 2), np.stack([MATRIX, -0.75 * MATRIX], 2)]), "axes 0 and 3"),
    ],
    ids=["first", "last", "two"],
)
def test_a_sum_left_out(spread, axes):
    told = f"your dx is {spread.shape}; summed over {axes} it would be right"
    assert found(spread, MATRIX) == [("wrong shape", told)]


def test_a_sum_over_all_axes_left_out():
    told = "your dx is (2, 3); summed over axes 0 and 1 it would be right"
    assert found(MATRIX, np.array(MATRIX.sum())) == [("wrong shape", told)]
    assert found(MATRIX, np.array([[MATRIX.sum()]]))[0][0] == "wrong shape"


DOUT = generic((4, 3, 2))


@pytest.mark.parametrize(("axes", "words"), [((0,), "axis 0"), ((1, 2), "axes 1 and 2"), ((0, 2), "axes 0 and 2")])
def test_dout_summed_over_the_wrong_axes(axes, words):
    mine = DOUT.sum(axis=axes)
    told = f"your dx {mine.shape} is dout summed over {words}; (5,) is wanted"
    assert found(mine, generic((5,)), dout=DOUT) == [("summed over the wrong axis", told)]


def test_dout_summed_has_the_shape_flat_too():
    mine = DOUT.sum(axis=0).reshape(6)
    assert found(mine, generic((5,)), dout=DOUT)[0][0] == "summed over the wrong axis"


def test_one_number_is_no_sum_over_wrong_axes():
    assert found(np.array([DOUT.sum()]), generic((5,)), dout=DOUT) == []
    assert found(np.array([1.0, 2]), generic((5,)), dout=np.array(3.0)) == []
    assert found(generic((3, 2)), generic((5,)), dout=DOUT) == []


def test_a_square_is_transposed_only_if_it_is():
    assert [name for name, *_ in found(np.roll(SQUARE, 1, 0), SQUARE)] == ["shifted"]


def test_the_example_allows_for_rounding():
    told = geometry._misplaced("dx", np.array([1.0, 2, 3]), np.array([1, 3, 2 + 1e-8]))
    assert told == ": e.g. dx[1] holds what belongs in dx[2]"
