"""One image's values in a layer as a picture, for the HTML view and for figures."""

from __future__ import annotations

import math

import numpy as np

from scratchnet.typing import Array

MAX_TILES = 16
COLUMNS = 8

_NEGATIVE, _ZERO, _POSITIVE = np.array([0, 114, 178]), np.array([255, 255, 255]), np.array([213, 94, 0])
_BETWEEN = np.array([128, 128, 128, 70])


def tiled(values: Array) -> tuple[Array, str]:
    """Channels (C, H, W) side by side, 8 in a row, with NaN between them; features (D,) row by row.

    Returns the picture (rows, columns), and a remark on how many channels there was no room for.
    """
    if values.ndim != 3:
        flat = values.reshape(-1).astype(np.float64)
        width = len(flat) if len(flat) <= 32 else math.ceil(2.5 * math.sqrt(len(flat)))
        padded = np.full(-(-len(flat) // width) * width, np.nan)
        padded[: len(flat)] = flat
        return padded.reshape(-1, width), ""
    c, h, w = values.shape
    shown = min(c, MAX_TILES)
    columns = min(shown, COLUMNS)
    rows = -(-shown // columns)
    picture = np.full((rows * (h + 1) - 1, columns * (w + 1) - 1), np.nan)
    for k in range(shown):
        i, j = k // columns * (h + 1), k % columns * (w + 1)
        picture[i : i + h, j : j + w] = values[k]
    return picture, f" ({shown} of {c} channels)" if shown < c else ""


def span(values: Array) -> tuple[float, float]:
    """The scale that ``pixels`` uses: symmetric about 0 where there are negative values, else from 0."""
    finite = values[np.isfinite(values)]
    top = float(np.abs(finite).max()) if finite.size else 0.0
    return (-top if (finite < 0).any() else 0.0), top


def pixels(values: Array, *, signed: bool | None = None) -> Array:
    """A picture of ``tiled`` as RGBA bytes.

    Values that are never negative go from black (0) to white; others from blue (negative) over white (0) to orange
    (positive), in Okabe and Ito's colours. NaN is a pale grey.
    """
    low, top = span(values)
    known = np.nan_to_num(values / (top or 1.0), nan=0.0, posinf=1.0, neginf=-1.0).clip(-1, 1)[..., None]
    if low < 0 or signed:
        rgb = np.where(known < 0, _ZERO + (_ZERO - _NEGATIVE) * known, _ZERO + (_POSITIVE - _ZERO) * known)
    else:
        rgb = np.repeat(255 * known, 3, axis=2)
    out = np.dstack([np.rint(rgb), np.full(values.shape, 255)])
    out[np.isnan(values)] = _BETWEEN
    return out.astype(np.uint8)
