# %% [markdown]
# # Scale and shift, backward

# %% check
import numpy as np

from scratchnet_lessons.exercises import Comparison, attempt, generic, gradients


def scale_forward(x, g, b):
    return x * g + b, (x, g)


def _same(a, b):
    return np.shape(a) == np.shape(b) and np.allclose(a, b)


def examine(scale_backward):
    rng = np.random.default_rng(0)
    x, g, dout = generic((5, 4), rng), generic((4,), rng), generic((5, 4), rng)
    got, _ = attempt(scale_backward, dout, (x, g))
    dg = got[1] if isinstance(got, tuple) and len(got) == 3 else None
    if _same(dg, x.T @ dout) or _same(dg, dout.T @ x):
        yield Comparison(
            "scale_backward",
            f"x {x.shape}, g {g.shape}, dout {dout.shape}",
            problem=f"dg is a matrix product of x and dout, {dg.shape}; wanted {g.shape}",
            name="a matrix product, where entries meet one to one",
            hint="g[j] meets x[n, j] and reaches out[n, j]: the same n and the same j. Which product takes entry with entry?",
        )
    elif _same(dg, x.sum(axis=0) * dout.sum(axis=0)):
        yield Comparison(
            "scale_backward",
            problem="dg is the sum of x times the sum of dout",
            name="product of sums",
            hint="The sum of products is not the product of sums: 1*3 + 2*4 = 11, but (1 + 2) * (3 + 4) = 21. Which comes first in "
            "the formula, the product or the sum?",
        )
    # A sum of dout alone looks like a sum over a wrong axis to the checker, which does not know where x belongs.
    if dg is not None and _same(dg, dout.sum(axis=0)) and _same(got[2], dg):
        yield Comparison(
            "scale_backward",
            problem="dg is the sum of dout over the rows, without a local slope",
            name="local derivative missing",
            hint="g[j] is multiplied by a number on its way to out[n, j]. Where does that number stand in your dg?",
        )
    for n, d in (5, 4), (3, 3):
        yield gradients((scale_forward, scale_backward), generic((n, d), rng), generic((d,), rng), generic((d,), rng))


# %% [markdown] hint
# Draw x (N, D) as a table, and g and b as one row above it. Which entries of out does g[1] meet? And how many does x[2, 1] reach?

# %% [markdown] hint
# x[n, j] reaches one output, out[n, j], and is multiplied by g[j]. g[j] reaches out[n, j] in every row n, multiplied by x[n, j]; b[j]
# likewise, multiplied by 1. Where one number reaches several outputs, their gradients add up: over which axis?

# %% [markdown] hint
# `dx` is `dout` times g, entry by entry; NumPy takes g for every row. `dg` is the sum of `dout * x` over `axis=0`, and `db` that of `dout`.

# %% [markdown] derivation
# $x_{nj}$ reaches $\text{out}_{nj}$ alone, with slope $g_j$: $\text{dx}_{nj} = \text{dout}_{nj}\,g_j$.
#
# $g_j$ reaches $\text{out}_{nj}$ for all $n$ with slope $x_{nj}$: $\text{dg}_j = \sum_n \text{dout}_{nj}\,x_{nj}$. $b_j$ reaches the same outputs with slope 1:
# $\text{db}_j = \sum_n \text{dout}_{nj}$. What forward has used for every row, backward sums over the rows.


# %% solution
def scale_backward(dout, cache):
    x, g = cache
    dx = dout * g
    dg = (dout * x).sum(axis=0)
    db = dout.sum(axis=0)
    return dx, dg, db


# %% wrong: wrong shape
def scale_backward(dout, cache):
    x, g = cache
    dx = dout * g
    dg = dout * x
    db = dout
    return dx, dg, db


# %% wrong: local derivative missing
def scale_backward(dout, cache):
    x, g = cache
    dx = dout
    dg = (dout * x).sum(axis=0)
    db = dout.sum(axis=0)
    return dx, dg, db


# %% wrong: extra 1/N
def scale_backward(dout, cache):
    x, g = cache
    dx = dout * g
    dg = (dout * x).mean(axis=0)
    db = dout.mean(axis=0)
    return dx, dg, db


# %% wrong: local derivative missing
def scale_backward(dout, cache):
    x, g = cache
    dx = dout * g
    dg = dout.sum(axis=0)
    db = dout.sum(axis=0)
    return dx, dg, db


# %% wrong: gradients in the wrong order
def scale_backward(dout, cache):
    x, g = cache
    dx = dout * g
    dg = (dout * x).sum(axis=0)
    db = dout.sum(axis=0)
    return dx, db, dg


# %% wrong: a matrix product, where entries meet one to one
def scale_backward(dout, cache):
    x, g = cache
    dx = dout * g
    dg = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dg, db


# %% wrong: upstream gradient ignored
def scale_backward(dout, cache):
    x, g = cache
    dx = dout * g
    dg = x.sum(axis=0)
    db = dout.sum(axis=0)
    return dx, dg, db


# %% wrong: a matrix product, where entries meet one to one
def scale_backward(dout, cache):
    x, g = cache
    dx = dout * g
    dg = dout.T @ x
    db = dout.sum(axis=0)
    return dx, dg, db


# %% wrong: The sum of products is not the product of sums
def scale_backward(dout, cache):
    x, g = cache
    dx = dout * g
    dg = x.sum(axis=0) * dout.sum(axis=0)
    db = dout.sum(axis=0)
    return dx, dg, db
