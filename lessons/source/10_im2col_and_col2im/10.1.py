# %% [markdown]
# # im2col

# %% check
import re
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


def with_cut(cut, padded=True):
    """An im2col with a mistake: ``cut(p, q, sh, sw, oh, ow, kh, kw)`` gives the slices for window entry (p, q)."""

    def im2col(x, kernel_size, stride, pad):
        (n, c, h, w), edges = x.shape, [(0, 0), (0, 0), *((p, p) for p in pad)]
        sizes = [(i + 2 * p - k) // s + 1 for i, k, s, p in zip((h, w), kernel_size, stride, pad, strict=True)]
        source = np.pad(x, edges) if padded else x
        cols = np.empty((c, *kernel_size, *sizes, n), x.dtype)
        for place in np.ndindex(*kernel_size):
            rows, columns = cut(*place, *stride, *sizes, *kernel_size)
            cols[:, *place] = source[:, :, rows, columns].transpose(1, 2, 3, 0)
        return cols.reshape(c * kernel_size[0] * kernel_size[1], -1)

    return im2col


def with_slice(one, padded=True):
    """The same where rows and columns have one mistake: ``one(a, k, s, o)`` is the slice for entry a of k, stride s, o places."""
    return with_cut(lambda p, q, sh, sw, oh, ow, kh, kw: (one(p, kh, sh, oh), one(q, kw, sw, ow)), padded)


BEGIN = "Put i = 0 into the formula: which row does entry (p, q) meet first? Is p multiplied there, or i?"
WINDOW = "You take the window's size. `pixels` has a pixel for each *position* of the window: how many are there?"
CONFUSED = "position and entry confused"

MISTAKES = (
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
        "step missing",
        with_slice(lambda a, k, s, o: slice(a, a + s * o)),
        "You take every row from the first to the last. How far apart are the positions, and which part of a slice says that?",
    ),
    Mistake(CONFUSED, with_slice(lambda a, k, s, o: slice(a * s, a * s + o)), BEGIN),
    Mistake(CONFUSED, with_slice(lambda a, k, s, o: slice(a * s, a * s + s * o, s)), BEGIN),
    Mistake(
        "the last one is not taken",
        with_slice(lambda a, k, s, o: slice(a, a + s * (o - 1), s)),
        "The last row is p + sh * (oh - 1). Does a slice take its stop, or does it end before it?",
    ),
    *(
        Mistake(
            "stop without the start",
            with_slice(one),
            "The larger p is, the further down the slice begins. And where must it end, so that it keeps its length?",
        )
        for one in (lambda a, k, s, o: slice(a, s * o, s), lambda a, k, s, o: slice(a, o, s))
    ),
    *(
        Mistake(
            "no stop",
            with_slice(one),
            "Without a stop the slice runs to the edge. Which row does entry (0, 0) meet last, with the window at its last position?",
        )
        for one in (lambda a, k, s, o: slice(a, None, s), lambda a, k, s, o: slice(a, None))
    ),
    Mistake(
        "image without its padding",
        with_slice(lambda a, k, s, o: slice(a, a + s * o, s), padded=False),
        "Which of the two do you cut from, the image or the image with zeros around it?",
    ),
    Mistake("a patch for a cut-out", with_slice(lambda a, k, s, o: slice(a, a + k)), WINDOW),
    Mistake("a patch for a cut-out", with_slice(lambda a, k, s, o: slice(a, a + k, s)), WINDOW),
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
    *(
        Mistake(
            "p and q exchanged", with_cut(cut), "Which of the two is a row of the window? It belongs to xpad's rows, axis 2."
        )
        for cut in (
            lambda p, q, sh, sw, oh, ow, kh, kw: (slice(q, q + sh * oh, sh), slice(p, p + sw * ow, sw)),
            lambda p, q, sh, sw, oh, ow, kh, kw: (slice(q, q + sw * ow, sw), slice(p, p + sh * oh, sh)),
        )
    ),
    *(
        Mistake("the rows' numbers in the columns", with_cut(cut), "Down it is p, `sh` and `oh`. And which three across?")
        for cut in (
            lambda p, q, sh, sw, oh, ow, kh, kw: (slice(p, p + sh * oh, sh), slice(q, q + sh * ow, sh)),
            lambda p, q, sh, sw, oh, ow, kh, kw: (slice(p, p + sh * oh, sh), slice(q, q + sw * oh, sw)),
            lambda p, q, sh, sw, oh, ow, kh, kw: (slice(p, p + sh * oh, sh), slice(q, q + sh * oh, sh)),
            lambda p, q, sh, sw, oh, ow, kh, kw: (slice(p, p + sh * oh, sh), slice(p, p + sw * ow, sw)),
        )
    ),
)


def in_plain_words(report):
    """NumPy tells of shapes after the transpose, and of names that stand in the formula only."""
    shapes = re.search(r"cols \(([\d, ]+)\), pixels \(([\d, ]+)\)", report.problem)
    if shapes and "raises ValueError" in report.problem:
        (*_, oh, ow, n), pixels = (tuple(map(int, text.split(","))) for text in shapes.groups())
        c = int(shapes[1].split(",")[0])
        report = replace(report, problem=f"`pixels` is {pixels}, wanted (N, C, OH, OW), here {(n, c, oh, ow)}")
        hint = "Axis 2 of xpad are the rows, axis 3 the columns. How many of each does your slice take, and how many positions are there?"
        return report if report.name else replace(report, hint=hint)
    name = re.match(r"raises NameError: name '([ij])'", report.problem)
    if name:
        problem = f"raises NameError: name '{name[1]}' is not defined"
        return replace(report, problem=problem, name="one position instead of all", hint=ALL_AT_ONCE)
    return report


ALL_AT_ONCE = (
    "The formula is for one position (i, j). In the code no i runs: a slice takes all positions at once and so stands for i. "
    "Where does it begin (i = 0), and in which steps does it go on?"
)


def examine(im2col):
    rng = np.random.default_rng(0)

    def case(n, c, h, w, kernel_size, stride, pad):
        return rng.standard_normal((n, c, h, w)), kernel_size, stride, pad

    return in_plain_words(
        values(
            im2col,
            patches,
            case(1, 1, 5, 4, (3, 3), (1, 1), (0, 0)),
            case(2, 3, 9, 9, (3, 3), (2, 2), (0, 0)),
            case(2, 2, 5, 6, (3, 2), (1, 1), (1, 2)),
            case(3, 2, 9, 7, (2, 3), (3, 2), (1, 0)),
            mistakes=MISTAKES,
        )
    )


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


# %% wrong: step missing
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


# %% wrong: position and entry confused
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, p * sh : p * sh + oh, q * sw : q * sw + ow]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: position and entry confused
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, p * sh : p * sh + sh * oh : sh, q * sw : q * sw + sw * ow : sw]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: a slice takes all positions at once
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, i * sh + p, j * sw + q]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: `pixels` is (1, 1, 5, 4), wanted (N, C, OH, OW), here (1, 1, 3, 2)
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, p::sh, q::sw]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: p and q exchanged
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, q : q + sw * ow : sw, p : p + sh * oh : sh]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: p and q exchanged
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, q : q + sh * oh : sh, p : p + sw * ow : sw]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: the rows' numbers in the columns
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, p : p + sh * oh : sh, q : q + sh * ow : sh]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: stop without the start
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, p : sh * oh : sh, q : sw * ow : sw]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %% wrong: the last one is not taken
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = xpad[:, :, p : p + sh * (oh - 1) : sh, q : q + sw * (ow - 1) : sw]
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)
