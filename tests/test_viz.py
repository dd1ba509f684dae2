import io

import numpy as np
import pytest
from matplotlib import rc_context, rcParams
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from PIL import Image

from scratchnet import explain, models, viz
from scratchnet.inspection import trace
from scratchnet.losses import softmax
from scratchnet.train import Epoch, Evaluation, Step, train_epochs

ROWS = [
    {"epoch": e, "train_loss": 0.4 / e, "train_accuracy": 1 - 0.1 / e, "val_loss": 0.3 / e, "val_accuracy": 1 - 0.08 / e}
    for e in range(1, 6)
]


def png(figure):
    file = io.BytesIO()
    viz.save(figure, file)
    return Image.open(io.BytesIO(file.getvalue()))


def texts(ax):
    return [t.get_text() for t in ax.texts]


def some_images(n):
    return np.random.default_rng(0).integers(0, 256, (n, 28, 28), dtype=np.uint8)


TITLES = {
    "short": "cnn on SYNTHETIC digits (not MNIST)",
    "long": "cnn with batch normalisation and dropout on SYNTHETIC digits (not MNIST), seed 0, 30 epochs; " * 3,
    "one word": "/srv/" + "x" * 200,
    "two lines": "cnn\non SYNTHETIC digits",
}


def squeezed(text):
    return "".join(text.split())


def inside(figure):
    """No text or axis is cut off at the figure's edge."""
    figure.canvas.draw()
    w, h = figure.canvas.get_width_height()
    box = figure.get_tightbbox(figure.canvas.get_renderer()).transformed(figure.dpi_scale_trans)
    return box.x0 >= -1 and box.y0 >= -1 and box.x1 <= w + 1 and box.y1 <= h + 1


# --- curves -----------------------------------------------------------------------------------------------------------


def test_curves_shows_loss_and_accuracy_in_percent():
    figure = viz.curves(ROWS, title="five epochs")
    loss, accuracy = figure.axes
    assert [ax.get_title(loc="left") for ax in (loss, accuracy)] == ["loss", "accuracy (%)"]
    for ax, name, scale in [(loss, "loss", 1), (accuracy, "accuracy", 100)]:
        train, val = ax.lines
        np.testing.assert_array_equal(train.get_xdata(), [1, 2, 3, 4, 5])
        np.testing.assert_allclose(train.get_ydata(), [scale * row[f"train_{name}"] for row in ROWS])
        np.testing.assert_allclose(val.get_ydata(), [scale * row[f"val_{name}"] for row in ROWS])
        assert train.get_marker() not in ("", "None")
        assert train.get_color() != val.get_color()
    assert texts(loss) == ["training\n0.0800", "validation\n0.0600"]
    assert texts(accuracy) == ["training\n98.00 %", "validation\n98.40 %"]
    assert figure.get_suptitle() == "five epochs"
    assert inside(figure)


def test_curves_takes_columns_as_well():
    columns = {key: [row[key] for row in ROWS] for key in ROWS[0]}
    for a, b in zip(viz.curves(ROWS).axes, viz.curves(columns).axes, strict=True):
        for line, other in zip(a.lines, b.lines, strict=True):
            np.testing.assert_array_equal(line.get_xydata(), other.get_xydata())


def same_lines(a, b):
    for ax, other in zip(viz.curves(a).axes, viz.curves(b).axes, strict=True):
        assert texts(ax) == texts(other)
        assert len(ax.lines) == len(other.lines)
        for line, twin in zip(ax.lines, other.lines, strict=True):
            np.testing.assert_array_equal(line.get_xydata(), twin.get_xydata())


@pytest.mark.parametrize("validated", [True, False])
def test_curves_takes_what_train_epochs_yields(validated):
    steps = [Step(e, i, i == 1, 0.4 / (e + 1), 8 + e, 10, 0.1) for e in range(2) for i in range(2)]
    validation = iter([Evaluation(0.3, 0.85, np.zeros((1, 10))), Evaluation(0.2, 0.95, np.zeros((1, 10)))])
    epochs = list(train_epochs(steps, (lambda: next(validation)) if validated else None))
    same_lines(epochs, [epoch._asdict() for epoch in epochs])
    same_lines(iter(epochs), epochs)
    loss, accuracy = viz.curves(epochs).axes
    np.testing.assert_array_equal(loss.lines[0].get_xdata(), [1, 2])
    np.testing.assert_allclose(accuracy.lines[0].get_ydata(), [80, 90])
    assert len(loss.lines) == len(accuracy.lines) == 1 + validated


def test_curves_takes_named_tuples_and_dicts_alike():
    epochs = [Epoch(**row, lr=0.1) for row in ROWS]
    same_lines(epochs, ROWS)
    same_lines([epochs[0], *ROWS[1:]], ROWS)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 0.03, 0.5, 1, 7, 30, 400, 1e6])
def test_curves_numbers_of_an_axis_have_the_same_decimals(scale):
    rows = [
        {"epoch": 1, "train_loss": 0.5 * scale, "train_accuracy": 0.1, "val_loss": 0.47 * scale, "val_accuracy": 0.97},
        {"epoch": 2, "train_loss": 0.1 * scale, "train_accuracy": 0.9, "val_loss": 0.13 * scale, "val_accuracy": 0.985},
    ]
    figure = viz.curves(rows)
    figure.canvas.draw()
    for ax in figure.axes:
        ends = [t.split("\n")[1].removesuffix(" %") for t in texts(ax)]
        for numbers in (ends, [t.get_text() for t in ax.get_yticklabels()]):
            assert len(numbers) >= 2
            assert len({len(number.partition(".")[2]) for number in numbers}) == 1
            assert len(set(numbers)) == len(numbers)
    last = [float(t.split("\n")[1]) for t in texts(figure.axes[0])]
    np.testing.assert_allclose(last, [0.1 * scale, 0.13 * scale], rtol=0.05)


def test_curves_end_labels_of_losses_far_apart():
    ends = [dict(ROWS[0], train_loss=0.00123, val_loss=2.5), dict(ROWS[0], train_loss=0.0, val_loss=0.0)]
    assert [texts(viz.curves([row]).axes[0]) for row in ends] == [
        ["training\n0.0012", "validation\n2.5000"],
        ["training\n0.00", "validation\n0.00"],
    ]


def test_curves_says_what_training_figures_are():
    figure = viz.curves(ROWS)
    words = "training: means over the epoch's steps, with dropout, augmentation and label smoothing where there are any"
    assert figure.get_supxlabel().startswith(words)
    assert "validation" in figure.get_supxlabel()
    assert viz.curves([dict(row, val_loss=None, val_accuracy=None) for row in ROWS]).get_supxlabel() == words
    figure.canvas.draw()
    note = next(t for t in figure.texts if t.get_text() == figure.get_supxlabel())
    assert to_rgba(note.get_color()) == to_rgba(viz.GREY)
    assert all(note.get_window_extent().y1 <= ax.get_tightbbox().y0 for ax in figure.axes)


def test_curves_axes_show_all_points_and_whole_epochs():
    figure = viz.curves(ROWS)
    figure.canvas.draw()
    for ax in figure.axes:
        low, high = ax.get_ylim()
        assert all(low <= y <= high for line in ax.lines for y in line.get_ydata())
        assert all(float(t).is_integer() for t in ax.get_xticks())
    assert figure.axes[0].get_ylim()[0] == 0
    assert figure.axes[1].get_ylim()[1] <= 101


@pytest.mark.parametrize("rows", [ROWS[:1], ROWS[:2], [dict(ROWS[0], train_accuracy=1.0, val_accuracy=1.0)]])
def test_curves_of_few_epochs(rows):
    figure = viz.curves(rows)
    figure.canvas.draw()
    for ax in figure.axes:
        assert [len(line.get_xdata()) for line in ax.lines] == [len(rows)] * 2
        low, high = ax.get_xlim()
        assert [t for t in ax.get_xticks() if low <= t <= high] == [row["epoch"] for row in rows]
    assert inside(figure)


@pytest.mark.parametrize(
    "rows",
    [
        [{key: row[key] for key in ("epoch", "train_loss", "train_accuracy")} for row in ROWS],
        [dict(row, val_loss=None, val_accuracy=None) for row in ROWS],
        [dict(row, val_loss=float("nan"), val_accuracy=float("nan")) for row in ROWS],
    ],
    ids=["no key", "None", "NaN"],
)
def test_curves_without_validation(rows):
    for ax in viz.curves(rows).axes:
        assert len(ax.lines) == 1
        assert len(ax.texts) == 1
        assert texts(ax)[0].startswith("training")


def test_curves_leaves_out_epochs_without_a_value():
    rows = [dict(row, val_loss=None, val_accuracy=None) if row["epoch"] % 2 else row for row in ROWS]
    loss = viz.curves(rows).axes[0]
    np.testing.assert_array_equal(loss.lines[1].get_xdata(), [2, 4])
    assert texts(loss)[1] == "validation\n0.0750"


def test_curves_of_a_training_that_went_to_infinity():
    rows = [dict(row, train_loss=float("nan"), val_loss=float("inf")) for row in ROWS]
    loss, accuracy = viz.curves(rows).axes
    assert texts(loss) == ["no finite values"]
    assert len(accuracy.lines) == 2


def test_curves_labels_do_not_overlap():
    rows = [dict(row, val_loss=row["train_loss"], val_accuracy=row["train_accuracy"]) for row in ROWS]
    figure = viz.curves(rows)
    figure.canvas.draw()
    for ax in figure.axes:
        a, b = (t.get_window_extent() for t in ax.texts)
        assert a.y0 >= b.y1 or b.y0 >= a.y1


@pytest.mark.parametrize(
    ("history", "words"),
    [
        ([], "empty"),
        ({"epoch": [], "train_loss": [], "train_accuracy": []}, "empty"),
        ([{"epoch": 1, "train_loss": 1.0}], "no 'train_accuracy'"),
        ([{}], "no 'epoch'"),
        ({"epoch": [1, 2], "train_loss": [1.0], "train_accuracy": [0.5, 0.6]}, "differ in length"),
        ([1, 2], "list of dicts or named tuples"),
        ([(1, 2.0, 0.5)], "list of dicts or named tuples"),
        (Epoch(1, 0.3, 0.9, None, None, 0.1), "list of dicts or named tuples"),
        ([{"epoch": None, "train_loss": 1.0, "train_accuracy": 0.5}], "epoch without a number"),
    ],
)
def test_curves_refuses(history, words):
    with pytest.raises(ValueError, match=f"curves: .*{words}"):
        viz.curves(history)


# --- confusion --------------------------------------------------------------------------------------------------------


def cells(ax, k):
    shown = texts(ax)
    return [shown[i * k : (i + 1) * k] for i in range(k)]


@pytest.mark.parametrize("k", [1, 2, 10])
def test_confusion_prints_every_count(k):
    matrix = np.random.default_rng(k).integers(0, 30, (k, k)) + np.diag(np.full(k, 1000))
    figure = viz.confusion(matrix)
    ax = figure.axes[0]
    assert cells(ax, k) == [[str(n) for n in row] for row in matrix]
    for text, (i, j) in zip(ax.texts, np.ndindex(k, k), strict=True):
        assert text.get_position() == (j, i)  # column = predicted, row = true
    assert ax.get_xlabel() == "predicted"
    assert ax.get_ylabel() == "true label"
    assert [t.get_text() for t in ax.get_yticklabels()] == [str(i) for i in range(k)]
    assert inside(figure)


def test_confusion_colours_the_errors_by_their_share_of_the_row():
    matrix = np.array([[900, 90, 10], [1, 9, 0], [0, 0, 50]])
    shade = np.asarray(viz.confusion(matrix).axes[0].images[0].get_array())
    np.testing.assert_allclose(shade, [[0, 0.09, 0.01], [0.1, 0, 0], [0, 0, 0]])


def test_confusion_of_a_class_without_images():
    shade = np.asarray(viz.confusion(np.array([[0, 0], [1, 3]])).axes[0].images[0].get_array())
    np.testing.assert_allclose(shade, [[0, 0], [0.25, 0]])


def test_confusion_says_how_accurate():
    matrix = np.array([[90, 10], [0, 40]])
    assert viz.confusion(matrix).axes[0].get_title() == "accuracy 92.86 % (130 of 140)"
    titled = viz.confusion(matrix, title="pets")
    assert titled.get_suptitle() == "pets\naccuracy 92.86 % (130 of 140)"
    assert titled.axes[0].get_title() == ""
    assert viz.confusion(np.zeros((2, 2), int)).axes[0].get_title() == "no images"


def test_confusion_without_errors_has_no_colour_scale():
    assert len(viz.confusion(np.diag([3, 4])).axes) == 1
    assert len(viz.confusion(np.array([[3, 1], [0, 4]])).axes) == 2


@pytest.mark.parametrize(
    ("wrong", "marks"),
    [
        (4, ["0 %", "0.1 %", "0.2 %", "0.3 %", "0.4 %"]),
        (250, ["0 %", "5 %", "10 %", "15 %", "20 %", "25 %"]),
        (1000, ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]),
    ],
)
def test_confusion_scale_has_no_needless_digits(wrong, marks):
    figure = viz.confusion(np.array([[1000 - wrong, wrong], [0, 1000]]))
    assert inside(figure)
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == marks


def test_confusion_with_names_in_the_callers_axes():
    figure = Figure()
    ax = figure.subplots()
    assert viz.confusion(np.eye(2, dtype=int), ["cat", "long dog"], ax=ax) is figure
    assert [t.get_text() for t in ax.get_xticklabels()] == ["cat", "long dog"]


def test_confusion_text_can_be_read_on_its_cell():
    matrix = np.full((3, 3), 5) + np.diag([100, 100, 100])
    matrix[0, 1] = 200
    ax = viz.confusion(matrix).axes[0]
    for text, shade in zip(ax.texts, np.asarray(ax.images[0].get_array()).ravel(), strict=True):
        paper = viz.PALE if shade == 0 else ax.images[0].cmap(ax.images[0].norm(shade))
        weight = np.array([0.299, 0.587, 0.114])
        assert abs(weight @ to_rgba(paper)[:3] - weight @ to_rgba(text.get_color())[:3]) > 0.4


@pytest.mark.parametrize(
    ("matrix", "names", "words"),
    [
        (np.zeros((2, 3), int), None, r"wants \(K, K\), got \(2, 3\)"),
        (np.zeros((0, 0), int), None, r"got \(0, 0\)"),
        (np.zeros(4, int), None, r"got \(4,\)"),
        (np.array([[1, -1], [0, 1]]), None, "none negative"),
        (np.array([[1, 0.5], [0, 1]]), None, "whole numbers"),
        (np.array([["a"]]), None, "matrix wants real numbers"),
        (np.eye(2, dtype=int), ["one"], "1 class names for 2 classes"),
    ],
)
def test_confusion_refuses(matrix, names, words):
    with pytest.raises(ValueError, match=f"confusion: .*{words}"):
        viz.confusion(matrix, names)


# --- mistakes ---------------------------------------------------------------------------------------------------------


def mistaken():
    """Six images of which 1, 3, 4 are wrong, 4 most surely."""
    labels = np.array([0, 1, 2, 0, 1, 2])
    predicted, sure = [0, 2, 2, 1, 0, 2], [0.99, 0.6, 0.9, 0.7, 0.98, 0.5]
    probs = np.array([[(1 - p) / 2] * 3 for p in sure])
    probs[range(6), predicted] = sure
    return some_images(6), labels, probs


def test_mistakes_are_ordered_by_confidence():
    images, labels, probs = mistaken()
    figure = viz.mistakes(images, labels, probs)
    assert [ax.get_title() for ax in figure.axes] == ["1 → 0  98 %", "0 → 1  70 %", "1 → 2  60 %"]
    for ax, i in zip(figure.axes, [4, 3, 1], strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), images[i])
    assert figure.get_suptitle() == "all 3 mistakes among 6 images (true → predicted)"
    assert inside(figure)


def test_mistakes_shows_the_worst_only():
    figure = viz.mistakes(*mistaken(), count=2)
    assert [ax.get_title() for ax in figure.axes] == ["1 → 0  98 %", "0 → 1  70 %"]
    assert " ".join(figure.get_suptitle().split()) == "the 2 most confident of 3 mistakes among 6 images (true → predicted)"
    many = viz.mistakes(some_images(2000), np.ones(2000, int), np.eye(2)[np.zeros(2000, int)], 1)
    assert (
        " ".join(many.get_suptitle().split()) == "the 1 most confident of 2000 mistakes among 2000 images (true → predicted)"
    )
    titled = viz.mistakes(*mistaken(), title="mine")
    assert titled.get_suptitle() == "mine\nall 3 mistakes among 6 images (true → predicted)"


@pytest.mark.parametrize("n", [0, 4])
def test_no_mistakes(n):
    figure = viz.mistakes(some_images(n), np.arange(n), np.eye(4)[:n])
    (ax,) = figure.axes
    assert texts(ax) == [f"no mistakes among {n} images"]
    assert not ax.images


def test_mistakes_takes_channels_too():
    images, labels, probs = mistaken()
    np.testing.assert_array_equal(viz.mistakes(images[:, None], labels, probs).axes[0].images[0].get_array(), images[4])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": some_images(5)}, r"want one N, got \(5, 28, 28\), \(6,\), \(6, 3\)"),
        ({"labels": np.zeros((6, 1))}, "want one N"),
        ({"probs": np.zeros(6)}, "want one N"),
        ({"images": np.zeros((6, 3, 8, 8))}, r"images wants \(N, H, W\) or \(N, 1, H, W\), got \(6, 3, 8, 8\)"),
        ({"count": 0}, "count must be positive, got 0"),
        ({"probs": 6.08 * np.eye(6, 3)}, r"between 0 and 1, got 0 to 6.08; .*softmax\(logits\)"),
        ({"probs": np.full((6, 3), -0.1)}, r"between 0 and 1, .*softmax\(logits\)"),
        ({"probs": np.full((6, 3), np.nan)}, r"between 0 and 1, .*softmax\(logits\)"),
        ({"probs": np.full((6, 3), 0.5)}, r"sum to 1 in every row, got 1.5; .*softmax\(logits\)"),
        ({"probs": np.vstack([np.full((5, 3), 1 / 3), [[0.5, 0.25, 0.248]]])}, "sum to 1 in every row, got 0.998"),
    ],
)
def test_mistakes_refuses(change, words):
    given = dict(zip(("images", "labels", "probs"), mistaken(), strict=True)) | change
    with pytest.raises(ValueError, match=f"mistakes: .*{words}"):
        viz.mistakes(**given)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_mistakes_takes_softmax_of_logits(dtype):
    images, labels, _ = mistaken()
    logits = 6 * np.random.default_rng(1).normal(size=(6, 10))
    with pytest.raises(ValueError, match="softmax"):
        viz.mistakes(images, labels, logits)
    assert viz.mistakes(images, labels, softmax(logits).astype(dtype)).axes[0].get_title().endswith(" %")


# --- digits, probabilities --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "count", "shown"), [(1, 50, 1), (7, 50, 7), (13, 50, 13), (30, 12, 12)])
def test_digits_shows_the_first_images(n, count, shown):
    images = some_images(n)
    figure = viz.digits(images, np.arange(n), count)
    assert len(figure.axes) == shown
    for i, ax in enumerate(figure.axes):
        assert ax.get_title() == str(i)
        np.testing.assert_array_equal(ax.images[0].get_array(), images[i])
        assert ax.images[0].get_clim() == (0, 255)
    assert inside(figure)


def test_digits_without_labels():
    figure = viz.digits(some_images(3), title="three")
    assert [ax.get_title() for ax in figure.axes] == [""] * 3
    assert figure.get_suptitle() == "three"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((some_images(0),), "no images"),
        ((np.zeros((28, 28)),), r"got \(28, 28\)"),
        ((some_images(3), np.zeros(2)), r"labels wants \(3,\), got \(2,\)"),
        ((some_images(3), None, 0), "count must be positive"),
    ],
)
def test_digits_refuses(arguments, words):
    with pytest.raises(ValueError, match=f"digits: .*{words}"):
        viz.digits(*arguments)


def test_probabilities_names_and_colours_the_most_probable():
    probs = np.array([0.05, 0.9, 0.05])
    image = some_images(1)[0]
    figure = viz.probabilities(image, probs, class_names=["a", "b", "c"], title="T")
    picture, bars = figure.axes
    np.testing.assert_array_equal(picture.images[0].get_array(), image)
    assert picture.get_title() == "b  (90.0 %)"
    np.testing.assert_allclose([bar.get_width() for bar in bars.patches], probs)
    assert [to_rgba(viz.BLUE) == bar.get_facecolor() for bar in bars.patches] == [False, True, False]
    assert texts(bars) == ["5.0 %", "90.0 %", "5.0 %"]
    assert [t.get_text() for t in bars.get_yticklabels()] == ["a", "b", "c"]
    assert bars.yaxis_inverted()  # the first class on top
    assert figure.get_suptitle() == "T"
    assert inside(figure)


def test_probabilities_in_the_callers_axes_and_of_prepared_images():
    figure = Figure()
    axes = figure.subplots(1, 2)
    image = np.random.default_rng(0).normal(size=(1, 28, 28)).astype(np.float32)
    assert viz.probabilities(image, np.full(10, 0.1), axes=(axes[0], axes[1])) is figure
    assert axes[0].images[0].get_clim() == pytest.approx((image.min(), image.max()))


@pytest.mark.parametrize(
    ("image", "probs", "words"),
    [
        (np.zeros((2, 28, 28)), np.ones(1), r"image wants \(H, W\) or \(1, H, W\), got \(2, 28, 28\)"),
        (np.zeros((28, 28)), np.ones((1, 10)), r"probs wants \(K,\), got \(1, 10\)"),
        (np.zeros((28, 28)), np.array([1.5, -0.5]), "between 0 and 1"),
        (np.zeros((28, 28)), np.array([np.nan, 1]), "between 0 and 1"),
        (np.zeros((28, 28)), np.array([3.0, -1.0]), r"between 0 and 1, got -1 to 3; .*softmax\(logits\)"),
        (np.zeros((28, 28)), np.array([0.9, 0.9]), r"sum to 1 in every row, got 1.8; .*softmax\(logits\)"),
    ],
)
def test_probabilities_refuses(image, probs, words):
    with pytest.raises(ValueError, match=f"probabilities: .*{words}"):
        viz.probabilities(image, probs)


# --- all figures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
@pytest.mark.parametrize(
    ("draw", "own"),
    [
        (lambda title: viz.curves(ROWS, title=title), ""),
        (lambda title: viz.confusion(np.array([[90, 10], [0, 40]]), title=title), "accuracy 92.86 % (130 of 140)"),
        (lambda title: viz.mistakes(*mistaken(), title=title), "all 3 mistakes among 6 images (true → predicted)"),
        (lambda title: viz.mistakes(some_images(3), np.arange(3), np.eye(3), title=title), ""),
        (lambda title: viz.digits(some_images(1), title=title), ""),
        (lambda title: viz.probabilities(some_images(1)[0], np.full(10, 0.1), title=title), ""),
    ],
    ids=["curves", "confusion", "mistakes", "no mistakes", "digits", "probabilities"],
)
def test_a_title_stands_above_the_figures_own_line_and_is_not_clipped(draw, own, title):
    figure, plain = draw(title), draw(None)
    assert squeezed(figure.get_suptitle()) == squeezed(title + own)
    if own:
        assert figure.get_suptitle().endswith(f"\n{own}")
    assert inside(figure)
    assert inside(plain)
    shown = next(t for t in figure.texts if t.get_text() == figure.get_suptitle()).get_window_extent()
    assert all(ax.get_tightbbox().y1 <= shown.y0 for ax in figure.axes)
    for ax, other in zip(figure.axes, plain.axes, strict=True):  # a long title takes its room from nothing else
        assert ax.get_window_extent().height > 0.75 * other.get_window_extent().height


def test_save_writes_a_png_of_150_dots_per_inch(tmp_path):
    figure = viz.digits(some_images(2))
    picture = png(figure)
    assert picture.format == "PNG"
    assert picture.size == tuple(int(150 * side) for side in figure.get_size_inches())
    assert picture.info["dpi"] == pytest.approx((150, 150), abs=0.1)
    viz.save(figure, tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as reopened:
        np.testing.assert_array_equal(np.asarray(reopened), np.asarray(picture))


def test_a_blank_image_can_be_shown():
    for image in (np.zeros((28, 28), np.uint8), np.zeros((28, 28))):
        assert png(viz.probabilities(image, np.ones(1))).size[0] > 100


def test_style_is_lent_and_taken_back():
    with rc_context():
        before = rcParams.copy()
        with viz.style():
            assert rcParams["axes.prop_cycle"].by_key()["color"][0] == viz.BLUE
        viz.curves(ROWS)
        assert rcParams.copy() == before


# --- inside a network ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cnn", "softmax"])
@pytest.mark.parametrize("title", [None, "short", "long"])
def test_trace_has_a_row_for_each_layer(name, title):
    model = models.build(name)
    x = np.random.default_rng(0).standard_normal((2, 1, 28, 28)).astype(np.float32)
    result = trace(model, x, np.array([3, 4]))
    figure = viz.trace(result, title=TITLES.get(title))
    rows = np.array(figure.axes).reshape(len(result.layers) + 1, 4)
    assert texts(rows[0, 0]) == ["input\n(1, 28, 28)"]
    for row, layer in zip(rows[1:], result.layers, strict=True):
        assert layer.layer in texts(row[0])[0]
        assert len(row[1].images) == 1
        assert len(row[2].images) == (layer.dout is not None)
        assert sum(patch.get_height() for patch in row[3].patches) == layer.out.size
    assert squeezed(result.outcome()) in squeezed(figure.get_suptitle())
    assert inside(figure)
    assert png(figure).width > 1500


def test_trace_draws_what_is_not_finite():
    model = models.build("softmax")
    model.params["1.w"][0, 0] = np.nan
    viz.trace(trace(model, np.ones((1, 1, 28, 28), np.float32), np.array([3])))


def a_batch(n=4):
    return np.random.default_rng(0).standard_normal((n, 1, 28, 28)).astype(np.float32)


def pictures(figure):
    """The images in the figure's first axes."""
    return [np.asarray(image.get_array()) for image in figure.axes[0].images]


@pytest.mark.parametrize(("f", "shown"), [(1, 1), (6, 6), (40, 32)])
def test_filters_of_one_channel_stand_side_by_side(f, shown):
    w = np.random.default_rng(f).standard_normal((f, 1, 5, 3))
    figure = viz.filters(w, title="filters")
    drawn = pictures(figure)
    assert len(drawn) == shown
    for picture, own in zip(drawn, w[:, 0], strict=False):
        np.testing.assert_array_equal(picture, own)
    limit = np.abs(w).max()
    assert {image.get_clim() for image in figure.axes[0].images} == {(-limit, limit)}
    assert texts(figure.axes[0]) == [str(i) for i in range(shown)]
    extents = [image.get_extent() for image in figure.axes[0].images]
    assert extents[0] == pytest.approx([0, 1, 5 / 3, 0])  # weights are squares
    assert len(set(map(tuple, extents))) == shown
    assert inside(figure)


def test_filters_of_many_channels_are_a_table():
    w = np.random.default_rng(0).standard_normal((12, 20, 3, 3))
    figure = viz.filters(w, count=5)
    drawn = pictures(figure)
    assert len(drawn) == 5 * 16
    np.testing.assert_array_equal(drawn[16 + 2], w[1, 2])
    ax = figure.axes[0]
    left, right, bottom, top = ax.images[16 + 2].get_extent()
    assert (ax.get_xticks()[2], ax.get_yticks()[1]) == (pytest.approx((left + right) / 2), pytest.approx((top + bottom) / 2))
    assert "5 of 12 filters, 16 of 20 channels" in ax.get_xlabel()
    assert inside(figure)
    templates = viz.filters(w[:, :1], captions=[f"class {k}" for k in range(12)])
    assert texts(templates.axes[0])[3] == "class 3"


def test_filters_that_are_all_zero_and_in_the_callers_axes():
    figure = Figure()
    assert viz.filters(np.zeros((2, 3, 3, 3)), ax=figure.subplots()) is figure
    assert png(viz.filters(np.zeros((2, 1, 3, 3)))).width > 100


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"weights": np.zeros((3, 4))}, r"wants \(F, C, KH, KW\), got \(3, 4\)"),
        ({"captions": ["one"]}, "captions wants 2, got 1"),
        ({"count": 0}, "count must be positive, got 0"),
        ({"channels": 0}, "channels must be positive, got 0"),
    ],
)
def test_filters_refuses(arguments, words):
    with pytest.raises(ValueError, match=f"filters: .*{words}"):
        viz.filters(**({"weights": np.zeros((2, 1, 3, 3))} | arguments))


def words_are_left_of_pictures(rows):
    rows[0, 0].figure.canvas.draw()
    return all(row[0].texts[0].get_window_extent().x1 < row[1].get_window_extent().x0 for row in rows)


def test_feature_maps_has_a_row_for_each_stage_with_maps():
    model, x = models.build("lenet5"), a_batch(1)
    figure = viz.feature_maps(model, x, count=4, title="maps")
    stages = [s for s in model.stages(x) if s.out.ndim == 4]
    rows = np.array(figure.axes).reshape(len(stages) + 1, 5)
    np.testing.assert_array_equal(rows[0, 1].images[0].get_array(), x[0, 0])
    for row, stage in zip(rows[1:], stages, strict=True):
        assert f"{stage.name}  {type(stage.layer).__name__}" in texts(row[0])[0]
        assert f"4 of {stage.out.shape[1]} channels" in texts(row[0])[0]
        for k, ax in enumerate(row[1:]):
            np.testing.assert_array_equal(ax.images[0].get_array(), stage.out[0, k])
        low, high = row[1].images[0].get_clim()
        assert high == pytest.approx(np.abs(stage.out).max())
        assert low == (-high if (stage.out < 0).any() else 0)
        assert row[1].images[0].get_cmap().name == ("signs" if low < 0 else "gray")
    assert words_are_left_of_pictures(rows)
    assert inside(figure)


@pytest.mark.parametrize(
    ("name", "x", "words"),
    [
        ("cnn", np.zeros((2, 1, 28, 28), np.float32), r"one image \(1, C, H, W\), got \(2, 1, 28, 28\)"),
        ("softmax", np.zeros((1, 1, 28, 28), np.float32), "no stage of the network gives feature maps"),
    ],
)
def test_feature_maps_refuses(name, x, words):
    with pytest.raises(ValueError, match=f"feature_maps: .*{words}"):
        viz.feature_maps(models.build(name), x)


def test_histograms_count_all_values_but_zeros():
    model, x, labels = models.build("cnn"), a_batch(), np.arange(4)
    figure = viz.histograms(model, x, labels, title="spread")
    logits, cache = model.forward(x)
    probs = softmax(logits)
    dlogits = (probs - np.eye(10)[labels]) / 4
    back = {s.name: s for s in model.stages_back(dlogits.astype(np.float32), cache)}
    stages = [s for s in model.stages(x) if s.name not in ("6", "7")]  # not Flatten and Dropout
    rows = np.array(figure.axes).reshape(len(stages), 4)
    for row, stage in zip(rows, stages, strict=True):
        assert stage.name in texts(row[0])[0]
        for ax, values in zip(row[1:], (stage.out, back[stage.name].dout, back[stage.name].grads.get("w")), strict=True):
            if values is None:
                assert not ax.patches
                continue
            # max pooling's dout depends on rounding where activations tie, so by a count of some
            assert sum(patch.get_height() for patch in ax.patches) == pytest.approx(np.count_nonzero(values), rel=0.01)
            assert f"std {values.std(dtype=float):.1e}"[:6] in texts(ax)[0]
    assert words_are_left_of_pictures(rows)
    relu = texts(rows[2, 1])[0]
    assert f"{np.mean(stages[2].out == 0):.0%} are 0" in relu
    assert inside(figure)


def test_histograms_of_a_network_that_is_broken():
    model = models.build("softmax")
    model.params["1.w"][:, 0] = np.inf
    figure = viz.histograms(model, np.ones((2, 1, 28, 28), np.float32), np.array([1, 2]))
    assert "20 not finite" in texts(figure.axes[2])[0]


# --- im2col -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stride", "pad"), [(1, 0), (2, 1), ((1, 2), (1, 0))])
def test_im2col_numbers_are_those_of_the_patches(stride, pad):
    image = np.arange(1, 21).reshape(4, 5)
    figure = viz.im2col(image, (3, 2), stride=stride, pad=pad, show=(0, 3), title="patches")
    (sh, sw), (ph, pw) = (np.broadcast_to(v, 2) for v in (stride, pad))
    padded = np.zeros((4 + 2 * ph, 5 + 2 * pw), int)
    padded[ph : ph + 4, pw : pw + 5] = image
    places = [(i, j) for i in range(0, len(padded) - 2, sh) for j in range(0, padded.shape[1] - 1, sw)]
    left, right = figure.axes
    assert texts(left) == [str(v) for v in padded.ravel()]
    columns = [padded[i : i + 3, j : j + 2].ravel() for i, j in places]
    assert texts(right) == [str(v) for v in np.array(columns).T.ravel()]
    framed = [p for p in left.patches if p.get_linewidth() == 2.4]
    for frame, k in zip(framed, (0, 3), strict=True):  # a frame holds the numbers of the column of its colour
        x0, y0, x1, y1 = frame.get_x(), frame.get_y(), frame.get_x() + frame.get_width(), frame.get_y() + frame.get_height()
        held = [int(t.get_text()) for t in left.texts if x0 < t.get_position()[0] < x1 and y0 < t.get_position()[1] < y1]
        assert held == list(columns[k])
    tinted = [p for p in right.patches if p.get_linewidth() == 2.4]
    assert [p.get_x() + 0.5 for p in tinted] == [0, 3]
    assert [p.get_edgecolor() for p in tinted] == [p.get_edgecolor() for p in framed]
    assert inside(figure)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image": np.zeros((1, 4, 4))}, r"image wants \(H, W\), got \(1, 4, 4\)"),
        ({"image": np.zeros((28, 28))}, "400 can be read"),
        ({"kernel_size": 5}, "larger than the image"),
        ({"show": (4,)}, r"columns from 0 to 3, got \[4\]"),
        ({"show": (0, 1, 2, 3, 0)}, "up to 4 columns"),
        ({"stride": 0}, "stride must be an integer of at least 1"),
    ],
)
def test_im2col_refuses(arguments, words):
    with pytest.raises(ValueError, match=words):
        viz.im2col(**({"image": np.zeros((4, 4)), "kernel_size": 3} | arguments))


# --- explanations -----------------------------------------------------------------------------------------------------


def ring():
    image = np.zeros((28, 28), np.uint8)
    image[8:20, 8:20] = 255
    image[11:17, 11:17] = 0
    return image


def test_saliency_is_symmetric_about_zero_and_outlines_the_image():
    values = np.random.default_rng(0).standard_normal((1, 28, 28))
    figure = viz.saliency(ring(), values, title="why")
    (ax,) = figure.axes
    np.testing.assert_array_equal(ax.images[0].get_array(), values[0])
    limit = np.abs(values).max()
    assert ax.images[0].get_clim() == (-limit, limit)
    assert ax.images[0].get_cmap().name == "signs"
    (outline,) = ax.collections
    assert len(outline.get_paths()[0].vertices) > 8
    assert texts(ax) == [f"± {limit:.2g}"]
    assert inside(figure)


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
def test_occlusion_values_lie_around_their_pixels(stride):
    side = -(-28 // stride)
    drops = np.zeros((side, side))
    drops[2, 1] = 1
    (ax,) = viz.occlusion(ring(), drops).axes
    left, right, bottom, top = ax.images[0].get_extent()
    cell = (right - left) / side
    assert left + 1.5 * cell == pytest.approx(stride)  # the middle of column 1
    assert top + 2.5 * (bottom - top) / side == pytest.approx(2 * stride)
    assert ax.get_xlim() == (-0.5, 27.5)
    assert ax.get_ylim() == (27.5, -0.5)


def test_grad_cam_is_coloured_where_it_is_hot_and_dark_where_there_is_ink():
    heat = np.zeros((28, 28))
    heat[5, 5] = heat[9, 9] = 0.7  # on paper, on ink
    (ax,) = viz.grad_cam(ring(), heat).axes
    rgb = np.asarray(ax.images[0].get_array())
    np.testing.assert_allclose(rgb[0, 0], 1)  # neither
    hot = rgb[5, 5]
    assert hot[0] > hot[2] + 0.3
    assert rgb[10, 9].max() < 0.3
    assert rgb[9, 9].max() < rgb[5, 5].max()


def test_explanations_can_be_drawn_into_the_callers_axes_and_of_blank_images():
    for draw in (viz.saliency, viz.occlusion, viz.grad_cam):
        figure = Figure()
        assert draw(np.zeros((28, 28)), np.zeros((28, 28)), ax=figure.subplots()) is figure
        assert png(draw(np.zeros((28, 28)), np.zeros((28, 28)))).width > 100


@pytest.mark.parametrize(
    ("draw", "values", "words"),
    [
        (viz.saliency, np.zeros((27, 28)), r"saliency: .*got \(28, 28\) and \(27, 28\)"),
        (viz.saliency, np.zeros((3, 28, 28)), r"saliency: values wants \(H, W\)"),
        (viz.grad_cam, np.zeros((7, 7)), r"grad_cam: .*got \(28, 28\) and \(7, 7\)"),
        (viz.grad_cam, np.full((28, 28), -1.0), "grad_cam: heat must not be negative"),
        (viz.occlusion, np.zeros((13, 14)), r"occlusion: .*got \(13, 14\) for \(28, 28\)"),
    ],
)
def test_explanations_of_other_shapes_are_refused(draw, values, words):
    with pytest.raises(ValueError, match=words):
        draw(ring(), values)


MAPS = {
    "saliency": np.ones((1, 28, 28)),
    "smooth-grad": np.ones((28, 28)),
    "integrated-gradients": np.ones((28, 28)),
    "grad-cam": np.ones((28, 28)),
    "occlusion": np.ones((14, 14)),
}


@pytest.mark.parametrize("names", [list(MAPS)[:n] for n in range(1, 6)])
@pytest.mark.parametrize("title", [None, "long"])
def test_explanations_has_a_panel_for_each_map(names, title):
    figure = viz.explanations(ring(), {name: MAPS[name] for name in names}, np.full(10, 0.1), 3, title=TITLES.get(title))
    shown = [ax for ax in figure.axes if ax.images]
    np.testing.assert_array_equal(shown[0].images[0].get_array(), ring())
    assert len(shown) == 1 + len(names)
    blue = [to_rgba(viz.BLUE) == bar.get_facecolor() for bar in figure.axes[1].patches]
    assert blue == [k == 3 for k in range(10)]
    assert figure.get_supxlabel().startswith("orange speaks for 3, blue against it")
    assert inside(figure)
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["0 %", "50 %", "100 %"]
    cells = figure.axes[0].get_gridspec()
    assert sum(len(ax.get_subplotspec().colspan) for ax in figure.axes) == cells.nrows * cells.ncols  # none is empty


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"maps": {}}, "maps wants some of saliency, .*, got none"),
        ({"maps": {"lime": ring()}}, "got lime"),
        ({"label": 10}, r"label 0 \.\. K-1, got \(10,\) and 10"),
        ({"probs": np.ones(10)}, "sum to 1"),
        ({"class_names": ["a"]}, "1 class names for 10"),
    ],
)
def test_explanations_refuses(change, words):
    with pytest.raises(ValueError, match=f"explanations: .*{words}"):
        viz.explanations(**({"image": ring(), "maps": MAPS, "probs": np.full(10, 0.1), "label": 3} | change))


def clusters(classes=10, n=20):
    r = np.random.default_rng(0)
    labels = np.repeat(np.arange(classes), n)
    return 8 * r.standard_normal((classes, 6))[labels] + r.standard_normal((len(labels), 6)), labels


def test_pca_draws_every_point_where_it_is_projected():
    points, labels = clusters()
    figure = viz.pca(points, labels, title="features")
    (ax,) = figure.axes
    found = explain.pca(points)
    drawn = np.concatenate([np.asarray(c.get_offsets()) for c in ax.collections])
    np.testing.assert_allclose(drawn, found.project(points))
    assert texts(ax) == [str(k) for k in range(10)]
    assert f"{found.shares[0]:.0%}" in ax.get_xlabel()
    assert f"{found.shares[1]:.0%}" in ax.get_ylabel()
    assert len({to_rgba(t.get_color()) for t in ax.texts}) == 10
    assert inside(figure)


def test_pca_names_of_classes_that_lie_together_do_not_overlap():
    r = np.random.default_rng(0)
    figure = viz.pca(r.standard_normal((300, 3)), np.arange(300) % 5)
    figure.canvas.draw()
    boxes = [t.get_window_extent() for t in figure.axes[0].texts]
    for i, a in enumerate(boxes):
        assert not any(abs(a.x0 - b.x0) < 8 and abs(a.y0 - b.y0) < 8 for b in boxes[:i])


def test_pca_in_the_callers_axes_with_names():
    figure = Figure()
    points, labels = clusters(2)
    assert viz.pca(points, labels, class_names=["cat", "dog"], ax=figure.subplots()) is figure
    assert texts(figure.axes[0]) == ["cat", "dog"]
    assert png(viz.pca(np.ones((3, 4)), np.array([0, 1, 1]))).width > 100


@pytest.mark.parametrize(
    ("labels", "names", "words"),
    [
        (np.zeros(3, int), None, r"want one N, got \(40, 6\), \(3,\)"),
        (np.zeros(40), None, "whole labels"),
        (np.full(40, 10), None, r"labels must be in 0 \.\. 9, got 10 \.\. 10"),
        (np.full(40, 1), ["one"], r"labels must be in 0 \.\. 0"),
    ],
)
def test_pca_refuses(labels, names, words):
    with pytest.raises(ValueError, match=f"pca: .*{words}"):
        viz.pca(clusters(2)[0], labels, class_names=names)


# --- paths ------------------------------------------------------------------------------------------------------------


def bowl(a, b):
    return a**2 + 10 * b**2


def test_paths_shows_every_place_on_the_way():
    ways = {"SGD": np.array([[3.0, 1.0], [2.0, -0.5], [1.0, 0.2]]), "Adam": np.array([[3.0, 1.0], [5.0, 4.0]])}
    figure = viz.paths(bowl, ways, minimum=(0, 0), title="a valley")
    (ax,) = figure.axes
    lines = {line.get_label(): line for line in ax.lines}
    for name, way in ways.items():
        np.testing.assert_array_equal(lines[name].get_xydata(), way)
        assert lines[name].get_marker() not in ("", "None")
    assert lines["SGD"].get_color() != lines["Adam"].get_color()
    (low, high), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert low < 0 < 5 < high
    assert bottom < -0.5 < 4 < top
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["SGD", "Adam"]
    assert inside(figure)


@pytest.mark.parametrize("way", [np.array([[1.0, 1.0]]), np.array([[1.0, 1.0], [1.0, 2.0]])])
def test_paths_that_hardly_move_and_flat_functions(way):
    for function in (bowl, lambda a, b: 0 * a):
        figure = Figure()
        assert viz.paths(function, {"SGD": way}, ax=figure.subplots()) is figure
        assert np.ptp(figure.axes[0].get_xlim()) > 0.01
        assert png(viz.paths(function, {"SGD": way})).width > 100


@pytest.mark.parametrize(
    ("ways", "words"),
    [
        ({}, "1 to 6 paths, got 0"),
        ({"SGD": np.zeros(3)}, r"SGD wants \(T, 2\), got \(3,\)"),
        ({"SGD": np.array([[0, np.inf]])}, "SGD has places that are not finite"),
    ],
)
def test_paths_refuses(ways, words):
    with pytest.raises(ValueError, match=f"paths: .*{words}"):
        viz.paths(bowl, ways)


# --- in a notebook ----------------------------------------------------------------------------------------------------


def test_a_figure_shows_itself_in_a_notebook_without_pyplot():
    figure = viz.digits(some_images(3))
    shown = Image.open(io.BytesIO(figure._repr_png_())).convert("RGB")
    width, height = figure.get_size_inches() * 100
    assert shown.size == (int(width), int(height))
    file = io.BytesIO()
    figure.savefig(file, dpi=100)
    saved = np.asarray(Image.open(file).convert("RGB"), int)
    assert np.abs(np.asarray(shown, int) - saved).mean() < 2  # 256 colours are enough
