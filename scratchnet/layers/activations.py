"""Elementwise nonlinearities. Each works on any shape and keeps the memory order of its input."""

from __future__ import annotations

import math

import numpy as np

from scratchnet.arguments import is_number, require, require_dout, require_float, require_numbers
from scratchnet.layers.base import Layer
from scratchnet.typing import Array, Cache, Pair


def relu_forward(x: Array) -> tuple[Array, Cache]:
    """Let positive values pass and stop the others.

    Shapes    x (any) -> out (same)
    Forward   out = max(x, 0)
    Backward  dx = dout where x > 0, else 0 (at the kink x = 0 we take 0, as everybody does)   (derived in lesson 5)
    Cost      1 flop a value; the cache holds out, which is positive exactly where x was
    Errors    ValueError if x is not numbers
    Source    Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010
    """
    require_numbers("ReLU: x", x)
    out = np.maximum(x, 0)
    return out, out


def relu_backward(dout: Array, cache: Cache) -> Array:
    """dout (any) -> dx (same)."""
    out = cache
    require_dout("ReLU", dout, out.shape)
    return dout * (out > 0)


class ReLU(Layer):
    """``relu_forward``; nothing to learn."""

    functions: Pair = (relu_forward, relu_backward)


def leaky_relu_forward(x: Array, negative_slope: float = 0.01) -> tuple[Array, Cache]:
    """ReLU that leaks: negative values pass with a small slope, so a unit can't die.

    Shapes    x (any) -> out (same)
    Forward   out = x where x > 0, else negative_slope * x
    Backward  dx = dout where x > 0, else negative_slope * dout        (derived in lesson 5)
    Cost      2 flops a value; the cache holds x
    Errors    ValueError if x is not floating-point
    Source    Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013
    """
    require_float("LeakyReLU: x", x)
    _check_slope(negative_slope)
    return np.where(x > 0, x, x * x.dtype.type(negative_slope)), (x, negative_slope)


def leaky_relu_backward(dout: Array, cache: Cache) -> Array:
    """dout (any) -> dx (same)."""
    x, negative_slope = cache
    require_dout("LeakyReLU", dout, x.shape)
    return np.where(x > 0, dout, dout * dout.dtype.type(negative_slope))


class LeakyReLU(Layer):
    """``leaky_relu_forward`` with a fixed slope; nothing to learn."""

    functions: Pair = (leaky_relu_forward, leaky_relu_backward)
    settings = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, *, functions: Pair | None = None) -> None:
        super().__init__(functions)
        _check_slope(negative_slope)
        self.negative_slope = float(negative_slope)
        self.options = {"negative_slope": self.negative_slope}


def _check_slope(value: float) -> None:
    require(is_number(value) and math.isfinite(value), f"LeakyReLU: negative_slope must be finite, got {value!r}")


def sigmoid_forward(x: Array) -> tuple[Array, Cache]:
    """Squash to (0, 1).

    Shapes    x (any) -> out (same)
    Forward   out = 1 / (1 + exp(-x)), computed from exp(-|x|), which can't overflow
    Backward  dx = dout * out * (1 - out)        (derived in lesson 2)
    Extremes  0 and 1 are reached where float32 has no number nearer: below -103 and above 17
    Cost      about 20 flops a value (exp); the cache holds out
    Errors    ValueError if x is not floating-point
    """
    require_float("Sigmoid: x", x)
    small = np.exp(-np.abs(x))  # in (0, 1]
    out = np.where(x >= 0, 1, small) / (1 + small)
    return out, out


def sigmoid_backward(dout: Array, cache: Cache) -> Array:
    """dout (any) -> dx (same)."""
    out = cache
    require_dout("Sigmoid", dout, out.shape)
    return dout * out * (1 - out)


class Sigmoid(Layer):
    """``sigmoid_forward``; nothing to learn."""

    functions: Pair = (sigmoid_forward, sigmoid_backward)


def tanh_forward(x: Array) -> tuple[Array, Cache]:
    """Squash to (-1, 1), symmetric about zero.

    Shapes    x (any) -> out (same)
    Forward   out = tanh(x)
    Backward  dx = dout * (1 - out**2)        (derived in lesson 2)
    Cost      about 20 flops a value; the cache holds out
    Errors    ValueError if x is not floating-point
    """
    require_float("Tanh: x", x)
    out = np.tanh(x)
    return out, out


def tanh_backward(dout: Array, cache: Cache) -> Array:
    """dout (any) -> dx (same)."""
    out = cache
    require_dout("Tanh", dout, out.shape)
    return dout * (1 - out * out)


class Tanh(Layer):
    """``tanh_forward``; nothing to learn."""

    functions: Pair = (tanh_forward, tanh_backward)
