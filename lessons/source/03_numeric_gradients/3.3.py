# %% [markdown]
# # The same or not?

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def reference(a, n):
    return bool(np.abs(a - n).max() <= 1e-6 * np.abs(n).max() + 1e-9)


def examine(agree):
    rng = np.random.default_rng(0)
    n = rng.uniform(0.5, 2, (4, 5)) * rng.choice([-1, 1], (4, 5))
    n[0, 0], n[3, 4] = 2.0, 1.0
    one_wrong, cancelling, below, with_zero = n.copy(), n.copy(), n.copy(), n.copy()
    one_wrong[1, 2] += 1e-5
    cancelling[0, 0], cancelling[3, 4] = 2.1, 0.9
    below[2, 2] -= 0.5
    with_zero[1, 1] = 0.0
    return values(
        agree,
        reference,
        (n + 1e-8, n),
        (one_wrong, n),
        (cancelling, n),
        (below, n),
        (-n, n),
        (1e4 * n + 1e-5, 1e4 * n),
        (1e-4 * n + 1e-8, 1e-4 * n),
        (np.zeros(3), np.zeros(3)),
        (with_zero + 1e-8, with_zero),
        (np.array([1e-10, 0, 0]), np.zeros(3)),
        mistakes=(
            Mistake(
                "differences cancel",
                lambda a, n: abs((a - n).sum()) <= 1e-6 * np.abs(n).max() + 1e-9,
                "What is the sum of +1 and -1? Take the size of each difference first.",
            ),
            Mistake(
                "the sign counts",
                lambda a, n: (a - n).max() <= 1e-6 * np.abs(n).max() + 1e-9,
                "A gradient that is far too small passes yours. Which sign has its difference?",
            ),
            Mistake(
                "a mean hides single entries",
                lambda a, n: np.abs(a - n).mean() <= 1e-6 * np.abs(n).max() + 1e-9,
                "One entry in a thousand is wrong. How large is the mean difference?",
            ),
            Mistake(
                "not measured against the gradient",
                lambda a, n: np.abs(a - n).max() <= 1e-6,
                "Is a difference of 1e-5 much, in a gradient of 10 000? And of 1e-8, in one of 0.0001?",
            ),
            Mistake(
                "no absolute tolerance",
                lambda a, n: np.abs(a - n).max() <= 1e-6 * np.abs(n).max(),
                "Two gradients that are 0 up to a last digit are the same. Where is the 1e-9?",
            ),
            Mistake(
                "sizes compared, not entries",
                lambda a, n: abs(np.abs(a).max() - np.abs(n).max()) <= 1e-6 * np.abs(n).max() + 1e-9,
                "Take the difference first, entry by entry, and then its largest size.",
            ),
        ),
    )


# %% [markdown] hint
# The formula has three parts: the largest difference, the size of n, and a comparison. How do you say each with NumPy?

# %% [markdown] hint
# `np.abs(v)` is the size of each entry, `v.max()` the largest entry. Both sides of the $\le$ are one number each.

# %% [markdown] hint
# Left: `np.abs(a - n).max()`. Right: `1e-6 * np.abs(n).max() + 1e-9`. Return whether the left one is `<=` the right one.

# %% [markdown] derivation
# Read the formula from the inside. $a_i - n_i$ is `a - n`, for all entries at once; its size is `np.abs(a - n)`; the largest is
# `.max()`. The tolerance is a millionth of the largest measured slope, plus a billionth for gradients that are zero.


# %% solution
def agree(a, n):
    return np.abs(a - n).max() <= 1e-6 * np.abs(n).max() + 1e-9


# %% wrong: differences cancel
def agree(a, n):
    return abs((a - n).sum()) <= 1e-6 * np.abs(n).max() + 1e-9


# %% wrong: the sign counts
def agree(a, n):
    return (a - n).max() <= 1e-6 * np.abs(n).max() + 1e-9


# %% wrong: a mean hides single entries
def agree(a, n):
    return np.abs(a - n).mean() <= 1e-6 * np.abs(n).max() + 1e-9


# %% wrong: not measured against the gradient
def agree(a, n):
    return np.abs(a - n).max() <= 1e-6


# %% wrong: sizes compared, not entries
def agree(a, n):
    return abs(np.abs(a).max() - np.abs(n).max()) <= 1e-6 * np.abs(n).max() + 1e-9


# %% wrong: no absolute tolerance
def agree(a, n):
    return np.abs(a - n).max() <= 1e-6 * np.abs(n).max()


# %% wrong: wanted True
def agree(a, n):
    return np.array_equal(a, n)
