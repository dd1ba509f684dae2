"""Each output depends on its own input alone: what is said of local derivatives that are wrong."""

import numpy as np
import pytest
from hand_made import names, of_jacobians, said

from scratchnet.gradcheck.signs import elementwise

X = np.array([0.7, -1.1, 2.0, -0.4, 1.3, -2.2, 1.6])
DOUT = np.array([-0.9, 1.2, 0.8, -1.5, 0.6, 0.5, -0.75])  # another pattern of signs than x's, nor the opposite one
ON = X > 0
RELU = np.where(ON, 1.0, 0.0)
LEAKY = np.where(ON, 1.0, 0.01)


def local(yours, slopes, x=X, out=None, dout=DOUT, **more):
    """Evidence of local derivatives: backward returns dout * yours, and dout * slopes is right."""
    yours, slopes = np.broadcast_to(yours, np.shape(x)), np.asarray(slopes, float)
    out = np.asarray(x) * slopes if out is None else out
    diagonals = np.diag(slopes.ravel()), np.diag(yours.ravel())
    return of_jacobians(*diagonals, np.shape(x), np.shape(x), x=x, out=out, dout=dout, **more)


def found(yours, slopes, **more):
    evidence = local(yours, slopes, **more)
    findings = list(elementwise.find(evidence))
    assert all(finding.explains == ("x",) for finding in findings)
    return said(findings)


# --- which operations these are --------------------------------------------------------------------------------------------


def test_the_diagonal_is_given_in_the_arguments_shape():
    slopes = np.arange(1.0, 7).reshape(2, 3)
    x = np.ones((2, 3))
    np.testing.assert_array_equal(elementwise.diagonal(local(2 * slopes, slopes, x=x, dout=x), "x"), slopes)
    two = np.array([3.0, 4.0])
    np.testing.assert_array_equal(elementwise.diagonal(local(two, two, x=two, dout=two), "x"), two)


def test_no_diagonal_where_an_output_depends_on_another_input():
    measured = np.diag(RELU)
    measured[0, 1] = 1e-3
    evidence = of_jacobians(measured, np.diag(LEAKY), (7,), (7,), x=X, dout=DOUT)
    assert elementwise.diagonal(evidence, "x") is None
    assert list(elementwise.find(evidence)) == []


def test_no_diagonal_of_one_number_of_another_shape_or_of_what_was_not_measured():
    one = np.array([[2.0]])
    assert elementwise.diagonal(of_jacobians(one, 2 * one, (1,), (1,)), "x") is None
    square = np.diag([1.0, 2, 3, 4])
    assert elementwise.diagonal(of_jacobians(square, 2 * square, (2, 2), (4,)), "x") is None
    evidence = of_jacobians(square, 2 * square, (4,), (4,))
    assert elementwise.diagonal(evidence, "x") is not None
    evidence.results["x"].jacobian = None
    assert elementwise.diagonal(evidence, "x") is None


def test_nothing_is_said_where_dout_is_0():
    dout = DOUT.copy()
    dout[2] = 0
    assert found(1.0, RELU, dout=dout) == []
    assert found(1.0, RELU, dout=-np.abs(DOUT)) != []  # a negative one is fine


def test_an_argument_after_one_that_is_not_elementwise_is_looked_at():
    full = np.ones((7, 7))
    evidence = of_jacobians(np.diag(RELU), np.eye(7), (7,), (7,), x=X, dout=DOUT, others={"m": (full, 2 * full, np.ones(7))})
    assert evidence.wrong == ["m", "x"]
    assert names(elementwise.find(evidence)) == ["mask missing"]


@pytest.mark.parametrize(
    ("slopes", "few"),
    [
        ([0.01, 1, 1, 0.01], True),
        ([-1, 1, 1], True),
        ([0.01, 0.5, 1], False),
        ([1, 1, 1], False),
        ([1, 1.0000005, 1], False),  # rounding
        ([1, 1.1, 1], True),
        ([0.01, 1], False),  # two numbers always have two values
    ],
)
def test_two_slopes_make_a_mask(slopes, few):
    assert elementwise._few_values(np.array(slopes, float)) is few


def test_steep_and_flat_slopes_are_no_mask_if_there_are_three_of_them():
    # dout itself: of a mask it would be missing, of a smooth function it is the local derivative that is
    assert [name for name, *_ in found(1.0, np.where(ON, 1.0, 0.01))] == ["mask missing"]
    assert [name for name, *_ in found(1.0, np.linspace(0.2, 0.9, 7))] == ["local derivative missing"]
    assert [name for name, *_ in found(1.0, np.array([0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]))] == ["mask missing"]
    assert [name for name, *_ in found(1.0, np.array([1e-6, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]))] == ["local derivative missing"]


# --- masks -----------------------------------------------------------------------------------------------------------------


def test_a_mask_turned_round():
    said_of_relu = (
        "your dx is on exactly where it should be off: 3 of 3 entries that forward stops get a gradient; 4 of 4 that "
        "forward lets pass get a wrong one"
    )
    assert found(1 - RELU, RELU) == [("mask inverted", said_of_relu)]
    assert found(1.01 - LEAKY, LEAKY) == [("mask inverted", said_of_relu)]
    assert found(-3 * (1 - RELU), -3 * RELU)[0][0] == "mask inverted"


def test_a_mask_turned_round_is_one_value_where_it_should_be_off():
    assert found(np.where(ON, 5e-7, 1.0), RELU)[0][0] == "mask inverted"
    assert [name for name, *_ in found(np.where(ON, [0, 0, 0.5, 0, 0.7, 0, 0.9], 1.0), RELU)] == ["mask missing"]
    yours = np.where(ON, 0.0, X)
    assert [name for name, *_ in found(yours, RELU)] == ["mask missing"]


def test_a_negated_leaky_relu_without_its_leak_is_not_turned_round():
    # Its slopes are -1 and -0.01: it is -1 that passes.
    assert [name for name, *_ in found(-RELU, -LEAKY)] == [
        "integer arithmetic",
        "mask of the wrong array",
        "derivative at the wrong value",
    ]
    assert found(-1.0, -LEAKY) == [
        ("mask missing", "your dx is -1 * dout everywhere; it should be -0.01 * dout in 3 entries")
    ]


def test_no_mask_at_all():
    assert found(1.0, RELU) == [("mask missing", "your dx is 1 * dout everywhere; it should be 0 * dout in 3 entries")]
    assert found(2.5, LEAKY) == [("mask missing", "your dx is 2.5 * dout everywhere; it should be 0.01 * dout in 3 entries")]
    third = np.where(X > 1, 1.0, LEAKY)
    assert found(1e-3, third)[0][0] == "mask missing"
    assert found(0.01, LEAKY)[0][0] == "mask missing"
    assert found(1.0, 0 * RELU)[0][1].startswith("your dx is 1 * dout everywhere; it should be 0 * dout")
    three = np.where(X > 1, 1.0, np.where(ON, 0.5, 0))
    assert found(2.0, three)[0][1].endswith("it should be 0 * dout in 4 entries")
    assert found(2.0, np.where(X < -1, -0.5, three))[0][1].endswith("it should be 0 * dout in 4 entries")
    absolute = np.sign(X)
    assert found(1.0, absolute)[0][1] == "your dx is 1 * dout everywhere; it should be -1 * dout in 3 entries"


def test_what_is_0_everywhere_is_not_a_missing_mask():
    assert "mask missing" not in [name for name, *_ in found(0.0, RELU)]
    # nor is it turned round: its own value must be there where it should be off
    assert "mask inverted" not in [name for name, *_ in found(np.where(ON, 0.01, 0.005), LEAKY)]


@pytest.mark.parametrize(
    ("value", "words"), [(X, "x"), (2 * X + 1, "out"), (np.abs(X), "|x|"), (np.abs(2 * X - 1), "|out|")], ids=str
)
def test_a_value_stands_where_the_mask_belongs(value, words):
    x = np.where(ON, -X, X) if words.startswith("|") else X  # so that what passes is negative
    value = {"x": x, "out": 2 * x + 1, "|x|": np.abs(x), "|out|": np.abs(2 * x + 1)}[words]
    expected = [("value instead of mask", f"where it passes your dx is dout * {words}, not dout")]
    assert found(np.where(ON, value, 0.0), RELU, x=x, out=2 * x + 1) == expected
    assert found(np.where(ON, 3 * value, 0.0), 3 * RELU, x=x, out=2 * x + 1) == expected  # times the scale of a dropout
    assert found(np.where(ON, value, 0.0), 3 * RELU, x=x, out=2 * x + 1) == expected


def test_the_sign_of_dout_is_taken_for_the_mask():
    counted = "2 of 3 entries that forward stops get a gradient; 2 of 4 that forward lets pass get a wrong one"
    told = f"your dx passes where dout > 0, whatever the input was: {counted}"
    assert found(np.where(DOUT > 0, 1.0, 0.0), RELU) == [("mask of the wrong array", told)]
    counted = "1 of 3 entries that forward stops get a gradient; 2 of 4 that forward lets pass get a wrong one"
    told = f"your dx passes where -dout > 0, whatever the input was: {counted}"
    assert found(np.where(DOUT < 0, 1.0, 0.0), RELU) == [("mask of the wrong array", told)]
    assert found(np.where(DOUT > 0, 1.0, 0.01), LEAKY)[0][0] == "mask of the wrong array"  # what leaks does not pass
    assert found(np.where(DOUT > 0, -1.0, -0.01), -LEAKY)[0][0] == "mask of the wrong array"


def test_a_fraction_cut_off():
    told = "your local derivatives are the right ones with their fractions cut off: 0.01 has become 0"
    counted = "3 of 3 entries that forward stops get a gradient"
    assert found(RELU, LEAKY) == [
        ("integer arithmetic", told),
        ("mask of the wrong array", counted),
        ("derivative at the wrong value", counted),
    ]
    assert "integer arithmetic" not in [name for name, *_ in found(np.where(X > 1, 1.0, 0.0), RELU)]
    assert "integer arithmetic" not in [name for name, *_ in found(np.where(ON, 1.0, 5e-6), RELU)]


def test_another_threshold_than_0():
    counted = "1 of 4 that forward lets pass get a wrong one"
    told = f"your dx passes where x > 1: {counted}"  # 1 lies halfway between 0.7 and 1.3
    assert found(np.where(X > 1, 1.0, 0.0), RELU) == [("mask of the wrong array", told)]
    counted = "2 of 3 entries that forward stops get a gradient"
    told = f"your dx passes where x > -1.65: {counted}"
    assert found(np.where(X > -1.5, 1.0, 0.0), RELU) == [("mask of the wrong array", told)]
    assert found(np.where(X > 1, 1.0, 0.01 * (1 + 1e-12)), LEAKY)[0][0] == "mask of the wrong array"
    assert found(np.where(X > 1, 1.0, 0.0), LEAKY)[0][0] == "mask of the wrong array"
    assert found(np.where(X > 1, 2.5, 0.0), 2.5 * RELU)[0][0] == "mask of the wrong array"
    assert found(np.where(X > 1, 1 / 3, 0.0), RELU / 3)[0][0] == "mask of the wrong array"
    assert found(np.where(X > 1, 1.0, 0.3), np.where(ON, 1.0, 0.3))[0][0] == "mask of the wrong array"


def test_a_mask_of_something_else():
    yours = np.array([1.0, 1, 0, 0, 1, 0, 1])
    counted = "1 of 3 entries that forward stops get a gradient; 1 of 4 that forward lets pass get a wrong one"
    assert found(yours, RELU) == [("mask of the wrong array", counted)]
    assert found(np.where(yours, 1.0, 0.01), LEAKY) == [("mask of the wrong array", counted)]


def test_another_leak():
    told = "where it is off your dx is 0.2 * dout instead of 0.01 * dout"
    assert found(np.where(ON, 1.0, 0.2), LEAKY) == [
        ("derivative at the wrong value", told),
        ("mask missing", told),
    ]


def test_two_leaks_are_no_other_leak():
    yours = np.where(ON, 1.0, np.where(X < -1, 0.3, 0.2))
    assert found(yours, LEAKY) == []


def test_what_passes_has_another_factor():
    counted = "4 of 4 that forward lets pass get a wrong one"
    assert found(5 * RELU, RELU) == [("derivative at the wrong value", counted)]
    assert found(np.where(ON, 5.0, 0.01), LEAKY) == [("derivative at the wrong value", counted)]


def test_the_scale_of_a_dropout_has_its_own_name():
    with_scale = np.where(ON, 2.5, 0.0)
    assert found(RELU, with_scale, settings={"p": 0.2}) == []


def test_both_places_off_is_not_named_by_a_constant():
    assert found(np.where(ON, 3.0, 0.2), LEAKY) == []


def test_many_values_where_it_passes():
    yours = np.where(ON, [0.3, 0, 0.5, 0, 0.8, 0, 0.9], 0.0)
    counted = "4 of 4 that forward lets pass get a wrong one"
    assert found(yours, RELU) == [
        ("value instead of mask", f"where it passes your dx is not dout: {counted}"),
        ("wrong operand", counted),
    ]


def test_many_values_everywhere():
    counted = "3 of 3 entries that forward stops get a gradient"
    assert found(np.where(ON, 1, [0, 0.5, 0, 0.6, 0, 0.7, 0]), RELU) == [("mask missing", counted)]
    both = "3 of 3 entries that forward stops get a gradient; 4 of 4 that forward lets pass get a wrong one"
    assert found(np.linspace(0.2, 0.9, 7), RELU) == [("mask missing", both)]


def test_many_values_at_some_entries_that_are_off():
    counted = "2 of 3 entries that forward stops get a gradient; 4 of 4 that forward lets pass get a wrong one"
    assert found([0.3, 0.4, 0.5, 0.6, 0.7, 0.0, 0.8], RELU) == [("mask of the wrong array", counted)]


def test_a_tiny_difference_is_no_masks():
    assert found(RELU * (1 + 3e-7 * X), RELU) == []
    assert found(RELU * (1 + 3e-7), RELU, dout=np.where(ON, 1.0, -1) * np.abs(DOUT)) == []


@pytest.mark.parametrize(("off_by", "leaks"), [(5e-6, 1), (0.01, 1), (5e-7, 0)])
def test_how_much_may_leak(off_by, leaks):
    yours = np.where(ON, 1.0, [0, off_by, 0, 0.5, 0, 0.7, 0])
    assert found(yours, RELU)[0][1] == f"{2 + leaks} of 3 entries that forward stops get a gradient"


@pytest.mark.parametrize(("off_by", "blocked"), [(5e-5, 1), (0.01, 1), (5e-7, 0)])
def test_how_much_less_may_pass(off_by, blocked):
    yours = np.where(ON, [1 - off_by, 0, 0.6, 0, 0.7, 0, 1], 0.0)
    assert found(yours, RELU)[1][1] == f"{2 + blocked} of 4 that forward lets pass get a wrong one"


def test_the_gradient_has_the_name_the_code_gives_it():
    evidence = local(1.0, RELU)
    evidence.subject.called["x"] = "grad"
    assert said(elementwise.find(evidence))[0][1].startswith("your grad is 1 * dout")


@pytest.mark.parametrize(
    ("values", "constant"),
    [
        ([2.0, 2.0], 2.0),
        ([2.0], 2.0),
        ([], None),
        ([0.0, 1e-3], None),
        ([0.0, 5e-7], 0.0),  # rounding, of what is of size 1
        ([1e4, 1e4 + 5e-3], 1e4),
        ([-1e4, -1e4 + 5e-3], -1e4),
        ([1e4, 1e4 + 5e-2], None),
        ([[3.0, 3.0], [3.0, 3.5]], None),
    ],
)
def test_one_value(values, constant):
    assert elementwise._constant(np.array(values)) == constant


@pytest.mark.parametrize(
    ("passed", "threshold"),
    [
        ([1, 1, 1, 0], 0.0),  # between -1 and 1
        ([0, 1, 1, 0], 1.5),
        ([0, 0, 1, 0], 3.0),
        ([0, 1, 0, 0], None),
        ([1, 1, 1, 1], None),
        ([0, 0, 0, 0], None),
    ],
)
def test_the_threshold_that_a_mask_has(passed, threshold):
    assert elementwise._threshold(np.array([1.0, 2.0, 4.0, -1.0]), np.array(passed, bool)) == threshold


def test_equal_inputs_are_on_one_side_of_a_threshold():
    assert elementwise._threshold(np.array([1.0, 1.0]), np.array([True, False])) is None


# --- smooth functions ------------------------------------------------------------------------------------------------------

SIGMOID = 1 / (1 + np.exp(-X))
TANH = np.tanh(X)


def smooth(yours, out=SIGMOID, slopes=None):
    return found(yours, SIGMOID * (1 - SIGMOID) if slopes is None else slopes, out=out)


def test_the_local_derivative_is_left_out():
    assert smooth(1.0) == [("local derivative missing", "your dx is dout itself")]


@pytest.mark.parametrize(("yours", "words"), [(SIGMOID, "out"), (X, "x")], ids=["out", "x"])
def test_a_value_stands_where_the_derivative_belongs(yours, words):
    told = f"your dx is dout * {words}: {words} stands where the derivative belongs"
    assert smooth(yours) == [("derivative at the wrong value", told)]


@pytest.mark.parametrize(
    ("yours", "words"),
    [
        (X * (1 - X), "x * (1 - x)"),
        (1 - X * X, "1 - x**2"),
        (TANH * (1 - TANH), "out * (1 - out)"),
        (1 - TANH, "1 - out"),
    ],
    ids=["x(1-x)", "1-xx", "out(1-out)", "1-out"],
)
def test_the_derivative_of_another_function(yours, words):
    told = f"your local derivative is {words}, and that is not this function's"
    assert smooth(yours, TANH, 1 - TANH**2) == [("derivative at the wrong value", told)]


def test_tanhs_derivative_for_a_sigmoid():
    told = "your local derivative is 1 - out**2, and that is not this function's"
    assert smooth(1 - SIGMOID**2) == [("derivative at the wrong value", told)]


@pytest.mark.parametrize(
    ("out", "slopes"), [(SIGMOID, SIGMOID * (1 - SIGMOID)), (TANH, 1 - TANH**2)], ids=["sigmoid", "tanh"]
)
def test_the_functions_own_derivative_is_not_called_wrong(out, slopes):
    assert smooth(slopes * (1 + 1e-6), out, slopes) == []


def test_another_function_of_each_entry():
    slopes = np.array([1.0, 2, 3, 4, 5, 6, 7])
    told = "your local derivative is 0.5 to 1.5 times the right one, depending on the entry"
    assert smooth(slopes * [1, 0.5, 1.5, 1, 1, 1, 1], X + 9, slopes) == [("derivative at the wrong value", told)]


@pytest.mark.parametrize("factor", [3.0, -3.0])
def test_one_factor_for_all_entries_is_another_mistake(factor):
    slopes = np.array([1.0, 2, 3, 4, 5, 6, 7])
    assert smooth(factor * slopes, X + 9, slopes) == []
    assert smooth(factor * slopes * (1 + 1e-6 * X), X + 9, slopes) == []
    assert smooth(factor * slopes * (1 + 1e-4 * X), X + 9, slopes) != []


def test_a_slope_of_rounding_is_0():
    assert found(1.0, np.array([1e-8, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]))[0][0] == "mask missing"
