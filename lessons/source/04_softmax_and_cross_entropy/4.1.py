# %% [markdown]
# # Softmax

# %% check
import math

import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def reference(logits):
    """One number at a time: 1 / sum_j e^(z_j - z_k), in which only differences stand."""
    probs = np.zeros(logits.shape)
    for n, k in np.ndindex(logits.shape):
        differences = [float(z - logits[n, k]) for z in logits[n]]
        probs[n, k] = 0.0 if max(differences) > 700 else 1 / math.fsum(math.exp(d) for d in differences)
    return probs


def along(axis):
    def wrong(logits):
        e = np.exp(logits - logits.max())
        return e / e.sum(axis=axis, keepdims=True)

    return wrong


def examine(softmax):
    rng = np.random.default_rng(0)
    far = np.array([[1000.0, 999.0, 998.0], [-1000.0, -1001.0, -998.0], [0.0, 800.0, 1.0], [0.1, 0.2, 0.3]])
    return values(
        softmax,
        reference,
        (np.array([[2.0, 1.0, 0.0], [0.0, 5.0, 1.0]]),),
        (rng.standard_normal((5, 4)),),
        (far,),
        mistakes=(
            Mistake("softmax over the wrong axis", along(0), "Which sums must be 1: those of the rows, or of the columns?"),
            Mistake(
                "softmax over all scores together",
                along(None),
                "Each row is a picture of its own. Along which axis is the sum?",
            ),
            Mistake(
                "not divided by the sum",
                lambda logits: np.exp(logits - logits.max(axis=1, keepdims=True)),
                "What do your rows sum to?",
            ),
            Mistake(
                "not divided by the sum",
                np.exp,
                "What do your rows sum to?",
            ),
            Mistake(
                "exponential missing",
                lambda logits: logits / logits.sum(axis=1, keepdims=True),
                "A score may be negative, a probability not. What makes every score positive first?",
            ),
            Mistake(
                "the columns' maximum",
                lambda logits: along(1)(logits - logits.max(axis=0, keepdims=True)),
                "The same number must be taken off all scores of a row. Which axis does max run along?",
            ),
        ),
    )


# %% [markdown] hint
# Three steps: take the row's largest off, make everything positive, divide by the row's sum. What are they called in NumPy?

# %% [markdown] hint
# `e = np.exp(logits - m)` with `m` of the shape (N, 1). Which sum do you divide `e` by, and which shape must it have to fit?

# %% [markdown] hint
# `m = logits.max(axis=1, keepdims=True)`, then `e` as above, and `probs = e / e.sum(...)` with the same two arguments as max.

# %% [markdown] derivation
# Multiply numerator and denominator by $e^{-m}$: the quotient stays the same, and $e^{z} e^{-m} = e^{z-m}$. With the row's largest logit
# for $m$ all exponents are at most 0, so no $e^{z-m}$ is above 1; one of them is exactly 1, so the sum is at least 1. Maximum and
# sum run along the classes, `axis=1`, and `keepdims=True` keeps them as columns (N, 1) that fit to (N, K).


# %% solution
def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs = e / e.sum(axis=1, keepdims=True)
    return probs


# %% wrong: nan or infinity
def softmax(logits):
    e = np.exp(logits)
    probs = e / e.sum(axis=1, keepdims=True)
    return probs


# %% wrong: nan or infinity
def softmax(logits):
    e = np.exp(logits - logits.max())
    probs = e / e.sum(axis=1, keepdims=True)
    return probs


# %% wrong: softmax over the wrong axis
def softmax(logits):
    e = np.exp(logits - logits.max(axis=0, keepdims=True))
    probs = e / e.sum(axis=0, keepdims=True)
    return probs


# %% wrong: softmax over all scores together
def softmax(logits):
    e = np.exp(logits - logits.max())
    probs = e / e.sum()
    return probs


# %% wrong: could not be broadcast
def softmax(logits):
    e = np.exp(logits - logits.max(axis=1))
    probs = e / e.sum(axis=1)
    return probs


# %% wrong: not divided by the sum
def softmax(logits):
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    return probs


# %% wrong: exponential missing
def softmax(logits):
    probs = logits / logits.sum(axis=1, keepdims=True)
    return probs


# %% wrong: the columns' maximum
def softmax(logits):
    e = np.exp(logits - logits.max(axis=0))
    probs = e / e.sum(axis=1, keepdims=True)
    return probs
