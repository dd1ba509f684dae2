# %% [markdown]
# # Dense, forward

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def reference(x, w, b):
    (n_rows, n_in), n_out = x.shape, w.shape[1]
    out = np.zeros((n_rows, n_out), x.dtype)
    for n in range(n_rows):
        for m in range(n_out):
            out[n, m] = b[m] + sum(x[n, d] * w[d, m] for d in range(n_in))
    return out, (x, w)


def examine(dense_forward):
    rng = np.random.default_rng(0)

    def case(n, d, m):
        return rng.standard_normal((n, d)), rng.standard_normal((d, m)), rng.standard_normal(m)

    return values(
        dense_forward,
        reference,
        case(5, 4, 3),
        case(1, 2, 6),
        case(4, 4, 4),
        mistakes=(
            Mistake("bias forgotten", lambda x, w, b: (x @ w, (x, w)), "Which argument does your function not use?"),
            Mistake(
                "bias inside of the product",
                lambda x, w, b: (x @ (w + b), (x, w)),
                "Is the bias multiplied by the inputs? Which comes first, the product or the sum?",
            ),
            Mistake(
                "bias subtracted",
                lambda x, w, b: (x @ w - b, (x, w)),
                "Which sign has b in the formula?",
            ),
        ),
    )


# %% [markdown] hint
# The sum in the formula runs over j: the last index of x, and the first of w. What is such a sum of products called?

# %% [markdown] hint
# It is a matrix product, which NumPy writes `@`. With the shapes (N, D) and (D, M), which one comes first?

# %% [markdown] hint
# `x @ w` is (N, M); add `b`, and NumPy adds it to every row.

# %% [markdown] derivation
# $\sum_j x_{nj} w_{jm}$ sums over the last index of x and the first of w, so it is entry $(n, m)$ of the matrix product `x @ w`. The
# bias is the same for all rows: `+ b` adds the vector (M,) to each row of (N, M).


# %% solution
def dense_forward(x, w, b):
    out = x @ w + b
    return out, (x, w)


# %% wrong: bias forgotten
def dense_forward(x, w, b):
    out = x @ w
    return out, (x, w)


# %% wrong: bias inside of the product
def dense_forward(x, w, b):
    out = x @ (w + b)
    return out, (x, w)


# %% wrong: raises ValueError
def dense_forward(x, w, b):
    out = w @ x + b
    return out, (x, w)


# %% wrong: could not be broadcast
def dense_forward(x, w, b):
    out = x * w + b
    return out, (x, w)


# %% wrong: wanted 2 things
def dense_forward(x, w, b):
    out = x @ w + b
    return out


# %% wrong: result 2, part 1 has shape
def dense_forward(x, w, b):
    out = x @ w + b
    return out, (out, w)
