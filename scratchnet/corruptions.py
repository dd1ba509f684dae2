"""Test sets that were changed on purpose: shifted, rotated, noisy, in thick and thin strokes, inverted.

A network that knows MNIST's exact look only, 20 x 20 pixels of ink in the middle of black, loses on these. Every corruption
is deterministic: where it goes one of several ways, image n goes way n mod how many, so all classes go every way.

    for name, corruption in CORRUPTIONS.items():
        changed = corruption(images, rng=rng)

Source    Hendrycks, Dietterich, "Benchmarking neural network robustness to common corruptions and perturbations", ICLR 2019;
          Castro et al., "Morpho-MNIST", JMLR 20, 2019 (thick and thin strokes)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from scratchnet.arguments import is_number, is_whole, require, require_float, require_numbers, require_rng
from scratchnet.imaging import dilate, stroke_width
from scratchnet.typing import Array, Rng

Corruption = Callable[..., Array]
"""``corruption(images, rng=rng, scale=1)``: uint8 (N, H, W), light ink on black -> uint8 (N, H, W). ``scale`` is how many
pixels of the images are one of MNIST's, so that the same corruption can be had on enlarged ones."""

FINE = 4  # strokes are widened and narrowed at this many pixels per pixel of MNIST
CHUNK = 500  # images that are worked on at once, for the memory's sake


def shift(images: Array, *, by: int, rng: Rng | None = None, scale: int = 1) -> Array:
    """Moved ``by`` pixels up, right, down, left, by turns; what leaves the image is lost."""
    _check("shift", images, scale, by=by)
    rows, cols = _grid(images)
    out = np.empty_like(images)
    for way, (down, right) in enumerate(((-by, 0), (0, by), (by, 0), (0, -by))):
        out[way::4] = sample(images[way::4], rows - scale * down, cols - scale * right)
    return out


def rotate(images: Array, *, degrees: float, rng: Rng | None = None, scale: int = 1) -> Array:
    """Turned about the middle to the right and to the left, by turns."""
    _check("rotate", images, scale, degrees=degrees)
    rows, cols = _grid(images)
    i, j = rows - rows.mean(), cols - cols.mean()
    out = np.empty_like(images)
    for way, sign in enumerate((1, -1)):
        sin, cos = math.sin(sign * math.radians(degrees)), math.cos(sign * math.radians(degrees))
        out[way::2] = sample(images[way::2], cos * i - sin * j + rows.mean(), sin * i + cos * j + cols.mean())
    return out


def noise(images: Array, *, deviation: float, rng: Rng, scale: int = 1) -> Array:
    """Normal noise of this standard deviation, in grey levels, on every pixel; cut off at black and white."""
    _check("noise", images, scale, deviation=deviation)
    require(deviation >= 0, f"noise: deviation must be 0 or more, got {deviation}")
    require_rng("noise: rng", rng)
    out = np.empty_like(images)
    for part in _parts(len(images)):
        noisy = images[part] + deviation * rng.standard_normal(images[part].shape, np.float32)
        out[part] = np.clip(np.rint(noisy), 0, 255)
    return out


def strokes(images: Array, *, times: float, rng: Rng | None = None, scale: int = 1) -> Array:
    """Strokes ``times`` as wide: the ink, or its background, is dilated by a disc whose radius follows from the mean width
    of the image's strokes. On a grid four times as fine, so that a quarter of a pixel is possible."""
    _check("strokes", images, scale, times=times)
    require(times > 0, f"strokes: times must be positive, got {times}")
    finer = max(1, FINE // scale)
    out = np.empty_like(images)
    for part in _parts(len(images)):
        ink = enlarge(images[part], finer) >= 128
        furthest = min(ink.shape[1:]) - 1
        radii = np.array([round(min(abs(times - 1) / 2 * stroke_width(mask), furthest)) for mask in ink])
        for radius in set(radii[radii > 0].tolist()):
            chosen = radii == radius
            ink[chosen] = dilate(ink[chosen], radius) if times > 1 else ~dilate(~ink[chosen], radius)
        n, h, w = images[part].shape
        out[part] = np.rint(255 * ink.reshape(n, h, finer, w, finer).mean(axis=(2, 4), dtype=np.float32))
    return out


def invert(images: Array, *, rng: Rng | None = None, scale: int = 1) -> Array:
    """Dark ink on white."""
    _check("invert", images, scale)
    return 255 - images


CORRUPTIONS: dict[str, Corruption] = {
    "shifted 2 pixels": functools.partial(shift, by=2),
    "shifted 4 pixels": functools.partial(shift, by=4),
    "rotated 15 degrees": functools.partial(rotate, degrees=15),
    "rotated 30 degrees": functools.partial(rotate, degrees=30),
    "noisy, deviation 40": functools.partial(noise, deviation=40),
    "noisy, deviation 80": functools.partial(noise, deviation=80),
    "thick, 1.7 times": functools.partial(strokes, times=1.7),
    "thin, 0.6 times": functools.partial(strokes, times=0.6),
    "inverted": invert,
}
"""By what they are called in a table. 4 pixels is the margin that MNIST's images have on each side."""


def photograph(images: Array, corruption: Corruption | None = None, *, rng: Rng) -> Array:
    """The same digits as somebody would send them: pen on a page, four times as large, in uneven light.

    The corruption is done to the page, so noise is that of the picture, and inverted ink is chalk on a board. The light
    falls by a third from one side to another; there is noise of 4 grey levels.

    Shapes    uint8 (N, H, W), light ink on black -> uint8 (N, 6 H, 6 W), dark ink on paper
    """
    _check("photograph", images)
    require_rng("photograph: rng", rng)
    if corruption is not None and not callable(corruption):
        raise TypeError(f"photograph: corruption must be a function such as invert, or None, got {corruption!r}")
    n, h, w = images.shape
    out = np.empty((n, 6 * h, 6 * w), np.uint8)
    i, j = np.linspace(0, 1, 6 * h, dtype=np.float32)[:, None], np.linspace(0, 1, 6 * w, dtype=np.float32)[None, :]
    for part in _parts(n, CHUNK // 5):
        page = np.pad(enlarge(images[part], 4), ((0, 0), (h, h), (w, w)))
        ink = (corruption(page, rng=rng, scale=4) if corruption else page).astype(np.float32) / 255
        ways = np.stack([i + 0 * j, 0 * i + j, 1 - i + 0 * j, 0 * i + 1 - j])
        light = 1 - 0.33 * ways[np.arange(len(ink)) % 4]
        picture = (220 - 175 * ink) * light + 4 * rng.standard_normal(ink.shape, np.float32)
        out[part] = np.clip(np.rint(picture), 0, 255)
    return out


def enlarge(images: Array, times: int) -> Array:
    """Every pixel becomes ``times`` x ``times``, with values in between: uint8 (N, H, W) -> (N, times H, times W)."""
    _check("enlarge", images)
    require(is_whole(times) and times >= 1, f"enlarge: times must be an integer of at least 1, got {times!r}")
    if times == 1:
        return images
    _, h, w = images.shape
    rows, cols = ((np.arange(times * side) + 0.5) / times - 0.5 for side in (h, w))
    return sample(images, np.clip(rows, 0, h - 1)[:, None], np.clip(cols, 0, w - 1)[None, :])


def sample(images: Array, rows: Array, cols: Array) -> Array:
    """The images' values at other places, bilinear between the pixels around; 0 outside.

    Shapes    uint8 (N, H, W), rows and cols that broadcast to (H', W') -> uint8 (N, H', W')
    Errors    ValueError or TypeError for other shapes or dtypes
    """
    _check("sample", images)
    require_float("sample: rows", rows)
    require_float("sample: cols", cols)
    try:
        fit = len(np.broadcast_shapes(rows.shape, cols.shape)) <= 2
    except ValueError:
        fit = False
    require(fit, f"sample: rows and cols must broadcast to (H, W), got {rows.shape} and {cols.shape}")
    n, h, w = images.shape
    rows, cols = np.broadcast_arrays(np.asarray(rows, np.float32), np.asarray(cols, np.float32))
    top, left = np.floor(rows).astype(int), np.floor(cols).astype(int)
    out = np.zeros((n, *rows.shape), np.float32)
    for di in (0, 1):
        for dj in (0, 1):
            i, j = top + di, left + dj
            weight = (1 - np.abs(rows - i)) * (1 - np.abs(cols - j)) * ((i >= 0) & (i < h) & (j >= 0) & (j < w))
            out += weight * images[:, np.clip(i, 0, h - 1), np.clip(j, 0, w - 1)]
    return np.rint(out).astype(np.uint8)


def _grid(images: Array) -> tuple[Array, Array]:
    _, h, w = images.shape
    return np.arange(h, dtype=np.float32)[:, None], np.arange(w, dtype=np.float32)[None, :]


def _parts(n: int, size: int = CHUNK) -> list[slice]:
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def _check(function: str, images: Array, scale: int = 1, **strength: float) -> None:
    require_numbers(f"{function}: images", images)
    require(
        images.dtype == np.uint8 and images.ndim == 3 and images.shape[1] * images.shape[2] > 0,
        f"{function}: images must be uint8 (N, H, W), got {images.dtype} {images.shape}",
    )
    require(is_whole(scale) and scale >= 1, f"{function}: scale must be an integer of at least 1, got {scale!r}")
    for name, value in strength.items():
        require(is_number(value) and math.isfinite(value), f"{function}: {name} must be a finite number, got {value!r}")
