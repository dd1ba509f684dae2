"""Any array as a flat picture: (N, D) as it is, (N, C, H, W) as a row of images for each n, with gaps between them."""

import numpy as np

from scratchnet.typing import Array

MOST_CELLS = 900


def to_plane(array: Array) -> Array:
    """An array as a matrix of floats, nan in the gaps; of a large one the first images, or the first rows and columns."""
    array = np.asarray(array, np.float64)
    if array.ndim < 2:
        array = array.reshape(1, -1)
    if array.ndim > 2:
        h, w = array.shape[-2:]
        blocks = array.reshape(array.shape[0], -1, h, w)
        across = max(1, min(blocks.shape[1], 40 // (w + 1)))
        down = max(1, min(len(blocks), MOST_CELLS // ((h + 1) * (w + 1) * across)))
        grown = np.full((down, across, h + 1, w + 1), np.nan)
        grown[:, :, :h, :w] = blocks[:down, :across]
        return grown.transpose(0, 2, 1, 3).reshape(down * (h + 1), across * (w + 1))[:-1, :-1]
    columns = min(array.shape[1], 40)
    return array[: max(1, MOST_CELLS // columns), :columns]


def wrong_plane(wrong: Array) -> Array:
    """The same for a mask: True where an entry is wrong, False in the gaps."""
    return np.nan_to_num(to_plane(wrong.astype(float))) > 0


def reach(*arrays: Array) -> float:
    """The largest size of a number in any of them, for one colour scale from -reach to reach."""
    return max((float(np.abs(a[np.isfinite(a)]).max(initial=0)) for a in arrays), default=0.0) or 1.0
