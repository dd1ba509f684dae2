# %% [markdown]
# # The central difference

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def reference(f, x, h):
    return (f(x + h) - f(x - h)) / (2 * h)


def examine(slope):
    def cube(x):
        return x**3

    return values(
        slope,
        reference,
        (cube, 2.0, 0.5),
        (np.exp, -1.0, 0.1),
        (np.sin, 1.0, 1e-3),
        mistakes=(
            Mistake(
                "one-sided difference",
                lambda f, x, h: (f(x + h) - f(x)) / h,
                "Where is the point to the left of x?",
            ),
            Mistake(
                "one-sided difference",
                lambda f, x, h: (f(x) - f(x - h)) / h,
                "Where is the point to the right of x?",
            ),
            Mistake(
                "divided by h",
                lambda f, x, h: (f(x + h) - f(x - h)) / h,
                "How far are the two points apart?",
            ),
            Mistake(
                "multiplied by h",
                lambda f, x, h: (f(x + h) - f(x - h)) / 2 * h,
                "Python works a / 2 * h out from left to right. What must stand in brackets?",
            ),
            Mistake(
                "brackets missing",
                lambda f, x, h: f(x + h) - f(x - h) / (2 * h),
                "A division comes before a subtraction. What exactly is to be divided?",
            ),
        ),
    )


# %% [markdown] hint
# You need the value of f at two points, one on each side of x. What are the two points?

# %% [markdown] hint
# The points are `x + h` and `x - h`. A slope is "how much higher" divided by "how far apart". How far apart are they?

# %% [markdown] hint
# They are `2 * h` apart, so the slope is `f(x + h) - f(x - h)`, all of it, divided by `(2 * h)`. Mind the brackets.

# %% [markdown] derivation
# A line through two points rises by $f(x+h) - f(x-h)$ over a distance of $(x+h) - (x-h) = 2h$. Its slope is the quotient:
#
# $$\frac{f(x+h) - f(x-h)}{2h}$$


# %% solution
def slope(f, x, h):
    return (f(x + h) - f(x - h)) / (2 * h)


# %% wrong: one-sided difference
def slope(f, x, h):
    return (f(x + h) - f(x)) / h


# %% wrong: divided by h
def slope(f, x, h):
    return (f(x + h) - f(x - h)) / h


# %% wrong: multiplied by h
def slope(f, x, h):
    return (f(x + h) - f(x - h)) / 2 * h


# %% wrong: brackets missing
def slope(f, x, h):
    return f(x + h) - f(x - h) / (2 * h)


# %% wrong: sign flipped
def slope(f, x, h):
    return (f(x - h) - f(x + h)) / (2 * h)


# %% wrong: it returns nothing
def slope(f, x, h):
    difference = (f(x + h) - f(x - h)) / (2 * h)
