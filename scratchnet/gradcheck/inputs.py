"""Inputs that hide nothing: a gradient check at zeros, ones or equal numbers passes for wrong code too."""

import math

import numpy as np

from scratchnet.arguments import is_whole, require, require_rng
from scratchnet.typing import Array, Rng


def generic(shape: tuple[int, ...], rng: Rng) -> Array:
    """Numbers between -2 and 2 in random order, no two of them close to each other and none close to 0: no kinks nearby.

    They are at least 1/size away from each other, and half of that from 0.

    Errors    ValueError or TypeError if shape is no tuple of integers or rng no random generator
    """
    whole = isinstance(shape, tuple | list) and is_whole(*shape) and min(shape, default=0) >= 0
    require(whole, f"generic: shape must be a tuple of integers, got {shape!r}")
    require_rng("generic: rng", rng)
    size = math.prod(shape)
    half = (size + 1) // 2
    places = np.arange(-half, half)[:size] + 0.5 + rng.uniform(-0.25, 0.25, size)
    return rng.permutation(places * (2 / max(half, 1))).reshape(shape)


def vary_fresh(array: Array, rng: Rng) -> None:
    """Move the numbers of a fresh parameter, all 0 or all 1, apart (in place).

    While they are 0 and 1 nobody sees that a term or a factor is missing.
    """
    first = array.flat[0]
    if first in (0, 1) and bool((array == first).all()):
        array += rng.uniform(-0.3, 0.3, array.shape)
