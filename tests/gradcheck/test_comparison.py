"""One argument's gradient beside what is measured: entry by entry, in samples, along a direction, and at kinks."""

import numpy as np
import pytest

from scratchnet.gradcheck.compare import Objective, _compare, _tolerance, check_argument
from scratchnet.gradcheck.kinks import Sides, examine, measure
from scratchnet.gradcheck.learners import of_functions
from scratchnet.gradcheck.numeric import (
    NotFinite,
    along_direction,
    along_entry,
    as_float64,
    central,
    finite_number,
    numeric_gradient,
    one_sided,
)
from scratchnet.gradcheck.protocol import Trial
from scratchnet.gradcheck.report import ArgumentResult
from scratchnet.gradcheck.slopes import Prober, _fits_direction, _groups, measure_together

H = 1e-5


def compared(f, x, gradient, dout=None, most=1000, jacobian=True, h=H, name="x", called=None):
    """check_argument of f(x) with backward's gradient, for a dout of ones."""
    subject = of_functions((lambda x: (f(x), None), lambda dout, cache: dout), (x,), {})
    subject.called.update(called or {})
    x = subject.arrays["x"]
    out = subject.forward(subject.copies(), 0)[0]
    trial = Trial(out, np.ones_like(out) if dout is None else dout)
    rng = np.random.default_rng(0)
    return check_argument("x", Objective(subject, trial, "x", 0), x, gradient, most, h, rng)


def coupled(x):
    """Every output depends on every entry, so that each entry is measured alone."""
    return np.sin(x) + x.sum() ** 2


def coupled_gradient(x, dout):
    return np.cos(x) * dout + 2 * x.sum() * dout.sum()


X = np.array([[0.5, -1.5, 2.5], [-0.25, 1.25, 3.5]])
DOUT = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]])


# --- all entries -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "gradient"), [(coupled, coupled_gradient(X, DOUT)), (np.sin, np.cos(X) * DOUT)], ids=["one by one", "together"]
)
def test_the_numbers_of_a_right_gradient(f, gradient):
    found = compared(f, X, gradient, DOUT)
    np.testing.assert_allclose(found.numeric, gradient, atol=1e-7)
    assert (found.checked, found.size, found.wrong, found.kinks, found.message, found.doubt) == (6, 6, 0, {}, "", "")
    assert found.scale == pytest.approx(np.abs(gradient).max())
    assert found.max_error < 1e-6 * found.scale
    np.testing.assert_allclose(found.jacobian @ DOUT.ravel(), gradient.ravel(), atol=1e-6)
    assert found.jacobian.shape == (6, 6)
    assert found.title == ""


def test_the_slope_of_each_output_is_kept():
    """d out[j] / d x[i] is 2 * sum(x) everywhere, and cos(x) besides where i = j."""
    found = compared(coupled, X, coupled_gradient(X, DOUT), DOUT)
    np.testing.assert_allclose(found.jacobian, 2 * X.sum() + np.diag(np.cos(X).ravel()), atol=1e-6)


def test_the_numbers_of_a_wrong_gradient():
    gradient = coupled_gradient(X, DOUT)
    gradient[1, 2] += 0.5
    gradient[0, 1] -= 0.25
    found = compared(coupled, X, gradient, DOUT)
    assert (found.wrong, found.worst, found.wrong_at_kinks) == (2, (1, 2), 0)
    assert found.max_error == pytest.approx(0.5, abs=1e-5)
    assert found.status == "WRONG"


@pytest.mark.parametrize(("off", "wrong"), [(0.5e-6, 0), (2e-6, 1)])
def test_the_tolerance_is_a_millionth_of_the_largest(off, wrong):
    def f(x):
        return 3.0 * x

    gradient = np.full(X.shape, 3.0)
    gradient[0, 0] += 3 * off
    assert compared(f, X, gradient).wrong == wrong
    assert _tolerance(3.0) == pytest.approx(3e-6 + 1e-9)
    assert compared(lambda x: 0 * x, X, np.full(X.shape, 5e-10)).wrong == 0
    assert compared(lambda x: 0 * x, X, np.full(X.shape, 2e-9)).wrong == 6


def test_a_gradient_that_can_not_be_compared_is_measured_all_the_same():
    for gradient, called in ((None, "gradient missing"), (np.ones(6), "wrong shape"), (X * np.nan, "nan or infinity")):
        found = compared(np.sin, X, gradient, DOUT)
        assert found.called == called
        assert found.message
        np.testing.assert_allclose(found.numeric, np.cos(X) * DOUT, atol=1e-8)
        assert found.scale == pytest.approx(np.abs(np.cos(X) * DOUT).max())
        assert (found.checked, found.wrong) == (0, 0)


def test_a_gradient_in_another_type_is_compared():
    found = compared(lambda x: 3.0 * x, X, np.full(X.shape, 3))
    assert (found.called, found.checked, found.wrong) == ("integer arithmetic", 6, 0)


def test_the_code_s_name_for_a_gradient():
    found = compared(np.sin, X, None, called={"x": "grad"})
    assert found.title == found.label == "grad"
    assert found.message.startswith("grad is None")


def test_what_can_not_be_measured():
    def f(x):
        return np.where(x > 3, np.sqrt(3.5 - x), x)

    with np.errstate(invalid="ignore"):
        found = compared(f, X, np.ones(X.shape))
    assert found.message.startswith("dx can't be measured: f is nan where x[1, 2] is 3.5000")
    missing = compared(f, X, None)
    assert missing.message.startswith("dx is None")


def test_the_step_is_the_caller_s():
    """The curvature of a cube shows with a large step: 3x² + h²."""
    found = compared(lambda x: x**3 + 0 * x.sum(), X, 3 * X**2, h=1e-3)
    np.testing.assert_allclose(found.numeric - 3 * X**2, np.full(X.shape, 1e-6), rtol=1e-3)


def test_the_objective_is_zero_at_x():
    subject = of_functions((lambda x: (x**2, None), lambda dout, cache: dout), (X,), {})
    objective = Objective(subject, Trial(X**2, DOUT), "x", 0)
    assert objective(X) == 0
    assert objective(X + 1) == pytest.approx(((2 * X + 1) * DOUT).sum())
    np.testing.assert_allclose(objective.last, 2 * X + 1)
    np.testing.assert_allclose(objective.before, 0 * X)


# --- samples ---------------------------------------------------------------------------------------------------------------

MANY = np.linspace(-1.0, 2.0, 60).reshape(12, 5)


def test_a_sample_and_a_direction():
    found = compared(np.sin, MANY, np.cos(MANY), most=7)
    assert (found.checked, found.size, found.message, found.doubt) == (7, 60, "", "")
    assert np.isfinite(found.numeric).sum() == 7
    assert found.jacobian is None
    seen = np.isfinite(found.numeric)
    assert found.scale == pytest.approx(np.abs(np.cos(MANY)[seen]).max())
    assert np.argwhere(seen)[:, 0].max() > 6, "they are drawn from all of it"
    all_of_it = compared(np.sin, MANY, np.cos(MANY), most=60)
    assert np.isfinite(all_of_it.numeric).all()
    assert np.isfinite(compared(np.sin, MANY, np.cos(MANY), most=None).numeric).all()


def test_a_mistake_outside_of_the_sample_is_seen_along_the_direction():
    seen = np.isfinite(compared(np.sin, MANY, np.cos(MANY), most=7).numeric)
    wrong = np.where(seen, 1, 1.01) * np.cos(MANY)
    found = compared(np.sin, MANY, wrong, most=7)
    assert found.wrong == 0
    start = "dx: the 7 checked entries are right, but not all of the other 53: along a random direction yours "
    assert found.message.startswith(start)
    yours, numeric = (float(text) for text in found.message[len(start) :].split(", numeric "))
    assert yours != numeric
    assert found.called == ""


def test_a_sample_that_is_wrong_needs_no_direction():
    found = compared(np.sin, MANY, -np.cos(MANY), most=7)
    assert (found.wrong, found.message) == (7, "")


def test_kinks_outside_of_the_sample():
    x = MANY.copy()
    seen = np.isfinite(compared(np.sin, MANY, np.cos(MANY), most=7).numeric)
    x[~seen & (np.arange(60).reshape(12, 5) % 4 == 0)] = 0
    found = compared(np.abs, x, np.sign(x), most=7)
    assert found.message == ""
    assert found.doubt == "of the other 53 some are at kinks: choose inputs without zeros and ties, or max_entries=None"


# --- kinks -----------------------------------------------------------------------------------------------------------------


def test_what_is_at_kinks():
    x = np.array([0.0, 1.0, -1.0, 2.0])
    right = compared(np.abs, x, np.array([0.3, 1, -1, 1]))
    assert right.kinks == {(0,): pytest.approx((-1.0, 1.0))}
    assert (right.wrong, right.wrong_at_kinks, right.doubt) == (0, 0, "")
    assert right.numeric[0] == pytest.approx(0, abs=1e-9)
    wrong = compared(np.abs, x, np.array([1.5, 1, -1, 3]))
    assert (wrong.wrong, wrong.wrong_at_kinks, wrong.worst) == (2, 1, (3,))


def test_more_kinks_than_half_prove_nothing():
    said = "that proves nothing: choose inputs without zeros and ties"
    for zeros, doubt in ((1, ""), (2, ""), (3, said), (4, said)):
        x = np.array([0.0] * zeros + [1.0] * (4 - zeros))
        assert compared(np.abs, x, np.sign(x)).doubt == doubt


def test_ties_that_all_get_the_gradient():
    x = np.array([2.0, 2.0, 1.0, 0.5, 0.25])
    tied = np.array([1.0, 1, 0, 0, 0])
    for gradient in (tied / 2, [1.0, 0, 0, 0, 0]):
        assert compared(np.max, x, np.array(gradient)).message == ""
    found = compared(np.max, x, tied)
    assert found.called == "ties all get the gradient"
    assert found.message == (
        "dx: wrong at kinks (ties, say, each of which gets all the gradient): when the 2 entries at kinks, the first at "
        "(0,), move together, yours is 2, numeric 1"
    )
    assert list(found.kinks) == [(0,), (1,)]
    one = compared(np.abs, np.array([0.0, 1, 2]), np.array([1.0, 1, 1]))
    assert one.message == "", "a single one has nobody to move with"


def line(f):
    return lambda t: (t, f(t))


def test_both_sides():
    sides = measure(line(lambda t: max(-t, 2 * t)), 1e-3)
    assert (sides.left, sides.right) == pytest.approx((-1, 2))
    assert (sides.mean, sides.gap) == pytest.approx((0.5, 3))
    assert Sides(2.0, -1.0).gap == 3


@pytest.mark.parametrize(("analytic", "error"), [(-1.0, 0), (2.0, 0), (0.3, 0), (2.5, 0.5), (-1.25, 0.25)])
def test_the_error_at_a_kink_is_the_way_to_the_next_slope(analytic, error):
    for sign in (1, -1):
        found = examine(line(lambda t, sign=sign: max(-sign * t, 2 * sign * t)), sign * analytic, 1e-6, H)
        assert found.error == pytest.approx(error)
        assert (found.kink.left, found.kink.right) == pytest.approx((-1, 2) if sign > 0 else (-2, 1))
        assert found.numeric == pytest.approx(sign * 0.5)


def test_where_f_is_smooth_the_first_step_is_enough():
    calls = []

    def f(t):
        calls.append(t)
        return 3 * t

    found = examine(line(f), 2.5, 1e-6, H)
    assert (found.numeric, found.error, found.kink) == (pytest.approx(3), pytest.approx(0.5), None)
    assert calls == [-H, H]


def test_steps_get_ten_times_shorter():
    sizes = []

    def f(t):
        sizes.append(abs(t))
        return abs(t)

    examine(line(f), 5, 1e-6, 1e-2)
    assert sorted(set(sizes), reverse=True) == pytest.approx([1e-2, 1e-3, 1e-4, 1e-5])


def test_a_kink_nearby_is_left_behind():
    near = 3e-7
    found = examine(line(lambda t: max(0.0, t - near)), 0.0, 1e-6, H)
    assert (found.error, found.kink) == (0, None)
    wrong = examine(line(lambda t: max(0.0, t - near)), 0.5, 1e-6, H)
    assert (wrong.error, wrong.kink) == (pytest.approx(0.5), None)


def test_a_curve_is_no_kink():
    found = examine(line(lambda t: 3 * t + 100 * t**2), 3.0, 1e-6, H)
    assert found.error < 1e-6
    assert found.kink is None
    assert examine(line(lambda t: 3 * t + 100 * t**2), 3.1, 1e-6, H).error == pytest.approx(0.1, rel=1e-4)


def test_a_jump_or_a_tip_excuses_nothing():
    def jump(t):
        return t + (t > 0)

    for analytic in (1.0, 0.0, 1e5, 5e7):
        found = examine(line(jump), analytic, 1e-6, H)
        assert found.kink is None
        assert found.error > 1

    tip = examine(line(lambda t: abs(t) ** 0.5), 0.0, 1e-6, H)
    assert tip.kink is None
    assert tip.error == pytest.approx(H**-0.5), "the clearest step's slope"
    assert tip.numeric == pytest.approx(0)


# --- numeric ---------------------------------------------------------------------------------------------------------------


def test_slopes_along_a_line():
    assert central(line(lambda t: 3 * t + 7), 0.5) == pytest.approx(3)
    assert central(lambda t: (t * 1.5, 3 * t), 0.5) == pytest.approx(2), "the step really taken counts"
    assert one_sided(line(lambda t: 2 * t if t > 0 else -3 * t), 0.5) == pytest.approx((-3, 2))


def test_lines_through_x():
    along = along_entry(lambda x: float(x[1, 2] ** 2 + x[0, 0]), X, 5, "w")
    step, value = along(0.5)
    assert (step, value) == pytest.approx((0.5, 16.5))
    assert X[1, 2] == 3.5
    direction = along_direction(lambda x: float((x * DOUT).sum()), X, DOUT)
    assert direction(2.0) == pytest.approx((2.0, ((X + 2 * DOUT) * DOUT).sum()))
    with pytest.raises(ValueError, match=r"h = 1e-20 is too small: w\[1, 2\] = 3.5 stays the same when h is added"):
        along(-1e-20)
    with pytest.raises(NotFinite, match="f is nan when v moves by 1 along a direction"):
        along_direction(lambda x: np.nan, X, DOUT, "v")(1)
    with pytest.raises(NotFinite, match=r"f is inf where x\[0, 1\] is -1.0"):
        along_entry(lambda x: np.inf, X, 1)(0.5)


@pytest.mark.parametrize("value", [3, 3.0, np.float32(3), np.array(3), np.int64(3)])
def test_one_number(value):
    assert finite_number(value, "") == 3.0
    assert type(finite_number(value, "")) is float


@pytest.mark.parametrize("h", [0, -1, np.inf, np.nan, "1", None, True])
def test_steps_that_are_none(h):
    with pytest.raises(ValueError, match="numeric_gradient: h must be positive"):
        numeric_gradient(np.sum, X, h=h)


def test_numeric_gradients_are_measured_where_they_are_wanted():
    np.testing.assert_allclose(numeric_gradient(lambda x: (x**3).sum(), X, h=0.1), 3 * X**2 + 0.01, atol=1e-9)
    some = numeric_gradient(lambda x: (x**2).sum(), X, indices=[0, 5])
    np.testing.assert_allclose(some, np.where(np.isin(np.arange(6).reshape(2, 3), [0, 5]), 2 * X, np.nan), atol=1e-8)
    for index in (-1, 6):
        with pytest.raises(ValueError, match=rf"index {index} is not in 0 \.\. 5: x \(2, 3\)"):
            numeric_gradient(np.sum, X, indices=[index])
    assert numeric_gradient(np.sum, X, indices=[]).shape == (2, 3)


def test_float64_copies():
    x = np.asfortranarray(X.astype(np.float32))
    copied = as_float64("x", x)
    assert (copied.dtype, copied.flags.f_contiguous) == (np.float64, True)
    assert not np.shares_memory(as_float64("x", X), X)


# --- slopes that are measured together -------------------------------------------------------------------------------------


def prober(f, x, dout=None):
    subject = of_functions((lambda x: (f(x), None), lambda dout, cache: dout), (x,), {})
    out = subject.forward(subject.copies(), 0)[0]
    return Prober(subject, np.asarray(out), np.ones_like(out) if dout is None else dout, "x", 0)


def drawn():
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("f", "pairs"),
    [
        (lambda x: x**2, [(0, 0), (1, 1)]),
        (lambda x: (x**2).T, [(0, 1), (1, 0)]),
        (lambda x: x.sum(axis=1), [(0, 0)]),
        (lambda x: x.sum(axis=0), [(1, 0)]),
        (lambda x: x + x.sum(), []),
        (lambda x: x[:1] * 2, [(1, 1)]),
    ],
)
def test_which_axes_go_together(f, pairs):
    assert prober(f, X).together(drawn()) == pairs


def test_axes_of_one_slice_are_not_tried():
    calls = []

    def f(x):
        calls.append(1)
        return x * 2

    assert prober(f, np.ones((1, 1))).together(drawn()) == []
    assert len(calls) == 1, "the output itself"


def test_an_axis_has_one_partner():
    assert prober(lambda x: x, np.arange(4.0).reshape(2, 2)).together(drawn()) == [(0, 0), (1, 1)]


def test_code_that_refuses_other_numbers_is_measured_one_by_one():
    def strict(x):
        if np.abs(x - X).max() > 0.01:
            raise ValueError("no")
        return x**2

    assert prober(strict, X).together(drawn()) == []


@pytest.mark.parametrize("keep", [True, False])
def test_slopes_of_a_known_function(keep):
    def f(x):
        return np.where(x > 0, 2 * x, 3 * x) + x**2

    x = np.where(X > 3, 0.0, X)
    found = measure_together(prober(f, x, DOUT), H, drawn(), keep)
    left, right = (np.where(x > 0, 2, 3) + 2 * x) * DOUT, (np.where(x >= 0, 2, 3) + 2 * x) * DOUT
    np.testing.assert_allclose(found.left, left.ravel(), atol=1e-4)
    np.testing.assert_allclose(found.right, right.ravel(), atol=1e-4)
    if keep:
        np.testing.assert_allclose(found.jacobian, np.diag(((left + right) / 2 / DOUT).ravel()), atol=1e-4)
    else:
        assert found.jacobian is None


def test_slopes_of_swapped_axes():
    found = measure_together(prober(lambda x: (x**2).T, X, DOUT.T), H, drawn(), keep=True)
    np.testing.assert_allclose((found.left + found.right) / 2, (2 * X * DOUT).ravel(), atol=1e-8)
    rows = found.jacobian.reshape(2, 3, 3, 2)
    for i, j in np.ndindex(2, 3):
        wanted = np.zeros((3, 2))
        wanted[j, i] = 2 * X[i, j]
        np.testing.assert_allclose(rows[i, j], wanted, atol=1e-8)


def test_what_can_not_be_measured_together():
    assert measure_together(prober(lambda x: x.sum(), X), H, drawn(), keep=True) is None
    assert measure_together(prober(lambda x: x + x.sum(), X), H, drawn(), keep=True) is None
    with np.errstate(invalid="ignore"):
        assert measure_together(prober(lambda x: np.sqrt(x - X.min()), X), H, drawn(), keep=True) is None, "nan to the left"
    assert measure_together(prober(lambda x: x * 1.0, X * 1e20), H, drawn(), keep=True) is None, "h is lost in rounding"


def test_entries_that_move_at_once():
    """Those of one group differ in the paired axes, and no entry is in two groups."""
    entries = np.arange(24).reshape(2, 3, 4)
    for paired in ([0], [1], [2], [0, 2], [2, 1], [0, 1, 2]):
        groups = list(_groups(entries, paired))
        assert sorted(int(k) for group in groups for k in group.ravel()) == list(range(24))
        for group in groups:
            assert group.shape == tuple(entries.shape[axis] for axis in paired)
            others = [np.delete(np.unravel_index(k, entries.shape), paired).tolist() for k in group.ravel()]
            assert all(other == others[0] for other in others)
            for index in np.ndindex(group.shape):
                place = np.unravel_index(group[index], entries.shape)
                assert [place[axis] for axis in paired] == list(index)


@pytest.mark.parametrize(("factor", "fits"), [(1.0, True), (1.0005, True), (1.1, False), (-1.0, False)])
def test_the_direction_measures_once_more(factor, fits):
    one = prober(lambda x: 3 * x, X, DOUT)
    found = measure_together(one, H, drawn(), keep=False)
    scaled = type(found)(found.left * factor, found.right * factor, None)
    assert _fits_direction(one, scaled, H, drawn()) is fits


def test_the_direction_takes_the_slopes_of_its_side():
    one = prober(np.abs, np.zeros((2, 3)), np.arange(1.0, 7).reshape(2, 3))
    found = measure_together(one, H, drawn(), keep=False)
    np.testing.assert_allclose(found.left, -np.arange(1.0, 7))
    np.testing.assert_allclose(found.right, np.arange(1.0, 7))
    swapped = type(found)(found.right, found.left, None)
    assert not _fits_direction(one, swapped, H, drawn())


def test_the_direction_s_step_is_a_tenth():
    sizes = []

    def f(x):
        sizes.append(float(np.abs(x - X).max()))
        return 3 * x

    one = prober(f, X)
    found = type(measure_together(one, H, drawn(), keep=False))(np.full(6, 3.0), np.full(6, 3.0), None)
    assert _fits_direction(one, found, 1e-3, drawn())
    assert sizes[-1] == pytest.approx(1e-4)


def test_a_direction_without_a_number_fits_nothing():
    one = prober(lambda x: np.where(np.abs(x - X).min() > 0, np.nan, x), X)
    zero = np.zeros(6)
    assert not _fits_direction(
        one, type(measure_together(prober(np.sin, X), H, drawn(), False))(zero, zero, None), H, drawn()
    )


# --- how large the gradient is ---------------------------------------------------------------------------------------------


def test_a_scale_that_a_jump_had_made_too_large_is_taken_back():
    result = ArgumentResult("x", np.ones(2), np.array([1.0, 0.5]), size=2)
    result.scale = 2.5
    analytic = np.array([1.0, 0.5 + 2e-6])  # wrong beside 1, not beside 2.5
    _compare(result, lambda x: float(x @ [1.0, 0.5]), np.ones(2), analytic, np.arange(2), np.zeros(2), H)
    assert result.scale == 1
    assert result.wrong == 1
