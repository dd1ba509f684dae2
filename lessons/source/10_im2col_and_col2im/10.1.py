# %% [markdown]
# # im2col

# %% check
from dataclasses import replace

import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def patches(x, kernel_size, stride, pad):
    """cols, entry by entry."""
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.zeros((n, c, h + 2 * ph, w + 2 * pw), x.dtype)
    xpad[:, :, ph : ph + h, pw : pw + w] = x
    cols = np.zeros((c * kh * kw, oh * ow * n), x.dtype)
    for r, (k, a, b) in enumerate(np.ndindex(c, kh, kw)):
        for q, (i, j, image) in enumerate(np.ndindex(oh, ow, n)):
            cols[r, q] = xpad[image, k, i * sh + a, j * sw + b]
    return cols


def with_slice(one, padded=True):
    """An im2col with a mistake: ``one(a, k, s, o)`` is the slice of one axis for window entry a of k, stride s, o places."""

    def im2col(x, kernel_size, stride, pad):
        (n, c, h, w), edges = x.shape, [(0, 0), (0, 0), *((p, p) for p in pad)]
        sizes = [(i + 2 * p - k) // s + 1 for i, k, s, p in zip((h, w), kernel_size, stride, pad, strict=True)]
        source = np.pad(x, edges) if padded else x
        cols = np.empty((c, *kernel_size, *sizes, n), x.dtype)
        for place in np.ndindex(*kernel_size):
            rows, columns = map(one, place, kernel_size, stride, sizes)
            cols[:, *place] = source[:, :, rows, columns].transpose(1, 2, 3, 0)
        return cols.reshape(c * kernel_size[0] * kernel_size[1], -1)

    return im2col


def examine(im2col):
    rng = np.random.default_rng(0)

    def case(n, c, h, w, kernel_size, stride, pad):
        return rng.standard_normal((n, c, h, w)), kernel_size, stride, pad

    report = values(
        im2col,
        patches,
        case(1, 1, 5, 4, (3, 3), (1, 1), (0, 0)),
        case(2, 3, 9, 9, (3, 3), (2, 2), (0, 0)),
        case(2, 2, 5, 6, (3, 2), (1, 1), (1, 2)),
        case(3, 2, 9, 7, (2, 3), (3, 2), (1, 0)),
        mistakes=(
            Mistake(
                "stride ignored",
                with_slice(lambda a, k, s, o: slice(a, a + o)),
                "How far does the window move from one position to the next? What is the third part of a slice?",
            ),
            Mistake(
                "stop too early",
                with_slice(lambda a, k, s, o: slice(a, a + o, s)),
                "There are `oh` positions, `sh` rows apart. How many rows do they take in all?",
            ),
            Mistake(
                "image without its padding",
                with_slice(lambda a, k, s, o: slice(a, a + s * o, s), padded=False),
                "Which of the two do you cut from, the image or the image with zeros around it?",
            ),
            Mistake(
                "a patch for a cut-out",
                with_slice(lambda a, k, s, o: slice(a, a + k)),
                "You take the window's size. `pixels` has a pixel for each *position* of the window: how many are there?",
            ),
            Mistake(
                "kernel flipped",
                with_slice(lambda a, k, s, o: slice(k - 1 - a, k - 1 - a + s * o, s)),
                "Which pixel of the patch does window entry (0, 0) meet, the first or the last?",
            ),
            Mistake(
                "every row the same",
                with_slice(lambda a, k, s, o: slice(0, s * o, s)),
                "Where do p and q stand in your slice? Window entry (p, q) begins at row p and column q.",
            ),
        ),
    )
    if "raises ValueError" in report.problem and not report.name:
        wanted = "The shapes do not fit: `pixels` must be (N, C, OH, OW), a pixel for each position of the window."
        report = replace(report, hint=wanted)
    return report


# %% [markdown] hint
# Only two slices are missing: `xpad[:, :, rows, columns]`. Which row does entry (p, q) meet first, at i = 0, and which one last, at i = oh - 1?

# %% [markdown] hint
# The rows: start at `p`, stop before `p + sh * oh`, in steps of `sh`. The columns likewise, with `q`, `sw` and `ow`. All images and all
# channels are taken, so the first two are `:`.

# %% [markdown] hint
# `pixels = xpad[:, :, p : p + sh * oh : sh, q : ...]`: fill in the columns in the same way.

# %% [markdown] derivation
# Window entry $(p, q)$ meets pixel $(i \cdot \text{sh} + p,\; j \cdot \text{sw} + q)$ of the padded image, for $i = 0 .. \text{OH}-1$ and $j = 0 .. \text{OW}-1$. The rows
# $p, p + \text{sh}, \dots, p + \text{sh}\,(\text{OH}-1)$ are the slice `p : p + sh * oh : sh`, which has exactly OH entries; the columns likewise.


# %% solution
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: stride ignored
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, p : p + oh, q : q + ow]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: stop too early
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, p : p + oh : sh, q : q + ow : sw]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: image without its padding
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = x[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: kernel flipped
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, kh - 1 - p : kh - 1 - p + sh * oh : sh, kw - 1 - q : kw - 1 - q + sw * ow : sw]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: every row the same
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, : sh * oh : sh, : sw * ow : sw]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: a patch for a cut-out
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, p : p + kh, q : q + kw]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: in another order
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw]
            cols[:, p, q] = pixels.transpose(1, 3, 2, 0).reshape(c, oh, ow, n)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: `pixels` must be (N, C, OH, OW)
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, p : p + sh * oh, q : q + sw * ow]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)
