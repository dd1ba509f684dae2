"""The dense (fully connected, linear) layer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scratchnet.arguments import is_whole, require, require_array, require_dout
from scratchnet.init import he_normal, initial
from scratchnet.layers.base import Layer
from scratchnet.typing import Array, Cache, Pair, Rng


def dense_forward(x: Array, w: Array, b: Array) -> tuple[Array, Cache]:
    """Every output is a weighted sum of all inputs.

    Shapes    x (N, D), w (D, M), b (M,) -> out (N, M)
    Forward   out[n,m] = b[m] + sum_d x[n,d] * w[d,m]
    Backward  dx = dout w^T   dw = x^T dout   db = sum_n dout[n]        (derived in lesson 5)
    Cost      2*N*D*M flops forward, twice that backward; the cache holds x and w themselves, no copies
    Errors    ValueError if the shapes do not fit
    Source    Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 1986
    """
    require_array("Dense: x", x, 2, "(N, D)", "; put a Flatten before it?")
    require_array("Dense: w", w, 2, "(D, M)")
    require_array("Dense: b", b, 1, "(M,)")
    require(b.shape == w.shape[1:], f"Dense: w must be (D, M) and b (M,), got w {w.shape}, b {b.shape}")
    require(
        x.shape[1] == w.shape[0],
        f"Dense: x has {x.shape[1]} features, w wants {w.shape[0]}: x {x.shape}, w {w.shape}",
    )
    return x @ w + b, (x, w)


def dense_backward(dout: Array, cache: Cache, need_dx: bool = True) -> tuple[Array | None, Array, Array]:
    """dout (N, M) -> dx (N, D), dw (D, M), db (M,). Each is the only product whose shape fits."""
    x, w = cache
    require_dout("Dense", dout, (len(x), w.shape[1]))
    dx = (w @ dout.T).T if need_dx else None  # dout @ w.T, with the batch innermost in memory, as image layers have it
    dw = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


class Dense(Layer):
    """``dense_forward`` with its own w and b. PyTorch calls it Linear and stores w transposed.

    w starts from ``init(rng, (in_features, out_features))``, b from zero.
    """

    functions: Pair = (dense_forward, dense_backward)
    settings = ("in_features", "out_features")

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rng: Rng,
        init: Callable[[Rng, tuple[int, ...]], Array] = he_normal,
        functions: Pair | None = None,
    ) -> None:
        super().__init__(functions)
        require(
            is_whole(in_features, out_features) and in_features >= 1 and out_features >= 1,
            f"Dense: in_features and out_features must be integers of at least 1, got {in_features} and {out_features}",
        )
        self.in_features, self.out_features = int(in_features), int(out_features)
        self.params = {
            "w": initial("Dense", init, rng, (self.in_features, self.out_features)),
            "b": np.zeros(out_features, np.float32),
        }
