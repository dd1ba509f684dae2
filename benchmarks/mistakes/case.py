"""The format of a case: one implementation of an operation, wrong or right, as a student would have written it.

How to write a case
-------------------
Write the code as a student would: in one of many styles (loops, einsum, im2col, classes, other names, other caches), with
one mistake in it, a real one that people make, in backward (or in forward, if the mistake is there). No comments that give
it away, no helper shared with the right version. Then::

    def relu_f(x):
        return np.maximum(0, x), x

    def relu_b(dout, x):
        return dout

    Case("relu-passes-all", "relu", "pair", (relu_f, relu_b), (X,), expected=("mask missing",))

id          unique; no more than a label
operation   which operation it implements, for the table that is printed: one of OPERATIONS
style       a few words on how it is written: "plain functions", "pair, loops", "class, gradients as attributes"
target      what is handed to ``check`` as its first argument, in any of these forms (d is one array, or a tuple of several
            if there are several arguments):

            (forward, backward)     forward(*args, **options) -> (out, cache);  backward(dout, cache) -> d
            (f, df)                 f(*args, **options) -> out;                 df(dout, *args, **options) -> d
                                    df may take fewer arguments than f if they have the same names as f's; an argument
                                    called out or y gets f's output
            a class                 Affine(w, b, **options), with forward(x) -> out (or (out, cache)) and backward(dout) ->
                                    dx (or backward(dout, cache) -> (dx, grads)). Gradients of what the constructor takes are
                                    found in the returned tuple or dict, or in attributes: dw, dW, grad_w, grads["w"].
                                    One object is made for each forward.
            a step of an optimizer  see below

            A loss returns one number. If its backward has no argument for the upstream gradient (backward(cache),
            df(logits, labels)), it is checked with 1.
            Labels, stride, pad, eps, margin, rng, weight decay and so on are ``options``: they get no gradient and are
            handed over by name. A parameter called rng gets a numpy Generator with the same numbers each time, unless it
            is given. backward of plain functions gets those options whose names it has.
args        the arrays that get a gradient, in the order of forward's arguments: float64, such as ``X, W, B`` below, or
            others of your own. Choose them so that the mistake shows: sizes that all differ, overlapping windows, pad.
options     further arguments of forward, by name
expected    names of the catalogue (scratchnet/gradcheck/catalogue.py) that are right: almost always one. More than one only
            if they are equally right. Empty: the code is right and must pass.
reference   what forward should compute: None, or the name of an operation in OPERATIONS (the case then takes its arguments
            in the order of the package's function), or a function with forward's arguments that returns the right output.
            Only code with a wrong *forward* needs it; backward is always compared with the student's own forward.

Optimizer steps (operations "momentum" and "weight_decay") are compared with the rule over a few steps: ``reference`` is the
rule, an object such as ``Momentum(lr=0.1, momentum=0.9)`` or ``SGD(lr=0.1, weight_decay=0.1)``, and target is one of

            step(w, g, state, lr=.., momentum=..)   state is a dict, empty at first, that the step may fill; returns the new
                                                    w, or changes w in place and returns None
            step(w, g, v, lr=.., momentum=..)       returns (new w, new v); v is 0 at first
            a class or object                       Class(**options) with step(params, grads), dicts of arrays, in place

with lr, momentum, weight_decay in ``options`` under the names that the student's function has. ``args`` is (): the check
draws weights and gradients. Weight decay as a term of a loss is an ordinary case: f(w, lam) -> number, or a whole linear
classifier.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scratchnet.gradcheck.catalogue import CATALOGUE
from scratchnet.gradcheck.inputs import generic
from scratchnet.typing import Array

OPERATIONS = (
    "dense",
    "relu",
    "leaky_relu",
    "sigmoid",
    "tanh",
    "softmax",
    "softmax_cross_entropy",
    "hinge",
    "mean_squared_error",
    "conv2d",
    "im2col",
    "max_pool2d",
    "avg_pool2d",
    "global_avg_pool",
    "flatten",
    "dropout",
    "batch_norm",
    "residual",
    "weight_decay",
    "momentum",
)


@dataclass(frozen=True)
class Case:
    """One implementation, and the names under which its mistake is known; none if it is right."""

    id: str
    operation: str
    style: str
    target: Any
    args: tuple[Array, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    expected: tuple[str, ...] = ()
    reference: str | Callable[..., Any] | Any | None = None

    def __post_init__(self) -> None:
        if self.operation not in OPERATIONS:
            raise ValueError(f"case {self.id}: operation must be one of {', '.join(OPERATIONS)}, got {self.operation!r}")
        for name in self.expected:
            if name not in CATALOGUE:
                raise ValueError(f"case {self.id}: {name!r} is not in the catalogue")

    @property
    def wrong(self) -> bool:
        return bool(self.expected)


_rng = np.random.default_rng(4)

X = generic((5, 4), _rng)  # N, D
W, B = generic((4, 3), _rng), generic((3,), _rng)
SQUARE, B4 = generic((4, 4), _rng), generic((4,), _rng)
LOGITS, LABELS = generic((5, 4), _rng), np.array([3, 0, 2, 0, 1])
IMAGES = generic((3, 2, 7, 6), _rng)  # N, C, H, W
KERNELS, BIAS = generic((4, 2, 3, 2), _rng), generic((4,), _rng)
SQUARE_KERNELS = generic((4, 2, 3, 3), _rng)
GAMMA, BETA = np.array([0.5, -1.2, 0.9, 1.7]), np.array([0.3, -0.7, 1.1, 0.2])  # for X
GAMMA2, BETA2 = np.array([0.6, -1.4]), np.array([0.2, -0.9])  # for IMAGES
