"""The checker is checked from both sides: right code passes, and every known kind of wrong code is caught."""

import copy
import re

import numpy as np
import pytest

import scratchnet.layers as layers_module
import scratchnet.losses as losses_module
from scratchnet import gradcheck
from scratchnet.gradcheck import check, check_all, generic, numeric_gradient
from scratchnet.gradcheck.kinks import examine
from scratchnet.gradcheck.package import cases
from scratchnet.layers import (
    BatchNorm1d,
    BatchNorm2d,
    Composite,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
)
from scratchnet.layers.activations import relu_backward, relu_forward, sigmoid_backward, sigmoid_forward
from scratchnet.layers.conv import conv2d_backward, conv2d_forward
from scratchnet.layers.dense import dense_backward, dense_forward
from scratchnet.layers.dropout import dropout_backward, dropout_forward
from scratchnet.layers.norm import batch_norm_backward, batch_norm_forward
from scratchnet.losses import (
    Loss,
    MeanSquaredError,
    MulticlassHinge,
    SoftmaxCrossEntropy,
    softmax_cross_entropy_backward,
    softmax_cross_entropy_forward,
)

rng = np.random.default_rng(20)
X, W, B = generic((5, 4), rng), generic((4, 3), rng), generic((3,), rng)
SQUARE = generic((4, 4), rng)
IMAGES = generic((3, 2, 7, 6), rng)
KERNELS, BIAS = generic((4, 2, 3, 2), rng), generic((4,), rng)
LABELS = np.array([3, 0, 2, 0, 1])


# --- numeric_gradient ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "gradient"),
    [
        (lambda x: (x**2).sum(), lambda x: 2 * x),
        (lambda x: (x**3 - 4 * x).sum(), lambda x: 3 * x**2 - 4),
        (lambda x: np.exp(x).sum(), np.exp),
        (lambda x: np.exp(x.sum()), lambda x: np.full_like(x, np.exp(x.sum()))),
        (lambda x: (x * np.arange(6).reshape(2, 3)).sum(), lambda x: np.arange(6.0).reshape(2, 3)),
        (lambda x: 7.0, np.zeros_like),
    ],
)
def test_numeric_gradient_of_known_functions(f, gradient):
    x = np.array([[0.3, -1.2, 2.0], [0.0, 0.7, -0.4]])
    np.testing.assert_allclose(numeric_gradient(f, x), gradient(x), rtol=1e-8, atol=1e-9)


def test_error_shrinks_with_the_square_of_h():
    x = np.array([1.0])
    errors = [abs(numeric_gradient(lambda x: np.exp(x[0]), x, h=h)[0] - np.e) for h in (1e-1, 1e-2, 1e-3)]
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.01)
    assert errors[1] / errors[2] == pytest.approx(100, rel=0.01)


def test_linear_function_far_from_zero_is_exact():
    # x + h is rounded there; the step that was really taken counts.
    assert numeric_gradient(lambda x: 3 * (x[0] - 1e6), np.array([1e6 + 0.1]))[0] == pytest.approx(3, rel=1e-12)


@pytest.mark.parametrize("order", ["C", "F"])
def test_any_memory_order_shape_and_type(order):
    x = np.asarray(generic((2, 3, 4), rng), order=order)
    weights = generic((2, 3, 4), rng)
    np.testing.assert_allclose(numeric_gradient(lambda x: (x * weights).sum(), x), weights, rtol=1e-8)
    gradient = numeric_gradient(lambda x: float((x * weights).sum()), x.astype(np.float32))
    assert gradient.dtype == np.float64
    np.testing.assert_allclose(gradient, weights, rtol=1e-8)
    assert numeric_gradient(lambda x: x**2, 3.0) == pytest.approx(6)  # a single number is an array too


def test_only_some_entries():
    gradient = numeric_gradient(lambda x: (x**2).sum(), np.array([[1.0, 2.0], [3.0, 4.0]]), indices=[0, 2])
    np.testing.assert_allclose(gradient, [[2, np.nan], [6, np.nan]], rtol=1e-8)
    with pytest.raises(ValueError, match=r"index 4 is not in 0 \.\. 3"):
        numeric_gradient(np.sum, np.zeros((2, 2)), indices=[4])


def test_x_is_never_changed():
    x = np.array([1.0, 2.0, 3.0])
    kept = []

    def keeps_and_spoils(x):
        kept.append(x)
        value = (x**2).sum()
        x[:] = np.nan
        return value

    np.testing.assert_allclose(numeric_gradient(keeps_and_spoils, x), [2, 4, 6], rtol=1e-8)
    np.testing.assert_array_equal(x, [1, 2, 3])
    assert not any(np.shares_memory(a, x) for a in kept)

    def raises(x):
        x[:] = 0
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        numeric_gradient(raises, x)
    np.testing.assert_array_equal(x, [1, 2, 3])


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool, complex])
def test_integers_are_refused(dtype):
    with pytest.raises(ValueError, match=r"x holds \w+, wanted floating-point numbers: .* write x.astype"):
        numeric_gradient(np.sum, np.ones(3, dtype))


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: np.where(x[1, 2] > 0.5, np.nan, 1), r"f is nan where x\[1, 2\] is 0.50001"),
        (lambda x: np.where(x[0, 1] < 0.5, np.inf, 1), r"f is inf where x\[0, 1\] is 0.49999"),
        (lambda x: x, r"f must return one number, got an array of shape \(2, 3\)"),
        (lambda x: x[:1, 0], r"f must return one number, got an array of shape \(1,\)"),
        (lambda x: None, "f must return one number, got None"),
        (lambda x: 1j, "f must return one number, got 1j"),
    ],
)
def test_f_must_be_one_finite_number(f, message):
    with pytest.raises(ValueError, match=message):
        numeric_gradient(f, np.full((2, 3), 0.5))


def test_bad_steps_and_inputs():
    with pytest.raises(ValueError, match="h must be positive"):
        numeric_gradient(np.sum, np.ones(3), h=0)
    with pytest.raises(ValueError, match=r"too small: x\[0\] = 1e\+20 stays the same"):
        numeric_gradient(np.sum, np.array([1e20]))
    with pytest.raises(ValueError, match="x is empty"):
        numeric_gradient(np.sum, np.ones((0, 3)))
    with pytest.raises(ValueError, match="x holds nan or infinity"):
        numeric_gradient(np.sum, np.array([1, np.inf]))


# --- right code passes ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def package_reports():
    return check_all()


@pytest.mark.parametrize("i", range(len(cases())))
def test_layers_and_losses_of_the_package(package_reports, i):
    name, report = package_reports[i]
    assert name == cases()[i].name
    assert report.passed, f"{name}\n{report}"
    assert all(result.checked == result.size and not result.kinks for result in report.results.values())


def test_check_all_misses_nothing():
    checked = set()
    for case in cases():
        checked.add(type(case.target))
        if isinstance(case.target, Composite):
            checked.update(type(leaf) for _, leaf in case.target.leaves())
    exported = {getattr(layers_module, name) for name in layers_module.__all__} - {Layer, Composite}
    losses = {thing for thing in vars(losses_module).values() if isinstance(thing, type) and issubclass(thing, Loss)}
    assert exported | losses - {Loss} <= checked


@pytest.mark.parametrize("seed", range(3))
def test_pairs_pass(seed):
    assert check((dense_forward, dense_backward), X, W, B, seed=seed)
    assert check((conv2d_forward, conv2d_backward), IMAGES, KERNELS, BIAS, options={"stride": (2, 1), "pad": 1}, seed=seed)
    assert check((dropout_forward, dropout_backward), X, options={"p": 0.4}, seed=seed)  # rng is supplied
    given = np.random.default_rng(seed)
    assert check((dropout_forward, dropout_backward), X, options={"p": 0.4, "rng": given}, seed=seed)
    assert given.random() == np.random.default_rng(seed).random()  # copies of it were used
    assert check((batch_norm_forward, batch_norm_backward), X, B4, B4, seed=seed)
    statistics = {"mean": BIAS.astype(np.float32), "var": np.exp(BIAS).astype(np.float32)}
    assert check((batch_norm_forward, batch_norm_backward), X, B4, B4, options=statistics, seed=seed)
    loss = (softmax_cross_entropy_forward, softmax_cross_entropy_backward)
    assert check(loss, X, options={"labels": LABELS, "label_smoothing": 0.1}, seed=seed)
    assert check(((lambda x: (x[()] ** 2, x)), (lambda dout, x: 2 * dout * x)), 3.0, seed=seed)  # of a single number


B4 = np.array([0.5, -1.2, 0.9, 1.7])


def test_nothing_of_the_caller_is_changed():
    model = Sequential(Conv2d(2, 3, 3, rng=rng), BatchNorm2d(3), ReLU(), Flatten(), Dropout(0.5), Dense(60, 2, rng=rng))
    before = copy.deepcopy({**model.params, **model.state})
    identities = {name: id(array) for name, array in model.params.items()}
    x = IMAGES.astype(np.float32)
    x_before = x.copy()
    assert check(model, x)
    for name, array in {**model.params, **model.state}.items():
        np.testing.assert_array_equal(array, before[name])
        assert array.dtype == np.float32
    assert {name: id(array) for name, array in model.params.items()} == identities
    np.testing.assert_array_equal(x, x_before)
    labels, logits = LABELS.copy(), X.copy()
    assert check(SoftmaxCrossEntropy(), logits, labels)
    np.testing.assert_array_equal(labels, LABELS)
    np.testing.assert_array_equal(logits, X)


def test_same_seed_same_report():
    layer = Dense(4, 3, rng=rng)
    first, second, other = check(layer, shape=(5, 4)), check(layer, shape=(5, 4)), check(layer, shape=(5, 4), seed=1)
    np.testing.assert_array_equal(first.results["w"].numeric, second.results["w"].numeric)
    assert not np.array_equal(first.results["w"].numeric, other.results["w"].numeric)


def test_report_holds_what_was_found():
    report = check(Sequential(Dense(4, 3, rng=rng), Sigmoid()), X)
    assert list(report.results) == ["x", "0.w", "0.b"]
    result = report.results["0.w"]
    assert (result.checked, result.size, result.wrong, result.kinks, result.message) == (12, 12, 0, {}, "")
    assert result.passed
    assert result.analytic.shape == result.numeric.shape == (4, 3)
    assert result.max_error == np.abs(result.analytic - result.numeric).max()
    assert result.relative_error == result.max_error / np.abs(result.numeric).max()
    assert result.worst_values == (result.analytic[result.worst], result.numeric[result.worst])
    assert bool(report) is report.passed is True
    lines = str(report).splitlines()
    assert [line.split()[0] for line in lines] == ["dx", "0.dw", "0.db"]
    assert all("ok" in line and "largest difference" in line for line in lines)
    assert len({line.index("ok") for line in lines}) == 1  # aligned


def test_the_names_are_the_functions_own():
    assert list(check((dense_forward, dense_backward), X, W, B).results) == ["x", "w", "b"]
    assert list(check(MeanSquaredError(), X, X + 1).results) == ["out"]
    assert list(check(((lambda *xs: (xs[0] * xs[1], xs)), (lambda d, xs: (d * xs[1], d * xs[0]))), X, X).results) == [
        "x0",
        "x1",
    ]


# --- wrong code fails: the numbers ---------------------------------------------------------------------------------------


def dense_with(change):
    """The dense layer's pair, its gradients changed by ``change(dout, x, w, dx, dw, db)``."""

    def backward(dout, cache):
        return change(dout, *cache, *dense_backward(dout, cache))

    return dense_forward, backward


WRONG_DENSE = {
    "sign": (["x"], dense_with(lambda dout, x, w, dx, dw, db: (-dx, dw, db))),
    "factor 2": (["w"], dense_with(lambda dout, x, w, dx, dw, db: (dx, 2 * dw, db))),
    "factor 1.00001": (["w"], dense_with(lambda dout, x, w, dx, dw, db: (dx, 1.00001 * dw, db))),
    "db is the mean": (["b"], dense_with(lambda dout, x, w, dx, dw, db: (dx, dw, dout.mean(axis=0)))),
    "db is forgotten": (["b"], dense_with(lambda dout, x, w, dx, dw, db: (dx, dw, np.zeros_like(db)))),
    "dout is forgotten": (["x"], dense_with(lambda dout, x, w, dx, dw, db: (np.ones_like(dout) @ w.T, dw, db))),
    "weight decay twice": (["w"], dense_with(lambda dout, x, w, dx, dw, db: (dx, dw + 0.1 * w, db))),
    "last image is missing": (["w"], dense_with(lambda dout, x, w, dx, dw, db: (dx, x[:-1].T @ dout[:-1], db))),
    "all three": (["x", "w", "b"], dense_with(lambda dout, x, w, dx, dw, db: (dx / 2, dw / 2, db / 2))),
}


@pytest.mark.parametrize(("names", "pair"), WRONG_DENSE.values(), ids=WRONG_DENSE)
def test_wrong_dense(names, pair):
    report = check(pair, X, W, B)
    assert not report
    assert [name for name, result in report.results.items() if result.status == "WRONG"] == names
    assert report.problems == []
    assert f"d{names[0]}" in next(line for line in str(report).splitlines() if "WRONG" in line)
    assert "yours" in str(report)
    layer = Dense(4, 3, rng=rng, functions=pair)
    assert [name for name, result in check(layer, X).results.items() if not result.passed] == names


def test_transposed_square_w():
    wrong = dense_with(lambda dout, x, w, dx, dw, db: (dout @ w, dw.T, db))
    report = check(wrong, X, SQUARE, B4)
    assert [result.passed for result in report.results.values()] == [False, False, True]
    np.testing.assert_allclose(report.results["w"].analytic.T, report.results["w"].numeric, atol=1e-8)


@pytest.mark.parametrize(
    "backward",
    [
        lambda dout, out: dout,  # mask missing
        lambda dout, out: dout * (dout > 0),  # mask of the wrong array
        lambda dout, out: dout * (out <= 0),  # turned round
        lambda dout, out: dout * (out > 0.5),
        lambda dout, out: dout * out,
        lambda dout, out: np.where(out > 0, dout, 1e-4 * dout),
    ],
)
def test_wrong_relu(backward):
    report = check((relu_forward, backward), X)
    assert report.results["x"].status == "WRONG"
    assert not report.results["x"].kinks


def test_wrong_sigmoid():
    assert check((sigmoid_forward, sigmoid_backward), X)
    assert not check((sigmoid_forward, lambda dout, out: dout * out), X)
    assert not check((sigmoid_forward, lambda dout, out: dout * out * (1 + out)), X)


def softmax_with(change):
    def backward(dloss, cache):
        probs, labels, _ = cache
        return change(dloss, probs, np.eye(4)[labels])

    return softmax_cross_entropy_forward, backward


@pytest.mark.parametrize(
    "change",
    [
        lambda dloss, probs, target: dloss * (probs - target),  # 1/N missing
        lambda dloss, probs, target: dloss * (probs - target) / 25,  # 1/N twice
        lambda dloss, probs, target: dloss * probs / 5,  # minus target missing
        lambda dloss, probs, target: (probs - target) / 5,  # dloss missing
        lambda dloss, probs, target: dloss * (probs - target) / 4,  # 1/K
    ],
)
def test_wrong_softmax(change):
    assert check(softmax_with(lambda dloss, probs, target: dloss * (probs - target) / 5), X, options={"labels": LABELS})
    assert not check(softmax_with(change), X, options={"labels": LABELS})
    assert not check(SoftmaxCrossEntropy(functions=softmax_with(change)), X, LABELS)


def naive_pool(x, stride=1):
    """2 x 2 windows by loops."""
    n, c, h, w = x.shape
    out = np.empty((n, c, (h - 2) // stride + 1, (w - 2) // stride + 1))
    for i, j in np.ndindex(out.shape[2:]):
        out[:, :, i, j] = x[:, :, i * stride : i * stride + 2, j * stride : j * stride + 2].max(axis=(2, 3))
    return out, (x, out, stride)


def pool_backward_with(give):
    """Backward by loops; ``give(dx, n, c, i, j, dout, mask)`` passes a window's gradient on."""

    def backward(dout, cache):
        x, out, stride = cache
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(out.shape):
            window = x[n, c, i * stride : i * stride + 2, j * stride : j * stride + 2]
            give(dx, n, c, i * stride, j * stride, dout[n, c, i, j], window == out[n, c, i, j])
        return dx

    return naive_pool, backward


def add(dx, n, c, i, j, dout, mask):
    dx[n, c, i : i + 2, j : j + 2] += dout * mask  # every tie gets it all


def split(dx, n, c, i, j, dout, mask):
    dx[n, c, i : i + 2, j : j + 2] += dout * mask / mask.sum()


def overwrite(dx, n, c, i, j, dout, mask):
    k, m = np.argwhere(mask)[0]
    dx[n, c, i + k, j + m] = dout


def one_window_off(dx, n, c, i, j, dout, mask):
    j = min(j + 1, dx.shape[3] - 2)
    dx[n, c, i : i + 2, j : j + 2] += dout * mask


def to_all(dx, n, c, i, j, dout, mask):
    dx[n, c, i : i + 2, j : j + 2] += dout / 4


SMALL = generic((2, 2, 5, 4), rng)


@pytest.mark.parametrize("give", [overwrite, one_window_off, to_all])
def test_wrong_pooling(give):
    assert check(pool_backward_with(split), SMALL)
    assert check(pool_backward_with(give), SMALL).results["x"].status == "WRONG"


def test_overwriting_is_right_only_where_windows_do_not_overlap():
    assert check(pool_backward_with(overwrite), SMALL, options={"stride": 2})
    assert not check(pool_backward_with(overwrite), SMALL, options={"stride": 1})


def test_a_pool_that_is_overwritten_entry_by_entry():
    """= for += where backward goes through the entries of all windows at once: winners are lost, and it has a name."""

    def forward(x, k=3):
        cuts = [x[:, :, i : x.shape[2] - k + 1 + i, j : x.shape[3] - k + 1 + j] for i, j in np.ndindex(k, k)]
        return np.max(cuts, axis=0), (np.argmax(cuts, axis=0), x.shape, k)

    def backward(dout, cache, add):
        winner, shape, k = cache
        dx = np.zeros(shape)
        for entry, (i, j) in enumerate(np.ndindex(k, k)):
            cut = dx[:, :, i : i + dout.shape[2], j : j + dout.shape[3]]
            cut[...] = dout * (winner == entry) + (cut if add else 0)
        return dx

    x = generic((2, 2, 6, 5), np.random.default_rng(0))
    assert check((forward, lambda dout, cache: backward(dout, cache, add=True)), x)
    wrong = check((forward, lambda dout, cache: backward(dout, cache, add=False)), x)
    assert wrong.diagnoses[0].name == "overlap overwritten"


def conv_with(change):
    def backward(dout, cache):
        return change(dout, cache, *conv2d_backward(dout, cache))

    return conv2d_forward, backward


WRONG_CONV = {
    "kernel flipped": (["w"], lambda dout, cache, dx, dw, db: (dx, dw[:, :, ::-1, ::-1].copy(), db)),
    "dx shifted by the padding": (["x"], lambda dout, cache, dx, dw, db: (np.roll(dx, (1, 1), (2, 3)), dw, db)),
    "dx only of the first filter": (["x"], lambda dout, cache, dx, dw, db: (first_filter(dout, cache), dw, db)),
    "db mean over the images": (["b"], lambda dout, cache, dx, dw, db: (dx, dw, db / 3)),
    "channels swapped": (["w"], lambda dout, cache, dx, dw, db: (dx, dw[:, ::-1].copy(), db)),
    "images shifted": (["x"], lambda dout, cache, dx, dw, db: (np.roll(dx, 1, 0), dw, db)),
    "one pixel forgotten": (["x"], lambda dout, cache, dx, dw, db: (without_last_pixel(dx), dw, db)),
}


def first_filter(dout, cache):
    only = dout.copy()
    only[:, 1:] = 0
    return conv2d_backward(only, cache)[0]


def without_last_pixel(dx):
    dx = dx.copy()
    dx[-1, -1, -1, -1] = 0
    return dx


@pytest.mark.parametrize(("names", "change"), WRONG_CONV.values(), ids=WRONG_CONV)
def test_wrong_convolution(names, change):
    report = check(conv_with(change), IMAGES, KERNELS, BIAS, options={"pad": 1})
    assert [name for name, result in report.results.items() if not result.passed] == names


@pytest.mark.parametrize("mode", ["no gamma", "no mean term", "no variance term"])
def test_wrong_batch_norm(mode):
    def backward(dout, cache):
        xhat, gamma, inv_std, *_ = cache
        dx = dout.copy()
        if mode != "no mean term":
            dx -= dout.mean(axis=0)
        if mode != "no variance term":
            dx -= xhat * (dout * xhat).mean(axis=0)
        dx *= inv_std if mode == "no gamma" else inv_std * gamma
        return dx, (dout * xhat).sum(axis=0), dout.sum(axis=0)

    layer = BatchNorm1d(4, functions=(batch_norm_forward, backward))
    assert [name for name, result in check(layer, X).results.items() if not result.passed] == ["x"]
    if mode == "no gamma":  # invisible as long as gamma is 1
        assert check(layer, X, vary_fresh=False)


def test_residual_that_forgets_the_shortcut():
    class Wrong(Residual):
        def backward(self, dout, cache, *, need_dx=True):
            dx, grads = super().backward(dout, cache)
            return dx - dout, grads

    layer = Wrong(Dense(4, 4, rng=rng))
    assert [name for name, result in check(layer, X).results.items() if not result.passed] == ["x"]


# --- wrong code fails: the manners ---------------------------------------------------------------------------------------


def problems(target, *args, **keywords):
    report = check(target, *args, **keywords)
    assert not report
    assert all("\n" not in problem for problem in report.problems)
    assert all(problem in str(report) for problem in report.problems)
    return "\n".join(report.problems)


def test_dout_changed_in_place():
    def backward(dout, out):
        dout *= out > 0
        return dout

    text = problems((relu_forward, backward), X)
    assert text == "backward changes dout in place, which others may still need: work on a copy"


def test_inputs_changed_in_place():
    def forward(x):
        np.maximum(x, 0, out=x)
        return x, x

    assert "forward changes x in place" in problems((forward, relu_backward), X)

    def backward(dout, cache):
        gradients = dense_backward(dout, cache)
        cache[1][...] -= 0.1 * gradients[1]  # an optimizer has no place here
        return gradients

    text = problems((dense_forward, backward), X, W, B)
    assert "backward changes w in place" in text
    assert "forward changes" not in text

    def loss_forward(logits, labels):
        labels -= labels.min()
        return softmax_cross_entropy_forward(logits, labels)

    loss = SoftmaxCrossEntropy(functions=(loss_forward, softmax_cross_entropy_backward))
    assert "forward changes labels in place" in problems(loss, X, LABELS % 3 + 1)


def test_parameters_and_statistics_changed_in_place():
    class Wrong(BatchNorm1d):
        def forward(self, x, *, train=False, rng=None):
            out, cache = super().forward(x, train=train, rng=rng)
            if train:
                self.update_state(self.observe(cache))
            return out, cache

    text = problems(Wrong(4), X)
    assert "forward changes running_mean in place" in text
    assert "forward changes running_var in place" in text


def test_gradients_that_add_up_from_call_to_call():
    total = np.zeros_like(W)

    def backward(dout, cache):
        dx, dw, db = dense_backward(dout, cache)
        total[...] += dw
        return dx, total, db

    twice, right = "a second call of backward gives dw exactly twice as large", "; the first call was right"
    assert twice + right in problems((dense_forward, backward), X, W, B)

    def too_large(dout, cache):
        return backward(3 * dout, cache)

    total[...] = 0.0
    said = problems((dense_forward, too_large), X, W, B)
    assert twice in said
    assert right not in said
    said = problems((dense_forward, backward), X, W, B)  # what the calls above left is in the first one, too
    assert "a second call of backward gives another result (dw)" in said


def test_cache_changed_by_backward():
    def forward(x):
        out, cache = relu_forward(x)
        return out, cache.copy()

    def backward(dout, cache):
        cache -= 0.5
        return dout * (cache > -0.5)

    report = check((forward, backward), X)
    assert report.results["x"].passed  # the first call was right
    assert "a second call of backward gives another result (dx)" in report.problems[0]
    assert not report


def test_cache_used_up_by_backward():
    def forward(x):
        return x**2, [x]

    report = check((forward, lambda dout, cache: 2 * dout * cache.pop()), X)
    assert report.results["x"].passed
    assert "a second call of backward raises IndexError" in report.problems[0]


def test_stale_cache():
    kept = {}

    def forward(x):
        out, _ = relu_forward(x)
        kept["out"] = out
        return out, None

    text = problems((forward, lambda dout, _: dout * (kept["out"] > 0)), X)
    assert text.startswith("backward gives another result (dx) when another forward came in between")

    buffer = np.empty_like(X)

    def into_a_buffer(x):
        return np.maximum(x, 0, out=buffer).copy(), buffer

    assert "when another forward came in between" in problems((into_a_buffer, relu_backward), X)

    class OnSelf(ReLU):
        def forward(self, x, *, train=False, rng=None):
            self.out, _ = relu_forward(x)
            return self.out, None

        def backward(self, dout, cache, *, need_dx=True):
            return relu_backward(dout, self.out), {}

    assert "when another forward came in between" in problems(OnSelf(), X)


def test_a_forward_that_refuses_other_numbers_is_no_failure():
    def forward(x):
        if (np.diff(x) < 0).any():
            raise ValueError("x must be sorted")
        return x**2, x

    assert check((forward, lambda dout, x: 2 * dout * x), np.sort(X.ravel()))


def test_two_arrays_of_one_name():
    layer = Dense(4, 3, rng=rng)
    layer.params = {"x": layer.params["w"], "b": layer.params["b"]}
    with pytest.raises(ValueError, match=r"two arrays of Dense.* are called x"):
        check(layer, X)


def test_random_numbers_of_its_own():
    source = np.random.default_rng(0)

    def forward(x):
        return dropout_forward(x, 0.5, source)

    report = check((forward, dropout_backward), X)
    assert report.results == {}
    assert "forward is not repeatable" in report.problems[0]

    def mask_drawn_again(dout, mask):
        return dropout_forward(dout, 0.5, source)[0]

    assert "a second call of backward" in problems((dropout_forward, mask_drawn_again), X, options={"p": 0.5})

    def scale_forgotten(dout, mask):
        return dout * (mask > 0)

    assert not check(Dropout(0.4, functions=(dropout_forward, scale_forgotten)), X)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda dx, dw, db: (dx, dw.T, db), r"dw is \(3, 4\), wanted \(4, 3\)"),
        (lambda dx, dw, db: (dx, dw, db[None]), r"db is \(1, 3\), wanted \(3,\)"),
        (lambda dx, dw, db: (dx, None, db), r"dw is None, wanted an array \(4, 3\)"),
        (lambda dx, dw, db: (dx, dw, [1.0]), r"db is a list of 1, wanted an array \(3,\)"),
        (lambda dx, dw, db: (dx, dw.astype(np.float32), db), "dw is float32, wanted float64 like w"),
        (
            lambda dx, dw, db: (dx * np.nan, dw, db),
            r"dx has 20 of 20 entries that are nan or infinite, the first at \(0, 0\)",
        ),
        (lambda dx, dw, db: (dx, dw, np.where([0, 1, 0], np.inf, db)), r"db has 1 of 3 .* infinite, at \(1,\)"),
        (lambda dx, dw, db: (dx, dw), r"backward returned 2 gradients, wanted 3: \(dx, dw, db\)"),
        (lambda dx, dw, db: (dx, dw, db, db), r"backward returned 4 gradients, wanted 3: \(dx, dw, db\)"),
        (lambda dx, dw, db: dx, r"backward returned 1 gradient, wanted 3: \(dx, dw, db\)"),
        (lambda dx, dw, db: [dx, dw, db], r"backward returned a list, wanted a tuple \(dx, dw, db\)"),
    ],
)
def test_malformed_gradients(change, message):
    pair = dense_forward, lambda dout, cache: change(*dense_backward(dout, cache))
    report = check(pair, X, W, B)
    assert not report
    assert any(re.search(message, problem) for problem in report.problems)
    assert list(report.results) == ["x", "w", "b"]
    assert any(result.passed for result in report.results.values()) or "1 gradient" not in message
    assert not np.isnan(report.results["w"].numeric).any()  # measured all the same
    assert str(report).count(report.problems[0]) == 1


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda x: None, r"forward must return \(out, cache\), got None"),
        (lambda x: (x, 1, 2), r"forward must return \(out, cache\), got a tuple of 3"),
        (lambda x: ([1.0], x), "forward must return an array .* got a list of 1"),
        (lambda x: (x.astype(np.float32), x), "out is float32 though every input is float64"),
        (lambda x: (np.where(x == x[1, 2], np.nan, x), x), r"out is not finite: nan at \(1, 2\)"),
    ],
)
def test_malformed_outputs(forward, message):
    report = check((forward, lambda dout, x: dout), X)
    assert not report
    assert report.results == {}
    assert len(report.problems) == 1
    assert re.search(message, report.problems[0])
    assert str(report).startswith(f"problem: {report.problems[0]}")


def test_a_missing_cache_is_noticed():
    """What is expected is said, whatever backward calls its cache."""
    wanted = "return (out, cache) from forward, or have backward take forward's own arguments, backward({}, x, w, b)"

    def unpacks(d, saved):
        x, w, _ = saved
        return d @ w.T, x.T @ d, d.sum(axis=0)

    for backward, takes in ((dense_backward, "dout, cache"), (unpacks, "d, saved")):
        text = problems((lambda x, w, b: x @ w + b, backward), X, W, B)
        assert f"forward returns no cache, and backward({takes}) wants more than dout" in text
        assert wanted.format(takes.split(",")[0]) in text
    assert "As it is, saved was given x: ValueError" in text
    report = check((lambda x: np.maximum(x, 0), lambda dout, mask: dout * mask), X)
    assert "backward's argument mask was given x" in report.notes[0], "x may be what is meant, so it is no problem"
    respelt = check((lambda x: np.sin(x), lambda dout, X: dout * np.sin(X)), X)
    assert not respelt
    assert not respelt.notes, "another spelling of the same name"


def test_an_object_without_cache_is_noticed():
    class Stored:
        def forward(self, x):
            return np.maximum(x, 0)

        def backward(self, dout, cache):
            return dout * (cache > 0)

    for target in (Stored, Stored()):
        text = problems(target, X)
        assert "forward returns no cache, and backward(dout, cache) wants more than dout" in text
        assert "keep in self what backward needs" in text


def test_what_is_not_returned():
    def forgets(dout, x):
        dout * (x > 0)

    class Stores:
        def __init__(self, w):
            self.w = w

        def forward(self, x):
            self.x = x
            return x @ self.w

        def backward(self, dout):
            self.dw = self.x.T @ dout

    for target, args in (((relu_forward, forgets), (X,)), (Stores, (X, W))):
        report = check(target, *args)
        assert "backward returned None: is its return missing?" in report.problems
        assert report.diagnoses[0].name == "gradient missing"
        assert "return" in report.hint()
    report = check((relu_forward, lambda dout, cache: [dout * (cache > 0)]), X)
    assert report.diagnoses[0].name == "wrong return value", "a list with all gradients in it lacks none"


def test_targets_without_a_gradient_are_said_to_be_options():
    def cross_entropy(z, t):
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        return -np.mean((t * np.log(p)).sum(axis=1))

    def gradient(z, t):
        return (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) - t) / len(t)

    onehot = np.eye(4)[[0, 2, 1, 3, 2]]
    report = check((cross_entropy, gradient), X, onehot)
    assert not report
    assert any("if t is one of these, hand it over by name, options={'t': t}" in note for note in report.notes)
    assert check((cross_entropy, gradient), X, options={"t": onehot})
    masked = check((lambda x, keep: x * keep, lambda dout, x, keep: dout * keep), X, (X > 0).astype(float))
    assert any("options={'keep': keep}" in note for note in masked.notes), "no loss, but nothing except 0 and 1"
    dense = check((lambda x, w: x @ w, lambda dout, x, w: dout @ w.T), X, W)
    assert not dense.notes, "w wants a gradient"


def test_without_dout_it_is_the_gradient_of_the_sum():
    def square(x):
        return x * x

    report = check((square, lambda x: 2 * x), X)
    assert report
    assert report.notes == ["checked as the gradient of square(x).sum(), since backward takes no upstream gradient"]
    assert "square(x).sum()" in str(report)
    assert not check((square, lambda x: x), X)
    assert not check((lambda x: (x * x).sum(), lambda x: 2 * x), X).notes, "a loss is one number already"


def test_a_loss_must_be_one_number():
    loss = MeanSquaredError(functions=(lambda out, targets: ((out - targets).sum(axis=1), out), lambda dloss, cache: cache))
    assert "the loss must be one number, got an array (5,)" in problems(loss, X, X + 1)


def test_a_layer_s_gradients_go_by_name():
    class Wrong(Dense):
        def backward(self, dout, cache, *, need_dx=True):
            dx, grads = super().backward(dout, cache)
            return dx, {"W": grads["w"], "b": grads["b"]}

    text = problems(Wrong(4, 3, rng=rng), X)
    assert "backward returned a gradient for 'W', which is no parameter" in text
    assert "dw is None, wanted an array (4, 3)" in text

    class Bare(ReLU):
        def backward(self, dout, cache, *, need_dx=True):
            return super().backward(dout, cache)[0]

    assert "a layer's backward must return (dx, gradients by name)" in problems(Bare(), X)


def test_what_the_code_raises_is_in_the_report():
    def backward(dout, cache):
        return dout @ np.ones((7, 7))

    report = check((relu_forward, backward), X)
    assert not report
    assert "backward raises ValueError: matmul" in report.problems[0]
    assert "here they have 4 and 7" in report.problems[0]
    assert f"of backward: return dout @ np.ones((7, 7)); dout {X.shape})" in report.problems[0]
    assert report.diagnoses[0].name == "raises an error"
    np.testing.assert_allclose(report.results["x"].numeric, check(ReLU(), X).results["x"].numeric)  # measured all the same

    def forward(x):
        raise KeyError("mine")

    report = check((forward, backward), X)
    assert report.results == {}
    assert "forward raises KeyError: 'mine'" in report.problems[0]


def test_a_slope_that_can_not_be_measured():
    x = np.array([1.0, 1e-6, 2.0])

    def forward(x):
        with np.errstate(invalid="ignore"):
            return np.log(x), x

    report = check((forward, lambda dout, x: dout / x), x)
    assert report.results["x"].message.startswith("dx can't be measured: f is nan where x[1] is -")


# --- wrong use of the checker --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check(Residual, X), r"Residual is a class; make an instance, as in Residual\(\)"),
        (lambda: check(X, X), "a class with forward and backward, or a pair in brackets"),
        (lambda: check(relu_forward, relu_backward, X), "a pair in brackets"),
        (lambda: check(ReLU()), r"a layer wants one input array, or shape=\(..\) to draw one, got 0"),
        (lambda: check(ReLU(), X, shape=(3, 4)), "a layer wants one input array"),
        (lambda: check(ReLU(), X, options={"a": 1}), "options are for functions and classes"),
        (lambda: check((relu_forward, relu_backward)), "give the arrays that forward takes"),
        (lambda: check((relu_forward, relu_backward), shape=(2, 3)), "shape draws a layer's input"),
        (lambda: check(MulticlassHinge(), X), "a loss wants the network's output and the labels, got 1"),
        (lambda: check(ReLU(), np.arange(6).reshape(2, 3)), "x holds int64, wanted floating-point numbers"),
        (lambda: check((relu_forward, relu_backward), np.arange(6)), r"x holds int64, .*: write x.astype\(np.float64\)"),
        (lambda: check((lambda x, y: x, relu_backward), X, LABELS), r"by name, options=\{'y': y\}; if it should get a gr"),
        (lambda: check((lambda x, y: x, relu_backward), X.astype(int), X), r": write x.astype\(np.float64\); or, if these"),
        (lambda: check(loss_pair, X, LABELS), r"labels holds int64, .* options=\{'labels': labels\}"),
        (lambda: check(ReLU(), X * np.nan), "x holds nan"),
        (lambda: check(ReLU(), X[:0]), "x is empty"),
        (lambda: check(ReLU(), X, max_entries=0), "max_entries must be positive or None"),
        (lambda: check(ReLU(), X, h=-1), "h must be positive"),
    ],
)
def test_wrong_use(call, message):
    with pytest.raises(ValueError, match=message):
        call()


loss_pair = (softmax_cross_entropy_forward, softmax_cross_entropy_backward)


# --- kinks ---------------------------------------------------------------------------------------------------------------


def with_zeros():
    x = X.copy()
    x[1, 2] = x[3, 0] = x[4, 3] = 0
    return x


@pytest.mark.parametrize("slope", [0, 1, 0.5, 0.3])
def test_relu_at_zero_is_excused(slope):
    report = check((relu_forward, lambda dout, out: np.where(out > 0, dout, 0) + at_zero(out) * slope * dout), with_zeros())
    assert report, str(report)
    assert list(report.results["x"].kinks) == [(1, 2), (3, 0), (4, 3)]
    assert 0 in report.results["x"].kinks[1, 2]  # the slope to the left
    assert "3 of 20 at kinks, the first at (1, 2)" in str(report)


def at_zero(out):
    """Where with_zeros() is 0, not where it is negative."""
    mask = np.zeros(out.shape)
    if out.shape == X.shape:
        mask[1, 2] = mask[3, 0] = mask[4, 3] = 1
    return mask


@pytest.mark.parametrize("slope", [-0.1, 1.1, 5, -1, 1 + 1e-4])
def test_wrong_gradient_at_a_kink_is_not_excused(slope):
    report = check((relu_forward, lambda dout, out: np.where(out > 0, dout, 0) + at_zero(out) * slope * dout), with_zeros())
    result = report.results["x"]
    assert result.status == "WRONG"
    assert (result.wrong, result.wrong_at_kinks, len(result.kinks)) == (3, 3, 3)
    assert "to the left" in str(report)
    assert "all that is wrong is at kinks" in str(report)


def test_wrong_gradient_elsewhere_is_not_excused_by_kinks():
    assert check((relu_forward, lambda dout, out: dout * (out > 0.5)), with_zeros()).results["x"].wrong > 0


@pytest.mark.parametrize("distance", [9e-6, 3e-6, 1e-6, 2e-7, 3e-8, -9e-6, -3e-6, -5e-7, -3e-8])
def test_kink_nearby_is_resolved(distance):
    x = X.copy()
    x[1, 2] = distance
    report = check(ReLU(), x)
    assert report, str(report)
    assert not report.results["x"].kinks
    assert report.results["x"].numeric[1, 2] == pytest.approx(report.results["x"].analytic[1, 2], abs=1e-6)
    wrong = check((relu_forward, lambda dout, out: dout * (out > 1e-4)), x)
    assert bool(wrong) == (distance < 0)
    # The value that a central difference gives next to a kink is no excuse either.

    def artefact(dout, out):
        dx = relu_backward(dout, out)
        dx[1, 2] = dout[1, 2] * (1 + distance / 1e-5) / 2
        return dx

    assert check((relu_forward, artefact), x).results["x"].wrong == 1


def test_only_kinks_prove_nothing():
    report = check(ReLU(), np.zeros((3, 4)))
    result = report.results["x"]
    assert (result.status, result.passed, report.passed) == ("UNCLEAR", False, False)
    assert "12 of 12 at kinks" in str(report)
    assert "choose inputs without zeros and ties" in str(report)
    # dout / 2 is what a central difference measures there
    assert check((relu_forward, lambda dout, out: dout / 2), np.zeros((3, 4))).results["x"].status == "UNCLEAR"
    assert check(MaxPool2d(2), np.zeros((2, 1, 4, 6))).results["x"].status == "UNCLEAR"


def test_generic_inputs_have_no_kinks():
    for size in (1, 2, 7, 20, 1001):
        x = generic((size,), np.random.default_rng(size))
        assert len(np.unique(x)) == size
        gaps = np.diff(np.sort(np.append(x, 0)))
        assert gaps.min() > 0.4 / size
        assert np.abs(x).max() < 2.1


def with_ties():
    x = SMALL.copy()
    x[0, 0, 1, 1] = x[0, 0, 1, 2] = 3.0
    x[1, 1, 3, 3] = x[1, 1, 4, 2] = 3.0
    return x


def test_ties_in_a_pool():
    report = check(pool_backward_with(split), with_ties())  # shared
    assert report, str(report)
    assert len(report.results["x"].kinks) == 4
    layer = check(MaxPool2d(2, 1), with_ties())  # one winner
    assert layer, str(layer)
    assert layer.results["x"].kinks.keys() == report.results["x"].kinks.keys()
    wrong = check(pool_backward_with(add), with_ties())  # each gets it all
    assert wrong.results["x"].status == "WRONG"
    assert "move together" in wrong.problems[0]


def test_ties_are_tried_where_the_input_has_none():
    assert check(pool_backward_with(split), SMALL)
    report = check(pool_backward_with(add), SMALL)
    assert report.problems == ["with ties in the input the gradient adds up to 4 times dout, wanted dout itself"]
    assert "<svg" not in report._repr_html_()  # the two gradients of the input without ties agree: nothing to see there
    assert report.diagnoses[0].name == "ties all get the gradient"


def test_hinge_at_the_margin():
    logits = X.copy()
    logits[0, 1] = logits[0, LABELS[0]] - 1
    report = check(MulticlassHinge(), logits, LABELS)
    assert report, str(report)
    assert list(report.results["logits"].kinks) == [(0, 1), (0, 3)]


def test_jumps_and_tips_are_no_kinks():
    x = X.copy()
    x[1, 2] = 0

    def jump(x):
        return np.where(x >= 0, x + 1, x), None

    for slope in (1, 0, 5e4, 5e7):
        assert not check((jump, lambda dout, _, slope=slope: np.where(x == 0, slope, 1) * dout), x)

    def tip(x):
        return np.sqrt(np.abs(x)), x

    with np.errstate(divide="ignore"):
        derivative = np.where(x == 0, 0, 0.5 * np.sign(x) / np.sqrt(np.abs(x) + (x == 0)))
    for at_tip in (0, 1):
        assert not check((tip, lambda dout, _, at_tip=at_tip: np.where(x == 0, at_tip, derivative) * dout), x)


def test_a_jump_nearby_does_not_raise_the_tolerance():
    x = X.copy()
    x[1, 2] = 5e-6

    def forward(x):
        return np.where(x >= 0, x + 1, x), x

    assert check((forward, lambda dout, x: dout), x)
    report = check((forward, lambda dout, x: np.where(x > 1, 1.001, 1) * dout), x)
    assert report.results["x"].status == "WRONG"
    assert report.results["x"].scale < 5


def test_high_curvature_is_resolved():
    x = np.array([1e-3, 0.02, 1.0])
    assert check((lambda x: (np.log(x), x), lambda dout, x: dout / x), x)
    assert not check((lambda x: (np.log(x), x), lambda dout, x: dout / x * (1 + 1e-4)), x)


def test_examine():
    def line(f):
        return lambda t: (t, f(t))

    assert examine(line(lambda t: 3 * t + t * t), 3, 1e-6, 1e-5).error < 1e-6
    kink = examine(line(lambda t: max(-t, 2 * t)), 0.5, 1e-6, 1e-5)
    assert (kink.kink.left, kink.kink.right, kink.error) == (-1, 2, 0)
    assert examine(line(lambda t: max(-t, 2 * t)), 2.5, 1e-6, 1e-5).error == pytest.approx(0.5)
    assert not examine(line(lambda t: max(0.0, t - 1e-6)), 0, 1e-6, 1e-5).kink


def test_examine_where_rounding_closes_one_gap_and_opens_the_next():
    gaps = {-5: 1.0, -6: 1.0, -7: 0.0, -8: 2.0}  # by the step's power of ten
    slope = examine(lambda t: (t, max(t, 0.0) * gaps[round(np.log10(abs(t)))]), 0.5, 1e-9, 1e-5)
    assert (slope.kink, slope.error) == (None, 0.5)  # the clearest step's slope is 0


# --- large arrays --------------------------------------------------------------------------------------------------------


def test_a_wrong_block_among_the_unsampled():
    x = generic((50, 400), rng)
    report = check((sigmoid_forward, sigmoid_backward), x, max_entries=50)
    assert report, str(report)
    assert (report.results["x"].checked, report.results["x"].size) == (50, 20000)
    assert np.isnan(report.results["x"].numeric).sum() == 20000 - 50
    assert "50 of 20000 entries checked" in str(report)
    seen = ~np.isnan(report.results["x"].numeric)

    def wrong_where_nobody_looks(dout, out):
        dx = sigmoid_backward(dout, out)
        dx[10:20, 100:200] *= np.where(seen[10:20, 100:200], 1, 1.01)
        return dx

    report = check((sigmoid_forward, wrong_where_nobody_looks), x, max_entries=50)
    assert report.results["x"].wrong == 0
    assert report.results["x"].status == "WRONG"
    assert "the 50 checked entries are right, but not all of the other 19950: along a random direction" in str(report)

    def one_entry(dout, out):
        dx = sigmoid_backward(dout, out)
        dx[tuple(np.argwhere(~seen)[77])] += 0.01
        return dx

    assert not check((sigmoid_forward, one_entry), x, max_entries=50)


def test_sampling_with_kinks_among_the_unsampled():
    x = generic((50, 40), rng)
    assert check(ReLU(), x, max_entries=20)
    x[::2] = 0
    report = check(ReLU(), x, max_entries=20)
    assert not report
    assert report.results["x"].status == "UNCLEAR"
    x = generic((50, 40), rng)
    x[::7] = 0  # few enough to be excused among the sampled ones; but nobody looked at the others
    report = check(ReLU(), x, max_entries=20)
    assert report.results["x"].status == "UNCLEAR"
    assert "of the other 1980 some are at kinks" in str(report)
    assert "choose inputs without zeros and ties" in str(report)


def test_sampled_layer_passes_in_all_modes():
    model = Sequential(
        Conv2d(1, 6, 5, pad=2, rng=rng), MaxPool2d(2), ReLU(), Flatten(), Dropout(0.2), Dense(216, 10, rng=rng)
    )
    for train in (True, False):
        report = check(model, shape=(3, 1, 12, 13), train=train, max_entries=40)
        assert report, str(report)
        assert [result.checked for result in report.results.values()] == [40, 40, 6, 40, 10]


def test_exported_names():
    names = {"ArgumentResult", "CATALOGUE", "Diagnosis", "Likely", "Report"}
    assert set(gradcheck.__all__) == names | {"check", "check_all", "generic", "numeric_gradient"}
    assert all(hasattr(gradcheck, name) for name in gradcheck.__all__)


def test_a_name_of_another_cell_is_said_to_be_one():
    def backward(dout, cache):
        return softmax_here(dout)  # noqa: F821

    report = check((relu_forward, backward), X)
    assert "if softmax_here is a name of another cell or notebook, copy it into this cell" in report.problems[0]
    assert "Where was this name defined" in report.hint()
    assert "shapes" not in report.hint()
    assert "read:" not in str(report), "no lesson is about names"


def test_a_gradient_that_is_zero_everywhere_is_nothing_else():
    said = str(check((naive_pool, lambda dout, cache: np.zeros_like(SMALL)), SMALL, options={"stride": 2}))
    assert "likely mistake: gradient zero" in said
    assert "less likely" not in said


@pytest.mark.parametrize(("pad", "empty"), [(0, True), (2, False)])
def test_a_crop_to_minus_the_padding_is_empty_without_padding(pad, empty):
    def forward(x, pad):
        return np.pad(x, ((0, 0), (pad, pad))) * 2, pad

    def backward(dout, pad):
        return 2 * dout[:, pad:-pad]

    report = check((forward, backward), X, options={"pad": pad})
    assert report.passed is not empty
    if empty:
        assert report.diagnoses[0].name == "wrong shape"
        assert "0:-0 is empty: what does your slice say when pad is 0?" in str(report)


def test_a_gradient_that_is_the_mask_itself_ignores_dout():
    report = check((relu_forward, lambda dout, out: out > 0), X)
    assert report.diagnoses[0].name == "upstream gradient ignored"
    assert "bool" in report.results["x"].message


def test_a_lesson_is_not_told_to_read_itself():
    report = check((relu_forward, lambda dout, out: dout.sum()), X)
    number = report.diagnoses[0].diagnosis.lesson
    assert f"lesson {number}" in str(report)
    report.lesson = number
    assert f"lesson {number}" not in str(report) + report._repr_html_()


@pytest.mark.parametrize("draw", ["standard_normal", "random"])
@pytest.mark.parametrize("seed", [0, 1, 5])
def test_dout_is_no_argument_that_was_drawn_from_the_same_seed(seed, draw):
    """Else dout = x, and whoever takes the one for the other is told that it is right."""
    x = getattr(np.random.default_rng(seed), draw)((3, 4)) + (draw == "random")
    assert not check((lambda x: (x**2, x), lambda dout, x: 2 * x * x), x, seed=seed).passed
    assert not check((lambda x: (x**2, x), lambda dout, x: 2 * dout * dout), x, seed=seed).passed
    assert check((lambda x: (x**2, x), lambda dout, x: 2 * dout * x), x, seed=seed).passed
