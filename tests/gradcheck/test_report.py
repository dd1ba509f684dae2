"""How a report is shown: text, hints, HTML, picture."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from scratchnet import viz
from scratchnet.gradcheck import check, generic
from scratchnet.gradcheck.plane import to_plane
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
    assert "likely" not in str(RIGHT)


def test_hints():
    assert WRONG.hint() == "Which inputs had no influence on the output? Which slope must they have?"
    assert WRONG.hint(strong=True) == "Multiply by the mask of those inputs that did get through; all others get 0."
    assert RIGHT.hint() == "nothing to find: the gradients are right"
    with pytest.raises(ValueError, match=r"which must be in 0 \.\. "):
        WRONG.hint(which=9)


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
