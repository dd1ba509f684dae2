# %% [markdown]
# # ReLU, backward

# %% check
import numpy as np

from scratchnet_lessons.exercises import Comparison, attempt, generic, gradients


def relu_forward(x):
    out = np.maximum(x, 0)
    return out, out


def examine(relu_backward):
    rng = np.random.default_rng(0)
    # A ReLU's output is never negative. What happens to one all the same tells "no mask" from "a mask that is always True".
    got, _ = attempt(relu_backward, np.ones(3), np.array([-1.0, 0.0, 1.0]))
    if isinstance(got, np.ndarray) and np.array_equal(got, [0.0, 1.0, 1.0]):
        yield Comparison(
            "relu_backward",
            problem="dx is dout everywhere, also where the input was stopped",
            name="mask missing",
            hint="out is never negative: is your comparison ever False?",
        )
    for shape in (5, 4), (2, 3, 4):
        yield gradients((relu_forward, relu_backward), generic(shape, rng))


# %% [markdown] hint
# An entry of the input that was negative: if it moves a little, does the output move? What is its slope, and what then is dx
# there?

# %% [markdown] hint
# `out > 0` is an array of True and False, and in a multiplication these count as 1 and 0. What do you multiply it with?

# %% [markdown] hint
# dx is `dout` times the mask `(out > 0)`: a new array, and dout stays as it was.

# %% [markdown] derivation
# Each output depends on one input alone: $\text{out} = \max(x, 0)$, with the slope $1$ where $x > 0$ and $0$ where $x < 0$. The chain rule
# multiplies that by what comes from above: $\text{dx} = \text{dout} \cdot [x > 0]$. As out is positive exactly where x is, the mask is
# `out > 0`. For the leaky ReLU it would be 1 or 0.01 instead of 1 or 0.


# %% solution
def relu_backward(dout, cache):
    out = cache
    dx = dout * (out > 0)
    return dx


# %% wrong: mask missing
def relu_backward(dout, cache):
    out = cache
    dx = dout
    return dx


# %% wrong: value instead of mask
def relu_backward(dout, cache):
    out = cache
    dx = dout * out
    return dx


# %% wrong: likely mistake: upstream gradient ignored
def relu_backward(dout, cache):
    out = cache
    dx = out > 0
    return dx


# %% wrong: upstream gradient ignored
def relu_backward(dout, cache):
    out = cache
    dx = np.where(out > 0, 1.0, 0.0)
    return dx


# %% wrong: dout changed in place
def relu_backward(dout, cache):
    out = cache
    dx = dout
    dx[out <= 0] = 0
    return dx


# %% wrong: mask of the wrong array
def relu_backward(dout, cache):
    out = cache
    dx = np.maximum(dout, 0)
    return dx


# %% wrong: out is never negative: is your comparison ever False?
def relu_backward(dout, cache):
    out = cache
    dx = dout * (out >= 0)
    return dx
