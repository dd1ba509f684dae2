"""Checks of what several figures are drawn from."""

from __future__ import annotations

import numpy as np

from scratchnet.arguments import is_whole
from scratchnet.typing import Array


def check_numbers(function: str, values: Array, name: str) -> Array:
    """An array of real numbers; lists will do."""
    values = np.asarray(values)
    if values.dtype.kind not in "fiub":
        raise ValueError(f"{function}: {name} wants real numbers, got {values.dtype}")
    return values


def check_images(function: str, images: Array, name: str = "images") -> Array:
    images = check_numbers(function, images, name)
    if images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]
    if images.ndim != 3 or 0 in images.shape[1:]:
        raise ValueError(f"{function}: {name} wants (N, H, W) or (N, 1, H, W), got {images.shape}")
    return images


def check_image(function: str, image: Array, name: str = "image") -> Array:
    image = check_numbers(function, image, name)
    if image.ndim == 3 and image.shape[0] == 1:
        image = image[0]
    if image.ndim != 2 or image.size == 0:
        raise ValueError(f"{function}: {name} wants (H, W) or (1, H, W), got {image.shape}")
    return image


def check_probabilities(function: str, probs: Array) -> Array:
    """probs (..., K) as floats; refuses what is not between 0 and 1 with rows that sum to 1."""
    probs = check_numbers(function, probs, "probs").astype(float)
    hint = "are these logits? softmax(logits) makes probabilities of them"
    if probs.size and not (probs.min() >= -1e-6 and probs.max() <= 1 + 1e-6):  # so that NaN is refused too
        raise ValueError(f"{function}: probs must be between 0 and 1, got {probs.min():.3g} to {probs.max():.3g}; {hint}")
    sums = np.atleast_1d(probs.sum(axis=-1))
    if np.any(np.abs(sums - 1) > 1e-3):
        worst = sums[np.abs(sums - 1).argmax()]
        raise ValueError(f"{function}: probs must sum to 1 in every row, got {worst:.4g}; {hint}")
    return probs


def check_labelled(function: str, images: Array, labels: Array, probs: Array) -> tuple[Array, Array, Array]:
    """images (N, H, W), labels (N,), probs (N, K) of one N."""
    images, probs = check_images(function, images), check_numbers(function, probs, "probs")
    labels = check_numbers(function, labels, "labels")
    if probs.ndim != 2 or probs.shape[1] == 0 or labels.ndim != 1 or not len(images) == len(labels) == len(probs):
        raise ValueError(
            f"{function}: images (N, H, W), labels (N,), probs (N, K) want one N, "
            f"got {images.shape}, {labels.shape}, {probs.shape}"
        )
    return images, labels, check_probabilities(function, probs)


def check_count(function: str, count: int, name: str = "count") -> None:
    if not is_whole(count) or count < 1:
        raise ValueError(f"{function}: {name} must be positive, got {count!r}")
