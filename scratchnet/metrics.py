"""How good predictions are. Pure functions of labels and predictions, both (N,) integers 0 .. K-1."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scratchnet.layers.base import require
from scratchnet.typing import Array


def accuracy(labels: Array, predictions: Array) -> float:
    """The fraction that is right.

    Errors    ValueError if the shapes differ or are empty
    """
    _check(labels, predictions)
    return float(np.mean(labels == predictions))


def confusion_matrix(labels: Array, predictions: Array, num_classes: int) -> Array:
    """Counts (K, K): row = true class, column = predicted class; the diagonal is right.

    Errors    ValueError if the shapes differ or are empty, or a value is not in 0 .. K-1
    """
    _check(labels, predictions)
    for name, values in {"labels": labels, "predictions": predictions}.items():
        require(
            values.min() >= 0 and values.max() < num_classes,
            f"confusion_matrix: {name} must be in 0 .. {num_classes - 1}, got {values.min()} .. {values.max()}",
        )
    pairs = labels.astype(np.int64) * num_classes + predictions
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


class ClassScores(NamedTuple):
    """Per class, each (K,): of those named k, the part that is k (precision); of those that are k, the part named k
    (recall); their harmonic mean (f1); how many there are (support). 0 where there is nothing to divide by."""

    precision: Array
    recall: Array
    f1: Array
    support: Array


def class_scores(confusion: Array) -> ClassScores:
    """Precision, recall, F1 and support of every class of a confusion matrix (K, K).

    Source    van Rijsbergen, "Information retrieval", 1979, chapter 7
    """
    right = np.diag(confusion).astype(np.float64)
    named, support = confusion.sum(axis=0), confusion.sum(axis=1)
    precision, recall = _ratio(right, named), _ratio(right, support)
    return ClassScores(precision, recall, _ratio(2 * precision * recall, precision + recall), support)


def _ratio(numerator: Array, denominator: Array) -> Array:
    return np.divide(numerator, denominator, out=np.zeros(len(numerator)), where=denominator != 0)


def _check(labels: Array, predictions: Array) -> None:
    require(
        labels.ndim == 1 and labels.shape == predictions.shape and len(labels) > 0,
        f"labels and predictions must both be (N,) with N > 0, got {labels.shape} and {predictions.shape}",
    )
