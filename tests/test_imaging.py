from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.imaging import components, dilate, otsu, running_min


@given(st.integers(1, 14), st.integers(1, 14), st.integers(0, 2**32 - 1))
def test_components_are_those_of_a_flood_fill(h, w, seed):
    mask = np.random.default_rng(seed).random((h, w)) < 0.45
    labels, parts = components(mask)
    left = {(int(i), int(j)) for i, j in np.argwhere(mask)}
    islands = []
    while left:
        island, edge = set(), [left.pop()]
        while edge:
            i, j = edge.pop()
            island.add((i, j))
            near = {(i + a, j + b) for a in (-1, 0, 1) for b in (-1, 0, 1)} & left
            left -= near
            edge += near
        islands.append(island)
    assert (labels > 0).tolist() == mask.tolist()
    assert sorted(map(len, islands), reverse=True) == [p.area for p in parts]
    for island in islands:
        (name,) = {int(labels[i, j]) for i, j in island}
        (part,) = [p for p in parts if p.label == name]
        rows, cols = zip(*island, strict=True)
        assert (part.top, part.bottom, part.left, part.right) == (min(rows), max(rows) + 1, min(cols), max(cols) + 1)


def test_components_follow_a_spiral():
    spiral = np.zeros((41, 41), bool)
    corners = [(0, 0), (0, 40), (40, 40), (40, 0), (4, 0), (4, 36), (36, 36), (36, 4), (8, 4), (8, 32), (32, 32)]
    for (i, j), (k, m) in pairwise(corners):
        spiral[min(i, k) : max(i, k) + 1, min(j, m) : max(j, m) + 1] = True
    assert len(components(spiral)[1]) == 1


@given(st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_running_minimum(window, seed):
    x = np.random.default_rng(seed).integers(0, 100, (3, 40))
    wanted = np.array([[row[k : k + window].min() for k in range(40 - window + 1)] for row in x])
    np.testing.assert_array_equal(running_min(x, window, 1), wanted)
    np.testing.assert_array_equal(running_min(x.T, window, 0), wanted.T)


def test_otsu_splits_two_heaps_between_them():
    values = np.concatenate([np.random.default_rng(0).normal(m, s, n) for m, s, n in ((20, 4, 5000), (180, 10, 300))])
    assert 40 < otsu(values) < 150
    assert otsu(np.array([0.0] * 90 + [10.0] * 10)) == pytest.approx(5, abs=0.1)


def test_dilation_is_a_disc():
    point = np.zeros((15, 15))
    point[7, 7] = 1
    grown = dilate(point, 5)
    i, j = np.indices((15, 15)) - 7
    assert grown[np.hypot(i, j) <= 5].all()
    assert not grown[np.hypot(i, j) > 5.5].any()
