"""How good predictions are: pure functions of labels (N,), integers 0 .. K-1, and what a network made of the images.

scores          accuracy, top-k, the confusion matrix and what is read from it
calibration     whether probabilities mean what they say
significance    how far a figure may be chance: intervals, and the test between two networks
"""

from scratchnet.metrics.calibration import Reliability, brier_score, negative_log_likelihood, reliability
from scratchnet.metrics.scores import (
    ClassScores,
    ConfusedPair,
    accuracy,
    class_scores,
    confused_pairs,
    confusion_matrix,
    top_k_accuracy,
)
from scratchnet.metrics.significance import Interval, McNemar, bootstrap_interval, mcnemar, wilson_interval

__all__ = [
    "ClassScores",
    "ConfusedPair",
    "Interval",
    "McNemar",
    "Reliability",
    "accuracy",
    "bootstrap_interval",
    "brier_score",
    "class_scores",
    "confused_pairs",
    "confusion_matrix",
    "mcnemar",
    "negative_log_likelihood",
    "reliability",
    "top_k_accuracy",
    "wilson_interval",
]
