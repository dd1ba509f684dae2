"""What is named right and what is mistaken for what. Labels and predictions are (N,) integers 0 .. K-1."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scratchnet.arguments import is_whole, require, require_array, require_integers, require_numbers
from scratchnet.typing import Array


def accuracy(labels: Array, predictions: Array) -> float:
    """The fraction that is right.

    Errors    ValueError if the shapes differ or are empty
    """
    _check(labels, predictions)
    return float(np.mean(labels == predictions))


def top_k_accuracy(labels: Array, scores: Array, k: int) -> float:
    """The fraction of images whose true class has one of the k highest scores; k = 1 is the accuracy of ``argmax``.

    Of equal scores the lower class counts as the higher one, as in ``argmax``.

    Shapes    labels (N,), scores (N, K): logits or probabilities
    Errors    ValueError if shapes do not fit, k is not in 1 .. K, a label is not in 0 .. K-1, or a score is NaN
    """
    check_scores("top_k_accuracy", "scores", labels, scores)
    require(is_whole(k) and 1 <= k <= scores.shape[1], f"top_k_accuracy: k must be in 1 .. {scores.shape[1]}, got {k!r}")
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    earlier = np.arange(scores.shape[1]) < labels[:, None]
    rank = ((scores > own) | ((scores == own) & earlier)).sum(axis=1)
    return float(np.mean(rank < k))


def confusion_matrix(labels: Array, predictions: Array, num_classes: int) -> Array:
    """Counts (K, K): row = true class, column = predicted class; the diagonal is right.

    Errors    ValueError if the shapes differ or are empty, or a value is not in 0 .. K-1
    """
    _check(labels, predictions)
    at_least = is_whole(num_classes) and num_classes >= 1
    require(at_least, f"confusion_matrix: num_classes must be an integer of at least 1, got {num_classes!r}")
    for name, values in {"labels": labels, "predictions": predictions}.items():
        require(
            values.min() >= 0 and values.max() < num_classes,
            f"confusion_matrix: {name} must be in 0 .. {num_classes - 1}, got {values.min()} .. {values.max()}",
        )
    pairs = labels.astype(np.int64) * num_classes + predictions.astype(np.int64)  # also from uint64
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

    Errors    ValueError if it is none
    Source    van Rijsbergen, "Information retrieval", 1979, chapter 7
    """
    _check_confusion("class_scores", confusion)
    right = np.diag(confusion).astype(np.float64)
    named, support = confusion.sum(axis=0), confusion.sum(axis=1)
    precision, recall = _ratio(right, named), _ratio(right, support)
    return ClassScores(precision, recall, _ratio(2 * precision * recall, precision + recall), support)


class ConfusedPair(NamedTuple):
    """``images`` of class ``true`` were taken for ``predicted``; ``share`` is the part of that class they are."""

    true: int
    predicted: int
    images: int
    share: float


def confused_pairs(confusion: Array, count: int | None = None) -> list[ConfusedPair]:
    """The errors of a confusion matrix (K, K), the most frequent first, at most ``count`` of them (None: all).

    A 4 taken for a 9 and a 9 taken for a 4 are two pairs. Equals stand in the order of their classes.

    Errors    ValueError if it is no confusion matrix, or count is negative
    """
    _check_confusion("confused_pairs", confusion)
    few = count is None or (is_whole(count) and count >= 0)
    require(few, f"confused_pairs: count must be 0 or more, or None, got {count!r}")
    support = np.maximum(confusion.sum(axis=1), 1)
    errors = np.where(np.eye(len(confusion), dtype=bool), 0, confusion)
    order = np.argsort(-errors, axis=None, kind="stable")[: np.count_nonzero(errors)][:count]
    pairs = [divmod(int(index), len(confusion)) for index in order]
    return [ConfusedPair(i, j, int(errors[i, j]), float(errors[i, j] / support[i])) for i, j in pairs]


def _ratio(numerator: Array, denominator: Array) -> Array:
    return np.divide(numerator, denominator, out=np.zeros(len(numerator)), where=denominator != 0)


def _check_confusion(function: str, confusion: Array) -> None:
    require_array(f"{function}: confusion", confusion, 2, "(K, K)")
    require(
        confusion.shape[0] == confusion.shape[1] > 0 and bool((confusion >= 0).all()),
        f"{function}: confusion must be counts (K, K), none negative, got {confusion.shape}",
    )


def _check(labels: Array, predictions: Array) -> None:
    require_integers("labels", labels)
    require_integers("predictions", predictions)
    require(
        labels.ndim == 1 and labels.shape == predictions.shape and len(labels) > 0,
        f"labels and predictions must both be (N,) with N > 0, got {labels.shape} and {predictions.shape}",
    )


def check_scores(function: str, name: str, labels: Array, scores: Array) -> None:
    """Refuses scores that are not (N, K) numbers, and labels that are not (N,) integers 0 .. K-1."""
    require_integers(f"{function}: labels", labels)
    require_numbers(f"{function}: {name}", scores)
    require(
        labels.ndim == 1 and scores.ndim == 2 and len(labels) == len(scores) > 0 and scores.shape[1] > 0,
        f"{function}: labels and {name} must be (N,) and (N, K) with N > 0, got {labels.shape} and {scores.shape}",
    )
    require(
        bool(labels.min() >= 0 and labels.max() < scores.shape[1]),
        f"{function}: labels must be in 0 .. {scores.shape[1] - 1}, got {labels.min()} .. {labels.max()}",
    )
    require(not np.isnan(scores).any(), f"{function}: {name} has NaN")
