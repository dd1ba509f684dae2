import math

import numpy as np
import pytest
import reference as ref
import strategies
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.layers.activations import (
    LeakyReLU,
    ReLU,
    Sigmoid,
    Tanh,
    leaky_relu_backward,
    leaky_relu_forward,
    relu_backward,
    relu_forward,
    sigmoid_backward,
    sigmoid_forward,
    tanh_backward,
    tanh_forward,
)

PAIRS = {
    "relu": (relu_forward, relu_backward, lambda v: v if v > 0 else 0.0),
    "leaky relu": (leaky_relu_forward, leaky_relu_backward, lambda v: v if v > 0 else 0.01 * v),
    "sigmoid": (sigmoid_forward, sigmoid_backward, lambda v: 1 / (1 + math.exp(-v))),
    "tanh": (tanh_forward, tanh_backward, lambda v: (math.exp(v) - math.exp(-v)) / (math.exp(v) + math.exp(-v))),
}
pairs = pytest.mark.parametrize(("forward", "backward", "formula"), PAIRS.values(), ids=PAIRS)
shapes = st.sampled_from([(2, 3, 3, 5), (3, 4), (7,), (2, 1, 1, 3), (2, 3, 4)])


@pairs
@given(shapes, strategies.seeds)
def test_forward_is_the_formula(forward, backward, formula, shape, seed):
    x = np.random.default_rng(seed).normal(0, 3, shape)
    wanted = np.array([formula(v) for v in x.ravel().tolist()]).reshape(shape)
    ref.assert_close(forward(x)[0], wanted)


@pairs
@given(shapes, strategies.seeds)
def test_gradient(forward, backward, formula, shape, seed):
    rng = np.random.default_rng(seed)
    x, dout = strategies.off_kinks(rng, shape), rng.standard_normal(shape)
    numeric = ref.numeric_gradient(lambda x: forward(x)[0], x, dout)
    ref.assert_gradient(backward(dout, forward(x)[1]), numeric, "dx")


@given(st.sampled_from([0.0, 0.2, 1.0, -0.5, 3.0]), strategies.seeds)
def test_any_leak(slope, seed):
    """A slope above 1 breaks max(x, slope * x), a negative one too."""
    rng = np.random.default_rng(seed)
    x, dout = strategies.off_kinks(rng, (3, 5)), rng.standard_normal((3, 5))
    layer = LeakyReLU(slope)
    out, cache = layer.forward(x)
    ref.assert_close(out, np.array([v if v > 0 else slope * v for v in x.ravel()]).reshape(3, 5))
    dx, _ = layer.backward(dout, cache)
    ref.assert_gradient(dx, ref.numeric_gradient(layer, x, dout), "dx")


def test_at_the_kink_we_take_the_left_slope():
    x, dout = np.array([0.0, -0.0, 1.0, -1.0]), np.array([5.0, 5.0, 5.0, 5.0])
    assert relu_backward(dout, relu_forward(x)[1]).tolist() == [0, 0, 5, 0]
    assert leaky_relu_backward(dout, leaky_relu_forward(x, 0.5)[1]).tolist() == [2.5, 2.5, 5, 2.5]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_overflows(dtype):
    """Warnings are errors here, so an overflow in exp would fail this test."""
    x = np.array([-1e30, -1e4, -100, 0, 100, 1e4, 1e30], dtype)
    with np.errstate(all="raise", under="ignore"):
        sigmoid, sigmoid_cache = sigmoid_forward(x)
        tanh, tanh_cache = tanh_forward(x)
        gradients = sigmoid_backward(np.ones_like(x), sigmoid_cache), tanh_backward(np.ones_like(x), tanh_cache)
    np.testing.assert_allclose(sigmoid, [0, 0, 0, 0.5, 1, 1, 1], atol=1e-40)
    np.testing.assert_array_equal(tanh, [-1, -1, -1, 0, 1, 1, 1])
    np.testing.assert_allclose(gradients[0], [0, 0, 0, 0.25, 0, 0, 0], atol=1e-40)
    np.testing.assert_array_equal(gradients[1], [0, 0, 0, 1, 0, 0, 0])


def test_sigmoid_is_precise_where_it_is_small():
    x = np.array([-30.0, -200.0])
    np.testing.assert_allclose(sigmoid_forward(x)[0], np.exp(x), rtol=1e-12)


@pytest.mark.parametrize("layer", [ReLU, LeakyReLU, Sigmoid, Tanh])
def test_layers_have_nothing_to_learn(layer):
    assert layer().params == layer().state == {}


@pytest.mark.parametrize("slope", [math.nan, math.inf])
def test_wrong_slope(slope):
    with pytest.raises(ValueError, match=f"LeakyReLU: negative_slope must be finite, got {slope}"):
        LeakyReLU(slope)
