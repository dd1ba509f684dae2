import re

import numpy as np
import pytest
import reference as ref
import strategies
from hypothesis import given
from hypothesis import strategies as st

from scratchnet import init
from scratchnet.layers.dense import Dense, dense_backward, dense_forward


@st.composite
def dense_arrays(draw, min_n=1):
    """x (N, D), w (D, M), b (M,), dout (N, M)"""
    n, d, m = draw(st.integers(min_n, 4)), draw(st.integers(1, 5)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(strategies.seeds))
    return tuple(rng.standard_normal(shape) for shape in [(n, d), (d, m), (m,), (n, m)])


@given(dense_arrays())
def test_forward_is_the_loops(arrays):
    x, w, b, _ = arrays
    ref.assert_close(dense_forward(x, w, b)[0], ref.dense(x, w, b))


@given(dense_arrays(min_n=2))
def test_gradients(arrays):
    x, w, b, dout = arrays
    dx, dw, db = dense_backward(dout, dense_forward(x, w, b)[1])
    ref.assert_gradient(dx, ref.numeric_gradient(lambda x: dense_forward(x, w, b)[0], x, dout), "dx")
    ref.assert_gradient(dw, ref.numeric_gradient(lambda w: dense_forward(x, w, b)[0], w, dout), "dw")
    ref.assert_gradient(db, ref.numeric_gradient(lambda b: dense_forward(x, w, b)[0], b, dout), "db")


def test_by_hand():
    x, w, b = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0, -1.0], [3.0, 1.0, 2.0]]), np.array([0.5, 0.0, 1.0])
    out, cache = dense_forward(x, w, b)
    assert out.tolist() == [[7.5, 2.0, 4.0]]
    dx, dw, db = dense_backward(np.array([[1.0, 10.0, 100.0]]), cache)
    assert dx.tolist() == [[1 - 100, 3 + 10 + 200]]
    assert dw.tolist() == [[1, 10, 100], [2, 20, 200]]
    assert db.tolist() == [1, 10, 100]


def test_without_dx():
    x, w, b = np.ones((2, 3)), np.ones((3, 4)), np.ones(4)
    dx, dw, db = dense_backward(np.ones((2, 4)), dense_forward(x, w, b)[1], need_dx=False)
    assert dx is None
    assert dw.shape == w.shape
    assert db.shape == b.shape


def test_layer_starts_from_its_init_and_from_zero():
    layer = Dense(6, 3, rng=np.random.default_rng(5))
    np.testing.assert_array_equal(layer.params["w"], init.he_normal(np.random.default_rng(5), (6, 3)))
    np.testing.assert_array_equal(layer.params["b"], np.zeros(3))
    other = Dense(6, 3, rng=np.random.default_rng(5), init=init.xavier_uniform)
    np.testing.assert_array_equal(other.params["w"], init.xavier_uniform(np.random.default_rng(5), (6, 3)))
    assert all(a.dtype == np.float32 and a.flags.c_contiguous for a in layer.params.values())
    assert list(layer.params) == ["w", "b"]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ((2, 5), "Dense: x has 5 features, w wants 4: x (2, 5), w (4, 3)"),
        ((4,), "Dense: x must be (N, D), got (4,)"),
        ((2, 1, 2, 2), "Dense: x must be (N, D), got (2, 1, 2, 2); put a Flatten before it?"),
    ],
)
def test_wrong_x(x, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Dense(4, 3, rng=np.random.default_rng(0)).forward(np.zeros(x, np.float32))


def test_wrong_b():
    with pytest.raises(ValueError, match=re.escape("(4, 3), b (4,)")):
        dense_forward(np.zeros((2, 4)), np.zeros((4, 3)), np.zeros(4))


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (-1, 3)])
def test_wrong_sizes(sizes):
    with pytest.raises(ValueError, match=f"at least 1, got {sizes[0]} and {sizes[1]}"):
        Dense(*sizes, rng=np.random.default_rng(0))
