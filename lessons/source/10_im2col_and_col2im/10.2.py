# %% [markdown]
# # col2im

# %% check
import numpy as np

from scratchnet_lessons.exercises import generic, gradients


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


def examine(col2im):
    rng = np.random.default_rng(0)

    def backward(dout, cache):
        return col2im(dout, *cache)

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
# second, third, fourth. Then add it to the same cut-out as in 10.1, now of `dxpad`, with `+=`.

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


# %% wrong: reshaped in the wrong order
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


# %% wrong: raises an error
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


# %% wrong: raises an error
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
