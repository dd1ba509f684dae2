import re

import numpy as np
import pytest
import reference as ref
import strategies
from hypothesis import given, settings

from scratchnet import init
from scratchnet.layers import conv
from scratchnet.layers.conv import Conv2d, col2im, conv2d_backward, conv2d_forward, im2col, output_size

by_name = pytest.mark.parametrize("case", strategies.CONV_CASES.values(), ids=strategies.CONV_CASES)


def check_forward(case):
    x, w, b, dout = strategies.conv_arrays(case)
    out, _ = conv2d_forward(x, w, b, case.stride, case.pad)
    assert out.shape == dout.shape
    ref.assert_close(out, ref.conv2d(x, w, b, case.stride, case.pad))


def check_gradients(case):
    x, w, b, dout = strategies.conv_arrays(case)
    settings = case.stride, case.pad
    dx, dw, db = conv2d_backward(dout, conv2d_forward(x, w, b, *settings)[1])
    ref.assert_gradient(dx, ref.numeric_gradient(lambda x: conv2d_forward(x, w, b, *settings)[0], x, dout), "dx")
    ref.assert_gradient(dw, ref.numeric_gradient(lambda w: conv2d_forward(x, w, b, *settings)[0], w, dout), "dw")
    ref.assert_gradient(db, ref.numeric_gradient(lambda b: conv2d_forward(x, w, b, *settings)[0], b, dout), "db")


@by_name
def test_forward_is_the_loops(case):
    check_forward(case)


@given(strategies.conv_cases(min_n=1))
def test_forward_is_the_loops_for_any_shape(case):
    check_forward(case)


@by_name
def test_gradients(case):
    check_gradients(case)


@given(strategies.conv_cases())
def test_gradients_for_any_shape(case):
    check_gradients(case)


def test_by_hand():
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])[None, None]
    w = np.array([[1.0, 10.0]])[None, None]  # not symmetric: a flipped kernel gives other numbers
    out, cache = conv2d_forward(x, w, np.array([0.5]))
    assert out.tolist() == [[[[21.5, 32.5], [54.5, 65.5]]]]
    dx, dw, db = conv2d_backward(np.array([[1.0, 2.0], [3.0, 4.0]])[None, None], cache)
    assert dx.tolist() == [[[[1, 12, 20], [3, 34, 40]]]]
    assert dw.tolist() == [[[[1 + 4 + 12 + 20, 2 + 6 + 15 + 24]]]]
    assert db.tolist() == [10]


@pytest.mark.parametrize("case", ["same", "stride 2, overlapping"])
def test_one_number_stands_for_height_and_width(case):
    case = strategies.CONV_CASES[case]
    x, w, b, dout = strategies.conv_arrays(case)
    (stride, _), (pad, _) = case.stride, case.pad
    out, cache = conv2d_forward(x, w, b, stride, pad)
    pair_out, pair_cache = conv2d_forward(x, w, b, case.stride, case.pad)
    np.testing.assert_array_equal(out, pair_out)
    for one, pair in zip(conv2d_backward(dout, cache), conv2d_backward(dout, pair_cache), strict=True):
        np.testing.assert_array_equal(one, pair)


@by_name
def test_without_dx(case):
    x, w, b, dout = strategies.conv_arrays(case)
    _, cache = conv2d_forward(x, w, b, case.stride, case.pad)
    _, dw, db = conv2d_backward(dout, cache)
    nothing, dw_alone, db_alone = conv2d_backward(dout, cache, need_dx=False)
    assert nothing is None
    np.testing.assert_array_equal(dw_alone, dw)
    np.testing.assert_array_equal(db_alone, db)


@given(strategies.conv_cases())
@settings(max_examples=20)
def test_every_argument_in_every_memory_order(case):
    arrays = strategies.conv_arrays(case)

    def run(x, w, b, dout):
        out, cache = conv2d_forward(x, w, b, case.stride, case.pad)
        return out, *conv2d_backward(dout, cache)

    wanted = run(*arrays)
    for i, array in enumerate(arrays):
        for name, other in strategies.layouts(array).items():
            got = run(*arrays[:i], other, *arrays[i + 1 :])
            for a, b in zip(got, wanted, strict=True):
                ref.assert_close(a, b, name=f"argument {i} in {name}")


@given(strategies.conv_cases(min_n=1))
def test_patches_are_what_their_formula_says(case):
    x, *_ = strategies.conv_arrays(case)
    (n, c, *size), (kh, kw), (sh, sw), (ph, pw) = x.shape, case.kernel, case.stride, case.pad
    oh, ow = output_size(tuple(size), case.kernel, case.stride, case.pad)
    patches = im2col(x, case.kernel, case.stride, case.pad)
    assert patches.shape == (oh, kh * kw * c, ow * n)
    xpad = np.zeros((n, c, size[0] + 2 * ph, size[1] + 2 * pw))
    xpad[:, :, ph : ph + size[0], pw : pw + size[1]] = x
    for i, p, q, channel, j, image in np.ndindex(oh, kh, kw, c, ow, n):
        assert patches[i, (p * kw + q) * c + channel, j * n + image] == xpad[image, channel, i * sh + p, j * sw + q]


@given(strategies.conv_cases(min_n=1))
def test_col2im_is_the_transpose_of_im2col(case):
    """<im2col(x), d> = <x, col2im(d)> for every x and d: the definition of a transpose, hence of its backward."""
    x, *_ = strategies.conv_arrays(case)
    patches = im2col(x, case.kernel, case.stride, case.pad)
    d = np.random.default_rng(case.seed + 1).standard_normal(patches.shape)
    dx = col2im(d, x.shape, case.kernel, case.stride, case.pad)
    assert dx.shape == x.shape
    left, right = (patches * d).sum(), (x * dx).sum()
    assert left == pytest.approx(right, rel=1e-10, abs=1e-10)


def test_overlapping_patches_can_not_be_written():
    patches = im2col(np.zeros((2, 1, 4, 4)), (2, 2))
    with pytest.raises(ValueError, match="read-only"):
        patches[0, 0, 0] = 1


def test_layer_starts_from_its_init_and_from_zero():
    layer = Conv2d(2, 3, (3, 5), rng=np.random.default_rng(5))
    np.testing.assert_array_equal(layer.params["w"], init.he_normal(np.random.default_rng(5), (3, 2, 3, 5)))
    np.testing.assert_array_equal(layer.params["b"], np.zeros(3))
    other = Conv2d(2, 3, 3, rng=np.random.default_rng(5), init=init.lecun_uniform)
    np.testing.assert_array_equal(other.params["w"], init.lecun_uniform(np.random.default_rng(5), (3, 2, 3, 3)))
    assert all(a.dtype == np.float32 and a.flags.c_contiguous for a in layer.params.values())
    assert list(layer.params) == ["w", "b"]


def test_layer_is_its_functions():
    layer = strategies.randomise(
        Conv2d(2, 3, (3, 2), stride=(1, 2), pad=(2, 1), rng=np.random.default_rng(0)), np.random.default_rng(1)
    )
    x = np.random.default_rng(2).standard_normal((2, 2, 5, 6))
    out, cache = layer.forward(x)
    ref.assert_close(out, ref.conv2d(x, layer.params["w"], layer.params["b"], (1, 2), (2, 1)))
    dout = np.random.default_rng(3).standard_normal(out.shape)
    dx, grads = layer.backward(dout, cache)
    for got, wanted in zip((dx, grads["w"], grads["b"]), conv2d_backward(dout, cache), strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    ("x", "w", "b", "message"),
    [
        ((64, 3, 28, 28), (8, 1, 5, 5), (8,), "Conv2d: x has 3 channels, w wants 1: x (64, 3, 28, 28), w (8, 1, 5, 5)"),
        ((64, 784), (8, 1, 5, 5), (8,), "Conv2d: x must be (N, C, H, W), got (64, 784)"),
        ((1, 28, 28), (8, 1, 5, 5), (8,), "Conv2d: x must be (N, C, H, W), got (1, 28, 28)"),
        ((2, 1, 28, 28), (8, 25), (8,), "Conv2d: w must be (F, C, KH, KW), got (8, 25)"),
        ((2, 1, 28, 28), (8, 1, 5, 5), (5,), "Conv2d: w must be (F, C, KH, KW) and b (F,), got (8, 1, 5, 5), (5,)"),
        ((2, 1, 4, 28), (8, 1, 5, 5), (8,), "kernel_size (5, 5) is larger than the image x: (4, 28)"),
    ],
)
def test_wrong_shapes(x, w, b, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        conv2d_forward(np.zeros(x), np.zeros(w), np.zeros(b))


def test_a_pad_makes_a_small_image_large_enough():
    x, w, b = np.ones((2, 1, 2, 2)), np.ones((1, 1, 5, 5)), np.zeros(1)
    with pytest.raises(ValueError, match="padded by"):
        conv2d_forward(x, w, b, pad=1)
    assert conv2d_forward(x, w, b, pad=2)[0].shape == (2, 1, 2, 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stride", 0),
        ("stride", (1, -1)),
        ("stride", 1.5),
        ("stride", (1, 1, 1)),
        ("stride", "1"),
        ("pad", -1),
        ("pad", (0, 0.5)),
        ("kernel_size", 0),
        ("kernel_size", (3, 0)),
        ("kernel_size", 2.0),
    ],
)
def test_wrong_settings(name, value):
    with pytest.raises(ValueError, match=re.escape(f"Conv2d: {name}") + ".*" + re.escape(f"got {value!r}")):
        Conv2d(1, 1, **{"kernel_size": 3, name: value}, rng=np.random.default_rng(0))


@pytest.mark.parametrize("channels", [(0, 1), (1, 0), (1, -2)])
def test_wrong_channels(channels):
    with pytest.raises(ValueError, match=f"at least 1, got {channels[0]} and {channels[1]}"):
        Conv2d(*channels, 3, rng=np.random.default_rng(0))


def test_an_image_smaller_than_the_kernel_is_told_with_its_padding():
    with pytest.raises(
        ValueError, match=re.escape("kernel_size (8, 3) is larger than the image x: (2, 9) padded by (1, 2) is (4, 13)")
    ):
        output_size((2, 9), (8, 3), (1, 1), (1, 2))


@pytest.mark.parametrize("shape", [(1, 4, 2), (2, 3, 2), (3, 4, 2), (2, 4, 3)])
def test_col2im_wants_the_patches_of_these_windows(shape):
    with pytest.raises(
        ValueError, match=re.escape(f"dpatches must be (2, 4, 2) for this kernel_size, stride and pad, got {shape}")
    ):
        col2im(np.zeros(shape), (1, 1, 3, 3), (2, 2), (1, 1), (0, 0))


def test_windows_are_one_apart_and_unpadded_if_nothing_is_said():
    patches, shape = np.arange(16.0).reshape(2, 4, 2), (1, 1, 3, 3)
    assert np.array_equal(col2im(patches, shape, (2, 2)), col2im(patches, shape, (2, 2), (1, 1), (0, 0)))
    x = np.arange(24.0).reshape(1, 2, 3, 4)
    assert np.array_equal(im2col(x, (2, 2)), im2col(x, (2, 2), (1, 1), (0, 0)))


@pytest.mark.parametrize("shape", [[1, 1, 3, 3], (1, 3, 3), (1, 1, 1, 3, 3), (), 4, None])
def test_col2im_wants_the_shape_of_images(shape):
    with pytest.raises(ValueError, match=re.escape(f"col2im: x_shape must be (N, C, H, W), got {shape!r}")):
        col2im(np.zeros((2, 4, 2)), shape, (2, 2))


def test_an_image_may_have_no_pixels_but_not_fewer():
    assert output_size((0, 3), (1, 1), (1, 1), (1, 0)) == (2, 3)
    with pytest.raises(ValueError, match=re.escape("size must be an integer of at least 0, or a pair of them, got (-1, 3)")):
        output_size((-1, 3), (1, 1), (1, 1), (1, 0))


@pytest.mark.parametrize("pad", [(a, b) for a in range(5) for b in range(5)])
@pytest.mark.parametrize("kernel_size", [(1, 1), (2, 3), (3, 3), (4, 5)])
@pytest.mark.parametrize("stride", [(1, 1), (1, 2), (2, 1)])
def test_dx_takes_the_way_with_fewer_products(kernel_size, stride, pad):
    """One product a pixel: of x with turned filters, of dout with col2im. Turned filters want no stride, and pad < K."""
    size = (9, 8)
    possible = stride == (1, 1) and pad[0] < kernel_size[0] and pad[1] < kernel_size[1]
    of_dout = output_size(size, kernel_size, stride, pad)
    fewer = all(of_dout[axis] >= size[axis] for axis in (0, 1))
    assert conv._turned_is_shorter(kernel_size, stride, pad) == (possible and fewer)
