# %% [markdown]
# # The numeric gradient of an array

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def reference(f, x, h):
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[i] = h
        g[i] = (f(x + step) - f(x - step)) / (2 * h)
    return g


def all_at_once(f, x, h):
    return np.full(x.shape, (f(x + h) - f(x - h)) / (2 * h))


def one_sided(f, x, h):
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[i] = h
        g[i] = (f(x + step) - f(x)) / h
    return g


def rows_at_once(f, x, h):
    if x.ndim == 0:
        return reference(f, x, h)
    g = np.zeros(x.shape)
    for i in range(len(x)):
        step = np.zeros(x.shape)
        step[i] = h
        g[i] = (f(x + step) - f(x - step)) / (2 * h)
    return g


def examine(numeric_gradient):
    rng = np.random.default_rng(0)

    def waves(x):  # every entry has a slope of its own, which depends on where it is
        return float(np.sum(np.sin(x) * np.arange(1, x.size + 1).reshape(x.shape)))

    def products(x):  # entries depend on each other
        return float(np.prod(x))

    return values(
        numeric_gradient,
        reference,
        (waves, rng.uniform(-1, 1, 5), 0.1),
        (waves, rng.uniform(-1, 1, (2, 3)), 1e-3),
        (products, rng.uniform(0.5, 1.5, (2, 1, 2)), 0.1),
        (waves, np.array(0.3), 1e-3),
        mistakes=(
            Mistake("all entries moved at once", all_at_once, "Only x[i] moves. Make a copy of x and add h to its entry i."),
            Mistake("one-sided difference", one_sided, "Move the entry to the left as well, and divide by 2 * h."),
            Mistake("a whole row moved at once", rows_at_once, "What is x[i] if x has two axes and i is one number?"),
        ),
    )


# %% [markdown] hint
# What you want for one `i` is exercise 3.1 again, with f as a function of the one number `x[i]`. Which two arrays do you have
# to give to f?

# %% [markdown] hint
# Make two copies of x: `right = x.copy()` and `left = x.copy()`. Add h to entry `i` of the one and take h off entry `i` of the
# other. All other entries stay.

# %% [markdown] hint
# After `right[i] += h` and `left[i] -= h` the slope is `(f(right) - f(left)) / (2 * h)`. Store it in `g[i]`, inside of the loop;
# make the copies inside of the loop too, so that each entry starts from the same x.

# %% [markdown] derivation
# Hold all entries but $x_i$ fixed. Then $f$ is a function of one number, and its slope is measured as in 3.1. Doing that for
# each $i$, always starting from the same $x$, gives one slope for each entry: an array of x's shape. Copies keep x as it is;
# an entry that was moved in x itself would have to be put back exactly, and $(x + h) - h$ is not always $x$ in floating point.


# %% solution
def numeric_gradient(f, x, h=1e-5):
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        right, left = x.copy(), x.copy()
        right[i] += h
        left[i] -= h
        g[i] = (f(right) - f(left)) / (2 * h)
    return g


# %% wrong: all entries moved at once
def numeric_gradient(f, x, h=1e-5):
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        g[i] = (f(x + h) - f(x - h)) / (2 * h)
    return g


# %% wrong: input changed in place
def numeric_gradient(f, x, h=1e-5):
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        x[i] += h
        up = f(x)
        x[i] -= 2 * h
        g[i] = (up - f(x)) / (2 * h)
    return g


# %% wrong: integer arithmetic
def numeric_gradient(f, x, h=1e-5):
    g = np.zeros(x.shape, int)
    for i in np.ndindex(x.shape):
        right, left = x.copy(), x.copy()
        right[i] += h
        left[i] -= h
        g[i] = (f(right) - f(left)) / (2 * h)
    return g


# %% wrong: a whole row moved at once
def numeric_gradient(f, x, h=1e-5):
    g = np.zeros(x.shape)
    if x.ndim == 0:
        return np.array((f(x + h) - f(x - h)) / (2 * h))
    for i in range(len(x)):
        right, left = x.copy(), x.copy()
        right[i] += h
        left[i] -= h
        g[i] = (f(right) - f(left)) / (2 * h)
    return g


# %% wrong: one-sided difference
def numeric_gradient(f, x, h=1e-5):
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        moved = x.copy()
        moved[i] += h
        g[i] = (f(moved) - f(x)) / h
    return g


# %% wrong: all zero
def numeric_gradient(f, x, h=1e-5):
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        right = left = x.copy()
        right[i] += h
        left[i] -= h
        g[i] = (f(right) - f(left)) / (2 * h)
    return g
