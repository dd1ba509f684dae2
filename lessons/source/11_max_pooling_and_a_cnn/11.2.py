# %% [markdown]
# # Max pooling, backward

# %% check
import numpy as np

from scratchnet_lessons.exercises import generic, gradients


def max_pool_forward(x, kernel_size=(2, 2), stride=(2, 2)):
    (KH, KW), (sh, sw) = kernel_size, stride
    N, C, H, W = x.shape
    OH, OW = (H - KH) // sh + 1, (W - KW) // sw + 1
    places = [slice(a, a + sh * OH, sh) for a in range(KH)], [slice(b, b + sw * OW, sw) for b in range(KW)]
    windows = np.stack([x[:, :, rows, columns] for rows in places[0] for columns in places[1]])
    return windows.max(axis=0), (windows.argmax(axis=0), x.shape, kernel_size, stride)


def examine(max_pool_backward):
    rng = np.random.default_rng(0)

    def report(shape, kernel_size, stride):
        options = {"kernel_size": kernel_size, "stride": stride}
        return gradients((max_pool_forward, max_pool_backward), generic(shape, rng), options=options)

    yield report((2, 3, 4, 6), (2, 2), (2, 2))
    yield report((2, 2, 7, 6), (3, 2), (2, 1))
    yield report((2, 2, 7, 8), (2, 3), (3, 2))


# %% [markdown] hint
# In which windows does entry (a, b) get something? Which number has it, and in which array stands the winner's number?

# %% [markdown] hint
# `winner == number` is True in the windows that this entry has won. Multiply dout by it, and add that to the cut-out of dx that
# forward took from x for (a, b), slices with a step.

# %% [markdown] hint
# `mask = winner == a * KW + b`, and then `dx[:, :, a : a + sh * OH : sh, ...] += dout * mask` with the columns likewise.

# %% [markdown] derivation
# A window's output is its winner: slope 1 for that pixel, 0 for the others. So entry $(a, b)$ of window $(i, j)$ gets $\text{dout}_{ncij}$ if it is the
# winner, and nothing if not: $\text{dout} \cdot [\text{winner} = a \cdot \text{KW} + b]$ for all windows at once. It is pixel $(i \cdot s + a, j \cdot s + b)$ of `x`, and these
# pixels are the slice of forward. A pixel may lie in several windows, as another entry of each, so its shares are added.


# %% solution
def max_pool_backward(dout, cache):
    winner, x_shape, (KH, KW), (sh, sw) = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dout.dtype)
    for a in range(KH):
        for b in range(KW):
            mask = winner == a * KW + b
            dx[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw] += dout * mask
    return dx


# %% wrong: overlap overwritten
def max_pool_backward(dout, cache):
    winner, x_shape, (KH, KW), (sh, sw) = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dout.dtype)
    for a in range(KH):
        for b in range(KW):
            mask = winner == a * KW + b
            dx[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw] = dout * mask
    return dx


# %% wrong: mask missing
def max_pool_backward(dout, cache):
    winner, x_shape, (KH, KW), (sh, sw) = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dout.dtype)
    for a in range(KH):
        for b in range(KW):
            mask = winner == a * KW + b
            dx[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw] += dout
    return dx


# %% wrong: upstream gradient ignored
def max_pool_backward(dout, cache):
    winner, x_shape, (KH, KW), (sh, sw) = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dout.dtype)
    for a in range(KH):
        for b in range(KW):
            mask = winner == a * KW + b
            dx[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw] += mask
    return dx


# %% wrong: wrong winner
def max_pool_backward(dout, cache):
    winner, x_shape, (KH, KW), (sh, sw) = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dout.dtype)
    for a in range(KH):
        for b in range(KW):
            mask = winner == a + KH * b
            dx[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw] += dout * mask
    return dx


# %% wrong: wrong winner
def max_pool_backward(dout, cache):
    winner, x_shape, (KH, KW), (sh, sw) = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dout.dtype)
    for a in range(KH):
        for b in range(KW):
            mask = winner == a * KH + b
            dx[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw] += dout * mask
    return dx


# %% wrong: mask inverted
def max_pool_backward(dout, cache):
    winner, x_shape, (KH, KW), (sh, sw) = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dout.dtype)
    for a in range(KH):
        for b in range(KW):
            mask = winner != a * KW + b
            dx[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw] += dout * mask
    return dx


# %% wrong: gradient zero
def max_pool_backward(dout, cache):
    winner, x_shape, (KH, KW), (sh, sw) = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dout.dtype)
    for a in range(KH):
        for b in range(KW):
            mask = winner == a * KW + b
    return dx


# %% wrong: stride ignored
def max_pool_backward(dout, cache):
    winner, x_shape, (KH, KW), (sh, sw) = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dout.dtype)
    for a in range(KH):
        for b in range(KW):
            mask = winner == a * KW + b
            dx[:, :, a : a + OH, b : b + OW] += dout * mask
    return dx


# %% wrong: dout changed in place
def max_pool_backward(dout, cache):
    winner, x_shape, (KH, KW), (sh, sw) = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dout.dtype)
    for a in range(KH):
        for b in range(KW):
            mask = winner == a * KW + b
            dout *= mask
            dx[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw] += dout
    return dx
