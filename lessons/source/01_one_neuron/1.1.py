# %% [markdown]
# # The slope of the mean squared error

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def reference(out, y):
    """Measured: each output moved a little to both sides, all others left where they are."""

    def loss(out):
        return sum((a - b) ** 2 for a, b in zip(out.flat, y.flat, strict=True)) / out.size

    dout = np.zeros(out.shape)
    for i in np.ndindex(out.shape):
        step = np.zeros(out.shape)
        step[i] = 0.5  # the central difference of a square is exact, however large the step
        dout[i] = loss(out + step) - loss(out - step)
    return dout


def examine(loss_backward):
    rng = np.random.default_rng(0)
    return values(
        loss_backward,
        reference,
        (np.array([2.0, 4.0, 6.0]), np.array([1.0, 3.0, 4.0])),
        (rng.standard_normal(7), rng.standard_normal(7)),
        (rng.standard_normal((5, 4)), rng.standard_normal((5, 4))),
        mistakes=(
            Mistake("factor 2 missing", lambda out, y: (out - y) / out.size, "What is the derivative of a square?"),
            Mistake(
                "1/N missing",
                lambda out, y: 2 * (out - y),
                "The loss is a mean. Where is the division in its slope?",
            ),
            Mistake(
                "divided by the rows only",
                lambda out, y: 2 * (out - y) / len(out),
                "len(out) counts rows. How many numbers does an array (N, K) hold, over all of which the mean is taken?",
            ),
            Mistake(
                "sign flipped",
                lambda out, y: 2 * (y - out) / out.size,
                "An output is too large and grows further. Does the loss rise or fall?",
            ),
            Mistake(
                "the square is still there",
                lambda out, y: 2 * (out - y) ** 2 / out.size,
                "The derivative of u**2 is 2 * u. Which power of the difference is left?",
            ),
            Mistake(
                "brackets missing",
                lambda out, y: 2 * out - y / out.size,
                "A product and a quotient come before a difference. What exactly is to be multiplied and divided?",
            ),
            Mistake(
                "the sign is lost",
                lambda out, y: 2 * np.abs(out - y) / out.size,
                "One output is too large, another too small. Must both slopes have the same sign?",
            ),
            Mistake(
                "summed up",
                lambda out, y: 2 * (out - y).sum() / out.size,
                "Each output has a slope of its own. Which shape has the result?",
            ),
            Mistake(
                "summed up",
                lambda out, y: 2 * (out - y).mean(),
                "Each output has a slope of its own. Which shape has the result?",
            ),
        ),
    )


# %% [markdown] hint
# Only one term of the loss contains out[n]: its square, divided by the number of terms. What is the derivative of that?

# %% [markdown] hint
# The derivative of u² is 2u, with `out - y` for u. NumPy takes the difference of all entries at once. By what do you divide?

# %% [markdown] hint
# `2 * (out - y) / ...`, and the missing number is how many entries `out` has: `out.size`.

# %% [markdown] derivation
# $$\text{loss} = \frac{1}{NK} \sum_{n,k} (\text{out}_{nk} - y_{nk})^2$$
#
# Move one output, $\text{out}_{nk}$. All other terms of the sum stay as they are; this one is $u^2$ with $u = \text{out}_{nk} - y_{nk}$, and $u$ moves
# exactly as the output does. So the slope is $2u$, times the factor in front: $\frac{2}{NK} (\text{out}_{nk} - y_{nk})$. `out.size` is $N$ for an array
# of one axis, and $NK$ for one of two.


# %% solution
def loss_backward(out, y):
    return 2 * (out - y) / out.size


# %% wrong: factor 2 missing
def loss_backward(out, y):
    return (out - y) / out.size


# %% wrong: 1/N missing
def loss_backward(out, y):
    return 2 * (out - y)


# %% wrong: divided by the rows only
def loss_backward(out, y):
    return 2 / len(out) * (out - y)


# %% wrong: sign flipped
def loss_backward(out, y):
    return 2 * (y - out) / out.size


# %% wrong: the square is still there
def loss_backward(out, y):
    return 2 * (out - y) ** 2 / out.size


# %% wrong: brackets missing
def loss_backward(out, y):
    return 2 * out - y / out.size


# %% wrong: summed up
def loss_backward(out, y):
    return 2 * np.mean(out - y)
