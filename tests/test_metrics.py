"""Metrics against figures worked out by hand."""

import numpy as np
import pytest

from scratchnet.metrics import accuracy, class_scores, confusion_matrix

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
