# %% [markdown]
# # Strides

# %% check
from scratchnet_lessons.exercises import Mistake, values


def with_steps(step_of):
    """A tuple of what this gives for the lengths before an axis, its own, those behind it, and the itemsize."""

    def strides_of(shape, itemsize):
        return tuple(step_of(shape[:a], shape[a], shape[a + 1 :], itemsize) for a in range(len(shape)))

    return strides_of


def product(lengths):
    result = 1
    for length in lengths:
        result *= length
    return result


def examine(strides_of):
    mistakes = (
        Mistake(
            "numbers for bytes",
            with_steps(lambda before, own, behind, size: product(behind)),
            "You count numbers. How many bytes has one?",
        ),
        Mistake(
            "the first axis fastest",
            with_steps(lambda before, own, behind, size: size * product(before)),
            "In C order the last axis runs fastest. Whose stride is the itemsize?",
        ),
        Mistake(
            "its own length too",
            with_steps(lambda before, own, behind, size: size * own * product(behind)),
            "One step along the last axis goes to the next number. How many bytes is that? Which axes are skipped: those behind.",
        ),
        Mistake(
            "in the reverse order",
            lambda shape, size: with_steps(lambda before, own, behind, size: size * product(behind))(shape, size)[::-1],
            "Which entry of the tuple belongs to the last axis?",
        ),
        Mistake(
            "only the next axis",
            with_steps(lambda before, own, behind, size: size * (behind[0] if behind else 1)),
            "A step along axis 0 skips everything that lies behind it: all axes, not only the next one.",
        ),
        Mistake(
            "a sum for a product",
            with_steps(lambda before, own, behind, size: size * (sum(behind) or 1)),
            "How many numbers has an array of 3 rows and 4 columns?",
        ),
    )
    right = with_steps(lambda before, own, behind, size: size * product(behind))
    return values(strides_of, right, ((2, 3, 4), 4), ((5, 2, 3, 7), 8), ((6,), 2), ((4, 1, 5), 4), mistakes=mistakes)


# %% [markdown] hint
# Begin with the last axis: how many bytes is its step? Then the one before it: how many bytes does it skip?

# %% [markdown] hint
# `np.prod(shape[a + 1 :])` is the product of the lengths behind axis `a` (1 if there are none). You need that for each axis `a`, times the
# itemsize; `int(..)` makes a plain number of it.

# %% [markdown] hint
# `strides = [itemsize * int(np.prod(shape[a + 1 :])) for a in ...]`: for each axis, `range(len(shape))`.

# %% [markdown] derivation
# A step along axis $a$ skips a whole block of the axes behind it, which has $\prod_{c>a}\text{shape}_c$ numbers of `itemsize` bytes. For the last
# axis the product is empty, 1: the next number lies next to it. One can also go from the back and multiply on:
# (2, 3, 4) with 4 bytes gives 4, then 4 · 4 = 16, then 3 · 16 = 48.


# %% solution
def strides_of(shape, itemsize):
    strides = [itemsize * int(np.prod(shape[a + 1 :])) for a in range(len(shape))]
    return tuple(strides)


# %% wrong: numbers for bytes
def strides_of(shape, itemsize):
    strides = [int(np.prod(shape[a + 1 :])) for a in range(len(shape))]
    return tuple(strides)


# %% wrong: the first axis fastest
def strides_of(shape, itemsize):
    strides = [itemsize * int(np.prod(shape[:a])) for a in range(len(shape))]
    return tuple(strides)


# %% wrong: its own length too
def strides_of(shape, itemsize):
    strides = [itemsize * int(np.prod(shape[a:])) for a in range(len(shape))]
    return tuple(strides)


# %% wrong: in the reverse order
def strides_of(shape, itemsize):
    strides, step = [], itemsize
    for length in reversed(shape):
        strides.append(step)
        step *= length
    return tuple(strides)


# %% wrong: only the next axis
def strides_of(shape, itemsize):
    strides = [itemsize * length for length in shape[1:]] + [itemsize]
    return tuple(strides)
