import re

import numpy as np

from scratchnet_lessons import digits, effort, frames, panels, style


def test_effort_is_less_in_a_hurry(monkeypatch):
    assert effort(2000, fast=10) == 10  # set for all tests of lessons
    for value in "", "0":
        monkeypatch.setenv("SCRATCHNET_FAST", value)
        assert effort(2000, fast=10) == 2000


def draw(value):
    with style():
        figure, ax = panels(size=(2, 1))
        ax.plot([0, value])
    return figure


def test_frames_show_the_last_one_and_a_slider(monkeypatch):
    monkeypatch.delenv("SCRATCHNET_FAST")
    page = frames(draw, [1, 2, 3])._repr_html_()
    shown = re.findall(r"display:(\w+)", page.partition("<input")[0])
    assert shown == ["none", "none", "block"]
    assert 'max="2" value="2"' in page


def test_frames_in_a_hurry_are_the_first_and_the_last():
    assert frames(draw, range(9)).captions == ["0", "8"]
    assert frames(draw, [4]).captions == ["4"]


def test_digits_are_drawn_where_there_is_no_mnist(monkeypatch, tmp_path):
    monkeypatch.setenv("SCRATCHNET_DATA", str(tmp_path))
    images, labels, source = digits("train", 20)
    assert (images.shape, images.dtype, labels.shape) == ((20, 28, 28), np.uint8, (20,))
    assert source == "synthetic"
