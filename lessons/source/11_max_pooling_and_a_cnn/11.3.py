# %% [markdown]
# # Your convolution

# %% check
import numpy as np

from scratchnet_lessons.exercises import Comparison, generic, gradients

ELSEWHERE = {
    "im2col_here": ("im2col", "lesson 10"),
    "col2im_here": ("col2im", "lesson 10"),
    "places_here": ("places", "lesson 9"),
}


def names_of_other_notebooks(function):
    """A report for each name that lesson 9 or 10 gives to what ``learner`` returns, and that is not here."""
    for name in getattr(getattr(function, "__code__", None), "co_names", ()):
        if name in ELSEWHERE and name not in function.__globals__:
            here, lesson = ELSEWHERE[name]
            yield Comparison(
                function.__name__,
                problem=f"it calls {name}, which the notebook of {lesson} has and this one has not",
                name="a name of another notebook",
                hint=f"in this notebook it is called {here}: write {here} for {name}, and copy your {here} into the cell.",
            )


def convolution(x, w, b, stride=(1, 1), pad=(0, 0)):
    (sh, sw), (ph, pw) = stride, pad
    (n, _, h, width), (f, _, kh, kw) = x.shape, w.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.zeros((n, f, oh, ow))
    for image, k, i, j in np.ndindex(out.shape):
        out[image, k, i, j] = (xpad[image, :, i * sh : i * sh + kh, j * sw : j * sw + kw] * w[k]).sum() + b[k]
    return out


def examine(conv_forward, conv_backward):
    rng = np.random.default_rng(0)
    for function in conv_forward, conv_backward:
        yield from names_of_other_notebooks(function)

    def report(x_shape, w_shape, stride, pad):
        arrays = generic(x_shape, rng), generic(w_shape, rng), generic(w_shape[:1], rng)
        options = {"stride": stride, "pad": pad}
        return gradients((conv_forward, conv_backward), *arrays, options=options, reference=convolution)

    yield report((2, 2, 5, 4), (3, 2, 3, 2), (1, 1), (0, 0))
    yield report((2, 3, 4, 5), (2, 3, 3, 2), (1, 1), (1, 1))
    yield report((2, 2, 5, 7), (3, 2, 2, 3), (1, 2), (1, 2))


# %% [markdown] hint
# Where have you written a convolution, and its backward pass? What did these functions call that is not in this notebook?

# %% [markdown] hint
# Copy from your notebook of lesson 10: `im2col`, `col2im`, `conv_forward` and `conv_backward`. In the last two, write `im2col` for `im2col_here` and
# `col2im` for `col2im_here`.

# %% [markdown] hint
# If you want to write it anew: `cols = im2col(x, ...)`, `rows = w.reshape(F, -1) @ cols + b[:, None]`, reshaped to (F, OH, OW, N) and then transposed;
# backward: `drows` is dout transposed and then reshaped, `dw = drows @ cols.T`, `db = drows.sum(axis=1)`, and `dx` by col2im from `w_rows.T @ drows`.
# The other two: `solution("10.1")` shows im2col and `solution("10.2")` col2im, in this notebook, too.

# %% [markdown] derivation
# That is lesson 10. Every patch is a column of `cols`, every filter a row; the product of both gives all output numbers. Backward, the product's gradients are
# those of a dense layer (lesson 5), and col2im gives each patch's gradient back to the pixels it was copied from, where overlaps add.


# %% solution
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for a in range(kh):
        for b in range(kw):
            pixels = xpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw]
            cols[:, a, b] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, w + 2 * pw), dcols.dtype)
    for a in range(kh):
        for b in range(kw):
            gradient = dcols[:, a, b].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw] += gradient
    return dxpad[:, :, ph : ph + h, pw : pw + w]


def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (n, _, h, width), (f, _, kh, kw) = x.shape, w.shape
    oh, ow = (h + 2 * pad[0] - kh) // stride[0] + 1, (width + 2 * pad[1] - kw) // stride[1] + 1
    cols = im2col(x, (kh, kw), stride, pad)
    rows = w.reshape(f, -1) @ cols + b[:, None]
    out = rows.reshape(f, oh, ow, n).transpose(3, 0, 1, 2)
    return out, (cols, x.shape, w, stride, pad)


def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = len(w)
    drows = dout.transpose(1, 2, 3, 0).reshape(f, -1)
    dw = (drows @ cols.T).reshape(w.shape)
    db = drows.sum(axis=1)
    dcols = w.reshape(f, -1).T @ drows
    dx = col2im(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db


# %% wrong: forward wrong
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for a in range(kh):
        for b in range(kw):
            pixels = xpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw]
            cols[:, a, b] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, w + 2 * pw), dcols.dtype)
    for a in range(kh):
        for b in range(kw):
            gradient = dcols[:, a, b].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw] += gradient
    return dxpad[:, :, ph : ph + h, pw : pw + w]


def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (n, _, h, width), (f, _, kh, kw) = x.shape, w.shape
    oh, ow = (h + 2 * pad[0] - kh) // stride[0] + 1, (width + 2 * pad[1] - kw) // stride[1] + 1
    cols = im2col(x, (kh, kw), stride, pad)
    rows = w.reshape(f, -1) @ cols
    out = rows.reshape(f, oh, ow, n).transpose(3, 0, 1, 2)
    return out, (cols, x.shape, w, stride, pad)


def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = len(w)
    drows = dout.transpose(1, 2, 3, 0).reshape(f, -1)
    dw = (drows @ cols.T).reshape(w.shape)
    db = drows.sum(axis=1)
    dcols = w.reshape(f, -1).T @ drows
    dx = col2im(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db


# %% wrong: overlap overwritten
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for a in range(kh):
        for b in range(kw):
            pixels = xpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw]
            cols[:, a, b] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, w + 2 * pw), dcols.dtype)
    for a in range(kh):
        for b in range(kw):
            gradient = dcols[:, a, b].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw] = gradient
    return dxpad[:, :, ph : ph + h, pw : pw + w]


def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (n, _, h, width), (f, _, kh, kw) = x.shape, w.shape
    oh, ow = (h + 2 * pad[0] - kh) // stride[0] + 1, (width + 2 * pad[1] - kw) // stride[1] + 1
    cols = im2col(x, (kh, kw), stride, pad)
    rows = w.reshape(f, -1) @ cols + b[:, None]
    out = rows.reshape(f, oh, ow, n).transpose(3, 0, 1, 2)
    return out, (cols, x.shape, w, stride, pad)


def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = len(w)
    drows = dout.transpose(1, 2, 3, 0).reshape(f, -1)
    dw = (drows @ cols.T).reshape(w.shape)
    db = drows.sum(axis=1)
    dcols = w.reshape(f, -1).T @ drows
    dx = col2im(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db


# %% wrong: padding not cropped
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for a in range(kh):
        for b in range(kw):
            pixels = xpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw]
            cols[:, a, b] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, w + 2 * pw), dcols.dtype)
    for a in range(kh):
        for b in range(kw):
            gradient = dcols[:, a, b].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw] += gradient
    return dxpad[:, :, :h, :w]


def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (n, _, h, width), (f, _, kh, kw) = x.shape, w.shape
    oh, ow = (h + 2 * pad[0] - kh) // stride[0] + 1, (width + 2 * pad[1] - kw) // stride[1] + 1
    cols = im2col(x, (kh, kw), stride, pad)
    rows = w.reshape(f, -1) @ cols + b[:, None]
    out = rows.reshape(f, oh, ow, n).transpose(3, 0, 1, 2)
    return out, (cols, x.shape, w, stride, pad)


def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = len(w)
    drows = dout.transpose(1, 2, 3, 0).reshape(f, -1)
    dw = (drows @ cols.T).reshape(w.shape)
    db = drows.sum(axis=1)
    dcols = w.reshape(f, -1).T @ drows
    dx = col2im(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db


# %% wrong: forward wrong
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for a in range(kh):
        for b in range(kw):
            pixels = xpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw]
            cols[:, a, b] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, w + 2 * pw), dcols.dtype)
    for a in range(kh):
        for b in range(kw):
            gradient = dcols[:, a, b].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw] += gradient
    return dxpad[:, :, ph : ph + h, pw : pw + w]


def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (n, _, h, width), (f, _, kh, kw) = x.shape, w.shape
    oh, ow = (h + 2 * pad[0] - kh) // stride[0] + 1, (width + 2 * pad[1] - kw) // stride[1] + 1
    cols = im2col(x, (kh, kw), stride, pad)
    rows = w.reshape(f, -1) @ cols + b[:, None]
    out = rows.reshape(n, f, oh, ow)
    return out, (cols, x.shape, w, stride, pad)


def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = len(w)
    drows = dout.transpose(1, 2, 3, 0).reshape(f, -1)
    dw = (drows @ cols.T).reshape(w.shape)
    db = drows.sum(axis=1)
    dcols = w.reshape(f, -1).T @ drows
    dx = col2im(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db


# %% wrong: reshaped in the wrong order
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for a in range(kh):
        for b in range(kw):
            pixels = xpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw]
            cols[:, a, b] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, w + 2 * pw), dcols.dtype)
    for a in range(kh):
        for b in range(kw):
            gradient = dcols[:, a, b].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw] += gradient
    return dxpad[:, :, ph : ph + h, pw : pw + w]


def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (n, _, h, width), (f, _, kh, kw) = x.shape, w.shape
    oh, ow = (h + 2 * pad[0] - kh) // stride[0] + 1, (width + 2 * pad[1] - kw) // stride[1] + 1
    cols = im2col(x, (kh, kw), stride, pad)
    rows = w.reshape(f, -1) @ cols + b[:, None]
    out = rows.reshape(f, oh, ow, n).transpose(3, 0, 1, 2)
    return out, (cols, x.shape, w, stride, pad)


def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = len(w)
    drows = dout.reshape(f, -1)
    dw = (drows @ cols.T).reshape(w.shape)
    db = drows.sum(axis=1)
    dcols = w.reshape(f, -1).T @ drows
    dx = col2im(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db


# %% wrong: mean over positions instead of sum
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for a in range(kh):
        for b in range(kw):
            pixels = xpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw]
            cols[:, a, b] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, w + 2 * pw), dcols.dtype)
    for a in range(kh):
        for b in range(kw):
            gradient = dcols[:, a, b].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw] += gradient
    return dxpad[:, :, ph : ph + h, pw : pw + w]


def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (n, _, h, width), (f, _, kh, kw) = x.shape, w.shape
    oh, ow = (h + 2 * pad[0] - kh) // stride[0] + 1, (width + 2 * pad[1] - kw) // stride[1] + 1
    cols = im2col(x, (kh, kw), stride, pad)
    rows = w.reshape(f, -1) @ cols + b[:, None]
    out = rows.reshape(f, oh, ow, n).transpose(3, 0, 1, 2)
    return out, (cols, x.shape, w, stride, pad)


def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = len(w)
    drows = dout.transpose(1, 2, 3, 0).reshape(f, -1)
    dw = (drows @ cols.T).reshape(w.shape)
    db = drows.mean(axis=1)
    dcols = w.reshape(f, -1).T @ drows
    dx = col2im(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db


# %% wrong: in this notebook it is called im2col
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for a in range(kh):
        for b in range(kw):
            pixels = xpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw]
            cols[:, a, b] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, w + 2 * pw), dcols.dtype)
    for a in range(kh):
        for b in range(kw):
            gradient = dcols[:, a, b].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw] += gradient
    return dxpad[:, :, ph : ph + h, pw : pw + w]


def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (n, _, h, width), (f, _, kh, kw) = x.shape, w.shape
    oh, ow = (h + 2 * pad[0] - kh) // stride[0] + 1, (width + 2 * pad[1] - kw) // stride[1] + 1
    cols = im2col_here(x, (kh, kw), stride, pad)
    rows = w.reshape(f, -1) @ cols + b[:, None]
    out = rows.reshape(f, oh, ow, n).transpose(3, 0, 1, 2)
    return out, (cols, x.shape, w, stride, pad)


def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = len(w)
    drows = dout.transpose(1, 2, 3, 0).reshape(f, -1)
    dw = (drows @ cols.T).reshape(w.shape)
    db = drows.sum(axis=1)
    dcols = w.reshape(f, -1).T @ drows
    dx = col2im(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db
