# %% [markdown]
# # The gradient on its way

# %% check
import itertools
import math

import numpy as np

from scratchnet_lessons.exercises import Mistake, values


class Times:
    """A dense layer without anything around it."""

    def __init__(self, w):
        self.w = w

    def backward(self, dout, cache):
        return dout * cache @ self.w.T, {}

    def __repr__(self):
        return f"dense {self.w.shape}"


def rms(dx):
    return math.sqrt(sum(float(value) ** 2 for value in dx.ravel()) / dx.size)


def walking(size, *, hand_on=True, turn=True):
    """The loop, with this number for a layer's dout and dx."""

    def gradient_sizes(layers, caches, dlogits):
        sizes, dout = [], dlogits
        for index in range(len(layers) - 1, -1, -1):
            dx, _ = layers[index].backward(dout, caches[index])
            sizes.append(size(dx, dout))
            dout = dx if hand_on else dout
        return np.array(sizes[::-1] if turn else sizes)

    return gradient_sizes


def examine(gradient_sizes):
    rng = np.random.default_rng(0)

    def case(*widths):
        layers = [Times(rng.standard_normal(shape)) for shape in itertools.pairwise(widths)]
        caches = [rng.uniform(0.5, 2, width) for width in widths[1:]]
        return layers, caches, rng.standard_normal((5, widths[-1]))

    def as_array(layers, caches, dlogits):
        return np.array(gradient_sizes(layers, caches, dlogits), dtype=np.float64)

    as_array.__name__ = gradient_sizes.__name__
    hand_on = "Which array is the dout of the layer before? Print dout's shape in each turn of the loop."
    kept = walking(lambda dx, dout: rms(dx), hand_on=False)
    mistakes = (
        Mistake("not handed on", kept, hand_on),
        Mistake("not handed on", walking(lambda dx, dout: rms(dx), hand_on=False, turn=False), hand_on),
        Mistake(
            "not turned round",
            walking(lambda dx, dout: rms(dx), turn=False),
            "The loop starts at the last layer. In which order do the sizes stand, and in which are they wanted?",
        ),
        Mistake(
            "sum for mean",
            walking(lambda dx, dout: rms(dx) * math.sqrt(dx.size)),
            "A norm grows with the number of entries. Root of the *mean* of the squares: what does a typical entry measure?",
        ),
        Mistake(
            "root missing",
            walking(lambda dx, dout: rms(dx) ** 2),
            "What is the size of an array whose entries are all 3? It should be 3.",
        ),
        Mistake(
            "signs cancel",
            walking(lambda dx, dout: dx.mean()),
            "What is the mean of 3 and -3? Is that how large they are?",
        ),
        Mistake(
            "size of dout",
            walking(lambda dx, dout: rms(dout)),
            "A layer takes dout and gives dx. Which of the two did you measure?",
        ),
        Mistake(
            "mean of absolute values", walking(lambda dx, dout: np.abs(dx).mean()), "Square, mean, root: in this order."
        ),
    )
    right = walking(lambda dx, dout: rms(dx))
    return values(as_array, right, case(4, 3, 5, 2), case(3, 3, 3), mistakes=mistakes)


# %% [markdown] hint
# Three blanks: the size of dx, what the layer before takes as its dout, and the order of the list. By which layer does the loop
# start?

# %% [markdown] hint
# The RMS goes from the inside to the outside: square dx, take the mean, then the root. What a layer gives, the layer before it takes.

# %% [markdown] hint
# `size = np.sqrt((dx**2).mean())`, `dout = dx`, and the list turned round, `sizes[::-1]`.

# %% [markdown] derivation
# A layer's dx is the loss's gradient for its input, and that input is the output of the layer before: so it is that one's dout.
# $\text{rms} = \sqrt{\frac1{\text{size}}\sum \text{dx}^2}$ is `np.sqrt((dx**2).mean())`. The loop begins with the last layer, so the list has to be turned
# round at the end.


# %% solution
def gradient_sizes(layers, caches, dlogits):
    sizes = []
    dout = dlogits
    for layer, cache in zip(reversed(layers), reversed(caches), strict=True):
        dx, _ = layer.backward(dout, cache)
        size = np.sqrt((dx**2).mean())
        sizes.append(size)
        dout = dx  # for the layer before
    in_order = sizes[::-1]
    return in_order


# %% wrong: not handed on
def gradient_sizes(layers, caches, dlogits):
    sizes = []
    dout = dlogits
    for layer, cache in zip(reversed(layers), reversed(caches), strict=True):
        dx, _ = layer.backward(dout, cache)
        size = np.sqrt((dx**2).mean())
        sizes.append(size)
        dout = dlogits  # for the layer before
    in_order = sizes[::-1]
    return in_order


# %% wrong: not turned round
def gradient_sizes(layers, caches, dlogits):
    sizes = []
    dout = dlogits
    for layer, cache in zip(reversed(layers), reversed(caches), strict=True):
        dx, _ = layer.backward(dout, cache)
        size = np.sqrt((dx**2).mean())
        sizes.append(size)
        dout = dx  # for the layer before
    in_order = sizes
    return in_order


# %% wrong: sum for mean
def gradient_sizes(layers, caches, dlogits):
    sizes = []
    dout = dlogits
    for layer, cache in zip(reversed(layers), reversed(caches), strict=True):
        dx, _ = layer.backward(dout, cache)
        size = np.linalg.norm(dx)
        sizes.append(size)
        dout = dx  # for the layer before
    in_order = sizes[::-1]
    return in_order


# %% wrong: root missing
def gradient_sizes(layers, caches, dlogits):
    sizes = []
    dout = dlogits
    for layer, cache in zip(reversed(layers), reversed(caches), strict=True):
        dx, _ = layer.backward(dout, cache)
        size = (dx**2).mean()
        sizes.append(size)
        dout = dx  # for the layer before
    in_order = sizes[::-1]
    return in_order


# %% wrong: signs cancel
def gradient_sizes(layers, caches, dlogits):
    sizes = []
    dout = dlogits
    for layer, cache in zip(reversed(layers), reversed(caches), strict=True):
        dx, _ = layer.backward(dout, cache)
        size = dx.mean()
        sizes.append(size)
        dout = dx  # for the layer before
    in_order = sizes[::-1]
    return in_order


# %% wrong: size of dout
def gradient_sizes(layers, caches, dlogits):
    sizes = []
    dout = dlogits
    for layer, cache in zip(reversed(layers), reversed(caches), strict=True):
        dx, _ = layer.backward(dout, cache)
        size = np.sqrt((dout**2).mean())
        sizes.append(size)
        dout = dx  # for the layer before
    in_order = sizes[::-1]
    return in_order
