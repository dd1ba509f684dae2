import math
import re

import numpy as np
import pytest
import reference as ref
import strategies
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.layers.dropout import Dropout, dropout_backward, dropout_forward

shapes = st.sampled_from([(3, 4), (2, 3, 3, 5), (6,), (2, 3, 4)])
ps = st.sampled_from([0.1, 0.25, 0.5, 0.9])


@given(shapes, ps, strategies.seeds)
def test_every_value_is_dropped_or_scaled_up(shape, p, seed):
    x = strategies.off_kinks(np.random.default_rng(seed), shape)
    out, _ = dropout_forward(x, p, np.random.default_rng(seed))
    kept = out != 0
    np.testing.assert_allclose(out[kept], x[kept] / (1 - p), rtol=1e-12)


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(400, 500), (20, 10, 25, 40)])
def test_the_expectation_stays(p, shape):
    """mean of n independent values that are 0 or 1/(1-p): within five of its standard deviations."""
    x = np.ones(shape, np.float32)
    out, _ = dropout_forward(x, p, np.random.default_rng(1))
    assert abs(out.mean(dtype=float) - 1) < 5 * math.sqrt(p / (1 - p) / x.size)
    assert abs((out == 0).mean() - p) < 5 * math.sqrt(p * (1 - p) / x.size)


def test_no_two_images_rows_or_channels_share_their_luck():
    out, _ = dropout_forward(np.ones((4, 5, 6, 50)), 0.5, np.random.default_rng(0))
    for axis in range(3):
        slices = [tuple(np.moveaxis(out, axis, 0)[i].ravel()) for i in range(out.shape[axis])]
        assert len(set(slices)) == out.shape[axis]


@given(shapes, ps, strategies.seeds)
def test_gradient(shape, p, seed):
    rng = np.random.default_rng(seed)
    x, dout = rng.standard_normal(shape), rng.standard_normal(shape)
    dx = dropout_backward(dout, dropout_forward(x, p, np.random.default_rng(seed))[1])
    numeric = ref.numeric_gradient(lambda x: dropout_forward(x, p, np.random.default_rng(seed))[0], x, dout)
    ref.assert_gradient(dx, numeric, "dx")


@given(shapes, strategies.seeds)
def test_backward_uses_forwards_mask(shape, seed):
    layer = Dropout(0.5)
    x = strategies.off_kinks(np.random.default_rng(seed), shape)
    out, cache = layer.forward(x, train=True, rng=np.random.default_rng(seed))
    dx, grads = layer.backward(x, cache)
    np.testing.assert_array_equal(dx, out)
    assert grads == {}


@pytest.mark.parametrize("arguments", [{"train": False}, {"train": False, "rng": np.random.default_rng(0)}])
def test_evaluation_is_the_identity(arguments):
    layer, x = Dropout(0.5), np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    out, cache = layer.forward(x, **arguments)
    np.testing.assert_array_equal(out, x)
    np.testing.assert_array_equal(layer.backward(x, cache)[0], x)
    np.testing.assert_array_equal(layer(x), x)


def test_evaluation_draws_nothing():
    rng = np.random.default_rng(0)
    Dropout(0.5).forward(np.ones((3, 4)), rng=rng)
    assert rng.random() == np.random.default_rng(0).random()


def test_nothing_is_dropped_with_probability_0():
    x = np.random.default_rng(0).standard_normal((5, 4))
    out, cache = Dropout(0).forward(x, train=True)
    np.testing.assert_array_equal(out, x)
    np.testing.assert_array_equal(Dropout(0).backward(x, cache)[0], x)


@given(shapes, strategies.seeds)
def test_luck_does_not_depend_on_memory_order_or_dtype(shape, seed):
    x = strategies.off_kinks(np.random.default_rng(seed), shape)
    wanted, _ = dropout_forward(x, 0.5, np.random.default_rng(seed))
    for name, other in strategies.layouts(x).items():
        np.testing.assert_array_equal(dropout_forward(other, 0.5, np.random.default_rng(seed))[0], wanted, err_msg=name)
    single, _ = dropout_forward(x.astype(np.float32), 0.5, np.random.default_rng(seed))
    np.testing.assert_array_equal(single == 0, wanted == 0)


def test_the_mask_of_images_lies_as_convolutions_leave_them():
    """(H, C, W, N) in memory, so that the product of an image and its mask runs through both from front to back."""
    _, mask = dropout_forward(np.ones((2, 3, 4, 5)), 0.5, np.random.default_rng(0))
    assert mask.transpose(2, 1, 3, 0).flags.c_contiguous


def test_luck_comes_from_the_argument_alone():
    layer, x = Dropout(0.5), np.ones((8, 9))
    first, _ = layer.forward(x, train=True, rng=np.random.default_rng(1))
    np.random.default_rng().random()
    again, _ = layer.forward(x, train=True, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(again, first)
    rng = np.random.default_rng(1)
    layer.forward(x, train=True, rng=rng)
    later, _ = layer.forward(x, train=True, rng=rng)
    assert not np.array_equal(later, first)


def test_training_without_random_numbers_is_refused():
    with pytest.raises(
        ValueError, match=re.escape("Dropout: training needs random numbers, forward(x, train=True, rng=...)")
    ):
        Dropout().forward(np.ones((2, 3)), train=True)


@pytest.mark.parametrize("p", [-0.1, 1, 1.5, math.nan])
def test_wrong_p(p):
    with pytest.raises(ValueError, match=re.escape(f"Dropout: p must be in 0 .. 1 (1 excluded), got {p}")):
        Dropout(p)


def test_dropping_everything_is_refused_by_the_function_too():
    with pytest.raises(ValueError, match=re.escape("p must be in 0 .. 1 (1 excluded), got 1")):
        dropout_forward(np.ones(3), 1, np.random.default_rng(0))


def test_the_function_takes_the_probability_0():
    x = np.arange(6.0).reshape(2, 3)
    out, cache = dropout_forward(x, 0, np.random.default_rng(0))
    assert np.array_equal(out, x)
    assert np.array_equal(dropout_backward(x, cache), x)
