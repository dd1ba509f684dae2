"""Which terms of a sum are missing, too many or in wrong places, and what they have in common."""

import numpy as np
import pytest
from hand_made import generic, names, of_gradients, of_jacobians, said

from scratchnet.gradcheck.signs import structure

SIDE_BY_SIDE = "; with stride = window size it would be right"
SIZES = [1e-5, 1.0, 1e6]  # rounding grows with the numbers, and no number is small in itself


def pairs_of(measured, claimed, shape, out_shape, **more):
    evidence = of_jacobians(measured, claimed, shape, out_shape, **more)
    return structure._Pairs(evidence, "x", evidence.measured("x"), evidence.claimed("x"))


def found(measured, claimed, shape, out_shape, **more):
    """What the pairs of entries and outputs show."""
    findings = list(pairs_of(measured, claimed, shape, out_shape, **more).find())
    assert all(finding.explains == ("x",) for finding in findings)
    return said(findings)


def place(index, shape):
    """A flat index, by a loop."""
    return list(np.ndindex(shape)).index(tuple(index))


# --- find ------------------------------------------------------------------------------------------------------------------

FULL = generic((3, 4))


def test_each_wrong_argument_is_looked_at():
    diagonal = np.diag([1.0, 2, 3, 4])
    half = FULL.copy()
    half[:, 2:] = 0
    others = {
        "d": (diagonal, 3 * diagonal, np.ones(4)),  # of which elementwise.py speaks
        "n": (0 * FULL, FULL, np.ones(3)),
    }
    evidence = of_jacobians(FULL, half, (3,), (4,), others=others)
    assert evidence.wrong == ["d", "n", "x"]
    findings = list(structure.find(evidence))
    assert {finding.explains for finding in findings} == {("x",)}
    assert findings[0].name == "terms left out"


def test_what_was_not_measured_or_is_a_loss_has_no_pairs():
    half = FULL.copy()
    half[:, 2:] = 0
    evidence = of_jacobians(FULL, half, (3,), (4,))
    evidence.results["x"].jacobian = None
    assert list(structure.find(evidence)) == []
    column = np.array([[1.0], [2.0], [3.0]])
    one_wrong = np.array([[1.0], [5.0], [3.0]])
    assert list(structure.find(of_jacobians(column, one_wrong, (3,), ()))) == []
    assert names(structure.find(of_jacobians(column, one_wrong, (3,), (1,)))) == ["divided by the wrong count"]


def test_without_backwards_jacobian_the_sums_are_still_looked_at():
    evidence = of_jacobians(FULL, FULL * [0, 0, 0, 1], (3,), (4,))
    evidence._claimed = {}
    assert names(structure.find(evidence)) == ["sum overwritten"]


def test_a_sum_of_one_term_is_told_of_first():
    findings = structure.find(of_jacobians(FULL, FULL * [0, 0, 0, 1], (3,), (4,)))
    assert names(findings)[:2] == ["sum overwritten", "sum overwritten"]


# --- outputs that belong together ------------------------------------------------------------------------------------------


def test_the_outputs_of_one_window():
    evidence = of_jacobians(np.ones((18, 24)), np.ones((18, 24)), (2, 1, 3, 3), (2, 3, 2, 2))
    groups = structure.windows_of(evidence, "x")
    expected = [[place((n, f, i, j), (2, 3, 2, 2)) for n in range(2) for f in range(3)] for i in range(2) for j in range(2)]
    assert [sorted(group.tolist()) for group in groups] == expected


@pytest.mark.parametrize(
    ("shape", "out_shape"),
    [((3, 1, 2, 2), (2, 3, 2, 2)), ((2, 4), (2, 1, 2, 2)), ((2, 1, 2, 2), (2, 4)), ((3,), (4,))],
)
def test_else_each_output_stands_alone(shape, out_shape):
    size, outputs = np.prod(shape), np.prod(out_shape)
    ones = np.ones((size, outputs))
    groups = structure.windows_of(of_jacobians(ones, ones, shape, out_shape), "x")
    assert [group.tolist() for group in groups] == [[k] for k in range(outputs)]


PATCHES = np.array([[1.0, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 0]])  # the last output is an entry of the frame


@pytest.mark.parametrize(
    ("measured", "copies"),
    [
        (PATCHES, True),
        (PATCHES + 1e-9, True),
        (PATCHES[:, :3], False),  # as few outputs as entries
        (2 * PATCHES, False),
        (0.5 * PATCHES, False),
        (np.array([[1.0, 1, 0], [0, 1, 1]]), False),  # a sum of two entries
    ],
)
def test_outputs_that_are_copies(measured, copies):
    assert structure.is_copying(None, measured) is copies


# --- one term left, in the numbers -----------------------------------------------------------------------------------------

# Entry 0 acts on three outputs, entry 1 on four, entry 2 on one, entry 3 on none.
TERMS = np.array([[2.0, 0, 3, 1], [4, 1, 5, 2], [0, 6, 0, 0], [0, 0, 0, 0]])
WEIGHTS = np.array([1.5, -2.0, 0.5, 7.0])  # dout


def one_left(gradient, measured=TERMS, shape=(4,), out_shape=(4, 1), size=1.0, dout=WEIGHTS, noise=1e-7):
    """What is said if backward returns this gradient; it has nothing else to look at."""
    measured = np.asarray(measured, float)
    claimed = np.zeros(measured.shape)
    claimed[:, -1] = np.ravel(gradient) / np.ravel(dout)[-1]
    evidence = of_jacobians(size * measured, size * claimed, shape, out_shape, dout=dout, noise=noise)
    findings = list(structure._one_term_left(evidence, "x", evidence.measured("x")))
    assert all(finding.explains == ("x",) for finding in findings)
    return said(findings)


@pytest.mark.parametrize("size", SIZES)
def test_the_last_term_of_each_sum(size):
    # a sum of four terms: 4 * 1.5 - 1 * 2 + 5 * 0.5 + 2 * 7 = 20.5
    told = (
        "each entry of your dx is a single term, not the sum of all terms: at (1,) 4 terms add up to "
        f"{size * 20.5:.3g}, and yours is one of them, {size * 14:.3g}"
    )
    assert one_left([7, 14, -12, 0], size=size) == [("sum overwritten", told)]


def test_one_term_each():
    assert one_left([3, 2.5, -12, 0])[0][0] == "sum overwritten"
    assert one_left([1.5, -2, -12, 0])[0][1].endswith("yours is one of them, -2")


@pytest.mark.parametrize("size", SIZES)
def test_one_term_that_is_not_the_last(size):
    told = "your dx is one term of the sum, number 2"
    assert one_left([1.5, 2.5, -12, 0], size=size) == [("terms left out", told)]
    told = "your dx is one term of the sum, number 0"
    assert one_left([3, 6, -12, 0], size=size) == [("terms left out", told)]


@pytest.mark.parametrize(
    "gradient",
    [
        [3, 6, -11, 0],  # where there is one term it is wrong
        [3, 6, -12, 1],
        [3, 7, -12, 0],  # no term
        [8, 6, -12, 0],
        [11.5, 6, -12, 0],  # a whole sum: 3 + 1.5 + 7
        [3, 20.5, -12, 0],
        [0, 6, -12, 0],  # a term that is 0
        [3.01, 6, -12, 0],
    ],
)
def test_else_it_is_no_single_term(gradient):
    assert one_left(gradient) == []


def test_a_term_of_sums_that_all_cancel_is_found_but_for_rounding():
    measured = np.array([[3 + 1e-12, -3 - 1e-12]])
    assert one_left([3], measured, (1,), (2, 1), dout=np.ones(2), noise=0)[0][0] == "terms left out"
    assert one_left([3 + 1e-8], measured, (1,), (2, 1), dout=np.ones(2), noise=0) == []


def test_sums_of_one_term_are_not_reduced_to_one():
    measured = np.diag([2.0, 3, 4, 5])
    assert one_left([1, 9, 2, 15], measured) == []


def test_the_own_output_alone_is_a_diagonal():
    measured = np.array([[2.0, 1, 3], [4, 5, 2], [1, 6, 7]])
    dout = np.array([1.0, 2, 3])
    assert one_left(np.diag(measured) * dout, measured, (3,), (3,), dout=dout) == []
    assert one_left(np.diag(measured) * dout, measured, (3,), (3, 1), dout=dout)[0][0] == "sum overwritten"
    assert one_left(measured[:, 2] * dout[2], measured, (3,), (3,), dout=dout)[0][0] == "sum overwritten"


# One row of three pixels, two windows of two: the middle one is in both.
STRIP = np.array([[2.0, 0], [3, 4], [0, 5]])


def strip(gradient, shape=(1, 1, 1, 3), out_shape=(1, 1, 1, 2)):
    return one_left(gradient, STRIP, shape, out_shape, dout=[1.0, 10.0])


@pytest.mark.parametrize(("middle", "is_last"), [(40, True), (3, False)])
def test_the_share_of_one_window(middle, is_last):
    told = (
        "each entry of your dx is one window's share, not the sum of all windows' shares: at (0, 0, 0, 1) 2 windows' shares "
        f"add up to 43, and yours is one of them, {middle}"
    )
    assert strip([2, middle, 50]) == [("overlap overwritten", told)]


def test_windows_are_those_of_images():
    assert strip([2, 40, 50], (3,), (2,))[0][0] == "sum overwritten"
    assert strip([2, 40, 50], (3, 1, 1, 1), (1, 1, 1, 2))[0][0] == "sum overwritten"  # weights: the axis is not N
    assert strip([2, 40, 50], (1, 1, 1, 3), (1, 2))[0][0] == "sum overwritten"
    assert strip([2, 40, 50], (1, 1, 3), (1, 1, 1, 2))[0][0] == "sum overwritten"


def test_patches_of_images_overlap():
    dout = np.array([2.0, 3, 5, 7, 11])
    assert one_left([2, 5, 7], PATCHES, (1, 1, 1, 3), (5, 1), dout=dout)[0][0] == "overlap overwritten"
    assert one_left([2, 3, 7], PATCHES, (1, 1, 1, 3), (5, 1), dout=dout)[0][0] == "overlap overwritten"
    assert one_left([2, 3, 7], PATCHES, (1, 3), (5, 1), dout=dout)[0][0] == "terms left out"


def test_a_windows_share_has_all_its_filters():
    measured = np.zeros((3, 4))  # outputs: two filters, two windows
    measured[:, :2], measured[:, 2:] = STRIP, STRIP + np.array([[1, 0], [1, 1], [0, 1]])
    dout = np.array([1.0, 10, 100, 1000])
    shares = np.array([[302, 0], [403, 5040], [0, 6050]])
    assert one_left([302, 5040, 6050], measured, (1, 1, 1, 3), (1, 2, 1, 2), dout=dout)[0][1].endswith(
        f"2 windows' shares add up to {shares[1].sum():.3g}, and yours is one of them, 5.04e+03"
    )
    assert one_left([302, 5000, 6050], measured, (1, 1, 1, 3), (1, 2, 1, 2), dout=dout) == []


# --- entries that are 0 ----------------------------------------------------------------------------------------------------


def left_out(numeric, where, others=0.0, size=1.0, **more):
    """What is said of a gradient that is 0 in some places."""
    mine = np.array(numeric, float)
    mine[where] = 0
    noise = 1 + 1e-6 * generic(mine.shape) / 3 if mine.size > 1 else 1.0
    evidence = of_gradients({"x": (size * (mine + others), size * np.asarray(numeric) * noise)}, **more)
    findings = list(structure._left_out(evidence, "x"))
    assert all(finding.explains == ("x",) for finding in findings)
    return said(findings)


TABLE = generic((4, 3))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("where", "words"),
    [
        ((3,), "3 of axis 0 (size 4)"),
        ((0,), "0 of axis 0 (size 4)"),
        (([1, 2],), "1, 2 of axis 0 (size 4)"),
        (([0, 3],), "0, 3 of axis 0 (size 4)"),
        ((slice(None), 1), "1 of axis 1 (size 3)"),
        ((slice(None), 2), "2 of axis 1 (size 3)"),
    ],
)
def test_an_index_of_an_axis_is_left_out(where, words, size):
    told = f"your dx is 0 at index {words} and right elsewhere"
    assert left_out(TABLE, where, size=size) == [("terms left out", told)]


def test_entries_of_a_row_are_left_out():
    told = "your dx is 0 at index 4 of the array (size 5) and right elsewhere"
    assert left_out(generic((5,)), (4,)) == [("terms left out", told)]


def test_what_should_be_0_does_not_count():
    numeric = TABLE.copy()
    numeric[3, 1] = numeric[1] = 0
    numeric[2, 0] = 1e-10
    assert left_out(numeric, (3,))[0][1].startswith("your dx is 0 at index 3 of axis 0")
    assert left_out(numeric, (2,))[0][1].startswith("your dx is 0 at index 2 of axis 0")


@pytest.mark.parametrize(
    "where", [(3, slice(0, 2)), ([0, 1], [0, 1]), (slice(None), slice(None))], ids=["part", "scattered", "all"]
)
def test_no_index_of_an_axis(where):
    assert left_out(TABLE, where) == []


def test_a_row_and_a_part_of_another():
    mine = TABLE.copy()
    mine[3] = mine[1, 0] = 0
    assert said(structure._left_out(of_gradients({"x": (mine, TABLE)}), "x")) == []


def test_the_wrong_entries_must_be_0():
    mine = TABLE.copy()
    mine[3] = 7
    assert said(structure._left_out(of_gradients({"x": (mine, TABLE)}), "x")) == []
    mine[3] = [0, 0, 1]
    assert said(structure._left_out(of_gradients({"x": (mine, TABLE)}), "x")) == []


@pytest.mark.parametrize("shape", [(4, 3), (1, 1, 4, 4)])
def test_a_tiny_difference_leaves_nothing_out(shape):
    numeric = generic(shape)
    assert said(structure._left_out(of_gradients({"x": (numeric * (1 + 3e-6), numeric)}), "x")) == []


def test_a_single_number_has_no_axes():
    assert said(structure._left_out(of_gradients({"x": (np.array(1.0), np.array(2.0))}), "x")) == []


def test_a_mask_of_a_few_entries_is_no_end_of_an_axis():
    slopes = np.array([1.0, 2, 3, 4])
    for size, expected in ((3, []), (4, ["terms left out"])):
        yours = slopes[:size] * ([1] * (size - 1) + [0])
        evidence = of_jacobians(np.diag(slopes[:size]), np.diag(yours), (size,), (size,))
        assert names(structure._left_out(evidence, "x")) == expected
    full = generic((3, 3))
    last = full.copy()
    last[2] = 0
    assert names(structure._left_out(of_jacobians(full, last, (3,), (3,)), "x")) == ["terms left out"]


@pytest.mark.parametrize("size", SIZES)
def test_the_border_is_left_out(size):
    images = generic((1, 2, 4, 3))
    where = np.ones(images.shape, bool)
    where[:, :, 1:3, 1] = False
    told = "your dx is 0 at 20 entries of the border and right elsewhere"
    assert left_out(images, where, size=size) == [("terms left out", told)]
    few = np.zeros(images.shape, bool)
    few[0, 1, 0, 2] = few[0, 0, 2, 0] = True
    assert left_out(images, few)[0][1] == "your dx is 0 at 2 entries of the border and right elsewhere"
    few[0, 1, 2, 1] = True  # inside
    assert left_out(images, few) == []


@pytest.mark.parametrize("shape", [(4, 4), (2, 4, 4), (1, 1, 3, 4, 4), (1, 1, 2, 4), (1, 1, 4, 2)])
def test_what_has_no_border(shape):
    assert structure._border(shape) is None


def test_a_border_is_one_pixel_wide():
    for shape in ((1, 1, 3, 3), (2, 3, 5, 4)):
        border = structure._border(shape)
        for n, c, i, j in np.ndindex(shape):
            assert border[n, c, i, j] == (i in (0, shape[2] - 1) or j in (0, shape[3] - 1))


# --- terms that are missing ------------------------------------------------------------------------------------------------


def without(measured, entries, outputs):
    """The same with some pairs left out."""
    claimed = np.array(measured, float)
    claimed[entries, outputs] = 0
    return claimed


EVERY = slice(None)


@pytest.mark.parametrize("size", SIZES)
def test_only_the_last_of_the_outputs_counts(size):
    told = "9 of 12 terms of your dx are missing: only index 3 of axis 0 of the output counts, the last of 4"
    claimed = without(FULL, EVERY, [0, 1, 2])
    assert found(size * FULL, size * claimed, (3,), (4,), noise=1e-9) == [
        ("sum overwritten", told),
        ("terms left out", told),
    ]


def test_only_one_other_of_the_outputs_counts():
    told = "9 of 12 terms of your dx are missing: only index 1 of axis 0 of the output counts, one of 4"
    assert found(FULL, without(FULL, EVERY, [0, 2, 3]), (3,), (4,)) == [
        ("terms left out", told),
        ("sum overwritten", told),
    ]


def test_of_two_outputs_only_the_last_one_is_what_an_overwritten_sum_leaves():
    two = generic((3, 2))
    told = "3 of 6 terms of your dx are missing: only index 1 of axis 0 of the output counts, the last of 2"
    assert found(two, without(two, EVERY, [0]), (3,), (2,))[0] == ("sum overwritten", told)
    told = "3 of 6 terms of your dx are missing: those of index 1 of axis 0 of the output (size 2)"
    assert found(two, without(two, EVERY, [1]), (3,), (2,)) == [("terms left out", told)]


def test_some_of_the_outputs_do_not_count():
    told = "6 of 12 terms of your dx are missing: those of index 0, 2 of axis 0 of the output (size 4)"
    assert found(FULL, without(FULL, EVERY, [0, 2]), (3,), (4,)) == [("terms left out", told)]


def test_a_column_of_the_output_does_not_count():
    full = generic((3, 6))
    told = "6 of 18 terms of your dx are missing: those of index 1 of axis 1 of the output (size 3)"
    assert found(full, without(full, EVERY, [1, 4]), (3,), (2, 3)) == [("terms left out", told)]
    told = "12 of 18 terms of your dx are missing: only index 2 of axis 1 of the output counts, the last of 3"
    assert found(full, without(full, EVERY, [0, 1, 3, 4]), (3,), (2, 3))[0] == ("sum overwritten", told)


def test_an_axis_of_one_index_is_passed_over():
    told = "9 of 12 terms of your dx are missing: only index 3 of axis 1 of the output counts, the last of 4"
    assert found(FULL, without(FULL, EVERY, [0, 1, 2]), (3,), (1, 4))[0] == ("sum overwritten", told)


def test_everything_missing_has_another_name():
    pairs = pairs_of(FULL, without(FULL, EVERY, EVERY), (3,), (4,))
    assert list(pairs._missing(pairs.acts, pairs.acts & False)) == []


def test_the_diagonal_only():
    full = generic((3, 3))
    told = "your dx knows how output k depends on entry k, but not on the others of its row"
    assert found(full, np.diag(np.diag(full)), (3,), (3,)) == [("Jacobian's diagonal only", told)]
    assert found(full, np.diag(np.diag(full)), (3,), (3, 1)) != [("Jacobian's diagonal only", told)]
    almost = full + 1e-4 * np.diag([1, 2, 3])  # then it is not quite the diagonal, and not one of the terms either
    assert "Jacobian's diagonal only" not in [name for name, *_ in found(full, np.diag(np.diag(almost)), (3,), (3,))]


def test_the_diagonal_with_terms_too_many():
    blocks = np.kron(np.eye(2), np.array([[2.0, 3], [4, 5]]))
    claimed = np.diag(np.diag(blocks))
    pairs = pairs_of(blocks, claimed, (4,), (4,))
    assert pairs._only_diagonal()
    assert not pairs_of(blocks, blocks, (4,), (4,))._only_diagonal()
    assert not pairs_of(np.diag([1.0, 2, 3]), np.diag([1.0, 2, 3]), (3,), (3,))._only_diagonal()
    assert not pairs_of(blocks, 0 * blocks, (4,), (4,))._only_diagonal()
    assert not pairs_of(blocks, 2 * claimed, (4,), (4,))._only_diagonal()
    assert not pairs_of(blocks - claimed, 0 * claimed, (4,), (4,))._only_diagonal()


def test_where_several_terms_meet_one_is_left():
    told = "2 of 7 terms of your dx are missing: where several terms meet only one is left"
    measured = np.array([[2.0, 3, 0], [0, 4, 5], [6, 0, 0], [0, 7, 0], [0, 0, 8]])[:, :3]
    claimed = measured.copy()
    claimed[0, 0] = claimed[1, 2] = 0
    assert found(measured, claimed, (5,), (3,)) == [("sum overwritten", told)]


def test_where_windows_overlap_one_is_left():
    told = "1 of 4 terms of your dx are missing: where several windows meet only one is left"
    claimed = without(STRIP, 1, 0)
    assert found(STRIP, claimed, (1, 1, 1, 3), (1, 1, 1, 2))[0] == ("overlap overwritten", told)
    told = told.replace("windows", "terms")
    assert found(STRIP, claimed, (3, 1, 1, 1), (1, 1, 1, 2))[0] == ("sum overwritten", told)
    copies = np.array([[1.0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 1, 0], [0, 0, 0, 1, 0, 0]])  # two outputs are none of the entries
    for shape, out_shape, size, name in (
        ((3, 1, 1, 1), (2, 3), 1, "overlap overwritten"),
        ((3, 1, 1), (2, 3), 1, "sum overwritten"),
        ((3, 1, 1, 1), (2, 3), 2, "sum overwritten"),
    ):
        assert found(size * copies, size * without(copies, 1, 1), shape, out_shape)[0] == (name, told)


def test_some_terms_of_some_entries():
    full = generic((6, 3))
    told = "2 of 18 terms of your dx are missing"
    by_chance = [("terms left out", told), ("branch missing", told)]
    middle = without(full, [place((0, 1), (2, 3)), place((1, 1), (2, 3))], [0, 1])
    there = ("terms left out", f"{told}: those of entries with index 1 of axis 1")
    assert found(full, middle, (2, 3), (3,)) == [there, *by_chance]
    assert found(full, middle, (6,), (3,)) == by_chance
    assert found(full, without(full, [0, 0], [0, 1]), (3, 2), (3,))[1:] != by_chance
    assert found(full, without(full, [0, 3], [0, 1]), (2, 3), (3,))[0][1].endswith("index 0 of axis 1")
    several = without(full, [0, 2, 3, 5], [0, 1, 1, 0])
    assert found(full, several, (2, 3), (3,))[0][1].endswith("those of entries with index 0, 2 of axis 1")
    told = "6 of 18 terms of your dx are missing"  # one of each entry: no entry has all
    everywhere = without(full, range(6), [0, 1, 2, 0, 1, 2])
    assert found(full, everywhere, (2, 3), (3,)) == [("terms left out", told), ("branch missing", told)]
    assert found(full, without(full, [0, 1], [0, 1]), (2, 3), (3,)) == by_chance  # a first row is an argument's N


def test_entries_that_act_on_nothing_prove_nothing():
    measured = generic((4, 3))
    measured[[1, 2]] = 0  # (0, 1) and (1, 0)
    told = "1 of 6 terms of your dx are missing"
    assert found(measured, without(measured, 0, 0), (1, 2, 2), (3,)) == [
        ("terms left out", f"{told}: those of entries with index 0 of axis 1"),
        ("terms left out", told),
        ("branch missing", told),
    ]


FILTERS = np.hstack([STRIP, STRIP + np.array([[1, 0], [1, 1], [0, 1]])])  # outputs: two filters, two windows


def test_where_windows_overlap_some_are_left():
    full = generic((3, 3))
    told = "1 of 9 terms of your dx are missing"
    findings = found(full, without(full, 1, 0), (1, 1, 1, 3), (1, 1, 1, 3))
    assert findings[:4] == [
        ("terms left out", f"{told}: those of entries with index 1 of axis 3"),
        ("overlap overwritten", f"{told}: where several windows meet not all are left"),
        ("terms left out", told),
        ("branch missing", told),
    ]
    assert "overlap overwritten" not in [name for name, *_ in found(full, without(full, 1, 0), (1, 1, 3), (1, 1, 3))]


@pytest.mark.parametrize(("entries", "outputs"), [([0, 0], [0, 2]), ([0, 0, 1, 1], [0, 2, 1, 3])])
def test_where_one_window_is_lost_none_was_overwritten(entries, outputs):
    findings = found(FILTERS, without(FILTERS, entries, outputs), (1, 1, 1, 3), (1, 2, 1, 2))
    assert "overlap overwritten" not in [name for name, *_ in findings]
    assert [name for name, _ in findings][-2:] == ["terms left out", "branch missing"]


def test_filters_of_one_window_are_no_overlap():
    measured = np.array([[2.0, 0, 3, 0], [0, 4, 0, 5]])
    findings = found(measured, without(measured, [0, 1], [0, 3]), (1, 1, 1, 2), (1, 2, 1, 2))
    assert [name for name, *_ in findings][:2] == ["terms left out", "branch missing"]


# --- terms that are too many -----------------------------------------------------------------------------------------------


def plus(measured, entries, outputs, value=0.7):
    claimed = np.array(measured, float)
    claimed[entries, outputs] = value
    return claimed


def test_terms_too_many():
    told = "your dx has 2 terms that should not be there"
    expected = [("mask missing", told), ("summed over the wrong axis", told)]
    assert found(TERMS[:3], plus(TERMS[:3], [2, 2], [0, 2]), (3,), (4,)) == expected
    assert found(TERMS[:3], 2 * plus(TERMS[:3], [2, 2], [0, 2]), (3,), (4,)) == []
    assert found(TERMS[:3], without(plus(TERMS[:3], [2, 2], [0, 2]), 0, 0), (3,), (4,)) == []
    told = "your dx has 1 terms that should not be there"
    expected = [("mask missing", told), ("summed over the wrong axis", told)]
    row, column = np.array([[1.0, 0, 2]]), np.array([[1.0], [0], [2]])
    assert found(row, plus(row, 0, 1), (), (3,)) == expected
    assert found(column, plus(column, 1, 0), (3,), ()) == expected
    assert found(row, plus(row, 0, 1), (1,), (1, 3)) == expected


ROWS = np.kron(np.eye(2), generic((2, 3)))  # two rows of two, two rows of three


def test_rows_mixed_up():
    told = "changing dout in one row changes your dx in other rows, but x in one row changes the output only in that row"
    expected = [("summed over the wrong axis", told)]
    assert found(ROWS, plus(ROWS, 0, 4), (2, 2), (2, 3)) == expected
    assert found(ROWS, plus(ROWS, 3, 0), (2, 2), (2, 3)) == expected
    assert found(ROWS, without(plus(ROWS, 3, 0), 0, 0), (2, 2), (2, 3)) == expected
    assert found(ROWS, plus(2 * ROWS, 3, 0), (2, 2), (2, 3)) == expected


def test_images_mixed_up():
    told = (
        "changing dout in one image changes your dx in other images, "
        "but x in one image changes the output only in that image"
    )
    findings = found(ROWS, plus(ROWS, 0, 4), (2, 1, 1, 2), (2, 3))
    assert findings == [("summed over the wrong axis", told)]


def test_rows_are_not_mixed_up_by_backward_if_forward_mixes_them_or_they_are_no_rows():
    mixing = plus(ROWS, 1, 5)
    assert found(mixing, plus(mixing, 0, 4), (2, 2), (2, 3))[0][0] == "mask missing"
    assert found(ROWS, plus(ROWS, 0, 4), (4,), (2, 3))[0][0] == "mask missing"
    inside = without(ROWS, 0, 1)
    assert found(inside, plus(inside, 0, 1), (2, 2), (2, 3))[0][0] == "mask missing"


# --- the right terms with wrong weights ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "name"),
    [
        (2, "branch counted twice"),
        (2.001, "divided by the wrong count"),
        (-1, "sign flipped"),
        (-1.001, "divided by the wrong count"),
        (0.25, "divided by the wrong count"),
        (-2, "divided by the wrong count"),
        (1.001, "divided by the wrong count"),
    ],
)
@pytest.mark.parametrize("size", SIZES)
def test_one_factor_of_some_terms(factor, name, size):
    claimed = TERMS[:3] * np.array([[factor], [1], [1]])
    told = f"3 of 8 terms of your dx are {factor:.4g} times what they should be"
    assert found(size * TERMS[:3], size * claimed, (3,), (4,), noise=1e-8) == [(name, told)]


def test_one_factor_of_all_terms():
    assert found(FULL, 3 * FULL, (3,), (4,)) == [("constant factor", "every term is 3 times the right one")]
    assert found(TERMS[:3], -TERMS[:3], (3,), (4,))[0][1] == "every term is -1 times the right one"


def test_several_factors():
    assert found(FULL, FULL * [[2], [1], [2.01]], (3,), (4,)) == []
    assert found(FULL, FULL * [[-2], [1], [-2.01]], (3,), (4,)) == []
    assert found(FULL, FULL * [[2], [2], [2.01]], (3,), (4,)) == []
    assert found(FULL, FULL * [[2], [1], [2.00005]], (3,), (4,))[0][0] == "branch counted twice"
    assert found(FULL, FULL * (1 + 1e-6), (3,), (4,)) == []  # rounding


# --- dout in another order -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_outputs_mixed_up(size):
    for order, moved in (([0, 2, 1, 3], 2), ([3, 0, 2, 1], 3), ([1, 2, 3, 0], 4)):
        told = f"your dx takes dout in another order: {moved} of 4 outputs are mixed up"
        findings = found(size * FULL, size * FULL[:, order], (3,), (4,), noise=1e-8)
        assert findings == [("reshaped in the wrong order", told)]


def test_outputs_that_are_not_mixed_up():
    other = FULL[:, [0, 2, 1, 3]].copy()
    other[1, 0] *= 1.01
    assert found(FULL, other, (3,), (4,)) == []
    scrambled = np.stack([np.random.default_rng(k).permutation(row) for k, row in enumerate(FULL)])
    assert found(FULL, scrambled, (3,), (4,)) == []


def test_an_order_of_axes_says_it_better():
    order = np.arange(6).reshape(2, 3).T.ravel()
    measured = 2 * np.eye(6)
    assert found(measured, measured[:, order], (2, 3), (6,)) == []
    swapped = measured[:, [1, 0, 2, 3, 5, 4]]
    assert [name for name, *_ in found(measured, swapped, (2, 3), (6,))] == ["reshaped in the wrong order"]


# --- one winner for each output --------------------------------------------------------------------------------------------

WINNERS = [(1, 1), (0, 2), (2, 0), (3, 3)]  # in the four windows of 2 x 2 pixels of an image of 4 x 4
GRID, HALF = (1, 1, 4, 4), (1, 1, 2, 2)


def routes(*receivers, shape=GRID):
    """A Jacobian in which output o acts on each of receivers[o], pixels (row, column) or flat numbers."""
    result = np.zeros((int(np.prod(shape)), len(receivers)))
    for o, pixels in enumerate(receivers):
        for pixel in pixels if isinstance(pixels, list) else [pixels]:
            result[place((0, 0, *pixel), shape) if isinstance(pixel, tuple) else pixel, o] = 1
    return result


POOLED = routes(*WINNERS)


def pooled(claimed, measured=POOLED, shape=GRID, out_shape=HALF, windows=None, **more):
    evidence = of_jacobians(measured, claimed, shape, out_shape, noise=1e-8, **more)
    evidence.windows = windows
    findings = list(structure._Pairs(evidence, "x", evidence.measured("x"), evidence.claimed("x")).find())
    assert all(finding.explains == ("x",) for finding in findings)
    return said(findings)


def test_winners_that_get_what_is_theirs():
    assert pooled(POOLED * (1 + 1e-6)) == []


def test_what_is_pooling():
    wrong = routes((0, 0), *WINNERS[1:])
    assert pairs_of(POOLED, wrong, GRID, HALF)._one_winner()
    assert not pairs_of(2 * POOLED, wrong, GRID, HALF)._one_winner()
    assert not pairs_of(routes([(0, 0), (0, 1)], *WINNERS[1:]), wrong, GRID, HALF)._one_winner()
    assert not pairs_of(routes([], *WINNERS[1:]), wrong, GRID, HALF)._one_winner()
    eye = np.eye(4)
    assert not pairs_of(eye, eye[[1, 0, 2, 3]], (4,), (4,))._one_winner()


def test_the_winner_gets_its_value():
    x = generic(GRID)
    values = POOLED * x.reshape(-1, 1)
    given = [x[0, 0, i, j] for i, j in WINNERS]
    words = f"in your dx the winner gets {min(given):.3g} to {max(given):.3g} times dout instead of dout"
    assert pooled(values, x=x) == [("value instead of mask", words)]
    words = "in your dx the winner gets 1 to 4 times dout instead of dout"
    assert pooled(POOLED * [1, 2, 3, 4], x=x) == [("wrong operand", words)]


def test_the_gradient_goes_to_all_of_the_window():
    windows = [[(2 * i + u, 2 * j + v) for u in (0, 1) for v in (0, 1)] for i in (0, 1) for j in (0, 1)]
    told = "in your dx each window gives its gradient to 4 entries instead of one"
    assert pooled(routes(*windows)) == [("mask missing", told)]
    assert pooled(0.25 * routes(*windows)) == [("mask missing", told)]
    weighted = routes(*windows) * generic((16, 1))
    assert pooled(weighted) == [("mask missing", told)]
    assert pooled(np.where(POOLED, 1 + 1e-8, routes(*windows)))[0][0] == "mask missing"
    told = "in your dx each window gives its gradient to 1 to 4 entries instead of one"
    assert pooled(routes(*windows[:2], WINNERS[2], windows[3])) == [("mask missing", told)]
    told = "in your dx each window gives its gradient to 2 to 4 entries instead of one"
    assert pooled(routes(windows[0], windows[1], windows[2], windows[3][2:]))[0][1] == told


def test_the_mask_is_turned_round():
    others = [
        [(2 * i + u, 2 * j + v) for u in (0, 1) for v in (0, 1) if (2 * i + u, 2 * j + v) not in WINNERS]
        for i in (0, 1)
        for j in (0, 1)
    ]
    told = "4 of 4 winners get nothing"
    assert pooled(routes(*others)) == [("mask inverted", told), ("mask of the wrong array", told)]
    told = "3 of 4 winners get nothing"
    assert pooled(routes(*others[:3], WINNERS[3])) == [("wrong winner", told), ("mask of the wrong array", told)]


def test_a_winner_of_two_windows_gets_from_one():
    shared = routes((1, 1), (1, 1), (2, 0), (3, 3))
    told = "1 of 4 windows give their gradient to nobody: each had the same winner as another window"
    for lost in (0, 1):
        assert pooled(without(shared, EVERY, lost), shared) == [("overlap overwritten", told)]
    # one of the lost ones had its winner to itself
    assert pooled(without(shared, EVERY, [0, 3]), shared)[0][0] == "terms left out"


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        ([2, 3], "2 of 4 windows give their gradient to nobody: those with index 1 of axis 2 of the output"),
        ([0, 1], "2 of 4 windows give their gradient to nobody: those with index 0 of axis 2 of the output"),
        ([1, 3], "2 of 4 windows give their gradient to nobody: those with index 1 of axis 3 of the output"),
    ],
)
def test_a_row_of_windows_is_lost(lost, words):
    assert pooled(without(POOLED, EVERY, lost)) == [("terms left out", words)]


def test_scattered_windows_are_lost():
    told = "2 of 4 windows give their gradient to nobody"
    expected = [("terms left out", told), ("wrong winner", told)]
    assert pooled(without(POOLED, EVERY, [0, 3])) == expected
    assert pooled(without(POOLED, EVERY, [0, 3]) * 1.5) == expected


@pytest.mark.parametrize(
    ("outputs", "kept", "name"),
    [
        (3, [2], "sum overwritten"),
        (3, [0], "terms left out"),
        (3, [1, 2], "terms left out"),
        (2, [1], "terms left out"),
        (4, [3], "sum overwritten"),
        (4, [2], "terms left out"),
    ],
)
def test_only_the_last_window_is_left(outputs, kept, name):
    measured = routes(*range(outputs), shape=(6,))
    lost = [o for o in range(outputs) if o not in kept]
    told = (
        f"{len(lost)} of {outputs} windows give their gradient to nobody: those with index {', '.join(map(str, lost))} of "
        "axis 0 of the output"
    )
    assert pooled(without(measured, EVERY, lost), measured, (6,), (outputs,)) == [(name, told)]


def test_windows_that_miss_their_maximum_or_are_lost():
    told = "2 of 4 windows miss their maximum"
    assert pooled(routes((0, 0), WINNERS[1], [], WINNERS[3])) == [("wrong winner", told)]
    flat = routes(0, 1, 2, shape=(6,))
    assert pooled(routes(5, [], 2, shape=(6,)), flat, (6,), (3,)) == [("wrong winner", told.replace("4", "3"))]


def test_windows_that_run_out_of_the_image():
    # Windows 2 apart, taken for 3 apart: the third of each row and column is outside of 6 x 6.
    shape, out_shape = (1, 1, 6, 6), (1, 1, 3, 3)
    places = [(i, j) for i in range(3) for j in range(3)]
    right = routes(*[(2 * i + 1, 2 * j) for i, j in places], shape=shape)
    mine = routes(*[[(3 * i + 1, 3 * j)] if max(i, j) < 2 else [] for i, j in places], shape=shape)
    lost = "5 of 9 windows run out of the image"
    told = "neighbouring windows are 3 apart in your backward, 2 apart in forward, in rows and in columns"
    findings = pooled(mine, right, shape, out_shape, windows=((2, 2), (2, 2)))
    assert findings == [
        ("stride ignored", f"{told}; {lost}"),
        ("wrong winner", "8 of 9 windows miss their maximum"),
    ]
    assert [name for name, *_ in pooled(mine, right, shape, (9,))] == ["wrong winner"]
    assert [name for name, *_ in pooled(mine, right, (6, 6), (1, 1, 3, 3))] == ["wrong winner"]


def test_all_windows_are_off_by_the_same():
    told = "4 of 4 windows give their gradient to another pixel than their maximum: all of them off by (0, 0, 0, -1)"
    right, mine = [(0, 1), (1, 3), (2, 1), (3, 3)], [(0, 0), (1, 2), (2, 0), (3, 2)]
    assert pooled(routes(*mine), routes(*right)) == [("shifted", told)]


def test_a_wrong_winner_in_some_windows():
    told = (
        "1 of 4 windows give their gradient to another pixel than their maximum, so 2 entries are wrong; for output "
        "(0, 0, 0, 1), say, the maximum is entry (0, 0, 0, 2), and yours is (0, 0, 1, 3)"
    )
    mine = routes(WINNERS[0], (1, 3), *WINNERS[2:])
    assert dict(pooled(mine)) == {"wrong winner": told, "reshaped in the wrong order": told.split(",")[0]}
    flat = mine, POOLED, (16,), (4,)
    assert dict(pooled(*flat))["wrong winner"].endswith("for output (1,), say, the maximum is entry (2,), and yours is (7,)")


def test_windows_with_one_receiver_are_not_permuted():
    assert [name for name, *_ in pooled(routes((0, 0), (0, 0), *WINNERS[2:]))] == ["wrong winner"]
    shared = routes((1, 1), (1, 1), (2, 0), (3, 3))
    assert [name for name, *_ in pooled(routes((1, 1), (0, 2), (2, 1), (3, 3)), shared)] == ["wrong winner"]


def test_the_place_in_the_window_is_told_if_windows_are_known():
    mine = routes(WINNERS[0], WINNERS[1], (3, 1), WINNERS[3])
    told = "in the window of output (0, 0, 1, 0), say, the maximum is in row 0, column 0; yours goes to row 1, column 1"
    assert dict(pooled(mine, windows=((2, 2), (2, 2))))["wrong winner"].endswith(told)


@pytest.mark.parametrize("elsewhere", [(1, 1), (2, 2), (3, 1), (2, 0)])
def test_no_place_in_a_window_for_what_lies_outside(elsewhere):
    mine = routes(WINNERS[0], elsewhere, *WINNERS[2:])  # the window of output 1 is rows 0, 1 and columns 2, 3
    told = dict(pooled(mine, windows=((2, 2), (2, 2))))["wrong winner"]
    assert told.endswith(f"the maximum is entry (0, 0, 0, 2), and yours is (0, 0, {elsewhere[0]}, {elsewhere[1]})")


def test_no_place_in_the_window_of_another_channel():
    shape, out_shape = (2, 2, 2, 2), (2, 2, 1, 1)
    right = [place((n, c, 0, 1), shape) for n in (0, 1) for c in (0, 1)]
    for other in ((0, 1, 0, 0), (1, 0, 0, 0)):
        mine = [place(other, shape), *right[1:]]
        findings = pooled(
            routes(*mine, shape=shape), routes(*right, shape=shape), shape, out_shape, windows=((2, 2), (2, 2))
        )
        told = f"the maximum is entry (0, 0, 0, 1), and yours is {other}"
        assert dict(findings)["wrong winner"].endswith(told)


PLACES = np.array([(0, 0, i, j) for i in range(3) for j in range(3)]).T  # of nine windows


def drift(rows=0, columns=0, images=0, channels=0, places=PLACES, windows=None):
    """What is said if each window is so far off."""
    pairs = pairs_of(POOLED, POOLED, GRID, HALF)
    pairs.e.windows = windows
    off = np.zeros(places.shape, int)
    off[0], off[1], off[2], off[3] = images, channels, rows, columns
    return pairs._drift(off, places)


ROW, COLUMN = PLACES[2], PLACES[3]


@pytest.mark.parametrize("factor", [-3, -2, -1, 1, 2, 3])
def test_the_further_the_window_the_further_off(factor):
    told = f"window i lands {abs(factor)} * i rows or columns too {'far' if factor > 0 else 'early'}"
    assert drift(factor * ROW, factor * COLUMN) == told
    assert drift(factor * ROW, 0) == told
    assert drift(0, factor * COLUMN) == told


@pytest.mark.parametrize(
    "off",
    [
        {},
        {"images": 1, "rows": ROW},
        {"channels": ROW, "rows": ROW},
        {"rows": 4 * ROW},
        {"columns": -4 * COLUMN},
        {"rows": ROW, "columns": 2 * COLUMN},
        {"rows": COLUMN},
        {"rows": ROW + 1},
        {"rows": ROW, "columns": 1},
        {"rows": 1, "columns": COLUMN},
        {"rows": (ROW == 1).astype(int)},
        {"rows": ROW, "columns": ROW},
        {"columns": (COLUMN == 2).astype(int)},
    ],
)
def test_what_is_no_drift(off):
    assert drift(**off) == ""


def test_a_drift_is_told_as_a_stride_where_windows_are_known():
    start = "neighbouring windows are"
    known = (3, 2), (2, 3)  # a kernel of 3 x 2, a stride of 2 and 3
    assert drift(ROW, 0, windows=known) == (
        f"{start} 3 apart in your backward, 2 apart in forward, in rows; with stride = window size it would be right"
    )
    assert drift(0, -2 * COLUMN, windows=known) == f"{start} 1 apart in your backward, 3 apart in forward, in columns"
    assert drift(0, -COLUMN, windows=known).endswith(
        "2 apart in your backward, 3 apart in forward, in columns; with stride = window size it would be right"
    )
    assert drift(-ROW, -COLUMN, windows=known) == (
        f"{start} 1 row and 2 columns apart in your backward, 2 rows and 3 columns apart in forward"
    )
    row = PLACES[:, :3]
    assert (
        drift(0, -2 * row[3], places=row, windows=known)
        == f"{start} 1 apart in your backward, 3 apart in forward, in columns"
    )
    column = PLACES[:, ::3]
    assert (
        drift(column[2], 0, places=column, windows=((2, 2), (2, 3)))
        == f"{start} 3 apart in your backward, 2 apart in forward, in rows"
    )


def test_winners_that_drift():
    right = routes(*[(2 * i + 1, 2 * j) for i in (0, 1) for j in (0, 1)])
    mine = routes(*[(i + 1, j) for i in (0, 1) for j in (0, 1)])
    told = (
        "window i lands 1 * i rows or columns too early; "
        "3 of 4 windows give their gradient to another pixel than their maximum"
    )
    assert pooled(mine, right) == [("stride ignored", told)]
    assert "stride ignored" not in [name for name, *_ in pooled(mine, right, (16,), (4,))]
    assert "stride ignored" not in [name for name, *_ in pooled(mine, right, GRID, (4,))]
    assert "stride ignored" not in [name for name, *_ in pooled(mine, right, (4, 4), HALF)]


def test_windows_that_start_elsewhere():
    elsewhere = structure._Pairs._pixels_of_windows_start_elsewhere

    def off(rows, columns):
        result = np.zeros((4, 9))
        result[2], result[3] = rows, columns
        return result

    bump = np.array([0, 0, 1, 0, 0, 0, 0, 0, 0])
    assert elsewhere(off(5 * ROW + bump, 0), PLACES)
    assert elsewhere(off(-5 * ROW, -5 * COLUMN + bump), PLACES)
    assert elsewhere(off(0, 5 * COLUMN), PLACES)
    assert not elsewhere(off(ROW + bump, 0), PLACES)
    assert not elsewhere(off(5 * ROW, COLUMN + 2 * bump), PLACES)
    assert not elsewhere(off(0, 0), PLACES)
    assert not elsewhere(off(COLUMN, ROW), PLACES)
    assert not elsewhere(off(1, 2), PLACES)
    assert elsewhere(off(0, 5 * COLUMN)[:, :3], PLACES[:, :3])
    assert not elsewhere(off(0, bump)[:, :3], 0 * PLACES[:, :3])


def test_winners_that_drift_nearly():
    right = routes(*[(2 * i + 1, 2 * j) for i in range(3) for j in range(3)], shape=(1, 1, 6, 6))
    rows = [(2 * i + 1 - (0, 2, 3)[i], 2 * j) for i in range(3) for j in range(3)]
    told = "6 of 9 windows give their gradient to another pixel than their maximum: the windows start elsewhere"
    findings = pooled(routes(*rows, shape=(1, 1, 6, 6)), right, (1, 1, 6, 6), (1, 1, 3, 3))
    assert dict(findings)["stride ignored"] == told
    assert "wrong winner" in dict(findings)
    assert "stride ignored" not in [name for name, *_ in pooled(routes(*rows, shape=(1, 1, 6, 6)), right, (36,), (9,))]


# --- windows of images -----------------------------------------------------------------------------------------------------

KERNEL = generic((2, 2, 3, 3))  # filters, channels, rows, columns


def windows(w, shape, out_size, start):
    """A convolution's Jacobian: the window of output (i, j) starts at the pixel start(i, j), and is cut at the border."""
    out_shape = (shape[0], len(w), *out_size)
    result = np.zeros((*shape, *out_shape))
    for n, f, i, j in np.ndindex(out_shape):
        top, left = start(i, j)
        for c, u, v in np.ndindex(w.shape[1:]):
            if 0 <= top + u < shape[2] and 0 <= left + v < shape[3]:
                result[n, c, top + u, left + v, n, f, i, j] = w[f, c, u, v]
    return result.reshape(np.prod(shape), -1)


def at_stride(down, right=None, pad=0):
    return lambda i, j: (down * i - pad, (down if right is None else right) * j - pad)


def conv(mine, start=None, *, w=KERNEL, right=None, shape=(2, 2, 5, 5), out_size=(3, 3), **more):
    """What is said of a convolution whose backward takes the kernel ``mine``, at other places."""
    right = right or at_stride(1)
    measured = windows(w, shape, out_size, right)
    claimed = windows(mine, shape, out_size, start or right)
    pairs = pairs_of(measured, claimed, shape, (shape[0], len(w), *out_size), noise=1e-8, **more)
    findings = list(pairs._windows())
    assert all(finding.explains == ("x",) for finding in findings)
    return said(findings)


TURNED = KERNEL[:, :, ::-1, ::-1]


@pytest.mark.parametrize("pad", [0, 1])
def test_kernels_turned_round(pad):
    told = "each window of your dx is right after turning it by 180 degrees"
    shape = (2, 2, 5 - 2 * pad, 5 - 2 * pad)
    assert conv(TURNED, shape=shape, right=at_stride(1, pad=pad)) == [("kernel flipped", told)]
    measured = windows(KERNEL, (2, 2, 5, 5), (3, 3), at_stride(1))
    claimed = windows(TURNED, (2, 2, 5, 5), (3, 3), at_stride(1))
    assert found(measured, claimed, (2, 2, 5, 5), (2, 2, 3, 3)) == [("kernel flipped", told)]


def test_kernels_turned_round_and_elsewhere():
    told = "each window of your dx is right after turning it by 180 degrees"
    assert conv(TURNED, at_stride(1, pad=1)) != [("kernel flipped", told)]  # some are cut
    assert conv(TURNED, lambda i, j: (2 - i, 2 - j)) == [("kernel flipped", told)]


def test_windows_that_are_right():
    assert conv(KERNEL) == []
    assert conv(KERNEL * (1 + 1e-6)) == []
    assert conv(2 * KERNEL) == []
    assert conv(0 * KERNEL) == []


def test_kernels_turned_upside_down_only():
    told = "each window of your dx holds the right weights in other places"
    assert conv(KERNEL[:, :, ::-1]) == [("reshaped in the wrong order", told)]


def test_some_kernels_turned_round():
    # One filter of three does not change when it is turned: for it nothing is wrong.
    w = generic((3, 1, 3, 3))
    w[0] = w[0] + w[0, :, ::-1, ::-1]
    half = w.copy()
    half[1] = w[1, :, ::-1, ::-1]
    expected = [("kernel flipped", "windows of your dx are turned by 180 degrees")]
    assert conv(w[:, :, ::-1, ::-1], w=w, shape=(2, 1, 5, 5)) == expected
    assert conv(half, w=w, shape=(2, 1, 5, 5)) == expected
    four = np.concatenate([w, w[:1] + 1])
    one = four.copy()
    one[1] = four[1, :, ::-1, ::-1]
    assert conv(one, w=four, shape=(2, 1, 5, 5)) == []  # one in four may be chance
    assert conv(half, at_stride(1, pad=1), w=w, shape=(2, 1, 6, 6), right=at_stride(1)) != expected


def test_kernels_with_rows_and_columns_swapped():
    told = "each window of your dx has rows and columns swapped"
    assert conv(KERNEL.swapaxes(2, 3)) == [("transposed", told)]


def test_kernels_with_weights_in_other_places():
    told = "each window of your dx holds the right weights in other places"
    expected = [("reshaped in the wrong order", told)]
    long = generic((2, 2, 3, 2))
    swapped = long.swapaxes(2, 3).reshape(long.shape)
    assert conv(swapped, w=long, out_size=(3, 4)) == expected
    assert conv(KERNEL[:, ::-1], w=KERNEL) == expected
    assert conv(generic((2, 2, 3, 3), 9) + 7) == []


def test_most_kernels_must_be_permuted_in_one_way():
    for change in (lambda k: k.swapaxes(1, 2), lambda k: k[:, ::-1]):
        for changed, named in ((8, False), (9, True), (10, True)):
            w = generic((10, 1, 3, 3))
            mine = w.copy()
            mine[:changed] = change(w[:changed, 0])[:, None]
            assert bool(conv(mine, w=w, shape=(1, 1, 4, 4), out_size=(2, 2))) == named


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [
        (1, 0, "1 row and 0 columns"),
        (0, -1, "0 rows and -1 column"),
        (-1, 1, "-1 row and 1 column"),
        (2, 2, "2 rows and 2 columns"),
    ],
)
def test_windows_moved(rows, columns, words):
    shape, right = (2, 2, 7, 7), at_stride(1, pad=-1)
    told = f"every window of your dx lies {words} off"
    start = lambda i, j: (i + 1 + rows, j + 1 + columns)  # noqa: E731
    assert conv(KERNEL, start, right=right, shape=shape, out_size=(3, 3)) == [("shifted", told)]
    assert conv(2 * KERNEL, start, right=right, shape=shape, out_size=(3, 3)) == [("shifted", told)]
    pads = {"pad": max(abs(rows), abs(columns))}
    assert conv(KERNEL, start, right=right, shape=shape, settings=pads) == [("padding not cropped", told)]


@pytest.mark.parametrize(
    ("rows", "columns", "settings", "name"),
    [
        (2, 1, {"pad": 2}, "shifted"),
        (1, 2, {"pad": 2}, "shifted"),
        (1, 1, {"pad": 2}, "shifted"),
        (2, 0, {"Padding": 2}, "padding not cropped"),
        (0, 2, {"p": 2}, "padding not cropped"),
        (2, 2, {"stride": 2}, "shifted"),
        (2, 2, {"P": 2, "stride": 1}, "padding not cropped"),
    ],
)
def test_windows_moved_by_the_pad(rows, columns, settings, name):
    start = lambda i, j: (i + rows, j + columns)  # noqa: E731
    assert conv(KERNEL, start, shape=(2, 2, 7, 7), settings=settings)[0][0] == name


def test_one_window_is_not_enough_to_say_where_windows_are():
    start = lambda i, j: (i + 1, j)  # noqa: E731
    one = {"w": KERNEL[:1], "shape": (1, 2, 5, 5)}
    assert conv(KERNEL[:1], start, **one, out_size=(1, 1)) == []
    assert conv(KERNEL[:1], start, **one, out_size=(1, 2))[0][0] == "shifted"
    assert conv(KERNEL[:1, ::-1], **one, out_size=(1, 1)) == []
    assert conv(KERNEL[:1, ::-1], **one, out_size=(1, 2))[0][0] == "reshaped in the wrong order"


def test_windows_at_the_border_say_nothing():
    # All but the one in the middle are cut.
    assert (
        conv(KERNEL[:, ::-1], shape=(1, 2, 3, 3), right=at_stride(1, pad=1), w=KERNEL)[0][0] == "reshaped in the wrong order"
    )
    assert conv(KERNEL[:1, ::-1], shape=(1, 2, 3, 3), right=at_stride(1, pad=1), w=KERNEL[:1]) == []


START = "neighbouring windows are"


@pytest.mark.parametrize(
    ("mine", "right", "words"),
    [
        (at_stride(1), at_stride(2), "1 apart in your backward, 2 apart in forward, in rows and in columns"),
        (at_stride(2), at_stride(1), "2 apart in your backward, 1 apart in forward, in rows and in columns"),
        (at_stride(1, 2), at_stride(2, 2), "1 apart in your backward, 2 apart in forward, in rows"),
        (at_stride(2, 1), at_stride(2, 2), "1 apart in your backward, 2 apart in forward, in columns"),
        (
            at_stride(3, 3),
            at_stride(2, 2),
            "3 apart in your backward, 2 apart in forward, in rows and in columns" + SIDE_BY_SIDE,
        ),
        (
            at_stride(3, 1),
            at_stride(1, 2),
            "3 rows and 1 column apart in your backward, 1 row and 2 columns apart in forward",
        ),
        (
            at_stride(2, 3),
            at_stride(1, 2),
            "2 rows and 3 columns apart in your backward, 1 row and 2 columns apart in forward",
        ),
    ],
)
def test_windows_at_another_stride(mine, right, words):
    more = {"shape": (1, 2, 9, 9), "right": right}
    told = f"{START} {words}"
    assert conv(KERNEL, mine, **more) == [("stride ignored", told)]
    assert conv(2 * KERNEL, mine, **more) == [("stride ignored", told.split(";")[0])]


def test_windows_that_wander_without_a_stride():
    jumps = [0, 0, 1, 1]
    more = {"shape": (1, 2, 8, 8), "out_size": (4, 4)}
    assert conv(KERNEL, lambda i, j: (i + jumps[i], j), **more) == []  # 0.4 a window
    assert conv(KERNEL, lambda i, j: (i + [0, 1, 1, 2][i], j), **more) == []  # 0.6 a window
    assert conv(KERNEL, lambda i, j: (i + jumps[j], j), **more) == []


def test_windows_in_a_pad_at_another_stride():
    told = f"{START} 1 apart in your backward, 2 apart in forward, in rows and in columns"
    more = {"shape": (1, 2, 9, 9), "right": at_stride(2, pad=1), "out_size": (5, 5)}
    assert conv(KERNEL, at_stride(1, pad=1), **more) == [("stride ignored", told)]


@pytest.mark.parametrize(
    ("shape", "out_shape"), [((2, 2, 5, 5), (2, 18)), ((4, 1, 5, 5), (2, 2, 3, 3)), ((2, 50), (2, 2, 3, 3))]
)
def test_only_images_to_images_have_windows(shape, out_shape):
    measured = windows(KERNEL, (2, 2, 5, 5), (3, 3), at_stride(1))
    claimed = windows(TURNED, (2, 2, 5, 5), (3, 3), at_stride(1))
    assert list(pairs_of(measured, claimed, shape, out_shape)._windows()) == []


def test_turned_in_its_own_image_and_channel():
    shape, out_shape = (2, 2, 3, 3), (2, 1, 1, 1)
    patch = generic((3, 3))

    def pairs(mine, image, channel):
        measured, claimed = np.zeros((36, 2)), np.zeros((36, 2))
        measured.reshape(2, 2, 3, 3, 2)[0, 0, :, :, 0] = patch
        claimed.reshape(2, 2, 3, 3, 2)[image, channel, :, :, 0] = mine
        return pairs_of(measured, claimed, shape, out_shape)

    for image, channel in ((0, 0), (0, 1), (1, 0)):
        of = pairs(patch[::-1, ::-1], image, channel)
        boxes = [structure._box(acts[:, 0], shape) for acts in (of.acts, of.says)]
        assert of._turned(0, *boxes) == ((image, channel) == (0, 0))
    of = pairs(patch, 0, 0)
    box = structure._box(of.acts[:, 0], shape)
    assert not of._turned(0, box, box)


# --- small parts -----------------------------------------------------------------------------------------------------------


def test_the_box_round_a_mask():
    mask = np.zeros((2, 4, 5), bool)
    mask[1, 1, 3] = mask[1, 2, 0] = True
    first, last = structure._box(mask.ravel(), (2, 4, 5))
    assert first.tolist() == [1, 1, 0]
    assert last.tolist() == [1, 2, 3]
    assert structure._extent((first, last)).tolist() == [1, 2, 4]
    np.testing.assert_array_equal(
        structure._cut(np.arange(40), (2, 4, 5), (first, last)), [[[25, 26, 27, 28], [30, 31, 32, 33]]]
    )
    assert structure._box(np.zeros(40, bool), (2, 4, 5)) is None


@pytest.mark.parametrize(
    ("places", "starts", "pace"),
    [
        ([0, 1, 2, 3], [0, 2, 4, 6], 2),
        ([3, 0, 2, 1], [6, 0, 4, 2], 2),
        ([0, 1, 2, 3], [0, 1, 3, 5], 2),  # at the border
        ([0, 0, 1, 1, 2, 2], [0, 0, 3, 3, 6, 6], 3),
        ([0, 2, 3], [0, 7, 9], 2),
        ([0, 2, 4], [0, 7, 9], 0),
        ([0], [4], 0),
    ],
)
def test_how_far_windows_are_apart(places, starts, pace):
    assert structure._pace(np.array(places), np.array(starts)) == pace


@pytest.mark.parametrize(
    ("paces", "kernel", "words"),
    [
        ({0: (1, 2)}, None, "1 apart in your backward, 2 apart in forward, in rows"),
        ({1: (3, 2)}, (2, 2), "3 apart in your backward, 2 apart in forward, in columns"),
        ({0: (1, 2), 1: (1, 2)}, None, "1 apart in your backward, 2 apart in forward, in rows and in columns"),
        ({0: (1, 2), 1: (1, 3)}, None, "1 row and 1 column apart in your backward, 2 rows and 3 columns apart in forward"),
        ({0: (1, 2), 1: (3, 2)}, None, "1 row and 3 columns apart in your backward, 2 rows and 2 columns apart in forward"),
        (
            {1: (3, 2)},
            (2, 3),
            "3 apart in your backward, 2 apart in forward, in columns; with stride = window size it would be right",
        ),
        ({0: (3, 2), 1: (3, 2)}, (3, 2), "3 apart in your backward, 2 apart in forward, in rows and in columns"),
    ],
)
def test_distances_in_words(paces, kernel, words):
    assert structure._spacing(paces, kernel) == f"{START} {words}"


# --- what competes with what -----------------------------------------------------------------------------------------------


def test_one_term_may_be_the_whole_sum():
    # 3 and -3 cancel, so 2 is right there.
    assert one_left([2, 4], [[2, 3, -3], [1, 2, 4]], (2,), (3,), dout=np.ones(3)) == []


def test_a_negative_number_is_not_left_out():
    mine = TABLE.copy()
    mine[3] = -7
    assert said(structure._left_out(of_gradients({"x": (mine, TABLE)}), "x")) == []


def test_other_weights_besides_missing_or_additional_terms():
    half = without(FULL, EVERY, [0])
    half[0, 1] *= 3
    assert found(FULL, half, (3,), (4,)) == []
    more = plus(TERMS[:3], [2, 2], [0, 2])
    more[0, 0] *= 3
    assert found(TERMS[:3], more, (3,), (4,)) == []


def test_an_entry_that_lost_nothing_need_not_act_on_everything():
    measured = generic((6, 3))
    measured[3, 2] = 0
    findings = found(measured, without(measured, 0, 0), (2, 3), (3,))
    assert [name for name, _ in findings] == ["terms left out", "branch missing"]


def test_all_windows_must_share_evenly():
    everywhere = routes(*[[(2 * i + u, 2 * j + v) for u in (0, 1) for v in (0, 1)] for i in (0, 1) for j in (0, 1)])
    everywhere[0, 0] = 0.5
    assert pooled(everywhere)[0][0] == "mask missing"


@pytest.mark.parametrize("start", [lambda i, j: (i + 1, j), lambda i, j: (i, j + 1), lambda i, j: (i + (i > 0), j)])
def test_kernels_turned_round_in_other_places_are_first_of_all_in_other_places(start):
    w = generic((3, 1, 3, 3))
    w[0] = w[0] + w[0, :, ::-1, ::-1]
    half = w.copy()
    half[1] = w[1, :, ::-1, ::-1]
    findings = conv(half, start, w=w, shape=(2, 1, 6, 6))
    assert "kernel flipped" not in [name for name, *_ in findings]


def test_filters_of_nothing_have_no_windows():
    one = KERNEL.copy()
    one[1] = 0
    assert conv(KERNEL, w=one) == []
    assert conv(one, w=KERNEL) == []
