"""Losses: how wrong the network's output is, as one number, and the gradient that starts backprop.

A loss is the mean over the batch. Its backward takes d(objective)/d(loss) as ``dloss``: 1 for the loss alone, and
``len(shard) / len(batch)`` when a batch is worked on in parts, which then add up to exactly the batch's gradient.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scratchnet.arguments import (
    is_number,
    kind_of,
    require,
    require_array,
    require_float,
    require_integers,
    require_numbers,
    require_pair,
)
from scratchnet.typing import Array, Cache, Pair


def softmax(logits: Array) -> Array:
    """Turn scores into probabilities: logits (N, K) -> probs (N, K), rows sum to 1.

    probs[n,k] = exp(logits[n,k]) / sum_j exp(logits[n,j]). Taking the row's maximum off first changes nothing
    mathematically and keeps exp from overflowing: a score that is far below the largest has probability 0. A row with NaN or
    with infinity as its largest score is NaN.

    Errors    TypeError or ValueError if logits are not floating-point numbers (N, K) with K > 0
    """
    require_array("softmax: logits", logits, 2, "(N, K)")
    require_float("softmax: logits", logits)
    require(logits.shape[1] > 0, f"softmax: logits must have a class at least, got {logits.shape}")
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_cross_entropy_forward(logits: Array, labels: Array, label_smoothing: float = 0.0) -> tuple[float, Cache]:
    """Minus the log of the probability that softmax gives to the right class, mean over the batch.

    Shapes    logits (N, K), labels (N,) integers 0 .. K-1 -> loss, a float
    Forward   loss = -1/N sum_n sum_k target[n,k] * log probs[n,k]
              target = one-hot labels, or (1 - s) * one-hot + s/K with label smoothing s
    Backward  dlogits = dloss * (probs - target) / N        (derived in lesson 4)
    Extremes  logits of any size give the exact loss as long as their differences are finite; a logit of -inf is a class
              that can't be: its probability is 0, and the loss is inf if it is the right one; NaN gives NaN. With a single
              class the loss is 0.
    Cost      about 25 flops a logit (exp); the cache holds probs
    Errors    ValueError if the shapes do not fit, labels are out of range, or the batch is empty
    Source    Bridle, 1990; label smoothing: Szegedy et al., CVPR 2016, section 7. As PyTorch's CrossEntropyLoss.
    """
    _check_classification("SoftmaxCrossEntropy", logits, labels)
    _check_smoothing(label_smoothing)
    n = len(logits)
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    log_probs = shifted - np.log(total)  # never the log of a probability that was rounded to 0
    right = log_probs[np.arange(n), labels].mean(dtype=np.float64)
    loss = -right
    if label_smoothing:  # else a class that can't be would give 0 * inf
        loss = -((1 - label_smoothing) * right + label_smoothing * log_probs.mean(dtype=np.float64))
    return float(loss) + 0.0, (e / total, labels, label_smoothing)  # + 0.0 makes 0.0 of -0.0


def softmax_cross_entropy_backward(dloss: float, cache: Cache) -> Array:
    """dloss -> dlogits (N, K)."""
    probs, labels, label_smoothing = cache
    _check_dloss("SoftmaxCrossEntropy", dloss)
    n, k = probs.shape
    dlogits = probs - probs.dtype.type(label_smoothing / k)
    dlogits[np.arange(n), labels] -= probs.dtype.type(1 - label_smoothing)
    dlogits *= probs.dtype.type(dloss / n)
    return dlogits


def multiclass_hinge_forward(logits: Array, labels: Array, margin: float = 1.0) -> tuple[float, Cache]:
    """The support vector machine's loss: every wrong class must score at least ``margin`` below the right one.

    Shapes    logits (N, K), labels (N,) integers 0 .. K-1 -> loss, a float
    Forward   loss = 1/N sum_n sum_{k != labels[n]} max(0, logits[n,k] - logits[n,labels[n]] + margin)
    Backward  dlogits[n,k] = dloss/N for each wrong class that violates the margin; the right class gets minus their
              sum, so every row sums to 0        (derived in lesson 7)
    Extremes  differences of logits are taken in their dtype: one that overflows gives inf, NaN gives NaN. With a single
              class the loss is 0.
    Cost      4 flops a logit; the cache holds which margins are violated
    Errors    ValueError if the shapes do not fit, labels are out of range, or the batch is empty
    Source    Weston and Watkins, "Support vector machines for multi-class pattern recognition", ESANN 1999.
              PyTorch's MultiMarginLoss is this divided by K.
    """
    _check_classification("MulticlassHinge", logits, labels)
    _check_margin(margin)
    rows = np.arange(len(logits))
    margins = np.maximum(0, logits - logits[rows, labels][:, None] + logits.dtype.type(margin))
    margins[rows, labels] = 0
    return float(margins.sum(axis=1, dtype=np.float64).mean()), (margins > 0, labels, logits.dtype)


def multiclass_hinge_backward(dloss: float, cache: Cache) -> Array:
    """dloss -> dlogits (N, K)."""
    violated, labels, dtype = cache
    _check_dloss("MulticlassHinge", dloss)
    n = len(violated)
    dlogits = violated.astype(dtype)
    dlogits[np.arange(n), labels] = -violated.sum(axis=1)
    dlogits *= dtype.type(dloss / n)
    return dlogits


def mean_squared_error_forward(out: Array, targets: Array) -> tuple[float, Cache]:
    """The squared distance from the targets, mean over all N*K values, as PyTorch's MSELoss.

    Shapes    out (N, K), targets (N, K) -> loss, a float
    Forward   loss = 1/(N*K) sum_n,k (out[n,k] - targets[n,k])**2
    Backward  dout = dloss * 2/(N*K) * (out - targets)        (derived in lesson 1)
    Extremes  squares and their mean are computed in float64, so float32 outputs of any size have a finite loss
    Cost      3 flops a value; the cache holds the difference
    Errors    ValueError if the shapes differ or are empty
    """
    require_float("MeanSquaredError: out", out)
    require_numbers("MeanSquaredError: targets", targets)
    require(
        out.shape == targets.shape,
        f"MeanSquaredError: out is {out.shape}, targets are {targets.shape}; wanted the same",
    )
    require(out.size > 0, f"MeanSquaredError: the batch is empty: out {out.shape}")
    difference = out - targets.astype(out.dtype, copy=False)
    return float(np.square(difference, dtype=np.float64).mean()), difference  # wide first: a square can overflow float32


def mean_squared_error_backward(dloss: float, cache: Cache) -> Array:
    """dloss -> dout (N, K)."""
    difference = cache
    _check_dloss("MeanSquaredError", dloss)
    return difference * difference.dtype.type(2 * dloss / difference.size)


class Loss:
    """Base of the losses: a (forward, backward) pair and its options, as with layers.

    ``functions=(my_forward, my_backward)`` runs your own pair instead.
    """

    functions: Pair

    def __init__(self, functions: Pair | None = None, **options: float) -> None:
        if functions is not None:
            require_pair(type(self).__name__, functions)
            self.functions = functions
        self.options = options

    def forward(self, out: Array, targets: Array) -> tuple[float, Cache]:
        """(network's output, labels or targets) -> (mean loss, cache)."""
        result = self.functions[0](out, targets, **self.options)
        require(
            isinstance(result, tuple) and len(result) == 2,
            f"{type(self).__name__}: forward must return two things, (loss, cache), got {type(result).__name__}",
        )
        loss, cache = result
        return loss, cache

    def backward(self, dloss: float, cache: Cache) -> Array:
        """d(objective)/d(loss) -> d(objective)/d(network's output)."""
        return self.functions[1](dloss, cache)

    def without_smoothing(self) -> Loss:
        """The loss to report on validation and test data: label smoothing is for training alone."""
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.options.items())})"


def require_loss(name: str, loss: Loss) -> None:
    """Refuse what is no loss.

    Errors    TypeError
    """
    if not isinstance(loss, Loss):
        raise TypeError(f"{name} must be a loss, such as SoftmaxCrossEntropy(), got {kind_of(loss)}")


class SoftmaxCrossEntropy(Loss):
    """``softmax_cross_entropy_forward``; PyTorch's CrossEntropyLoss."""

    functions: Pair = (softmax_cross_entropy_forward, softmax_cross_entropy_backward)

    def __init__(self, label_smoothing: float = 0.0, *, functions: Pair | None = None) -> None:
        _check_smoothing(label_smoothing)
        super().__init__(functions, **({"label_smoothing": label_smoothing} if label_smoothing else {}))

    def without_smoothing(self) -> Loss:
        return SoftmaxCrossEntropy(functions=self.functions)


class MulticlassHinge(Loss):
    """``multiclass_hinge_forward``; on a single Dense layer this is the linear SVM."""

    functions: Pair = (multiclass_hinge_forward, multiclass_hinge_backward)

    def __init__(self, margin: float = 1.0, *, functions: Pair | None = None) -> None:
        _check_margin(margin)
        super().__init__(functions, margin=margin)


class MeanSquaredError(Loss):
    """``mean_squared_error_forward``; for regression, targets (N, K)."""

    functions: Pair = (mean_squared_error_forward, mean_squared_error_backward)

    def __init__(self, *, functions: Pair | None = None) -> None:
        super().__init__(functions)


def _check_classification(name: str, logits: Array, labels: Array) -> None:
    require_array(f"{name}: logits", logits, 2, "(N, K)")
    n, k = logits.shape
    require_float(f"{name}: logits", logits)
    require_integers(f"{name}: labels", labels)
    require(labels.shape == (n,), f"{name}: logits {logits.shape} want labels ({n},), got {labels.shape}")
    require(n > 0, f"{name}: the batch is empty: logits {logits.shape}")
    low, high = labels.min(), labels.max()
    require(low >= 0 and high < k, f"{name}: labels must be in 0 .. {k - 1}, got {low} .. {high}")


def _check_smoothing(value: float) -> None:
    ok = is_number(value) and 0 <= value < 1
    require(ok, f"SoftmaxCrossEntropy: label_smoothing must be in 0 .. 1 (1 excluded), got {value!r}")


def _check_margin(value: float) -> None:
    require(is_number(value) and 0 < value < math.inf, f"MulticlassHinge: margin must be positive, got {value!r}")


def _check_dloss(name: str, dloss: Any) -> None:
    single = is_number(dloss) or (isinstance(dloss, np.ndarray) and dloss.ndim == 0 and dloss.dtype.kind in "fiu")
    require(single, f"{name}: dloss must be a single number, got {kind_of(dloss)}")
