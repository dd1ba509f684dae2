# %% [markdown]
# # The gradient of the neuron

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def reference(dout, x):
    dw, db = 0.0, 0.0
    for slope, value in zip(dout, x, strict=True):
        dw += slope * value
        db += slope
    return dw, db


def examine(neuron_backward):
    rng = np.random.default_rng(0)
    return values(
        neuron_backward,
        reference,
        (np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])),
        (rng.standard_normal(7), rng.standard_normal(7)),
        (rng.standard_normal(4), rng.standard_normal(4)),
        mistakes=(
            Mistake(
                "mean instead of sum",
                lambda dout, x: (np.mean(dout * x), np.mean(dout)),
                "The loss's division by N is in dout already. What happens to the contributions of the days?",
            ),
            Mistake(
                "mean instead of sum",
                lambda dout, x: (np.sum(dout * x), np.mean(dout)),
                "b is used on every day. What happens to the contributions of the days?",
            ),
            Mistake(
                "x forgotten",
                lambda dout, x: (np.sum(dout), np.sum(dout)),
                "If w grows by a bit, by how much does out[n] grow? It is not the same on a warm day as on a cold one.",
            ),
            Mistake(
                "x in the bias too",
                lambda dout, x: (np.sum(dout * x), np.sum(dout * x)),
                "If b grows by a bit, by how much does out[n] grow?",
            ),
            Mistake(
                "gradients in the wrong order",
                lambda dout, x: (np.sum(dout), np.sum(dout * x)),
                "Which one comes first in the return line?",
            ),
            Mistake(
                "summed before multiplied",
                lambda dout, x: (np.sum(dout) * np.sum(x), np.sum(dout)),
                "Each day's slope meets the x of its own day. What comes first, the product or the sum?",
            ),
            Mistake(
                "summed before multiplied",
                lambda dout, x: (np.sum(dout) * x, np.sum(dout)),
                "Each day's slope meets the x of its own day. What comes first, the product or the sum?",
            ),
            Mistake(
                "not summed",
                lambda dout, x: (dout * x, dout),
                "The weight is one number, so it has one slope. What happens to the contributions of the days?",
            ),
        ),
    )


# %% [markdown] hint
# On the way from w to the loss through day n there are two factors. Which? And what is done with the days?

# %% [markdown] hint
# Day n contributes `dout[n] * x[n]` to dw and `dout[n]` to db. NumPy multiplies two arrays entry by entry with `*`.

# %% [markdown] hint
# `np.sum(dout * x)` adds up the products of all days. For db the factor is 1.

# %% [markdown] derivation
# $\text{out}_n = w\,x_n + b$ grows by $x_n$ for each bit of $w$, and by 1 for each bit of $b$. The loss grows by $\text{dout}_n$ for each bit of $\text{out}_n$.
# Along the way through day $n$ the two multiply; over the days they add:
#
# $$\text{dw} = \sum_n \text{dout}_n\, x_n \qquad \text{db} = \sum_n \text{dout}_n$$


# %% solution
def neuron_backward(dout, x):
    dw = np.sum(dout * x)
    db = np.sum(dout)
    return dw, db


# %% wrong: mean instead of sum
def neuron_backward(dout, x):
    dw = np.mean(dout * x)
    db = np.mean(dout)
    return dw, db


# %% wrong: x forgotten
def neuron_backward(dout, x):
    dw = np.sum(dout)
    db = np.sum(dout)
    return dw, db


# %% wrong: not summed
def neuron_backward(dout, x):
    dw = dout * x
    db = dout
    return dw, db


# %% wrong: gradients in the wrong order
def neuron_backward(dout, x):
    dw = np.sum(dout * x)
    db = np.sum(dout)
    return db, dw


# %% wrong: summed before multiplied
def neuron_backward(dout, x):
    dw = np.sum(dout) * np.sum(x)
    db = np.sum(dout)
    return dw, db


# %% wrong: x in the bias too
def neuron_backward(dout, x):
    dw = np.sum(dout * x)
    db = dw
    return dw, db
