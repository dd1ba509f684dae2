"""How code is read: which argument is which, what gets a gradient, and under which name backward's results are found."""

import functools

import numpy as np
import pytest

from scratchnet.gradcheck.learners import (
    PlainCall,
    _arguments,
    _attribute,
    _key_of,
    by_name,
    floats,
    like_labels,
    of_class,
    of_functions,
    of_object,
)
from scratchnet.gradcheck.subject import CodeRaised, Malformed
from scratchnet.rng import Purpose, stream

X, W, B = np.arange(6.0).reshape(2, 3) + 0.5, np.arange(12.0).reshape(3, 4) - 4.5, np.array([0.5, -1.0, 2.0, 1.5])
DOUT = np.arange(8.0).reshape(2, 4) - 3.2


def nothing(*args):
    return None


def ran(subject, dout=None):
    """(out, the gradients, the complaints) of one forward and one backward."""
    out, cache = subject.forward(subject.copies(), 0)
    return out, *subject.backward(np.ones_like(out) if dout is None else dout, cache)


def affine(x, w, b):
    return x @ w + b


def affine_back(dout, x, w, b):
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def assert_affine(subject):
    out, gradients, complaints = ran(subject, DOUT)
    np.testing.assert_allclose(out, X @ W + B)
    for gradient, wanted in zip(gradients.values(), affine_back(DOUT, X, W, B), strict=True):
        np.testing.assert_allclose(gradient, wanted)
    assert complaints == []


# --- pairs and plain functions ---------------------------------------------------------------------------------------------


def test_a_subject_of_functions():
    subject = of_functions((affine, affine_back), (X, W, B), {})
    assert_affine(subject)
    assert list(subject.arrays) == ["x", "w", "b"]
    assert subject.constants == subject.settings == {}
    assert subject.title == "affine, affine_back"
    assert (subject.has_upstream, subject.upstream, subject.without_dx, subject.assumed) == (True, "dout", None, [])


def test_titles():
    def title(run, run_back):
        return of_functions((run, run_back), (X,), {}).title

    assert title(affine, affine) == "affine"
    assert title(functools.partial(affine), affine_back) == "forward, affine_back"
    assert title(affine, functools.partial(affine_back)) == "affine, backward"


def test_options_reach_forward_and_arrays_among_them_are_constants():
    def forward(x, scale, labels, seen):
        seen.append(1)
        return x * scale * labels[0] * len(seen), None

    seen, labels = [], np.array([2, 1])
    subject = of_functions((forward, lambda dout, cache: dout), (X,), {"scale": 3.0, "labels": labels, "seen": seen})
    for _ in range(2):
        np.testing.assert_allclose(ran(subject)[0], 6 * X)
    assert seen == [], "each forward gets a copy"
    assert list(subject.constants) == ["labels"]
    given = subject.copies()
    given["labels"] = np.array([5, 1])
    np.testing.assert_allclose(subject.forward(given, 0)[0], 15 * X)
    assert subject.settings == {"scale": 3.0}


def test_constants_are_float64_or_what_they_are():
    options = {"mean": np.ones(3, np.float32), "labels": np.array([1, 0]), "size": 2}
    constants = of_functions((lambda x, **options: x, nothing), (X,), options).constants
    assert {name: array.dtype.name for name, array in constants.items()} == {"mean": "float64", "labels": "int64"}


def test_settings_are_the_defaults_and_what_is_given_instead():
    def forward(x, pad=0, stride=2, mode="same", flag=True):
        return x, None

    settings = of_functions((forward, lambda dout, cache: dout), (X,), {"pad": 1, "more": {"eps": 0.5}}).settings
    assert settings == {"pad": 1, "stride": 2, "eps": 0.5}


def test_random_numbers_come_where_they_are_asked_for():
    def draws(x, rng):
        return x * rng.random(), None

    first, again = (ran(of_functions((draws, lambda dout, cache: dout), (X,), {}))[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(first, X * stream(0, Purpose.GRADCHECK, step=1).random())
    given = of_functions((draws, lambda dout, cache: dout), (X,), {"rng": np.random.default_rng(9)})
    np.testing.assert_allclose(ran(given)[0], X * np.random.default_rng(9).random())
    named = of_functions((lambda x, rng: x * rng, lambda dout, x, rng: (dout * rng, dout * x)), (X, X), {})
    np.testing.assert_allclose(ran(named)[0], X * X, err_msg="an array may have that name")


def test_backward_takes_dout_alone_or_the_cache_and_options():
    def forward(x, pad):
        return x * pad, pad

    assert ran(of_functions((forward, lambda dout: 3 * dout), (X,), {"pad": 2}))[1]["x"].sum() == 3 * X.size
    extra = of_functions((forward, lambda dout, cache, pad, more=1: dout * cache * pad * more), (X,), {"pad": 2})
    assert ran(extra)[1]["x"].sum() == 4 * X.size
    alone = of_functions((forward, lambda cache: 5.0 * cache * np.ones((2, 3))), (X,), {"pad": 2})
    assert (alone.has_upstream, alone.upstream) == (False, "dout")
    assert ran(alone)[1]["x"].sum() == 10 * X.size


def test_a_loss_s_backward_takes_the_cache_alone():
    def loss(x):
        return float((x**2).sum()), x

    by_upstream = of_functions((loss, lambda dloss: dloss), (X,), {})
    assert by_upstream.has_upstream
    assert by_upstream.upstream == "dloss"
    of_cache = of_functions((lambda x: (x**2).sum(), lambda x: 2 * x), (X,), {})
    assert not of_cache.has_upstream
    np.testing.assert_allclose(ran(of_cache)[1]["x"], 2 * X)
    paired = of_functions((loss, lambda cache: 2 * cache), (X,), {})
    assert not paired.has_upstream
    np.testing.assert_allclose(ran(paired)[1]["x"], 2 * X)


@pytest.mark.parametrize(
    ("forward", "backward", "options", "takes"),
    [
        (lambda x: x**2, lambda x: 2 * x, {}, False),
        (lambda x: x**2, lambda out, x: 2 * x, {}, True),
        (lambda x: x**2, lambda *args: 1, {}, True),
        (lambda x: x**2, lambda x, g: 2 * x * g, {}, True),
        (lambda x: (x**2).sum(), lambda first: 2 * first, {}, False),  # one for each array
        (lambda x: (x**2).sum(), lambda first, second: 2 * first * second, {}, True),
        (lambda x, k: (k * x**2).sum(), lambda k, first: 2 * k * first, {"k": 1.0}, False),
        (lambda x, k: (k * x**2).sum(), lambda first, k: 2 * k * first, {"k": 1.0}, False),
        (lambda x, k: k * x, lambda first, k: first * k, {"k": 1.0}, True),
        (lambda x: (x, x), lambda first: first, {}, False),
        (lambda x: (x, x), lambda first, second: first, {}, True),
        (lambda x: 1 / 0, lambda first: first, {}, True),  # what is wrong with forward comes out later
        (lambda x: None, lambda first: first, {}, True),
        (lambda g: g**2, lambda g: 2 * g, {}, False),  # an argument of that name is not dout
    ],
)
def test_does_backward_take_an_upstream_gradient(forward, backward, options, takes):
    assert of_functions((forward, backward), (X,), options).has_upstream is takes


@pytest.mark.parametrize(
    ("backward", "name"),
    [
        (lambda g, x: g * x, "g"),
        (lambda x, dy: dy * x, "dy"),
        (lambda DY, x: DY * x, "DY"),
        (lambda incoming, x: incoming * x, "incoming"),
        (lambda values, dy: dy * values, "dy"),
        (lambda cache, x: cache * x, "dout"),  # no name for a gradient
        (lambda *all: all[0], "dout"),
    ],
)
def test_what_the_upstream_gradient_is_called(backward, name):
    assert of_functions((lambda x: x**2, backward), (X,), {}).upstream == name


def test_the_upstream_gradient_may_stand_anywhere():
    subject = of_functions((lambda x: x**2, lambda x, dy: 2 * x * dy), (X,), {})
    np.testing.assert_allclose(ran(subject, np.full((2, 3), 5.0))[1]["x"], 10 * X)


def test_need_dx_is_understood():
    def backward(dout, cache, need_dx=True):
        return (dout if need_dx else None), 2 * dout, 3 * dout

    subject = of_functions((lambda x, w, b: (x + w + b, None), backward), (X, X, X), {})
    found = subject.without_dx(np.ones((2, 3)), None)
    assert {name: float(gradient[0, 0]) for name, gradient in found.items()} == {"w": 2, "b": 3}


def test_a_setting_can_be_varied():
    def forward(x, pad, scale):
        return x * pad * scale, None

    subject = of_functions((forward, lambda dout, cache: dout), (X,), {"pad": 1, "scale": 3})
    np.testing.assert_allclose(ran(subject.vary("pad", 2))[0], 6 * X)
    np.testing.assert_allclose(ran(subject)[0], 3 * X)


def test_what_was_taken_for_granted_is_said_of_the_last_call():
    subject = of_functions((lambda x: np.maximum(x, 0), lambda dout, mask: dout * mask), (X,), {})
    ran(subject)
    ran(subject)
    said = "forward returns no cache, so backward's argument mask was given x: if it wants a cache, return (out, cache)"
    assert subject.assumed == [said]


def test_an_error_of_a_guessed_argument_is_told_with_the_guess():
    subject = of_functions((lambda x: x, lambda dout, saved: saved["mask"] * dout), (X,), {})
    with pytest.raises(Malformed, match=r"backward\(dout, saved\) wants .* As it is, saved was given x: IndexError: only"):
        ran(subject)
    assert subject.assumed == []
    certain = of_functions((lambda x: x, lambda dout, x: x["mask"] * dout), (X,), {})
    with pytest.raises(CodeRaised, match="backward raises IndexError"):
        ran(certain)


@pytest.mark.parametrize("result", [None, [1.0], (X, 1, 2)])
def test_what_is_no_output_is_refused(result):
    subject = of_functions((lambda x: result, lambda dout, cache: dout), (X,), {})
    with pytest.raises(Malformed, match=r"forward must return \(out, cache\)"):
        subject.forward(subject.copies(), 0)


# --- the arguments of a plain df -------------------------------------------------------------------------------------------

CALL = PlainCall({"x": "X", "w": "W", "b": "B"}, {"pad": 1}, "OUT")


@pytest.mark.parametrize(
    ("function", "upstream", "values", "by_place"),
    [
        (lambda dout, x, w, b: 0, "dout", ["D", "X", "W", "B"], {}),
        (lambda b, g, x: 0, "g", ["B", "D", "X"], {}),
        (lambda x, w, b: 0, "", ["X", "W", "B"], {}),
        (lambda *all: 0, "dout", ["D", "X", "W", "B"], {}),
        (lambda: 0, "dout", ["D", "X", "W", "B"], {}),
        (lambda dout, y: 0, "dout", ["D", "OUT"], {}),
        (lambda dout, A: 0, "dout", ["D", "OUT"], {}),
        (lambda dout, pad: 0, "dout", ["D", 1], {}),
        (lambda dout, x, extra=3, w=4: 0, "dout", ["D", "X"], {}),  # what has a default and no name that is known
        (lambda dout, x, w=3: 0, "dout", ["D", "X", "W"], {}),
        (lambda dout, w, first, second: 0, "dout", ["D", "W", "X", "B"], {"first": "x", "second": "b"}),
        (lambda dout, X, w: 0, "dout", ["D", "X", "W"], {}),  # another spelling
    ],
)
def test_arguments_by_name_then_by_place(function, upstream, values, by_place):
    takes = [] if function.__code__.co_flags & 4 else list(function.__code__.co_varnames[: function.__code__.co_argcount])
    assert _arguments(takes, "D", CALL, ["x", "w", "b"], function, upstream) == (values, by_place)


def test_what_no_argument_is_left_for():
    for function in (lambda dout, x, w, b, more: 0, lambda dout, x, cache: 0, lambda dout, Memory: 0):
        takes = list(function.__code__.co_varnames)
        with pytest.raises(Malformed, match=r"return \(out, cache\) from forward, or have backward take forward's own"):
            _arguments(takes, "D", CALL, ["x", "w", "b"], function, "dout")


def test_what_is_wanted_starts_with_backward_s_own_name():
    for function, wanted in (
        (lambda d, cache: 0, r"backward\(d, cache\) wants more than dout.*, backward\(d, x, w, b\)$"),
        (lambda x, cache, more=1: 0, r"backward\(x, cache\) wants more than dout.*, backward\(dout, x, w, b\)$"),
    ):
        with pytest.raises(Malformed, match=wanted):
            _arguments(["cache"], "D", CALL, ["x", "w", "b"], function, "dout")


# --- what gets a gradient --------------------------------------------------------------------------------------------------


def test_arguments_become_float64_copies():
    given = X.astype(np.float32)
    arrays = floats(["x", "k"], (given, 3.0))
    assert list(arrays) == ["x", "k"]
    assert arrays["x"].dtype == np.float64
    assert arrays["k"].shape == ()
    assert not np.shares_memory(floats(["x"], (X,))["x"], X)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((X, np.array([1, 2])), r"y holds int64, .*: labels and settings go by name, options=\{'y': y\}; if it should"),
        ((X, np.array([[True]])), r"y holds bool, .*: labels and settings go by name"),
        ((X, np.array([[1, 2]])), r"y holds int64, .*: write y.astype\(np.float64\); or, if these are labels or settings,"),
        ((np.array([1, 2]),), r"x holds int64, which has no gradient: write x.astype\(np.float64\); or, if"),
        ((np.array([1, 2], np.uint8),), "x holds uint8, which has no gradient"),
    ],
)
def test_whole_numbers_have_no_gradient(args, message):
    with pytest.raises(ValueError, match=message):
        floats(["x", "y"][: len(args)], args)


@pytest.mark.parametrize(
    ("array", "labels"),
    [
        ([0, 2, 1], True),
        ([0.0, 2.0, 1.0], True),
        ([0.5, 2.0], False),
        (3, True),
        (3.5, False),
        ([[0.0, 1.0], [1.0, 0.0]], True),
        ([[0, 1], [1, 0]], True),
        ([[0, 2], [1, 0]], False),
        ([[0.0, 0.5]], False),
        ([[True]], True),
    ],
)
def test_what_looks_like_labels(array, labels):
    assert like_labels(np.array(array)) is labels


# --- what backward returns -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "found", "complaints"),
    [
        ((1, 2), {"x": 1, "w": 2}, []),
        ({"dx": 1, "dw": 2}, {"x": 1, "w": 2}, []),
        ({"dx": 1}, {"x": 1, "w": None}, ["backward returned a dict without dw"]),
        ({}, {"x": None, "w": None}, ["backward returned a dict without dx, dw"]),
        (None, {}, ["backward returned None: is its return missing?"]),
        ([1, 2], {"x": 1, "w": 2}, ["backward returned a list, wanted a tuple (dx, dw)"]),
        ([1], {"x": 1}, ["backward returned a list, wanted a tuple (dx, dw)"]),
        (1, {"x": 1}, ["backward returned 1 gradient, wanted 2: (dx, dw)"]),
        ((1,), {"x": 1}, ["backward returned 1 gradient, wanted 2: (dx, dw)"]),
        ((1, 2, 3), {"x": 1, "w": 2}, ["backward returned 3 gradients, wanted 2: (dx, dw)"]),
        ((), {}, ["backward returned 0 gradients, wanted 2: (dx, dw)"]),
    ],
)
def test_gradients_by_name(result, found, complaints):
    assert by_name(result, ["x", "w"]) == (found, complaints)


def test_one_gradient_may_stand_alone():
    assert by_name(5, ["x"]) == by_name((5,), ["x"]) == ({"x": 5}, [])
    assert by_name((5, 6), ["x"])[1] == ["backward returned 2 gradients, wanted 1: (dx,)"]


def test_keys_are_the_code_s_names_for_the_gradients():
    called = {"old": "kept"}
    by_name({"grad_w": 1, "x": 2, "dB": 3}, ["x", "w", "b", "missing"], called)
    assert called == {"old": "kept", "w": "grad_w", "b": "dB"}, "x stands under the argument's own name"


@pytest.mark.parametrize("key", ["dw", "dW", "grad_w", "w_grad", "W_GRAD", "d_w", "gradw", "w", "W"])
def test_every_spelling_of_a_gradient(key):
    assert _key_of({"v": 1, key: 2}, "w") == _key_of({key: 2}, "W") == key
    assert _key_of({"v": 1, "dv": 1, "ww": 1}, "w") is None


def test_the_plainest_spelling_comes_first():
    spellings = ["dw", "grad_w", "w_grad", "d_w", "gradw", "w"]
    for i, best in enumerate(spellings):
        assert _key_of(dict.fromkeys(reversed(spellings[i:])), "w") == best
    assert _key_of({1: 0, "dw": 0}, "w") == "dw", "keys may be anything"


# --- classes and objects ---------------------------------------------------------------------------------------------------


class Affine:
    def __init__(self, w, b):
        self.w, self.b = w, b

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, dout):
        self.dw, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.w.T


def test_a_class_is_made_of_the_last_arrays():
    subject = of_class(Affine, (X, W, B), {})
    assert_affine(subject)
    assert (list(subject.arrays), subject.title) == (["x", "w", "b"], "Affine")
    assert (subject.has_upstream, subject.upstream) == (True, "dout")
    assert subject.label("w") == "dw"


def test_an_object_s_arrays_get_gradients_too():
    thing = Affine(W, B)
    subject = of_object(thing, (X,), {})
    assert_affine(subject)
    assert (list(subject.arrays), subject.title) == (["x", "w", "b"], "Affine")
    assert not hasattr(thing, "x"), "a copy ran"
    assert thing.w is W


def test_a_class_needs_arrays():
    with pytest.raises(ValueError, match=r"give the arrays that Affine takes: check\(Affine, x, w, b\)"):
        of_class(Affine, (), {})
    with pytest.raises(ValueError, match=r"a layer wants its input: check\(affine, x\)"):
        of_object(Affine(W, B), (), {})


class Scaled:
    """Two inputs, one array, and settings on both sides."""

    def __init__(self, w, power=2, rng=None, center=None, size=1.5):
        self.w, self.power, self.center = w, power, 0.0 if center is None else center
        self.noise = rng.random()

    def forward(self, x, y, gain=1.0, train=False, rng=None):
        assert train is True
        self.kept = x, y, gain * self.noise * rng.random()
        return (x + y - self.center) * self.w**self.power * self.kept[2]

    def backward(self, g):
        x, y, k = self.kept
        self.dw = (g * (x + y - self.center) * self.power * self.w ** (self.power - 1) * k).sum()
        return g * self.w**self.power * k, g * self.w**self.power * k


def test_a_class_gets_its_options_and_its_random_numbers():
    options = {"power": 3, "gain": 2.0, "center": np.float32(0.5) * np.ones(3)}
    subject = of_class(Scaled, (X, 2 * X, 1.5), options)
    assert list(subject.arrays) == ["x", "y", "w"]
    assert list(subject.constants) == ["center"]
    assert subject.settings == {"power": 3, "gain": 2, "size": 1.5}
    assert subject.upstream == "g"
    rng = stream(0, Purpose.GRADCHECK, step=1)
    factor = 1.5**3 * 2 * rng.random() * rng.random()
    out, gradients, complaints = ran(subject)
    np.testing.assert_allclose(out, (3 * X - 0.5) * factor)
    np.testing.assert_allclose(gradients["x"], np.full(X.shape, factor))
    np.testing.assert_allclose(gradients["w"], out.sum() * 3 / 1.5)
    assert complaints == []
    moved = {**subject.copies(), "center": np.zeros(3)}
    np.testing.assert_allclose(subject.forward(moved, 0)[0], 3 * X * factor)
    np.testing.assert_allclose(ran(subject.vary("gain", 4.0))[0], 2 * out)
    np.testing.assert_allclose(ran(subject.vary("power", 2))[0], out / 1.5)


def test_an_object_gets_its_options_too():
    class Shift:
        def __init__(self):
            self.scale, self.name, self.running_mean = 2.0, "shift", np.ones(3)

        def forward(self, x, by, train, rng=None):
            assert train is False
            self.drawn = rng.random()
            return x * self.scale + by

        def backward(self, dout):
            return dout * self.scale

    options = {"by": np.ones(3, np.float32), "train": False, "seen": [1]}
    subject = of_object(Shift(), (X,), {name: options[name] for name in ("by", "train")})
    assert list(subject.arrays) == ["x"], "running statistics get none"
    assert {name: array.dtype.name for name, array in subject.constants.items()} == {"by": "float64"}
    assert subject.settings == {"scale": 2.0}
    np.testing.assert_allclose(ran(subject)[0], 2 * X + 1)
    np.testing.assert_allclose(subject.forward({**subject.copies(), "by": np.zeros(3)}, 0)[0], 2 * X)


@pytest.mark.parametrize("name", ["dw", "grad_w", "running_var", "velocity_w", "_cache", "empty", "labels"])
def test_what_an_object_holds_and_no_gradient_is_for(name):
    thing = Affine(W, B)
    setattr(thing, name, {"empty": np.zeros(0), "labels": np.arange(3)}.get(name, W.copy()))
    assert list(of_object(thing, (X,), {}).arrays) == ["x", "w", "b"]


def test_arrays_in_params():
    class Holder:
        def __init__(self):
            self.params, self.grads, self.other = {"w": W, "b": B}, {}, np.ones(3)

        def forward(self, x):
            self.x = x
            return x @ self.params["w"] + self.params["b"]

        def backward(self, dout):
            self.grads = {"w": self.x.T @ dout, "b": dout.sum(axis=0)}
            return dout @ self.params["w"].T

    thing = Holder()
    subject = of_object(thing, (X,), {})
    assert list(subject.arrays) == ["x", "w", "b"]
    assert_affine(subject)
    moved = {**subject.copies(), "w": 2 * W}
    np.testing.assert_allclose(subject.forward(moved, 0)[0], X @ (2 * W) + B)
    assert thing.params["w"] is W
    assert subject.label("w") == "dw"


def test_inputs_without_names():
    class Adds:
        def forward(self, *inputs):
            return inputs[0] + inputs[1]

        def backward(self, dout):
            return dout, dout

    for subject in (of_class(Adds, (X, X), {}), of_object(Adds(), (X, X), {})):
        assert len(subject.arrays) == 2
        np.testing.assert_allclose(ran(subject)[0], 2 * X)
        assert all(gradient.sum() == X.size for gradient in ran(subject)[1].values())


def test_a_forward_with_a_cache_of_its_own():
    class Cached:
        def __init__(self, w):
            self.w = w

        def forward(self, x):
            return x @ self.w, (x, self.w)

        def backward(self, dout, cache):
            x, w = cache
            return dout @ w.T, x.T @ dout

    subject = of_class(Cached, (X, W), {})
    gradients = ran(subject, DOUT)[1]
    np.testing.assert_allclose(gradients["x"], DOUT @ W.T)
    np.testing.assert_allclose(gradients["w"], X.T @ DOUT)

    class Ignores(Cached):
        def backward(self, dout):
            self.dw = np.ones((3, 4))
            return dout @ self.w.T

    np.testing.assert_allclose(ran(of_class(Ignores, (X, W), {}), DOUT)[1]["x"], DOUT @ W.T)

    class Named(Cached):
        def backward(self, dout, cache):
            return dout @ self.w.T, {"grad_w": cache[0].T @ dout}

    subject = of_class(Named, (X, W), {})
    np.testing.assert_allclose(ran(subject, DOUT)[1]["w"], X.T @ DOUT)
    assert subject.label("w") == "grad_w"

    class All(Cached):
        def backward(self, dout, cache):
            return {"grad_x": dout @ self.w.T, "grad_w": cache[0].T @ dout}

    subject = of_class(All, (X, W), {})
    np.testing.assert_allclose(ran(subject, DOUT)[1]["w"], X.T @ DOUT)
    assert subject.label("x") == "grad_x"


def test_a_cache_that_forward_does_not_return():
    class Wants(Affine):
        def backward(self, grad, cache):
            return grad

    class May(Affine):
        def backward(self, grad, cache=None):
            return super().backward(grad)

    message = r"forward returns no cache, and backward\(grad, cache\) wants more than dout: .* keep in self what"
    with pytest.raises(Malformed, match=message):
        ran(of_class(Wants, (X, W, B), {}), DOUT)
    assert_affine(of_class(May, (X, W, B), {}))


def test_a_backward_without_arguments_has_no_upstream_gradient():
    class Loss:
        def forward(self, x):
            self.x = x
            return (x**2).sum()

        def backward(self):
            return 2 * self.x

    for subject in (of_class(Loss, (X,), {}), of_object(Loss(), (X,), {})):
        assert not subject.has_upstream
        np.testing.assert_allclose(ran(subject)[1]["x"], 2 * X)

    class Any(Loss):
        def backward(self, *args):
            return 2 * self.x

    assert of_class(Any, (X,), {}).has_upstream


def test_upstream_names_that_are_taken():
    class Takes(Affine):
        def backward(self, cache):
            return super().backward(cache)

    assert of_class(Takes, (X, W, B), {}).upstream == "dout"
    assert of_object(Takes(W, B), (X,), {}).upstream == "dout"


def test_a_backward_without_return_keeps_its_gradients():
    class Forgets(Affine):
        def backward(self, dout):
            super().backward(dout)

    _, gradients, complaints = ran(of_class(Forgets, (X, W, B), {}), DOUT)
    assert gradients["x"] is None
    np.testing.assert_allclose(gradients["b"], DOUT.sum(axis=0))
    assert complaints == ["backward returned None: is its return missing?"]


class Bag:
    def __init__(self, **attributes):
        vars(self).update(attributes)


def test_where_an_object_keeps_a_gradient():
    array = np.ones(2)
    assert _attribute(Bag(w=array, dw=1), "w", array) == ("dw", 1)
    assert _attribute(Bag(weights=array, grad_weights=1), "w", array) == ("grad_weights", 1), "by the array's own name"
    assert _attribute(Bag(dw=1), "w", array) == ("dw", 1)
    assert _attribute(Bag(w=array, dw=None, grads={"w": 2}), "w", array) == ("", 2)
    assert _attribute(Bag(w=array, gradients={"dw": 2}), "w", array) == ("", 2)
    assert _attribute(Bag(w=array, grads=[2]), "w", array) == ("", None)
    assert _attribute(Bag(w=array), "w", array) == ("", None), "w is not its own gradient"
    assert _attribute(Bag(weights=array, dw=3), "w", array) == ("dw", 3)
