"""The number that is explained: how much a network holds for one class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from scratchnet.arguments import require, require_finite, require_float
from scratchnet.engine.batch import CHUNK
from scratchnet.layers import Layer
from scratchnet.layers.base import require_layer
from scratchnet.losses import softmax
from scratchnet.typing import Array

Of = Literal["logit", "probability"]
"""The score of a class: its logit, or what softmax makes of it. A probability can also rise because others fall, and close
to 1 it hardly moves; so the logit is the usual choice."""

Labels = Array | int | None
"""The classes (N,), one for all images, or None for the network's own answers."""


def scores(model: Layer, x: Array, labels: Labels = None, *, of: Of = "logit") -> Array:
    """The score of each image's class: x (N, ...) -> (N,).

    Errors    ValueError if x is empty or not floating-point, or labels do not fit
    """
    check_batch(model, x)
    logits = all_logits(model, x)
    return class_score(logits, logits.argmax(axis=1) if labels is None else which_labels(model, x, labels), of)[0]


def class_score(logits: Array, labels: Array, of: Of) -> tuple[Array, Array]:
    """logits (N, K), labels (N,) -> the scores (N,) and their gradient (N, K).

    logit         score = logits[n, k]      dlogits = onehot
    probability   score = probs[n, k]       dlogits = probs[n, k] * (onehot - probs)        k = labels[n]
    """
    require(
        isinstance(of, str) and of in ("logit", "probability"), f"explain: of must be 'logit' or 'probability', got {of!r}"
    )
    require(logits.ndim == 2, f"explain: the network must give logits (N, K), got {logits.shape}")
    n, k = logits.shape
    require(
        labels.min() >= 0 and labels.max() < k,
        f"explain: labels must be in 0 .. {k - 1}, got {labels.min()} .. {labels.max()}",
    )
    onehot = np.zeros_like(logits)
    onehot[np.arange(n), labels] = 1
    if of == "logit":
        return logits[np.arange(n), labels], onehot
    probs = softmax(logits)
    score = probs[np.arange(n), labels]
    return score, score[:, None] * (onehot - probs)


def which_labels(model: Layer, x: Array, labels: Labels) -> Array:
    """The classes to explain, (N,); the network's own answers if labels is None.

    Errors    ValueError if they are not N whole numbers
    """
    check_batch(model, x)
    if labels is None:
        return all_logits(model, x).argmax(axis=1)
    chosen = np.full(len(x), labels) if np.ndim(labels) == 0 else np.asarray(labels)
    require(
        chosen.shape == (len(x),) and np.issubdtype(chosen.dtype, np.integer),
        f"explain: labels must be ({len(x)},) whole numbers or one for all, got {chosen.dtype} {np.shape(labels)}",
    )
    return chosen


def all_logits(model: Layer, x: Array) -> Array:
    """The network's outputs, x (N, ...) -> (N, K), computed for a few images at a time."""
    return np.concatenate([model(x[part]) for part in parts(len(x))])


def parts(n: int) -> Iterator[slice]:
    """Slices of a batch that go through a network at once."""
    for start in range(0, n, CHUNK):
        yield slice(start, start + CHUNK)


def check_batch(model: Layer, x: Array) -> None:
    """Refuse what is no network, and no batch of finite numbers."""
    require_layer("explain: model", model)
    require_float("explain: x", x)
    require(x.ndim >= 2 and x.size > 0, f"explain: x must be a batch (N, ...), one image at least, got {x.shape}")
    require_finite("explain: x", x)


def check_images(function: str, model: Layer, x: Array) -> None:
    """Refuse what is no network, and no batch of images."""
    check_batch(model, x)
    require(x.ndim == 4, f"{function}: x must be (N, C, H, W), got {x.shape}")


def blank(x: Array, value: Array | float | None, name: str) -> Array:
    """An image without content for each of x, (N, ...): ``value``, or if None each image's own smallest value.

    In a digit that ``prepare`` made, the smallest value is blank paper; 0 would be grey.
    """
    if value is None:
        value = x.min(axis=tuple(range(1, x.ndim)), keepdims=True)
    given = np.asarray(value)
    require(given.dtype.kind in "fiu", f"explain: {name} must be numbers, got {given.dtype}")
    require_finite(f"explain: {name}", given)
    try:
        return np.broadcast_to(given.astype(x.dtype), x.shape)
    except ValueError:
        raise ValueError(f"explain: {name} must be a number or fit x {x.shape}, got {given.shape}") from None
