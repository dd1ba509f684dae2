# %% [markdown]
# # col2im

# %% check
import re

import numpy as np

from scratchnet_lessons.exercises import Comparison, attempt, generic, gradients


def forward(x, kernel_size, stride, pad):
    """im2col, position by position. One number for pad is both of its numbers: the checker can tell that a shift is as large."""
    pad = pad if isinstance(pad, tuple) else (pad, pad)
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.zeros((n, c, h + 2 * ph, w + 2 * pw), x.dtype)
    xpad[:, :, ph : ph + h, pw : pw + w] = x
    cols = np.zeros((c, kh, kw, oh, ow, n), x.dtype)
    for i, j in np.ndindex(oh, ow):
        patch = xpad[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw]  # (N, C, KH, KW)
        cols[:, :, :, i, j] = patch.transpose(1, 2, 3, 0)
    return cols.reshape(c * kh * kw, oh * ow * n), (x.shape, kernel_size, stride, pad)


def conv_forward(x, w, kernel_size, stride, pad):
    cols, cache = forward(x, kernel_size, stride, pad)
    (n, _, h, width), (f, _, kh, kw) = x.shape, w.shape
    (sh, sw), (ph, pw) = cache[2:]
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    out = (w.reshape(f, -1) @ cols).reshape(f, oh, ow, n).transpose(3, 0, 1, 2)
    return out, (cols, w, cache)


def slips(col2im, x, options):
    """What is plain from the shapes, or from nothing but zeros, in the words of this exercise."""
    cols, cache = forward(x, **options)
    (n, c, h, width), (kh, kw), (sh, sw), (ph, pw) = cache
    wanted = n, c, (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    axes = f"(N, C, OH, OW), here {wanted}"
    given = ", ".join(f"{name} {value}" for name, value in zip(("x_shape", *options), cache, strict=True))
    got, raised = attempt(col2im, generic(cols.shape, np.random.default_rng(1)), *cache)

    def comparison(problem, name, hint):
        return Comparison("col2im", f"dcols {cols.shape}, {given}", problem, name, hint)

    if raised is not None:
        shape = re.search(r"gradient \(([\d, ]+)\)", raised.problem)
        cut = re.search(r"with shapes \(([\d,]+)\)", raised.problem) or re.search(r"into shape \(([\d,]+)\)", raised.problem)
        if not (shape and cut and "raises ValueError" in raised.problem):
            return
        gradient, cut_out = (tuple(map(int, found[1].split(","))) for found in (shape, cut))
        if sorted(gradient) == sorted(wanted) and gradient != wanted:
            before = f"dcols[:, p, q] is (C, OH, OW, N), here {(c, *wanted[2:], n)}: its axes 0, 1, 2, 3"
            problem = f"`gradient` is {gradient}, wanted {axes}"
            yield comparison(problem, "axes in another order", f"{before}. Write these numbers in the order N, C, OH, OW.")
        elif gradient == wanted and cut_out != wanted:
            problem = f"`gradient` is {gradient}, as it should be; the cut-out of dxpad that it is added to is {cut_out}"
            yield comparison(problem, "another cut-out", "Compare it with your cut-out in 10.1, letter by letter.")
        else:
            hint = "`dcols` has the axes (C, KH, KW, OH, OW, N). Which two of them do p and q stand for?"
            yield comparison(f"`gradient` is {gradient}, wanted {axes}", "wrong shape", hint)
    elif isinstance(got, np.ndarray) and got.shape == x.shape and not got.any():
        hint = "dxpad begins as zeros. Which line of yours changes it?"
        yield comparison("dx is 0 everywhere", "nothing added", hint)
    elif isinstance(got, np.ndarray) and got.ndim == 4 and 0 < got.size < x.size and got.shape[:2] == (n, c):
        hint = (
            "The image has h rows, and in dxpad it begins at row ph. A slice's stop is a place, not a length: where is that?"
        )
        yield comparison(f"dx is {got.shape}, wanted {x.shape}", "crop too short", hint)


def examine(col2im):
    rng = np.random.default_rng(0)

    def backward(dcols, cache):
        return col2im(dcols, *cache)

    def conv_backward(dout, cache):
        cols, w, rest = cache
        drows = dout.transpose(1, 2, 3, 0).reshape(len(w), -1)
        return col2im(w.reshape(len(w), -1).T @ drows, *rest), (drows @ cols.T).reshape(w.shape)

    for shape, kernel_size, stride, pad in (
        ((2, 3, 7, 5), (3, 2), (1, 1), 0),  # N, C, OH, OW are 2, 3, 5, 4: axes in a wrong order do not fit
        ((2, 3, 5, 6), (3, 3), (1, 1), 1),
        ((2, 2, 7, 6), (3, 3), (2, 2), 0),
        ((3, 2, 7, 5), (2, 3), (3, 1), (1, 2)),
    ):
        options = {"kernel_size": kernel_size, "stride": stride, "pad": pad}
        x = generic(shape, rng)
        yield from slips(col2im, x, options)
        report = gradients((forward, backward), x, options=options)
        if report.passed:
            yield report
        else:
            # These are traces that several mistakes leave. Inside of a convolution, whose mistakes the checker knows, it can
            # tell them apart.
            w = generic((4, shape[1], *kernel_size), rng)
            within = gradients((conv_forward, conv_backward), x, w, options=options)
            known = ("padding not cropped", "stride ignored", "kernel flipped")
            del within.results["w"]  # col2im has no dw
            within.call = report.call
            named = [likely.name for likely in within.diagnoses[:1]]
            yield within if named and named[0] in known else report


# %% [markdown] hint
# Read your im2col from right to left. It takes the cut-out of window entry (p, q) from `xpad`, moves its axes, and stores it in
# `cols[:, p, q]`. In which order do you undo that? And what happens to pixels that were copied more than once?

# %% [markdown] hint
# `dcols[:, p, q]` has the axes (C, OH, OW, N); `transpose` must make (N, C, OH, OW) of it: say which of the old axes stands first,
# second, third, fourth. Then add it to the same cut-out as in 10.1, now of `dxpad`, with `+=`. For dx: where in `dxpad` does the image
# begin, and where does it end?

# %% [markdown] hint
# `gradient = dcols[:, p, q].transpose(3, 0, 1, 2)`, then `dxpad[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw] += gradient`. The
# image begins at row `ph` and column `pw` of `dxpad` and has h rows and `width` columns: that part is dx.

# %% [markdown] derivation
# im2col stores xpad's pixel $(i \cdot \text{sh} + p,\; j \cdot \text{sw} + q)$ in row $(c, p, q)$, column $(i, j, n)$, and multiplies it by nothing. So each
# copy's local slope is 1, and the pixel's gradient is the sum over its copies. For one $(p, q)$ the pixels of all positions $(i, j)$ are
# different ones, so one `+=` on a slice adds them all rightly; pixels that several $(p, q)$ have met get several terms, as the loop
# goes on. x is rows ph .. ph + h - 1 and columns pw .. pw + w - 1 of xpad; the rest is padding, whose gradient is dropped.


# %% solution
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = dcols[:, p, q].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw] += gradient
    dx = dxpad[:, :, ph : ph + h, pw : pw + width]
    return dx


# %% wrong: overlap overwritten
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = dcols[:, p, q].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw] = gradient
    dx = dxpad[:, :, ph : ph + h, pw : pw + width]
    return dx


# %% wrong: padding not cropped
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = dcols[:, p, q].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw] += gradient
    dx = dxpad[:, :, :h, :width]
    return dx


# %% wrong: padding not cropped
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = dcols[:, p, q].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw] += gradient
    dx = dxpad
    return dx


# %% wrong: stride ignored
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = dcols[:, p, q].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, p : p + oh, q : q + ow] += gradient
    dx = dxpad[:, :, ph : ph + h, pw : pw + width]
    return dx


# %% wrong: your dx takes dcols in another order
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = dcols[:, p, q].reshape(n, c, oh, ow)
            dxpad[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw] += gradient
    dx = dxpad[:, :, ph : ph + h, pw : pw + width]
    return dx


# %% wrong: kernel flipped
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = dcols[:, kh - 1 - p, kw - 1 - q].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw] += gradient
    dx = dxpad[:, :, ph : ph + h, pw : pw + width]
    return dx


# %% wrong: axes in another order
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = dcols[:, p, q]
            dxpad[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw] += gradient
    dx = dxpad[:, :, ph : ph + h, pw : pw + width]
    return dx


# %% wrong: 0:-0 is empty
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = dcols[:, p, q].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw] += gradient
    dx = dxpad[:, :, ph:-ph, pw:-pw]
    return dx


# %% wrong: another cut-out
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = dcols[:, p, q].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, q : q + sw * ow : sw, p : p + sh * oh : sh] += gradient
    dx = dxpad[:, :, ph : ph + h, pw : pw + width]
    return dx


# %% wrong: `gradient` is (5, 4, 2, 3), wanted (N, C, OH, OW), here (2, 3, 5, 4)
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = dcols[:, p, q].transpose(1, 2, 3, 0)
            dxpad[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw] += gradient
    dx = dxpad[:, :, ph : ph + h, pw : pw + width]
    return dx


# %% wrong: axes in another order
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = dcols[:, p, q].transpose(3, 0, 2, 1)
            dxpad[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw] = gradient
    dx = dxpad[:, :, ph : ph + h, pw : pw + width]
    return dx


# %% wrong: Which two of them do p and q stand for?
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = dcols[p, q].transpose(3, 0, 1, 2)
            dxpad[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw] += gradient
    dx = dxpad[:, :, ph : ph + h, pw : pw + width]
    return dx


# %% wrong: nothing added
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = dcols[:, p, q].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
    dx = dxpad[:, :, ph : ph + h, pw : pw + width]
    return dx


# %% wrong: crop too short
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = dcols[:, p, q].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw] += gradient
    dx = dxpad[:, :, ph:h, pw:width]
    return dx


# %% wrong: A slice's stop is a place, not a length
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = dcols[:, p, q].transpose(3, 0, 1, 2)  # (C, OH, OW, N) -> (N, C, OH, OW)
            dxpad[:, :, p : p + sh * oh : sh, q : q + sw * ow : sw] += gradient
    dx = dxpad[:, :, ph : h - ph, pw : width - pw]
    return dx
