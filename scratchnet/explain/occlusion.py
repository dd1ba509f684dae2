"""Occlusion: cover a part of the image and see how far the score falls."""

from __future__ import annotations

import numpy as np

from scratchnet.arguments import is_whole, require
from scratchnet.explain.scores import Labels, Of, blank, check_images, scores, which_labels
from scratchnet.layers import Layer
from scratchnet.typing import Array


def occlusion(
    model: Layer,
    x: Array,
    labels: Labels = None,
    *,
    size: int = 5,
    stride: int = 1,
    fill: Array | float | None = None,
    of: Of = "logit",
) -> Array:
    """How much of the class's score is lost when a square of the image is covered. No gradient: forward passes alone.

    Positive where what was covered speaks for the class, negative where it speaks against it. In a digit from ``prepare``
    the square is blank paper, so covering paper changes nothing: use ``fill`` to see what a patch of ink would do.

    Shapes    x (N, C, H, W), labels (N,), fill a number or what broadcasts to x (without it each image's smallest value)
              -> (N, ceil(H/stride), ceil(W/stride)), a value for each place of the square
    Formula   out[n,i,j] = score(x[n]) - score(x[n] with fill in rows i*stride - size//2 .. + size-1, columns likewise);
              at the edges the square is cut off
    Cost      a forward pass for each value
    Errors    ValueError if x is no batch of images, labels or fill do not fit, or size or stride is not positive
    Source    Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4.2
    """
    check_images("occlusion", model, x)
    fine = is_whole(size, stride) and size >= 1 and stride >= 1
    require(fine, f"occlusion: size and stride must be at least 1, got {size} and {stride}")
    labels = which_labels(model, x, labels)
    cover = blank(x, fill, "fill")
    rows, columns = (_windows(length, size, stride) for length in x.shape[2:])
    whole = scores(model, x, labels, of=of)
    out = np.empty((len(x), len(rows), len(columns)), whole.dtype)
    for n, image in enumerate(x):
        for i, row in enumerate(rows):  # a row of squares at a time: copies of the image, each with one square covered
            covered = np.repeat(image[None], len(columns), axis=0)
            for copy, column in zip(covered, columns, strict=True):
                copy[:, row, column] = cover[n][:, row, column]
            out[n, i] = whole[n] - scores(model, covered, int(labels[n]), of=of)
    return out


def _windows(length: int, size: int, stride: int) -> list[slice]:
    """The squares' places along one axis: around every ``stride``-th pixel, cut off at the edges."""
    starts = [middle - size // 2 for middle in range(0, length, stride)]
    return [slice(max(start, 0), start + size) for start in starts]
