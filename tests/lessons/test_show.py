import re

import numpy as np

from scratchnet_lessons import digits, effort, frames, hours_for, panels, style
from scratchnet_lessons.tools import show


def test_effort_is_less_in_a_hurry(monkeypatch):
    assert effort(2000, fast=10) == 10  # set for all tests of lessons
    for value in "", "0":
        monkeypatch.setenv("SCRATCHNET_FAST", value)
        assert effort(2000, fast=10) == 2000


def test_hours_are_those_of_the_faster_call(monkeypatch):
    clock, calls = iter([10.0, 19.0, 20.0, 22.0]), []  # the first call takes 9 s, the second 2 s
    monkeypatch.setattr(show.time, "perf_counter", lambda: next(clock))
    assert hours_for(lambda: calls.append(1), times=1800) == 1.0
    assert len(calls) == 2


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
