"""The small parts of a check: its inputs, notes, ties, references, and what it asks of its arguments."""

import numpy as np
import pytest

from scratchnet.gradcheck import check, generic
from scratchnet.gradcheck.catalogue import NOT_A_BUG
from scratchnet.gradcheck.check import _finding
from scratchnet.gradcheck.inputs import vary_fresh
from scratchnet.gradcheck.learners import of_functions
from scratchnet.gradcheck.notes import _are_ties, notes_on
from scratchnet.gradcheck.protocol import Trial
from scratchnet.gradcheck.references import compare_output
from scratchnet.gradcheck.report import ArgumentResult, Report
from scratchnet.gradcheck.ties import _picks, check_ties
from scratchnet.layers import Dropout, ReLU
from scratchnet.optim import SGD

X = np.array([[0.5, -1.5, 2.5], [-0.25, 1.25, 3.5]])


# --- inputs ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 20, 101])
def test_generic_numbers_are_apart(size):
    for seed in range(5):
        x = generic((size,), np.random.default_rng(seed))
        half = (size + 1) // 2
        apart = np.sort(x) * half / 2  # one to each place of width 1, in its middle half
        np.testing.assert_array_equal(np.floor(apart), np.arange(-half, half)[:size])
        inside = apart - np.floor(apart)
        assert inside.min() >= 0.25
        assert inside.max() <= 0.75
    assert size < 20 or not np.array_equal(x, np.sort(x))


def test_generic_numbers_are_drawn():
    first, again, other = (generic((3, 4), np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(np.sort(first.ravel()), np.sort(other.ravel()))
    assert generic([2, 3], np.random.default_rng(0)).shape == (2, 3)
    assert generic((), np.random.default_rng(0)).shape == ()
    assert generic((0, 3), np.random.default_rng(0)).shape == (0, 3)


@pytest.mark.parametrize("shape", [5, (2.0,), (-1,), "ab", None, (True,)])
def test_shapes_that_are_none(shape):
    with pytest.raises(ValueError, match="generic: shape must be a tuple of integers"):
        generic(shape, np.random.default_rng(0))
    with pytest.raises(TypeError, match="generic: rng"):
        generic((2,), 5)


@pytest.mark.parametrize(
    ("start", "varied"),
    [([0, 0, 0], True), ([1, 1, 1], True), ([2, 2, 2], False), ([0, 0, 1], False), ([-1, -1, -1], False)],
)
def test_fresh_parameters_are_moved_apart(start, varied):
    array = np.array(start, float)
    vary_fresh(array, np.random.default_rng(0))
    moved = np.abs(array - start)
    assert (np.unique(moved).size == 3) is varied
    assert moved.max() <= 0.3
    many = np.zeros(200)
    vary_fresh(many, np.random.default_rng(0))
    assert -0.3 <= many.min() < -0.25
    assert 0.25 < many.max() <= 0.3


# --- notes -----------------------------------------------------------------------------------------------------------------


def result(analytic, numeric, name="x", **found):
    numeric = np.asarray(numeric, float)
    whole = {"checked": numeric.size, "size": numeric.size, "scale": float(np.abs(numeric).max())}
    analytic = None if analytic is None else np.asarray(analytic, float)
    return ArgumentResult(name, analytic, numeric, **{**whole, **found})


def notes(found, args=(X,), x=X, trial=None, subject=None, problems=()):
    subject = subject or of_functions((np.sin, lambda dout, x: dout), (x,), {})
    return notes_on(subject, trial or Trial(1.0, 1.0), Report("f", {"x": found} if found else {}, list(problems)), args)


GOOD = result(X, X)


def test_nothing_to_note():
    assert notes(GOOD) == []


def test_what_was_assumed_is_said_of_wrong_code():
    subject = of_functions((np.sin, lambda dout, x: dout), (X,), {})
    subject.assumed.append("it was so")
    assert notes(GOOD, subject=subject) == []
    assert notes(GOOD, subject=subject, problems=["p"]) == ["it was so"]


def test_kinks_are_no_mistake():
    x = np.array([0.0, 1.0, 2.0, 2.0])
    one = result([1.0] * 4, [1.0] * 4, kinks={(0,): (0, 1)})
    assert notes(one, x=x) == [f"dx at 1 kinks, no mistake: {NOT_A_BUG['kink']}"]
    tied = result([1.0] * 4, [1.0] * 4, kinks={(2,): (0, 1), (3,): (0, 1)})
    assert notes(tied, x=x) == [f"dx at 2 kinks, no mistake: {NOT_A_BUG['tie']}"]
    apart = result([1.0] * 4, [1.0] * 4, kinks={(1,): (0, 1), (3,): (0, 1)})
    assert notes(apart, x=x) == [f"dx at 2 kinks, no mistake: {NOT_A_BUG['kink']}"]
    lone = result([1.0] * 4, [1.0] * 4, kinks={(3,): (0, 1)})
    assert notes(lone, x=x) == [f"dx at 1 kinks, no mistake: {NOT_A_BUG['kink']}"], "nobody it is tied with is at a kink"
    wrong = result([1.0] * 4, [1.0] * 4, kinks={(0,): (0, 1)}, wrong=1, wrong_at_kinks=1)
    assert notes(wrong, x=x) == []


def test_what_is_a_tie():
    x = np.array([0.0, 0.0, 2.0, 2.0 + 1e-10, 3.0, 3.0 + 1e-8])
    assert _are_ties(result(x, x, kinks={(2,): (0, 1), (3,): (0, 1)}), x)
    assert not _are_ties(result(x, x, kinks={(4,): (0, 1), (5,): (0, 1)}), x)
    assert not _are_ties(result(x, x, kinks={(2,): (0, 1), (4,): (0, 1)}), x)
    assert not _are_ties(result(x, x, kinks={(0,): (0, 1), (1,): (0, 1)}), x), "zeros of a ReLU are no ties"


def test_gradients_that_are_as_good_as_zero():
    assert notes(result([[0.0]], [[0.0]])) == [f"dx is 0, no mistake: {NOT_A_BUG['flat loss']}"]
    assert notes(result([[0.5e-9]], [[0.9e-9]])) == [f"dx is 0, no mistake: {NOT_A_BUG['flat loss']}"]
    assert notes(result([[1e-7]], [[0.0]])) == [f"dx is at most 1e-07: {NOT_A_BUG['tiny gradient']}"]
    assert notes(result([[0.0]], [[-3e-7]])) == [f"dx is at most 3e-07: {NOT_A_BUG['tiny gradient']}"]
    assert notes(result([[2e-6]], [[2e-6]])) == []
    assert notes(result([[0.0]], [[0.0]], wrong=1)) == notes(result([[1e-7]], [[1e-7]], wrong=1)) == []


def test_what_was_not_compared_is_not_noted():
    assert notes(result([[0.0]], [[0.0]], message="m")) == []
    assert notes(result([[0.0]], [[0.0]], checked=0)) == []
    assert notes(result(None, [[0.0]])) == []
    two = of_functions((lambda x, w: x, lambda dout, x, w: dout), (X, X), {})
    report = Report("f", {"x": result(None, [[0.0]]), "w": result([[0.0]], [[0.0]], "w")})
    assert len(notes_on(two, Trial(1.0, 1.0), report, (X,))) == 1, "the next one is"


def test_float32_is_checked_in_float64():
    said = [f"checked in float64: {NOT_A_BUG['float32 rounding']}"]
    assert notes(GOOD, args=(X, X.astype(np.float32))) == said
    for args in ((X,), (np.array([1]),), ([1.0],), (3.0,), ()):
        assert notes(GOOD, args=args) == []


def test_the_gradient_of_the_sum():
    def square(x, w):
        return x * x * w

    subject = of_functions((square, lambda x, w: (2 * x * w, x * x)), (X, X), {})
    said = "checked as the gradient of square(x, w).sum(), since backward takes no upstream gradient"
    assert notes(None, trial=Trial(X, X), subject=subject) == [said]
    assert notes(None, trial=Trial(1.0, 1.0), subject=subject) == []
    assert notes(None, trial=Trial(np.ones(1), 1.0), subject=subject) == []
    subject.title = "<lambda>"
    assert "gradient of f(x, w).sum()" in notes(None, trial=Trial(X, X), subject=subject)[0]


def test_targets_that_need_no_gradient():
    def lacking(out, *args, **gradients):
        subject = of_functions((lambda a, b, c: a, lambda dout, a, b, c: dout), args, {})
        return notes(None, trial=Trial(out, out, {"a": 1, **gradients}), subject=subject)

    whole = np.eye(2)
    one = "labels, targets and settings need no gradient: if b is one of these, hand it over by name, options={'b': b}"
    both = "labels, targets and settings need no gradient: if b and c are such, hand them over by name, "
    both += "options={'b': b, 'c': c}"
    assert lacking(1.0, X, X, X, c=1) == [one]
    assert lacking(1.0, X, X, X) == [both]
    assert lacking(X, X, X, X) == []
    assert lacking(X, X, whole, X) == [one]
    assert lacking(1.0, X, X, X, b=1, c=1) == []
    subject = of_functions((lambda a, b: a, lambda dout, a, b: dout), (X, X), {})
    assert notes(None, trial=Trial(1.0, 1.0), subject=subject) == [], "backward did not run"
    assert notes(None, trial=Trial(1.0, 1.0, {"b": 1}), subject=subject) == [], "the first one always wants a gradient"


# --- ties ------------------------------------------------------------------------------------------------------------------


def pooled(give):
    """Pairs of columns; ``give(pairs, best)`` is the share of dout that each of the two gets."""

    def forward(x):
        pairs = x.reshape(len(x), -1, 2)
        return pairs.max(axis=-1), pairs

    def backward(dout, pairs):
        return (dout[..., None] * give(pairs, pairs.max(axis=-1, keepdims=True))).reshape(len(pairs), -1)

    return forward, backward


def first(pairs, best):
    return np.eye(2)[pairs.argmax(axis=-1)]


def shared(pairs, best):
    return (pairs == best) / (pairs == best).sum(axis=-1, keepdims=True)


def every(pairs, best):
    return 1.0 * (pairs == best)


def strictly(pairs, best):
    return 1.0 * (pairs > pairs[..., ::-1])


def tie_trial(pair, x=None, passed=True, jacobian=True):
    x = np.array([[0.2, 1.3, -0.4, 2.2], [1.1, 0.3, 0.8, -1.4]]) if x is None else x
    subject = of_functions(pair, (x,), {})
    out, _ = subject.forward(subject.copies(), 0)
    slopes = np.zeros((x.size, out.size))
    for k in range(out.size):
        slopes[2 * k + int(x.ravel()[2 * k + 1] > x.ravel()[2 * k]), k] = 1
    found = result(x, x, jacobian=slopes if jacobian else None, wrong=int(not passed))
    trial = Trial(out, np.ones_like(out))
    check_ties(subject, trial, {"x": found}, 0)
    return trial, found


@pytest.mark.parametrize("give", [first, shared])
def test_ties_that_get_the_gradient_once(give):
    trial, found = tie_trial(pooled(give))
    assert (trial.findings, found.message, found.elsewhere) == ([], "", False)


@pytest.mark.parametrize(
    ("give", "ratio", "name"), [(every, "2", "ties all get the gradient"), (strictly, "0", "wrong winner")]
)
def test_ties_that_get_it_more_or_less_often(give, ratio, name):
    trial, found = tie_trial(pooled(give))
    (finding,) = trial.findings
    said = f"with ties in the input the gradient adds up to {ratio} times dout, wanted dout itself"
    assert (finding.name, finding.evidence, finding.weight, finding.explains) == (name, said, 0.95, ("x",))
    assert (found.message, found.elsewhere) == (said, True)
    assert trial.problems == [said]


def test_only_of_what_is_right_and_picks():
    for keywords in ({"passed": False}, {"jacobian": False}):
        assert tie_trial(pooled(every), **keywords)[0].findings == []
    subject = of_functions(pooled(every), (X[:, :2],), {})
    trial = Trial(np.ones((2, 1)), np.ones((2, 1)))
    check_ties(subject, trial, {"x": GOOD, "w": GOOD}, 0)
    check_ties(subject, trial, {}, 0)
    assert trial.findings == [], "not of an operation with two arguments, or none"


def test_rounded_inputs_are_tried_where_zeros_show_nothing():
    def all_but_zeros(pairs, best):
        return every(pairs, best) if pairs.any() else first(pairs, best)

    trial, _ = tie_trial(pooled(all_but_zeros), np.array([[1.2, 0.9, -0.4, 2.2], [1.1, 0.3, 0.8, -1.4]]))
    assert "adds up to 1.25 times dout" in trial.problems[0]


def test_a_backward_that_fails_on_ties_is_let_off():
    def fails(pairs, best):
        if not pairs.any():
            raise ValueError("zeros")
        return first(pairs, best)

    assert tie_trial(pooled(fails))[0].findings == []
    forward, _ = pooled(first)
    for gradient in (None, np.ones(3), [1.0]):
        assert tie_trial((forward, lambda dout, pairs, gradient=gradient: gradient))[0].findings == []


def test_a_forward_that_does_not_follow_a_shift_is_no_pool():
    forward, backward = pooled(every)
    assert tie_trial((lambda x: (2 * forward(x)[0], forward(x)[1]), backward))[0].findings == []


def test_what_picks():
    identity = np.eye(4)
    assert _picks(identity[:, :2], 2)
    assert not _picks(identity, 4), "as many outputs as entries"
    assert not _picks(2 * identity[:, :2], 2)
    assert not _picks(identity[:, :2] + identity[:, 1:3], 2)
    assert not _picks(0 * identity[:, :2], 2)
    assert _picks(identity[:, :2] + 5e-7, 2)
    assert not _picks(identity[:, :2] + 1e-5, 2)


# --- references ------------------------------------------------------------------------------------------------------------


def referred(out, reference, args=(X,), options=None):
    subject = of_functions((lambda *xs, **more: (out, None), lambda dout, cache: dout), args, options or {})
    trial = Trial(out, np.ones_like(out))
    compare_output(subject, trial, reference, options or {})
    return trial.problems


def double(x0, scale=2.0):
    return scale * x0


def test_a_right_forward():
    assert referred(2 * X, double) == []
    assert referred(2 * X * (1 + 5e-8), double) == []
    assert referred(3 * X, double, options={"scale": 3.0}) == []
    assert referred(2 * X, lambda x: (2 * x, "a cache")) == []
    relu = [np.maximum(X, 0), "relu"]
    assert referred(*relu) == []


def test_a_wrong_forward():
    out = 2 * X
    out[0, 1] += 0.5
    out[1, 2] += 0.25
    assert referred(out, double) == [
        "forward differs from double in 2 of 6 outputs; at (0, 1) it gives -2.5, double gives -3"
    ]
    assert referred(X, "relu") == ["forward differs from relu in 2 of 6 outputs; at (0, 1) it gives -1.5, relu gives 0"]
    assert referred(np.float64(3.0), lambda x: x.sum() + 1) == [f"forward gives 3, <lambda> gives {X.sum() + 1:.6g}"]
    assert referred(X[:1], double) == ["forward's output is (1, 3), double's for these arguments (2, 3)"]
    small = 2 * X
    small[1, 2] += 5e-6
    assert "in 1 of 6 outputs; at (1, 2)" in referred(small, double)[0]


def test_the_reference_changes_nothing():
    def greedy(x):
        x *= 2
        return x

    before = X.copy()
    assert referred(2 * X, greedy) == []
    np.testing.assert_array_equal(X, before)


def test_operations_of_which_the_arguments_do_not_tell_the_output():
    for name in ("dropout", "residual", "im2col", "momentum"):
        assert referred(X, name) == []
    with pytest.raises(ValueError, match=r"reference must be a function or one of .*relu.*, got 'rely'"):
        referred(X, "rely")


# --- what the check asks of its arguments, and what it makes of a gradient's form ------------------------------------------


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"h": 0}, "h must be positive, got 0"),
        ({"h": -1e-5}, "h must be positive"),
        ({"h": np.inf}, "h must be positive"),
        ({"h": "1"}, "h must be positive, got '1'"),
        ({"seed": -1}, r"seed must be an integer in 0 \.\. 2\*\*63 - 1, got -1"),
        ({"seed": 2**63}, "seed must be an integer"),
        ({"seed": 0.5}, "seed must be an integer"),
        ({"options": [1]}, r"options must be a dict, got \[1\]"),
        ({"max_entries": 0}, "max_entries must be positive or None, got 0"),
        ({"max_entries": 1.5}, "max_entries must be positive or None"),
    ],
)
def test_arguments_that_make_no_check(keywords, message):
    with pytest.raises(ValueError, match=f"check: {message}"):
        check(ReLU(), X, **keywords)


@pytest.mark.parametrize("shape", [5, (2, 0), (2.0, 3), "ab"])
def test_shapes_that_make_no_check(shape):
    with pytest.raises(ValueError, match="check: shape must be a tuple of integers"):
        check(ReLU(), shape=shape)


def test_the_smallest_arguments():
    assert check(ReLU(), X, h=1e-4, seed=0, options=None, max_entries=1)
    assert check(ReLU(), shape=[1, 1])
    assert check(Dropout(0.5), shape=(3, 4), train=False).results["x"].analytic.shape == (3, 4)


def test_what_is_no_target():
    class Half:
        def forward(self, x):
            return x

    for target in (Half(), Half, 5, double):
        with pytest.raises(ValueError, match="target, the first argument, must be a layer, a loss, a class with forward"):
            check(target, X)
    for target in ((double,), (double, double, double), (double, 5)):
        with pytest.raises(ValueError, match="wanted two functions in brackets"):
            check(target, X)
    with pytest.raises(ValueError, match="options are for functions and classes"):
        check(ReLU(), X, options={"pad": 1})
    with pytest.raises(ValueError, match="shape draws a layer's input, but target is"):
        check((double, double), shape=(2, 3))

    class Own(ReLU):
        def forward(self, x, *, train=False, rng=None):
            return super().forward(x, train=train, rng=rng)

    with pytest.raises(ValueError, match=r"Own is a class; make an instance, as in Own\(\)"):
        check(Own, X)


def test_a_step_s_options_and_seed_are_handed_on():
    given = []

    def step(w, g, lr):
        given.append((w.copy(), lr))
        return w - lr * g

    assert check(step, reference=SGD(0.1), options={"lr": 0.1})
    assert check(step, reference=SGD(0.1), options={"lr": 0.1}, seed=3)
    assert all(lr == 0.037 for _, lr in given)
    assert not np.array_equal(given[0][0], given[4][0])


def form(called, gradient, raw=None, settings=None, name="x", x=X):
    subject = of_functions((double, double), (x,), {})
    subject.settings = settings or {}
    subject.arrays = {name: x}
    trial = Trial(None, None, {name: gradient if raw is None else raw})
    found = _finding(subject, trial, result(gradient, X, name, message="m", called=called))
    assert (found.name, found.evidence, found.explains) == (called, "m", (name,))
    return found.weight, found.variant


def test_how_sure_a_gradient_s_form_is():
    assert form("nan or infinity", X) == (0.96, "")
    assert form("wrong shape", X[:1]) == form("gradient missing", None) == (0.85, "")
    mask = form("integer arithmetic", X, raw=X > 0)
    assert form("integer arithmetic", X, raw=X.astype(int)) > mask > (0.85, "")


def test_an_empty_slice_is_told_where_nothing_is_padded():
    empty = np.ones((2, 0))
    for settings, variant in (
        ({"pad": 0.0}, "empty slice"),
        ({"Padding": 0.0, "size": 2.0}, "empty slice"),
        ({"pad_x": 0.0, "pad_y": 1.0}, ""),
        ({"pad": 1.0}, ""),
        ({"size": 0.0}, ""),
        ({}, ""),
    ):
        assert form("wrong shape", empty, settings=settings) == (0.96 if variant else 0.85, variant)
    assert form("wrong shape", X[:1], settings={"pad": 0.0}) == (0.85, "")
    assert form("nan or infinity", empty, settings={"pad": 0.0}) == (0.96, "")
    assert form("wrong shape", None, settings={"pad": 0.0}) == (0.85, "")


def test_a_name_that_is_not_defined_is_said_to_be_one():
    def forward(x):
        return undefined_weights * x, x  # noqa: F821

    report = check((forward, lambda dout, cache: dout), X)
    assert "stops at a name that is not defined" in str(report)
