"""Random changes that leave a digit the same digit: who has seen a tilted three knows tilted threes.

    augment = Augmentation(shift=2, rotation=10)
    changed = augment(images, rng)             # uint8 (N, H, W) in and out; for training alone

All that moves pixels is one warp, computed backwards: for each pixel of the new image we ask where in the old one it comes
from, and interpolate there. Asking the other way round would leave holes. Pixels are interpolated once, however many
changes there are; a second interpolation would blur the strokes.

Source    affine and elastic distortions: Simard, Steinkraus and Platt, "Best practices for convolutional neural networks",
          ICDAR 2003, section 2; random erasing: Zhong et al., AAAI 2020, algorithm 1
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from scratchnet.arguments import is_number, is_whole, require, require_array, require_float, require_numbers, require_rng
from scratchnet.typing import Array, Rng


@dataclass(frozen=True)
class Augmentation:
    """How far training images are changed, each by random numbers of its own; 0 leaves a change out.

    shift          up to so many pixels, down or up and across
    rotation       up to so many degrees, either way
    scale          larger or smaller by up to this part of the size, each axis by itself: 0.1 is 90 % .. 110 %
    shear          the top moves sideways by up to this part of the height, as in italics
    elastic        pixels that a point typically strays (standard deviation), its neighbours along with it
    elastic_sigma  pixels: how far points move together; small trembles, large bends
    erase          the probability that a rectangle of the image is replaced by noise

    Errors    ValueError if a value is negative or not finite, scale is not below 1, erase above 1, or elastic_sigma is 0
    """

    shift: float = 0.0
    rotation: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0
    elastic_sigma: float = 4.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            fine = is_number(value) and math.isfinite(value) and value >= 0
            require(fine, f"Augmentation: {field.name} must be 0 or more, got {value!r}")
        require(self.scale < 1, f"Augmentation: scale must be below 1, got {self.scale}")
        require(self.erase <= 1, f"Augmentation: erase is a probability, 0 .. 1, got {self.erase}")
        require(self.elastic_sigma > 0, f"Augmentation: elastic_sigma must be positive, got {self.elastic_sigma}")

    def __call__(self, images: Array, rng: Rng) -> Array:
        """uint8 (N, H, W) -> changed images, uint8 (N, H, W); the background, 0, comes in from outside."""
        _check_images("Augmentation", images)
        require_rng("Augmentation: rng", rng)
        if self.shift or self.rotation or self.scale or self.shear or self.elastic:
            matrices, shifts = self._affine(len(images), rng)
            sources = affine_sources(matrices, shifts, images.shape[1:])
            if self.elastic:
                sources += self.elastic * smooth_fields(sources.shape, self.elastic_sigma, rng)
            images = interpolate(images, sources)
        return erase_rectangles(images, self.erase, rng) if self.erase else images

    def _affine(self, n: int, rng: Rng) -> tuple[Array, Array]:
        """A random matrix (N, 2, 2) and shift (N, 2) for each image."""
        turn, shear, height, width, down, across = rng.uniform(-1, 1, (6, n))
        angle, zero, one = np.radians(self.rotation) * turn, np.zeros(n), np.ones(n)
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        slant = np.array([[one, zero], [self.shear * shear, one]])  # across += shear * down
        stretch = np.array([[1 + self.scale * height, zero], [zero, 1 + self.scale * width]])
        matrices = rotation.transpose(2, 0, 1) @ slant.transpose(2, 0, 1) @ stretch.transpose(2, 0, 1)
        return matrices, self.shift * np.stack([down, across], axis=1)


def affine_sources(matrices: Array, shifts: Array, size: tuple[int, ...]) -> Array:
    """Where each pixel comes from: matrix times its place, seen from the image's centre, plus shift.

    Shapes    matrices (N, 2, 2), shifts (N, 2), size (H, W) -> float32 (N, 2, H, W), rows in [:, 0], columns in [:, 1]
    Errors    ValueError or TypeError if they have other shapes or are no numbers
    """
    require_array("affine_sources: matrices", matrices, 3, "(N, 2, 2)")
    require_array("affine_sources: shifts", shifts, 2, "(N, 2)")
    require(
        matrices.shape[1:] == (2, 2) and shifts.shape == (len(matrices), 2),
        f"affine_sources: matrices must be (N, 2, 2) and shifts (N, 2), got {matrices.shape} and {shifts.shape}",
    )
    whole = isinstance(size, tuple | list) and len(size) == 2 and is_whole(*size) and min(size) >= 0
    require(whole, f"affine_sources: size must be (H, W), got {size!r}")
    h, w = size
    rows, columns = np.mgrid[:h, :w].reshape(2, h * w) - np.array([[(h - 1) / 2], [(w - 1) / 2]])
    places = np.stack([rows, columns, np.ones(h * w)]).astype(np.float32)  # the row of ones takes the shift
    shifts = shifts + np.array([(h - 1) / 2, (w - 1) / 2])
    maps = np.concatenate([matrices, shifts[:, :, None]], axis=2).astype(np.float32)  # (N, 2, 3)
    return (maps.reshape(-1, 3) @ places).reshape(len(maps), 2, h, w)


def smooth_fields(shape: tuple[int, ...], sigma: float, rng: Rng) -> Array:
    """Random numbers that change slowly along the last two axes: white noise, blurred by a Gaussian of so many pixels.

    float32 of the given shape, mean 0 and standard deviation 1 everywhere, up to the edges.

    Errors    ValueError or TypeError if shape has fewer than two axes, sigma is not positive, or rng is none
    """
    whole = isinstance(shape, tuple | list) and len(shape) >= 2 and is_whole(*shape) and min(shape) >= 0
    require(whole, f"smooth_fields: shape must be integers, two at least, got {shape!r}")
    require(is_number(sigma) and 0 < sigma < math.inf, f"smooth_fields: sigma must be positive, got {sigma!r}")
    require_rng("smooth_fields: rng", rng)
    blur_rows, blur_columns = (_gaussian_blur(size, sigma) for size in shape[-2:])
    return blur_rows @ (rng.standard_normal(shape, np.float32) @ blur_columns.T)


def _gaussian_blur(size: int, sigma: float) -> Array:
    """(size, size): row i weights the neighbours of i. Rows have length 1, so that variance stays what it was."""
    i, sigma = np.arange(size), min(sigma, 1e9)  # as good as flat, and its square still a number
    weights = np.exp(-((i[:, None] - i) ** 2) / (2 * sigma**2))
    return (weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32)


def interpolate(images: Array, sources: Array) -> Array:
    """The images' values at any places, each the mean of the four pixels around it, weighted by how near they are.

    Shapes    images uint8 (N, H, W), sources float32 (N, 2, OH, OW) in pixels -> uint8 (N, OH, OW)
    Cost      four look-ups and about 20 flops a pixel
    Errors    ValueError or TypeError if the shapes or dtypes do not fit; sources must be finite
    """
    _check_images("interpolate", images)
    require_array("interpolate: sources", sources, 4, "(N, 2, OH, OW)")
    require_float("interpolate: sources", sources)
    fit = sources.shape[:2] == (len(images), 2)
    require(fit, f"interpolate: for images {images.shape} sources must be ({len(images)}, 2, OH, OW), got {sources.shape}")
    n, h, w = images.shape
    if n == 0:
        return np.zeros((0, *sources.shape[2:]), np.uint8)
    framed = np.zeros((n, h + 3, w + 3), np.float32)  # background around the image: whatever lies outside reads it
    framed[:, 1 : h + 1, 1 : w + 1] = images
    rows, columns = np.clip(sources[:, 0] + 1, 0, h + 1), np.clip(sources[:, 1] + 1, 0, w + 1)
    top, left = rows.astype(np.intp), columns.astype(np.intp)  # rounded down, since they are not negative
    down, across = rows - top.astype(np.float32), columns - left.astype(np.float32)

    first = (np.arange(n) * framed[0].size)[:, None, None] + top * (w + 3) + left  # where in the long row of all pixels
    pixels = framed.ravel()
    above, below = (_between(pixels[start:], first, across) for start in (0, w + 3))
    return (above + down * (below - above) + np.float32(0.5)).astype(np.uint8)


def _between(pixels: Array, index: Array, fraction: Array) -> Array:
    """The value between a pixel and its right neighbour."""
    left, right = pixels.take(index), pixels[1:].take(index)
    return left + fraction * (right - left)


def erase_rectangles(images: Array, p: float, rng: Rng) -> Array:
    """With probability p, noise in a rectangle somewhere in the image, of 2 .. 20 % of its area, sides 1 : 3.3 at most.

    Shapes    images uint8 (N, H, W) -> uint8 (N, H, W)
    Errors    ValueError or TypeError for other images, if p is not in 0 .. 1, or rng is none
    """
    _check_images("erase_rectangles", images)
    require(is_number(p) and 0 <= p <= 1, f"erase_rectangles: p must be in 0 .. 1, got {p!r}")
    require_rng("erase_rectangles: rng", rng)
    n, h, w = images.shape
    chosen = rng.random((n, 1)) < p
    area, aspect = rng.uniform(0.02, 0.2, n) * h * w, np.exp(rng.uniform(-math.log(3.3), math.log(3.3), n))
    inside_rows = _stretches(h, np.sqrt(area * aspect), rng)
    inside_columns = _stretches(w, np.sqrt(area / aspect), rng)
    rectangles = (chosen & inside_rows)[:, :, None] & inside_columns[:, None, :]
    return np.where(rectangles, rng.integers(0, 256, images.shape, np.uint8), images)


def _check_images(function: str, images: Array) -> None:
    require_numbers(f"{function}: images", images)
    require(
        images.ndim == 3 and images.dtype == np.uint8,
        f"{function}: images must be uint8 (N, H, W), got {images.dtype} {images.shape}",
    )


def _stretches(size: int, lengths: Array, rng: Rng) -> Array:
    """(N, size) booleans: a run of so many somewhere in each row."""
    lengths = np.clip(np.rint(lengths), 1, size)[:, None]
    starts = np.floor(rng.random((len(lengths), 1)) * (size - lengths + 1))
    return (np.arange(size) >= starts) & (np.arange(size) < starts + lengths)
