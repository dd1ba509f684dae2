# %% [markdown]
# # The accuracy

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def reference(answers, labels):
    right = 0
    for answer, label in zip(answers, labels, strict=True):
        if answer == label:
            right += 1
    return right / len(labels)


def examine(accuracy):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 40)
    answers = np.where(rng.random(40) < 0.6, labels, rng.integers(0, 10, 40))
    return values(
        accuracy,
        reference,
        (np.array([1, 0, 2, 2]), np.array([1, 0, 1, 2])),
        (answers, labels),
        (labels, labels),
        mistakes=(
            Mistake("counted, not divided", lambda a, y: (a == y).sum(), "How many answers are there in all?"),
            Mistake("per cent", lambda a, y: 100 * (a == y).mean(), "A share is a number between 0 and 1."),
            Mistake("the wrong answers", lambda a, y: (a != y).mean(), "Is that the share of the right ones?"),
            Mistake(
                "all or nothing",
                lambda a, y: float((a == y).all()),
                "One mistake, and yours is 0. What is wanted is a share.",
            ),
            Mistake(
                "divided by 10",
                lambda a, y: (a == y).sum() / 10,
                "Divide by how many answers there are, not how many digits.",
            ),
            Mistake("one for each picture", lambda a, y: a == y, "You have compared them. What makes one number of it?"),
        ),
    )


# %% [markdown] hint
# First: which answers are right? Then: which share is that?

# %% [markdown] hint
# `answers == labels` is an array of True and False. What do `.sum()` and `.mean()` of such an array say?

# %% [markdown] hint
# The mean of True and False is the share of True: `(answers == labels)....`

# %% [markdown] derivation
# `answers == labels` compares entry by entry. As True counts as 1 and False as 0, the sum is the number of right answers, and the
# mean is that number divided by how many there are.


# %% solution
def accuracy(answers, labels):
    return (answers == labels).mean()


# %% wrong: counted, not divided
def accuracy(answers, labels):
    return (answers == labels).sum()


# %% wrong: one for each picture
def accuracy(answers, labels):
    return answers == labels


# %% wrong: the wrong answers
def accuracy(answers, labels):
    return (answers != labels).mean()


# %% wrong: per cent
def accuracy(answers, labels):
    return 100 * (answers == labels).sum() / len(labels)


# %% wrong: all or nothing
def accuracy(answers, labels):
    return 1.0 if (answers == labels).all() else 0.0
