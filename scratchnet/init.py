"""Initial weights: how large random numbers must be for signals to neither die nor explode.

Every function takes ``(rng, shape)`` and returns float32 of that shape. A Dense weight is (D, M): fan_in = D, fan_out = M.
A Conv2d weight is (F, C, KH, KW): fan_in = C*KH*KW, fan_out = F*KH*KW.

An output is a sum of fan_in products, so its variance is fan_in * var(w) * mean(x**2): var(w) = 1/fan_in keeps it (LeCun),
and 2/fan_in makes up for the half that ReLU sets to zero (He). Xavier takes the mean of forward and backward fans.

Source    LeCun et al., "Efficient BackProp", 1998, section 4.6; Glorot and Bengio, AISTATS 2010; He et al., ICCV 2015
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from scratchnet.arguments import is_number, is_whole, require, require_float, require_function, require_rng
from scratchnet.typing import Array, Rng

Shape = tuple[int, ...]


def fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight: how many inputs one output sums over, and how many outputs one input reaches.

    Errors    ValueError if shape is neither (D, M) nor (F, C, KH, KW)
    """
    whole = isinstance(shape, tuple | list) and is_whole(*shape) and min(shape, default=0) >= 1
    if whole and len(shape) == 2:
        return shape[0], shape[1]
    if whole and len(shape) == 4:
        filters, channels, kh, kw = shape
        return channels * kh * kw, filters * kh * kw
    raise ValueError(f"fans: shape must be (D, M) or (F, C, KH, KW), got {shape!r}")


def initial(layer: str, init: Callable[[Rng, Shape], Array], rng: Rng, shape: Shape) -> Array:
    """A layer's weight: what ``init(rng, shape)`` gives.

    Errors    TypeError if init is no function or rng no random generator, ValueError if its array has another shape or dtype
    """
    require_function(f"{layer}: init", init)
    require_rng(f"{layer}: rng", rng)
    w = init(rng, shape)
    require_float(f"{layer}: what init returns", w)
    require(w.shape == shape, f"{layer}: init must return an array {shape}, got {w.shape}")
    return w


def normal(rng: Rng, shape: Shape, std: float = 0.01) -> Array:
    """Gaussian with mean 0 and the given standard deviation."""
    _check("normal", rng, shape, std=std)
    return (rng.standard_normal(shape) * std).astype(np.float32)


def uniform(rng: Rng, shape: Shape, bound: float = 0.01) -> Array:
    """Uniform in [-bound, bound]; its standard deviation is bound / sqrt(3)."""
    _check("uniform", rng, shape, bound=bound)
    return rng.uniform(-bound, bound, shape).astype(np.float32)


def he_normal(rng: Rng, shape: Shape) -> Array:
    """std = sqrt(2 / fan_in); for layers followed by ReLU. PyTorch's kaiming_normal_."""
    return normal(rng, shape, math.sqrt(2 / fans(shape)[0]))


def he_uniform(rng: Rng, shape: Shape) -> Array:
    """bound = sqrt(6 / fan_in); for layers followed by ReLU. PyTorch's kaiming_uniform_."""
    return uniform(rng, shape, math.sqrt(6 / fans(shape)[0]))


def xavier_normal(rng: Rng, shape: Shape) -> Array:
    """std = sqrt(2 / (fan_in + fan_out)); for tanh and sigmoid."""
    return normal(rng, shape, math.sqrt(2 / sum(fans(shape))))


def xavier_uniform(rng: Rng, shape: Shape) -> Array:
    """bound = sqrt(6 / (fan_in + fan_out)); for tanh and sigmoid."""
    return uniform(rng, shape, math.sqrt(6 / sum(fans(shape))))


def lecun_normal(rng: Rng, shape: Shape) -> Array:
    """std = sqrt(1 / fan_in); keeps the variance of a linear layer."""
    return normal(rng, shape, math.sqrt(1 / fans(shape)[0]))


def lecun_uniform(rng: Rng, shape: Shape) -> Array:
    """bound = sqrt(3 / fan_in); keeps the variance of a linear layer."""
    return uniform(rng, shape, math.sqrt(3 / fans(shape)[0]))


def fan_in_uniform(rng: Rng, shape: Shape) -> Array:
    """bound = 1 / sqrt(fan_in); what PyTorch's Linear and Conv2d start from."""
    return uniform(rng, shape, 1 / math.sqrt(fans(shape)[0]))


def _check(name: str, rng: Rng, shape: Shape, **size: float) -> None:
    require_rng("rng", rng)
    whole = isinstance(shape, tuple | list) and is_whole(*shape) and min(shape, default=0) >= 0
    require(whole and len(shape) > 0, f"{name}: shape must be a tuple of integers, got {shape!r}")
    for argument, value in size.items():
        require(is_number(value) and 0 <= value < math.inf, f"{name}: {argument} must be 0 or more, got {value!r}")
