"""Figures from rounds: medians, and how sure their ratio is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scratchnet.typing import Array

RESAMPLES = 10_000


class Ratio(NamedTuple):
    """A ratio of medians, and its 95 % interval."""

    value: float
    low: float
    high: float


def ratio_of_medians(ours: Array, theirs: Array, *, seed: int = 0) -> Ratio:
    """median(ours) / median(theirs), both (rounds,), with a bootstrap interval: what the ratio would have been had other
    rounds been drawn. A round is drawn for both at once, since what disturbs a round disturbs both.

    Errors    ValueError if there are not as many of one as of the other, or none
    Source    Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13 (percentile interval)
    """
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if ours.shape != theirs.shape or ours.ndim != 1 or len(ours) == 0:
        raise ValueError(f"ratio_of_medians: wanted as many rounds of both, (rounds,), got {ours.shape} and {theirs.shape}")
    rounds = np.random.default_rng(seed).integers(len(ours), size=(RESAMPLES, len(ours)))
    ratios = np.median(ours[rounds], axis=1) / np.median(theirs[rounds], axis=1)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return Ratio(float(np.median(ours) / np.median(theirs)), float(low), float(high))
