"""The steps of the ladder from loops to fast: convolution and max pooling written in three ways, each a forward/backward
pair as in scratchnet/layers, with the same arguments. The fourth way is scratchnet's own.

    loops        what the formula says, an output pixel at a time
    textbook     im2col: every patch a row of a matrix, then one matrix product; images in memory as (N, C, H, W)
    batch last   the same with the batch innermost, (C, H, W, N): copies move long stretches instead of single pixels

``on(model, LOOPS)`` is a network that runs on one of them. Pooling windows do not overlap here (stride = kernel size).
"""

from __future__ import annotations

import numpy as np

from scratchnet.layers import Conv2d, Dropout, Flatten, MaxPool2d, Sequential
from scratchnet.layers.base import Layer
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array, Cache, Pair, Rng

Two = tuple[int, int]
Step = dict[type[Layer], Pair]


# --- Loops -----------------------------------------------------------------------------------------------------------------


def conv_loops_forward(x: Array, w: Array, b: Array, stride: Two = (1, 1), pad: Two = (0, 0)) -> tuple[Array, Cache]:
    """One output pixel of one filter at a time; NumPy only multiplies the patch with the filter and adds up."""
    (f, _, kh, kw), (sh, sw), (ph, pw) = w.shape, stride, pad
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    n, _, h, width = xpad.shape
    out = np.empty((n, f, (h - kh) // sh + 1, (width - kw) // sw + 1), x.dtype)
    for image, filter_, i, j in np.ndindex(out.shape):
        patch = xpad[image, :, i * sh : i * sh + kh, j * sw : j * sw + kw]
        out[image, filter_, i, j] = (patch * w[filter_]).sum() + b[filter_]
    return out, (xpad, w, stride, pad)


def conv_loops_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Every output pixel gives its gradient to the patch and to the filter that it came from."""
    xpad, w, (sh, sw), (ph, pw) = cache
    kh, kw = w.shape[2:]
    dxpad, dw = np.zeros_like(xpad), np.zeros_like(w)
    for image, filter_, i, j in np.ndindex(dout.shape):
        rows, columns = slice(i * sh, i * sh + kh), slice(j * sw, j * sw + kw)
        dw[filter_] += dout[image, filter_, i, j] * xpad[image, :, rows, columns]
        dxpad[image, :, rows, columns] += dout[image, filter_, i, j] * w[filter_]
    h, width = xpad.shape[2:]
    return dxpad[:, :, ph : h - ph, pw : width - pw], dw, dout.sum(axis=(0, 2, 3))


def pool_loops_forward(x: Array, kernel_size: Two, stride: Two) -> tuple[Array, Cache]:
    """One window at a time; remembers where its maximum was."""
    (kh, kw), (n, c, h, w) = kernel_size, x.shape
    out = np.empty((n, c, h // kh, w // kw), x.dtype)
    winner = np.empty(out.shape, np.int64)
    for image, channel, i, j in np.ndindex(out.shape):
        window = x[image, channel, i * kh : (i + 1) * kh, j * kw : (j + 1) * kw]
        winner[image, channel, i, j] = window.argmax()
        out[image, channel, i, j] = window.max()
    return out, (x.shape, kernel_size, winner)


def pool_loops_backward(dout: Array, cache: Cache) -> Array:
    """Each window's gradient goes to where its maximum was."""
    shape, (kh, kw), winner = cache
    dx = np.zeros(shape, dout.dtype)
    for image, channel, i, j in np.ndindex(dout.shape):
        row, column = divmod(winner[image, channel, i, j], kw)
        dx[image, channel, i * kh + row, j * kw + column] = dout[image, channel, i, j]
    return dx


# --- Textbook im2col, (N, C, H, W) -----------------------------------------------------------------------------------------


def conv_textbook_forward(x: Array, w: Array, b: Array, stride: Two = (1, 1), pad: Two = (0, 0)) -> tuple[Array, Cache]:
    """patches (N*OH*OW, C*KH*KW) @ filters (C*KH*KW, F)."""
    (f, c, kh, kw), (sh, sw), (ph, pw) = w.shape, stride, pad
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    n, _, h, width = xpad.shape
    oh, ow = (h - kh) // sh + 1, (width - kw) // sw + 1
    cols = np.empty((n, c, kh, kw, oh, ow), x.dtype)
    for i in range(kh):
        for j in range(kw):
            cols[:, :, i, j] = xpad[:, :, i : i + sh * oh : sh, j : j + sw * ow : sw]
    patches = cols.transpose(0, 4, 5, 1, 2, 3).reshape(n * oh * ow, c * kh * kw)
    out = patches @ w.reshape(f, -1).T + b
    return np.ascontiguousarray(out.reshape(n, oh, ow, f).transpose(0, 3, 1, 2)), (patches, xpad.shape, w, stride, pad)


def conv_textbook_backward(dout: Array, cache: Cache, need_dx: bool = True) -> tuple[Array | None, Array, Array]:
    """dw is one product; dx is another and col2im, which adds every patch's gradient to the pixels it was copied from."""
    patches, (n, c, h, width), w, (sh, sw), (ph, pw) = cache
    f, _, kh, kw = w.shape
    oh, ow = dout.shape[2:]
    drows = dout.transpose(0, 2, 3, 1).reshape(-1, f)
    dw, db = (drows.T @ patches).reshape(w.shape), drows.sum(axis=0)
    if not need_dx:
        return None, dw, db
    dcols = (drows @ w.reshape(f, -1)).reshape(n, oh, ow, c, kh, kw).transpose(0, 3, 4, 5, 1, 2)
    dxpad = np.zeros((n, c, h, width), dout.dtype)
    for i in range(kh):
        for j in range(kw):
            dxpad[:, :, i : i + sh * oh : sh, j : j + sw * ow : sw] += dcols[:, :, i, j]
    return np.ascontiguousarray(dxpad[:, :, ph : h - ph, pw : width - pw]), dw, db


def pool_textbook_forward(x: Array, kernel_size: Two, stride: Two) -> tuple[Array, Cache]:
    """Every window as a row of its own, then its largest entry."""
    (kh, kw), (n, c, h, w) = kernel_size, x.shape
    oh, ow = h // kh, w // kw
    windows = (
        x[:, :, : oh * kh, : ow * kw].reshape(n, c, oh, kh, ow, kw).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, oh, ow, -1)
    )
    winner = windows.argmax(axis=-1)[..., None]
    return np.take_along_axis(windows, winner, axis=-1)[..., 0], (x.shape, kernel_size, winner)


def pool_textbook_backward(dout: Array, cache: Cache) -> Array:
    """Each window's gradient goes to its largest entry."""
    (n, c, h, w), (kh, kw), winner = cache
    oh, ow = dout.shape[2:]
    dwindows = np.zeros((n, c, oh, ow, kh * kw), dout.dtype)
    np.put_along_axis(dwindows, winner, dout[..., None], axis=-1)
    dx = np.zeros((n, c, h, w), dout.dtype)
    dx[:, :, : oh * kh, : ow * kw] = (
        dwindows.reshape(n, c, oh, ow, kh, kw).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, oh * kh, ow * kw)
    )
    return dx


def flatten_textbook_forward(x: Array) -> tuple[Array, Cache]:
    return x.reshape(len(x), -1), x.shape


def flatten_textbook_backward(dout: Array, cache: Cache) -> Array:
    return dout.reshape(cache)


def dropout_textbook_forward(x: Array, p: float, rng: Rng) -> tuple[Array, Cache]:
    mask = (rng.random(x.shape, np.float32) >= p) * x.dtype.type(1 / (1 - p))
    return x * mask, mask


def dropout_backward(dout: Array, cache: Cache) -> Array:
    return dout * cache


# --- Plain im2col, batch last: (C, H, W, N) --------------------------------------------------------------------------------


def to_chwn(x: Array) -> Array:
    """(N, C, H, W) -> (C, H, W, N); no copy if x already lies that way."""
    return np.ascontiguousarray(x.transpose(1, 2, 3, 0))


def from_chwn(y: Array) -> Array:
    """(C, H, W, N) -> the same numbers seen as (N, C, H, W). Never copies."""
    return y.transpose(3, 0, 1, 2)


def conv_batch_last_forward(x: Array, w: Array, b: Array, stride: Two = (1, 1), pad: Two = (0, 0)) -> tuple[Array, Cache]:
    """filters (F, C*KH*KW) @ patches (C*KH*KW, OH*OW*N): what comes out lies as what went in, nothing is transposed."""
    (f, c, kh, kw), (sh, sw), (ph, pw) = w.shape, stride, pad
    xpad = np.pad(to_chwn(x), ((0, 0), (ph, ph), (pw, pw), (0, 0)))
    _, h, width, n = xpad.shape
    oh, ow = (h - kh) // sh + 1, (width - kw) // sw + 1
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for i in range(kh):
        for j in range(kw):
            cols[:, i, j] = xpad[:, i : i + sh * oh : sh, j : j + sw * ow : sw]
    patches = cols.reshape(c * kh * kw, oh * ow * n)
    out = w.reshape(f, -1) @ patches
    out += b[:, None]
    return from_chwn(out.reshape(f, oh, ow, n)), (patches, xpad.shape, w, stride, pad)


def conv_batch_last_backward(dout: Array, cache: Cache, need_dx: bool = True) -> tuple[Array | None, Array, Array]:
    """As in the textbook, without its transpositions."""
    patches, (c, h, width, n), w, (sh, sw), (ph, pw) = cache
    f, _, kh, kw = w.shape
    oh, ow = dout.shape[2:]
    drows = to_chwn(dout).reshape(f, -1)
    dw, db = (drows @ patches.T).reshape(w.shape), drows.sum(axis=1)
    if not need_dx:
        return None, dw, db
    dcols = (w.reshape(f, -1).T @ drows).reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((c, h, width, n), dout.dtype)
    for i in range(kh):
        for j in range(kw):
            dxpad[:, i : i + sh * oh : sh, j : j + sw * ow : sw] += dcols[:, i, j]
    return from_chwn(dxpad[:, ph : h - ph, pw : width - pw]), dw, db


def pool_batch_last_forward(x: Array, kernel_size: Two, stride: Two) -> tuple[Array, Cache]:
    """The maximum of KH*KW shrunken images, one for each place in the window."""
    y = to_chwn(x)
    out, *others = _places(y, kernel_size)
    for other in others:
        out = np.maximum(out, other)
    return from_chwn(out), (y, kernel_size, out)


def pool_batch_last_backward(dout: Array, cache: Cache) -> Array:
    """The first place that holds the maximum takes the window's gradient."""
    y, kernel_size, out = cache
    dy, dout = np.zeros_like(y), to_chwn(dout)
    free = np.ones(out.shape, bool)
    for place, dplace in zip(_places(y, kernel_size), _places(dy, kernel_size), strict=True):
        wins = (place == out) & free
        np.multiply(dout, wins, out=dplace)
        free &= ~wins
    return from_chwn(dy)


def _places(y: Array, kernel_size: Two) -> list[Array]:
    """KH*KW views of y (C, H, W, N): view (i, j) has row i, column j of every window."""
    kh, kw = kernel_size
    oh, ow = y.shape[1] // kh, y.shape[2] // kw
    return [y[:, i : oh * kh : kh, j : ow * kw : kw] for i in range(kh) for j in range(kw)]


def dropout_batch_last_forward(x: Array, p: float, rng: Rng) -> tuple[Array, Cache]:
    """Draws in the order of memory."""
    if x.ndim == 4:
        n, c, h, w = x.shape
        draw = from_chwn(rng.random((c, h, w, n), np.float32))
    else:
        draw = rng.random(x.shape, np.float32)
    mask = (draw >= p) * x.dtype.type(1 / (1 - p))
    return x * mask, mask


# --- A network on one of them ----------------------------------------------------------------------------------------------

LOOPS: Step = {
    Conv2d: (conv_loops_forward, conv_loops_backward),
    MaxPool2d: (pool_loops_forward, pool_loops_backward),
    Flatten: (flatten_textbook_forward, flatten_textbook_backward),
    Dropout: (dropout_textbook_forward, dropout_backward),
}
TEXTBOOK: Step = LOOPS | {
    Conv2d: (conv_textbook_forward, conv_textbook_backward),
    MaxPool2d: (pool_textbook_forward, pool_textbook_backward),
}
BATCH_LAST: Step = {
    Conv2d: (conv_batch_last_forward, conv_batch_last_backward),
    MaxPool2d: (pool_batch_last_forward, pool_batch_last_backward),
    Dropout: (dropout_batch_last_forward, dropout_backward),
}


def on(model: Sequential, step: Step) -> Sequential:
    """The same network with the same weights (not copies), its layers run by the step's pairs where it has any."""
    layers: list[Layer] = []
    for layer in model.layers:
        kind = type(layer)
        if kind in step:
            settings = {name: getattr(layer, name) for name in layer.settings}
            rng = {"rng": stream(0, Purpose.INIT)} if layer.params else {}
            same = kind(**settings, **rng, functions=step[kind])
            same.params = layer.params
            layer = same
        layers.append(layer)
    return Sequential(*layers)
