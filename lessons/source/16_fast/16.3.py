# %% [markdown]
# # The gradient from shards

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def mean_gradient(x, labels):
    """Of the mean of (sum x_n - label_n)^2 / 2 for a weight that multiplies each column of x."""
    return sum((row.sum() - label) * row for row, label in zip(x, labels, strict=True)) / len(x)


def put_together(weight_of, last_only=False):
    def sharded_gradient(gradient_of, x, labels, shards):
        total = 0.0
        for part, own in zip(np.array_split(x, shards), np.array_split(labels, shards), strict=True):
            share = weight_of(len(part), len(x), shards) * gradient_of(part, own)
            total = share if last_only else total + share
        return total

    return sharded_gradient


def whole(gradient_of, x, labels, shards):
    return gradient_of(x, labels)


def examine(sharded_gradient):
    rng = np.random.default_rng(0)

    def case(n, d, shards):
        return mean_gradient, rng.standard_normal((n, d)), rng.standard_normal(n), shards

    mistakes = (
        Mistake(
            "sum of the shards",
            put_together(lambda part, n, shards: 1),
            "Two shards with the means 2 and 4.5: is the mean of all 6.5?",
        ),
        Mistake(
            "all shards alike",
            put_together(lambda part, n, shards: 1 / shards),
            "A shard of three images and one of two: do they count alike? Weight each with its share of the batch.",
        ),
        Mistake(
            "not divided by the batch",
            put_together(lambda part, n, shards: part),
            "The weights of all shards should add up to 1. What do yours add up to?",
        ),
        Mistake(
            "only the last shard",
            put_together(lambda part, n, shards: part / n, last_only=True),
            "= or +=? What has become of the shards before?",
        ),
        Mistake(
            "divided twice",
            put_together(lambda part, n, shards: 1 / n),
            "gradient_of is a mean already, over its part. By how many images was it divided, by how many should it be?",
        ),
        Mistake(
            "turned upside down",
            put_together(lambda part, n, shards: n / part),
            "The share of a shard is less than 1: its images of all images.",
        ),
    )
    return values(sharded_gradient, whole, case(5, 2, 2), case(7, 3, 4), case(6, 2, 3), mistakes=mistakes, tolerance=1e-9)


# %% [markdown] hint
# Which part of the batch does this shard stand for? Multiply its gradient with that, and add.

# %% [markdown] hint
# `len(part) / len(x)` is the shard's share. `gradient_of(part, part_labels)` is its gradient. What happens to the `total` of before?

# %% [markdown] hint
# `total = total + len(part) / len(x) * ...`

# %% [markdown] derivation
# The batch's gradient is $\frac1N\sum_n g_n$. Split the sum into the shards' sums; the sum over shard $s$ is $N_s$ times its mean $\bar g_s$. So it
# is $\frac1N\sum_s N_s\,\bar g_s = \sum_s \frac{N_s}{N}\,\bar g_s$. In the library `dloss` is $N_s/N$ from the start, which comes to the same: the
# backward pass is linear in it.


# %% solution
def sharded_gradient(gradient_of, x, labels, shards):
    total = 0.0
    for part, part_labels in zip(np.array_split(x, shards), np.array_split(labels, shards), strict=True):
        total = total + len(part) / len(x) * gradient_of(part, part_labels)
    return total


# %% wrong: sum of the shards
def sharded_gradient(gradient_of, x, labels, shards):
    total = 0.0
    for part, part_labels in zip(np.array_split(x, shards), np.array_split(labels, shards), strict=True):
        total = total + gradient_of(part, part_labels)
    return total


# %% wrong: all shards alike
def sharded_gradient(gradient_of, x, labels, shards):
    total = 0.0
    for part, part_labels in zip(np.array_split(x, shards), np.array_split(labels, shards), strict=True):
        total = total + gradient_of(part, part_labels) / shards
    return total


# %% wrong: only the last shard
def sharded_gradient(gradient_of, x, labels, shards):
    total = 0.0
    for part, part_labels in zip(np.array_split(x, shards), np.array_split(labels, shards), strict=True):
        total = len(part) / len(x) * gradient_of(part, part_labels)
    return total


# %% wrong: not divided by the batch
def sharded_gradient(gradient_of, x, labels, shards):
    total = 0.0
    for part, part_labels in zip(np.array_split(x, shards), np.array_split(labels, shards), strict=True):
        total = total + len(part) * gradient_of(part, part_labels)
    return total


# %% wrong: divided twice
def sharded_gradient(gradient_of, x, labels, shards):
    total = 0.0
    for part, part_labels in zip(np.array_split(x, shards), np.array_split(labels, shards), strict=True):
        total = total + gradient_of(part, part_labels) / len(x)
    return total
