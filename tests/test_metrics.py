"""Metrics against published examples, naive loops and figures worked out by hand."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.losses import SoftmaxCrossEntropy, softmax
from scratchnet.metrics import (
    accuracy,
    bootstrap_interval,
    brier_score,
    class_scores,
    confused_pairs,
    confusion_matrix,
    mcnemar,
    negative_log_likelihood,
    reliability,
    top_k_accuracy,
    wilson_interval,
)

LABELS = np.array([0, 0, 0, 1, 1, 2])
PREDICTIONS = np.array([0, 1, 0, 1, 1, 0])


def test_accuracy_is_the_fraction_that_is_right() -> None:
    assert accuracy(LABELS, PREDICTIONS) == pytest.approx(4 / 6)


def test_confusion_matrix_has_true_classes_in_rows() -> None:
    assert confusion_matrix(LABELS, PREDICTIONS, 3).tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]


def test_class_scores_by_hand() -> None:
    scores = class_scores(confusion_matrix(LABELS, PREDICTIONS, 3))
    assert scores.precision.tolist() == pytest.approx([2 / 3, 2 / 3, 0])  # nothing was named 2
    assert scores.recall.tolist() == pytest.approx([2 / 3, 1, 0])
    assert scores.f1.tolist() == pytest.approx([2 / 3, 0.8, 0])
    assert scores.support.tolist() == [3, 2, 1]


def test_small_label_types_do_not_overflow() -> None:
    labels = np.full(5, 99, np.uint8)  # 99 * 100 does not fit a byte
    assert confusion_matrix(labels, labels, 100)[99, 99] == 5


@pytest.mark.parametrize("wrong", [np.array([0, 1]), np.array([[0]]), np.array([], int)])
def test_shapes_are_checked(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="labels and predictions"):
        accuracy(wrong, np.array([], int) if wrong.size == 0 else np.array([0]))


def test_classes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"predictions must be in 0 \.\. 1, got 0 \.\. 2"):
        confusion_matrix(np.array([0, 1]), np.array([0, 2]), 2)


# --- top-k and confused pairs -----------------------------------------------------------------------------------------


@given(n=st.integers(1, 30), k=st.integers(1, 6), seed=st.integers(0, 99))
def test_top_k_against_sorting_each_row(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, labels = rng.integers(0, 4, (n, 6)).astype(float), rng.integers(0, 6, n)  # few values: many ties
    hits = 0
    for row, label in zip(scores, labels, strict=True):
        hits += label in sorted(range(6), key=lambda j: (-row[j], j))[:k]
    assert top_k_accuracy(labels, scores, k) == pytest.approx(hits / n)


def test_top_1_is_the_accuracy_and_top_all_is_1() -> None:
    scores = np.zeros((4, 3))  # all equal: argmax names class 0
    labels = np.array([0, 1, 2, 0])
    assert top_k_accuracy(labels, scores, 1) == accuracy(labels, scores.argmax(axis=1)) == 0.5
    assert [top_k_accuracy(labels, scores, k) for k in (2, 3)] == [0.75, 1.0]


@pytest.mark.parametrize(
    ("labels", "scores", "k", "message"),
    [
        (np.array([0]), np.zeros((1, 3)), 4, r"k must be in 1 \.\. 3, got 4"),
        (np.array([3]), np.zeros((1, 3)), 1, r"labels must be in 0 \.\. 2, got 3 \.\. 3"),
        (np.array([0]), np.full((1, 3), np.nan), 1, "scores has NaN"),
        (np.array([0, 1]), np.zeros((1, 3)), 1, r"got \(2,\) and \(1, 3\)"),
        (np.array([0.0]), np.zeros((1, 3)), 1, "labels must be integers, got float64"),
        (np.zeros(0, int), np.zeros((0, 3)), 1, "with N > 0"),
    ],
)
def test_scores_are_checked(labels: np.ndarray, scores: np.ndarray, k: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        top_k_accuracy(labels, scores, k)


def test_confused_pairs_by_hand() -> None:
    confusion = np.array([[90, 4, 6], [0, 50, 0], [6, 0, 14]])
    assert confused_pairs(confusion) == [(0, 2, 6, 0.06), (2, 0, 6, 0.3), (0, 1, 4, 0.04)]
    assert confused_pairs(confusion, 1) == [(0, 2, 6, 0.06)]
    assert confused_pairs(np.diag([3, 0])) == []


# --- calibration ------------------------------------------------------------------------------------------------------


def some_probs(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4, n), rng.dirichlet(np.full(4, 0.5), n)


@given(n=st.integers(1, 60), bins=st.integers(1, 20), seed=st.integers(0, 99))
def test_reliability_against_a_loop_over_bins(n: int, bins: int, seed: int) -> None:
    """ECE and MCE word for word as in Guo et al., equations 3 and 5."""
    labels, probs = some_probs(n, seed)
    result = reliability(labels, probs, bins=bins)
    ece, mce = 0.0, 0.0
    for m in range(bins):
        inside = [i for i in range(n) if m / bins < probs[i].max() <= (m + 1) / bins]
        assert result.counts[m] == len(inside)
        if inside:
            acc = sum(probs[i].argmax() == labels[i] for i in inside) / len(inside)
            conf = sum(probs[i].max() for i in inside) / len(inside)
            assert result.accuracy[m] == pytest.approx(acc)
            assert result.confidence[m] == pytest.approx(conf)
            ece, mce = ece + len(inside) / n * abs(acc - conf), max(mce, abs(acc - conf))
        else:
            assert np.isnan(result.accuracy[m])
            assert np.isnan(result.confidence[m])
    assert result.ece == pytest.approx(ece)
    assert result.mce == pytest.approx(mce)


def test_calibration_of_networks_that_are_understood() -> None:
    sure = np.array([[1.0, 0.0]] * 10)
    half = np.array([0, 1] * 5)
    assert reliability(half, sure).ece == 0.5  # says 100 %, is right half of the time
    assert reliability(np.zeros(10, int), sure).ece == 0.0
    assert reliability(half, np.full((10, 2), 0.5)).ece == 0.0  # says 50 %, and so it is
    tenths = np.array([[0.9, 0.1]] * 10)
    assert reliability(np.array([0] * 6 + [1] * 4), tenths).mce == pytest.approx(0.3)


def test_confidences_on_an_edge_belong_to_the_lower_bin() -> None:
    result = reliability(np.array([0, 0]), np.array([[0.5, 0.5], [1.0, 0.0]]), bins=2)
    assert result.counts.tolist() == [1, 1]
    assert result.edges.tolist() == [0, 0.5, 1]


def test_brier_and_likelihood_by_hand() -> None:
    labels, probs = np.array([0, 2]), np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])
    assert brier_score(labels, probs) == pytest.approx(((0.09 + 0.04 + 0.01) + (0.25 + 0.09 + 0.64)) / 2)
    assert negative_log_likelihood(labels, probs) == pytest.approx(-(np.log(0.7) + np.log(0.2)) / 2)
    assert brier_score(labels, np.full((2, 10), 0.1)) == pytest.approx(0.9)  # (K - 1) / K
    sure = np.array([[0.0, 1.0], [0.0, 1.0]])
    assert [brier_score(np.array(y), sure) for y in ([1, 1], [0, 0])] == [0, 2]
    assert negative_log_likelihood(np.array([1, 0]), sure) == np.inf


def test_likelihood_is_the_loss() -> None:
    logits, labels = np.random.default_rng(0).standard_normal((20, 5)), np.arange(20) % 5
    loss, _ = SoftmaxCrossEntropy().forward(logits, labels)
    assert negative_log_likelihood(labels, softmax(logits)) == pytest.approx(loss)


@pytest.mark.parametrize("function", [reliability, brier_score, negative_log_likelihood])
def test_logits_are_no_probabilities(function: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match=rf"{function.__name__}: probs must be between 0 and 1 .* softmax"):
        function(np.array([0]), np.array([[3.0, -2.0]]))


# --- significance -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_against_a_published_table(successes: int, n: int, low: float, high: float) -> None:
    """Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, 1998, table I."""
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)
    assert wilson_interval(n - successes, n) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_wilson_solves_its_equation() -> None:
    """The limits are the p with |s/n - p| = z sqrt(p (1 - p) / n)."""
    for p in wilson_interval(9921, 10_000, level=0.9):
        assert abs(0.9921 - p) == pytest.approx(1.6448536269514722 * np.sqrt(p * (1 - p) / 10_000))


def binomial_quantile(n: int, p: float, q: float) -> int:
    total = 0.0
    for i in range(n + 1):
        total += math.comb(n, i) * p**i * (1 - p) ** (n - i)
        if total >= q:
            return i
    return n


def test_bootstrap_of_an_accuracy_has_binomial_limits() -> None:
    """N draws of 0 or 1 with replacement have a binomial sum, whose quantiles are known."""
    right = np.arange(200) < 170
    low, high = bootstrap_interval(right, rng=np.random.default_rng(0), resamples=40_000)
    assert 200 * low == pytest.approx(binomial_quantile(200, 0.85, 0.025), abs=1)
    assert 200 * high == pytest.approx(binomial_quantile(200, 0.85, 0.975), abs=1)
    assert (low, high) == pytest.approx(wilson_interval(170, 200), abs=0.01)


def test_bootstrap_against_drawing_indices() -> None:
    rng = np.random.default_rng(1)
    values = rng.exponential(size=40)
    means = values[rng.integers(0, 40, (20_000, 40))].mean(axis=1)
    found = bootstrap_interval(values, rng=np.random.default_rng(2), resamples=20_000, level=0.8)
    assert found == pytest.approx(np.quantile(means, [0.1, 0.9]), abs=0.02)


def test_bootstrap_is_the_same_for_the_same_stream_and_narrow_without_errors() -> None:
    right = np.arange(50) < 40
    one, same = (bootstrap_interval(right, rng=np.random.default_rng(7)) for _ in range(2))
    assert one == same
    assert bootstrap_interval(np.ones(9), rng=np.random.default_rng(0)) == (1, 1)


def decided(only_a: int, only_b: int, both_right: int = 3, both_wrong: int = 2) -> tuple[np.ndarray, np.ndarray]:
    a = np.repeat([True, True, False, False], [both_right, only_a, only_b, both_wrong])
    b = np.repeat([True, False, True, False], [both_right, only_a, only_b, both_wrong])
    return a, b


def test_mcnemar_against_published_examples() -> None:
    """The drug example of 314 persons that statistics texts share, with correction; Bentur et al. 2009 as worked out in
    Fagerland, Lydersen, Laake, "Statistical Analysis of Contingency Tables", 2017, chapter 8, exact."""
    drug = mcnemar(*decided(121, 59, 101, 33))
    assert drug[:4] == (101, 121, 59, 33)
    assert drug.chi2 == pytest.approx(20.672222, abs=1e-6)
    assert drug.p == pytest.approx(0.000005, abs=5e-7)
    assert mcnemar(*decided(1, 7, 1, 12)).exact_p == pytest.approx(0.0703125)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (0, 1), (3, 3), (4, 5), (0, 6), (30, 12), (700, 900)])
def test_mcnemar_against_the_sum_of_binomial_chances(only_a: int, only_b: int) -> None:
    n = only_a + only_b
    chances = [Fraction(math.comb(n, i), 2**n) for i in range(n + 1)]
    wanted = sum((c for i, c in enumerate(chances) if abs(2 * i - n) >= abs(only_a - only_b)), Fraction(0))
    found = mcnemar(*decided(only_a, only_b))
    assert found.exact_p == pytest.approx(float(wanted))
    mirrored = mcnemar(*decided(only_b, only_a))
    assert (mirrored.exact_p, mirrored.p) == (found.exact_p, found.p)


def test_mcnemar_chi_square_is_near_the_exact_value() -> None:
    result = mcnemar(*decided(60, 40))
    assert result.p == pytest.approx(result.exact_p, rel=0.02)
    assert mcnemar(*decided(4000, 4000)).exact_p == 1
    assert mcnemar(*decided(0, 2000)).exact_p == 0.0  # below the smallest float, not an overflow


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap_interval(np.zeros(0), rng=np.random.default_rng(0)), r"must be \(N,\) with N > 0, got \(0,\)"),
        (lambda: bootstrap_interval(np.array([np.nan]), rng=np.random.default_rng(0)), "must be finite"),
        (lambda: bootstrap_interval(np.ones(3), rng=np.random.default_rng(0), level=95), "between 0 and 1, got 95"),
        (
            lambda: bootstrap_interval(np.ones(3), rng=np.random.default_rng(0), resamples=0),
            "resamples must be an integer of at least 1, got 0",
        ),
        (lambda: wilson_interval(5, 4), "got 5 of 4"),
        (lambda: mcnemar(np.ones(3, bool), np.ones(4, bool)), r"got bool \(3,\) and bool \(4,\)"),
        (lambda: mcnemar(np.ones(3), np.ones(3)), r"got float64 \(3,\)"),
    ],
)
def test_significance_is_checked(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
