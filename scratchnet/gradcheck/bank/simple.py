"""Operations whose mistakes all show in the numbers themselves: known here by what they compute, for their lesson."""

from collections.abc import Iterator

import numpy as np

from scratchnet.gradcheck.bank.operation import Given, Operation, Setup, Wrong
from scratchnet.losses import softmax
from scratchnet.typing import Array


def _dense(given: Given) -> Iterator[Setup]:
    arrays = list(given.arrays.values())
    if len(arrays) not in (2, 3) or arrays[0].ndim != 2 or arrays[1].ndim != 2:
        return
    x, w, *bias = arrays
    for m in (w, w.T):
        if x.shape[1] == m.shape[0]:
            if not bias:
                yield Setup(x @ m)
            elif bias[0].size == m.shape[1]:
                yield Setup(x @ m + bias[0].reshape(-1))


def _one(given: Given) -> Array | None:
    x = next(iter(given.arrays.values()))
    return x if len(given.arrays) == 1 else None


def _relu(given: Given) -> Iterator[Setup]:
    x = _one(given)
    if x is not None:
        yield Setup(np.maximum(x, 0))


def _leaky_relu(given: Given) -> Iterator[Setup]:
    x = _one(given)
    if x is not None:
        for slope in dict.fromkeys((*given.fractions(), 0.01, 0.1, 0.2)):
            yield Setup(np.where(x > 0, x, slope * x))


def _sigmoid(given: Given) -> Iterator[Setup]:
    x = _one(given)
    if x is not None:
        yield Setup(1 / (1 + np.exp(-x)))


def _tanh(given: Given) -> Iterator[Setup]:
    x = _one(given)
    if x is not None:
        yield Setup(np.tanh(x))


def _softmax(given: Given) -> Iterator[Setup]:
    x = _one(given)
    if x is not None and x.ndim == 2 and given.out_shape == x.shape:
        yield Setup(softmax(x))


def _wrong_softmax(given: Given, setup: Setup) -> Iterator[Wrong]:
    (name, x), dout = next(iter(given.arrays.items())), given.dout
    p = softmax(x)
    inner = (dout * p).sum(axis=1, keepdims=True)
    columns = (dout * p).sum(axis=0)
    unweighted = dout.sum(axis=1, keepdims=True)
    left_out, no_factor = "the part through the row's sum left out", "without the last factor, the outputs"
    for diagnosis, dx, words, code in (
        ("sign flipped", p * (dout + inner), "its sum is added, not subtracted", "p * (dout + sum(dout * p))"),
        ("branch missing", p * dout, left_out, "p * dout"),
        ("wrong operand", p * (dout - unweighted), "the outputs are not in its sum", "sum(dout) instead of sum(dout * p)"),
        ("divided by the wrong count", p * (dout - inner / p.shape[1]), "a mean in place of its sum", ""),
        ("local derivative missing", dout - inner, no_factor, "dout - sum(dout * p) without p"),
        (
            "summed over the wrong axis",
            p * (dout - columns),
            "its sum is taken down the columns",
            "a sum down the columns (axis=0)",
        ),
        (
            "summed over the wrong axis",
            p * (dout - (dout * p).sum()),
            "its sum is taken over everything",
            "a sum without axis",
        ),
    ):
        yield Wrong(diagnosis, {name: dx}, words, code=code)
    yield Wrong("Jacobian's diagonal only", {name: p * dout}, left_out, 0.9, "p * dout")


def _flatten(given: Given) -> Iterator[Setup]:
    x = _one(given)
    if x is not None and x.ndim > 2 and given.out_shape == (len(x), x[0].size):
        yield Setup(x.reshape(len(x), -1))


def _mean_squared_error(given: Given) -> Iterator[Setup]:
    x = _one(given)
    if x is None or given.out_shape:
        return
    for target in given.constants.values():
        if target.shape == x.shape and target.dtype.kind == "f":
            total = np.square(x - target).sum()
            rows = len(x) if x.ndim else 1  # one number alone has no length
            for scale in (1 / x.size, 1 / rows, 1.0):
                for half in (1.0, 0.5):
                    yield Setup(total * scale * half, {"target": target, "factor": 2 * scale * half})


def _wrong_mean_squared_error(given: Given, setup: Setup) -> Iterator[Wrong]:
    (name, x), target = next(iter(given.arrays.items())), setup.roles["target"]
    factor = setup.roles["factor"] * given.dout
    yield Wrong("wrong operand", {name: factor * x}, "the output instead of its difference from the target")
    yield Wrong("wrong operand", {name: -factor * target}, "the target alone")
    yield Wrong("sign flipped", {name: factor * (x + target)}, "plus the target instead of minus")
    yield Wrong("wrong operand", {name: factor * np.abs(x - target)}, "the size of the difference, without its sign")
    yield Wrong("derivative at the wrong value", {name: factor * np.sign(x - target)}, "the sign of the difference alone")
    yield Wrong("derivative at the wrong value", {name: factor * (x - target) ** 2}, "the square instead of its derivative")


def _weight_decay(given: Given) -> Iterator[Setup]:
    x = _one(given)
    if x is not None and not given.out_shape:
        for value in (*given.settings.values(), 1.0):
            for half in (0.5, 1.0):
                yield Setup(half * value * np.square(x).sum())


OPERATIONS = (
    Operation("dense", 5, _dense),
    Operation("relu", 5, _relu),
    Operation("leaky_relu", 5, _leaky_relu),
    Operation("sigmoid", 2, _sigmoid),
    Operation("tanh", 2, _tanh),
    Operation("softmax", 4, _softmax, _wrong_softmax),
    Operation("flatten", 11, _flatten),
    Operation("mean_squared_error", 1, _mean_squared_error, _wrong_mean_squared_error, "mean squared error"),
    Operation("weight_decay", 8, _weight_decay),
)
