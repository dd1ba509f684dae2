"""Small image operations in NumPy (only ``resize`` is Pillow's): sizes, neighbourhoods, fits and thresholds, shapes.

None of them knows what a digit is; ``picture.py`` puts them together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scratchnet.typing import Array

# --- sizes ------------------------------------------------------------------------------------------------------------


def resize(image: Array, h: int, w: int) -> Array:
    """An antialiased picture of another size, by Pillow: (H, W) in 0 .. 1 -> float32 (h, w) in 0 .. 1."""
    from PIL import Image

    small = Image.fromarray(image.astype(np.float32)).resize((w, h), Image.Resampling.HAMMING)
    return np.clip(np.asarray(small), 0, 1)


def block_max(image: Array, k: int) -> Array:
    """The maximum of every k x k block: (H, W) -> (ceil(H / k), ceil(W / k))."""
    if k == 1:
        return image
    h, w = image.shape
    padded = np.pad(image, ((0, -h % k), (0, -w % k)))
    return padded.reshape(padded.shape[0] // k, k, padded.shape[1] // k, k).max(axis=(1, 3))


# --- neighbourhoods ---------------------------------------------------------------------------------------------------


def blur(image: Array, sigma: float) -> Array:
    """Gaussian blur: (H, W) or (H, W, C) -> the same shape, the border continued."""
    radius = math.ceil(2.5 * sigma)
    if sigma < 0.3:
        return image
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for axis in (0, 1):
        pads = [(radius, radius) if a == axis else (0, 0) for a in range(image.ndim)]
        padded = np.pad(image, pads, mode="edge")
        n = image.shape[axis]
        image = sum(k * np.take(padded, range(s, s + n), axis=axis) for s, k in enumerate(kernel))
    return image


def dilate(image: Array, radius: int) -> Array:
    """The maximum over a disc around every pixel: (..., H, W) -> (..., H, W); outside the picture there is nothing."""
    out = image.copy()
    h, w = image.shape[-2:]
    for di in range(-radius, radius + 1):
        for dj in range(-radius, radius + 1):
            if di * di + dj * dj <= radius * (radius + 0.5):
                here = out[..., max(0, -di) : h - max(0, di), max(0, -dj) : w - max(0, dj)]
                np.maximum(here, image[..., max(0, di) : h - max(0, -di), max(0, dj) : w - max(0, -dj)], out=here)
    return out


def top_hat(image: Array, window: int) -> Array:
    """What is narrower than the window, or wide but away from the border: (H, W) -> (H, W).

    The minimum over a square window, and then the maximum of those, is the image without its narrow peaks. That is
    subtracted, if it reaches the border.

    Source    the white top-hat of Serra, "Image Analysis and Mathematical Morphology", 1982
    """
    wide = np.pad(image, window, mode="edge")
    for _ in range(2):  # the minimum, and then (as the minimum of the negative values) the maximum
        for axis in (0, 1):
            wide = running_min(wide, window, axis)
        wide = -wide
    h, w = image.shape
    top, left = (wide.shape[0] - h) // 2, (wide.shape[1] - w) // 2
    wide = wide[top : top + h, left : left + w]
    border = max(float(side.max()) for side in (wide[0], wide[-1], wide[:, 0], wide[:, -1]))
    return image - wide if border > wide.max() / 4 else image


def running_min(image: Array, window: int, axis: int) -> Array:
    """The minimum over every ``window`` neighbours along one axis, (..., n, ...) -> (..., n - window + 1, ...)."""
    image = np.moveaxis(image, axis, 0)
    have = 1  # windows are joined in doubling
    while have < window:
        step = min(have, window - have)
        image = np.minimum(image[:-step], image[step:])
        have += step
    return np.moveaxis(image, 0, axis)


# --- fits and thresholds ----------------------------------------------------------------------------------------------


def least_squares(terms: Array, points: Array, weight: Array) -> Array:
    """Coefficients (T, C) of the terms (P, T) that come nearest to points (P, C), each point counted by its weight (P,)."""
    weighted = terms * weight[:, None]
    tiny = 1e-12 * np.eye(terms.shape[1])  # keeps it solvable if nearly all weight is in one place
    return np.linalg.solve(weighted.T @ terms + tiny, weighted.T @ points)


def lengths(vectors: Array) -> Array:
    """Euclidean lengths along the last axis, (..., C) -> (...), sooner than np.linalg.norm where C is small."""
    return np.sqrt(np.einsum("...c,...c->...", vectors, vectors))


def weighted_median(values: Array, weight: Array) -> float:
    """The value with half of the weight on either side of it: values (n,), weight (n,)."""
    order = np.argsort(values)
    half = np.searchsorted(np.cumsum(weight[order]), 0.5 * weight.sum())
    return float(values[order[min(half, len(order) - 1)]])


def otsu(values: Array) -> float:
    """The threshold that splits values (any shape) into two classes with the largest variance between their means."""
    counts, edges = np.histogram(values, bins=256)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = values.size - below
    total = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * ((total[-1] - total[:-1]) / above - total[:-1] / below) ** 2
    between = np.nan_to_num(between, posinf=0.0)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))  # a plateau where the histogram is empty: its middle
    return float(edges[1 + (best[0] + best[-1]) // 2])


# --- shapes -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """A connected piece of a mask: its label, number of pixels and bounding box (ends exclusive)."""

    label: int
    area: int
    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def size(self) -> int:
        return max(self.height, self.width)


def components(mask: Array) -> tuple[Array, list[Part]]:
    """Pieces whose pixels touch, also at corners: bool (H, W) -> labels (H, W), 0 for none, and the pieces, largest first.

    Every pixel starts with a number of its own, takes the largest among its neighbours, and then the number that the
    pixel of that number has by now: the second step halves the distance to the end every time.
    """
    labels = np.where(mask, np.arange(1, mask.size + 1, dtype=np.int32).reshape(mask.shape), 0)
    number_of = np.zeros(mask.size + 1, np.int32)  # number_of[k] is that of the pixel that started as k
    while True:
        spread = number_of[1:].reshape(mask.shape)
        np.multiply(neighbour_max(labels), mask, out=spread)
        jumped = number_of[spread]
        if np.array_equal(jumped, labels):
            break
        labels = jumped
    i, j = np.nonzero(labels)
    names, which = np.unique(labels[i, j], return_inverse=True)
    area = np.bincount(which)
    top, left = np.full(len(names), mask.size), np.full(len(names), mask.size)
    bottom, right = np.zeros(len(names), int), np.zeros(len(names), int)
    np.minimum.at(top, which, i)
    np.minimum.at(left, which, j)
    np.maximum.at(bottom, which, i + 1)
    np.maximum.at(right, which, j + 1)
    table = np.stack([names, area, top, bottom, left, right], axis=1)
    return labels, [Part(*map(int, row)) for row in table[np.argsort(-area, kind="stable")]]


def neighbour_max(labels: Array) -> Array:
    """The maximum over 3 x 3 pixels: (H, W) of numbers from 0 up -> (H, W)."""
    rows = labels.copy()
    np.maximum(rows[1:], labels[:-1], out=rows[1:])
    np.maximum(rows[:-1], labels[1:], out=rows[:-1])
    out = rows.copy()
    np.maximum(out[:, 1:], rows[:, :-1], out=out[:, 1:])
    np.maximum(out[:, :-1], rows[:, 1:], out=out[:, :-1])
    return out


def around(parts: list[Part]) -> Part:
    """All parts as one: their pixels together, and the bounding box of their boxes; label 0."""
    return Part(
        label=0,
        area=sum(p.area for p in parts),
        top=min(p.top for p in parts),
        bottom=max(p.bottom for p in parts),
        left=min(p.left for p in parts),
        right=max(p.right for p in parts),
    )


def gap(a: Part, b: Part) -> int:
    """Distance of two bounding boxes, 0 if they overlap or touch."""
    return max(0, b.left - a.right, a.left - b.right, b.top - a.bottom, a.top - b.bottom)


def rectangularity(shape: Array) -> float:
    """Area of a shape, bool (H, W), over that of the smallest rectangle around it, at any angle: 1 for a rectangle."""
    points = np.argwhere(shape).astype(np.float32)
    angles = np.radians(np.arange(0, 90, 3))
    across, along = points @ np.array([np.cos(angles), np.sin(angles)]), points @ np.array([-np.sin(angles), np.cos(angles)])
    return len(points) / float(((np.ptp(across, axis=0) + 1) * (np.ptp(along, axis=0) + 1)).min())


def stroke_width(mask: Array) -> float:
    """Mean width of the lines in a mask, bool (H, W), in pixels.

    Taking one pixel off both sides of a line of width d takes away 2 / d of its area.
    """
    mask = np.pad(mask, 1)
    core = mask[1:-1, 1:-1] & mask[2:, 1:-1] & mask[:-2, 1:-1] & mask[1:-1, 2:] & mask[1:-1, :-2]
    area = mask.sum()
    return float(2 * area / (area - core.sum())) if area else 0.0
