"""Dropout."""

from __future__ import annotations

import numpy as np

from scratchnet.arguments import is_number, require, require_dout, require_float, require_rng
from scratchnet.layers.base import Layer
from scratchnet.memory import from_hcwn
from scratchnet.typing import Array, Cache, Pair, Rng


def dropout_forward(x: Array, p: float, rng: Rng) -> tuple[Array, Cache]:
    """Set each value to zero with probability p and scale up the others, so that the expectation stays.

    Shapes    x (any) -> out (same)
    Forward   out = x * mask      mask = 0 with probability p, else 1 / (1 - p)   (inverted dropout)
    Backward  dx = dout * mask, the same mask        (derived in lesson 13)
    Cost      one random number a value; the cache holds the mask
    Errors    ValueError if x is not floating-point or p not in 0 .. 1 (1 excluded)
    Source    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014
    """
    require_float("Dropout: x", x)
    require(is_number(p) and 0 <= p < 1, f"Dropout: p must be in 0 .. 1 (1 excluded), got {p!r}")
    require_rng("Dropout: rng", rng)
    if x.ndim == 4:  # drawn in the order that arrays have behind a convolution, whatever x's own is: the same luck for both
        n, c, h, w = x.shape
        draw = from_hcwn(rng.random((h, c, w, n), np.float32))
    else:
        draw = rng.random(x.shape[::-1], np.float32).T
    mask = (draw >= p) * x.dtype.type(1 / (1 - p))
    return x * mask, mask


def dropout_backward(dout: Array, cache: Cache) -> Array:
    """dout (any) -> dx (same)."""
    mask = cache
    require_dout("Dropout", dout, mask.shape)
    return dout * mask


class Dropout(Layer):
    """``dropout_forward`` in training, nothing at all in evaluation."""

    functions: Pair = (dropout_forward, dropout_backward)
    settings = ("p",)

    def __init__(self, p: float = 0.5, *, functions: Pair | None = None) -> None:
        super().__init__(functions)
        require(is_number(p) and 0 <= p < 1, f"Dropout: p must be in 0 .. 1 (1 excluded), got {p!r}")
        self.p = float(p)

    def forward(self, x: Array, *, train: bool = False, rng: Rng | None = None) -> tuple[Array, Cache]:
        require_float("Dropout: x", x)
        if not train or self.p == 0:
            return x, (x.shape, None)
        if rng is None:
            raise ValueError("Dropout: training needs random numbers, forward(x, train=True, rng=...)")
        out, mask = self.functions[0](x, self.p, rng)
        return out, (x.shape, mask)

    def backward(self, dout: Array, cache: Cache, *, need_dx: bool = True) -> tuple[Array, dict[str, Array]]:
        shape, mask = cache
        require_dout("Dropout", dout, shape)
        return (dout if mask is None else self.functions[1](dout, mask)), {}
