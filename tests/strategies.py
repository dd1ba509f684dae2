"""What the tests run on. Hypothesis draws shapes, strides, pads and a seed; the numbers come from the seed.

Drawing single numbers would spend the search on floats; what breaks a convolution is a shape.
"""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

seeds = st.integers(0, 2**32 - 1)


# --- shapes --------------------------------------------------------------------------------------------------------------


class ConvCase(NamedTuple):
    """A convolution; kernel, stride and pad are (height, width)."""

    n: int
    c: int
    f: int
    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    seed: int = 0


class PoolCase(NamedTuple):
    """A pooling; kernel and stride are (height, width)."""

    n: int
    c: int
    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    seed: int = 0


def pairs(low, high):
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def conv_cases(draw, min_n=2, max_size=6):
    """Every kind of window: inside and outside the image, overlapping and with gaps, with rows left over."""
    kernel = draw(pairs(1, 3))
    stride = draw(st.just((1, 1)) | pairs(1, 4))
    pad = draw(st.just((0, 0)) | pairs(0, 3))
    size = tuple(draw(st.integers(max(1, k - 2 * p), max_size)) for k, p in zip(kernel, pad, strict=True))
    n, c, f = draw(st.integers(min_n, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return ConvCase(n, c, f, size, kernel, stride, pad, draw(seeds))


@st.composite
def pool_cases(draw, min_n=2, max_size=7):
    kernel = draw(pairs(1, 3))
    stride = draw(st.just(kernel) | pairs(1, 4))
    size = tuple(draw(st.integers(k, max_size)) for k in kernel)
    return PoolCase(draw(st.integers(min_n, 3)), draw(st.integers(1, 3)), size, kernel, stride, draw(seeds))


@st.composite
def logit_shapes(draw, max_n=5, max_k=6):
    """(N, K)"""
    return draw(st.integers(1, max_n)), draw(st.integers(2, max_k))


# The kinds of window by name, so that none depends on luck: odd, non-square, at least two images.
CONV_CASES = {
    "plain": ConvCase(2, 3, 2, (5, 7), (3, 2), (1, 1), (0, 0)),
    "same": ConvCase(2, 2, 3, (5, 3), (3, 3), (1, 1), (1, 1)),
    "full": ConvCase(2, 1, 2, (3, 5), (2, 3), (1, 1), (1, 2)),
    "pad in one direction": ConvCase(3, 2, 1, (4, 5), (1, 3), (1, 1), (0, 1)),
    "pad as large as the kernel": ConvCase(2, 2, 2, (3, 4), (2, 2), (1, 1), (2, 2)),
    "pad larger in one direction": ConvCase(2, 1, 2, (3, 4), (3, 1), (1, 1), (1, 2)),
    "windows wholly in the pad": ConvCase(2, 2, 1, (2, 3), (2, 1), (2, 1), (4, 3)),
    "stride 2, overlapping": ConvCase(2, 2, 2, (7, 5), (3, 3), (2, 2), (1, 1)),
    "stride in one direction": ConvCase(2, 2, 2, (5, 6), (3, 2), (1, 2), (0, 1)),
    "stride is the kernel": ConvCase(2, 1, 2, (6, 4), (3, 2), (3, 2), (0, 0)),
    "stride larger than the kernel": ConvCase(2, 2, 1, (7, 8), (2, 1), (3, 4), (0, 1)),
    "rows and columns left over": ConvCase(2, 1, 1, (6, 8), (3, 3), (2, 3), (0, 0)),
    "kernel of one pixel": ConvCase(2, 3, 2, (3, 5), (1, 1), (1, 1), (0, 0)),
    "kernel is the image": ConvCase(3, 2, 2, (3, 5), (3, 5), (1, 1), (0, 0)),
    "kernel larger than the image": ConvCase(2, 1, 2, (1, 2), (3, 4), (1, 1), (1, 2)),
    "one row": ConvCase(2, 2, 2, (1, 5), (1, 2), (1, 1), (0, 1)),
    "one column": ConvCase(2, 2, 2, (5, 1), (3, 1), (1, 1), (1, 0)),
}

POOL_CASES = {
    "2 x 2": PoolCase(2, 3, (4, 6), (2, 2), (2, 2)),
    "rows and columns left over": PoolCase(2, 2, (5, 7), (2, 2), (2, 2)),
    "non-square": PoolCase(2, 2, (5, 6), (3, 1), (2, 2)),
    "overlapping": PoolCase(2, 2, (5, 7), (3, 2), (1, 1)),
    "overlapping, left over": PoolCase(3, 1, (6, 8), (3, 3), (2, 2)),
    "overlapping in one direction": PoolCase(2, 1, (5, 6), (3, 2), (1, 2)),
    "with gaps": PoolCase(2, 2, (7, 8), (2, 1), (3, 4)),
    "window of one pixel": PoolCase(2, 2, (3, 4), (1, 1), (1, 1)),
    "window is the image": PoolCase(2, 2, (3, 5), (3, 5), (1, 1)),
}


def conv_arrays(case, dtype=np.float64):
    """x, w, b and an upstream gradient of a ConvCase."""
    rng = np.random.default_rng(case.seed)
    out = [(i + 2 * p - k) // s + 1 for i, p, k, s in zip(case.size, case.pad, case.kernel, case.stride, strict=True)]
    shapes = (case.n, case.c, *case.size), (case.f, case.c, *case.kernel), (case.f,), (case.n, case.f, *out)
    return tuple(rng.standard_normal(shape).astype(dtype) for shape in shapes)


def pool_shapes(case):
    """The shapes of x and out."""
    out = [(i - k) // s + 1 for i, k, s in zip(case.size, case.kernel, case.stride, strict=True)]
    return (case.n, case.c, *case.size), (case.n, case.c, *out)


# --- numbers -------------------------------------------------------------------------------------------------------------


def numbers(shape, seed):
    """Small whole numbers and halves, some negative: every dtype can hold them, more or less."""
    return np.random.default_rng(seed).integers(-6, 7, shape) / 2


def off_kinks(rng, shape):
    """Values that a finite difference may move without harm: no two are within 1e-3 of each other or of zero."""
    size = int(np.prod(shape))
    magnitude = rng.permutation(np.arange(1, size + 1)) * max(2 / max(size, 1), 2e-3)
    return (magnitude * rng.choice([-1, 1], size)).reshape(shape)


def randomise(layer, rng, dtype=np.float64):
    """Cast a layer's params and state, and give them numbers that matter (biases start at 0, gammas and variances at 1)."""
    leaves = [leaf for _, leaf in layer.leaves()] if hasattr(layer, "leaves") else [layer]
    for leaf in leaves:
        for key, array in leaf.params.items():
            leaf.params[key] = (rng.standard_normal(array.shape) * 0.5 + (key == "gamma")).astype(dtype)
        for key, array in leaf.state.items():
            positive = key == "running_var"
            leaf.state[key] = (rng.uniform(0.5, 2, array.shape) * (1 if positive else 0.3)).astype(dtype)
    return layer


def layouts(x):
    """name -> an array equal to x that lies differently in memory."""

    def in_order(axes):
        """Contiguous when the axes are read in this order."""
        return np.ascontiguousarray(x.transpose(axes)).transpose(np.argsort(axes))

    def strided(step):
        """Every second entry, along every axis, of a larger array of other numbers."""
        large = np.zeros([2 * size + 1 for size in x.shape], x.dtype)
        if x.dtype.kind == "f":
            large[...] = np.nan
        places = [slice(1, 2 * size, 2) for size in x.shape]
        if step < 0:
            places = [slice(2 * size - 1, 0, -2) for size in x.shape]
        view = large[tuple(places)]
        view[...] = x
        return view

    result = {
        "C order": np.ascontiguousarray(x),
        "Fortran order": np.asfortranarray(x),
        "batch last": in_order([*range(1, x.ndim), 0]),
        "every second": strided(1),
        "backwards": strided(-1),
        "read only": x.copy(),
    }
    if x.ndim == 4:
        result["(H, C, W, N)"] = in_order([2, 1, 3, 0])
        result["(N, H, W, C)"] = in_order([0, 2, 3, 1])
    result["read only"].setflags(write=False)
    return result
