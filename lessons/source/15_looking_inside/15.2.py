# %% [markdown]
# # Occlusion

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, generic, values


def covering(drop_of, *, fresh=True, corner=lambda i, size: i, blank_of=lambda blank: blank):
    """Occlusion, with what is made of the score before and after."""

    def occlusion(score, image, size, blank):
        h, w = image.shape
        drops, covered = np.zeros((h - size + 1, w - size + 1)), image.copy()
        for i, j in np.ndindex(drops.shape):
            if fresh:
                covered = image.copy()
            for row in range(corner(i, size), corner(i, size) + size):
                for column in range(corner(j, size), corner(j, size) + size):
                    if 0 <= row < h and 0 <= column < w:
                        covered[row, column] = blank_of(blank)
            drops[i, j] = drop_of(score(image), score(covered))
        return drops

    return occlusion


def fall(before, after):
    return before - after


def only_it(score, image, size, blank):
    drops = np.zeros((image.shape[0] - size + 1, image.shape[1] - size + 1))
    for i, j in np.ndindex(drops.shape):
        alone = np.full_like(image, blank)
        alone[i : i + size, j : j + size] = image[i : i + size, j : j + size]
        drops[i, j] = score(image) - score(alone)
    return drops


def one_pixel(score, image, size, blank):
    drops = np.zeros((image.shape[0] - size + 1, image.shape[1] - size + 1))
    for i, j in np.ndindex(drops.shape):
        covered = image.copy()
        covered[i, j] = blank
        drops[i, j] = score(image) - score(covered)
    return drops


def examine(occlusion):
    rng = np.random.default_rng(0)

    def case(h, w, size, blank):
        weights = rng.standard_normal((h, w))

        def score(image):
            return float(np.tanh(weights * image).sum())

        return score, generic((h, w), rng), size, blank

    mistakes = (
        Mistake(
            "squares stay covered",
            covering(fall, fresh=False),
            "How many squares are covered in the last place? Where do you start from a fresh copy of the image?",
        ),
        Mistake(
            "sign flipped",
            covering(lambda before, after: after - before),
            "If the score falls from 10 to 7, the drop is +3. Which one comes first?",
        ),
        Mistake(
            "score instead of its fall",
            covering(lambda before, after: after),
            "You return the score of the covered image. What was it before?",
        ),
        Mistake(
            "covered with 0",
            covering(fall, blank_of=lambda blank: 0.0),
            "What is blank paper in this image? It is handed over: blank.",
        ),
        Mistake(
            "square in another place",
            covering(fall, corner=lambda i, size: i - size // 2),
            "(i, j) is the square's upper left corner. Where does yours begin?",
        ),
        Mistake("one pixel only", one_pixel, "How many rows and columns has the square? A slice covers them all."),
        Mistake("all but the square covered", only_it, "Is the square what you cover, or what you leave?"),
    )
    return values(occlusion, covering(fall), case(5, 4, 2, -0.7), case(4, 6, 3, 0.4), case(3, 3, 1, 0.2), mistakes=mistakes)


# %% [markdown] hint
# Three lines in the loop: a copy, the square in it, the difference of two scores. Which square belongs to place (i, j)?

# %% [markdown] hint
# The square has the rows `i : i + size` and the columns `j : j + size`. The copy has to be made inside of the loop.

# %% [markdown] hint
# `covered = image.copy()`, `covered[i : i + size, ...] = blank`, `drop = score(image) - score(covered)`.

# %% [markdown] derivation
# No gradient, so nothing to derive: the definition, written down. $\text{out}_{ij} = \text{score}(\text{image}) - \text{score}(\text{covered})$, where the rows
# $i .. i + \text{size} - 1$ and the columns $j .. j + \text{size} - 1$ of a fresh copy are blank. `score(image)` is the same in all places, so it may be
# computed once, before the loops.


# %% solution
def occlusion(score, image, size, blank):
    h, w = image.shape
    drops = np.zeros((h - size + 1, w - size + 1))
    for i in range(h - size + 1):
        for j in range(w - size + 1):
            covered = image.copy()
            covered[i : i + size, j : j + size] = blank
            drop = score(image) - score(covered)
            drops[i, j] = drop
    return drops


# %% wrong: input changed in place
def occlusion(score, image, size, blank):
    h, w = image.shape
    drops = np.zeros((h - size + 1, w - size + 1))
    whole = score(image)
    for i in range(h - size + 1):
        for j in range(w - size + 1):
            image[i : i + size, j : j + size] = blank
            drop = whole - score(image)
            drops[i, j] = drop
    return drops


# %% wrong: squares stay covered
def occlusion(score, image, size, blank):
    h, w = image.shape
    drops = np.zeros((h - size + 1, w - size + 1))
    covered = image.copy()
    for i in range(h - size + 1):
        for j in range(w - size + 1):
            covered[i : i + size, j : j + size] = blank
            drop = score(image) - score(covered)
            drops[i, j] = drop
    return drops


# %% wrong: sign flipped
def occlusion(score, image, size, blank):
    h, w = image.shape
    drops = np.zeros((h - size + 1, w - size + 1))
    for i in range(h - size + 1):
        for j in range(w - size + 1):
            covered = image.copy()
            covered[i : i + size, j : j + size] = blank
            drop = score(covered) - score(image)
            drops[i, j] = drop
    return drops


# %% wrong: covered with 0
def occlusion(score, image, size, blank):
    h, w = image.shape
    drops = np.zeros((h - size + 1, w - size + 1))
    for i in range(h - size + 1):
        for j in range(w - size + 1):
            covered = image.copy()
            covered[i : i + size, j : j + size] = 0
            drop = score(image) - score(covered)
            drops[i, j] = drop
    return drops


# %% wrong: score instead of its fall
def occlusion(score, image, size, blank):
    h, w = image.shape
    drops = np.zeros((h - size + 1, w - size + 1))
    for i in range(h - size + 1):
        for j in range(w - size + 1):
            covered = image.copy()
            covered[i : i + size, j : j + size] = blank
            drop = score(covered)
            drops[i, j] = drop
    return drops


# %% wrong: one pixel only
def occlusion(score, image, size, blank):
    h, w = image.shape
    drops = np.zeros((h - size + 1, w - size + 1))
    for i in range(h - size + 1):
        for j in range(w - size + 1):
            covered = image.copy()
            covered[i, j] = blank
            drop = score(image) - score(covered)
            drops[i, j] = drop
    return drops
