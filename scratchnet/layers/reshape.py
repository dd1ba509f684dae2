"""Flatten: from images to feature vectors."""

from __future__ import annotations

import math

import numpy as np

from scratchnet.arguments import require, require_dout, require_numbers
from scratchnet.layers.base import Layer
from scratchnet.typing import Array, Cache, Pair


def flatten_forward(x: Array) -> tuple[Array, Cache]:
    """Write each image as one row of features, in C, H, W order whatever the memory order.

    Shapes    x (N, C, H, W) -> out (N, C*H*W); any further axes are flattened in their order
    Forward   out[n, (c*H + h)*W + w] = x[n,c,h,w]
    Backward  dx[n,c,h,w] = dout[n, (c*H + h)*W + w]        (derived in lesson 11)
    Cost      one copy; the cache holds the shape
    Errors    ValueError if x has no batch axis
    """
    require_numbers("Flatten: x", x)
    require(x.ndim >= 1, f"Flatten: x must have a batch axis, got shape {x.shape}")
    # Batch last, then back: with images in (H, C, W, N) order this copies long runs, reshape(N, -1) single values.
    return np.moveaxis(x, 0, -1).reshape(math.prod(x.shape[1:]), len(x)).T, x.shape


def flatten_backward(dout: Array, cache: Cache) -> Array:
    """dout (N, C*H*W) -> dx (N, C, H, W). Nothing is computed: only the shape goes back."""
    shape = cache
    require_dout("Flatten", dout, (shape[0], math.prod(shape[1:])))
    return np.moveaxis(dout.T.reshape(*shape[1:], shape[0]), -1, 0)


class Flatten(Layer):
    """``flatten_forward``; nothing to learn."""

    functions: Pair = (flatten_forward, flatten_backward)
