"""What the bank knows of plain operations, and how inputs are read. The right numbers are written out by loops here."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from scratchnet.gradcheck import check
from scratchnet.gradcheck.bank.operation import Given, Operation, Setup, Wrong, no_wrongs
from scratchnet.gradcheck.bank.simple import OPERATIONS

OPS = {operation.name: operation for operation in OPERATIONS}
X = np.array([[0.4, -1.3, 2.2], [-0.7, 0.9, -0.2], [1.6, 0.3, -2.4], [0.8, -0.5, 0.1]])
TARGET = np.array([[0.4, -0.3, 0.2], [0.5, 0.6, -1.2], [1.1, -0.9, -2.0], [-0.8, 0.7, 1.9]])
DOUT = np.array([[0.6, 1.2, -0.3], [-1.1, 0.2, 0.7], [0.9, -0.4, 1.5], [0.3, 0.8, -0.6]])
WEIGHTS = np.array([[0.2, -0.6], [1.1, 0.4], [-0.9, 0.7]])
BIAS = np.array([0.3, -0.8])


def given(*arrays, constants=None, settings=None, out_shape=(), dout=-1.7):
    named = {f"a{i}": array for i, array in enumerate(arrays)}
    return Given(named, constants or {}, settings or {}, out_shape, np.asarray(dout))


def outputs(name, inputs):
    return [setup.out for setup in OPS[name].setups(inputs)]


def assert_alike(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert np.shape(one) == np.shape(other)
        assert np.allclose(one, other, rtol=1e-12, atol=1e-15)


def each(x, f):
    """f of every entry."""
    return np.array([f(float(entry)) for entry in x.ravel()]).reshape(x.shape)


def product_of(x, w, b):
    return np.array(
        [[sum(x[i, a] * w[a][j] for a in range(len(w))) + b[j] for j in range(len(w[0]))] for i in range(len(x))]
    )


def assert_known(wrongs, expected):
    """The expected (name, words, gradient) are known, once each, and nothing else."""
    left = list(expected)
    for wrong in wrongs:
        (gradient,) = wrong.gradients.values()
        fits = [
            at
            for at, (name, words, right) in enumerate(left)
            if (name, words) == (wrong.name, wrong.words) and np.allclose(right, gradient, rtol=1e-12, atol=1e-15)
        ]
        assert fits, f"{wrong.name}, {wrong.words}: no formula gives {gradient}"
        assert list(wrong.gradients) == ["a0"]
        assert gradient.shape == X.shape
        del left[fits[0]]
    assert not left, f"not known: {[(name, words) for name, words, _ in left]}"


# --- what is given ---------------------------------------------------------------------------------------------------------


def test_what_is_given_comes_from_the_code_under_check():
    subject = SimpleNamespace(arrays={"x": X}, constants={"y": TARGET}, settings={"pad": 1})
    inputs = Given.of(subject, [[1, 2, 3], [4, 5, 6]], [1, 2])
    assert inputs.arrays is subject.arrays
    assert inputs.constants is subject.constants
    assert inputs.settings is subject.settings
    assert inputs.out_shape == (2, 3)
    assert inputs.dout.dtype == np.float64
    assert inputs.dout.tolist() == [1, 2]


def test_a_setting_is_known_by_how_its_name_begins():
    inputs = given(settings={"Stride": 2, "padding": 0, "pad_more": 7, "p": 0.5})
    assert inputs.setting("pad") == 0
    assert inputs.setting("stride") == 2
    assert inputs.setting("step", "pad", "str") == 0
    assert inputs.setting("str", "pad") == 2  # what is asked for first, whatever comes first among the options
    assert inputs.setting("kernel") is None
    assert inputs.setting() is None


def test_fractions_lie_between_0_and_1():
    settings = {"a": 0, "b": 0.25, "c": 1, "d": 0.75, "e": -0.5, "f": 1.5, "g": 2, "h": 1e-6}
    assert given(settings=settings).fractions() == [0.25, 0.75, 1e-6]


def test_a_setup_has_roles_of_its_own():
    one, other = Setup(X), Setup(X)
    assert one.roles == other.roles == {}
    assert one.roles is not other.roles


def test_a_known_mistake_is_strong_evidence_but_what_backward_did_is_stronger():
    assert 0.9 < Wrong("transposed", {}, "w for w.T").weight < 0.96


def test_an_operation_is_called_by_its_title_if_it_has_one():
    assert Operation("relu", 5, OPS["relu"].setups).called == "relu"
    assert Operation("mse", 1, OPS["relu"].setups, title="mean squared error").called == "mean squared error"


def test_an_operation_has_no_known_mistakes_unless_it_says_so():
    assert Operation("relu", 5, OPS["relu"].setups).wrongs is no_wrongs
    assert list(no_wrongs(given(X), Setup(X))) == []


def test_each_operation_sends_to_its_lesson():
    assert {name: operation.lesson for name, operation in OPS.items()} == {
        "mean_squared_error": 1,  # one neuron
        "sigmoid": 2,  # the chain rule
        "tanh": 2,
        "softmax": 4,  # softmax and cross-entropy
        "dense": 5,  # dense and ReLU
        "relu": 5,
        "leaky_relu": 5,
        "weight_decay": 8,  # optimizers
        "flatten": 11,  # max pooling and a CNN
    }
    assert OPS["mean_squared_error"].called == "mean squared error"


# --- recognising -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turned", [False, True], ids=["(D, K)", "(K, D)"])
@pytest.mark.parametrize("bias", [None, BIAS, BIAS[None], BIAS[:, None]], ids=["no b", "b", "b as a row", "b as a column"])
def test_dense_is_a_product_with_a_bias_or_none(bias, turned):
    w = WEIGHTS.T.copy() if turned else WEIGHTS
    arrays = (X, w) if bias is None else (X, w, bias)
    expected = product_of(X, WEIGHTS.tolist(), [0, 0] if bias is None else bias.ravel())
    assert_alike(outputs("dense", given(*arrays)), [expected])


def test_dense_with_square_weights_can_be_meant_either_way_round():
    w, b = X[:3], [0.5, -0.1, 0.2]
    expected = [product_of(X, w.tolist(), b), product_of(X, w.T.tolist(), b)]
    assert_alike(outputs("dense", given(X, w, np.array(b))), expected)
    expected = [product_of(X, w.tolist(), [0] * 3), product_of(X, w.T.tolist(), [0] * 3)]
    assert_alike(outputs("dense", given(X, w)), expected)


@pytest.mark.parametrize(
    "arrays",
    [
        (X,),
        (X, WEIGHTS, BIAS, BIAS),
        (X[0], WEIGHTS),
        (X[:, :, None], WEIGHTS),
        (X, WEIGHTS[0]),
        (X, WEIGHTS[:, :, None]),
        (X, WEIGHTS[:2]),
        (X, TARGET[:, :2]),
        (X, WEIGHTS, X[0]),
        (X, WEIGHTS, BIAS[:1]),
    ],
)
def test_what_fits_no_product_is_not_dense(arrays):
    assert outputs("dense", given(*arrays)) == []


FUNCTIONS = {
    "relu": [lambda v: v if v > 0 else 0.0],
    "sigmoid": [lambda v: 1 / (1 + math.exp(-v))],
    "tanh": [lambda v: (math.exp(v) - math.exp(-v)) / (math.exp(v) + math.exp(-v))],
    "leaky_relu": [lambda v, slope=slope: v if v > 0 else slope * v for slope in (0.3, 0.2, 0.01, 0.1)],
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("x", [X, X[0], X.reshape(2, 1, 3, 2), np.array([[-0.0, 0.0]])], ids=["2-D", "1-D", "4-D", "zeros"])
def test_functions_of_each_entry(name, x):
    # the slope is an option between 0 and 1 or one of those that are usual
    settings = {"negative_slope": 0.3, "other": 0.2, "n": 3}
    assert_alike(outputs(name, given(x, settings=settings)), [each(x, f) for f in FUNCTIONS[name]])


def test_the_slope_of_a_leaky_relu_can_be_unknown():
    expected = [each(X, lambda v, slope=slope: v if v > 0 else slope * v) for slope in (0.01, 0.1, 0.2)]
    assert_alike(outputs("leaky_relu", given(X)), expected)


def test_a_sigmoid_is_known_far_away_from_0():
    with np.errstate(over="ignore"):  # as where setups are asked for
        assert_alike(outputs("sigmoid", given(np.array([-1000.0, -500, 500, 1000]))), [[0, math.exp(-500), 1, 1]])


@pytest.mark.parametrize("name", [*FUNCTIONS, "softmax", "flatten", "mean_squared_error", "weight_decay"])
def test_operations_of_one_argument_are_not_seen_in_two(name):
    constants = {"target": TARGET}
    for out_shape in (), X.shape, (4, 3):
        assert outputs(name, given(X, X, constants=constants, settings={"a": 0.5}, out_shape=out_shape)) == []


def test_softmax_is_known():
    expected = [[math.exp(v) / sum(math.exp(u) for u in row) for v in row] for row in X]
    assert_alike(outputs("softmax", given(X, out_shape=X.shape)), [expected])


@pytest.mark.parametrize(
    ("x", "out_shape"),
    [(X, ()), (X, (4,)), (X, (4, 2)), (X, (4, 4)), (X, (3, 4)), (X, (4, 3, 1)), (X[0], (3,)), (X[None], (1, 4, 3))],
)
def test_softmax_is_of_rows_alone(x, out_shape):
    assert outputs("softmax", given(x, out_shape=out_shape)) == []


@pytest.mark.parametrize("shape", [(2, 3, 2), (2, 1, 3, 2), (1, 3, 2, 2)])
def test_flatten_puts_each_example_into_a_row(shape):
    n, size = shape[0], 12 // shape[0]
    expected = [[X.flat[i * size + j] for j in range(size)] for i in range(n)]
    assert_alike(outputs("flatten", given(X.reshape(shape), out_shape=(n, size))), [expected])


@pytest.mark.parametrize(
    ("shape", "out_shape"),
    [((4, 3), (4, 3)), ((2, 3, 2), (2, 3, 2)), ((2, 3, 2), (3, 4)), ((2, 3, 2), (2, 5)), ((2, 3, 2), ())],
)
def test_what_has_another_shape_is_not_flattened(shape, out_shape):
    assert outputs("flatten", given(X.reshape(shape), out_shape=out_shape)) == []


def test_mean_squared_error_is_a_mean_over_entries_or_rows_or_a_sum_and_maybe_half_of_it():
    total = sum((X[i, j] - TARGET[i, j]) ** 2 for i in range(4) for j in range(3))
    constants = {"labels": np.arange(4), "target": TARGET}
    expected = [total / 12, total / 24, total / 4, total / 8, total, total / 2]
    assert_alike(outputs("mean_squared_error", given(X, constants=constants)), expected)


def test_mean_squared_error_of_several_possible_targets():
    assert len(outputs("mean_squared_error", given(X, constants={"a": TARGET, "b": X}))) == 12


@pytest.mark.parametrize(
    ("target", "out_shape"),
    [
        (TARGET, (4,)),
        (TARGET, (4, 3)),
        (TARGET[:3], ()),
        (TARGET[0], ()),
        (TARGET[:, :, None], ()),
        (TARGET.T, ()),
        (np.vstack([TARGET, TARGET]), ()),
        (np.arange(12).reshape(4, 3), ()),  # numbers of classes, or indices
        (TARGET > 0, ()),
    ],
)
def test_what_has_another_form_is_no_mean_squared_error(target, out_shape):
    assert outputs("mean_squared_error", given(X, constants={"target": target}, out_shape=out_shape)) == []


@pytest.mark.parametrize(("x", "target"), [(np.array(2.3), np.array(1.5)), (np.array([2.3]), np.array([1.5]))])
def test_the_squared_error_of_one_number(x, target):
    assert_alike(outputs("mean_squared_error", given(x, constants={"t": target})), [0.64, 0.32] * 3)

    def forward(x, t):
        return float((x - t).sum() ** 2), (x, t)

    def backward(dout, cache):
        x, t = cache
        return dout * (x - t)

    assert check((forward, backward), x, options={"t": target}).diagnoses[0].name == "factor 2 missing"


def test_weight_decay_is_a_sum_of_squares_times_an_option_and_maybe_half_of_it():
    total = sum(float(v) ** 2 for v in X.flat)
    expected = [0.15 * total, 0.3 * total, 2 * total, 4 * total, 0.5 * total, total]
    assert_alike(outputs("weight_decay", given(X, settings={"reg": 0.3, "n": 4})), expected)
    assert outputs("weight_decay", given(X, settings={"reg": 0.3}, out_shape=(4, 3))) == []


# --- what mistakes give ----------------------------------------------------------------------------------------------------


def test_wrong_gradients_of_softmax():
    n, k = X.shape
    p = [[math.exp(X[i, j]) / sum(math.exp(v) for v in X[i]) for j in range(k)] for i in range(n)]
    products = [[p[i][j] * DOUT[i, j] for j in range(k)] for i in range(n)]
    everything = sum(map(sum, products))

    def rows(entry):
        return np.array([[entry(i, j, p[i][j], DOUT[i, j]) for j in range(k)] for i in range(n)])

    left_out = "the part through the row's sum left out"
    expected = [
        ("sign flipped", "its sum is added, not subtracted", rows(lambda i, j, p, d: p * (d + sum(products[i])))),
        ("branch missing", left_out, rows(lambda i, j, p, d: p * d)),
        ("Jacobian's diagonal only", left_out, rows(lambda i, j, p, d: p * d)),
        ("wrong operand", "the outputs are not in its sum", rows(lambda i, j, p, d: p * (d - sum(DOUT[i])))),
        (
            "divided by the wrong count",
            "a mean in place of its sum",
            rows(lambda i, j, p, d: p * (d - sum(products[i]) / k)),
        ),
        (
            "local derivative missing",
            "without the last factor, the outputs",
            rows(lambda i, j, p, d: d - sum(products[i])),
        ),
        (
            "summed over the wrong axis",
            "its sum is taken down the columns",
            rows(lambda i, j, p, d: p * (d - sum(products[r][j] for r in range(n)))),
        ),
        (
            "summed over the wrong axis",
            "its sum is taken over everything",
            rows(lambda i, j, p, d: p * (d - everything)),
        ),
    ]
    inputs = given(X, out_shape=X.shape, dout=DOUT)
    (setup,) = OPS["softmax"].setups(inputs)
    assert_known(OPS["softmax"].wrongs(inputs, setup), expected)


def test_of_two_names_for_softmax_without_its_sum_the_more_general_comes_first():
    inputs = given(X, out_shape=X.shape, dout=DOUT)
    (setup,) = OPS["softmax"].setups(inputs)
    weights = {wrong.name: wrong.weight for wrong in OPS["softmax"].wrongs(inputs, setup)}
    assert 0.5 < weights["Jacobian's diagonal only"] < weights["branch missing"] < 0.96


def test_code_is_kept_apart_from_words_that_give_less_away():
    inputs = given(X, out_shape=X.shape, dout=DOUT)
    (setup,) = OPS["softmax"].setups(inputs)
    for wrong in OPS["softmax"].wrongs(inputs, setup):
        assert "(" not in wrong.words
        assert "*" not in wrong.words
        if wrong.name != "divided by the wrong count":  # which the words say already
            assert "dout" in wrong.code or "sum" in wrong.code


@pytest.mark.parametrize("half", [1, 0.5])
@pytest.mark.parametrize("scale", [1 / 12, 1 / 4, 1], ids=["mean over entries", "mean over rows", "sum"])
def test_wrong_gradients_of_mean_squared_error(scale, half):
    def rows(entry):
        return np.array([[2 * scale * half * -1.7 * entry(X[i, j], TARGET[i, j]) for j in range(3)] for i in range(4)])

    inputs = given(X, constants={"target": TARGET})
    total = sum((X[i, j] - TARGET[i, j]) ** 2 for i in range(4) for j in range(3)) * scale * half
    (setup,) = [setup for setup in OPS["mean_squared_error"].setups(inputs) if math.isclose(setup.out, total)]
    wrong, derivative = "wrong operand", "derivative at the wrong value"
    expected = [
        (wrong, "the output instead of its difference from the target", rows(lambda x, t: x)),
        (wrong, "the target alone", rows(lambda x, t: -t)),
        ("sign flipped", "plus the target instead of minus", rows(lambda x, t: x + t)),
        (wrong, "the size of the difference, without its sign", rows(lambda x, t: max(x - t, t - x))),
        (derivative, "the sign of the difference alone", rows(lambda x, t: 1 if x > t else -1 if x < t else 0)),
        (derivative, "the square instead of its derivative", rows(lambda x, t: x * x - 2 * x * t + t * t)),
    ]
    assert_known(OPS["mean_squared_error"].wrongs(inputs, setup), expected)


@pytest.mark.parametrize("name", ["dense", "relu", "leaky_relu", "sigmoid", "tanh", "flatten", "weight_decay"])
def test_the_other_operations_mistakes_all_show_in_the_numbers(name):
    assert list(OPS[name].wrongs(given(X, WEIGHTS), Setup(X))) == []
