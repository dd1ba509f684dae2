# %% [markdown]
# # The convolution, backward

# %% check
import numpy as np

from scratchnet_lessons.exercises import Comparison, attempt, generic, gradients


def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, w = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.zeros((c, kh, kw, oh, ow, n), x.dtype)
    for i, j in np.ndindex(oh, ow):
        patch = xpad[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw]  # (N, C, KH, KW)
        cols[:, :, :, i, j] = patch.transpose(1, 2, 3, 0)
    return cols.reshape(c * kh * kw, oh * ow * n), (oh, ow)


def conv_forward(x, w, b, stride, pad):
    cols, (oh, ow) = im2col(x, w.shape[2:], stride, pad)
    out = (w.reshape(len(w), -1) @ cols + b[:, None]).reshape(len(w), oh, ow, len(x)).transpose(3, 0, 1, 2)
    return out, (cols, x.shape, w, stride, pad)


def slips(conv_backward, rng):
    """What looks like a wrong order once it is reshaped, or like any wrong shape; named as in lesson 5."""
    x, w, b = generic((3, 2, 5, 4), rng), generic((4, 2, 3, 2), rng), generic((4,), rng)
    out, cache = conv_forward(x, w, b, (1, 1), (1, 1))
    dout, cols = generic(out.shape, rng), cache[0]
    got, _ = attempt(conv_backward, dout, cache)
    if not (isinstance(got, tuple) and len(got) == 3):
        return
    drows = dout.transpose(1, 2, 3, 0).reshape(len(w), -1)
    if _same(got[1], (cols @ drows.T).reshape(w.shape)):
        hint = "dw as a matrix must be (F, C*KH*KW): which shape has your product before the reshape?"
        yield Comparison("conv_backward", problem="dw is cols @ drows.T, then reshaped", name="transposed", hint=hint)
    if _same(got[2], drows.sum(axis=0)):
        hint = "drows is (F, OH*OW*N) and db is (F,). Which axis must disappear, and which one must stay?"
        problem = f"db is {got[2].shape}, wanted {b.shape}: drows is summed over axis 0"
        yield Comparison("conv_backward", problem=problem, name="summed over the wrong axis", hint=hint)


def _same(a, b):
    return np.shape(a) == np.shape(b) and np.allclose(a, b)


def examine(conv_backward):
    rng = np.random.default_rng(0)
    yield from slips(conv_backward, rng)

    def report(x_shape, w_shape, stride, pad):
        arrays = generic(x_shape, rng), generic(w_shape, rng), generic(w_shape[:1], rng)
        return gradients((conv_forward, conv_backward), *arrays, options={"stride": stride, "pad": pad})

    yield report((3, 2, 5, 4), (4, 2, 3, 2), (1, 1), (1, 1))
    yield report((2, 3, 7, 6), (4, 3, 3, 3), (2, 2), (0, 0))


# %% [markdown] hint
# Begin with drows: forward had rows (F, OH, OW, N) and did `.transpose(3, 0, 1, 2)`. Which transpose brings (N, F, OH, OW) back to
# (F, OH, OW, N)? After that, `reshape` to two axes.

# %% [markdown] hint
# `drows = dout.transpose(1, 2, 3, 0).reshape(f, -1)`. For dw the shapes are (F, T) and (R, T), with T = OH·OW·N and
# R = C·KH·KW, and (F, R) is wanted. For dcols they are (F, R) and (F, T), and (R, T) is wanted. Which one is turned round?

# %% [markdown] hint
# `dw = (drows @ cols.T).reshape(w.shape)`; `db` is the sum of drows over `axis=1`; `dcols = w_rows.T @ drows`.

# %% [markdown] derivation
# rows = w_rows @ cols + b[:, None] is lesson 5's layer with other names. $\text{w\_rows}_{fr}$ reaches $\text{rows}_{ft}$ for all $t$ with slope $\text{cols}_{rt}$:
# $\text{dw}_{fr} = \sum_t \text{drows}_{ft}\,\text{cols}_{rt}$, the product `drows @ cols.T`. $b_f$ reaches row $f$ in all columns with slope 1: sum over
# axis 1. $\text{cols}_{rt}$ reaches $\text{rows}_{ft}$ for all $f$ with slope $\text{w\_rows}_{fr}$: `w_rows.T @ drows`. The first step undoes forward's last:
# the inverse of `transpose(3, 0, 1, 2)` is `transpose(1, 2, 3, 0)`.


# %% solution
def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = w.shape[0]
    w_rows = w.reshape(f, -1)  # (F, C*KH*KW), as in forward
    drows = dout.transpose(1, 2, 3, 0).reshape(f, -1)
    dw = (drows @ cols.T).reshape(w.shape)
    db = drows.sum(axis=1)
    dcols = w_rows.T @ drows
    dx = col2im_here(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db


# %% wrong: reshaped in the wrong order
def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = w.shape[0]
    w_rows = w.reshape(f, -1)  # (F, C*KH*KW), as in forward
    drows = dout.reshape(f, -1)
    dw = (drows @ cols.T).reshape(w.shape)
    db = drows.sum(axis=1)
    dcols = w_rows.T @ drows
    dx = col2im_here(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db


# %% wrong: mean over positions instead of sum
def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = w.shape[0]
    w_rows = w.reshape(f, -1)  # (F, C*KH*KW), as in forward
    drows = dout.transpose(1, 2, 3, 0).reshape(f, -1)
    dw = (drows @ cols.T).reshape(w.shape)
    db = drows.mean(axis=1)
    dcols = w_rows.T @ drows
    dx = col2im_here(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db


# %% wrong: transposed
def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = w.shape[0]
    w_rows = w.reshape(f, -1)  # (F, C*KH*KW), as in forward
    drows = dout.transpose(1, 2, 3, 0).reshape(f, -1)
    dw = (cols @ drows.T).reshape(w.shape)
    db = drows.sum(axis=1)
    dcols = w_rows.T @ drows
    dx = col2im_here(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db


# %% wrong: raises an error
def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = w.shape[0]
    w_rows = w.reshape(f, -1)  # (F, C*KH*KW), as in forward
    drows = dout.transpose(1, 2, 3, 0).reshape(f, -1)
    dw = (drows.T @ cols).reshape(w.shape)
    db = drows.sum(axis=1)
    dcols = w_rows.T @ drows
    dx = col2im_here(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db


# %% wrong: summed over the wrong axis
def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = w.shape[0]
    w_rows = w.reshape(f, -1)  # (F, C*KH*KW), as in forward
    drows = dout.transpose(1, 2, 3, 0).reshape(f, -1)
    dw = (drows @ cols.T).reshape(w.shape)
    db = drows.sum(axis=0)
    dcols = w_rows.T @ drows
    dx = col2im_here(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db


# %% wrong: extra 1/N
def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = w.shape[0]
    w_rows = w.reshape(f, -1)  # (F, C*KH*KW), as in forward
    drows = dout.transpose(1, 2, 3, 0).reshape(f, -1)
    dw = (drows @ cols.T).reshape(w.shape) / len(dout)
    db = drows.sum(axis=1)
    dcols = w_rows.T @ drows
    dx = col2im_here(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db


# %% wrong: wrong shape
def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = w.shape[0]
    w_rows = w.reshape(f, -1)  # (F, C*KH*KW), as in forward
    drows = dout.transpose(1, 2, 3, 0).reshape(f, -1)
    dw = drows @ cols.T
    db = drows.sum(axis=1)
    dcols = w_rows.T @ drows
    dx = col2im_here(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db
