# %% [markdown]
# # The convolution, backward

# %% check
import numpy as np

from scratchnet_lessons.exercises import generic, gradients


def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (sh, sw), (ph, pw) = stride, pad
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    OH, OW = (H + 2 * ph - KH) // sh + 1, (W + 2 * pw - KW) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.zeros((N, F, OH, OW), x.dtype)
    for i, j in np.ndindex(OH, OW):
        patches = xpad[:, :, i * sh : i * sh + KH, j * sw : j * sw + KW]  # of all images
        out[:, :, i, j] = np.einsum("ncab,fcab->nf", patches, w) + b
    return out, (xpad, w, stride, pad)


def examine(conv_backward):
    rng = np.random.default_rng(0)

    def report(x_shape, w_shape, stride, pad):
        arrays = generic(x_shape, rng), generic(w_shape, rng), generic(w_shape[:1], rng)
        return gradients((conv_forward, conv_backward), *arrays, options={"stride": stride, "pad": pad})

    yield report((2, 2, 5, 4), (3, 2, 3, 2), (1, 1), (0, 0))
    yield report((2, 2, 5, 7), (3, 2, 3, 3), (2, 2), (0, 0))
    yield report((2, 3, 4, 5), (2, 3, 3, 2), (1, 1), (1, 1))
    yield report((2, 2, 4, 7), (2, 2, 2, 3), (1, 2), (2, 1))


# %% [markdown] hint
# Stand at one output number: g is how much the loss feels it. The table above the exercise says what g gives to the bias, to
# the filter and to the patch. Which entries of db, dw and dxpad are those?

# %% [markdown] hint
# They are `db[f]`, `dw[f]`, and the same cut-out of `dxpad[n]` that forward took from `xpad[n]`. Each gets a `+=`, since other output
# numbers give to them as well. For dx, cut out of dxpad: the image begins on row ph and on column pw, and has H rows and W
# columns.

# %% [markdown] hint
# `db[f] += g`; `dw[f] += g * patch`, where patch is `xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]`; and the same slice of
# `dxpad` gets `+= g * w[f]`. Then `dx = dxpad[:, :, ph : ph + H, ...]`.

# %% [markdown] derivation
# $\text{out}_{nfij} = b_f + \sum_{cab} \text{patch}_{cab}\, w_{fcab}$ has the slope 1 for $b_f$, $\text{patch}_{cab}$ for $w_{fcab}$, and $w_{fcab}$ for
# $\text{patch}_{cab}$. The chain rule multiplies each by $g = \text{dout}_{nfij}$. Other output numbers use the same bias, filter and pixels, so all their terms
# add up: `+=`, starting from zeros.
#
# Padding is a copy of x into the middle of zeros: pixel $(r, q)$ of x is pixel $(r + \text{ph}, q + \text{pw})$ of xpad, and takes its gradient from there.


# %% solution
def conv_backward(dout, cache):
    xpad, w, (sh, sw), (ph, pw) = cache
    (N, F, OH, OW), (_, C, KH, KW) = dout.shape, w.shape
    H, W = xpad.shape[2] - 2 * ph, xpad.shape[3] - 2 * pw
    dxpad, dw, db = np.zeros_like(xpad), np.zeros_like(w), np.zeros(F, w.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for f in range(F):
                    g = dout[n, f, i, j]
                    db[f] += g
                    dw[f] += g * xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                    dxpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW] += g * w[f]
    dx = dxpad[:, :, ph : ph + H, pw : pw + W]
    return dx, dw, db


# %% wrong: sum overwritten
def conv_backward(dout, cache):
    xpad, w, (sh, sw), (ph, pw) = cache
    (N, F, OH, OW), (_, C, KH, KW) = dout.shape, w.shape
    H, W = xpad.shape[2] - 2 * ph, xpad.shape[3] - 2 * pw
    dxpad, dw, db = np.zeros_like(xpad), np.zeros_like(w), np.zeros(F, w.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for f in range(F):
                    g = dout[n, f, i, j]
                    db[f] += g
                    dw[f] = g * xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                    dxpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW] += g * w[f]
    dx = dxpad[:, :, ph : ph + H, pw : pw + W]
    return dx, dw, db


# %% wrong: overlap overwritten
def conv_backward(dout, cache):
    xpad, w, (sh, sw), (ph, pw) = cache
    (N, F, OH, OW), (_, C, KH, KW) = dout.shape, w.shape
    H, W = xpad.shape[2] - 2 * ph, xpad.shape[3] - 2 * pw
    dxpad, dw, db = np.zeros_like(xpad), np.zeros_like(w), np.zeros(F, w.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for f in range(F):
                    g = dout[n, f, i, j]
                    db[f] += g
                    dw[f] += g * xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                    dxpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW] = g * w[f]
    dx = dxpad[:, :, ph : ph + H, pw : pw + W]
    return dx, dw, db


# %% wrong: padding not cropped
def conv_backward(dout, cache):
    xpad, w, (sh, sw), (ph, pw) = cache
    (N, F, OH, OW), (_, C, KH, KW) = dout.shape, w.shape
    H, W = xpad.shape[2] - 2 * ph, xpad.shape[3] - 2 * pw
    dxpad, dw, db = np.zeros_like(xpad), np.zeros_like(w), np.zeros(F, w.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for f in range(F):
                    g = dout[n, f, i, j]
                    db[f] += g
                    dw[f] += g * xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                    dxpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW] += g * w[f]
    dx = dxpad[:, :, :H, :W]
    return dx, dw, db


# %% wrong: padding not cropped
def conv_backward(dout, cache):
    xpad, w, (sh, sw), (ph, pw) = cache
    (N, F, OH, OW), (_, C, KH, KW) = dout.shape, w.shape
    H, W = xpad.shape[2] - 2 * ph, xpad.shape[3] - 2 * pw
    dxpad, dw, db = np.zeros_like(xpad), np.zeros_like(w), np.zeros(F, w.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for f in range(F):
                    g = dout[n, f, i, j]
                    db[f] += g
                    dw[f] += g * xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                    dxpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW] += g * w[f]
    dx = dxpad
    return dx, dw, db


# %% wrong: kernel flipped
def conv_backward(dout, cache):
    xpad, w, (sh, sw), (ph, pw) = cache
    (N, F, OH, OW), (_, C, KH, KW) = dout.shape, w.shape
    H, W = xpad.shape[2] - 2 * ph, xpad.shape[3] - 2 * pw
    dxpad, dw, db = np.zeros_like(xpad), np.zeros_like(w), np.zeros(F, w.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for f in range(F):
                    g = dout[n, f, i, j]
                    db[f] += g
                    dw[f] += g * xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                    dxpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW] += g * w[f, :, ::-1, ::-1]
    dx = dxpad[:, :, ph : ph + H, pw : pw + W]
    return dx, dw, db


# %% wrong: stride ignored
def conv_backward(dout, cache):
    xpad, w, (sh, sw), (ph, pw) = cache
    (N, F, OH, OW), (_, C, KH, KW) = dout.shape, w.shape
    H, W = xpad.shape[2] - 2 * ph, xpad.shape[3] - 2 * pw
    dxpad, dw, db = np.zeros_like(xpad), np.zeros_like(w), np.zeros(F, w.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for f in range(F):
                    g = dout[n, f, i, j]
                    db[f] += g
                    dw[f] += g * xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                    dxpad[n, :, i : i + KH, j : j + KW] += g * w[f]
    dx = dxpad[:, :, ph : ph + H, pw : pw + W]
    return dx, dw, db


# %% wrong: upstream gradient ignored
def conv_backward(dout, cache):
    xpad, w, (sh, sw), (ph, pw) = cache
    (N, F, OH, OW), (_, C, KH, KW) = dout.shape, w.shape
    H, W = xpad.shape[2] - 2 * ph, xpad.shape[3] - 2 * pw
    dxpad, dw, db = np.zeros_like(xpad), np.zeros_like(w), np.zeros(F, w.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for f in range(F):
                    g = dout[n, f, i, j]
                    db[f] += g
                    dw[f] += xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                    dxpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW] += g * w[f]
    dx = dxpad[:, :, ph : ph + H, pw : pw + W]
    return dx, dw, db


# %% wrong: mean over positions instead of sum
def conv_backward(dout, cache):
    xpad, w, (sh, sw), (ph, pw) = cache
    (N, F, OH, OW), (_, C, KH, KW) = dout.shape, w.shape
    H, W = xpad.shape[2] - 2 * ph, xpad.shape[3] - 2 * pw
    dxpad, dw, db = np.zeros_like(xpad), np.zeros_like(w), np.zeros(F, w.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for f in range(F):
                    g = dout[n, f, i, j]
                    db[f] += g
                    dw[f] += g * xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                    dxpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW] += g * w[f]
    db = dout.mean(axis=(0, 2, 3))
    dx = dxpad[:, :, ph : ph + H, pw : pw + W]
    return dx, dw, db


# %% wrong: sum overwritten
def conv_backward(dout, cache):
    xpad, w, (sh, sw), (ph, pw) = cache
    (N, F, OH, OW), (_, C, KH, KW) = dout.shape, w.shape
    H, W = xpad.shape[2] - 2 * ph, xpad.shape[3] - 2 * pw
    dxpad, dw, db = np.zeros_like(xpad), np.zeros_like(w), np.zeros(F, w.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for f in range(F):
                    g = dout[n, f, i, j]
                    db[f] = g
                    dw[f] += g * xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                    dxpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW] += g * w[f]
    dx = dxpad[:, :, ph : ph + H, pw : pw + W]
    return dx, dw, db


# %% wrong: gradient zero
def conv_backward(dout, cache):
    xpad, w, (sh, sw), (ph, pw) = cache
    (N, F, OH, OW), (_, C, KH, KW) = dout.shape, w.shape
    H, W = xpad.shape[2] - 2 * ph, xpad.shape[3] - 2 * pw
    dxpad, dw, db = np.zeros_like(xpad), np.zeros_like(w), np.zeros(F, w.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for f in range(F):
                    g = dout[n, f, i, j]
                    db[f] += g
                    dxpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW] += g * w[f]
    dx = dxpad[:, :, ph : ph + H, pw : pw + W]
    return dx, dw, db


# %% wrong: wrong operand
def conv_backward(dout, cache):
    xpad, w, (sh, sw), (ph, pw) = cache
    (N, F, OH, OW), (_, C, KH, KW) = dout.shape, w.shape
    H, W = xpad.shape[2] - 2 * ph, xpad.shape[3] - 2 * pw
    dxpad, dw, db = np.zeros_like(xpad), np.zeros_like(w), np.zeros(F, w.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for f in range(F):
                    g = dout[n, f, i, j]
                    db[f] += g
                    dw[f] += g * dxpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                    dxpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW] += g * w[f]
    dx = dxpad[:, :, ph : ph + H, pw : pw + W]
    return dx, dw, db


# %% wrong: gradients in the wrong order
def conv_backward(dout, cache):
    xpad, w, (sh, sw), (ph, pw) = cache
    (N, F, OH, OW), (_, C, KH, KW) = dout.shape, w.shape
    H, W = xpad.shape[2] - 2 * ph, xpad.shape[3] - 2 * pw
    dxpad, dw, db = np.zeros_like(xpad), np.zeros_like(w), np.zeros(F, w.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for f in range(F):
                    g = dout[n, f, i, j]
                    db[f] += g
                    dw[f] += g * xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                    dxpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW] += g * w[f]
    dx = dxpad[:, :, ph : ph + H, pw : pw + W]
    return dw, db, dx
