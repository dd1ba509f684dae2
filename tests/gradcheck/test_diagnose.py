"""Wrong code gets the right name, right code gets none: the tables of benchmarks/, and what they leave out."""

import itertools

import numpy as np
import pytest

from benchmarks import diagnose, mutations
from benchmarks.mistakes import held_out, right, table
from benchmarks.mistakes.case import IMAGES, LABELS, LOGITS, B, Case, W, X
from scratchnet.gradcheck import check, generic
from scratchnet.gradcheck.catalogue import CATALOGUE, LESSONS
from scratchnet.layers import Conv2d, Dense, ReLU
from scratchnet.layers.conv import conv2d_backward, conv2d_forward
from scratchnet.layers.dense import dense_backward, dense_forward
from scratchnet.losses import softmax

WRONG = [case for case in (*table.CASES, *held_out.CASES) if case.wrong]
RIGHT = [case for case in (*right.CASES, *held_out.CASES) if not case.wrong]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.id)
def test_the_mistake_is_named(case):
    outcome = diagnose.run(case)
    assert outcome.hit(1), f"{case.expected} is called {outcome.names}\n{outcome.report}"
    assert outcome.report.diagnoses[0].evidence
    assert case.expected[0] in str(outcome.report)


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.id)
def test_no_false_alarm(case):
    report = diagnose.run(case).report
    assert report.passed, str(report)
    assert report.diagnoses == []


def test_the_tables_are_as_large_as_they_should_be():
    assert len([case for case in table.CASES if case.wrong]) >= 35
    assert len([case for case in held_out.CASES if case.wrong]) >= 30
    assert len(RIGHT) >= 30
    for cases in ([*table.CASES, *right.CASES], held_out.CASES):
        assert len(cases) == len({case.id for case in cases})


def test_every_name_has_a_lesson_and_hints_that_differ():
    for name, diagnosis in CATALOGUE.items():
        assert diagnosis.lesson in LESSONS, name
        assert diagnosis.hint != diagnosis.strong_hint
    covered = {name for case in WRONG for name in case.expected}
    assert len(covered) > 0.8 * len(CATALOGUE), sorted(set(CATALOGUE) - covered)


def test_a_case_refuses_names_that_are_not_in_the_catalogue():
    with pytest.raises(ValueError, match="'wrong' is not in the catalogue"):
        Case("a", "dense", "pair", (dense_forward, dense_backward), (X, W, B), expected=("wrong",))
    with pytest.raises(ValueError, match="operation must be one of"):
        Case("a", "Dense", "pair", (dense_forward, dense_backward), (X, W, B))


def test_the_benchmark_prints_its_figures(capsys, monkeypatch):
    monkeypatch.setattr(diagnose, "cases_of", lambda module: WRONG[:2] if module == "table" else RIGHT[:1])
    assert diagnose.main(["--half", "own"]) == 0
    printed = capsys.readouterr().out
    assert "2 wrong, 1 right" in printed
    assert "caught 2 of 2; right name first 100.0%" in printed
    unnamed = Case("odd", "dense", "pair", (dense_forward, dense_backward), (X, W, B), expected=("transposed",))
    monkeypatch.setattr(diagnose, "cases_of", lambda module: [unnamed] if module == "table" else [])
    assert diagnose.main(["--half", "own"]) == 1  # right code in the wrong table is not caught
    assert "MISS odd (transposed): passed" in capsys.readouterr().out


# --- mistakes that are in no table ----------------------------------------------------------------------------------------


def changed(forward, backward, which, change):
    """The pair, with one of its gradients changed."""

    def wrong(dout, cache):
        gradients = list(backward(dout, cache))
        gradients[which] = change(gradients[which])
        return tuple(gradients)

    return forward, wrong


SQUARE_KERNELS, BIAS = generic((4, 2, 3, 3), np.random.default_rng(3)), generic((4,), np.random.default_rng(4))
OPERATIONS = {
    "dense": (dense_forward, dense_backward, (X, W, B), {}),
    "conv": (conv2d_forward, conv2d_backward, (IMAGES, SQUARE_KERNELS, BIAS), {"pad": 1}),
}
CHANGES = {
    "sign flipped": lambda g: -g,
    "factor 2 too many": lambda g: 2 * g,
    "factor 2 missing": lambda g: g / 2,
    "constant factor": lambda g: 0.37 * g,
    "gradient zero": np.zeros_like,
    "nan or infinity": lambda g: g / 0 if (g := g.copy()).size else g,
    "precision lost": lambda g: g.astype(np.float32),
    "integer arithmetic": lambda g: np.trunc(g).astype(int),
    "gradient missing": lambda g: None,
}


@pytest.mark.parametrize(("operation", "which", "name"), list(itertools.product(OPERATIONS, range(3), CHANGES)))
def test_the_same_change_has_the_same_name_everywhere(operation, which, name):
    forward, backward, args, options = OPERATIONS[operation]
    with np.errstate(all="ignore"):
        report = check(changed(forward, backward, which, CHANGES[name]), *args, options=options)
    assert not report.passed
    assert report.diagnoses[0].name == name
    wrong = [argument for argument, result in report.results.items() if not result.passed]
    assert wrong == [list(report.results)[which]]


@pytest.mark.parametrize("which", range(2))
def test_places_are_named_too(which):
    forward, backward, args, options = OPERATIONS["conv"]
    for name, change in {
        "kernel flipped": lambda g: g[:, :, ::-1, ::-1].copy(),
        "shifted": lambda g: np.roll(g, 2, axis=2),
        "reshaped in the wrong order": lambda g: g.transpose(0, 2, 3, 1).reshape(g.shape),
        "terms left out": lambda g: np.concatenate([g[:-1], 0 * g[-1:]]),
    }.items():
        report = check(changed(forward, backward, which, change), *args, options=options)
        assert report.diagnoses[0].name == name, f"{name}\n{report}"


def test_two_mistakes_are_both_listed():
    def backward(dout, cache):
        dx, dw, db = dense_backward(dout, cache)
        return -dx, dw, db / 5

    names = [likely.name for likely in check((dense_forward, backward), X, W, B).diagnoses[:2]]
    assert sorted(names) == ["extra 1/N", "sign flipped"]


def test_what_fits_nothing_is_not_given_a_name():
    noise = np.random.default_rng(0).standard_normal(W.shape)

    def backward(dout, cache):
        dx, dw, db = dense_backward(dout, cache)
        return dx, dw * (1 + 0.3 * noise) + np.sin(7 * dw), db

    report = check((dense_forward, backward), X, W, B)
    assert [likely.name for likely in report.diagnoses] == ["no known mistake"]


def test_an_operation_is_known_by_its_output_not_by_its_name():
    def f(q):
        e = np.exp(q)
        return -np.log((e / e.sum(1, keepdims=True))[np.arange(5), LABELS]).sum()

    report = check((lambda q, t: f(q), lambda dout, q, t: dout * softmax(q)), LOGITS, options={"t": LABELS})
    assert report.diagnoses[0].name == "one-hot missing"
    assert report.diagnoses[0].diagnosis.lesson == 4


def test_images_may_come_from_what_is_none():
    rows = generic((3, 8), np.random.default_rng(5))
    report = check((lambda x: (x.reshape(3, 2, 2, 2), None), lambda dout, cache: 2 * dout.reshape(3, 8)), rows)
    assert report.diagnoses[0].name == "factor 2 too many"


def test_forward_is_compared_with_a_reference():
    conv = (lambda x, w, b: (conv2d_forward(x, w[:, :, ::-1, ::-1], b)[0], (x, w, b))), None
    args = OPERATIONS["conv"][2]

    def backward(dout, cache):
        x, w, b = cache
        _, inner = conv2d_forward(x, w[:, :, ::-1, ::-1], b)
        dx, dw, db = conv2d_backward(dout, inner)
        return dx, dw[:, :, ::-1, ::-1], db

    pair = conv[0], backward
    assert check(pair, *args)  # the gradient of another function, and right
    for reference in ("conv2d", conv2d_forward):
        report = check(pair, *args, reference=reference)
        assert report.diagnoses[0].name == "forward wrong"
        assert "at (0, 0, 0, 0) it gives" in report.problems[0]
    with pytest.raises(ValueError, match="reference must be a function or one of dense, relu"):
        check(pair, *args, reference="convolution")
    assert check(Dense(4, 3, rng=np.random.default_rng(0)), X, reference="dense")


# --- mutants ---------------------------------------------------------------------------------------------------------------


def test_a_sample_of_the_mutants_is_caught():
    everything = mutations.mutants()
    assert len(everything) >= 500
    for i in np.random.default_rng(5).permutation(len(everything))[:40]:
        mutant = everything[i]
        key = mutant.target.function, mutant.change
        assert mutations.caught_by(mutant) is not None or key in mutations.EQUIVALENT, key


def test_unchanged_code_is_no_mutant():
    for target in mutations.targets():
        pair = getattr(target.module, target.forward), getattr(target.module, target.backward)
        for args, options in target.calls[:2]:
            assert check(pair, *args, options=options), target.name


# --- notes -----------------------------------------------------------------------------------------------------------------


def test_what_is_no_mistake_is_said():
    x = X.copy()
    x[0, 0] = 0
    report = check(ReLU(), x)
    assert report.passed
    assert report.notes == [
        "dx at 1 kinks, no mistake: the slopes to the left and to the right differ there, so there is no gradient; any "
        "value between them is right"
    ]
    report = check((lambda x: ((x - x).sum(axis=1), x), lambda dout, x: np.zeros_like(x)), X)
    assert report.passed
    assert "dx is 0, no mistake: the result does not depend on this argument" in str(report)
    report = check((lambda x: (1e-8 * x, None), lambda dout, _: 1e-8 * dout), X)
    assert report.passed
    assert "so small that the difference is rounding" in report.notes[0]
    layer = Conv2d(2, 3, 3, rng=np.random.default_rng(0))
    report = check(layer, IMAGES.astype(np.float32))
    assert report.passed
    assert "checked in float64: in float32 the numeric gradient is mostly rounding" in report.notes[0]


# --- whatever the code returns, there is a report --------------------------------------------------------------------------

FORWARDS = {
    "square": lambda x: (x**2, x),
    "sum": lambda x: (float(np.sum(x**2)), x),
    "first axis": lambda x: (x.sum(axis=0), x),
    "copies": lambda x: (np.concatenate([x, x]), x),
    "flat": lambda x: (0 * x, x),
    "tiny": lambda x: (1e-12 * x, x),
}
RETURNS = {
    "nonsense": lambda dout, x: generic(x.shape, np.random.default_rng(3)),
    "nan": lambda dout, x: x * np.nan,
    "nothing": lambda dout, x: None,
    "turned": lambda dout, x: x.T,
    "ravelled": lambda dout, x: x.ravel(),
    "integers": lambda dout, x: x.astype(int),
    "complex": lambda dout, x: 1j * x,
    "text": lambda dout, x: "dx",
    "objects": lambda dout, x: np.array([object()]),
    "an exception": lambda dout, x: 1 / 0,
    "a mask": lambda dout, x: x > 0,
    "a number": lambda dout, x: 1.0,
}


@pytest.mark.parametrize("shape", [(3,), (1, 1), (2, 3), (2, 3, 4), (2, 1, 2, 2)], ids=str)
def test_a_report_whatever_comes_back(shape):
    x = generic(shape, np.random.default_rng(2))
    for forward, backward in itertools.product(FORWARDS.values(), RETURNS.values()):
        report = check((forward, backward), x)
        assert not report.passed or np.abs(report.results["x"].numeric).max() < 1e-9
        assert str(report)
        assert report._repr_html_()
        assert report.passed or report.diagnoses


def test_paths_are_looked_for_where_gradients_have_other_shapes_than_dout():
    """A residual block: all arguments are matrices, and only x has as many rows as dout."""

    def forward(x, w1, w2):
        h = x @ w1
        return x + h @ w2, (x, h, w1, w2)

    def backward(dout, cache):
        x, h, w1, w2 = cache
        return dout @ w2.T @ w1.T, 2 * x.T @ dout @ w2.T, h.T @ dout

    rng = np.random.default_rng(0)
    report = check((forward, backward), generic((5, 3), rng), generic((3, 4), rng), generic((4, 3), rng))
    assert "branch missing" in str(report)
