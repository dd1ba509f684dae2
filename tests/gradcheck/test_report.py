"""How a report is shown: text, hints, HTML, picture."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from benchmarks import diagnose
from benchmarks.mistakes import held_out, table
from benchmarks.mistakes.case import LOGITS
from scratchnet import viz
from scratchnet.gradcheck import CATALOGUE, Likely, Report, check, generic
from scratchnet.gradcheck.plane import to_plane
from scratchnet.gradcheck.report import MORE
from scratchnet.gradcheck.subject import argument_names
from scratchnet.layers import ReLU
from scratchnet.layers.activations import relu_forward
from scratchnet.layers.conv import conv2d_backward, conv2d_forward

rng = np.random.default_rng(8)
X, IMAGES = generic((5, 4), rng), generic((3, 2, 5, 4), rng)
WRONG = check((relu_forward, lambda dout, out: dout), X)
RIGHT = check(ReLU(), X)


def test_text():
    text = str(WRONG)
    assert "likely mistake: mask missing" in text
    assert "seen: your dx is 1 * dout everywhere; it should be 0 * dout in 10 entries" in text
    assert "hint: Which inputs had no influence on the output?" in text
    assert "read: lesson 5 (dense and ReLU)" in text
    assert WRONG.diagnoses[0].diagnosis.strong_hint not in text, "the strong hint is for those who ask"
    assert max(map(len, text.splitlines()[2:])) <= 100
    seen, says, stronger = (text.index(part) for part in ("seen:", WRONG.diagnoses[0].diagnosis.says, MORE))
    assert seen < says < stronger, "first what was seen, then what it means, last how to learn more"
    assert "likely" not in str(RIGHT)


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (-1, "exactly minus the numeric one"),
        (-1 + 1e-7, "exactly minus the numeric one"),
        (-1 / 3, "exactly -0.333333 times (-1/3 of) the numeric one"),
        (0.2, "exactly 0.2 times (1/5 of) the numeric one"),
        (0.3, "exactly 0.3 times the numeric one"),
        (6, "exactly 6 times the numeric one"),
    ],
)
def test_a_factor_in_words(factor, said):
    report = check((np.tanh, lambda dout, x: factor * dout * (1 - np.tanh(x) ** 2)), X)
    assert f"your dx is {said}" in str(report)


def test_arguments_without_a_name_have_one():
    assert argument_names(max, 1) == ["x"]  # max tells nobody what it takes
    assert argument_names(max, 2) == ["x0", "x1"]


def test_a_strong_hint_speaks_of_the_operation_at_hand():
    def backward(dout, cache):
        dx, dw, db = conv2d_backward(dout, cache)
        return dx, np.broadcast_to(dw.sum(axis=1, keepdims=True), dw.shape).copy(), db

    report = check((conv2d_forward, backward), IMAGES, generic((4, 2, 3, 2), rng), generic((4,), rng))
    assert report.diagnoses[0].name == "summed over the wrong axis"
    assert "dw[f,c,a,b] adds up over images and positions" in report.hint(strong=True)


def test_text_that_shows_one_place():
    """Where numbers stand in the wrong places, one of them is shown; and windows that drift are not left to be guessed."""
    turned = " ".join(str(report_on("flatten-channels")).split())
    assert "e.g. dx[0, 0, 0, 1] holds what belongs in dx[0, 0, 0, 2]; that is what you get if the channels are" in turned
    assert "(0, 2, 3, 1)" in report_on("flatten-channels").hint(strong=True)
    assert "(0, 2, 3, 1)" not in turned
    assert "mixed up" not in turned, "once is enough"
    drifting = " ".join(str(report_on("avg-pool-by-size")).split())
    apart = "neighbouring windows are 3 apart in your backward, 2 apart in forward, in rows and in columns"
    assert f"{apart}; with step = window size it would be right" in drifting
    assert "summed over axis 0 it would be right" in str(report_on("dense-db-not-summed"))


def test_a_second_call_is_told_by_what_it_does():
    for case_id, said in (
        ("dense-adds-up", "gives grad_weight and grad_bias exactly twice as large; the first call was right"),
        ("dropout-again", "(dx): it draws random numbers of its own"),
    ):
        assert any(said in problem for problem in report_on(case_id).problems)


def test_a_step_s_rows_speak_of_steps():
    row = str(report_on("momentum-late")).splitlines()[0]
    assert re.match(
        r"change of w over 4 steps  \(steps, rows, columns\) = \(4, 4, 3\)  WRONG  .* in the second step at w\[1, 0\]: "
        r"yours -?[\d.]+, the reference's -?[\d.]+; largest step of the reference [\d.]+; 48 of 48 wrong",
        row,
    )


def average_pool(step_back):
    """A 3 x 3 mean at stride 2 whose backward takes other steps."""

    def forward(x, size, step):
        rows, columns = (range(0, n - size + 1, step) for n in x.shape[2:])
        out = [[x[:, :, i : i + size, j : j + size].mean(axis=(2, 3)) for j in columns] for i in rows]
        return np.array(out).transpose(2, 3, 0, 1), (x.shape, size)

    def backward(grad, cache):
        shape, size = cache
        dx = np.zeros((*shape[:2], 30, 30))
        for i, j in np.ndindex(grad.shape[2:]):
            r, c = i * step_back[0], j * step_back[1]
            dx[:, :, r : r + size, c : c + size] += grad[:, :, i, j, None, None] / size**2
        return dx[:, :, : shape[2], : shape[3]]

    return forward, backward


@pytest.mark.parametrize(
    ("step_back", "said"),
    [
        ((2, 3), "windows are 3 apart in your backward, 2 apart in forward, in columns; with step = window size it would"),
        ((1, 2), "windows are 1 apart in your backward, 2 apart in forward, in rows ("),
        ((1, 1), "windows are 1 apart in your backward, 2 apart in forward, in rows and in columns ("),
        ((1, 3), "windows are 1 row and 3 columns apart in your backward, 2 rows and 2 columns apart in forward ("),
    ],
)
def test_windows_that_drift_are_told_along_the_axes_that_were_measured(step_back, said):
    report = check(average_pool(step_back), generic((2, 2, 9, 11), rng), options={"size": 3, "step": 2})
    assert report.diagnoses[0].name == "stride ignored"
    assert said in report.diagnoses[0].evidence[0] + " ("
    assert "(i * step, j * step)" in report.hint(strong=True), "by the name that the code has for it"


def max_pool_by_size(x, size, step):
    rows, columns = (range(0, n - size + 1, step) for n in x.shape[2:])
    windows = np.array([[x[:, :, i : i + size, j : j + size].reshape(*x.shape[:2], -1) for j in columns] for i in rows])
    windows = windows.transpose(2, 3, 0, 1, 4)
    return windows.max(axis=-1), (x.shape, size, windows.argmax(axis=-1))


def max_pool_by_size_back(grad, cache):
    shape, size, best = cache
    dx = np.zeros((*shape[:2], 30, 30))
    for n, c, i, j in np.ndindex(grad.shape):
        row, column = divmod(best[n, c, i, j], size)
        dx[n, c, size * i + row, size * j + column] += grad[n, c, i, j]
    return dx[:, :, : shape[2], : shape[3]]


def test_drifting_maxima_are_told_in_the_same_way():
    pair = max_pool_by_size, max_pool_by_size_back
    report = check(pair, generic((2, 2, 7, 9), rng), options={"size": 2, "step": 1})
    text = " ".join(str(report).split())
    assert "neighbouring windows are 2 apart in your backward, 1 apart in forward, in rows and in columns; with step" in text


def test_numbers_in_the_wrong_places_are_told_by_the_axes():
    def flat(x):
        return x.reshape(len(x), -1), x.shape

    def told(backward, x=IMAGES):
        report = check((flat, backward), x)
        assert report.diagnoses[0].name == "reshaped in the wrong order"
        return report.diagnoses[0].evidence[0]

    def rows_first(dout, shape):
        n, c, h, w = shape
        return dout.reshape(n, h, c, w).transpose(0, 2, 1, 3)

    def three(dout, shape):
        n, h, w = shape
        return dout.reshape(n, w, h).transpose(0, 2, 1)

    assert told(rows_first).endswith("if the axes are taken in the order images, rows, channels, columns")
    assert told(three, generic((3, 4, 5), rng)).endswith("if axis 1 is taken as the last axis"), "axes without names"


def test_names_are_those_of_the_code():
    class Linear:
        def __init__(self, weight, bias):
            self.weight, self.bias = weight, bias

        def forward(self, x):
            self.x = x
            return x @ self.weight + self.bias

        def backward(self, upstream):
            self.grad_weight, self.grad_bias = self.x.T @ upstream / len(self.x), upstream[0]
            return upstream @ self.weight.T

    report = check(Linear, X, generic((4, 3), rng), generic((3,), rng))
    text = str(report)
    assert re.search(r"^grad_weight  \(4, 3\)  WRONG", text, re.MULTILINE)
    assert "your grad_weight is exactly 0.2 times" in text
    assert re.search(r"also, for grad_(weight|bias): ", text)
    assert not re.search(r"dweight|dbias|dout", text + "".join(report.hint(True, k) for k in range(2)))

    def backward(grad, cache):
        return {"grad_w": 2 * cache.T @ grad, "x": grad @ np.ones((3, 4))}

    fixed = check((lambda x, w: (x @ w, x), backward), X, generic((4, 3), rng))
    assert str(fixed).startswith("dx      (5, 4)  WRONG")
    assert "\ngrad_w  (4, 3)  WRONG" in str(fixed)
    passes = check((relu_forward, lambda upstream, out: upstream), X)
    assert "your dx is 1 * upstream everywhere; it should be 0 * upstream in" in str(passes)
    assert "backward changes d in place" in str(check((relu_forward, lambda d, out: np.multiply(d, out > 0, out=d)), X))


def test_hints():
    assert WRONG.hint() == "Which inputs had no influence on the output? Which slope must they have?"
    assert WRONG.hint(strong=True) == "Multiply by the mask of those inputs that did get through; all others get 0."
    assert RIGHT.hint() == "nothing to find: the gradients are right"
    with pytest.raises(ValueError, match=r"which must be in 0 \.\. "):
        WRONG.hint(which=9)


# --- what a report says, and what it keeps for those who ask ---------------------------------------------------------------

CASES = {case.id: case for case in (*table.CASES, *held_out.CASES)}


def report_on(case_id):
    return diagnose.run(CASES[case_id]).report


@pytest.mark.parametrize("name", CATALOGUE)
def test_texts_hold_for_every_mistake_of_a_name(name):
    diagnosis = CATALOGUE[name]
    for said in (diagnosis, *(diagnosis.of(operation, 7) for operation in diagnosis.reworded)):
        assert not re.search(r"[()=@]|\bor\b(?! infinite)", said.says), f"variants: {said.says}"
        assert not re.search(r"[=@`_]|\w\[|\w\(|np\.", said.hint), f"code in a hint: {said.hint}"
        assert said.hint != said.strong_hint


def test_an_operation_is_spoken_of_in_its_own_words():
    report = report_on("hinge-margins")
    assert "grows with the margin itself" in str(report)
    assert "If a positive margin doubles" in report.hint()
    assert "lesson 7" in str(report)
    assert "lesson 5" not in str(report)
    assert "grows with the value itself" in str(report_on("relu-times-value"))


def test_what_was_changed_is_said_and_its_code_is_in_the_strong_hint_alone():
    report = report_on("hinge-margins")
    exact = "the margins instead of their mask"
    seen = f"seen: a correct hinge loss gradient, changed in this way, gives exactly your dscores: {exact}"
    assert seen in " ".join(str(report).split())
    assert report.hint(strong=True).endswith(f"Yours looks like this: {exact}.")
    report = report_on("softmax-inner")
    assert "gives exactly your dx: its sum is taken down the columns" in " ".join(str(report).split())
    assert "axis=0" not in str(report)
    assert report.hint(strong=True).endswith("Yours looks like this: a sum down the columns (axis=0).")
    assert "axis=0" in report._repr_html_()


def test_a_row_that_depends_on_others_is_told_from_both_sides():
    text = " ".join(str(report_on("softmax-inner")).split())
    forward = "but x in one row changes the output only in that row"
    assert f"changing dout in one row changes your dx in other rows, {forward}" in text


def test_one_window_is_shown():
    x = generic((2, 1, 4, 6), np.random.default_rng(1))

    def forward(x):
        windows = x.reshape(2, 1, 2, 2, 3, 2).transpose(0, 1, 2, 4, 3, 5).reshape(2, 1, 2, 3, 4)
        return windows.max(-1), windows.argmax(-1)

    def backward(dout, where):
        dx = np.zeros(x.shape)
        for n, c, i, j in np.ndindex(dout.shape):
            column, row = divmod(where[n, c, i, j], 2)
            dx[n, c, 2 * i + row, 2 * j + column] += dout[n, c, i, j]
        return dx

    text = " ".join(str(check((forward, backward), x)).split())
    best = forward(x)[1]
    off = [window for window in np.ndindex(best.shape) if best[window] in (1, 2)]  # (0, 1) and (1, 0) are mixed up
    row, column = divmod(int(best[off[0]]), 2)
    assert f"{len(off)} of 12 windows" in text
    assert f"so {2 * len(off)} entries are wrong" in text
    assert f"{off[0]}, say, the maximum is in row {row}, column {column}; yours goes to row {column}, column {row}" in text


def test_a_share_of_a_sum_is_shown():
    x = generic((4,), np.random.default_rng(2))
    report = check((lambda x: (np.outer(np.arange(1.0, 4.0), x), x), lambda dout, x: 3 * dout[2]), x)
    found = re.search(
        r"at \((\d),\) (\d) terms add up to (\S+), and yours is one of them, (\S+)", " ".join(str(report).split())
    )
    assert found, str(report)
    at, terms, whole, one = found.groups()
    result = report.results["x"]
    assert terms == "3"
    assert float(whole) == pytest.approx(result.numeric[int(at)], rel=0.01)
    assert float(one) == pytest.approx(result.analytic[int(at)], rel=0.01)


def test_what_is_less_likely_has_a_reason():
    first = Likely(CATALOGUE["transposed"], ("a",), 0.9, ("x",))
    near = Likely(CATALOGUE["shifted"], ("b is so",), 0.85, ("x",))
    far = Likely(CATALOGUE["wrong operand"], ("c",), 0.7, ("x",))
    besides = Likely(CATALOGUE["extra 1/N"], ("d is so",), 0.6, ("b",))
    weak = Likely(CATALOGUE["mask missing"], ("e",), 0.3, ("w",))
    report = Report("f", problems=["p"], diagnoses=[first, near, far, besides])
    shown = str(report)
    assert "less likely: shifted (b is so, but other mistakes do that as well)" in shown
    assert "also, for db: extra 1/N (d is so)" in shown
    assert "wrong operand" not in shown
    assert "mask missing" not in str(Report("f", problems=["p"], diagnoses=[first, weak]))
    assert "Less likely: <b>shifted</b>" in report._repr_html_()
    for case_id in ("max-pool-decode", "dense-bias-mean"):
        assert len(report_on(case_id).diagnoses) > 1
        assert "less likely" not in str(report_on(case_id))


def test_the_table_gives_the_scale_and_says_whose_gradient_it_is():
    report = check((lambda scores: (scores**2, scores), lambda dout, scores: dout * scores), LOGITS)
    result = report.results["scores"]
    row = str(report).splitlines()[0]
    assert row.startswith("dscores (gradient of scores)  (5, 4)  WRONG  largest difference ")
    assert f"largest numeric gradient {np.abs(result.numeric).max():.2g}; " in row
    assert str(WRONG).startswith("dx  (5, 4)  WRONG"), "x has the name that everybody gives it"


class Tags(HTMLParser):
    """Collects the tags, and finds those that are not closed."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def tags_of(report):
    tags = Tags()
    tags.feed(report._repr_html_())
    assert tags.open == []
    return tags


def test_html():
    tags = tags_of(WRONG)
    assert "mask missing" in tags.text
    assert "a stronger hint" in tags.text
    assert tags.seen.count("rect") == 3 * 20
    outlined = WRONG._repr_html_().count('stroke="#000"')
    assert outlined == 2 * WRONG.results["x"].wrong == 20  # in yours and in the difference
    assert "svg" not in tags_of(RIGHT).seen
    assert "the gradients are right" in tags_of(RIGHT).text
    assert "script" not in tags.seen


def test_html_escapes_what_the_code_says():
    def backward(dout, out):
        raise ValueError("<script>alert('x')</script>")

    report = check((relu_forward, backward), X)
    assert "<script>" not in report._repr_html_()
    assert "&lt;script&gt;" in report._repr_html_()


def test_picture():
    def backward(dout, cache):
        dx, dw, db = conv2d_backward(dout, cache)
        dx[0, 0, 0, 0] += 1
        return dx, -dw, db

    args = IMAGES, generic((4, 2, 3, 2), rng), generic((4,), rng)
    report = check((conv2d_forward, backward), *args)
    figure = viz.gradients(report)  # the first wrong one is dx
    yours, numeric, difference = figure.axes[:3]
    assert [ax.get_title() for ax in (yours, numeric, difference)] == ["your dx", "numeric dx", "difference"]
    assert [len(ax.patches) for ax in (yours, numeric, difference)] == [1, 0, 1]
    assert yours.patches[0].get_xy() == pytest.approx((-0.44, -0.44))
    shown = np.asarray(difference.images[0].get_array())
    assert shown.shape == (3 * 6 - 1, 2 * 5 - 1)
    assert shown[0, 0] == pytest.approx(1)
    assert "1 of 120 entries wrong" in figure.get_suptitle()
    assert len(viz.gradients(report, "w").axes[0].patches) == 48
    assert "right" in viz.gradients(report, "b").get_suptitle()
    with pytest.raises(ValueError, match="name must be one of x, w, b, got 'q'"):
        viz.gradients(report, "q")


def test_a_picture_does_not_name_what_has_no_name():
    def square_backward(dout, w):
        return 2 * w * dout

    report = check((lambda w: (w * w, w), lambda dout, w: 2 * w * dout), X)
    assert viz.gradients(report).get_suptitle() == "dw: right"
    report = check((lambda w: (w * w, w), square_backward), X)
    assert viz.gradients(report).get_suptitle() == "square_backward, dw: right"


def test_a_picture_of_a_right_gradient_says_what_is_wrong_elsewhere():
    def cropped(dout, cache):
        dx, dw, db = conv2d_backward(dout, cache)
        return dx[:, :, 1:], dw, db

    given = IMAGES, generic((4, 2, 3, 2), rng), generic((4,), rng)
    report = check((conv2d_forward, cropped), *given)
    title = viz.gradients(report).get_suptitle()  # dx has no shape to be drawn in, so this is dw
    assert "dw: right; not right: dx (wrong shape?)" in title.replace("\n", " ")

    def greedy(dout, cache):
        gradients = conv2d_backward(dout, cache)
        dout *= 2
        return gradients

    title = viz.gradients(check((conv2d_forward, greedy), *given)).get_suptitle().replace("\n", " ")
    assert "dx: right; not right: the code (dout changed in place?)" in title


def test_planes():
    assert to_plane(np.arange(3.0)).shape == (1, 3)
    assert to_plane(np.float64(3)).shape == (1, 1)
    np.testing.assert_array_equal(to_plane(X), X)
    plane = to_plane(IMAGES)
    np.testing.assert_array_equal(plane[:5, :4], IMAGES[0, 0])
    np.testing.assert_array_equal(plane[6:11, 5:9], IMAGES[1, 1])
    assert np.isnan(plane[5]).all()
    assert np.isnan(plane[:, 4]).all()
    assert to_plane(np.zeros((64, 16, 28, 28))).size < 3000
    assert to_plane(np.zeros((500, 300))).size <= 900


def test_the_line_that_raises_is_shown():
    def backward(dout, out):
        return dout @ np.ones((7, 2))

    text = str(check((relu_forward, backward), X))
    assert re.search(r"line \d+ of backward: return dout @ np\.ones\(\(7, 2\)\)", text)
