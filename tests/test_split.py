"""Stratified split: a partition, every class in its share, the total exact, the same for the same seed."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.datasets.split import split

label_lists = st.lists(st.integers(0, 4), min_size=2, max_size=80)


@given(labels=label_lists, data=st.data())
def test_partition_with_exact_total_and_fair_shares(labels, data):
    size = data.draw(st.integers(0, len(labels) - 1))
    train, val = split(np.array(labels), size, seed=data.draw(st.integers(0, 9)))
    assert len(val) == size
    assert sorted([*train.tolist(), *val.tolist()]) == list(range(len(labels)))
    assert train.tolist() == sorted(train.tolist())
    assert val.tolist() == sorted(val.tolist())
    for label in set(labels):
        share = Fraction(labels.count(label) * size, len(labels))
        got = [labels[i] for i in val].count(label)
        assert abs(got - share) < 1, "rounded up or down"


def test_largest_remainders_get_what_is_missing():
    labels = np.repeat([0, 1, 2], [7, 9, 4])  # of 6: shares 2.1, 2.7, 1.2
    _, val = split(labels, 6, seed=0)
    assert np.bincount(labels[val]).tolist() == [2, 3, 1]


def test_equal_remainders_go_to_the_first_classes():
    labels = np.repeat([0, 1, 2, 3], 5)
    _, val = split(labels, 6, seed=0)
    assert np.bincount(labels[val]).tolist() == [2, 2, 1, 1]


def test_the_seed_decides():
    labels = np.arange(200) % 10
    first, again, other = (split(labels, 50, seed=seed)[1].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_class_is_drawn_from_at_random():
    labels = np.zeros(100, int)
    held_out = np.concatenate([split(labels, 10, seed=seed)[1] for seed in range(50)])
    assert len(set(held_out.tolist())) > 90, "every example can be drawn, not only the first"


@pytest.mark.parametrize(("fraction", "size"), [(0.0, 0), (0.1, 2), (0.33, 7), (0.5, 10), (np.float32(0.25), 5)])
def test_fractions(fraction, size):
    assert len(split(np.arange(20) % 2, fraction, seed=0)[1]) == size


def test_numpy_integers_and_types_of_the_result():
    train, val = split(np.uint8([0, 1, 0, 1]), np.int64(2), seed=0)
    assert train.dtype.kind == val.dtype.kind == "i"
    assert len(split(np.array(["a", "b", "b"]), 1, seed=0)[1]) == 1


@pytest.mark.parametrize("size", [-1, 10, 11, -0.1, 1.0, 1.5, float("nan"), 0.99])
def test_impossible_sizes(size):
    with pytest.raises(ValueError, match=r"split: val_size .*got"):
        split(np.zeros(10), size, seed=0)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"\(2, 2\)"):
        split(np.zeros((2, 2)), 1, seed=0)
    with pytest.raises(ValueError, match=r"\(0,\)"):
        split(np.zeros(0), 0, seed=0)
    with pytest.raises(TypeError):
        split(np.zeros(3), "1", seed=0)
