"""Nearest neighbours against a loop over all distances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.layers import NearestNeighbors
from scratchnet.layers import neighbors as module
from scratchnet.layers.neighbors import nearest


def by_loops(x, examples, k):
    """Indices of the k nearest, by the definition of distance."""
    found = []
    for one in x:
        distances = [sum((a - b) ** 2 for a, b in zip(one, example, strict=True)) for example in examples]
        found.append(sorted(range(len(examples)), key=lambda i: distances[i])[:k])
    return np.array(found, int).reshape(len(x), -1)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 12), st.sampled_from([3, 7, 4096]))
def test_the_nearest_are_those_of_loops(seed, count, k, block):
    rng = np.random.default_rng(seed)
    x, examples = rng.standard_normal((4, 3)), rng.standard_normal((count, 3))
    before, module.BLOCK = module.BLOCK, block
    try:
        np.testing.assert_array_equal(nearest(x, examples, k), by_loops(x, examples, k))
    finally:
        module.BLOCK = before


def remembering(examples, labels, k, classes=4):
    layer = NearestNeighbors(examples.shape[1], classes, k)
    layer.remember(examples, labels)
    return layer


def test_votes_are_counted():
    examples = np.array([[0.0], [1.0], [2.0], [10.0], [11.0]])
    layer = remembering(examples, np.array([0, 1, 1, 2, 2]), k=3)
    out = layer(np.array([[0.4], [9.0], [-5.0]]))
    votes = np.array([[1, 2, 0, 0], [0, 1, 2, 0], [1, 2, 0, 0]])
    np.testing.assert_allclose(np.exp(out), votes + 0.1)
    shares = np.exp(out) / np.exp(out).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, (votes + 0.1) / 3.4)


def test_an_example_is_its_own_nearest_neighbour():
    rng = np.random.default_rng(0)
    examples, labels = rng.standard_normal((200, 5)).astype(np.float32), rng.integers(0, 4, 200)
    np.testing.assert_array_equal(remembering(examples, labels, k=1)(examples).argmax(axis=1), labels)


def test_an_empty_memory_knows_nothing_and_few_examples_all_vote():
    layer = NearestNeighbors(2, 3)
    assert layer.k == 5
    assert np.ptp(layer(np.ones((2, 2)))) == 0
    layer.remember(np.ones((2, 2)), np.array([1, 1]))
    assert layer.num_examples == 2
    np.testing.assert_allclose(np.exp(layer(np.zeros((1, 2)))), [[0.1, 2.1, 0.1]])


def test_no_gradient():
    layer = remembering(np.eye(3), np.array([0, 1, 2]), k=2)
    out, cache = layer.forward(np.ones((4, 3)))
    dx, grads = layer.backward(np.ones_like(out), cache)
    assert (dx.shape, grads) == ((4, 3), {})
    assert not dx.any()


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: NearestNeighbors(2, 3, k=0), "in_features, num_classes and k at least 1"),
        (
            lambda: NearestNeighbors(2, 3).remember(np.ones((2, 3)), np.zeros(2, int)),
            r"examples must be \(E, 2\), labels \(E,\), got \(2, 3\), \(2,\)",
        ),
        (lambda: NearestNeighbors(2, 3).remember(np.ones((1, 2)), np.array([3])), r"labels must be in 0 \.\. 2"),
        (lambda: NearestNeighbors(2, 3)(np.ones((2, 5))), r"x \(2, 5\) and examples \(0, 2\) must have one D"),
        (lambda: NearestNeighbors(2, 3)(np.ones((2, 1, 2))), "put a Flatten before it"),
    ],
)
def test_what_does_not_fit(use, message):
    with pytest.raises(ValueError, match=f"NearestNeighbors.*{message}"):
        use()


@pytest.mark.parametrize("num_classes", [2, 1, 2.0, None])
def test_every_label_is_below_the_number_of_classes(num_classes):
    with pytest.raises(ValueError, match="num_classes must be an integer above all labels, got"):
        module.k_nearest_forward(np.ones((1, 2)), np.ones((3, 2)), np.array([0, 2, 1]), 1, num_classes)


def test_one_class_is_enough():
    out, _ = module.k_nearest_forward(np.ones((1, 2)), np.ones((3, 2)), np.zeros(3, int), 2, 1)
    np.testing.assert_allclose(out, [[np.log(2 + module.PRIOR)]])
