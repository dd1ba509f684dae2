"""Random Fourier features: a kernel machine as a linear layer on fixed random features."""

from __future__ import annotations

import math

import numpy as np

from scratchnet.arguments import is_number, is_whole, require, require_array, require_dout, require_float, require_rng
from scratchnet.layers.base import Layer
from scratchnet.typing import Array, Cache, Pair, Rng


def random_fourier_forward(x: Array, w: Array, b: Array) -> tuple[Array, Cache]:
    """Waves in random directions: their dot products are nearly the values of the Gaussian (RBF) kernel.

    Shapes    x (N, D), w (D, M), b (M,) -> out (N, M)
    Forward   out[n,m] = sqrt(2/M) * cos(b[m] + sum_d x[n,d] * w[d,m])
              with w normal of variance 2*gamma and b uniform in 0 .. 2*pi:  out[n] . out[k] ~ exp(-gamma * |x[n] - x[k]|**2)
    Backward  dx = (-sqrt(2/M) * sin(x w + b) * dout) w^T;  w and b are fixed and get no gradient
              (the chain rule, derived in lesson 2, with Dense's dx)
    Cost      2*N*D*M flops and N*M cosines (20 flops each); the cache holds x w + b, and w itself
    Errors    ValueError if the shapes do not fit
    Source    Rahimi and Recht, "Random features for large-scale kernel machines", NIPS 2007, algorithm 1
    """
    require_array("RandomFourierFeatures: x", x, 2, "(N, D)", "; put a Flatten before it?")
    require_float("RandomFourierFeatures: x", x)
    require_array("RandomFourierFeatures: w", w, 2, "(D, M)")
    require_array("RandomFourierFeatures: b", b, 1, "(M,)")
    require(
        b.shape == w.shape[1:] and x.shape[1] == w.shape[0],
        f"RandomFourierFeatures: for x {x.shape} w must be ({x.shape[1]}, M) and b (M,), got w {w.shape}, b {b.shape}",
    )
    phase = x @ w + b
    out = np.cos(phase)
    out *= x.dtype.type(math.sqrt(2 / w.shape[1]))
    return out, (phase, w)


def random_fourier_backward(dout: Array, cache: Cache) -> Array:
    """dout (N, M) -> dx (N, D)."""
    phase, w = cache
    require_dout("RandomFourierFeatures", dout, phase.shape)
    dphase = np.sin(phase) * dout
    dphase *= phase.dtype.type(-math.sqrt(2 / w.shape[1]))
    return dphase @ w.T


class RandomFourierFeatures(Layer):
    """``random_fourier_forward`` with its own w and b, drawn once; they are state, since nothing learns them.

    A linear SVM on these features is, nearly, the kernel SVM; the more of them, the more nearly: the kernel's error goes
    down as 1 / sqrt(out_features).
    """

    functions: Pair = (random_fourier_forward, random_fourier_backward)
    settings = ("in_features", "out_features", "gamma")

    def __init__(self, in_features: int, out_features: int, gamma: float, *, rng: Rng, functions: Pair | None = None):
        super().__init__(functions)
        name = type(self).__name__
        require(
            is_whole(in_features, out_features) and in_features >= 1 and out_features >= 1,
            f"{name}: in_features and out_features must be integers of at least 1, got {in_features} and {out_features}",
        )
        require(is_number(gamma) and 0 < gamma < math.inf, f"{name}: gamma must be positive, got {gamma!r}")
        require_rng(f"{name}: rng", rng)
        self.in_features, self.out_features, self.gamma = int(in_features), int(out_features), float(gamma)
        w = rng.standard_normal((in_features, out_features)) * math.sqrt(2 * gamma)
        b = rng.uniform(0, 2 * math.pi, out_features)
        self.state = {"w": w.astype(np.float32), "b": b.astype(np.float32)}

    def forward(self, x: Array, *, train: bool = False, rng: Rng | None = None) -> tuple[Array, Cache]:
        out, cache = self.functions[0](x, **self.state)
        return out, cache
