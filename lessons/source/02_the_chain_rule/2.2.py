# %% [markdown]
# # The sigmoid, backward

# %% check
import numpy as np

from scratchnet_lessons.exercises import generic, gradients


def sigmoid_forward(x):
    out = 1 / (1 + np.exp(-x))
    return out, out


def examine(sigmoid_backward):
    rng = np.random.default_rng(0)
    return [gradients((sigmoid_forward, sigmoid_backward), generic(shape, rng)) for shape in ((5, 4), (2, 3, 4))]


# %% [markdown] hint
# Two factors: what the sigmoid itself does, and what comes from above. Which is which?

# %% [markdown] hint
# The local slope is `out * (1 - out)`: out is in the cache, so there is nothing to compute again. And from above comes `dout`.

# %% [markdown] hint
# `dx = dout * out * (1 - out)`

# %% [markdown] derivation
# The sigmoid is the chain $p = -x$, $q = e^p$, $r = 1 + q$, $\text{out} = 1/r$, with the local slopes $-1$, $q$, $1$ and $-\text{out}^2$. Their product is
# $q\,\text{out}^2$, and with $q = 1/\text{out} - 1$ that is $\text{out}(1 - \text{out})$. Times what comes from above: $\text{dx} = \text{dout} \cdot \text{out}(1 - \text{out})$.


# %% solution
def sigmoid_backward(dout, cache):
    out = cache
    dx = dout * out * (1 - out)
    return dx


# %% wrong: upstream gradient ignored
def sigmoid_backward(dout, cache):
    out = cache
    dx = out * (1 - out)
    return dx


# %% wrong: derivative at the wrong value
def sigmoid_backward(dout, cache):
    out = 1 / (1 + np.exp(-cache))
    dx = dout * out * (1 - out)
    return dx


# %% wrong: sign flipped
def sigmoid_backward(dout, cache):
    out = cache
    dx = dout * out * (out - 1)
    return dx


# %% wrong: derivative at the wrong value
def sigmoid_backward(dout, cache):
    out = cache
    dx = dout * (1 - out**2)
    return dx


# %% wrong: a part of your dx does not depend on the upstream gradient
def sigmoid_backward(dout, cache):
    out = cache
    dx = dout + out * (1 - out)
    return dx


# %% wrong: local derivative missing
def sigmoid_backward(dout, cache):
    out = cache
    dx = dout
    return dx
