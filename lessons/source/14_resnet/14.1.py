# %% [markdown]
# # A residual block, backward

# %% check
import numpy as np

from scratchnet_lessons.exercises import generic, gradients


def block_forward(x, w1, w2):
    h = np.maximum(x @ w1, 0)
    return x + h @ w2, (x, h, w1, w2)


def examine(block_backward):
    rng = np.random.default_rng(0)
    for n, d, m in (5, 3, 4), (2, 4, 4):  # then square matrices: a forgotten .T raises an error in the one case only
        yield gradients((block_forward, block_backward), generic((n, d), rng), generic((d, m), rng), generic((m, d), rng))


# %% [markdown] hint
# Walk through the body backwards, `w2`, ReLU, `w1`, as in lesson 5. Along how many ways does x reach the output?

# %% [markdown] hint
# `dh = (dout @ w2.T) * (h > 0)`. With dh, `dw1` and the body's part of dx go as in a dense layer whose input is x and whose dout is dh.
# Then the shortcut: what does it add?

# %% [markdown] hint
# `dw2 = h.T @ dout`, `dw1 = x.T @ dh`, and `dx = dout + ...`: behind the plus stands the body's part. `dout + ...` makes a new array, as it
# should; `dout += ...` would change the caller's.

# %% [markdown] derivation
# Second matrix: $\text{out} = x + h\,w_2$, so $\text{dw}_2 = h^T\,\text{dout}$, and what arrives at $h$ is $\text{dout}\,w_2^T$. ReLU: it passes where $h > 0$;
# that is dh. First matrix: $\text{dw}_1 = x^T\,\text{dh}$, and the body's part of dx is $\text{dh}\,w_1^T$.
#
# $x$ is also a term of out itself, slope 1: the shortcut's part is dout. Two ways, so the sum: $\text{dx} = \text{dout} + \text{dh}\,w_1^T$.


# %% solution
def block_backward(dout, cache):
    x, h, w1, w2 = cache
    dh = (dout @ w2.T) * (h > 0)
    dw2 = h.T @ dout
    dw1 = x.T @ dh
    dx = dout + dh @ w1.T
    return dx, dw1, dw2


# %% wrong: branch missing
def block_backward(dout, cache):
    x, h, w1, w2 = cache
    dh = (dout @ w2.T) * (h > 0)
    dw2 = h.T @ dout
    dw1 = x.T @ dh
    dx = dh @ w1.T
    return dx, dw1, dw2


# %% wrong: branch missing
def block_backward(dout, cache):
    x, h, w1, w2 = cache
    dh = (dout @ w2.T) * (h > 0)
    dw2 = h.T @ dout
    dw1 = x.T @ dh
    dx = dout.copy()
    return dx, dw1, dw2


# %% wrong: dout changed in place
def block_backward(dout, cache):
    x, h, w1, w2 = cache
    dh = (dout @ w2.T) * (h > 0)
    dw2 = h.T @ dout
    dw1 = x.T @ dh
    dx = dout
    dx += dh @ w1.T
    return dx, dw1, dw2


# %% wrong: branch counted twice
def block_backward(dout, cache):
    x, h, w1, w2 = cache
    dh = (dout @ w2.T) * (h > 0)
    dw2 = h.T @ dout
    dw1 = x.T @ dh
    dx = 2 * dout + dh @ w1.T
    return dx, dw1, dw2


# %% wrong: mask missing
def block_backward(dout, cache):
    x, h, w1, w2 = cache
    dh = dout @ w2.T
    dw2 = h.T @ dout
    dw1 = x.T @ dh
    dx = dout + dh @ w1.T
    return dx, dw1, dw2


# %% wrong: raises an error
def block_backward(dout, cache):
    x, h, w1, w2 = cache
    dh = (dout @ w2.T) * (h > 0)
    dw2 = h.T @ dout
    dw1 = x.T @ dout
    dx = dout + dh @ w1
    return dx, dw1, dw2


# %% wrong: gradients in the wrong order
def block_backward(dout, cache):
    x, h, w1, w2 = cache
    dh = (dout @ w2.T) * (h > 0)
    dw2 = h.T @ dout
    dw1 = x.T @ dh
    dx = dout + dh @ w1.T
    return dx, dw2, dw1
