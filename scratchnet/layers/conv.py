"""Convolution as a matrix product (im2col), with most of the copying left out.

The idea    One output pixel is the dot product of a filter with the patch of KH*KW*C inputs under it. Write every patch as
            a column of a matrix, every filter as a row of another, and the whole convolution is one matrix product, which
            is what computers are fastest at:

                w (F, KH*KW*C)  @  patches (KH*KW*C, number of output pixels)  =  out (F, number of output pixels)

            Plain im2col copies each input pixel KH*KW times, once for each patch it is part of.

The saving  x, w and out have the usual shapes, (N, C, H, W) and so on, but images lie in memory as (H, C, W, N) (see
            memory.py), rows outermost. There we make one product for each output row, and its patch matrix nearly for free.
            Copy the image KW times, shifted by 0 .. KW-1 columns, and look at it row by row:

                cols[r] = row r of the padded image, in its KW shifts         (KW*C, OW*N)

            Output row i needs input rows i .. i+KH-1, so its patch matrix is cols[i] on top of cols[i+1] .. on top of
            cols[i+KH-1]. To stack row-major matrices of one width is to lay them end to end in memory, and so they already
            lie: the patch matrix is a *window* on cols, and the next one starts `stride` rows later. Nothing is copied for
            the KH row shifts (KH = 3, stride 1):

                cols in memory    | cols[0] | cols[1] | cols[2] | cols[3] | cols[4] | ...
                output row 0      |<--------- patches[0] ------>|
                output row 1                |<--------- patches[1] ------>|
                output row 2                          |<--------- patches[2] ------>|

Source      im2col: Chellapilla, Puri and Simard, "High performance convolutional neural networks for document processing",
            2006. The overlapping windows: Cho and Brand, "MEC: Memory-efficient convolution for deep neural network",
            ICML 2017.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import as_strided

from scratchnet.arguments import is_whole, pair_of_ints, require, require_array, require_dout, require_float
from scratchnet.init import he_normal, initial
from scratchnet.layers.base import Layer
from scratchnet.memory import from_hcwn, to_hcwn
from scratchnet.typing import Array, Cache, Pair, Rng

Two = tuple[int, int]


def im2col(x: Array, kernel_size: Two, stride: Two = (1, 1), pad: Two = (0, 0)) -> Array:
    """The patch matrix of every output row: x (N, C, H, W) -> (OH, KH*KW*C, OW*N), to be read, never written.

    patches[i, (a*KW + b)*C + c, j*N + n] = xpad[n, c, i*stride + a, j*stride + b]        a < KH, b < KW

    Costs KW copies of the image (fewer with a stride), not KH*KW: the windows overlap in memory (drawing above).
    """
    require_array("im2col: x", x, 4, "(N, C, H, W)")
    (kh, kw), (sh, sw), (ph, pw) = window("im2col", kernel_size, stride, pad)
    n, c, h, w = x.shape
    oh, ow = output_size((h, w), (kh, kw), (sh, sw), (ph, pw))
    xpad = _pad(to_hcwn(x), ph, pw)  # (H+2p, C, W+2p, N)

    cols = np.empty((h + 2 * ph, kw, c, ow, n), x.dtype)
    for b in range(kw):
        cols[:, b] = xpad[:, :, b : b + sw * ow : sw]

    row = kw * c * ow * n * x.itemsize  # bytes of one cols[r]; the strides: to the next window, its next row, next number
    return as_strided(cols, (oh, kh * kw * c, ow * n), (sh * row, ow * n * x.itemsize, x.itemsize), writeable=False)


def col2im(dpatches: Array, x_shape: tuple[int, ...], kernel_size: Two, stride: Two = (1, 1), pad: Two = (0, 0)) -> Array:
    """Backward of im2col: every patch gives its gradient back to the pixels it was copied from, and overlaps add.

    dpatches (OH, KH*KW*C, OW*N) -> dx (N, C, H, W)
    """
    require_float("col2im: dpatches", dpatches)
    (kh, kw), (sh, sw), (ph, pw) = window("col2im", kernel_size, stride, pad)
    require(isinstance(x_shape, tuple) and len(x_shape) == 4, f"col2im: x_shape must be (N, C, H, W), got {x_shape!r}")
    n, c, h, w = x_shape
    oh, ow = output_size((h, w), (kh, kw), (sh, sw), (ph, pw))
    wanted = oh, kh * kw * c, ow * n
    require(
        dpatches.shape == wanted,
        f"col2im: dpatches must be {wanted} for this kernel_size, stride and pad, got {dpatches.shape}",
    )
    dpatches = dpatches.reshape(oh, kh, kw, c, ow, n)
    dxpad = np.zeros((h + 2 * ph, c, w + 2 * pw, n), dpatches.dtype)
    for a in range(kh):
        for b in range(kw):
            dxpad[a : a + sh * oh : sh, :, b : b + sw * ow : sw] += dpatches[:, a, b]
    return from_hcwn(dxpad[ph : ph + h, :, pw : pw + w])


def conv2d_forward(x: Array, w: Array, b: Array, stride: int | Two = 1, pad: int | Two = 0) -> tuple[Array, Cache]:
    """Slide F filters over an image; each output is one dot product of a filter and the patch under it.

    Shapes    x (N, C, H, W), w (F, C, KH, KW), b (F,) -> out (N, F, OH, OW), OH = (H + 2*pad - KH) // stride + 1
    Forward   out[n,f,i,j] = b[f] + sum_c,kh,kw xpad[n, c, i*stride + kh, j*stride + kw] * w[f,c,kh,kw]
    Backward  dw[f,c,kh,kw] = sum_n,i,j dout[n,f,i,j] * xpad[n, c, i*stride + kh, j*stride + kw]
              db[f] = sum_n,i,j dout[n,f,i,j]
              dx[n,c,r,s] = sum of dout[n,f,i,j] * w[f,c,kh,kw] over all f, i, j, kh, kw
                            with i*stride + kh = r + pad and j*stride + kw = s + pad
                                                                        (derived in lessons 9 and 10)
    Cost      2*N*F*OH*OW*C*KH*KW flops forward, about twice that backward; the cache holds about KW/stride copies of x
    Errors    ValueError if the shapes do not fit or the kernel is larger than the padded image
    Source    LeCun et al., "Gradient-based learning applied to document recognition", 1998, section II.
              As everywhere in the field this is a cross-correlation: the kernel is not flipped.
    """
    _check_shapes(x, w, b)
    kernel_size, stride, pad = window("Conv2d", w.shape[2:], stride, pad)
    n, f = len(x), len(w)
    oh, ow = output_size(x.shape[2:], kernel_size, stride, pad)
    patches = im2col(x, kernel_size, stride, pad)
    out = _rows(w) @ patches  # one product for each output row: (OH, F, OW*N)
    out += b[:, None]
    return from_hcwn(out.reshape(oh, f, ow, n)), (patches, x.shape, (n, f, oh, ow), w, stride, pad)


def conv2d_backward(dout: Array, cache: Cache, need_dx: bool = True) -> tuple[Array | None, Array, Array]:
    """dout (N, F, OH, OW) -> dx (N, C, H, W), dw (F, C, KH, KW), db (F,)."""
    patches, x_shape, out_shape, w, stride, pad = cache
    require_dout("Conv2d", dout, out_shape)
    f, c, kh, kw = w.shape
    drows = to_hcwn(dout).reshape(len(patches), f, -1)  # (OH, F, OW*N)

    dw = (patches @ drows.transpose(0, 2, 1)).sum(axis=0)  # (KH*KW*C, F): @ sums over j and n, .sum over i
    dw = np.ascontiguousarray(dw.reshape(kh, kw, c, f).transpose(3, 2, 0, 1))
    db = drows.sum(axis=(0, 2))
    if not need_dx:
        return None, dw, db

    if _well_padded((kh, kw), stride, pad):
        # Row r of x was used by output rows i = r + pad - a, a = 0 .. KH-1. Counting a filter's rows backwards, a = KH-1-k,
        # gives i = r - (KH-1-pad) + k: a plain convolution of dout, padded by KH-1-pad, with the filters turned by 180
        # degrees. Columns likewise. That way nothing has to be added up in memory; but it makes a product for each pixel
        # of x, so where dout has fewer, with less padding than (K-1)/2, the other way is shorter.
        turned = w[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)  # (C, F, KH, KW)
        dout_patches = im2col(dout, (kh, kw), pad=(kh - 1 - pad[0], kw - 1 - pad[1]))
        dx = from_hcwn((_rows(turned) @ dout_patches).reshape(x_shape[2], c, x_shape[3], x_shape[0]))
    else:  # with a stride a pixel meets only every stride-th row of a filter, which is no plain convolution
        dx = col2im(_rows(w).T @ drows, x_shape, (kh, kw), stride, pad)
    return dx, dw, db


class Conv2d(Layer):
    """``conv2d_forward`` with its own w and b. PyTorch's padding is called pad here.

    w starts from ``init(rng, (out_channels, in_channels, KH, KW))``, b from zero. kernel_size, stride and pad are one
    number, or two for height and width.
    """

    functions: Pair = (conv2d_forward, conv2d_backward)
    settings = ("in_channels", "out_channels", "kernel_size", "stride", "pad")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Two,
        *,
        stride: int | Two = 1,
        pad: int | Two = 0,
        rng: Rng,
        init: Callable[[Rng, tuple[int, ...]], Array] = he_normal,
        functions: Pair | None = None,
    ) -> None:
        super().__init__(functions)
        require(
            is_whole(in_channels, out_channels) and in_channels >= 1 and out_channels >= 1,
            f"Conv2d: in_channels and out_channels must be integers of at least 1, got {in_channels} and {out_channels}",
        )
        self.in_channels, self.out_channels = int(in_channels), int(out_channels)
        self.kernel_size = pair_of_ints("Conv2d: kernel_size", kernel_size, 1)
        self.stride = pair_of_ints("Conv2d: stride", stride, 1)
        self.pad = pair_of_ints("Conv2d: pad", pad, 0)
        self.options = {"stride": self.stride, "pad": self.pad}
        w = initial("Conv2d", init, rng, (self.out_channels, self.in_channels, *self.kernel_size))
        self.params = {"w": w, "b": np.zeros(out_channels, np.float32)}


def output_size(size: tuple[int, ...], kernel_size: Two, stride: Two, pad: Two) -> Two:
    """(H, W) -> (OH, OW): how many places a kernel fits, O = (I + 2*pad - K) // stride + 1.

    Errors    ValueError if it fits nowhere
    """
    (kh, kw), (sh, sw), (ph, pw) = window("output_size", kernel_size, stride, pad)
    h, w = pair_of_ints("output_size: size", size, 0)  # type: ignore[arg-type]
    if h + 2 * ph < kh or w + 2 * pw < kw:
        padded = h + 2 * ph, w + 2 * pw
        raise ValueError(f"kernel {kernel_size} is larger than the image: {size} padded by {pad} is {padded}")
    return (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1


def window(name: str, kernel_size: int | Two, stride: int | Two, pad: int | Two) -> tuple[Two, Two, Two]:
    """The three as pairs, for height and width.

    Errors    ValueError if one is no integer or pair of them, or too small
    """
    return (
        pair_of_ints(f"{name}: kernel_size", kernel_size, 1),
        pair_of_ints(f"{name}: stride", stride, 1),
        pair_of_ints(f"{name}: pad", pad, 0),
    )


def _well_padded(kernel_size: Two, stride: Two, pad: Two) -> bool:
    """Is the output at least as large as the image, without a stride, and no kernel wholly in the padding?"""
    return stride == (1, 1) and all((k - 1) / 2 <= p < k for k, p in zip(kernel_size, pad, strict=True))


def _rows(w: Array) -> Array:
    """(F, C, KH, KW) -> (F, KH*KW*C): a filter as one row, in the order of a patch."""
    return w.transpose(0, 2, 3, 1).reshape(len(w), -1)


def _pad(x: Array, ph: int, pw: int) -> Array:
    """Zeros around an image: (H, C, W, N) -> (H+2*ph, C, W+2*pw, N)."""
    if ph == pw == 0:
        return x
    h, c, w, n = x.shape
    xpad = np.zeros((h + 2 * ph, c, w + 2 * pw, n), x.dtype)
    xpad[ph : ph + h, :, pw : pw + w] = x
    return xpad


def _check_shapes(x: Array, w: Array, b: Array) -> None:
    require_array("Conv2d: x", x, 4, "(N, C, H, W)")
    require_array("Conv2d: w", w, 4, "(F, C, KH, KW)")
    require_array("Conv2d: b", b, 1, "(F,)")
    require(b.shape == w.shape[:1], f"Conv2d: w must be (F, C, KH, KW) and b (F,), got {w.shape}, {b.shape}")
    require(
        x.shape[1] == w.shape[1],
        f"Conv2d: x has {x.shape[1]} channels, w wants {w.shape[1]}: x {x.shape}, w {w.shape}",
    )
