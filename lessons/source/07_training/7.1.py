# %% [markdown]
# # Batches

# %% check
import functools

import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def reference(n, size, rng):
    order = rng.permutation(n)
    parts, current = [], []
    for index in order:
        current.append(index)
        if len(current) == size:
            parts.append(np.array(current))
            current = []
    if current:
        parts.append(np.array(current))
    return parts


def lists(batches):
    """What it returns as plain lists, which can be compared and printed."""

    @functools.wraps(batches)
    def listed(n, size, rng):
        parts = batches(n, size, rng)
        return None if parts is None else [np.asarray(part).tolist() for part in parts]

    return listed


def in_short(batches):
    """How long the batches are, and whether each index is in one of them."""

    @functools.wraps(batches)
    def said(n, size, rng):
        parts = batches(n, size, rng)
        if parts is None:
            return None
        counts = np.bincount(np.concatenate([np.atleast_1d(part) for part in parts]).astype(int), minlength=n)
        odd = np.flatnonzero(counts != 1)
        lengths = ", ".join(str(np.size(part)) for part in parts)
        return f"lengths {lengths}; " + (f"index {odd[0]} {counts[odd[0]]} times" if len(odd) else "each index once")

    return said


def sliced(starts, shuffled=True):
    def batches(n, size, rng):
        order = rng.permutation(n) if shuffled else np.arange(n)
        return [order[start : start + size] for start in starts(n, size)]

    return batches


def drawn_again(n, size, rng):
    order = rng.permutation(n)
    return [rng.choice(order, size) for _ in range(0, n, size)]


KNOWN = (
    Mistake(
        "last batch left out",
        sliced(lambda n, size: range(0, n - size + 1, size)),
        "Ten images in fours: how many batches are that? Where are the last two images?",
    ),
    Mistake(
        "number and size of the batches confused",
        lambda n, size, rng: np.array_split(rng.permutation(n), size),
        "Shall there be `size` batches, or batches of `size` images?",
    ),
    Mistake(
        "batches overlap",
        sliced(lambda n, size: range(n)),
        "If a batch begins at 0 and has 4 images, where does the next one begin?",
    ),
    Mistake(
        "not shuffled",
        sliced(lambda n, size: range(0, n, size), shuffled=False),
        "Cut the mixed numbers in `order`, not the numbers 0, 1, 2, ..",
    ),
    Mistake(
        "drawn with repetition",
        drawn_again,
        "If each batch is drawn anew, how often does an image have its turn in one epoch?",
    ),
)


def examine(batches):
    cases = [(10, 4, np.random.default_rng(1)), (7, 3, np.random.default_rng(2)), (6, 3, np.random.default_rng(3))]
    known = [mistake._replace(function=in_short(mistake.function)) for mistake in KNOWN]
    yield values(in_short(batches), in_short(reference), *cases, mistakes=tuple(known))
    known = [mistake._replace(function=lists(mistake.function)) for mistake in KNOWN]
    yield values(lists(batches), lists(reference), *cases, mistakes=tuple(known))


# %% [markdown] hint
# At which places of `order` do the batches begin, if there are 10 images and a batch has 4? Which of Python's functions counts
# in such steps?

# %% [markdown] hint
# They begin at 0, 4, 8: `range(0, n, size)` gives just these. Each batch is a slice of `order` that is `size` long.

# %% [markdown] hint
# `parts = [order[start : start + size] for start in range(0, n, size)]`.

# %% [markdown] derivation
# `order` holds each index once, so whatever cuts it into pieces without gaps and overlaps gives each image its turn once. The pieces
# begin at $0, \text{size}, 2 \cdot \text{size}, ..$ as long as that is below $n$, which is `range(0, n, size)`. The last slice may reach beyond the end;
# it then ends there.


# %% solution
def batches(n, size, rng):
    order = rng.permutation(n)
    parts = [order[start : start + size] for start in range(0, n, size)]
    return parts


# %% wrong: last batch left out
def batches(n, size, rng):
    order = rng.permutation(n)
    parts = [order[k * size : (k + 1) * size] for k in range(n // size)]
    return parts


# %% wrong: number and size of the batches confused
def batches(n, size, rng):
    order = rng.permutation(n)
    parts = np.array_split(order, size)
    return parts


# %% wrong: batches overlap
def batches(n, size, rng):
    order = rng.permutation(n)
    parts = [order[start : start + size] for start in range(n)]
    return parts


# %% wrong: not shuffled
def batches(n, size, rng):
    order = rng.permutation(n)
    parts = [np.arange(start, min(start + size, n)) for start in range(0, n, size)]
    return parts


# %% wrong: drawn with repetition
def batches(n, size, rng):
    order = rng.permutation(n)
    parts = [rng.choice(order, size) for _ in range(0, n, size)]
    return parts


# %% wrong: raises ValueError
def batches(n, size, rng):
    order = rng.permutation(n)
    parts = order.reshape(-1, size)
    return parts


# %% wrong: lengths 1, 1, 1
def batches(n, size, rng):
    order = rng.permutation(n)
    parts = [order[start] for start in range(0, n, size)]
    return parts
