"""What a diagnosis can look at, and how findings become a ranked list of names."""

import time

import numpy as np
import pytest

from scratchnet.gradcheck import evidence
from scratchnet.gradcheck.bank.operation import Operation, Setup, no_wrongs
from scratchnet.gradcheck.diagnose import _stride_name, diagnose, rank
from scratchnet.gradcheck.evidence import Evidence, axes_in_words, close, count, naive_step
from scratchnet.gradcheck.finding import Finding
from scratchnet.gradcheck.learners import of_functions
from scratchnet.gradcheck.protocol import Trial
from scratchnet.gradcheck.report import ArgumentResult

X, W = np.array([[0.5, -1.5, 2.5], [-0.25, 1.25, 3.5]]), np.array([[1.0, -2.0], [0.5, 3.0], [-1.5, 0.25]])
DOUT = np.array([[1.0, -2.0], [3.0, 0.25]])


def product(x, w):
    return x @ w, (x, w)


def product_back(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout


def gathered(forward=product, backward=product_back, args=(X, W), dout=DOUT, numeric=None, findings=(), options=None):
    """The evidence of one forward and one backward; ``numeric`` is what was measured, backward's gradient if not given."""
    subject = of_functions((forward, backward), args, options or {})
    out, cache = subject.forward(subject.copies(), 0)
    trial = Trial(out, dout, findings=list(findings))
    trial.gradients, _ = subject.backward(dout, cache)
    results = {}
    for name, array in subject.arrays.items():
        analytic = trial.gradients.get(name)
        measured = (numeric or {}).get(name, analytic)
        wrong = not (np.shape(analytic) == np.shape(measured) and np.allclose(analytic, measured))
        results[name] = ArgumentResult(
            name, analytic, np.real(np.asarray(measured)), wrong=int(wrong), worst=(0,) * array.ndim
        )
    return Evidence(subject, trial, results, 0)


# --- small things ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "alike"),
    [
        (1.0, 1.0, True),
        ([1.0, 100.0], [1.0009, 100.0], True),  # 1e-5 of the largest
        ([1.0, 100.0], [1.0011, 100.0], False),
        ([1.0, 1.0], [1.0, 100.0], False),
        ([100.0, 1.0], [100.0, 1.0009], True),
        ([0.0], [0.9e-9], True),
        ([0.0], [1.1e-9], False),
        ([1.0], [[1.0]], False),
        ([np.nan], [np.nan], False),
        ([1.0], [np.inf], False),
        ([np.inf], [1.0], False),
        ([], [], True),
        ([1, 2], [True, 2], True),
    ],
)
def test_close(a, b, alike):
    assert close(a, b) is close(b, a) is alike


def test_close_with_another_tolerance():
    assert close([1.0], [1.05], 0.1)
    assert not close([1.0], [1.05], 0.01)


def test_numbers_in_words():
    assert [count(n, "row") for n in (0, 1, -1, 2)] == ["0 rows", "1 row", "-1 row", "2 rows"]
    assert [axes_in_words(axes) for axes in ((0,), (0, 2), (1, 2, 3))] == ["axis 0", "axes 0 and 2", "axes 1 and 2 and 3"]


def test_a_naive_step_is_the_quickest_of_a_few(monkeypatch):
    clock = iter([0.0, 9.0, 10.0, 12.0, 20.0, 25.0] + [30.0, 37.0] * 5)
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    assert naive_step() == pytest.approx(0.2), "2 seconds for ten"
    assert next(clock, None) is None, "eight were tried"


# --- the evidence ----------------------------------------------------------------------------------------------------------


def test_what_is_at_hand():
    e = gathered()
    np.testing.assert_allclose(e.out, X @ W)
    np.testing.assert_array_equal(e.dout, DOUT)
    np.testing.assert_allclose(e.a("x"), DOUT @ W.T)
    np.testing.assert_allclose(e.n("w"), X.T @ DOUT)
    assert (list(e.arrays), e.constants, e.settings, e.windows, e.seed) == (["x", "w"], {}, {}, None, 0)
    assert (e.scalar, e.label("w"), e.failed, e.wrong) == (False, "dw", [], [])
    empty = Evidence(e.subject, Trial(None, None), {}, 0)
    assert empty.out.shape == empty.dout.shape == (0,)
    loss = gathered(lambda x: (float((x**2).sum()), x), lambda dout, x: 2 * x * dout, (X,), 2.0)
    assert loss.scalar


def test_which_gradients_failed_and_can_be_compared():
    def told(**numeric):
        e = gathered(numeric=numeric)
        return e.failed, e.wrong

    right = DOUT @ W.T
    assert told(x=right + 1) == (["x"], ["x"])
    assert told(x=right + 1, w=-(X.T @ DOUT)) == (["x", "w"], ["x", "w"])
    assert told(x=np.ones((3, 2))) == (["x"], [])
    assert told(x=np.where(right > 2, np.nan, right)) == (["x"], [])
    e = gathered(numeric={"x": right + 1})
    e.results["x"].analytic = None
    assert e.wrong == []
    e = gathered(numeric={"x": right + 1})
    e.results["x"].analytic = right * np.inf
    assert e.wrong == []
    for array in ("analytic", "numeric"):
        e = gathered(numeric={"x": right + 1})
        setattr(e.results["x"], array, np.where(right > 2, np.nan, right))
        assert e.wrong == [], "one number that is none"
    e = gathered()
    e.results["x"].message = "odd"
    assert (e.failed, e.wrong) == (["x"], []), "its numbers are right"
    for off, wrong in ((3e-8, []), (3e-7, ["x"])):
        e = gathered()
        e.results["x"].numeric = right + off * np.abs(right).max()
        e.results["x"].message = "odd"
        assert e.wrong == wrong


def test_raw_gradients():
    e = gathered()
    for value, wanted in (
        (np.ones((7, 2)), np.ones((7, 2))),
        (np.ones(2, int), np.ones(2)),
        (np.array([1.0, np.nan]), None),
        (np.ones(2, bool), None),
        ([1.0], None),
        (1.0, None),
        (None, None),
    ):
        e.trial.gradients["x"] = value
        raw = e.raw("x")
        assert (raw is None) is (wanted is None)
        if wanted is not None:
            np.testing.assert_array_equal(raw, wanted)
            assert raw.dtype == np.float64
    assert e.raw("missing") is None


@pytest.mark.parametrize(
    ("name", "weight", "well"),
    [
        ("accumulated over calls", 1.0, False),
        ("accumulated over calls", 0.9, False),
        ("stale cache", 0.5, True),
        ("wrong shape", 1.0, True),
        ("gradient missing", 1.0, True),
        ("forward wrong", 1.0, True),
        ("dout changed in place", 1.0, True),
        ("ties all get the gradient", 1.0, True),
    ],
)
def test_what_keeps_backward_from_being_called_again(name, weight, well):
    e = gathered(findings=[Finding("wrong shape", "e", 1.0), Finding(name, "e", weight)])
    assert e.well_behaved is well
    assert (e.claimed("x") is not None) is well


def test_other_inputs():
    e = gathered()
    np.testing.assert_allclose(e.output_at({"w": 2 * W}), 2 * (X @ W))
    np.testing.assert_allclose(e.output_at({}), X @ W)
    assert e.output_at({"w": np.ones((7, 7))}) is None
    found = e.gradients_for(2 * DOUT, {"w": 3 * W})
    np.testing.assert_allclose(found["x"], 6 * (DOUT @ W.T))
    np.testing.assert_allclose(found["w"], 2 * (X.T @ DOUT))
    assert list(e.gradients_for(DOUT)) == ["x", "w"]
    assert e.gradients_for(np.ones((7, 7))) is None
    np.testing.assert_allclose(e.doubled["x"], 2 * (DOUT @ W.T))
    np.testing.assert_allclose(e.negated["x"], -(DOUT @ W.T))


def test_gradients_of_another_form_are_left_out():
    def backward(dout, cache):
        dx, dw = product_back(dout, cache)
        return dx[:1], dw.astype(np.float32)

    e = gathered(backward=backward)
    assert list(e.gradients_for(DOUT)) == ["w"]
    assert e.gradients_for(DOUT)["w"].dtype == np.float64
    for value, kept in ((np.ones((2, 3), bool), True), (np.ones((2, 3), complex), False), ([[1.0] * 3] * 2, False)):
        e = gathered(backward=lambda dout, cache, value=value: (value, X.T @ DOUT))
        assert ("x" in e.gradients_for(DOUT)) is kept
    number = gathered(lambda x: (x * 1.0, None), lambda dout, cache: 2.5, (np.array(3.0),), np.array(1.0))
    assert number.gradients_for(1.0) == {"x": 2.5}


def test_without_an_upstream_gradient_there_is_none_to_change():
    e = gathered(lambda x: (x**2).sum(), lambda x: 2 * x, (X,), np.float64(1))
    assert e.doubled is e.negated is e.claimed("x") is None


def test_what_backward_claims_of_each_output():
    """dout is 1 at one output at a time: d out[n, k] / d x[n, d] = w[d, k], d out[n, k] / d w[d, k] = x[n, d]."""
    e = gathered()
    claimed_x, claimed_w = np.zeros((2, 3, 2, 2)), np.zeros((3, 2, 2, 2))
    for n, d, k in np.ndindex(2, 3, 2):
        claimed_x[n, d, n, k] = W[d, k]
        claimed_w[d, k, n, k] = X[n, d]
    np.testing.assert_allclose(e.claimed("x"), claimed_x.reshape(6, 4))
    np.testing.assert_allclose(e.claimed("w"), claimed_w.reshape(6, 4))
    assert e.claimed("missing") is None
    loss = gathered(lambda x: (float((x**2).sum()), x), lambda dout, x: 2 * x * dout, (X,), 2.0)
    np.testing.assert_allclose(loss.claimed("x"), 2 * X.reshape(6, 1))


def test_it_is_asked_once():
    calls = []

    def backward(dout, cache):
        calls.append(1)
        return product_back(dout, cache)

    e = gathered(backward=backward)
    e.claimed("x"), e.claimed("w"), e.claimed("x")
    assert len(calls) == 1 + DOUT.size


def test_a_backward_that_is_not_linear_claims_nothing():
    def backward(dout, cache):
        return (dout**2) @ W.T, product_back(dout, cache)[1]

    e = gathered(backward=backward)
    assert e.claimed("x") is None
    assert e.claimed("w") is not None


def test_a_backward_that_stops_at_some_outputs_claims_nothing():
    def raises(dout, cache):
        return product_back(dout / (dout[1, 1] != 0 or [][0]), cache)

    e = gathered(backward=raises)
    assert e.claimed("x") is None

    def lacks(dout, cache):
        dx, dw = product_back(dout, cache)
        return (dx if dout[1, 1] else None), dw

    e = gathered(backward=lacks)
    assert e.claimed("x") is None
    assert e.claimed("w") is not None


def test_an_argument_without_gradient_claims_nothing():
    e = gathered(backward=lambda dout, cache: (None, product_back(dout, cache)[1]), numeric={"x": DOUT @ W.T})
    assert e.claimed("x") is None
    assert e.claimed("w") is not None


def wide(outputs):
    calls = []

    def backward(dout, x):
        calls.append(1)
        return np.array([dout.sum()])

    def forward(x):
        return np.repeat(x, outputs), x

    return gathered(forward, backward, (np.array([2.0]),), np.ones(outputs)), calls


@pytest.mark.parametrize(("outputs", "asked"), [(20, True), (21, False)])
def test_too_many_outputs_are_not_asked_for(monkeypatch, outputs, asked):
    monkeypatch.setattr(evidence, "MOST_OUTPUTS", 20)
    e, calls = wide(outputs)
    assert (e.claimed("x") is not None) is asked
    assert len(calls) == (1 + outputs if asked else 1)
    assert evidence.MOST_OUTPUTS == 20


@pytest.mark.parametrize(
    ("outputs", "seconds", "most", "asked"),
    [
        (30, 1.0, 30, 30),  # the whole would take as long as 30 steps
        (31, 1.0, 30, 8),  # the first eight tell
        (8, 1.0, 1, 8),
        (30, 2.0, 30, 8),
    ],
)
def test_a_slow_backward_is_not_asked_for_all(monkeypatch, outputs, seconds, most, asked):
    """Each call takes so many seconds, a naive step one."""
    monkeypatch.setattr(evidence, "MOST_STEPS", most)
    monkeypatch.setattr(evidence, "naive_step", lambda: 1.0)
    e, calls = wide(outputs)
    clock = {"now": 0.0}

    def tick():
        clock["now"] += seconds
        return clock["now"]

    monkeypatch.setattr(time, "perf_counter", tick)
    found = e.claimed("x")
    assert len(calls) == 1 + asked
    assert (found is not None) is (asked == outputs)


def test_one_slow_call_of_many_is_no_slow_backward(monkeypatch):
    monkeypatch.setattr(evidence, "MOST_STEPS", 30)
    monkeypatch.setattr(evidence, "naive_step", lambda: 1.0)
    e, _ = wide(20)
    times = iter([0.0, 0.1, 1.0, 99.0, *np.arange(100.0, 200)])
    monkeypatch.setattr(time, "perf_counter", lambda: next(times))
    assert e.claimed("x") is not None


def test_the_measured_jacobian():
    e = gathered()
    e.results["w"].jacobian = np.ones((6, 4))
    assert e.measured("x") is None
    np.testing.assert_array_equal(e.measured("w"), np.ones((6, 4)))


# --- from findings to names ------------------------------------------------------------------------------------------------


def ranked(*findings, failed=("x",)):
    return rank([Finding(*finding) for finding in findings], list(failed))


def test_the_best_evidence_of_a_name_counts():
    first, second = ranked(
        ("shifted", "weak", 0.6, ("x",)), ("transposed", "t", 0.7, ("x",)), ("shifted", "strong", 0.9, ("x",))
    )
    assert (first.name, first.score, first.evidence) == ("shifted", 0.9, ("strong",))
    assert (second.name, second.score) == ("transposed", 0.7)


def test_evidence_that_is_nearly_as_good_is_told_too():
    (found,) = ranked(
        ("shifted", "c", 0.76, ("b",)),
        ("shifted", "a", 0.9, ("x",)),
        ("shifted", "far", 0.74, ("w",)),
        failed=("x", "b", "w"),
    )
    assert found.evidence == ("a", "c")
    assert found.explains == ("b", "x")
    assert found.score == pytest.approx(0.9 * (2 / 3) ** 0.5)
    (found,) = ranked(*(("shifted", text, 0.9, ("x",)) for text in ("a", "b", "a", "c", "d")))
    assert found.evidence == ("a", "b", "c"), "three, each once"


def test_what_explains_more_of_what_is_wrong_is_likelier():
    first, second = ranked(("shifted", "s", 0.9, ("x",)), ("transposed", "t", 0.8, ("x", "w")), failed=("x", "w"))
    assert (first.name, first.score) == ("transposed", 0.8)
    assert second.score == pytest.approx(0.9 * 0.5**0.5)
    assert ranked(("shifted", "s", 0.9, ("x", "other")), failed=("x", "w"))[0].score == pytest.approx(0.9 * 0.5**0.5)
    assert ranked(("shifted", "s", 0.9), failed=("x", "w"))[0].score == 0.9, "it may explain all"
    assert ranked(("shifted", "s", 0.9, ("x",)), failed=())[0].score == 0.9


def test_five_names_are_enough():
    names = ["shifted", "transposed", "mask missing", "gamma missing", "extra 1/N", "epsilon wrong"]
    found = ranked(*((name, "e", 0.9 - 0.1 * k) for k, name in enumerate(names)))
    assert [likely.name for likely in found] == names[:5]
    assert ranked() == []


def test_details_and_variants():
    (found,) = ranked(
        ("wrong shape", "a", 0.9, (), "", "empty slice"), ("wrong shape", "b", 0.5, (), "said exactly", "other")
    )
    assert found.detail == "said exactly", "whoever knows it"
    assert found.diagnosis.says == "A slice of it is empty, and that where there is no padding."
    assert found.diagnosis.lesson == 5, "in the lesson of its name"


def test_what_fits_nothing_is_said_to():
    e = gathered()
    (found,) = diagnose(Evidence(e.subject, Trial(None, None), {}, 0))
    assert (found.name, found.score, found.evidence) == (
        "no known mistake", 0.0, ("the gradient fits no mistake in the catalogue",)
    )  # fmt: skip
    for failed, said in ((["x"], "dx fits no mistake"), (["x", "w"], "dx and dw fit no mistake")):
        e = gathered()
        for name in failed:
            e.results[name].message = "odd, in no way that numbers show"
        (found,) = diagnose(e)
        assert found.name == "no known mistake"
        assert found.evidence == (f"{said} in the catalogue",)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"step": 2.0}, "step"),
        ({"step": 2.0, "size": 2.0}, "stride"),
        ({"step": 3.0}, "stride"),
        ({"step": 2.0, "stride_x": 3.0}, "stride"),
        ({"step": 2.0, "Stride": 1.0}, "stride"),
        ({}, "stride"),
    ],
)
def test_what_the_code_calls_the_stride(settings, name):
    e = gathered()
    e.settings = settings
    known = Operation("pool", 11, None, no_wrongs), Setup(np.zeros(1), {"stride": (2, 2)})
    assert _stride_name(e, known) == name
    assert _stride_name(e, None) == "stride"
