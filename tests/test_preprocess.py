import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.preprocess import Normalization, prepare


def bytes_of(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", [(7, 5), (3, 7, 5), (3, 1, 7, 5)])
def test_prepare_is_the_formula(shape):
    images = bytes_of(*shape)
    out = prepare(images, Normalization(0.25, 0.5))
    n = 1 if len(shape) == 2 else 3
    assert out.shape == (n, 1, 7, 5)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, (images.reshape(n, 1, 7, 5) / 255 - 0.25) / 0.5, rtol=0, atol=1e-6)


def test_prepare_uses_mnist_constants_unless_told():
    images = bytes_of(2, 4, 4)
    np.testing.assert_array_equal(prepare(images), prepare(images, Normalization(0.1307, 0.3081)))
    black, white = prepare(np.array([[[0, 255]]], np.uint8)).ravel()
    assert black == pytest.approx(-0.4242, abs=1e-4)
    assert white == pytest.approx(2.8215, abs=1e-4)


@pytest.mark.parametrize("shape", [(6, 9, 8), (6, 1, 9, 8), (1, 9, 8)])
def test_prepare_puts_the_batch_innermost_in_memory(shape):
    assert prepare(bytes_of(*shape)).transpose(2, 1, 3, 0).flags.c_contiguous


def test_prepare_takes_any_memory_order_and_leaves_its_input_alone():
    images = bytes_of(5, 6, 7)
    before = images.copy()
    np.testing.assert_array_equal(prepare(images), prepare(np.asfortranarray(images)))
    np.testing.assert_array_equal(prepare(images)[::2], prepare(images[::2]))
    np.testing.assert_array_equal(images, before)


def test_prepare_of_no_images():
    assert prepare(np.zeros((0, 28, 28), np.uint8)).shape == (0, 1, 28, 28)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 28, 28)), "uint8 array, got float64"),
        (np.zeros((2, 28, 28), np.int8), "uint8 array, got int8"),
        ([[0]], "uint8 array, got list"),
        (np.zeros(28, np.uint8), r"\(N, 1, H, W\), got \(28,\)"),
        (np.zeros((2, 3, 28, 28), np.uint8), r"got \(2, 3, 28, 28\)"),
        (np.zeros((2, 28, 28, 1), np.uint8), r"got \(2, 28, 28, 1\)"),
        (np.zeros((1, 1, 1, 28, 28), np.uint8), r"got \(1, 1, 1, 28, 28\)"),
    ],
)
def test_prepare_says_what_it_wants(images, words):
    with pytest.raises(ValueError, match=f"prepare: images wants .*{words}"):
        prepare(images)


@given(st.floats(-10, 10), st.floats(0.01, 10))
def test_normalization_survives_its_dict(mean, std):
    assert Normalization.from_dict(Normalization(mean, std).to_dict()) == Normalization(mean, std)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"mean": 0.1}, "'mean' and 'std'"),
        ({"mean": 0.1, "std": 0.3, "scale": 1}, "'mean' and 'std'"),
        ([0.1, 0.3], "'mean' and 'std'"),
        ({"mean": float("nan"), "std": 0.3}, "mean must be a finite number, got nan"),
        ({"mean": 0.1, "std": float("inf")}, "std must be a finite number, got inf"),
        ({"mean": "a", "std": 0.3}, "mean must be a finite number, got 'a'"),
        ({"mean": 0.1, "std": True}, "std must be a finite number, got True"),
        ({"mean": 0.1, "std": 0}, "std must be positive, got 0"),
        ({"mean": 0.1, "std": -1.0}, "std must be positive, got -1.0"),
        ({"mean": 10**400, "std": 1}, "mean must be at most 1000000, got 1000"),
        ({"mean": 0.1, "std": 1e300}, "std must be at most 1000000"),
        ({"mean": 0.1, "std": 1e-300}, "std must be at least 1e-06"),
    ],
)
def test_normalization_refuses_what_it_cannot_use(values, words):
    with pytest.raises(ValueError, match=words):
        Normalization.from_dict(values)
