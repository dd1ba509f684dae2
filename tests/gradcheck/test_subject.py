"""The one form that everything is brought into; and foreign code that raises: what is said of it, and where."""

import functools
import re

import numpy as np
import pytest

from scratchnet.gradcheck.subject import (
    CodeRaised,
    Malformed,
    Subject,
    _in_plain_words,
    _is_cell,
    _shapes,
    argument_names,
    as_constant,
    describe,
    guarded,
    label,
    listed,
    numbers_in,
    of_layer,
    of_loss,
    parameters,
    returned,
)
from scratchnet.layers import BatchNorm1d, Conv2d, Dense, Dropout, ReLU, Sequential
from scratchnet.losses import MulticlassHinge, SoftmaxCrossEntropy

X = np.array([[0.5, -1.5, 2.5], [-0.25, 1.25, 3.5]])


def subject(run_forward, run_backward=None, **constants):
    return Subject("f", {"x": X.copy()}, constants, run_forward, run_backward)


def drawn():
    return np.random.default_rng(0)


# --- the two passes --------------------------------------------------------------------------------------------------------


def test_what_a_subject_is_unless_it_says_otherwise():
    plain = subject(None)
    assert (plain.is_loss, plain.has_upstream, plain.upstream) == (False, True, "dout")
    assert (plain.settings, plain.assumed, plain.called, plain.without_dx, plain.vary) == ({}, [], {}, None, None)


def test_copies_are_nobody_else_s():
    one = subject(None, labels=np.array([1, 2]))
    one.arrays["x"] = np.asfortranarray(X)
    copies = one.copies()
    assert list(copies) == ["x", "labels"]
    for name, array in {**one.arrays, **one.constants}.items():
        np.testing.assert_array_equal(copies[name], array)
        assert not np.shares_memory(copies[name], array)
    assert copies["x"].flags.f_contiguous, "in the same memory order"


def test_forward_gets_the_seed_s_random_numbers():
    one = subject(lambda given, rng: (given["x"] * rng.random(), np.random.rand()))  # noqa: NPY002
    for seed in (0, 5):
        out, cache = one.forward(one.copies(), seed)
        again, cache_again = one.forward(one.copies(), seed)
        other, other_cache = one.forward(one.copies(), seed + 1)
        np.testing.assert_array_equal(again, out)
        assert cache_again == cache
        assert not np.array_equal(other, out)
        assert other_cache != cache


@pytest.mark.parametrize("seed", [0, 5])
def test_forward_s_random_numbers_are_nobody_elses(seed):
    """Who draws x from the same seed must not get a mask that is x."""
    one = subject(lambda given, rng: (rng.random(6), np.random.rand(6)))  # noqa: NPY002
    drawn = one.forward(one.copies(), seed)
    np.random.seed(seed)  # noqa: NPY002
    for theirs in (np.random.default_rng(seed).random(6), np.random.rand(6), np.random.RandomState(seed).rand(6)):  # noqa: NPY002
        assert not any(np.isin(mine, theirs).any() for mine in drawn)


@pytest.mark.parametrize(
    ("result", "said"),
    [(X, "an array (2, 3)"), ((X,), "a tuple of 1"), ((X, 1, 2), "a tuple of 3"), ([X, 1], "a list of 2")],
)
def test_forward_must_return_two_things(result, said):
    with pytest.raises(Malformed, match=re.escape(f"forward must return (out, cache), got {said}")) as raised:
        subject(lambda given, rng: result).forward({}, 0)
    assert raised.value.diagnosis == "wrong return value"


def test_what_has_changed():
    one = subject(None, labels=np.array([1, 2]), mean=np.array([np.nan, 1.0]))
    assert one.changed(one.copies()) == []
    for name, value in (("x", 9.0), ("labels", 9), ("mean", 9.0)):
        given = one.copies()
        given[name].flat[0] = value
        assert one.changed(given) == [name]


# --- foreign code ----------------------------------------------------------------------------------------------------------


def test_warnings_of_foreign_code_are_dropped():
    with guarded("f"), np.errstate():
        assert np.isinf(np.array([1.0]) / 0).all()
    with np.errstate(all="raise"), guarded("f"):
        np.array([1.0]) / 0


def test_random_numbers_go_on_as_if_nothing_had_been():
    np.random.seed(3)  # noqa: NPY002
    with guarded("f", 7):
        inside = np.random.rand()  # noqa: NPY002
    after = np.random.rand()  # noqa: NPY002
    with guarded("f", 7):
        assert inside == np.random.rand()  # noqa: NPY002
    with guarded("f", 8):
        assert inside != np.random.rand()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    assert after == np.random.rand()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    with pytest.raises(CodeRaised), guarded("f", 7):
        raise ValueError
    assert after == np.random.rand()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    with guarded("f"):
        assert after == np.random.rand(), "without a seed they are the next ones"  # noqa: NPY002
    assert after != np.random.rand(), "and are used up"  # noqa: NPY002


def test_what_the_checker_says_itself_goes_through():
    for error in (Malformed("m", "shifted"), CodeRaised("forward", ValueError("e"))):
        with pytest.raises(type(error)) as raised, guarded("backward"):
            raise error
        assert raised.value is error


def raised_by(function, who="backward"):
    with pytest.raises(CodeRaised) as raised, guarded(who):
        function()
    return raised.value


def test_an_error_and_its_line():
    def inner(x):
        return x["key"]

    def outer():
        return inner({})

    error = raised_by(outer)
    assert re.fullmatch(r"backward raises KeyError: 'key' \(line \d+ of inner: return x\[\"key\"\]\)", str(error))
    assert (error.who, error.variant) == ("backward", "")
    assert isinstance(error.__cause__, KeyError)


def test_shapes_on_the_line_of_an_error():
    def product():
        a, b, c = np.ones((2, 3)), np.ones((2, 4)), 5
        return a @ b + c

    assert str(raised_by(product)).endswith("of product: return a @ b + c; a (2, 3), b (2, 4))")

    def index():
        a = np.ones(2)
        return a[7]

    assert str(raised_by(index)).endswith("of index: return a[7]; a (2,))")

    def other():
        a = np.ones(2)
        raise KeyError(a.size)

    assert str(raised_by(other)).endswith("raise KeyError(a.size))"), "of other errors the shapes are no matter"


def test_numpy_s_own_lines_are_not_the_learner_s():
    def mine():
        return np.stack([np.ones(2), np.ones(3)])

    assert "of mine: return np.stack" in str(raised_by(mine))


def test_the_cause_of_an_error_is_where_it_happened():
    def first():
        raise ValueError("inner")

    def second():
        try:
            first()
        except ValueError as error:
            raise ValueError("outer") from error

    said = str(raised_by(second))
    assert said.startswith("backward raises ValueError: outer")
    assert 'of first: raise ValueError("inner")' in said


def test_an_error_without_a_line():
    assert str(CodeRaised("f", ValueError("e"))) == "f raises ValueError: e"


def run_in(filename, code):
    names = {}
    exec(compile(code, filename, "exec"), names)
    return names["f"]


def test_lines_of_a_cell_are_counted_from_its_own_first():
    for filename in ("<ipython-input-3-abc>", "<code cell 2>", "/tmp/ipykernel_17/3.py"):
        assert _is_cell(filename)
        said = str(raised_by(run_in(filename, "\ndef f():\n    raise KeyError(1)\n")))
        assert said == "backward raises KeyError: 1 (line 3 of the cell, in f)"
    assert not _is_cell("learner.py")
    said = str(raised_by(run_in("nowhere.py", "def f():\n    raise KeyError(1)\n")))
    assert said == "backward raises KeyError: 1 (line 2 of f)"


def test_errors_in_plain_words():
    def undefined():
        return other_cell_s  # noqa: F821

    error = raised_by(undefined)
    said = (
        "name 'other_cell_s' is not defined: if other_cell_s is a name of another cell or notebook, copy it into this cell"
    )
    assert said in str(error)
    assert error.variant == "a name"

    def unbound():
        value += 1  # noqa: F821
        return value

    assert "another cell" not in str(raised_by(unbound))

    def product():
        return np.ones((2, 3)) @ np.ones((4, 5))

    said = (
        "matmul: the shapes do not fit: the last axis of the first factor and the first of the second must have one length"
    )
    assert f"{said}, here they have 3 and 4 (line" in str(raised_by(product))
    assert _in_plain_words(ValueError("matmul: something else")) == "matmul: something else"
    dot = "other: core dimension 0 (size 4 is different from 3)"
    assert _in_plain_words(ValueError(dot)) == dot
    assert _in_plain_words(ValueError("two\n  lines " + "x" * 300)) == ("two lines " + "x" * 300)[:200]


def test_names_on_a_line():
    a, b = np.ones((2, 3)), np.ones(4)
    values = {"a": a, "b": b, "_c": b, "n": 3, "x2": a, "size": b}
    assert _shapes("b = a @ b + a", values) == "; b (4,), a (2, 3)"
    assert _shapes("other.a + n + unknown", values) == ""
    assert _shapes("_c[n] + x2.size", values) == "; _c (4,), x2 (2, 3)"
    assert _shapes("12a", values) == ""


# --- words -----------------------------------------------------------------------------------------------------------------


def test_names_of_gradients():
    assert (label("w"), label("2.w"), label("a.b.w")) == ("dw", "2.dw", "a.b.dw")


def test_lists_in_words():
    assert [listed("a"), listed("ab"), listed("abc")] == ["a", "a and b", "a, b and c"]
    assert listed(iter("abcd")) == "a, b, c and d"


@pytest.mark.parametrize(
    ("value", "said"),
    [(np.ones((2, 3)), "an array (2, 3)"), ((1, 2), "a tuple of 2"), ([1], "a list of 1"), (3.0, "float"), (None, "None")],
)
def test_values_in_words(value, said):
    assert describe(value) == said
    assert returned(value) == (said if value is not None else "None: is its return missing?")


def test_the_plain_numbers_among_options():
    options = {"pad": 1, "on": True, "mode": "same", "conv": {"stride": np.int64(2), 3: 4}, "eps": np.float32(0.5), "w": X}
    assert numbers_in(options) == {"pad": 1.0, "stride": 2.0, "3": 4.0, "eps": 0.5}
    assert all(type(value) is float for value in numbers_in(options).values())
    assert numbers_in({}) == {}


def test_constants():
    assert as_constant(np.float32([1, 2])).dtype == np.float64
    assert as_constant(np.int8([1, 2])).dtype == np.int8
    assert as_constant([True]).dtype == bool
    assert not np.shares_memory(as_constant(X), X)
    assert as_constant(np.asfortranarray(X)).flags.f_contiguous


def test_names_of_arguments():
    def f(a, /, b, *rest, c=1, **more):
        pass

    assert argument_names(f, 1) == ["a"]
    assert argument_names(f, 2) == ["a", "b"]
    assert argument_names(f, 4) == ["a", "b", "x2", "x3"]
    assert argument_names(lambda *xs: 0, 2) == ["x0", "x1"]
    assert argument_names(lambda *xs: 0, 1) == ["x"]
    assert list(parameters(functools.partial(f, 1))) == ["b", "rest", "c", "more"]
    assert parameters(5) == parameters(max) == {}


# --- layers and losses -----------------------------------------------------------------------------------------------------


def test_a_layer_in_one_form():
    layer = Dense(3, 2, rng=drawn())
    one = of_layer(layer, (X,), None, False, False, drawn())
    assert list(one.arrays) == ["x", "w", "b"]
    assert all(array.dtype == np.float64 for array in one.arrays.values())
    assert one.title == repr(layer)
    out, cache = one.forward(one.copies(), 0)
    w, b = (layer.params[name].astype(float) for name in "wb")
    np.testing.assert_allclose(out, X @ w + b)
    gradients, complaints = one.backward(np.ones((2, 2)), cache)
    assert complaints == []
    np.testing.assert_allclose(gradients["x"], np.ones((2, 2)) @ w.T)
    np.testing.assert_allclose(gradients["w"], X.T @ np.ones((2, 2)))
    assert list(one.without_dx(np.ones((2, 2)), cache)) == ["w", "b"]
    assert (one.is_loss, one.has_upstream) == (False, True)
    moved = {**one.copies(), "w": 2 * w}
    np.testing.assert_allclose(one.forward(moved, 0)[0], X @ (2 * w) + b)
    assert layer.params["w"].dtype == np.float32


def test_the_arrays_of_a_network_have_their_layer_s_number():
    network = Sequential(Dense(3, 4, rng=drawn()), BatchNorm1d(4), ReLU())
    one = of_layer(network, (X,), None, True, False, drawn())
    assert list(one.arrays) == ["x", "0.w", "0.b", "1.gamma", "1.beta"]
    assert list(one.constants) == ["1.running_mean", "1.running_var"]
    assert one.settings == {}
    norm = of_layer(BatchNorm1d(3, eps=0.5), (X,), None, True, False, drawn())
    assert norm.settings["eps"] == 0.5


def test_fresh_parameters_are_varied():
    def arrays(vary):
        one = of_layer(BatchNorm1d(3), (X,), None, True, vary, drawn())
        return {**one.arrays, **one.constants}

    for name, fresh in (("gamma", 1), ("beta", 0), ("running_mean", 0), ("running_var", 1)):
        np.testing.assert_array_equal(arrays(False)[name], np.full(3, fresh))
        varied = arrays(True)[name] - fresh
        assert np.unique(varied).size == 3
        assert 0.01 < np.abs(varied).max() <= 0.3
    np.testing.assert_array_equal(arrays(True)["x"], X, "not the input")


def test_a_layer_s_input_is_drawn():
    one = of_layer(ReLU(), (), (4, 5), True, True, np.random.default_rng(3))
    assert one.arrays["x"].shape == (4, 5)
    assert np.unique(one.arrays["x"]).size == 20


def test_a_layer_is_run_as_it_is_trained_or_evaluated():
    for train in (True, False):
        one = of_layer(Dropout(0.5), (X,), None, train, True, drawn())
        assert np.array_equal(one.forward(one.copies(), 0)[0], X) is not train
        np.testing.assert_array_equal(one.forward(one.copies(), 0)[0], one.forward(one.copies(), 0)[0])
    assert one.settings == {"p": 0.5}
    assert of_layer(Conv2d(1, 1, 2, rng=drawn()), (), (1, 1, 3, 3), True, True, drawn()).settings["in_channels"] == 1


@pytest.mark.parametrize(
    ("loss", "other"), [(SoftmaxCrossEntropy(label_smoothing=0.1), "labels"), (MulticlassHinge(), "labels")]
)
def test_a_loss_in_one_form(loss, other):
    labels = np.array([2, 0])
    one = of_loss(loss, (X, labels))
    assert (list(one.arrays), list(one.constants)) == (["logits"], [other])
    assert one.is_loss
    assert one.has_upstream
    assert one.title == repr(loss)
    out, cache = one.forward(one.copies(), 0)
    assert out == pytest.approx(loss.forward(X, labels)[0])
    gradients, complaints = one.backward(2.0, cache)
    np.testing.assert_allclose(gradients["logits"], loss.backward(2.0, loss.forward(X, labels)[1]))
    assert complaints == []
    moved = {**one.copies(), other: np.array([0, 1])}
    assert one.forward(moved, 0)[0] == pytest.approx(loss.forward(X, np.array([0, 1]))[0])


def test_a_loss_s_settings():
    assert of_loss(SoftmaxCrossEntropy(label_smoothing=0.25), (X, np.array([2, 0]))).settings == {"label_smoothing": 0.25}
    for count in (1, 3):
        with pytest.raises(ValueError, match=f"a loss wants the network's output and the labels, got {count} arrays"):
            of_loss(MulticlassHinge(), (X,) * count)


@pytest.mark.parametrize(("args", "shape", "count"), [((), None, 0), ((X, X), None, 2), ((X,), (2, 3), 1)])
def test_a_layer_has_one_input(args, shape, count):
    with pytest.raises(ValueError, match=rf"to draw one, got {count} arrays and shape="):
        of_layer(ReLU(), args, shape, True, True, drawn())


def test_a_layer_s_backward_returns_two_things():
    class Three(ReLU):
        def backward(self, dout, cache, *, need_dx=True):
            return (*super().backward(dout, cache), None)

    one = of_layer(Three(), (X,), None, True, False, drawn())
    with pytest.raises(Malformed, match=r"must return \(dx, gradients by name\), got"):
        one.backward(X, one.forward(one.copies(), 0)[1])
