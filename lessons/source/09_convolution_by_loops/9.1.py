# %% [markdown]
# # How many places?

# %% check
from scratchnet_lessons.exercises import Mistake, values


def reference(size, kernel, stride, pad):
    count, begin = 0, 0
    while begin + kernel <= size + 2 * pad:  # it still fits
        count, begin = count + 1, begin + stride
    return count


def examine(places):
    return values(
        places,
        reference,
        (5, 3, 1, 0),
        (7, 3, 2, 1),
        (8, 3, 2, 1),
        (28, 5, 1, 2),
        (28, 5, 4, 2),
        (9, 4, 3, 0),
        (6, 6, 2, 0),
        mistakes=(
            Mistake(
                "the first place is not counted",
                lambda size, kernel, stride, pad: (size + 2 * pad - kernel) // stride,
                "A window as large as the image fits at one place. What does yours say?",
            ),
            Mistake(
                "padding on one side only",
                lambda size, kernel, stride, pad: (size + pad - kernel) // stride + 1,
                "On how many sides of a row are zeros laid?",
            ),
            Mistake(
                "padding forgotten",
                lambda size, kernel, stride, pad: (size - kernel) // stride + 1,
                "How long is the row with its zeros?",
            ),
            Mistake(
                "stride forgotten",
                lambda size, kernel, stride, pad: size + 2 * pad - kernel + 1,
                "With stride 2 the window begins at every second pixel only. How many of these are there?",
            ),
            Mistake(
                "1 added before the division",
                lambda size, kernel, stride, pad: (size + 2 * pad - kernel + 1) // stride,
                "The first place is always there. Count the moves first, by the division, and add 1 at the end.",
            ),
            Mistake(
                "not rounded down",
                lambda size, kernel, stride, pad: (size + 2 * pad - kernel) / stride + 1,
                "There is no half place: / gives a fraction, // rounds down.",
            ),
            Mistake(
                "rounded up",
                lambda size, kernel, stride, pad: -(-(size + 2 * pad - kernel) // stride) + 1,
                "A window that does not fit whole is left out.",
            ),
        ),
    )


# %% [markdown] hint
# How long is the row with the zeros on both its sides? And how far can the window's first pixel get on it?

# %% [markdown] hint
# The row has `size + 2 * pad` pixels, and the window can begin at most at `size + 2 * pad - kernel`. How many moves of `stride` fit
# in there? The place before the first move counts as well.

# %% [markdown] hint
# Moves: `(size + 2 * pad - kernel) // stride`. Places: one more.

# %% [markdown] derivation
# The padded row has $L = \text{size} + 2\,\text{pad}$ pixels. A window that begins at $r$ ends at $r + K - 1$, so it fits if $r \le L - K$. It begins at $0, s,
# 2s, \ldots, ms$, where $m$ is the largest whole number with $ms \le L - K$, that is $m = \lfloor (L - K)/s \rfloor$. Those are $m + 1$ places.


# %% solution
def places(size, kernel, stride, pad):
    return (size + 2 * pad - kernel) // stride + 1


# %% wrong: the first place is not counted
def places(size, kernel, stride, pad):
    return (size + 2 * pad - kernel) // stride


# %% wrong: padding on one side only
def places(size, kernel, stride, pad):
    return (size + pad - kernel) // stride + 1


# %% wrong: padding forgotten
def places(size, kernel, stride, pad):
    return (size - kernel) // stride + 1


# %% wrong: 1 added before the division
def places(size, kernel, stride, pad):
    return (size + 2 * pad - kernel + 1) // stride


# %% wrong: not rounded down
def places(size, kernel, stride, pad):
    return (size + 2 * pad - kernel) / stride + 1


# %% wrong: stride forgotten
def places(size, kernel, stride, pad):
    return size + 2 * pad - kernel + 1


# %% wrong: rounded up
def places(size, kernel, stride, pad):
    return round((size + 2 * pad - kernel) / stride + 0.49) + 1
