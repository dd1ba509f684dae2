"""The figures of an evaluation show the figures they are given."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from scratchnet import viz
from scratchnet.metrics import class_scores, confusion_matrix, reliability


def png(figure):
    file = io.BytesIO()
    viz.save(figure, file)
    return Image.open(io.BytesIO(file.getvalue()))


def texts(ax):
    return [t.get_text() for t in ax.texts]


def inside(figure):
    """No text or axis is cut off at the figure's edge."""
    figure.draw_without_rendering()
    figure.canvas.draw()
    w, h = figure.canvas.get_width_height()
    box = figure.get_tightbbox(figure.canvas.get_renderer()).transformed(figure.dpi_scale_trans)
    return box.x0 >= -1 and box.y0 >= -1 and box.x1 <= w + 1 and box.y1 <= h + 1


def some(n=40, k=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 28, 28), dtype=np.uint8), rng.integers(0, k, n), rng.dirichlet(np.ones(k), n)


def shown_images(figure):
    return [ax.images[0].get_array() for ax in figure.axes if ax.images]


def test_reliability_draws_each_filled_bin():
    _, labels, probs = some()
    result = reliability(labels, probs, bins=10)
    figure = viz.reliability(result, title="some network on some data")
    above, below = figure.axes
    filled = result.counts > 0
    np.testing.assert_allclose([bar.get_height() for bar in above.patches], result.accuracy[filled])
    np.testing.assert_allclose([bar.get_x() for bar in above.patches], result.edges[:-1][filled])
    np.testing.assert_array_equal([bar.get_height() for bar in below.patches], result.counts[filled])
    points = above.lines[1]
    np.testing.assert_allclose(points.get_xydata(), np.stack([result.confidence, result.accuracy], axis=1)[filled])
    assert points.get_label() == "a bin: its mean confidence, and how often it is right"
    assert f"ECE {100 * result.ece:.2f} %" in above.get_title(loc="left")
    assert inside(figure)


def test_reliability_hides_nothing():
    probs = np.array([[0.7, 0.3], [0.6, 0.4]])  # a bin all right, one all wrong
    figure = viz.reliability(reliability(np.array([0, 1]), probs))
    assert inside(figure)
    above, below = figure.axes
    assert not above.texts
    assert not above.lines[1].get_clip_on()
    (legend,) = figure.legends
    assert legend.get_texts()[0].get_text() == "as often right as it says"
    assert legend.get_window_extent().y1 < below.get_tightbbox().y0


def test_reliability_of_one_sure_answer():
    figure = viz.reliability(reliability(np.array([0]), np.array([[1.0, 0.0]]), bins=40))
    assert inside(figure)
    assert png(figure).size[0] > 600


@pytest.mark.parametrize("k", [2, 10, 26])
def test_classes_shows_points_and_numbers(k):
    rng = np.random.default_rng(1)
    labels = rng.permutation(np.arange(40 * k) % k)
    predictions = np.where(rng.random(40 * k) < 0.9, labels, rng.integers(0, k, 40 * k))
    scores = class_scores(confusion_matrix(labels, predictions, k))
    figure = viz.classes(scores, title="some network")
    ax, table = figure.axes
    for line, values in zip(ax.lines, scores[:3], strict=True):
        np.testing.assert_allclose(line.get_xdata(), values)
        assert ax.get_xlim()[0] <= values.min()
    numbers = texts(table)
    assert numbers.count("40") == k
    assert f"{100 * scores.recall[1]:.2f} %" in numbers
    assert [t.get_text() for t in ax.get_yticklabels()] == [str(i) for i in range(k)]
    assert inside(figure)


def test_classes_without_a_single_error_or_with_nothing_right():
    for matrix in (np.diag([5, 5]), np.array([[0, 5], [5, 0]])):
        assert inside(viz.classes(class_scores(matrix)))
    with pytest.raises(ValueError, match="3 class names for 2 classes"):
        viz.classes(class_scores(np.diag([5, 5])), ["a", "b", "c"])


def test_confused_shows_the_surest_images_of_the_most_frequent_pairs():
    images, _, _ = some(6)
    labels = np.array([0, 0, 0, 1, 1, 2])
    probs = np.array([[0.4, 0.6, 0], [0.1, 0.9, 0], [0.9, 0.1, 0], [0.7, 0.3, 0], [0.2, 0.8, 0], [0, 0, 1.0]])
    figure = viz.confused(images, labels, probs, title="some network")
    for found, wanted in zip(shown_images(figure), images[[1, 0, 3]], strict=True):
        np.testing.assert_array_equal(found, wanted)
    words = [text for ax in figure.axes for text in texts(ax)]
    assert words == ["0 → 1", "2 of 3  (66.7 %)", "1 → 0", "1 of 2  (50.0 %)"]
    assert "3 of 3 mistakes among 6 images" in figure.get_suptitle()
    assert inside(figure)
    narrow = viz.confused(images, labels, probs, pairs=1, count=1)
    assert len(shown_images(narrow)) == 1
    for title in (figure.get_suptitle(), narrow.get_suptitle()):
        assert title.endswith("with its probability)")
        assert "images\n(true" in title
    assert "1 of 3 mistakes" not in figure.get_suptitle()


def test_confused_of_a_perfect_network():
    images, labels, _ = some(5)
    figure = viz.confused(images, labels, np.eye(4)[labels])
    assert texts(figure.axes[0]) == ["no mistakes among 5 images"]


def test_disagreements_shows_what_only_one_names_right():
    images, _, _ = some(5)
    labels = np.array([0, 1, 2, 3, 4])
    a, b = np.array([0, 1, 9, 9, 9]), np.array([0, 7, 2, 3, 8])
    figure = viz.disagreements(images, labels, a, b, names=("one", "two"), title="two on mnist")
    for found, wanted in zip(shown_images(figure), images[[1, 2, 3]], strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert [ax.get_title() for ax in figure.axes if ax.images] == ["is 1, B says 7", "is 2, A says 9", "is 3, A says 9"]
    assert figure.get_suptitle() == "two on mnist\nA: one\nB: two"
    assert inside(figure)
    assert len(shown_images(viz.disagreements(images, labels, a, b, count=1))) == 2


def test_disagreements_captions_do_not_touch():
    images, labels, _ = some(20, k=10)
    figure = viz.disagreements(images, labels, labels, (labels + 1) % 10)
    assert inside(figure)
    boxes = [ax.title.get_window_extent() for ax in figure.axes if ax.images][:8]
    assert all(left.x1 + 2 < right.x0 for left, right in itertools.pairwise(boxes))


def test_disagreements_of_networks_that_agree():
    images, labels, _ = some(5)
    assert "same 5 of 5" in texts(viz.disagreements(images, labels, labels, labels).axes[0])[0]
    with pytest.raises(ValueError, match="want one N"):
        viz.disagreements(images, labels, labels[:3], labels)


def test_robustness_draws_bars_beside_examples():
    images, _, _ = some(3)
    straight, prepared = np.array([0.99, 0.35, np.nan]), np.array([0.98, np.nan, 0.97])
    figure = viz.robustness(["as it is", "shifted", "synthetic digits"], images, straight, prepared, title="some network")
    np.testing.assert_array_equal(shown_images(figure), images)
    bars = figure.axes[-1]
    np.testing.assert_allclose([bar.get_width() for bar in bars.patches], [0.99, 0.35, 0, 0.98, 0, 0.97])
    assert texts(bars) == ["99.00 %", "35.00 %", "98.00 %", "97.00 %"]
    assert "accuracy" in bars.get_xlabel()
    assert inside(figure)
    assert [label.get_text() for label in bars.get_xticklabels()] == ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]
    assert inside(figure)
    assert len(viz.robustness(["a", "b", "c"], images, straight).axes[-1].patches) == 3
    with pytest.raises(ValueError, match="2 names want as many examples"):
        viz.robustness(["a", "b"], images, straight)


@pytest.mark.parametrize("draw", [viz.confused, viz.mistakes])
def test_logits_are_refused(draw):
    images, labels, _ = some(3)
    with pytest.raises(ValueError, match="probs must be between 0 and 1"):
        draw(images, labels, np.full((3, 4), 5.0))
    with pytest.raises(ValueError, match="count must be positive"):
        draw(images, labels, np.eye(4)[labels], count=0)
