# %% [markdown]
# # Dropout

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, generic, gradients, values


class Draws:
    """A generator that draws what stands here."""

    def __init__(self, numbers):
        self.numbers = numbers

    def random(self, shape):
        return np.resize(self.numbers, shape)

    def __repr__(self):
        return f"that draws {', '.join(map(str, self.numbers[:4]))}, .."


def with_mask(number_of):
    """Dropout with this number for a draw in its mask."""

    def dropout(x, p, rng):
        draw = rng.random(x.shape)
        mask = np.array([number_of(float(d), p) for d in draw.ravel()]).reshape(x.shape)
        return x * mask, mask

    return dropout


def right(d, p):
    return 0.0 if d < p else 1 / (1 - p)


MISTAKES = (
    Mistake(
        "dropout scale wrong: no scale",
        with_mask(lambda d, p: float(d >= p)),
        "Take the mean of a value over many draws: p of them give 0, 1 - p of them what you keep. Is it x?",
    ),
    Mistake(
        "dropout scale wrong: multiplied",
        with_mask(lambda d, p: (d >= p) * (1 - p)),
        "Must the values that stay become larger or smaller, to make up for those that are gone?",
    ),
    Mistake(
        "dropout scale wrong: 1/p",
        with_mask(lambda d, p: (d >= p) / p),
        "With p = 0.2, what part of the values stays, p or 1 - p? Divide by that part.",
    ),
    Mistake(
        "mask inverted",
        with_mask(lambda d, p: (d < p) / (1 - p)),
        "p is the probability to be dropped. How often is draw < p true, and what happens to the value then?",
    ),
    Mistake(
        "mask inverted",
        with_mask(lambda d, p: (d < p) / p),
        "p is the probability to be dropped. How often is draw < p true, and what happens to the value then?",
    ),
)


def examine(dropout_forward, dropout_backward):
    rng = np.random.default_rng(0)
    draws = Draws(np.array([0.05, 0.5, 0.95, 0.28, 0.72, 0.61, 0.15, 0.85]))
    cases = [(generic(shape, rng), p, draws) for shape, p in (((3, 5), 0.3), ((4, 2), 0.6))]
    yield values(dropout_forward, with_mask(right), *cases, mistakes=MISTAKES)
    for shape, p in ((5, 4), 0.3), ((2, 3, 4), 0.6):
        options = {"p": p, "rng": np.random.default_rng(1)}
        yield gradients((dropout_forward, dropout_backward), generic(shape, rng), options=options)


# %% [markdown] hint
# Which values of the mask are there, and for which draws? And in backward: by which number was each value multiplied on its way?

# %% [markdown] hint
# `draw >= p` is an array of True and False, which count as 1 and 0 in a multiplication. Divide it by what makes up for the dropped
# ones. Backward multiplies by the same mask.

# %% [markdown] hint
# `mask = (draw >= p) / (1 - p)`. Backward is one product of two arrays.

# %% [markdown] derivation
# A draw is below $p$ with probability $p$: there the value is dropped. The others are multiplied by $\frac{1}{1-p}$, so that the mean over all
# draws is $p \cdot 0 + (1-p)\frac{x}{1-p} = x$. Both are in the mask. Each output is one input times one number of the mask, which is the
# local slope: $\text{dx} = \text{dout} \cdot \text{mask}$.


# %% solution
def dropout_forward(x, p, rng):
    draw = rng.random(x.shape)
    mask = (draw >= p) / (1 - p)
    mask = mask.astype(x.dtype)  # float32 in, float32 out
    return x * mask, mask


def dropout_backward(dout, cache):
    mask = cache
    dx = dout * mask
    return dx


# %% wrong: dropout scale wrong
def dropout_forward(x, p, rng):
    draw = rng.random(x.shape)
    mask = draw >= p
    mask = mask.astype(x.dtype)  # float32 in, float32 out
    return x * mask, mask


def dropout_backward(dout, cache):
    mask = cache
    dx = dout * mask
    return dx


# %% wrong: dropout scale wrong
def dropout_forward(x, p, rng):
    draw = rng.random(x.shape)
    mask = (draw >= p) * (1 - p)
    mask = mask.astype(x.dtype)  # float32 in, float32 out
    return x * mask, mask


def dropout_backward(dout, cache):
    mask = cache
    dx = dout * mask
    return dx


# %% wrong: mask inverted
def dropout_forward(x, p, rng):
    draw = rng.random(x.shape)
    mask = (draw < p) / (1 - p)
    mask = mask.astype(x.dtype)  # float32 in, float32 out
    return x * mask, mask


def dropout_backward(dout, cache):
    mask = cache
    dx = dout * mask
    return dx


# %% wrong: mask inverted
def dropout_forward(x, p, rng):
    draw = rng.random(x.shape)
    mask = (draw < p) / p
    mask = mask.astype(x.dtype)  # float32 in, float32 out
    return x * mask, mask


def dropout_backward(dout, cache):
    mask = cache
    dx = dout * mask
    return dx


# %% wrong: mask missing
def dropout_forward(x, p, rng):
    draw = rng.random(x.shape)
    mask = (draw >= p) / (1 - p)
    mask = mask.astype(x.dtype)  # float32 in, float32 out
    return x * mask, mask


def dropout_backward(dout, cache):
    mask = cache
    dx = dout
    return dx


# %% wrong: dropout scale wrong
def dropout_forward(x, p, rng):
    draw = rng.random(x.shape)
    mask = (draw >= p) / (1 - p)
    mask = mask.astype(x.dtype)  # float32 in, float32 out
    return x * mask, mask


def dropout_backward(dout, cache):
    mask = cache
    dx = dout * (mask > 0)
    return dx


# %% wrong: mask inverted
def dropout_forward(x, p, rng):
    draw = rng.random(x.shape)
    mask = (draw >= p) / (1 - p)
    mask = mask.astype(x.dtype)  # float32 in, float32 out
    return x * mask, mask


def dropout_backward(dout, cache):
    mask = cache
    dx = dout * (mask == 0)
    return dx
