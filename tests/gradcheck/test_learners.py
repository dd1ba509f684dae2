"""Every form in which learners write a layer is understood."""

import numpy as np
import pytest

from scratchnet.gradcheck import check, generic
from scratchnet.layers import Dense, MaxPool2d
from scratchnet.losses import MulticlassHinge, SoftmaxCrossEntropy, softmax

rng = np.random.default_rng(6)
X, W, B = generic((5, 4), rng), generic((4, 3), rng), generic((3,), rng)
LABELS = np.array([3, 0, 2, 0, 1])


def test_plain_functions_by_name_and_by_place():
    def f(x, w, b):
        return x @ w + b

    for df in (
        lambda dout, x, w, b: (dout @ w.T, x.T @ dout, dout.sum(0)),
        lambda g, first, second, third: (g @ second.T, first.T @ g, g.sum(0)),
        lambda *all: (all[0] @ all[2].T, all[1].T @ all[0], all[0].sum(0)),
        lambda x, w, dout: (dout @ w.T, x.T @ dout, dout.sum(0)),  # some of them, in another order
    ):
        report = check((f, df), X, W, B)
        assert report, str(report)
        assert list(report.results) == ["x", "w", "b"]
    assert check((np.tanh, lambda dy, y: dy * (1 - y**2)), X)  # y is the output
    assert check((lambda x, k: x * k, lambda dout, k: dout * k), X, options={"k": 3.0})
    assert not check((lambda x, k: x * k, lambda dout, k: dout), X, options={"k": 3.0})


def test_losses_without_an_upstream_gradient():
    def loss(scores, y):
        return -np.log(softmax(scores)[np.arange(len(y)), y]).mean()

    def gradient(scores, y):
        p = softmax(scores)
        p[np.arange(len(y)), y] -= 1
        return p / len(y)

    assert check((loss, gradient), X, options={"y": LABELS})
    assert check((loss, lambda dloss, scores, y: dloss * gradient(scores, y)), X, options={"y": LABELS})
    assert check((lambda s, y: (loss(s, y), (s, y)), lambda cache: gradient(*cache)), X, options={"y": LABELS})
    ignoring = check((loss, lambda dloss, scores, y: gradient(scores, y)), X, options={"y": LABELS})
    assert ignoring.diagnoses[0].name == "upstream gradient ignored"


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class Returns(Affine):
    def backward(self, dout):
        dx = super().backward(dout)
        return dx, self.dW, self.db


class ReturnsDict(Affine):
    def forward(self, x):
        return super().forward(x), {"x": x}

    def backward(self, dout, cache):
        return dout @ self.W.T, {"W": cache["x"].T @ dout, "b": dout.sum(0)}


class Stores(Affine):
    def backward(self, dout):
        self.grads = {"W": self.x.T @ dout, "b": dout.sum(0)}
        return dout @ self.W.T


class Renames:
    def __init__(self, weights, bias):
        self.w, self.bias = weights, bias

    def forward(self, x):
        self.x = x
        return x @ self.w + self.bias

    def backward(self, grad):
        self.grad_w, self.bias_grad = self.x.T @ grad, grad.sum(0)
        return grad @ self.w.T


@pytest.mark.parametrize("cls", [Affine, Returns, ReturnsDict, Stores, Renames])
def test_classes_of_their_own(cls):
    report = check(cls, X, W, B)
    assert report, str(report)
    assert next(iter(report.results)) == "x"
    assert len(report.results) == 3
    assert check(cls(W, B), X), "an object"


def test_a_class_that_forgets_a_gradient():
    class Forgets(Affine):
        def backward(self, dout):
            self.dW = self.x.T @ dout
            return dout @ self.W.T

    report = check(Forgets, X, W, B)
    assert report.results["b"].status == "WRONG"
    assert report.diagnoses[0].name == "gradient missing"
    assert report.results["W"].passed


def test_classes_get_their_options():
    class Pool:
        def __init__(self, size=2, stride=2):
            self.size, self.stride = size, stride

        def forward(self, x):
            self.layer = MaxPool2d(self.size, self.stride)
            out, self.cache = self.layer.forward(x)
            return out

        def backward(self, dout):
            return self.layer.backward(dout, self.cache)[0]

    report = check(Pool, generic((2, 2, 6, 5), rng), options={"size": 3, "stride": 1})
    assert report, str(report)

    class Loss:
        def forward(self, x, t):
            self.p, self.t = softmax(x), t
            return -np.log(self.p[np.arange(len(t)), t]).mean()

        def backward(self):
            return (self.p - np.eye(4)[self.t]) / len(self.t)

    assert check(Loss, X, options={"t": LABELS})


def test_classes_of_the_package_stand_for_their_pairs():
    assert check(Dense, X, W, B)
    assert check(MaxPool2d, generic((2, 2, 6, 5), rng), options={"kernel_size": 2})
    assert check(SoftmaxCrossEntropy, X, options={"labels": LABELS})
    assert check(MulticlassHinge, X, options={"labels": LABELS})


def test_numpy_s_own_random_numbers_are_repeated():
    def forward(x):
        mask = np.random.rand(*x.shape) > 0.5  # noqa: NPY002
        return x * mask, mask

    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert check((forward, lambda dout, mask: dout * mask), X)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002

    def again(dout, mask):
        return dout * (np.random.rand(*dout.shape) > 0.5)  # noqa: NPY002

    assert check((forward, again), X).diagnoses[0].name == "random numbers drawn again"
