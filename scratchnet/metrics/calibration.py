"""Whether a network's probabilities mean what they say: of all answers given with 80 %, four in five should be right."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scratchnet.arguments import is_whole, require
from scratchnet.metrics.scores import check_scores
from scratchnet.typing import Array


class Reliability(NamedTuple):
    """Answers sorted into bins by the network's confidence, its highest probability.

    Bin m holds the confidences edges[m] < c <= edges[m + 1]. Of an empty bin, confidence and accuracy are NaN.

    Shapes    edges (M + 1,), counts (M,), confidence (M,) mean confidence, accuracy (M,) fraction named right
    """

    edges: Array
    counts: Array
    confidence: Array
    accuracy: Array

    @property
    def ece(self) -> float:
        """Expected calibration error: |accuracy - confidence|, averaged over the answers."""
        return float(np.sum(self.counts * self._gaps()) / self.counts.sum())

    @property
    def mce(self) -> float:
        """Maximum calibration error: |accuracy - confidence| of the worst bin."""
        return float(self._gaps().max())

    def _gaps(self) -> Array:
        return np.where(self.counts > 0, np.abs(self.accuracy - self.confidence), 0.0)


def reliability(labels: Array, probs: Array, *, bins: int = 15) -> Reliability:
    """What a reliability diagram shows: accuracy against confidence in bins of equal width, and the calibration errors.

        reliability(labels, softmax(logits)).ece

    Shapes    labels (N,), probs (N, K) with rows that sum to 1
    Errors    ValueError if shapes do not fit, probs are not probabilities, or bins is not positive
    Source    Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015 (ECE,
              MCE); Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017 (15 equal bins)
    """
    _check_probs("reliability", labels, probs)
    require(is_whole(bins) and bins >= 1, f"reliability: bins must be an integer of at least 1, got {bins!r}")
    confidence, right = probs.max(axis=1).astype(np.float64), probs.argmax(axis=1) == labels
    edges = np.linspace(0, 1, bins + 1)
    bin_of = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    sums = (np.bincount(bin_of, weights=values, minlength=bins) for values in (confidence, right))
    means = [np.divide(total, counts, out=np.full(bins, np.nan), where=counts > 0) for total in sums]
    return Reliability(edges, counts, *means)


def brier_score(labels: Array, probs: Array) -> float:
    """Mean squared distance of the probabilities from the truth: sum over k of (p_k - y_k)^2, with y one-hot; 0 .. 2.

    Shapes    labels (N,), probs (N, K) with rows that sum to 1
    Errors    ValueError if shapes do not fit or probs are not probabilities
    Source    Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78, 1950
    """
    _check_probs("brier_score", labels, probs)
    truth = labels[:, None] == np.arange(probs.shape[1])
    return float(np.mean(np.sum((probs.astype(np.float64) - truth) ** 2, axis=1)))


def negative_log_likelihood(labels: Array, probs: Array) -> float:
    """Mean of -ln(probability of the true class), the cross-entropy; infinite if one was 0. From logits, the loss's
    forward is more exact.

    Shapes    labels (N,), probs (N, K) with rows that sum to 1
    Errors    ValueError if shapes do not fit or probs are not probabilities
    """
    _check_probs("negative_log_likelihood", labels, probs)
    with np.errstate(divide="ignore"):
        return float(-np.log(probs[np.arange(len(labels)), labels].astype(np.float64)).mean())


def _check_probs(function: str, labels: Array, probs: Array) -> None:
    check_scores(function, "probs", labels, probs)
    require(
        bool(probs.min() >= 0 and probs.max() <= 1 + 1e-6 and np.abs(probs.sum(axis=1) - 1).max() < 1e-3),
        f"{function}: probs must be between 0 and 1 with rows that sum to 1; softmax(logits) makes such ones",
    )
