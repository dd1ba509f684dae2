# %% [markdown]
# # The convolution, forward

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def conv(patch_at, answer_of):
    """A forward pass of which two lines can be chosen, as in the exercise."""

    def conv_forward(x, w, b, stride, pad):
        (sh, sw), (ph, pw) = stride, pad
        (n_images, c, h, width), (n_filters, _, kh, kw) = x.shape, w.shape
        oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
        xpad = np.zeros((n_images, c, h + 2 * ph, width + 2 * pw), x.dtype)
        xpad[:, :, ph : ph + h, pw : pw + width] = x
        out = np.zeros((n_images, n_filters, oh, ow), x.dtype)
        for n, f, i, j in np.ndindex(out.shape):
            top, left = patch_at(i, j, sh, sw, kh, kw)
            out[n, f, i, j] = answer_of(xpad[n, :, top : top + kh, left : left + kw], w[f], b[f])
        return out, (xpad, w, stride, pad)

    return conv_forward


def here(i, j, sh, sw, kh, kw):
    return i * sh, j * sw


def dot(patch, filter, bias):
    return sum(patch[e] * filter[e] for e in np.ndindex(filter.shape)) + bias


def examine(conv_forward):
    rng = np.random.default_rng(0)

    def case(n, c, h, w, f, kernel_size, stride, pad):
        return (
            rng.standard_normal((n, c, h, w)),
            rng.standard_normal((f, c, *kernel_size)),
            rng.standard_normal(f),
            stride,
            pad,
        )

    return values(
        conv_forward,
        conv(here, dot),
        case(1, 1, 5, 4, 1, (3, 2), (1, 1), (0, 0)),
        case(2, 3, 7, 9, 2, (3, 2), (2, 3), (0, 0)),
        case(2, 2, 5, 4, 3, (2, 3), (1, 2), (1, 2)),
        mistakes=(
            Mistake(
                "stride ignored",
                conv(lambda i, j, sh, sw, kh, kw: (i, j), dot),
                "Place (i, j) of the output: on which pixel does its window begin if it moves two pixels each time?",
            ),
            Mistake(
                "bias forgotten", conv(here, lambda p, f, b: (p * f).sum()), "Which argument does your function not use?"
            ),
            Mistake(
                "bias added to each product",
                conv(here, lambda p, f, b: (p * f + b).sum()),
                "How often is the bias added to one output number? Look where the bracket of your sum ends.",
            ),
            Mistake(
                "filter turned round",
                conv(here, lambda p, f, b: (p * f[:, ::-1, ::-1]).sum() + b),
                "The window's first weight meets the patch's first pixel. Nothing is turned here.",
            ),
            Mistake(
                "a mean instead of a sum",
                conv(here, lambda p, f, b: (p * f).mean() + b),
                "What does the formula do with the products?",
            ),
            Mistake(
                "windows lie side by side",
                conv(lambda i, j, sh, sw, kh, kw: (i * kh, j * kw), lambda p, f, b: (p * f).sum() + b),
                "How far does the window move: by its own size, or by the stride?",
            ),
            Mistake(
                "only the first channel is used",
                conv(here, lambda p, f, b: (p[0] * f[0]).sum() + b),
                "Over which three indices does the formula sum?",
            ),
        ),
    )


# %% [markdown] hint
# On which row and on which column of xpad does the window of place (i, j) begin, and where does it end?

# %% [markdown] hint
# It begins on row `i * sh` and column `j * sw`, and is KH rows high and KW columns wide. Cut it out of image n with all its
# channels: `xpad[n, :, rows, columns]`, where rows and columns are slices `start : stop`. Then multiply with `w[f]`, entry by
# entry.

# %% [markdown] hint
# `patch = xpad[n, :, i * sh : i * sh + KH, ...]`, and the columns likewise; the answer is `(patch * w[f]).sum()` plus the filter's
# bias, `b[f]`.

# %% [markdown] derivation
# In the formula $a$ runs from 0 to KH $- 1$, so the pixel's row $i \cdot \text{sh} + a$ runs from $i \cdot \text{sh}$ to $i \cdot \text{sh} + \text{KH} - 1$: the slice
# `i * sh : i * sh + KH`, whose end is not included. Columns likewise, and $c$ takes all channels, `:`. The sum over $c$, $a$ and $b$ of patch times
# filter is `(patch * w[f]).sum()`, since both have the shape (C, KH, KW). The bias is added once.


# %% solution
def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (sh, sw), (ph, pw) = stride, pad
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    OH, OW = places_here(H, KH, sh, ph), places_here(W, KW, sw, pw)
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.zeros((N, F, OH, OW), x.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                patch = xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                for f in range(F):
                    answer = (patch * w[f]).sum() + b[f]
                    out[n, f, i, j] = answer
    return out, (xpad, w, stride, pad)


# %% wrong: stride ignored
def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (sh, sw), (ph, pw) = stride, pad
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    OH, OW = places_here(H, KH, sh, ph), places_here(W, KW, sw, pw)
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.zeros((N, F, OH, OW), x.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                patch = xpad[n, :, i : i + KH, j : j + KW]
                for f in range(F):
                    answer = (patch * w[f]).sum() + b[f]
                    out[n, f, i, j] = answer
    return out, (xpad, w, stride, pad)


# %% wrong: bias forgotten
def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (sh, sw), (ph, pw) = stride, pad
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    OH, OW = places_here(H, KH, sh, ph), places_here(W, KW, sw, pw)
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.zeros((N, F, OH, OW), x.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                patch = xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                for f in range(F):
                    answer = (patch * w[f]).sum()
                    out[n, f, i, j] = answer
    return out, (xpad, w, stride, pad)


# %% wrong: bias added to each product
def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (sh, sw), (ph, pw) = stride, pad
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    OH, OW = places_here(H, KH, sh, ph), places_here(W, KW, sw, pw)
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.zeros((N, F, OH, OW), x.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                patch = xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                for f in range(F):
                    answer = (patch * w[f] + b[f]).sum()
                    out[n, f, i, j] = answer
    return out, (xpad, w, stride, pad)


# %% wrong: a mean instead of a sum
def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (sh, sw), (ph, pw) = stride, pad
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    OH, OW = places_here(H, KH, sh, ph), places_here(W, KW, sw, pw)
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.zeros((N, F, OH, OW), x.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                patch = xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                for f in range(F):
                    answer = (patch * w[f]).mean() + b[f]
                    out[n, f, i, j] = answer
    return out, (xpad, w, stride, pad)


# %% wrong: only the first channel is used
def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (sh, sw), (ph, pw) = stride, pad
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    OH, OW = places_here(H, KH, sh, ph), places_here(W, KW, sw, pw)
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.zeros((N, F, OH, OW), x.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                patch = xpad[n, 0, i * sh : i * sh + KH, j * sw : j * sw + KW]
                for f in range(F):
                    answer = (patch * w[f, 0]).sum() + b[f]
                    out[n, f, i, j] = answer
    return out, (xpad, w, stride, pad)


# %% wrong: windows lie side by side
def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (sh, sw), (ph, pw) = stride, pad
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    OH, OW = places_here(H, KH, sh, ph), places_here(W, KW, sw, pw)
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.zeros((N, F, OH, OW), x.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                patch = xpad[n, :, i * KH : i * KH + KH, j * KW : j * KW + KW]
                for f in range(F):
                    answer = (patch * w[f]).sum() + b[f]
                    out[n, f, i, j] = answer
    return out, (xpad, w, stride, pad)


# %% wrong: filter turned round
def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (sh, sw), (ph, pw) = stride, pad
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    OH, OW = places_here(H, KH, sh, ph), places_here(W, KW, sw, pw)
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.zeros((N, F, OH, OW), x.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                patch = xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                for f in range(F):
                    answer = (patch * w[f, :, ::-1, ::-1]).sum() + b[f]
                    out[n, f, i, j] = answer
    return out, (xpad, w, stride, pad)


# %% wrong: could not be broadcast
def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (sh, sw), (ph, pw) = stride, pad
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    OH, OW = places_here(H, KH, sh, ph), places_here(W, KW, sw, pw)
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.zeros((N, F, OH, OW), x.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                patch = xpad[n, :, i * sh : KH, j * sw : KW]
                for f in range(F):
                    answer = (patch * w[f]).sum() + b[f]
                    out[n, f, i, j] = answer
    return out, (xpad, w, stride, pad)


# %% wrong: raises ValueError
def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (sh, sw), (ph, pw) = stride, pad
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    OH, OW = places_here(H, KH, sh, ph), places_here(W, KW, sw, pw)
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.zeros((N, F, OH, OW), x.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                patch = xpad[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                for f in range(F):
                    answer = patch * w[f] + b[f]
                    out[n, f, i, j] = answer
    return out, (xpad, w, stride, pad)


# %% wrong: raises
def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (sh, sw), (ph, pw) = stride, pad
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    OH, OW = places_here(H, KH, sh, ph), places_here(W, KW, sw, pw)
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.zeros((N, F, OH, OW), x.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                patch = x[n, :, i * sh : i * sh + KH, j * sw : j * sw + KW]
                for f in range(F):
                    answer = (patch * w[f]).sum() + b[f]
                    out[n, f, i, j] = answer
    return out, (xpad, w, stride, pad)
