import numpy as np
import pytest
import reference as ref
import strategies
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.layers.reshape import Flatten, flatten_backward, flatten_forward

image_shapes = st.tuples(*[st.integers(1, 4)] * 4)


@given(image_shapes)
def test_features_are_in_c_h_w_order_whatever_the_memory(shape):
    x = np.arange(np.prod(shape), dtype=float).reshape(shape)
    _, c, h, w = shape
    for name, other in strategies.layouts(x).items():
        out, _ = flatten_forward(other)
        assert out.shape == (len(x), c * h * w)
        for n, channel, row, column in np.ndindex(shape):
            assert out[n, (channel * h + row) * w + column] == x[n, channel, row, column], name


@given(image_shapes)
def test_backward_takes_every_number_back_to_its_place(shape):
    x = np.arange(np.prod(shape), dtype=float).reshape(shape)
    for other in strategies.layouts(x).values():
        out, cache = flatten_forward(other)
        for dout in strategies.layouts(out).values():
            np.testing.assert_array_equal(flatten_backward(dout, cache), x)


def test_gradient():
    rng = np.random.default_rng(0)
    x, dout = rng.standard_normal((2, 3, 2, 5)), rng.standard_normal((2, 30))
    numeric = ref.numeric_gradient(lambda x: flatten_forward(x)[0], x, dout)
    ref.assert_gradient(flatten_backward(dout, flatten_forward(x)[1]), numeric, "dx")


@pytest.mark.parametrize(
    ("shape", "flat"),
    [((4,), (4, 1)), ((4, 3), (4, 3)), ((4, 2, 3), (4, 6)), ((2, 2, 2, 3, 2), (2, 24)), ((0, 2, 3, 4), (0, 24))],
)
def test_any_number_of_axes(shape, flat):
    x = np.arange(np.prod(shape), dtype=float).reshape(shape)
    out, cache = Flatten().forward(x)
    assert out.shape == flat
    np.testing.assert_array_equal(out, x.reshape(flat))
    np.testing.assert_array_equal(Flatten().backward(out, cache)[0], x)


def test_a_number_has_no_batch():
    with pytest.raises(ValueError, match="Flatten: x must have a batch axis"):
        Flatten()(np.array(1.0))
