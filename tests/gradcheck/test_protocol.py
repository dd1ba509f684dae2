"""What a pair of passes must keep to: each rule broken alone, and what is then said of it."""

import numpy as np
import pytest

from scratchnet.gradcheck.learners import PlainCall, of_functions
from scratchnet.gradcheck.protocol import (
    Trial,
    _holds_generator,
    _parts,
    _snapshot,
    _unchanged,
    judge_first_call,
    read_gradient,
    same,
    try_out,
    upstream,
)
from scratchnet.gradcheck.subject import CodeRaised, Malformed, Subject
from scratchnet.rng import Purpose, stream

X = np.array([[0.5, -1.5, 2.5], [-0.25, 1.25, 3.5]])


def tried(forward, backward, *args, options=None, seed=0, **changes):
    subject = of_functions((forward, backward), args or (X,), options or {})
    for name, value in changes.items():
        setattr(subject, name, value)
    return try_out(subject, np.random.default_rng(seed), seed)


def noted(trial):
    """(name, problem, weight) of each finding."""
    return [(finding.name, finding.evidence, finding.weight) for finding in trial.findings]


def square(x):
    return x**2, x


def square_back(dout, x):
    return 2 * dout * x


IN_PLACE = "changes {} in place, which others may still need: work on a copy"


# --- a trial ---------------------------------------------------------------------------------------------------------------


def test_right_code_is_tried_without_a_word():
    trial = tried(square, square_back)
    assert trial.problems == trial.findings == trial.doubled == []
    assert not trial.raised
    np.testing.assert_allclose(trial.out, X**2)
    np.testing.assert_allclose(trial.gradients["x"], 2 * trial.dout * X)
    assert trial.dout.shape == X.shape
    assert np.unique(trial.dout).size == X.size


def test_the_upstream_gradient_hides_nothing():
    rng = np.random.default_rng(0)
    array = upstream(np.ones((2, 3)), rng)
    assert array.shape == (2, 3)
    assert (array < 0).any()
    factors = [upstream(1.0, rng) for _ in range(50)]
    assert all(isinstance(factor, float) and 1.5 <= factor <= 2.5 for factor in factors)
    assert max(factors) - min(factors) > 0.8


def test_without_an_upstream_gradient_it_is_one():
    trial = tried(lambda x: x**2, lambda x: 2 * x)
    np.testing.assert_array_equal(trial.dout, np.ones((2, 3)))
    number = tried(lambda x: float((x**2).sum()), lambda x: 2 * x)
    assert number.dout == 1
    assert np.shape(number.dout) == ()


def test_out_and_gradients_are_copies():
    kept = []

    def forward(x):
        kept.append(x**2)
        return kept[-1], x

    def backward(dout, x):
        kept.append(2 * dout * x)
        return kept[-1]

    trial = tried(forward, backward)
    for array in (trial.out, trial.gradients["x"]):
        assert not any(np.shares_memory(array, other) for other in kept)


def test_a_note_is_a_problem_and_a_finding():
    trial = Trial(None, None)
    trial.note("transposed", "p")
    trial.note("gradient missing", "q", 0.5, ("x",), "v")
    assert trial.problems == ["p", "q"]
    first, second = trial.findings
    assert (first.name, first.evidence, first.weight, first.explains, first.variant) == ("transposed", "p", 1.0, (), "")
    assert (second.weight, second.explains, second.variant) == (0.5, ("x",), "v")
    assert not trial.raised
    trial.note("raises an error", "r")
    assert trial.raised


# --- in place --------------------------------------------------------------------------------------------------------------


def test_forward_that_changes_its_input():
    def forward(x):
        x *= 2
        return x, x.copy()

    trial = tried(forward, lambda dout, x: 2 * dout)
    assert noted(trial) == [("input changed in place", "forward " + IN_PLACE.format("x"), 1.0)]


def test_backward_that_changes_an_input():
    def backward(dout, x):
        dx = 2 * dout * x
        x[0, 0] = 9.0
        return dx

    first, second = noted(tried(square, backward))
    assert first == ("input changed in place", "backward " + IN_PLACE.format("x"), 1.0)
    again = "a second call of backward gives another result (dx): the first one changes the cache"
    assert second == ("input changed in place", again, 1.0)


def test_what_forward_has_changed_is_not_blamed_on_backward():
    def forward(x):
        np.maximum(x, 0, out=x)
        return x, x

    trial = tried(forward, lambda dout, x: dout * (x > 0))
    assert [problem.split()[0] for problem in trial.problems] == ["forward"]


def test_backward_that_changes_dout():
    def backward(incoming, x):
        incoming *= 2 * x
        return incoming

    trial = tried(square, backward)
    assert noted(trial) == [("dout changed in place", "backward " + IN_PLACE.format("incoming"), 1.0)]
    np.testing.assert_allclose(trial.gradients["x"], 2 * trial.dout * X, err_msg="it got a copy")


# --- a second call ---------------------------------------------------------------------------------------------------------


def adding_up(factor=1.0):
    total = np.zeros((2, 3))

    def backward(dout, x):
        total[...] += factor * 2 * dout * x
        return total

    return backward


def test_gradients_that_add_up():
    trial = tried(square, adding_up())
    said = "a second call of backward gives dx exactly twice as large"
    assert noted(trial)[0] == ("accumulated over calls", said, 1.0)
    assert trial.findings[0].variant == "added up"
    assert trial.doubled == ["x"]


def test_the_first_of_two_calls_is_judged_when_it_is_measured():
    for right, told in ((["x", "w"], True), (["x"], True), (["w"], False), ([], False)):
        trial = tried(square, adding_up())
        judge_first_call(trial, right)
        said = "a second call of backward gives dx exactly twice as large" + "; the first call was right" * told
        assert trial.problems[0] == trial.findings[0].evidence == said
        assert trial.findings[0].variant == "added up"
    nothing = Trial(None, None, problems=["p"])
    judge_first_call(nothing, [])
    assert nothing.problems == ["p"]


def test_only_what_adds_up_is_judged():
    trial = Trial(None, None, doubled=["x"])
    trial.note("transposed", "before")
    trial.note("accumulated over calls", "twice", variant="added up")
    judge_first_call(trial, ["x"])
    assert trial.problems == ["before", "twice; the first call was right"]
    assert [finding.evidence for finding in trial.findings] == trial.problems


def test_a_second_call_that_is_something_else():
    def counts(dout, cache):
        cache[1] += 1
        return 2 * dout * cache[0] * cache[1] ** 2

    said = "a second call of backward gives another result (dx): something outlives the call"
    assert noted(tried(lambda x: (x**2, [x, 0]), counts)) == [("accumulated over calls", said, 0.9)]


def test_only_one_of_two_gradients_grows():
    total = np.zeros((2, 3))

    def backward(dout, cache):
        x, w = cache
        total[...] += dout * x
        return dout * w, total

    trial = tried(lambda x, w: (x * w, (x, w)), backward, X, X + 1)
    assert trial.doubled == ["w"]
    assert "gives dw exactly twice" in trial.problems[0]


def test_a_cache_that_is_used_up():
    trial = tried(lambda x: (x**2, [x]), lambda dout, cache: 2 * dout * cache.pop())
    said = "a second call of backward raises IndexError: the first one changes the cache"
    assert noted(trial) == [("input changed in place", said, 1.0)]


def test_a_second_call_that_returns_nothing_of_use():
    calls = []

    def backward(dout, x):
        calls.append(1)
        return 2 * dout * x if len(calls) == 1 else None

    assert "a second call of backward gives another result (dx)" in tried(square, backward).problems[0]


def test_random_numbers_of_backward_s_own():
    source = np.random.default_rng(5)

    def backward(dout, cache):
        return dout * source.random(dout.shape)

    said = "a second call of backward gives another result (dx): it draws random numbers of its own"
    assert noted(tried(square, backward))[0] == ("random numbers drawn again", said, 1.0)

    def from_the_cache(dout, cache):
        return dout * cache[1].random(dout.shape)

    trial = tried(lambda x, rng: (x**2, (x, rng)), from_the_cache)
    assert noted(trial) == [("random numbers drawn again", said, 1.0)]


def test_a_stale_cache():
    kept = {}

    def forward(x):
        kept["x"] = x
        return x**2, None

    said = "backward gives another result (dx) when another forward came in between: what it needs must be in the cache, "
    said += "nowhere else"
    assert noted(tried(forward, lambda dout, cache: 2 * dout * kept["x"])) == [("stale cache", said, 1.0)]


def test_a_stale_cache_is_less_certain_after_a_second_call_that_differs():
    total, kept = np.zeros((2, 3)), {}

    def forward(x):
        kept["x"] = x
        return x**2, None

    def backward(dout, cache):
        total[...] += 2 * dout * kept["x"]
        return total

    found = {name: weight for name, _, weight in noted(tried(forward, backward))}
    assert found == {"accumulated over calls": 1.0, "stale cache": 0.5}


def test_the_forward_in_between_has_other_numbers_and_another_seed():
    seen = []

    def forward(x, labels, rng):
        seen.append((x.copy(), labels.copy(), rng.random()))
        return x**2, x

    tried(forward, square_back, options={"labels": np.array([2, 0])}, seed=4)
    usual = stream(4, Purpose.GRADCHECK, step=1).random()
    odd = [(x, labels) for x, labels, drawn in seen if drawn != usual]
    assert len(odd) == 1
    assert not np.array_equal(odd[0][0], X)
    np.testing.assert_array_equal(np.sort(odd[0][0].ravel()), np.sort(X.ravel()), "the same numbers in another order")
    np.testing.assert_array_equal(odd[0][1], [2, 0])
    assert [drawn for _, _, drawn in seen if drawn != usual] == [stream(5, Purpose.GRADCHECK, step=1).random()]


def test_what_backward_raises_does_not_end_the_trial():
    trial = tried(square, lambda dout, cache: undefined)  # noqa: F821
    assert trial.raised
    assert trial.findings[0].variant == "a name"
    assert trial.gradients == {}
    assert trial.problems[0].startswith("backward raises NameError")
    np.testing.assert_allclose(trial.out, X**2)


def test_complaints():
    lacking = tried(lambda x, w: (x * w, w), lambda dout, w: dout * w, X, X)
    assert noted(lacking) == [("gradient missing", "backward returned 1 gradient, wanted 2: (dx, dw)", 0.9)]
    too_many = tried(square, lambda dout, x: (2 * dout * x, 1))
    assert noted(too_many) == [("wrong return value", "backward returned 2 gradients, wanted 1: (dx,)", 0.9)]


# --- need_dx ---------------------------------------------------------------------------------------------------------------


def test_without_dx_the_other_gradients_are_the_same():
    def forward(x, w, b):
        return x * w + b, (x, w)

    def backward(dout, cache, need_dx=True, off=0.0):
        x, w = cache
        return (dout * w if need_dx else None), dout * x * (1 + off * (not need_dx)), dout

    assert tried(forward, backward, X, X, X).problems == []
    trial = tried(forward, lambda dout, cache, need_dx=True: backward(dout, cache, need_dx, 1e-3), X, X, X)
    assert trial.problems == ["with need_dx=False backward gives another dw: it may leave out dx, nothing else"]
    assert trial.findings == []

    def fails(dout, cache, need_dx=True):
        return backward(dout, cache)[: 3 if need_dx else 1 / 0]

    assert "backward(need_dx=False) raises ZeroDivisionError" in tried(forward, fails, X, X, X).problems[0]


# --- forward ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("out", "message", "diagnosis"),
    [
        ([1.0], r"forward must return an array \(or a loss: one number\) and the cache, got a list of 1", "wrong return"),
        (None, "forward must return an array .*, got None", "wrong return value"),
        (True, "forward must return an array .*, got bool", "wrong return value"),
        (np.ones(2) * 1j, "forward must return an array .*, got an array", "wrong return value"),
        (np.ones(2, np.float32), "out is float32 though every input is float64", "precision lost"),
        (np.float16(2), "out is float16", "precision lost"),
        (np.ones(2, int), "out is int64", "integer arithmetic"),
        (np.array([[1.0, 2.0], [np.inf, np.nan]]), r"out is not finite: inf at \(1, 0\)$", "nan or infinity"),
        (float("nan"), r"out is not finite: nan at \(\)$", "nan or infinity"),
    ],
)
def test_what_can_not_be_differentiated(out, message, diagnosis):
    with pytest.raises(Malformed, match=message) as raised:
        tried(lambda x: (out, x), square_back)
    assert raised.value.diagnosis.startswith(diagnosis)


def test_numbers_of_python_are_numbers():
    assert tried(lambda x: (3, x), lambda dout, x: 0 * x).out == 3
    assert tried(lambda x: (np.float64(3), x), lambda dout, x: 0 * x).out == 3


def test_a_loss_is_one_number():
    with pytest.raises(Malformed, match=r"the loss must be one number, got an array \(2, 3\)"):
        tried(square, square_back, is_loss=True)
    assert tried(lambda x: (float(x.sum()), x), lambda dout, x: dout * np.ones((2, 3)), is_loss=True).problems == []


def test_forward_is_to_repeat_itself():
    calls = []

    def forward(x):
        calls.append(1)
        return x * len(calls), x

    with pytest.raises(Malformed, match="forward is not repeatable: the same input gives another") as raised:
        tried(forward, lambda dout, x: dout)
    assert raised.value.diagnosis == "forward not repeatable"


def test_what_forward_raises_ends_the_trial():
    with pytest.raises(CodeRaised, match="forward raises ZeroDivisionError"):
        tried(lambda x: 1 / 0, square_back)


# --- float32 ---------------------------------------------------------------------------------------------------------------


def rounds(x):
    return x.astype(np.float32).astype(np.float64)


def test_a_forward_that_computes_in_float32_is_found():
    trial = tried(lambda x: (rounds(x) * 2, x), lambda dout, x: 2 * dout)
    name, said, weight = noted(trial)[0]
    assert (name, weight) == ("precision lost", 1.0)
    assert said.startswith("a change of x by 1e-10 of itself is lost on its way to 6 of 6 outputs: somewhere in forward is")
    assert len(trial.findings) == 1


@pytest.mark.parametrize(
    ("forward", "lost"),
    [
        (lambda x: (x[:1, :1] * 2).copy(), 0),
        (lambda x: rounds(x)[:1, :1] * 2, 1),
        (lambda x: np.concatenate([rounds(x)[0], x[1]]), 0),  # half of six get through
        (lambda x: np.concatenate([rounds(x).ravel()[:4], x.ravel()[4:]]), 4),
        (lambda x: np.concatenate([rounds(x)[0], x[1, :0]]), 3),
        (lambda x: np.concatenate([rounds(x)[0, :2], x[1, :1]]), 0),  # of so few one is enough
        (lambda x: np.where(x > 0, x, 0.0), 0),
        (lambda x: np.floor(x), 0),  # feels neither change
    ],
)
def test_how_much_must_be_lost(forward, lost):
    trial = tried(lambda x: (forward(x), x), lambda dout, x: x * 0)
    said = [evidence for name, evidence, _ in noted(trial) if name == "precision lost"]
    assert len(said) == bool(lost)
    if lost:
        assert f"its way to {lost} of " in said[0]


def test_an_argument_that_forward_refuses_when_it_moves_is_let_off():
    def strict(x):
        assert np.abs(x - X).max() < 1e-6
        return rounds(x), x

    assert tried(strict, lambda dout, x: dout).findings == []

    def grows(x):
        return (x if np.abs(x - X).max() < 1e-6 else np.ones(7)), x

    assert tried(grows, lambda dout, x: dout).findings == []


def test_the_argument_that_loses_digits_is_named():
    def forward(x, w):
        return x + rounds(w), x

    trial = tried(forward, lambda dout, x: (dout, dout), X, X)
    assert [problem[:16] for problem in trial.problems] == ["a change of w by"]


# --- comparing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "alike"),
    [
        (1.0, 1.0, True),
        (1, 1.0, True),
        (1.0, 1.0 + 1e-13, True),
        (1.0, 1.0 + 1e-11, False),
        (np.array([1e6, 1.0]), np.array([1e6, 1.0 + 1e-8]), True),
        (np.array([1e6, 1.0]), np.array([1e6, 1.0 + 1e-4]), False),
        (np.ones(2), np.ones((1, 2)), False),
        (np.ones(1), 1.0, False),
        (np.array([np.nan, 1]), np.array([np.nan, 1]), True),
        (np.array([np.inf, 1]), np.array([np.inf, 1]), True),
        (np.array([np.inf, 1]), np.array([np.inf, 2]), False),
        (np.zeros(2), np.zeros(2), True),
        (np.zeros(2), np.full(2, 1e-300), False),
        (np.zeros(0), np.zeros(0), True),
        (None, None, True),
        (None, 1.0, False),
        (1.0, None, False),
        ([1], [2], True),
        ([1], (1,), False),
        (True, True, True),
        (True, 1, False),
        (np.array([True]), np.array([False]), True),
    ],
)
def test_same(a, b, alike):
    assert same(a, b) is alike


# --- the cache -------------------------------------------------------------------------------------------------------------


class Box:
    def __init__(self, **held):
        vars(self).update(held)


def test_everything_that_lies_in_a_cache():
    held = Box(a=1, b=[2, 3])
    assert _parts((held, {"d": 4, "e": [5]}, "six")) == [1, 2, 3, 4, 5, "six"]
    assert _parts(PlainCall({"x": 1}, {"pad": 2}, 3)) == [1, 2], "what it returned is no part of it"
    assert _parts(None) == [None]
    assert _parts(Box) == [Box], "a class is one thing"
    assert _parts(noted) == [noted], "and so is a function"
    assert _parts([[[[["deep"]]]]]) == []
    assert _parts({0: {1: {2: {3: {4: "deep"}}}}}) == []
    assert _parts([[[["less deep"]]]]) == ["less deep"]


@pytest.mark.parametrize(
    ("change", "unchanged"),
    [
        (lambda cache: None, True),
        (lambda cache: cache["x"].__setitem__(0, 5), False),
        (lambda cache: cache.__setitem__("x", np.array([1.0, np.nan])), True),
        (lambda cache: cache.__setitem__("x", np.ones((1, 2))), False),
        (lambda cache: cache.__setitem__("x", np.array([1.0, 2.0])), False),
        (lambda cache: cache.__setitem__("labels", np.array([1, 3])), False),
        (lambda cache: cache.pop("n"), False),
        (lambda cache: cache.__setitem__("n", 4), True),  # no array
        (lambda cache: cache.__setitem__("x", None), False),
    ],
)
def test_is_a_cache_what_it_was(change, unchanged):
    cache = {"x": np.array([1.0, np.nan]), "labels": np.array([1, 2]), "n": 3}
    before = _snapshot(cache)
    change(cache)
    assert _unchanged(before, cache) is unchanged


def test_a_generator_in_a_cache():
    assert _holds_generator((1, [np.random.default_rng(0)]))
    assert not _holds_generator((1, [2]))


# --- one gradient ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gradient", "said", "called"),
    [
        (None, "dw is None, wanted an array (2, 3)", "gradient missing"),
        (1.0, "dw is float, wanted an array (2, 3)", "gradient missing"),
        ([1.0], "dw is a list of 1, wanted an array (2, 3)", "gradient missing"),
        (np.ones((3, 2)), "dw is (3, 2), wanted (2, 3)", "wrong shape"),
        (np.float64(1), "dw is (), wanted (2, 3)", "wrong shape"),
        (np.ones((2, 3), np.float32), "dw is float32, wanted float64 like w", "precision lost"),
        (np.ones((2, 3), int), "dw is int64, wanted float64 like w", "integer arithmetic"),
        (np.ones((2, 3), bool), "dw is bool, wanted float64 like w", "integer arithmetic"),
        (np.ones((2, 3), complex), "dw is complex128, wanted float64 like w", "precision lost"),
        (np.where(X > 3, np.nan, X), "dw has 1 of 6 entries that are nan or infinite, at (1, 2)", "nan or infinity"),
        (np.where(X < 0, np.inf, X), "dw has 2 of 6 entries that are nan or infinite, the first at (0, 1)", "nan or inf"),
        (X, "", ""),
    ],
)
def test_what_is_wrong_with_a_gradient(gradient, said, called):
    array, message, name = read_gradient("w", "dw", gradient, X)
    assert message == said
    assert name.startswith(called)
    assert bool(name) is bool(called)
    if called == "gradient missing" or np.iscomplexobj(gradient):
        assert array is None
    else:
        np.testing.assert_array_equal(array, gradient)
        assert array.dtype == np.float64


def test_the_gradient_of_a_number_may_be_a_number():
    array, message, _ = read_gradient("x", "dx", 2.5, np.float64(1)[...])
    assert (float(array), message) == (2.5, "")
    assert read_gradient("x", "dx", 2, np.array(1.0))[2] == "gradient missing"


def test_a_subject_says_how_its_gradients_are_called():
    subject = Subject("f", {}, {}, None, None, called={"w": "grad_w"})
    assert [subject.label(name) for name in ("w", "b", "2.b")] == ["grad_w", "db", "2.db"]
