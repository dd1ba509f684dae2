import numpy as np
import strategies
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.memory import from_hcwn, to_hcwn

image_shapes = st.tuples(*[st.integers(0, 4)] * 4)


@given(image_shapes, strategies.seeds)
def test_every_number_is_where_the_name_says(shape, seed):
    x = np.random.default_rng(seed).standard_normal(shape)
    for name, other in strategies.layouts(x).items():
        y = to_hcwn(other)
        assert y.shape == (shape[2], shape[1], shape[3], shape[0])
        assert y.flags.c_contiguous
        for n, c, h, w in np.ndindex(shape):
            assert y[h, c, w, n] == x[n, c, h, w], name


@given(image_shapes, strategies.seeds)
def test_there_and_back(shape, seed):
    x = np.random.default_rng(seed).standard_normal(shape)
    np.testing.assert_array_equal(from_hcwn(to_hcwn(x)), x)
    y = np.random.default_rng(seed).standard_normal(shape)
    np.testing.assert_array_equal(to_hcwn(from_hcwn(y)), y)


def test_copies_only_what_has_to_move():
    y = np.zeros((5, 3, 4, 2), np.float32)
    x = from_hcwn(y)
    assert x.shape == (2, 3, 5, 4)
    assert np.shares_memory(x, y)
    assert np.shares_memory(to_hcwn(x), y)
    assert not np.shares_memory(to_hcwn(x.copy(order="C")), x)
    assert to_hcwn(x).dtype == np.float32
