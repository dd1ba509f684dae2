"""How far a figure on a finite test set may be chance: intervals of an accuracy, and the test between two networks."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from scratchnet.arguments import is_number, is_whole, kind_of, require, require_rng
from scratchnet.typing import Array, Rng


class Interval(NamedTuple):
    """The limits between which the true value is taken to lie."""

    low: float
    high: float


def bootstrap_interval(values: Array, *, rng: Rng, resamples: int = 10_000, level: float = 0.95) -> Interval:
    """A percentile bootstrap interval of the mean of ``values``, one number for each image.

    ``labels == predictions`` gives the interval of the accuracy; ``right_a - right_b`` (as integers) that of a difference
    between two networks on the same images. A new test set is imagined by drawing N of the N values with replacement; the
    middle ``level`` of many such means is the interval. How often each value is drawn is all that matters, so the draws are
    multinomial counts of the distinct values.

    Shapes    values (N,), of numbers or bool
    Errors    ValueError if there are no values, one is not finite, or resamples or level is out of range
    Source    Efron, Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13
    """
    values = np.asarray(values)
    require(values.dtype.kind in "fiub", f"bootstrap_interval: values must be numbers or bool, got {values.dtype}")
    values = values.astype(np.float64)
    require(values.ndim == 1 and len(values) > 0, f"bootstrap_interval: values must be (N,) with N > 0, got {values.shape}")
    require(bool(np.isfinite(values).all()), "bootstrap_interval: values must be finite")
    many = is_whole(resamples) and resamples >= 1
    require(many, f"bootstrap_interval: resamples must be an integer of at least 1, got {resamples!r}")
    require_rng("bootstrap_interval: rng", rng)
    _check_level("bootstrap_interval", level)
    distinct, counts = np.unique(values, return_counts=True)
    means = rng.multinomial(len(values), counts / len(values), size=resamples) @ distinct / len(values)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def wilson_interval(successes: int, n: int, *, level: float = 0.95) -> Interval:
    """Wilson's score interval of a fraction, successes of n: without chance, and sound even for 0 or n successes.

    Errors    ValueError if not 0 <= successes <= n with n > 0, or level is not between 0 and 1
    Source    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927
    """
    whole = is_whole(n, successes) and n > 0 and 0 <= successes <= n
    require(whole, f"wilson_interval: wants 0 <= successes <= n and n > 0, got {successes} of {n}")
    _check_level("wilson_interval", level)
    z, p = NormalDist().inv_cdf((1 + level) / 2), successes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Interval(0.0 if successes == 0 else middle - reach, 1.0 if successes == n else middle + reach)


class McNemar(NamedTuple):
    """McNemar's test. ``only_a`` images are named right by A alone, ``only_b`` by B alone: they alone tell A from B.

    ``exact_p`` is the chance of a split at least as uneven if A and B were equally good: two-sided, binomial. ``chi2`` with
    continuity correction, and its ``p``, approximate it.
    """

    both_right: int
    only_a: int
    only_b: int
    both_wrong: int
    exact_p: float
    chi2: float
    p: float


def mcnemar(right_a: Array, right_b: Array) -> McNemar:
    """Is one of two networks better, or is their difference on these images chance?

    Shapes    right_a, right_b (N,) bool: whether each image was named right by A and by B
    Errors    ValueError if they are not two (N,) arrays of bool with N > 0
    Source    McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
              Psychometrika 12, 1947; Edwards, Psychometrika 13, 1948 (the correction); Dietterich, "Approximate statistical
              tests for comparing supervised classification learning algorithms", Neural Computation 10, 1998
    """
    for name, values in (("right_a", right_a), ("right_b", right_b)):
        if not isinstance(values, np.ndarray):
            raise TypeError(f"mcnemar: {name} must be an array (N,) of bool, got {kind_of(values)}")
    require(
        right_a.dtype == right_b.dtype == bool and right_a.ndim == 1 and right_a.shape == right_b.shape and len(right_a) > 0,
        "mcnemar: right_a and right_b must both be (N,) bool with N > 0, "
        f"got {right_a.dtype} {right_a.shape} and {right_b.dtype} {right_b.shape}",
    )
    only_a, only_b = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    n = only_a + only_b
    exact_p = min(1.0, 2 * _splits(n, min(only_a, only_b)) / 2**n)  # whole numbers, divided exactly
    chi2 = max(abs(only_a - only_b) - 1, 0) ** 2 / n if n else 0.0
    p = math.erfc(math.sqrt(chi2 / 2))  # of a chi-square variable with one degree of freedom
    return McNemar(int((right_a & right_b).sum()), only_a, only_b, int((~right_a & ~right_b).sum()), exact_p, chi2, p)


def _splits(n: int, least: int) -> int:
    """How many of the 2**n ways to split n images in two have ``least`` images or fewer on the first side."""
    ways, total = 1, 1
    for i in range(least):
        ways = ways * (n - i) // (i + 1)  # n choose i + 1
        total += ways
    return total


def _check_level(function: str, level: float) -> None:
    require(is_number(level) and 0 < level < 1, f"{function}: level must be between 0 and 1, got {level!r}")
