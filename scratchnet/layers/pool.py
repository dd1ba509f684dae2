"""Pooling: shrink an image by summarising windows of it.

The maximum of a window is the maximum over its columns of the maximum down each column, so pooling is done along one axis
after the other: first down, then across. Windows that overlap share the first half of that work. The same holds for means.
"""

from __future__ import annotations

import numpy as np

from scratchnet.arguments import pair_of_ints, require, require_array, require_dout, require_float
from scratchnet.layers.base import Layer
from scratchnet.layers.conv import output_size, window
from scratchnet.memory import from_hcwn, to_hcwn
from scratchnet.typing import Array, Cache, Pair

Two = tuple[int, int]


def max_pool2d_forward(x: Array, kernel_size: int | Two = 2, stride: int | Two | None = None) -> tuple[Array, Cache]:
    """The largest value of each window; rows and columns that do not fill a window are dropped.

    Shapes    x (N, C, H, W) -> out (N, C, OH, OW), OH = (H - KH) // stride + 1; stride is kernel_size if not given
    Forward   out[n,c,i,j] = max over kh, kw of x[n, c, i*stride + kh, j*stride + kw]
    Backward  each window gives its dout to one winner: on ties to the leftmost column, in it to the topmost row.
              Where windows overlap, a pixel adds up what it won.                              (derived in lesson 11)
    Cost      (KH - 1)*SW + KW - 1 comparisons a window, SW the stride across, and for each the cache holds a byte: who won
    Errors    ValueError if x is not (N, C, H, W) or smaller than one window
    Source    Ranzato et al., "Unsupervised learning of invariant feature hierarchies", CVPR 2007
    """
    (kh, kw), (sh, sw) = _window("MaxPool2d", x, kernel_size, stride)
    y = to_hcwn(x)
    rows, rows_beaten = _max_along(y, 0, kh, sh)  # (OH, C, W, N)
    out, columns_beaten = _max_along(rows, 2, kw, sw)  # (OH, C, OW, N)
    out = from_hcwn(out)
    return out, (y.shape, out.shape, (kh, kw), (sh, sw), rows_beaten, columns_beaten)


def max_pool2d_backward(dout: Array, cache: Cache) -> Array:
    """dout (N, C, OH, OW) -> dx (N, C, H, W), zero but at the winners."""
    shape, out_shape, (kh, kw), (sh, sw), rows_beaten, columns_beaten = cache
    require_dout("MaxPool2d", dout, out_shape)
    drows = _to_winner(to_hcwn(dout), (dout.shape[2], *shape[1:]), 2, kw, sw, columns_beaten)
    return from_hcwn(_to_winner(drows, shape, 0, kh, sh, rows_beaten))


def _max_along(x: Array, axis: int, k: int, stride: int) -> tuple[Array, list[Array]]:
    """Maximum of k neighbours along one axis; and for each but the first, where it beat all those before it."""
    out, *others = _windows(x, axis, k, stride)
    beaten = []
    for candidate in others:
        beaten.append(candidate > out)
        out = np.maximum(out, candidate)
    return out, beaten


def _to_winner(dout: Array, shape: tuple[int, ...], axis: int, k: int, stride: int, beaten: list[Array]) -> Array:
    """Backward of _max_along: the last neighbour that beat those before it takes the gradient."""
    dx = np.zeros(shape, dout.dtype)
    first, *others = _windows(dx, axis, k, stride)
    for part, won in zip(others[::-1], beaten[::-1], strict=True):
        if stride >= k:  # windows do not overlap: every pixel is written once
            share = np.multiply(dout, won, out=part)
        else:
            share = dout * won
            part += share
        dout = dout - share
    first += dout
    return dx


def _windows(x: Array, axis: int, k: int, stride: int) -> list[Array]:
    """k views of x: view i has neighbour i of every window along the axis."""
    last = (x.shape[axis] - k) // stride * stride + 1
    before = (slice(None),) * axis
    return [x[(*before, slice(i, i + last, stride))] for i in range(k)]


class MaxPool2d(Layer):
    """``max_pool2d_forward``; nothing to learn."""

    functions: Pair = (max_pool2d_forward, max_pool2d_backward)
    settings = ("kernel_size", "stride")

    def __init__(self, kernel_size: int | Two = 2, stride: int | Two | None = None, *, functions: Pair | None = None):
        super().__init__(functions)
        self.kernel_size = pair_of_ints("MaxPool2d: kernel_size", kernel_size, 1)
        self.stride = self.kernel_size if stride is None else pair_of_ints("MaxPool2d: stride", stride, 1)
        self.options = {"kernel_size": self.kernel_size, "stride": self.stride}


def avg_pool2d_forward(x: Array, kernel_size: int | Two = 2, stride: int | Two | None = None) -> tuple[Array, Cache]:
    """The mean of each window; rows and columns that do not fill a window are dropped.

    Shapes    x (N, C, H, W) -> out (N, C, OH, OW), OH = (H - KH) // stride + 1; stride is kernel_size if not given
    Forward   out[n,c,i,j] = sum over kh, kw of x[n, c, i*stride + kh, j*stride + kw] / (KH*KW)
    Backward  every pixel of a window gets dout / (KH*KW); overlaps add               (derived in lesson 11)
    Cost      (KH - 1)*SW + KW - 1 additions a window, SW the stride across; the cache holds shapes
    Errors    ValueError if x is not (N, C, H, W), not floating-point, or smaller than one window
    Source    LeCun et al., "Gradient-based learning applied to document recognition", 1998, section II (sub-sampling)
    """
    (kh, kw), (sh, sw) = _window("AvgPool2d", x, kernel_size, stride)
    require_float("AvgPool2d: x", x)
    y = to_hcwn(x)
    rows = sum(_windows(y, 0, kh, sh)[1:], start=_windows(y, 0, kh, sh)[0])
    out = sum(_windows(rows, 2, kw, sw)[1:], start=_windows(rows, 2, kw, sw)[0])
    out = from_hcwn(out * x.dtype.type(1 / (kh * kw)))
    return out, (y.shape, rows.shape, out.shape, (kh, kw), (sh, sw))


def avg_pool2d_backward(dout: Array, cache: Cache) -> Array:
    """dout (N, C, OH, OW) -> dx (N, C, H, W)."""
    shape, rows_shape, out_shape, (kh, kw), (sh, sw) = cache
    require_dout("AvgPool2d", dout, out_shape)
    share = to_hcwn(dout) * dout.dtype.type(1 / (kh * kw))
    drows, dx = np.zeros(rows_shape, dout.dtype), np.zeros(shape, dout.dtype)
    for part in _windows(drows, 2, kw, sw):
        part += share
    for part in _windows(dx, 0, kh, sh):
        part += drows
    return from_hcwn(dx)


class AvgPool2d(Layer):
    """``avg_pool2d_forward``; nothing to learn."""

    functions: Pair = (avg_pool2d_forward, avg_pool2d_backward)
    settings = ("kernel_size", "stride")

    def __init__(self, kernel_size: int | Two = 2, stride: int | Two | None = None, *, functions: Pair | None = None):
        super().__init__(functions)
        self.kernel_size = pair_of_ints("AvgPool2d: kernel_size", kernel_size, 1)
        self.stride = self.kernel_size if stride is None else pair_of_ints("AvgPool2d: stride", stride, 1)
        self.options = {"kernel_size": self.kernel_size, "stride": self.stride}


def global_avg_pool_forward(x: Array) -> tuple[Array, Cache]:
    """The mean of each channel: what is in the image, no matter where.

    Shapes    x (N, C, H, W) -> out (N, C)
    Forward   out[n,c] = sum_h,w x[n,c,h,w] / (H*W)
    Backward  dx[n,c,h,w] = dout[n,c] / (H*W)        (derived in lesson 11)
    Cost      1 flop a value; the cache holds the shape
    Errors    ValueError if x is not (N, C, H, W) or has no pixels
    Source    Lin, Chen and Yan, "Network in network", ICLR 2014, section 3.2
    """
    require_array("GlobalAvgPool: x", x, 4, "(N, C, H, W)")
    require(x.shape[2] * x.shape[3] > 0, f"GlobalAvgPool: x must be (N, C, H, W) with pixels, got {x.shape}")
    return x.mean(axis=(2, 3)), x.shape


def global_avg_pool_backward(dout: Array, cache: Cache) -> Array:
    """dout (N, C) -> dx (N, C, H, W)."""
    n, c, h, w = cache
    require_dout("GlobalAvgPool", dout, (n, c))
    share = (dout * dout.dtype.type(1 / (h * w))).T[None, :, None, :]  # (1, C, 1, N)
    return from_hcwn(np.broadcast_to(share, (h, c, w, n)).copy())


class GlobalAvgPool(Layer):
    """``global_avg_pool_forward``; nothing to learn."""

    functions: Pair = (global_avg_pool_forward, global_avg_pool_backward)


def _window(layer: str, x: Array, kernel_size: int | Two, stride: int | Two | None) -> tuple[Two, Two]:
    """Check x and the window; the stride is the kernel's size if not given."""
    require_array(f"{layer}: x", x, 4, "(N, C, H, W)")
    kernel, step, pad = window(layer, kernel_size, kernel_size if stride is None else stride, 0)
    output_size(x.shape[2:], kernel, step, pad)
    return kernel, step
