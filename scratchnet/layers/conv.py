"""Convolution as a matrix product (im2col), with most of the copying left out.

The idea    One output pixel is the dot product of a filter with the patch of KH*KW*C inputs under it. Write every patch as
            a column of a matrix, every filter as a row of another, and the whole convolution is one matrix product, which
            is what computers are fastest at:

                w (F, KH*KW*C)  @  patches (KH*KW*C, number of output pixels)  =  out (F, number of output pixels)

            Plain im2col copies each input pixel KH*KW times, once for each patch it is part of.

The saving  x, w and out have the usual shapes, (N, C, H, W) and so on, but images lie in memory as (H, C, W, N): to_hcwn(x)
            is that array, contiguous (a copy only if x lies otherwise), and from_hcwn(y) shows it as (N, C, H, W) again
            without a copy. Columns and batch side by side are the columns of one matrix, (W, N); the channels before them
            are its rows; the image's rows are outermost. So we make one product for each output row, and its patch matrix
            nearly for free. Copy the image KW times, shifted by 0 .. KW-1 columns, and look at it row by row:

                cols[r] = row r of the padded image, in its KW shifts         (KW*C, OW*N)

            Without a stride, output row i needs rows i .. i+KH-1 of the padded image: its patch matrix is cols[i] on top of
            cols[i+1] .. on top of cols[i+KH-1]. To stack row-major matrices of one width is to lay them end to end in
            memory, and so they already lie: the patch matrix is a *window* on cols, and the next one starts one row later
            (`stride` rows, in general). Nothing is copied for the KH row shifts (KH = 3, stride 1). It follows that a patch
            runs over rows, then columns, then channels, (KH, KW, C), where textbooks have the channels first:

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

    patches[i, (a*KW + b)*C + c, j*N + n] = padded x[n, c, i*stride + a, j*stride + b]        a < KH, b < KW

    Costs KW copies of the image, not KH*KW: the windows overlap in memory (drawing above). A stride makes them narrower.
    """
    require_array("im2col: x", x, 4, "(N, C, H, W)")
    (kh, kw), (sh, sw), (ph, pw) = window("im2col", kernel_size, stride, pad)
    n, c, height, width = x.shape
    oh, ow = output_size((height, width), (kh, kw), (sh, sw), (ph, pw))
    xpad = _pad(to_hcwn(x), ph, pw)  # (H+2*ph, C, W+2*pw, N)

    cols = np.empty((height + 2 * ph, kw, c, ow, n), x.dtype)
    for b in range(kw):
        cols[:, b] = xpad[:, :, b : b + sw * ow : sw]  # ow columns: every sw-th from b on

    number = x.itemsize
    line = ow * n * number  # bytes of a row of a patch matrix
    steps = (sh * kw * c * line, line, number)  # bytes from a window to the next, from its row to the next, within a row
    return as_strided(cols, (oh, kh * kw * c, ow * n), steps, writeable=False)


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


def col2im(dpatches: Array, x_shape: tuple[int, ...], kernel_size: Two, stride: Two = (1, 1), pad: Two = (0, 0)) -> Array:
    """Backward of im2col: every patch gives its gradient back to the pixels it was copied from, and overlaps add.

    dpatches (OH, KH*KW*C, OW*N), each patch with numbers of its own here -> dx (N, C, H, W)
    """
    require_float("col2im: dpatches", dpatches)
    require(isinstance(x_shape, tuple) and len(x_shape) == 4, f"col2im: x_shape must be (N, C, H, W), got {x_shape!r}")
    (kh, kw), (sh, sw), (ph, pw) = window("col2im", kernel_size, stride, pad)
    n, c, height, width = x_shape
    oh, ow = output_size((height, width), (kh, kw), (sh, sw), (ph, pw))
    wanted = oh, kh * kw * c, ow * n
    fit = dpatches.shape == wanted
    require(fit, f"col2im: dpatches must be {wanted} for this kernel_size, stride and pad, got {dpatches.shape}")
    dpatches = dpatches.reshape(oh, kh, kw, c, ow, n)
    dxpad = np.zeros((height + 2 * ph, c, width + 2 * pw, n), dpatches.dtype)
    for a in range(kh):
        for b in range(kw):
            dxpad[a : a + sh * oh : sh, :, b : b + sw * ow : sw] += dpatches[:, a, b]
    return from_hcwn(dxpad[ph : ph + height, :, pw : pw + width])


def conv2d_forward(x: Array, w: Array, b: Array, stride: int | Two = 1, pad: int | Two = 0) -> tuple[Array, Cache]:
    """Slide F filters over an image; each output is one dot product of a filter and the patch under it.

    Shapes    x (N, C, H, W), w (F, C, KH, KW), b (F,) -> out (N, F, OH, OW), OH = (H + 2*pad - KH) // stride + 1
    Forward   out[n,f,i,j] = b[f] + sum_c,a,b padded x[n, c, i*stride + a, j*stride + b] * w[f,c,a,b]
    Backward  dw[f,c,a,b] = sum_n,i,j dout[n,f,i,j] * padded x[n, c, i*stride + a, j*stride + b]
              db[f] = sum_n,i,j dout[n,f,i,j]
              dx[n,c,r,s] = sum of dout[n,f,i,j] * w[f,c,a,b] over all f, i, j, a, b
                            with i*stride + a = r + pad and j*stride + b = s + pad
                                                                        (derived in lessons 9 and 10)
    Cost      2*N*F*OH*OW*C*KH*KW flops forward, about twice that backward; the cache holds KW copies of x (KW/stride)
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
    return from_hcwn(out.reshape(oh, f, ow, n)), (patches, x.shape, w, stride, pad)


def conv2d_backward(dout: Array, cache: Cache, need_dx: bool = True) -> tuple[Array | None, Array, Array]:
    """dout (N, F, OH, OW) -> dx (N, C, H, W), dw (F, C, KH, KW), db (F,); dx only if somebody below needs it."""
    patches, x_shape, w, stride, pad = cache
    f, c, kh, kw = w.shape
    require_dout("Conv2d", dout, (x_shape[0], f, *output_size(x_shape[2:], (kh, kw), stride, pad)))
    drows = to_hcwn(dout).reshape(len(patches), f, -1)  # (OH, F, OW*N)

    dw = (patches @ drows.transpose(0, 2, 1)).sum(axis=0)  # (KH*KW*C, F): @ sums over j and n, .sum over i
    dw = np.ascontiguousarray(dw.reshape(kh, kw, c, f).transpose(3, 2, 0, 1))
    db = drows.sum(axis=(0, 2))
    if not need_dx:
        return None, dw, db

    if _turned_is_shorter((kh, kw), stride, pad):
        dx = _dx_by_turned_filters(dout, w, x_shape, pad)
    else:
        dx = col2im(_rows(w).T @ drows, x_shape, (kh, kw), stride, pad)
    return dx, dw, db


def _turned_is_shorter(kernel_size: Two, stride: Two, pad: Two) -> bool:
    """Which way to dx? col2im is always right; turned filters need no adding up in memory, but they are a convolution
    only without a stride and with pad < K, and make a product for each pixel of x, col2im for each pixel of dout: with
    less padding than (K-1)/2, dout has fewer."""
    return stride == (1, 1) and all((k - 1) / 2 <= p < k for k, p in zip(kernel_size, pad, strict=True))


def _dx_by_turned_filters(dout: Array, w: Array, x_shape: tuple[int, ...], pad: Two) -> Array:
    """dx as a convolution of dout (stride 1), padded by K-1-pad, with the filters turned by 180 degrees.

    In one dimension, with K = 3 and pad = 1, out[i] = w[0] x[i-1] + w[1] x[i] + w[2] x[i+1]. So x[r] is part of out[r+1],
    out[r] and out[r-1], with w[0], w[1] and w[2]:

        dx[r] = w[2] dout[r-1] + w[1] dout[r] + w[0] dout[r+1]

    In general it is part of out[i], i = r + pad - a, with w[a]. Count the filter backwards, a = K-1-k, and
    i = r - (K-1-pad) + k: the k-th term of a convolution with the turned filter and padding K-1-pad.
    """
    n, c, height, width = x_shape
    kernel_size = kh, kw = w.shape[2:]
    turned = w[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)  # (C, F, KH, KW): what was an output is an input now
    dout_patches = im2col(dout, kernel_size, pad=(kh - 1 - pad[0], kw - 1 - pad[1]))
    return from_hcwn((_rows(turned) @ dout_patches).reshape(height, c, width, n))


class Conv2d(Layer):
    """``conv2d_forward(x, w, b, **options)`` with its own w and b. PyTorch's padding is called pad here.

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
    height, width = pair_of_ints("output_size: size", size, 0)  # type: ignore[arg-type]
    if height + 2 * ph < kh or width + 2 * pw < kw:
        padded = height + 2 * ph, width + 2 * pw
        raise ValueError(f"kernel_size {kernel_size} is larger than the image x: {size} padded by {pad} is {padded}")
    return (height + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1


def window(name: str, kernel_size: int | Two, stride: int | Two, pad: int | Two) -> tuple[Two, Two, Two]:
    """The three as pairs, for height and width.

    Errors    ValueError if one is no integer or pair of them, or too small
    """
    return (
        pair_of_ints(f"{name}: kernel_size", kernel_size, 1),
        pair_of_ints(f"{name}: stride", stride, 1),
        pair_of_ints(f"{name}: pad", pad, 0),
    )


def _check_shapes(x: Array, w: Array, b: Array) -> None:
    require_array("Conv2d: x", x, 4, "(N, C, H, W)")
    require_array("Conv2d: w", w, 4, "(F, C, KH, KW)")
    require_array("Conv2d: b", b, 1, "(F,)")
    require(0 not in w.shape[2:], f"Conv2d: w must be (F, C, KH, KW) with KH and KW at least 1, got {w.shape}")
    require(b.shape == w.shape[:1], f"Conv2d: w must be (F, C, KH, KW) and b (F,), got {w.shape}, {b.shape}")
    require(
        x.shape[1] == w.shape[1],
        f"Conv2d: x has {x.shape[1]} channels, w wants {w.shape[1]}: x {x.shape}, w {w.shape}",
    )
