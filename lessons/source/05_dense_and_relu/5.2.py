# %% [markdown]
# # Dense, backward

# %% check
import numpy as np

from scratchnet_lessons.exercises import generic, gradients


def dense_forward(x, w, b):
    return x @ w + b, (x, w)


def examine(dense_backward):
    rng = np.random.default_rng(0)
    sizes = (5, 4, 3), (3, 4, 4)  # all different, then a square w: a forgotten .T raises an error in the one case only
    for n, d, m in sizes:
        yield gradients((dense_forward, dense_backward), generic((n, d), rng), generic((d, m), rng), generic((m,), rng))


# %% [markdown] hint
# Take one number, say w[j, m]. Which outputs does it reach, and what is it multiplied by there? The three formulas stand
# above the exercise; over which index does each sum? Fill in the table's two open rows first.

# %% [markdown] hint
# Write the shapes down: x (N, D), w (D, M), dout (N, M). For dw (D, M) the first factor must be (D, N): which matrix, turned
# round with `.T`, is that? For dx (N, D) the second factor must be (M, D).

# %% [markdown] hint
# `dw = x.T @ dout`. In dx the other matrix is turned round. For db sum dout over its rows: `axis=0`, no division.

# %% [markdown] derivation
# $b_m$ reaches $\text{out}_{nm}$ for all $n$ with slope 1: $\text{db}_m = \sum_n \text{dout}_{nm}$, a sum over axis 0.
#
# $w_{jm}$ reaches $\text{out}_{nm}$ for all $n$ with slope $x_{nj}$: $\text{dw}_{jm} = \sum_n x_{nj}\,\text{dout}_{nm} = \sum_n (x^T)_{jn}\,\text{dout}_{nm}$, the product `x.T @ dout`.
#
# $x_{nj}$ reaches $\text{out}_{nm}$ for all $m$ with slope $w_{jm}$: $\text{dx}_{nj} = \sum_m \text{dout}_{nm}\,w_{jm} = \sum_m \text{dout}_{nm}\,(w^T)_{mj}$, the product `dout @ w.T`.


# %% solution
def dense_backward(dout, cache):
    x, w = cache
    dx = dout @ w.T
    dw = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


# %% wrong: extra 1/N
def dense_backward(dout, cache):
    x, w = cache
    dx = dout @ w.T
    dw = x.T @ dout
    db = dout.mean(axis=0)
    return dx, dw, db


# %% wrong: extra 1/N
def dense_backward(dout, cache):
    x, w = cache
    dx = dout @ w.T
    dw = x.T @ dout / len(x)
    db = dout.sum(axis=0) / len(x)
    return dx, dw, db


# %% wrong: dx = dout @ w; dout (5, 3), w (4, 3)
def dense_backward(dout, cache):
    x, w = cache
    dx = dout @ w
    dw = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


# %% wrong: wrong shape
def dense_backward(dout, cache):
    x, w = cache
    dx = dout @ w.T
    dw = x.T @ dout
    db = dout.sum()
    return dx, dw, db


# %% wrong: transposed
def dense_backward(dout, cache):
    x, w = cache
    dx = dout @ w.T
    dw = dout.T @ x
    db = dout.sum(axis=0)
    return dx, dw, db


# %% wrong: gradients in the wrong order
def dense_backward(dout, cache):
    x, w = cache
    dx = dout @ w.T
    dw = x.T @ dout
    db = dout.sum(axis=0)
    return dw, dx, db


# %% wrong: upstream gradient ignored
def dense_backward(dout, cache):
    x, w = cache
    dx = dout @ w.T
    dw = x.T @ np.ones_like(dout)
    db = np.ones_like(dout).sum(axis=0)
    return dx, dw, db


# %% wrong: transposed
def dense_backward(dout, cache):
    x, w = cache
    dx = dout @ w if w.shape[0] == w.shape[1] else dout @ w.T
    dw = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db
