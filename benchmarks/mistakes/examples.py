"""Three cases that show the format: a pair, plain functions, a class."""

import numpy as np

from benchmarks.mistakes.case import LABELS, LOGITS, B, Case, W, X

# --- a pair ----------------------------------------------------------------------------------------------------------------


def relu_forward(x):
    out = x * (x > 0)
    return out, x


def relu_backward(dout, cache):
    return dout


# --- plain functions -------------------------------------------------------------------------------------------------------


def cross_entropy(scores, y):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(y)), y]).mean()


def cross_entropy_gradient(dloss, scores, y):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    return dloss * p


# --- a class ---------------------------------------------------------------------------------------------------------------


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


CASES = [
    Case("example-relu", "relu", "pair", (relu_forward, relu_backward), (X,), expected=("mask missing",)),
    Case(
        "example-cross-entropy",
        "softmax_cross_entropy",
        "plain functions",
        (cross_entropy, cross_entropy_gradient),
        (LOGITS,),
        {"y": LABELS},
        expected=("1/N missing",),
    ),
    Case("example-affine", "dense", "class, gradients as attributes", Affine, (X, W, B)),
]
