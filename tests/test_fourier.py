"""Random Fourier features: the formula, and the kernel that they stand for."""

import numpy as np
import pytest
import reference as ref

from scratchnet.layers import RandomFourierFeatures, Sequential
from scratchnet.layers.fourier import random_fourier_backward, random_fourier_forward


def rng(seed=0):
    return np.random.default_rng(seed)


def test_forward_is_the_formula():
    x, w, b = rng().standard_normal((3, 4)), rng(1).standard_normal((4, 5)), rng(2).standard_normal(5)
    out, _ = random_fourier_forward(x, w, b)
    for n, m in np.ndindex(3, 5):
        angle = b[m] + sum(x[n, d] * w[d, m] for d in range(4))
        assert out[n, m] == pytest.approx(np.sqrt(2 / 5) * np.cos(angle), abs=1e-12)


def test_the_gradient_is_the_numeric_one():
    x, w, b = rng().standard_normal((3, 4)), rng(1).standard_normal((4, 5)), rng(2).standard_normal(5)
    dout = rng(3).standard_normal((3, 5))
    dx = random_fourier_backward(dout, random_fourier_forward(x, w, b)[1])
    ref.assert_gradient(dx, ref.numeric_gradient(lambda x: random_fourier_forward(x, w, b)[0], x, dout), "dx")


@pytest.mark.parametrize("gamma", [0.05, 0.5])
def test_dot_products_are_the_gaussian_kernel(gamma):
    x = rng().standard_normal((8, 3))
    out = RandomFourierFeatures(3, 40_000, gamma, rng=rng(1))(x)
    kernel = np.exp(-gamma * np.square(x[:, None] - x).sum(axis=2))
    np.testing.assert_allclose(out @ out.T, kernel, atol=0.03)  # 1 / sqrt(40 000) is 0.005


def test_what_is_random_is_fixed_state_and_not_learned():
    layer = RandomFourierFeatures(3, 5, 0.1, rng=rng())
    assert layer.params == {}
    assert {key: array.shape for key, array in layer.state.items()} == {"w": (3, 5), "b": (5,)}
    model, same, other = (Sequential(RandomFourierFeatures(3, 5, 0.1, rng=rng(seed))) for seed in (0, 0, 1))
    assert all(np.array_equal(array, same.state[key]) for key, array in model.state.items())
    assert not np.array_equal(model.state["0.w"], other.state["0.w"])
    assert model.observe(model.forward(np.ones((2, 3)))[1]) == {}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: RandomFourierFeatures(0, 5, 1, rng=rng()),
            "in_features and out_features must be integers of at least 1, got 0 and 5",
        ),
        (lambda: RandomFourierFeatures(3, 5, 0, rng=rng()), "gamma must be positive, got 0"),
        (
            lambda: RandomFourierFeatures(3, 5, 1, rng=rng())(np.ones((2, 4))),
            r"w must be \(4, M\) and b \(M,\), got w \(3, 5\)",
        ),
        (lambda: RandomFourierFeatures(3, 5, 1, rng=rng())(np.ones((2, 1, 3))), "put a Flatten before it"),
        (lambda: RandomFourierFeatures(3, 5, 1, rng=rng())(np.ones((2, 3), int)), "must be floating-point numbers"),
    ],
)
def test_what_does_not_fit(build, message):
    with pytest.raises(ValueError, match=f"RandomFourierFeatures.*{message}"):
        build()


def test_phases_go_all_the_way_round():
    b = RandomFourierFeatures(2, 1000, gamma=1.0, rng=rng()).state["b"]
    counts, _ = np.histogram(b, 4, (0, 2 * np.pi))
    assert counts.sum() == 1000
    assert counts.min() > 200


@pytest.mark.parametrize("w", [np.ones(8), [[1.0]], np.ones((2, 3, 4))], ids=["1d", "list", "3d"])
def test_w_is_a_matrix(w):
    with pytest.raises((TypeError, ValueError), match="RandomFourierFeatures: w"):
        random_fourier_forward(np.ones((2, 2)), w, np.ones(4))


def test_b_has_a_number_for_each_column():
    with pytest.raises(ValueError, match=r"got w \(2, 4\), b \(3,\)"):
        random_fourier_forward(np.ones((2, 2)), np.ones((2, 4)), np.ones(3))
