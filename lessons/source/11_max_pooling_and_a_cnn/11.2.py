# %% [markdown]
# # Max pooling, backward

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, generic, gradients, values


def max_pool_forward(x, kernel_size=(2, 2), stride=(2, 2)):
    (KH, KW), (sh, sw) = kernel_size, stride
    N, C, H, W = x.shape
    OH, OW = (H - KH) // sh + 1, (W - KW) // sw + 1
    places = [slice(a, a + sh * OH, sh) for a in range(KH)], [slice(b, b + sw * OW, sw) for b in range(KW)]
    windows = np.stack([x[:, :, rows, columns] for rows in places[0] for columns in places[1]])
    return windows.max(axis=0), (windows.argmax(axis=0), x.shape, kernel_size, stride)


def by_entries(share):
    """A backward pass; ``share`` gives entry (a, b) of all windows its part, from the mask of the entry of index i."""

    def max_pool_backward(dout, cache):
        winner, x_shape, (kh, kw), (sh, sw) = cache
        dx = np.zeros(x_shape, dout.dtype)
        for n, c, i, j in np.ndindex(dout.shape):
            for a, b in np.ndindex(kh, kw):
                won = winner[n, c, i, j]
                dx[n, c, i * sh + a, j * sw + b] += dout[n, c, i, j] * share(lambda index: won == index, (a, b), (kh, kw))
        return dx

    return max_pool_backward


AVERAGE = (
    "Every pixel of a window has a part in its mean, but not in its maximum. If the winner grows by 1, by how much does out?"
)
WHICH = (
    "Forward has put entry (a, b) into windows[...]: with which index? It counts along the window's rows. How long is a row?"
)
KNOWN = (
    Mistake("that is average pooling", by_entries(lambda is_winner, at, k: 1 / (k[0] * k[1])), AVERAGE),
    Mistake(
        "divided as in average pooling",
        by_entries(lambda is_winner, at, k: is_winner(at[0] * k[1] + at[1]) / (k[0] * k[1])),
        AVERAGE,
    ),
    Mistake("another entry's index", by_entries(lambda is_winner, at, k: is_winner(at[0] * k[0] + at[1])), WHICH),
    Mistake("another entry's index", by_entries(lambda is_winner, at, k: is_winner(at[0] + k[0] * at[1])), WHICH),
    Mistake("another entry's index", by_entries(lambda is_winner, at, k: is_winner(at[0] + k[1] * at[1])), WHICH),
    Mistake("another entry's index", by_entries(lambda is_winner, at, k: is_winner(at[0] + at[1])), WHICH),
)


def examine(max_pool_backward):
    rng = np.random.default_rng(0)
    cases = []
    for shape, kernel_size, stride in ((1, 2, 7, 6), (3, 2), (2, 1)), ((2, 1, 5, 8), (2, 3), (3, 2)):
        out, cache = max_pool_forward(generic(shape, rng), kernel_size, stride)
        cases.append((generic(out.shape, rng), cache))
    right = by_entries(lambda is_winner, at, k: is_winner(at[0] * k[1] + at[1]))
    known = values(max_pool_backward, right, *cases, mistakes=KNOWN)
    if known.name in {mistake.name for mistake in KNOWN}:
        known.problem, known.call = known.problem.replace("the result", "dx"), ""
        yield known

    def report(shape, kernel_size, stride):
        options = {"kernel_size": kernel_size, "stride": stride}
        return gradients((max_pool_forward, max_pool_backward), generic(shape, rng), options=options)

    yield report((2, 3, 4, 6), (2, 2), (2, 2))
    yield report((2, 2, 7, 6), (3, 2), (2, 1))
    yield report((2, 2, 7, 8), (2, 3), (3, 2))


# %% [markdown] hint
# In which windows does entry (a, b) get something? Which index has it, and in which array stand the winners' indices?

# %% [markdown] hint
# `winner == index` is True in the windows that this entry has won. Multiply dout by it, and add that to the cut-out of dx that
# forward took from x for (a, b), slices with a step.

# %% [markdown] hint
# `mask = winner == a * KW + b`, and then `dx[:, :, a : a + sh * OH : sh, ...] += dout * mask` with the columns likewise.

# %% [markdown] derivation
# A window's output is its winner: slope 1 for that pixel, 0 for the others. So entry $(a, b)$ of window $(i, j)$ gets $\text{dout}_{ncij}$ if it is the
# winner, and nothing if not: $\text{dout} \cdot [\text{winner} = a \cdot \text{KW} + b]$ for all windows at once. It is pixel $(i \cdot \text{sh} + a, j \cdot \text{sw} + b)$ of `x`, and these
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


# %% wrong: How long is a row?
def max_pool_backward(dout, cache):
    winner, x_shape, (KH, KW), (sh, sw) = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dout.dtype)
    for a in range(KH):
        for b in range(KW):
            mask = winner == a + KH * b
            dx[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw] += dout * mask
    return dx


# %% wrong: that is average pooling
def max_pool_backward(dout, cache):
    winner, x_shape, (KH, KW), (sh, sw) = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dout.dtype)
    for a in range(KH):
        for b in range(KW):
            mask = winner == a * KW + b
            dx[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw] += dout / (KH * KW)
    return dx


# %% wrong: divided as in average pooling
def max_pool_backward(dout, cache):
    winner, x_shape, (KH, KW), (sh, sw) = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dout.dtype)
    for a in range(KH):
        for b in range(KW):
            mask = winner == a * KW + b
            dx[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw] += dout * mask / (KH * KW)
    return dx


# %% wrong: another entry's index
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
