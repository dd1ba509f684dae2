# %% [markdown]
# # The graph, backward

# %% check
import numpy as np

from scratchnet_lessons.exercises import Comparison, Mistake, generic, gradients, values


def graph_forward(a, b, c):
    v = a * b + c
    return v**2, (a, b, v)


def slopes(dv, a, b):
    return b * dv, a * dv, dv


KNOWN = (  # mistakes of this very graph, for which the general check has no name, or another one
    Mistake(
        "factors exchanged",
        lambda dout, cache: (cache[0] * 2 * cache[2] * dout, cache[1] * 2 * cache[2] * dout, 2 * cache[2] * dout),
        "If a grows by 1, by how much does a * b grow: by a or by b?",
    ),
    Mistake(
        "the square's slope missing",
        lambda dout, cache: slopes(dout, *cache[:2]),
        "Between out and v stands the square. What is its local slope?",
    ),
)


def examine(graph_backward):
    rng = np.random.default_rng(0)
    example = 1.0, (2.0, -1.0, 3.0)
    for name, wrong, hint in KNOWN:
        if values(graph_backward, wrong, example, (0.5, (3.0, 7.0, 2.0))):
            call = "dout 1.0, cache (a, b, v) = (2.0, -1.0, 3.0)"
            problem = "it returns {:g}, {:g}, {:g}, wanted -6, 12, 6".format(*wrong(*example))
            return Comparison("graph_backward", call, problem, name, hint)
    shapes = (5,), (2, 3), ()  # arrays first: of a single number little can be told
    return [gradients((graph_forward, graph_backward), *(np.array(generic(s, rng)) for _ in range(3))) for s in shapes]


# %% [markdown] hint
# Begin at the end: what is the local slope of the square, and what comes from above there?

# %% [markdown] hint
# `dv = 2 * v * dout`. The sum has the slopes 1 and 1, so that `u` and `c` get dv as it is. What does each factor of a product get?

# %% [markdown] hint
# `da` is dv times the other factor, `b`; `db` is dv times `a`; `dc` is dv.

# %% [markdown] derivation
# Step by step, from the end. $\text{out} = v^2$ has the local slope $2v$: $\text{dv} = 2v\,\text{dout}$. $v = u + c$ has the slopes 1: $\text{du} = \text{dc} = \text{dv}$.
# $u = a b$ has the slope $b$ for $a$ and $a$ for $b$: $\text{da} = b\,\text{du}$ and $\text{db} = a\,\text{du}$.


# %% solution
def graph_backward(dout, cache):
    a, b, v = cache
    dv = 2 * v * dout
    da = b * dv
    db = a * dv
    dc = dv
    return da, db, dc


# %% wrong: factors exchanged
def graph_backward(dout, cache):
    a, b, v = cache
    dv = 2 * v * dout
    da = a * dv
    db = b * dv
    dc = dv
    return da, db, dc


# %% wrong: upstream gradient ignored
def graph_backward(dout, cache):
    a, b, v = cache
    dv = 2 * v
    da = b * dv
    db = a * dv
    dc = dv
    return da, db, dc


# %% wrong: factor 2 missing
def graph_backward(dout, cache):
    a, b, v = cache
    dv = v * dout
    da = b * dv
    db = a * dv
    dc = dv
    return da, db, dc


# %% wrong: the square's slope missing
def graph_backward(dout, cache):
    a, b, v = cache
    dv = dout
    da = b * dv
    db = a * dv
    dc = dv
    return da, db, dc


# %% wrong: your dc is dout itself
def graph_backward(dout, cache):
    a, b, v = cache
    dv = 2 * v * dout
    da = b * dv
    db = a * dv
    dc = dout
    return da, db, dc


# %% wrong: gradients in the wrong order
def graph_backward(dout, cache):
    a, b, v = cache
    dv = 2 * v * dout
    da = b * dv
    db = a * dv
    dc = dv
    return dc, da, db
