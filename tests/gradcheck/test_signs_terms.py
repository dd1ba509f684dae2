"""A gradient with a term too few or too many, or with the wrong array in a product: what is named, and what is not."""

import types

import numpy as np
import pytest

from scratchnet.gradcheck.evidence import Evidence
from scratchnet.gradcheck.finding import Finding
from scratchnet.gradcheck.learners import of_functions
from scratchnet.gradcheck.protocol import Trial
from scratchnet.gradcheck.report import ArgumentResult
from scratchnet.gradcheck.signs import terms
from scratchnet.gradcheck.subject import Subject

rng = np.random.default_rng(11)


@pytest.fixture(autouse=True)
def same_numbers():
    """Each test draws the same numbers, whichever others run."""
    rng.bit_generator.state = np.random.default_rng(5).bit_generator.state


def numbers(*shape):
    """Nothing near 0, nothing whole, of both signs."""
    return rng.uniform(0.3, 0.9, shape) * rng.choice([-1.0, 1.0], shape)


def evidence(gradients, *, dout=1.0, out=None, arrays=None, constants=None, jacobian=None):
    """What is known of code with the gradients {argument: (backward's, measured)}.

    ``dout`` is the upstream gradient or its shape, ``arrays`` those arguments whose numbers matter.
    """
    dout = numbers(*dout) if isinstance(dout, tuple) else dout
    arrays = {name: numbers(*np.shape(n)) for name, (_, n) in gradients.items()} | (arrays or {})
    subject = Subject("code", arrays, constants or {}, None, None)
    results = {
        name: ArgumentResult(name, np.asarray(a, float), np.asarray(n, float), wrong=1, jacobian=jacobian)
        for name, (a, n) in gradients.items()
    }
    return Evidence(subject, Trial(dout if out is None else out, dout), results, 0)


def checked(forward, backward, right, *args, dout=None, **options):
    """Evidence for a pair whose gradients should be ``right(dout, *args)``."""
    subject = of_functions((forward, backward), args, options)
    out, cache = subject.forward(subject.copies(), 0)
    dout = dout if dout is not None else numbers(*np.shape(out)) if np.ndim(out) else 1.75
    results = {}
    gradients, _ = subject.backward(dout, cache)
    for (name, a), n in zip(gradients.items(), right(dout, *args), strict=True):
        wrong = not np.allclose(a, n, rtol=0, atol=1e-7)
        results[name] = ArgumentResult(name, np.array(a, float), np.array(n, float), wrong=int(wrong))
    return Evidence(subject, Trial(out, dout, dict(gradients)), results, 0)


def found(e, sign, *args):
    """What a sign says: (name, words) in the order of their weights, which lie between 0 and 1."""
    findings = list(getattr(terms, sign)(e, *args))
    assert all(0 < finding.weight < 1 for finding in findings)
    for finding in findings:
        assert finding.explains == args[:1] if args else set(finding.explains) <= set(e.wrong)
    return [(f.name, f.evidence) for f in sorted(findings, key=lambda finding: -finding.weight)]


def test_every_sign_is_read_for_every_wrong_gradient(monkeypatch):
    seen = []
    for sign in ("_upstream", "_fused", "_dependence"):
        monkeypatch.setattr(terms, sign, lambda e, sign=sign: iter([sign]))
    for sign in ("_decay", "_products", "_sums", "_branches", "_labelled"):
        monkeypatch.setattr(terms, sign, lambda e, name, sign=sign: iter([(sign, name)]))
    seen = list(terms.find(types.SimpleNamespace(wrong=["x", "w"])))
    alone, each = ["_upstream", "_fused", "_dependence"], ["_decay", "_products", "_sums", "_branches", "_labelled"]
    assert seen == [*alone, *((sign, name) for name in "xw" for sign in each)]


# --- the answer to another dout --------------------------------------------------------------------------------------------

V = np.array([0.5, -0.7, 0.8, 0.4])


def squared(backward, **more):
    """Evidence for x**2 with a wrong backward."""
    return checked(lambda x: (x**2, x), backward, lambda dout, x: (2 * x * dout,), V, **more)


@pytest.mark.parametrize(
    ("backward", "expected"),
    [
        (lambda dout, x: 2 * x, ("upstream gradient ignored", "twice the upstream gradient gives the same dx")),
        (
            lambda dout, x: np.where(np.arange(4) == 2, 0, 2 * x),
            ("upstream gradient ignored", "twice the upstream gradient gives the same dx"),
        ),
        (lambda dout, x: 2 * x * dout**2, ("wrong operand", "dx grows with the square of dout")),
        (
            lambda dout, x: 2 * x * dout * (dout > 0),
            ("mask of the wrong array", "with -dout your dx is not the negative: a mask is made from dout"),
        ),
        (
            lambda dout, x: 2 * x * np.abs(dout),
            ("mask of the wrong array", "with -dout your dx is not the negative: a mask is made from dout"),
        ),
        (
            lambda dout, x: 2 * x * dout + x,
            ("upstream gradient ignored", "a part of your dx does not depend on the upstream gradient"),
        ),
        (lambda dout, x: 3 * x * dout, None),
        (lambda dout, x: 2 * x * dout**3, None),
        (lambda dout, x: 0 * x, None),
    ],
)
def test_a_gradient_is_linear_in_dout(backward, expected):
    e = squared(backward, dout=np.array([0.6, -0.8, 0.9, -0.3]))
    assert found(e, "_upstream") == ([expected] if expected else [])


def test_of_several_answers_to_another_dout_each_is_looked_at():
    n = numbers(3)
    names = ("zero", "only here zero", "gone", "also", "x")
    e = evidence({name: (0 * n if "zero" in name else n, -n) for name in names}, dout=(3,))
    e.doubled = {"zero": 0 * n, "only here zero": n, "also": n, "x": n}
    e.negated = {"zero": 0 * n, "only here zero": -2 * n, "gone": n, "x": n}
    assert found(e, "_upstream") == [("upstream gradient ignored", "twice the upstream gradient gives the same dx")]


def test_without_an_answer_to_another_dout_nothing_is_said():
    n = numbers(3)
    for answers in ((None, {"x": n}), ({"x": n}, None), (None, None)):
        e = evidence({"x": (n, -n)}, dout=(3,))
        e.doubled, e.negated = answers
        assert found(e, "_upstream") == []


# --- a dense layer with an activation in it --------------------------------------------------------------------------------

X, W, B = numbers(5, 4), numbers(4, 3), numbers(3)


def relu(z):
    return np.maximum(z, 0)


ACTIVATIONS = {
    "relu": (relu, lambda z: z > 0),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "leaky": (lambda z: np.where(z > 0, z, 0.1 * z), lambda z: np.where(z > 0, 1, 0.1)),
    "none": (lambda z: z, lambda z: 1.0),
}


def fused(activation, x=X, w=W, b=B, turned=False, change=lambda dx, dw, *db: (dx, dw, *db), m=None):
    """Evidence for activation(x @ w + b) whose backward is that of x @ w + b, but for what ``change`` makes of it."""
    f, df = ACTIVATIONS[activation]
    more = () if b is None else (b,)

    def z(x, w, *b):
        return x @ (w.T if turned else w) + sum(b)

    def forward(x, w, *b):
        return f(z(x, w, *b)), (x, w, *b)

    def linear(dout, x, w, *b):
        dx, dw = (dout @ w, dout.T @ x) if turned else (dout @ w.T, x.T @ dout)
        return (dx, dw, *(dout.sum(0) for _ in b))

    if b is None:
        pair = (lambda x, w: forward(x, w)), lambda dout, cache: change(*linear(dout, *cache))
    else:
        pair = (lambda x, w, b: forward(x, w, b)), lambda dout, cache: change(*linear(dout, *cache))
    return checked(*pair, lambda dout, x, w, *b: linear(dout * df(z(x, w, *b)), x, w, *b), x, w, *more)


def as_if_linear(*names):
    return f"your {', '.join(names)} would be right if the output were the matrix product itself"


@pytest.mark.parametrize(
    ("activation", "name"),
    [("relu", "mask missing"), ("tanh", "local derivative missing"), ("leaky", "local derivative missing")],
)
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("size", [3, 4])
def test_the_activation_of_a_dense_layer_is_forgotten(activation, name, turned, size):
    w, b = np.resize(W, (4, size)), np.linspace(-0.9, 0.3, size)
    w = w.T if turned else w
    assert found(fused(activation, w=w, b=b, turned=turned), "_fused") == [(name, as_if_linear("dx", "dw", "db"))]
    assert found(fused(activation, w=w, b=None, turned=turned), "_fused") == [(name, as_if_linear("dx", "dw"))]


def test_of_a_dense_layer_only_what_is_wrong_is_named():
    e = fused("relu", b=np.linspace(-0.9, 0.3, 3))
    e.results["x"].wrong = 0
    assert found(e, "_fused") == [("mask missing", as_if_linear("dw", "db"))]


@pytest.mark.parametrize(("stopped", "name"), [(1, "local derivative missing"), (2, "mask missing")])
def test_one_output_that_is_another_is_not_yet_a_mask(stopped, name):
    w = np.abs(W)
    x = np.abs(X)
    x[:stopped] = 0.01
    b = np.array([0.2, 0.3, -0.1])
    assert ((x @ w + b) < 0).sum() == stopped
    assert found(fused("relu", x=x, w=w, b=b), "_fused") == [(name, as_if_linear("dx", "dw", "db"))]


@pytest.mark.parametrize(
    "change",
    [
        lambda dx, dw, db: (dx, 1.1 * dw, db),
        lambda dx, dw, db: (1.1 * dx, dw, db),
        lambda dx, dw, db: (dx, dw, 1.1 * db),
        lambda dx, dw, db: (-dx, -dw, -db),
    ],
)
def test_all_that_is_wrong_must_be_that_of_the_product(change):
    assert found(fused("relu", change=change), "_fused") == []


def test_the_weights_gradient_must_be_among_it():
    e = fused("relu")
    e.results["w"].wrong = 0
    assert found(e, "_fused") == []


def test_a_linear_output_has_no_activation():
    e = fused("none", change=lambda dx, dw, db: (dx, dw * (1 + 2e-6), db))
    assert e.wrong == ["w"]
    assert found(e, "_fused") == []
    e = fused("none", b=None, turned=True, w=W.T, change=lambda dx, dw: (dx, dw * (1 + 2e-6)))
    assert e.wrong == ["w"]
    assert found(e, "_fused") == []


def test_what_has_other_arguments_is_no_dense_layer():
    def linear(dout, x, w, *rest):
        return dout @ w.T, x.T @ dout, *(dout.sum(0) for _ in rest)

    def right(dout, x, w, *rest):
        return linear(dout * (1 - np.tanh(x @ w + sum(rest)) ** 2), x, w, *rest)

    four = checked(
        lambda x, w, b, c: (np.tanh(x @ w + b + c), (x, w, b, c)),
        lambda dout, cache: linear(dout, *cache),
        right,
        X,
        W,
        B,
        B / 2,
    )
    assert len(four.wrong) == 4
    assert found(four, "_fused") == []
    n = numbers(5, 4)
    for arrays in ({"x": X}, {"x": X, "w": W, "v": numbers(3, 2)}):
        assert found(evidence({"x": (n, -n)}, arrays=arrays, dout=(5, 3)), "_fused") == []


@pytest.mark.parametrize(
    ("w", "out"), [((3, 4), (5, 4)), ((4, 3), (5, 4)), ((3, 2), (5, 3)), ((4, 3), (4, 3)), ((4, 3), (5, 3, 1))]
)
def test_what_has_another_shape_is_no_matrix_product(w, out):
    n = numbers(*w)
    assert found(evidence({"x": (X, -X), "w": (n, -n)}, dout=out), "_fused") == []


@pytest.mark.parametrize("shape", [(2,), (2, 1, 1), (4,)])
def test_a_third_array_that_is_no_bias(shape):
    """A scale and a shift behind the activation, whose gradients are right."""

    def forward(x, w, s):
        return s[0] * np.tanh(x @ w) + s[1], (x, w, s)

    def right(dout, x, w, s):
        t = np.tanh(x @ w)
        dz = s[0] * dout * (1 - t * t)
        ds = np.array([(dout * t).sum(), dout.sum(), 0, 0])
        return dz @ w.T, x.T @ dz, ds[: s.size].reshape(shape)

    def backward(dout, cache):
        x, w, s = cache
        return dout @ w.T, x.T @ dout, right(dout, x, w, s)[2]

    s = np.array([0.7, -0.4, 0.3, 0.2])[: shape[0]].reshape(shape)
    expected = [("local derivative missing", as_if_linear("dx", "dw"))]
    assert found(checked(forward, backward, right, X, W, s), "_fused") == expected
    wrong = checked(forward, lambda dout, cache: (*backward(dout, cache)[:2], s), right, X, W, s)
    assert found(wrong, "_fused") == []


# --- an argument in its own gradient ---------------------------------------------------------------------------------------


def product(backward, forward=lambda x, w: (x * w, (x, w)), right=lambda dout, x, w: (dout * w, dout * x), x=V):
    return checked(forward, backward, right, x, np.array([0.9, 0.6, -0.5, 0.7]))


def changes(name):
    said = f"your d{name} changes with {name}, though the output is linear in {name}: another array belongs there"
    return [("wrong operand", said)]


def test_where_forward_is_linear_the_gradient_is_constant():
    assert found(product(lambda dout, cache: (dout * cache[0], dout * cache[0])), "_dependence") == changes("x")
    assert found(product(lambda dout, cache: (dout * cache[1], dout * cache[1])), "_dependence") == changes("w")
    assert found(product(lambda dout, cache: (0.5 * dout * cache[1], dout * cache[0])), "_dependence") == []
    tiny = product(lambda dout, cache: (0.1 * dout * cache[0] / cache[1], dout * cache[0]))
    assert found(tiny, "_dependence") == changes("x")


@pytest.mark.parametrize("curved", [1.0, 1e-6])
def test_where_forward_is_curved_the_gradient_may_change(curved):
    e = product(
        lambda dout, cache: (dout * cache[0], dout * cache[0]),
        forward=lambda x, w: (x * w + curved * x**2, (x, w)),
        right=lambda dout, x, w: (dout * (w + 2 * curved * x), dout * x),
    )
    assert e.wrong == ["x"]
    assert found(e, "_dependence") == []


def test_of_several_arguments_each_is_looked_at():
    """The output is curved in the first, and the gradient of the second is 0: the third is all the same named."""

    def right(dout, x, y, w):
        return 2 * x * dout, dout, dout

    e = checked(
        lambda x, y, w: (x**2 + y + w, (x, y, w)),
        lambda dout, cache: (dout * cache[0], 0 * dout, dout * cache[2]),
        right, V, V, V,
    )  # fmt: skip
    assert found(e, "_dependence") == changes("w")


@pytest.mark.parametrize("refused", [-1, 1])
def test_a_forward_that_refuses_other_numbers(refused):
    def forward(x, w):
        if refused * (x - V).sum() > 1e-3:
            raise ValueError
        return x * w, (x, w)

    assert found(product(lambda dout, cache: (dout * cache[0], dout * cache[0]), forward=forward), "_dependence") == []


def test_a_backward_that_does_not_work_elsewhere():
    def raises(dout, cache):
        x, _ = cache
        if not np.array_equal(x, V):
            raise ValueError
        return dout * x, dout * x

    def other_shape(dout, cache):
        x, _ = cache
        return (dout * x if np.array_equal(x, V) else np.zeros(7)), dout * x

    assert found(product(raises), "_dependence") == []
    assert found(product(other_shape), "_dependence") == []


def test_a_gradient_of_zeros_depends_on_nothing():
    assert found(product(lambda dout, cache: (cache[0] - V, dout * cache[0])), "_dependence") == []
    one = product(lambda dout, cache: (cache[0] - V + [0, 0.4, 0, 0], dout * cache[0]))
    assert found(one, "_dependence") == changes("x")


def test_what_keeps_something_between_calls_is_not_called_again():
    e = product(lambda dout, cache: (dout * cache[0], dout * cache[0]))
    e.trial.findings.append(Finding("stale cache", "", 1.0))
    assert found(e, "_dependence") == []


# --- weight decay ----------------------------------------------------------------------------------------------------------

WEIGHTS = {"w": numbers(4, 3), "b": numbers(3)}


@pytest.mark.parametrize("dout", [2.5, 0.4])
@pytest.mark.parametrize(
    ("name", "likely", "other"), [("w", "scaled wrong", "on the bias"), ("b", "on the bias", "scaled wrong")]
)
def test_an_argument_is_in_its_gradient(dout, name, likely, other):
    w = WEIGHTS[name]
    n = numbers(*w.shape)
    for part in (0.3, 7.0):
        e = evidence({name: (n - part * dout * w, n)}, dout=dout, arrays={name: w})
        said = f"your d{name} lacks exactly {part:g} * {name}"
        expected = [("weight decay missing", said), ("weight decay scaled wrong", said)]
        assert found(e, "_decay", name) == expected
        e = evidence({name: (n + part * dout * w, n)}, dout=dout, arrays={name: w})
        said = f"your d{name} has {part:g} * {name} too much"
        assert found(e, "_decay", name) == [(f"weight decay {likely}", said), (f"weight decay {other}", said)]


def test_behind_an_array_the_argument_is_not_divided_by_dout():
    w, n = WEIGHTS["w"], numbers(4, 3)
    e = evidence({"w": (n - 0.3 * w, n)}, dout=(2, 2), arrays={"w": w})
    assert found(e, "_decay", "w")[0] == ("weight decay missing", "your dw lacks exactly 0.3 * w")


def test_of_one_number_every_other_is_a_multiple():
    for size, said in ((1, False), (2, True)):
        w, n = numbers(size), numbers(size)
        e = evidence({"w": (n - 0.3 * w, n)}, arrays={"w": w})
        assert bool(found(e, "_decay", "w")) == said


@pytest.mark.parametrize("dout", [1.0, 2.5])
def test_a_loss_that_is_nothing_but_the_penalty(dout):
    w = WEIGHTS["w"]
    for yours, name, said in (
        (0, "weight decay missing", "your dw is 0, the penalty's is 0.6 * w"),
        (0.5, "weight decay scaled wrong", "your dw is 0.5 * w, the penalty's 0.6 * w"),
        (-7, "weight decay scaled wrong", "your dw is -7 * w, the penalty's 0.6 * w"),
    ):
        e = evidence({"w": (yours * dout * w, 0.6 * dout * w)}, dout=dout, arrays={"w": w})
        assert found(e, "_decay", "w") == [(name, said)]
        e = evidence({"w": (yours * dout * w, 0.6 * dout * w)}, dout=(3,), arrays={"w": w})
        assert found(e, "_decay", "w") == []


def test_a_difference_of_weights_signs_and_a_constant():
    said = "your dw differs by 0.3 * w, 0.2 * its sign, and -0.4"
    for size, dout, expected in ((5, 1.0, True), (12, 1.0, True), (4, 1.0, False), (12, (3,), False)):
        w, n = np.linspace(0.4, 1.9, size) * np.resize([1, -1, -1], size), numbers(size)
        a = n - (0.3 * w + 0.2 * np.sign(w) - 0.4)
        e = evidence({"w": (a, n)}, dout=dout, arrays={"w": w})
        assert found(e, "_decay", "w") == ([("weight decay scaled wrong", said)] if expected else [])
        a[1] += 0.1
        e = evidence({"w": (a, n)}, dout=dout, arrays={"w": w})
        assert size == 4 or found(e, "_decay", "w") == []


def test_how_many_times_an_array():
    w = numbers(4)
    assert terms._multiple(-0.3 * w, w) == pytest.approx(-0.3)
    assert terms._multiple(0.3 * w + [0, 0, 0, 1e-3], w) is None
    assert terms._multiple(w**2, w) is None
    assert terms._multiple(0 * w, w) == 0
    large = 1e3 * np.array([0.5, 1.0, 2.0])
    assert terms._multiple(0 * large, large) == 0
    assert terms._multiple(5e-10 * large, large) is None  # rounding
    assert terms._multiple(5e-9 * large, large) == pytest.approx(5e-9)
    assert terms._multiple(np.array([5e-10, 0.0]), np.array([1.0, 0.0])) == pytest.approx(5e-10)


def penalised(dw, db=lambda b, reg: 0 * b, dout=None, **options):
    """Evidence for sum((x @ w + b)**2) + reg * sum(w**2), and what is added to the gradients of w and b for the penalty."""
    x = np.abs(X)

    def forward(w, b, reg, **more):
        return float(((x @ w + b) ** 2).sum() + reg * (w**2).sum()), (w, b, reg, more)

    def slopes(dout, w, b):
        dz = 2 * dout * (x @ w + b)
        return x.T @ dz, dz.sum(0)

    def backward(dloss, cache):
        w, b, reg, more = cache
        for_w, for_b = slopes(dloss, w, b)
        added = dw(w, reg, **more)
        return added if isinstance(added, tuple) else (for_w + dloss * added, for_b + dloss * db(b, reg))

    def right(dout, w, b):
        for_w, for_b = slopes(dout, w, b)
        return for_w + 2 * dout * options["reg"] * w, for_b

    return checked(forward, backward, right, WEIGHTS["w"], WEIGHTS["b"], **options)


def from_the_penalty(name, has, wanted):
    return f"from the penalty your d{name} has {has}, and it should have {wanted}"


@pytest.mark.parametrize("reg", [0.37, 1.0, 3700.0])
def test_the_option_of_the_penalty_is_found(reg):
    wanted = f"{2 * reg:.4g} * w"
    e = penalised(lambda w, reg: 0 * w, reg=reg)
    assert found(e, "_decay", "w") == [("weight decay missing", from_the_penalty("w", "nothing", wanted))]
    e = penalised(lambda w, reg: reg * w, reg=reg)
    assert found(e, "_decay", "w") == [("weight decay scaled wrong", from_the_penalty("w", f"{reg:.4g} * w", wanted))]
    e = penalised(lambda w, reg: 2 * reg * w, lambda b, reg: 2 * reg * b, reg=reg)
    assert e.wrong == ["b"]
    expected = [("weight decay on the bias", from_the_penalty("b", f"{2 * reg:.4g} * b", "nothing"))]
    assert found(e, "_decay", "b") == expected


@pytest.mark.parametrize(
    "dw",
    [
        lambda w, reg, other: reg * w * (1 // other),  # which may not be 0
        lambda w, reg, other: reg * w if other else (None, None),  # without it there is no gradient
        lambda w, reg, other: reg * w if other else (np.zeros(2), np.zeros(3)),
        lambda w, reg, other: reg * w + np.sin(other - 1),
    ],
)
def test_the_other_options_are_no_penalty(dw):
    for more in ({"other": 1, "reg": 0.37}, {"reg": 0.37, "other": 1}):
        e = penalised(dw, **more)
        expected = [("weight decay scaled wrong", from_the_penalty("w", "0.37 * w", "0.74 * w"))]
        assert found(e, "_decay", "w") == expected


def test_the_penalty_is_found_as_exactly_as_it_is_measured():
    for has, yours, name in ((0, "nothing", "missing"), (0.9999, "7399 * w", "scaled wrong")):
        e = penalised(lambda w, reg, has=has: has * 2 * reg * w, reg=3700.0)
        e.results["w"].numeric *= 1 + 1e-8
        assert found(e, "_decay", "w") == [(f"weight decay {name}", from_the_penalty("w", yours, "7400 * w"))]


def test_a_penalty_may_be_in_an_array():
    def forward(w, reg):
        return X @ w + reg * (w**2).sum() * np.array([1, 2, 3]), w

    def right(dout, w):
        return (X.T @ dout + 2 * 0.37 * w * (dout * [1, 2, 3]).sum(),)

    w, dout = WEIGHTS["w"], numbers(5, 3)
    e = checked(forward, lambda dout, w: X.T @ dout, right, w, dout=dout, reg=0.37)
    wanted = f"{2 * 0.37 * (dout * [1, 2, 3]).sum():.4g} * w"
    assert found(e, "_decay", "w") == [("weight decay missing", from_the_penalty("w", "nothing", wanted))]


def test_an_option_may_give_the_output_its_shape():
    def forward(w, rows, reg):
        return (X @ w)[: int(rows)] + reg * (w**2).sum(), w

    def right(dout, w):
        return (X[:3].T @ dout + 0.74 * w * dout.sum(),)

    w, dout = WEIGHTS["w"], numbers(3, 3)
    e = checked(forward, lambda dout, w: X[: len(dout)].T @ dout, right, w, dout=dout, rows=3, reg=0.37)
    wanted = f"{0.74 * dout.sum():.4g} * w"
    assert found(e, "_decay", "w") == [("weight decay missing", from_the_penalty("w", "nothing", wanted))]


def test_an_option_of_0_is_no_penalty():
    e = penalised(lambda w, reg, none: reg * w, none=0.0, reg=0.37)
    assert found(e, "_decay", "w")[0][1] == from_the_penalty("w", "0.37 * w", "0.74 * w")


def test_an_option_that_explains_not_all_of_it_is_no_penalty():
    """The penalty is missing, and another option's multiple of w is there instead."""
    for extra, said in ((-0.5, "lacks exactly 1.24"), (0.5, "lacks exactly 0.24"), (2.0, "has 1.26")):
        e = penalised(lambda w, reg, extra: extra * w, reg=0.37, extra=extra)
        assert all(words.startswith(f"your dw {said} * w") for _, words in found(e, "_decay", "w"))
        assert found(e, "_decay", "w") != []


# --- products --------------------------------------------------------------------------------------------------------------


def test_the_matrices_of_a_product():
    out = np.array([[0.5, 0.0, 0.2], [0.0, 0.0, 0.7]])
    dout, x, w, same = numbers(2, 3), numbers(2, 4), numbers(4, 3), out - [[0, 1, 0], [0, 0, 0.3]]
    n = numbers(2, 3)
    e = evidence(
        {"x": (n, n)}, arrays={"x": x, "w": w, "b": numbers(3), "v": numbers(2, 3, 1), "r": same}, dout=dout, out=out
    )
    matrices = terms._matrices(e)
    expected = {
        "dout": ("dout", dout),
        "out": ("out", out),
        "x": ("x", x),
        "w": ("w", w),
        "r": ("r", same),
        "(dout where out > 0)": ("masked dout", dout * [[1, 0, 1], [0, 0, 1]]),
        "(dout where out - r > 0)": ("masked dout", dout * [[0, 1, 0], [0, 0, 1]]),
    }
    assert list(matrices) == list(expected)
    for words, (of, matrix) in expected.items():
        assert matrices[words][0] == of
        np.testing.assert_array_equal(matrices[words][1], matrix)


@pytest.mark.parametrize(
    ("out", "masked"),
    [([[0.0, 0.0]], False), ([[0.5, 0.5]], False), ([[0.0, 0.5]], True), ([[0.0, 1e-13]], False), ([[0.5, 1e-13]], True)],
)
def test_a_mask_lets_some_through(out, masked):
    n = numbers(2)
    e = evidence({"x": (n, n)}, dout=(1, 2), out=np.array(out))
    assert ("(dout where out > 0)" in terms._matrices(e)) == masked


def test_only_a_matrix_has_a_masked_dout():
    for shape in ((4,), (2, 2, 1)):
        e = evidence({"x": (V, V)}, dout=shape, out=np.array([0.5, 0, 0.5, 0]).reshape(shape))
        assert terms._matrices(e) == {}


def multiplied(a, n, dout, *, name="x", out=None, **arrays):
    e = evidence({name: (a, n)}, arrays=arrays, dout=dout, out=numbers(*dout.shape) if out is None else out)
    return found(e, "_products", name)


def test_a_product_of_the_wrong_two():
    dout, w, v = numbers(5, 3), numbers(4, 3), numbers(4, 3)
    assert multiplied(dout @ v.T, dout @ w.T, dout, w=w, v=v) == [("wrong operand", "your dx is dout @ v.T")]
    x, out = numbers(5, 4), numbers(5, 3)
    assert multiplied(x.T @ out, x.T @ dout, dout, name="w", x=x, w=w.T, out=out) == [
        ("wrong operand", "your dw is x.T @ out")
    ]
    assert multiplied(dout @ (w + v).T, dout @ w.T, dout, w=w, v=v) == []
    square = numbers(3, 3)
    assert multiplied(w @ square, w @ v.T @ w, dout, w=w, s=square) == [("wrong operand", "your dx is w @ s")]


def test_a_product_with_one_factor_turned():
    x, dout = numbers(4, 4), numbers(4, 4)
    for words, a in {"x @ dout": x @ dout, "x.T @ dout.T": x.T @ dout.T, "dout.T @ x": dout.T @ x}.items():
        said = f"your dw is {words}: one of the factors is turned"
        assert multiplied(a, x.T @ dout, dout, name="w", x=x) == [("transposed", said)]


def test_a_product_without_the_mask():
    x, w, dout = numbers(5, 4), numbers(4, 3), numbers(5, 3)
    out = relu(x @ w)
    masked = dout * (out > 0)
    assert multiplied(x.T @ dout, x.T @ masked, dout, name="w", x=x, w=w, out=out) == [
        ("mask missing", "your dw is x.T @ dout: the ReLU's mask is missing")
    ]
    assert multiplied(x.T @ masked, x.T @ dout, dout, name="w", x=x, w=w, out=out) == [
        ("wrong operand", "your dw is x.T @ (dout where out > 0)")
    ]
    other = numbers(5, 3)
    assert multiplied(x.T @ other, x.T @ masked, dout, name="w", x=x, c=other, out=out) == [
        ("wrong operand", "your dw is x.T @ c")
    ]
    square, dout = numbers(5, 5), numbers(5, 3)
    masked = dout * (relu(square @ dout) > 0)
    said = multiplied(square @ masked, square.T @ masked, dout, name="y", x=square, out=relu(square @ dout))
    assert said == [("transposed", "your dy is x @ (dout where out > 0): one of the factors is turned")]


def test_a_product_beside_a_shortcut():
    dout, w, v = numbers(5, 4), numbers(4, 4), numbers(4, 4)
    n = dout + dout @ w.T
    said = "your dx is dout + dout @ v.T"
    assert multiplied(dout + dout @ v.T, n, dout, w=w, v=v, u=numbers(4, 3)) == [("wrong operand", said)]
    said = "your dx is dout + dout @ w: one of the factors is turned"
    assert multiplied(dout + dout @ w, n, dout, w=w) == [("transposed", said)]
    assert multiplied(dout @ w.T, n, dout, w=w) == []  # the branch is missing, not an operand
    assert multiplied(dout + dout @ w.T, n - dout, dout, w=w) == []


def test_a_product_of_one_column_proves_nothing():
    dout, x = numbers(5, 3), numbers(5, 1)
    column, row = numbers(4, 1), numbers(1, 3)
    assert multiplied(column @ row, numbers(4, 3), dout, u=column, v=row) == []
    assert multiplied(dout.T @ x, numbers(3, 1), dout, u=x) == [("wrong operand", "your dx is dout.T @ u")]
    two, rows = numbers(4, 2), numbers(2, 3)
    assert multiplied(two @ rows, numbers(4, 3), dout, u=two, v=rows) == [("wrong operand", "your dx is u @ v")]


def test_a_product_that_can_be_read_in_two_ways_is_said_once():
    dout, v = numbers(5, 3), numbers(3, 3)
    even = v + v.T
    assert multiplied(dout @ even, dout @ v, dout, s=even, v=v) == [("wrong operand", "your dx is dout @ s")]


def test_a_product_in_a_loss():
    x, w = numbers(5, 4), numbers(4, 3)
    e = evidence({"y": (x @ w, numbers(5, 3))}, arrays={"x": x, "w": w})
    assert found(e, "_products", "y") == [("wrong operand", "your dy is x @ w")]
    e = evidence({"g": (2.5 * x.sum(0), numbers(4))}, arrays={"x": x}, dout=2.5)
    assert found(e, "_products", "g") == []
    e = evidence({"g": (2.5 * 0.7, 0.3)}, arrays={"v": np.array(0.7)}, dout=2.5)
    assert found(e, "_products", "g") == []  # one number is soon the product of two


def test_a_sum_of_dout_times_the_wrong_array():
    dout, x, out = numbers(4, 3), numbers(4, 3), numbers(4, 3)
    arrays = {"w": numbers(4, 2), "x": x}
    said = "your dg is the sum of dout * x over axis 0"
    assert multiplied((dout * x).sum(0), numbers(3), dout, name="g", out=out, **arrays) == [("wrong operand", said)]
    said = "your dg is the sum of dout * out over axis 1"
    assert multiplied((dout * out).sum(1), numbers(4), dout, name="g", out=out, **arrays) == [("wrong operand", said)]
    assert multiplied((dout * x).sum(0) + 0.1, numbers(3), dout, name="g", **arrays) == []
    assert multiplied(np.array([(dout * x).sum()]), numbers(1), dout, name="g", **arrays) == []
    images, pictures = numbers(2, 3, 4, 5), numbers(2, 3, 4, 5)
    said = "your dg is the sum of dout * x over axes 0 and 2 and 3"
    sums = (images * pictures).sum((0, 2, 3))
    assert multiplied(sums, numbers(3), images, name="g", x=pictures) == [("wrong operand", said)]
    said = "your dg is the sum of dout * x over axis 0"
    two = multiplied((dout[:2] * x[:2]).sum(0)[:2], numbers(2), dout[:2, :2], name="g", x=x[:2, :2])
    assert two == [("wrong operand", said)]


def test_one_array_in_two_arguments_is_said_once():
    dout, x = numbers(4, 3), numbers(4, 3)
    assert len(multiplied((dout * x).sum(0), numbers(3), dout, name="g", x=x, y=x)) == 1
    assert len(multiplied(dout * x, numbers(4, 3), dout, name="g", x=x, y=x)) == 1


def test_dout_times_the_wrong_array():
    dout, v, out = numbers(4, 3), numbers(4, 3), numbers(4, 3)
    arrays = {"x": numbers(4, 3), "w": numbers(5, 2), "v": v}
    assert multiplied(dout * v, numbers(4, 3), dout, out=out, **arrays) == [("wrong operand", "your dx is dout * v")]
    assert multiplied(dout * out, numbers(4, 3), dout, out=out, **arrays) == [("wrong operand", "your dx is dout * out")]
    assert multiplied(dout * v + 0.1, numbers(4, 3), dout, out=out, **arrays) == []
    assert multiplied(dout * v, numbers(4, 3), dout, name="v", v=v, x=numbers(4, 3)) == []  # its own array: see _constant
    column, other = numbers(4, 1), numbers(4, 1)
    assert multiplied(column * other, numbers(4, 1), column, v=other) == [("wrong operand", "your dx is dout * v")]


def test_the_sets_of_axes_to_sum_over():
    assert terms._axes(3) == [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    assert terms._axes(1) == [(0,)]
    assert terms._axes(0) == []


# --- sums ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dout", "axes", "words"),
    [
        ((4, 4), (1,), "axis 1"),
        ((4, 4), (0,), "axis 0"),
        ((2, 2), (1,), "axis 1"),
        ((3, 4, 4), (0, 2), "axes 0 and 2"),
        ((3, 4, 4), (1,), "axis 1"),
        ((2, 3, 4, 3), (0, 1, 2), "axes 0 and 1 and 2"),
    ],
)
def test_a_sum_over_the_wrong_axes(dout, axes, words):
    dout = numbers(*dout)
    a = dout.sum(axes)
    for shape in (a.shape, (1, *a.shape)):
        e = evidence({"b": (a.reshape(shape), numbers(*shape))}, dout=dout)
        assert found(e, "_sums", "b") == [("summed over the wrong axis", f"your db is dout summed over {words}")]
    e = evidence({"b": (a + 0.01 * numbers(*a.shape), numbers(*a.shape))}, dout=dout)
    assert found(e, "_sums", "b") == []


def test_one_number_is_no_sum_over_the_wrong_axis():
    dout = numbers(4, 3)
    assert found(evidence({"b": ([dout.sum()], [0.5])}, dout=dout), "_sums", "b") == []


@pytest.mark.parametrize("axis", [0, 1])
def test_a_sum_that_stands_everywhere(axis):
    n = numbers(3, 4) / 3
    n[0, 1], n[2, 2] = n[0, 0], n[1, 2]
    both = f"your dx is the same all along axis {axis}"
    for a in (n.sum(axis, keepdims=True), n.mean(axis, keepdims=True)):
        e = evidence({"x": (a + 0 * n, n)}, dout=(3, 2))
        findings = list(terms._sums(e, "x"))
        assert [(f.name, f.evidence) for f in findings] == [
            ("summed over the wrong axis", f"{both}: the sum over that axis stands everywhere")
        ]
        e = evidence({"x": (a + 0.1 + 0 * n, n)}, dout=(3, 2))
        other = list(terms._sums(e, "x"))
        assert [f.evidence for f in other] == [f"{both}, the numeric one is not"]
        assert 0 < other[0].weight < findings[0].weight < 1


def test_two_along_an_axis_are_enough():
    n, a = numbers(2, 4) / 3, numbers(1, 4)
    said = "your dx is the same all along axis 0, the numeric one is not"
    assert found(evidence({"x": (a + 0 * n, n)}, dout=(3, 2)), "_sums", "x") == [("summed over the wrong axis", said)]


def test_what_should_be_the_same_along_an_axis_or_is_not():
    n = numbers(3, 4) / 3
    row = numbers(1, 4)
    for a, wanted, dout in (
        (n + 0.3, n, (3, 2)),  # along no axis the same
        (np.where(np.arange(4) < 3, 0.5, 0.4) * [[1], [0.8], [0.9]], n, (3, 2)),  # nearly
        (row + 0 * n, 2 * row + 0 * n, (3, 2)),  # so it should be
        (row, 2 * row, (3, 2)),  # there is only one
        (row + 0 * n, n, 1.5),  # of a loss
        (row[0], n[0], 1.5),
    ):
        assert found(evidence({"x": (a, wanted)}, dout=dout), "_sums", "x") == []


def test_the_same_everywhere_is_said_once():
    n = numbers(3, 4)
    said = found(evidence({"x": (0.7 + 0 * n, n)}, dout=(3, 2)), "_sums", "x")
    assert said == [("summed over the wrong axis", "your dx is the same all along axis 0, the numeric one is not")]


# --- branches --------------------------------------------------------------------------------------------------------------


def branched(a, n, dout, *, name="x", jacobian=None, **arrays):
    return found(evidence({name: (a, n)}, arrays=arrays, dout=dout, jacobian=jacobian), "_branches", name)


def paths(shape=(4, 3)):
    """dout, what flows along a shortcut, along a matrix and along something else."""
    dout, rest = numbers(*shape), numbers(*shape)
    w = numbers(shape[1], shape[1])
    return {
        "dout (the shortcut)": (dout, dout, rest, {}),
        "dout @ w": (dout, dout @ w, rest, {"w": w}),
        "dout @ w.T": (dout, dout @ w.T, rest, {"w": w}),
    }


@pytest.mark.parametrize("words", list(paths()))
def test_a_path_too_few_or_too_many(words):
    dout, path, rest, arrays = paths()[words]
    n, full = path + rest, numbers(12, 12)
    for a, name, said in (
        (n - path, "branch missing", f"your dx lacks exactly {words}"),
        (n + path, "branch counted twice", f"your dx has {words} twice"),
        (path, "branch missing", f"your dx is {words} and nothing else"),
        (path + 2 * rest, "branch counted twice", f"your dx has everything but {words} twice"),
        (rest - path, "sign flipped", f"in your dx the part {words} has the other sign"),
        (path - rest, "sign flipped", f"in your dx the part {words} has the other sign"),
    ):
        for small in (1, 0.1):
            assert branched(small * a, small * n, small * dout, jacobian=full, **arrays) == [(name, said)]
    assert branched(n + 0.1 * rest, n, dout, jacobian=full, **arrays) == []
    for jacobian in (None, numbers(12, 6), numbers(6, 12)):  # dout has another shape than x: no shortcut is all there is
        assert branched(path, n, dout, jacobian=jacobian, **arrays) == []
        assert branched(n - path, n, dout, jacobian=jacobian, **arrays) == [
            ("branch missing", f"your dx lacks exactly {words}")
        ]


def test_the_only_path_is_no_branch():
    dout, path, _, arrays = paths()["dout @ w"]
    for a in (0 * dout, 2 * dout, -dout):
        assert branched(a, dout, dout) == []
    said = [("branch missing", "your dx lacks exactly dout @ w")]
    assert branched(dout - path, dout, dout, **arrays) == said  # the others are looked at all the same


def test_an_elementwise_function_has_no_shortcut():
    dout, rest = numbers(6), numbers(6)
    for jacobian, expected in (
        (np.diag(numbers(6)), []),
        (np.diag(numbers(6)) + 0.1 * np.eye(6, k=1), [("branch missing", "your dx lacks exactly dout (the shortcut)")]),
    ):
        assert branched(rest, rest + dout, dout, jacobian=jacobian) == expected


def test_along_a_path_nothing_flows_into_a_loss_or_a_gradient_of_zeros():
    dout = numbers(4, 3)
    for scale in (0, 1e-10):
        assert branched(scale * numbers(4, 3) - dout, scale * numbers(4, 3), dout) == []
    one = np.zeros((4, 3))
    one[1, 1] = 0.5
    assert branched(one - dout, one, dout) == [("branch missing", "your dx lacks exactly dout (the shortcut)")]
    assert branched(np.array(0.5), np.array(2.25), 1.75) == []


def test_a_path_fits_in_shape():
    dout, w, rest = numbers(4, 3), numbers(3, 2), numbers(4, 2)
    said = [("branch missing", "your dx lacks exactly dout @ w")]
    assert branched(rest, rest + dout @ w, dout, w=w) == said
    said = [("branch missing", "your dx lacks exactly dout @ w.T")]
    assert branched(rest, rest + dout @ w, dout, w=w.T.copy(), b=numbers(2), v=numbers(3, 2, 2)) == said
    for shape in ((3, 2), (5, 2), (4,)):  # a row of dout is none of x
        other = numbers(*shape)
        assert branched(other, 2 * other, dout, w=w) == []
    assert branched(rest, 2 * rest, numbers(4), w=w) == []
    square, rest = numbers(4, 3), numbers(4, 3)
    own = numbers(3, 3)
    for a in (np.zeros((3, 3)), own):
        assert branched(a, a + own @ own, own, name="w", w=own) == []  # an argument's own array is no path to it
    images = numbers(4, 3, 2)
    assert branched(square, rest, images, w=numbers(3, 3)) == []
    assert branched(images, 2 * images, square, w=numbers(3, 3)) == []


def test_as_many_inputs_as_outputs():
    assert terms._square(numbers(3, 3))
    assert not terms._square(numbers(3, 2))
    assert not terms._square(numbers(2, 3))
    assert not terms._square(None)


# --- labels ----------------------------------------------------------------------------------------------------------------

LABELS = np.array([2, 0, 2, 4, 0])
ONE_HOT = np.array([[0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, 0]])
LOGITS = numbers(5, 6)


def labelled(difference, dout=1.0, labels=LABELS, n=LOGITS, **more):
    return found(evidence({"x": (n + difference, n)}, dout=dout, constants={"t": labels, **more}), "_labelled", "x")


@pytest.mark.parametrize("dout", [1.0, 2.5])
def test_one_is_not_taken_from_the_right_class(dout):
    missing, right = (
        "your dx differs in the right class of each row only, by -1 / N",
        "5 entries are wrong, each in the right class of its row",
    )
    expected = [("right class wrong", right), ("one-hot missing", missing)]
    assert labelled(dout * ONE_HOT / 5, dout) == expected
    assert labelled(-0.3 * dout * ONE_HOT / 5, dout)[1][1].endswith("only, by 0.3 / N")


def test_the_right_class_is_wrong_by_this_and_that():
    for factors in ([1, 2, 3, 4, 5], [1, 1, 1, 1, 1.3], [1, 1, 0, 1, 0]):
        wrong = np.count_nonzero(factors)
        said = f"{wrong} entries are wrong, each in the right class of its row"
        assert labelled(ONE_HOT * np.array(factors)[:, None] / 5) == [("right class wrong", said)]


def test_all_other_classes_are_off_by_the_same():
    said = "all 25 wrong entries are off by the same amount, -0.2; they are those of the wrong classes"
    assert labelled(-0.2 * (1 - ONE_HOT)) == [("labels index every row", said)]
    assert labelled(-0.2 * (1 - ONE_HOT) * np.linspace(1, 1.3, 6)) == []


def test_the_labels_are_taken_in_every_row():
    said = "your dx is wrong in the columns of all classes that are a label, in every row"
    everywhere = np.zeros((5, 6))
    everywhere[:, LABELS] -= 0.2
    expected = [("labels index every row", said)]
    assert labelled(everywhere) == expected
    assert labelled(everywhere - 0.3 * ONE_HOT) == expected
    one_more = everywhere.copy()
    one_more[1, 3] = 0.1
    assert labelled(one_more) == []
    everywhere[:, 4] = 0
    assert labelled(everywhere) == []
    all_used = np.array([0, 1, 2, 0, 1])
    few = LOGITS[:, :3]
    assert labelled(-0.2 + numbers(5, 3) / 100, labels=all_used, n=few) == []


def test_a_gradient_that_is_nearly_right_is_no_matter_of_labels():
    """In float32, say: no entry is off by more than is allowed."""
    assert labelled(5e-7 * np.abs(LOGITS).max() * numbers(5, 6)) == []


@pytest.mark.parametrize("ids", [[9, 9, 1, 3, 3], [-9, 0, 1, 3, 3], [1, 1, 1, 1, 1]])
def test_the_first_whole_numbers_are_the_labels(ids):
    everywhere = np.zeros((5, 6))
    everywhere[:, LABELS] -= 0.2
    for difference in (everywhere, ONE_HOT / 5, 1 - ONE_HOT):
        expected = labelled(difference)
        assert len(expected) > 0
        assert labelled(difference, ids=np.array(ids)) == expected


def test_what_counts_as_wrong_goes_by_the_largest_entry():
    large = 1e3 * LOGITS
    allowed = 0.9e-6 * np.abs(large).max()
    assert labelled(10 * ONE_HOT + allowed * (1 - ONE_HOT), n=large)[0][0] == "right class wrong"


def test_a_small_difference_counts():
    small = 1e-3 * LOGITS  # 1 of a million, of the largest
    assert labelled(1e-5 * np.eye(6)[:5], n=small)[:1] == []
    assert labelled(1e-5 * ONE_HOT, n=small)[0][0] == "right class wrong"


@pytest.mark.parametrize(
    "labels",
    [
        LABELS.astype(float),
        LABELS[:, None],
        np.append(LABELS, 1),
        LABELS[:4],
        np.array([2, 0, 2, 6, 0]),
        np.array([2, 0, -2, 4, 0]),
        np.array([2, 0, -1, 4, 0]),
        np.array([2, 0, 9, 4, 0]),
    ],
)
def test_what_is_no_label(labels):
    one_hot = np.zeros((5, 6))
    one_hot[np.arange(4), labels.ravel()[:4].astype(int) % 6] = 1
    assert labelled(one_hot / 5, labels=labels) == []
    everywhere = np.zeros((5, 6))
    everywhere[:, labels.ravel().astype(int) % 6] = 1
    assert labelled(everywhere / 5, labels=labels) == []


def test_labels_may_be_of_any_whole_type_and_the_last_class_counts():
    for labels in (LABELS.astype(np.uint8), np.array([5, 0, 2, 4, 0])):
        one_hot = np.zeros((5, 6))
        one_hot[np.arange(5), labels] = 1
        assert labelled(one_hot / 5, labels=labels)[0][0] == "right class wrong"


def test_labels_belong_to_a_loss_on_a_matrix():
    e = evidence({"x": (LOGITS + ONE_HOT / 5, LOGITS)}, dout=(5,), constants={"t": LABELS})
    assert found(e, "_labelled", "x") == []
    e = evidence({"x": (LOGITS[0] + 0.2, LOGITS[0])}, constants={"t": np.array([2, 0, 2, 4, 0, 1])})
    assert found(e, "_labelled", "x") == []
    e = evidence({"x": (LOGITS + ONE_HOT / 5, LOGITS)})
    assert found(e, "_labelled", "x") == []
