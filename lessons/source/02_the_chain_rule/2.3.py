# %% [markdown]
# # SiLU, backward

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def reference(dout, cache):
    """Measured: the central difference of x * sigmoid(x)."""
    x, h = cache[0], 1e-5
    return dout * ((x + h) * sigmoid(x + h) - (x - h) * sigmoid(x - h)) / (2 * h)


def examine(silu_backward):
    rng = np.random.default_rng(0)

    def case(*shape):
        x = rng.uniform(-3, 3, shape)
        return rng.standard_normal(shape), (x, sigmoid(x))

    return values(
        silu_backward,
        reference,
        (np.array([1.0]), (np.array([2.0]), sigmoid(np.array([2.0])))),
        case(5, 4),
        case(2, 3, 4),
        mistakes=(
            Mistake(
                "one of two ways missing",
                lambda dout, cache: dout * cache[1],
                "x also opens the gate. Which slope comes back on that way?",
            ),
            Mistake(
                "one of two ways missing",
                lambda dout, cache: dout * cache[0] * cache[1] * (1 - cache[1]),
                "x also goes straight into the product. Which slope comes back on that way?",
            ),
            Mistake(
                "the product's slope missing",
                lambda dout, cache: dout * cache[1] + dout * cache[1] * (1 - cache[1]),
                "Before the slope reaches the gate it comes through the product. What is the other factor there?",
            ),
            Mistake(
                "the gate's own slope missing",
                lambda dout, cache: dout * cache[1] + dout * cache[0],
                "That is the slope for s. On the way from s back to x stands the sigmoid: which slope has it?",
            ),
            Mistake(
                "upstream gradient ignored",
                lambda dout, cache: dout * cache[1] + cache[0] * cache[1] * (1 - cache[1]),
                "What comes from above reaches both ways. Is it in both terms?",
            ),
            Mistake(
                "upstream gradient ignored",
                lambda dout, cache: cache[1] + cache[0] * cache[1] * (1 - cache[1]),
                "If the upstream gradient dout were twice as large, what would your result be?",
            ),
            Mistake(
                "the ways are multiplied",
                lambda dout, cache: dout * cache[1] * dout * cache[0] * cache[1] * (1 - cache[1]),
                "Along one way slopes multiply. What happens where two ways meet?",
            ),
            Mistake(
                "the sigmoid of the sigmoid",
                lambda dout, cache: dout * sigmoid(cache[1]) + dout * cache[0] * sigmoid(cache[1]) * (1 - sigmoid(cache[1])),
                "s is the sigmoid of x already: it comes from the cache.",
            ),
        ),
    )


# %% [markdown] hint
# The product has two factors. What is its local slope for the first one, x itself, and what for the second one, the gate?

# %% [markdown] hint
# Straight: the local slope is the other factor, `s`. Through the gate: first the product, whose other factor is `x`, and then the
# sigmoid, whose local slope is `s * (1 - s)`. Along one way slopes multiply.

# %% [markdown] hint
# `straight = dout * s`, and `through_the_gate = dout * x * ...` with the slope of the sigmoid from exercise 2.2.

# %% [markdown] derivation
# $\text{out} = x \cdot s$. For the first factor the local slope is $s$: the straight way gives $\text{dout}\, s$. For the gate it is $x$, so $\text{ds} = \text{dout}\, x$;
# the gate is the sigmoid of $x$, with the slope $s(1 - s)$, which gives $\text{dout}\, x\, s(1-s)$. Two ways, so add:
#
# $$\text{dx} = \text{dout}\, s + \text{dout}\, x\, s\,(1 - s)$$


# %% solution
def silu_backward(dout, cache):
    x, s = cache
    straight = dout * s
    through_the_gate = dout * x * s * (1 - s)
    return straight + through_the_gate


# %% wrong: one of two ways missing
def silu_backward(dout, cache):
    x, s = cache
    straight = dout * s
    through_the_gate = 0
    return straight + through_the_gate


# %% wrong: x also goes straight into the product
def silu_backward(dout, cache):
    x, s = cache
    straight = 0
    through_the_gate = dout * x * s * (1 - s)
    return straight + through_the_gate


# %% wrong: the product's slope missing
def silu_backward(dout, cache):
    x, s = cache
    straight = dout * s
    through_the_gate = dout * s * (1 - s)
    return straight + through_the_gate


# %% wrong: the gate's own slope missing
def silu_backward(dout, cache):
    x, s = cache
    straight = dout * s
    through_the_gate = dout * x
    return straight + through_the_gate


# %% wrong: upstream gradient ignored
def silu_backward(dout, cache):
    x, s = cache
    straight = dout * s
    through_the_gate = x * s * (1 - s)
    return straight + through_the_gate


# %% wrong: the ways are multiplied
def silu_backward(dout, cache):
    x, s = cache
    straight = dout * s
    through_the_gate = dout * x * s * (1 - s)
    return straight * through_the_gate
