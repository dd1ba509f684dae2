# %% [markdown]
# # Mend the data

# %% check
import numpy as np

from scratchnet_lessons.exercises import Comparison, Mistake, attempt, values


def prepared(images):
    x = np.zeros((len(images), 1, *images.shape[1:]), np.float32)
    for n, i, j in np.ndindex(images.shape):
        x[n, 0, i, j] = int(images[n, i, j]) / 255
    return x


def look_at_order(shuffled):
    rng = np.random.default_rng(0)
    images = np.arange(40, dtype=np.uint8)[:, None, None] + np.zeros((1, 2, 3), np.uint8)  # image n is full of n
    labels = np.arange(40) // 4  # and belongs to class n // 4
    given, failed = attempt(shuffled, images, labels, rng)
    if failed is not None:
        return failed

    def wrong(problem, name="", hint=""):
        return Comparison("shuffled", "40 images and their labels", problem, name, hint)

    if not isinstance(given, tuple) or len(given) != 2:
        return wrong("it must return two things, images and labels", hint="Leave the return line as it is.")
    x, y = (np.asarray(part) for part in given)
    if x.shape != images.shape or y.shape != labels.shape:
        return wrong(
            f"images and labels are {x.shape} and {y.shape}, wanted {images.shape} and {labels.shape}", "wrong shape"
        )
    which = x[:, 0, 0].astype(int)
    if not np.array_equal(y, which // 4):
        n = int((y != which // 4).argmax())
        said = f"at place {n} stands an image of a {which[n] // 4} with the label {y[n]}"
        return wrong(said, "images and labels apart", "How often is an order drawn? Both need the same one.")
    if len(set(which)) < len(images):
        return wrong(
            f"of 40 images {len(set(which))} are left, some of them twice",
            "drawn with replacement",
            "permutation draws each number once.",
        )
    if np.array_equal(which, np.arange(40)):
        return wrong("they are in the order in which they came", "not shuffled", "Index both with a random order.")
    same, other = (attempt(shuffled, images, labels, np.random.default_rng(seed))[0][0] for seed in (0, 1))
    if not np.array_equal(same, x) or np.array_equal(other, x):
        return wrong("the order does not come from rng", "not from rng", "Draw from the rng that is handed in.")
    return Comparison("shuffled", calls=2)


def examine(prepare_digits, shuffled):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 4, 5)).astype(np.uint8)
    return [
        values(
            prepare_digits,
            prepared,
            (images,),
            (images[:1, :2, :3],),
            mistakes=(
                Mistake(
                    "not scaled",
                    lambda images: images[:, None].astype(np.float32),
                    "What is the largest byte? It is to become 1.",
                ),
                Mistake(
                    "whole numbers",
                    lambda images: (images[:, None] // 255).astype(np.float32),
                    "// cuts fractions off: nearly all pixels become 0.",
                ),
                Mistake(
                    "float64", lambda images: images[:, None] / 255, "Networks are trained in float32: astype(np.float32)."
                ),
                Mistake(
                    "divided by 256",
                    lambda images: images[:, None].astype(np.float32) / 256,
                    "The largest byte is 255. What becomes of it?",
                ),
                Mistake(
                    "scaled by the batch",
                    lambda images: images[:, None].astype(np.float32) / images.max(),
                    "The same pixel must become the same number in every batch.",
                ),
            ),
            tolerance=1e-6,
        ),
        look_at_order(shuffled),
    ]


# %% [markdown] hint
# prepare_digits: which is the largest byte, and what should it become? shuffled: how many random orders does the sick one draw, and how many are wanted?

# %% [markdown] hint
# Divide the float32 numbers by the largest byte. In shuffled call `rng.permutation` once, keep what it returns in a variable, and index with it twice.

# %% [markdown] hint
# `x = images[:, None].astype(np.float32) / 255`. And `order = rng.permutation(len(images))`, then `images[order]` and the same for labels.

# %% [markdown] derivation
# Bytes run from 0 to 255, so dividing by 255 maps them to 0 .. 1, always by the same number. float32 has to come first, or NumPy computes in float64.
#
# `images[order]` is an array whose entry $n$ is image `order[n]`. With one order for both, entry $n$ of the labels is the label of that very image. Two calls of `permutation` give two
# orders, and each image gets some other image's label.


# %% solution
def prepare_digits(images):
    x = images[:, None].astype(np.float32) / 255
    return x


def shuffled(images, labels, rng):
    order = rng.permutation(len(images))
    images = images[order]
    labels = labels[order]
    return images, labels


# %% wrong: not scaled
def prepare_digits(images):
    x = images[:, None].astype(np.float32)
    return x


def shuffled(images, labels, rng):
    order = rng.permutation(len(images))
    images = images[order]
    labels = labels[order]
    return images, labels


# %% wrong: images and labels apart
def prepare_digits(images):
    x = images[:, None].astype(np.float32) / 255
    return x


def shuffled(images, labels, rng):
    order = rng.permutation(len(images))
    images = images[rng.permutation(len(images))]
    labels = labels[rng.permutation(len(labels))]
    return images, labels


# %% wrong: whole numbers
def prepare_digits(images):
    x = (images[:, None] // 255).astype(np.float32)
    return x


def shuffled(images, labels, rng):
    order = rng.permutation(len(images))
    images = images[order]
    labels = labels[order]
    return images, labels


# %% wrong: float64
def prepare_digits(images):
    x = images[:, None] / 255
    return x


def shuffled(images, labels, rng):
    order = rng.permutation(len(images))
    images = images[order]
    labels = labels[order]
    return images, labels


# %% wrong: images and labels apart
def prepare_digits(images):
    x = images[:, None].astype(np.float32) / 255
    return x


def shuffled(images, labels, rng):
    order = rng.permutation(len(images))
    images = images[order]
    labels = labels
    return images, labels


# %% wrong: not from rng
def prepare_digits(images):
    x = images[:, None].astype(np.float32) / 255
    return x


def shuffled(images, labels, rng):
    order = np.random.default_rng(0).permutation(len(images))
    images = images[order]
    labels = labels[order]
    return images, labels


# %% wrong: drawn with replacement
def prepare_digits(images):
    x = images[:, None].astype(np.float32) / 255
    return x


def shuffled(images, labels, rng):
    order = rng.integers(0, len(images), len(images))
    images = images[order]
    labels = labels[order]
    return images, labels


# %% wrong: scaled by the batch
def prepare_digits(images):
    x = images[:, None].astype(np.float32) / images.max()
    return x


def shuffled(images, labels, rng):
    order = rng.permutation(len(images))
    images = images[order]
    labels = labels[order]
    return images, labels


# %% wrong: wrong shape
def prepare_digits(images):
    x = images.astype(np.float32) / 255
    return x


def shuffled(images, labels, rng):
    order = rng.permutation(len(images))
    images = images[order]
    labels = labels[order]
    return images, labels
