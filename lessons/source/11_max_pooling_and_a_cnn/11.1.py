# %% [markdown]
# # Max pooling, forward

# %% check
import re

import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def pooled(of_window):
    """A forward pass, window by window; ``of_window`` gives (out, winner) for a window's values, in the order of its rows."""

    def max_pool_forward(x, kernel_size, stride):
        (kh, kw), (sh, sw) = kernel_size, stride
        n, c, h, w = x.shape
        oh, ow = (h - kh) // sh + 1, (w - kw) // sw + 1
        out, winner = np.zeros((n, c, oh, ow), x.dtype), np.zeros((n, c, oh, ow), int)
        for image, k, i, j in np.ndindex(n, c, oh, ow):
            window = x[image, k, i * sh : i * sh + kh, j * sw : j * sw + kw]
            out[image, k, i, j], winner[image, k, i, j] = of_window(window)
        return out, (winner, x.shape, kernel_size, stride)

    return max_pool_forward


def of_cut_outs(cut):
    """A forward pass on cut-outs that may be the wrong ones."""

    def max_pool_forward(x, kernel_size, stride):
        sizes = [(i - k) // s + 1 for i, k, s in zip(x.shape[2:], kernel_size, stride, strict=True)]
        parts = np.empty((kernel_size[0] * kernel_size[1], *x.shape[:2], *sizes), x.dtype)
        for entry, at in enumerate(np.ndindex(*kernel_size)):
            parts[entry] = cut(x, at, kernel_size, stride, sizes)
        return np.max(parts, axis=0), (np.argmax(parts, axis=0), x.shape, kernel_size, stride)

    return max_pool_forward


def first_largest(window):
    numbers = [float(v) for row in window for v in row]
    return max(numbers), numbers.index(max(numbers))


def examine(max_pool_forward):
    rng = np.random.default_rng(0)
    ties = rng.integers(0, 2, (2, 1, 6, 6)).astype(float)
    said = values(
        max_pool_forward,
        pooled(first_largest),
        (rng.standard_normal((2, 3, 4, 6)), (2, 2), (2, 2)),
        (-1 - rng.random((2, 2, 4, 4)), (2, 2), (2, 2)),
        (rng.standard_normal((2, 2, 7, 9)), (3, 2), (2, 3)),
        (rng.standard_normal((1, 2, 5, 5)), (3, 3), (1, 1)),
        (ties, (2, 2), (2, 2)),
        mistakes=(
            Mistake(
                "the maximum starts at 0",
                pooled(lambda v: (max(0.0, v.max()), v.argmax())),
                "What is the largest of four negative numbers?",
            ),
            Mistake(
                "mean instead of maximum",
                pooled(lambda v: (v.mean(), v.argmax())),
                "What does max pooling keep of a window?",
            ),
            Mistake(
                "smallest instead of largest",
                pooled(lambda v: (v.min(), v.argmin())),
                "What does max pooling keep of a window?",
            ),
            Mistake(
                "winner of the smallest",
                pooled(lambda v: (v.max(), v.argmin())),
                "argmin is the index of the smallest one.",
            ),
            Mistake(
                "the last of several winners",
                pooled(lambda v: (v.max(), v.size - 1 - v[::-1, ::-1].argmax())),
                "If several are equal, argmax takes the first one.",
            ),
            Mistake(
                "cut into blocks",
                of_cut_outs(
                    lambda x, at, k, s, o: x[:, :, at[0] * o[0] : (at[0] + 1) * o[0], at[1] * o[1] : (at[1] + 1) * o[1]]
                ),
                "The windows are small and lie all over the image. Entry (a, b) of all of them is no connected block.",
            ),
            Mistake(
                "stride ignored",
                of_cut_outs(lambda x, at, k, s, o: x[:, :, at[0] : at[0] + o[0], at[1] : at[1] + o[1]]),
                "From one window to the next, how many pixels further is its entry (a, b)? That is the slice's step.",
            ),
        ),
    )
    said.problem = (
        said.problem.replace("result 1", "out").replace("result 2, part 1", "winner").replace("result 2", "the cache")
    )
    into = re.search(r"could not broadcast .* from shape (\(.*?\)) into shape (\(.*?\))", said.problem)
    if into and not said.name:
        said.hint = f"pixels has the shape {into[1]}, wanted {into[2]}, that is (N, C, OH, OW). Which slice takes too many or too few?"
    elif "raises" in said.problem and not said.name:
        said.hint = (
            "Print the shapes of what stands in that line, and compare them with those that the exercise's table names."
        )
    elif said.name == "wrong shape":
        said.hint = (
            "windows has the axes (KH * KW, N, C, OH, OW). Which one goes away when you take a maximum, and which stay?"
        )
    return said


# %% [markdown] hint
# In the text the four cut-outs of the example are printed. Which start, stop and step had each slice, for rows and for columns?

# %% [markdown] hint
# Rows `a : a + sh * OH : sh`, columns `b : b + sw * OW : sw`, of all images and all channels. After the loop windows has the shape
# (KH * KW, N, C, OH, OW): along which axis do you look for the largest?

# %% [markdown] hint
# `pixels = x[:, :, a : a + sh * OH : sh, ...]` with the columns likewise; `out = windows.max(axis=0)`, and the winner is the same with
# argmax.

# %% [markdown] derivation
# Entry $(a, b)$ of window $(i, j)$ is pixel $(i \cdot \text{sh} + a, j \cdot \text{sw} + b)$. For fixed $(a, b)$ and all $i$ these rows are $a, a + \text{sh}, a + 2\,\text{sh}, \ldots$, OH of them:
# the slice `a : a + sh * OH : sh`. The columns likewise. Stored along axis 0, a window's values stand behind each other there, and
# the maximum and its index are taken along that axis.


# %% solution
def max_pool_forward(x, kernel_size=(2, 2), stride=(2, 2)):
    (KH, KW), (sh, sw) = kernel_size, stride
    N, C, H, W = x.shape
    OH, OW = (H - KH) // sh + 1, (W - KW) // sw + 1
    windows = np.empty((KH * KW, N, C, OH, OW), x.dtype)
    for a in range(KH):
        for b in range(KW):
            pixels = x[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw]
            windows[a * KW + b] = pixels  # entries are counted along the rows of the window
    out = windows.max(axis=0)
    winner = windows.argmax(axis=0)
    return out, (winner, x.shape, kernel_size, stride)


# %% wrong: the maximum starts at 0
def max_pool_forward(x, kernel_size=(2, 2), stride=(2, 2)):
    (KH, KW), (sh, sw) = kernel_size, stride
    N, C, H, W = x.shape
    OH, OW = (H - KH) // sh + 1, (W - KW) // sw + 1
    windows = np.empty((KH * KW, N, C, OH, OW), x.dtype)
    for a in range(KH):
        for b in range(KW):
            pixels = x[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw]
            windows[a * KW + b] = pixels  # entries are counted along the rows of the window
    out = np.zeros((N, C, OH, OW), x.dtype)
    for entry in windows:
        out = np.maximum(out, entry)
    winner = windows.argmax(axis=0)
    return out, (winner, x.shape, kernel_size, stride)


# %% wrong: stride ignored
def max_pool_forward(x, kernel_size=(2, 2), stride=(2, 2)):
    (KH, KW), (sh, sw) = kernel_size, stride
    N, C, H, W = x.shape
    OH, OW = (H - KH) // sh + 1, (W - KW) // sw + 1
    windows = np.empty((KH * KW, N, C, OH, OW), x.dtype)
    for a in range(KH):
        for b in range(KW):
            pixels = x[:, :, a : a + OH, b : b + OW]
            windows[a * KW + b] = pixels  # entries are counted along the rows of the window
    out = windows.max(axis=0)
    winner = windows.argmax(axis=0)
    return out, (winner, x.shape, kernel_size, stride)


# %% wrong: mean instead of maximum
def max_pool_forward(x, kernel_size=(2, 2), stride=(2, 2)):
    (KH, KW), (sh, sw) = kernel_size, stride
    N, C, H, W = x.shape
    OH, OW = (H - KH) // sh + 1, (W - KW) // sw + 1
    windows = np.empty((KH * KW, N, C, OH, OW), x.dtype)
    for a in range(KH):
        for b in range(KW):
            pixels = x[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw]
            windows[a * KW + b] = pixels  # entries are counted along the rows of the window
    out = windows.mean(axis=0)
    winner = windows.argmax(axis=0)
    return out, (winner, x.shape, kernel_size, stride)


# %% wrong: out has shape
def max_pool_forward(x, kernel_size=(2, 2), stride=(2, 2)):
    (KH, KW), (sh, sw) = kernel_size, stride
    N, C, H, W = x.shape
    OH, OW = (H - KH) // sh + 1, (W - KW) // sw + 1
    windows = np.empty((KH * KW, N, C, OH, OW), x.dtype)
    for a in range(KH):
        for b in range(KW):
            pixels = x[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw]
            windows[a * KW + b] = pixels  # entries are counted along the rows of the window
    out = windows.max(axis=1)
    winner = windows.argmax(axis=0)
    return out, (winner, x.shape, kernel_size, stride)


# %% wrong: winner has shape ()
def max_pool_forward(x, kernel_size=(2, 2), stride=(2, 2)):
    (KH, KW), (sh, sw) = kernel_size, stride
    N, C, H, W = x.shape
    OH, OW = (H - KH) // sh + 1, (W - KW) // sw + 1
    windows = np.empty((KH * KW, N, C, OH, OW), x.dtype)
    for a in range(KH):
        for b in range(KW):
            pixels = x[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw]
            windows[a * KW + b] = pixels  # entries are counted along the rows of the window
    out = windows.max(axis=0)
    winner = windows.argmax()
    return out, (winner, x.shape, kernel_size, stride)


# %% wrong: Which slice takes too many or too few?
def max_pool_forward(x, kernel_size=(2, 2), stride=(2, 2)):
    (KH, KW), (sh, sw) = kernel_size, stride
    N, C, H, W = x.shape
    OH, OW = (H - KH) // sh + 1, (W - KW) // sw + 1
    windows = np.empty((KH * KW, N, C, OH, OW), x.dtype)
    for a in range(KH):
        for b in range(KW):
            pixels = x[:, :, a::sh, b::sw]
            windows[a * KW + b] = pixels  # entries are counted along the rows of the window
    out = windows.max(axis=0)
    winner = windows.argmax(axis=0)
    return out, (winner, x.shape, kernel_size, stride)


# %% wrong: smallest instead of largest
def max_pool_forward(x, kernel_size=(2, 2), stride=(2, 2)):
    (KH, KW), (sh, sw) = kernel_size, stride
    N, C, H, W = x.shape
    OH, OW = (H - KH) // sh + 1, (W - KW) // sw + 1
    windows = np.empty((KH * KW, N, C, OH, OW), x.dtype)
    for a in range(KH):
        for b in range(KW):
            pixels = x[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw]
            windows[a * KW + b] = pixels  # entries are counted along the rows of the window
    out = windows.min(axis=0)
    winner = windows.argmin(axis=0)
    return out, (winner, x.shape, kernel_size, stride)


# %% wrong: the last of several winners
def max_pool_forward(x, kernel_size=(2, 2), stride=(2, 2)):
    (KH, KW), (sh, sw) = kernel_size, stride
    N, C, H, W = x.shape
    OH, OW = (H - KH) // sh + 1, (W - KW) // sw + 1
    windows = np.empty((KH * KW, N, C, OH, OW), x.dtype)
    for a in range(KH):
        for b in range(KW):
            pixels = x[:, :, a : a + sh * OH : sh, b : b + sw * OW : sw]
            windows[a * KW + b] = pixels  # entries are counted along the rows of the window
    out = windows.max(axis=0)
    winner = KH * KW - 1 - windows[::-1].argmax(axis=0)
    return out, (winner, x.shape, kernel_size, stride)


# %% wrong: cut into blocks
def max_pool_forward(x, kernel_size=(2, 2), stride=(2, 2)):
    (KH, KW), (sh, sw) = kernel_size, stride
    N, C, H, W = x.shape
    OH, OW = (H - KH) // sh + 1, (W - KW) // sw + 1
    windows = np.empty((KH * KW, N, C, OH, OW), x.dtype)
    for a in range(KH):
        for b in range(KW):
            pixels = x[:, :, a * OH : (a + 1) * OH, b * OW : (b + 1) * OW]
            windows[a * KW + b] = pixels  # entries are counted along the rows of the window
    out = windows.max(axis=0)
    winner = windows.argmax(axis=0)
    return out, (winner, x.shape, kernel_size, stride)
