# %% [markdown]
# # im2col

# %% check
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

    return values(
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
                "How far does the window move from one place to the next? What is the third part of a slice?",
            ),
            Mistake(
                "stop too early",
                with_slice(lambda a, k, s, o: slice(a, a + o, s)),
                "There are `oh` places, `sh` rows apart. How many rows do they take in all?",
            ),
            Mistake(
                "image without its padding",
                with_slice(lambda a, k, s, o: slice(a, a + s * o, s), padded=False),
                "Which of the two do you cut from, the image or the image with zeros around it?",
            ),
            Mistake(
                "a patch for a cut-out",
                with_slice(lambda a, k, s, o: slice(a, a + k)),
                "You take the window's size. `pixels` has a pixel for each *place* of the window: how many are there?",
            ),
            Mistake(
                "kernel flipped",
                with_slice(lambda a, k, s, o: slice(k - 1 - a, k - 1 - a + s * o, s)),
                "Which pixel of the patch does window entry (0, 0) meet, the first or the last?",
            ),
            Mistake(
                "every row the same",
                with_slice(lambda a, k, s, o: slice(0, s * o, s)),
                "Where do a and b stand in your slice? Window entry (a, b) begins at row a and column b.",
            ),
        ),
    )


# %% [markdown] hint
# Only the two slices are missing: `xpad[:, :, rows, columns]`. The table above the exercise has them.

# %% [markdown] hint
# The rows: start at `a`, stop before `a + sh * oh`, in steps of `sh`. The columns likewise, with `b`, `sw` and `ow`. All images and all
# channels are taken, so the first two are `:`.

# %% [markdown] hint
# `pixels = xpad[:, :, a : a + sh * oh : sh, b : ...]`: fill in the columns in the same way.

# %% [markdown] derivation
# Window entry $(a, b)$ meets pixel $(i \cdot \text{sh} + a,\; j \cdot \text{sw} + b)$ of the padded image, for $i = 0 .. \text{OH}-1$ and $j = 0 .. \text{OW}-1$. The rows
# $a, a + \text{sh}, \dots, a + \text{sh}\,(\text{OH}-1)$ are the slice `a : a + sh * oh : sh`, which has exactly OH entries; the columns likewise.


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


# %% wrong: stride ignored
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for a in range(kh):
        for b in range(kw):
            pixels = xpad[:, :, a : a + oh, b : b + ow]
            cols[:, a, b] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: stop too early
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for a in range(kh):
        for b in range(kw):
            pixels = xpad[:, :, a : a + oh : sh, b : b + ow : sw]
            cols[:, a, b] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: image without its padding
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for a in range(kh):
        for b in range(kw):
            pixels = x[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw]
            cols[:, a, b] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: kernel flipped
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for a in range(kh):
        for b in range(kw):
            pixels = xpad[:, :, kh - 1 - a : kh - 1 - a + sh * oh : sh, kw - 1 - b : kw - 1 - b + sw * ow : sw]
            cols[:, a, b] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: every row the same
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for a in range(kh):
        for b in range(kw):
            pixels = xpad[:, :, : sh * oh : sh, : sw * ow : sw]
            cols[:, a, b] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: a patch for a cut-out
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for a in range(kh):
        for b in range(kw):
            pixels = xpad[:, :, a : a + kh, b : b + kw]
            cols[:, a, b] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: in another order
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for a in range(kh):
        for b in range(kw):
            pixels = xpad[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw]
            cols[:, a, b] = pixels.transpose(1, 3, 2, 0).reshape(c, oh, ow, n)
    return cols.reshape(c * kh * kw, oh * ow * n)
