"""Slopes that are measured together are those that are measured one by one."""

import numpy as np
import pytest

from scratchnet.gradcheck import check, generic, numeric_gradient
from scratchnet.gradcheck.learners import of_functions
from scratchnet.gradcheck.slopes import Prober, measure_together
from scratchnet.layers.activations import relu_backward, relu_forward
from scratchnet.layers.conv import conv2d_backward, conv2d_forward
from scratchnet.layers.dense import dense_backward, dense_forward
from scratchnet.layers.norm import batch_norm_backward, batch_norm_forward
from scratchnet.layers.pool import max_pool2d_backward, max_pool2d_forward

rng = np.random.default_rng(7)
X, W, B = generic((5, 4), rng), generic((4, 3), rng), generic((3,), rng)
IMAGES, KERNELS, BIAS = generic((3, 2, 6, 5), rng), generic((4, 2, 3, 2), rng), generic((4,), rng)
GAMMA = np.array([0.5, -1.2, 0.9, 1.7])

PAIRS = {
    "dense": ((dense_forward, dense_backward), (X, W, B), [[(0, 0)], [(1, 1)], [(0, 1)]]),
    "conv": ((conv2d_forward, conv2d_backward), (IMAGES, KERNELS, BIAS), [[(0, 0)], [(0, 1)], [(0, 1)]]),
    "relu": ((relu_forward, relu_backward), (IMAGES,), [[(0, 0), (1, 1), (2, 2), (3, 3)]]),
    "pool": ((max_pool2d_forward, max_pool2d_backward), (IMAGES,), [[(0, 0), (1, 1)]]),
    "batch norm": ((batch_norm_forward, batch_norm_backward), (X, GAMMA, -GAMMA), [[(1, 1)]] + 2 * [[(0, 1)]]),
}


def prober_of(pair, args, name_number):
    subject = of_functions(pair, args, {})
    out, _ = subject.forward(subject.copies(), 0)
    dout = np.random.default_rng(1).standard_normal(out.shape)
    return Prober(subject, out, dout, list(subject.arrays)[name_number], 0)


@pytest.mark.parametrize("name", PAIRS)
def test_together_is_one_by_one(name):
    pair, args, expected = PAIRS[name]
    for k, axes in enumerate(expected):
        prober = prober_of(pair, args, k)
        assert prober.together(np.random.default_rng(2)) == axes
        slopes = measure_together(prober, 1e-5, np.random.default_rng(2), keep=True)
        numeric = numeric_gradient(lambda x, p=prober: ((p.change(x) + p.out) * p.dout).sum(), prober.x)
        np.testing.assert_allclose((slopes.left + slopes.right) / 2, numeric.ravel(), atol=1e-7)
        np.testing.assert_allclose(slopes.jacobian @ prober.dout.ravel(), numeric.ravel(), atol=1e-7)
        for i in range(0, prober.x.size, 7):
            moved = prober.x.copy()
            moved.flat[i] += 1e-5
            np.testing.assert_allclose(slopes.jacobian[i], prober.change(moved).ravel() / 1e-5, atol=1e-3)


def test_images_that_act_on_each_other_are_not_measured_together():
    def forward(x):
        return x + 1e-3 * x[::-1] ** 3, x

    def backward(dout, x):
        return dout + 3e-3 * x**2 * dout[::-1]

    prober = prober_of((forward, backward), (X,), 0)
    assert prober.together(np.random.default_rng(0)) == [(1, 1)]
    assert check((forward, backward), X)
    assert not check((forward, lambda dout, x: dout), X)


def test_a_dependence_that_no_trial_shows_is_found_by_the_direction():
    """Far away images are apart, close by they are not: only small moves are felt by the others."""

    def forward(x):
        near = np.abs(x - X).max(axis=1) < 1e-3
        return x + np.where(near[:, None], x.mean(axis=0), X.mean(axis=0)), None

    prober = prober_of((forward, None), (X,), 0)
    assert (0, 0) not in prober.together(np.random.default_rng(0)) or (
        measure_together(prober, 1e-5, np.random.default_rng(0), keep=False) is None
    )
