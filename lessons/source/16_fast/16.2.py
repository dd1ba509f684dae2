# %% [markdown]
# # Overlapping windows

# %% check
from scratchnet_lessons.exercises import Mistake, values


def with_strides(strides_of, windows=lambda h, kh: h - kh + 1, rows=lambda kh, k: kh * k):
    def window_view(cols_shape, kh, itemsize):
        h, k, length = cols_shape
        return (windows(h, kh), rows(kh, k), length), strides_of(kh, k, length, itemsize)

    return window_view


def right(kh, k, length, size):
    return k * length * size, length * size, size


def examine(window_view):
    mistakes = (
        Mistake(
            "windows side by side",
            with_strides(lambda kh, k, length, size: (kh * k * length * size, length * size, size)),
            "Your next window begins where the last one ends. In the picture it begins one cols[r] later.",
        ),
        Mistake(
            "next window a row later",
            with_strides(lambda kh, k, length, size: (length * size, length * size, size)),
            "A step along axis 0 is a whole cols[r], which has K rows of L numbers.",
        ),
        Mistake(
            "next row a whole cols later",
            with_strides(lambda kh, k, length, size: (k * length * size, k * length * size, size)),
            "A step along axis 1 is one row of the matrix: L numbers.",
        ),
        Mistake(
            "numbers for bytes",
            with_strides(lambda kh, k, length, size: (k * length, length, 1)),
            "Strides are bytes. How many bytes has one number?",
        ),
        Mistake(
            "one window short",
            with_strides(right, windows=lambda h, kh: h - kh),
            "With H = 3 and KH = 3 there is one window. What does your formula say?",
        ),
        Mistake(
            "as many windows as rows",
            with_strides(right, windows=lambda h, kh: h),
            "The last windows would reach beyond the end of cols, into memory of others. How many windows fit?",
        ),
        Mistake(
            "rows not stacked",
            with_strides(right, rows=lambda kh, k: k),
            "A window is KH matrices of K rows, on top of each other. How many rows has it?",
        ),
    )
    return values(
        window_view, with_strides(right), ((6, 2, 5), 3, 4), ((7, 3, 4), 2, 8), ((3, 5, 2), 3, 4), mistakes=mistakes
    )


# %% [markdown] hint
# How many bytes is a number, how many a row of the matrix, how many a `cols[r]`? Each of the three is the stride of one axis.

# %% [markdown] hint
# `cols` itself has the strides (K·L·itemsize, L·itemsize, itemsize). Which of them changes for the windows? Look at the table: none has to.

# %% [markdown] hint
# `shape = (h - kh + 1, kh * k, length)` and `strides = (k * length * itemsize, ..., itemsize)`.

# %% [markdown] derivation
# The view has the strides of `cols` itself, and another shape: window $i$ begins at `cols[i]`, which is $i \cdot K L \cdot \text{itemsize}$ bytes from the start.
# Its rows lie L numbers apart, and row K of the window is row 0 of `cols[i+1]`, since that follows in memory. So it may have
# KH·K rows, and the last of the H − KH + 1 windows ends where `cols` does.


# %% solution
def window_view(cols_shape, kh, itemsize):
    h, k, length = cols_shape
    shape = (h - kh + 1, kh * k, length)
    strides = (k * length * itemsize, length * itemsize, itemsize)
    return shape, strides


# %% wrong: windows side by side
def window_view(cols_shape, kh, itemsize):
    h, k, length = cols_shape
    shape = (h - kh + 1, kh * k, length)
    strides = (kh * k * length * itemsize, length * itemsize, itemsize)
    return shape, strides


# %% wrong: next window a row later
def window_view(cols_shape, kh, itemsize):
    h, k, length = cols_shape
    shape = (h - kh + 1, kh * k, length)
    strides = (length * itemsize, length * itemsize, itemsize)
    return shape, strides


# %% wrong: numbers for bytes
def window_view(cols_shape, kh, itemsize):
    h, k, length = cols_shape
    shape = (h - kh + 1, kh * k, length)
    strides = (k * length, length, 1)
    return shape, strides


# %% wrong: one window short
def window_view(cols_shape, kh, itemsize):
    h, k, length = cols_shape
    shape = (h - kh, kh * k, length)
    strides = (k * length * itemsize, length * itemsize, itemsize)
    return shape, strides


# %% wrong: as many windows as rows
def window_view(cols_shape, kh, itemsize):
    h, k, length = cols_shape
    shape = (h, kh * k, length)
    strides = (k * length * itemsize, length * itemsize, itemsize)
    return shape, strides
