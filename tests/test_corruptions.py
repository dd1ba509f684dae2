"""Each corruption does what its name says; found out by other means than it uses."""

import numpy as np
import pytest

from scratchnet.corruptions import CORRUPTIONS, enlarge, invert, noise, photograph, rotate, sample, shift, strokes
from scratchnet.datasets import synthetic
from scratchnet.imaging import stroke_width
from scratchnet.picture import digit_from_picture


@pytest.fixture(scope="module")
def digits():
    return synthetic.make(16, seed=3)[0]


def rng(seed=0):
    return np.random.default_rng(seed)


def moved(image, down, right):
    """The image moved by slicing."""
    out = np.zeros_like(image)
    h, w = image.shape
    out[max(0, down) : h + min(0, down), max(0, right) : w + min(0, right)] = image[
        max(0, -down) : h + min(0, -down), max(0, -right) : w + min(0, -right)
    ]
    return out


@pytest.mark.parametrize("scale", [1, 3])
def test_shift_moves_up_right_down_and_left_by_turns(digits, scale):
    found = shift(digits[:5], by=2, scale=scale)
    for image, before, way in zip(found, digits, [(-2, 0), (0, 2), (2, 0), (0, -2), (-2, 0)], strict=False):
        np.testing.assert_array_equal(image, moved(before, scale * way[0], scale * way[1]))


def test_rotate_by_quarter_turns_is_exact(digits):
    found = rotate(digits[:2], degrees=90)
    np.testing.assert_array_equal(found[0], np.rot90(digits[0], -1))  # to the right
    np.testing.assert_array_equal(found[1], np.rot90(digits[1], 1))
    np.testing.assert_array_equal(rotate(digits, degrees=0), digits)


def direction(image):
    """The angle of the ink's longest extent in degrees, anticlockwise from the horizontal, by second moments."""
    i, j = np.indices(image.shape)
    mass = image / image.sum()
    y, x = -(i - (mass * i).sum()), j - (mass * j).sum()
    return np.degrees(0.5 * np.arctan2(2 * (mass * x * y).sum(), (mass * (x**2 - y**2)).sum()))


def test_rotate_turns_a_line_by_the_angle():
    line = np.zeros((2, 29, 29), np.uint8)
    line[:, 13:16, 4:25] = 255
    right, left = rotate(line, degrees=15)
    assert direction(right) == pytest.approx(-15, abs=0.3)
    assert direction(left) == pytest.approx(15, abs=0.3)


def test_noise_has_its_deviation_and_no_bias():
    grey = np.full((20, 28, 28), 128, np.uint8)
    found = noise(grey, deviation=20, rng=rng()).astype(float) - 128
    assert found.std() == pytest.approx(20, rel=0.03)
    assert found.mean() == pytest.approx(0, abs=0.5)
    black = noise(0 * grey, deviation=20, rng=rng())
    assert np.mean(black == 0) == pytest.approx(0.5, abs=0.02)  # half of the noise is cut off, not wrapped round


@pytest.mark.parametrize(("times", "low", "high"), [(1.7, 1.5, 1.9), (0.6, 0.5, 0.72)])
def test_strokes_become_as_wide_as_asked(times, low, high):
    line = np.zeros((3, 28, 28), np.uint8)
    for image, half in zip(line, (1, 2, 3), strict=True):  # 2, 4 and 6 pixels wide
        image[14 - half : 14 + half, 2:26] = 255
    found = strokes(line, times=times)
    for image, width in zip(found, (2, 4, 6), strict=True):
        ink_per_column = image[:, 10:18].sum(axis=0) / 255
        assert low * width - 0.51 <= ink_per_column.mean() <= high * width + 0.51


def test_strokes_of_digits_keep_their_place(digits):
    thick, thin = (strokes(digits, times=times) for times in (1.7, 0.6))
    for before, more, less in zip(digits, thick, thin, strict=True):
        assert less.sum() < before.sum() < more.sum()
        assert stroke_width(less >= 128) < stroke_width(before >= 128) < stroke_width(more >= 128)
        assert np.all(more[before > 200] > 0)
        assert np.all(less[before < 20] < 20)


def test_sample_against_a_loop():
    images = rng().integers(0, 256, (2, 5, 6), dtype=np.uint8)
    rows, cols = rng(1).uniform(-2, 7, (4, 3)), rng(2).uniform(-2, 8, (4, 3))
    found = sample(images, rows, cols)
    for n, a, b in np.ndindex(2, 4, 3):
        value = 0.0
        for i in range(5):
            for j in range(6):
                value += images[n, i, j] * max(0, 1 - abs(rows[a, b] - i)) * max(0, 1 - abs(cols[a, b] - j))
        assert found[n, a, b] == pytest.approx(value, abs=0.51)


def test_enlarge_keeps_the_picture():
    image = np.zeros((1, 8, 8), np.uint8)
    image[0, 2:6, 3:5] = 200
    large = enlarge(image, 4)
    assert large.shape == (1, 32, 32)
    assert np.all(large[0, 12:20, 14:18] == 200)
    np.testing.assert_allclose(large.reshape(1, 8, 4, 8, 4).mean(axis=(2, 4)).sum(), image.sum(), rtol=0.01)
    assert np.all(enlarge(np.full((1, 3, 3), 7, np.uint8), 4) == 7)  # up to the border


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_corruption_is_deterministic_and_leaves_its_input_alone(digits, name):
    before = digits.copy()
    one, same = (CORRUPTIONS[name](digits, rng=rng()) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    np.testing.assert_array_equal(digits, before)
    assert one.dtype == np.uint8
    assert one.shape == digits.shape
    assert np.any(one != digits)
    np.testing.assert_array_equal(CORRUPTIONS[name](digits[:0], rng=rng()), digits[:0])


def test_invert_is_its_own_inverse(digits):
    np.testing.assert_array_equal(invert(invert(digits)), digits)


def test_a_photograph_shows_the_digit_on_paper(digits):
    pages = photograph(digits, rng=rng())
    assert pages.shape == (16, 168, 168)
    for page, digit in zip(pages, digits, strict=True):
        inner = page[28:-28, 28:-28].astype(float)
        ink = np.kron(digit, np.ones((4, 4)))
        assert np.corrcoef(inner.ravel(), ink.ravel())[0, 1] < -0.7  # dark on light
        again = digit_from_picture(page)  # and it can be read back
        assert np.corrcoef(again.ravel(), digit.ravel())[0, 1] > 0.8
    chalk = photograph(digits, invert, rng=rng())[0, 28:-28, 28:-28].astype(float)
    assert np.corrcoef(chalk.ravel(), np.kron(digits[0], np.ones((4, 4))).ravel())[0, 1] > 0.7


@pytest.mark.parametrize("images", [np.zeros((2, 28, 28)), np.zeros((28, 28), np.uint8)])
def test_images_are_checked(images):
    for corruption in (*CORRUPTIONS.values(), photograph):
        with pytest.raises(ValueError, match=r"images must be uint8 \(N, H, W\), got"):
            corruption(images, rng=rng())
