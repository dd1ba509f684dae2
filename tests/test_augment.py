"""Augmentation: known warps come out exactly, random ones as naive loops have them, and a shard's luck is its own."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.augment import Augmentation, affine_sources, erase_rectangles, interpolate, smooth_fields
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array

EVERYTHING = Augmentation(shift=3, rotation=20, scale=0.2, shear=0.3, elastic=1.5, elastic_sigma=3, erase=0.5)


def pictures(n: int = 6, size: tuple[int, int] = (9, 12), seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (n, *size)).astype(np.uint8)


def rng(step: int = 0) -> np.random.Generator:
    return stream(1, Purpose.STEP, step=step)


def warped(images: Array, matrix: list[list[float]], shift: tuple[float, float] = (0, 0)) -> Array:
    n = len(images)
    sources = affine_sources(np.array([matrix] * n), np.array([shift] * n), images.shape[1:])
    return interpolate(images, sources)


IDENTITY = [[1.0, 0.0], [0.0, 1.0]]


# --- known warps ---------------------------------------------------------------------------------------------------------


def test_nothing_changes_at_zero() -> None:
    images = pictures()
    assert Augmentation()(images, rng()) is images
    np.testing.assert_array_equal(warped(images, IDENTITY), images)
    np.testing.assert_array_equal(Augmentation(shift=1e-9)(images, rng()), images)


@pytest.mark.parametrize(("down", "across"), [(0, 2), (3, 0), (-2, 1), (-4, -5), (100, 0), (0, -100)])
def test_a_shift_by_whole_pixels_is_exact(down: int, across: int) -> None:
    images = pictures()
    _, h, w = images.shape
    wanted = np.zeros_like(images)  # the new pixel (i, j) is the old (i + down, j + across), or background
    for i in range(h):
        for j in range(w):
            if 0 <= i + down < h and 0 <= j + across < w:
                wanted[:, i, j] = images[:, i + down, j + across]
    np.testing.assert_array_equal(warped(images, IDENTITY, (down, across)), wanted)


def test_half_a_pixel_is_the_mean_of_two() -> None:
    images = pictures().astype(float)
    out = warped(pictures(), IDENTITY, (0, 0.5))
    wanted = (images + np.pad(images, ((0, 0), (0, 0), (0, 1)))[:, :, 1:]) / 2
    np.testing.assert_array_equal(out, np.floor(wanted + 0.5))


@pytest.mark.parametrize("size", [(8, 8), (9, 9)])
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_are_exact(size: tuple[int, int], quarters: int) -> None:
    images, angle = pictures(size=size), quarters * math.pi / 2
    matrix = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    np.testing.assert_array_equal(warped(images, matrix), np.rot90(images, -quarters, axes=(1, 2)))


def test_mirrors_are_exact() -> None:
    images = pictures()
    np.testing.assert_array_equal(warped(images, [[1, 0], [0, -1]]), images[:, :, ::-1])


# --- against loops -------------------------------------------------------------------------------------------------------


def by_loops(image: Array, rows: Array, columns: Array) -> Array:
    """Bilinear interpolation, a pixel at a time; what lies outside is 0."""
    h, w = image.shape

    def pixel(i: int, j: int) -> float:
        return float(image[i, j]) if 0 <= i < h and 0 <= j < w else 0.0

    out = np.zeros(rows.shape)
    for place in np.ndindex(*rows.shape):
        r, c = float(rows[place]), float(columns[place])
        i, j = math.floor(r), math.floor(c)
        for di, share in ((0, 1 - (r - i)), (1, r - i)):
            out[place] += share * ((1 - (c - j)) * pixel(i + di, j) + (c - j) * pixel(i + di, j + 1))
    return out


@given(st.integers(1, 3), st.tuples(st.integers(1, 7), st.integers(1, 7)), st.integers(0, 2**32 - 1))
def test_interpolation_is_that_of_loops(n: int, size: tuple[int, int], seed: int) -> None:
    images = pictures(n, size, seed)
    sources = np.random.default_rng(seed).uniform(-3, 10, (n, 2, 5, 4)).astype(np.float32)
    wanted = np.array([by_loops(image, *source) for image, source in zip(images, sources, strict=True)])
    assert np.abs(interpolate(images, sources) - wanted).max() <= 0.5 + 1e-3


def test_affine_sources_are_the_formula() -> None:
    matrices, shifts = np.random.default_rng(0).standard_normal((2, 2, 2)), np.array([[1.0, -2.0], [0.5, 0.0]])
    sources, centre = affine_sources(matrices, shifts, (5, 4)), np.array([2.0, 1.5])
    for n, i, j in np.ndindex(2, 5, 4):
        wanted = matrices[n] @ (np.array([i, j]) - centre) + centre + shifts[n]
        np.testing.assert_allclose(sources[n, :, i, j], wanted, atol=1e-5)


def test_the_strengths_are_limits() -> None:
    """Each change by itself reaches its limit, nearly, and does not go beyond."""
    n = 4000
    turned, _ = Augmentation(rotation=30)._affine(n, rng())
    angles = np.degrees(np.arctan2(turned[:, 1, 0], turned[:, 0, 0]))
    np.testing.assert_allclose(np.linalg.det(turned), 1)
    sheared, _ = Augmentation(shear=0.4)._affine(n, rng())
    np.testing.assert_array_equal(sheared[:, [0, 0, 1], [0, 1, 1]], np.broadcast_to([1, 0, 1], (n, 3)))
    scaled, shifts = Augmentation(scale=0.2, shift=3)._affine(n, rng())
    assert not scaled[:, [0, 1], [1, 0]].any()
    limits = [(angles, 30), (sheared[:, 1, 0], 0.4), (scaled[:, 0, 0] - 1, 0.2), (scaled[:, 1, 1] - 1, 0.2)]
    for values, limit in [*limits, (shifts[:, 0], 3), (shifts[:, 1], 3)]:
        assert 0.99 * limit < values.max() <= limit * (1 + 1e-9)
        assert 0.99 * limit < -values.min() <= limit * (1 + 1e-9)
        assert abs(values.mean()) < 0.05 * limit


# --- elastic distortion --------------------------------------------------------------------------------------------------


def test_fields_have_unit_deviation_everywhere_and_change_slowly() -> None:
    fields = smooth_fields((3000, 28, 28), 4.0, rng())
    assert fields.dtype == np.float32
    assert np.abs(fields.std(axis=0) - 1).max() < 0.08  # at the edges too
    assert np.abs(fields.mean(axis=0)).max() < 0.08
    # Noise blurred by g has the covariance of g blurred by g: a Gaussian of sqrt(2) sigma.
    for distance in (1, 4, 8):
        covariance = (fields[:, 14, 10] * fields[:, 14, 10 + distance]).mean()
        assert covariance == pytest.approx(math.exp(-(distance**2) / (4 * 4.0**2)), abs=0.08)


def test_elastic_moves_points_and_leaves_the_whole_in_place() -> None:
    image = np.zeros((400, 28, 28), np.uint8)
    image[:, 10:18, 10:18] = 255
    changed = Augmentation(elastic=1.0)(image, rng())
    assert (changed != image).any(axis=(1, 2)).all()
    mean = changed.mean(axis=0)
    assert mean[12:16, 12:16].min() > 230  # well inside, and below well outside
    assert max(mean[:6].max(), mean[:, 22:].max()) < 2
    assert abs(changed.mean() / image.mean() - 1) < 0.03


# --- erasing -------------------------------------------------------------------------------------------------------------


def test_erased_is_one_rectangle_in_as_many_images_as_asked() -> None:
    images = np.zeros((3000, 28, 28), np.uint8)
    touched = erase_rectangles(images, 0.4, rng()) != 0
    erased = touched.any(axis=(1, 2))
    assert erased.mean() == pytest.approx(0.4, abs=0.03)
    for one in touched[erased][:200]:
        rows, columns = np.flatnonzero(one.any(axis=1)), np.flatnonzero(one.any(axis=0))
        height, width = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
        assert one.sum() >= 0.8 * height * width  # noise is 0 now and then
        assert 9 <= height * width <= 0.27 * 28 * 28
    np.testing.assert_array_equal(erase_rectangles(images, 0.0, rng()), images)


# --- as a whole ----------------------------------------------------------------------------------------------------------


def test_same_numbers_same_images_and_nothing_is_changed_in_place() -> None:
    images = pictures(size=(28, 28))
    before = images.copy()
    first, again, other = (EVERYTHING(images, rng(step)) for step in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.dtype == np.uint8
    assert first.shape == images.shape
    np.testing.assert_array_equal(images, before)


def test_each_image_has_luck_of_its_own_and_none_sees_another() -> None:
    images = np.repeat(pictures(1, (28, 28)), 5, axis=0)
    changed = EVERYTHING(images, rng())
    assert len({image.tobytes() for image in changed}) == 5
    images[2] = 0
    np.testing.assert_array_equal(np.delete(EVERYTHING(images, rng()), 2, axis=0), np.delete(changed, 2, axis=0))


def test_values_stay_within_those_that_are_there() -> None:
    flat = np.full((3, 10, 10), 200, np.uint8)
    changed = Augmentation(rotation=40, scale=0.3, elastic=2)(flat, rng())
    assert changed.max() == 200
    assert (changed[:, 4:6, 4:6] == 200).all()


def test_it_can_be_sent_to_workers() -> None:
    assert pickle.loads(pickle.dumps(EVERYTHING)) == EVERYTHING


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shift": -1}, "shift must be 0 or more, got -1"),
        ({"rotation": math.nan}, "rotation must be 0 or more, got nan"),
        ({"scale": 1.0}, "scale must be below 1"),
        ({"erase": 1.5}, "erase is a probability"),
        ({"elastic_sigma": 0}, "elastic_sigma must be positive"),
    ],
)
def test_wrong_strengths(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=f"Augmentation: {message}"):
        Augmentation(**settings)


def test_wrong_images() -> None:
    with pytest.raises(ValueError, match=r"images must be uint8 \(N, H, W\), got float64 \(2, 3, 3\)"):
        Augmentation(shift=1)(np.zeros((2, 3, 3)), rng())
