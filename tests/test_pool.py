import re

import numpy as np
import pytest
import reference as ref
import strategies
from hypothesis import given

from scratchnet.layers.pool import (
    AvgPool2d,
    GlobalAvgPool,
    MaxPool2d,
    avg_pool2d_backward,
    avg_pool2d_forward,
    global_avg_pool_backward,
    global_avg_pool_forward,
    max_pool2d_backward,
    max_pool2d_forward,
)

by_name = pytest.mark.parametrize("case", strategies.POOL_CASES.values(), ids=strategies.POOL_CASES)


def arrays(case):
    """x with no two values close to each other, and an upstream gradient."""
    x_shape, out_shape = strategies.pool_shapes(case)
    rng = np.random.default_rng(case.seed)
    return strategies.off_kinks(rng, x_shape), rng.standard_normal(out_shape)


def check_max(case):
    x, dout = arrays(case)
    out, cache = max_pool2d_forward(x, case.kernel, case.stride)
    wanted, winners = ref.max_pool2d(x, case.kernel, case.stride)
    np.testing.assert_array_equal(out, wanted)
    dx = max_pool2d_backward(dout, cache)
    ref.assert_close(dx, ref.max_pool2d_backward(dout, winners, x.shape))
    numeric = ref.numeric_gradient(lambda x: max_pool2d_forward(x, case.kernel, case.stride)[0], x, dout)
    ref.assert_gradient(dx, numeric, "dx")


def check_avg(case):
    x, dout = arrays(case)
    out, cache = avg_pool2d_forward(x, case.kernel, case.stride)
    ref.assert_close(out, ref.avg_pool2d(x, case.kernel, case.stride))
    numeric = ref.numeric_gradient(lambda x: avg_pool2d_forward(x, case.kernel, case.stride)[0], x, dout)
    ref.assert_gradient(avg_pool2d_backward(dout, cache), numeric, "dx")


@by_name
def test_max_pool(case):
    check_max(case)


@given(strategies.pool_cases())
def test_max_pool_of_any_shape(case):
    check_max(case)


@by_name
def test_avg_pool(case):
    check_avg(case)


@given(strategies.pool_cases())
def test_avg_pool_of_any_shape(case):
    check_avg(case)


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 1, 1, 4), (1, 2, 3, 1), (2, 2, 1, 1)])
def test_global_avg_pool(shape):
    rng = np.random.default_rng(0)
    x, dout = rng.standard_normal(shape), rng.standard_normal(shape[:2])
    out, cache = global_avg_pool_forward(x)
    ref.assert_close(out, ref.avg_pool2d(x, shape[2:], (1, 1))[:, :, 0, 0])
    numeric = ref.numeric_gradient(lambda x: global_avg_pool_forward(x)[0], x, dout)
    ref.assert_gradient(global_avg_pool_backward(dout, cache), numeric, "dx")


def test_by_hand():
    x = np.array([[1.0, 5.0, 2.0, 0.0, 9.0], [3.0, 4.0, 8.0, 7.0, 9.0], [9.0, 9.0, 9.0, 9.0, 9.0]])[None, None]
    out, cache = max_pool2d_forward(x)
    assert out.tolist() == [[[[5, 8]]]]
    dx = max_pool2d_backward(np.array([[[[10.0, 20.0]]]]), cache)
    assert dx.tolist() == [[[[0, 10, 0, 0, 0], [0, 0, 20, 0, 0], [0, 0, 0, 0, 0]]]]
    out, cache = avg_pool2d_forward(x)
    assert out.tolist() == [[[[3.25, 4.25]]]]
    dx = avg_pool2d_backward(np.array([[[[4.0, 8.0]]]]), cache)
    assert dx.tolist() == [[[[1, 1, 2, 2, 0], [1, 1, 2, 2, 0], [0, 0, 0, 0, 0]]]]


def test_a_pixel_adds_up_what_it_won():
    x = np.zeros((1, 1, 3, 3))
    x[0, 0, 1, 1] = 1  # the largest value of all four windows
    _, cache = max_pool2d_forward(x, 2, 1)
    dx = max_pool2d_backward(np.array([[[[1.0, 20.0], [300.0, 4000.0]]]]), cache)
    assert dx[0, 0, 1, 1] == 4321
    assert np.count_nonzero(dx) == 1


# --- ties: MNIST's background is nothing else ---------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.0, -1.5, 3.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@by_name
def test_one_winner_a_window_in_a_blank_image(case, value, dtype):
    x_shape, out_shape = strategies.pool_shapes(case)
    _, cache = max_pool2d_forward(np.full(x_shape, value, dtype), case.kernel, case.stride)
    dx = max_pool2d_backward(np.ones(out_shape, dtype), cache)
    assert dx.sum() == np.prod(out_shape)
    if all(s >= k for s, k in zip(case.stride, case.kernel, strict=True)):  # nobody can win twice
        assert np.count_nonzero(dx) == np.prod(out_shape)


@given(strategies.pool_cases())
def test_the_winner_of_a_tie_is_the_documented_one(case):
    """Left before right, then top before bottom; numbers from 0 to 2 tie nearly everywhere."""
    x_shape, out_shape = strategies.pool_shapes(case)
    rng = np.random.default_rng(case.seed)
    x, dout = rng.integers(0, 3, x_shape).astype(float), rng.uniform(1, 2, out_shape)
    out, cache = max_pool2d_forward(x, case.kernel, case.stride)
    wanted, winners = ref.max_pool2d(x, case.kernel, case.stride)
    np.testing.assert_array_equal(out, wanted)
    dx = max_pool2d_backward(dout, cache)
    assert dx.sum() == pytest.approx(dout.sum(), rel=1e-12)
    ref.assert_close(dx, ref.max_pool2d_backward(dout, winners, x.shape))


def test_windows_of_more_than_256_pixels_find_their_winner():
    """The winner's number must not be cut off at one byte."""
    x = np.zeros((1, 2, 300, 3))
    x[0, 0, 299, 1] = x[0, 1, 257, 2] = 1
    _, cache = max_pool2d_forward(x, (300, 3))
    dx = max_pool2d_backward(np.array([[[[2.0]], [[3.0]]]]), cache)
    assert dx[0, 0, 299, 1] == 2
    assert dx[0, 1, 257, 2] == 3
    assert np.count_nonzero(dx) == 2


@pytest.mark.parametrize("k", [255, 256, 257])
def test_winners_at_the_edge_of_one_byte(k):
    x = np.zeros((1, 1, 1, k))
    x[..., -1] = 1
    _, cache = max_pool2d_forward(x, (1, k))
    assert np.flatnonzero(max_pool2d_backward(np.ones((1, 1, 1, 1)), cache)).tolist() == [k - 1]


def test_of_negative_values_the_largest_wins():
    """A zero that slipped in from a buffer or a pad would win."""
    x = -1 - np.random.default_rng(0).random((2, 2, 5, 5))
    out, _ = max_pool2d_forward(x, 3, 2)
    assert out.max() < -1
    np.testing.assert_array_equal(out, ref.max_pool2d(x, (3, 3), (2, 2))[0])


# --- the layers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", [MaxPool2d, AvgPool2d])
def test_settings_of_the_layers(layer):
    assert (layer().kernel_size, layer().stride) == ((2, 2), (2, 2))
    assert layer(3).stride == (3, 3)
    assert layer((3, 2)).stride == (3, 2)
    assert (layer((3, 2), 1).kernel_size, layer((3, 2), 1).stride) == ((3, 2), (1, 1))
    x = np.random.default_rng(0).standard_normal((2, 3, 7, 6))
    oracle = {MaxPool2d: lambda *a: ref.max_pool2d(*a)[0], AvgPool2d: ref.avg_pool2d}[layer]
    ref.assert_close(layer((3, 2), (2, 1))(x), oracle(x, (3, 2), (2, 1)))
    ref.assert_close(layer((3, 2))(x), oracle(x, (3, 2), (3, 2)))


@pytest.mark.parametrize("layer", [MaxPool2d, AvgPool2d])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "kernel_size must be an integer of at least 1, or a pair of them, got 0"),
        (((2, 0),), "kernel_size must be an integer of at least 1, or a pair of them, got (2, 0)"),
        ((2.0,), "kernel_size must be an integer of at least 1, or a pair of them, got 2.0"),
        ((2, 0), "stride must be an integer of at least 1, or a pair of them, got 0"),
        ((2, (1, 1, 1)), "stride must be an integer of at least 1, or a pair of them, got (1, 1, 1)"),
    ],
)
def test_wrong_settings(layer, arguments, message):
    with pytest.raises(ValueError, match=re.escape(f"{layer.__name__}: {message}")):
        layer(*arguments)


@pytest.mark.parametrize("layer", [MaxPool2d, AvgPool2d])
def test_wrong_x(layer):
    with pytest.raises(ValueError, match=re.escape(f"{layer.__name__}: x must be (N, C, H, W), got (2, 9)")):
        layer()(np.zeros((2, 9)))
    with pytest.raises(ValueError, match=re.escape("(3, 3) is larger than the image x: (2, 5)")):
        layer(3)(np.zeros((2, 1, 2, 5)))


def test_wrong_x_of_global_avg_pool():
    with pytest.raises(ValueError, match=re.escape("GlobalAvgPool: x must be (N, C, H, W), got (2, 9)")):
        GlobalAvgPool()(np.zeros((2, 9)))
    with pytest.raises(ValueError, match=re.escape("(2, 3, 0, 4)")):
        GlobalAvgPool()(np.zeros((2, 3, 0, 4)))
